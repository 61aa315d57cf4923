"""The append-only log: everything that waits is committed in one transaction.

A commit costs a wait for the disk however many rows it holds. So callers put their rows in a queue and one
task commits all that has gathered while the last commit ran: a lone caller waits for one commit, a hundred at
once wait for about two.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Invalid, NotFound, StudioloError
from studiolo.store import dialect, tables
from studiolo.store.database import Database
from studiolo.store.errors import OutOfOrder, StorageFailed
from studiolo.store.records import LogRow


@dataclass(slots=True)
class _Waiting:
    rows: tuple[LogRow, ...]
    done: asyncio.Future[None]


class Log:
    """The one writer of `updates`, `client_owners` and `ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: AsyncConnection | None = None
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
            _check_json(row)
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
        await self._hang_up()

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
        try:
            await self._commit(batch)
        except StorageFailed as error:
            await self._hang_up()
            _answer(batch, error)
        except Exception as error:
            # One caller's row that no table takes must not cost the others theirs.
            await self._hang_up()
            if len(batch) == 1:
                _answer(batch, error)
            else:
                for waiting in batch:
                    await self._settle([waiting])

    async def _commit(self, batch: list[_Waiting]) -> None:
        if self._connection is None:
            self._connection = await self._database.checkout()
        refused: list[tuple[_Waiting, StudioloError]] = []
        accepted: list[_Waiting] = []
        async with self._database.writing(self._connection) as connection:
            tips = await _tips(connection, {row.canvas for waiting in batch for row in waiting.rows})
            for waiting in batch:
                try:
                    tips |= _continue(tips, waiting.rows)
                    accepted.append(waiting)
                except StudioloError as error:
                    refused.append((waiting, error))
            await insert_rows(connection, [row for waiting in accepted for row in waiting.rows])
        self.commits += bool(accepted)
        _answer(accepted, None)
        for waiting, error in refused:
            _answer([waiting], error)

    async def _hang_up(self) -> None:
        """Give the connection back: after a failure the next commit starts with a fresh one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.invalidate()
            finally:
                await connection.close()


async def insert_rows(connection: AsyncConnection, rows: Sequence[LogRow]) -> None:
    """Put `rows`, whose order has been checked, into the log, the owners and the ledger."""
    if not rows:
        return
    await connection.execute(
        sa.insert(tables.updates),
        [
            {"canvas": r.canvas, "seq": r.seq, "at": r.at, "participant": r.participant, "data": r.data}
            for r in rows
        ],
    )
    claims = [
        {"canvas": r.canvas, "client_id": client, "participant": participant}
        for r in rows
        for client, participant in r.claims.items()
    ]
    if claims:
        await connection.execute(dialect.insert_new(connection, tables.client_owners), claims)
    entries = [
        {
            "canvas": r.canvas,
            "seq": r.seq,
            "at": r.at,
            "participant": r.participant,
            "action": r.entry.get("action", {}),
            "outcome": r.entry.get("outcome", {}),
        }
        for r in rows
        if r.entry is not None
    ]
    if entries:
        await connection.execute(sa.insert(tables.ledger), entries)


_TIPS = (
    sa.select(
        tables.canvases.c.id,
        sa.select(sa.func.coalesce(sa.func.max(tables.updates.c.seq), 0))
        .where(tables.updates.c.canvas == tables.canvases.c.id)
        .scalar_subquery(),
    )
    .where(tables.canvases.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(tables.canvases.c.id)
    .with_for_update()  # where several nodes write, they take turns per canvas; SQLite needs no such words
)


async def _tips(connection: AsyncConnection, canvases: Iterable[str]) -> dict[str, int]:
    """The last `seq` of each canvas that is there."""
    found = await connection.execute(_TIPS, {"ids": list(canvases)})
    return {row[0]: row[1] for row in found}


def _continue(tips: dict[str, int], rows: Iterable[LogRow]) -> dict[str, int]:
    """The tips after `rows`; raises when these do not continue the log. `tips` itself is left as it is."""
    reached: dict[str, int] = {}
    for row in rows:
        tip = reached.get(row.canvas, tips.get(row.canvas))
        if tip is None:
            raise NotFound(
                "There is no such canvas.", "It may have been deleted; go back to the list of canvases."
            )
        if row.seq != tip + 1:
            raise OutOfOrder(
                f"The canvas's log goes on with {tip + 1}, not with {row.seq}.",
                "Load the canvas again: another program has written to it, or a failed save was left out.",
                expected=tip + 1,
            )
        reached[row.canvas] = row.seq
    return reached


def _check_json(row: LogRow) -> None:
    if row.entry is not None:
        try:
            json.dumps(row.entry)
        except (TypeError, ValueError, RecursionError) as error:
            raise Invalid(
                f"The ledger cannot keep this action: {error}", "Send plain JSON values."
            ) from error


def _answer(batch: Iterable[_Waiting], error: Exception | None) -> None:
    for waiting in batch:
        if waiting.done.done():
            continue
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)
