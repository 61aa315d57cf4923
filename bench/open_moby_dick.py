"""How long until a chapter of Moby Dick is on the screen, and from a key to its letter, beside an editor with no shell.

The studio holds the whole novel (136 pages, 1.2 million characters) as one canvas. The peer is a bare page: CodeMirror,
`y-codemirror.next` and `y-websocket` with the same Markdown language, nothing else, served as static files and synced
from the same canvas of the same studio, so what differs is our page. Each takes turns with the other, in a real
Chromium:

- *first*: a browser that was never there. *again*: the same browser once more (its HTTP cache; for ours also the text
  that it keeps). Both from the start of the navigation to the frame with the chapter's first sentence.
- *key*: from the time stamp of a keydown to the first task after the next frame, in the middle of a chapter.

Run: `STUDIOLO_BROWSER="$(scripts/browser.sh)" .venv/bin/python bench/open_moby_dick.py [rounds] [keys]`.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.browser import bare_page, browser_path, opened, percentile, typed  # noqa: E402
from studiolo import __version__  # noqa: E402
from tests.conftest import ServedStudio, serve  # noqa: E402
from tests.e2e import novel  # noqa: E402
from tests.e2e.conftest import QUIET  # noqa: E402
from tests.e2e.desk import Desk  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
KEYS = int(sys.argv[2]) if len(sys.argv) > 2 else 100
SENTENCE = "What the white whale was to Ahab, has been hinted"
RESULTS = ROOT / "bench" / "results" / "open_moby_dick.md"


def typed_in_chapter(page: Page) -> list[float]:
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+Home")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    return typed(page, KEYS)


def parts_of(page: Page) -> dict[str, float]:
    """Where ours spends it: when the answer about the canvas had come, and the scripts; milliseconds and bytes."""
    return page.evaluate(
        """() => {
            const all = performance.getEntriesByType('resource')
            const canvas = all.find(({ name }) => /\\/api\\/canvases\\/[^/]+(\\/seat)?$/.test(name))
            return {
                scripts: Math.max(...all.filter(({ name }) => name.endsWith('.js')).map((one) => one.responseEnd)),
                asked: canvas.startTime, answered: canvas.responseEnd, bytes: canvas.transferSize,
            }
        }"""
    )


def measure(studio: ServedStudio, browser: Browser, bare: str) -> str:
    with studio.client() as owner:
        book = {"files": ("moby-dick.txt", novel.plain_text().encode(), "text/plain")}
        made = owner.post("/api/canvases/import", files=book).json()
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()["url"]
    page = next(page["id"] for page in made["pages"] if "Whiteness" in page["title"])
    visitor = browser.new_context()
    Desk(visitor.new_page()).join(link, "Ada")
    signed_in: StorageState = visitor.storage_state()
    visitor.close()
    sync = f"{studio.url.replace('http', 'ws', 1)}/sync"
    peer = f"{bare}/?url={sync}&canvas={made['id']}&page={page}&token={studio.token}"
    addresses = {"Studiolo": f"{studio.url}/c/{made['id']}/{page}", "bare": peer}
    times: dict[str, dict[str, list[float]]] = {name: {"first": [], "again": [], "key": []} for name in addresses}
    spent: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        for name, url in addresses.items():
            context = browser.new_context(
                viewport={"width": 1360, "height": 860}, storage_state=signed_in if name == "Studiolo" else None
            )
            tab, shown = opened(context, url, SENTENCE)
            times[name]["first"].append(shown)
            if name == "Studiolo":
                spent.append(parts_of(tab))
            times[name]["key"] += typed_in_chapter(tab)
            tab.close()
            tab, shown = opened(context, url, SENTENCE)
            times[name]["again"].append(shown)
            context.close()
    return table(times, spent, browser.version)


def table(times: dict[str, dict[str, list[float]]], spent: list[dict[str, float]], chromium: str) -> str:
    rows: list[tuple[str, str, float]] = [
        ("opens first, median", "first", 0.5),
        ("opens again, median", "again", 0.5),
        ("key to paint, median", "key", 0.5),
        ("key to paint, 95th percentile", "key", 0.95),
    ]
    lines = ["| ms | Studiolo | bare CodeMirror + Yjs | ratio |", "|---|---|---|---|"]
    for says, what, part in rows:
        ours, theirs = (
            statistics.median(times[name][what]) if part == 0.5 else percentile(times[name][what], part)
            for name in ("Studiolo", "bare")
        )
        lines.append(f"| {says} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")
    first = {name: statistics.median(one[name] for one in spent) for name in spent[0]}
    lines += [
        "",
        f"Of Studiolo's first opening: scripts there at {first['scripts']:.0f} ms, the canvas asked for at "
        f"{first['asked']:.0f} and answered at {first['answered']:.0f} ({first['bytes'] / 1000:.1f} kB).",
        f"{ROUNDS} rounds of {KEYS} keys; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; Chromium {chromium} "
        f"without a GPU, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"Studiolo {__version__}.",
    ]
    return "\n".join(lines)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as folder,
        bare_page(Path(folder)) as bare,
        sync_playwright() as playwright,
    ):
        studio = serve(Path(home))
        browser = playwright.chromium.launch(executable_path=browser_path(), args=QUIET)
        try:
            result = measure(studio, browser, bare)
        finally:
            browser.close()
            studio.stop()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(f"# Opening Moby Dick, and typing in it\n\n{result}\n")
    print(result)


if __name__ == "__main__":
    main()
