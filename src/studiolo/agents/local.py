"""A canvas in memory for work on a local file: the surface that `studiolo ask FILE` gives to the agents."""

from __future__ import annotations

from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any

from studiolo.canvas import Canvas, Outcome, Participant

READER = Participant("you", "You", "person", "#1878b4", "owner")


class LocalSurface:
    """One file as a canvas with one page."""

    def __init__(
        self, title: str, text: str, kind: str, clock: Callable[[], float], random: Random | None = None
    ) -> None:
        self.canvas, made = Canvas.new(
            title,
            [{"title": title, "text": text, "kind": kind}],
            by=READER,
            clock=clock,
            random=random or SystemRandom(),
        )
        self.id = title
        self.page: str = made.details["pages"][0]["id"]
        self.shown: list[dict[str, Any] | None] = []

    @property
    def text(self) -> str:
        return self.canvas.page_text(self.page)

    async def apply(self, action: dict[str, Any], by: Participant) -> Outcome:
        return self.canvas.apply(action, by)

    async def perform(self, change: Callable[[], Outcome | None], by: Participant) -> Outcome | None:
        return change()

    def show(self, by: Participant, state: dict[str, Any] | None) -> None:
        """Nobody else is watching; the last state is kept for a progress line."""
        self.shown[:] = [state]
