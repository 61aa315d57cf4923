"""The rooms of a studio: each canvas is loaded once however many ask for it, and let go when nobody is there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import asdict
from random import Random, SystemRandom
from typing import Any

from studiolo.canvas import Canvas, Outcome, Participant, StudioloError
from studiolo.canvas.document import Broken
from studiolo.canvas.errors import Unavailable
from studiolo.rooms.bell import Bell
from studiolo.rooms.nodes import Header, Nodes
from studiolo.rooms.room import Room, Vouch
from studiolo.rooms.second_looks import Judge
from studiolo.rooms.shared import SharedRoom
from studiolo.store import LogRow, StorageFailed, Store
from studiolo.store.turn import last_rows

log = logging.getLogger(__name__)

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
        nodes: Nodes | None = None,
    ) -> None:
        self.bell = Bell()
        """Rings when what waits for people in a canvas has changed, on whatever node."""
        self.judge: Judge | None = None
        """Takes the second look at what policies accept where they want one."""
        self.vouch: Vouch | None = None
        self.heard: Callable[[Room, dict[str, Any], Outcome, Participant], None] | None = None
        """Looks up in files what messages quote of them."""
        self._store = store
        self._nodes = nodes
        self._clock = clock
        self._random = random or SystemRandom()
        self._linger = linger
        self._rooms: dict[str, Room] = {}
        self._loading: dict[str, asyncio.Task[Room]] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._idle_since: dict[str, float] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self) -> None:
        """Hear from now on what other nodes say of people and canvases."""
        if self._nodes:
            await self._nodes.listen("rooms", self._hear, lambda: None)
            self._nodes.gone.append(self._bury)
            self._nodes.doubts.append(self._look)

    async def create(
        self,
        title: str,
        pages: Iterable[Mapping[str, str]],
        by: Participant,
        fill: Callable[[Canvas, Outcome], Outcome] | None = None,
    ) -> Room:
        """A new canvas, stored and live. `fill` puts more into it before anybody sees it, in a thread of its own, and
        gives the outcome to store in the place of the one that it was given."""
        canvas, made = Canvas.new(title, pages, by=by, clock=self._clock, random=self._random)
        if fill is not None:
            made = await asyncio.to_thread(fill, canvas, made)
        id, now = canvas.new_id(), self._clock()
        row = LogRow(id, 1, now, by.id, made.update, dict(made.claims), dict(made.entry or {}))
        epoch = await self._store.create_canvas(id, title, by.id, now, [row])
        room = self._rooms[id] = self._room(id, canvas, 1, epoch, 1)
        if isinstance(room, SharedRoom):
            await room.open()
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
                if isinstance(room, SharedRoom):
                    await room.catch_up()  # whoever asks here after an answer from elsewhere sees what came of it
                return room
            if id not in self._loading:
                self._loading[id] = asyncio.create_task(self._load(id), name=f"loading {id}")
            return await asyncio.shield(self._loading[id])

    def evict(self, participant: str, canvas: str | None = None) -> None:
        """Close a participant's connections, in one canvas or in all."""
        self._evict(participant, canvas)
        self._tell({"kind": "evict", "participant": participant, "canvas": canvas})

    def _evict(self, participant: str, canvas: str | None) -> None:
        for room in list(self._rooms.values()):
            if canvas in (None, room.id):
                room.evict(participant)

    def rename(self, participant: Participant) -> None:
        """Show a participant's new name and colour wherever they are present."""
        self._rename(participant)
        self._tell({"kind": "rename", "participant": asdict(participant)})

    def _rename(self, participant: Participant) -> None:
        for room in self._rooms.values():
            room.rename(participant)

    async def delete(self, id: str) -> None:
        """Delete a canvas with all that is stored of it, and send away whoever is in it."""
        if id in self._loading:
            await asyncio.wait([self._loading[id]])
        if id in self._closing:
            await asyncio.wait([self._closing[id]])
        await self._store.delete_canvas(id)
        self._tell({"kind": "delete", "canvas": id})
        await self._drop(id)

    async def _drop(self, id: str) -> None:
        self.bell.ring(id)
        if room := self._rooms.pop(id, None):
            room.delete()
            await room.close()

    def __iter__(self) -> Iterator[Room]:
        """The rooms in memory."""
        return iter(self._rooms.values())

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
        closing = [*(room.close() for room in self._rooms.values()), *self._closing.values()]
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, BaseException):  # the others are stored all the same
                log.error("A canvas could not be put away", exc_info=result)
        self._rooms.clear()

    async def _load(self, id: str) -> Room:
        try:
            if broken := self._rooms.pop(id, None):
                await broken.close()
            loaded = await self._store.load(id)
            updates = [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]
            try:
                # In a thread: a book takes a second, and the other rooms go on meanwhile.
                canvas = await asyncio.to_thread(Canvas, updates, loaded.owners, clock=self._clock, random=self._random)
            except Broken as error:
                raise StorageFailed(
                    "The log of this canvas is damaged, so it was not opened.",
                    "Put back the newest backup of the database.",
                ) from error
            room = self._room(id, canvas, loaded.seq, loaded.epoch, len(loaded.updates))
            if isinstance(room, SharedRoom):
                try:
                    await self._recover(room, elsewhere=await room.open())
                except BaseException:
                    await room.close()
                    raise
            else:
                room.recover(canvas.unfinished())
            self._rooms[id] = room
            self._watch()
            return room
        finally:
            del self._loading[id]

    def _room(self, id: str, canvas: Canvas, seq: int, epoch: str, rows_since_snapshot: int) -> Room:
        if self._nodes is None:
            room = Room(id, canvas, self._store, seq, epoch, rows_since_snapshot)
        else:
            room = SharedRoom(id, canvas, self._store, seq, epoch, rows_since_snapshot, self._nodes)
        room.ring = lambda: self.ring(id)
        room.looking.judge = self.judge
        room.vouch = self.vouch
        room.heard = self.heard
        return room

    def ring(self, id: str) -> None:
        """What waits for people in a canvas has changed: let those know who read their inbox, at any node."""
        self.bell.ring(id)
        self._tell({"kind": "ring", "canvas": id})

    def call(self, participant: str, said: dict[str, Any]) -> None:
        """Tell one person something at once, in every page of theirs that is open, at any node: JSON with a `type`."""
        self.bell.call(participant, said)
        self._tell({"kind": "call", "participant": participant, "said": said})

    # -- among other nodes

    def _tell(self, header: Header) -> None:
        if self._nodes:
            self._nodes.publish("rooms", header)

    def _hear(self, header: Header, _body: bytes) -> None:
        match header["kind"]:
            case "evict":
                self._evict(header["participant"], header["canvas"])
            case "rename":
                self._rename(Participant(**header["participant"]))
            case "delete":
                self._run(self._drop(header["canvas"]))
            case "ring":
                self.bell.ring(header["canvas"])
            case "call":
                self.bell.call(header["participant"], header["said"])
            case _:
                pass

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_around())

    async def _look_around(self) -> None:
        """Find out with one question which rooms have missed something."""
        rooms = [room for room in self._rooms.values() if isinstance(room, SharedRoom)]
        try:
            last = await last_rows(self._store, [room.id for room in rooms]) if rooms else {}
        except StudioloError as error:
            log.warning("Whether other nodes have written is not known: %s", error.message)
            return
        for room in rooms:
            if room.id in last:
                room.look(last[room.id])
            elif self._rooms.get(room.id) is room:  # it was deleted, and that was not heard here
                self._run(self._drop(room.id))

    def _bury(self, _node: str) -> None:
        """End in the open canvases what a node that is gone was writing."""
        for room in self._rooms.values():
            self._run(self._recover(room, elsewhere=True))

    async def _recover(self, room: Room, elsewhere: bool) -> None:
        """End what runs write that live nowhere; what others write, too, unless the canvas is open elsewhere."""
        unfinished = room.canvas.unfinished()
        if not unfinished or self._nodes is None:
            return
        try:
            runs = await self._store.list_runs(room.id, states=("queued", "running"))
            lives = {run["id"] for run in runs if await self._nodes.alive(run.get("node", ""))}
            room.recover({id for id, run in unfinished.items() if not (run in lives if run else elsewhere)})
        except StudioloError as error:
            log.warning("Canvas %s was not looked through for lost runs: %s", room.id, error.message)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- letting go

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
