"""What a webhook's event is about: suggestions and threads as they are in the room, names as people have them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from studiolo.canvas.document import plain
from studiolo.people import People
from studiolo.rooms import Rooms
from studiolo.webhooks import Look, Scene


def looker(rooms: Rooms, people: People) -> Look:
    """The function by which a courier sees the canvases of this studio."""

    async def look(canvas: str, suggestions: Collection[str], threads: Collection[str], participant: str) -> Scene:
        found: dict[str, dict[str, Any]] = {}
        opened: dict[str, dict[str, Any]] = {}
        if suggestions or threads:
            document = (await rooms.get(canvas)).canvas.document
            found = {id: plain(kept) for id in suggestions if (kept := document.suggestions.get(id)) is not None}
            opened = {id: plain(kept) for id in threads if (kept := document.threads.get(id)) is not None}
        one = await people.participant(participant)
        known = {participant: {"id": one.id, "name": one.name, "kind": one.kind}} if one else {}
        return Scene(found, opened, known)

    return look
