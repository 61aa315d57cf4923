"""What it costs to look back: a log of 259,778 rows, one for each key of a real paper, kept in a real database.

Each row is one operation of the automerge-paper trace, typed by one client. Measured are the first look (the whole log
is read, decoded and indexed in a thread), what somebody who types meanwhile feels of it (how late an event loop wakes
that wants to every 5 ms, beside how late it wakes with nothing else to do), the text at any moment after that, the
timeline, and a look after another key. The peer is a replay: what the text at a moment costs without an index.

    .venv/bin/python bench/history.py [--trace FILE] [--rows N] [--out FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.rooms.documents import Trace
from studiolo.canvas import Canvas, Participant
from studiolo.canvas.identity import TextEdit
from studiolo.history import Histories, Past
from studiolo.history.turning import restoring
from studiolo.store import LogRow, Store

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
CLIENT = 12_345
EVERY = 0.005


def updates(edits: list[tuple[int, int, str]]) -> tuple[str, list[bytes]]:
    """A page's id and the updates that type the trace into it, the canvas's first row before them."""
    page = {"title": "Paper", "text": "", "kind": "prose"}
    canvas, made = Canvas.new("Paper", [page], by=ADA, clock=lambda: 0.0, random=random.Random(1))
    id, identity, rows = made.details["pages"][0]["id"], canvas.document.identity, [made.update]
    for at, gone, text in edits:
        update = identity.edit(id, [TextEdit(at, at + gone, text)], CLIENT)
        identity.apply(update)
        rows.append(update)
    return id, rows


async def lateness(until: Awaitable[Any]) -> list[float]:
    """How many milliseconds late the loop woke, each time it wanted to, until something was done."""
    done, late = asyncio.ensure_future(until), list[float]()
    while not done.done():
        began = time.perf_counter()
        await asyncio.sleep(EVERY)
        late.append(1000 * (time.perf_counter() - began - EVERY))
    await done
    return late


def p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


def replay(rows: list[bytes], page: str, seq: int) -> str:
    doc: Doc[Any] = Doc()
    pages: Map[Any] = doc.get("pages", type=Map)
    for row in rows[:seq]:
        doc.apply_update(row)
    return str(pages[page]["text"])


async def measure(edits: list[tuple[int, int, str]]) -> list[str]:
    page, rows = updates(edits)
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{Path(folder) / 'studiolo.db'}")
        log = [LogRow("c", seq, 1e9 + 0.4 * seq, "ada", row) for seq, row in enumerate(rows, 1)]
        await store.create_canvas("c", "Paper", "ada", 1e9, log)
        histories = Histories(store)
        try:
            idle = await lateness(asyncio.sleep(3))
            began = time.perf_counter()
            late = await lateness(histories.ask("c", lambda past: past.archive.text(page, past.archive.seq)))
            first = time.perf_counter() - began
            rate = 1e6 * first / len(rows)
            said.append(f"| first look: the whole log | {first:.1f} s, {rate:.0f} µs a row |")
            said.append(
                f"| an event loop meanwhile, late by p50 / p99 | {statistics.median(late):.1f} / {p99(late):.1f} ms |"
            )
            said.append(f"| the same with nothing to do | {statistics.median(idle):.1f} / {p99(idle):.1f} ms |")

            seqs = [random.Random(7).randrange(1, len(rows)) for _ in range(50)]

            def scrub(past: Past) -> list[float]:
                took: list[float] = []
                for seq in seqs:
                    began = time.perf_counter()
                    past.archive.text(page, seq)
                    took.append(1000 * (time.perf_counter() - began))
                return took

            took = await histories.ask("c", scrub)
            began = time.perf_counter()
            text = replay(rows, page, seqs[0])
            alone = 1000 * (time.perf_counter() - began)
            assert text == await histories.ask("c", lambda past: past.archive.text(page, seqs[0]))
            middle = statistics.median(took)
            said.append(f"| the text at any moment, p50 / p99 | {middle:.1f} / {p99(took):.1f} ms |")
            said.append(
                f"| the same by a replay of {seqs[0]:,} rows | {alone:.0f} ms, {alone / middle:.0f} times as long |"
            )

            for name, question in (
                ("the timeline", lambda past: len(past.sessions())),
                ("a plan to restore the middle", lambda past: restoring(past, past.archive.seq, len(rows) // 2, page)),
            ):
                began = time.perf_counter()
                await histories.ask("c", question)
                said.append(f"| {name} | {1000 * (time.perf_counter() - began):.0f} ms |")
            identity_client = CLIENT + 1
            canvas = Canvas(rows, {}, clock=lambda: 0.0, random=random.Random(2))
            more = canvas.document.identity.edit(page, [TextEdit(0, 0, "x")], identity_client)
            await store.append([LogRow("c", len(rows) + 1, 2e9, "ada", more)])
            began = time.perf_counter()
            await histories.ask("c", lambda past: past.archive.text(page, past.archive.seq))
            said.append(f"| a look after one more key | {1000 * (time.perf_counter() - began):.0f} ms |")
        finally:
            histories.close()
            await store.close()
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    trace = Trace(given.trace)
    edits = trace.edits()[: given.rows]
    lines = [
        "# Looking back",
        "",
        f"{len(edits):,} rows of {trace.name}; {platform.machine()}, {platform.python_version()}.",
        "",
        "| what | cost |",
        "|---|---|",
        *asyncio.run(measure(edits)),
    ]
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
