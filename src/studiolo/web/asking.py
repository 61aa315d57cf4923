"""Asking agents, and following what they do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, StreamingResponse

from studiolo.agents import Ask
from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.web import bodies
from studiolo.web.access import Caller, Commenter, Here, Seat, Viewer, seat_at
from studiolo.web.canvases import IdempotencyKey
from studiolo.web.events import last_seen, stream

router = APIRouter(prefix="/api", tags=["agents"])


@router.post("/canvases/{canvas}/ask", status_code=202)
async def ask(
    body: bodies.AskBody, seat: Commenter, studio: Here, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Ask an agent; its work arrives as suggestions, threads and messages. Follow the run it names."""
    asked = body.model_dump(exclude_unset=True)

    async def work() -> dict[str, Any]:
        room = await studio.rooms.get(seat.canvas)
        run = studio.runs.start(room, Ask(**body.model_dump(exclude_none=True)), seat.participant)
        return {"run": run.id}

    status, answer = await studio.repeats.once(
        idempotency_key, seat.participant.id, seat.canvas, asked, work
    )
    return JSONResponse(answer, status_code=202 if status == 200 else status)


@router.get("/canvases/{canvas}/runs")
async def runs(seat: Viewer, studio: Here) -> JSONResponse:
    """What agents were asked at this canvas, the newest first."""
    return JSONResponse({"runs": await studio.runs.list(seat.canvas)})


@router.get("/runs/{run}")
async def run_state(run: str, who: Caller, studio: Here) -> JSONResponse:
    """A run: its state, what the model was given, and what came of it."""
    found = await studio.runs.describe(run)
    await _may_see(studio, who, found)
    return JSONResponse(found)


@router.get("/runs/{run}/events", response_class=StreamingResponse)
async def run_events(
    run: str, who: Caller, studio: Here, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """What happens in the run as server-sent events: everything so far, then live, until `done`."""
    found = await studio.runs.describe(run)
    await _may_see(studio, who, found)
    events = studio.runs.events(run)
    return StreamingResponse(
        stream(events, last_seen(last_event_id), studio.stopping),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


@router.post("/runs/{run}/stop")
async def stop(run: str, who: Caller, studio: Here) -> JSONResponse:
    """Stop a run. Whoever asked may stop it, and so may an editor; what it has written so far stays to be judged."""
    found = await studio.runs.describe(run)
    seat = await _may_see(studio, who, found)
    if found["by"] != seat.participant.id and not seat.participant.may("editor"):
        raise Forbidden("Somebody else asked for this.", "They, or an editor, can stop it.")
    return JSONResponse(await studio.runs.stop(run))


async def _may_see(studio: Here, who: Caller, run: dict[str, Any]) -> Seat:
    try:
        return await seat_at(studio, who, run["canvas"])
    except NotFound:
        raise NotFound("There is no such run.", "Ask for the runs of a canvas to see them.") from None
