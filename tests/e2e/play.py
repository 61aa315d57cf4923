"""A play in one live document: a co-author drafts, a critic comments, the co-author revises, a line editor polishes,
and a person decides.

The studio and the browsers are real; what the agents say was written for it and comes over the wire from a scripted
provider. `scripts/together.py` keeps it as the example of docs/examples/together.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, expect

from tests.conftest import ServedStudio
from tests.models.fake_provider import FakeProvider, Turn

from .desk import Desk

TITLE = "The first bell"
TEXT = """# The lamp room

Oda carried the last of the oil up at dusk. The keeper before her had left a kettle, a ledger, and a rule painted on \
the wall in tar: *Never answer the first bell.*

She had kept it for nine winters without asking why.
"""
ASKED = "Write the paragraph in which the first bell rings, and she understands what it is."
DRAFT = """Tonight the first bell rang at the hour when no boat is out. She put down the oil and counted, as she \
always did, to sixty. It rang again. It was suddenly very clear to her that it was not a boat at all, and that it had \
never been a boat: somebody below was ringing to be let in, and had been ringing, politely, for nine winters."""
TELLS = (
    "“It was suddenly very clear to her” tells us that she understands and keeps from us how. Let her hear the thing "
    "that gives it away, and the sentence can go."
)
BURIED = (
    "“politely” is the best word here, and it is buried between two commas. End on it, or on the winters; not on both."
)
MEANWHILE = "Whatever changes: keep “politely”. And she never panics, she counts."
REVISED = """Tonight the first bell rang at the hour when no boat is out. She put down the oil and counted, as she \
always did, to sixty. It rang again, and this time she heard what came before it: a step on the gravel, the small \
cough of someone making up their mind. No boat had ever coughed. Somebody below was ringing to be let in, and had been \
ringing for nine winters, politely."""
ANSWERS = (
    "She hears the step and the cough now, and nobody says that it is clear.",
    "It is the last word now. The winters come just before it.",
)
POLISHED = """Tonight the first bell rang at an hour when no boat is out. She set the oil down and counted to sixty. \
It rang again, and this time she heard what came before it: a step on the gravel, the small cough of someone making up \
their mind. No boat had ever coughed. Somebody below was ringing to be let in, and had been ringing for nine winters, \
politely."""
THANKS = "The cough is what it needed. I take it."
STAYS = "Then it stays. I liked that one, too."

Shoot = Callable[[str, Desk], None]


class Scripts:
    """What the agents do, by who is asked and for what. Each turn ends when its gate is opened, to be looked at."""

    def __init__(self, provider: FakeProvider) -> None:
        self.gates = {part: threading.Event() for part in ("draft", "critique", "revise", "polish")}
        self.page = ""
        provider.pace = 0.005
        provider.script = [self.answer]

    def answer(self, body: dict[str, Any]) -> Turn:
        said = "\n".join(_text(message) for message in body["messages"] if message["role"] == "user")
        called = sum(1 for message in body["messages"] if message["role"] == "tool")
        about = (re.findall(r"suggestion (\w{16})", said) or [""])[0]
        threads = re.findall(r"Comment in thread (\w{16})", said)
        if THANKS in said:  # a co-author answers where it has spoken
            return Turn(STAYS)
        if "Propose it as one suggestion" in said:
            insert = {"page": self.page, "text": f"\n{DRAFT}\n", "reason": "The bell, and what it is."}
            return self._turn("draft", called, [[("insert", insert)]], "The paragraph is at the end of the page.")
        if "comment on that suggestion" in said:
            calls = [[("comment_on_suggestion", {"suggestion": about, "text": text})] for text in (TELLS, BURIED)]
            return self._turn("critique", called, calls, "Two remarks; the rest holds.")
        if "Work over suggestion" in said:
            calls = [
                [("amend", {"suggestion": about, "replace": f"\n{REVISED}\n"})],
                [("reply", {"thread": id, "text": text}) for id, text in zip(threads, ANSWERS, strict=False)],
            ]
            return self._turn("revise", called, calls, "Both remarks are worked in.")
        if "line by line" in said:
            calls = [[("amend", {"suggestion": about, "replace": f"\n{POLISHED}\n"})]]
            return self._turn("polish", called, calls, "Three small changes.")
        return Turn("There is nothing to do.")

    def _turn(self, part: str, called: int, calls: list[list[tuple[str, Any]]], last: str) -> Turn:
        done = 0
        for step in calls:
            if called <= done:
                return Turn(calls=step)
            done += len(step)
        return Turn(last, wait=self.gates[part])


class Play:
    """The stage: one canvas, and two people in it."""

    def __init__(
        self,
        studio: ServedStudio,
        provider: FakeProvider,
        nadia: Desk,
        tomas: Desk,
        shoot: Shoot = lambda name, desk: None,
    ) -> None:
        self.scripts = Scripts(provider)
        self.nadia, self.tomas = nadia, tomas
        self.shoot = shoot
        nadia.set_up(f"{studio.url}/?setup={studio.setup}", "Nadia")
        with studio.client() as client:
            pages = [{"title": "The lamp room", "text": TEXT, "kind": "prose"}]
            made = client.post("/api/canvases", json={"title": TITLE, "pages": pages}).json()
            self.canvas: str = made["id"]
            self.page = self.scripts.page = made["pages"][0]["id"]
            share = client.post(f"/api/canvases/{self.canvas}/shares", json={"role": "editor"}).json()["url"]
        self.client = studio.client
        self.studio = studio
        nadia.open(f"{studio.url}/c/{self.canvas}")
        tomas.join(share, "Tomas")

    def view(self) -> dict[str, Any]:
        with self.studio.client() as client:
            return client.get(f"/api/canvases/{self.canvas}").json()

    @property
    def suggestion(self) -> dict[str, Any]:
        (one,) = self.view()["suggestions"]
        return one

    def rounds(self) -> list[dict[str, Any]]:
        """The newest first."""
        with self.studio.client() as client:
            return client.get(f"/api/canvases/{self.canvas}/rounds").json()["rounds"]

    def round(self) -> dict[str, Any]:
        return self.rounds()[0]

    def strip(self, desk: Desk) -> Locator:
        return desk.page.get_by_role("region", name="Round: Draft, critique, revise")

    def turn(self, desk: Desk, at: int) -> Locator:
        return self.strip(desk).locator("ol.turns > li").nth(at)

    def card(self, desk: Desk) -> Locator:
        return desk.card(has_text="The bell, and what it is.")

    # -- the acts

    def begin(self) -> None:
        """Nadia puts the caret at the end of the page and asks for a round."""
        page = self.nadia.page
        self.nadia.content.click()
        page.keyboard.press("Control+End")
        page.keyboard.press("Control+Alt+r")
        dialog = page.get_by_role("dialog", name="Let several agents work on this")
        dialog.get_by_label("What should they make?").fill(ASKED)
        expect(dialog.get_by_role("radio", name="Draft, critique, revise")).to_be_checked()
        self.shoot("1-begin", self.nadia)
        dialog.get_by_role("button", name="Begin").click()
        expect(dialog).to_be_hidden()

    def draft(self) -> None:
        """The co-author drafts; both people see where it works and what it proposes."""
        for desk in (self.nadia, self.tomas):
            expect(self.turn(desk, 0)).to_have_attribute("aria-current", "step", timeout=30_000)
            expect(self.card(desk)).to_be_visible(timeout=30_000)
            expect(desk.page.locator(".working-name")).to_have_attribute("data-name", "Co-author is working here")
        self.card(self.nadia).click()
        self.shoot("2-draft", self.nadia)
        self.scripts.gates["draft"].set()

    def critique(self) -> None:
        """The critic comments on the draft; Tomas says something that the next turn is to know."""
        for desk in (self.nadia, self.tomas):
            expect(self.turn(desk, 1)).to_have_attribute("aria-current", "step", timeout=30_000)
        self.card(self.tomas).click()
        talk = self.card(self.tomas).get_by_role("list", name="Comments on this suggestion")
        expect(talk).to_contain_text(TELLS, timeout=30_000)
        expect(talk).to_contain_text(BURIED, timeout=30_000)
        self.shoot("3-critique", self.tomas)
        strip = self.strip(self.tomas)
        strip.get_by_role("button", name="Say").click()
        strip.get_by_label("Say something to the next turns").fill(MEANWHILE)
        self.tomas.page.keyboard.press("Enter")
        expect(strip.get_by_label("Say something to the next turns")).to_be_hidden()
        self.scripts.gates["critique"].set()

    def revise(self) -> None:
        """The co-author works the comments in, and answers each."""
        expect(self.turn(self.nadia, 2)).to_have_attribute("aria-current", "step", timeout=30_000)
        card = self.card(self.nadia)
        for answer in ANSWERS:
            expect(card).to_contain_text(answer, timeout=30_000)
        expect(card).to_contain_text("No boat had ever coughed.")
        self.shoot("4-revise", self.nadia)
        self.scripts.gates["revise"].set()

    def polish(self) -> None:
        """The line editor goes over the sentences, in the co-author's suggestion."""
        expect(self.turn(self.nadia, 3)).to_have_attribute("aria-current", "step", timeout=30_000)
        expect(self.card(self.nadia)).to_contain_text("She set the oil down", timeout=30_000)
        self.shoot("5-polish", self.nadia)
        self.scripts.gates["polish"].set()
        expect(self.strip(self.nadia)).to_contain_text("Done. Now you decide.", timeout=30_000)

    def decide(self) -> None:
        """Tomas answers the critic, and Nadia takes the paragraph."""
        card = self.card(self.tomas)
        card.get_by_role("button", name="Reply to Critic").first.click()
        card.get_by_role("textbox", name="Reply to Critic").fill(THANKS)
        self.tomas.page.keyboard.press("Enter")
        expect(self.card(self.nadia)).to_contain_text(THANKS)
        expect(self.card(self.nadia)).to_contain_text(STAYS, timeout=30_000)
        self.card(self.nadia).get_by_role("button", name="Accept").click()
        expect(self.card(self.nadia)).to_have_count(0)
        self.shoot("6-decide", self.nadia)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
