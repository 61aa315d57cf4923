"""Transactions: one way to read, two ways to write, and the driver's errors in our words."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.store import dialect
from studiolo.store.errors import storage_failed
from studiolo.store.thread import TransactionThread

Result = TypeVar("Result")

# An IntegrityError is a bug or a race that the caller knows about, so it passes as it is.
# asyncpg reports a server that cannot be reached as an OSError.
_FAILURES = (exc.DBAPIError, exc.TimeoutError, sqlite3.Error, OSError)


class Database:
    """An engine, and whose turn it is to write."""

    def __init__(self, url: str | Path, patience: float = 5.0) -> None:
        self.engine = dialect.open_engine(url, patience)
        self._writing = self.engine.execution_options(**dialect.WRITES)
        opener = dialect.file_opener(self.engine, patience)
        self._writer = None if opener is None else TransactionThread(opener, "BEGIN IMMEDIATE")
        self._reader = None if opener is None else TransactionThread(opener, "BEGIN")
        # SQLite waits by sleeping, up to 100 ms at a time; in one process a queue is fair and wakes at once.
        self._turn = nullcontext() if opener is None else asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that reads. Each statement sees what is committed when it begins."""
        with _in_our_words():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def one_moment(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that reads: every statement sees the database as the first one did."""
        with _in_our_words():
            async with dialect.one_moment(self.engine) as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back when the body raises."""
        with _in_our_words():
            async with self._turn, self._writing.begin() as connection:
                yield connection

    async def read(self, work: Callable[[dialect.Plain], Result]) -> Result:
        """Run `work` in a transaction that reads. The quick way for the few rows that every request asks for.

        `work` runs in a thread where the database is a file, and the next one waits for it.
        """
        with _in_our_words():
            if self._reader is None:
                async with self.engine.connect() as connection:
                    return await connection.run_sync(work)
            return await self._reader.run(work)

    async def write(self, work: Callable[[dialect.Plain], Result]) -> Result:
        """Run `work` in a transaction of its own. The quick way for what is written all the time.

        `work` runs in a thread where the database is a file, so it must not touch what the event loop owns.
        """
        with _in_our_words():
            if self._writer is None:
                async with self._writing.begin() as connection:
                    return await connection.run_sync(work)
            async with self._turn:
                return await self._writer.run(work)

    async def scrub(self) -> None:
        async with self._turn:
            with _in_our_words():
                await dialect.scrub(self.engine)

    async def close(self) -> None:
        for thread in (self._writer, self._reader):
            if thread is not None:
                await thread.close()
        await self.engine.dispose()


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn a driver's failure into `StorageFailed`."""
    try:
        yield
    except (exc.IntegrityError, sqlite3.IntegrityError):
        raise
    except _FAILURES as error:
        raise storage_failed(error) from error
