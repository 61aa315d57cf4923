"""Decisions that agents are no longer shown as examples."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from studiolo.store.dialect import upsert
from studiolo.store.store import Store
from studiolo.store.tables import forgotten_tastes


async def ids(store: Store, canvas: str) -> frozenset[str]:
    """Those of one canvas."""
    async with store.reading() as connection:
        found = await connection.scalars(sa.select(forgotten_tastes.c.id).where(forgotten_tastes.c.canvas == canvas))
        return frozenset(found)


async def add(store: Store, canvas: str, which: Sequence[str], by: str) -> None:
    """Forget more."""
    if not which:
        return
    now = store.clock()
    async with store.writing() as connection:
        await connection.execute(
            upsert(connection, forgotten_tastes, ("participant", "at")),
            [{"canvas": canvas, "id": id, "participant": by, "at": now} for id in which],
        )
