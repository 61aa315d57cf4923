"""Branches: a canvas that begins as another one was at some moment, and what of it comes back."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Collection
from random import SystemRandom

from studiolo.canvas import Participant, actions
from studiolo.canvas.document import STUDIO
from studiolo.canvas.errors import Invalid
from studiolo.history.forks import forked
from studiolo.rooms.room import Room
from studiolo.rooms.rooms import Rooms
from studiolo.store import LogRow, Store
from studiolo.store.branches import client_owners, create_branch, files_of


async def branch(
    rooms: Rooms,
    store: Store,
    parent: str,
    name: str,
    by: Participant,
    at: int | None = None,
    pages: Collection[str] | None = None,
) -> Room:
    """Make a branch of `parent` as it was after row `at` of its log, or as it is, and open it.

    Raises `NotFound` when there is no such canvas, `Invalid` for a moment that was never.
    """
    if at is None:
        loaded = await store.load(parent)
        updates = [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]
        seq, owners = loaded.seq, loaded.owners
    else:
        updates, seq, owners = [], 0, await client_owners(store, parent, at)
        async for row in store.history(parent):
            if row.seq > at:
                break
            seq = row.seq
            if row.data:
                updates.append(row.data)
        if seq != at or not at:
            raise Invalid(f"There is no moment {at} in this canvas.", "Look at its history, and choose another.")
    title = actions.Retitle(title=name).title
    files = await files_of(store, parent)
    update, client, listed = await asyncio.to_thread(forked, updates, title, pages, SystemRandom(), files)
    id, now = secrets.token_hex(8), time.time()
    action = {"type": "branch", "canvas": parent, "seq": seq, "title": title}
    entry = {"action": action, "outcome": {"outcome": "branched", "id": id, "pages": listed}}
    row = LogRow(id, 1, now, by.id, update, {**owners, client: STUDIO}, entry)
    await create_branch(store, parent, seq, title, by.id, row)
    room = await rooms.get(id)
    await room.describe()
    return room
