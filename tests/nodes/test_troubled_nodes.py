"""Nodes that freeze, or come back too soon, or whose Redis forgets: nobody waits for ever, no living run is ended."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from studiolo.agents import Runs
from studiolo.canvas import Outcome
from studiolo.canvas.errors import Invalid, Unavailable
from studiolo.models import Models
from studiolo.rooms import NO_CANVAS, Nodes, nodes
from studiolo.rooms.nodes import SILENT
from studiolo.store import Answer, dialect
from studiolo.store.turn import turn
from studiolo.web.repeats import Repeats
from tests.nodes.conftest import Node, StartNode
from tests.nodes.test_shared_rooms import ADA, BEN, MUSE, open_on
from tests.rooms.client import Client, until
from tests.servers import PostgreSQL, Redis


def runs_of(node: Node, tmp_path: Path) -> Runs:
    return Runs(Models(tmp_path, {}), node.store, lambda: 2.0, lambda: "new", nodes=node.nodes)


async def test_a_run_of_a_node_that_comes_back_at_once_is_ended(start_node: StartNode, tmp_path: Path) -> None:
    one = await start_node()
    _, (here,) = await open_on(one)
    run = {"id": "lost", "canvas": here.id, "state": "running", "started": 1.0, "node": one.nodes.id}
    await one.store.save_run(run)
    await one.die()
    again = await start_node()  # before Redis has forgotten the one that died
    await runs_of(again, tmp_path).open()
    async with asyncio.timeout(20):
        while (await again.store.get_run("lost") or {})["state"] != "failed":  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.1)


async def test_a_run_whose_end_redis_has_lost_is_not_watched_for_ever(start_node: StartNode, tmp_path: Path) -> None:
    one, two = await start_node(), await start_node()
    _, (here,) = await open_on(one)
    run = {"id": "run", "canvas": here.id, "state": "running", "started": 1.0, "node": one.nodes.id}
    await one.store.save_run(run)
    one.nodes.tell("run", {"type": "state", "state": "running"})
    events, _ = await runs_of(two, tmp_path).watch("run")
    assert (await anext(events))["type"] == "state"
    await one.store.save_run(run | {"state": "done"})
    async with asyncio.timeout(20):
        assert [event async for event in events] == [{"type": "done", "run": run | {"state": "done"}}]


async def test_a_node_that_freezes_in_its_turn_does_not_stop_the_others(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "LONGEST_SILENCE", 1)
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    frozen, thaw = asyncio.Event(), asyncio.Event()

    async def freeze() -> None:
        async with turn(one.store, here.id, 0):
            frozen.set()
            await thaw.wait()

    freezing = asyncio.create_task(freeze())
    await frozen.wait()
    await ben.type(page, 0, "Ben ")
    await until(lambda: ben.acked == 2, 15)
    thaw.set()
    with pytest.raises(Unavailable):
        await freezing
    await ada.type(page, 0, "Ada ")
    await until(lambda: ada.acked == 2 and "Ada " in ben.text(page) and "Ben " in ada.text(page))


async def test_whoever_tries_again_elsewhere_does_not_wait_long_for_a_node_that_died(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    begun = asyncio.Event()

    async def never(_keep: Any) -> dict[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    async def at_once(_keep: Any) -> dict[str, Any]:
        return {"done": True}

    first = asyncio.create_task(Repeats(one.store, one.nodes).once("key", "ada", "c", {}, never))
    await begun.wait()
    await asyncio.sleep(SILENT + 1)  # as long as its node lives, nobody else has its turn
    second = asyncio.create_task(Repeats(two.store, two.nodes).once("key", "ada", "c", {}, at_once))
    await asyncio.sleep(1)
    assert not second.done()
    await one.die()
    async with asyncio.timeout(20):
        assert await second == (200, {"done": True})
    first.cancel()


async def test_a_request_that_two_nodes_do_at_once_is_done_by_one_even_without_redis(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    _, rooms = await open_on(one, two)

    def kept(outcome: Outcome) -> Answer:
        return Answer("key", {"id": outcome.id})

    say = {"type": "say", "text": "once"}
    done = await asyncio.gather(*[room.apply(say, ADA, kept) for room in rooms], return_exceptions=True)
    assert [type(one) for one in done if not isinstance(one, Outcome)] == [Unavailable]
    view = (await (await start_node()).rooms.get(rooms[0].id)).canvas.view()
    assert [message["text"] for message in view["chat"]] == ["once"]
    again = [(await node.rooms.get(rooms[0].id)).canvas.view() for node in (one, two)]
    assert again == [view, view]


async def test_what_a_living_node_writes_goes_on_though_redis_forgets(start_node: StartNode, redis: Redis) -> None:
    one, two = await start_node(), await start_node()
    page, (here,) = await open_on(one)
    await until(lambda: one.nodes.id in two.nodes._heard)
    run = {"id": "going", "canvas": here.id, "state": "running", "started": 1.0, "node": one.nodes.id}
    await one.store.save_run(run)
    hunks = [{"find": "upon", "replace": "half of"}]
    made = await here.apply({"type": "suggest", "page": page, "hunks": hunks, "streaming": True, "run": "going"}, MUSE)
    redis.command("FLUSHALL")
    there = await two.rooms.get(here.id)
    await there.apply({"type": "say", "text": "anything that was to be done is done"}, BEN)
    assert made.id and there.canvas.suggestions[made.id].status == "streaming"


async def test_a_node_that_has_not_heard_that_a_canvas_was_deleted_finds_out(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "LOOK_EVERY", 0.1)
    one, two = await start_node(), await start_node()
    _, (here, _) = await open_on(one, two)
    ada = await Client(two.room(here.id), ADA).start()
    monkeypatch.setattr(one.nodes, "publish", lambda *_args, **_more: None)
    await one.rooms.delete(here.id)
    await until(lambda: ada.closed is not None and ada.closed[0] == NO_CANVAS)
    assert two.rooms.live == 0


async def test_the_runs_of_a_node_that_died_with_the_database_are_ended_when_it_is_back(
    start_node: StartNode, tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studiolo.agents.runs.TRY_AGAIN", 0.2)
    one, two = await start_node(), await start_node()
    _, (here,) = await open_on(one)
    runs = runs_of(two, tmp_path)
    await runs.open()
    run = {"id": "lost", "canvas": here.id, "state": "running", "started": 1.0, "node": one.nodes.id}
    await one.store.save_run(run)
    await until(lambda: one.nodes.id in two.nodes._heard)
    postgresql.stop()
    await one.die()
    await until(lambda: one.nodes.id not in two.nodes._heard, 20)
    await asyncio.sleep(0.5)  # it is tried, and does not work
    postgresql.start()
    async with asyncio.timeout(20):
        while (await two.store.get_run("lost") or {})["state"] != "failed":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await runs.close()


async def test_a_mistake_does_not_leave_a_node_without_its_signs_of_life(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    await until(lambda: one.nodes.id in two.nodes._heard)

    def broken(_node: str) -> None:
        raise ZeroDivisionError

    two.nodes.gone.insert(0, broken)
    await one.die()
    await until(lambda: one.nodes.id not in two.nodes._heard, 20)
    three = await start_node()
    await until(lambda: two.nodes.id in three.nodes._heard)


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1?speed=high", "redis://:se/cret@127.0.0.1:1", "127.0.0.1"])
async def test_an_address_that_is_none_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(Invalid, match="STUDIOLO_REDIS_URL") as refused:
        await Nodes.join(address, "studio")
    assert "cret" not in str(refused.value.as_dict())


async def test_a_room_that_cannot_be_closed_does_not_cut_off_the_others(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await start_node()
    broken, whole = (await open_on(one))[1][0], (await open_on(one))[1][0]
    snapshot, taken = whole._snapshot, asyncio.Event()

    async def fail() -> None:
        raise ZeroDivisionError

    async def slowly() -> None:
        await asyncio.sleep(0.2)
        await snapshot()
        taken.set()

    monkeypatch.setattr(broken, "_snapshot", fail)
    monkeypatch.setattr(whole, "_snapshot", slowly)
    await one.rooms.close()
    assert taken.is_set() and (await one.store.load(whole.id)).snapshot is not None


async def test_nodes_are_in_touch_again_after_redis_was_frozen(start_node: StartNode, redis: Redis) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    await until(lambda: one.nodes.connected and two.nodes.connected)
    assert redis.process
    redis.process.send_signal(signal.SIGSTOP)
    try:
        await ada.type(page, 0, "Ada ")
        await until(lambda: ada.acked == 2 and "Ada " in ben.text(page), 20)  # found in the log
        await until(lambda: not one.nodes.connected and not two.nodes.connected, 20)
    finally:
        redis.process.send_signal(signal.SIGCONT)
    await until(lambda: one.nodes.connected and two.nodes.connected, 20)
    await ben.type(page, 0, "Ben ")
    await ben.stand(ben.doc.client_id, 1, {"cursor": 1})
    await until(lambda: "Ben " in ada.text(page) and ada.present.get(ben.doc.client_id) is not None)
