"""The board: what changes of any task, at whatever node, told to everybody who looks at many of them at once.

A task that is at work changes many times in a second. What changed within a moment is read once, and whoever is slow to
listen is told only how a task is now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from studiolo.canvas import StudioloError
from studiolo.tasks.tasks import Tasks

MOMENT = 0.25  # seconds


class Looker:
    """Somebody who looks at the board."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Any]] = {}
        self._missed = False
        self._news = asyncio.Event()

    def tell(self, task: dict[str, Any]) -> None:
        self._told.pop(task["id"], None)
        self._told[task["id"]] = task
        self._news.set()

    def miss(self) -> None:
        self._missed = True
        self._news.set()

    async def news(self, within: float) -> tuple[list[dict[str, Any]], bool]:
        """The tasks that have changed (see `glance`), as soon as there are some, or none after so many seconds; and
        whether others may have changed without anybody having been told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        self._news.clear()
        told, self._told = self._told, {}
        missed, self._missed = self._missed, False
        return list(told.values()), missed


class Board:
    """What changes of the tasks of a studio. Costs nothing while nobody looks."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._lookers: set[Looker] = set()
        self._changed: dict[str, None] = {}
        self._reading: asyncio.Task[None] | None = None
        tasks.on_news.append(self._hear)

    @contextmanager
    def looking(self) -> Iterator[Looker]:
        looker = Looker()
        self._lookers.add(looker)
        try:
            yield looker
        finally:
            self._lookers.discard(looker)

    def _hear(self, id: str) -> None:
        if not self._lookers:
            return
        if not id:
            for looker in self._lookers:
                looker.miss()
            return
        self._changed[id] = None
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="board of tasks")

    async def _read(self) -> None:
        while self._changed:
            await asyncio.sleep(MOMENT)
            changed, self._changed = list(self._changed), {}
            for id in changed:
                try:
                    task = glance(await self._tasks.shown(await self._tasks.get(id)))
                except StudioloError:  # it is gone, or the database does not answer
                    for looker in self._lookers:
                        looker.miss()
                    continue
                for looker in self._lookers:
                    looker.tell(task)

    async def close(self) -> None:
        """Tell nobody anything any more."""
        if self._hear in self._tasks.on_news:
            self._tasks.on_news.remove(self._hear)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


def glance(shown: dict[str, Any]) -> dict[str, Any]:
    """What a list shows of a task: of its plan the current step, of what it found the last that counts, of what it
    asked what is open, and nothing that was said to it."""
    plan = [{**step, "given": {}} for step in shown["plan"] if step["id"] == shown["step"]]
    found = [one for one in shown["found"] if not one.get("dropped")][-1:]
    cards = [card for card in shown["cards"] if "answer" not in card]
    return shown | {"plan": plan, "found": found, "cards": cards, "said": [], "notes": []}
