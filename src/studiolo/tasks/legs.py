"""The legs of tasks on DBOS: what is begun, and how it is told that it ended.

A task is carried out in legs: from when it is begun, or goes on, to when it rests or ends. Those that are begun in
the same moment are one workflow of DBOS, as a workflow costs more than a short step does. It is as small as can be
and knows nothing of what a step is, so that it need not change; DBOS keeps when legs began and ended, for `dbos
workflow list` to show. What must not be lost, and what a step came to, is in the task's row, and a leg that broke off
is never replayed: the next leg begins where the row says. So a task outlives this file, an upgrade, and a backup that
holds the rows alone.

DBOS is one to a process. It is launched when the first task is begun; its workflows are carried out on the running
loop, as steps touch live canvases. Launching it makes its tables, for which PostgreSQL waits until every transaction
that is open has ended: so it is done in a thread, where it holds nobody up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from studiolo.canvas.errors import Unavailable

NAME = "studiolo"
VERSION = "1"  # of the workflow below; pinned, or every release would look like another program to DBOS
SCHEMA = "dbos"
KEPT_FOR = 7 * 86400.0  # seconds that ended legs can be looked at
SWEPT_AT_ONCE = 500
CLOSED_WITHIN = 10.0  # seconds
THREADS = 32  # which all that is done in threads here shares, once DBOS is launched
LISTENS_EVERY = 0.5  # seconds between looks for messages, of which we send none; closing waits for one

CarryOut = Callable[[str, int], Awaitable[None]]
"""Carry a leg of a task out, to its end."""
log = logging.getLogger(__name__)

_LEGS: dict[str, Legs] = {}  # by the executor that carries them out
_registered: Callable[[str, list[tuple[str, int]]], Any] | None = None
_open: Legs | None = None


class Legs:
    """All legs that this process carries out. `database` is the studio's: a file, beside which DBOS gets one of its
    own, or the address of a server."""

    def __init__(
        self,
        database: str | Path,
        home: Path,
        carry_out: CarryOut,
        broke: Callable[[str, int], None] = lambda task, leg: None,
        executor: str = "",
        alive: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """`broke` is told of a leg that broke off though this process lives; `alive` says whether another executor
        does. Without it there is no other."""
        self._database = database
        self._home = home
        self._to_its_end = carry_out
        self._broke = broke
        self._alive = alive
        self.executor = executor or f"{os.getpid()}-{secrets.token_hex(4)}"
        self._engine: sa.Engine | None = None
        self._launching = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def begin(self, legs: Sequence[tuple[str, int]]) -> None:
        """Begin legs of tasks: (task, leg). They are under way when this returns. Raises `Unavailable`."""
        await self._launch()
        from dbos import DBOS, SetWorkflowID

        assert _registered is not None
        task, leg = legs[0]
        try:
            with SetWorkflowID(f"{task}.{leg}@{self.executor}"):
                handle = await DBOS.start_workflow_async(_registered, self.executor, list(legs))
        except exc.SQLAlchemyError as error:
            raise Unavailable("The task could not be begun: its database does not answer.", "Try again.") from error
        watcher = asyncio.create_task(self._watch(handle, legs))
        self._under_way.add(watcher)
        watcher.add_done_callback(self._under_way.discard)

    async def carry_out(self, legs: Sequence[tuple[str, int]]) -> None:
        """Carry legs out side by side, to the end of each."""
        await asyncio.gather(*(self._carry_out(task, leg) for task, leg in legs))

    async def _carry_out(self, task: str, leg: int) -> None:
        try:
            await self._to_its_end(task, leg)
        except Exception:
            log.exception("Leg %d of task %s broke off", leg, task)
            self._broke(task, leg)

    async def _watch(self, handle: Any, legs: Sequence[tuple[str, int]]) -> None:
        try:
            await handle.get_result()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("DBOS could not carry on with %d legs of tasks", len(legs))
            for task, leg in legs:
                self._broke(task, leg)

    async def close(self) -> None:
        """Let DBOS go. Whatever is under way was told to end before."""
        global _open
        self._closed = True
        async with self._launching:
            if self._under_way:
                _, left = await asyncio.wait(self._under_way, timeout=CLOSED_WITHIN)
                for watcher in left:
                    watcher.cancel()
            _LEGS.pop(self.executor, None)
            if _open is self:
                from dbos import DBOS

                # DBOS has put its own threads in the place of the loop's, and they end with it.
                asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="studiolo"))
                await asyncio.to_thread(DBOS.destroy)
                _open = None
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    async def _launch(self) -> None:
        global _open
        async with self._launching:
            if self._closed:
                raise Unavailable("The studio is closing.", "Come back in a moment.")
            if _open is self or (_open is not None and _open.at == self.at):
                _LEGS[self.executor] = self
                return
            if _open is not None:
                raise Unavailable("Another studio carries out tasks in this process.", "Close it first.")
            try:
                await _to_its_end(asyncio.to_thread(self._open_dbos))
            except asyncio.CancelledError:
                _open = self  # for `close` to end
                raise
            except (exc.SQLAlchemyError, OSError) as error:
                if self._engine is not None:
                    self._engine.dispose()
                    self._engine = None
                raise Unavailable(
                    f"Tasks have nowhere to be kept: {str(error).splitlines()[0]}",
                    "See to it that the data folder can be written, or that the database lets a schema be made.",
                ) from error
            _open = self
            _LEGS[self.executor] = self
            sweeping = asyncio.create_task(self.sweep())
            self._under_way.add(sweeping)
            sweeping.add_done_callback(self._under_way.discard)

    @property
    def at(self) -> tuple[str, str]:
        """What tells one studio's DBOS from another's."""
        return str(self._database), str(self._home)

    def _open_dbos(self) -> None:
        logging.getLogger("dbos").addHandler(logging.NullHandler())  # or it writes past our own log
        from dbos import DBOS

        self._engine = engine(self._database, self._home)
        _register()
        DBOS(
            config={
                "name": NAME,
                "system_database_url": self._engine.url.render_as_string(hide_password=False),
                "system_database_engine": self._engine,
                "dbos_system_schema": SCHEMA,
                "application_version": VERSION,
                "executor_id": self.executor,
                "log_level": "WARNING",
                "max_executor_threads": THREADS,
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": LISTENS_EVERY,
                "scheduler_polling_interval_sec": 60.0,
            }
        )
        logging.getLogger("dbos").propagate = True
        try:
            DBOS.launch()
        except BaseException:
            DBOS.destroy()
            raise

    async def sweep(self) -> None:
        """Forget legs that ended long ago, and those that broke off with the process that carried them out."""
        if _open is not self:
            return
        from dbos import DBOS

        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - KEPT_FOR))
        try:
            while not self._closed:
                old = await DBOS.list_workflows_async(
                    completed_before=before, limit=SWEPT_AT_ONCE, load_input=False, load_output=False
                )
                if not old:
                    break
                await DBOS.delete_workflows_async([one.workflow_id for one in old])
            pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
            for executor in {one.executor_id for one in pending} - {self.executor}:
                if self._closed or (executor and self._alive is not None and await self._alive(executor)):
                    continue
                await DBOS.delete_workflows_async([one.workflow_id for one in pending if one.executor_id == executor])
        except exc.SQLAlchemyError as error:
            log.warning("Old legs of tasks were not forgotten: %s", error)


def _register() -> None:
    """Tell DBOS what legs are, once in the life of the process."""
    global _registered
    if _registered is not None:
        return
    from dbos import DBOS

    @DBOS.workflow(name="studiolo.legs")
    async def carry_out(executor: str, legs: list[tuple[str, int]]) -> None:
        if (here := _LEGS.get(executor)) is not None:
            await here.carry_out(legs)

    _registered = carry_out


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for something that goes on in a thread whether anybody waits or not; nobody breaks off earlier."""
    working = asyncio.create_task(work)
    cancelled = False
    while not working.done():
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError:
            cancelled = True
    working.result()
    if cancelled:
        raise asyncio.CancelledError


def engine(database: str | Path, home: Path) -> sa.Engine:
    """What DBOS writes to: the studio's server, or a file beside the studio's that only its owner reads."""
    url = None if isinstance(database, Path) else sa.make_url(database)
    if url is not None and url.get_backend_name() != "sqlite":
        query = dict(url.query)
        if "ssl" in query:  # asyncpg's word for it
            query["sslmode"] = query.pop("ssl")
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg", query=query),
            pool_size=5,
            max_overflow=5,
            pool_pre_ping=True,
            connect_args={"application_name": "studiolo"},
        )
    path = home / "tasks.db"
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)  # whoever can write what is unpickled from it can run code
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), pool_size=5, max_overflow=5)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine
