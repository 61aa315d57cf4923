"""Asking a model, beside what goes on in a room, whether a change says the same as before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from studiolo.canvas import Canvas
from studiolo.canvas.second_looks import Passages

Judge = Callable[[Passages], Awaitable[bool]]
"""Whether each passage says the same as it would after the change; False, too, where nobody can tell."""

MOST = 20  # questions of one canvas under way; of more, a person is asked
PATIENCE = 60.0  # seconds
log = logging.getLogger(__name__)


class Looking:
    """The questions of one canvas that are under way. `judge` answers, and `again` lets the policies look once more."""

    def __init__(self, canvas: Canvas, again: Callable[[], None]) -> None:
        self.judge: Judge | None = None
        self._canvas = canvas
        self._again = again
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self) -> None:
        """Ask what is wanted."""
        for suggestion, passages in self._canvas.second_looks.take().items():
            if self.judge is not None and len(self._tasks) < MOST:
                task = asyncio.create_task(self._ask(self.judge, suggestion, passages))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Give up what is under way: a person will be asked."""
        for task in self._tasks:
            task.cancel()

    async def _ask(self, judge: Judge, suggestion: str, passages: Passages) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                same = await judge(passages)
        except Exception as error:  # whatever it was, nobody has said that it is the same
            log.info("a second look at suggestion %s failed", suggestion, exc_info=error)
            return
        if same:
            self._canvas.second_looks.found_same(suggestion, passages)
            self._canvas.fresh[suggestion] = 0.0
            self._again()
