"""Canvases: making, listing, reading, changing them by actions. Files in and out are in `files`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import PlainTextResponse, Response

from studiolo.agents import ENDED
from studiolo.agents.visiting import turn
from studiolo.canvas.errors import Forbidden, StudioloError
from studiolo.people import Who
from studiolo.rooms import Room
from studiolo.store.branches import branch
from studiolo.web import bodies
from studiolo.web.access import MAKERS, Caller, Here, Owner, Seat, Viewer, studio_role
from studiolo.web.account import shown
from studiolo.web.answers import Json
from studiolo.web.repeats import Keep
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api/canvases", tags=["canvases"])

IdempotencyKey = Annotated[str | None, Header(description="Makes a retry of the same request harmless.")]


async def maker(who: Caller, studio: Here) -> Who:
    """Dependency: a caller who may make canvases, checked before the request's files are read."""
    if await studio_role(studio, who) not in MAKERS:
        raise Forbidden("You are a guest here and cannot make canvases.", "Ask an owner of the studio.")
    return who


Maker = Annotated[Who, Depends(maker)]
Making = Callable[[], Awaitable[tuple[Room, dict[str, Any]]]]


async def create(studio: Studio, who: Who, key: str | None, request: Any, making: Making) -> Json:
    """Make a canvas, once for each key, and answer 201 with it. `making` gives its room, and what else to answer."""

    async def work(keep: Keep | None) -> dict[str, Any]:
        room, more = await making()
        made = [{"id": page["id"], "title": page["title"]} for page in room.canvas.outline()]
        body = {"id": room.id, "title": room.canvas.title, "pages": made, **more}
        if keep:
            answer = keep(body)
            with suppress(StudioloError):  # the canvas is there, and saying otherwise would have it made twice
                await studio.store.remember(answer.key, who.participant.id, "", answer.response)
        return body

    status, body = await studio.repeats.once(key, who.participant.id, "", request, work)
    if status != 200:
        return Json(body, status_code=status)
    return Json(body, status_code=201, headers={"Location": f"/api/canvases/{body['id']}"})


@router.get("")
async def listing(who: Caller, studio: Here) -> dict[str, Any]:
    """The canvases that the caller may see, the last changed first."""
    return {"canvases": await studio.people.canvases(who)}


@router.post("", status_code=201)
async def make(body: bodies.NewCanvas, who: Maker, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Make a canvas with its first pages."""

    async def making() -> tuple[Room, dict[str, Any]]:
        pages = [page.model_dump() for page in body.pages]
        return await studio.rooms.create(body.title.strip() or "Untitled", pages, who.participant), {}

    return await create(studio, who, idempotency_key, {"make": body.model_dump()}, making)


@router.get("/{canvas}")
async def read(seat: Viewer, studio: Here) -> Json:
    """Everything that a viewer may see: pages with their text, suggestions, threads, the conversation."""
    room = await studio.rooms.get(seat.canvas)
    return Json({**_seat(seat, room), **room.canvas.view()})


@router.get("/{canvas}/seat")
async def seat_here(seat: Viewer, studio: Here) -> Json:
    """Who the caller is at a canvas, without what is in it: a client that synchronises gets that from `/sync`."""
    began = await branch(studio.store, seat.canvas)
    of = {"parent": began.parent} if began else {}
    return Json({**_seat(seat, await studio.rooms.get(seat.canvas)), **of})


def _seat(seat: Seat, room: Room) -> dict[str, Any]:
    you = {**shown(seat.participant), "role": seat.participant.role}
    return {"id": seat.canvas, "title": room.canvas.title, "epoch": room.epoch, "role": you["role"], "you": you}


@router.patch("/{canvas}")
async def change(body: bodies.ChangeCanvas, seat: Owner, studio: Here) -> dict[str, Any]:
    """Rename the canvas."""
    room = await studio.rooms.get(seat.canvas)
    await room.apply({"type": "retitle", "title": body.title}, seat.participant)
    return {"id": seat.canvas, "title": room.canvas.title}


@router.delete("/{canvas}", status_code=204)
async def delete(seat: Owner, studio: Here) -> Response:
    """Delete the canvas with its history, for everybody and for good."""
    await studio.tasks.cancel_all(seat.canvas)
    runs = await studio.runs.of_canvas(seat.canvas, limit=1_000_000)
    for run in runs:
        if run["state"] not in ENDED:
            await studio.runs.stop(run["id"])
    await studio.rooms.delete(seat.canvas)
    if studio.nodes:
        await studio.nodes.forget([run["id"] for run in runs])
    studio.histories.forget(seat.canvas)
    return Response(status_code=204)


@router.post(
    "/{canvas}/actions",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Action"}}},
        }
    },
)
async def act(request: Request, seat: Viewer, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Do one action and answer with its outcome, once it is stored for good."""
    action = await bodies.json_object(request)

    async def work(keep: Keep | None) -> dict[str, Any]:
        room = await studio.rooms.get(seat.canvas)
        answer = (lambda outcome: keep(outcome.as_dict())) if keep else None
        async with turn(studio.runs.turns, room, action, seat.participant):
            return (await room.apply(action, seat.participant, answer)).as_dict()

    status, body = await studio.repeats.once(idempotency_key, seat.participant.id, seat.canvas, action, work)
    return Json(body, status_code=status)


@router.get("/{canvas}/pages/{page}/text", response_class=PlainTextResponse)
async def page_text(page: str, seat: Viewer, studio: Here) -> PlainTextResponse:
    """A page's text now, as UTF-8."""
    room = await studio.rooms.get(seat.canvas)
    return PlainTextResponse(room.canvas.page_text(page))
