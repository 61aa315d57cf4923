"""How a step ends before its end. None of these is an `Exception`: a step that goes on after errors does not go on
after these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Fenced(BaseException):
    """Another leg has taken the place of this one, or somebody has ended the task: nothing may be changed here."""


class Spent(BaseException):
    """The task has used up what it may. `why`: "after 2,000,000 tokens"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Rest(BaseException):
    """The step goes on when somebody has answered these cards, or when what it waits for is there."""

    def __init__(self, cards: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__("resting")
        self.cards = list(cards)
