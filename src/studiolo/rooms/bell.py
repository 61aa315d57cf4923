"""A bell that rings when what waits for people has changed in a canvas; who listens looks for themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Listener:
    """The canvases that the bell has rung for since somebody last looked."""

    def __init__(self) -> None:
        self._canvases: set[str] = set()
        self._rang = asyncio.Event()

    def ring(self, canvas: str) -> None:
        self._canvases.add(canvas)
        self._rang.set()

    async def rung(self) -> set[str]:
        """The canvases with news, as soon as there is one."""
        await self._rang.wait()
        self._rang.clear()
        canvases, self._canvases = self._canvases, set()
        return canvases


class Bell:
    """Heard by everybody in this process who listens."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def ring(self, canvas: str) -> None:
        for listener in self._listeners:
            listener.ring(canvas)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
