"""What an agent needs of a place it works in: a canvas to read, one way to act, and a way to be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from studiolo.canvas import Canvas, Outcome, Participant


class Surface(Protocol):
    """A live room, or a local file. An agent changes things by `apply` only, so its role decides what it may do."""

    @property
    def id(self) -> str:
        """The canvas's id."""
        ...

    @property
    def canvas(self) -> Canvas:
        """The canvas as it is now. Read it, never write it."""
        ...

    async def apply(self, action: dict[str, Any], by: Participant) -> Outcome:
        """Do one action. Returns when it is kept; raises a `StudioloError` when it was refused."""
        ...

    async def perform(self, change: Callable[[], Outcome | None], by: Participant) -> Outcome | None:
        """Make a change that is no action of its own, as the studio does; kept as those of `apply` are."""
        ...

    def show(self, by: Participant, state: dict[str, Any] | None) -> None:
        """Show where the participant is and what it does (awareness), or that it has gone (None)."""
        ...
