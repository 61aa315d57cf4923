"""Which spans of a text are in each other's way.

Two overlap when they share a character, when both insert at the same place, or when one inserts inside what the other
replaces. An insertion at the edge of a replaced span is beside it, not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from studiolo.canvas.quotes import Span

_Key = TypeVar("_Key")


def overlapping(spans: Sequence[tuple[Span, _Key]]) -> list[list[tuple[Span, _Key]]]:
    """The spans in groups that hang together by overlaps, in the order of the text; most groups are of one span."""
    ordered = sorted(range(len(spans)), key=lambda number: spans[number][0])
    group = list(range(len(spans)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = number = group[group[number]]
        return number

    reaching = inserting = -1  # of those before: the one that reaches furthest, and the last insertion
    for number in ordered:
        span = spans[number][0]
        if reaching >= 0 and spans[reaching][0].end > span.start:
            group[root(number)] = root(reaching)
        if span.start == span.end:
            if inserting >= 0 and spans[inserting][0] == span:
                group[root(number)] = root(inserting)
            inserting = number
        elif reaching < 0 or span.end > spans[reaching][0].end:
            reaching = number
    gathered: dict[int, list[tuple[Span, _Key]]] = {}
    for number in ordered:
        gathered.setdefault(root(number), []).append(spans[number])
    return list(gathered.values())
