"""Who wrote a page: the runs of its text, everybody's share, and all that is known of one passage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.authorship import FOREIGN, Authored, authorship, shares
from studiolo.canvas.document import STUDIO, plain
from studiolo.canvas.errors import Invalid, StudioloError
from studiolo.canvas.origins import Origin
from studiolo.canvas.quotes import Quote, Span, resolve
from studiolo.canvas.records import SuggestionRecord
from studiolo.store.written import written_at
from studiolo.web.access import Here, Seat, Viewer
from studiolo.web.account import shown
from studiolo.web.answers import Json
from studiolo.web.asking import seen
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api/canvases/{canvas}/pages/{page}", tags=["authorship"])

MOST_PARTS = 50  # runs of one passage that everything is told of
MOST_WORDS = 400  # characters of a run that are shown with it

At = Annotated[int | None, Query(ge=0, le=2**53)]
Words = Annotated[str, Query(max_length=4_000)]


@router.get("/authors")
async def page_authors(page: str, seat: Viewer, studio: Here) -> Json:
    """Who wrote each run of a page's text, and how it came; starts and lengths are in code points."""
    canvas = (await studio.rooms.get(seat.canvas)).canvas
    runs = authorship(canvas, page)
    told = [{"start": run.start, "length": run.length, **_brief(run.origin)} for run in runs]
    return Json({"page": page, "runs": told, "participants": await _participants(studio, canvas, _named(runs))})


@router.get("/authors/shares")
async def page_shares(page: str, seat: Viewer, studio: Here) -> Json:
    """How much of the page, and of the whole canvas, is whose: characters and percent, by how they came."""
    canvas = (await studio.rooms.get(seat.canvas)).canvas
    here = authorship(canvas, page)
    others = [one["id"] for one in canvas.outline() if not one["removed"] and one["id"] != page]
    everywhere = [*here, *(run for other in others for run in authorship(canvas, other))]
    participants = await _participants(studio, canvas, _named(everywhere))
    return Json({"page": shares(here), "canvas": shares(everywhere), "participants": participants})


@router.get("/provenance")
async def provenance(
    page: str,
    seat: Viewer,
    studio: Here,
    at: At = None,
    to: At = None,
    quote: Words = "",
    before: Words = "",
    after: Words = "",
) -> Json:
    """Who wrote this: of the character at an offset, of the text up to another offset, or of a quoted passage; each
    run with its author, when, from which suggestion and run, for which reason, by which model, and who took it in."""
    canvas = (await studio.rooms.get(seat.canvas)).canvas
    text = canvas.page_text(page)
    span = _asked(text, at, to, Quote(quote, before, after))
    found = [run for run in authorship(canvas, page) if run.start < span.end and run.start + run.length > span.start]
    parts = [await _told(studio, seat, canvas, page, text, run, span) for run in found[:MOST_PARTS]]
    return Json(
        {
            "page": page,
            "start": span.start,
            "length": span.end - span.start,
            "parts": parts,
            "more": max(0, len(found) - MOST_PARTS),
            "participants": await _participants(studio, canvas, {*_named(found), *_involved(parts)}),
        }
    )


def _asked(text: str, at: int | None, to: int | None, quote: Quote) -> Span:
    if at is None:
        if not quote.find:
            raise Invalid("It is not said which passage.", "Send `at`, an offset in code points, or `quote`.")
        return resolve(text, quote)
    if at >= len(text) or (to is not None and not at < to <= len(text)):
        raise Invalid(f"The page has {len(text):,} characters.", "Send an offset of one of them in `at`.")
    return Span(at, at + 1 if to is None else to)


def _brief(origin: Origin) -> dict[str, Any]:
    """A run as the page shows it; what says nothing is left out."""
    told: dict[str, Any] = {"participant": origin.participant, "how": origin.how}
    if origin.suggestion:
        told["suggestion"] = origin.suggestion
    if origin.via in ("moved", "copied", "restored"):
        told["via"] = origin.via
    return told


async def _told(
    studio: Studio, seat: Seat, canvas: Canvas, page: str, text: str, run: Authored, span: Span
) -> dict[str, Any]:
    """All that is known of one run."""
    origin = run.origin
    start, end = max(run.start, span.start), min(run.start + run.length, span.end)
    told: dict[str, Any] = {
        "start": start,
        "length": end - start,
        "text": text[start : min(end, start + MOST_WORDS)],
        **_brief(origin),
    }
    if origin.via:
        told["came"] = {"via": origin.via, "by": origin.by, "at": origin.at}
    if origin.how in ("pasted", "imported"):
        told["at"] = origin.more.get("at") or origin.at
    elif not origin.via and not origin.suggestion:
        piece = canvas.document.identity.pieces(page, start, start + 1)[0]
        if (when := await written_at(studio.store, seat.canvas, piece.client, piece.clock)) is not None:
            told["at"] = when
    if origin.name:
        told["told"] = {field: value for field, value in origin.more.items() if field != "at"}
    record = canvas.suggestions.get(origin.suggestion)
    if record is not None:
        told["suggestion"] = _suggestion(record, int(origin.more.get("hunk", 0)))
        if record.run:
            told["run"] = await _run(studio, seat, record.run)
    return told


def _suggestion(record: SuggestionRecord, index: int) -> dict[str, Any]:
    """The change that brought the text: why, by which model, who amended it and who took it."""
    hunk = record.hunks[min(index, len(record.hunks) - 1)]
    told: dict[str, Any] = {
        "id": record.id,
        "author": record.author,
        "at": record.at,
        "status": record.status,
        "was": hunk.anchor.quote,
        "reason": record.reason,
        "skill": record.skill,
        "model": record.model,
        "evidence": json.loads(record.evidence) if record.evidence else [],
    }
    if hunk.by and hunk.status == "accepted":
        told["accepted"] = {"by": hunk.by, "name": hunk.by_name, "at": hunk.decided}
        if hunk.policy:
            told["accepted"]["policy"] = hunk.policy
    if hunk.amended_by:
        told["amended"] = {"by": hunk.amended_by, "name": hunk.amended_by_name, "proposed": hunk.proposed}
    if record.branch:
        told["branch"] = record.branch
    return {field: value for field, value in told.items() if value not in ("", [])}


async def _run(studio: Studio, seat: Seat, id: str) -> dict[str, Any] | None:
    """What an agent was asked when it wrote this; None when that is gone or not for this caller's eyes."""
    with suppress(StudioloError):
        _, run = await seen(studio, seat.who, id)
        return {name: run[name] for name in ("id", "agent", "skill", "model", "prompt", "by", "started") if name in run}
    return None


def _named(runs: Iterable[Authored]) -> set[tuple[str, str, str]]:
    """Who is named in runs: id, and for those of a file the name and kind that it gives them."""
    return {
        (run.origin.participant, run.origin.name, str(run.origin.more.get("kind", "person")) if run.origin.name else "")
        for run in runs
    }


def _involved(parts: Sequence[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Who else is named in what is told of runs."""
    ids = {part["came"]["by"] for part in parts if "came" in part}
    for part in parts:
        if isinstance(suggestion := part.get("suggestion"), dict):
            ids.add(suggestion["author"])
            ids |= {suggestion[field]["by"] for field in ("accepted", "amended") if field in suggestion}
    return {(id, "", "") for id in ids}


async def _participants(
    studio: Studio, canvas: Canvas, named: Iterable[tuple[str, str, str]]
) -> dict[str, dict[str, str]]:
    """Names, kinds and colours by id. Who has left the studio keeps the name that their records in the canvas have."""
    found: dict[str, dict[str, str]] = {}
    for id, name, kind in sorted(named):
        if id.startswith(FOREIGN):
            found[id] = {"id": id, "name": name or id.removeprefix(FOREIGN), "kind": kind or "person", "color": ""}
        elif id and id != STUDIO and (known := await studio.people.participant(id)) is not None:
            found[id] = shown(known)
        elif id and (signed := _signature(canvas, id)) is not None:
            found[id] = shown(signed)
    return found


def _signature(canvas: Canvas, id: str) -> Participant | None:
    """Somebody by what they once signed in this canvas."""
    for record in canvas.suggestions.values():
        if record.author == id:
            kind = "agent" if record.author_kind == "agent" else "person"
            return Participant(id, record.name, kind, record.color)
        for hunk in record.hunks:
            if hunk.by == id and hunk.by_name:
                return Participant(id, hunk.by_name, "agent" if id == STUDIO else "person")
    for message in plain(canvas.document.chat):
        if message.get("author") == id:
            kind = "agent" if message.get("author_kind") == "agent" else "person"
            return Participant(id, message["name"], kind, message["color"])
    return None
