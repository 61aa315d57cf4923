"""The same store on a real PostgreSQL server, which a test run starts for itself when one is installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from studiolo.canvas.errors import Conflict, NotFound
from studiolo.people import People, secret_id
from studiolo.store import LogRow, OutOfOrder, StorageFailed, Store
from tests.servers import PostgreSQL


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = await Store.open(database_url)
    yield store
    await store.close()


def row(seq: int, data: bytes = b"x", canvas: str = "c", **more: Any) -> LogRow:
    return LogRow(canvas, seq, float(seq), "ann", data, **more)


async def test_a_canvas_lives_and_goes(store: Store) -> None:
    entry = {"action": {"text": "naïve 漢字 👩‍👩‍👧"}, "outcome": {"outcome": "said"}}
    epoch = await store.create_canvas("c", "T", "ann", 1.0, [row(1, claims={2**53 - 1: "ann"}, entry=entry)])
    with pytest.raises(Conflict):
        await store.create_canvas("c", "T", "ann", 1.0)
    await store.append([row(2, b"\x00\xff"), row(3)])
    await store.append([row(4, claims={2**53 - 1: "bob", 5: "bob"})])
    await store.save_snapshot("c", 2, b"snapshot")
    loaded = await store.load("c")
    assert (loaded.snapshot, loaded.updates, loaded.seq, loaded.epoch) == (b"snapshot", [b"x", b"x"], 4, epoch)
    assert loaded.owners == {2**53 - 1: "ann", 5: "bob"}
    assert [one.data async for one in store.history("c", 1)] == [b"\x00\xff", b"x", b"x"]
    assert [one.action for one in await store.ledger("c")] == [entry["action"]]
    await store.save_run({"id": "r", "canvas": "c", "state": "running", "started": 1.0})
    await store.save_run({"id": "r", "canvas": "c", "state": "done", "started": 1.0})
    assert [run["state"] for run in await store.list_runs("c")] == ["done"]
    await store.remember("k", "ann", "c", {"n": 1})
    await store.remember("k", "ann", "c", {"n": 2})
    assert await store.recall("k", "ann", "c") == {"n": 1}
    await store.delete_canvas("c")
    with pytest.raises(NotFound):
        await store.load("c")
    assert (await store.get_run("r"), await store.recall("k", "ann", "c")) == (None, None)
    with pytest.raises(NotFound):
        await store.append([row(5)])


async def test_callers_at_once_share_commits_and_mistakes_stay_their_makers(store: Store) -> None:
    for n in range(40):
        await store.create_canvas(f"c{n}", "T", "ann", 1.0)
    outcomes = await asyncio.gather(
        *(store.append([row(seq, canvas=f"c{n}")]) for seq in (1, 2, 9) for n in range(40)),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [type(None)] * 80 + [OutOfOrder] * 40
    assert store.commits < 10
    assert [(await store.load(f"c{n}")).seq for n in range(40)] == [2] * 40


async def test_two_nodes_never_write_the_same_row(database_url: str) -> None:
    nodes = [await Store.open(database_url), await Store.open(database_url)]
    await nodes[0].create_canvas("c", "T", "ann", 1.0)
    wins = [0, 0]

    async def typist(node: int) -> None:
        while (seq := (await nodes[node].load("c")).seq) < 60:
            try:
                await nodes[node].append([row(seq + 1, b"%d" % node)])
                wins[node] += 1
            except OutOfOrder as refused:
                assert refused.details["expected"] > seq + 1

    await asyncio.gather(typist(0), typist(1))
    kept = (await nodes[0].load("c")).updates
    assert len(kept) == sum(wins)
    assert [kept.count(b"0"), kept.count(b"1")] == wins
    await asyncio.gather(*(node.close() for node in nodes))


async def test_many_open_a_new_database_at_once(database_url: str) -> None:
    stores = await asyncio.gather(*(Store.open(database_url) for _ in range(5)))
    assert [await store.list_canvases() for store in stores] == [[]] * 5
    await asyncio.gather(*(store.close() for store in stores))


async def test_people_come_in_and_lose_what_is_taken_back(store: Store) -> None:
    people = People(store)
    owner = await people.claim_setup(await people.setup_link_token(), "Ann")
    await store.create_canvas("c", "T", owner.id, 1.0)
    link = await people.share("c", "commenter", owner, days=1)
    bob = (await people.join(link, "Bob")).participant
    cookie = await people.session(bob)
    who = await people.who(cookie)
    assert who is not None
    assert await people.role_in(who, "c") == "commenter"
    assert [one.name for one in await people.members("c")] == ["Ann", "Bob"]
    assert await people.agent("co-author", "Co", "#9048fc") == await people.agent("co-author", "Co", "#9048fc")
    token = await people.create_token("viewer", "Reader", "c")
    reader = await people.who(token)
    assert reader is not None
    assert [one["role"] for one in await people.canvases(reader)] == ["viewer"]
    assert await people.revoke(secret_id(link), "c") == [bob.id]
    assert await people.who(cookie) is None
    await people.join(await people.share("c", "viewer", owner), "Cy")
    await store.delete_canvas("c")
    assert await people.who(token) is None


async def test_of_two_who_claim_a_link_at_once_one_gets_in(store: Store) -> None:
    people = People(store)
    token = await people.setup_link_token()
    outcomes = await asyncio.gather(*(people.claim_setup(token, f"Ann {n}") for n in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Participant"] + ["Unauthenticated"] * 4
    assert len(await people.members("*")) == 1


async def test_nobody_slips_in_while_a_link_is_revoked(store: Store) -> None:
    people = People(store)
    owner = await people.claim_setup(await people.setup_link_token(), "Ann")
    await store.create_canvas("c", "T", owner.id, 1.0)
    for _ in range(5):
        link = await people.share("c", "viewer", owner)
        joining = [asyncio.create_task(people.join(link, f"Guest {n}")) for n in range(4)]
        await asyncio.sleep(0.005)
        await people.revoke(secret_id(link))
        await asyncio.gather(*joining, return_exceptions=True)
        assert await people.members("c") == [owner]


async def test_a_server_that_goes_away_fails_and_recovers(postgresql: PostgreSQL, store: Store) -> None:
    await store.create_canvas("c", "T", "ann", 1.0)
    await store.append([row(1)])
    await asyncio.to_thread(postgresql.stop)
    try:
        for asked in (store.append([row(2)]), store.load("c"), store.touch_canvas("c", "T", 1.0, {})):
            with pytest.raises(StorageFailed) as failed:
                await asked
            assert failed.value.hint
    finally:
        await asyncio.to_thread(postgresql.start)
    await store.append([row(2)])
    assert (await store.load("c")).seq == 2
