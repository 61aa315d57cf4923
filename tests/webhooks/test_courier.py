"""Whoever asked is told everything, once it is committed, in order, however the receiver behaves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from pathlib import Path
from random import Random

import pytest

from studiolo.addresses import networks
from studiolo.store import LogRow, Store
from studiolo.webhooks import Courier, Hook, Hooks, Scene, Sender
from studiolo.webhooks.courier import A_DAY, LONGEST_WAIT, waits
from tests.conftest import Clock
from tests.web.receiver import WAIT, Receiver, answers, chatters, dawdles, hangs_up

HERE = networks("127.0.0.0/8")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


async def look(canvas: str, suggestions: Collection[str], threads: Collection[str], participant: str) -> Scene:
    """What the rooms say, in a studio without rooms."""
    seen = {
        id: {"page": "p", "author": "co", "status": "open", "hunks": [{"quote": "was", "replace": "now"}]}
        for id in suggestions
    }
    return Scene(seen, {}, {participant: {"id": participant, "name": participant.title(), "kind": "person"}})


def suggested(canvas: str, seq: int) -> LogRow:
    action = {"type": "suggest", "page": "p", "hunks": [{"find": f"was {seq}", "replace": f"now {seq}"}]}
    outcome = {"outcome": "suggested", "id": f"s{seq}", "status": "open", "hunks": 1}
    return LogRow(canvas, seq, 100.0 + seq, "co", b"", {}, {"action": action, "outcome": outcome})


class Office:
    """A store with two canvases, and couriers as a node each has."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.hooks = Hooks(store)
        self.couriers: list[Courier] = []

    def courier(self, me: str = "node", seconds: float = 5.0) -> Courier:
        courier = Courier(self.store, Sender(HERE, seconds), look, me, Random(1), every=0.05)
        courier.open()
        self.couriers.append(courier)
        return courier

    async def hook(self, receiver: Receiver, canvas: str = "c", *events: str) -> Hook:
        return await self.hooks.make(canvas, receiver.url, events or ("suggestion", "decision"), "ann")

    async def until(self, true: Callable[[dict[str, object]], bool], hook: Hook) -> dict[str, object]:
        """The newest attempt, once it is as it should be."""
        rows: list[dict[str, object]] = []
        for _ in range(int(WAIT / 0.02)):
            rows = (await self.hooks.recent(hook))["deliveries"]
            if rows and true(rows[0]):
                return rows[0]
            await asyncio.sleep(0.02)
        raise AssertionError(rows)


@pytest.fixture
async def office(store: Store, clock: Clock) -> AsyncIterator[Office]:
    for canvas in ("c", "d"):
        await store.create_canvas(canvas, "T", "ann", 1.0)
    office = Office(store, clock)
    yield office
    for courier in office.couriers:
        await courier.close()


async def arrived(receiver: Receiver, count: int) -> list[str]:
    """The suggestions that were told of, once there are so many."""
    got = await asyncio.to_thread(receiver.wait, count)
    return [one.body["suggestion"]["id"] for one in got]


async def test_it_stops_though_something_happens_in_the_same_moment(office: Office) -> None:
    courier = office.courier()
    await asyncio.sleep(0.2)
    courier.look()
    async with asyncio.timeout(WAIT):
        await courier.close()


async def test_what_is_committed_is_told_in_order_and_signed(office: Office, receiver: Receiver) -> None:
    await office.store.append([suggested("c", 1)])  # before there was a webhook
    hook = await office.hook(receiver)
    office.courier()
    for seq in range(2, 12):
        await office.store.append([suggested("c", seq)])
    assert await arrived(receiver, 10) == [f"s{seq}" for seq in range(2, 12)]
    rows = {row.seq: row for row in await office.store.ledger("c")}
    for one in receiver.got:
        seq = one.body["ledger"]["seq"]
        assert one.signed_with(hook.secret)
        assert not one.signed_with("whsec_" + "A" * 32)
        assert one.headers["webhook-id"] == one.body["id"] == f"msg_{rows[seq].hash[:32]}"
        assert one.headers["webhook-timestamp"] == str(int(office.clock.now))
        assert one.body == {
            "type": "suggestion.made",
            "id": one.body["id"],
            "at": 100.0 + seq,
            "canvas": "c",
            "by": {"id": "co", "name": "Co", "kind": "person"},
            "ledger": {"seq": seq, "hash": rows[seq].hash},
            "suggestion": {
                "id": f"s{seq}",
                "page": "p",
                "author": "co",
                "status": "open",
                "hunks": [{"hunk": 0, "was": "was", "now": f"now {seq}"}],
            },
        }
    newest = await office.until(lambda row: row["seq"] == 11, hook)
    assert (newest["state"], newest["answer"], newest["tries"]) == ("delivered", "204", 1)


async def test_only_what_was_asked_for_is_told(office: Office, receiver: Receiver) -> None:
    hook = await office.hook(receiver, "c", "decision")
    office.courier()
    await office.store.append([suggested("c", 1)])
    entry = {"action": {"type": "say", "text": "hm"}, "outcome": {"outcome": "said", "id": "m"}}
    await office.store.append([LogRow("c", 2, 1.0, "ann", b"", {}, entry), suggested("c", 3)])
    entry = {
        "action": {"type": "reject", "suggestion": "s3"},
        "outcome": {"outcome": "rejected", "id": "s3", "status": "rejected", "hunks": [0], "decision": "d1"},
    }
    await office.store.append([LogRow("c", 4, 1.0, "ann", b"", {}, entry)])
    [one] = await asyncio.to_thread(receiver.wait, 1)
    assert (one.body["type"], one.body["suggestion"]["id"]) == ("decision.rejected", "s3")
    assert one.body["decision"] == {"id": "d1", "outcome": "rejected", "by": one.body["by"]}
    assert one.body["suggestion"]["status"] == "rejected"
    await office.until(lambda row: row["seq"] == 4, hook)
    assert (await office.hooks.recent(hook))["waiting"] == 0


async def test_one_for_all_canvases_is_told_of_those_to_come(office: Office, receiver: Receiver) -> None:
    await office.store.append([suggested("c", 1)])
    await office.hook(receiver, "*")
    office.courier()
    await office.store.create_canvas("e", "T", "ann", 1.0)
    for canvas, seq in (("d", 1), ("e", 1), ("c", 2)):
        await office.store.append([suggested(canvas, seq)])
    got = await asyncio.to_thread(receiver.wait, 3)
    assert {(one.body["canvas"], one.body["ledger"]["seq"]) for one in got} == {("d", 1), ("e", 1), ("c", 2)}


async def test_a_failure_is_tried_again_later_and_later_with_the_same_id(office: Office, receiver: Receiver) -> None:
    hook = await office.hook(receiver)
    receiver.then = [answers(500), answers(404), answers(429), hangs_up]
    office.courier()
    await office.store.append([suggested("c", 1), suggested("c", 2)])
    for tries, said in enumerate(["500", "404", "429", "the connection broke (RemoteProtocolError)"], 1):
        tried = await office.until(lambda row: row["tries"] == tries, hook)  # noqa: B023
        assert (tried["state"], tried["answer"]) == ("waiting", said)
        office.clock.now += waits(tries) * 0.79  # jitter is a fifth at most
        await asyncio.sleep(0.2)
        assert len(receiver.got) == tries
        office.clock.now += waits(tries) * 0.42
    assert await arrived(receiver, 6) == ["s1"] * 5 + ["s2"]
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 2
    assert all(one.signed_with(hook.secret) for one in receiver.got)
    await office.until(lambda row: row["seq"] == 2 and row["state"] == "delivered", hook)
    by_row = {row["seq"]: row for row in (await office.hooks.recent(hook))["deliveries"]}
    assert (by_row[1]["state"], by_row[1]["tries"], by_row[2]["tries"]) == ("delivered", 5, 1)


def test_waits_grow_over_a_day() -> None:
    assert [waits(tries) for tries in (1, 2, 3, 12, 13, 99)] == [5, 10, 20, 10240, LONGEST_WAIT, LONGEST_WAIT]
    assert 15 <= next(tries for tries in range(99) if sum(map(waits, range(1, tries))) > A_DAY) <= 25


async def test_an_event_is_given_up_after_a_day_and_the_next_one_waits(office: Office, receiver: Receiver) -> None:
    hook = await office.hook(receiver)
    receiver.then = [answers(500)] * 3
    office.courier()
    await office.store.append([suggested("c", 1), suggested("c", 2), suggested("c", 3)])
    await office.until(lambda row: row["tries"] == 1, hook)
    office.clock.now += A_DAY
    await office.until(lambda row: row["state"] == "given up" and row["seq"] == 1, hook)
    await asyncio.sleep(0.2)
    assert len(receiver.got) == 2  # the receiver that is away is not flooded with what waits
    office.clock.now += LONGEST_WAIT * 1.3
    await office.until(lambda row: row["state"] == "given up" and row["seq"] == 2, hook)
    office.clock.now += LONGEST_WAIT * 1.3
    await office.until(lambda row: row["state"] == "delivered" and row["seq"] == 3, hook)
    await office.store.append([suggested("c", 4)])  # and it is back
    assert (await arrived(receiver, 5))[-2:] == ["s3", "s4"]


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (answers(302, Location="/elsewhere"), "302"),
        (answers(307, Location="http://127.0.0.1:1/"), "307"),
        (dawdles, "no answer within 0.3 s"),
    ],
)
async def test_what_is_no_acceptance_is_none(office: Office, receiver: Receiver, behave: object, said: str) -> None:
    hook = await office.hook(receiver)
    receiver.then = [behave]  # type: ignore[list-item]
    office.courier(seconds=0.3)
    await office.store.append([suggested("c", 1)])
    tried = await office.until(lambda row: row["tries"] == 1, hook)
    assert (tried["state"], tried["answer"]) == ("waiting", said)
    assert [one.path for one in receiver.got] == ["/hook"]


async def test_an_answer_without_an_end_is_not_read(office: Office, receiver: Receiver) -> None:
    hook = await office.hook(receiver)
    receiver.then = [chatters]
    office.courier()
    await office.store.append([suggested("c", 1), suggested("c", 2)])
    assert await arrived(receiver, 2) == ["s1", "s2"]
    await office.until(lambda row: row["seq"] == 2 and row["answer"] == "204", hook)


async def test_a_slow_receiver_is_in_nobody_elses_way(office: Office, receiver: Receiver) -> None:
    other = Receiver()
    await office.hook(receiver)
    await office.hook(other)
    receiver.then = [dawdles]
    office.courier()
    await office.store.append([suggested("c", 1)])
    await asyncio.to_thread(receiver.wait, 1)
    for seq in range(2, 6):
        await office.store.append([suggested("c", seq)])
    assert await arrived(other, 5) == [f"s{seq}" for seq in range(1, 6)]
    assert len(receiver.got) == 1
    other.close()


async def test_a_webhook_that_is_deleted_is_told_nothing_more(office: Office, receiver: Receiver) -> None:
    hook = await office.hook(receiver)
    office.courier()
    await office.store.append([suggested("c", 1)])
    await arrived(receiver, 1)
    await office.hooks.delete("c", hook.id)
    await office.store.append([suggested("c", 2)])
    await office.hook(receiver)
    await office.store.append([suggested("c", 3)])
    assert await arrived(receiver, 2) == ["s1", "s3"]


async def test_nothing_is_left_of_a_canvas_that_is_deleted_while_it_is_told_of(
    office: Office, receiver: Receiver
) -> None:
    await office.hook(receiver)
    everywhere = await office.hook(receiver, "*")
    receiver.then = [answers(500)] * 2
    office.courier()
    await office.store.append([suggested("c", 1)])
    await arrived(receiver, 2)
    await office.store.delete_canvas("c")
    assert await office.hooks.of("c") == []
    await office.store.append([suggested("d", 1)])
    await arrived(receiver, 3)
    await office.until(lambda row: row["state"] == "delivered", everywhere)
    assert {row["canvas"] for row in (await office.hooks.recent(everywhere))["deliveries"]} == {"d"}


KILLED = """
import asyncio, os, signal, sys
from random import Random
from pathlib import Path
from studiolo.store import LogRow, Store
from studiolo.webhooks import Courier, Scene, Sender
from studiolo.addresses import networks
from tests.webhooks.test_courier import look, suggested

path, first, statements = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

async def main():
    global statements
    store = await Store.open(path)
    change = store.writing
    def counted():
        global statements
        statements -= 1
        if statements < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return change()
    store.writing = counted  # the courier writes so; the log has a way of its own
    courier = Courier(store, Sender(networks("127.0.0.0/8")), look, "alone", Random(1), every=0.05)
    courier.open()
    for seq in range(first, first + 5):
        await store.append([suggested("c", seq)])
        print(seq, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_nothing_is_lost_however_often_the_courier_is_killed(tmp_path: Path, receiver: Receiver) -> None:
    """It is killed before every change of its place in turn: between commit and delivery, between delivery and note."""
    store = await Store.open(tmp_path / "s.db")
    await store.create_canvas("c", "T", "ann", 1.0)
    await Hooks(store).make("c", receiver.url, ["suggestion"], "ann")
    written = 0
    for life in range(12):
        courier = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", KILLED, str(tmp_path / "s.db"), str(written + 1), str(life)),
            env={**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2] / 'src'}:{Path(__file__).parents[2]}"},
            stdout=subprocess.PIPE,
        )
        said, _ = await courier.communicate()
        assert courier.returncode == -signal.SIGKILL
        written = (await store.load("c")).seq
        assert written >= int((said.split() or [b"0"])[-1])
    courier = Courier(store, Sender(HERE), look, "alone", Random(1), every=0.05)
    courier.open()
    await store.append([suggested("c", written + 1)])
    for _ in range(int(WAIT / 0.02)):
        if receiver.got and receiver.got[-1].body["suggestion"]["id"] == f"s{written + 1}":
            break
        await asyncio.sleep(0.02)
    told = [int(one.body["suggestion"]["id"][1:]) for one in receiver.got]
    assert sorted(set(told)) == list(range(1, written + 2))
    assert told == sorted(told)  # repeats come at once, and never out of order
    assert len(receiver.got) - len(set(told)) == len(receiver.got) - len({one.body["id"] for one in receiver.got})
    await courier.close()
    await store.close()


async def test_among_nodes_each_event_is_told_once_and_a_dead_nodes_place_is_taken_over(
    database_url: str, receiver: Receiver, clock: Clock
) -> None:
    stores = [await Store.open(database_url, clock=clock) for _ in range(3)]
    await stores[0].create_canvas("c", "T", "ann", 1.0)
    hook = await Hooks(stores[0]).make("c", receiver.url, ["suggestion"], "ann")
    couriers = [
        Courier(store, Sender(HERE), look, f"node {n}", Random(n), every=0.02) for n, store in enumerate(stores)
    ]
    for courier in couriers:
        courier.open()
    for seq in range(1, 61):
        await stores[seq % 3].append([suggested("c", seq)])
    assert await arrived(receiver, 60) == [f"s{seq}" for seq in range(1, 61)]

    receiver.then = [dawdles]
    await stores[0].append([suggested("c", 61)])
    await asyncio.to_thread(receiver.wait, 61)
    async with stores[0].reading() as connection:
        held = str((await connection.exec_driver_sql("SELECT holder FROM deliveries")).scalar_one())
    dead = couriers[int(held.split()[1])]
    dead._places._change = _nothing  # type: ignore[method-assign]
    for task in [dead._watch, *dead._busy.values()]:  # as if its process were gone
        assert task
        task.cancel()
    await asyncio.sleep(0.3)
    assert len(receiver.got) == 61  # the place is held
    clock.now += 60
    await arrived(receiver, 62)
    assert receiver.got[60].body["id"] == receiver.got[61].body["id"]
    await stores[1].append([suggested("c", 62)])
    assert (await arrived(receiver, 63))[-1] == "s62"
    assert (await Hooks(stores[0]).recent(hook))["deliveries"]
    for courier in couriers:
        await courier.close()
    for store in stores:
        await store.close()


async def _nothing(*_: object, **__: object) -> bool:
    """What a dead process does."""
    return False
