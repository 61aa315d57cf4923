"""Asking agents, and following what they do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from studiolo.agents import Ask, Run
from studiolo.agents.asking_people import Reply
from studiolo.canvas import Participant
from studiolo.canvas.errors import Forbidden, NotFound, StudioloError
from studiolo.models import ModelFailed
from studiolo.people import Who
from studiolo.rooms import Room
from studiolo.web import bodies
from studiolo.web.access import MAKERS, Caller, Commenter, Here, Seat, Viewer, seat_at, still_allowed, studio_role
from studiolo.web.answers import Json
from studiolo.web.canvases import IdempotencyKey
from studiolo.web.events import last_seen, stream
from studiolo.web.repeats import Keep
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api", tags=["agents"])


@router.post("/canvases/{canvas}/ask", status_code=202)
async def ask(body: bodies.AskBody, seat: Commenter, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Ask an agent; its work arrives as suggestions, threads and messages. Follow the run it names."""
    asked = body.model_dump(exclude_unset=True)

    async def meant(_room: Room) -> Ask:
        return Ask(**body.model_dump(exclude_none=True))

    return await begin(studio, seat, idempotency_key, asked, meant)


async def begin(
    studio: Studio, seat: Seat, key: str | None, asked: Any, meant: Callable[[Room], Awaitable[Ask]]
) -> Json:
    """Begin the run that `meant` asks for, once for each key, and answer 202 with its id."""

    async def work(keep: Keep | None) -> dict[str, Any]:
        room = await studio.rooms.get(seat.canvas)
        ask = await meant(room)
        await may_use(studio, seat.who, ask.model)
        await studio.meet_agents()
        run = start(studio, room, ask, seat)
        begun = {"run": run.id}
        if keep:
            answer = keep(begun)
            with suppress(StudioloError):  # the run has begun, and saying otherwise would have it begun twice
                await studio.store.remember(answer.key, seat.participant.id, seat.canvas, answer.response)
        await run.kept()  # whoever follows it may come to another node
        return begun

    status, answer = await studio.repeats.once(key, seat.participant.id, seat.canvas, asked, work)
    return Json(answer, status_code=202 if status == 200 else status)


@router.get("/canvases/{canvas}/runs")
async def runs(seat: Viewer, studio: Here) -> Json:
    """What agents were asked at this canvas, the newest first."""
    return Json({"runs": await studio.runs.of_canvas(seat.canvas)})


@router.get("/runs/{run}")
async def run_state(run: str, who: Caller, studio: Here) -> Json:
    """A run: its state, what the model was given, and what came of it."""
    _, found = await seen(studio, who, run)
    return Json(found)


@router.get("/runs/{run}/events", response_class=StreamingResponse)
async def run_events(
    run: str, who: Caller, studio: Here, request: Request, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """What happens in the run as server-sent events: everything so far, then live, until `done`."""
    seat, _ = await seen(studio, who, run)
    events, whole = await studio.runs.watch(run)
    # What is told of a run that ended in an earlier life is numbered anew, so an old number means nothing there.
    after = last_seen(last_event_id) if whole else 0
    return followed(request, studio, seat.canvas, events, after)


@router.post("/runs/{run}/stop")
async def stop(run: str, who: Caller, studio: Here) -> Json:
    """Stop a run. Whoever asked may stop it, and so may an editor; what it has written so far stays to be judged."""
    seat, found = await seen(studio, who, run)
    check_theirs(seat.participant, found)
    return Json(await studio.runs.stop(run))


@router.get("/runs/{run}/steps")
async def steps(run: str, who: Caller, studio: Here) -> Json:
    """What the agent has done in the run, step by step: what it read, looked for, changed and asked."""
    await seen(studio, who, run)
    return Json({"steps": await studio.runs.steps_of(run)})


@router.post("/runs/{run}/steer", status_code=202)
async def steer(run: str, body: bodies.Steer, who: Caller, studio: Here) -> Json:
    """Tell the agent something while it works; it takes it up before it asks its model again."""
    seat, _ = await _guided(studio, who, run)
    room = await studio.rooms.get(seat.canvas)
    return Json(await studio.guide.steer(run, room, body.text, seat.participant), status_code=202)


@router.post("/runs/{run}/pause", status_code=202)
async def pause(run: str, who: Caller, studio: Here) -> Json:
    """Let a run rest before its next step. It holds nothing then, and goes on when somebody resumes it."""
    await _guided(studio, who, run)
    return Json(await studio.guide.pause(run), status_code=202)


@router.post("/runs/{run}/resume", status_code=202)
async def resume(run: str, who: Caller, studio: Here) -> Json:
    """Let a run that was paused go on."""
    seat, _ = await _guided(studio, who, run)
    await studio.meet_agents()
    return Json(await studio.guide.resume(run, await studio.rooms.get(seat.canvas)), status_code=202)


@router.post("/runs/{run}/take-over")
async def take_over(run: str, who: Caller, studio: Here) -> Json:
    """Stop a run and do the rest oneself: the agent says in the conversation how far it came."""
    seat, _ = await _guided(studio, who, run)
    return Json(await studio.guide.take_over(run, await studio.rooms.get(seat.canvas), seat.participant))


@router.post("/runs/{run}/answer", status_code=202)
async def answer(run: str, body: bodies.Answer, who: Caller, studio: Here) -> Json:
    """Answer what a run waits for: a question, by anybody who may comment; or whether it may do something that costs
    or leaves this machine, by a person who may edit. When nothing more is open it goes on."""
    seat, _ = await seen(studio, who, run)
    room = await studio.rooms.get(seat.canvas)
    await studio.meet_agents()  # an owner may have taken its role back, at another node
    reply = Reply(body.answer or "" if body.answer is not None else body.text, body.allow, body.arguments)
    return Json(await studio.guide.answer(run, room, body.call, reply, seat.participant), status_code=202)


async def _guided(studio: Studio, who: Who, run: str) -> tuple[Seat, dict[str, Any]]:
    """The caller's seat and the run, when it is theirs to guide: whoever asked may, and so may an editor."""
    seat, found = await seen(studio, who, run)
    check_theirs(seat.participant, found)
    if not seat.participant.may("commenter"):
        raise Forbidden("This needs the role commenter.", "Ask an owner of the canvas for that role.")
    return seat, found


def check_theirs(by: Participant, begun: dict[str, Any]) -> None:
    """A run, or a round, is for whoever began it, and for people who may edit. An agent guides none but its own: what
    guides is obeyed, and others may have talked it into anything. Raises `Forbidden`."""
    if begun["by"]["id"] != by.id and not (by.kind == "person" and by.may("editor")):
        raise Forbidden("Somebody else asked for this.", "They, or a person who may edit, can do that.")


def followed(
    request: Request,
    studio: Studio,
    canvas: str,
    events: AsyncIterator[dict[str, Any]],
    after: int = 0,
    write: Callable[[int, dict[str, Any]], bytes] | None = None,
) -> StreamingResponse:
    """Events of a canvas ("": of the studio) as server-sent events, for as long as the caller may see it."""
    return StreamingResponse(
        stream(events, after, studio.stopping, allowed=lambda: still_allowed(request, canvas), write=write),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def may_use(studio: Studio, who: Who, model: str | None) -> None:
    """Refuse a guest the models that the studio has not set up: whoever pays for one should have chosen it."""
    if model is None or model in {studio.models.default, *(info.name for info in studio.models.list())}:
        return
    if await studio_role(studio, who) not in MAKERS:
        raise Forbidden("A guest can only ask the models of this studio.", "Choose one of its list of models.")


def start(studio: Studio, room: Room, ask: Ask, seat: Seat) -> Run:
    """Begin the run. A model that does not exist is the caller's mistake, and trying again would not help."""
    try:
        return studio.runs.start(room, ask, seat.participant)
    except ModelFailed as error:
        if error.reason == "unknown_model":
            raise NotFound(error.message, error.hint, **error.details) from None
        raise


async def seen(studio: Studio, who: Who, run: str) -> tuple[Seat, dict[str, Any]]:
    """The caller's seat at the run's canvas, and the run. A run of a canvas one may not see is not there."""
    found = await studio.runs.find(run)
    try:
        return await seat_at(studio, who, found["canvas"]), found
    except NotFound:
        raise NotFound("There is no such run.", "Runs are listed with their canvas.") from None
