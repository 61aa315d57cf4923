"""The inbox among nodes: what comes to wait on one is seen on the others, whether they have the canvas open or not."""

from __future__ import annotations

import asyncio
from typing import Any

from studiolo.canvas import Participant
from studiolo.rooms import Inbox, Reader, Room
from tests.nodes.conftest import Node, StartNode
from tests.rooms.client import until

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
MUSE = Participant("muse", "Muse", "agent", "#9048fc", "commenter")


async def opened(node: Node) -> tuple[Room, str]:
    room = await node.rooms.create("Book", [{"title": "One", "text": "Once upon a time.", "kind": "prose"}], ADA)
    return room, room.canvas.outline()[0]["id"]


async def suggest(room: Room, page: str, find: str, replace: str) -> str:
    hunks = [{"find": find, "replace": replace}]
    return (await room.apply({"type": "suggest", "page": page, "hunks": hunks}, MUSE)).id or ""


async def seen(node: Node, canvas: str) -> list[str]:
    entries = await Inbox(node.store, node.rooms).entries({canvas: Reader(ADA.id, ADA.name, "owner")})
    return [entry.id for entry in entries]


async def test_what_waits_on_one_node_is_seen_on_another_that_does_not_have_the_canvas(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    room, page = await opened(one)
    rung: list[str] = []

    async def listen() -> None:
        with two.rooms.bell.listening() as listener:
            ready.set()
            while True:
                rung.extend(await listener.rung())

    ready = asyncio.Event()
    listening = asyncio.create_task(listen())
    await ready.wait()
    id = await suggest(room, page, "Once", "One day")
    await until(lambda: room.id in rung)
    await room.describe()
    assert await seen(two, room.id) == [f"s:{id}"] and two.rooms.live == 0
    await room.apply({"type": "reject", "suggestion": id}, ADA)
    await room.describe()
    assert await seen(two, room.id) == []
    listening.cancel()


async def test_a_decision_on_one_node_leaves_the_inbox_of_another_at_once(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    here, page = await opened(one)
    there = await two.rooms.get(here.id)
    id = await suggest(here, page, "Once", "One day")
    await until(lambda: f"s:{id}" in there.waiting())
    assert await seen(two, here.id) == [f"s:{id}"]
    await there.apply({"type": "accept", "suggestion": id}, ADA)
    await until(lambda: not here.waiting())
    assert await seen(one, here.id) == await seen(two, here.id) == []


async def test_nodes_that_tell_of_one_canvas_at_the_same_time_agree(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    here, page = await opened(one)
    there = await two.rooms.get(here.id)
    ids: list[Any] = [await suggest(room, page, find, "x") for room, find in ((here, "Once"), (there, "time"))]
    await until(lambda: len(here.waiting()) == len(there.waiting()) == 2)
    await asyncio.gather(*(room.describe() for room in (here, there) for _ in range(5)))
    await one.rooms.close()
    await two.rooms.close()
    three = await start_node()
    assert sorted(await seen(three, here.id)) == sorted(f"s:{id}" for id in ids)
