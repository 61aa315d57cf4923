"""What must go and what must come back to turn text back: worked out by ids, so that it can be done while others type.

Nothing here changes a canvas. A plan names characters by their ids: those that are to go, as far as they are still
there, and those that are to come back where they stood. What anybody writes after the plan was made has other ids.
`seen` is the last row that whoever asks has seen: what was written or deleted after it is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from studiolo.canvas.errors import Invalid
from studiolo.canvas.identity.decode import Range
from studiolo.canvas.identity.units import split_units, units_before
from studiolo.history.archive import NEVER, Archive, Piece
from studiolo.history.intervals import Ids

Test = Callable[[Piece], bool]


@dataclass(slots=True)
class Plan:
    """What is to happen to one page's text."""

    page: str
    delete: list[Range] = field(default_factory=list)
    restore: list[tuple[Range, str]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.delete or self.restore)

    def joined(self) -> Plan:
        """The same with ids that follow one another in one range: what was typed in a row goes and comes in one go."""
        joined = Plan(self.page)
        for client, clock, units in sorted(self.delete):
            last = joined.delete[-1] if joined.delete else None
            if last and (last[0], last[1] + last[2]) == (client, clock):
                joined.delete[-1] = (client, last[1], last[2] + units)
            else:
                joined.delete.append((client, clock, units))
        parts: list[str] = []
        for (client, clock, units), text in sorted(self.restore):
            last = joined.restore[-1][0] if joined.restore else None
            if last and (last[0], last[1] + last[2]) == (client, clock):
                parts.append(text)
                joined.restore[-1] = ((client, last[1], last[2] + units), "")
            else:
                if joined.restore:
                    joined.restore[-1] = (joined.restore[-1][0], "".join(parts))
                parts = [text]
                joined.restore.append(((client, clock, units), ""))
        if joined.restore:
            joined.restore[-1] = (joined.restore[-1][0], "".join(parts))
        return joined


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a page as it was at the moment that is to be restored, in code points."""

    start: int
    end: int


def to_moment(archive: Archive, page: str, seq: int, passage: Passage | None = None, seen: int = NEVER - 1) -> Plan:
    """What makes a page, or a passage of it, read as it did after row `seq`.

    Raises `Invalid` for a passage that lies outside the text of that moment.
    """
    pieces = list(archive.weave(page)) if passage is None else _within(archive, page, seq, passage)
    plan, wanted = Plan(page), Ids()
    for piece in pieces:
        if not piece.there(seq):
            continue
        for root in archive.root(piece.client, piece.clock, piece.units):
            wanted.add(root)
        if not piece.alive:
            newest = archive.newest(piece.client, piece.clock, piece.units)
            if newest != [(piece.client, piece.clock, piece.units)]:
                _bring_back(archive, plan, newest, seen)
            elif piece.died <= seen:
                plan.restore.append((newest[0], piece.text))
    for piece in pieces:
        if piece.alive and not piece.there(seq) and piece.born <= seen:
            clock = piece.clock
            for root in archive.root(piece.client, piece.clock, piece.units):
                for part, known in wanted.split(root):
                    if not known:
                        plan.delete.append((piece.client, clock, part[2]))
                    clock += part[2]
    return plan.joined()


def _within(archive: Archive, page: str, seq: int, passage: Passage) -> list[Piece]:
    """All pieces from the first to the last one of a passage, those at its ends cut where it begins and ends. What
    stands now in the place of an end that is gone belongs to it."""
    pieces = list(archive.weave(page))
    found: list[Piece] = []
    ends: list[int] = []  # where in `pieces` the passage begins and ends
    at = 0
    for place, piece in enumerate(pieces):
        if piece.there(seq):
            start, end = max(at, passage.start), min(at + len(piece.text), passage.end)
            if start < end:
                found.append(_cut(piece, start - at, end - at))
                ends.append(place)
            at += len(piece.text)
    if not 0 <= passage.start < passage.end <= at:
        raise Invalid("The passage lies outside the text of that moment.", "Select it again.")
    first, last = ends[0], ends[-1]
    found += [piece for piece in pieces[first:last] if not piece.there(seq)]
    while not found[0].alive and first and not pieces[first - 1].there(seq):
        first -= 1
        found.append(pieces[first])
    closing = found[len(ends) - 1]
    while not closing.alive and last + 1 < len(pieces) and not pieces[last + 1].there(seq):
        last += 1
        found.append(pieces[last])
    return found


def _cut(piece: Piece, start: int, end: int) -> Piece:
    low, high = units_before(piece.text, start), units_before(piece.text, end)
    return Piece(piece.client, piece.clock + low, high - low, piece.text[start:end], piece.born, piece.died)


def taken_back(archive: Archive, page: str, came: Test, went: Test, seen: int = NEVER - 1) -> Plan:
    """What undoes that some text `came`, and that other text `went`.

    Text that was brought back since counts as what it was at first; what was deleted again by somebody else, for
    their own reasons, stays deleted.
    """
    plan = Plan(page)
    for piece in archive.weave(page):
        if piece.alive:
            plan.delete += [ids for ids, root in _rooted(archive, piece) if came(root)]
        elif went(piece):
            for ids, root in _rooted(archive, piece):
                if not came(root):
                    _bring_back(archive, plan, archive.uncopied(*ids), seen)
    return plan.joined()


def undone(archive: Archive, page: str, deed: int, seen: int = NEVER - 1) -> Plan:
    """What takes back the one row `deed`, which brought some text and took other away."""
    plan = Plan(page)
    for piece in archive.weave(page):
        if piece.alive and piece.born == deed:
            plan.delete.append((piece.client, piece.clock, piece.units))
        elif piece.died == deed and piece.born < deed:
            _bring_back(archive, plan, archive.uncopied(piece.client, piece.clock, piece.units), seen)
    return plan.joined()


def _rooted(archive: Archive, piece: Piece) -> Iterator[tuple[Range, Piece]]:
    """The parts of a piece, each with what it was at first."""
    clock = piece.clock
    for root in archive.root(piece.client, piece.clock, piece.units):
        if root == (piece.client, piece.clock, piece.units):
            yield root, piece
            return
        for first in archive.pieces(*root):
            yield (piece.client, clock, first.units), first
            clock += first.units


def _bring_back(archive: Archive, plan: Plan, ids: Iterable[Range], seen: int) -> None:
    """Add to a plan what of these ids is gone."""
    for one in ids:
        for piece in archive.pieces(*one):
            if piece.text and piece.died <= seen:
                plan.restore.append(((piece.client, piece.clock, piece.units), piece.text))


def outcome_of(archive: Archive, plan: Plan) -> str:
    """The page's text as it would be if the plan were carried out now."""
    gone, back = Ids(), Ids()
    for ids in plan.delete:
        gone.add(ids)
    for ids, _ in plan.restore:
        back.add(ids)
    shown: list[str] = []
    for piece in archive.weave(plan.page):
        rest = piece.text
        for ids, known in (gone if piece.alive else back).split((piece.client, piece.clock, piece.units)):
            part, rest = split_units(rest, ids[2])
            if known != piece.alive:
                shown.append(part)
    return "".join(shown)


def page_changes(archive: Archive, seq: int, seen: int = NEVER - 1) -> dict[str, dict[str, Any]]:
    """What must be set of the pages themselves (title, order, removed) for the list of them to be as after row `seq`.

    A page that was made since is taken out of the list; nothing of it is lost.
    """
    then, now, known = archive.outline(seq), archive.outline(archive.seq), archive.outline(seen)
    wanted: dict[str, dict[str, Any]] = {}
    for id, page in now.items():
        was = then.get(id)
        if id not in known:
            continue
        if was is None:
            fields: dict[str, Any] = {} if page.removed else {"removed": True}
        else:
            fields = {
                name: getattr(was, name)
                for name in ("title", "order", "removed")
                if getattr(was, name) != getattr(page, name)
            }
        if fields:
            wanted[id] = fields
    return wanted
