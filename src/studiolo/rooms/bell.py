"""A bell that rings when what waits for people has changed in a canvas; who listens looks for themselves. What one
person is to be told at once is called out to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOST_CALLS = 100  # that wait for a listener; the oldest are let go


class Listener:
    """The canvases that the bell has rung for since somebody last looked, and what was called out to them."""

    def __init__(self, participant: str = "") -> None:
        self.participant = participant
        self._canvases: set[str] = set()
        self._calls: list[dict[str, Any]] = []
        self._rang = asyncio.Event()

    def ring(self, canvas: str) -> None:
        self._canvases.add(canvas)
        self._rang.set()

    def call(self, said: dict[str, Any]) -> None:
        self._calls = [*self._calls, said][-MOST_CALLS:]
        self._rang.set()

    async def rung(self) -> tuple[set[str], list[dict[str, Any]]]:
        """The canvases with news, and what was called out, as soon as there is something."""
        await self._rang.wait()
        self._rang.clear()
        canvases, self._canvases = self._canvases, set()
        calls, self._calls = self._calls, []
        return canvases, calls


class Bell:
    """Heard by everybody in this process who listens."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def ring(self, canvas: str) -> None:
        for listener in self._listeners:
            listener.ring(canvas)

    def call(self, participant: str, said: dict[str, Any]) -> None:
        """Tell one person something: JSON with a `type`."""
        for listener in self._listeners:
            if listener.participant == participant:
                listener.call(said)

    @contextmanager
    def listening(self, participant: str = "") -> Iterator[Listener]:
        listener = Listener(participant)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
