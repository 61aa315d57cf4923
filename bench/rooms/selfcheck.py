"""Whether the load generator would notice: a relay that loses, doubles, reorders or garbles a single update.

    .venv/bin/python -m bench.rooms.selfcheck

The relay is right in everything else, and when it makes no mistake nothing must be held against it. Nothing is measured
before this has passed.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import ClassVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.rooms import documents, load
from bench.rooms.compare import say
from bench.rooms.servers import ON_LOOPBACK, Room

SPOILED = 10  # which of the updates on their way from the second client to the first is treated badly
EXPECTED: dict[str, dict[str, int]] = {
    "is honest": {},
    "drops": {"lost": 1},
    "doubles": {"doubled": 1},
    "reorders": {"out_of_order": 1},
    "garbles": {"damaged": 1},
    "forgets a cursor": {"lost_cursors": 1},
}


class Relay:
    """A server of the y-websocket protocol that passes on what it gets, except for one frame."""

    name: ClassVar[str] = "the relay"
    dialect: ClassVar[str] = "y"
    acknowledges: ClassVar[bool] = False

    def __init__(self, fault: str) -> None:
        self.port = 0
        self.fault = fault
        self.faults: list[str] = []
        self._lines: list[ServerConnection] = []
        self._updates = 0
        self._held: list[bytes] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stopped: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Relay:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._stopped
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def cpu(self) -> float:
        return 0.0

    def memory(self) -> float:
        return 0.0

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        async with serve(self._client, ON_LOOPBACK, 0, compression=None) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stopped.wait()

    async def _client(self, line: ServerConnection) -> None:
        self._lines.append(line)
        with suppress(ConnectionClosed):  # the generator leaves without a word
            async for frame in line:
                assert isinstance(frame, bytes)
                await self._pass_on(line, frame)

    async def _pass_on(self, line: ServerConnection, frame: bytes) -> None:
        if frame[:2] == b"\x00\x00":
            await line.send(b"\x00\x01\x02\x00\x00")  # there is nothing in the document
        elif frame[:2] == b"\x00\x02" or frame[:1] == b"\x01":
            for reader in [reader for reader in self._lines if reader is not line]:
                watched = (line, reader) == (self._lines[1], self._lines[0])
                for passed in self._spoiled(frame) if watched else [frame]:
                    await reader.send(passed)

    def _spoiled(self, frame: bytes) -> list[bytes]:
        """What becomes of a frame on its way from the second client to the first."""
        if frame[:1] == b"\x01":
            return [] if self.fault == "forgets a cursor" and self._updates >= SPOILED else [frame]
        self._updates += 1
        held, self._held = self._held, []
        if self._updates != SPOILED:
            return [frame, *held]
        match self.fault:
            case "drops":
                return []
            case "doubles":
                return [frame, frame]
            case "reorders":
                self._held = [frame]
                return []
            case "garbles":
                return [frame[:-2] + b"?" + frame[-1:]]  # its letter, before the empty list of deletions
            case _:
                return [frame]


def check() -> None:
    """Raise `SystemExit` unless each fault is found, and nothing else."""
    room = Room("/", "room", documents.make(documents.EMPTY, documents.page()))
    for fault, expected in EXPECTED.items():
        with Relay(fault) as relay:
            found = load.run(
                relay, "type", [room], clients=4, rate=20, seconds=1, cursors=True, patience=0.3 if expected else 5
            ).errors
        if found != expected:
            raise SystemExit(f"The load generator found {found} in a relay that {fault}, and should find {expected}.")
        say(f"  a relay that {fault}: {found or 'nothing to find'}")


if __name__ == "__main__":
    check()
