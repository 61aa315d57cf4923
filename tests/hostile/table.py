"""A canvas with an honest person at it, and whoever else comes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import ServedStudio
from tests.web.yclient import YClient, buffer, varuint

PATIENCE = 60.0  # seconds for what must happen, on a machine that is busy with other things


def step_1(state: bytes = b"\0") -> bytes:
    return b"\0\0" + buffer(state)


def step_2(update: bytes) -> bytes:
    return b"\0\1" + buffer(update)


def update(body: bytes) -> bytes:
    return b"\0\2" + buffer(body)


def awareness(*entries: tuple[int, int, bytes]) -> bytes:
    body = b"".join(varuint(client) + varuint(clock) + buffer(state) for client, clock, state in entries)
    return b"\1" + buffer(varuint(len(entries)) + body)


def raw(opcode: int, payload: bytes, declared: int | None = None) -> bytes:
    """A websocket frame of a client, byte by byte: a mask of zeros leaves the payload as it is."""
    size = len(payload) if declared is None else declared
    if size < 126:
        head = bytes((opcode, 0x80 | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", opcode, 0xFF, size)
    return head + bytes(4) + payload


class Guest:
    """A connection that sends what it likes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[bytes] = []

    async def send(self, frames: bytes | str | Iterable[bytes]) -> None:
        """Send one frame or several; that the studio closes meanwhile is no error."""
        try:
            for frame in [frames] if isinstance(frames, bytes | str) else frames:
                await self.socket.send(frame)
        except ConnectionClosed:
            pass

    async def write(self, data: bytes) -> None:
        """Send bytes as they are, and wait until the system has taken most of them."""
        self.socket.transport.write(data)
        while self.socket.transport.get_write_buffer_size() > 1 << 20:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def listen(self) -> None:
        """Take what is sent, for ever."""
        try:
            async for frame in self.socket:
                assert isinstance(frame, bytes)
                self.frames.append(frame)
        except ConnectionClosed:
            pass

    async def closed(self) -> int:
        """Wait for the studio to close; its code."""
        await asyncio.wait_for(self.listen(), PATIENCE)
        return self.socket.close_code or 1006

    async def heard(self) -> None:
        """Wait until everything that was sent has been looked at."""
        await self.socket.send(b"\3")
        await asyncio.wait_for(await self.socket.ping(), PATIENCE)


class Table:
    def __init__(self, studio: ServedStudio, made: dict[str, Any], honest: YClient) -> None:
        self.studio = studio
        self.canvas: str = made["id"]
        self.page: str = made["pages"][0]["id"]
        self.honest = honest
        self.typed = 0

    async def goes_on(self) -> None:
        """The honest person types, and it is stored."""
        wanted = self.honest.acked + 1
        self.honest.insert(self.page, 0, "h")
        self.typed += 1
        await self.honest.until(lambda: self.honest.acked >= wanted or self.honest.closed, PATIENCE)
        assert self.honest.closed is None, self.honest.closed
        assert self.studio.process.poll() is None

    async def text(self) -> str:
        """The text as somebody sees it who comes now, without what the honest person typed."""
        async with YClient(self.studio.sync_url(self.canvas)) as late:
            await late.ready()
            text = late.text(self.page)
        assert text.startswith("h" * self.typed)
        return text[self.typed :]

    @asynccontextmanager
    async def guest(self, role: str = "editor", name: str = "") -> AsyncIterator[Guest]:
        token = await asyncio.to_thread(self.studio.make_token, role, self.canvas, name) if name else self.token(role)
        url = self.studio.sync_url(self.canvas, token)
        socket = await connect(url, max_size=None, compression=None, proxy=None, ping_interval=None, open_timeout=60)
        try:
            yield Guest(socket)
        finally:
            socket.transport.abort()

    def token(self, role: str) -> str:
        """A token for any canvas, made once."""
        key = (self.studio.url, role)
        if key not in _tokens:
            _tokens[key] = self.studio.make_token(role)
        return _tokens[key]

    def resident(self) -> float:
        """Megabytes that the server holds."""
        return psutil.Process(self.studio.process.pid).memory_info().rss / 2**20

    def files(self) -> int:
        """What the server has open."""
        return psutil.Process(self.studio.process.pid).num_fds()


_tokens: dict[tuple[str, str], str] = {}


@asynccontextmanager
async def table(studio: ServedStudio, text: str = "The cat sat. 🌍") -> AsyncIterator[Table]:
    made = await asyncio.to_thread(studio.canvas, text)
    async with YClient(studio.sync_url(made["id"], ack="1")) as honest:
        await honest.ready()
        await honest.until(lambda: honest.acked, PATIENCE)
        yield Table(studio, made, honest)
