"""The ledger: reading it, taking it along, and seeing whether anybody has changed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from studiolo.ledger.export import MEDIA, UNDER_WAY, Format, jsonl, write_parquet
from studiolo.store.ledger import verify
from studiolo.web.access import Here, Viewer
from studiolo.web.answers import Json
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api/canvases", tags=["ledger"])

After = Annotated[int, Query(ge=0, le=2**53)]
_BLOCK = 1 << 18


@router.get(
    "/{canvas}/ledger",
    response_class=Json,
    responses={200: {"content": {media: {} for media in MEDIA.values()}}},
)
async def ledger(
    seat: Viewer, studio: Here, after: After = 0, limit: int = 500, format: Format | None = None
) -> Response:
    """What was done to the canvas, by whom, and what came of it, oldest first; with a `format` all of it as a file."""
    if format is None:
        rows = await studio.store.ledger(seat.canvas, after=after, limit=max(1, min(limit, 2000)))
        return Json({"ledger": [row.as_dict() for row in rows]})
    headers = {"Content-Disposition": f'attachment; filename="ledger-{seat.canvas}.{format}"'}
    if format == "jsonl":
        return StreamingResponse(jsonl(studio.store, seat.canvas), media_type=MEDIA[format], headers=headers)
    async with studio.exporting:
        made = await _parquet(studio, seat.canvas)
    return StreamingResponse(_blocks(made), media_type=MEDIA[format], headers=headers)


@router.get("/{canvas}/ledger/verify")
async def verified(seat: Viewer, studio: Here, head: Annotated[str, Query(max_length=64)] = "") -> Json:
    """Follow the ledger's chain from its beginning. `head`: a hash that was noted earlier; `seen` is the row that has
    it, null when there is none."""
    return Json((await verify(studio.store, seat.canvas, head)).as_dict())


async def _parquet(studio: Studio, canvas: str) -> BinaryIO:
    """The open file, which has no name any more: nothing of it is left when it is closed, or the server killed."""
    with TemporaryDirectory(dir=studio.settings.home, prefix=UNDER_WAY) as folder:
        path = Path(folder) / "ledger.parquet"
        await write_parquet(studio.store, canvas, path, Path(folder))
        return path.open("rb")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
