"""Amending a suggestion: its author writes on it while it waits, an editor puts it right before taking it."""

from __future__ import annotations

from collections.abc import Sequence

from studiolo.canvas import actions, anchors
from studiolo.canvas.appraising import appraise
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.deciding import finished, hunk_of
from studiolo.canvas.document import splice
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, StudioloError
from studiolo.canvas.overlaps import overlapping
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Quote, Span
from studiolo.canvas.records import SuggestionRecord
from studiolo.canvas.subjects import place_threads
from studiolo.canvas.taking import changes_of


def amend(canvas: Canvas, action: actions.Amend, by: Participant) -> Outcome:
    """Change what undecided hunks propose.

    The author of a suggestion may also say where it is to stand; what they propose then is their proposal. Where an
    editor, or somebody whom the author let have a hand in it, amends somebody else's, the first proposal is kept beside
    it, until it reads like that again.
    """
    record = finished(canvas, action.suggestion)
    own = record.author == by.id
    if not own and not by.may("editor") and by.id not in record.hands.split():
        raise Forbidden(
            "A commenter may amend only their own suggestions, and those on which the author wants their hand.",
            "Comment on it, or suggest another text.",
        )
    if action.draft and not own:
        raise Forbidden("Only its author writes drafts of a suggestion.", "Amend it when the text is as it should be.")
    if len({one.hunk for one in action.hunks}) < len(action.hunks):
        raise Invalid("A hunk is named twice.", "Send each hunk once, as it is to be.")
    moves = any(one.find is not None or one.start is not None for one in action.hunks)
    if moves and not own:
        raise Forbidden("Only its author can move a suggestion.", "Amend its text, or make a suggestion of your own.")
    known = [hunk_of(record, one.hunk) for one in action.hunks]
    others = sum(len(hunk.replace) for hunk in record.hunks) - sum(len(hunk.replace) for hunk in known)
    actions.check_length(others + sum(len(one.replace) for one in action.hunks), "The suggestion")
    placed = _placed(canvas, record, action.hunks) if moves else {}
    for one, hunk in zip(action.hunks, known, strict=True):
        quote = placed[one.hunk].quote if one.hunk in placed else hunk.anchor.quote
        if one.replace == quote and not action.draft:
            raise Invalid(
                f"Hunk {one.hunk} would change nothing.",
                "Withdraw it, or say what to put there." if own else "Reject it, or say what to put there.",
                hunk=one.hunk,
            )
    with canvas.document.change() as written:
        for one in action.hunks:
            _amend(canvas, record, one, by, own)
            if one.hunk in placed:
                canvas.set_anchor(record, one.hunk, placed[one.hunk])
                canvas.set_hunk(record, one.hunk, status="open")
        place_threads(canvas, (record.id,) if placed else ())
        canvas.set_status(record)
        appraise(canvas, record, action.draft)
    hunks = sorted(one.hunk for one in action.hunks)
    details = {"status": record.status, "hunks": hunks}
    changes = changes_of((record, index) for index in hunks)
    return Outcome("amended", record.id, details, written(), kept={"changes": changes})


def _amend(canvas: Canvas, record: SuggestionRecord, amended: actions.AmendedHunk, by: Participant, own: bool) -> None:
    """Inside `change()`: change what one hunk proposes, touching only the part of its text that differs."""
    index = amended.hunk
    hunk = record.hunks[index]
    proposed = None if own else hunk.replace if hunk.proposed is None else hunk.proposed
    if hunk.replace != amended.replace:
        splice(canvas.document.suggestions[record.id]["hunks"][index]["replace"], hunk.replace, amended.replace)
        hunk.replace = amended.replace
    if hunk.amended_by not in ("", by.id, *hunk.amenders.split()):
        canvas.set_hunk(record, index, amenders=f"{hunk.amenders} {hunk.amended_by}".strip())
    if proposed is None or proposed == amended.replace:
        canvas.set_hunk(record, index, proposed=None, amended_by="", amended_by_name="")
    else:
        canvas.set_hunk(record, index, proposed=proposed, amended_by=by.id, amended_by_name=by.name)


def _placed(
    canvas: Canvas, record: SuggestionRecord, hunks: Sequence[actions.AmendedHunk]
) -> dict[int, anchors.Anchor]:
    """The new anchors of those hunks that move. Raises what `anchors.place` raises, with the hunk in the details, and
    `Invalid` when two hunks of the suggestion would overlap."""
    text = canvas.live_page(record.page)
    identity = canvas.document.identity
    spans: dict[int, Span] = {}
    for one in hunks:
        if one.find is None and one.start is None:
            continue
        find = one.find if one.find is not None else record.hunks[one.hunk].anchor.quote
        try:
            quote = Quote(find, one.before, one.after)
            spans[one.hunk] = anchors.place(identity, record.page, text, quote, one.start, one.end)
        except StudioloError as error:
            error.details["hunk"] = one.hunk
            raise
    others = [
        (span, index)
        for index, hunk in enumerate(record.hunks)
        if index not in spans and hunk.status in ("open", "stale")
        if (span := canvas.find(record.page, text, hunk.anchor)) is not None
    ]
    for group in overlapping([*((span, index) for index, span in spans.items()), *others]):
        if len(group) > 1 and any(span.start < span.end for span, _ in group):
            raise Conflict(
                "Two hunks of the suggestion would overlap.", "Make one hunk of them.", hunks=[i for _, i in group]
            )
    return {index: anchors.anchor(identity, record.page, text, span) for index, span in spans.items()}
