"""What is appended is there, in order, for whoever loads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from studiolo.canvas.errors import Conflict, Invalid, NotFound, StudioloError
from studiolo.store import LogRow, OutOfOrder, StorageFailed, Store
from studiolo.store.ledger import chained


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path}/studiolo.db")
    await store.create_canvas("novel", "The Novel", "ann", 100.0)
    yield store
    await store.close()


def row(seq: int, data: bytes = b"update", canvas: str = "novel", **more: Any) -> LogRow:
    return LogRow(canvas, seq, 100.0 + seq, "ann", data, **more)


async def test_rows_come_back_in_order(store: Store) -> None:
    await store.append([row(1, b"one"), row(2, b"two")])
    await store.append([row(3, b"three")])
    loaded = await store.load("novel")
    assert loaded.snapshot is None
    assert loaded.updates == [b"one", b"two", b"three"]
    assert loaded.seq == 3


async def test_history_names_who_and_when_over_many_portions(store: Store) -> None:
    await store.append([row(seq, b"%d" % seq) for seq in range(1, 1203)])
    seen = [one async for one in store.history("novel", after=2)]
    assert [one.seq for one in seen] == list(range(3, 1203))
    assert (seen[0].at, seen[0].participant, seen[0].data) == (103.0, "ann", b"3")


async def test_a_row_without_data_is_in_the_ledger_and_not_in_the_document(store: Store) -> None:
    entry = {"action": {"type": "reject", "suggestion": "s1"}, "outcome": {"outcome": "rejected"}}
    await store.append([row(1, b"text"), row(2, b"", entry=entry)])
    assert (await store.load("novel")).updates == [b"text"]
    [kept] = await store.ledger("novel")
    hash = chained("", "novel", 2, 102.0, "ann", entry["action"], entry["outcome"])
    assert kept.as_dict() == {"seq": 2, "at": 102.0, "participant": "ann", **entry, "hash": hash}


async def test_the_ledger_is_read_in_portions(store: Store) -> None:
    await store.append([row(n, entry={"action": {"n": n}, "outcome": {}}) for n in range(1, 8)])
    assert [one.action["n"] for one in await store.ledger("novel", after=2, limit=3)] == [3, 4, 5]


async def test_the_ledger_keeps_every_character(store: Store) -> None:
    text = 'naïve 👩‍👩‍👧 漢字 " \\ \x00 end'
    await store.append([row(1, entry={"action": {"text": text}, "outcome": {}})])
    assert (await store.ledger("novel"))[0].action["text"] == text


@pytest.mark.parametrize("value", ["half \ud800", float("nan"), float("inf"), {"\udc00": 1}])
async def test_what_no_answer_could_show_is_not_kept(store: Store, value: Any) -> None:
    with pytest.raises(Invalid):
        await store.append([row(1, entry={"action": {"value": value}, "outcome": {}})])
    await store.append([row(1)])


async def test_the_first_claim_of_a_client_id_wins(store: Store) -> None:
    big = 2**53 - 1
    await store.append([row(1, claims={7: "ann", big: "ann"})])
    await store.append([row(2, claims={7: "bob", 8: "bob"})])
    assert (await store.load("novel")).owners == {7: "ann", big: "ann", 8: "bob"}


@pytest.mark.parametrize("seq", [0, 1, 2, 4])
async def test_a_row_out_of_order_is_refused_with_what_was_expected(store: Store, seq: int) -> None:
    await store.append([row(1), row(2)])
    with pytest.raises(OutOfOrder) as refused:
        await store.append([row(seq, b"other")])
    assert refused.value.details["expected"] == 3
    assert (await store.load("novel")).updates == [b"update", b"update"]


async def test_all_or_none_of_a_call_is_kept(store: Store) -> None:
    with pytest.raises(OutOfOrder):
        await store.append([row(1), row(2), row(4)])
    assert (await store.load("novel")).seq == 0


async def test_one_callers_mistake_costs_the_others_nothing(store: Store) -> None:
    await store.create_canvas("essay", "An Essay", "ann", 100.0)
    outcomes = await asyncio.gather(
        store.append([row(1)]),
        store.append([row(5)]),
        store.append([row(1, canvas="nowhere")]),
        store.append([row(1, canvas="essay", entry={"action": {"bad": b"bytes"}, "outcome": {}})]),
        store.append([row(1, b"ok", canvas="essay")]),
        store.append([row(2)]),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [
        type(None),
        OutOfOrder,
        NotFound,
        Invalid,
        type(None),
        type(None),
    ]
    assert (await store.load("novel")).seq == 2
    assert (await store.load("essay")).updates == [b"ok"]


async def test_a_row_that_no_table_takes_fails_alone(store: Store) -> None:
    await store.create_canvas("essay", "An Essay", "ann", 100.0)
    outcomes = await asyncio.gather(
        store.append([row(1, claims={2**70: "ann"})]),
        store.append([row(1, b"ok", canvas="essay")]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], StudioloError)
    assert outcomes[1] is None
    assert (await store.load("novel")).seq == 0
    assert (await store.load("essay")).updates == [b"ok"]


async def test_callers_at_once_share_commits(store: Store) -> None:
    for n in range(100):
        await store.create_canvas(f"c{n}", "T", "ann", 1.0)

    async def typist(n: int) -> None:
        for seq in range(1, 6):
            await store.append([row(seq, canvas=f"c{n}")])

    await asyncio.gather(*(typist(n) for n in range(100)))
    assert store.commits < 50  # of 500 appends
    assert [(await store.load(f"c{n}")).seq for n in range(100)] == [5] * 100


async def test_a_cancelled_caller_does_not_stop_the_others(store: Store) -> None:
    first = asyncio.create_task(store.append([row(1)]))
    second = asyncio.create_task(store.append([row(2)]))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert (await store.load("novel")).seq == 2


async def test_closing_commits_what_waits_and_then_takes_no_more(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    await store.create_canvas("novel", "T", "ann", 1.0)
    waiting = [asyncio.create_task(store.append([row(seq)])) for seq in range(1, 51)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    with pytest.raises(StorageFailed, match="closing"):
        await store.append([row(51)])
    again = await Store.open(f"sqlite:///{tmp_path}/s.db")
    assert (await again.load("novel")).seq == 50
    await again.close()


async def test_the_event_loop_runs_while_a_commit_waits_for_the_disk(store: Store) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await store.append([row(seq, bytes(2000)) for seq in range(1, 2001)])
    counting.cancel()
    assert turns > 20


# Snapshots


def typed(text: str) -> list[bytes]:
    """The updates of a document into which `text` was typed, one character each, with every third deleted."""
    doc = Doc()
    body = doc.get("text", type=Text)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    for place, char in enumerate(text):
        body += char
        if place % 3 == 2:
            del body[0 : len(str(body)[0].encode())]
    doc.unobserve(subscription)
    return updates


def read(snapshot: bytes | None, updates: list[bytes]) -> str:
    doc = Doc()
    body = doc.get("text", type=Text)
    for update in [*([snapshot] if snapshot else []), *updates]:
        doc.apply_update(update)
    return str(body)


async def test_loading_from_a_snapshot_equals_replaying_the_log(store: Store) -> None:
    updates = typed("Quand je me lève, naïvement, 漢字 👩‍👩‍👧 et cetera." * 3)
    await store.append([row(seq, data) for seq, data in enumerate(updates, 1)])
    whole = read(None, updates)
    for seq in (1, 17, 60, len(updates)):
        doc = Doc()
        for update in updates[:seq]:
            doc.apply_update(update)
        await store.save_snapshot("novel", seq, doc.get_update())
        loaded = await store.load("novel")
        assert len(loaded.updates) == len(updates) - seq
        assert loaded.seq == len(updates)
        assert read(loaded.snapshot, loaded.updates) == whole
    kept = [one.data async for one in store.history("novel")]
    assert read(None, kept) == whole  # the log is whole: history is not paid for compaction


async def test_appending_goes_on_after_a_snapshot(store: Store) -> None:
    await store.append([row(1, b"a"), row(2, b"b")])
    await store.save_snapshot("novel", 2, b"ab")
    await store.append([row(3, b"c")])
    loaded = await store.load("novel")
    assert (loaded.snapshot, loaded.updates, loaded.seq) == (b"ab", [b"c"], 3)


async def test_a_late_snapshot_does_not_replace_a_newer_one(store: Store) -> None:
    await store.append([row(1), row(2)])
    await store.save_snapshot("novel", 2, b"newer")
    await store.save_snapshot("novel", 1, b"late")
    assert (await store.load("novel")).snapshot == b"newer"


async def test_a_snapshot_beyond_the_log_is_refused(store: Store) -> None:
    await store.append([row(1)])
    with pytest.raises(Conflict):
        await store.save_snapshot("novel", 2, b"from the future")
    with pytest.raises(NotFound):
        await store.save_snapshot("nowhere", 1, b"")
    assert (await store.load("novel")).snapshot is None
