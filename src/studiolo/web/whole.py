"""A whole canvas with its history, out as one file and in again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from studiolo.canvas import Participant, StudioloError
from studiolo.canvas.attaching import attach, only
from studiolo.formats import File, as_files, safe_name
from studiolo.rooms import Room
from studiolo.store.canvas_archive import Archive, write_archive
from studiolo.tools.attachments import Attachment
from studiolo.web.studio import Studio


async def whole_canvas(studio: Studio, canvas: str) -> tuple[File, list[str]]:
    """The canvas with everything that was ever done to it, its pages beside that to be read, and its files; and what
    was left behind."""
    room = await studio.rooms.get(canvas)
    pages = as_files(room.canvas.view()["pages"])
    async with studio.converting:
        files, left = await studio.attachments.packed(canvas)
        data = await write_archive(studio.store, canvas, pages, files)
    return File(f"{safe_name(room.canvas.title, 'canvas')}.studiolo", data, "application/zip"), left


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
    notes += await _bring_files(studio, room, archive.files, by)
    return room, {"notes": notes} if notes else {}


async def _bring_files(studio: Studio, room: Room, files: Sequence[tuple[str, bytes]], by: Participant) -> list[str]:
    """Read the files of a canvas from elsewhere as any that somebody brings; what could not be."""
    owner = Participant(by.id, by.name, by.kind, by.color, "owner")
    notes: list[str] = []
    kept: dict[str, Attachment] = {}
    for name, data in files:
        try:
            file, _ = await studio.attachments.add(room.id, data, name, by.id)
            kept[file.id] = file
        except StudioloError as error:
            notes.append(error.message)
    await room.perform(lambda: only(room.canvas, kept.keys()), owner)
    for file in kept.values():
        listed = {"id": file.id, "name": file.name, "type": file.type, "size": file.size, "at": file.at}
        await room.perform(lambda listed=listed: attach(room.canvas, listed, owner), owner)
    return notes
