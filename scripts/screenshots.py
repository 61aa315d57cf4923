"""Takes the pictures of the README and the docs in docs/images from a running studio: `make screenshots`; with `story`
or `tasks` behind it only those of the one or the other.

A studio in a folder of its own, two people in two browsers, and a story. What the co-author says here was written for
the picture, so that it does not change with every model; it comes in by the same actions that an agent takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from studiolo.rooms.protocol import AwarenessEntry, awareness  # noqa: E402
from tests.conftest import ServedStudio, serve  # noqa: E402
from tests.e2e.conftest import QUIET  # noqa: E402
from tests.e2e.desk import Desk, until  # noqa: E402
from tests.models.fake_provider import FakeProvider, Turn  # noqa: E402

IMAGES = ROOT / "docs" / "images"
LARGEST = 400_000  # bytes of one picture
AGENT_COLOR = "#9048fc"

STORY = Path(__file__).with_suffix(".md")
DESKTOP = (1440, 960)
SCALE = 4 / 3  # pixels of a picture for one on the screen

PROOF = """---
name: Proof before print
description: Reads a chapter as a printer would, asks what it does not know, and proposes what it would mend.
title: "Proof of {page}"
inputs:
  page: {label: Page, kind: page}
agents: [critic, co-author]
steps:
  - {id: read, do: ask_agent, title: "Reads {page} aloud", agent: critic, page: "{page}"}
  - id: ask
    do: ask_people
    title: Asks what it cannot know
    question: "The harbour master signs for eleven geese. Do they come back with the tide, as the boy does?"
    choices: [They come last, They never come]
  - {id: mend, do: ask_agent, title: Proposes what it would mend, agent: co-author, page: "{page}"}
  - {id: praise, do: ask_agent, title: Says what should stay as it is, agent: critic, page: "{page}"}
---
Before a chapter goes to print.

## read
READ IT ALOUD.

## mend
MEND IT.

## praise
PRAISE IT.
"""


class Studio:
    """A studio with one story in it, and the two people who write it."""

    def __init__(self, served: ServedStudio, browser: Browser) -> None:
        self.served = served
        self.browser = browser
        made = served.cli("token", "create", "--role", "commenter", "--agent", "--name", "Co-author")
        self.agent_token = made.stdout.strip()
        with served.client(self.agent_token) as agent:
            assert agent.patch("/api/me", json={"color": AGENT_COLOR}).status_code == 200
        self.nadia = self.desk(*DESKTOP)
        self.nadia.set_up(f"{served.url}/?setup={served.setup}", "Nadia")
        self.canvas, self.pages = self.write()
        self.chapter = self.pages["The ledger"]
        self.tomas = self.desk(*DESKTOP)
        self.tomas.join(self.act_as_nadia("shares", {"role": "editor"})["url"], "Tomas")

    def desk(self, width: int, height: int, **options: Any) -> Desk:
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=SCALE,
            color_scheme="light",
            reduced_motion="reduce",
            **options,
        )
        return Desk(context.new_page())

    def write(self) -> tuple[str, dict[str, str]]:
        """Import the story as Nadia; the canvas's id, and its pages' ids by title."""
        story = FilePayload(name=STORY.name, mimeType="text/markdown", buffer=STORY.read_bytes())
        done = self.nadia.page.context.request.post(
            f"{self.served.url}/api/canvases/import",
            multipart={"files": story, "title": "The tide clerk"},
            headers={"Origin": self.served.url},
        )
        assert done.ok, done.text()
        made = done.json()
        return made["id"], {page["title"]: page["id"] for page in made["pages"]}

    def post(self, desk: Desk, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post as the person at a desk, with the session of their browser."""
        done = desk.page.context.request.post(
            f"{self.served.url}/api/canvases{path}", data=body, headers={"Origin": self.served.url}
        )
        assert done.ok, done.text()
        return done.json()

    def act_as_nadia(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.post(self.nadia, f"/{self.canvas}/{what}", body)

    def act_as_tomas(self, action: dict[str, Any]) -> dict[str, Any]:
        return self.post(self.tomas, f"/{self.canvas}/actions", action)

    def act_as_agent(self, action: dict[str, Any]) -> dict[str, Any]:
        with self.served.client(self.agent_token) as agent:
            done = agent.post(f"/api/canvases/{self.canvas}/actions", json=action)
        assert done.status_code == 200, done.text
        return done.json()

    def talk(self) -> None:
        """A comment with an answer, and a conversation with the co-author."""
        comment = {"type": "comment", "page": self.chapter, "quote": "like a parcel that has been told to wait"}
        thread = self.act_as_tomas({**comment, "text": "This is the best line in the chapter. Nobody touch it."})
        self.act_as_nadia("actions", {"type": "reply", "thread": thread["id"], "text": "It stays."})
        ask = "@Co-author Which of her lies should the tide bring back first?"
        self.act_as_nadia("actions", {"type": "say", "text": ask})
        self.act_as_agent(
            {
                "type": "say",
                "text": "The **bishop**. He is the only one who could thank her for being written down. The geese "
                "are funnier, and so they should come last.",
                "quotes": [
                    {"page": self.chapter, "quote": "small lies: a piano, a bishop, eleven geese", "found": True},
                    {"page": self.chapter, "quote": "There was no column for a question.", "found": True},
                ],
            }
        )
        self.act_as_tomas({"type": "say", "text": "Eleven of them. In a row."})

    def shorten(self) -> None:
        """A rewrite of the harbour master's sentence, as the words that change."""
        changes = {
            "a very old custom": "an old custom",
            "it was really quite important that somebody": "somebody",
            "should keep it up": "had to keep it up",
            "each month without reading": "every page unread",
        }
        self.act_as_agent(
            {
                "type": "suggest",
                "page": self.chapter,
                "skill": "rewrite",
                "reason": "He is a man of few words.",
                "hunks": [{"find": find, "replace": replace} for find, replace in changes.items()],
            }
        )

    def take_part(self) -> None:
        """Tomas writes a sentence, and Nadia takes what the co-author made of the harbour master's."""
        self.put_caret(self.tomas, "He signed those too", 20)
        self.tomas.page.keyboard.press("End")
        self.tomas.type(" The bishop, he signed twice.")
        self.tomas.saved()
        card = self.nadia.card(has_text="He is a man of few words.")
        card.get_by_role("button", name="Accept all").click()
        expect(card).to_have_count(0)

    def pile_up(self) -> None:
        """What waits in the inbox: a fact, something out of date, a question, a matter of taste."""
        notes = [{"text": "The notes", "page": self.pages["Notes"], "quote": "The key is still in the lock."}]
        facts = {"find": "with its key still in the lock", "replace": "with two keys still in the lock"}
        drier = {"find": "quite dry, with his hands folded", "replace": "dry, his hands folded"}
        parcel = {"find": "she stood for a while with the pencil", "replace": "she stood with the pencil"}
        for page, reason, hunk, evidence in (
            ("The ledger", "The boy will need the second one.", facts, notes),
            ("The ledger", "“Quite” twice on a page.", drier, []),
            ("Low water", "Say it once.", {"find": "or at their shoes", "replace": "or their shoes"}, []),
            ("The ledger", "Shorter.", parcel, []),
        ):
            suggestion = {"type": "suggest", "page": self.pages[page], "reason": reason, "hunks": [hunk]}
            self.act_as_agent({**suggestion, "evidence": evidence} if evidence else suggestion)
        waits = {"find": "stood for a while with", "replace": "waited, and held"}
        self.act_as_tomas({"type": "edit", "page": self.chapter, "hunks": [waits]})
        asks = {"type": "comment", "page": self.pages["Low water"], "quote": "with one bag, against advice"}
        self.act_as_tomas({**asks, "text": "@Nadia Whose advice? Does the bag come back?"})

    def go_on(self, line: ClientConnection) -> None:
        """The co-author is at the end of the chapter, in the middle of a sentence; it is here until its line ends."""
        here = AwarenessEntry(client=7, clock=1, state={"page": self.chapter, "status": "writing"})
        line.send(awareness([here]))
        started = self.act_as_agent(
            {
                "type": "suggest",
                "page": self.chapter,
                "skill": "continue",
                "streaming": True,
                "hunks": [{"find": "", "before": "The rest of us are coming in on the tide.”", "replace": ""}],
            }
        )
        said = "\n\nBehind him the water drew back from the stones,"
        self.act_as_agent({"type": "extend", "suggestion": started["id"], "text": said})

    def open(self, desk: Desk) -> None:
        desk.open(f"{self.served.url}/c/{self.canvas}/{self.chapter}")
        expect(desk.content).to_contain_text("Every evening at slack water")

    def put_caret(self, desk: Desk, line: str, right: int) -> None:
        """So many characters into a paragraph."""
        desk.page.locator(".cm-line", has_text=line).click(position={"x": 2, "y": 12})
        desk.page.keyboard.press("Home")
        for _ in range(right):
            desk.page.keyboard.press("ArrowRight")


def picture(page: Page, name: str, **clip: Any) -> None:
    """Take it, and say how large it is."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, caret="initial", **clip)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size // 1000} kB")
    if size > LARGEST:
        raise SystemExit(f"{name}.png is larger than {LARGEST // 1000} kB: give it less to show, or fewer pixels.")


def in_both(page: Page, name: str) -> None:
    picture(page, name)
    page.emulate_media(color_scheme="dark")
    picture(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")


def take(served: ServedStudio, browser: Browser) -> None:
    studio = Studio(served, browser)
    nadia, tomas = studio.nadia, studio.tomas
    studio.talk()
    studio.shorten()
    studio.open(nadia)
    studio.open(tomas)
    studio.put_caret(tomas, "Most days it was little", 26)
    studio.put_caret(nadia, "He signed those too", 20)
    expect(nadia.people.get_by_role("button")).to_have_count(2)

    # Reviewing: no talk beside it, the rewrite chosen.
    nadia.page.set_viewport_size({"width": 1240, "height": 860})
    nadia.page.get_by_role("button", name="Close the conversation").click()
    nadia.card(has_text="He is a man of few words.").get_by_role("button", name="Co-author").click()
    expect(nadia.page.locator("article.card.active")).to_have_count(1)
    in_both(nadia.page, "review")

    # The canvas with everything on it, while the co-author writes on.
    nadia.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    nadia.page.get_by_role("button", name="Conversation", exact=True).click()
    studio.put_caret(nadia, "He signed those too", 20)
    with connect(served.sync_url(studio.canvas, studio.agent_token)) as line:
        studio.go_on(line)
        until(lambda: "from the stones," in (nadia.content.text_content() or ""))
        in_both(nadia.page, "canvas")
        phone = studio.desk(390, 760, has_touch=True, is_mobile=True, storage_state=nadia.page.context.storage_state())
        studio.open(phone)
        phone.page.get_by_role("button", name="Next suggestion or comment").click()
        phone.page.emulate_media(color_scheme="dark")
        picture(phone.page, "phone")

    # Who wrote what, and how one passage came there.
    nadia.page.set_viewport_size({"width": 1240, "height": 860})
    nadia.page.get_by_role("button", name="Close the conversation").click()
    studio.take_part()
    nadia.command("Show who wrote what")
    nadia.page.get_by_text("every page unread", exact=True).click()
    nadia.page.keyboard.press("Control+Alt+w")
    expect(nadia.page.get_by_role("dialog")).to_contain_text("Co-author")
    nadia.page.get_by_role("button", name="Dismiss").click()
    picture(nadia.page, "authors")

    studio.pile_up()
    nadia.page.goto(f"{served.url}/inbox")
    expect(nadia.page.locator("[data-reading]")).to_contain_text("Whose advice?")
    nadia.page.keyboard.press("j")
    expect(nadia.page.locator("[data-reading]")).to_contain_text("The boy will need the second one.")
    picture(nadia.page, "inbox")


def work(provider: FakeProvider, home: Path, browser: Browser) -> None:
    """Tasks: one that is done, one that asks, one at work, and what begins by itself."""
    (home / "tasks").mkdir()
    (home / "tasks" / "proof.md").write_text(PROOF, encoding="utf-8")
    holds = threading.Event()
    slow: list[str] = []

    def answer(body: dict[str, Any]) -> Turn:
        said = str(body["messages"])
        if "READ IT ALOUD" in said:
            return Turn(
                "Two sentences stumble; one wants a breath.", wait=holds if any(s in said for s in slow) else None
            )
        return Turn("The door, the key, and “There was no column for a question.”" if "PRAISE" in said else "Nothing.")

    provider.script = [answer]
    openai = {
        "OPENAI_API_KEY": "sk-none",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "STUDIOLO_MODEL": "openai:fake-model",
    }
    served = serve(home, openai)
    try:
        studio = Studio(served, browser)
        page = studio.nadia.page

        def tasks(*states: str) -> list[dict[str, Any]]:
            with served.client() as owner:
                found = owner.get(f"/api/canvases/{studio.canvas}/tasks").json()["tasks"]
            return [task for task in found if task["state"] in states]

        def begin(title: str) -> None:
            studio.act_as_nadia("tasks", {"kind": "proof", "inputs": {"page": studio.pages[title]}})

        begin("Low water")
        until(lambda: tasks("waiting"), 60)
        [asks] = tasks("waiting")
        studio.act_as_nadia(
            "schedules",
            {
                "kind": "continue-story",
                "inputs": {"page": studio.chapter},
                "title": "The next scene",
                "words": "every weekday at 8",
                "zone": "Europe/Berlin",
                "budget": {"tokens": 2_000_000, "seconds": 3600, "money": 0.5},
            },
        )
        with served.client() as owner:
            owner.post(
                f"/api/tasks/{asks['id']}/answer", json={"card": asks["cards"][0]["id"], "answer": "They come last"}
            )
        until(lambda: tasks("done"), 60)
        begin("The ledger")
        until(lambda: tasks("waiting"), 60)
        slow.append(studio.pages["What the sea owed"])
        begin("What the sea owed")
        until(lambda: tasks("running"), 60)
        page.set_viewport_size({"width": 1240, "height": 860})
        page.goto(f"{served.url}/tasks")
        expect(page.get_by_role("region", name="At work")).to_be_visible()
        picture(page, "tasks")
        page.get_by_role("region", name="Waits for you").get_by_role("link").click()
        expect(page.get_by_role("group", name="It asks")).to_be_visible()
        picture(page, "task")
    finally:
        holds.set()
        served.stop()


def main() -> None:
    browser_path = os.environ.get("STUDIOLO_BROWSER")
    if not browser_path:
        found = subprocess.run([ROOT / "scripts" / "browser.sh", "--find"], capture_output=True, text=True, check=False)
        browser_path = found.stdout.strip() or None
    IMAGES.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    wanted = sys.argv[1:] or ["story", "tasks"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=QUIET)
        try:
            if "story" in wanted:
                with tempfile.TemporaryDirectory() as home:
                    served = serve(Path(home))
                    try:
                        take(served, browser)
                    finally:
                        served.stop()
            if "tasks" in wanted:
                with tempfile.TemporaryDirectory() as home, FakeProvider() as provider:
                    work(provider, Path(home), browser)
        finally:
            browser.close()
    print(f"done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
