"""Carrying plans out: one change of the canvas, one row of the ledger, and itself something that can be taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycrdt import merge_updates

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas import actions as limits
from studiolo.canvas.errors import Forbidden
from studiolo.canvas.reversal import turn_back
from studiolo.history.plans import Plan


def check_may(by: Participant) -> None:
    """Turning the text of others back is for people who may edit. Raises `Forbidden`."""
    if by.kind == "agent" or not by.may("editor"):
        raise Forbidden(
            "Only people who may edit can turn the text back.",
            "Ask somebody who edits this canvas, or suggest a change.",
        )


def carry_out(
    canvas: Canvas,
    action: Mapping[str, Any],
    plans: Sequence[Plan],
    pages: Mapping[str, Mapping[str, Any]],
    by: Participant,
) -> Outcome:
    """Do what was planned: turn texts back, and set fields of pages. Raises `Forbidden`, and `TooLarge`."""
    check_may(by)
    was = {id: {name: canvas.page(id).get(name) for name in fields} for id, fields in pages.items()}
    for plan in plans:
        grown = canvas.document.identity.length(plan.page) + sum(len(text) for _, text in plan.restore)
        limits.check_length(grown, f"The page “{canvas.page(plan.page)['title']}”")
    updates: list[bytes] = []
    if pages:
        with canvas.document.change() as written:
            for id, fields in pages.items():
                _set(canvas.page(id), fields)
        updates.append(written())
    for plan in plans:
        if update := turn_back(canvas, plan.page, plan.delete, plan.restore, by=by.id):
            updates.append(update)
    if settled := canvas.settle():
        updates.append(settled.update)
    deed = canvas.new_id()
    touched = sorted({plan.page for plan in plans} | set(pages))
    details: dict[str, Any] = {"pages": touched}
    if pages:
        details |= {"was": was, "now": {id: dict(fields) for id, fields in pages.items()}}
    outcome = {"restore": "restored", "take_back": "taken_back", "undo_deed": "undone"}[action["type"]]
    entry = {"action": dict(action), "outcome": {"outcome": outcome, "id": deed, **details}}
    update = merge_updates(*updates) if updates else b""
    return canvas.claimed(Outcome(outcome, deed, {"pages": touched}, update, entry=entry))


def _set(page: Any, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name == "removed" and not value:
            if "removed" in page:
                del page["removed"]
        else:
            page[name] = value
