"""From a key to its letter in a page of 1,000,000 characters with 1,000 open suggestions, in a real Chromium.

The peer is a page that is nothing but CodeMirror and Yjs, on the same canvas of the same studio: it shows no
suggestion. The keys are typed in the middle of the page, between suggestions, in writing mode and in suggesting mode.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from bench.browser import bare_page, browser_path, opened, percentile, typed
from bench.review.accepting import LENGTH, OPEN
from bench.review.plan import Plan, judge, shown
from bench.rooms.compare import Section
from bench.rooms.documents import letters
from tests.conftest import ServedStudio, serve
from tests.e2e.conftest import QUIET
from tests.e2e.desk import Desk

TITLE = f"Typing among {OPEN:,} open suggestions in a page of {LENGTH:,} characters"
PARAGRAPH = 600  # characters
HERE = "Here it is typed."

Times = dict[str, list[float]]


def run(plan: Plan) -> Section:
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as folder,
        bare_page(Path(folder)) as bare,
        sync_playwright() as playwright,
    ):
        studio = serve(Path(home))
        browser = playwright.chromium.launch(executable_path=browser_path(), args=QUIET)
        try:
            times = measure(plan, studio, browser, bare)
        finally:
            browser.close()
            studio.stop()
    lines = ["| ms from key to paint | median | 95th percentile |", "|---|---|---|"]
    for name, found in times.items():
        lines.append(f"| {name} | {shown(found, 1)} | {percentile(found, 0.95):.1f} |")
    writing, bare_times = times["writing"], times["bare CodeMirror + Yjs"]
    lines += ["", f"- ratio of the medians: {statistics.median(writing) / statistics.median(bare_times):.2f}"]
    section = Section(lines)
    judge(section, "writing, 95th percentile", percentile(writing, 0.95), 16, " ms")
    judge(section, "suggesting, 95th percentile", percentile(times["suggesting"], 0.95), 16, " ms")
    return section


def text() -> str:
    """Paragraphs of words, and one in the middle that can be found."""
    whole = letters(LENGTH)
    paragraphs = [whole[start : start + PARAGRAPH].strip() for start in range(0, LENGTH, PARAGRAPH)]
    paragraphs[len(paragraphs) // 2] = HERE
    return "\n\n".join(f"{number}. {one}" for number, one in enumerate(paragraphs))


def fill(studio: ServedStudio) -> tuple[str, str]:
    """The canvas with its page and its suggestions; their ids."""
    with studio.client() as owner:
        page = {"title": "One", "text": text(), "kind": "prose"}
        made = owner.post("/api/canvases", json={"title": "Long", "pages": [page]}).raise_for_status().json()
        canvas, page_id = made["id"], made["pages"][0]["id"]
        for number in range(OPEN):
            start = f"\n\n{number + 300}. "
            hunk = {"find": "", "before": start, "replace": "Indeed, "}
            action = {"type": "suggest", "page": page_id, "hunks": [hunk], "reason": "to begin with a word"}
            owner.post(f"/api/canvases/{canvas}/actions", json=action).raise_for_status()
    return canvas, page_id


def measure(plan: Plan, studio: ServedStudio, browser: Browser, bare: str) -> Times:
    canvas, page = fill(studio)
    with studio.client() as owner:
        link = owner.post(f"/api/canvases/{canvas}/shares", json={"role": "editor"}).json()["url"]
    visitor = browser.new_context()
    Desk(visitor.new_page()).join(link, "Ada")
    signed_in: StorageState = visitor.storage_state()
    visitor.close()
    sync = f"{studio.url.replace('http', 'ws', 1)}/sync"
    peer = f"{bare}/?url={sync}&canvas={canvas}&page={page}&token={studio.token}"
    ours = f"{studio.url}/c/{canvas}/{page}"
    times: Times = {"bare CodeMirror + Yjs": [], "writing": [], "suggesting": []}
    keys = 40 if plan.quick else 200
    for _ in range(min(plan.rounds, 3)):
        for name in times:
            context = browser.new_context(
                viewport={"width": 1360, "height": 860}, storage_state=None if name.startswith("bare") else signed_in
            )
            tab, _ = opened(context, peer if name.startswith("bare") else ours, "0. ")
            if name == "suggesting":
                suggest(tab)
            in_the_middle(tab)
            times[name] += typed(tab, keys)
            context.close()
    return times


def in_the_middle(tab: Page) -> None:
    """Put the caret behind the sentence in the middle of the page, by the editor itself: it is far down."""
    tab.locator(".cm-content").focus()
    tab.evaluate(
        """(sentence) => {
            const { view } = document.querySelector('.cm-content').cmTile
            const at = view.state.doc.toString().indexOf(sentence) + sentence.length
            view.dispatch({ selection: { anchor: at }, scrollIntoView: true })
        }""",
        HERE,
    )
    tab.wait_for_timeout(1_500)


def suggest(tab: Page) -> None:
    """Go over to suggesting mode."""
    tab.keyboard.press("Control+Alt+s")
    tab.get_by_role("button", name="Suggesting", pressed=True).wait_for()
