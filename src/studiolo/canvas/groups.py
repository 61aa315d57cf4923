"""Undecided hunks that are in each other's way: of such a group a reader takes one, several, or a merge."""

from __future__ import annotations

from studiolo.canvas.canvas import Canvas
from studiolo.canvas.overlaps import overlapping
from studiolo.canvas.quotes import Span
from studiolo.canvas.register import HunkId


def groups(canvas: Canvas, page: str | None = None) -> list[list[HunkId]]:
    """The groups of a page, or of all pages, in the order of the text: hunks of two suggestions or more, also of those
    that are still being written, in the order of their places. What is stale has no place, and is in none."""
    pages = [page] if page is not None else [one["id"] for one in canvas.outline() if not one["removed"]]
    return [group for one in pages for group in _groups(canvas, one)]


def _groups(canvas: Canvas, page: str) -> list[list[HunkId]]:
    waiting = canvas.register.waiting(page)
    if len(waiting) < 2:
        return []
    text = canvas.page_text(page)
    spans: list[tuple[Span, HunkId]] = []
    for record in waiting:
        for index, hunk in enumerate(record.hunks):
            if hunk.status == "open" and (span := canvas.find(page, text, hunk.anchor)) is not None:
                spans.append((span, (record.id, index)))
    found = ([id for _, id in group] for group in overlapping(spans))
    return [group for group in found if len({id for id, _ in group}) > 1]
