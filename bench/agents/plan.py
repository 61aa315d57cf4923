"""How thoroughly to measure, and how figures are set beside each other."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.agents.studio import AgentStudio, Provider


@contextmanager
def aside() -> Iterator[None]:
    """This process leaves the first core to the server, where there are two."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[1:2] or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@dataclass(frozen=True)
class Plan:
    provider: Provider
    rounds: int
    quick: bool

    def studio(self) -> AgentStudio:
        """A new studio, to be used with `with`."""
        made = AgentStudio()
        made.models_at = self.provider.url
        return made

    def of(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole

    def seconds(self, whole: float) -> float:
        return whole / 4 if self.quick else whole


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def spread(values: list[float], digits: int = 1) -> str:
    """The median, with the lowest and highest when there are several."""
    text = f"{statistics.median(values):,.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def beside(these: list[float], those: list[float]) -> str:
    """The ratio, taken pair by pair: what disturbs the machine disturbs neighbours alike."""
    return spread([a / b for a, b in zip(these, those, strict=True)], 2)
