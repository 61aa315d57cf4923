"""What others did to a canvas, row by row of its ledger, as somebody who waits for it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from studiolo.canvas import THE_STUDIO, Canvas
from studiolo.store import LedgerRow

MOST_ANSWERED = 400_000  # characters of a list, as JSON
MOST_HUNKS = 20  # of a suggestion that are told
LONGEST = 2_000  # characters of a text that is told; the rest is read where it stands
_KEPT = ("page", "suggestion", "thread", "message", "quote", "text", "reason", "title", "verdict", "replace")
_PART_OF_WRITING = frozenset({"extend", "say_more"})


def told(row: LedgerRow, me: str, canvas: Canvas) -> dict[str, Any] | None:
    """One change as JSON; None for what one did oneself and for steps of somebody who is still writing."""
    action, outcome = row.action, row.outcome
    kind = str(action.get("type") or "")
    if row.participant == me or kind in _PART_OF_WRITING or _unfinished(action):
        return None
    change: dict[str, Any] = {"at": row.at, "by": row.participant, "type": kind or "change"}
    change |= {name: _cut(action[name]) for name in _KEPT if action.get(name)}
    if row.participant == THE_STUDIO.id:
        change["by"] = "the studio"
    if isinstance(hunks := action.get("hunks"), list):
        change["hunks"] = [_hunk(hunk) for hunk in hunks[:MOST_HUNKS]]
    if made := outcome.get("id"):
        change.setdefault({"suggest": "suggestion", "comment": "thread", "say": "message"}.get(kind, "id"), made)
    if status := outcome.get("status"):
        change["status"] = status
    record = canvas.suggestions.get(str(change.get("suggestion", "")))
    if record is not None and record.author == me:
        change["yours"] = True
    return change


def newest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last of these that fit into one answer, and at least one: models read all of it, and so does the memory."""
    kept: list[dict[str, Any]] = []
    room = MOST_ANSWERED
    for row in reversed(rows):
        room -= len(json.dumps(row))
        if kept and room < 0:
            break
        kept.append(row)
    return kept[::-1]


def _unfinished(action: dict[str, Any]) -> bool:
    return bool(action.get("streaming") or action.get("draft"))


def _hunk(hunk: Any) -> Any:
    return {name: _cut(value) for name, value in hunk.items()} if isinstance(hunk, dict) else hunk


def _cut(value: Any) -> Any:
    return value[:LONGEST] + "…" if isinstance(value, str) and len(value) > LONGEST else value
