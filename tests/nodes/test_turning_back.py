"""Restoring on one of several nodes: done once, at the canvas's turn, with what others type meanwhile kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from studiolo.canvas import Outcome
from studiolo.history import Histories
from studiolo.history.deeds import carry_out
from studiolo.history.turning import Turn, restoring, undoing
from studiolo.rooms import Room
from studiolo.rooms.branching import branch
from tests.nodes.conftest import Node, StartNode
from tests.nodes.test_shared_rooms import ADA, BEN, log_of, open_on
from tests.rooms.client import Client, until


async def plan(node: Node, room: Room, make: Callable[..., Turn], *about: int) -> Turn:
    return await Histories(node.store).ask(room.id, lambda past: make(past, past.archive.seq, *about))


async def do(room: Room, turn: Turn) -> Outcome:
    done = await room.perform(lambda: carry_out(room.canvas, turn.action, turn.plans, turn.pages, ADA), ADA)
    assert done is not None
    return done


async def test_both_nodes_restore_at_once_while_somebody_types(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two, text="The lamp was out.")
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    await here.apply({"type": "edit", "page": page, "hunks": [{"find": "was out", "replace": "burned low"}]}, ADA)
    await until(lambda: "burned low" in ben.text(page))
    first = await plan(one, here, restoring, 1)
    second = await plan(two, there, restoring, 1)

    async def type_on() -> None:
        for _ in range(20):
            await ben.type(page, 0, "漢")
            await asyncio.sleep(0.005)

    await asyncio.gather(do(here, first), do(there, second), type_on())
    await until(lambda: ben.acked == 21 and ada.text(page) == ben.text(page), 20)
    text = "漢" * 20 + "The lamp was out."
    assert ada.text(page) == here.canvas.page_text(page) == there.canvas.page_text(page) == text
    assert await log_of(one, here.id) == text
    assert here.canvas.authors(page) == there.canvas.authors(page)

    rows = [row async for row in one.store.history(here.id)]
    deeds = [row.seq for row in await one.store.ledger(here.id) if row.action["type"] == "restore"]
    assert len(rows) > max(deeds) or rows
    await do(there, await plan(two, there, undoing, deeds[0]))
    await until(lambda: "burned low" in ada.text(page))
    assert ada.text(page) == "漢" * 20 + "The lamp burned low."


async def test_a_branch_made_on_one_node_is_open_to_the_other(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, _there) = await open_on(one, two, text="The lamp was out.")
    made = await branch(one.rooms, one.store, here.id, "What if", ADA)
    there = await two.rooms.get(made.id)
    await there.apply({"type": "edit", "page": page, "hunks": [{"find": "out", "replace": "low"}]}, ADA)
    await until(lambda: made.canvas.page_text(page) == "The lamp was low.")
    assert here.canvas.page_text(page) == "The lamp was out."
    assert made.canvas.authors(page)[0]["participant"] == "ada"
