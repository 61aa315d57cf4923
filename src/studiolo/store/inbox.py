"""What waits for people, one row an item, as each canvas last told it: so that an inbox of a thousand canvases is one
query and opens none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from studiolo.store import dialect
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.tables import canvases, inbox, runs, tasks, updates
from studiolo.store.tables import put_away as put_away_

if TYPE_CHECKING:
    from studiolo.store.store import Store

_FORGET_ALL = sa.delete(inbox).where(inbox.c.canvas == sa.bindparam("of"))
_FORGET = _FORGET_ALL.where(inbox.c.id == sa.bindparam("which"))
_MANY = 5_000  # ids in one statement


class Waiting(NamedTuple):
    """An item as it is sorted: the `facts` of it, without what a person reads."""

    canvas: str
    id: str
    kind: str
    at: float
    facts: dict[str, Any]
    place: int


@dataclass(frozen=True, slots=True)
class News:
    """What has changed of what waits in a canvas. `gone`: ids, or None for all that were there before."""

    items: list[dict[str, Any]]
    gone: list[str] | None

    @classmethod
    def between(cls, before: Mapping[str, dict[str, Any]] | None, now: Mapping[str, dict[str, Any]]) -> News:
        """From what the store was told last (None: that is not known) to what is to be known now."""
        if before is None:
            return cls(list(now.values()), None)
        changed = [item for id, item in now.items() if id not in before or _said(before[id]) != _said(item)]
        return cls(changed, [item["id"] for item in changed] + [id for id in before if id not in now])

    def __bool__(self) -> bool:
        return bool(self.items) or self.gone != []


def _said(item: dict[str, Any]) -> dict[str, Any]:
    """The item without its place: that changes with every decision above it, and the order stays as it was."""
    return {name: value for name, value in item.items() if name != "place"}


def note(connection: dialect.Plain, canvas: str, news: News) -> None:
    """Keep what waits in a canvas. Items are JSON with at least `id`, `kind`, `at` and `facts`."""
    if news.gone is None:
        dialect.update(connection, _FORGET_ALL, of=canvas)
    for id in news.gone or ():
        dialect.update(connection, _FORGET, of=canvas, which=id)
    if news.items:
        rows = [
            {"canvas": canvas, "id": item["id"], "kind": item["kind"], "at": item["at"], "item": item}
            for item in news.items
        ]
        dialect.insert(connection, inbox, rows)


async def counts(store: Store, of: Collection[str], kinds: Collection[str]) -> dict[str, int]:
    """How many items of these kinds wait in these canvases, by kind."""
    found: Counter[str] = Counter()
    query = sa.select(inbox.c.kind, sa.func.count()).where(inbox.c.kind.in_(list(kinds))).group_by(inbox.c.kind)
    async with store.reading() as connection:
        for some in portions(of):
            for kind, number in await connection.execute(query.where(inbox.c.canvas.in_(some))):
                found[kind] += number
    return dict(found)


async def facts(store: Store, of: Collection[str], kind: str | None = None) -> list[Waiting]:
    """What waits in these canvases, of one kind or of all, as it is sorted."""
    found: list[Waiting] = []
    query = sa.select(
        inbox.c.canvas, inbox.c.id, inbox.c.kind, inbox.c.at, inbox.c.item["facts"], inbox.c.item["place"]
    )
    if kind is not None:
        query = query.where(inbox.c.kind == kind)
    async with store.reading() as connection:
        for some in portions(of):
            rows = await connection.execute(query.where(inbox.c.canvas.in_(some)))
            found += [Waiting(*row) for row in rows]
    return found


async def items(store: Store, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """The items of these (canvas, id) that are still there, whole."""
    if not wanted:
        return {}
    query = sa.select(inbox.c.canvas, inbox.c.item).where(
        inbox.c.canvas.in_({canvas for canvas, _ in wanted}), inbox.c.id.in_({id for _, id in wanted})
    )
    async with store.reading() as connection:
        return {(canvas, item["id"]): item for canvas, item in await connection.execute(query)}


async def failed_runs(store: Store, participant: str, since: float, limit: int = 50) -> list[dict[str, Any]]:
    """The runs that somebody asked for, that failed since then, and that they have not put away; the newest first."""
    query = (
        sa.select(runs.c.run)
        .where(
            runs.c.state == "failed",
            runs.c.started >= since,
            runs.c.run[("by", "id")].as_string() == participant,
            runs.c.run["dismissed"].as_string().is_(None),
        )
        .order_by(runs.c.started.desc(), runs.c.id)
        .limit(limit)
    )
    async with store.reading() as connection:
        return list(await connection.scalars(query))


async def waiting_runs(store: Store, of: Collection[str], limit: int = 200) -> list[dict[str, Any]]:
    """The runs of these canvases that wait for a person, the newest first."""
    query = sa.select(runs.c.run).where(runs.c.state == "waiting").order_by(runs.c.started.desc(), runs.c.id)
    found: list[dict[str, Any]] = []
    async with store.reading() as connection:
        for some in portions(of):
            found += await connection.scalars(query.where(runs.c.canvas.in_(some)).limit(limit))
    return found


def item_of(task: str, leg: int) -> str:
    """The id of what waits because of a task: another one whenever the task was gone on with."""
    return f"k:{task}:{leg}"


async def ended_tasks(store: Store, participant: str, since: float, limit: int = 100) -> list[dict[str, Any]]:
    """The tasks that somebody began, that are done or have failed since then, and that they have not put away; the
    newest first. What a task began is that task's business."""
    task = tasks.c.task
    away = sa.select(put_away_.c.canvas, put_away_.c.id).where(put_away_.c.participant == participant)
    query = (
        sa.select(task)
        .where(
            tasks.c.participant == participant,
            tasks.c.state.in_(("done", "failed")),
            tasks.c.parent.is_(None),
            task["finished"].as_float() >= since,
        )
        .order_by(tasks.c.made.desc(), tasks.c.id)
        .limit(limit)
    )
    async with store.reading() as connection:
        gone = {(canvas, id) for canvas, id in await connection.execute(away)}
        found = await connection.scalars(query)
        return [one for one in found if (one["canvas"], item_of(one["id"], one["leg"])) not in gone]


async def waiting_tasks(store: Store, of: Collection[str], limit: int = 200) -> list[dict[str, Any]]:
    """The tasks of these canvases that wait, the newest first."""
    query = sa.select(tasks.c.task).where(tasks.c.state == "waiting").order_by(tasks.c.made.desc(), tasks.c.id)
    found: list[dict[str, Any]] = []
    async with store.reading() as connection:
        for some in portions(of):
            found += await connection.scalars(query.where(tasks.c.canvas.in_(some)).limit(limit))
    return found


async def agents_runs(store: Store, ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Of runs: what led to each (a run, a round, a task), and which agent it was."""
    found: dict[str, tuple[str, str]] = {}
    query = sa.select(runs.c.id, runs.c.run["parent"].as_string(), runs.c.run["agent"].as_string())
    async with store.reading() as connection:
        for some in portions(ids):
            for id, parent, agent in await connection.execute(query.where(runs.c.id.in_(some))):
                found[id] = (parent or "", agent or "")
    return found


_TOLD_OF_TASKS = (
    "title", "kind", "by", "outcome", "results", "spent", "started", "finished", "made", "leg", "schedule", "problem",
)  # fmt: skip


async def tasks_in_short(store: Store, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Tasks without their plans and what they found."""
    found: dict[str, dict[str, Any]] = {}
    parts = [tasks.c.task[name] for name in _TOLD_OF_TASKS]
    query = sa.select(tasks.c.id, tasks.c.canvas, tasks.c.state, tasks.c.parent, *parts)
    async with store.reading() as connection:
        for some in portions(ids):
            for row in await connection.execute(query.where(tasks.c.id.in_(some))):
                short: dict[str, Any] = dict(zip(_TOLD_OF_TASKS, row[4:], strict=True))
                found[row.id] = short | {"id": row.id, "canvas": row.canvas, "state": row.state, "parent": row.parent}
    return found


async def put_away(store: Store, participant: str, canvas: str, item: str, *, away: bool) -> None:
    """Put an item out of somebody's inbox, or back into it. Raises NotFound for a canvas that is gone."""
    row = {"participant": participant, "canvas": canvas, "id": item}
    async with store.writing() as connection:
        await need_canvas(connection, canvas)
        if away:
            await connection.execute(dialect.insert_new(connection, put_away_), row | {"at": store.clock()})
        else:
            mine = sa.and_(*(put_away_.c[name] == value for name, value in row.items()))
            await connection.execute(sa.delete(put_away_).where(mine))


async def behind(store: Store, canvas: str | None = None) -> list[str]:
    """The canvases that have not said what waits in them since they last changed, the last changed first; or whether
    this one is one of them."""
    last = (
        sa.select(updates.c.seq)
        .where(updates.c.canvas == canvases.c.id)
        .order_by(updates.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(canvases.c.id, canvases.c.summary["told"].as_integer(), last)
    if canvas is not None:
        query = query.where(canvases.c.id == canvas)
    async with store.reading() as connection:
        found = await connection.execute(query.order_by(canvases.c.updated.desc(), canvases.c.id))
        return [id for id, told, seq in found if told != seq]


def portions(ids: Collection[str]) -> list[list[str]]:
    """Ids, sorted, in lists that are short enough for one statement."""
    listed = sorted(ids)
    return [listed[at : at + _MANY] for at in range(0, len(listed), _MANY)]
