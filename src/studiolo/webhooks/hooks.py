"""The webhooks of a studio: making them, looking at them, ending them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.errors import Invalid, NotFound, TooLarge
from studiolo.store import Store
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.tables import attempts, canvases, deliveries, ledger, webhooks
from studiolo.webhooks.events import GROUPS
from studiolo.webhooks.signing import new_secret
from studiolo.webhooks.targets import checked

EVERYWHERE = "*"
MOST = 20  # of one canvas, and of the whole studio
SHOWN = 50  # deliveries


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook. `canvas` may be "*": all canvases. The secret is shown once, when it is made."""

    id: str
    canvas: str
    url: str
    secret: str
    events: list[str]
    made_by: str
    made: float

    def as_dict(self) -> dict[str, Any]:
        """As it is listed: without its secret."""
        return {name: getattr(self, name) for name in ("id", "canvas", "url", "events", "made_by", "made")}


class Hooks:
    """The rows of `webhooks`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def make(self, canvas: str, url: str, events: Collection[str], by: str) -> Hook:
        """A new webhook, told what happens from now on. Raises Invalid, NotFound, and TooLarge for too many."""
        checked(url)
        if not events or not set(events) <= set(GROUPS):
            raise Invalid("There are no such events.", f"Name some of: {', '.join(GROUPS)}.")
        now = self._store.clock()
        hook = Hook(secrets.token_hex(8), canvas, url, new_secret(), sorted(set(events)), by, now)
        last = (
            sa.select(sa.func.coalesce(sa.func.max(ledger.c.seq), 0))
            .where(ledger.c.canvas == canvases.c.id)
            .scalar_subquery()
        )
        from_here = sa.select(sa.literal(hook.id), canvases.c.id, last, *map(sa.literal, (0, 0.0, "", 0.0)))
        if canvas != EVERYWHERE:
            from_here = from_here.where(canvases.c.id == canvas)
        async with self._store.writing() as connection:
            if canvas != EVERYWHERE:
                await need_canvas(connection, canvas)
            count = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.canvas == canvas)
            if (await connection.scalar(count) or 0) >= MOST:
                raise TooLarge(f"There are {MOST} webhooks here already.", "Delete one that is not needed.")
            row = {"secret": hook.secret, **hook.as_dict()}
            await connection.execute(sa.insert(webhooks).values(row))
            columns = ["webhook", "canvas", "seq", "attempts", "next", "holder", "held_until"]
            await connection.execute(sa.insert(deliveries).from_select(columns, from_here))
        return hook

    async def of(self, canvas: str) -> list[Hook]:
        """The webhooks of a canvas, or with "*" those of the whole studio; the oldest first."""
        query = sa.select(webhooks).where(webhooks.c.canvas == canvas).order_by(webhooks.c.made, webhooks.c.id)
        async with self._store.reading() as connection:
            return [Hook(**row._mapping) for row in await connection.execute(query)]

    async def get(self, canvas: str, id: str) -> Hook:
        """Raises NotFound."""
        found = next((hook for hook in await self.of(canvas) if hook.id == id), None)
        if found is None:
            raise NotFound("There is no such webhook.", "Look at the list of webhooks.")
        return found

    async def delete(self, canvas: str, id: str) -> None:
        """End a webhook: nothing is sent to it any more. Raises NotFound."""
        mine = sa.delete(webhooks).where(webhooks.c.canvas == canvas, webhooks.c.id == id)
        async with self._store.writing() as connection:
            if not (await connection.execute(mine)).rowcount:
                raise NotFound("There is no such webhook.", "Look at the list of webhooks.")

    async def recent(self, hook: Hook) -> dict[str, Any]:
        """What was sent to a webhook last, and how many rows of the ledger are still to be looked at."""
        tried = sa.select(attempts).where(attempts.c.webhook == hook.id).order_by(attempts.c.at.desc()).limit(SHOWN)
        behind = (
            sa.select(sa.func.count())
            .select_from(ledger.join(deliveries, deliveries.c.canvas == ledger.c.canvas))
            .where(deliveries.c.webhook == hook.id, ledger.c.seq > deliveries.c.seq)
        )
        async with self._store.reading() as connection:
            rows = [dict(row._mapping) for row in await connection.execute(tried)]
            waiting = await connection.scalar(behind) or 0
        for row in rows:
            del row["webhook"]
        return {"deliveries": rows, "waiting": waiting}
