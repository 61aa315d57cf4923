"""The line between a websocket and a room: a real server and real sockets, with a connection that only takes notes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from studiolo.rooms import Connection
from studiolo.web.websocket import HIGH_WATER, MOST_FRAGMENTS, WebSocketLine

MAX = 4 << 20


class Notes:
    """Stands where a room's connection stands."""

    def __init__(self, line: WebSocketLine) -> None:
        self.line = line
        self.frames: list[bytes] = []
        self.readied = 0
        self.closed: list[tuple[int, str]] = []

    def receive(self, frame: bytes) -> None:
        self.frames.append(frame)

    def ready(self) -> None:
        self.readied += 1

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))
        self.line.close(code, reason)


class Door:
    """The application: it lets everybody in when `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.came: asyncio.Queue[Notes] = asyncio.Queue()
        self.left: list[WebSocketLine] = []
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        line = WebSocketLine.of(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await self.open.wait()
        notes = Notes(line)
        line.attach(cast(Connection, notes))
        self.came.put_nowait(notes)
        assert (await receive())["type"] == "websocket.disconnect"
        self.left.append(line)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[Door]:
    door = Door()
    config = uvicorn.Config(
        door,
        ws=WebSocketLine,
        ws_max_size=MAX,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        **options,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        door.port = listening.getsockname()[1]
        task = asyncio.create_task(server.serve([listening]))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        yield door
        server.should_exit = True
        await task


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with served() as door:
        yield door


@asynccontextmanager
async def visit(door: Door) -> AsyncIterator[tuple[ClientConnection, Notes]]:
    async with connect(door.url, max_size=None, compression=None, proxy=None, ping_interval=None) as client:
        yield client, await asyncio.wait_for(door.came.get(), 10)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Deaf:
    """A client that shakes hands and then reads nothing until it is told to."""

    def __init__(self, door: Door) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.connect(("127.0.0.1", door.port))
        self.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: studio\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

    def __enter__(self) -> Deaf:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, opcode: int, payload: bytes = b"") -> None:
        assert len(payload) < 126
        self.socket.sendall(bytes((opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload)

    def read_all(self) -> bytes:
        """What the server sent, from its first frame to the end of the connection."""
        self.socket.settimeout(20)
        parts: list[bytes] = []
        while part := self.socket.recv(1 << 16):
            parts.append(part)
        return b"".join(parts).split(b"\r\n\r\n", 1)[1]


def frames_in(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        size, head = data[at + 1], 2
        if size > 125:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[at + 2 : at + head])
        found.append((data[at], data[at + head : at + head + size]))
        at += head + size
    return found


async def fill(notes: Notes) -> int:
    """Write until the line is full; how many frames of 50,000 bytes that took."""
    written = 1
    while notes.line.write(b"x" * 50_000):
        written += 1
        await asyncio.sleep(0)  # the line is flushed once a turn
    await asyncio.sleep(0)
    return written


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 3_000_000])
async def test_a_frame_of_any_size_arrives_whole(door: Door, size: int) -> None:
    frame = bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with visit(door) as (client, notes):
        notes.line.write(frame)
        assert await asyncio.wait_for(client.recv(), 10) == frame
        await client.send(frame)
        await until(lambda: notes.frames)
        assert notes.frames == [frame]


async def test_what_one_turn_brings_arrives_in_its_order(door: Door) -> None:
    sent = [b"a", b"b" * 100_000, b"c" * 60_000, b"", b"d"]
    async with visit(door) as (client, notes):
        for frame in sent:
            assert notes.line.write(frame)
        assert [await asyncio.wait_for(client.recv(), 10) for _ in sent] == sent


async def test_nothing_is_read_before_somebody_is_let_in(door: Door) -> None:
    door.open.clear()
    async with connect(door.url, compression=None, proxy=None) as client:
        await client.send(b"early")
        await client.send(b"bird")
        await asyncio.sleep(0.1)
        door.open.set()
        notes = await asyncio.wait_for(door.came.get(), 10)
        await until(lambda: notes.frames == [b"early", b"bird"])  # what is read before is lost


async def test_a_line_that_is_held_gives_nothing_until_it_is_let_go(door: Door) -> None:
    async with visit(door) as (client, notes):
        notes.line.hold(True)
        await client.send(b"later")
        await asyncio.sleep(0.1)
        assert notes.frames == []
        notes.line.hold(False)
        await until(lambda: notes.frames == [b"later"])


async def test_a_full_line_says_so_and_says_when_it_is_not(door: Door) -> None:
    with Deaf(door) as client:
        notes = await asyncio.wait_for(door.came.get(), 10)
        written = await fill(notes)
        assert notes.line.full and notes.readied == 0
        assert notes.line.transport.get_write_buffer_size() <= HIGH_WATER + 2 * 50_010
        reading = asyncio.create_task(asyncio.to_thread(client.read_all))
        await until(lambda: notes.readied)
        assert notes.line.write(b"after")
        notes.line.close_timeout = 0.1
        notes.line.close(1000, "enough")
        frames = frames_in(await reading)
        assert frames == [(0x82, b"x" * 50_000)] * written + [(0x82, b"after"), (0x88, b"\x03\xe8enough")]


async def test_a_client_that_never_reads_is_let_go_though_it_never_hears_why(door: Door) -> None:
    with Deaf(door):
        notes = await asyncio.wait_for(door.came.get(), 10)
        await fill(notes)
        notes.line.close_timeout = 0.1
        notes.line.close(1013, "too slow")
        assert notes.line.write(b"nobody gets this") is False
        await until(lambda: notes.line.disconnected)
        assert door.left == [notes.line]


async def test_a_client_that_neither_reads_nor_answers_pings_is_let_go() -> None:
    async with served(ws_ping_interval=0.1, ws_ping_timeout=0.1) as door:
        with Deaf(door):
            notes = await asyncio.wait_for(door.came.get(), 10)
            notes.line.close_timeout = 0.1
            await fill(notes)
            await until(lambda: notes.line.disconnected)


async def test_pings_of_a_client_that_does_not_read_are_not_kept(door: Door) -> None:
    with Deaf(door) as client:
        notes = await asyncio.wait_for(door.came.get(), 10)
        await fill(notes)
        before = notes.line.transport.get_write_buffer_size()
        for _ in range(1_000):
            client.send(0x89, b"x" * 100)
        client.send(0x82, b"done")
        await until(lambda: notes.frames == [b"done"])
        assert notes.line.transport.get_write_buffer_size() <= before


async def test_a_ping_is_answered(door: Door) -> None:
    async with visit(door) as (client, _):
        await asyncio.wait_for(await client.ping(), 10)


async def test_a_message_in_fragments_is_one_message(door: Door) -> None:
    async with visit(door) as (client, notes):
        await client.send([b"one ", b"two ", b"", b"three"])
        await client.send(b"four")
        await until(lambda: notes.frames == [b"one two three", b"four"])


async def test_fragments_without_end_are_refused(door: Door) -> None:
    with Deaf(door) as client:
        notes = await asyncio.wait_for(door.came.get(), 10)
        notes.line.close_timeout = 0.1
        client.send(0x02, b"begun")
        for _ in range(MOST_FRAGMENTS):
            client.send(0x00)
        assert frames_in(await asyncio.to_thread(client.read_all))[0][1][:2] == (1008).to_bytes(2)
        assert notes.frames == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x82\x05hello", 1002),  # not masked
        (b"\xc2\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode of the future
        (b"\x80\x80\0\0\0\0", 1002),  # goes on with nothing
        (b"\x02\x80\0\0\0\0\x82\x80\0\0\0\0", 1002),  # a message inside another
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
        (b"\x82\xff" + (100 << 20).to_bytes(8) + bytes(4), 1009),  # a hundred megabytes announced
    ],
)
async def test_what_is_no_websocket_frame_ends_the_line(door: Door, sent: bytes, code: int) -> None:
    with Deaf(door) as client:
        notes = await asyncio.wait_for(door.came.get(), 10)
        client.socket.sendall(sent)
        opcode, payload = frames_in(await asyncio.to_thread(client.read_all))[-1]
        assert opcode == 0x88 and int.from_bytes(payload[:2]) == code
        assert notes.frames == []
        await until(lambda: door.left)


async def test_text_is_refused_in_words(door: Door) -> None:
    async with visit(door) as (client, notes):
        await client.send("a text")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), 10)
        assert client.close_code == 4400 and "binary" in (client.close_reason or "")
        assert notes.closed and notes.frames == []


async def test_many_small_frames_at_once_are_all_taken_in_their_order(door: Door) -> None:
    with Deaf(door) as client:
        notes = await asyncio.wait_for(door.came.get(), 10)
        frames = [bytes((0x82, 0x84, 0, 0, 0, 0)) + number.to_bytes(4) for number in range(50_000)]
        await asyncio.to_thread(client.socket.sendall, b"".join(frames) + b"\x88\x82\0\0\0\0\x03\xe8")
        await until(lambda: door.left)
        assert notes.frames == [number.to_bytes(4) for number in range(50_000)]
