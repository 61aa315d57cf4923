"""What the measurements in a browser share: a bare page beside ours, and the clock from a key to its letter."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.e2e.desk import until

ROOT = Path(__file__).resolve().parents[2]

WATCH = """
(() => {
  const look = () => {
    if (document.querySelector('.cm-content')?.textContent.includes(SENTENCE)) {
      // The frame that holds it is drawn after this one's callbacks.
      const after = new MessageChannel()
      after.port1.onmessage = () => { window.shownAt = performance.now() }
      after.port2.postMessage(0)
    } else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
  window.keyTimes = []
  addEventListener('keydown', (event) => {
    requestAnimationFrame(() => {
      const after = new MessageChannel()
      after.port1.onmessage = () => window.keyTimes.push(performance.now() - event.timeStamp)
      after.port2.postMessage(0)
    })
  }, true)
})()
"""

BARE = """
import { defaultKeymap } from '@codemirror/commands'
import { markdown } from '@codemirror/lang-markdown'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { yCollab } from 'y-codemirror.next'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const at = new URLSearchParams(location.search)
const doc = new Y.Doc()
const options = { params: { token: at.get('token') }, disableBc: true }
const provider = new WebsocketProvider(at.get('url'), at.get('canvas'), doc, options)
provider.once('sync', () => {
  const text = doc.getMap('pages').get(at.get('page')).get('text')
  new EditorView({
    parent: document.body,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [keymap.of(defaultKeymap), markdown(), EditorView.lineWrapping, yCollab(text, provider.awareness)],
    }),
  })
})
"""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Bare</title>
<style>html, body { height: 100%; margin: 0 } .cm-editor { height: 100%; max-width: 40rem; margin: auto }</style>
<body><script type="module" src="/main.js"></script></body></html>"""


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def bare_page(folder: Path, source: str = BARE) -> Iterator[str]:
    """Build a page of one script from the packages that ours is made of, and serve it; its address."""
    (folder / "main.js").write_text(source)
    (folder / "index.html").write_text(PAGE)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(ROOT / "frontend" / "node_modules")
    vite = ROOT / "frontend" / "node_modules" / ".bin" / "vite"
    subprocess.run([vite, "build", "--logLevel", "error"], cwd=folder, check=True)
    handler = functools.partial(Files, directory=str(folder / "dist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def opened(context: BrowserContext, url: str, sentence: str) -> tuple[Page, float]:
    """A new tab at an address, and the milliseconds until a page with that sentence stood there."""
    page = context.new_page()
    page.add_init_script(WATCH.replace("SENTENCE", json.dumps(sentence)))
    page.goto(url, wait_until="commit")
    return page, until(lambda: page.evaluate("window.shownAt ?? 0"), 60)


def typed(page: Page, keys: int) -> list[float]:
    """Milliseconds from key to paint, typing so many keys where the caret is."""
    page.wait_for_timeout(1500)
    page.evaluate("window.keyTimes.length = 0")
    page.keyboard.type(("The sea was flat and grey. " * keys)[:keys], delay=60)
    until(lambda: page.evaluate("window.keyTimes.length") >= keys)
    return page.evaluate("window.keyTimes")


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def browser_path() -> str | None:
    """The Chromium to use, None for Playwright's own."""
    path = os.environ.get("STUDIOLO_BROWSER")
    if not path:
        found = subprocess.run([ROOT / "scripts" / "browser.sh", "--find"], capture_output=True, text=True, check=False)
        path = found.stdout.strip() or None
    return path
