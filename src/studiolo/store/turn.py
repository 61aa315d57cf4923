"""A turn at a log that several programs write.

A studio of one node knows where its logs end. Among several nodes a row's number is known only once nobody else can
take it: whoever has the turn at a canvas first reads what the others have written, then writes after it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo import metrics
from studiolo.canvas.errors import Conflict, Unavailable
from studiolo.store import log
from studiolo.store.canvas_rows import no_canvas
from studiolo.store.errors import StorageFailed
from studiolo.store.log import check_entry, insert_rows
from studiolo.store.records import LogRow
from studiolo.store.store import Store, remembered
from studiolo.store.tables import canvases, client_owners, idempotency, updates


class Turn:
    """The right to write next into one canvas's log. `missed`: what others wrote after the row that was named."""

    def __init__(self, connection: AsyncConnection, canvas: str, seq: int, missed: list[LogRow]) -> None:
        self.missed = missed
        self._connection = connection
        self._canvas = canvas
        self._seq = missed[-1].seq if missed else seq
        self.written: list[LogRow] = []

    async def append(self, rows: Sequence[LogRow]) -> list[LogRow]:
        """Write rows, whatever their `seq` says, after everybody else's; the rows as they are now numbered.

        They are committed when the turn ends. Raises Invalid for an entry that is no JSON, Conflict when a client id
        has meanwhile become another's, and Unavailable when a request with the same key was answered elsewhere: the
        next try is given that answer.
        """
        for row in rows:
            check_entry(row)
        if any(row.answer for row in rows):
            await self._be_first(rows)
        numbered = [replace(row, seq=seq) for seq, row in enumerate(rows, self._seq + 1)]
        await self._connection.run_sync(insert_rows, numbered)
        self._seq += len(numbered)
        self.written += numbered
        claims = {client: owner for row in numbered for client, owner in row.claims.items()}
        if claims:
            kept = await self._connection.execute(
                sa.select(client_owners.c.client_id, client_owners.c.participant).where(
                    client_owners.c.canvas == self._canvas, client_owners.c.client_id.in_(claims)
                )
            )
            if any(claims[row.client_id] != row.participant for row in kept):
                raise Conflict("A client id became somebody else's on another node.", "Connect again.")
        return numbered

    async def _be_first(self, rows: Sequence[LogRow]) -> None:
        """A node that froze may have lost its hold on a request, and somebody else have done it meanwhile."""
        keys = {(row.participant, row.answer.key) for row in rows if row.answer}
        kept = await self._connection.execute(
            sa.select(idempotency.c.participant, idempotency.c.key).where(
                idempotency.c.canvas == self._canvas,
                idempotency.c.key.in_({key for _, key in keys}),
                remembered(min(row.at for row in rows)),
            )
        )
        if any((row.participant, row.key) in keys for row in kept):
            raise Unavailable("This request was done by another node.", "Send it once more to be told what came of it.")


@asynccontextmanager
async def turn(store: Store, canvas: str, seq: int) -> AsyncIterator[Turn]:
    """Have the log of `canvas` to oneself, from what came after row `seq`, until the block ends and commits.

    Raises NotFound, and StorageFailed when the log has a hole.
    """
    began = time.perf_counter()
    try:
        async with store.writing() as connection:
            mine = sa.select(canvases.c.id).where(canvases.c.id == canvas).with_for_update(key_share=True)
            if await connection.scalar(mine) is None:
                raise no_canvas()
            # A statement of its own: one that waits for a lock still sees what there was before it waited.
            taken = Turn(connection, canvas, seq, await _after(connection, canvas, seq))
            yield taken
    except StorageFailed:
        metrics.COMMITS_FAILED.inc()
        raise
    if taken.written:
        metrics.committed(len(taken.written), time.perf_counter() - began)
        store.told(taken.written)


async def rows_after(store: Store, canvas: str, seq: int) -> list[LogRow]:
    """What has been written after row `seq`, without waiting for anybody's turn."""
    async with store.reading() as connection:
        return await _after(connection, canvas, seq)


async def last_rows(store: Store, canvases: Collection[str]) -> dict[str, int]:
    """Canvas -> the number of the last row of its log, for those of these canvases that are there."""
    return await store.read(lambda connection: log.last_rows(connection, canvases))


async def _after(connection: AsyncConnection, canvas: str, seq: int) -> list[LogRow]:
    found = (
        await connection.execute(
            sa.select(updates.c.seq, updates.c.at, updates.c.participant, updates.c.data)
            .where(updates.c.canvas == canvas, updates.c.seq > seq)
            .order_by(updates.c.seq)
        )
    ).all()
    if not found:
        return []
    if found[-1].seq != seq + len(found):
        raise StorageFailed(
            f"The log of this canvas has a hole after row {seq}.", "Put back the newest backup of the database."
        )
    claims: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for owner in await connection.execute(
        sa.select(client_owners.c.seq, client_owners.c.client_id, client_owners.c.participant).where(
            client_owners.c.canvas == canvas, client_owners.c.seq > seq, client_owners.c.seq <= found[-1].seq
        )
    ):
        claims[owner.seq][owner.client_id] = owner.participant
    return [LogRow(canvas, row.seq, row.at, row.participant, row.data, claims[row.seq]) for row in found]
