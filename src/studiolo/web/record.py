"""The record: what agents and people proposed, and what became of it, at a canvas or at all that one may see."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from studiolo.canvas.errors import NotFound
from studiolo.ledger.facts import Fact
from studiolo.ledger.record import between, record, summed
from studiolo.web.access import Caller, Here, Viewer
from studiolo.web.answers import Json

router = APIRouter(prefix="/api", tags=["record"])

Moment = Annotated[float, Query(ge=0, le=2**53, description="Epoch seconds.")]
EVER = float(2**53)
SHOWN = 100  # changes
Status = Literal["open", "stale", "accepted", "rejected", "withdrawn"]


@router.get("/canvases/{canvas}/record")
async def of_canvas(seat: Viewer, studio: Here, since: Moment = 0.0, until: Moment = EVER) -> Json:
    """For each participant and skill: what they proposed here in that time, and what became of it."""
    found = between(await studio.records.facts(seat.canvas), since, until)
    return Json(_recorded(found))


@router.get("/canvases/{canvas}/record/changes")
async def changes(
    seat: Viewer,
    studio: Here,
    participant: str = "",
    skill: str | None = None,
    status: Status | None = None,
    since: Moment = 0.0,
    until: Moment = EVER,
) -> Json:
    """The changes that a row of the record is made of, the newest first, with their text."""
    found = [
        fact
        for fact in between(await studio.records.facts(seat.canvas), since, until)
        if participant in ("", fact.author) and skill in (None, fact.skill) and status in (None, fact.status)
    ]
    canvas = (await studio.rooms.get(seat.canvas)).canvas
    shown: list[dict[str, Any]] = []
    for fact in sorted(found, key=lambda one: (-one.at, one.suggestion, one.hunk))[:SHOWN]:
        hunk = canvas.suggestions[fact.suggestion].hunks[fact.hunk]
        title = canvas.page(fact.page)["title"]
        text = {"was": hunk.anchor.quote, "now": hunk.replace, "proposed": hunk.proposed, "by_name": hunk.by_name}
        shown.append({**asdict(fact), "stands": fact.now, "page_title": title, **text})
    return Json({"changes": shown, "count": len(found)})


@router.get("/record")
async def of_all(who: Caller, studio: Here, since: Moment = 0.0, until: Moment = EVER) -> Json:
    """The same over all canvases that the caller may see."""
    found: list[Fact] = []
    canvases = 0
    for canvas in await studio.people.canvases(who):
        try:
            found += between(await studio.records.facts(canvas["id"]), since, until)
        except NotFound:
            continue  # deleted since it was listed
        canvases += 1
    return Json({**_recorded(found), "canvases": canvases})


def _recorded(found: list[Fact]) -> dict[str, Any]:
    return {"rows": record(found), "total": summed(found)}
