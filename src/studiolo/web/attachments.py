"""Files beside the pages: brought by editors, read by everybody who may see the canvas, and downloaded as they came.

What strangers send is never shown by the browser as a page of this studio: only real pictures are, and everything else
is a download.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote as quoted

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile

from studiolo.canvas.attaching import attach, detach
from studiolo.canvas.errors import Forbidden, Invalid
from studiolo.tools.attachments import Attachment
from studiolo.tools.reading.pictures import picture
from studiolo.web.access import Commenter, Editor, Here, Seat, Viewer
from studiolo.web.answers import Json
from studiolo.web.files import whole
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api/canvases/{canvas}/attachments", tags=["files"])

AT_ONCE = 50  # sections in one answer
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
FORM = {
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            }
        }
    }
}


@router.post("", status_code=201, openapi_extra=FORM)
async def add(request: Request, seat: Editor, studio: Here) -> Json:
    """Put a file beside the pages: PDF, .docx, .odt, EPUB, HTML, text, source code, CSV, Parquet, Excel, JSON, a
    notebook, a picture, or an archive of text files, up to 50 MB. The answer has its outline, and in `problems` what of
    it could not be read. A file that is there already is answered with 200."""
    form = await request.form(max_files=1, max_fields=5)
    try:
        uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(uploads) != 1:
            raise Invalid("There is no file in the form.", "Send one file as multipart/form-data, as `file`.")
        (upload,) = uploads
        name, type = whole(upload.filename or "untitled"), upload.content_type or ""
        file, new = await studio.attachments.add(seat.canvas, upload.file, name, seat.participant.id, type)
    finally:
        await form.close()
    room = await studio.rooms.get(seat.canvas)
    listed = {"id": file.id, "name": file.name, "type": file.type, "size": file.size, "at": file.at}
    await room.perform(lambda: attach(room.canvas, listed, seat.participant), seat.participant)
    return Json(file.as_dict(), status_code=201 if new else 200)


@router.get("")
async def files(seat: Viewer, studio: Here) -> Json:
    """The files beside the pages, the last first, without their outlines."""
    found = [file.as_dict() for file in await studio.attachments.list(seat.canvas)]
    return Json({"attachments": [{name: told for name, told in file.items() if name != "outline"} for file in found]})


@router.get("/search")
async def search(
    seat: Viewer,
    studio: Here,
    q: Annotated[str, Query(max_length=2_000)],
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> Json:
    """The passages of all files that have most to do with what is asked, each with its file and its place there."""
    hits = await studio.attachments.search(seat.canvas, q, limit)
    return Json(
        {
            "passages": [
                {"attachment": hit.attachment, "name": hit.name, "section": hit.section, "title": hit.title}
                | {"place": hit.place, "start": hit.start, "text": hit.text}
                for hit in hits
            ]
        }
    )


@router.get("/{id}")
async def file(id: str, seat: Viewer, studio: Here) -> Json:
    """One file with its outline, `[level, title, section]` for each line."""
    return Json((await studio.attachments.get(seat.canvas, id)).as_dict())


@router.get("/{id}/sections")
async def sections(
    id: str,
    seat: Viewer,
    studio: Here,
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
    stop: Annotated[int | None, Query(alias="to", ge=0)] = None,
) -> Json:
    """The text of a file, from one section to before another, at most 50 of them."""
    end = min(start + AT_ONCE, start + AT_ONCE if stop is None else stop)
    found = await studio.attachments.sections(seat.canvas, id, start, end)
    told = [
        {"n": number, "title": one.title, "place": one.place, "text": one.text}
        for number, one in enumerate(found, start=start)
    ]
    return Json({"sections": told})


@router.get("/{id}/find")
async def find(id: str, seat: Viewer, studio: Here, quote: Annotated[str, Query(max_length=20_000)]) -> Json:
    """Where a quote stands in a file: from `start` in `section` to `end` in the section `last`."""
    found = await studio.attachments.find(seat.canvas, id, quote)
    if found is None:
        return Json({"found": False})
    told: dict[str, Any] = {"section": found.section, "start": found.start, "last": found.last, "end": found.end}
    return Json({"found": True, "place": found.place, "exact": found.exact, **told})


@router.get("/{id}/data")
async def data(id: str, seat: Viewer, studio: Here, inline: bool = False) -> StreamingResponse:
    """The file as it came. `inline` shows a picture in its place; anything else is a download."""
    found = await studio.attachments.get(seat.canvas, id)
    pieces = studio.attachments.data(seat.canvas, id)
    first = await anext(pieces, b"")
    seen = picture(first) if inline else None
    shown = seen is not None and seen.type in SHOWN
    headers = {
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quoted(found.name)}",
        "Content-Length": str(found.size),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",  # what was removed is shown nowhere any more
    }
    media = seen.type if shown and seen else "application/octet-stream"
    return StreamingResponse(_whole(first, pieces), media_type=media, headers=headers)


async def _whole(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


@router.delete("/{id}", status_code=204)
async def remove(id: str, seat: Commenter, studio: Here) -> None:
    """Take a file away for good; for editors, and for whoever brought it. Put back, it is the same again."""
    found = await studio.attachments.get(seat.canvas, id)
    _may_remove(seat, found)
    await take_away(studio, seat, id)


async def take_away(studio: Studio, seat: Seat, id: str) -> None:
    """Remove a file from the list that everybody sees, and then from the disk."""
    room = await studio.rooms.get(seat.canvas)
    await room.perform(lambda: detach(room.canvas, id), seat.participant)
    await studio.attachments.remove(seat.canvas, id)


def _may_remove(seat: Seat, found: Attachment) -> None:
    if not seat.participant.may("editor") and found.participant != seat.participant.id:
        raise Forbidden("A file is removed by an editor, or by whoever brought it.", "Ask an editor of the canvas.")
