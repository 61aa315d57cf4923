"""Memory of taste: what agents are shown of earlier decisions, what that is good for, and forgetting."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from studiolo.agents import taste
from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.store import forgotten
from studiolo.web.access import Commenter, Here, Viewer
from studiolo.web.answers import Json

router = APIRouter(prefix="/api/canvases/{canvas}/taste", tags=["agents"])


@router.get("")
async def tastes(seat: Viewer, studio: Here) -> Json:
    """The decisions that agents learn from here, the newest first, and what became of changes of those who were shown
    some, beside changes of those from whom they were withheld."""
    room = await studio.rooms.get(seat.canvas)
    left_out = await forgotten.ids(studio.store, seat.canvas)
    found = taste.examples(room.canvas, left_out)
    sides = {run["id"]: side for run in await studio.runs.of_canvas(seat.canvas, 2_000) if (side := _side(run))}
    return Json(
        {
            "examples": [{**one.as_dict(), "mine": one.by == seat.participant.id} for one in found],
            "effect": taste.effect(taste.examples(room.canvas), sides),
            "forgotten": len(left_out),
        }
    )


@router.delete("/{example}", status_code=204)
async def forget(example: str, seat: Commenter, studio: Here) -> Response:
    """Let agents no longer learn from one decision. Whoever decided may say so, and so may an owner."""
    found = taste.examples((await studio.rooms.get(seat.canvas)).canvas)
    one = next((one for one in found if one.id == example), None)
    if one is None:
        raise NotFound("There is no such decision.", "It may have been undone, or forgotten already.")
    if one.by != seat.participant.id and not seat.participant.may("owner"):
        raise Forbidden("Somebody else decided this.", "They, or an owner of the canvas, can have it forgotten.")
    await forgotten.add(studio.store, seat.canvas, [one.id], seat.participant.id)
    return Response(status_code=204)


@router.delete("", status_code=204)
async def forget_mine(seat: Commenter, studio: Here, everybody: bool = False) -> Response:
    """Let agents no longer learn from any decision of one's own so far; as an owner, with `everybody`, from any."""
    if everybody and not seat.participant.may("owner"):
        raise Forbidden("Only an owner can have everybody's decisions forgotten.", "Have your own forgotten.")
    found = taste.examples((await studio.rooms.get(seat.canvas)).canvas)
    ids = [one.id for one in found if everybody or one.by == seat.participant.id]
    await forgotten.add(studio.store, seat.canvas, ids, seat.participant.id)
    return Response(status_code=204)


def _side(run: dict[str, Any]) -> str:
    return str((run.get("given") or {}).get("taste") or "")
