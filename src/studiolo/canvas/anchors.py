"""Anchors: where in a page something belongs, while the page moves under it.

An anchor is a pair of Yjs relative positions *plus* the quote between them with its surroundings. The positions
carry it through everybody's typing; the quote says whether the text there is still the text that was meant, and
finds it again when it was cut and pasted elsewhere. Relative positions are Yjs JSON, so browsers resolve the same
anchors themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studiolo.canvas import actions
from studiolo.canvas.errors import Invalid
from studiolo.canvas.identity import Identity
from studiolo.canvas.quotes import Quote, Span, context, occurrences, resolve

Position = dict[str, Any]  # a Yjs RelativePosition as JSON
LONG_ENOUGH = 40  # a pasted quote of so many characters is recognised without its old surroundings
SURROUNDINGS = 12  # and a shorter one by so many characters before or after it


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a page. `start` sticks to the first quoted character, `end` to the last."""

    start: Position
    end: Position
    quote: str
    before: str = ""
    after: str = ""


def anchor(identity: Identity, page: str, text: str, span: Span) -> Anchor:
    """Anchor a span of the page's present text; an empty span hangs on the character before it."""
    before, after = context(text, span)
    end = identity.position(page, span.end, -1)
    start = end if span.start == span.end else identity.position(page, span.start, 0)
    return Anchor(start, end, text[span.start : span.end], before, after)


def between(identity: Identity, page: str, start: Position, end: Position) -> Span | None:
    """The range between two relative positions now, or None when they are not both in this page."""
    low, high = identity.locate(start), identity.locate(end)
    if low is None or high is None or low[0] != page or high[0] != page:
        return None
    return Span(low[1], max(low[1], high[1]))


def find(identity: Identity, page: str, text: str, at: Anchor, search: bool = True) -> Span | None:
    """Where the anchored text is now, or None when it was changed or is gone.

    Without `search` it is not looked for elsewhere on the page, which is what takes long.
    """
    span = between(identity, page, at.start, at.end)
    if not at.quote:
        return (
            Span(span.end, span.end) if span is not None and _still_there(identity, page, text, span.end, at) else None
        )
    if span is not None:
        if text[span.start : span.end] == at.quote:
            return span
        for start in (span.start, span.end - len(at.quote)):  # it was deleted in part, and typed again or undone
            back = Span(start, start + len(at.quote))
            same = start >= 0 and text[back.start : back.end] == at.quote
            if same and (span.start < span.end or all(_agrees(text, back, at))):
                return back
        if span.start < span.end:
            return None  # changed where it stands: an equal passage elsewhere is not the one that was meant
    if not search:
        return None
    moved = [there for there in occurrences(text, at.quote) if _recognised(text, there, at)]
    return moved[0] if len(moved) == 1 else None


def place(
    identity: Identity,
    page: str,
    text: str,
    quote: Quote,
    start: actions.Position | None,
    end: actions.Position | None,
) -> Span:
    """Resolve a quote that may come with relative positions from a client that holds the document.

    The positions win when the quoted text is between them; otherwise the quote must speak for itself.
    """
    if start is not None:
        low = start.model_dump(exclude_none=True)
        high = end.model_dump(exclude_none=True) if end is not None and quote.find else low
        span = between(identity, page, low, high)
        if span is None:
            raise Invalid("The position is not in this page.", "Send `start` and `end` made from this page's text.")
        if not quote.find:
            return Span(span.start, span.start)
        if text[span.start : span.end] == quote.find:
            return span
    return resolve(text, quote)


def _still_there(identity: Identity, page: str, text: str, at: int, anchored: Anchor) -> bool:
    """Whether the character that an insertion hangs on is alive, or was typed again just as it was."""
    if "item" not in anchored.end or identity.position(page, at, -1).get("item") == anchored.end["item"]:
        return True
    before = anchored.before[-SURROUNDINGS:]
    return len(before) == SURROUNDINGS and text[:at].endswith(before)


def _agrees(text: str, span: Span, at: Anchor) -> tuple[bool, bool]:
    """Whether the text before and after a span reads as it did around the anchor."""
    left, right = context(text, span, SURROUNDINGS)
    return left == at.before[-SURROUNDINGS:], right == at.after[:SURROUNDINGS]


def _recognised(text: str, span: Span, at: Anchor) -> bool:
    """Whether a passage that reads like the quote is the quoted one, moved."""
    if len(at.quote) >= LONG_ENOUGH:
        return True
    left, right = _agrees(text, span, at)
    return (left and len(at.before) >= SURROUNDINGS) or (right and len(at.after) >= SURROUNDINGS)
