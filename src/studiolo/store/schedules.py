"""Schedules as the store keeps them: rows of JSON, and the moment at which each is due."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.errors import NotFound, TooLarge
from studiolo.store import dialect
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.inbox import portions
from studiolo.store.store import Store
from studiolo.store.tables import attachments, schedules

Kept = dict[str, Any]
Change = Callable[[Kept], Kept | None]
"""What a schedule becomes; None: it stays as it is. What it raises leaves it as it is, too."""


async def add(store: Store, schedule: Kept, most_here: int, most_of_one: int) -> None:
    """Keep a new schedule: JSON with at least `id`, `canvas`, `by`, `made` and `next`. Raises NotFound for a canvas
    that is gone, and TooLarge for too many in it or of the same person."""
    canvas, person = schedule["canvas"], schedule["by"]["id"]
    count = sa.select(sa.func.count()).select_from(schedules)
    async with store.writing() as connection:
        await need_canvas(connection, canvas)
        here = await connection.scalar(count.where(schedules.c.canvas == canvas)) or 0
        mine = await connection.scalar(count.where(schedules.c.participant == person)) or 0
        if here >= most_here or mine >= most_of_one:
            where = f"{here} schedules in this canvas" if here >= most_here else f"{mine} schedules of yours"
            raise TooLarge(f"There are {where} already.", "Delete one that is not needed.")
        await connection.execute(sa.insert(schedules).values(_row(schedule)))


async def change(store: Store, id: str, change: Change) -> Kept:
    """Change a schedule with nobody else's change between reading and writing; as it is then. Raises NotFound."""
    async with store.writing() as connection:
        kept = await connection.scalar(sa.select(schedules.c.schedule).where(schedules.c.id == id).with_for_update())
        if kept is None:
            raise _nothing()
        changed = change(kept)
        if changed is None:
            return kept
        await connection.execute(sa.update(schedules).where(schedules.c.id == id).values(_row(changed)))
        return changed


def change_within(connection: dialect.Plain, id: str, change: Change) -> None:
    """Change a schedule in a transaction that changes something else, too. Raises NotFound."""
    found = dialect.select(connection, _SCHEDULE, id=id)
    if not found:
        raise _nothing()
    if (changed := change(dialect.json_of(found[0][0]))) is not None:
        dialect.put(connection, schedules, [_row(changed)], ("participant", "next", "schedule"))


_SCHEDULE = sa.select(schedules.c.schedule).where(schedules.c.id == sa.bindparam("id")).with_for_update()


async def delete(store: Store, id: str) -> None:
    """Raises NotFound."""
    async with store.writing() as connection:
        if not (await connection.execute(sa.delete(schedules).where(schedules.c.id == id))).rowcount:
            raise _nothing()


async def get(store: Store, id: str) -> Kept:
    """A schedule. Raises NotFound."""
    async with store.reading() as connection:
        kept = await connection.scalar(sa.select(schedules.c.schedule).where(schedules.c.id == id))
    if kept is None:
        raise _nothing()
    return kept


async def of_canvases(store: Store, canvases: Collection[str]) -> list[Kept]:
    """The schedules of these canvases, the oldest first."""
    query = sa.select(schedules.c.made, schedules.c.id, schedules.c.schedule)
    found: list[tuple[float, str, Kept]] = []
    async with store.reading() as connection:
        for some in portions(canvases):
            rows = await connection.execute(query.where(schedules.c.canvas.in_(some)))
            found += [(row.made, row.id, row.schedule) for row in rows]
    return [kept for _, _, kept in sorted(found, key=lambda row: row[:2])]


async def coming(store: Store, until: float) -> tuple[list[Kept], float | None]:
    """What is due until then, the longest due first, and the moment of the first one after that."""
    due = sa.select(schedules.c.schedule).where(schedules.c.next <= until).order_by(schedules.c.next, schedules.c.id)
    later = sa.select(sa.func.min(schedules.c.next)).where(schedules.c.next > until)
    async with store.reading() as connection:
        return list(await connection.scalars(due)), await connection.scalar(later)


async def files(store: Store, canvas: str, ids: Collection[str]) -> dict[str, str]:
    """The files of a canvas that are among these ids, and the SHA-256 of each."""
    query = sa.select(attachments.c.id, attachments.c.sha256).where(
        attachments.c.canvas == canvas, attachments.c.id.in_(list(ids))
    )
    async with store.reading() as connection:
        return {row.id: row.sha256 for row in await connection.execute(query)}


def _row(schedule: Kept) -> Kept:
    return {
        "id": schedule["id"],
        "canvas": schedule["canvas"],
        "participant": schedule["by"]["id"],
        "next": schedule["next"],
        "made": schedule["made"],
        "schedule": schedule,
    }


def _nothing() -> NotFound:
    return NotFound("There is no such schedule.", "Schedules are listed with their canvas.")
