"""Who is in a room: the awareness states of its clients, people's and agents'.

A client speaks only for itself, and says only where it is: its name, colour and role are stamped here, so nobody can
appear as somebody else. Several changes in one turn of the event loop reach everyone in one frame. Where other nodes
have the room open, too, each node counts the clocks of its own clients, and hears of the rest by `hear_afar`.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studiolo.canvas import Participant
from studiolo.rooms import protocol
from studiolo.rooms.protocol import AwarenessEntry, BadFrame, HeardEntry

if TYPE_CHECKING:
    from studiolo.rooms.connection import Connection
    from studiolo.rooms.room import Room

LARGEST_STATE = 16  # values in one state; y-codemirror sends two, we send four
REMEMBERED = 60.0  # seconds that the clock of a client that left is kept, should it come back
BEGINNING = 1_767_225_600.0  # 2026: tenths of a second since then fit the 32 bits that some clients count with
PATIENCE = 0.1  # seconds that a change waits for what is being stored
RENEWED = 15.0  # seconds; clients forget a state that is not renewed for 30


@dataclass(frozen=True, slots=True)
class _Afar:
    """Somebody who is connected to another node."""

    node: str
    participant: str


class Presence:
    """The awareness of one room."""

    def __init__(self, room: Room) -> None:
        self.on_local_change: Callable[[list[AwarenessEntry]], None] | None = None
        self._room = room
        self._states: dict[int, AwarenessEntry] = {}
        self._speakers: dict[int, Connection | _Afar | str] = {}  # who is behind each client id; an agent by its id
        self._spoke: dict[int, str] = {}  # the participant behind each client id that is remembered
        self._changed: set[int] = set()  # what everybody is to be told of
        self._telling: asyncio.TimerHandle  # by when, if anything has changed
        self._changed_here: set[int] = set()  # what the other nodes are to be told of
        self._renewal: asyncio.TimerHandle | None = None

    def hear(self, connection: Connection, entries: Iterable[HeardEntry]) -> None:
        """What a client says of itself. Clients also echo what they heard of others: that is passed over unread."""
        for entry in entries:
            if connection.client is None and self._is_claim(entry) and self._free(entry.client, connection):
                connection.client = entry.client
                self._speakers[entry.client] = connection
                self._spoke[entry.client] = connection.participant.id
            if entry.client != connection.client or self._speakers.get(entry.client) is not connection:
                continue
            state = entry.state
            if state is not None and len(state) > LARGEST_STATE:
                raise BadFrame("an awareness state that is too large")
            self._put(entry.client, None if state is None else {**state, "user": connection.participant.as_dict()})

    def stamp(self, connection: Connection) -> None:
        """A connection's participant has another name now."""
        client = connection.client
        known = self._states.get(client) if client is not None and self._speakers.get(client) is connection else None
        if known is not None and known.state is not None:
            self._put(known.client, {**known.state, "user": connection.participant.as_dict()})

    def show(self, client: int, agent: Participant, state: dict[str, Any] | None) -> None:
        """Put an agent on the page, move it, or take it away (None)."""
        self._speakers[client] = agent.id
        self._put(client, None if state is None else {**state, "user": agent.as_dict()})
        if state is not None and self._renewal is None:
            self._renewal = asyncio.get_running_loop().call_later(RENEWED, self._renew)

    def gone(self, connection: Connection) -> None:
        """A client has left; the others are told."""
        client = connection.client
        if client is None or self._speakers.get(client) is not connection:
            return
        del self._speakers[client]
        if client in self._states:
            self._put(client, None)
            self._forget_later(client)

    def hear_afar(self, node: str, entries: Iterable[AwarenessEntry]) -> None:
        """What another node says of its own clients and agents: stamped and counted there, so only news is taken."""
        for entry in entries:
            client, speaker, known = entry.client, self._speakers.get(entry.client), self._states.get(entry.client)
            if known is not None and not _newer(entry, known):
                continue
            if entry.state is None:
                if isinstance(speaker, _Afar) and speaker.node == node:
                    self._lose(client, entry)
                continue
            afar = _Afar(node, entry.state["user"]["id"])
            if isinstance(speaker, str) or (speaker is not None and _participant(speaker) != afar.participant):
                continue
            self._spoke[client] = afar.participant
            self._speakers[client] = afar  # if they were here, they have come back by the other node
            self._know(entry)

    def node_gone(self, node: str) -> None:
        """Another node is no more, or cannot be heard: nor can those who are connected to it."""
        for client, speaker in list(self._speakers.items()):
            if isinstance(speaker, _Afar) and speaker.node == node:
                # At the clock it had: browsers take that for a leave, and what it says when it is back for news.
                self._lose(client, AwarenessEntry(client, self._states[client].clock, None))

    def local_entries(self) -> list[AwarenessEntry]:
        """Who is here by this node, for the other nodes."""
        local = (client for client, speaker in self._speakers.items() if not isinstance(speaker, _Afar))
        return [entry for entry in self._entries(local) if entry.state is not None]

    def here(self) -> set[int]:
        """The clients that are present."""
        return {client for client, entry in self._states.items() if entry.state is not None}

    def agents(self) -> bool:
        """Whether an agent is present."""
        return any(isinstance(self._speakers.get(client), str) for client in self.here())

    def tell(self) -> None:
        """Tell everybody now what has changed. A room does it when it has sent what was typed meanwhile."""
        if not self._changed:
            return
        self._telling.cancel()
        changed, self._changed = self._changed, set()
        here, self._changed_here = self._changed_here, set()
        if here and self.on_local_change:
            self.on_local_change(self._entries(here))
        for_most = self.frame(changed)
        for connection in list(self._room.connections):
            if connection.client not in changed:
                connection.tell_presence(for_most, changed)
            elif others := changed - {connection.client}:  # it knows best where it is itself
                connection.tell_presence(self.frame(others), others)

    def greet(self, connection: Connection) -> None:
        """Tell a client who is here."""
        if here := self.here():
            connection.tell_presence(self.frame(here), here)

    def frame(self, clients: Iterable[int]) -> bytes:
        """What there is to say of these clients."""
        return protocol.awareness(self._entries(clients))

    def close(self) -> None:
        if self._renewal:
            self._renewal.cancel()

    def speaker(self, client: int) -> str | None:
        """The participant who is present under a client id."""
        speaker = self._speakers.get(client)
        return None if speaker is None else _participant(speaker)

    def _is_claim(self, entry: HeardEntry) -> bool:
        """Whether an entry can be its sender's own: an echo has the clock that was given here."""
        known = self._states.get(entry.client)
        return entry.text != b"null" and (known is None or known.clock != entry.clock)

    def _free(self, client: int, connection: Connection) -> bool:
        """Whether a connection may speak for a client id: nobody else does, and nobody else has written with it."""
        speaker = self._speakers.get(client)
        if speaker is not None:
            # Somebody who comes back may find their old line still open. It is theirs to take over; and what the old
            # line still brings must not take it back.
            if isinstance(speaker, str) or _participant(speaker) != connection.participant.id:
                return False
            if not isinstance(speaker, _Afar) and speaker.joined > connection.joined:
                return False
        # Nor had anybody else just now: what comes late on an old line may be an echo of them.
        last = self._spoke.get(client, connection.participant.id)
        return last == connection.participant.id and self._room.canvas.owner_of(client) in (None, last)

    def _put(self, client: int, state: dict[str, Any] | None) -> None:
        # Clocks are counted here: a client that comes back may have fallen behind what the others were told of it. And
        # browsers remember the clocks that they were told before a restart, or by another node: so they follow time.
        known = self._states.get(client)
        clock = max(known.clock + 1 if known else 1, int((self._room.canvas.clock() - BEGINNING) * 10))
        self._changed_here.add(client)
        self._know(AwarenessEntry(client, clock, state))

    def _know(self, entry: AwarenessEntry) -> None:
        self._states[entry.client] = entry
        if not self._changed:
            # A caret stands behind the letter that was just typed, so it goes with it, unless the disk is slow.
            delay = PATIENCE if self._room.storing else 0
            self._telling = asyncio.get_running_loop().call_later(delay, self.tell)
        self._changed.add(entry.client)

    def _lose(self, client: int, entry: AwarenessEntry) -> None:
        """Somebody who was connected to another node has left it."""
        del self._speakers[client]
        self._know(entry)
        self._forget_later(client)

    def _entries(self, clients: Iterable[int]) -> list[AwarenessEntry]:
        return [self._states[client] for client in clients if client in self._states]

    def _forget_later(self, client: int) -> None:
        # By a weak reference: a room that is put away meanwhile, with all its text, is not kept for this.
        asyncio.get_running_loop().call_later(REMEMBERED, _forget, weakref.ref(self), client)

    def _renew(self) -> None:
        """Agents have no client that says every few seconds that they are still there."""
        self._renewal = None
        for client, speaker in self._speakers.items():
            entry = self._states.get(client)
            if isinstance(speaker, str) and entry is not None and entry.state is not None:
                self._put(client, entry.state)
                if self._renewal is None:
                    self._renewal = asyncio.get_running_loop().call_later(RENEWED, self._renew)


def _participant(speaker: Connection | _Afar | str) -> str:
    if isinstance(speaker, str):
        return speaker
    return speaker.participant if isinstance(speaker, _Afar) else speaker.participant.id


def _forget(gone_from: weakref.ref[Any], client: int) -> None:
    """By now everybody knows, or has forgotten by themselves, that a client is gone."""
    presence: Presence | None = gone_from()
    if presence is not None and client not in presence._speakers:
        presence._states.pop(client, None)
        presence._spoke.pop(client, None)


def _newer(entry: AwarenessEntry, known: AwarenessEntry) -> bool:
    """As browsers decide it: at the same clock, a leave is the newer."""
    return entry.clock > known.clock or (entry.clock == known.clock and entry.state is None and known.state is not None)
