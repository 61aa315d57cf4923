"""HTTP/1.1 that does not wait for ever: uvicorn has no limit on how long, or how large, a request's head may be.

Without one, a few thousand connections that each send a byte now and then ("slow-loris") hold a server's memory and
file descriptors for as long as they like, before anybody was asked for a token.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0  # from the first byte, or from connecting, to the end of the headers
HEAD_BYTES = 64 << 10
SILENCE_SECONDS = 60.0  # without a byte of a body that has not ended

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """One connection. A timer runs while the server waits for the client, and not while it answers."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0  # bytes of a head that has not ended
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        in_head = self._between_requests()
        if in_head:
            if self._timer is None:
                self._wait(HEAD_SECONDS)
            self._head += len(data)
        super().data_received(data)
        if in_head and self._head > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._head = 0
        self._stop_waiting()
        super().on_headers_complete()
        if self.parser is not None and not self.parser.should_upgrade():
            self._in_body = True
            self._wait(SILENCE_SECONDS)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._wait(SILENCE_SECONDS)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_waiting()
        super().on_message_complete()

    def _between_requests(self) -> bool:
        return not self._in_body and (self.cycle is None or self.cycle.response_complete)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self._waited)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited(self) -> None:
        self._timer = None
        if self.flow.read_paused:  # it is we who do not read
            self._wait(SILENCE_SECONDS)
        elif not self.transport.is_closing():
            self._refuse(TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        if self._between_requests() or not self.cycle.response_started:
            self.transport.write(answer)
        self.transport.close()
