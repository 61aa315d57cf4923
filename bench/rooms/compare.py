"""Measuring servers in turn, and saying how the studio stands beside the others."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from bench.rooms.documents import Trace
from bench.rooms.load import LoadFailed
from bench.rooms.servers import Server, Studio

Figures = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and how thoroughly."""

    servers: Sequence[type[Server]]
    rounds: int
    quick: bool
    trace: Trace
    results: Path | None = None
    """Where the result is written; pictures go beside it."""

    def at_most(self, rounds: int) -> Plan:
        """Fewer rounds of it, for what takes long and is not measured in milliseconds."""
        return replace(self, rounds=min(rounds, self.rounds))

    def seconds(self, whole: float) -> float:
        """So long, or a third of it when in a hurry."""
        return whole / 3 if self.quick else whole


@dataclass
class Measured:
    """One server's figures, a set for each round, and what went wrong."""

    server: type[Server]
    rounds: list[Figures] = field(default_factory=list[Figures])
    faults: list[str] = field(default_factory=list[str])

    def all(self, figure: str) -> list[float]:
        return [each[figure] for each in self.rounds]

    def median(self, figure: str) -> float:
        return statistics.median(self.all(figure))

    def shown(self, figure: str, digits: int) -> str:
        """The median, with the lowest and highest when there are several rounds."""
        if not self.rounds:
            return "failed"
        found = self.all(figure)
        text = f"{self.median(figure):,.{digits}f}"
        return text if len(found) == 1 else f"{text} ({min(found):,.{digits}f} to {max(found):,.{digits}f})"


@dataclass
class Section:
    """What one point of the suite has to say: Markdown, and the targets that were missed."""

    lines: list[str]
    missed: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])
    """What no server that keeps its word may do; for the studio it makes the whole run fail."""


def in_turn(plan: Plan, measure: Callable[[Server], Figures], persistent: bool = False) -> list[Measured]:
    """Measure every server once a round, each in a new process, so that a machine that changes changes for all."""
    every = [Measured(server) for server in plan.servers]
    for number in range(1, plan.rounds + 1):
        for one in every:
            say(f"  round {number} of {plan.rounds}: {one.server.name} (load {os.getloadavg()[0]:.1f})")
            with one.server(persistent=persistent) as server:
                try:
                    one.rounds.append(measure(server))
                except (LoadFailed, httpx2.HTTPError) as failed:
                    one.faults.append(f"{server.name}: {failed}")
                    say(f"  {server.name}: {failed}\n{server.log()[-2000:]}")
                one.faults += server.faults
    return every


def table(every: Iterable[Measured], columns: Sequence[tuple[str, str, int]]) -> list[str]:
    """A row for each server: heading, figure, digits."""
    lines = [
        "| server | " + " | ".join(heading for heading, _, _ in columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for one in every:
        lines.append(f"| {one.server.name} | " + " | ".join(one.shown(f, digits) for _, f, digits in columns) + " |")
    return lines


def beside(
    every: Sequence[Measured],
    what: str,
    figure: str,
    target: float | None,
    *,
    more: bool = False,
    peer: type[Server] | None = None,
) -> tuple[str, bool]:
    """A line with the studio's figure as a share of a peer's, or of the best peer's, and whether the target is met.

    The ratio is taken round by round: what disturbs the machine disturbs neighbours alike.
    """
    ours = next((one for one in every if one.server is Studio and one.rounds), None)
    others = [one for one in every if one.server is not Studio and one.rounds and peer in (None, one.server)]
    if ours is None or not others:
        return f"- {what}: nothing to compare with.", True
    best = (max if more else min)(others, key=lambda one: one.median(figure))
    ratios = [a / b for a, b in zip(ours.all(figure), best.all(figure), strict=False) if b]
    if not ratios:
        return f"- {what}: nothing to compare with.", True
    ratio = statistics.median(ratios)
    span = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    line = f"- {what}: **{ratio:.2f}**{span} of {'' if peer else 'the best peer, '}{best.server.name}'s"
    if target is None:
        return f"{line}.", True
    met = ratio >= target if more else ratio <= target
    wanted = f"wanted at {'least' if more else 'most'} {target:g}"
    return f"{line}; {wanted}: {'met' if met else '**missed**'}.", met


def judged(lines: list[str], claims: Iterable[tuple[str, bool]], every: Iterable[Measured]) -> Section:
    """The section with its table, its claims and its faults."""
    section = Section([*lines, ""])
    for line, met in claims:
        section.lines.append(line)
        if not met:
            section.missed.append(line.lstrip("- "))
    for one in every:
        section.lines += [f"- {fault}" for fault in one.faults]
        if one.server is Studio:
            section.broken += one.faults
    return section


def say(line: str) -> None:
    """Progress goes to stderr; stdout is for the tables."""
    print(line, file=sys.stderr, flush=True)
