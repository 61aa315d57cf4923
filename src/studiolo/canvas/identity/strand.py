"""What one client made, found by its clocks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final

from studiolo.canvas.identity.items import Item

_CHUNK_SIZE: Final = 512


class _Chunk:
    """Items that follow one another, and the first clock of each."""

    __slots__ = ("clocks", "items")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.clocks = [item.clock for item in items]


class Strand:
    """Everything that one client made, in the order of its clocks, without a hole.

    It lies in chunks: a client that made a million items can be cut and merged anywhere without moving them all.
    """

    __slots__ = ("_chunks", "_starts", "end")

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []
        self._starts: list[int] = []
        self.end = 0

    def __iter__(self) -> Iterator[Item]:
        for chunk in self._chunks:
            yield from chunk.items

    @property
    def last(self) -> Item | None:
        return self._chunks[-1].items[-1] if self._chunks else None

    def at(self, clock: int) -> Item:
        """The item that holds `clock`, which must lie below `end`."""
        chunk = self._chunks[bisect_right(self._starts, clock) - 1]
        return chunk.items[bisect_right(chunk.clocks, clock) - 1]

    def walk(self, clock: int, end: int) -> Iterator[Item]:
        """The items that hold the clocks from `clock` to `end` (exclusive). The strand must not change meanwhile."""
        place = bisect_right(self._starts, clock) - 1
        index = bisect_right(self._chunks[place].clocks, clock) - 1
        for chunk in self._chunks[place:]:
            for item in chunk.items[index:] if index else chunk.items:
                if item.clock >= end:
                    return
                yield item
            index = 0

    def append(self, item: Item) -> None:
        """Put the client's next item at the end."""
        last = self._chunks[-1] if self._chunks else None
        if last is None or len(last.items) >= _CHUNK_SIZE:
            self._chunks.append(_Chunk([item]))
            self._starts.append(item.clock)
        else:
            last.items.append(item)
            last.clocks.append(item.clock)
        self.end = item.clock + item.length

    def insert(self, item: Item) -> None:
        """Put the second part of an item behind the first."""
        place = bisect_right(self._starts, item.clock) - 1
        chunk = self._chunks[place]
        index = bisect_right(chunk.clocks, item.clock)
        chunk.items.insert(index, item)
        chunk.clocks.insert(index, item.clock)
        if len(chunk.items) > 2 * _CHUNK_SIZE:
            behind = _Chunk(chunk.items[_CHUNK_SIZE:])
            del chunk.items[_CHUNK_SIZE:], chunk.clocks[_CHUNK_SIZE:]
            self._chunks.insert(place + 1, behind)
            self._starts.insert(place + 1, behind.clocks[0])

    def merge(
        self, clock: int, end: int, fits: Callable[[Item, Item], bool], absorb: Callable[[Item, Item], None]
    ) -> None:
        """Make one of each two neighbours that fit together among the items from `clock` to `end` and the two beside
        them. Those in different chunks stay apart, which says the same."""
        place = bisect_right(self._starts, clock) - 1
        last = bisect_right(self._starts, end - 1)
        for chunk in self._chunks[place:last]:
            first = max(0, bisect_right(chunk.clocks, clock) - 2)
            past = bisect_right(chunk.clocks, end - 1) + 1
            merged: list[Item] = []
            for item in chunk.items[first:past]:
                if merged and fits(merged[-1], item):
                    absorb(merged[-1], item)
                else:
                    merged.append(item)
            if len(merged) < min(past, len(chunk.items)) - first:
                chunk.items[first:past] = merged
                chunk.clocks[first:past] = [item.clock for item in merged]
