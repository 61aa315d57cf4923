"""Tasks as the store keeps them: rows of JSON, changed one change at a time, and what their steps came to.

Whoever carries a task out, and whoever steers it, changes the row; nobody else's change comes between reading and
writing. What a step came to is kept in the same transaction as the change that says so.
"""

from __future__ import annotations

import copy
import gzip
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.errors import Conflict, NotFound, TooLarge
from studiolo.store import dialect
from studiolo.store.gathering import Gathering
from studiolo.store.store import Store, hold_canvas
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
    most_queued: int | None = None,
    within: Callable[[dialect.Plain], None] | None = None,
) -> Kept:
    """Keep a new task, with what steps of it have come to already; or give back the one that has its id. `within` is
    done before that in the same transaction, either way; what it raises leaves everything as it was.

    Raises NotFound, Conflict when the id is another canvas's task's, and TooLarge where whoever wants it has
    `most_queued` tasks that wait for their turn.
    """

    def kept(connection: dialect.Plain) -> Kept:
        hold_canvas(connection, task["canvas"])
        if within is not None:
            within(connection)
        there = dialect.select(connection, _TASK, id=task["id"])
        if not there and most_queued is not None:
            [(queued,)] = dialect.select(connection, _QUEUED_OF, participant=task["by"]["id"])
            if queued >= most_queued:
                raise TooLarge(
                    f"{most_queued} tasks of yours wait for their turn already.", "Let some of them end first."
                )
        if not there and dialect.insert_unless(connection, tasks, _row(task)):
            _keep(connection, task, results or {})
            found = task
        else:
            [(_, value)] = there or dialect.select(connection, _TASK, id=task["id"])
            found = dialect.json_of(value)
            if found["canvas"] != task["canvas"]:
                raise Conflict("There is a task with this id already.", "Use another id.")
        return found

    return await store.write(kept)


@dataclass(frozen=True, slots=True)
class _Asked:
    id: str
    change: Change
    keep: Mapping[str, Any]
    forget: Collection[str]


class Changes:
    """Changes of tasks, each on the task as all earlier ones have left it. Those that come while others are committed
    are committed together."""

    def __init__(self, store: Store) -> None:
        self._gathering: Gathering[_Asked, Kept] = Gathering(
            lambda asked: store.write(lambda connection: _make(connection, asked))
        )

    async def make(
        self, id: str, change: Change, keep: Mapping[str, Any] | None = None, forget: Collection[str] = ()
    ) -> Kept:
        """Change a task, and in the same transaction keep what steps came to and forget what they had; the task as it
        is then. `keep` and `forget` are read after `change` was called, which may fill them. Raises NotFound.

        On a SQLite file `change` is called in another thread: it must touch nothing but what it is given, and what
        nobody else changes meanwhile.
        """
        return await self._gathering.add(_Asked(id, change, {} if keep is None else keep, forget))

    async def close(self) -> None:
        """Make those that were asked for."""
        await self._gathering.close()


def _make(connection: dialect.Plain, asked: Sequence[_Asked]) -> list[Kept | BaseException]:
    found = _held(connection, sorted({one.id for one in asked}))
    times = Counter(one.id for one in asked)
    made: list[Kept | BaseException] = []
    changed: dict[str, Kept] = {}
    for one in asked:
        if (task := found.get(one.id)) is None:
            made.append(_nothing())
            continue
        if times[one.id] > 1:  # a change that is refused half-way must not be seen by the next
            task = copy.deepcopy(task)
        try:
            now = one.change(task)
            results = [] if now is None else _results(now, one.keep)
        except BaseException as error:
            made.append(error)
            continue
        made.append(task if now is None else now)
        if now is None:
            continue
        found[one.id] = changed[one.id] = now
        for step in one.forget:
            dialect.update(connection, _FORGET, task=one.id, step=step)
        if results:
            dialect.put(connection, task_results, results, ("result",))
    if changed:
        dialect.put(connection, tasks, [_row(task) for task in changed.values()], _CHANGING)
    return made


def _held(connection: dialect.Plain, ids: Sequence[str]) -> dict[str, Kept]:
    """These tasks, which nobody else changes until the transaction ends. All hold them in the order of their ids, so
    that no two wait for one another."""
    if dialect.many_writers(connection):
        return dict(dialect.select(connection, _TASKS, ids=list(ids)))
    return {id: dialect.json_of(task) for one in ids for id, task in dialect.select(connection, _TASK, id=one)}


_TASK = sa.select(tasks.c.id, tasks.c.task).where(tasks.c.id == sa.bindparam("id"))
_TASKS = (
    sa.select(tasks.c.id, tasks.c.task)
    .where(tasks.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(tasks.c.id)
    .with_for_update()
)
_QUEUED_OF = (
    sa.select(sa.func.count())
    .select_from(tasks)
    .where(tasks.c.state == "queued", tasks.c.participant == sa.bindparam("participant"))
)
_RESULT = sa.select(task_results.c.result).where(
    task_results.c.task == sa.bindparam("task"), task_results.c.step == sa.bindparam("step")
)
_FORGET = sa.delete(task_results).where(
    task_results.c.task == sa.bindparam("task"), task_results.c.step == sa.bindparam("step")
)
_CHANGING = ("state", "priority", "model", "node", "task")


async def get(store: Store, id: str) -> Kept:
    """A task. Raises NotFound."""
    found = await store.read(lambda connection: dialect.select(connection, _TASK, id=id))
    if not found:
        raise _nothing()
    return dialect.json_of(found[0][1])


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


async def result(store: Store, task: str, step: str) -> Any | None:
    """What a step, or a part of it, came to."""
    found = await store.read(lambda connection: dialect.select(connection, _RESULT, task=task, step=step))
    return _unpacked(found[0][0]) if found else None


async def results(store: Store, task: str) -> dict[str, Any]:
    """Everything that the steps of a task, and their parts, have come to."""
    async with store.reading() as connection:
        query = sa.select(task_results.c.step, task_results.c.result).where(task_results.c.task == task)
        rows = (await connection.execute(query)).all()
    return {row.step: _unpacked(row.result) for row in rows}


async def admit(store: Store, node: str, limits: Limits, begin: Callable[[Kept], Kept]) -> list[Kept]:
    """Let tasks that are queued be carried out at this node, as far as the limits go: the most urgent first, then the
    oldest. `begin` says what becomes of one that is `running` at this node; they are as it says when this returns, and
    nobody else was given them. It is called as `Changes.make` calls its change."""

    def admitted(connection: dialect.Plain) -> list[Kept]:
        dialect.take_turns(connection)
        chosen = _chosen(connection, node, limits)
        if not chosen:
            return []
        found = _held(connection, sorted(chosen))
        made = [
            begin(found[id] | {"state": "running", "node": node})
            for id in chosen
            if id in found and found[id]["state"] == "queued"  # it may have been cancelled in this moment
        ]
        if made:
            dialect.put(connection, tasks, [_row(task) for task in made], _CHANGING)
        return made

    return await store.write(admitted)


def _chosen(connection: dialect.Plain, node: str, limits: Limits) -> list[str]:
    """The queued tasks whose turn it is."""
    busy = dialect.select(connection, _BUSY)
    room = limits.node - sum(at == node for _, _, at in busy)
    if room <= 0:
        return []
    persons = Counter(participant for participant, _, _ in busy)
    models = Counter(model for _, model, _ in busy if model)
    # One whose model is busy lets others of theirs pass.
    queued = dialect.select(connection, _QUEUED, foremost=10 * limits.person, most=MOST_LOOKED_AT)
    chosen: list[str] = []
    for id, participant, model in queued:
        if len(chosen) >= room:
            break
        if persons[participant] >= limits.person or (model and models[model] >= limits.model):
            continue
        persons[participant] += 1
        models[model] += 1
        chosen.append(id)
    return chosen


_BUSY = sa.select(tasks.c.participant, tasks.c.model, tasks.c.node).where(tasks.c.state == "running")
_PLACE = sa.func.row_number().over(
    partition_by=tasks.c.participant, order_by=(tasks.c.priority.desc(), tasks.c.made, tasks.c.id)
)
_IN_LINE = (
    sa.select(tasks.c.id, tasks.c.participant, tasks.c.model, tasks.c.priority, tasks.c.made, _PLACE.label("place"))
    .where(tasks.c.state == "queued")
    .subquery()
)
_QUEUED = (
    sa.select(_IN_LINE.c.id, _IN_LINE.c.participant, _IN_LINE.c.model)
    .where(_IN_LINE.c.place <= sa.bindparam("foremost"))
    .order_by(_IN_LINE.c.priority.desc(), _IN_LINE.c.made, _IN_LINE.c.id)
    .limit(sa.bindparam("most"))
)


def rest_all(connection: sa.Connection, note: str) -> None:
    """Let every task that is under way rest: a studio that was restored does nothing by itself."""
    under_way = connection.execute(
        sa.select(tasks.c.id, tasks.c.task).where(tasks.c.state.in_(("queued", "running")))
    ).all()
    for row in under_way:
        notes = [*row.task.get("notes", ()), note]
        task = row.task | {"state": "paused", "node": "", "pausing": False, "notes": notes}
        task["revision"] = task.get("revision", 0) + 1
        connection.execute(sa.update(tasks).where(tasks.c.id == row.id).values(_row(task)))


def _keep(connection: dialect.Plain, task: Kept, results: Mapping[str, Any]) -> None:
    if rows := _results(task, results):
        dialect.put(connection, task_results, rows, ("result",))


def _results(task: Kept, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"task": task["id"], "step": step, "canvas": task["canvas"], "result": _packed(result)}
        for step, result in results.items()
    ]


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
