"""A whole canvas with its history, out as one file and in again."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from studiolo.canvas import Participant
from studiolo.formats import File, as_files, safe_name
from studiolo.rooms import Room
from studiolo.store.canvas_archive import Archive, write_archive
from studiolo.web.studio import Studio


async def whole_canvas(studio: Studio, canvas: str) -> File:
    """The canvas with everything that was ever done to it, and its pages beside that to be read."""
    room = await studio.rooms.get(canvas)
    pages = as_files(room.canvas.view()["pages"])
    async with studio.converting:
        data = await write_archive(studio.store, canvas, pages)
    return File(f"{safe_name(room.canvas.title, 'canvas')}.studiolo", data, "application/zip")


async def bring_whole(
    studio: Studio, name: str, data: bytes, by: Participant, title: str | None
) -> tuple[Room, dict[str, Any]]:
    """A canvas of what was exported here or elsewhere; its room, and what is to be said of it."""
    now = studio.store.clock()
    async with studio.converting:
        archive = await asyncio.to_thread(Archive.read, name, data, secrets.token_hex(8), now)
    brought = await archive.bring(studio.store, by, now)
    room = await studio.rooms.get(brought.id)
    if title:
        await room.apply({"type": "retitle", "title": title}, Participant(by.id, by.name, by.kind, by.color, "owner"))
    await room.describe()
    notes = [] if brought.whole_ledger else ["The ledger in this file was changed after it was written."]
    return room, {"notes": notes} if notes else {}
