"""Deciding about suggestions: accept, reject, withdraw, one or many. Each is one step and one row of the ledger.

What was decided together carries the same `decision`, by which it can be taken back together (`undoing`). No agent
accepts what is its own, by whatever way: its suggestions, or its words in somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from studiolo.canvas import actions
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, NotFound, Stale
from studiolo.canvas.participant import Participant
from studiolo.canvas.records import HunkRecord, HunkStatus, SuggestionRecord
from studiolo.canvas.register import HunkId
from studiolo.canvas.taking import Chosen, Taken, changes_of, decide, settle_up, take


def accept(canvas: Canvas, action: actions.Accept, by: Participant) -> Outcome:
    """Take a suggestion, or some of its hunks, into the text: the change, the status and the authorship at once.

    Hunks whose text has changed meanwhile are left out and named in `stale`; when none is left, `Stale` is raised.
    """
    record = finished(canvas, action.suggestion)
    chosen = [(record, index) for index in chosen_of(record, action)]
    if by.kind == "agent" and any(is_own(by, record, index) for record, index in chosen):
        raise Forbidden("An agent cannot accept its own suggestion.", "Leave the decision to somebody else.")
    canvas.live_page(record.page)
    taken = take(canvas, chosen, by)
    if not taken.hunks:
        raise_stale(canvas, chosen)
    details = {
        "status": record.status,
        "hunks": [index for _, index in taken.hunks],
        "stale": sorted(index for _, index in taken.stale),
        "decision": taken.decision,
    }
    return Outcome("accepted", record.id, details, taken.update, kept={"changes": taken.changes})


def reject(canvas: Canvas, action: actions.Reject, by: Participant) -> Outcome:
    """Turn a suggestion, or some of its hunks, down; one that is still being written is ended by it."""
    return _close(canvas, get(canvas, action.suggestion), action, by, "rejected")


def withdraw(canvas: Canvas, action: actions.Withdraw, by: Participant) -> Outcome:
    """Take back a suggestion of one's own, or some of its hunks."""
    record = get(canvas, action.suggestion)
    if record.author != by.id:
        raise Forbidden("Only its author can withdraw a suggestion.", "Reject it instead, if your role allows that.")
    return _close(canvas, record, action, by, "withdrawn")


def accept_all(canvas: Canvas, action: actions.AcceptAll, by: Participant) -> Outcome:
    """Take many suggestions as one decision. What is stale, overlaps with another, was decided before, is still being
    written, stands on a removed page or is an agent's own is left as it is, and named."""
    records, left = _many(canvas, action)
    chosen: list[Chosen] = []
    for record in records:
        if record.status == "streaming":
            left["writing"].append(record.id)
        elif canvas.page(record.page).get("removed"):
            left["removed"].append(record.id)
        else:
            for index in undecided(record):
                if by.kind == "agent" and is_own(by, record, index):
                    left["own"].append(record.id)
                else:
                    chosen.append((record, index))
    taken = take(canvas, chosen, by)
    named = {reason: sorted(set(ids)) for reason, ids in left.items() if ids}
    if not taken.hunks:
        _raise_nothing(canvas, taken, chosen, named)
    return taken.outcome(suggestions=sorted({id for id, _ in taken.hunks}), **named)


def reject_all(canvas: Canvas, action: actions.RejectAll, by: Participant) -> Outcome:
    """Turn many suggestions down as one decision. What was decided before is named; what is still being written is
    ended only when it is named itself."""
    records, left = _many(canvas, action)
    if action.suggestions is None:
        left["writing"] = [record.id for record in records if record.status == "streaming"]
        records = [record for record in records if record.status != "streaming"]
    chosen = [(record, index) for record in records for index in undecided(record)]
    named = {reason: sorted(set(ids)) for reason, ids in left.items() if ids}
    if not chosen:
        _raise_nothing(canvas, Taken(""), chosen, named)
    decision, update = close(canvas, chosen, by, "rejected")
    hunks = sorted((record.id, index) for record, index in chosen)
    details = {"decision": decision, "hunks": hunks, "suggestions": sorted({id for id, _ in hunks}), **named}
    return Outcome("rejected", decision, details, update, kept={"changes": changes_of(chosen)})


# -- shared with the other ways to decide


def get(canvas: Canvas, id: str) -> SuggestionRecord:
    record = canvas.suggestions.get(id)
    if record is None:
        raise NotFound(f"There is no suggestion {id!r} in this canvas.", "Ask for the canvas to see its suggestions.")
    return record


def finished(canvas: Canvas, id: str) -> SuggestionRecord:
    """A suggestion that is not being written any more. Raises `NotFound` and `Conflict`."""
    record = get(canvas, id)
    if record.status == "streaming":
        raise Conflict("The suggestion is still being written.", "Wait until it is finished, or stop its run first.")
    return record


def hunk_of(record: SuggestionRecord, index: int) -> HunkRecord:
    """An undecided hunk. Raises `Invalid` when there is none with that number, and `Decided`."""
    if not 0 <= index < len(record.hunks):
        raise Invalid(f"There is no hunk {index}.", f"Hunks are counted from 0 to {len(record.hunks) - 1}.")
    if record.hunks[index].status not in ("open", "stale"):
        raise_decided(record, record.hunks[index])
    return record.hunks[index]


def undecided(record: SuggestionRecord) -> list[int]:
    """The numbers of the hunks that somebody can still decide about."""
    return [index for index, hunk in enumerate(record.hunks) if hunk.status in ("open", "stale")]


def chosen_of(record: SuggestionRecord, action: actions.Accept | actions.Reject | actions.Withdraw) -> list[int]:
    """The hunks a decision is about: those named, else all that are undecided."""
    if action.hunks is None:
        chosen = undecided(record)
        if not chosen:
            raise_decided(record, record.hunks[-1])
        return chosen
    for index in action.hunks:
        hunk_of(record, index)
    return sorted(set(action.hunks))


def is_own(by: Participant, record: SuggestionRecord, index: int) -> bool:
    """Whether what a hunk proposes is by this participant: the suggestion, or any of the words that it says now."""
    hunk = record.hunks[index]
    return by.id in (record.author, hunk.amended_by, *hunk.amenders.split())


def close(canvas: Canvas, chosen: Sequence[Chosen], by: Participant, status: HunkStatus) -> tuple[str, bytes]:
    """Decide hunks without changing the text: the decision's id, and the update."""
    decision, at = canvas.new_id(), canvas.clock()
    with canvas.document.change() as written:
        close_in(canvas, chosen, by, status, decision, at)
    return decision, written()


def close_in(
    canvas: Canvas, chosen: Iterable[Chosen], by: Participant, status: HunkStatus, decision: str, at: float
) -> None:
    """Inside `change()`: decide hunks without changing the text."""
    records: dict[str, SuggestionRecord] = {}
    for record, index in chosen:
        decide(canvas, record, index, status, by, decision, at)
        records[record.id] = record
    settle_up(canvas, records.values(), decision)


def raise_decided(record: SuggestionRecord, hunk: HunkRecord) -> NoReturn:
    raise Decided(
        f"It was already {hunk.status} by {hunk.by_name or 'somebody'}.",
        "Nothing was changed. Look at the canvas as it is now.",
        status=record.status,
        by=hunk.by,
    )


def raise_stale(canvas: Canvas, stale: Sequence[Chosen]) -> NoReturn:
    """Say what was there when the first of the hunks was proposed, what would be, and what is there today."""
    record, index = stale[0]
    hunk = record.hunks[index]
    raise Stale(
        "The text under the suggestion has changed since it was made.",
        "Nothing was changed. Ask for it again on today's text, or make the change by hand.",
        suggestion=record.id,
        hunks=[index for other, index in stale if other is record],
        was=hunk.anchor.quote,
        now=canvas.today(record, index),
        replace=hunk.replace,
    )


# -- inside


def _close(
    canvas: Canvas,
    record: SuggestionRecord,
    action: actions.Reject | actions.Withdraw,
    by: Participant,
    status: HunkStatus,
) -> Outcome:
    chosen = [(record, index) for index in chosen_of(record, action)]
    decision, update = close(canvas, chosen, by, status)
    details = {"status": record.status, "hunks": [index for _, index in chosen], "decision": decision}
    return Outcome(status, record.id, details, update, kept={"changes": changes_of(chosen)})


def _many(
    canvas: Canvas, action: actions.AcceptAll | actions.RejectAll
) -> tuple[list[SuggestionRecord], dict[str, list[str]]]:
    """The undecided suggestions that are meant, the oldest first, and where those that are left are named."""
    left: dict[str, list[str]] = {"decided": [], "writing": [], "removed": [], "own": []}
    if action.suggestions is None:
        if action.page is not None:
            canvas.page(action.page)
            records = canvas.register.waiting(action.page)
        else:
            records = canvas.register.waiting_anywhere()
    else:
        records = [get(canvas, id) for id in dict.fromkeys(action.suggestions)]
        left["decided"] = [record.id for record in records if not record.undecided]
        records = sorted((record for record in records if record.undecided), key=lambda one: (one.at, one.id))
    fits = (
        record
        for record in records
        if action.page in (None, record.page)
        and action.author in (None, record.author)
        and action.run in (None, record.run)
    )
    return list(fits), left


def _raise_nothing(canvas: Canvas, taken: Taken, chosen: Sequence[Chosen], left: dict[str, list[str]]) -> NoReturn:
    """Say why none of many could be decided."""
    if left.keys() == {"own"} and not chosen:
        raise Forbidden("An agent cannot accept its own suggestion.", "Leave the decision to somebody else.")
    if left.keys() == {"decided"} and not chosen:
        raise Decided("All of it was decided already.", "Nothing was changed. Look at the canvas as it is now.", **left)
    if taken.stale and not taken.overlapping and not left:
        lost: set[HunkId] = set(taken.stale)
        raise_stale(canvas, [(record, index) for record, index in chosen if (record.id, index) in lost])
    details: dict[str, Any] = {"stale": taken.stale, "overlapping": taken.overlapping, **left}
    raise Conflict(
        "None of it can be decided together." if chosen or left else "There is nothing to decide.",
        "Nothing was changed. Look at those that overlap one by one, and ask for stale ones again.",
        **{reason: ids for reason, ids in details.items() if ids},
    )
