"""Turning back, as people ask for it: to a moment, what one person typed, what one agent brought in, an earlier deed.

Each gives a `Turn`, which can be looked at before it is done. `seen` is the last row that whoever asks has seen: what
others did after it is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studiolo.canvas.errors import Conflict, Invalid, NotFound
from studiolo.canvas.identity.decode import Range
from studiolo.history.archive import Piece
from studiolo.history.compare import between
from studiolo.history.histories import Past
from studiolo.history.intervals import Ids
from studiolo.history.notes import DEEDS
from studiolo.history.plans import Passage, Plan, outcome_of, page_changes, taken_back, to_moment, undone
from studiolo.history.sessions import words


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done, and the action as the ledger will have it."""

    action: Mapping[str, Any]
    plans: Sequence[Plan]
    pages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.plans or self.pages)


def restoring(past: Past, seen: int, to: int, page: str | None = None, passage: Passage | None = None) -> Turn:
    """To the moment after row `to`: the whole canvas, a page, or a passage of it. Raises `NotFound`, `Invalid`."""
    archive = past.archive
    check_moment(past, to)
    if page is not None:
        if page not in archive.outline(to):
            raise NotFound("There was no such page at that moment.", "Choose a later one.")
        action = {"type": "restore", "to": to, "page": page}
        if passage:
            plan = to_moment(archive, page, to, passage, seen)
            return _turn(action | {"passage": [passage.start, passage.end]}, [plan])
        here = archive.outline(archive.seq).get(page)
        back = {page: {"removed": False}} if here and here.removed and not archive.outline(to)[page].removed else {}
        return _turn(action, [to_moment(archive, page, to, seen=seen)], back)
    plans = [to_moment(archive, id, to, seen=seen) for id in archive.outline(to)]
    return _turn({"type": "restore", "to": to}, plans, page_changes(archive, to, seen))


def taking_back(past: Past, seen: int, participant: str, first: int, last: int) -> Turn:
    """Everything that one participant typed from row `first` to row `last`.

    What came by accepting suggestions is a decision and no typing, and so is an earlier turning back: each of them can
    be taken back for itself.
    """
    check_moment(past, first)
    check_moment(past, last)
    typed: dict[int, bool] = {}

    def theirs(row: int) -> bool:
        if not first <= row <= last:
            return False
        if row not in typed:
            note = past.note(row)
            typed[row] = past.archive.author(row) == participant and (note is None or note.type == "edit")
        return typed[row]

    def came(piece: Piece) -> bool:
        return theirs(piece.born) and past.owner(piece.client) == participant

    plans = [
        taken_back(past.archive, page, came, lambda piece: theirs(piece.died), seen)
        for page in past.archive.outline(past.archive.seq)
    ]
    return _turn({"type": "take_back", "participant": participant, "from": first, "to": last}, plans)


def withdrawing(past: Past, action: Mapping[str, Any], came: Sequence[Range], went: Sequence[Range]) -> Turn:
    """What accepted suggestions brought (`came`) and deleted (`went`), by the ids that they remember. Only to be looked
    at: the canvas's own action `undo` does it, and opens the suggestions again."""
    new, old = Ids(came), Ids(went)
    plans = [
        taken_back(
            past.archive,
            page,
            lambda piece: any(known for _, known in new.split((piece.client, piece.clock, piece.units))),
            lambda piece: any(known for _, known in old.split((piece.client, piece.clock, piece.units))),
        )
        for page in past.archive.outline(past.archive.seq)
    ]
    return _turn(action, plans)


def undoing(past: Past, seen: int, deed: int) -> Turn:
    """An earlier deed, named by its row. Raises `NotFound`, and `Conflict` when it has been undone already."""
    note = past.note(deed)
    if note is None or note.type not in DEEDS:
        raise NotFound("Nothing was turned back at that moment.", "Look at the history for what can be undone.")
    live = past.archive.outline(past.archive.seq)
    plans = [undone(past.archive, page, deed, seen) for page in note.about.get("pages", ()) if page in live]
    pages: dict[str, dict[str, Any]] = {}
    for id, was in note.about.get("was", {}).items():
        now = note.about["now"].get(id, {})
        if id in live:
            fields = {name: was[name] for name in was if getattr(live[id], name) == now.get(name)}
            if fields:
                pages[id] = fields
    turn = _turn({"type": "undo_deed", "deed": deed}, plans, pages)
    if turn.empty:
        raise Conflict("This has been undone already.", "Look at the history: what undid it can be undone, too.")
    return turn


def check_moment(past: Past, seq: int) -> None:
    """Raises `Invalid` for a moment that is not in the log."""
    if not 1 <= seq <= past.archive.seq:
        raise Invalid(
            f"There is no moment {seq}: the history goes from 1 to {past.archive.seq}.", "Ask for the history anew."
        )


def shown(past: Past, turn: Turn) -> list[dict[str, Any]]:
    """What would change: each page with its text and the changes in it, and what would become of the page itself."""
    archive = past.archive
    live = archive.outline(archive.seq)
    plans = {plan.page: plan for plan in turn.plans}
    listed: list[dict[str, Any]] = []
    for page in [*plans, *(page for page in turn.pages if page not in plans)]:
        about: dict[str, Any] = {"page": page, "title": live[page].title, "fields": dict(turn.pages.get(page, {}))}
        strips = []
        if page in plans:
            strips = between(archive.text(page, archive.seq), outcome_of(archive, plans[page]))
        about["strips"] = [strip.as_dict() for strip in strips]
        for name, kind in (("added", "ins"), ("removed", "del")):
            about[name] = sum(words(strip.text) for strip in strips if strip.kind == kind)
        listed.append(about)
    return listed


def _turn(
    action: Mapping[str, Any], plans: Sequence[Plan], pages: Mapping[str, Mapping[str, Any]] | None = None
) -> Turn:
    return Turn(action, [plan for plan in plans if not plan.empty], pages or {})
