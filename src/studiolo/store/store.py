"""The store: canvases, their logs, and what is kept about them."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Conflict, Invalid, NotFound
from studiolo.store import dialect, inbox, migrations
from studiolo.store.canvas_rows import need_canvas, no_canvas
from studiolo.store.database import Database, Result
from studiolo.store.errors import StorageFailed
from studiolo.store.log import Log, check_entry, insert_rows
from studiolo.store.records import CanvasRecord, HistoryRow, LedgerRow, Loaded, LogRow
from studiolo.store.tables import (
    SCHEMA_VERSION,
    canvases,
    client_owners,
    grants,
    idempotency,
    ledger,
    mailboxes,
    metadata,
    participants,
    run_histories,
    run_steps,
    runs,
    schema_version,
    snapshots,
    studio,
    updates,
)

REMEMBERED_FOR = 2 * 86400.0
"""Seconds for which the response to an idempotency key is kept."""
OF_A_TASK = "task:"
"""How the keys begin of what a task has done: they are kept for as long as the canvas is, as the task may go on."""

_HISTORY_BATCH = 500
_TOUCH = (
    sa.update(canvases)
    .where(canvases.c.id == sa.bindparam("canvas"))
    .values(title=sa.bindparam("called"), updated=sa.bindparam("at"), summary=sa.bindparam("said"))
)

log = logging.getLogger(__name__)


class Store:
    """One open database. Made by `await Store.open(url)`; several processes may have the same one open."""

    def __init__(self, database: Database, clock: Callable[[], float], studio: str) -> None:
        self._database = database
        self._log = Log(database, self.told)
        self.clock = clock
        self.studio = studio
        """Names the studio that this database is: all its nodes see the same, and a restored copy has another."""
        self.on_entries: list[Callable[[set[str]], None]] = []
        """Called after a commit with the canvases whose ledgers this process has added to."""

    @classmethod
    async def open(cls, url: str | Path, clock: Callable[[], float] = time.time, patience: float = 5.0) -> Store:
        """Open the database at `url`, making it when there is none and bringing one of an older Studiolo up to date.

        A path is a SQLite file. `patience`: seconds to wait for another program that holds a SQLite file locked.
        Raises StorageFailed when it cannot be opened, Invalid when a newer Studiolo has written it.
        """
        database = Database(url, patience)
        try:
            async with database.writing() as connection:
                named = await connection.run_sync(prepare)
        except BaseException:
            await database.close()
            raise
        return cls(database, clock, named)

    async def close(self) -> None:
        """Commit what waits and let go of the database."""
        await self._log.close()
        await self._database.close()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that reads, for the rooms above that keep rows here (`people`)."""
        return self._database.reading()

    def one_moment(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that reads, and sees nothing of what is written while it lasts."""
        return self._database.one_moment()

    async def read(self, work: Callable[[dialect.Plain], Result]) -> Result:
        """What `work` reads with `dialect.select`, in one go: for the few rows that every request asks for."""
        return await self._database.read(work)

    async def write(self, work: Callable[[dialect.Plain], Result]) -> Result:
        """What `work` makes in a transaction of its own: for what is written all the time. On a SQLite file it runs in
        a thread, so it must not touch what the event loop owns."""
        return await self._database.write(work)

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that writes; on SQLite nobody else writes until it ends, so keep it short."""
        return self._database.writing()

    @property
    def commits(self) -> int:
        """How many transactions `append` has committed."""
        return self._log.commits

    # The log

    async def append(self, rows: Sequence[LogRow]) -> None:
        """Return when `rows` are committed, all or none of them; see `Log.append`.

        After StorageFailed nothing of `rows` was kept: try the same rows again before later ones, which would
        be OutOfOrder. (A database server that is lost during the commit may have kept them: then the second
        try is OutOfOrder with `expected` beyond the rows.)
        """
        await self._log.append(rows)

    def told(self, rows: Iterable[LogRow]) -> None:
        """`rows` are committed: tell who waits for the ledger."""
        if canvases := {row.canvas for row in rows if row.entry is not None}:
            for tell in self.on_entries:
                tell(canvases)

    async def load(self, canvas: str) -> Loaded:
        """What brings the canvas to life again. Raises NotFound, or StorageFailed when the log has a hole."""
        async with self.reading() as connection:
            epoch = await connection.scalar(sa.select(canvases.c.epoch).where(canvases.c.id == canvas))
            if epoch is None:
                raise no_canvas()
            found = (
                await connection.execute(
                    sa.select(snapshots.c.seq, snapshots.c.data).where(snapshots.c.canvas == canvas)
                )
            ).one_or_none()
            seq, snapshot = (found.seq, found.data) if found else (0, None)
            rows = await connection.execute(
                sa.select(updates.c.seq, updates.c.data)
                .where(updates.c.canvas == canvas, updates.c.seq > seq)
                .order_by(updates.c.seq)
            )
            later: list[bytes] = []
            for number, data in rows:
                if number != seq + 1:
                    raise StorageFailed(
                        f"The log of this canvas has a hole after row {seq}, so it was not opened.",
                        "Put back the newest backup of the database.",
                    )
                seq = number
                if data:
                    later.append(data)
            owners = await connection.execute(
                sa.select(client_owners.c.client_id, client_owners.c.participant).where(
                    client_owners.c.canvas == canvas
                )
            )
            return Loaded(snapshot, later, seq, epoch, dict(owners.all()))

    async def save_snapshot(self, canvas: str, seq: int, data: bytes) -> None:
        """Keep the whole document as it is after row `seq`, so that loading starts there.

        The log keeps its rows. Only the newest snapshot is kept; one that comes late changes nothing.
        Raises NotFound, or Conflict when the log has not reached `seq`.
        """
        async with self.writing() as connection:
            await need_canvas(connection, canvas, alone=True)
            tip = await connection.scalar(sa.select(sa.func.max(updates.c.seq)).where(updates.c.canvas == canvas))
            if seq > (tip or 0):
                raise Conflict(
                    f"The log ends at row {tip or 0}, before the snapshot at {seq}.", "Append the rows first."
                )
            kept = await connection.scalar(sa.select(snapshots.c.seq).where(snapshots.c.canvas == canvas))
            if kept is None or kept < seq:
                await connection.execute(
                    dialect.upsert(connection, snapshots, ("seq", "at", "data")),
                    {"canvas": canvas, "seq": seq, "at": self.clock(), "data": data},
                )

    async def history(self, canvas: str, after: int = 0) -> AsyncIterator[HistoryRow]:
        """Every row of the log after row `after`, in order. `async for row in store.history(canvas)`.

        It reads in portions and holds no transaction between them, so a slow reader is in nobody's way.
        """
        while True:
            async with self.reading() as connection:
                rows = (
                    await connection.execute(
                        sa.select(updates.c.seq, updates.c.at, updates.c.participant, updates.c.data)
                        .where(updates.c.canvas == canvas, updates.c.seq > after)
                        .order_by(updates.c.seq)
                        .limit(_HISTORY_BATCH)
                    )
                ).all()
            for row in rows:
                after = row.seq
                yield HistoryRow(row.seq, row.at, row.participant, row.data)
            if len(rows) < _HISTORY_BATCH:
                return

    async def ledger(self, canvas: str, after: int = 0, limit: int = 500) -> list[LedgerRow]:
        """The first `limit` actions after row `after`, oldest first."""
        async with self.reading() as connection:
            rows = await connection.execute(
                sa.select(ledger)
                .where(ledger.c.canvas == canvas, ledger.c.seq > after)
                .order_by(ledger.c.seq)
                .limit(limit)
            )
            return [LedgerRow(row.seq, row.at, row.participant, row.action, row.outcome, row.hash) for row in rows]

    # Canvases

    async def create_canvas(self, id: str, title: str, created_by: str, at: float, rows: Sequence[LogRow] = ()) -> str:
        """Make a canvas, owned by `created_by`, with `rows` as its first content in one commit; its epoch."""
        epoch = secrets.token_hex(8)
        if [(row.canvas, row.seq) for row in rows] != [(id, seq + 1) for seq in range(len(rows))]:
            raise Invalid("The first rows of a canvas count from 1.", "Number them 1, 2, 3...")
        for row in rows:
            check_entry(row)
        try:
            async with self.writing() as connection:
                await connection.execute(
                    sa.insert(canvases).values(
                        id=id,
                        title=title,
                        epoch=epoch,
                        created_by=created_by,
                        created=at,
                        updated=at,
                        summary={},
                    )
                )
                await connection.execute(
                    sa.insert(grants).values(participant=created_by, canvas=id, source="", role="owner")
                )
                await connection.run_sync(insert_rows, rows)
        except IntegrityError as error:
            raise Conflict("There is a canvas with this id already.", "Use another id.") from error
        self.told(rows)
        return epoch

    async def canvas(self, id: str) -> CanvasRecord:
        """What is known of one canvas without opening it. Raises NotFound."""
        found = await self.list_canvases([id])
        if not found:
            raise no_canvas()
        return found[0]

    async def list_canvases(self, ids: Collection[str] | None = None) -> list[CanvasRecord]:
        """All canvases, or those of `ids`, the last changed first. What one may see: `people.canvases`."""
        query = sa.select(canvases).order_by(canvases.c.updated.desc(), canvases.c.id)
        if ids is not None:
            query = query.where(canvases.c.id.in_(list(ids)))
        async with self.reading() as connection:
            return [
                CanvasRecord(row.id, row.title, row.epoch, row.created_by, row.created, row.updated, dict(row.summary))
                for row in await connection.execute(query)
            ]

    async def touch_canvas(
        self,
        id: str,
        title: str,
        at: float,
        summary: dict[str, Any],
        news: inbox.News | None = None,
    ) -> None:
        """Note what the list of canvases shows, and what is new of what waits for people there. Raises NotFound."""

        def touch(connection: dialect.Plain) -> int:
            found = dialect.update(connection, _TOUCH, canvas=id, called=title, at=at, said=summary)
            if found and news:
                inbox.note(connection, id, news)
            return found

        if not await self._database.write(touch):
            raise no_canvas()

    async def delete_canvas(self, id: str) -> None:
        """Remove the canvas, every row of any table that belongs to it, and who was here for it alone.

        A guest, or a token's holder, goes when no grant is left: nothing of the studio is open to them any more.
        Raises NotFound.
        """
        async with self.writing() as connection:
            await need_canvas(connection, id, alone=True)
            held = sa.select(grants.c.participant).where(grants.c.canvas == id)
            members = list(await connection.scalars(held))
            for table in reversed(metadata.sorted_tables):
                if "canvas" in table.c:
                    await connection.execute(sa.delete(table).where(table.c.canvas == id))
            await connection.execute(sa.delete(canvases).where(canvases.c.id == id))
            await connection.execute(
                sa.delete(participants).where(
                    participants.c.id.in_(members),
                    participants.c.origin.in_(("share", "token")),
                    ~sa.exists().where(grants.c.participant == participants.c.id),
                )
            )
            nobody = ~sa.exists().where(participants.c.id == mailboxes.c.participant)
            await connection.execute(sa.delete(mailboxes).where(mailboxes.c.participant.in_(members), nobody))
        with suppress(StorageFailed):  # it is deleted; only the log file could not be emptied now
            await self._database.scrub()

    # Requests that may come twice

    async def remember(self, key: str, participant: str, canvas: str, response: dict[str, Any]) -> None:
        """Keep the response to a request with an idempotency key; the first one stays. `canvas` may be ""."""
        now = self.clock()
        async with self.writing() as connection:
            await connection.execute(sa.delete(idempotency).where(sa.not_(remembered(now))))
            if canvas:
                await need_canvas(connection, canvas)
            await connection.execute(
                dialect.insert_new(connection, idempotency),
                {"participant": participant, "canvas": canvas, "key": key, "at": now, "response": response},
            )

    async def recall(self, key: str, participant: str, canvas: str) -> dict[str, Any] | None:
        """The response that was remembered in the last two days (a task's: ever), or None."""
        given = {"key": key, "participant": participant, "canvas": canvas, "since": self.clock() - REMEMBERED_FOR}
        found = await self.read(lambda connection: dialect.select(connection, _ANSWER, **given))
        return dialect.json_of(found[0][0]) if found else None

    # Runs of agents

    async def save_run(self, run: dict[str, Any], history: bytes | None = None) -> None:
        """Keep a run, new or changed: JSON with at least `id`, `canvas`, `state` and `started`; with what it goes on
        from, in the same moment, when it rests.

        Raises NotFound when its canvas has been deleted.
        """
        row = {
            "id": run["id"],
            "canvas": run["canvas"],
            "state": run["state"],
            "started": run["started"] or self.clock(),
            "run": run,
        }
        await self._database.write(partial(_put_run, row, history))

    async def change_run(self, id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Make one change of a kept run, with nobody else's between reading and writing; the run as it is then.

        `change` may raise, and then nothing is changed. Raises NotFound.
        """
        async with self.writing() as connection:
            kept = await connection.scalar(sa.select(runs.c.run).where(runs.c.id == id).with_for_update())
            if kept is None:
                raise NotFound("There is no such run.", "Runs are listed with their canvas.")
            run = change(kept)
            await connection.execute(
                sa.update(runs).where(runs.c.id == id).values(state=run["state"], started=run["started"], run=run)
            )
            return run

    async def run_history(self, run: str) -> bytes | None:
        """What a run that rests goes on from."""
        async with self.reading() as connection:
            return await connection.scalar(sa.select(run_histories.c.messages).where(run_histories.c.run == run))

    async def forget_history(self, run: str) -> None:
        """The run has ended, and does not go on."""
        async with self.writing() as connection:
            await connection.execute(sa.delete(run_histories).where(run_histories.c.run == run))

    async def get_run(self, id: str) -> dict[str, Any] | None:
        """The run as it was last saved, or None."""
        async with self.reading() as connection:
            return await connection.scalar(sa.select(runs.c.run).where(runs.c.id == id))

    async def list_runs(
        self, canvas: str | None = None, states: Collection[str] = (), limit: int = 100
    ) -> list[dict[str, Any]]:
        """Runs, the newest first: of one canvas or of all, in any state or in one of `states`."""
        query = sa.select(runs.c.run).order_by(runs.c.started.desc(), runs.c.id).limit(limit)
        if canvas is not None:
            query = query.where(runs.c.canvas == canvas)
        if states:
            query = query.where(runs.c.state.in_(list(states)))
        async with self.reading() as connection:
            return list(await connection.scalars(query))

    async def save_steps(self, steps: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Keep steps of runs, new or changed: (run, JSON with at least `n`). Those of runs that are gone are not."""
        await self._database.write(partial(_put_steps, steps))

    async def run_steps(self, run: str) -> list[dict[str, Any]]:
        """What a run did, in order."""
        async with self.reading() as connection:
            query = sa.select(run_steps.c.step).where(run_steps.c.run == run).order_by(run_steps.c.n)
            return list(await connection.scalars(query))


def remembered(now: float) -> sa.ColumnElement[bool]:
    """Which responses to idempotency keys still count."""
    lasting = idempotency.c.key.startswith(OF_A_TASK, autoescape=True)
    return sa.or_(idempotency.c.at >= now - REMEMBERED_FOR, lasting)


_ANSWER = sa.select(idempotency.c.response).where(
    idempotency.c.key == sa.bindparam("key"),
    idempotency.c.participant == sa.bindparam("participant"),
    idempotency.c.canvas == sa.bindparam("canvas"),
    sa.or_(idempotency.c.at >= sa.bindparam("since"), idempotency.c.key.startswith(OF_A_TASK, autoescape=True)),
)

# A canvas that is found stays until the transaction ends.
_THIS = sa.select(canvases.c.id).with_for_update(of=canvases, read=True, key_share=True)
_THERE = _THIS.where(canvases.c.id == sa.bindparam("id"))
_OF_RUN = _THIS.join(runs, runs.c.canvas == canvases.c.id).where(runs.c.id == sa.bindparam("run"))


def hold_canvas(connection: dialect.Plain, id: str) -> None:
    """Raise NotFound when there is no such canvas. If there is, it stays until the transaction ends."""
    if not dialect.select(connection, _THERE, id=id):
        raise no_canvas()


def _put_run(row: dict[str, Any], history: bytes | None, connection: dialect.Plain) -> None:
    hold_canvas(connection, row["canvas"])
    dialect.put(connection, runs, [row], ("state", "started", "run"))
    if history is not None:
        kept = {"run": row["id"], "canvas": row["canvas"], "messages": history}
        dialect.put(connection, run_histories, [kept], ("messages",))


def _put_steps(steps: Sequence[tuple[str, dict[str, Any]]], connection: dialect.Plain) -> None:
    of = {
        run: id for run in sorted({run for run, _ in steps}) for (id,) in dialect.select(connection, _OF_RUN, run=run)
    }
    rows = [{"run": run, "n": step["n"], "canvas": of[run], "step": step} for run, step in steps if run in of]
    if rows:
        dialect.put(connection, run_steps, rows, ("step",))


def prepare(connection: sa.Connection) -> str:
    """Make the tables, or bring them up to date; the studio's id. Raises Invalid as `version_of` does."""
    dialect.take_schema(connection)
    found = version_of(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(sa.insert(schema_version).values(version=SCHEMA_VERSION))
        connection.execute(sa.insert(studio).values(id=secrets.token_hex(8)))
    elif found < SCHEMA_VERSION:
        migrations.upgrade(connection, found)
        connection.execute(sa.update(schema_version).values(version=SCHEMA_VERSION))
        log.info("The database was upgraded from schema %d to schema %d.", found, SCHEMA_VERSION)
    return connection.execute(sa.select(studio.c.id)).scalar_one()


def version_of(connection: sa.Connection) -> int | None:
    """The schema of a database, None for an empty one. Raises Invalid when a newer Studiolo has written it."""
    if not sa.inspect(connection).has_table(schema_version.name):
        return None
    found = connection.scalar(sa.select(sa.func.max(schema_version.c.version)))
    if found is not None and found > SCHEMA_VERSION:
        raise Invalid(
            f"A newer Studiolo has written this database (schema {found}, not {SCHEMA_VERSION}).",
            "Install the newer Studiolo again, or set STUDIOLO_HOME to another folder.",
        )
    return found
