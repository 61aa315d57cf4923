"""Anchors: where in a page something belongs, while the page moves under it.

An anchor is a pair of Yjs relative positions *plus* the quote between them with its surroundings. The positions
carry it through everybody's typing; the quote says whether the text there is still the text that was meant, and
finds it again when it was cut and pasted elsewhere. Relative positions are Yjs JSON, so browsers resolve the same
anchors themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studiolo.canvas import actions
from studiolo.canvas.errors import Invalid
from studiolo.canvas.identity import Identity
from studiolo.canvas.quotes import Quote, Span, context, occurrences, resolve
from studiolo.canvas.returns import Returns

Position = dict[str, Any]  # a Yjs RelativePosition as JSON
LONG_ENOUGH = 40  # a pasted quote of so many characters is recognised without its old surroundings
SURROUNDINGS = 12  # and a shorter one by so many characters before or after it
FEW = 24  # characters before an insertion that may go while its place is still the same
ROUND_ABOUT = 200  # characters further than a quote is long, in which its old surroundings are looked for


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


def find(
    identity: Identity, page: str, text: str, at: Anchor, returns: Returns, new: Sequence[tuple[int, int]]
) -> Span | None:
    """Where the anchored text is now, or None when it was changed or is gone. What was deleted and has been brought
    back is found by its ids; what was cut, where it was pasted: among the stretches of the text that are `new`.
    """
    end = returns.renewed(identity, at.end)
    if not at.quote:
        span = between(identity, page, end, end)
        return span if span is not None and _still_there(identity, page, text, span.end, at, end) else None
    span = between(identity, page, returns.renewed(identity, at.start), end)
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
    elsewhere = moved(text, at) if new else None
    if elsewhere is None or not any(elsewhere.start < high and low < elsewhere.end for low, high in new):
        return None  # where it stands, it stood before
    return elsewhere


def holds(identity: Identity, page: str, span: Span, at: Anchor) -> bool:
    """Whether an anchor says that its text is at this span, and hangs on characters that can be seen."""
    if between(identity, page, at.start, at.end) != span:
        return False
    if "item" in at.end and identity.position(page, span.end, -1).get("item") != at.end["item"]:
        return False
    return not at.quote or "item" not in at.start or identity.position(page, span.start)["item"] == at.start["item"]


def moved(text: str, at: Anchor) -> Span | None:
    """The one place in a text where the quote stands and is known again; None for a place between characters."""
    if not at.quote:
        return None
    places = [there for there in occurrences(text, at.quote) if _recognised(text, there, at)]
    return places[0] if len(places) == 1 else None


def today(identity: Identity, page: str, text: str, at: Anchor, returns: Returns) -> str:
    """What stands where the anchored text was, up to the words that stood around it, as far as they still do."""
    start, end = returns.renewed(identity, at.start), returns.renewed(identity, at.end)
    span = between(identity, page, start, end)
    if span is None:
        return ""
    low, high = span
    reach = len(at.quote) + ROUND_ABOUT
    before, after = at.before[-SURROUNDINGS:], at.after[:SURROUNDINGS]
    if before and (known := text.rfind(before, max(0, low - reach), low)) >= 0:
        low = known + len(before)
    elif not before:
        low = 0 if low <= reach else low
    if after and (known := text.find(after, high, high + reach)) >= 0:
        high = known
    elif not after:
        high = len(text) if len(text) - high <= reach else high
    return text[low:high]


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


def _still_there(identity: Identity, page: str, text: str, at: int, anchored: Anchor, end: Position) -> bool:
    """Whether the character that an insertion hangs on is alive, or was typed again just as it was, or is only the
    last of a few that went while everything around them stayed."""
    if "item" not in end or identity.position(page, at, -1).get("item") == end["item"]:
        return True
    here = text[max(0, at - SURROUNDINGS) : at]
    if len(here) < SURROUNDINGS:
        return False
    known = anchored.before.rfind(here)
    if known < 0:
        return False
    lost = len(anchored.before) - known - SURROUNDINGS
    after = anchored.after[:SURROUNDINGS]
    return lost == 0 or (lost <= FEW and bool(after) and text.startswith(after, at))


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
