"""The one place that knows which database it is: how to open it, how a write begins, and the upserts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

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
        return create_async_engine(address, pool_pre_ping=True)
    _make_private_file(address)
    engine = create_async_engine(address, pool_size=4, max_overflow=16)
    _configure_sqlite(engine.sync_engine, patience)
    return engine


def open_blocking_engine(engine: AsyncEngine, patience: float) -> sa.Engine | None:
    """For SQLite, an engine for the same file that a thread can use; None for a database behind a network.

    The asynchronous SQLite driver hands every call to its own thread and back, which for a transaction of five
    calls takes longer than the commit.
    """
    if engine.dialect.name != "sqlite":
        return None
    blocking = sa.create_engine(engine.url.set(drivername="sqlite"), pool_size=1, max_overflow=0)
    _configure_sqlite(blocking, patience)
    return blocking


def _configure_sqlite(engine: sa.Engine, patience: float) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing of itself: `begun` does
        cursor = connection.cursor()
        try:
            for pragma in (
                f"busy_timeout={int(patience * 1000)}",
                "journal_mode=WAL",
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


_SCHEMA_LOCK = 0x53747564696F6C6F  # "Studiolo"

WRITES = {"studiolo_begin": "BEGIN IMMEDIATE"}
"""Execution options of an engine whose transactions write.

SQLite takes the write lock at once: a read transaction that turns into a write one fails without waiting when
another connection has written meanwhile.
"""


def many_writers(connection: AsyncConnection | sa.Connection) -> bool:
    """Whether others may write while this transaction does; a SQLite file has one writer at a time."""
    return connection.dialect.name != "sqlite"


def take_schema(connection: sa.Connection) -> None:
    """Until the transaction ends nobody else makes tables: two that start at once would collide."""
    if many_writers(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))


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


def upsert(connection: AsyncConnection, table: sa.Table, change: tuple[str, ...]) -> sa.Insert:
    """An insert that, where the primary key is there, sets the columns `change` to the new values."""
    insert = _insert(connection, table)
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
