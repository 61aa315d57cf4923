"""A scripted reviewer works through 50 mixed suggestions: how many presses it takes, and how long.

The same 50 proposals on the same text, and for each the same verdict: taken, turned down, taken with a word changed, or
decided wrongly first and then set right. In the studio it works by keyboard in the inbox, one item after the other. The
peer is what open editors give for one whole proposal, CodeMirror's merge view: the proposed text, with a button to
accept and one to reject at each change. A press is a key or a click; a change of words is typed in both.

Whoever scripts does not think, so the seconds are what the program needs: from the first press until all is decided.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from bench.browser import bare_page, browser_path
from bench.review.plan import Plan, shown
from bench.rooms.compare import Section
from bench.rooms.documents import SEED
from studiolo.canvas.diff import rewrite_hunks
from tests.conftest import ServedStudio, serve
from tests.e2e import novel
from tests.e2e.conftest import QUIET
from tests.e2e.desk import Desk

TITLE = "A reviewer and 50 mixed suggestions"

Verdict = Literal["accept", "reject", "edit", "accept after a slip", "reject after a slip"]
MIX: dict[Verdict, int] = {"accept": 26, "reject": 12, "edit": 6, "accept after a slip": 3, "reject after a slip": 3}

MERGE = """
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { getChunks, unifiedMergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'

window.open = ({ was, now }) => {
  const view = new EditorView({
    parent: document.body,
    state: EditorState.create({
      doc: now,
      extensions: [
        history(), keymap.of([...historyKeymap, ...defaultKeymap]), EditorView.lineWrapping,
        unifiedMergeView({ original: was, mergeControls: true, diffConfig: { scanLimit: 100000 } }),
      ],
    }),
  })
  const chunk = (sentence) => {
    const at = view.state.doc.toString().indexOf(sentence)
    return getChunks(view.state).chunks.find(({ fromB, endB }) => fromB <= at && at <= endB)
  }
  window.text = () => view.state.doc.toString()
  window.left = () => getChunks(view.state).chunks.length
  // The reviewer's eyes: brings a change onto the screen and says where its buttons are.
  window.look = (sentence) =>
    view.dispatch({ effects: EditorView.scrollIntoView(chunk(sentence).fromB, { y: 'center' }) })
  window.place = (words) => {
    const at = view.state.doc.toString().indexOf(words) + words.indexOf('truly')
    const { left, top, bottom } = view.coordsAtPos(at + 1, 1)
    return { x: left, y: (top + bottom) / 2 }
  }
}
"""


@dataclass(frozen=True)
class Proposal:
    """A sentence of the text, what is proposed for it, and what the reviewer makes of it."""

    was: str
    now: str
    verdict: Verdict

    @property
    def taken(self) -> str:
        """What the text says in the end."""
        if self.verdict == "edit":
            return self.now.replace("truly", "surely")
        return self.now if self.verdict.startswith("accept") else self.was


@dataclass
class Hands:
    """Presses keys and the mouse in a page, and counts."""

    page: Page
    presses: int = 0

    def press(self, key: str) -> None:
        self.presses += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.presses += len(text)
        self.page.keyboard.type(text)

    def click(self, x: float, y: float, times: int = 1) -> None:
        self.presses += times
        self.page.mouse.click(x, y, click_count=times)


def run(plan: Plan) -> Section:
    text, proposals = mixed()
    wanted = text
    for one in proposals:
        wanted = wanted.replace(one.was, one.taken)
    found: dict[str, list[tuple[int, float]]] = {"Studiolo": [], "CodeMirror merge view": []}
    with tempfile.TemporaryDirectory() as folder, bare_page(Path(folder), MERGE) as merge, chromium() as browser:
        for _ in range(min(plan.rounds, 3)):
            with tempfile.TemporaryDirectory() as home:
                studio = serve(Path(home))
                try:
                    found["Studiolo"].append(in_the_inbox(studio, browser, text, proposals, wanted))
                finally:
                    studio.stop()
            found["CodeMirror merge view"].append(in_merge_view(merge, browser, text, proposals, wanted))
    lines = ["| | presses | seconds |", "|---|---|---|"]
    for name, rounds in found.items():
        lines.append(f"| {name} | {rounds[0][0]} | {shown([one[1] for one in rounds])} |")
    ours, theirs = (rounds for rounds in found.values())
    seconds = statistics.median(a[1] for a in ours) / statistics.median(b[1] for b in theirs)
    lines += [
        "",
        f"- presses: **{ours[0][0] / theirs[0][0]:.2f}** of the merge view's; seconds: **{seconds:.2f}** of its.",
        "- An acceptance cannot be taken back in the merge view: the reviewer, who sees it, rejects first there.",
    ]
    return Section(lines)


def mixed() -> tuple[str, list[Proposal]]:
    """A chapter and what is proposed to it, in the order of the text."""
    random = Random(SEED)
    paragraphs = [part for part in "\n\n".join(novel.parts()[4:40]).split("\n\n") if 200 < len(part) < 900]
    text = "\n\n".join(re.sub(r"\s+", " ", part) for part in paragraphs[: 2 * sum(MIX.values())])
    verdicts: list[Verdict] = [verdict for verdict, many in MIX.items() for _ in range(many)]
    random.shuffle(verdicts)
    proposals: list[Proposal] = []
    for paragraph, verdict in zip(text.split("\n\n")[::2], verdicts, strict=True):
        words = paragraph.split(" ")
        at = len(words) // 2
        was = " ".join(words[at - 4 : at + 4])
        changed = [*words[at - 4 : at], "truly", *words[at : at + 4]]
        proposals.append(Proposal(was, " ".join(changed), verdict))
        assert text.count(was) == 1
    return text, proposals


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until a condition holds; what is measured must not be how often it is looked at."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.002)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=QUIET)
        yield browser
        browser.close()


def in_merge_view(
    address: str, browser: Browser, text: str, proposals: list[Proposal], wanted: str
) -> tuple[int, float]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    now = text
    for one in proposals:
        now = now.replace(one.was, one.now)
    page.evaluate("(given) => open(given)", {"was": text, "now": now})
    assert page.evaluate("left()") == len(proposals), page.evaluate("left()")
    hands = Hands(page)
    began = time.monotonic()
    for number, one in enumerate(proposals):
        page.evaluate("(sentence) => look(sentence)", one.now)
        left = len(proposals) - number

        shown_as = one.taken if one.verdict == "edit" else one.now

        def decide(verb: str, left: int = left, shown_as: str = shown_as) -> None:
            first = page.locator(f".cm-chunkButtons button[name={verb}]").first
            if not first.count():  # it has scrolled away with the edit
                page.evaluate("(sentence) => look(sentence)", shown_as)
            hands.presses += 1
            first.click()
            until(lambda: page.evaluate("left()") == left - 1)

        if one.verdict == "edit":
            hands.click(**page.evaluate("(words) => place(words)", one.now), times=2)
            hands.type("surely")
        if "after a slip" in one.verdict:
            decide("reject")
            hands.press("Control+z")
            until(lambda left=left: page.evaluate("left()") == left)
        decide("reject" if one.verdict.startswith("reject") else "accept")
    seconds = time.monotonic() - began
    assert page.evaluate("text()") == wanted
    page.close()
    return hands.presses, seconds


def in_the_inbox(
    studio: ServedStudio, browser: Browser, text: str, proposals: list[Proposal], wanted: str
) -> tuple[int, float]:
    with studio.client() as owner:
        page = {"title": "Chapter", "text": text, "kind": "prose"}
        made = owner.post("/api/canvases", json={"title": "Book", "pages": [page]}).raise_for_status().json()
        canvas, page_id = made["id"], made["pages"][0]["id"]
        link = owner.post(f"/api/canvases/{canvas}/shares", json={"role": "editor"}).raise_for_status().json()["url"]
    token = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Muse").stdout.strip()
    of: dict[str, Proposal] = {}
    with studio.client(token) as agent:
        for one in proposals:
            hunks = [asdict(hunk) for hunk in rewrite_hunks(one.was, one.now)]
            action = {"type": "suggest", "page": page_id, "hunks": hunks, "reason": "To be surer."}
            done = agent.post(f"/api/canvases/{canvas}/actions", json=action).raise_for_status().json()
            of[done["id"]] = one
    reviewer = browser.new_page(viewport={"width": 1280, "height": 800})
    Desk(reviewer).join(link, "Ada")
    reviewer.goto(f"{studio.url}/inbox")
    reviewer.locator("[data-reading]").wait_for()
    hands = Hands(reviewer)

    def reading() -> str:
        return reviewer.evaluate("document.querySelector('[data-reading]')?.dataset.reading ?? ''")

    def gone(id: str) -> None:
        until(lambda: reading() != id)

    began = time.monotonic()
    while id := reading():
        one = of[id.partition(":")[2]]
        if one.verdict == "edit":
            hands.press("e")
            reviewer.locator("[data-reading] textarea").first.wait_for()
            hands.press("Control+a")
            hands.type("surely ")
            hands.press("Control+Enter")
            gone(id)
            continue
        if "after a slip" in one.verdict:
            hands.press("r" if one.verdict.startswith("accept") else "a")
            gone(id)
            hands.press("u")
            until(lambda id=id: reading() == id)
        hands.press("a" if one.verdict.startswith("accept") else "r")
        gone(id)
    with studio.client() as owner:
        until(lambda: owner.get(f"/api/canvases/{canvas}/pages/{page_id}/text").text == wanted)
    seconds = time.monotonic() - began
    reviewer.context.close()
    return hands.presses, seconds
