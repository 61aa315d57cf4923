"""The rooms of a studio: each canvas is loaded once however many ask for it, and let go when nobody is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from random import Random, SystemRandom

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.errors import Unavailable
from studiolo.rooms.room import Room
from studiolo.store import LogRow, Store

LINGER = 30.0  # seconds that an empty room stays in memory
SWEEP = 5.0  # seconds between looks for empty rooms


class Rooms:
    """All live canvases of this process."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
        linger: float = LINGER,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random or SystemRandom()
        self._linger = linger
        self._rooms: dict[str, Room] = {}
        self._loading: dict[str, asyncio.Task[Room]] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._idle_since: dict[str, float] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    async def create(self, title: str, pages: Iterable[Mapping[str, str]], by: Participant) -> Room:
        """A new canvas, stored and live."""
        canvas, made = Canvas.new(title, pages, by=by, clock=self._clock, random=self._random)
        id, now = canvas.new_id(), self._clock()
        row = LogRow(id, 1, now, by.id, made.update, dict(made.claims), dict(made.entry or {}))
        epoch = await self._store.create_canvas(id, title, by.id, now, [row])
        room = self._rooms[id] = Room(id, canvas, self._store, 1, epoch, 1)
        await room.describe()
        self._watch()
        return room

    async def get(self, id: str) -> Room:
        """The live room of a canvas, loaded if need be. Raises `NotFound`, or `Unavailable` when the studio closes."""
        while True:
            if self._closed:
                raise Unavailable("The studio is closing.", "Come back in a moment.")
            if id in self._closing:
                await asyncio.wait([self._closing[id]])
                continue
            room = self._rooms.get(id)
            if room is not None and room.failed is None:
                self._idle_since.pop(id, None)
                return room
            if id not in self._loading:
                self._loading[id] = asyncio.create_task(self._load(id), name=f"loading {id}")
            return await asyncio.shield(self._loading[id])

    def evict(self, participant: str, canvas: str | None = None) -> None:
        """Close a participant's connections, in one canvas or in all."""
        for room in list(self._rooms.values()):
            if canvas in (None, room.id):
                room.evict(participant)

    def rename(self, participant: Participant) -> None:
        """Show a participant's new name and colour wherever they are present."""
        for room in self._rooms.values():
            room.rename(participant)

    async def delete(self, id: str) -> None:
        """Delete a canvas with all that is stored of it, and send away whoever is in it."""
        if id in self._loading:
            await asyncio.wait([self._loading[id]])
        if id in self._closing:
            await asyncio.wait([self._closing[id]])
        await self._store.delete_canvas(id)
        if room := self._rooms.pop(id, None):
            room.delete()

    @property
    def live(self) -> int:
        """How many rooms are in memory."""
        return len(self._rooms)

    async def close(self) -> None:
        """Store everything and send everybody away."""
        self._closed = True
        if self._sweeper:
            self._sweeper.cancel()
        if self._loading:
            await asyncio.wait(self._loading.values())
        await asyncio.gather(*(room.close() for room in self._rooms.values()), *self._closing.values())
        self._rooms.clear()

    async def _load(self, id: str) -> Room:
        try:
            if broken := self._rooms.pop(id, None):
                await broken.close()
            loaded = await self._store.load(id)
            updates = [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]
            # In a thread: a book takes a second, and the other rooms go on meanwhile.
            canvas = await asyncio.to_thread(Canvas, updates, loaded.owners, clock=self._clock, random=self._random)
            room = Room(id, canvas, self._store, loaded.seq, loaded.epoch, len(loaded.updates))
            room.recover()
            self._rooms[id] = room
            self._watch()
            return room
        finally:
            del self._loading[id]

    def _watch(self) -> None:
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name="sweeper of rooms")

    async def _sweep(self) -> None:
        """Let go of rooms that have been empty for a while."""
        while self._rooms:
            await asyncio.sleep(min(SWEEP, self._linger))
            now = time.monotonic()
            for id, room in list(self._rooms.items()):
                if not room.idle:
                    self._idle_since.pop(id, None)
                elif now - self._idle_since.setdefault(id, now) >= self._linger:
                    del self._idle_since[id]
                    self._closing[id] = asyncio.create_task(self._let_go(id))

    async def _let_go(self, id: str) -> None:
        try:
            if room := self._rooms.pop(id, None):
                await room.close()
        finally:
            del self._closing[id]
