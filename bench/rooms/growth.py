"""Point 7, growth: what a key, an opening and the memory cost as the document gets longer, and as its log does.

A curve is what the studio needs at several sizes; its exponent is the slope of a line through them, both axes being
logarithmic: 0 where size does not matter, 1 where twice the size costs twice as much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.rooms import documents, load, plot
from bench.rooms.compare import Figures, Plan, Section, say
from bench.rooms.servers import Room, Server, Studio

LENGTHS = (10_000, 50_000, 200_000, 1_000_000)  # characters
LOGS = (1_000, 5_000, 20_000, 100_000)  # updates
BASE = 10_000  # characters of the document whose log grows
COSTS = {"key": "CPU of a key", "open": "CPU of opening", "memory": "memory of an open canvas"}
STEEPEST, FLAT = 1.1, 0.2
TITLE = "Growth: cost against the length of the document and of its log"


@dataclass
class Curve:
    """One cost at several sizes."""

    cost: str
    over: str
    sizes: list[int] = field(default_factory=list[int])
    values: list[float] = field(default_factory=list[float])

    @property
    def exponent(self) -> float:
        """Over all sizes."""
        return slope(self.sizes, self.values)

    @property
    def last(self) -> float:
        """Over the largest two, where what does not grow weighs least."""
        return slope(self.sizes[-2:], self.values[-2:])


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Of the line of least squares, in logarithms."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def run(plan: Plan) -> Section:
    if Studio not in plan.servers:
        return Section(["This point measures the studio only, and it was left out."])
    lengths, logs = (LENGTHS[:3], LOGS[:3]) if plan.quick else (LENGTHS, LOGS)
    longer = measured("the document", lengths, long_document)
    older = measured("its log", logs, long_log)
    section = Section([])
    section.lines += rows("characters in the document", lengths, longer)
    section.lines += ["", f"A document of {BASE:,} characters, in which text is replaced again and again:", ""]
    section.lines += rows("updates in its log", logs, older)
    section.lines += ["", "| curve | exponent | of the last step |", "|---|---|---|"]
    for curve in (*longer, *older):
        name = f"{COSTS[curve.cost]}, over the length of {curve.over}"
        section.lines.append(f"| {name} | {curve.exponent:.2f} | {curve.last:.2f} |")
    section.lines.append("")
    section.lines += judge(section, (*longer, *older))
    if plan.results:
        picture = plan.results.with_name("growth.svg")
        picture.write_text(
            plot.draw(
                TITLE, [(f"{COSTS[c.cost]} / {c.over}", c.exponent, c.sizes, c.values) for c in (*longer, *older)]
            )
        )
        section.lines += ["", f"![All six curves on one plot]({picture.name})"]
    return section


def measured(over: str, sizes: Sequence[int], prepare: Callable[[Server, int], Room]) -> list[Curve]:
    """The three costs at every size, each in a studio of its own."""
    curves = {cost: Curve(cost, over) for cost in COSTS}
    for size in sizes:
        say(f"  {over}: {size:,}")
        with Studio() as server:
            found = costs(server, prepare(server, size))
        for cost, curve in curves.items():
            curve.sizes.append(size)
            curve.values.append(found[cost])
    return list(curves.values())


def long_document(server: Server, size: int) -> Room:
    room = server.room(documents.pieces(size))
    load.run(server, "join", [room], clients=1)  # its first client brings the document
    return room.reopened()


def long_log(server: Server, size: int) -> Room:
    room = server.room(documents.pieces(BASE))
    done = load.run(
        server, "type", [room], clients=2, writers=1, letters=20, replace=True, window=64, most=size, seconds=240,
        patience=60,
    )  # fmt: skip
    if done["edits"] < size:
        raise load.LoadFailed(f"a log of {size:,} updates takes too long: {done['edits']:,} came about")
    return room.reopened()


def costs(server: Server, room: Room) -> Figures:
    typed = load.run(server, "type", [room], clients=2, writers=1, rate=200, seconds=3)
    server.stop()
    server.start()
    server.rest()
    empty = server.memory()
    opened = load.run(server, "join", [room], clients=1)
    return {
        "key": 1e6 * typed.cpu / typed["edits"],
        "open": 1e3 * opened.cpu,
        "memory": max(0.1, opened.memory_after - empty),
    }


def rows(heading: str, sizes: Sequence[int], curves: Sequence[Curve]) -> list[str]:
    units = {"key": "µs", "open": "ms", "memory": "MB"}
    lines = [f"| {heading} | " + " | ".join(f"{COSTS[c.cost]}, {units[c.cost]}" for c in curves) + " |"]
    lines.append("|---|" + "---|" * len(curves))
    for at, size in enumerate(sizes):
        lines.append(f"| {size:,} | " + " | ".join(f"{curve.values[at]:,.1f}" for curve in curves) + " |")
    return lines


def judge(section: Section, curves: Sequence[Curve]) -> list[str]:
    steepest = max(curves, key=lambda curve: curve.exponent)
    opening = next(curve for curve in curves if curve.cost == "open" and curve.over == "its log")
    claims = [
        (
            f"- the steepest exponent: **{steepest.exponent:.2f}**; wanted at most {STEEPEST}",
            steepest.exponent <= STEEPEST,
        ),
        (f"- opening, over the log: **{opening.exponent:.2f}**; wanted at most {FLAT}", opening.exponent <= FLAT),
    ]
    lines = [f"{line}: {'met' if met else '**missed**'}." for line, met in claims]
    section.missed += [line.lstrip("- ") for line, (_, met) in zip(lines, claims, strict=True) if not met]
    return lines
