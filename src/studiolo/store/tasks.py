"""Tasks as the store keeps them: rows of JSON, changed one change at a time, and what their steps came to.

Whoever carries a task out, and whoever steers it, changes the row; nobody else's change comes between reading and
writing. What a step came to is kept in the same transaction as the change that says so.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Conflict, NotFound
from studiolo.store import dialect
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.store import Store
from studiolo.store.tables import task_results, tasks

Kept = dict[str, Any]
Change = Callable[[Kept], Kept | None]
"""What a task becomes; None: it stays as it is. What it raises leaves it as it is, too."""
MOST_LOOKED_AT = 500  # queued tasks, when it is to be decided whose turn it is


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tasks are carried out at the same time: of one person, with one model that was named, and at one
    node."""

    person: int = 2
    model: int = 4
    node: int = 8


async def add(
    store: Store,
    task: Kept,
    results: Mapping[str, Any] | None = None,
) -> Kept:
    """Keep a new task, with what steps of it have come to already; or give back the one that has its id.

    Raises NotFound, and Conflict when the id is another canvas's task's.
    """
    async with store.writing() as connection:
        await need_canvas(connection, task["canvas"])
        added = await connection.execute(dialect.insert_new(connection, tasks), _row(task))
        if added.rowcount:
            await _keep(connection, task, results or {})
            return task
        there = await connection.scalar(sa.select(tasks.c.task).where(tasks.c.id == task["id"]))
        if there is None or there["canvas"] != task["canvas"]:
            raise Conflict("There is a task with this id already.", "Use another id.")
        return there


async def change(
    store: Store,
    id: str,
    change: Change,
    keep: Mapping[str, Any] | None = None,
    forget: Collection[str] = (),
) -> Kept:
    """Change a task, and in the same transaction keep what steps came to and forget what they had; the task as it is
    then. `keep` and `forget` are read after `change` was called, which may fill them. Raises NotFound."""
    async with store.writing() as connection:
        kept = await connection.scalar(sa.select(tasks.c.task).where(tasks.c.id == id).with_for_update())
        if kept is None:
            raise _nothing()
        changed = change(kept)
        if changed is None:
            return kept
        await connection.execute(sa.update(tasks).where(tasks.c.id == id).values(_row(changed)))
        if forget:
            await connection.execute(
                sa.delete(task_results).where(task_results.c.task == id, task_results.c.step.in_(list(forget)))
            )
        await _keep(connection, changed, keep or {})
        return changed


async def get(store: Store, id: str) -> Kept:
    """A task. Raises NotFound."""
    async with store.reading() as connection:
        kept = await connection.scalar(sa.select(tasks.c.task).where(tasks.c.id == id))
    if kept is None:
        raise _nothing()
    return kept


async def listed(
    store: Store,
    states: Collection[str] = (),
    canvases: Collection[str] | None = None,
    limit: int = 100,
    schedule: str | None = None,
    parent: str | None = None,
    kind: str | None = None,
) -> list[Kept]:
    """Tasks, the newest first: in any state or in these, of all canvases or of these, of a schedule, of a parent, of
    a kind."""
    query = sa.select(tasks.c.task).order_by(tasks.c.made.desc(), tasks.c.id).limit(limit)
    if states:
        query = query.where(tasks.c.state.in_(list(states)))
    if canvases is not None:
        query = query.where(tasks.c.canvas.in_(list(canvases)))
    if schedule is not None:
        query = query.where(tasks.c.schedule == schedule)
    if parent is not None:
        query = query.where(tasks.c.parent == parent)
    if kind is not None:
        query = query.where(tasks.c.task["kind"].as_string() == kind)
    async with store.reading() as connection:
        return list(await connection.scalars(query))


async def count(store: Store) -> dict[str, int]:
    """How many tasks there are, by state."""
    async with store.reading() as connection:
        number = sa.func.count().label("number")
        rows = await connection.execute(sa.select(tasks.c.state, number).group_by(tasks.c.state))
        return {row.state: row.number for row in rows}


async def queued_of(store: Store, participant: str) -> int:
    """How many tasks of somebody wait for their turn."""
    async with store.reading() as connection:
        query = sa.select(sa.func.count()).where(tasks.c.state == "queued", tasks.c.participant == participant)
        return await connection.scalar(query) or 0


async def result(store: Store, task: str, step: str) -> Any | None:
    """What a step, or a part of it, came to."""
    async with store.reading() as connection:
        kept = await connection.scalar(
            sa.select(task_results.c.result).where(task_results.c.task == task, task_results.c.step == step)
        )
    return None if kept is None else _unpacked(kept)


async def results(store: Store, task: str) -> dict[str, Any]:
    """Everything that the steps of a task, and their parts, have come to."""
    async with store.reading() as connection:
        query = sa.select(task_results.c.step, task_results.c.result).where(task_results.c.task == task)
        rows = (await connection.execute(query)).all()
    return {row.step: _unpacked(row.result) for row in rows}


async def admit(store: Store, node: str, limits: Limits, now: float) -> list[Kept]:
    """Let tasks that are queued be carried out at this node, as far as the limits go: the most urgent first, then the
    oldest. They are `running` when this returns; nobody else was given them."""
    async with store.writing() as connection:
        await connection.run_sync(dialect.take_turns)
        busy = (
            await connection.execute(
                sa.select(tasks.c.participant, tasks.c.model, tasks.c.node).where(tasks.c.state == "running")
            )
        ).all()
        persons = Counter(row.participant for row in busy)
        models = Counter(row.model for row in busy if row.model)
        room = limits.node - sum(row.node == node for row in busy)
        if room <= 0:
            return []
        order = (tasks.c.priority.desc(), tasks.c.made, tasks.c.id)
        place = sa.func.row_number().over(partition_by=tasks.c.participant, order_by=order).label("place")
        queued = (
            sa.select(tasks.c.id, tasks.c.participant, tasks.c.model, tasks.c.priority, tasks.c.made, place)
            .where(tasks.c.state == "queued")
            .subquery()
        )
        waiting = await connection.execute(
            sa.select(queued.c.id, queued.c.participant, queued.c.model)
            .where(queued.c.place <= 10 * limits.person)  # one whose model is busy lets others of theirs pass
            .order_by(queued.c.priority.desc(), queued.c.made, queued.c.id)
            .limit(MOST_LOOKED_AT)
        )
        chosen: list[str] = []
        for row in waiting:
            if len(chosen) >= room:
                break
            if persons[row.participant] >= limits.person or (row.model and models[row.model] >= limits.model):
                continue
            persons[row.participant] += 1
            models[row.model] += 1
            chosen.append(row.id)
        if not chosen:
            return []
        found = {
            row.id: row.task
            for row in await connection.execute(sa.select(tasks.c.id, tasks.c.task).where(tasks.c.id.in_(chosen)))
        }
        admitted: list[Kept] = []
        for id in chosen:
            task = found[id] | {"state": "running", "node": node, "started": found[id].get("started") or now}
            await connection.execute(sa.update(tasks).where(tasks.c.id == id).values(_row(task)))
            admitted.append(task)
        return admitted


def rest_all(connection: sa.Connection, note: str) -> None:
    """Let every task that is under way rest: a studio that was restored does nothing by itself."""
    under_way = connection.execute(
        sa.select(tasks.c.id, tasks.c.task).where(tasks.c.state.in_(("queued", "running")))
    ).all()
    for row in under_way:
        notes = [*row.task.get("notes", ()), note]
        task = row.task | {"state": "paused", "node": "", "pausing": False, "notes": notes}
        connection.execute(sa.update(tasks).where(tasks.c.id == row.id).values(_row(task)))


async def _keep(connection: AsyncConnection, task: Kept, results: Mapping[str, Any]) -> None:
    if results:
        rows = [
            {"task": task["id"], "step": step, "canvas": task["canvas"], "result": _packed(result)}
            for step, result in results.items()
        ]
        await connection.execute(dialect.upsert(connection, task_results, ("result",)), rows)


def _row(task: Kept) -> dict[str, Any]:
    return {
        "id": task["id"],
        "canvas": task["canvas"],
        "state": task["state"],
        "participant": task["by"]["id"],
        "schedule": task.get("schedule"),
        "parent": task.get("parent"),
        "made": task["made"],
        "priority": task.get("priority", 0),
        "model": task.get("model"),
        "node": task.get("node", ""),
        "task": task,
    }


def _packed(result: Any) -> bytes:
    return gzip.compress(json.dumps(result, separators=(",", ":")).encode(), compresslevel=1, mtime=0)


def _unpacked(kept: bytes) -> Any:
    return json.loads(gzip.decompress(kept))


def _nothing() -> NotFound:
    return NotFound("There is no such task.", "Tasks are listed with their canvas.")
