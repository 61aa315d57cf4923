"""A canvas that two nodes have open: one text, one order, each thing done once, whatever gets lost between them."""

from __future__ import annotations

import asyncio
import random

import pytest

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.errors import NotFound, StudioloError
from studiolo.rooms import NO_CANVAS, SIGNED_OUT, Room, protocol
from tests.nodes.conftest import Node, StartNode
from tests.rooms.client import Client, until
from tests.servers import Redis

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben", "person", "#e40c48", "editor")
MUSE = Participant("muse", "Muse", "agent", "#9048fc", "commenter")


async def open_on(first: Node, *others: Node, text: str = "Once 🌊 upon a time.") -> tuple[str, list[Room]]:
    """A canvas of one page, open on each node; the page's id."""
    made = await first.rooms.create("Book", [{"title": "One", "text": text, "kind": "prose"}], ADA)
    rooms = [made, *[await node.rooms.get(made.id) for node in others]]
    return made.canvas.outline()[0]["id"], rooms


async def log_of(node: Node, canvas: str) -> str:
    """The text that a replay of the whole log gives."""
    rows = [row async for row in node.store.history(canvas)]
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    owners = (await node.store.load(canvas)).owners
    again = Canvas([row.data for row in rows if row.data], owners, clock=lambda: 0.0, random=random.Random(0))
    return again.page_text(again.outline()[0]["id"])


async def test_what_is_typed_on_one_node_is_on_the_other(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    await ada.type(page, 0, "Ada 👩‍👩‍👧: ")
    await ben.type(page, 0, "Ben: ")
    await until(lambda: "Ben: " in ada.text(page) and "Ada" in ben.text(page) and ada.acked == ben.acked == 2)
    assert ada.text(page) == ben.text(page) == here.canvas.page_text(page) == there.canvas.page_text(page)
    assert await log_of(one, here.id) == ada.text(page)
    assert there.canvas.authors(page) == here.canvas.authors(page)


async def test_a_flood_on_both_nodes_is_one_log_in_one_order(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    people = [Participant(f"p{n}", f"P{n}", "person", "#111111", "editor") for n in range(8)]
    clients = [await Client((here, there)[n % 2], who, ack=True).start() for n, who in enumerate(people)]

    async def flood(client: Client, mark: str) -> None:
        for _ in range(40):
            await client.type(page, 0, mark)
            await asyncio.sleep(0)

    await asyncio.gather(*[flood(client, chr(0x4E00 + n)) for n, client in enumerate(clients)])
    await until(lambda: all(client.acked == 41 for client in clients), 30)
    await until(lambda: len({client.text(page) for client in clients}) == 1)
    text = clients[0].text(page)
    assert all(text.count(chr(0x4E00 + n)) == 40 for n in range(8))
    assert here.canvas.page_text(page) == there.canvas.page_text(page) == text == await log_of(two, here.id)


async def test_a_suggestion_is_accepted_once_though_both_nodes_try(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    for round in range(10):
        made = await here.apply(
            {"type": "suggest", "page": page, "hunks": [{"find": "time.", "replace": f"{round} time."}]}, MUSE
        )
        await until(lambda made=made: made.id in there.canvas.suggestions)
        took = await asyncio.gather(
            here.apply({"type": "accept", "suggestion": made.id}, ADA),
            there.apply({"type": "accept", "suggestion": made.id}, BEN),
            return_exceptions=True,
        )
        refused = [one for one in took if isinstance(one, BaseException)]
        assert len(refused) == 1 and isinstance(refused[0], StudioloError)
        await until(lambda round=round: f"{round} time." in there.canvas.page_text(page))
        assert here.canvas.page_text(page).count(f"{round} ") == 1
    await until(lambda: here.canvas.view() == there.canvas.view())


async def test_an_action_hangs_on_what_was_typed_a_moment_ago(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two, text="")
    ada, ben = await Client(here, ADA).start(), await Client(there, BEN).start()
    for n in range(20):
        await asyncio.gather(
            ada.type(page, 0, f"word{n} "),
            here.apply({"type": "say", "text": f"and {n}"}, ADA),
            ben.type(page, 0, f"other{n} "),
            there.apply({"type": "say", "text": f"or {n}"}, BEN),
        )
        hunk = {"find": f"word{n} ", "replace": f"deed{n} "}
        await here.apply({"type": "edit", "page": page, "hunks": [hunk]}, ADA)
    await until(lambda: ada.text(page) == ben.text(page) and "deed19" in ben.text(page) and "other19" in ben.text(page))
    text = ada.text(page)
    assert all(text.count(f"deed{n} ") == 1 and text.count(f"other{n} ") == 1 for n in range(20)) and "word" not in text
    assert await log_of(one, here.id) == text
    assert len(here.canvas.view()["chat"]) == 40
    await until(lambda: here.canvas.view() == there.canvas.view())


async def test_whoever_asks_another_node_afterwards_sees_what_came_of_it(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, _) = await open_on(one, two)
    for n in range(20):
        await here.apply({"type": "edit", "page": page, "hunks": [{"find": "upon", "replace": f"upon {n}"}]}, ADA)
        assert f"upon {n}" in (await two.rooms.get(here.id)).canvas.page_text(page)


async def test_who_is_here_is_known_on_both_nodes(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA).start(), await Client(there, BEN).start()
    await ada.stand(ada.doc.client_id, 1, {"cursor": 1})
    await until(lambda: ada.doc.client_id in ben.present)
    state = ben.present[ada.doc.client_id]
    assert state is not None and state["user"]["name"] == "Ada"
    await ada.type(page, 0, "x")
    late = await Client(await two.rooms.get(here.id), ADA).start()
    await until(lambda: late.present.get(ada.doc.client_id) is not None)
    await ada.leave()
    await until(lambda: ben.present[ada.doc.client_id] is None)
    here.show(MUSE, {"doing": "thinking"})
    await until(lambda: any(state and state["user"]["id"] == "muse" for state in ben.present.values()))


async def test_nobody_writes_as_somebody_who_is_on_another_node(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA).start(), await Client(there, BEN).start()
    await ada.type(page, 0, "mine ")
    await until(lambda: "mine " in ben.text(page))
    forger = Client(there, BEN, doc=type(ada.doc)(client_id=ada.doc.client_id))
    await forger.start()
    await forger.type(page, 0, "forged ")
    await until(lambda: forger.closed is not None)
    assert "forged" not in here.canvas.page_text(page) + there.canvas.page_text(page)


async def test_the_cursors_of_a_node_that_dies_go_and_its_people_come_back_elsewhere(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN).start()
    await ada.stand(ada.doc.client_id, 1, {"cursor": 1})
    await ada.type(page, 0, "before ")
    await until(lambda: ada.acked == 2 and ben.present.get(ada.doc.client_id) is not None)
    await one.die()
    await until(lambda: ben.present[ada.doc.client_id] is None, 15)
    again = Client(there, ADA, doc=ada.doc)
    await again.start()
    await again.type(page, 0, "after ")
    await again.stand(ada.doc.client_id, 2, {"cursor": 2})
    await until(lambda: ben.text(page).startswith("after before Once"))
    await until(lambda: ben.present[ada.doc.client_id] is not None)


async def test_what_a_dead_node_was_writing_is_ended_and_what_a_living_one_writes_is_not(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)

    async def begin(node: Node, room: Room, run: str) -> str:
        await node.store.save_run(
            {"id": run, "canvas": room.id, "state": "running", "started": 1.0, "node": node.nodes.id}
        )
        hunks = [{"find": "upon", "replace": "half of"}]
        action = {"type": "suggest", "page": page, "hunks": hunks, "streaming": True, "run": run}
        made = await room.apply(action, MUSE)
        assert made.id
        return made.id

    lost, going = await begin(one, here, "lost"), await begin(two, there, "going")
    third = await start_node()
    elsewhere = await third.rooms.get(here.id)
    assert elsewhere.canvas.suggestions[lost].status == elsewhere.canvas.suggestions[going].status == "streaming"
    await one.die()
    await until(lambda: there.canvas.suggestions[lost].status != "streaming", 15)
    await until(lambda: elsewhere.canvas.suggestions[lost].status != "streaming", 15)
    assert elsewhere.canvas.suggestions[going].status == "streaming"


async def test_nothing_is_lost_while_redis_is_away(start_node: StartNode, redis: Redis) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    redis.stop()
    await ada.type(page, 0, "one ")
    await ben.type(page, 0, "two ")
    await until(lambda: ada.acked == ben.acked == 2)  # the database has it
    await until(lambda: "two " in ada.text(page) and "one " in ben.text(page), 15)  # by looking there now and then
    redis.start()
    await until(lambda: one.nodes.connected and two.nodes.connected, 15)
    await ada.type(page, 0, "three ")
    await until(lambda: "three " in ben.text(page))
    assert ada.text(page) == ben.text(page)
    await ada.stand(ada.doc.client_id, 1, {"cursor": 1})
    await until(lambda: ben.present.get(ada.doc.client_id) is not None)


async def test_a_message_that_is_lost_is_found_in_the_log(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA).start(), await Client(there, BEN).start()
    rng, say = random.Random(7), one.nodes._say
    monkeypatch.setattr(one.nodes, "_say", lambda *args, **more: say(*args, **more) if rng.random() < 0.5 else None)
    for n in range(30):
        await ada.type(page, 0, f"{n} ")
        await asyncio.sleep(0.005)
    monkeypatch.undo()
    await ada.type(page, 0, "end ")
    await until(lambda: ben.text(page) == ada.text(page) == there.canvas.page_text(page))
    assert all(f"{n} " in ben.text(page) for n in range(30))


async def test_people_who_lose_access_and_canvases_that_are_deleted_go_everywhere(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    _, (here, there) = await open_on(one, two)
    ben, ada = await Client(there, BEN).start(), await Client(there, ADA).start()
    one.rooms.evict("ben", here.id)
    await until(lambda: ben.closed is not None and ben.closed[0] == SIGNED_OUT)
    assert ada.closed is None
    one.rooms.rename(Participant("ada", "Ada L.", "person", "#000000", "owner"))
    await until(lambda: ada.connection.participant.name == "Ada L.")
    await one.rooms.delete(here.id)
    await until(lambda: ada.closed is not None and ada.closed[0] == NO_CANVAS)
    with pytest.raises(NotFound):
        await two.rooms.get(here.id)


async def test_fifty_join_on_each_of_two_nodes_while_somebody_types(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here,) = await open_on(one)
    ada = await Client(here, ADA).start()

    async def join(node: Node) -> Client:
        return await Client(await node.rooms.get(here.id), BEN).start()

    async def type_on() -> None:
        for n in range(50):
            await ada.type(page, 0, f"{n} ")
            await asyncio.sleep(0.002)

    typing = asyncio.create_task(type_on())
    clients = await asyncio.gather(*[join(node) for node in (one, two) for _ in range(50)])
    await typing
    await until(lambda: {client.text(page) for client in clients} == {ada.text(page)})


async def test_a_snapshot_of_either_node_and_the_log_are_the_same(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    for n in range(30):
        await asyncio.gather(ada.type(page, 0, f"a{n} "), ben.type(page, 0, f"b{n} "))
    await until(lambda: ada.acked == ben.acked == 31 and ada.text(page) == ben.text(page))
    text = ada.text(page)
    await ada.leave()
    await ben.leave()
    await asyncio.gather(one.rooms.close(), two.rooms.close())
    third = await start_node()
    kept = await third.store.load(here.id)
    assert kept.snapshot is not None
    assert (await third.rooms.get(here.id)).canvas.page_text(page) == text == await log_of(third, here.id)


async def test_garbage_of_another_program_on_the_same_redis_is_passed_over(start_node: StartNode, redis: Redis) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    for subject in ("all", "rooms", f"room:{here.id}"):
        for junk in ("", "x", "\x00\x00\x00\x02{}", '\x00\x00\x00\x0e{"node":"else"}'):
            redis.command("PUBLISH", f"studiolo:{one.store.studio}:{subject}", junk)
    ada, ben = await Client(here, ADA).start(), await Client(there, BEN).start()
    await ada.type(page, 0, "still here ")
    await until(lambda: "still here " in ben.text(page), 15)


async def test_text_that_reached_a_tab_before_it_reached_its_node_is_no_forgery(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two)
    ada, ben = await Client(here, ADA, ack=True).start(), await Client(there, BEN, ack=True).start()
    with monkeypatch.context() as silent:
        silent.setattr(one.nodes, "_say", lambda *_args, **_more: None)
        update = await ada.type(page, 0, "Ada's ")
        await until(lambda: ada.acked == 2)
    assert "Ada's" not in there.canvas.page_text(page)
    ben.doc.apply_update(update)  # another tab of his browser, on the other node, has told this one
    ben.connection.receive(protocol.sync_step_2(ben.doc.get_update()))
    await ben.type(page, 0, "Ben's ")
    await until(lambda: "Ben's Ada's" in ada.text(page))
    assert ben.closed is None and there.canvas.authors(page) == here.canvas.authors(page)
    assert {run["participant"] for run in there.canvas.authors(page)} == {"ada", "ben"}
