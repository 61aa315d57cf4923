"""How documentation speaks of other entries: what is named often is what people look for, and "See Also" says in other
words what a thing is for."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from studiolo.tools.documentation.entry import Item

_NAMED = re.compile(r"(?:\.|``|`~?\.*|\b)([A-Za-z_]\w{2,})(?=\(|`|\s*:\s)")
_SEE_ALSO = re.compile(r"^See Also\n-+\n(.*?)(?:\n\n[A-Z][a-z]+\n---|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^([\w.]+)\s*:\s*(.+(?:\n\s+.+)*)", re.MULTILINE)
TOO_MANY = 60  # things of one name: a mention says nothing of any of them
LONGEST = 2_000  # characters of what is said of one thing


@dataclass(frozen=True, slots=True)
class Mentioned:
    """How often the others name a thing (counted once an entry, shared among those of its name), and what they say."""

    often: float
    said: str


def mentions(items: Sequence[Item]) -> list[Mentioned]:
    """What the entries of one source say of each other, in their order."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        by_name[item.name.rpartition(".")[2]].append(number)
    often: dict[int, float] = defaultdict(float)
    said: dict[int, list[str]] = defaultdict(list)
    for number, item in enumerate(items):
        for name in set(_NAMED.findall(item.text)):
            meant = by_name.get(name, ())
            if len(meant) < TOO_MANY:
                for one in meant:
                    often[one] += 0 if one == number else 1 / math.sqrt(len(meant))
        if section := _SEE_ALSO.search(item.text):
            for line in _LINE.finditer(section[1]):
                meant = by_name.get(line[1].rpartition(".")[2], [])
                exactly = [one for one in meant if items[one].name.endswith(line[1])]
                for one in (exactly or meant)[:3]:
                    said[one].append(" ".join(line[2].split()))
    return [Mentioned(often[one], " ".join(dict.fromkeys(said.get(one, ())))[:LONGEST]) for one in range(len(items))]
