"""The review budget of a canvas: its policies with what came of each. Made and changed by actions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from studiolo.canvas.accepted import counts, listed
from studiolo.canvas.policies import find, policies
from studiolo.web.access import Here, Viewer
from studiolo.web.answers import Json

router = APIRouter(prefix="/api/canvases/{canvas}/policies", tags=["policies"])

Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.get("")
async def listing(seat: Viewer, studio: Here) -> Json:
    """Every policy, also those that were removed, with how many suggestions it accepted, and what became of them."""
    canvas = (await studio.rooms.get(seat.canvas)).canvas
    return Json({"policies": [{**one.as_dict(), "counts": counts(canvas, one)} for one in policies(canvas)]})


@router.get("/{policy}/accepted")
async def accepted(policy: str, seat: Viewer, studio: Here, limit: Limit = 200) -> Json:
    """What a policy accepted, the last first, with the text that was there and the text that came."""
    canvas = (await studio.rooms.get(seat.canvas)).canvas
    found = find(canvas, policy)
    rows = listed(canvas, found)
    return Json({"policy": {**found.as_dict(), "counts": counts(canvas, found)}, "accepted": rows[:limit]})
