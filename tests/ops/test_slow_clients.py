"""A client that takes its time over a request is sent away; one that only waits, or sends much, is not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from studiolo.web import http

PATIENCE = 0.4


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request with the length of its body, after longer than anybody may take over sending it; echoes what
    it hears on a websocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        if not message["more_body"]:
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * PATIENCE)
    body = str(length).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(http, "HEAD_SECONDS", PATIENCE)
    monkeypatch.setattr(http, "SILENCE_SECONDS", PATIENCE)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        config = uvicorn.Config(app, http=http.PatientProtocol, lifespan="off", log_config=None)
        config.timeout_keep_alive = 60
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([bound]))
        yield bound.getsockname()[1]
        server.should_exit = True
        await serving


class Line:
    """A connection that sends what and when it likes, and reads until the other side hangs up."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.heard = bytearray()
        self.listening = asyncio.create_task(self._listen(reader))

    @classmethod
    async def to(cls, port: int) -> Line:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionResetError):  # it hung up while we were sending
            while data := await reader.read(65536):
                self.heard += data

    async def send(self, data: bytes, size: int | None = None, wait: float = 0.0) -> None:
        """Send it, in pieces of a size with a wait after each, for as long as somebody listens."""
        size = size or len(data)
        for at in range(0, len(data), size):
            if self.listening.done():
                return
            self.writer.write(data[at : at + size])
            await asyncio.sleep(wait)

    async def end(self) -> bytes:
        """All that came until the other side hung up."""
        await asyncio.wait_for(self.listening, 30)
        self.writer.close()
        return bytes(self.heard)


DRIP = PATIENCE / 8
ENDLESS = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1000


async def test_a_head_in_drips_is_cut_off(port: int) -> None:
    line = await Line.to(port)
    await line.send(ENDLESS, 1, DRIP)
    assert (await line.end()).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_says_nothing_is_cut_off(port: int) -> None:
    line = await Line.to(port)
    assert (await line.end()).startswith(b"HTTP/1.1 408 ")


async def test_empty_lines_before_a_request_buy_no_time(port: int) -> None:
    line = await Line.to(port)
    await line.send(b"\r\n" * 1000, 2, DRIP)
    assert (await line.end()).startswith(b"HTTP/1.1 408 ")


async def test_the_second_request_on_a_connection_has_no_more_time_than_the_first(port: int) -> None:
    line = await Line.to(port)
    await line.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    while not line.heard.endswith(b"\r\n\r\n0"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await line.send(ENDLESS, 1, DRIP)
    answer = await line.end()
    assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\n\r\n0HTTP/1.1 408 " in answer


async def test_a_head_that_never_ends_is_cut_off_by_its_size(port: int) -> None:
    line = await Line.to(port)
    await line.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    await line.send((b"X-Long: " + b"y" * 4000 + b"\r\n") * 200, 4010)
    answer = await line.end()
    assert not answer or answer.startswith(b"HTTP/1.1 431 "), "the answer may be lost on a client that only sends"


async def test_a_body_that_stops_coming_is_cut_off(port: int) -> None:
    line = await Line.to(port)
    await line.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert (await line.end()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_keeps_coming_may_take_long(port: int) -> None:
    line = await Line.to(port)
    await line.send(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 24\r\n\r\n")
    await line.send(b"1" * 24, 1, DRIP)
    answer = await line.end()
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n24")


async def test_a_large_body_is_no_large_head(port: int) -> None:
    line = await Line.to(port)
    size = 4 * http.HEAD_BYTES
    await line.send(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
    await line.send(b"z" * size)
    answer = await line.end()
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n%d" % size)


async def test_a_client_may_wait_for_its_answer_as_long_as_it_takes(port: int) -> None:
    line = await Line.to(port)
    await line.send(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await line.end()).startswith(b"HTTP/1.1 200 ")


async def test_a_websocket_may_be_silent(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/", proxy=None) as client:
        await asyncio.sleep(3 * PATIENCE)
        await client.send("still here")
        assert await client.recv() == "still here"
