"""Whether a canvas is there, asked inside a transaction that goes on to write about it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import NotFound
from studiolo.store.tables import canvases


async def need_canvas(connection: AsyncConnection, id: str, *, alone: bool = False) -> None:
    """Raise NotFound when there is no such canvas. If there is, it stays until the transaction ends.

    `alone`: nobody else holds on to it meanwhile. (SQLite, with one writer at a time, needs neither lock.)
    """
    query = sa.select(canvases.c.id).where(canvases.c.id == id)
    query = query.with_for_update(read=not alone, key_share=not alone)
    if await connection.scalar(query) is None:
        raise no_canvas()


def no_canvas() -> NotFound:
    return NotFound("There is no such canvas.", "It may have been deleted; go back to the list of canvases.")
