"""An event loop that goes only where it is told: its clock stands still, and the disk works when it may.

What the program gives to threads waits in `jobs` and runs in the loop's own thread, so a run depends on nothing but
what is asked of it, and a crash can come before, in the middle of, or after any commit.
"""

from __future__ import annotations

import asyncio
import selectors
import sqlite3
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import aiosqlite.core
from sqlalchemy import exc

from studiolo.store import database
from studiolo.store.thread import TransactionThread

Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Never waits: when nothing is ready, time moves on, or the loop has come to rest."""

    loop: SteppedLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout > 0:
            self.loop.rest(timeout)
        return super().select(0)


class SteppedLoop(asyncio.SelectorEventLoop):
    def __init__(self, now: float) -> None:
        selector = _Selector()
        selector.loop = self
        self.now = now
        self._until = self.now
        self.jobs: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self.held = False
        self.failing = 0
        self.broken: list[str] = []
        super().__init__(selector)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self.now

    def rest(self, timeout: float | None) -> None:
        """Nothing is ready; the next timer is due in `timeout` seconds."""
        if timeout is not None and self.now + timeout <= self._until:
            self.now += timeout
        else:
            self.now = self._until
            self.stop()

    def drain(self, seconds: float = 0.0) -> None:
        """Do all that can be done now and within so many seconds of the loop's own time."""
        self._until = self.now + seconds
        self.run_forever()

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine that needs no time to its end."""
        task = self.create_task(work)
        self.drain()
        if not task.done():
            task.cancel()
            self.drain()
            raise TimeoutError("it waits for something that does not come")
        return task.result()

    # -- the disk

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future: asyncio.Future[Any] = self.create_future()
        if executor is not None and self.failing:
            self.failing -= 1
            error = exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))
            self.call_soon(_answer, future, None, error)
            return future
        self.jobs.append((lambda: func(*args), future))
        if not self.held:
            self.call_soon(self.work)
        return future

    def work(self, jobs: int = 1, answer: bool = True) -> None:
        """Do the next jobs of the disk; without `answer` nobody will hear of it."""
        for _ in range(min(jobs, len(self.jobs))):
            job, future = self.jobs.popleft()
            if future.cancelled():
                continue
            result = error = None
            try:
                result = job()
            except Exception as raised:
                error = raised
            if answer:
                self.call_soon(_answer, future, result, error)

    def release(self) -> None:
        self.held = False
        self.call_soon(self.work, len(self.jobs))

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.broken.append(f"{context.get('message')}: {context.get('exception')!r}")


def _answer(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class _Inline:
    """In the place of aiosqlite's thread and its queue: what is put in is done at once."""

    daemon = True

    def start(self) -> None: ...

    def put_nowait(self, job: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, work = job
        result = error = None
        try:
            result = work()
        except Exception as raised:
            error = raised
        if future is not None:
            _answer(future, result, error)


class _Thread(TransactionThread):
    """The store's way to the file, whose transactions are jobs of the loop."""

    _kept: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self, self._transact, work)  # type: ignore[arg-type]

    def _transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._kept is None:
            self._kept = self._connect()
        return self._in_transaction(self._kept, work)

    async def close(self) -> None:
        if self._kept is not None:
            self._kept.close()


@contextmanager
def sqlite_without_threads() -> Iterator[None]:
    """The database's calls are made in the thread that asks for them: reads at once, commits when the loop may."""
    made = aiosqlite.core.Connection.__init__
    database.TransactionThread = _Thread  # type: ignore[misc]

    def make(connection: Any, *args: Any, **options: Any) -> None:
        made(connection, *args, **options)
        connection._tx = connection._thread = _Inline()

    aiosqlite.core.Connection.__init__ = make  # type: ignore[assignment]
    try:
        yield
    finally:
        database.TransactionThread = TransactionThread  # type: ignore[misc]
        aiosqlite.core.Connection.__init__ = made
