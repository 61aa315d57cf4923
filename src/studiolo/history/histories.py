"""The archives of a studio: made when somebody looks back, kept while they do, and brought up to date meanwhile."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from studiolo.history.archive import Archive
from studiolo.history.notes import Note
from studiolo.history.sessions import Session, sessions
from studiolo.store import HistoryRow, Store
from studiolo.store.branches import client_owners

KEPT_FOR: Final = 600.0  # seconds after the last look
HEAVIEST: Final = 3_000_000  # weight of all archives together; one that is looked at is kept whatever it weighs
_ROWS_AT_ONCE: Final = 500
_NOTES_AT_ONCE: Final = 500

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Past:
    """A canvas's archive with what else is known of its rows."""

    archive: Archive = field(default_factory=Archive)
    notes: list[Note] = field(default_factory=list)
    owners: dict[int, str] = field(default_factory=dict)
    _sessions: tuple[int, list[Session]] | None = None

    def owner(self, client: int) -> str:
        """Whose a client id is; "" when that is not known."""
        return self.owners.get(client, "")

    def note(self, seq: int) -> Note | None:
        """What the ledger says of a row."""
        place = bisect_left(self.notes, seq, key=lambda note: note.seq)
        found = self.notes[place] if place < len(self.notes) else None
        return found if found is not None and found.seq == seq else None

    def sessions(self) -> list[Session]:
        """The sessions up to the last row that was taken in."""
        if self._sessions is None or self._sessions[0] != self.archive.seq:
            self._sessions = (self.archive.seq, sessions(self.archive, self.notes, self.owner))
        return self._sessions[1]


@dataclass(slots=True)
class _Kept:
    past: Past = field(default_factory=Past)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    used: float = 0.0
    weight: int = 0  # as it was after the last look: meanwhile the thread may be at work on it


class Histories:
    """What a studio's canvases were at any moment.

    Everything is worked out in one thread of its own, so that a long log holds up nobody who types.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, _Kept] = {}
        self._thread = ThreadPoolExecutor(1, "studiolo-history")

    async def ask(self, canvas: str, question: Callable[[Past], Answer]) -> Answer:
        """What `question` makes of the past of a canvas up to now. It runs in the thread, and may raise."""
        self._sweep()
        kept = self._kept.setdefault(canvas, _Kept())
        async with kept.lock:
            kept.used = time.monotonic()
            try:
                await self._catch_up(canvas, kept)
                return await self._work(lambda: question(kept.past))
            finally:
                kept.used, kept.weight = time.monotonic(), kept.past.archive.weight

    def forget(self, canvas: str) -> None:
        """Drop what is kept of a canvas, which was deleted."""
        self._kept.pop(canvas, None)

    def close(self) -> None:
        """Let go of everything."""
        self._kept.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _catch_up(self, canvas: str, kept: _Kept) -> None:
        past, rows = kept.past, list[HistoryRow]()
        try:
            async for row in self._store.history(canvas, past.archive.seq):
                rows.append(row)
                if len(rows) == _ROWS_AT_ONCE:
                    await self._feed(past, rows)
                    rows = []
            if rows:
                await self._feed(past, rows)
                past.owners = await client_owners(self._store, canvas)
            await self._note(canvas, past)
        except BaseException:
            kept.past = Past()  # half of a batch may have been taken in
            raise

    async def _feed(self, past: Past, rows: list[HistoryRow]) -> None:
        await self._work(lambda: past.archive.feed(rows))

    async def _note(self, canvas: str, past: Past) -> None:
        while True:
            after = past.notes[-1].seq if past.notes else 0
            if after >= past.archive.seq:
                return
            rows = await self._store.ledger(canvas, after=after, limit=_NOTES_AT_ONCE)
            past.notes += [Note.of(row) for row in rows if row.seq <= past.archive.seq]
            if len(rows) < _NOTES_AT_ONCE or rows[-1].seq > past.archive.seq:
                return

    def _sweep(self) -> None:
        """Drop the archives that nobody has looked at for a while, and the oldest of too many."""
        now = time.monotonic()
        idle = sorted((kept.used, canvas) for canvas, kept in self._kept.items() if not kept.lock.locked())
        weight = sum(kept.weight for kept in self._kept.values())
        for used, canvas in idle:
            if now - used > KEPT_FOR or weight > HEAVIEST:
                weight -= self._kept.pop(canvas).weight
