"""How thoroughly to measure, what is measured, and how a figure is shown and judged."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from bench.rooms.compare import Section
from bench.rooms.documents import SEED, Trace
from studiolo.canvas import Canvas, Participant

ANN = Participant("ann", "Ann", "person", "#1878b4", "owner")
AGENT = Participant("line-editor", "Line editor", "agent", "#6b3fb5", "commenter")


@dataclass(frozen=True)
class Plan:
    rounds: int
    quick: bool
    trace: Trace


class Ticking:
    """A clock for canvases that always gives another second."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0

    def __call__(self) -> float:
        self._now += 1.0
        return self._now


def loaded(updates: Iterable[bytes], owners: dict[int, str]) -> Canvas:
    """A canvas as it is after a restart."""
    return Canvas(updates, owners, clock=Ticking(), random=Random(SEED))


def blank(text: str = "") -> tuple[Canvas, str, bytes, dict[int, str]]:
    """A canvas of one page with this text: it, the page's id, and what would be stored of it."""
    canvas, made = Canvas.new(
        "Measured",
        [{"title": "One", "text": text, "kind": "prose"}],
        by=ANN,
        clock=Ticking(),
        random=Random(SEED),
    )
    return canvas, canvas.outline()[0]["id"], made.update, dict(made.claims)


def timed(work: Callable[[], object]) -> float:
    """Seconds of CPU that `work` takes in this process: what else runs on the machine is not counted."""
    began = time.process_time()
    work()
    return time.process_time() - began


def shown(values: list[float], digits: int = 2) -> str:
    """The median, with the lowest and highest when there are several."""
    text = f"{statistics.median(values):,.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def judge(section: Section, what: str, found: float, most: float, unit: str = "") -> None:
    """Add a line on whether a figure is at most what was wanted."""
    met = found <= most
    line = f"- {what}: **{found:,.2f}{unit}**; wanted at most {most:g}{unit}: {'met' if met else '**missed**'}."
    section.lines.append(line)
    if not met:
        section.missed.append(line.lstrip("- "))
