"""What tasks made, among what waits: the results of one task are one group of the inbox.

What an agent makes carries the id of its run, or, where a step of a task made it, of the task. The mark is written by
whoever proposes, so it counts only where the run's agent is the author, or the task itself names what was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studiolo.store import Store, inbox
from studiolo.store.inbox import Waiting

MOST_KNOWN = 50_000  # runs of which it is remembered what led to them
DEEPEST = 8  # tasks that begin tasks


@dataclass(slots=True)
class Harvest:
    """The tasks that wait with something they made, in short, and which item each made: (canvas, item) -> task."""

    tasks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    of: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])


class Harvests:
    """Finds out what tasks made. What led to a run never changes, so it is asked for once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[str, tuple[str, str]] = {}

    async def among(self, waiting: Iterable[Waiting]) -> Harvest:
        """What of this was made by tasks."""
        rows = [row for row in waiting if any(row.facts.get("made", ()))]
        marks = {mark for row in rows for _, mark, _ in _made(row)}
        if unknown := marks - self._runs.keys():
            if len(self._runs) > MOST_KNOWN:
                self._runs.clear()
                unknown = marks
            self._runs |= await inbox.agents_runs(self._store, unknown)
        runs = {mark: self._runs[mark] for mark in marks if mark in self._runs}
        led_to = {led for led, _ in runs.values() if led}
        known = await inbox.tasks_in_short(self._store, (marks - runs.keys()) | led_to)
        for _ in range(DEEPEST):
            missing = {parent for task in known.values() if (parent := task["parent"]) and parent not in known}
            if not missing:
                break
            known |= await inbox.tasks_in_short(self._store, missing)
        named = {id: {result["id"] for result in task["results"]} for id, task in known.items()}
        found = Harvest()
        for row in rows:
            for id, mark, author in _made(row):
                led, agent = runs.get(mark, (mark, ""))
                task = known.get(led)
                by_it = author == agent if mark in runs else task is not None and id in named[task["id"]]
                if task is not None and by_it and task["canvas"] == row.canvas:
                    first = _first(task, known)
                    found.tasks[first["id"]] = first
                    found.of[row.canvas, row.id] = first["id"]
                    break
        return found


def _made(row: Waiting) -> Iterable[tuple[str, str, str]]:
    return [(made[0], made[1], made[2]) for made in row.facts.get("made", ()) if made]


def _first(task: Mapping[str, Any], known: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The task that began the one that began it: that is what somebody wanted."""
    seen = task["id"]
    for _ in range(DEEPEST):
        parent = known[seen]["parent"]
        if not parent or parent not in known or known[parent]["canvas"] != task["canvas"]:
            break
        seen = parent
    return known[seen]
