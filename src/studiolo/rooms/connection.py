"""One client of a room: what it sends is understood here, what it is sent is queued here.

A connection knows no socket, only a function that sends and one that closes. Frames wait in a queue that is bounded:
a reader that stops reading is closed with 1013 and comes back by its state vector. Presence never queues; when the
reader is ready it is sent who is here *now*.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from studiolo.canvas import Gap, Participant, StudioloError
from studiolo.canvas.errors import Forbidden
from studiolo.rooms import protocol

if TYPE_CHECKING:
    from studiolo.rooms.room import Room

log = logging.getLogger(__name__)

Send = Callable[[bytes], Awaitable[None]]
Close = Callable[[int, str], Awaitable[None]]

LONGEST_QUEUE = 4 << 20  # bytes that wait for one reader, beyond the document it asked for
LONGEST_REASON = 120  # bytes; RFC 6455 allows 123
ASK_AGAIN = 50  # updates with a hole before them after which the client is asked once more for the whole
MOST_GAPS = 1_000  # and after so many it is told to go

GARBAGE, SIGNED_OUT, FORBIDDEN, NO_CANVAS, OTHER_EPOCH, TRY_LATER = 4400, 4401, 4403, 4404, 4409, 1013


class Connection:
    """Made by `Room.join`. Feed it with `receive`; call `leave` when the socket is gone."""

    def __init__(self, room: Room, participant: Participant, send: Send, close: Close, ack: bool) -> None:
        self.participant = participant
        self.client: int | None = None  # the client id whose presence this connection speaks for
        self.synced = False  # whether it has been answered with the document, so that updates make sense to it
        self.taken = 0  # step 2 and update frames that were taken so far
        self.wants_ack = ack
        self.absent: set[int] = set()  # clients whose presence it must be told anew
        self._room = room
        self._send = send
        self._close = close
        self._frames: list[tuple[bytes, int]] = []  # with the bytes that count against the bound
        self._waiting = 0  # bytes that count and are not sent
        self._answering = False  # whether an answer to the client's own question is not sent yet
        self._ready = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._gaps = 0
        self._writer = asyncio.create_task(self._write(), name=f"writer of {participant.name}")

    async def receive(self, frame: bytes) -> None:
        """Take one frame from the client. A bad frame closes this connection and touches no other.

        Waits while the room has more to store than it can keep up with, so that a flood slows down its sender.
        """
        await self._room.keep_up()
        if self._closing:
            return
        try:
            self._understand(frame)
        except protocol.BadFrame as error:
            self.close(GARBAGE, f"not a y-websocket frame: {error}")
        except Gap:
            self._gaps += 1
            if self._gaps > MOST_GAPS:
                self.close(GARBAGE, "updates keep arriving with holes")
            elif self._gaps % ASK_AGAIN == 1:
                self.push(protocol.sync_step_1(self._room.canvas.document.state()))
        except Forbidden as error:
            self.close(FORBIDDEN, error.message)
        except StudioloError as error:
            self.close(GARBAGE, error.message)

    def push(self, frame: bytes, counted: bool = True) -> None:
        """Queue a frame. `counted` is false for what the client asked for itself: the document may be large. One
        such answer at a time; a client that asks again without reading pays for it."""
        if self._closing:
            return
        if self._waiting > LONGEST_QUEUE:  # looked at before adding: one large paste is nobody's fault
            self._frames.clear()
            self.close(TRY_LATER, "too slow: come back and synchronise")
            return
        free = not counted and not self._answering
        self._answering |= free
        size = 0 if free else len(frame)
        self._frames.append((frame, size))
        self._waiting += size
        self._ready.set()

    def tell_presence(self, clients: set[int]) -> None:
        """Send, when the client is ready for it, what has become of these clients."""
        self.absent |= clients
        self._ready.set()

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close; 44xx tells the client not to come back like this."""
        if self._closing is None:
            self._closing = (code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
            self._room.forget(self)
            self._ready.set()

    async def leave(self) -> None:
        """The socket is gone."""
        self._room.forget(self)
        self._closing = self._closing or (1000, "")
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer

    def _understand(self, frame: bytes) -> None:
        match protocol.read(frame):
            case protocol.SyncStep1(state):
                self._room.answer(self, state)
            case protocol.SyncUpdate(update, whole):
                # What came with a hole before it is in the whole, too.
                self._room.type(self, update, frames=1 + self._gaps if whole else 1)
                self._gaps = 0 if whole else self._gaps
            case protocol.Awareness(entries):
                self._room.presence.hear(self, entries)
            case protocol.QueryAwareness():
                self.tell_presence(self._room.presence.here())
            case None:
                pass

    async def _write(self) -> None:
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._frames:
                    frame, size = self._frames.pop(0)
                    await self._send(frame)
                    self._waiting -= size
                    self._answering &= size > 0
                if self.absent and not self._closing:
                    clients, self.absent = self.absent, set()
                    await self._send(protocol.awareness(self._room.presence.entries(clients)))
                if self._closing and not self._frames:
                    await self._close(*self._closing)
                    return
        except Exception as error:
            # The socket broke under us, or we did: either way nobody writes to this client any more, so it must go.
            if not isinstance(error, OSError | RuntimeError):
                log.exception("The line to a client of canvas %s broke", self._room.id)
            self.close(TRY_LATER, "the line broke")
            with contextlib.suppress(Exception):
                await self._close(TRY_LATER, "the line broke")
