"""A page's text and what is proposed for it as one line of pieces, as every format with tracked changes writes it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from studiolo.canvas.diff import tokens
from studiolo.formats.drafts import Change, PageDraft, Remark, Said

INSTEAD = re.compile(r"Suggests “(.*)” instead of “(.+?)”\.$", re.DOTALL)
What = Literal["keep", "delete", "insert", "open", "close"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that stays, goes or comes; or a place where a remark (its index) opens or closes."""

    what: What
    text: str = ""
    change: Change | None = None
    remark: int = -1


def apart(changes: Sequence[Change]) -> list[Change]:
    """The changes in order and without overlap: of two that would replace the same words the earlier takes them, and
    what the other puts there stands behind. Those that then do nothing are left out."""
    kept: list[Change] = []
    floor = 0
    for change in sorted(changes, key=lambda one: (one.start, one.end, one.at or 0.0)):
        start, end = max(change.start, floor), max(change.end, floor)
        if start < end or change.replace:
            kept.append(replace(change, start=start, end=end))
        floor = end
    return kept


def parted(page: PageDraft) -> PageDraft:
    """The page with no two changes of the same words: where some overlap in more than words that they leave as they
    are, the earlier stays a change, and the others become comments of their authors that `rejoined` knows again."""
    changes = sorted(page.changes, key=lambda one: (one.start, one.end, one.at or 0.0))
    clashing: set[int] = set()
    reach = -1  # of those before, the one that goes furthest
    for number, change in enumerate(changes):
        if reach >= 0 and change.start < changes[reach].end:
            clashing |= {reach, number}
        if reach < 0 or change.end > changes[reach].end:
            reach = number
    if not clashing:
        return page
    kept: list[Change] = []
    remarks = list(page.remarks)
    floor = 0
    lean = [trimmed_change(page.text, one) if number in clashing else one for number, one in enumerate(changes)]
    for change in sorted(lean, key=lambda one: (one.start, one.end, one.at or 0.0)):
        if change.start >= floor or change.start == change.end:
            kept.append(change)
            floor = max(floor, change.end)
            continue
        told = f"Suggests “{change.replace}” instead of “{page.text[change.start : change.end]}”."
        said = [Said(change.author, told, change.at, change.kind)]
        if change.reason:
            said.append(Said(change.author, change.reason, change.at, change.kind))
        remarks.append(Remark(change.start, change.end, tuple(said)))
    ordered = tuple(sorted(remarks, key=lambda one: (one.start, one.end)))
    return replace(page, changes=tuple(kept), remarks=ordered)


def rejoined(page: PageDraft) -> PageDraft:
    """The page with what `parted` made comments of as changes again, unless somebody has answered."""
    changes = list(page.changes)
    remarks: list[Remark] = []
    for remark in page.remarks:
        first, *more = remark.said
        told = INSTEAD.match(first.text)
        start = page.text.find(told.group(2), remark.start, remark.end) if told else -1
        alone = len(more) < 2 and all(said.author == first.author for said in more)
        if told is None or start < 0 or not alone:
            remarks.append(remark)
            continue
        reason = more[0].text if more else ""
        end = start + len(told.group(2))
        changes.append(Change(start, end, told.group(1), first.author, first.at, first.kind, reason))
    ordered = tuple(sorted(changes, key=lambda one: (one.start, one.end, one.at or 0.0)))
    return replace(page, changes=ordered, remarks=tuple(remarks))


def trimmed_change(text: str, change: Change) -> Change:
    """A change without the words that it begins and ends with on both sides."""
    old, new = tokens(text[change.start : change.end]), tokens(change.replace)
    head = tail = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    start = change.start + len("".join(old[:head]))
    end = change.end - len("".join(old[len(old) - tail :]))
    return replace(change, start=start, end=end, replace="".join(new[head : len(new) - tail]))


def woven(page: PageDraft) -> list[Piece]:
    """The pieces in order. What stays and what goes, joined, is the page's text; what stays and what comes is the text
    with everything taken. A remark never begins or ends inside a piece."""
    changes = apart(page.changes)
    places = sorted(
        [
            *((_outside(changes, remark.start), 1, -remark.end, index) for index, remark in enumerate(page.remarks)),
            *((_outside(changes, remark.end, after=True), 0, 0, index) for index, remark in enumerate(page.remarks)),
        ]
    )
    # One that covers nothing would close before it opens.
    points = {
        index
        for index, remark in enumerate(page.remarks)
        if _outside(changes, remark.start) == _outside(changes, remark.end, after=True)
    }
    around = _around(page, changes)
    points -= around.keys()
    places = [place for place in places if place[3] not in points and place[3] not in around]
    return list(_pieces(page, changes, places, sorted(points), around))


def _around(page: PageDraft, changes: Sequence[Change]) -> dict[int, tuple[int, int]]:
    """Of the remarks about changes the first and the last of these, which they go around."""
    groups: dict[str, list[int]] = {}
    for number, change in enumerate(changes):
        groups.setdefault(change.group, []).append(number)
    around: dict[int, tuple[int, int]] = {}
    for index, remark in enumerate(page.remarks):
        there = [
            number
            for number in (groups.get(remark.about, []) if remark.about else [])
            if remark.start <= changes[number].start and changes[number].end <= remark.end
        ]
        if there:
            around[index] = (there[0], there[-1])
    return around


def _pieces(
    page: PageDraft,
    changes: Sequence[Change],
    places: Sequence[tuple[int, int, int, int]],
    points: Sequence[int],
    around: Mapping[int, tuple[int, int]],
) -> Iterator[Piece]:
    events: list[tuple[int, int, float, Piece]] = []
    for index, (first, last) in around.items():
        events.append((changes[first].start, 3, first - 0.5, Piece("open", remark=index)))
        events.append((changes[last].start, 3, last + 0.5, Piece("close", remark=index)))
    for at, opens, _, index in places:
        # What closes at a place closes before what comes there, what opens there opens before it.
        events.append((at, 2 if opens else 0, 0, Piece("open" if opens else "close", remark=index)))
    for index in points:
        at = _outside(changes, page.remarks[index].start)
        events.append((at, 1, 0, Piece("open", remark=index)))
        events.append((at, 1, 1, Piece("close", remark=index)))
    for number, change in enumerate(changes):
        events.append((change.start, 3, number, Piece("delete", page.text[change.start : change.end], change)))
    at = 0
    for place, _, _, piece in sorted(events, key=lambda event: event[:3]):
        if place > at:
            yield Piece("keep", page.text[at:place])
            at = place
        if piece.change is None:
            yield piece
            continue
        if piece.text:
            yield piece
            at = place + len(piece.text)
        if piece.change.replace:
            yield Piece("insert", piece.change.replace, piece.change)
    if at < len(page.text):
        yield Piece("keep", page.text[at:])


def _outside(changes: Sequence[Change], at: int, after: bool = False) -> int:
    """A place that lies within a replaced passage, moved to its beginning or its end."""
    before = bisect_right(changes, at, key=lambda change: change.start) - 1
    if before >= 0 and changes[before].start < at < changes[before].end:
        return changes[before].end if after else changes[before].start
    return at


def taken(page: PageDraft) -> PageDraft:
    """The page with every change taken into its text, and its remarks where they then are."""
    changes = apart(page.changes)
    parts: list[str] = []
    at = 0
    for change in changes:
        parts += [page.text[at : change.start], change.replace]
        at = change.end
    parts.append(page.text[at:])

    def moved(place: int, after: bool) -> int:
        place = _outside(changes, place, after)
        return place + sum(
            len(change.replace) - (change.end - change.start)
            for change in changes
            if change.end < place or (change.end == place and change.start < change.end)
        )

    remarks: list[Remark] = []
    for remark in page.remarks:
        start = moved(remark.start, False)
        remarks.append(replace(remark, start=start, end=max(start, moved(remark.end, True))))
    return replace(page, text="".join(parts), changes=(), remarks=tuple(remarks), authors=())
