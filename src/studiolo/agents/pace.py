"""How agents that work at the same moment leave room for people.

There is one event loop. What an agent does between two waits takes it milliseconds, and twenty agents that are ready
at once would have it do all twenty before it looks at anybody's key. So they take turns: between two of them the loop
goes round. And what many write at once is told in beats: each beat is one commit and one frame for everybody, where
every word of each would be one of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context

EACH = 0.002  # seconds by which a beat is longer for each text beside another that is being told
ROOM = 0.003  # seconds between two turns: what a key needs on its way through the loop, to the disk and to everybody
LONGEST = 0.04  # seconds; a text that grows 25 times a second seems to flow


class Pace:
    """The pace of the agents of one process."""

    def __init__(self) -> None:
        self._growing = 0
        self._beat: asyncio.Event | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._going = False

    @contextmanager
    def growing(self) -> Iterator[None]:
        """A piece of a text is told, and what comes of it meanwhile."""
        self._growing += 1
        try:
            yield
        finally:
            self._growing -= 1

    async def beat(self) -> None:
        """Until the next piece may be told. A text that grows alone does not wait."""
        wait = min(LONGEST, EACH * (self._growing - 1))
        if wait <= 0:
            return
        if self._beat is None:
            self._beat = asyncio.Event()
            asyncio.get_running_loop().call_later(wait, self._strike, context=Context())
        await self._beat.wait()

    def _strike(self) -> None:
        if self._beat is not None:
            self._beat.set()
            self._beat = None

    async def turn(self) -> None:
        """Until it is one's turn to do what takes the loop milliseconds."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if not self._going:
            self._going = True
            self._next()
        await mine

    def _next(self) -> None:
        self._going = False
        while self._waiting and not self._going:
            first = self._waiting.popleft()
            if not first.done():  # whoever waited may have been stopped
                first.set_result(None)
                self._going = True
                # When that one has done its part; in no context, for one holds on to the run that it is of.
                first.get_loop().call_soon(self._room, context=Context())

    def _room(self) -> None:
        asyncio.get_running_loop().call_later(ROOM, self._next)
