"""The one place that knows which database it is: how to open it, how a write begins, and the upserts."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from studiolo.canvas.errors import Invalid
from studiolo.store.errors import storage_failed

_ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}


def open_engine(url: str | Path, patience: float) -> AsyncEngine:
    """An engine for `url`. A SQLite file is made when it is missing, readable by its owner only.

    `patience`: seconds to wait for a database that another program holds locked.
    """
    address = _address(url)
    if address.get_backend_name() != "sqlite":
        engine = create_async_engine(
            address, pool_pre_ping=True, connect_args={"server_settings": {"application_name": _APPLICATION}}
        )
        _configure_server(engine.sync_engine)
        return engine
    _make_private_file(address)
    engine = create_async_engine(address, pool_size=4, max_overflow=16, connect_args={"factory": SqliteConnection})
    _configure_sqlite(engine.sync_engine, patience, lambda seconds: await_only(asyncio.sleep(seconds)))
    return engine


def file_opener(engine: AsyncEngine, patience: float) -> Callable[[], sqlite3.Connection] | None:
    """What opens a SQLite file's database for a thread of one's own; None for a database behind a network."""
    if engine.dialect.name != "sqlite":
        return None
    blocking = sa.create_engine(
        engine.url.set(drivername="sqlite"), poolclass=sa.NullPool, connect_args={"factory": SqliteConnection}
    )
    _configure_sqlite(blocking, patience, time.sleep)

    def connect() -> sqlite3.Connection:
        pooled = blocking.raw_connection()
        connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        pooled.detach()  # no pool resets or closes it
        return connection

    return connect


class SqliteConnection(sqlite3.Connection):
    """A connection whose transaction ends when it is closed.

    CPython's own lives on after `close`, with its transaction and what that has locked, for as long as anybody holds
    a cursor with rows to give. After a task was cancelled in the middle of a query that is a traceback, until the
    garbage collector comes by: nobody could write a thing for minutes, and each try took as long as SQLite is patient.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._cursors = WeakSet[sqlite3.Cursor]()

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:  # where all cursors of SQLAlchemy come from
        made = super().cursor(factory)
        self._cursors.add(made)
        return made

    def close(self) -> None:
        left, self._cursors = list(self._cursors), WeakSet()  # which may be closed twice, and a cursor may not
        for cursor in left:
            cursor.close()
        super().close()


def _configure_sqlite(engine: sa.Engine, patience: float, wait: Callable[[float], Any]) -> None:
    """`wait` waits for so many seconds, in the manner of the engine's connections."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing of itself: `begun` does
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
            _write_ahead(cursor, time.monotonic() + patience, wait)
            for pragma in (
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",  # a deleted canvas is gone from the file too
            ):
                cursor.execute(f"PRAGMA {pragma}")
        except BaseException:
            cursor.close()
            connection.close()  # the pool does not know it yet, so nobody else will
            raise
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        if begin := connection.get_execution_options().get("studiolo_begin", "BEGIN"):
            connection.exec_driver_sql(begin)


def _write_ahead(cursor: Any, deadline: float, wait: Callable[[float], Any]) -> None:
    """Use a write-ahead log. SQLite is not patient by itself while it changes a file over to one."""
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            wait(0.02)


def _configure_server(engine: sa.Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # A machine that freezes or loses its power in a transaction would keep what it has locked for hours.
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_SILENCE}s'")
        cursor.close()
        connection.commit()


LONGEST_SILENCE = 10  # seconds between two statements of a transaction
_APPLICATION = "studiolo"  # how a server's list of sessions names ours
_SCHEMA_LOCK = 0x53747564696F6C6F  # "Studiolo"
_TASKS_LOCK = _SCHEMA_LOCK + 1

WRITES = {"studiolo_begin": "BEGIN IMMEDIATE"}
"""Execution options of an engine whose transactions write.

SQLite takes the write lock at once: a read transaction that turns into a write one fails without waiting when
another connection has written meanwhile.
"""


@asynccontextmanager
async def one_moment(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that reads, sees one moment of the database, and may take its time."""
    if engine.dialect.name == "sqlite":  # its transactions always do
        async with engine.connect() as connection:
            yield connection
        return
    steady = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with steady.connect() as connection:
        await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection


Plain = sa.Connection | sqlite3.Connection
"""A transaction in which nothing waits: SQLAlchemy's, or the driver's own in the threads of a SQLite file.

SQLAlchemy takes about a millisecond for a transaction of one row, and SQLite a twentieth of that.
"""


def many_writers(connection: Plain) -> bool:
    """Whether others may write while this transaction does; a SQLite file has one writer at a time."""
    return isinstance(connection, sa.Connection) and connection.dialect.name != "sqlite"


def select(connection: Plain, query: sa.Select[*tuple[Any, ...]], **given: Any) -> Sequence[Any]:
    """The rows of a query with these parameters."""
    if isinstance(connection, sa.Connection):
        return connection.execute(query, given).all()
    text, constants = _sqlite_text(query)
    return connection.execute(text, constants | given).fetchall()


def update(connection: Plain, statement: sa.Update | sa.Delete, **given: Any) -> int:
    """How many rows an update, or a deletion, with these parameters changed."""
    if isinstance(connection, sa.Connection):
        return connection.execute(statement, given).rowcount
    text, constants = _sqlite_text(statement)
    values = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in given.items()}
    return connection.execute(text, constants | values).rowcount


def insert(connection: Plain, table: sa.Table, rows: list[dict[str, Any]], *, only_new: bool = False) -> None:
    """Insert rows; `only_new`: those whose primary key is there are left as they are."""
    if isinstance(connection, sa.Connection):
        connection.execute(insert_new(connection, table) if only_new else sa.insert(table), rows)
        return
    connection.executemany(_sqlite_insert(table, only_new), _with_text(table, rows))


def insert_unless(connection: Plain, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert a row whose primary key is not there yet; whether it was inserted."""
    if isinstance(connection, sa.Connection):
        return bool(connection.execute(insert_new(connection, table), row).rowcount)
    return bool(connection.execute(_sqlite_insert(table, True), _with_text(table, [row])[0]).rowcount)


def put(connection: Plain, table: sa.Table, rows: list[dict[str, Any]], change: tuple[str, ...]) -> None:
    """Insert rows; in those whose primary key is there, set the columns `change` to the new values."""
    if isinstance(connection, sa.Connection):
        connection.execute(upsert(connection, table, change), rows)
    else:
        connection.executemany(_sqlite_put(table, change), _with_text(table, rows))


def json_of(value: Any) -> Any:
    """What a column of JSON holds that `select` found: a SQLite file gives its text."""
    return json.loads(value) if isinstance(value, str) else value


def _with_text(table: sa.Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their JSON as SQLite keeps it."""
    names = [column.name for column in table.columns if isinstance(column.type, sa.JSON)]
    return [row | {name: json.dumps(row[name]) for name in names} for row in rows]


@cache
def _sqlite_insert(table: sa.Table, only_new: bool) -> str:
    insert = sqlite.insert(table)
    return _sqlite_text(insert.on_conflict_do_nothing() if only_new else insert)[0]


@cache
def _sqlite_put(table: sa.Table, change: tuple[str, ...]) -> str:
    return _sqlite_text(_set_anew(sqlite.insert(table), table, change))[0]


@cache
def _sqlite_text(statement: sa.ClauseElement) -> tuple[str, dict[str, Any]]:
    """The text of a statement, and the parameters that it brings itself."""
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    return str(compiled), {name: value for name, value in (compiled.params or {}).items() if value is not None}


def take_schema(connection: sa.Connection) -> None:
    """Until the transaction ends nobody else makes tables: two that start at once would collide."""
    if many_writers(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))


def take_turns(connection: Plain) -> None:
    """Until the transaction ends nobody else decides which tasks are carried out."""
    if isinstance(connection, sa.Connection) and many_writers(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TASKS_LOCK)))


def other_users(connection: sa.Connection) -> int:
    """How many sessions of Studiolo, beside this one, a server has open in this database."""
    sessions = sa.table("pg_stat_activity", *map(sa.column, ("datname", "pid", "application_name")))
    return connection.execute(
        sa.select(sa.func.count())
        .select_from(sessions)
        .where(
            sessions.c.datname == sa.func.current_database(),
            sessions.c.application_name == _APPLICATION,
            sessions.c.pid != sa.func.pg_backend_pid(),
        )
    ).scalar_one()


async def damage(connection: AsyncConnection) -> list[str]:
    """What SQLite finds wrong with its file; a server looks after its own."""
    if connection.dialect.name != "sqlite":
        return []
    found = list(await connection.scalars(sa.text("PRAGMA quick_check")))
    return [] if found == ["ok"] else found


async def scrub(engine: AsyncEngine) -> None:
    """Empty SQLite's write-ahead log, so that what was deleted is in no file; left for later while others read."""
    if engine.dialect.name == "sqlite":
        async with engine.execution_options(studiolo_begin="").connect() as connection:
            await connection.exec_driver_sql("PRAGMA busy_timeout=200")
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            await connection.invalidate()  # it is less patient than the others now


def insert_new(connection: AsyncConnection | sa.Connection, table: sa.Table) -> sa.Insert:
    """An insert that leaves rows that are there as they are."""
    return _insert(connection, table).on_conflict_do_nothing()


def upsert(connection: AsyncConnection | sa.Connection, table: sa.Table, change: tuple[str, ...]) -> sa.Insert:
    """An insert that, where the primary key is there, sets the columns `change` to the new values."""
    return _set_anew(_insert(connection, table), table, change)


def _set_anew(insert: sqlite.Insert | postgresql.Insert, table: sa.Table, change: tuple[str, ...]) -> sa.Insert:
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={name: insert.excluded[name] for name in change}
    )


def _insert(connection: AsyncConnection | sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _address(url: str | Path) -> URL:
    """`url` with the driver that is asynchronous. Raises Invalid."""
    if isinstance(url, Path):  # never by way of a string, in which `?`, `#` and `%` would mean something
        return URL.create(_ASYNC_DRIVERS["sqlite"], database=str(url))
    try:
        address = make_url(url)
        address = address.set(drivername=_ASYNC_DRIVERS[address.get_backend_name()])
        address.get_dialect().import_dbapi()
    except ImportError as error:
        raise Invalid(
            f"The driver for this database is not installed ({error.name}).",
            'Run: pip install "studiolo[postgres]". Or unset STUDIOLO_DATABASE_URL to keep the data in a file.',
        ) from error
    except (exc.ArgumentError, KeyError, ValueError) as error:
        raise Invalid(
            "The database's address is not one that Studiolo understands.",
            "Set STUDIOLO_DATABASE_URL to sqlite:////path/to/file.db or postgresql://user@host/name.",
        ) from error
    return address


def file_of(url: str | Path) -> Path | None:
    """The SQLite file at `url`, None for the address of a server. Raises Invalid."""
    address = _address(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def _make_private_file(address: URL) -> None:
    if not address.database or ":memory:" in address.database or "mode=memory" in address.database:
        raise Invalid(
            "The database must be a file: what is kept in memory is lost when Studiolo stops.",
            "Set STUDIOLO_DATABASE_URL to sqlite:////path/to/studiolo.db, or leave it out.",
        )
    path = Path(address.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)  # its -wal and -shm files take the mode from it
    except OSError as error:
        raise storage_failed(error) from error
