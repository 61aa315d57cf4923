"""Edits and suggestions: changing a page at once, and proposing to; streaming what is proposed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from studiolo.canvas import actions, anchors
from studiolo.canvas.appraising import appraise
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.deciding import close_in, get, raise_decided, undecided
from studiolo.canvas.diff import text_edits
from studiolo.canvas.document import append
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, StudioloError
from studiolo.canvas.identity import TextEdit
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import HunkRecord, SuggestionRecord
from studiolo.canvas.subjects import carry_threads
from studiolo.canvas.taking import changes_of, check_growth


def edit(canvas: Canvas, action: actions.Edit, by: Participant) -> Outcome:
    """Change a page at once, hunk by hunk, touching only the words that differ."""
    text = canvas.live_page(action.page)
    spans = place_hunks(canvas, action.page, text, action.hunks)
    edits = [
        TextEdit(span.start + part.start, span.start + part.end, part.insert)
        for span, hunk in sorted(zip(spans, action.hunks, strict=True), key=lambda pair: pair[0])
        for part in text_edits(text[span.start : span.end], hunk.replace)
    ]
    check_growth(canvas, action.page, sum(len(part.insert) - (part.end - part.start) for part in edits))
    with canvas.document.change() as written:
        canvas.document.edit(action.page, edits, canvas.writer(by.id))
    canvas.moved(action.page)
    return Outcome("edited", action.page, {"hunks": len(action.hunks)}, written())


def suggest(canvas: Canvas, action: actions.Suggest, by: Participant) -> Outcome:
    """Propose a change to a page. What it does anew is withdrawn in the same step, once it is finished.

    What comes from a `branch` may be for words that have changed here: it is stale from the start, and shown so.
    """
    text = canvas.live_page(action.page)
    old = _to_replace(canvas, action.replaces, by) if action.replaces else None
    if action.streaming and len(action.hunks) != 1:
        raise Invalid("A streaming suggestion has exactly one hunk.", "Send the others as a suggestion of their own.")
    if not action.streaming:
        for index, hunk in enumerate(action.hunks):
            if hunk.find == hunk.replace:
                raise Invalid(f"Hunk {index} changes nothing.", "Leave it out, or say what to put there.", hunk=index)
    actions.check_length(sum(len(hunk.replace) for hunk in action.hunks), "The suggestion")
    lost = [hunk for hunk in action.hunks if action.branch and _is_lost(canvas, action.page, text, hunk)]
    found = [hunk for hunk in action.hunks if hunk not in lost]
    spans = iter(place_hunks(canvas, action.page, text, found))
    hunks = [
        _stale(hunk)
        if hunk in lost
        else HunkRecord(anchors.anchor(canvas.document.identity, action.page, text, next(spans)), hunk.replace)
        for hunk in action.hunks
    ]
    record = draft(canvas, action.page, by, hunks, action.reason, action.skill, action.run, action.model)
    record.status = "streaming" if action.streaming else record.overall()
    record.replaces, record.branch = action.replaces, action.branch
    record.hands = " ".join(dict.fromkeys(action.hands))
    if action.evidence:
        evidence = [one.model_dump(exclude_defaults=True) for one in action.evidence]
        record.evidence = json.dumps(evidence, ensure_ascii=False)
    details: dict[str, Any] = {"status": record.status, "hunks": len(record.hunks)}
    with canvas.document.change() as written:
        put(canvas, record)
        if old is not None and not action.streaming:
            details |= _replace(canvas, old, record, by)
    return Outcome("suggested", record.id, details, written())


def extend(canvas: Canvas, action: actions.Extend, by: Participant) -> Outcome:
    """Append to a streaming suggestion while everybody watches it grow."""
    record = _own_streaming(canvas, action.suggestion, by)
    if not 0 <= action.hunk < len(record.hunks):
        raise Invalid(f"There is no hunk {action.hunk}.", "Count hunks from 0.")
    hunk = record.hunks[action.hunk]
    actions.check_length(len(hunk.replace) + len(action.text), "The suggestion")
    with canvas.document.change() as written:
        hunk.replace += action.text
        append(canvas.document.suggestions[record.id]["hunks"][action.hunk]["replace"], action.text)
    return Outcome("extended", record.id, {}, written())


def finish(canvas: Canvas, action: actions.Finish, by: Participant) -> Outcome:
    """End a streaming suggestion; one that would change nothing is withdrawn."""
    record = _own_streaming(canvas, action.suggestion, by)
    empty = all(hunk.replace == hunk.anchor.quote for hunk in record.hunks)
    details: dict[str, Any] = {}
    changes: list[dict[str, Any]] = []
    with canvas.document.change() as written:
        if action.status == "withdrawn" or empty:
            decision = canvas.new_id()
            chosen = [(record, index) for index in range(len(record.hunks))]
            close_in(canvas, chosen, by, "withdrawn", decision, canvas.clock())
            details["decision"] = decision
        else:
            canvas.set_status(record)
            appraise(canvas, record)
            changes = changes_of((record, index) for index in range(len(record.hunks)))
            old = canvas.suggestions.get(record.replaces)
            if old is not None and old.undecided and may_replace(by, old):
                details |= _replace(canvas, old, record, by)
    details = {"status": record.status, **details}
    return Outcome("finished", record.id, details, written(), kept={"changes": changes} if changes else {})


# -- shared with the other handlers


def place_hunks(canvas: Canvas, page: str, text: str, hunks: Sequence[actions.HunkSpec]) -> list[Span]:
    """Where each hunk's quote is. Raises what `anchors.place` raises, with the hunk's index in the details."""
    spans: list[Span] = []
    for index, hunk in enumerate(hunks):
        try:
            spans.append(anchors.place(canvas.document.identity, page, text, hunk.quoted, hunk.start, hunk.end))
        except StudioloError as error:
            error.details["hunk"] = index
            raise
    ordered = sorted(range(len(spans)), key=lambda index: spans[index])
    for one, other in pairwise(ordered):
        if spans[other].start < spans[one].end:
            raise Invalid(f"Hunks {one} and {other} overlap.", "Make one hunk of them.", hunks=sorted((one, other)))
    return spans


def draft(
    canvas: Canvas,
    page: str,
    by: Participant,
    hunks: list[HunkRecord],
    reason: str,
    skill: str = "",
    run: str = "",
    model: str = "",
) -> SuggestionRecord:
    """A new suggestion by a participant, not yet in the document."""
    return SuggestionRecord(
        id=canvas.new_id(),
        page=page,
        author=by.id,
        name=by.name,
        author_kind=by.kind,
        color=by.color,
        at=canvas.clock(),
        reason=reason,
        skill=skill,
        run=run,
        model=model,
        hunks=hunks,
    )


def put(canvas: Canvas, record: SuggestionRecord) -> None:
    """Inside `change()`: add a suggestion to the document."""
    if record.status != "streaming":
        appraise(canvas, record)
    canvas.suggestions[record.id] = record
    canvas.document.suggestions[record.id] = record.shared()
    canvas.register.note(record)


def may_replace(by: Participant, old: SuggestionRecord) -> bool:
    """Whether somebody may withdraw a suggestion by making it anew: its author may; an agent may do so for another
    agent, once the text under it is gone, for nobody loses anything by that; and a person who could reject it."""
    if old.author == by.id:
        return True
    if by.kind == "agent":
        return old.author_kind == "agent" and all(old.hunks[index].status == "stale" for index in undecided(old))
    return by.may("editor")


# -- inside


def _own_streaming(canvas: Canvas, id: str, by: Participant) -> SuggestionRecord:
    record = get(canvas, id)
    if record.author != by.id:
        raise Forbidden("Only its author can write on a suggestion.", "Make a suggestion of your own.")
    if record.status != "streaming":
        raise Conflict("The suggestion is finished.", "Make another suggestion.")
    return record


def _is_lost(canvas: Canvas, page: str, text: str, hunk: actions.HunkSpec) -> bool:
    """Whether a hunk that comes from a branch, with its place, is for words that are not there any more."""
    if hunk.start is None or hunk.end is None or not hunk.find:
        return False
    start, end = hunk.start.model_dump(exclude_none=True), hunk.end.model_dump(exclude_none=True)
    if anchors.between(canvas.document.identity, page, start, end) is None:
        return False
    try:
        anchors.place(canvas.document.identity, page, text, hunk.quoted, hunk.start, hunk.end)
    except Conflict:
        return True
    return False


def _stale(hunk: actions.HunkSpec) -> HunkRecord:
    """A hunk that waits to be seen beside the words that stand in its place today."""
    assert hunk.start is not None and hunk.end is not None
    start, end = hunk.start.model_dump(exclude_none=True), hunk.end.model_dump(exclude_none=True)
    return HunkRecord(anchors.Anchor(start, end, hunk.find, hunk.before, hunk.after), hunk.replace, "stale")


def _to_replace(canvas: Canvas, id: str, by: Participant) -> SuggestionRecord:
    old = get(canvas, id)
    if not old.undecided:
        raise_decided(old, old.hunks[-1])
    if old.status == "streaming":
        raise Conflict("The suggestion is still being written.", "Wait until it is finished, or stop its run first.")
    if not may_replace(by, old):
        raise Forbidden(
            "Only its author can make this suggestion anew, or another agent once its text has changed.",
            "Make a suggestion of your own, without `replaces`.",
        )
    return old


def _replace(canvas: Canvas, old: SuggestionRecord, new: SuggestionRecord, by: Participant) -> dict[str, str]:
    """Inside `change()`: withdraw a suggestion that was made anew; what is being said about it goes on about the new
    one. What is told of it."""
    decision = canvas.new_id()
    carry_threads(canvas, old, new)
    close_in(canvas, [(old, index) for index in undecided(old)], by, "withdrawn", decision, canvas.clock())
    return {"replaced": old.id, "withdrawal": decision}
