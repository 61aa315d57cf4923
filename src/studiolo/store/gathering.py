"""Commits for many at once: what is asked for while a commit runs is done together in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from studiolo.store.errors import StorageFailed

Asked = TypeVar("Asked")
Made = TypeVar("Made")


class Gathering(Generic[Asked, Made]):
    """A lone caller waits for one commit, a hundred at once wait for about two.

    `commit` does what was asked in one transaction; for each it gives what came of it, or why that was refused, which
    is raised to the one who asked.
    """

    def __init__(self, commit: Callable[[Sequence[Asked]], Awaitable[Sequence[Made | BaseException]]]) -> None:
        self._commit = commit
        self._waiting: list[tuple[Asked, asyncio.Future[Made]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, asked: Asked) -> Made:
        """What came of it, once it is committed. Whoever is cancelled after its commit has begun takes nothing back."""
        done: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Do what was asked for."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        batch: list[tuple[Asked, asyncio.Future[Made]]] = []
        try:
            while self._waiting:
                batch, self._waiting = [one for one in self._waiting if not one[1].done()], []
                if batch:
                    await self._settle(batch)
        finally:
            self._task = None
            for _, done in [*batch, *self._waiting]:  # only when this was cancelled there are any left
                if not done.done():
                    done.set_exception(StorageFailed("The studio stopped before this was saved.", "Try again."))
            self._waiting = []

    async def _settle(self, batch: list[tuple[Asked, asyncio.Future[Made]]]) -> None:
        made: Sequence[Made | BaseException]
        try:
            made = await self._commit([asked for asked, _ in batch])
        except StorageFailed as error:
            made = [error] * len(batch)
        except Exception as error:
            if len(batch) > 1:  # what no table takes must not cost the others theirs
                for one in batch:
                    await self._settle([one])
                return
            made = [error]
        for (_, done), one in zip(batch, made, strict=True):
            if done.done():
                continue
            if isinstance(one, BaseException):
                done.set_exception(one)
            else:
                done.set_result(one)
