"""Typing a paper, key by key, into a canvas: what authorship and the ledger add to it.

Every key of the trace goes through `Canvas.receive` as one update from one writer, as in a room. The peer is pycrdt
alone taking the same updates. Then the whole is done again with all that authorship and the ledger do left out.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from pycrdt import Doc

from bench.review.plan import ANN, Plan, blank, judge, shown, timed
from bench.rooms.compare import Section
from bench.rooms.documents import only_text
from studiolo.store.ledger import chained

TITLE = "Authorship and the ledger, beside applying 259,778 keys"
AN_ACTION_EVERY = 500
"""Keys between two rows of the ledger: with a suggestion made or decided so often, a day of review."""


def run(plan: Plan) -> Section:
    edits = plan.trace.edits()[: 20_000 if plan.quick else None]
    _, _, first, _ = blank()
    updates = typed(first, edits)
    alone, whole, without, asked = [], [], [], []
    for _ in range(min(plan.rounds, 3)):
        alone.append(timed(lambda: by_pycrdt(first, updates)))
        without.append(by_canvas(updates, authors=False)[0])
        seconds, query = by_canvas(updates, authors=True)
        whole.append(seconds)
        asked.append(1000 * query)
    added = [100 * (one - other) / other for one, other in zip(whole, without, strict=True)]
    section = Section(
        [
            "| seconds of CPU | |",
            "|---|---|",
            f"| pycrdt alone | {shown(alone)} |",
            f"| the canvas, without authorship and ledger | {shown(without)} |",
            f"| the canvas | {shown(whole)} |",
            f"| ratio to pycrdt | {statistics.median(whole) / statistics.median(alone):.2f} |",
            "",
            f"A row of the ledger every {AN_ACTION_EVERY} keys. Who wrote each run of the page, asked once at the end: "
            f"{shown(asked)} ms; it is in the figure.",
            "",
        ]
    )
    judge(section, "authorship and ledger added", statistics.median(added), 10, " %")
    return section


def typed(first: bytes, edits: list[tuple[int, int, str]]) -> list[bytes]:
    """One update for each edit, made by one client."""
    doc: Doc[Any] = Doc(client_id=77)
    doc.apply_update(first)
    text = only_text(doc)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    for position, deleted, inserted in edits:
        with doc.transaction():
            if deleted:
                del text[position : position + deleted]
            if inserted:
                text.insert(position, inserted)
    return updates


def by_pycrdt(first: bytes, updates: list[bytes]) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(first)
    for update in updates:
        doc.apply_update(update)


def by_canvas(updates: list[bytes], authors: bool) -> tuple[float, float]:
    """Seconds for all, and those of them for asking who wrote what."""
    canvas, page, _, _ = blank()
    if not authors:  # what is deleted is not looked at, by which text that is moved keeps its authors
        canvas.document.identity._store.taken = None
    began = time.process_time()
    hash = ""
    for number, update in enumerate(updates):
        canvas.receive(update, ANN)
        if authors and number % AN_ACTION_EVERY == 0:
            entry = {"type": "accept", "suggestion": "0123456789abcdef"}
            changes = [{"suggestion": "0123456789abcdef", "hunk": 0, "was": "a" * 80, "now": "b" * 80}]
            hash = chained(hash, "canvas", number, 1.5, "ann", entry, {"outcome": "accepted", "changes": changes})
    asked = time.process_time()
    if authors:
        canvas.authors(page)
    ended = time.process_time()
    return ended - began, ended - asked
