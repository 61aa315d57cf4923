"""Branches: canvases that began as another canvas was at some moment."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from studiolo.canvas.errors import NotFound
from studiolo.store import tables
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.log import insert_rows
from studiolo.store.records import LogRow
from studiolo.store.store import Store
from studiolo.store.tables import canvases, grants


@dataclass(frozen=True, slots=True)
class BranchRecord:
    """A branch without opening it. `parent` may have been deleted; `parent_seq` is the parent's row it began with."""

    id: str
    title: str
    created_by: str
    created: float
    updated: float
    parent: str
    parent_seq: int


async def client_owners(store: Store, canvas: str, upto: int | None = None) -> dict[int, str]:
    """Whose the client ids of a canvas are: all, or those that were claimed up to a row of its log."""
    table = tables.client_owners
    query = sa.select(table.c.client_id, table.c.participant).where(table.c.canvas == canvas)
    if upto is not None:
        query = query.where(table.c.seq <= upto)
    async with store.reading() as connection:
        return {row.client_id: row.participant for row in await connection.execute(query)}


async def create_branch(store: Store, parent: str, parent_seq: int, title: str, by: str, row: LogRow) -> str:
    """Make a canvas that is a branch of `parent`, with `row` as its first content, in one commit; its epoch.

    Whoever may do something in the parent may do the same here: its grants are copied, with the links and the time
    that they came with, so that taking a link back ends both. Whoever makes the branch gets no more than that: a copy
    of a text is not theirs to give away. The files beside the pages are copied, too: what happens to them there is no
    matter of the branch.
    Raises NotFound when the parent is not there.
    """
    epoch = secrets.token_hex(8)
    async with store.writing() as connection:
        await need_canvas(connection, parent)
        await connection.execute(
            sa.insert(canvases).values(
                id=row.canvas,
                title=title,
                epoch=epoch,
                created_by=by,
                created=row.at,
                updated=row.at,
                summary={},
                parent=parent,
                parent_seq=parent_seq,
            )
        )
        held = (await connection.execute(sa.select(grants).where(grants.c.canvas == parent))).mappings().all()
        if held:
            await connection.execute(sa.insert(grants), [{**grant, "canvas": row.canvas} for grant in held])
        await connection.run_sync(insert_rows, [row])
        for table in (tables.attachments, tables.attachment_data, tables.attachment_sections):
            copied = [sa.literal(row.canvas) if column.name == "canvas" else column for column in table.c]
            query = sa.select(*copied).where(table.c.canvas == parent)
            await connection.execute(sa.insert(table).from_select([column.name for column in table.c], query))
    return epoch


async def files_of(store: Store, canvas: str) -> set[str]:
    """The ids of the files beside a canvas's pages."""
    query = sa.select(tables.attachments.c.id).where(tables.attachments.c.canvas == canvas)
    async with store.reading() as connection:
        return set(await connection.scalars(query))


async def branches_of(store: Store, parent: str) -> list[BranchRecord]:
    """The branches of a canvas, the last made first."""
    query = sa.select(canvases).where(canvases.c.parent == parent).order_by(canvases.c.created.desc(), canvases.c.id)
    async with store.reading() as connection:
        return [_record(row) for row in await connection.execute(query)]


async def branch(store: Store, id: str) -> BranchRecord | None:
    """What a canvas is a branch of; None when it is none. Raises NotFound when there is no such canvas."""
    async with store.reading() as connection:
        row = (await connection.execute(sa.select(canvases).where(canvases.c.id == id))).one_or_none()
    if row is None:
        raise NotFound("There is no such canvas.", "It may have been deleted; go back to the list of canvases.")
    return _record(row) if row.parent is not None else None


def _record(row: sa.Row[tuple[object, ...]]) -> BranchRecord:
    return BranchRecord(row.id, row.title, row.created_by, row.created, row.updated, row.parent, row.parent_seq or 0)
