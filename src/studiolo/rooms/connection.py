"""One client of a room: what it sends is understood here, and what it is sent waits here while it does not read.

A connection knows no socket, only a line. While the line takes what it is given, frames are written as they come and
nothing is kept. When it is full they wait in a queue that is bounded: a reader that stops reading is closed with 1013
and comes back by its state vector. Presence never waits; when the reader is ready it is told who is here *now*.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Protocol

from studiolo.canvas import Gap, Participant, StudioloError
from studiolo.canvas.errors import Forbidden
from studiolo.metrics import tally
from studiolo.rooms import protocol

if TYPE_CHECKING:
    from studiolo.rooms.room import Room

log = logging.getLogger(__name__)

LONGEST_QUEUE = 4 << 20  # bytes that wait for one reader, beyond the document it asked for
LONGEST_REASON = 120  # bytes; RFC 6455 allows 123
ASK_AGAIN = 50  # updates with a hole before them after which the client is asked once more for the whole
MOST_GAPS = 1_000  # and after so many it is told to go

GARBAGE, SIGNED_OUT, FORBIDDEN, NO_CANVAS, OTHER_EPOCH, TRY_LATER = 4400, 4401, 4403, 4404, 4409, 1013


_joined = count()


class Line(Protocol):
    """The way to a client. None of these waits, and none fails because the client is gone."""

    def write(self, frame: bytes) -> bool:
        """Send a frame; whether there is room for another. If not, `Connection.ready` is called when there is."""
        ...

    def hold(self, waiting: bool) -> None:
        """Stop reading what the client sends, or go on with it."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say why and end it, whether or not what was written before has been read."""
        ...


class Connection:
    """Made by `Room.join`. Feed it with `receive`, call `ready` when a full line has been emptied, and `leave` when
    the client is gone."""

    __slots__ = (
        "_absent",
        "_answering",
        "_closing",
        "_frames",
        "_full",
        "_gaps",
        "_held",
        "_line",
        "_room",
        "_waiting",
        "asked",
        "client",
        "joined",
        "participant",
        "synced",
        "taken",
        "wants_ack",
    )

    def __init__(self, room: Room, participant: Participant, line: Line, ack: bool) -> None:
        self.participant = participant
        self.client: int | None = None  # the client id whose presence this connection speaks for
        self.joined = next(_joined)
        self.asked = False  # whether it has asked for the document and the answer waits for the disk
        self.synced = False  # whether it has been answered with the document, so that updates make sense to it
        self.taken = 0  # step 2 and update frames that were taken so far
        self.wants_ack = ack
        self._room = room
        self._line = line
        self._full = False  # whether the line takes no more for now
        self._frames: deque[tuple[bytes, int]] = deque()  # those that wait, with the bytes that count
        self._waiting = 0  # bytes that count
        self._answering = False  # whether an answer to the client's own question is among them
        self._absent: set[int] = set()  # clients whose presence it must be told when it is ready
        self._closing: tuple[int, str] | None = None
        self._gaps = 0  # frames with a hole before them
        self._held = 0  # these, and those that came after them

    def receive(self, frame: bytes) -> None:
        """Take one frame from the client. A bad frame closes this connection and touches no other.

        While the room has more to store than it can keep up with, the line is held: a flood slows down its sender.
        """
        if self._closing:
            return
        try:
            self._understand(frame)
        except protocol.BadFrame as error:
            self.close(GARBAGE, f"not a y-websocket frame: {error}")
        except Gap:
            self._gaps += 1
            self._held += 1
            if self._gaps > MOST_GAPS:
                self.close(GARBAGE, "updates keep arriving with holes")
            elif self._gaps % ASK_AGAIN == 1:
                self._room.ask(self)
        except Forbidden as error:
            self._room.refuse(self, frame, error)
        except StudioloError as error:
            self.close(GARBAGE, error.message)
        except Exception:
            log.exception("A frame from a client of canvas %s broke something", self._room.id)
            self.close(TRY_LATER, "something broke: come back and synchronise")
        if self._room.behind and not self._closing:
            self.hold_until(self._room.keep_up())

    def hold_until(self, done: Awaitable[object]) -> None:
        """Read nothing more from the client until then."""
        self._line.hold(True)
        asyncio.ensure_future(done).add_done_callback(lambda _: self._line.hold(False))

    def answer(self, frame: bytes) -> None:
        """Send what the client has asked for."""
        self.asked = False
        self.push(frame, counted=False)

    def push(self, frame: bytes, counted: bool = True) -> None:
        """Send a frame, or queue it. `counted` is false for what the client asked for itself: the document may be
        large. One such answer at a time; a client that asks again without reading pays for it."""
        if self._closing:
            return
        if not self._full:
            self._full = not self._line.write(frame)
            return
        if self._waiting > LONGEST_QUEUE:  # looked at before adding: one large paste is nobody's fault
            self._frames.clear()
            tally.slow_readers += 1
            self.close(TRY_LATER, "too slow: come back and synchronise")
            return
        free = not counted and not self._answering
        self._answering |= free
        size = 0 if free else len(frame)
        self._frames.append((frame, size))
        self._waiting += size

    def tell_presence(self, frame: bytes, clients: Iterable[int]) -> None:
        """Send what has become of these clients, or what has become of them by the time that the client reads."""
        if self._closing:
            return
        if self._full:
            self._absent.update(clients)
        else:
            self._full = not self._line.write(frame)

    @property
    def waiting(self) -> int:
        """Bytes that wait for the client to read."""
        return self._waiting

    def ready(self) -> None:
        """The line takes frames again."""
        self._full = False
        while self._frames and not self._full:
            frame, size = self._frames.popleft()
            self._waiting -= size
            self._answering &= size > 0
            self._full = not self._line.write(frame)
        if self._frames:
            return
        if self._closing:
            self._line.close(*self._closing)
        elif self._absent and not self._full:
            clients, self._absent = self._absent, set()
            self._full = not self._line.write(self._room.presence.frame(clients))

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close; 44xx tells the client not to come back like this."""
        if self._closing is None:
            self._closing = (code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
            self._room.forget(self)
            if not self._frames:
                self._line.close(*self._closing)

    def leave(self) -> None:
        """The client is gone."""
        self._room.forget(self)
        self._closing = self._closing or (1000, "")
        self._frames.clear()

    def _understand(self, frame: bytes) -> None:
        match protocol.read(frame):
            case protocol.SyncStep1(state):
                self._room.answer(self, state)
            case protocol.SyncUpdate(update, whole):
                # What came with a hole before it is in the whole, too. Until that comes nothing that was sent later is
                # acknowledged: clients count frames, and would take the one with the hole for stored.
                self._room.type(self, update, frames=self._held + 1 if whole else 0 if self._held else 1)
                self._held += bool(self._held)
                if whole:
                    self._gaps = self._held = 0
            case protocol.Awareness(entries):
                self._room.presence.hear(self, entries)
            case protocol.QueryAwareness():
                self._room.presence.greet(self)
            case None:
                pass
