"""The inbox: what waits for one reader in all their canvases, what needs them most first. What one task made stands
together, behind a line of the task itself, where the first of it would stand.

A canvas that is open here is asked itself, so that what is seen is true now; of all others the store knows what they
last told it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studiolo.rooms.harvest import Harvest, Harvests
from studiolo.rooms.room import Room
from studiolo.rooms.rooms import Rooms
from studiolo.rooms.urgency import Reader, concerns, urgency
from studiolo.store import Store, inbox

Key = tuple[int, float, str, str, bool, int, float, str]
TO_DECIDE = ("suggestion", "stale")
RUNS_FOR = 14 * 86_400.0  # seconds that a failed run waits


@dataclass(frozen=True, slots=True)
class Entry:
    """An item's place in a reader's inbox."""

    canvas: str
    id: str
    kind: str
    at: float
    score: int
    why: str
    place: int  # among those of its canvas, in the order of the text
    item: dict[str, Any] | None = None  # where it is at hand
    task: str = ""  # the one that made it
    lead: tuple[int, float] | None = None  # score and time of the first of what the task made

    @property
    def heads(self) -> bool:
        """Whether it is the line of a task before what the task made."""
        return self.kind == "task" and bool(self.task)

    @property
    def waits(self) -> bool:
        """Whether it is something to be seen to, and not just the name of what stands below it."""
        return not self.id.startswith("g:")

    @property
    def key(self) -> Key:
        """Ascending: the most urgent first, then what has waited longest; what a task made where the first of it is."""
        score, at = self.lead or (self.score, self.at)
        return -score, at, self.canvas, self.task or self.id, not self.heads, -self.score, self.at, self.id


class Inbox:
    """What waits for people in the canvases of a studio."""

    def __init__(self, store: Store, rooms: Rooms) -> None:
        self._store = store
        self._rooms = rooms
        self._harvests = Harvests(store)

    async def entries(self, readers: Mapping[str, Reader]) -> list[Entry]:
        """Everything that waits for somebody, in order. `readers`: canvas -> who they are there."""
        live = self._live(readers)
        return await self._sorted(readers, live, await inbox.facts(self._store, readers.keys() - live.keys()))

    async def counts(self, readers: Mapping[str, Reader]) -> dict[str, int]:
        """How much waits for somebody, by kind. Who decides in a canvas is concerned by all that is to be decided
        there, so that of most items nothing needs to be read."""
        live = self._live(readers)
        closed = readers.keys() - live.keys()
        deciding = {canvas for canvas in closed if readers[canvas].decides}
        owned = {canvas for canvas in closed if readers[canvas].role == "owner"}
        counts = Counter(await inbox.counts(self._store, deciding, TO_DECIDE))
        counts.update(await inbox.counts(self._store, owned, ("audit",)))
        told = await inbox.facts(self._store, deciding, "question")
        told += await inbox.facts(self._store, closed - deciding)
        counts.update(entry.kind for entry in await self._sorted(readers, live, told) if entry.waits)
        return dict(counts)

    async def made_by(self, task: str, room: Room) -> list[dict[str, Any]]:
        """What waits in a canvas that this task made, or one that it began."""
        items = room.waiting()
        harvest = await self._harvests.among(_as_row(room.id, item) for item in items.values())
        return [items[id] for (_, id), of in harvest.of.items() if of == task]

    def _live(self, readers: Mapping[str, Reader]) -> dict[str, Room]:
        return {room.id: room for room in self._rooms if room.id in readers and room.failed is None}

    async def _sorted(
        self, readers: Mapping[str, Reader], live: Mapping[str, Room], told: Sequence[inbox.Waiting]
    ) -> list[Entry]:
        rows: list[tuple[inbox.Waiting, dict[str, Any] | None]] = [(row, None) for row in told]
        for id, room in live.items():
            if room.failed is None:
                rows += [(_as_row(id, item), item) for item in room.waiting().values()]
        rows += [(_as_row(run["canvas"], item := _failed(run)), item) for run in await self._failed(readers)]
        waits = await inbox.waiting_runs(self._store, readers.keys())
        tasks = await inbox.waiting_tasks(self._store, readers.keys())
        of_tasks = {run for task in tasks for step in task["plan"] for run in step["runs"]}  # the task says it itself
        rows += [(_as_row(run["canvas"], item := _waits(run)), item) for run in waits if run["id"] not in of_tasks]
        tasks += await self._ended(readers)
        rows += [(_as_row(task["canvas"], item := _task(task)), item) for task in tasks]
        harvest = await self._harvests.among(row for row, _ in rows)
        found: list[Entry] = []
        now = self._store.clock()
        for (canvas, id, kind, at, facts, place), item in rows:
            reader = readers[canvas]
            task = harvest.of.get((canvas, id), "")
            if facts.get("remark") and not task:
                continue
            if kind == "run" or concerns(kind, facts, reader):
                score, why = urgency(kind, facts, at, reader, now)
                found.append(Entry(canvas, id, kind, at, score, why, place, item, task))
        return sorted(_by_task(found, harvest), key=lambda entry: entry.key)

    async def shown(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """The items themselves. One that has gone meanwhile is left out."""
        kept = await inbox.items(self._store, [(entry.canvas, entry.id) for entry in entries if entry.item is None])
        shown: list[dict[str, Any]] = []
        for entry in entries:
            item = entry.item or kept.get((entry.canvas, entry.id))
            if item is not None:
                said = {name: value for name, value in item.items() if name != "facts"}
                about = {"canvas": entry.canvas, "score": entry.score, "why": entry.why, "place": entry.place}
                if entry.lead:
                    about |= {"of": entry.task, "lead": list(entry.lead)}
                shown.append({**said, **about, "rev": _rev(said)})
        return shown

    async def _failed(self, readers: Mapping[str, Reader]) -> list[dict[str, Any]]:
        me = next((reader.id for reader in readers.values()), "")
        since = self._store.clock() - RUNS_FOR
        return [run for run in await inbox.failed_runs(self._store, me, since) if run["canvas"] in readers]

    async def _ended(self, readers: Mapping[str, Reader]) -> list[dict[str, Any]]:
        me = next((reader.id for reader in readers.values()), "")
        since = self._store.clock() - RUNS_FOR
        return [task for task in await inbox.ended_tasks(self._store, me, since) if task["canvas"] in readers]


def _by_task(entries: Sequence[Entry], harvest: Harvest) -> list[Entry]:
    """The entries with a line of each task before what it made. A task of the reader's that is done says so there, and
    nowhere else."""
    made: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.task:
            made[entry.task].append(entry)
    listed = [entry for entry in entries if not entry.task]
    for id, together in made.items():
        task = harvest.tasks[id]
        first = min(together, key=lambda entry: entry.key)
        card = inbox.item_of(id, task["leg"])
        mine = next((at for at, entry in enumerate(listed) if entry.id == card and task["state"] == "done"), None)
        done = None if mine is None else listed.pop(mine)
        score = max(first.score, done.score if done else 0)
        lead = (score, first.at)
        head = done.id if done else f"g:{id}"
        item = (done.item if done and done.item else _task(task | {"cards": [], "plan": [], "id": id})) | {
            "id": head,
            "group": {"left": len(together), "kinds": Counter(entry.kind for entry in together)},
        }
        item["task"] = item["task"] | _in_short(task)
        why = done.why if done and done.score > first.score else first.why
        place = min(entry.place for entry in together)
        listed.append(Entry(first.canvas, head, "task", first.at, score, why, place, item, id, lead))
        listed += [replace(entry, lead=lead) for entry in together]
    return listed


def _in_short(task: Mapping[str, Any]) -> dict[str, Any]:
    return {name: task[name] for name in ("spent", "started", "finished", "made")}


def _as_row(canvas: str, item: dict[str, Any]) -> inbox.Waiting:
    return inbox.Waiting(canvas, item["id"], item["kind"], item["at"], item["facts"], item["place"])


def _failed(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"r:{run['id']}",
        "kind": "run",
        "at": run["finished"] or run["started"],
        "page": run.get("page") or "",
        "title": "",
        "run": {name: run.get(name) for name in ("id", "agent", "skill", "model", "prompt", "error", "results")},
        "facts": {},
        "place": 0,
    }


def _waits(run: dict[str, Any]) -> dict[str, Any]:
    """A run that goes on when somebody has answered."""
    cards = [card for card in run.get("cards", ()) if "answer" not in card]
    shown = ("run", "call", "kind", "question", "choices", "tool", "title", "detail", "message")
    return {
        "id": f"w:{run['id']}",
        "kind": "waits",
        "at": max((step["at"] for card in cards if (step := card.get("step"))), default=run["started"]),
        "page": run.get("page") or "",
        "title": "",
        "run": {name: run.get(name) for name in ("id", "agent", "skill", "model", "prompt", "results", "by")}
        | {"cards": [{name: card[name] for name in shown if name in card} for card in cards]},
        "facts": {
            "asked": run["by"]["id"],
            "agent": run["agent"],
            "approvals": sum(card["kind"] == "approval" for card in cards),
            "questions": sum(card["kind"] == "question" for card in cards),
        },
        "place": 0,
    }


def _task(task: dict[str, Any]) -> dict[str, Any]:
    """A task that waits for an answer, is done, or has failed."""
    cards = [card for card in task["cards"] if "answer" not in card]
    shown = ("id", "kind", "title", "state", "outcome", "problem", "results", "notes", "by", "schedule", "model")
    return {
        "id": inbox.item_of(task["id"], task["leg"]),
        "kind": "task",
        "at": task["finished"] or max((step["started"] or 0.0 for step in task["plan"]), default=0.0) or task["made"],
        "page": "",
        "title": "",
        "task": {name: task.get(name) for name in shown} | {"cards": cards},
        "facts": {
            "asked": task["by"]["id"],
            "state": task["state"],
            "approvals": sum(card.get("kind") == "approval" for card in cards),
            "questions": sum(card.get("kind") == "question" for card in cards),
            "results": len(task["results"]),
        },
        "place": 0,
    }


def _rev(item: Mapping[str, Any]) -> str:
    """A mark that changes when there is something else to decide, and not when the text around it does."""
    said = [
        [(option["suggestion"], [_changed(hunk) for hunk in option["hunks"]]) for option in item.get("options", ())],
        [comment["at"] for comment in item.get("thread", {}).get("comments", ())],
        [card["call"] for card in item.get("run", {}).get("cards", ())],
        [card["id"] for card in item.get("task", {}).get("cards", ())],
        item.get("task", {}).get("state"),
        item.get("group", {}).get("left"),
        item["kind"],
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def _changed(hunk: Mapping[str, Any]) -> list[Any]:
    return [hunk.get(name) for name in ("hunk", "was", "now", "today", "gone")]
