"""A live canvas: its clients, and the road from a change to the disk and to everybody.

Whatever changes the canvas goes one way: it is applied in memory, waits with what else arrives meanwhile, is stored
in one commit, and only then is sent, acknowledged and answered. So nobody ever sees text that a crash could take
back, and the log alone is the truth: a room whose storage fails closes, and the next one is loaded from the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pycrdt import merge_updates

from studiolo.canvas import THE_STUDIO, Canvas, Outcome, Participant, StudioloError
from studiolo.canvas.document import Broken
from studiolo.canvas.errors import Forbidden, NotFound, Unavailable
from studiolo.rooms import protocol
from studiolo.rooms.connection import FORBIDDEN, NO_CANVAS, SIGNED_OUT, TRY_LATER, Connection, Line
from studiolo.rooms.presence import Presence
from studiolo.rooms.second_looks import Looking
from studiolo.rooms.waiting import Item, waiting
from studiolo.store import Answer, LogRow, Store, inbox

log = logging.getLogger(__name__)

SETTLE_AFTER = 0.3  # seconds of quiet after typing before suggestions are looked at again
CONSIDER_AGAIN = 5.0  # seconds after which policies look again at what somebody was typing in
SUMMARY_AFTER = 5.0  # seconds after a change before the list of canvases learns of it
RING_AFTER = 0.2  # seconds after a decision before those who read their inbox learn of it
SNAPSHOT_EVERY = 1_000  # log rows
MERGED_AT_ONCE = 200  # updates; merging costs grow with the square of their number
BACKLOG = 8 << 20  # bytes that may wait for the disk before senders are made to wait


Vouch = Callable[[str, Sequence[tuple[str, str]]], Awaitable[Mapping[tuple[str, str], tuple[str, int]]]]
"""Looks quotes up in the files of a canvas: (canvas, [(file, quote)]) gives place and section of those it finds."""


@dataclass(slots=True)
class Batch:
    """What is committed together: rows, what follows the commit, and who waits for it."""

    rows: list[LogRow] = field(default_factory=list)
    sources: list[Connection | None] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    size: int = 0

    @property
    def waits(self) -> bool:
        return bool(self.rows or self.afterwards or self.waiting)

    def add(self, row: LogRow, source: Connection | None) -> None:
        self.rows.append(row)
        self.sources.append(source)
        self.size += len(row.data)

    def move_rows(self, earlier: Batch) -> None:
        """Let what has gathered here go with an earlier commit."""
        earlier.rows += self.rows
        earlier.sources += self.sources
        self.rows, self.sources, self.size = [], [], 0


class Room:
    """One canvas in memory. Made by `Rooms`; it stays while somebody is in it or something is being stored."""

    def __init__(self, id: str, canvas: Canvas, store: Store, seq: int, epoch: str, rows_since_snapshot: int) -> None:
        self.id = id
        self.canvas = canvas
        self.epoch = epoch
        self.connections: set[Connection] = set()
        self.presence = Presence(self)
        self.failed: StudioloError | None = None
        self._store = store
        self.told = seq
        """The last row of the log that everybody here has been sent."""
        self._seq = seq
        self._since_snapshot = rows_since_snapshot
        self._batch = Batch()
        self._writer: asyncio.Task[None] | None = None
        self._writing = 0  # bytes in the commit under way
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self._news = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.looking = Looking(canvas, self.consider)
        self.vouch: Vouch | None = None
        self.heard: Callable[[Room, dict[str, Any], Outcome, Participant], None] | None = None
        """Told of each action that is done here, once it is stored."""
        self.ring: Callable[[], None] = lambda: None  # something else waits for people now
        self._changed = False  # since the list of canvases was told
        self._waiting: dict[str, Item] | None = None  # by id; None when it must be looked for again
        self._told: dict[str, Item] | None = None  # what of that the store was told; None before it was

    # -- clients

    def join(self, participant: Participant, line: Line, ack: bool = False) -> Connection:
        """Let a client in. It hears who is here, is asked for what it has if it may write, and is answered with the
        document when it says what it lacks."""
        connection = Connection(self, participant, line, ack)
        if self.failed:
            connection.close(TRY_LATER, self.failed.message)
            return connection
        self.connections.add(connection)
        if participant.may("editor"):
            self.ask(connection)
        self.presence.greet(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """A client is gone or going."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.presence.gone(connection)

    def answer(self, connection: Connection, state: bytes) -> None:
        """Send a client what it lacks, once all of that is stored. Who asks again meanwhile is answered with it."""
        if connection.asked:
            return
        try:
            missing = self.canvas.document.update_since(state)
        except ValueError as error:
            raise protocol.BadFrame("a state vector that cannot be read") from error
        connection.synced = connection.asked = True
        self._then(lambda: connection.answer(protocol.sync_step_2(missing)))

    def type(self, connection: Connection, update: bytes, frames: int = 1) -> None:
        """Take what a client typed, in so many frames. Raises what `Canvas.receive` raises."""
        try:
            outcome = self.canvas.receive(
                update, connection.participant, lambda client: self.speaker(client, connection)
            )
        except Broken:
            self._broke()
            return
        if outcome is not None:
            self._enqueue(outcome, connection.participant, connection)
            self._soon("settle", SETTLE_AFTER, self.settle)
        connection.taken += frames
        if connection.wants_ack and frames:
            taken = connection.taken
            self._then(lambda: connection.push(protocol.ack(taken)))

    def speaker(self, client: int, _connection: Connection) -> str | None:
        """Who is here under a client id that nobody has written with yet."""
        return self.presence.speaker(client)

    def ask(self, connection: Connection) -> None:
        """Ask a client for whatever it has and the canvas has not."""
        connection.push(protocol.sync_step_1(self.canvas.document.state()))

    def refuse(self, connection: Connection, _frame: bytes, error: Forbidden) -> None:
        """Send a client away for a frame with what it may not do."""
        connection.close(FORBIDDEN, error.message)

    def evict(self, participant: str) -> None:
        """Close a participant's connections: their role or their session has changed."""
        for connection in [c for c in self.connections if c.participant.id == participant]:
            connection.close(SIGNED_OUT, "Your access has changed. Open the canvas again.")

    def rename(self, participant: Participant) -> None:
        """Show a participant's new name and colour; the role here stays."""
        for connection in self.connections:
            if connection.participant.id == participant.id:
                known = connection.participant
                connection.participant = replace(known, name=participant.name, color=participant.color)
                self.presence.stamp(connection)

    # -- actions and agents

    async def apply(
        self, action: dict[str, Any], by: Participant, answer: Callable[[Outcome], Answer] | None = None
    ) -> Outcome:
        """Do an action; returns when it is stored, with the `answer` to its retries if one is to be kept.

        Raises a `StudioloError`, and then nothing has changed.
        """
        quoted = quoted_files(action)
        vouched = await self.vouch(self.id, quoted) if quoted and self.vouch else {}

        def change() -> Outcome:
            self.canvas.vouched = vouched
            try:
                return self.canvas.apply(action, by)
            finally:
                self.canvas.vouched = {}

        outcome = await self.perform(change, by, answer)
        assert outcome is not None  # an action has one, or has raised
        if self.heard is not None:
            self.heard(self, action, outcome, by)
        return outcome

    async def perform(
        self,
        change: Callable[[], Outcome | None],
        by: Participant,
        answer: Callable[[Outcome], Answer] | None = None,
    ) -> Outcome | None:
        """Make a change of the canvas that is no action of its own, by somebody who has been found to be allowed to.

        Returns and raises as `apply` does; None when nothing was to be changed.
        """
        if self.failed:
            raise self.failed
        try:
            outcome = change()
        except Broken as error:
            raise self._broke() from error
        if outcome is not None:
            stored = asyncio.get_running_loop().create_future()
            self._enqueue(outcome, by, None, answer(outcome) if answer else None)
            self._batch.waiting.append(stored)
            self._start()  # also where there is nothing to store, and so nothing else that would
            self.consider()
            await stored
        return outcome

    def show(self, by: Participant, state: dict[str, Any] | None) -> None:
        """Put an agent among those present, move it, or take it away (None)."""
        if not self.failed:
            self.presence.show(self.canvas.writer(by.id), by, state)

    async def news(self, after: int) -> int:
        """Wait until something after that row of the log is stored and sent; the last row that is.

        Raises what the room failed with.
        """
        while self.told <= after:
            if self.failed:
                raise self.failed
            await self._news.wait()
        return self.told

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def settle(self) -> None:
        """Bring the suggestions in step with the text."""
        self._by_itself(self.canvas.settle)

    def consider(self) -> None:
        """Let the canvas's policies look at the suggestions that were finished since, one after the other."""
        if self.canvas.fresh:
            self._by_itself(self._consider_one)

    def _consider_one(self) -> Outcome | None:
        outcome = self.canvas.consider()
        if outcome is not None:
            self._soon("consider", 0.0, self.consider)
        elif self.canvas.fresh:
            self._soon("consider again", CONSIDER_AGAIN, self.consider)
        self.looking.ask()
        return outcome

    def recover(self, lost: Collection[str]) -> None:
        """End what nobody goes on writing: ids of `Canvas.unfinished`."""
        self._by_itself(lambda: self.canvas.recover(lost))
        self.settle()

    def _by_itself(self, change: Callable[[], Outcome | None]) -> None:
        """Do what nobody asked for and nobody waits for."""
        if self.failed:
            return
        try:
            outcome = change()
        except Broken:
            self._broke()
            return
        if outcome:
            self._enqueue(outcome, THE_STUDIO, None)

    # -- the end

    @property
    def idle(self) -> bool:
        """Whether nobody is here and nothing is under way."""
        return not (self.connections or self._writer or self._tasks or self.presence.agents())

    @property
    def storing(self) -> bool:
        """Whether a change is on the road to the disk."""
        return self._writer is not None

    @property
    def backlog(self) -> int:
        """Bytes that wait for the disk."""
        return self._batch.size + self._writing

    @property
    def behind(self) -> bool:
        """Whether too much waits for the disk."""
        return self.failed is None and self.backlog > BACKLOG

    async def keep_up(self) -> None:
        """Wait until the disk has caught up, when too much waits for it."""
        if self.behind:
            self._caught_up.clear()
            await self._caught_up.wait()

    async def close(self, reason: str = "The studio is closing. Come back soon.") -> None:
        """Store what waits, keep a snapshot, send everybody away."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.looking.stop()
        self.presence.close()
        for connection in list(self.connections):
            connection.close(TRY_LATER, reason)
        if self._writer:
            await self._writer
        if not self.failed:
            self.failed = Unavailable("The canvas was put away.", "Try once more.")  # and nothing is added any more
            self._wake()
            await self._summarise()
            await self._snapshot()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def delete(self) -> None:
        """The canvas was deleted: nothing of it is stored any more."""
        self._fail(NotFound("The canvas was deleted.", "Go back to the list of canvases."), NO_CANVAS)

    # -- the road to the disk and to everybody

    def _enqueue(
        self, outcome: Outcome, by: Participant, source: Connection | None, answer: Answer | None = None
    ) -> None:
        """Put a change on the road. One without an update still has its row in the ledger."""
        self._add(self._batch, outcome, by, source, answer)
        if self._batch.rows:
            self._start()

    def _add(
        self, batch: Batch, outcome: Outcome, by: Participant, source: Connection | None, answer: Answer | None
    ) -> None:
        if outcome.update or outcome.entry is not None:
            self._waiting = None
            entry = dict(outcome.entry) if outcome.entry else None
            now, claims = self.canvas.clock(), dict(outcome.claims)
            batch.add(LogRow(self.id, self._number(), now, by.id, outcome.update, claims, entry, answer), source)

    def _number(self) -> int:
        """The place of the next row in the log."""
        self._seq += 1
        return self._seq

    def _then(self, callback: Callable[[], None]) -> None:
        """Call back once everything that has happened so far is stored; at once if it is."""
        if self._writer is None:
            callback()
        else:
            self._batch.afterwards.append(callback)

    def _start(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name=f"writer of {self.id}")

    async def _write(self) -> None:
        batch = self._batch
        try:
            while (batch := self._batch).waits:
                self._batch, self._writing = Batch(), batch.size
                await self._commit(batch)
                self._writing = 0
                self._deliver(batch)
                self._caught_up.set()
        except StudioloError as error:
            log.error("Canvas %s could not be stored: %s", self.id, error.message)
            self._refuse(batch, self._fail(error))
        except BaseException as error:
            self._refuse(batch, self._broke())
            if not isinstance(error, Exception):
                raise
        finally:
            self._writer = None
            self._writing = 0
            self._caught_up.set()
        if self.failed is None:
            self._soon("summary", SUMMARY_AFTER, self._summary)
            if self._since_snapshot >= SNAPSHOT_EVERY:
                self._run(self._snapshot())

    async def _commit(self, batch: Batch) -> None:
        if batch.rows:
            await self._store.append(batch.rows)

    def _deliver(self, batch: Batch) -> None:
        for callback in batch.afterwards:
            callback()
        self._broadcast(batch.rows, batch.sources)
        self.presence.tell()
        for stored in batch.waiting:
            if not stored.done():
                stored.set_result(None)

    def _broadcast(self, rows: Sequence[LogRow], sources: Sequence[Connection | None]) -> None:
        """Send to everybody what is stored."""
        self._since_snapshot += len(rows)
        self._changed |= bool(rows)
        self._waiting = None
        if rows:
            self.told = max(self.told, rows[-1].seq)
            self._wake()
        if any(row.entry or row.participant == THE_STUDIO.id for row in rows):
            self._soon("ring", RING_AFTER, self.ring)
        for start in range(0, len(rows), MERGED_AT_ONCE):
            updates = [row.data for row in rows[start : start + MERGED_AT_ONCE] if row.data]
            if not updates:
                continue
            frame = protocol.sync_update(updates[0] if len(updates) == 1 else merge_updates(*updates))
            among = set(sources[start : start + MERGED_AT_ONCE])
            only = next(iter(among)) if len(among) == 1 else None
            for connection in list(self.connections):
                if connection.synced and connection is not only:
                    connection.push(frame)

    def _fail(self, error: StudioloError, code: int = TRY_LATER) -> StudioloError:
        """Give this copy up: what it holds may not be what is stored."""
        if self.failed is None:
            self.failed = error
            self._wake()
            for timer in self._timers.values():
                timer.cancel()
            self.presence.close()
            for connection in list(self.connections):
                connection.close(code, error.message)
            self._refuse(self._batch, error)
            self._batch = Batch()
        return self.failed

    def _broke(self) -> StudioloError:
        log.exception("Canvas %s broke in memory; it is loaded again from its log", self.id)
        return self._fail(Unavailable("The canvas had to be loaded again.", "Try once more."))

    @staticmethod
    def _refuse(batch: Batch, error: StudioloError) -> None:
        for stored in batch.waiting:
            if not stored.done():
                stored.set_exception(error)

    # -- what is done now and then

    def _soon(self, name: str, delay: float, callback: Callable[[], None]) -> None:
        """Call back after `delay` seconds, once, however often it is asked for meanwhile."""
        if name in self._timers or self.failed:
            return

        def due() -> None:
            del self._timers[name]
            callback()

        self._timers[name] = asyncio.get_running_loop().call_later(delay, due)

    def _run(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _summary(self) -> None:
        self._run(self._summarise())

    async def _summarise(self) -> None:
        if self._changed:
            self._changed = False
            await self.describe()

    def waiting(self) -> dict[str, Item]:
        """What waits for people here now, by id, in the order of the pages."""
        if self._waiting is None:
            self._waiting = {item["id"]: item for item in waiting(self.canvas)}
        return self._waiting

    async def describe(self) -> None:
        """Tell the list of canvases what this one holds, and the inbox what waits in it."""
        pages = [page for page in self.canvas.outline() if not page["removed"]]
        shown = {page["id"] for page in pages}
        summary = {
            "pages": len(pages),
            "words": sum(page["words"] for page in pages),
            "open_suggestions": sum(
                record.undecided and record.page in shown for record in self.canvas.suggestions.values()
            ),
            "told": self._seq,
        }
        items = self.waiting()
        news = inbox.News.between(self._told, items)
        try:
            await self._store.touch_canvas(self.id, self.canvas.title, self.canvas.clock(), summary, news)
            self._told = items
            if news:
                self.ring()
        except StudioloError as error:
            log.warning("The summary of canvas %s was not stored: %s", self.id, error.message)

    async def _snapshot(self) -> None:
        """Keep the document as it is, when all of it is stored, so that opening it again is quick."""
        if self._writer or not self._since_snapshot:
            return
        seq, self._since_snapshot = self._seq, 0
        try:
            await self._store.save_snapshot(self.id, seq, self.canvas.document.update_since())
        except StudioloError as error:
            log.warning("The snapshot of canvas %s was not stored: %s", self.id, error.message)


def quoted_files(action: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The quotes of files in an action that nobody has checked yet: file and quote."""
    quotes = action.get("quotes")
    if not isinstance(quotes, list):
        return []
    named = [(one.get("attachment"), one.get("quote")) for one in quotes[:50] if isinstance(one, dict)]
    return [(file, quote) for file, quote in named if isinstance(file, str) and file and isinstance(quote, str)]
