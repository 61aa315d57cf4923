"""Canvases: making, listing, reading, changing them by actions, importing and exporting."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from studiolo.agents import ENDED
from studiolo.canvas.errors import Forbidden, Invalid, StudioloError
from studiolo.formats import as_files, as_zip, read_files, safe_name, splits_when_read
from studiolo.people import Who
from studiolo.rooms import Room
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
Draft = Callable[[], Awaitable[tuple[str, list[dict[str, str]]]]]


async def create(studio: Studio, who: Who, key: str | None, request: Any, draft: Draft) -> Json:
    """Make a canvas of the title and pages that `draft` gives, once for each key, and answer 201 with it."""

    async def work(keep: Keep | None) -> dict[str, Any]:
        room = await studio.rooms.create(*await draft(), who.participant)
        made = [{"id": page["id"], "title": page["title"]} for page in room.canvas.outline()]
        body = {"id": room.id, "title": room.canvas.title, "pages": made}
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

    async def draft() -> tuple[str, list[dict[str, str]]]:
        return body.title.strip() or "Untitled", [page.model_dump() for page in body.pages]

    return await create(studio, who, idempotency_key, {"make": body.model_dump()}, draft)


@router.post(
    "/import",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                            "title": {"type": "string"},
                        },
                    }
                }
            }
        }
    },
)
async def import_files(request: Request, who: Maker, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Make a canvas of text files: one book is split at its chapters, several files or a zip give a page each."""
    form = await request.form(max_files=2000)
    try:
        uploads = [value for _, value in form.multi_items() if not isinstance(value, str)]
        title = form.get("title")
        files = [(whole(upload.filename or "untitled.md"), await upload.read()) for upload in uploads]
    finally:
        await form.close()
    if title is not None and (not isinstance(title, str) or len(title) > 200):
        raise Invalid("The title is longer than 200 characters.", "Give a shorter one.")
    called = whole(title).strip() or None if title else None

    async def draft() -> tuple[str, list[dict[str, str]]]:
        imported = await run_in_threadpool(read_files, files, called)
        return imported.title, [page.as_dict() for page in imported.pages]

    asked = {"import": [[name, hashlib.sha256(data).hexdigest()] for name, data in files], "title": called}
    return await create(studio, who, idempotency_key, asked, draft)


@router.get("/{canvas}")
async def read(seat: Viewer, studio: Here) -> Json:
    """Everything that a viewer may see: pages with their text, suggestions, threads, the conversation."""
    room = await studio.rooms.get(seat.canvas)
    return Json({**_seat(seat, room), **room.canvas.view()})


@router.get("/{canvas}/seat")
async def seat_here(seat: Viewer, studio: Here) -> Json:
    """Who the caller is at a canvas, without what is in it: a client that synchronises gets that from `/sync`."""
    return Json(_seat(seat, await studio.rooms.get(seat.canvas)))


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
    for run in await studio.runs.of_canvas(seat.canvas):
        if run["state"] not in ENDED:
            await studio.runs.stop(run["id"])
    await studio.rooms.delete(seat.canvas)
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
        return (await room.apply(action, seat.participant, answer)).as_dict()

    status, body = await studio.repeats.once(idempotency_key, seat.participant.id, seat.canvas, action, work)
    return Json(body, status_code=status)


@router.get("/{canvas}/pages/{page}/text", response_class=PlainTextResponse)
async def page_text(page: str, seat: Viewer, studio: Here) -> PlainTextResponse:
    """A page's text now, as UTF-8."""
    room = await studio.rooms.get(seat.canvas)
    return PlainTextResponse(room.canvas.page_text(page))


@router.get("/{canvas}/export")
async def export(seat: Viewer, studio: Here) -> Response:
    """The pages as files: a zip of `01-title.md`..., or the one file when there is one page."""
    view = (await studio.rooms.get(seat.canvas)).canvas.view()
    shown_pages = [page for page in view["pages"] if not page.get("removed")]
    if len(shown_pages) == 1 and not await run_in_threadpool(splits_when_read, shown_pages[0]):
        name, data = (await run_in_threadpool(as_files, shown_pages))[0]
        return _download(name.split("-", 1)[1], data, "text/plain; charset=utf-8")
    data = await run_in_threadpool(as_zip, view["pages"])
    return _download(f"{safe_name(view['title'], 'canvas')}.zip", data, "application/zip")


def whole(text: str) -> str:
    """A form's text without halves of surrogate pairs, which an odd `charset` can bring in."""
    return text.encode(errors="replace").decode()


def _download(name: str, data: bytes, kind: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, media_type=kind, headers={"Content-Disposition": disposition})
