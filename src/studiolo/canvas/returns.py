"""Under which ids deleted text has come back.

A Yjs item that was deleted never lives again: what is brought back has ids of its own, and the record of where it
came from (`origins`) names those that it had. Whoever knows text by its ids, an anchor or an accepted change, finds
it here again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from studiolo.canvas.identity import Identity, Living, Range


class Returns:
    """Of each stretch of ids the stretches that it has come back as."""

    def __init__(self) -> None:
        self._spans: defaultdict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        """By client: clock, units, and client and clock of the copy."""
        self._longest: defaultdict[int, int] = defaultdict(int)

    def note(self, now: tuple[int, int], of: Sequence[Range]) -> None:
        """The text of the ids `of`, in order, has come back from the id `now` on."""
        client, clock = now
        for old, first, units in of:
            span = (first, units, client, clock)
            spans = self._spans[old]
            at = bisect_left(spans, span)
            if at == len(spans) or spans[at] != span:
                insort(spans, span)
                self._longest[old] = max(self._longest[old], units)
            clock += units

    def copies(self, range: Range) -> Iterator[tuple[Range, Range]]:
        """The parts of a range that have come back, each with the ids that it has come back as."""
        client, clock, units = range
        spans = self._spans.get(client)
        if not spans:
            return
        for first, length, other, there in spans[bisect_left(spans, (clock - self._longest[client],)) :]:
            if first >= clock + units:
                break
            low, high = max(first, clock), min(first + length, clock + units)
            if low < high:
                yield (client, low, high - low), (other, there + low - first, high - low)

    def family(self, range: Range) -> Iterator[Range]:
        """The range, and all that it has ever come back as."""
        coming = [range]
        while coming:  # no recursion: what was taken and taken back a thousand times has as many copies of copies
            yield (one := coming.pop())
            coming += [copy for _, copy in self.copies(one)]

    def living(self, identity: Identity, range: Range) -> list[Living]:
        """What of these ids can be seen, under these ids or under those that they have come back as."""
        return [part for one in self.family(range) for part in identity.living(one)]

    def missing(self, identity: Identity, range: Range) -> list[Range]:
        """What of these ids cannot be seen, under no ids."""
        client, clock, units = range
        edges = [0, *(edge for pair in self._shown(identity, range) for edge in pair), units]
        holes = list(pairwise(edges))[::2]
        return [(client, clock + low, high - low) for low, high in holes if low < high]

    def _shown(self, identity: Identity, range: Range) -> list[tuple[int, int]]:
        """The stretches of a range, from its start on, that can be seen: in order, apart from each other."""
        shown: list[tuple[int, int]] = []
        coming = [(range, 0)]
        while coming:
            one, into = coming.pop()
            into -= one[1]
            shown += [(part.range[1] + into, part.range[1] + part.range[2] + into) for part in identity.living(one)]
            coming += [(copy, part[1] + into) for part, copy in self.copies(one)]
        merged: list[tuple[int, int]] = []
        for low, high in sorted(shown):
            if merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged

    def renewed(self, identity: Identity, position: dict[str, Any]) -> dict[str, Any]:
        """A relative position that hung on a character which has come back, on that character as it is now."""
        item = cast("Mapping[str, Any] | None", position.get("item"))
        if item is None or item["client"] not in self._spans:
            return position
        range = (int(item["client"]), int(item["clock"]), 1)
        if identity.living(range):
            return position
        for _, copy in self.copies(range):
            if found := self.living(identity, copy):
                client, clock, _ = found[0].range
                return {**position, "item": {"client": client, "clock": clock}}
        return position
