"""Taking suggestions that overlap together: what each of them changes, each change its author's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from studiolo.canvas import actions
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.credit import NOBODY, credited
from studiolo.canvas.deciding import finished, hunk_of, is_own, raise_stale
from studiolo.canvas.errors import Conflict, Forbidden, Invalid
from studiolo.canvas.overlaps import overlapping
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.taking import Chosen, Part, Placed, Taken, parts_of, place, put_in


def merge(canvas: Canvas, action: actions.Merge, by: Participant) -> Outcome:
    """Take hunks together as one decision. Insertions at one place come in the order of time; replacements are merged
    word by word where their edits are apart, or say the same. Where they are not, `Conflict` is raised with what each
    would have, unless `replace` says what is to stand there: its words are those authors' who proposed them, the rest
    `by`'s."""
    chosen: list[Chosen] = []
    for one in action.takes:
        record = finished(canvas, one.suggestion)
        hunk_of(record, one.hunk)
        if by.kind == "agent" and is_own(by, record, one.hunk):
            raise Forbidden("An agent cannot accept its own suggestion.", "Leave the decision to somebody else.")
        chosen.append((record, one.hunk))
    if len({(record.id, index) for record, index in chosen}) < len(chosen):
        raise Invalid("A hunk is named twice.", "Name each hunk once.")
    if len({record.page for record, _ in chosen}) > 1:
        raise Invalid("The hunks are on different pages.", "Accept them as they are: they are in nobody's way.")
    if action.replace is not None and by.kind == "agent":
        raise Forbidden("An agent cannot accept words of its own.", "Merge without `replace`, or leave it to a person.")
    canvas.live_page(chosen[0][0].page)
    taken = Taken(canvas.new_id())
    placed = sorted(place(canvas, chosen, taken), key=lambda one: (one.span, one.age))
    if taken.stale:
        raise_stale(canvas, [(record, index) for record, index in chosen if (record.id, index) in taken.stale])
    parts = _merged(canvas, placed) if action.replace is None else _written(canvas, placed, action.replace, by)
    put_in(canvas, taken, parts, placed, by, joint={one.id: taken.decision for one in placed})
    return replace(taken.outcome(), outcome="merged")


def _merged(canvas: Canvas, placed: Sequence[Placed]) -> list[Part]:
    """The edits of all hunks. What several say alike is taken once, from the one that came first; what several delete
    is deleted. Raises `Conflict`."""
    parts = [part for one in sorted(placed, key=lambda one: one.age) for part in parts_of(one)]
    free: list[Part] = []
    for part in parts:
        others = [one for one in free if one.placed.record is not part.placed.record]
        if not any((one.start, one.end, _text(one)) == (part.start, part.end, _text(part)) for one in others):
            free.append(part)
    kept: list[Part] = []
    for group in overlapping([(Span(part.start, part.end), part) for part in free]):
        members = [part for _, part in group]
        if len(members) == 1 or all(part.start == part.end for part in members):
            kept += members  # insertions at one place: they are put in by age
        elif not any(part.words for part in members):
            kept += _deletions(members)
        else:
            _raise_conflict(canvas, placed)
    return kept


def _deletions(parts: Sequence[Part]) -> list[Part]:
    """Deletions that overlap as deletions that do not."""
    kept: list[Part] = []
    floor = -1
    for part in sorted(parts, key=lambda part: (part.start, part.end)):
        start = max(part.start, floor)
        if start < part.end:
            kept.append(replace(part, start=start))
            floor = part.end
    return kept


def _written(canvas: Canvas, placed: Sequence[Placed], now: str, by: Participant) -> list[Part]:
    """The edits that put `now` where all the hunks stand, each on the hunk whose words it changes."""
    actions.check_length(len(now), "The text")
    if len(overlapping([(one.span, one) for one in placed])) > 1:
        raise Invalid("The hunks do not all overlap.", "Send only those for which `replace` stands.")
    low, high = min(one.span.start for one in placed), max(one.span.end for one in placed)
    was = canvas.page_text(placed[0].record.page)[low:high]
    ages = sorted(placed, key=lambda one: one.age)
    parts: list[Part] = []
    for edit in credited(was, now, [_alone(was, low, one) for one in ages]):
        start = low + edit.start
        words = [
            (text, by.id if owner == NOBODY else ages[owner].record.author, owner == NOBODY)
            for text, owner in edit.words
        ]
        for cover in _covers(placed, Span(start, low + edit.end)):
            parts.append(Part(cover[0], cover[1].start, cover[1].end, words))
            words = []
    return parts


def _covers(placed: Sequence[Placed], span: Span) -> list[tuple[Placed, Span]]:
    """Of which hunks a span is, stretch by stretch: together they cover it."""
    if span.start == span.end:
        one = next((one for one in placed if one.span.start <= span.start <= one.span.end), placed[0])
        return [(one, span)]
    covers: list[tuple[Placed, Span]] = []
    at = span.start
    while at < span.end:
        one = max((one for one in placed if one.span.start <= at < one.span.end), key=lambda one: one.span.end)
        covers.append((one, Span(at, min(span.end, one.span.end))))
        at = one.span.end
    return covers


def _alone(was: str, low: int, placed: Placed) -> str:
    """What would stand there if only this hunk were taken."""
    return was[: placed.span.start - low] + placed.hunk.replace + was[placed.span.end - low :]


def _text(part: Part) -> str:
    return "".join(text for text, _, _ in part.words)


def _raise_conflict(canvas: Canvas, placed: Sequence[Placed]) -> NoReturn:
    low, high = min(one.span.start for one in placed), max(one.span.end for one in placed)
    was = canvas.page_text(placed[0].record.page)[low:high]
    raise Conflict(
        "The suggestions change the same words in different ways.",
        "Take one of them, or send `replace`: what is to stand there.",
        was=was,
        texts=[
            {
                "suggestion": one.record.id,
                "hunk": one.index,
                "author": one.record.author,
                "name": one.record.name,
                "text": _alone(was, low, one),
            }
            for one in sorted(placed, key=lambda one: one.age)
        ],
    )
