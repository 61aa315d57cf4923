"""Values for stretches of numbers: what is known of the ids of one client."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from studiolo.canvas.identity.decode import Range

Value = TypeVar("Value")


class Intervals(Generic[Value]):
    """Disjoint stretches `start <= number < end`, each with a value, found by bisection."""

    __slots__ = ("_ends", "_starts", "_values")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[Value] = []

    def __len__(self) -> int:
        return len(self._starts)

    def fill(self, start: int, end: int, value: Value) -> None:
        """Give `value` to those numbers of the stretch that have none yet."""
        for low, high, known in list(self.over(start, end)):
            if known is None:
                self._insert(low, high, value)

    def assign(self, start: int, end: int, value: Value) -> None:
        """Give `value` to the whole stretch, whatever it had."""
        first = bisect_right(self._ends, start)
        last = first
        kept: list[tuple[int, int, Value]] = []
        while last < len(self._starts) and self._starts[last] < end:
            low, high, known = self._starts[last], self._ends[last], self._values[last]
            if low < start:
                kept.append((low, start, known))
            if high > end:
                kept.append((end, high, known))
            last += 1
        del self._starts[first:last], self._ends[first:last], self._values[first:last]
        for low, high, known in [*kept, (start, end, value)]:
            self._insert(low, high, known)

    def at(self, number: int) -> Value | None:
        """The value of one number."""
        place = bisect_right(self._starts, number) - 1
        return self._values[place] if place >= 0 and number < self._ends[place] else None

    def over(self, start: int, end: int) -> Iterator[tuple[int, int, Value | None]]:
        """The stretch cut where its value changes; None where there is none."""
        place = bisect_right(self._ends, start)
        while start < end:
            if place == len(self._starts) or self._starts[place] >= end:
                yield start, end, None
                return
            if self._starts[place] > start:
                yield start, self._starts[place], None
                start = self._starts[place]
            stop = min(end, self._ends[place])
            yield start, stop, self._values[place]
            start = stop
            place += 1

    def _insert(self, start: int, end: int, value: Value) -> None:
        place = bisect_right(self._starts, start)
        self._starts.insert(place, start)
        self._ends.insert(place, end)
        self._values.insert(place, value)


class Ids:
    """A set of ids."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._known: defaultdict[int, Intervals[bool]] = defaultdict(Intervals)
        for ids in ranges:
            self.add(ids)

    def add(self, ids: Range) -> None:
        self._known[ids[0]].fill(ids[1], ids[1] + ids[2], True)

    def split(self, ids: Range) -> Iterator[tuple[Range, bool]]:
        """The stretch cut into what is in the set and what is not."""
        client, clock, units = ids
        if client not in self._known:
            yield ids, False
            return
        for low, high, known in self._known[client].over(clock, clock + units):
            yield (client, low, high - low), bool(known)
