"""The append-only log: everything that waits is committed in one transaction.

A commit costs a wait for the disk however many rows it holds. So callers put their rows in a queue and one
task commits all that has gathered while the last commit ran: a lone caller waits for one commit, a hundred at
once wait for about two.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from studiolo import metrics
from studiolo.canvas.errors import Invalid, StudioloError
from studiolo.store import dialect, tables
from studiolo.store.canvas_rows import no_canvas
from studiolo.store.database import Database
from studiolo.store.errors import OutOfOrder, StorageFailed, storage_failed
from studiolo.store.ledger import Chain, as_read
from studiolo.store.records import LogRow


@dataclass(slots=True)
class _Waiting:
    rows: tuple[LogRow, ...]
    done: asyncio.Future[None]


class Log:
    """The one writer of `updates`, `client_owners` and `ledger`."""

    def __init__(self, database: Database, told: Callable[[Iterable[LogRow]], None] = lambda rows: None) -> None:
        self._database = database
        self._told = told  # after a commit
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.commits = 0
        """Transactions committed so far: with many callers fewer than the appends."""

    async def append(self, rows: Sequence[LogRow]) -> None:
        """Return when `rows` are committed, all or none of them.

        Rows of one canvas continue its log without a gap. A caller that is cancelled while it waits does not
        take its rows back. Raises NotFound for a canvas that is not there, OutOfOrder for a wrong `seq` and
        Invalid for an entry that is no JSON, each only to the caller that made the mistake; and StorageFailed
        when the commit fails, to all whose rows were in it.
        """
        if not rows:
            return
        if self._closed:
            raise StorageFailed("The studio is closing, so nothing was saved.", "Try again when it is back.")
        for row in rows:
            check_entry(row)
        waiting = _Waiting(tuple(rows), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="studiolo-log")
        await waiting.done

    async def close(self) -> None:
        """Commit what waits, then take no more."""
        self._closed = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._settle(batch)
                finally:  # only a cancelled task leaves anybody unanswered
                    _answer(batch, StorageFailed("The studio stopped before this was saved.", "Try again."))
        finally:
            self._task = None
            _answer(self._waiting, StorageFailed("The studio stopped before this was saved.", "Try again."))
            self._waiting = []

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Commit the batch and answer everybody in it."""
        began = time.perf_counter()
        try:
            refused = await self._database.write(partial(_commit, [waiting.rows for waiting in batch]))
        except StorageFailed as error:
            metrics.COMMITS_FAILED.inc()
            _answer(batch, error)
        except Exception as error:
            # One caller's row that no table takes must not cost the others theirs.
            if len(batch) == 1:
                _answer(batch, storage_failed(error))
            else:
                for waiting in batch:
                    await self._settle([waiting])
        else:
            metrics.committed(sum(len(waiting.rows) for waiting in batch), time.perf_counter() - began)
            self.commits += len(refused) < len(batch)
            for place, error in refused.items():
                _answer([batch[place]], error)
            _answer(batch, None)
            self._told([row for place, waiting in enumerate(batch) if place not in refused for row in waiting.rows])


def _commit(batch: list[tuple[LogRow, ...]], connection: dialect.Plain) -> dict[int, StudioloError]:
    """Insert what continues the logs of its canvases; place in the batch -> why not, for what does not."""
    tips = _tips(connection, {row.canvas for rows in batch for row in rows})
    accepted: list[LogRow] = []
    refused: dict[int, StudioloError] = {}
    for place, rows in enumerate(batch):
        try:
            tips |= _continue(tips, rows)
            accepted.extend(rows)
        except StudioloError as error:
            refused[place] = error
    insert_rows(connection, accepted)
    return refused


def insert_rows(connection: dialect.Plain, rows: Sequence[LogRow]) -> None:
    """Put `rows`, whose order has been checked, into the log, the owners and the ledger."""
    if not rows:
        return
    dialect.insert(
        connection,
        tables.updates,
        [{"canvas": r.canvas, "seq": r.seq, "at": r.at, "participant": r.participant, "data": r.data} for r in rows],
    )
    claims = [
        {"canvas": r.canvas, "client_id": client, "participant": participant, "seq": r.seq}
        for r in rows
        for client, participant in r.claims.items()
    ]
    if claims:
        dialect.insert(connection, tables.client_owners, claims, only_new=True)
    entries = [r for r in rows if r.entry is not None]
    if entries:
        dialect.insert(connection, tables.ledger, _chained(connection, entries))
    answers = [
        {
            "participant": r.participant,
            "canvas": r.canvas,
            "key": r.answer.key,
            "at": r.at,
            "response": r.answer.response,
        }
        for r in rows
        if r.answer is not None
    ]
    if answers:
        dialect.insert(connection, tables.idempotency, answers, only_new=True)


_LOG = sa.select(
    tables.canvases.c.id,
    sa.select(sa.func.coalesce(sa.func.max(tables.updates.c.seq), 0))
    .where(tables.updates.c.canvas == tables.canvases.c.id)
    .scalar_subquery(),
)
_ONE = _LOG.where(tables.canvases.c.id == sa.bindparam("id"))
_THESE = tables.canvases.c.id.in_(sa.bindparam("ids", expanding=True))
_LOGS = _LOG.where(_THESE)
_TURN = sa.select(tables.canvases.c.id).where(_THESE).order_by(tables.canvases.c.id).with_for_update(key_share=True)


def _tips(connection: dialect.Plain, canvases: Collection[str]) -> dict[str, int]:
    """The last `seq` of each canvas that is there; nobody else appends to these until the transaction ends."""
    if dialect.many_writers(connection):
        # A statement of its own: one that waits for a lock still counts with what it saw before it waited.
        dialect.select(connection, _TURN, ids=list(canvases))
    return last_rows(connection, canvases)


def last_rows(connection: dialect.Plain, canvases: Collection[str]) -> dict[str, int]:
    """Canvas -> the number of the last row of its log, for those of these canvases that are there."""
    if dialect.many_writers(connection):
        return dict(dialect.select(connection, _LOGS, ids=list(canvases)))
    # No server to go to: the same statement for each is the quickest.
    return dict(row for id in canvases for row in dialect.select(connection, _ONE, id=id))


_END = sa.select(
    tables.canvases.c.id,
    sa.select(tables.ledger.c.hash)
    .where(tables.ledger.c.canvas == tables.canvases.c.id)
    .order_by(tables.ledger.c.seq.desc())
    .limit(1)
    .scalar_subquery(),
)
_END_OF_ONE = _END.where(tables.canvases.c.id == sa.bindparam("id"))
_ENDS = _END.where(_THESE)


def _chained(connection: dialect.Plain, entries: Sequence[LogRow]) -> list[dict[str, Any]]:
    """The ledger's rows for `entries`, each with the hash that ties it to the one before it. Nobody else adds to these
    ledgers until the transaction ends."""
    canvases = {row.canvas for row in entries}
    if dialect.many_writers(connection):
        ends = dialect.select(connection, _ENDS, ids=list(canvases))
    else:
        ends = [row for id in canvases for row in dialect.select(connection, _END_OF_ONE, id=id)]
    chain = Chain({canvas: hash or "" for canvas, hash in ends})
    chained: list[dict[str, Any]] = []
    for row in entries:
        entry = as_read(row.entry or {})
        kept = {
            "canvas": row.canvas,
            "seq": row.seq,
            "at": float(row.at),
            "participant": row.participant,
            "action": entry.get("action", {}),
            "outcome": entry.get("outcome", {}),
        }
        chained.append({**kept, "hash": chain.add(**kept)})
    return chained


def _continue(tips: dict[str, int], rows: Iterable[LogRow]) -> dict[str, int]:
    """The tips after `rows`; raises when these do not continue the log. `tips` itself is left as it is."""
    reached: dict[str, int] = {}
    for row in rows:
        tip = reached.get(row.canvas, tips.get(row.canvas))
        if tip is None:
            raise no_canvas()
        if row.seq != tip + 1:
            raise OutOfOrder(
                f"The canvas's log goes on with {tip + 1}, not with {row.seq}.",
                "Load the canvas again: another program has written to it, or a failed save was left out.",
                expected=tip + 1,
            )
        reached[row.canvas] = row.seq
    return reached


def check_entry(row: LogRow) -> None:
    """Raise Invalid for an entry that is no JSON, or that no answer could show."""
    if row.entry is not None:
        try:
            json.dumps(row.entry, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise Invalid(
                f"The ledger cannot keep this action: {error}",
                "Send plain JSON values of whole characters and finite numbers.",
            ) from error


def _answer(batch: Iterable[_Waiting], error: Exception | None) -> None:
    for waiting in batch:
        if waiting.done.done():
            continue
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)
