"""Looking whether what is kept is whole: each log without a hole, each snapshot what its log gives, each ledger a chain
that nobody has changed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

from studiolo.canvas import Canvas
from studiolo.canvas.errors import NotFound
from studiolo.store import dialect
from studiolo.store.errors import StorageFailed
from studiolo.store.ledger import verify
from studiolo.store.store import Store


async def problems(store: Store) -> AsyncIterator[str]:
    """Each thing that is wrong, in a sentence. Nothing is changed, and people may go on typing meanwhile."""
    try:
        async with store.reading() as connection:
            damage = await dialect.damage(connection)
    except StorageFailed as error:
        yield error.message
        return
    for problem in damage:
        yield f"The database is damaged: {problem}."
    for canvas in await store.list_canvases():
        try:
            async for problem in _problems_of(store, canvas.id):
                yield f"Canvas {canvas.id} “{canvas.title}”: {problem}."
        except NotFound:
            continue  # deleted since it was listed


async def _problems_of(store: Store, canvas: str) -> AsyncIterator[str]:
    chain = await verify(store, canvas)
    if chain.broken is not None:
        yield f"row {chain.broken} of its ledger does not follow from the one before it: it, or that one, was changed"
    try:
        loaded = await store.load(canvas)
    except StorageFailed as error:
        yield f"it cannot be opened ({error.message.rstrip('.')})"
        return
    log: list[bytes] = []
    last = 0
    async for row in store.history(canvas):
        if row.seq > loaded.seq:
            break  # typed since
        if row.seq != last + 1:
            yield f"rows {last + 1} to {row.seq - 1} of its log are missing"
        last = row.seq
        log.append(row.data)
    if last < loaded.seq:
        yield f"its snapshot is of row {loaded.seq}, and its log ends with row {last}"
    try:
        whole = _view(store, log, loaded.owners)
        kept = _view(store, [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates], loaded.owners)
    except Exception as error:  # whatever bytes that are no update make the CRDT say
        yield f"it cannot be replayed ({error})"
        return
    if whole != kept:
        yield "its snapshot is not what its log gives"


def _view(store: Store, updates: list[bytes], owners: dict[int, str]) -> object:
    kept = [update for update in updates if update]
    return Canvas(kept, owners, clock=store.clock, random=random.Random(0)).view()
