"""A client of the y-websocket protocol for tests: a pycrdt document kept in step over one websocket."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from pycrdt import Doc, Map, Text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


def varuint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def read_varuint(data: bytes, at: int = 0) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def buffer(data: bytes) -> bytes:
    return varuint(len(data)) + data


class YClient:
    """`async with YClient(url) as client:` then `client.text(page)` and `client.insert(page, at, text)`.

    Entered again, it comes back with the document that it had.
    """

    def __init__(self, url: str, **headers: str) -> None:
        self.url, self.headers = url, headers
        self.options: dict[str, Any] = {}  # more for `connect`
        self.doc: Doc[Any] = Doc()
        self.pages = self.doc.get("pages", type=Map)
        self.presence: dict[int, Any] = {}
        self._local = True

    async def __aenter__(self) -> Self:
        self.synced = asyncio.Event()
        self.acked = 0
        self.closed: tuple[int, str] | None = None
        self.socket: ClientConnection = await connect(
            self.url, additional_headers=self.headers, max_size=None, compression=None, proxy=None, **self.options
        )
        self._subscription = self.doc.observe(self._changed)
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        self.put(b"\x00\x00" + buffer(self.doc.get_state()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await asyncio.wait(self._tasks[:1])
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.doc.unobserve(self._subscription)

    def _changed(self, event: Any) -> None:
        if self._local:
            self.put(b"\x00\x02" + buffer(event.update))

    def put(self, frame: bytes) -> None:
        """Send a frame after those that wait to be sent."""
        self._outgoing.put_nowait(frame)

    async def flush(self) -> None:
        """Wait until everything is on its way."""
        await asyncio.wait_for(self._outgoing.join(), 10)

    async def _write(self) -> None:
        while True:
            await self.socket.send(await self._outgoing.get())
            self._outgoing.task_done()

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                assert isinstance(frame, bytes)
                self._take(frame)
        except ConnectionClosed:
            pass
        code, reason = self.socket.close_code, self.socket.close_reason
        self.closed = (code or 1006, reason or "")

    def _take(self, frame: bytes) -> None:
        if frame[0] == 100:
            self.acked, _ = read_varuint(frame, 1)
        elif frame[0] == 1:
            _, at = read_varuint(frame, 1)
            count, at = read_varuint(frame, at)
            for _ in range(count):
                client, at = read_varuint(frame, at)
                _clock, at = read_varuint(frame, at)
                size, at = read_varuint(frame, at)
                self.presence[client] = json.loads(frame[at : at + size])
                at += size
        elif frame[0] == 0:
            size, at = read_varuint(frame, 2)
            body = frame[at : at + size]
            if frame[1] == 0:
                self.put(b"\x00\x01" + buffer(self.doc.get_update(body)))
                return
            self._local = False
            try:
                self.doc.apply_update(body)
            finally:
                self._local = True
            if frame[1] == 1:
                self.synced.set()

    async def ready(self) -> Self:
        await asyncio.wait_for(self.synced.wait(), 10)
        return self

    async def until(self, condition: Any, seconds: float = 10) -> None:
        """Wait until `condition()` holds."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def until_closed(self) -> tuple[int, str]:
        """Wait for the server to close; its code and reason."""
        await self.until(lambda: self.closed is not None)
        assert self.closed
        return self.closed

    def page(self, page: str) -> Text:
        return self.pages[page]["text"]

    def text(self, page: str) -> str:
        return str(self.page(page))

    def insert(self, page: str, at: int, text: str) -> None:
        """Type. `at` counts UTF-8 bytes, as pycrdt does."""
        self.page(page).insert(at, text)

    async def send(self, frame: bytes) -> None:
        """Send a frame as it is."""
        await self.socket.send(frame)

    def say_where(self, state: dict[str, Any] | None, clock: int = 1) -> None:
        """Send an awareness state of one's own."""
        entry = varuint(self.doc.client_id) + varuint(clock) + buffer(json.dumps(state).encode())
        self.put(b"\x01" + buffer(varuint(1) + entry))
