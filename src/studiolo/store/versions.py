"""Named versions: moments of a canvas that somebody gave a name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.errors import NotFound
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.store import Store
from studiolo.store.tables import versions


@dataclass(frozen=True, slots=True)
class Version:
    """`seq` is the last log row that belongs to it, `at` when it was named."""

    id: str
    seq: int
    at: float
    name: str
    participant: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def make_version(store: Store, canvas: str, version: Version) -> None:
    """Keep a new version. Raises NotFound when there is no such canvas."""
    async with store.writing() as connection:
        await need_canvas(connection, canvas)
        await connection.execute(sa.insert(versions).values(canvas=canvas, **asdict(version)))


async def list_versions(store: Store, canvas: str) -> list[Version]:
    """The versions of a canvas in the order of the moments they name."""
    query = sa.select(versions).where(versions.c.canvas == canvas).order_by(versions.c.seq, versions.c.at)
    async with store.reading() as connection:
        return [Version(row.id, row.seq, row.at, row.name, row.participant) for row in await connection.execute(query)]


async def get_version(store: Store, canvas: str, id: str) -> Version:
    """One version. Raises NotFound."""
    for version in await list_versions(store, canvas):
        if version.id == id:
            return version
    raise _no_version()


async def rename_version(store: Store, canvas: str, id: str, name: str) -> None:
    """Give a version another name. Raises NotFound."""
    this = (versions.c.canvas == canvas) & (versions.c.id == id)
    async with store.writing() as connection:
        if not (await connection.execute(sa.update(versions).where(this).values(name=name))).rowcount:
            raise _no_version()


async def delete_version(store: Store, canvas: str, id: str) -> None:
    """Take a name away; the moment itself stays in the log. Raises NotFound."""
    this = (versions.c.canvas == canvas) & (versions.c.id == id)
    async with store.writing() as connection:
        if not (await connection.execute(sa.delete(versions).where(this))).rowcount:
            raise _no_version()


def _no_version() -> NotFound:
    return NotFound("There is no such version.", "Somebody may have deleted it; look at the history again.")
