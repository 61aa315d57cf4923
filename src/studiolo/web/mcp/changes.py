"""What others did to a canvas, row by row of its ledger, as somebody who waits for it is told."""

from __future__ import annotations

from typing import Any

from studiolo.canvas import THE_STUDIO, Canvas
from studiolo.store import LedgerRow

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
    if "hunks" in action:
        change["hunks"] = action["hunks"]
    if made := outcome.get("id"):
        change.setdefault({"suggest": "suggestion", "comment": "thread", "say": "message"}.get(kind, "id"), made)
    if status := outcome.get("status"):
        change["status"] = status
    record = canvas.suggestions.get(str(change.get("suggestion", "")))
    if record is not None and record.author == me:
        change["yours"] = True
    return change


def _unfinished(action: dict[str, Any]) -> bool:
    return bool(action.get("streaming") or action.get("draft"))


def _cut(value: Any) -> Any:
    return value[:LONGEST] + "…" if isinstance(value, str) and len(value) > LONGEST else value
