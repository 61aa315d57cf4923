"""Two agents and three people work in the same paragraph: at the end every word that was written stands there once, or
was taken out by somebody, and the studio and all browsers hold the same text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import TimeoutError

from tests.conftest import ServedStudio

from .desk import Desk, until
from .test_offline import invitation, text_of
from .test_suggesting import suggesting

Person = Callable[..., Desk]
PLAIN = "Every keeper knows that winter comes before the lamps are filled and nobody can say when ships return."


class Agent:
    """An agent as a program sees the studio: it suggests, streams and amends, over HTTP."""

    def __init__(self, studio: ServedStudio, canvas: dict[str, Any], name: str) -> None:
        made = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", name)
        self.client = studio.client(made.stdout.strip())
        self.canvas, self.name = canvas["id"], name
        self.page = canvas["pages"][0]["id"]
        self.made: list[str] = []

    def act(self, **action: Any) -> dict[str, Any] | None:
        """Do something; None where somebody was faster."""
        answer = self.client.post(f"/api/canvases/{self.canvas}/actions", json=action)
        assert answer.status_code in (200, 409, 422), answer.text
        return answer.json() if answer.status_code == 200 else None

    def text(self) -> str:
        return self.client.get(f"/api/canvases/{self.canvas}/pages/{self.page}/text").text

    def step(self, pick: random.Random, word: str) -> None:
        """Something an agent does with one new word; every word that it makes is new."""
        words = re.findall(r"[a-z]+[0-9]*", self.text())
        if len(words) < 3:
            return
        at = pick.choice(words)
        kind = pick.randrange(4)
        if kind == 0 and self.made:
            self.act(type="amend", suggestion=pick.choice(self.made), hunks=[{"replace": f" {word}"}])
        elif kind == 1:
            begun = self.act(type="suggest", page=self.page, hunks=[{"find": at, "replace": ""}], streaming=True)
            if begun:
                for piece in (word[:2], word[2:]):
                    self.act(type="extend", suggestion=begun["id"], text=piece)
                self.act(type="finish", suggestion=begun["id"])
        else:
            done = self.act(type="suggest", page=self.page, hunks=[{"find": at, "replace": f"{at} {word}"}])
            if done and kind == 2:
                self.made.append(done["id"])


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]+[0-9]*", text))


def person_step(desk: Desk, pick: random.Random, word: str) -> set[str]:
    """Something a person does at the keyboard, or with a card; the words that they took off their screen by it."""
    before = words_of(desk.content.inner_text())
    if not _do(desk, pick, word):
        return set()
    desk.page.wait_for_timeout(400)
    return before - words_of(desk.content.inner_text())


def _do(desk: Desk, pick: random.Random, word: str) -> bool:
    """Do it; whether that can take words away."""
    page = desk.page
    kind = pick.randrange(8)
    if kind < 4:  # a word between two words
        desk.content.focus()
        page.keyboard.press("Control+Home")
        for _ in range(pick.randrange(14)):
            page.keyboard.press("Control+ArrowRight")
        page.keyboard.type(f" {word}")
    elif kind == 4:  # a word less
        desk.content.focus()
        page.keyboard.press("Control+Home")
        for _ in range(2 + pick.randrange(8)):
            page.keyboard.press("Control+ArrowRight")
        page.keyboard.press("Control+Backspace")
    elif kind == 5:
        desk.content.focus()
        page.keyboard.press("Control+z")
    else:
        name = "Accept" if pick.randrange(3) else "Reject"
        button = desk.cards.get_by_role("button", name=re.compile(f"^({name}|Take [A-Z])$")).first
        if button.count() and button.is_enabled():
            button.click(timeout=2000)
    return kind in (4, 5)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_agents_and_three_people_in_one_paragraph(
    studio: ServedStudio, person: Person, seed: int, request: pytest.FixtureRequest
) -> None:
    canvas = studio.canvas(PLAIN)
    pick = random.Random(seed)
    agents = [Agent(studio, canvas, "Muse"), Agent(studio, canvas, "Scribe")]
    request.addfinalizer(lambda: [agent.client.close() for agent in agents])
    people = [person(), person(), person()]
    for desk, name, role in zip(people, ("Ada", "Ben", "Cleo"), ("editor", "editor", "commenter"), strict=True):
        desk.join(invitation(studio, canvas, role), name)
    suggesting(people[1])
    written: list[str] = []
    gone: set[str] = set()
    typed: set[str] = set()
    for number in range(60):
        word = f"neu{number}"
        written.append(word)
        who = pick.choice([*agents, *people])
        if isinstance(who, Agent):
            who.step(pick, word)
            continue
        try:
            gone |= person_step(who, pick, word)
            typed |= {word} & words_of(who.content.inner_text())
        except TimeoutError:
            pass  # a card that somebody else has just decided about is no longer there
    for desk in people:
        desk.saved()

    # Everybody leaves suggesting and sees the same text, which is the studio's.
    people[1].page.get_by_role("button", name="Writing", exact=True).click()
    truth = until(lambda: text_of(studio, canvas))
    for desk in people[:2]:
        until(lambda desk=desk: desk.text() == text_of(studio, canvas))
    assert truth == text_of(studio, canvas)
    once(truth, written)

    # A word is gone only where somebody took it out: by key, or by taking a suggestion that has it not.
    with studio.client() as owner:
        hunks = [
            hunk
            for record in owner.get(f"/api/canvases/{canvas['id']}").json()["suggestions"]
            for hunk in record["hunks"]
        ]
    proposed = {word for hunk in hunks for word in words_of(hunk["replace"] + " " + hunk.get("proposed", ""))}
    replaced = {word for hunk in hunks if hunk["status"] == "accepted" for word in words_of(hunk["quote"])}
    assert (words_of(PLAIN) | typed) - words_of(truth) - gone - replaced - proposed == set()

    # What is still proposed can be taken, and still nothing is there twice.
    with studio.client() as owner:
        answer = owner.post(f"/api/canvases/{canvas['id']}/actions", json={"type": "accept_all"})
        assert answer.status_code in (200, 409), answer.text
    after = text_of(studio, canvas)
    for desk in people[:2]:
        until(lambda desk=desk: desk.text() == after)
    once(after, written)


def once(text: str, written: list[str]) -> None:
    for word in [*written, *words_of(PLAIN)]:
        assert len(re.findall(rf"\b{word}\b", text)) <= 1, f"{word} is there twice: {text}"
