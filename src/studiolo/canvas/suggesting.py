"""Edits and suggestions: proposing changes, streaming them, deciding about them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

from pycrdt import merge_updates

from studiolo.canvas import actions, anchors
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.diff import text_edits
from studiolo.canvas.document import append
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, NotFound, Stale, StudioloError
from studiolo.canvas.identity import TextEdit
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import HunkRecord, HunkStatus, SuggestionRecord


def edit(canvas: Canvas, action: actions.Edit, by: Participant) -> Outcome:
    """Change a page at once, hunk by hunk, touching only the words that differ."""
    text = canvas.live_page(action.page)
    spans = place_hunks(canvas, action.page, text, action.hunks)
    edits = [
        TextEdit(span.start + part.start, span.start + part.end, part.insert)
        for span, hunk in sorted(zip(spans, action.hunks, strict=True), key=lambda pair: pair[0])
        for part in text_edits(text[span.start : span.end], hunk.replace)
    ]
    _check_growth(canvas, action.page, text, edits)
    with canvas.document.change() as written:
        canvas.document.edit(action.page, edits, canvas.writer(by.id))
    canvas.moved(action.page)
    return Outcome("edited", action.page, {"hunks": len(action.hunks)}, written())


def suggest(canvas: Canvas, action: actions.Suggest, by: Participant) -> Outcome:
    """Propose a change to a page."""
    text = canvas.live_page(action.page)
    if action.streaming and len(action.hunks) != 1:
        raise Invalid("A streaming suggestion has exactly one hunk.", "Send the others as a suggestion of their own.")
    if not action.streaming:
        for index, hunk in enumerate(action.hunks):
            if hunk.find == hunk.replace:
                raise Invalid(f"Hunk {index} changes nothing.", "Leave it out, or say what to put there.", hunk=index)
    actions.check_length(sum(len(hunk.replace) for hunk in action.hunks), "The suggestion")
    spans = place_hunks(canvas, action.page, text, action.hunks)
    hunks = [
        HunkRecord(anchors.anchor(canvas.document.identity, action.page, text, span), hunk.replace)
        for span, hunk in zip(spans, action.hunks, strict=True)
    ]
    record = draft(canvas, action.page, by, hunks, action.reason, action.skill, action.run, action.model)
    record.status = "streaming" if action.streaming else "open"
    with canvas.document.change() as written:
        put(canvas, record)
    return Outcome("suggested", record.id, {"status": record.status, "hunks": len(record.hunks)}, written())


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
    with canvas.document.change() as written:
        if action.status == "withdrawn" or empty:
            for index in range(len(record.hunks)):
                _decide_hunk(canvas, record, index, "withdrawn", by)
        canvas.set_status(record)
    canvas.moved(record.page)
    return Outcome("finished", record.id, {"status": record.status}, written())


def accept(canvas: Canvas, action: actions.Accept, by: Participant) -> Outcome:
    """Take a suggestion, or some of its hunks, into the text: the change, the status and the authorship at once.

    Hunks whose text has changed meanwhile are left out and named in `stale`; when none is left, `Stale` is raised.
    """
    record = _finished(canvas, action.suggestion)
    if by.kind == "agent" and record.author == by.id:
        raise Forbidden("An agent cannot accept its own suggestion.", "Leave the decision to somebody else.")
    text = canvas.live_page(record.page)
    edits: list[TextEdit] = []
    taken: list[int] = []
    stale: list[int] = []
    placed: list[tuple[Span, int]] = []
    for index in _chosen(record, action):
        span = anchors.find(canvas.document.identity, record.page, text, record.hunks[index].anchor)
        if span is None:
            stale.append(index)
        else:
            placed.append((span, index))
    floor = 0
    for span, index in sorted(placed):
        if span.start < floor:  # two hunks that the text's changes have pushed into each other
            stale.append(index)
            continue
        floor = span.end
        taken.append(index)
        hunk = record.hunks[index]
        edits += [
            TextEdit(span.start + part.start, span.start + part.end, part.insert)
            for part in text_edits(hunk.anchor.quote, hunk.replace)
        ]
    if not taken:
        _raise_stale(canvas, record, text, stale)
    edits = _joined(edits)
    _check_growth(canvas, record.page, text, edits)
    with canvas.document.change() as written:
        canvas.document.edit(record.page, edits, canvas.writer(record.author))
        for index in taken:
            _decide_hunk(canvas, record, index, "accepted", by)
        for index in stale:
            canvas.set_hunk(record, index, status="stale")
        canvas.set_status(record)
        if record.status == "accepted":
            for thread in canvas.document.threads.values():
                if thread.get("suggestion") == record.id and thread["status"] == "open":
                    thread["status"] = canvas.threads[thread["id"]].status = "resolved"
    update = written()
    inserted = [index for index in taken if not record.hunks[index].anchor.quote]
    if behind := _keep_order(canvas, record, inserted):
        update = merge_updates(update, behind)
    canvas.moved(record.page)
    details = {"status": record.status, "hunks": sorted(taken), "stale": sorted(stale)}
    return Outcome("accepted", record.id, details, update)


def reject(canvas: Canvas, action: actions.Reject, by: Participant) -> Outcome:
    """Turn a suggestion, or some of its hunks, down; one that is still being written is ended by it."""
    return _close(canvas, get(canvas, action.suggestion), action, by, "rejected")


def withdraw(canvas: Canvas, action: actions.Withdraw, by: Participant) -> Outcome:
    """Take back a suggestion of one's own, or some of its hunks."""
    record = get(canvas, action.suggestion)
    if record.author != by.id:
        raise Forbidden("Only its author can withdraw a suggestion.", "Reject it instead, if your role allows that.")
    return _close(canvas, record, action, by, "withdrawn")


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
    canvas.suggestions[record.id] = record
    canvas.document.suggestions[record.id] = record.shared()


def get(canvas: Canvas, id: str) -> SuggestionRecord:
    record = canvas.suggestions.get(id)
    if record is None:
        raise NotFound(f"There is no suggestion {id!r} in this canvas.", "Ask for the canvas to see its suggestions.")
    return record


# -- inside


def _own_streaming(canvas: Canvas, id: str, by: Participant) -> SuggestionRecord:
    record = get(canvas, id)
    if record.author != by.id:
        raise Forbidden("Only its author can write on a suggestion.", "Make a suggestion of your own.")
    if record.status != "streaming":
        raise Conflict("The suggestion is finished.", "Make another suggestion.")
    return record


def _finished(canvas: Canvas, id: str) -> SuggestionRecord:
    record = get(canvas, id)
    if record.status == "streaming":
        raise Conflict("The suggestion is still being written.", "Wait until it is finished, or stop its run first.")
    return record


def _chosen(record: SuggestionRecord, action: actions.Accept | actions.Reject | actions.Withdraw) -> list[int]:
    """The hunks a decision is about: those named, else all that are undecided."""
    if action.hunks is None:
        chosen = [index for index, hunk in enumerate(record.hunks) if hunk.status in ("open", "stale")]
        if not chosen:
            _raise_decided(record, record.hunks[-1])
        return chosen
    for index in action.hunks:
        if not 0 <= index < len(record.hunks):
            raise Invalid(f"There is no hunk {index}.", f"Hunks are counted from 0 to {len(record.hunks) - 1}.")
        if record.hunks[index].status not in ("open", "stale"):
            _raise_decided(record, record.hunks[index])
    return sorted(set(action.hunks))


def _close(
    canvas: Canvas,
    record: SuggestionRecord,
    action: actions.Reject | actions.Withdraw,
    by: Participant,
    status: HunkStatus,
) -> Outcome:
    chosen = _chosen(record, action)
    with canvas.document.change() as written:
        for index in chosen:
            _decide_hunk(canvas, record, index, status, by)
        canvas.set_status(record)
    return Outcome(status, record.id, {"status": record.status, "hunks": chosen}, written())


def _decide_hunk(canvas: Canvas, record: SuggestionRecord, index: int, status: HunkStatus, by: Participant) -> None:
    canvas.set_hunk(record, index, status=status, by=by.id, by_name=by.name, decided=canvas.clock())


def _keep_order(canvas: Canvas, accepted: SuggestionRecord, inserted: list[int]) -> bytes:
    """Put other insertions that hang on the same place behind what was just inserted there, when they came later: two
    continuations read in the order in which they were made, whichever is taken first."""
    identity, page = canvas.document.identity, accepted.page
    text = canvas.page_text(page)
    later: list[tuple[SuggestionRecord, int, anchors.Anchor]] = []
    for index in inserted:
        hunk = accepted.hunks[index]
        here = identity.locate(hunk.anchor.end)
        if here is None:
            continue
        end = here[1] + len(hunk.replace)
        for record in canvas.suggestions.values():
            if record.page != page or not record.undecided or record.status == "streaming":
                continue
            for other, waiting in enumerate(record.hunks):
                same = waiting.status == "open" and not waiting.anchor.quote and waiting.anchor.end == hunk.anchor.end
                if same and (record.at, record.id, other) > (accepted.at, accepted.id, index):
                    later.append((record, other, anchors.anchor(identity, page, text, Span(end, end))))
    if not later:
        return b""
    with canvas.document.change() as written:
        for record, other, anchor in later:
            canvas.set_anchor(record, other, anchor)
    return written()


def _raise_decided(record: SuggestionRecord, hunk: HunkRecord) -> NoReturn:
    raise Decided(
        f"It was already {hunk.status} by {hunk.by_name or 'somebody'}.",
        "Nothing was changed. Look at the canvas as it is now.",
        status=record.status,
        by=hunk.by,
    )


def _raise_stale(canvas: Canvas, record: SuggestionRecord, text: str, stale: list[int]) -> NoReturn:
    hunk = record.hunks[stale[0]]
    span = anchors.between(canvas.document.identity, record.page, hunk.anchor.start, hunk.anchor.end)
    raise Stale(
        "The text under the suggestion has changed since it was made.",
        "Nothing was changed. Ask for it again on today's text, or make the change by hand.",
        hunks=stale,
        was=hunk.anchor.quote,
        now=text[span.start : span.end] if span else "",
    )


def _joined(edits: list[TextEdit]) -> list[TextEdit]:
    """Edits in order, those that touch made one: two insertions at one place must keep their order."""
    joined: list[TextEdit] = []
    for part in edits:
        if joined and joined[-1].end == part.start:
            last = joined[-1]
            joined[-1] = TextEdit(last.start, part.end, last.insert + part.insert)
        else:
            joined.append(part)
    return joined


def _check_growth(canvas: Canvas, page: str, text: str, edits: Sequence[TextEdit]) -> None:
    grown = sum(len(part.insert) - (part.end - part.start) for part in edits)
    if grown > 0:
        actions.check_length(len(text) + grown, f"The page “{canvas.page(page)['title']}”")
