"""A browser tab in the simulation: its own copy of the document, and the line between it and the studio.

It does what `y-websocket` does: says what it has when it comes, answers what it is asked, sends every edit, says
again what it hears of presence, and keeps its document over every disconnect. The line keeps the order of frames,
holds them as long as the plan wants, and loses them only when it breaks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Doc, Map, Text

from studiolo.canvas import Participant
from studiolo.rooms import Connection, Room, protocol

WINDOW = 4  # frames that a line holds for a tab that does not read, before the sender must wait


@dataclass(eq=False)
class Person:
    number: int
    participant: Participant | None
    """None: they have no access any more."""
    known: Participant
    """As they were when they last had."""


@dataclass(eq=False)
class Edit:
    """What a tab did to a text: letters in their order, and letters that it took out."""

    typed: str
    gone: str
    update: bytes


@dataclass(eq=False)
class Line:
    """One websocket. `up` and `down` are under way; a close is a tuple among the frames of `down`."""

    up: deque[bytes] = field(default_factory=deque)
    down: deque[bytes | tuple[int, str]] = field(default_factory=deque)
    sent: list[range] = field(default_factory=list)
    """For each step 2 and update frame that was sent: which of the tab's edits are stored when it is acknowledged."""
    reading: bool = True
    connection: Connection | None = None
    dead: bool = False
    """The studio knows that it is broken."""
    full: bool = False
    held: bool = False
    closed: bool = False
    _arrived: deque[bytes] = field(default_factory=deque)

    # What the room sees of it.

    def write(self, frame: bytes) -> bool:
        if not self.dead and not self.closed:
            self.down.append(frame)
        self.full = not self.reading and len(self.down) >= WINDOW
        return not self.full

    def hold(self, waiting: bool) -> None:
        self.held = waiting
        self._pass_on()

    def close(self, code: int, reason: str) -> None:
        if not self.dead and not self.closed:
            self.down.append((code, reason))
            self.closed = True

    # The studio's end, as `web` is it. All this must be called where the loop runs.

    def join(self, room: Room, by: Participant) -> None:
        self.connection = room.join(by, self, ack=True)

    def arrive(self, frames: int) -> None:
        while frames > 0 and self.up:
            self._arrived.append(self.up.popleft())
            frames -= 1
        self._pass_on()

    def _pass_on(self) -> None:
        while self._arrived and not self.held and not self.dead and self.connection:
            self.connection.receive(self._arrived.popleft())

    def read(self) -> None:
        """The tab reads again."""
        self.reading = True
        if self.full and self.connection and not self.dead:
            self.full = False
            self.connection.ready()

    def end(self) -> None:
        """The studio learns that nobody is there any more."""
        if not self.dead:
            self.dead = True
            if self.connection:
                self.connection.leave()


class Tab:
    def __init__(self, person: Person, number: int) -> None:
        self.person = person
        self.number = number
        self.line: Line | None = None
        self.cheated = False
        """It has done what it may not, and will be sent away."""
        self.excused = False
        """Its role has changed, so that it may be sent away for what was right when it was done."""
        self.edits: list[Edit] = []
        self.stored: set[int] = set()
        """Which of the edits were acknowledged."""
        self.place = 0
        self.meta: dict[int, int] = {}
        self.states: dict[int, dict[str, Any]] = {}

    def take_copy(self, client: int) -> None:
        """Start with an empty document, as a page that is loaded."""
        self.doc: Doc[Any] = Doc(client_id=client)
        self.client = client
        self.pages: Map[Any] = self.doc.get("pages", type=Map)
        self.edits, self.stored = [], set()
        self.meta, self.states = {}, {}
        self._made: list[bytes] = []
        self._watch = self.doc.observe(lambda event: self._made.append(event.update))

    # -- editing

    def texts(self) -> dict[str, str]:
        return {page: str(self.pages[page]["text"]) for page in self.pages.keys()}  # noqa: SIM118

    def edit(self, page: str, start: int, end: int, insert: str) -> Edit:
        """Offsets in code points."""
        shared: Text = self.pages[page]["text"]
        text = str(shared)
        low, high = len(text[:start].encode()), len(text[:end].encode())
        self._made.clear()
        with self.doc.transaction():
            if high > low:
                del shared[low:high]
            if insert:
                shared.insert(low, insert)
        edit = Edit(insert, text[start:end], self._made[0] if self._made else b"")
        if edit.update:
            self.edits.append(edit)
            self.send_update(edit.update, range(len(self.edits) - 1, len(self.edits)))
        return edit

    def stand(self, where: int) -> None:
        """Move the caret, as `setLocalState` of y-protocols."""
        self.place = where
        self.meta[self.client] = self.meta.get(self.client, -1) + 1
        self.states[self.client] = {"cursor": where}
        self._say([self.client])

    def _say(self, clients: list[int]) -> None:
        if self.line:
            entries = [protocol.AwarenessEntry(one, self.meta[one], self.states.get(one)) for one in clients]
            self.line.up.append(protocol.awareness(entries))

    # -- the line

    def come(self, room: Room, by: Participant) -> None:
        """Connect. Must be called where the loop runs."""
        assert self.line is None
        self.line = Line()
        self.line.join(room, by)
        self.line.up.append(protocol.sync_step_1(self.doc.get_state()))
        self.states = {}
        self.stand(0)

    def leave(self) -> Line | None:
        """The line breaks, for this end at least."""
        line, self.line = self.line, None
        self.states = {}
        return line

    def send_update(self, update: bytes, edits: range) -> None:
        if self.line:
            self.line.up.append(protocol.sync_update(update))
            self.line.sent.append(edits)

    def saved(self) -> list[Edit]:
        return [edit for at, edit in enumerate(self.edits) if at in self.stored]

    def unsaved(self) -> list[Edit]:
        return [edit for at, edit in enumerate(self.edits) if at not in self.stored]

    def hear(self, most: int) -> tuple[int, str] | None:
        """Read what has come; what the studio closed the line with, once that is read."""
        line = self.line
        if line is None or not line.reading:
            return None
        while most > 0 and line.down:
            frame = line.down.popleft()
            most -= 1
            if isinstance(frame, tuple):
                return frame
            self._take(line, frame)
        return None

    def _take(self, line: Line, frame: bytes) -> None:
        if frame[0] == protocol.ACK:
            count = protocol._Reader(frame[1:]).uint()
            assert 0 < count <= len(line.sent), f"{count} frames acknowledged, {len(line.sent)} sent"
            self.stored.update(*line.sent[:count])
            return
        match protocol.read(frame):
            case protocol.SyncStep1(state):
                line.up.append(protocol.sync_step_2(self.doc.get_update(state)))
                line.sent.append(range(len(self.edits)))
            case protocol.SyncUpdate(update):
                self.doc.apply_update(update)
            case protocol.Awareness(entries):
                self._hear_presence(entries)

    def _hear_presence(self, entries: tuple[protocol.HeardEntry, ...]) -> None:
        """`applyAwarenessUpdate` of y-protocols, and what y-websocket does after it."""
        changed: list[int] = []
        for entry in entries:
            known, clock, state = self.meta.get(entry.client, 0), entry.clock, entry.state
            if known < clock or (known == clock and state is None and entry.client in self.states):
                if state is not None:
                    self.states[entry.client] = state
                elif entry.client == self.client:
                    clock += 1  # we are still here
                else:
                    self.states.pop(entry.client, None)
                self.meta[entry.client] = clock
                changed.append(entry.client)
        if changed:
            self._say(changed)
