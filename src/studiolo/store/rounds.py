"""Rounds as the store keeps them: rows of JSON, changed one change at a time, by whichever node."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.errors import NotFound
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.store import Store
from studiolo.store.tables import rounds

Kept = dict[str, Any]
Change = Callable[[Kept], Kept | None]
"""What a round becomes; None: it stays as it is. What it raises leaves it as it is, too."""


async def add(store: Store, round: Kept) -> None:
    """Keep a new round: JSON with at least `id`, `canvas`, `state` and `started`. Raises NotFound."""
    async with store.writing() as connection:
        await need_canvas(connection, round["canvas"])
        row = {name: round[name] for name in ("id", "canvas", "state", "started")}
        await connection.execute(sa.insert(rounds).values(**row, round=round))


async def change(store: Store, id: str, change: Change) -> Kept:
    """Change a round with nobody else's change between reading and writing; as it is then. Raises NotFound."""
    async with store.writing() as connection:
        kept = await connection.scalar(sa.select(rounds.c.round).where(rounds.c.id == id).with_for_update())
        if kept is None:
            raise _nothing()
        changed = change(kept)
        if changed is None:
            return kept
        await connection.execute(
            sa.update(rounds).where(rounds.c.id == id).values(state=changed["state"], round=changed)
        )
        return changed


async def get(store: Store, id: str) -> Kept:
    """A round. Raises NotFound."""
    async with store.reading() as connection:
        kept = await connection.scalar(sa.select(rounds.c.round).where(rounds.c.id == id))
    if kept is None:
        raise _nothing()
    return kept


async def listed(store: Store, canvas: str | None = None, states: Collection[str] = (), limit: int = 50) -> list[Kept]:
    """Rounds, the newest first: of one canvas or of all, in any state or in one of `states`."""
    query = sa.select(rounds.c.round).order_by(rounds.c.started.desc(), rounds.c.id).limit(limit)
    if canvas is not None:
        query = query.where(rounds.c.canvas == canvas)
    if states:
        query = query.where(rounds.c.state.in_(list(states)))
    async with store.reading() as connection:
        return list(await connection.scalars(query))


def _nothing() -> NotFound:
    return NotFound("There is no such round.", "Rounds are listed with their canvas.")
