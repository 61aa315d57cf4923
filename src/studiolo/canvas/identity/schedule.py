"""In which order the structs of an update can be integrated, and which ones must wait for others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from studiolo.canvas.identity.decode import SKIP, Id, Struct

Ready = tuple[Struct, int]
"""A struct and how many of its first clocks are known already."""


def schedule(structs: list[Struct], end_of: Callable[[int], int]) -> tuple[list[Ready], list[Struct]]:
    """Split `structs` into what can be integrated, in a valid order, and what depends on something missing.

    `end_of` tells the next clock of a client. What is known already is in neither list. Each struct is looked at
    once per thing it waits for, so that no update can make this slower than O(n log n).
    """
    if len(structs) == 1:
        return _schedule_one(structs[0], end_of)
    queues = _queues(structs)
    ends = {client: end_of(client) for client in queues}
    ready: list[Ready] = []
    asleep: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # by client: (clock needed, who waits)
    awake = list(queues)
    while awake:
        client = awake.pop()
        queue = queues[client]
        while queue:
            struct = queue[-1]
            known = ends[client] - struct.clock
            if known < 0:
                break  # a hole in the clocks of this client; nobody else can fill it
            missing = None if known >= struct.length else _missing(struct, ends, end_of)
            if missing is not None:
                heappush(asleep[missing[0]], (missing[1], client))
                break
            queue.pop()
            if known < struct.length:
                ready.append((struct, known))
                ends[client] = struct.clock + struct.length
        sleepers = asleep[client]
        while sleepers and sleepers[0][0] < ends[client]:
            awake.append(heappop(sleepers)[1])
    return ready, [struct for queue in queues.values() for struct in reversed(queue)]


def _schedule_one(struct: Struct, end_of: Callable[[int], int]) -> tuple[list[Ready], list[Struct]]:
    """The common case, somebody typing, without the machinery."""
    known = end_of(struct.client) - struct.clock
    if struct.kind == SKIP or known >= struct.length:
        return [], []
    if known < 0 or _missing(struct, {}, end_of) is not None:
        return [], [struct]
    return [(struct, known)], []


def _queues(structs: Iterable[Struct]) -> dict[int, list[Struct]]:
    """The structs of each client, the next one at the end."""
    queues: defaultdict[int, list[Struct]] = defaultdict(list)
    for struct in structs:
        if struct.kind != SKIP:
            queues[struct.client].append(struct)
    for queue in queues.values():
        queue.sort(key=lambda struct: struct.clock, reverse=True)
    return dict(queues)


def _missing(struct: Struct, ends: dict[int, int], end_of: Callable[[int], int]) -> Id | None:
    for id in (struct.origin, struct.right, struct.parent):
        if isinstance(id, tuple):
            end = ends.get(id[0])
            if id[1] >= (end_of(id[0]) if end is None else end):
                return id
    return None
