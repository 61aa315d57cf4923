"""Keeping suggestions in step with the text: stale when theirs is gone, open again when it is back.

Only what a change can have touched is looked at: the hunks that stand where the text has changed since the last
look, and, of those whose text is gone, the ones whose quote stands there now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from studiolo.canvas import anchors
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import HunkRecord, SuggestionRecord
from studiolo.canvas.register import HunkId
from studiolo.canvas.subjects import place_threads, settle_threads

Spans = list[tuple[int, int]]


@dataclass(slots=True)
class _Change:
    """What a look at one hunk has found out: its anchor as it should be, or that its text is gone."""

    record: SuggestionRecord
    index: int
    anchor: anchors.Anchor
    gone: bool


class Settling:
    """What is known of when the pages of a canvas were looked at last."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._again: set[HunkId] = set()
        self._alike: dict[str, dict[str, int]] = {}
        """Of suggestions whose text was taken out: on which pages, and how often, it stood besides."""

    def look_again(self, record: SuggestionRecord, index: int) -> None:
        """A hunk was decided and is open again: it must be looked at, wherever the text has changed."""
        self._again.add((record.id, index))

    def unseen(self, canvas: Canvas, page: str) -> Spans:
        """Where the text of a page has changed since it was looked at last."""
        return canvas.document.identity.changed_since(page, self._seen.get(page, -1))

    def settle(self, canvas: Canvas, pages: Collection[str]) -> Outcome | None:
        """Look at the suggestions of these pages. None when nothing changed."""
        changes: list[_Change] = []
        spans = {page: self._changed(canvas, page) for page in pages}
        for page, (since, changed) in spans.items():
            if changed or self._again:
                changes += self._look(canvas, page, since, changed)
        moves = self._moves(canvas, changes, {page: changed for page, (_, changed) in spans.items() if changed})
        changes = [change for change in changes if change.record.id not in moves]
        if not changes and not moves:
            return None
        with canvas.document.change() as written:
            for change in changes:
                canvas.set_hunk(change.record, change.index, status="stale" if change.gone else "open")
                canvas.set_anchor(change.record, change.index, change.anchor)
            for id, (page, found) in moves.items():
                _carry(canvas, canvas.suggestions[id], page, found)
            touched = {*moves, *(change.record.id for change in changes)}
            place_threads(canvas, touched)
            for id in touched:
                if canvas.suggestions[id].status != "streaming":
                    canvas.set_status(canvas.suggestions[id])
        return canvas.claimed(Outcome("settled", update=written()))

    def _changed(self, canvas: Canvas, page: str) -> tuple[int, Spans]:
        """When a page was looked at last, and where it has changed since."""
        identity = canvas.document.identity
        since = self._seen.get(page, -1)
        self._seen[page] = identity.moment(page)
        return since, identity.changed_since(page, since)

    def _look(self, canvas: Canvas, page: str, since: int, changed: Spans) -> Iterator[_Change]:
        identity = canvas.document.identity
        waiting = canvas.register.waiting(page)
        if not waiting:
            return
        text = canvas.page_text(page)
        near_changes = identity.near_changes(page, since)
        for record in waiting:
            for index, hunk in enumerate(record.hunks):
                if hunk.status not in ("open", "stale"):
                    continue
                again = bool(self._again) and (record.id, index) in self._again
                if again:
                    self._again.discard((record.id, index))
                back = hunk.status == "stale" and _appears(text, changed, hunk.anchor.quote)
                if again or back or near_changes(hunk.anchor.start, hunk.anchor.end):
                    new = [(0, len(text))] if again else changed if back or hunk.status == "open" else []
                    change = _find(canvas, record, index, hunk, text, new)
                    if change is not None:
                        yield change

    def _moves(
        self, canvas: Canvas, changes: Iterable[_Change], changed: Mapping[str, Spans]
    ) -> dict[str, tuple[str, list[Span]]]:
        """The suggestions whose text has gone from their page, and since then come to another: where to, and where
        there. What stood there before is not theirs, though it read alike."""
        gone = {(change.record.id, change.index) for change in changes if change.gone}
        lost = {change.record.id: change.record for change in changes if change.gone}
        for record in lost.values():
            if _cut(canvas, record, gone):
                self._alike[record.id] = _counts(canvas, record)
        moves: dict[str, tuple[str, list[Span]]] = {}
        for record in canvas.register.stale():
            quote = record.hunks[0].anchor.quote
            found: list[tuple[str, list[Span]]] = []
            for page, new in changed.items():
                if page == record.page or not _appears(canvas.page_text(page), new, quote):
                    continue
                if record.id not in self._alike:  # it was taken out before this copy of the canvas was loaded
                    self._alike[record.id] = _counts(canvas, record)
                    continue
                alike = self._alike[record.id]
                before, alike[page] = alike.get(page, 0), canvas.page_text(page).count(quote)
                more = alike[page] > before and _cut(canvas, record, ())
                if more and (spans := _arrived(canvas, record, page)) is not None:
                    found.append((page, spans))
            if len(found) == 1:
                moves[record.id] = found[0]
                del self._alike[record.id]
        return moves


def _find(
    canvas: Canvas, record: SuggestionRecord, index: int, hunk: HunkRecord, text: str, new: Spans
) -> _Change | None:
    identity, returns, anchor = canvas.document.identity, canvas.origins.returns, hunk.anchor
    span = anchors.find(identity, record.page, text, anchor, returns, new)
    if span is not None and not anchors.holds(identity, record.page, span, anchor):
        anchor = anchors.anchor(identity, record.page, text, span)
    if (span is None) == (hunk.status == "stale") and anchor is hunk.anchor:
        return None
    return _Change(record, index, anchor, span is None)


def _appears(text: str, spans: Spans, quote: str) -> bool:
    """Whether a quote stands in one of these stretches of a text, or reaches into it."""
    return bool(quote) and any(
        text.find(quote, max(0, low - len(quote)), high + len(quote)) >= 0 for low, high in spans
    )


def _counts(canvas: Canvas, record: SuggestionRecord) -> dict[str, int]:
    """How often the text of a suggestion stands on each other page."""
    quote, pages = record.hunks[0].anchor.quote, canvas.document.identity.pages()
    return {page: canvas.page_text(page).count(quote) for page in pages if page != record.page}


def _cut(canvas: Canvas, record: SuggestionRecord, gone: Collection[HunkId]) -> bool:
    """Whether all text of a suggestion, which is stale or among what has just `gone`, was taken out whole, and not
    changed where it stood."""
    for index, hunk in enumerate(record.hunks):
        anchor = hunk.anchor
        span = anchors.between(canvas.document.identity, record.page, anchor.start, anchor.end)
        lost = hunk.status == "stale" or (record.id, index) in gone
        if not (lost and anchor.quote and span is not None and span.start == span.end):
            return False
    return True


def _arrived(canvas: Canvas, record: SuggestionRecord, page: str) -> list[Span] | None:
    """Where on a page all that a suggestion changes stands and is known again, if it does."""
    text = canvas.page_text(page)
    spans = [span for hunk in record.hunks if (span := anchors.moved(text, hunk.anchor)) is not None]
    whole = len(spans) == len(record.hunks) and not canvas.page(page).get("removed")
    return spans if whole else None


def _carry(canvas: Canvas, record: SuggestionRecord, page: str, spans: list[Span]) -> None:
    """Inside `change()`: let a suggestion follow its text to another page."""
    text = canvas.page_text(page)
    record.page = canvas.document.suggestions[record.id]["page"] = page
    for index, span in enumerate(spans):
        canvas.set_hunk(record, index, status="open")
        canvas.set_anchor(record, index, anchors.anchor(canvas.document.identity, page, text, span))


def recover(canvas: Canvas, lost: Collection[str]) -> Outcome | None:
    """End those of these suggestions and messages that are still being written."""
    going = [id for id in canvas.unfinished() if id in lost]
    streaming = [canvas.suggestions[id] for id in going if id in canvas.suggestions]
    writing = [canvas.document.chat[canvas.messages[id]] for id in going if id in canvas.messages]
    if not streaming and not writing:
        return None
    with canvas.document.change() as written:
        for record in streaming:
            # Half an insertion is something to judge; half a replacement would take away the other half.
            whole = any(hunk.replace for hunk in record.hunks) and not any(hunk.anchor.quote for hunk in record.hunks)
            for index in range(len(record.hunks)):
                if not whole:
                    canvas.set_hunk(record, index, status="withdrawn")
            canvas.set_status(record)
        settle_threads(canvas, streaming, "")
        for message in writing:
            message["status"] = "stopped"
    for record in streaming:
        canvas.moved(record.page)
    return Outcome("recovered", update=written())
