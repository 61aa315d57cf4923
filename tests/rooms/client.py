"""A Yjs client of a room without a socket: pycrdt for the document, our own frames on the line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any

from pycrdt import Doc, Map, Text

from studiolo.canvas import Participant
from studiolo.rooms import Room, protocol

_ids = count(5_000)


class Client:
    """Joins a room, keeps its own copy in step, and remembers what it was sent.

    Its line holds one frame while `reading` is not set, and is full then."""

    def __init__(self, room: Room, participant: Participant, *, ack: bool = False, doc: Doc[Any] | None = None) -> None:
        self.doc: Doc[Any] = doc or Doc(client_id=next(_ids))
        self.pages: Map[Any] = self.doc.get("pages", type=Map)
        self.acked = 0
        self.closed: tuple[int, str] | None = None
        self.asked: list[bytes] = []
        self.present: dict[int, dict[str, Any] | None] = {}
        self.heard: Callable[[protocol.HeardEntry], object] = lambda entry: None
        self.synced = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self._free = asyncio.Event()  # the room takes what is sent to it
        self._free.set()
        self._came = asyncio.Event()
        self._inbox: list[bytes | tuple[int, str]] = []
        self._reader = asyncio.create_task(self._read())
        self.connection = room.join(participant, self, ack)

    async def start(self) -> Client:
        """Say what we have, and wait for what we lack."""
        self.synced.clear()
        await self.send(protocol.sync_step_1(self.doc.get_state()))
        await asyncio.wait_for(self.synced.wait(), 10)
        return self

    async def send(self, frame: bytes) -> None:
        """Send a frame as it is, when the room takes it."""
        await self._free.wait()
        self.connection.receive(frame)

    async def type(self, page: str, where: int, insert: str = "", gone: int = 0) -> bytes:
        """Edit a page's text (offsets in UTF-8 bytes, as pycrdt counts) and send it."""
        before = self.doc.get_state()
        text: Text = self.pages[page]["text"]
        with self.doc.transaction():
            if gone:
                del text[where : where + gone]
            if insert:
                text.insert(where, insert)
        update = self.doc.get_update(before)
        await self.send(protocol.sync_update(update))
        return update

    async def stand(self, client: int, clock: int, state: dict[str, Any] | None) -> None:
        await self.send(protocol.awareness([protocol.AwarenessEntry(client, clock, state)]))

    def text(self, page: str) -> str:
        return str(self.pages[page]["text"])

    async def leave(self) -> None:
        self.connection.leave()
        self._reader.cancel()

    # -- the line, as the room sees it

    def write(self, frame: bytes) -> bool:
        self._inbox.append(frame)
        self._came.set()
        return self.reading.is_set()

    def hold(self, waiting: bool) -> None:
        if waiting:
            self._free.clear()
        else:
            self._free.set()

    def close(self, code: int, reason: str) -> None:
        self._inbox.append((code, reason))
        self._came.set()

    async def _read(self) -> None:
        while self.closed is None:
            await self._came.wait()
            self._came.clear()
            if not self.reading.is_set():
                await self.reading.wait()
            while self._inbox:
                frame = self._inbox.pop(0)
                if isinstance(frame, tuple):
                    self.closed = frame
                    return
                await self._take(frame)
            self.connection.ready()

    async def _take(self, frame: bytes) -> None:
        if frame[0] == protocol.ACK:
            assert frame[1] < 128
            self.acked = frame[1]
            return
        match protocol.read(frame):
            case protocol.SyncStep1(state):
                self.asked.append(state)
                await self.send(protocol.sync_step_2(self.doc.get_update(state)))
            case protocol.SyncUpdate(update):
                self.doc.apply_update(update)
                if frame[1] == protocol.STEP_2:
                    self.synced.set()
            case protocol.Awareness(entries):
                for entry in entries:
                    self.heard(entry)
                    self.present[entry.client] = json.loads(json.dumps(entry.state))


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition; fail when it does not come true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is waited for is the other side of a line
            await asyncio.sleep(0.005)
