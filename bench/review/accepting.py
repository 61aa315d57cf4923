"""1,000 open suggestions in a page of 1,000,000 characters that was written in pieces: what a decision takes.

Each decision is measured as the room does it: the action, then the suggestions brought in step with the text. The
peer is what the open editors' servers do instead, a new whole text: the page's text replaced, compared with what was
there, and the difference applied to the same document by pycrdt.
"""

from __future__ import annotations

import statistics
from typing import Any

from pycrdt import Doc

from bench.review.plan import AGENT, ANN, Plan, blank, judge, percentile, shown, timed
from bench.rooms.compare import Section
from bench.rooms.documents import make, only_text, pieces
from studiolo.canvas import Canvas
from studiolo.canvas.diff import text_edits

LENGTH, OPEN = 1_000_000, 1_000
TITLE = f"{OPEN:,} open suggestions in a page of {LENGTH:,} characters"


def run(plan: Plan) -> Section:
    accepts: list[float] = []
    rejects: list[float] = []
    undos: list[float] = []
    at_once: list[float] = []
    whole: list[float] = []
    for _ in range(1 if plan.quick else min(plan.rounds, 3)):
        canvas, ids = prepared()
        accepts += [milliseconds(canvas, {"type": "accept", "suggestion": id}) for id in ids[:40]]
        rejects += [milliseconds(canvas, {"type": "reject", "suggestion": id}) for id in ids[40:60]]
        decisions = [canvas.suggestions[id].hunks[0].decision for id in ids[:20]]
        undos += [milliseconds(canvas, {"type": "undo", "decision": decision}) for decision in decisions]
        whole += replaced(5)
        at_once.append(milliseconds(canvas, {"type": "accept_all"}))
        left = [record.id for record in canvas.suggestions.values() if record.status == "open"]
        assert not left, f"{len(left)} suggestions are left"
    section = Section(
        [
            "| ms of CPU | studio | the whole text replaced | ratio |",
            "|---|---|---|---|",
            f"| accept one | {shown(accepts)} | {shown(whole)} | "
            f"{statistics.median(accepts) / statistics.median(whole):.2f} |",
            f"| reject one | {shown(rejects)} | | |",
            f"| take an acceptance back | {shown(undos)} | | |",
            f"| accept the other {OPEN - 40:,} as one decision | {shown(at_once, 0)} | | |",
            "",
        ]
    )
    judge(section, "accepting one, 95th percentile", percentile(accepts, 0.95), 20, " ms")
    return section


def milliseconds(canvas: Canvas, action: dict[str, Any]) -> float:
    return 1000 * timed(lambda: canvas.apply(action, ANN))


def prepared() -> tuple[Canvas, list[str]]:
    """The canvas and the suggestions' ids."""
    canvas, page, first, _ = blank()
    canvas.receive(make(pieces(LENGTH), first).seed, ANN)
    text = canvas.page_text(page)
    assert len(text) == LENGTH
    ids: list[str] = []
    for number in range(OPEN):
        at = text.index(" ", number * (LENGTH // OPEN) + 200) + 1
        end = text.index(" ", at + 30)
        hunk = {"find": text[at:end], "replace": text[at:end] + " indeed", "before": text[at - 200 : at]}
        hunk["after"] = text[end : end + 200]
        action: dict[str, Any] = {"type": "suggest", "page": page, "hunks": [hunk]}
        ids.append(str(canvas.apply(action, AGENT).id))
    return canvas, ids


def replaced(rounds: int) -> list[float]:
    """Milliseconds to compare a changed text with the one in a document and to apply what differs."""
    times: list[float] = []
    doc: Doc[Any] = Doc()
    doc.apply_update(make(pieces(LENGTH)).seed)
    shared = only_text(doc)
    for number in range(rounds):
        now = str(shared)
        at = now.index(" ", number * 90_000 + 500)
        wanted = now[:at] + " indeed" + now[at:]

        def replace(wanted: str = wanted) -> None:
            for edit in reversed(text_edits(str(shared), wanted)):
                if edit.end > edit.start:
                    del shared[edit.start : edit.end]
                shared.insert(edit.start, edit.insert)

        times.append(1000 * timed(replace))
    return times
