"""The websocket as rooms use it: a line between a socket and a connection, with nothing in between.

A server hands every message to its application through a queue, a task and a few layers of calls, and so back, a
hundred times for one key typed among a hundred people. Here only the handshake and the end go that way. What comes in
between is given to the connection in the call that read it, and what goes out to everybody is encoded once and written
to each transport. uvicorn's protocol and the `websockets` library do the rest: they shake hands, parse, and keep alive.
"""

from __future__ import annotations

import asyncio
import struct
from functools import lru_cache
from typing import Any

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from studiolo.metrics import tally
from studiolo.rooms import GARBAGE, Connection

HIGH_WATER = 64 << 10  # bytes that wait in a transport, where nothing can be left out any more
SHARED = 64 << 10  # bytes of a frame up to which a copy of it with its header costs less than a second write
TURN = 32 << 10  # bytes that are read from one client before the others have their turn
MOST_FRAGMENTS = 4_096  # of one message
RESTARTING = 1012
FAREWELL = 2.0  # seconds that a client has to answer a close when the studio stops
BINARY = 0x82  # the first byte of a whole binary message


class WebSocketLine(WebSocketsSansIOProtocol):
    """One websocket. The application finds it in its scope, and calls `attach` when it knows who is at the other end;
    nothing is read before that, so that nobody fills the memory who may not come in."""

    connection: Connection | None = None
    full = False
    _unread = b""  # what the system has given us already
    _turn: asyncio.Handle | None = None  # when more of it is read

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._written: list[bytes] = []

    @classmethod
    def of(cls, scope: Any) -> WebSocketLine:
        """The line of an ASGI scope. Raises `KeyError` on a server that was not given this class."""
        return scope["extensions"]["studiolo.line"]["line"]

    def attach(self, connection: Connection) -> None:
        """Give everything that arrives from now on to a connection."""
        self.connection = connection
        self.hold(False)

    # -- what rooms call: see `studiolo.rooms.connection.Line`

    def write(self, frame: bytes) -> bool:
        tally.sent_frames += 1
        tally.sent_bytes += len(frame)
        if not self._written:
            self.loop.call_soon(self._flush)  # what a turn brings goes out in one call of the system, the dearest part
        if len(frame) <= SHARED:
            self._written.append(_encoded(frame))
        else:
            self._written += (_header(len(frame)), frame)
            self._flush()
        return not self.full

    def hold(self, waiting: bool) -> None:
        self.read_paused = waiting
        if waiting:
            self.transport.pause_reading()
        else:
            self._read_on()

    def close(self, code: int, reason: str) -> None:
        # Not by way of the application's `send`, which waits until a reader that does not read has read everything.
        if self.close_sent or self.transport.is_closing():
            return
        tally.closed[code] += 1
        self.scope.setdefault("state", {})["code"] = code  # for the log
        self._flush()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.hold(False)  # to hear that it has been understood
        self._end_soon()

    # -- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        # A socket may bring megabytes in one turn of the loop, which is a million frames if they are small enough.
        self._unread += data
        if self._turn is None:
            self._read_turn()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.full = True

    def resume_writing(self) -> None:
        super().resume_writing()
        self.full = False
        if self.connection:
            self.connection.ready()

    def _read_turn(self) -> None:
        self._turn = None
        part, self._unread = self._unread[:TURN], self._unread[TURN:]
        super().data_received(part)
        if self.transport.is_closing():
            self._unread = b""
            self._end_soon()
        elif self._unread:
            self.transport.pause_reading()
            if not self.read_paused:
                self._read_on()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _read_on(self) -> None:
        if not self._unread:
            self.transport.resume_reading()
        elif self._turn is None:
            self._turn = self.loop.call_soon(self._read_turn)

    # -- where uvicorn's protocol does otherwise

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = self.scope.setdefault("extensions", {})
            extensions["studiolo.line"] = {"line": self}
            self.hold(True)

    async def receive(self) -> ASGIReceiveEvent:
        return await self.queue.get()  # the beginning and the end; the inherited one would start to read

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MOST_FRAGMENTS:
            return self.close(1008, "too many fragments")
        return super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        frames, self.frames = self.frames, []
        if self.close_sent or self.connection is None:
            return
        if self.curr_msg_data_type == "text":
            self.connection.close(GARBAGE, "Send binary frames of the y-websocket protocol.")
        else:
            frame = frames[0] if len(frames) == 1 else b"".join(frames)
            tally.received_frames += 1
            tally.received_bytes += len(frame)
            self.connection.receive(frame)

    def handle_ping(self) -> None:
        pong = b"".join(self.conn.data_to_send())
        if not self.full:  # who does not read gets no pongs either
            self.transport.write(pong)

    def shutdown(self) -> None:
        # Not the inherited one, which closes the socket at once: if anything is unread in it that is a reset, and the
        # client never hears why.
        self.stop_keepalive()
        if not self.handshake_complete:
            return super().shutdown()
        self.close(RESTARTING, "The studio is closing. Come back soon.")
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(FAREWELL, self.transport.abort)
        return None

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end_soon()

    def _flush(self) -> None:
        written, self._written = self._written, []
        if self.close_sent or self.transport.is_closing():
            return
        if len(written) == 1:
            self.transport.write(written[0])
        else:
            self.transport.write(b"".join(written))

    def _end_soon(self) -> None:
        """A transport that is closed waits for what it still has to write, and a reader that stopped may never read
        it. This one does not wait for ever."""
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)


@lru_cache(maxsize=4)  # what is sent to everybody in one turn: an update, who is here, perhaps an acknowledgement
def _encoded(payload: bytes) -> bytes:
    return _header(len(payload)) + payload


def _header(size: int) -> bytes:
    """What goes before a message of so many bytes: whole, binary, not masked (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((BINARY, size))
    if size < 1 << 16:
        return struct.pack("!BBH", BINARY, 126, size)
    return struct.pack("!BBQ", BINARY, 127, size)
