"""A room that other nodes have open, too.

Each node holds a copy of the canvas for its own clients. What they type is let in here at once; everything else is
done at the canvas's turn (`store.turn`): behind the lock on its log, after what the others have written, so that no
two nodes accept the same suggestion. The database gives every change its place; Redis tells the others of it, and
whoever misses a message finds the rows in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from studiolo.canvas import THE_STUDIO, Canvas, Outcome, Participant, StudioloError
from studiolo.canvas.errors import Forbidden
from studiolo.rooms.connection import Connection
from studiolo.rooms.nodes import Header, Nodes
from studiolo.rooms.protocol import AwarenessEntry
from studiolo.rooms.room import Batch, Room
from studiolo.store import Answer, LogRow, Store
from studiolo.store.turn import rows_after, turn

log = logging.getLogger(__name__)

LONGEST_MESSAGE = 1 << 20  # bytes of updates; the others read larger ones from the log
MOST_AHEAD = 1_000  # rows that may be known before the one that comes next


@dataclass(eq=False, slots=True)
class _Deed:
    """Something to be done at the canvas's turn."""

    change: Callable[[], Outcome | None]
    by: Participant
    answer: Callable[[Outcome], Answer] | None
    stored: asyncio.Future[None]
    outcome: Outcome | None = None


class SharedRoom(Room):
    """One canvas in the memory of one of several nodes. Call `open` before anybody joins."""

    def __init__(
        self, id: str, canvas: Canvas, store: Store, seq: int, epoch: str, rows_since_snapshot: int, nodes: Nodes
    ) -> None:
        super().__init__(id, canvas, store, seq, epoch, rows_since_snapshot)
        self._nodes = nodes
        self._deeds: list[_Deed] = []
        self._ahead: dict[int, LogRow] = {}  # rows of others that came before the ones between
        self._stepping = asyncio.Lock()  # held while the log is read, so that rows are taken in one order
        self._looked_twice: set[Connection] = set()
        self._subject = f"room:{id}"
        self.presence.on_local_change = self._tell_presence

    async def open(self) -> bool:
        """Be one of the nodes that have this canvas open; whether there are others."""
        others = await self._nodes.hold(self.id)
        await self._nodes.listen(self._subject, self._hear, self._look)
        await self.catch_up()
        self._nodes.publish(self._subject, {"kind": "who"})
        self._nodes.gone.append(self.presence.node_gone)
        return others

    async def catch_up(self) -> None:
        """Take in what others have stored meanwhile. Raises a `StudioloError` when the log cannot be read."""
        if self.failed:
            return
        try:
            async with self._stepping:
                rows = await rows_after(self._store, self.id, self._seq)
                try:
                    self._follow(rows)
                except Exception as error:
                    raise self._broke() from error
        finally:  # also for whoever gave up waiting
            self._step()

    def look(self, last: int) -> None:
        """The log goes to row `last`: read what this node has not been told of."""
        if last > self._seq:
            self._look()

    async def perform(
        self,
        change: Callable[[], Outcome | None],
        by: Participant,
        answer: Callable[[Outcome], Answer] | None = None,
    ) -> Outcome | None:
        if self.failed:
            raise self.failed
        deed = self._do(change, by, answer)
        try:
            await deed.stored
        finally:
            self.consider()
        return deed.outcome

    def speaker(self, client: int, connection: Connection) -> str | None:
        if connection not in self._looked_twice:
            raise Forbidden("Nobody has written with this client id, as far as this node knows.")
        return super().speaker(client, connection)

    def refuse(self, connection: Connection, frame: bytes, error: Forbidden) -> None:
        """Send a client away, but only after a second look.

        It may send somebody's text that it has from another node, by another tab say, and that has not arrived here.
        Then the text would look forged, or be taken for its own.
        """
        if connection in self._looked_twice:
            super().refuse(connection, frame, error)
        else:
            connection.hold_until(asyncio.create_task(self._look_again(connection, frame)))

    async def _look_again(self, connection: Connection, frame: bytes) -> None:
        with suppress(StudioloError):
            await self.catch_up()
        self._looked_twice.add(connection)
        connection.receive(frame)
        self._looked_twice.discard(connection)

    async def close(self, reason: str = "The studio is closing. Come back soon.") -> None:
        await super().close(reason)
        await self._let_go()

    async def _let_go(self) -> None:
        if self.presence.node_gone in self._nodes.gone:
            self._nodes.gone.remove(self.presence.node_gone)
        await self._nodes.deaf(self._subject)
        await self._nodes.release(self.id)

    # -- this node's changes

    def _number(self) -> int:
        return 0  # the turn gives it one

    def _by_itself(self, change: Callable[[], Outcome | None]) -> None:
        if not self.failed:
            self._do(change, THE_STUDIO, None)

    def _do(
        self,
        change: Callable[[], Outcome | None],
        by: Participant,
        answer: Callable[[Outcome], Answer] | None,
    ) -> _Deed:
        deed = _Deed(change, by, answer, asyncio.get_running_loop().create_future())
        deed.stored.add_done_callback(_looked_at)
        self._deeds.append(deed)
        self._batch.waiting.append(deed.stored)
        self._start()
        return deed

    async def _commit(self, batch: Batch) -> None:
        deeds, self._deeds = self._deeds, []
        if not (batch.rows or deeds):
            return
        async with self._stepping:
            async with turn(self._store, self.id, self._seq) as log_of_all:
                self._follow(log_of_all.missed)
                if deeds:
                    self._batch.move_rows(batch)  # a deed may hang on what was typed this very moment
                for deed in deeds:
                    self._carry_out(deed, batch)
                batch.rows[:] = await log_of_all.append(batch.rows)
            if batch.rows:
                self._seq = batch.rows[-1].seq
        self._step()
        self._tell(batch.rows)

    def _carry_out(self, deed: _Deed, batch: Batch) -> None:
        try:
            outcome = deed.change()
        except StudioloError as error:
            if not deed.stored.done():
                deed.stored.set_exception(error)
            return
        deed.outcome = outcome
        if outcome is not None:
            self._add(batch, outcome, deed.by, None, deed.answer(outcome) if deed.answer else None)

    def _tell(self, rows: Sequence[LogRow]) -> None:
        if not rows:
            return
        if sum(len(row.data) for row in rows) > LONGEST_MESSAGE:
            self._nodes.publish(self._subject, {"kind": "look"})
            return
        listed = [[row.seq, row.at, row.participant, len(row.data), list(row.claims.items())] for row in rows]
        self._nodes.publish(self._subject, {"kind": "rows", "rows": listed}, b"".join(row.data for row in rows))

    def _tell_presence(self, entries: Sequence[AwarenessEntry]) -> None:
        listed = [[entry.client, entry.clock, entry.state] for entry in entries]
        self._nodes.publish(self._subject, {"kind": "here", "entries": listed})

    # -- the others' changes

    def _hear(self, header: Header, body: bytes) -> None:
        if self.failed:
            return
        match header["kind"]:
            case "rows":
                at = 0
                for seq, when, participant, length, claims in header["rows"]:
                    row = LogRow(self.id, seq, when, participant, body[at : at + length], dict(claims))
                    self._ahead[seq] = row
                    at += length
                self._step()
            case "here":
                entries = [AwarenessEntry(*entry) for entry in header["entries"]]
                self.presence.hear_afar(header["node"], entries)
            case "who":
                self._tell_presence(self.presence.local_entries())
            case "look":
                self._look()
            case _:
                pass

    def _look(self) -> None:
        """Look into the log, and say once more who is here: a message may have been lost."""
        self._soon("look", 0.0, lambda: self._run(self._look_around()))

    async def _look_around(self) -> None:
        try:
            await self.catch_up()
        except StudioloError as error:
            log.warning("Canvas %s could not be brought up to date: %s", self.id, error.message)
        self._tell_presence(self.presence.local_entries())

    def _step(self) -> None:
        """Take in the rows that come next, unless the log is being read just now: then it is done afterwards."""
        if self._stepping.locked() or self.failed:
            return
        rows: list[LogRow] = []
        while row := self._ahead.pop(self._seq + 1 + len(rows), None):
            rows.append(row)
        try:
            self._follow(rows)
        except Exception:  # whatever it was, this copy is not to be trusted any more
            self._broke()
            return
        self._ahead = {seq: row for seq, row in self._ahead.items() if seq > self._seq}
        if self._ahead:
            if len(self._ahead) > MOST_AHEAD:
                self._ahead.clear()
            self._look()

    def _follow(self, rows: Sequence[LogRow]) -> None:
        rows = [row for row in rows if row.seq > self._seq]
        for row in rows:
            if row.data:
                self.canvas.follow(row.data, row.claims)
            self._seq = row.seq
        self._broadcast(rows, [None] * len(rows))


def _looked_at(stored: asyncio.Future[None]) -> None:
    """Nobody waits for what is done by itself; that it failed has been logged with the room."""
    if not stored.cancelled():
        stored.exception()
