"""Where in a canvas an agent is asked to work: a page, and in it a selection, a caret, or the whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from studiolo.canvas import Canvas, actions
from studiolo.canvas.anchors import Anchor, Position, anchor, place
from studiolo.canvas.errors import Invalid, NotFound, Stale, StudioloError
from studiolo.canvas.quotes import Quote, Span


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a page as it was when the agent was asked. `anchor` finds it again in the page as it is now."""

    page: str
    title: str
    kind: str
    text: str
    span: Span
    anchor: Anchor
    chosen: bool  # the person pointed at it; otherwise it is the end of the page

    @property
    def selection(self) -> str:
        return self.text[self.span.start : self.span.end]

    @property
    def before(self) -> str:
        return self.text[: self.span.start]

    @property
    def after(self) -> str:
        return self.text[self.span.end :]


def at(canvas: Canvas, page: str, span: Span, chosen: bool) -> Place:
    """The place of a span of a page's present text."""
    text = canvas.page_text(page)
    about = next(entry for entry in canvas.outline() if entry["id"] == page)
    anchored = anchor(canvas.document.identity, page, text, span)
    return Place(page, about["title"], about["kind"], text, span, anchored, chosen)


def asked(
    canvas: Canvas,
    page: str | None,
    quote: str | None,
    before: str,
    after: str,
    start: Position | None,
    end: Position | None,
) -> Place | None:
    """The place that a request means, or None when it names no page.

    Raises `NotFound` for a page that is not there and the quote errors for a passage that is not.
    """
    if page is None:
        if quote or start:
            raise Invalid("A quote was given without its page.", "Send `page` too.")
        return None
    about = next((entry for entry in canvas.outline() if entry["id"] == page), None)
    if about is None or about.get("removed"):
        raise NotFound("That page is not in this canvas.", "Reload the canvas to see its pages.")
    text = canvas.page_text(page)
    if not (quote or before or after or start):
        return at(canvas, page, Span(len(text), len(text)), chosen=False)
    if not (quote or start or text.strip()):
        return at(canvas, page, Span(0, 0), chosen=True)
    found = place(
        canvas.document.identity, page, text, Quote(quote or "", before, after), _position(start), _position(end)
    )
    return at(canvas, page, found, chosen=True)


def of_hunk(canvas: Canvas, page: str, hunk: Mapping[str, Any]) -> Span:
    """Where in the page as it is now a hunk of a suggestion is. Raises what `place` raises, and ValidationError."""
    known = {name: value for name, value in hunk.items() if name != "replace"}
    spec = actions.HunkSpec.model_validate({**known, "replace": ""})
    text = canvas.page_text(page)
    return place(canvas.document.identity, page, text, spec.quoted, spec.start, spec.end)


def proposed(canvas: Canvas, action: Mapping[str, Any]) -> tuple[str, Span] | None:
    """The page, and the passage from the first to the last word, that an action of proposing is about; None where
    there is none. What has no place is refused when it is done."""
    spans: list[Span] = []
    if action.get("type") == "suggest":
        page = str(action.get("page"))
        for hunk in action.get("hunks") or ():
            with suppress(StudioloError, ValidationError, TypeError, AttributeError):
                spans.append(of_hunk(canvas, page, hunk))
    elif action.get("type") == "amend" and (record := canvas.suggestions.get(str(action.get("suggestion")))):
        page = record.page
        text = canvas.page_text(page)
        found = [canvas.find(page, text, hunk.anchor) for hunk in record.hunks if hunk.status == "open"]
        spans = [span for span in found if span is not None]
    else:
        return None
    return (page, Span(min(one.start for one in spans), max(one.end for one in spans))) if spans else None


def _position(given: Position | None) -> actions.Position | None:
    try:
        return None if given is None else actions.Position.model_validate(given)
    except ValidationError:
        raise Invalid("`start` or `end` is not a Yjs relative position.", "Send one as JSON.") from None


def now(canvas: Canvas, where: Place) -> Span:
    """Where the place is in the page as it is now. Raises `Stale` when its text has been changed meanwhile."""
    text = canvas.page_text(where.page)
    if text == where.text:
        return where.span
    span = canvas.find(where.page, text, where.anchor)
    if span is None:
        raise Stale(
            "The passage was changed while the agent was working on it.",
            "Ask again, with the text as it is now.",
        )
    return span


def insertion(canvas: Canvas, page: str, offset: int) -> dict[str, Any]:
    """The fields of a hunk that inserts at an offset of the page's present text."""
    text = canvas.page_text(page)
    return {
        "find": "",
        "before": text[max(0, offset - 48) : offset],
        "after": text[offset : offset + 48],
        "start": canvas.document.identity.position(page, offset, -1),
    }


def replacement(canvas: Canvas, page: str, span: Span) -> dict[str, Any]:
    """The fields of a hunk that replaces a span of the page's present text."""
    if span.start == span.end:
        return insertion(canvas, page, span.start)
    text, identity = canvas.page_text(page), canvas.document.identity
    return {
        "find": text[span.start : span.end],
        "before": text[max(0, span.start - 48) : span.start],
        "after": text[span.end : span.end + 48],
        "start": identity.position(page, span.start, 0),
        "end": identity.position(page, span.end, -1),
    }


def cursor(canvas: Canvas, page: str, span: Span) -> Mapping[str, Any]:
    """A span as awareness shows carets: `{anchor, head}` relative positions."""
    identity = canvas.document.identity
    return {"anchor": identity.position(page, span.start, -1), "head": identity.position(page, span.end, -1)}
