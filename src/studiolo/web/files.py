"""Files in and out: a canvas, or more pages for one, of files of any format; and a canvas's pages as a file.

Reading and writing formats is work for a thread and for child processes; a few at a time, so that typing goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from studiolo.canvas.errors import Forbidden, Invalid, NotFound
from studiolo.formats import FORMATS, File, Imported, export, kind_of_content, read_files
from studiolo.formats.placing import add_pages, drafts_of, filling
from studiolo.rooms import Room
from studiolo.web.access import Editor, Here, Seat, Viewer
from studiolo.web.answers import Json
from studiolo.web.canvases import IdempotencyKey, Maker, create
from studiolo.web.repeats import Keep
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api/canvases", tags=["files"])

FORM = {
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
}
Files = list[tuple[str, bytes]]


@router.post("/import", status_code=201, openapi_extra=FORM)
async def import_files(request: Request, who: Maker, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Make a canvas of files: Markdown, text, .docx, .odt, .epub, .rtf, .html, .fountain, .fdx, a zip of them, a
    Scrivener project, or a whole canvas that was exported with its history. One book is divided at its chapters."""
    files, called = await _form(request)

    async def making() -> tuple[Room, dict[str, Any]]:
        if len(files) == 1 and kind_of_content(*files[0]) == "canvas":
            from studiolo.web.whole import bring_whole

            return await bring_whole(studio, *files[0], who.participant, called)
        imported = await _read(studio, files, called)
        pages = [{**page.as_dict(), "origin": "imported"} for page in imported.pages]
        fill = filling(imported.pages, who.participant, _source(files))
        room = await studio.rooms.create(imported.title[:200], pages, who.participant, fill)
        return room, _counted(imported)

    asked = {"import": [[name, hashlib.sha256(data).hexdigest()] for name, data in files], "title": called}
    return await create(studio, who, idempotency_key, asked, making)


@router.post("/{canvas}/import", status_code=201, openapi_extra=FORM)
async def import_pages(request: Request, seat: Editor, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Add files to a canvas as pages at its end, with the suggestions and comments that are in them."""
    files, _ = await _form(request)
    asked = {"add": [[name, hashlib.sha256(data).hexdigest()] for name, data in files]}

    async def work(keep: Keep | None) -> dict[str, Any]:
        imported = await _read(studio, files, None)
        room = await studio.rooms.get(seat.canvas)
        by, counted = seat.participant, _counted(imported)
        outcome = await room.perform(
            lambda: add_pages(room.canvas, imported.pages, by, _source(files)),
            by,
            (lambda made: keep({**made.as_dict(), **counted})) if keep else None,
        )
        assert outcome is not None
        return {**outcome.as_dict(), **counted}

    status, body = await studio.repeats.once(idempotency_key, seat.participant.id, seat.canvas, asked, work)
    return Json(body, status_code=201 if status == 200 else status)


@router.get("/{canvas}/export")
async def export_pages(
    seat: Viewer,
    studio: Here,
    format: Annotated[str, Query(max_length=20)] = "markdown",
    pages: Annotated[str, Query(description="ids of pages, with commas; all if none", max_length=100_000)] = "",
    suggestions: Literal["keep", "accept", "reject"] = "keep",
) -> Response:
    """The pages as one file: `markdown` and `critic` (a zip when there are several pages), `zip` (Markdown and who
    wrote what), `docx` with tracked changes, `odt`, `epub`, `pdf`, `html`, `fountain`, `fdx`, or `studiolo`, the whole
    canvas with its history. `suggestions`: left open where the format can, taken, or left out."""
    if format == "studiolo":
        from studiolo.web.whole import whole_canvas

        if not seat.participant.may("editor"):
            raise Forbidden("The whole history is for editors.", "Ask an owner of the canvas for that role.")
        return download(*await whole_canvas(studio, seat.canvas))
    room = await studio.rooms.get(seat.canvas)
    chosen = [id for id in pages.split(",") if id] or None
    known = {page["id"] for page in room.canvas.outline() if not page["removed"]}
    if chosen is not None and (missing := [id for id in chosen if id not in known]):
        raise NotFound(f"There is no page {missing[0][:40]!r} in this canvas.", "Ask for the canvas to see its pages.")
    names = await _names(studio, seat) if format in FORMATS and FORMATS[format].keeps_authors else None
    drafts, notes = drafts_of(room.canvas, chosen, names)
    author = await _author(studio, seat) if format in ("pdf", "epub") else ""
    async with studio.converting:
        file = await run_in_threadpool(export, room.canvas.title, drafts, format, suggestions, author)
    return download(file, notes)


def download(file: File, notes: Sequence[str] = ()) -> Response:
    """A file to be kept; what could not be put into it is in the header `X-Studiolo-Notes`."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}"}
    if notes:
        headers["X-Studiolo-Notes"] = quote(" ".join(notes))
    return Response(file.data, media_type=file.media, headers=headers)


def whole(text: str) -> str:
    """A form's text without halves of surrogate pairs, which an odd `charset` can bring in."""
    return text.encode(errors="replace").decode()


async def _form(request: Request) -> tuple[Files, str | None]:
    """The files of a form, and the title that was given."""
    form = await request.form(max_files=2000)
    try:
        uploads = [value for _, value in form.multi_items() if not isinstance(value, str)]
        title = form.get("title")
        files = [(whole(upload.filename or "untitled.md"), await upload.read()) for upload in uploads]
    finally:
        await form.close()
    if title is not None and (not isinstance(title, str) or len(title) > 200):
        raise Invalid("The title is longer than 200 characters.", "Give a shorter one.")
    return files, whole(title).strip() or None if title else None


async def _read(studio: Studio, files: Files, called: str | None) -> Imported:
    async with studio.converting:
        return await run_in_threadpool(read_files, files, called)


def _source(files: Files) -> dict[str, Any]:
    """What the ledger keeps of where pages came from."""
    return {"files": [{"name": name[-200:], "sha256": hashlib.sha256(data).hexdigest()} for name, data in files[:50]]}


def _counted(imported: Imported) -> dict[str, Any]:
    """What the answer says of what came in beside the text, and of what did not."""
    said: dict[str, Any] = {}
    if imported.notes:
        said["notes"] = list(imported.notes)
    return said


async def _names(studio: Studio, seat: Seat) -> dict[str, str]:
    """The names of those who can be authors in a canvas: whoever its client ids belong to."""
    room = await studio.rooms.get(seat.canvas)
    found = [await studio.people.participant(id) for id in sorted(room.canvas.writers())]
    return {one.id: one.name for one in found if one is not None}


async def _author(studio: Studio, seat: Seat) -> str:
    """Who made the canvas, for the title page."""
    made = await studio.store.canvas(seat.canvas)
    by = await studio.people.participant(made.created_by)
    return by.name if by is not None and by.kind == "person" else ""
