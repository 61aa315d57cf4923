"""How far each webhook has been told, in the database: who works on it, what comes next, and how it went.

Every change is made by the node that holds the place, and only while it does: one that froze for longer than its hold
finds that another has it, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import NotFound
from studiolo.store import LedgerRow, Store, dialect
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.tables import attempts, canvases, deliveries, ledger, webhooks
from studiolo.webhooks.hooks import EVERYWHERE, Hook

KEPT = 200  # attempts that can be looked at, of each webhook
PORTION = 50  # rows of the ledger in memory


@dataclass(frozen=True, slots=True)
class Due:
    """A place after which the ledger has something. `when`: not before."""

    webhook: str
    canvas: str
    when: float


@dataclass(slots=True)
class Place:
    """A place that this node holds: the webhook, and how far it has been told."""

    hook: Hook
    canvas: str
    seq: int
    attempts: int
    since: float | None
    held_until: float


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt to send an event, for the list that people see. `state`: delivered, waiting or given up."""

    row: LedgerRow
    event: str
    type: str
    tries: int
    state: str
    answer: str


class Places:
    """The rows of `deliveries`, for one node, which is called `me`."""

    def __init__(self, store: Store, me: str) -> None:
        self._store = store
        self._me = me

    async def anybody(self) -> bool:
        """Whether there is a webhook at all."""
        async with self._store.reading() as connection:
            return await connection.scalar(sa.select(webhooks.c.id).limit(1)) is not None

    async def due(self, canvases_: Collection[str] | None = None) -> list[Due]:
        """The places at which there is something to tell, now or later: in all canvases or in these."""
        seq = sa.func.coalesce(deliveries.c.seq, 0)
        more = sa.exists().where(ledger.c.canvas == canvases.c.id, ledger.c.seq > seq)
        here = (deliveries.c.webhook == webhooks.c.id) & (deliveries.c.canvas == canvases.c.id)
        mine = (webhooks.c.canvas == EVERYWHERE) | (webhooks.c.canvas == canvases.c.id)
        query = (
            sa.select(webhooks.c.id, canvases.c.id, deliveries.c.next, deliveries.c.held_until, deliveries.c.holder)
            .select_from(webhooks.join(canvases, mine).outerjoin(deliveries, here))
            .where(more)
        )
        if canvases_ is not None:
            query = query.where(canvases.c.id.in_(list(canvases_)))
        async with self._store.reading() as connection:
            found = (await connection.execute(query)).all()
        return [
            Due(webhook, canvas, max(next or 0.0, 0.0 if holder in (None, "", self._me) else held_until))
            for webhook, canvas, next, held_until, holder in found
        ]

    async def take(self, due: Due, until: float) -> Place | None:
        """Hold a place until then; None when another node does, or it is not its time yet, or it is gone."""
        now = self._store.clock()
        here = (deliveries.c.webhook == due.webhook) & (deliveries.c.canvas == due.canvas)
        try:
            async with self._store.writing() as connection:
                hook = await self._need(connection, due.webhook, due.canvas)
                await connection.execute(
                    dialect.insert_new(connection, deliveries),
                    {"webhook": due.webhook, "canvas": due.canvas, "seq": 0, "attempts": 0, "next": 0.0}
                    | {"holder": "", "held_until": 0.0},
                )
                row = (await connection.execute(sa.select(deliveries).where(here).with_for_update())).one()
                if row.next > now or (row.holder not in ("", self._me) and row.held_until > now):
                    return None
                await connection.execute(sa.update(deliveries).where(here).values(holder=self._me, held_until=until))
        except NotFound:
            return None
        return Place(hook, due.canvas, row.seq, row.attempts, row.since, until)

    async def rows(self, place: Place) -> list[LedgerRow]:
        """What comes next in the ledger."""
        return await self._store.ledger(place.canvas, place.seq, PORTION)

    async def hold(self, place: Place, until: float) -> bool:
        """Hold it for longer; False when it has been lost."""
        place.held_until = until
        return await self._change(place, held_until=until)

    async def move(self, place: Place, seq: int, tried: Tried | None = None) -> bool:
        """Everything up to row `seq` has been told; False when the place has been lost."""
        place.seq, place.attempts = seq, 0
        if tried:
            place.since = None
        return await self._change(place, tried, seq=seq, attempts=0, since=place.since)

    async def fail(self, place: Place, tried: Tried, next: float, *, skip: bool) -> bool:
        """It was not told: try again at `next`, or, with `skip`, go on after it then. Lets the place go."""
        values: dict[str, Any] = {"attempts": place.attempts, "since": place.since, "next": next, "holder": ""}
        if skip:
            values |= {"seq": tried.row.seq, "attempts": 0}
        return await self._change(place, tried, **values)

    async def release(self, place: Place, next: float = 0.0) -> None:
        """Let it go, to be taken again at `next`."""
        await self._change(place, holder="", next=next)

    async def _change(self, place: Place, tried: Tried | None = None, **values: Any) -> bool:
        mine = (
            (deliveries.c.webhook == place.hook.id)
            & (deliveries.c.canvas == place.canvas)
            & (deliveries.c.holder == self._me)
        )
        try:
            async with self._store.writing() as connection:
                # In the order in which whoever deletes them takes them, so that nobody waits for the other.
                await self._need(connection, place.hook.id, place.canvas)
                if not (await connection.execute(sa.update(deliveries).where(mine).values(values))).rowcount:
                    return False
                if tried:
                    await self._note(connection, place, tried)
        except NotFound:
            return False
        return True

    async def _need(self, connection: AsyncConnection, webhook: str, canvas: str) -> Hook:
        await need_canvas(connection, canvas)
        of_it = sa.select(webhooks).where(webhooks.c.id == webhook).with_for_update(read=True, key_share=True)
        row = (await connection.execute(of_it)).one_or_none()
        if row is None:
            raise NotFound("There is no such webhook.", "It was deleted.")
        return Hook(**row._mapping)

    async def _note(self, connection: AsyncConnection, place: Place, tried: Tried) -> None:
        await connection.execute(
            dialect.upsert(connection, attempts, ("at", "tries", "state", "answer")),
            {
                "webhook": place.hook.id,
                "canvas": place.canvas,
                "seq": tried.row.seq,
                "event": tried.event,
                "type": tried.type,
                "at": self._store.clock(),
                "tries": tried.tries,
                "state": tried.state,
                "answer": tried.answer,
            },
        )
        oldest = (
            sa.select(attempts.c.at)
            .where(attempts.c.webhook == place.hook.id)
            .order_by(attempts.c.at.desc())
            .offset(KEPT)
            .limit(1)
        ).scalar_subquery()
        await connection.execute(
            sa.delete(attempts).where(attempts.c.webhook == place.hook.id, attempts.c.at <= oldest)
        )
