"""Transactions: one way to read, one way to write, and the driver's errors in our words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.store import dialect
from studiolo.store.errors import storage_failed

# An IntegrityError is a bug or a race that the caller knows about, so it passes as it is.
# asyncpg reports a server that cannot be reached as an OSError.
_FAILURES = (exc.DBAPIError, exc.TimeoutError, OSError)


class Database:
    """An engine, and whose turn it is to write."""

    def __init__(self, url: str, patience: float = 5.0) -> None:
        self.engine = dialect.open_engine(url, patience)
        self._writing = dialect.for_writing(self.engine)
        # SQLite waits by sleeping, up to 100 ms at a time; in one process a queue is fair and wakes at once.
        self._turn = asyncio.Lock() if dialect.one_writer(self.engine) else nullcontext()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that reads: one moment of the database."""
        with _in_our_words():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self, connection: AsyncConnection | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back when the body raises.

        `connection`: one from `checkout`, to save taking one from the pool.
        """
        with _in_our_words():
            async with self._turn:
                if connection is None:
                    async with self._writing.begin() as connection:
                        yield connection
                else:
                    async with connection.begin():
                        yield connection

    async def checkout(self) -> AsyncConnection:
        """A connection of one's own for `writing`; its holder closes it."""
        with _in_our_words():
            return await self._writing.connect()

    async def scrub(self) -> None:
        async with self._turn:
            with _in_our_words():
                await dialect.scrub(self.engine)

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn a driver's failure into `StorageFailed`."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except _FAILURES as error:
        raise storage_failed(error) from error
