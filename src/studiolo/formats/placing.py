"""Between a canvas and drafts: pages with what is open in them taken out, and brought in.

What a file says that others proposed or wrote is brought in as theirs; but a file may say anything, so they are
nobody here: their ids begin with `imported:`, which no participant's does, and no policy looks at what they propose.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.actions import AddPage
from studiolo.canvas.authorship import FOREIGN, authorship, restore_authors
from studiolo.canvas.document import plain
from studiolo.canvas.errors import StudioloError, TooLarge
from studiolo.formats.drafts import AuthorKind, Change, PageDraft, Remark, Said

MOST_MARKS = 20_000  # suggestions and comments of one import
COLORS = ("#1878b4", "#a04a1c", "#3c7a3a", "#7a4aa8", "#b03a5b", "#5f6b1f", "#0f7a78", "#8a5a00")


# -- out


def drafts_of(
    canvas: Canvas, pages: Collection[str] | None = None, names: Mapping[str, str] | None = None
) -> tuple[list[PageDraft], list[str]]:
    """The pages that are not removed, or those of `pages`, in order, with what is open in them; and what of that has
    lost its place and so is not there. With `names` of participants they also say who wrote what."""
    threads = sorted(plain(canvas.document.threads).values(), key=lambda thread: (thread["at"], thread["id"]))
    drafts: list[PageDraft] = []
    lost = 0
    for page in canvas.outline():
        if page["removed"] or (pages is not None and page["id"] not in pages):
            continue
        id, text = page["id"], canvas.page_text(page["id"])
        changes: list[Change] = []
        for record in canvas.suggestions.values():
            if record.page != id or record.status == "streaming":
                continue
            for hunk in record.hunks:
                if hunk.status not in ("open", "stale"):
                    continue
                span = canvas.find(id, text, hunk.anchor)
                if span is None:
                    lost += 1
                    continue
                kind: AuthorKind = "agent" if record.author_kind == "agent" else "person"
                changes.append(
                    Change(span.start, span.end, hunk.replace, record.name, record.at, kind, record.reason, record.id)
                )
        remarks: list[Remark] = []
        for thread in threads:
            if thread["page"] != id:
                continue
            span = canvas.find(id, text, canvas.threads[thread["id"]].anchor)
            if span is None:
                lost += 1
                continue
            said = tuple(_said(comment) for comment in thread["comments"])
            about = thread.get("about", "")
            remarks.append(Remark(span.start, span.end, said, thread["status"] == "resolved", about))
        authors = tuple(_authors(canvas, id, names)) if names is not None else ()
        drafts.append(
            PageDraft(
                page["title"],
                text,
                page["kind"],
                tuple(sorted(changes, key=lambda change: (change.start, change.end, change.at or 0.0))),
                tuple(sorted(remarks, key=lambda remark: (remark.start, remark.end))),
                authors,
            )
        )
    notes = [f"{lost} suggestion(s) or comment(s) whose text has changed were left out."] if lost else []
    return drafts, notes


def _said(comment: Mapping[str, Any]) -> Said:
    kind: AuthorKind = "agent" if comment.get("author_kind") == "agent" else "person"
    return Said(comment["name"], comment["text"], comment["at"], kind)


def _authors(canvas: Canvas, page: str, names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Who wrote which run, by name: ids mean nothing elsewhere."""
    for run in authorship(canvas, page):
        origin = run.origin
        name = origin.name or names.get(origin.participant, "")
        if not name and origin.participant.startswith(FOREIGN):
            name = origin.participant.removeprefix(FOREIGN)
        told: dict[str, Any] = {"length": run.length, "name": name, "how": origin.how}
        if kind := origin.more.get("kind"):
            told["kind"] = kind
        record = canvas.suggestions.get(origin.suggestion) if origin.suggestion else None
        if record is not None:
            told["suggestion"] = {
                field: value
                for field in ("name", "author_kind", "at", "reason", "skill", "model")
                if (value := getattr(record, field))
            }
            told["kind"] = record.author_kind
        elif known := origin.more.get("suggestion"):
            told["suggestion"] = known
        yield told


# -- in


def fill(canvas: Canvas, pages: Sequence[tuple[str, PageDraft]], by: Participant) -> dict[str, int]:
    """Bring into pages that have just been made what their drafts say of them; how much of it that was. `by` answers
    for it. The canvas is nobody else's yet, or this is its turn."""
    marks = sum(len(draft.changes) + len(draft.remarks) for _, draft in pages)
    if marks > MOST_MARKS:
        raise TooLarge(
            f"The file holds {marks:,} changes and comments; {MOST_MARKS:,} can be imported at once.",
            "Accept or reject some of them first, or divide the file.",
        )
    suggestions = threads = left = 0
    for id, draft in pages:
        if draft.authors and draft.text:
            restore_authors(canvas, id, draft.authors, by.id)
        for hunks in _grouped(draft.changes):
            try:
                _suggest(canvas, id, draft.text, hunks)
                suggestions += 1
            except StudioloError:
                left += len(hunks)
        for remark in draft.remarks:
            try:
                _comment(canvas, id, draft.text, remark)
                threads += 1
            except StudioloError:
                left += 1
    counted = {"suggestions": suggestions, "threads": threads, "left_out": left}
    return {name: number for name, number in counted.items() if number}


def filling(
    drafts: Sequence[PageDraft], by: Participant, source: Mapping[str, Any]
) -> Callable[[Canvas, Outcome], Outcome]:
    """What puts into a new canvas of these pages all that is open in them; the row of the ledger says from where."""

    def put(canvas: Canvas, made: Outcome) -> Outcome:
        ids = [page["id"] for page in made.details["pages"]]
        counted = fill(canvas, list(zip(ids, drafts, strict=True)), by)
        entry = dict(made.entry or {})
        entry["action"] = {**entry["action"], "imported": dict(source)}
        entry["outcome"] = {**entry["outcome"], **counted}
        details = {**made.details, **counted}
        whole = Outcome(made.outcome, made.id, details, canvas.document.update_since(), entry=entry)
        whole = canvas.claimed(whole)
        return replace(whole, claims={**made.claims, **whole.claims})

    return put


def add_pages(canvas: Canvas, drafts: Sequence[PageDraft], by: Participant, source: Mapping[str, Any]) -> Outcome:
    """Add pages at the end of a canvas, with all that is open in them, as one row of the log and of the ledger."""
    for draft in drafts:  # before anything is changed
        AddPage(title=draft.title, text=draft.text, kind=draft.kind)
    state = canvas.document.state()
    claims: dict[int, str] = {}
    made: list[tuple[str, PageDraft]] = []
    for draft in drafts:
        action = {"type": "add_page", **draft.as_dict(), "origin": "imported"}
        outcome = canvas.apply(action, by)
        claims |= outcome.claims
        assert outcome.id is not None
        made.append((outcome.id, draft))
    counted = fill(canvas, made, by)
    update = canvas.document.update_since(state)
    details = {"pages": [{"id": id, "title": draft.title} for id, draft in made], **counted}
    entry = {
        "action": {"type": "import", **source},
        "outcome": {"outcome": "imported", "id": None, **details},
    }
    whole = canvas.claimed(Outcome("imported", None, details, update, entry=entry))
    return replace(whole, claims={**claims, **whole.claims})


def foreign(name: str, kind: AuthorKind = "person") -> Participant:
    """Whom a file names, as somebody who is nobody here."""
    name = " ".join(name.split())[:100] or "Somebody"
    color = COLORS[zlib.crc32(name.encode()) % len(COLORS)]
    return Participant(FOREIGN + name, name, kind, color, "commenter")


def _grouped(changes: Sequence[Change]) -> Iterable[list[Change]]:
    """The changes as suggestions: those of one group together."""
    groups: dict[Any, list[Change]] = {}
    for number, change in enumerate(changes):
        groups.setdefault((change.group, change.author) if change.group else number, []).append(change)
    return groups.values()


def _suggest(canvas: Canvas, page: str, text: str, changes: Sequence[Change]) -> None:
    hunks = [
        {
            "find": text[change.start : change.end],
            "replace": change.replace,
            **_place(canvas, page, change.start, change.end),
        }
        for change in changes
        if text[change.start : change.end] != change.replace
    ]
    if not hunks:
        return
    first = changes[0]
    by = foreign(first.author, first.kind)
    with _at(canvas, first.at):
        outcome = canvas.apply({"type": "suggest", "page": page, "hunks": hunks, "reason": first.reason}, by)
    canvas.fresh.pop(outcome.id or "", None)


def _comment(canvas: Canvas, page: str, text: str, remark: Remark) -> None:
    start, end = remark.start, remark.end
    if start >= end:  # a comment needs words to be about: those before it, else those behind it
        before = len(text[:start].rstrip())
        low = max(text.rfind(" ", 0, before), text.rfind("\n", 0, before)) + 1
        start, end = low, before
        if start >= end:
            start = len(text) - len(text[remark.start :].lstrip())
            end = min([place for sign in " \n" if (place := text.find(sign, start)) >= 0] or [len(text)])
    first, *answers = [said for said in remark.said if said.text.strip()]
    action = {
        "type": "comment",
        "page": page,
        "quote": text[start:end],
        "text": first.text[:100_000],
        **_place(canvas, page, start, end),
    }
    opener = foreign(first.author, first.kind)
    with _at(canvas, first.at):
        thread = canvas.apply(action, opener).id
    for said in answers:
        with _at(canvas, said.at):
            canvas.apply(
                {"type": "reply", "thread": thread, "text": said.text[:100_000]}, foreign(said.author, said.kind)
            )
    if remark.resolved:
        canvas.apply({"type": "resolve", "thread": thread}, opener)


def _place(canvas: Canvas, page: str, start: int, end: int) -> dict[str, Any]:
    identity = canvas.document.identity
    last = identity.position(page, end, -1)
    return {"start": last if start == end else identity.position(page, start, 0), "end": last}


@contextmanager
def _at(canvas: Canvas, moment: float | None) -> Any:
    """Let what is done now be of the moment that the file names."""
    clock: Callable[[], float] = canvas.clock
    if moment is not None and 0 <= moment <= clock():
        canvas.clock = lambda: moment
    try:
        yield
    finally:
        canvas.clock = clock
