"""The inbox among nodes: what comes to wait on one is seen on the others, whether they have the canvas open or not."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

from studiolo.canvas import Participant
from studiolo.rooms import Inbox, Reader, Room
from tests.conftest import serve
from tests.nodes.conftest import Node, StartNode
from tests.nodes.test_two_servers import eventually
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
                rung.extend((await listener.rung())[0])

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


def test_what_came_to_wait_on_a_node_that_was_killed_is_in_the_inbox_of_the_others(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    environ = {"STUDIOLO_DATABASE_URL": database_url, "STUDIOLO_REDIS_URL": redis_url}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = serve(tmp_path / "one", environ), serve(tmp_path / "two", environ)
    try:
        made = one.canvas("Once upon a time.")
        action = {"type": "suggest", "page": made["pages"][0]["id"], "hunks": [{"find": "Once", "replace": "Twice"}]}
        with one.client() as client:
            done = client.post(f"/api/canvases/{made['id']}/actions", json=action)
            assert done.status_code == 200, done.text
        one.stop(signal.SIGKILL)  # before the canvas has told anybody
        with two.client() as client:

            def seen() -> list[str]:
                return [item["id"] for item in client.get("/api/inbox").json()["items"]]

            eventually(lambda: seen() == [f"s:{done.json()['id']}"], 30)
            assert client.get("/api/inbox/count").json() == {"count": 1, "kinds": {"suggestion": 1}}
    finally:
        for node in (one, two):
            node.stop(signal.SIGKILL)
