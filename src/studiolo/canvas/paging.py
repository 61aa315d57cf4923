"""The list of pages, and the canvas's own name."""

from __future__ import annotations

from pycrdt import merge_updates

from studiolo.canvas import actions
from studiolo.canvas.authorship import arrived
from studiolo.canvas.canvas import Canvas, Outcome, shared_page
from studiolo.canvas.errors import Invalid
from studiolo.canvas.identity import TextEdit
from studiolo.canvas.participant import Participant

CLOSEST = 1e-6  # pages nearer to each other than this are numbered anew


def add_page(canvas: Canvas, action: actions.AddPage, by: Participant) -> Outcome:
    """Add a page after another one, or at the end."""
    actions.check_length(len(action.text), f"The page “{action.title}”")
    id = canvas.new_id()
    ordered = [page["id"] for page in canvas.outline()]
    after = action.after if action.after is not None else (ordered[-1] if ordered else None)
    order, renumber = _order(canvas, ordered, after)
    with canvas.document.change() as made:
        canvas.document.pages[id] = shared_page(id, action, order)
        _renumber(canvas, _inserted(renumber, id, after))
    update = made()
    if action.text:
        with canvas.document.change() as written:
            canvas.document.edit(id, [TextEdit(0, 0, action.text)], canvas.writer(by.id))
        come = arrived(canvas, id, by.id, action.origin)
        update = merge_updates(*filter(None, (update, written(), come)))
    return Outcome("added", id, {"title": action.title}, update)


def rename_page(canvas: Canvas, action: actions.RenamePage, by: Participant) -> Outcome:
    page = canvas.page(action.page)
    with canvas.document.change() as written:
        page["title"] = action.title
    return Outcome("renamed", action.page, {"title": action.title}, written())


def move_page(canvas: Canvas, action: actions.MovePage, by: Participant) -> Outcome:
    page = canvas.page(action.page)
    if action.after == action.page:
        raise Invalid("A page cannot come after itself.", "Name another page, or null for the first place.")
    ordered = [page["id"] for page in canvas.outline() if page["id"] != action.page]
    order, renumber = _order(canvas, ordered, action.after)
    with canvas.document.change() as written:
        page["order"] = order
        _renumber(canvas, _inserted(renumber, action.page, action.after))
    return Outcome("moved", action.page, {}, written())


def remove_page(canvas: Canvas, action: actions.RemovePage, by: Participant) -> Outcome:
    page = canvas.page(action.page)
    with canvas.document.change() as written:
        page["removed"] = True
    return Outcome("removed", action.page, {}, written())


def restore_page(canvas: Canvas, action: actions.RestorePage, by: Participant) -> Outcome:
    page = canvas.page(action.page)
    with canvas.document.change() as written:
        if "removed" in page:
            del page["removed"]
    return Outcome("restored", action.page, {}, written())


def retitle(canvas: Canvas, action: actions.Retitle, by: Participant) -> Outcome:
    with canvas.document.change() as written:
        canvas.document.meta["title"] = action.title
    return Outcome("retitled", None, {"title": action.title}, written())


def _order(canvas: Canvas, ordered: list[str], after: str | None) -> tuple[float, list[str]]:
    """The order number that puts a page after `after` (first for None), and, when the numbers there have become too
    close to halve, the pages to number anew."""
    if after is not None:
        canvas.page(after)
    place = ordered.index(after) + 1 if after is not None else 0
    numbers = [float(canvas.page(id)["order"]) for id in ordered]
    low = numbers[place - 1] if place else None
    high = numbers[place] if place < len(numbers) else None
    if low is None:
        return (high - 1.0 if high is not None else 1.0), []
    if high is None:
        return low + 1.0, []
    return (low + high) / 2, ordered if high - low < CLOSEST else []


def _inserted(ordered: list[str], id: str, after: str | None) -> list[str]:
    if not ordered:
        return []
    place = ordered.index(after) + 1 if after is not None else 0
    return [*ordered[:place], id, *ordered[place:]]


def _renumber(canvas: Canvas, ordered: list[str]) -> None:
    for order, id in enumerate(ordered, start=1):
        canvas.document.pages[id]["order"] = float(order)
