"""Taking decisions back: one, or all that was accepted by a policy, from a run or of an author, as one set.

What acceptance put into the text goes, as far as it still stands, and what it replaced comes back under who wrote it.
What people did in it since stays: words that they typed inside live on, and where nothing is left of what was put in,
because somebody has written it anew or deleted it, that later edit stays as it is. An acceptance on which a later one
was built is left until that one is taken back.
"""

from __future__ import annotations

import json
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pycrdt import merge_updates

from studiolo.canvas import actions, anchors
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, NotFound
from studiolo.canvas.identity import Range
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import HunkStatus, SuggestionRecord
from studiolo.canvas.register import HunkId
from studiolo.canvas.reversal import text_of, turn_back, without
from studiolo.canvas.subjects import place_threads, reopen_threads
from studiolo.canvas.taking import Chosen, changes_of

LAST = 50  # decisions about one hunk that are remembered to have been taken back


@dataclass(slots=True)
class _Edit:
    """One edit that acceptance made: what it deleted, with its text, and what it inserted."""

    gone: list[tuple[Range, str]] = field(default_factory=list[tuple[Range, str]])
    come: list[Range] = field(default_factory=list[Range])


@dataclass(slots=True, eq=False)
class _Deed:
    """An accepted hunk and the edits that accepting it made."""

    record: SuggestionRecord
    index: int
    edits: list[_Edit]

    @property
    def id(self) -> HunkId:
        return self.record.id, self.index

    @property
    def joint(self) -> str:
        return self.record.hunks[self.index].joint


class _Ids:
    """Which hunks stretches of ids belong to."""

    def __init__(self) -> None:
        self._spans: defaultdict[int, list[tuple[int, int, HunkId]]] = defaultdict(list)

    def add(self, range: Range, id: HunkId) -> None:
        insort(self._spans[range[0]], (range[1], range[1] + range[2], id))

    def over(self, range: Range) -> Iterator[tuple[Range, HunkId]]:
        """The parts of a range that belong to hunks."""
        client, clock, units = range
        spans = self._spans.get(client, [])
        for start, end, id in spans[max(0, bisect_right(spans, (clock,)) - 1) :]:
            if start >= clock + units:
                return
            low, high = max(start, clock), min(end, clock + units)
            if low < high:
                yield (client, low, high - low), id


def undo(canvas: Canvas, action: actions.Undo, by: Participant) -> Outcome:
    """Take back a decision, or all that was accepted by a policy, from a run or of an author, as one set.

    What a decision was about is open again; what is taken back as a set is withdrawn, for nobody wants to decide
    about all of it once more. What was accepted as one with any of it goes back, too, and is open again. Hunks that
    must be left are named in `left`.
    """
    if by.kind == "agent":
        raise Forbidden("An agent cannot take a decision back.", "Leave that to a person.")
    chosen, status = _chosen(canvas, action)
    joined = _joined(canvas, chosen)
    if not by.may("editor") and any(not _own_withdrawal(by, record, index) for record, index in chosen):
        raise Forbidden(
            "A commenter may take back only withdrawals of their own.", "Ask an editor to take the decision back."
        )
    meant = {(record.id, index) for record, index in chosen}
    chosen += joined
    accepted = [_deed(canvas, record, index) for record, index in chosen if record.hunks[index].status == "accepted"]
    removed = [deed for deed in accepted if canvas.page(deed.record.page).get("removed")]
    accepted = [deed for deed in accepted if not canvas.page(deed.record.page).get("removed")]
    accepted, built_on = _free(canvas, accepted)
    left = [{"suggestion": deed.record.id, "hunk": deed.index, "page": "removed"} for deed in removed]
    left += [
        {"suggestion": deed.record.id, "hunk": deed.index, "decision": canvas.suggestions[id].hunks[index].decision}
        for deed, (id, index) in built_on
    ]
    kept = {(one["suggestion"], one["hunk"]) for one in left}
    chosen = [(record, index) for record, index in chosen if (record.id, index) not in kept]
    if not chosen:
        _raise_left(left)
    decision = canvas.new_id()
    updates = _turn_back(canvas, accepted, by)
    before = [(record.hunks[index].status, record.hunks[index].decision) for record, index in chosen]
    changes = [
        {**change, "status": was, "decision": known}
        for change, (was, known) in zip(changes_of(chosen), before, strict=True)
    ]
    with canvas.document.change() as written:
        taken_back = {record.hunks[index].decision for record, index in chosen} - {""}
        for record, index in chosen:
            _reopen(canvas, record, index, status if (record.id, index) in meant else "open", by, decision)
        for record in {record.id: record for record, _ in chosen}.values():
            canvas.set_status(record)
        reopen_threads(canvas, {record.id: record for record, _ in chosen}.values(), decision)
        for thread in canvas.threads.values():
            if thread.decision in taken_back and thread.status == "resolved" and not thread.about:
                shared = canvas.document.threads[thread.id]
                thread.status = shared["status"] = "open"
        _follow(canvas, accepted)
    hunks = sorted((record.id, index) for record, index in chosen)
    details: dict[str, Any] = {"decision": decision, "hunks": hunks, "left": left}
    update = merge_updates(*updates, written()) if updates else written()
    return Outcome("undone", decision, details, update, kept={"changes": changes})


# -- what is meant


def _chosen(canvas: Canvas, action: actions.Undo) -> tuple[list[Chosen], HunkStatus]:
    """The hunks that are meant, and what becomes of them."""
    named = {name: value for name in ("decision", "policy", "run", "author") if (value := getattr(action, name))}
    if len(named) != 1:
        raise Invalid(
            "Say which decisions: exactly one of `decision`, `policy`, `run` and `author`.",
            "A decision's id is in the answer to it, and on the hunks that it was about.",
        )
    ((name, value),) = named.items()
    if name == "decision":
        chosen = [(canvas.suggestions[id], index) for id, index in canvas.register.decided(value)]
        if not chosen and canvas.register.undone(value):
            raise Decided(
                "That decision was taken back before.", "Nothing was changed. Look at the canvas as it is now."
            )
        if not chosen:
            raise NotFound(
                f"There is no decision {value!r} in this canvas.", "Its id is on the hunks that it was about."
            )
        return chosen, "open"
    chosen: list[Chosen] = []
    before = False
    for record in canvas.suggestions.values():
        for index, hunk in enumerate(record.hunks):
            if value == (hunk.policy if name == "policy" else getattr(record, name)):
                before = before or bool(hunk.undone)
                if hunk.status == "accepted" and hunk.applied:
                    chosen.append((record, index))
    if not chosen and before:
        raise Decided("All of it was taken back before.", "Nothing was changed. Look at the canvas as it is now.")
    if not chosen:
        raise NotFound(f"Nothing of the {name} {value!r} was accepted.", "Look at the canvas to see what was.")
    return chosen, "withdrawn"


def _joined(canvas: Canvas, chosen: Sequence[Chosen]) -> list[Chosen]:
    """The hunks that were accepted as one with some of these: they go back with them, and wait again."""
    meant = {(record.id, index) for record, index in chosen}
    joined: dict[HunkId, Chosen] = {}
    for record, index in chosen:
        hunk = record.hunks[index]
        for id in canvas.register.decided(hunk.decision) if hunk.joint else ():
            other = canvas.suggestions[id[0]]
            if id not in meant and other.hunks[id[1]].joint == hunk.joint:
                joined[id] = (other, id[1])
    return list(joined.values())


def _own_withdrawal(by: Participant, record: SuggestionRecord, index: int) -> bool:
    hunk = record.hunks[index]
    return hunk.status == "withdrawn" and by.id == record.author == hunk.by


def _raise_left(left: Sequence[dict[str, Any]]) -> None:
    if "page" in left[0]:
        raise Conflict("The page was removed.", "Restore it first.", left=list(left))
    raise Conflict(
        "What it put there was changed by a suggestion that was accepted later.",
        "Take that one back first: its decision is in `left`.",
        left=list(left),
    )


# -- the text


def _deed(canvas: Canvas, record: SuggestionRecord, index: int) -> _Deed:
    """What accepting a hunk did, from its `applied`."""
    hunk = record.hunks[index]
    edits: dict[int, _Edit] = {}
    for part in json.loads(hunk.applied or "[]"):
        edit = edits.setdefault(part["at"], _Edit())
        at = part["at"]
        for client, clock, units, points in part["del"]:
            edit.gone.append(((client, clock, units), hunk.anchor.quote[at : at + points]))
            at += points
        if part["ins"]:
            client, clock, units = part["ins"]
            edit.come.append((client, clock, units))
    return _Deed(record, index, list(edits.values()))


def _free(canvas: Canvas, deeds: Sequence[_Deed]) -> tuple[list[_Deed], list[tuple[_Deed, HunkId]]]:
    """Those that can be taken back together, and those on which an accepted hunk that stays was built."""
    identity, returns = canvas.document.identity, canvas.origins.returns
    free = list(deeds)
    built_on: list[tuple[_Deed, HunkId]] = []
    worn = [
        deed
        for deed in deeds
        if any(sum(part.range[2] for part in identity.living(come)) < come[2] for come in _come(deed))
    ]
    if not worn:
        return free, built_on
    later = _Ids()
    for record in canvas.suggestions.values():
        for index, hunk in enumerate(record.hunks):
            if hunk.status == "accepted" and hunk.applied:
                for part in json.loads(hunk.applied):
                    for client, clock, units, _ in part["del"]:
                        later.add((client, clock, units), (record.id, index))
    while True:  # what is left is built on others that are left then
        going = {deed.id for deed in free}
        for deed in worn:
            if deed.id not in going:
                continue
            ids = (
                id
                for come in _come(deed)
                for range in returns.family(come)
                for _, id in later.over(range)
                if id not in going
            )
            if (other := next(ids, None)) is not None:
                bound = [one for one in free if one is deed or (one.joint and one.joint == deed.joint)]
                built_on += [(one, other) for one in bound]
                free = [one for one in free if one not in bound]
                break
        else:
            return free, built_on


def _turn_back(canvas: Canvas, deeds: Sequence[_Deed], by: Participant) -> list[bytes]:
    """Turn the text back, page by page: the updates."""
    identity, returns = canvas.document.identity, canvas.origins.returns
    going, coming = _Ids(), _Ids()  # what the set has inserted, and what it has deleted
    for deed in deeds:
        for edit in deed.edits:
            for come in edit.come:
                for range in returns.family(come):
                    going.add(range, deed.id)
            for gone, _ in edit.gone:
                coming.add(gone, deed.id)
    delete: defaultdict[str, list[Range]] = defaultdict(list)
    restore: defaultdict[str, list[tuple[Range, str]]] = defaultdict(list)
    for deed in deeds:
        for edit in deed.edits:
            delete[deed.record.page] += edit.come
            stands = not edit.come or any(
                identity.living(range) or any(coming.over(range))
                for come in edit.come
                for range in returns.family(come)
            )
            for gone, text in edit.gone if stands else ():
                inside = [range for range, _ in going.over(gone)]
                restore[deed.record.page] += [
                    (range, text_of(gone, text, range)) for range in (without([gone], inside) if inside else [gone])
                ]
    pages = {**delete, **restore}
    return [update for page in pages if (update := turn_back(canvas, page, delete[page], restore[page], by.id))]


# -- the suggestions


def _reopen(
    canvas: Canvas, record: SuggestionRecord, index: int, status: HunkStatus, by: Participant, decision: str
) -> None:
    """Inside `change()`: take back what was decided about one hunk. When, by which policy and whether somebody was to
    look at it stays known."""
    hunk = record.hunks[index]
    undone = " ".join([*hunk.undone.split(), hunk.decision][-LAST:])
    if status == "open":
        canvas.set_hunk(
            record, index, status=status, by="", by_name="", decision="", applied="", joint="", undone=undone
        )
        canvas.settling.look_again(record, index)
        canvas.moved(record.page)
    else:
        whose = {"by": by.id, "by_name": by.name, "decision": decision}
        canvas.set_hunk(record, index, status=status, **whose, applied="", joint="", undone=undone)


def _follow(canvas: Canvas, deeds: Iterable[_Deed]) -> None:
    """Inside `change()`: let insertions that wait behind what has gone keep their place, behind what came back."""
    identity, returns = canvas.document.identity, canvas.origins.returns
    instead: dict[tuple[int, int], dict[str, Any]] = {}
    moved: set[str] = set()
    for deed in deeds:
        for edit in deed.edits:
            for client, clock, units in (range for come in edit.come for range in returns.family(come)):
                last = edit.gone[-1][0] if edit.gone else (client, clock, units)
                end = {"item": {"client": last[0], "clock": last[1] + last[2] - 1}, "assoc": -1}
                instead[client, clock + units - 1] = returns.renewed(identity, end)
    for page in {deed.record.page for deed in deeds}:
        text = canvas.page_text(page)
        for record in canvas.register.waiting(page):
            for index, hunk in enumerate(record.hunks):
                item = hunk.anchor.end.get("item")
                if hunk.anchor.quote or item is None or hunk.status not in ("open", "stale"):
                    continue
                end = instead.get((item["client"], item["clock"]))
                if end is not None and (there := identity.locate(end)) is not None:
                    span = Span(there[1], there[1])
                    canvas.set_anchor(record, index, anchors.anchor(identity, page, text, span))
                    moved.add(record.id)
    place_threads(canvas, moved)


def _come(deed: _Deed) -> Iterator[Range]:
    for edit in deed.edits:
        yield from edit.come
