"""Being seen: whoever works in a canvas through MCP stands among those present, and leaves when nothing more comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from studiolo.canvas import Participant
from studiolo.rooms import Room

MOST_WAITING = 16  # times that one participant waits at the same time, in all canvases
STAYS = 90.0  # seconds after the last call; a client that waits for changes calls again within a minute


class Visitors:
    """Those that came by MCP and were seen lately."""

    def __init__(self) -> None:
        self._leaving: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._waiting: Counter[str] = Counter()
        self._rooms: dict[tuple[str, str], tuple[Room, Participant]] = {}

    @contextmanager
    def waiting(self, id: str) -> Iterator[None]:
        """While somebody waits for changes. Raises `ToolError` when they do so too often at once: each is work for the
        studio whenever anybody does anything."""
        if self._waiting[id] >= MOST_WAITING:
            raise ToolError(f"You wait {MOST_WAITING} times already. Wait once in each canvas, and read what comes.")
        self._waiting[id] += 1
        try:
            yield
        finally:
            self._waiting[id] -= 1
            self._waiting += Counter()  # forgets whoever does not wait

    def show(self, room: Room, by: Participant, status: str, page: str | None = None, cursor: Any = None) -> None:
        """Show the participant at a page, doing something."""
        key = (room.id, by.id)
        if timer := self._leaving.pop(key, None):
            timer.cancel()
        self._rooms[key] = (room, by)
        room.show(by, {"page": page, "cursor": cursor, "status": status})
        self._leaving[key] = asyncio.get_running_loop().call_later(STAYS, self._leave, key)

    def _leave(self, key: tuple[str, str]) -> None:
        self._leaving.pop(key, None)
        room, by = self._rooms.pop(key)
        room.show(by, None)

    def close(self) -> None:
        """Everybody leaves."""
        for timer in self._leaving.values():
            timer.cancel()
        for key in list(self._rooms):
            self._leave(key)
