"""When a character was written: its row in the log, found by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.identity import decode
from studiolo.store.store import Store
from studiolo.store.tables import client_owners, updates

AT_ONCE = 250  # rows
MOST_ROWS = 3_000  # that are looked through: more than anybody types at one sitting


async def written_at(store: Store, canvas: str, client: int, clock: int) -> float | None:
    """When the character with this id, which its owner typed, was stored; None when it is not soon found."""
    async with store.reading() as connection:
        claimed = (
            await connection.execute(
                sa.select(client_owners.c.participant, client_owners.c.seq).where(
                    client_owners.c.canvas == canvas, client_owners.c.client_id == client
                )
            )
        ).one_or_none()
    if claimed is None or not claimed.seq:
        return None
    after = claimed.seq - 1
    for _ in range(MOST_ROWS // AT_ONCE):
        async with store.reading() as connection:
            rows = (
                await connection.execute(
                    sa.select(updates.c.seq, updates.c.at, updates.c.data)
                    .where(
                        updates.c.canvas == canvas,
                        updates.c.seq > after,
                        updates.c.participant == claimed.participant,
                    )
                    .order_by(updates.c.seq)
                    .limit(AT_ONCE)
                )
            ).all()
        if (at := await asyncio.to_thread(_search, rows, client, clock)) is not None:
            return at
        if len(rows) < AT_ONCE:
            return None
        after = rows[-1].seq
    return None


def _search(rows: Sequence[Any], client: int, clock: int) -> float | None:
    for row in rows:
        for struct in decode(row.data).structs if row.data else ():
            if struct.client == client and struct.clock <= clock < struct.clock + struct.length:
                return row.at
    return None
