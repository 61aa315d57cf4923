"""A thread that runs transactions on a SQLite file, over one connection that is kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
Job = tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]


class TransactionThread:
    """Runs transactions one after the other; `begin` is how each begins.

    A thread of its own with a plain queue: the way there and back by an executor costs more than SQLite's work for
    a row.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], begin: str) -> None:
        self._connect = connect
        self._begin = begin
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `work` returns, once its transaction is committed; or what it raised, and nothing is kept."""
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="studiolo-store", daemon=True)
            self._thread.start()
        done = asyncio.get_running_loop().create_future()
        self._jobs.put((work, done))
        return await done

    async def close(self) -> None:
        """Finish what was begun and let go of the file."""
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.get()) is not None:
            work, done = job
            try:
                if connection is None:
                    connection = self._connect()
                answer, args = _settle, (done, self._in_transaction(connection, work))
            except BaseException as error:
                if connection is not None and connection.in_transaction:  # it could not even be rolled back
                    connection.close()
                    connection = None
                answer, args = _refuse, (done, error)
            with suppress(RuntimeError):  # the loop has ended, and nobody waits for an answer any more
                done.get_loop().call_soon_threadsafe(answer, *args)
        if connection is not None:
            connection.close()

    def _in_transaction(self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Result]) -> Result:
        connection.execute(self._begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself rolls back after some failures, such as a full disk
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return result


def _settle(done: asyncio.Future[Any], result: Any) -> None:
    if not done.done():
        done.set_result(result)


def _refuse(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
