"""The ledger's chain: whoever writes, on whatever database, each row follows from the one before; a change is seen."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studiolo.canvas.errors import Invalid, NotFound
from studiolo.store import LogRow, Store
from studiolo.store.check import problems
from studiolo.store.ledger import Verdict, canonical, chained, verify
from studiolo.store.tables import ledger
from studiolo.store.turn import turn

NUMBERS = [0, -0.0, 1.0, 0.1, 1e16, 1e-7, 1.7954143456687932e9, 5e-324, 1.7976931348623157e308, 2**53, 2**64, -(10**60)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/studiolo.db"
    return request.getfixturevalue("database_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    yield store
    await store.close()


def row(seq: int, action: dict[Any, Any], canvas: str = "c", at: float = 1.5, outcome: Any = None) -> LogRow:
    return LogRow(canvas, seq, at, "ann", b"", {}, {"action": action, "outcome": outcome or {}})


def test_a_hash_is_what_it_is_said_to_be() -> None:
    """The numbers are pinned: what has been published must go on to be found."""
    assert canonical(["", {"b": 1.0, "a": "é\n"}]) == '["",{"a":"é\\n","b":1.0}]'
    first = chained("", "c", 1, 1, "ann", {"type": "say", "text": "naïve 👩‍👩‍👧"}, {"outcome": "said", "id": None})
    assert first == "9f68c51ea56f3cd15e5da747e7ca63d0eb8c9bba8750ca3078c87f5a73df8179"


async def test_rows_follow_whoever_writes_them(store: Store) -> None:
    """The first rows of a canvas, rows in one commit, rows at a turn, rows of several canvases at once."""
    await store.create_canvas("c", "T", "ann", 1.0, [row(1, {"n": 1}), row(2, {"n": 2})])
    await store.create_canvas("d", "T", "ann", 1.0)
    await asyncio.gather(
        store.append([row(3, {"n": 3}), LogRow("c", 4, 1.0, "ann", b"typed"), row(5, {"n": 5})]),
        store.append([row(1, {"n": 1}, "d"), row(6, {"n": 6})]),
    )
    async with turn(store, "c", 0) as taken:
        await taken.append([row(0, {"n": 7}), row(0, {"n": 8})])
        await taken.append([row(0, {"n": 9})])
    rows = await store.ledger("c")
    assert [one.seq for one in rows] == [1, 2, 3, 5, 6, 7, 8, 9]
    before = ""
    for one in rows:
        before = chained(before, "c", one.seq, one.at, one.participant, one.action, one.outcome)
        assert one.hash == before
    assert await verify(store, "c") == Verdict(8, 9, before)
    assert (await verify(store, "d")).rows == 1
    assert [problem async for problem in problems(store) if "ledger" in problem] == []


async def test_what_a_database_gives_back_has_the_hash_of_what_was_given(store: Store) -> None:
    odd: dict[Any, Any] = {
        "numbers": NUMBERS,
        10: "ten",
        9: ("a", "pair"),
        "text": 'é \x00 \u2028 "\\ 👩‍👩‍👧',
        "none": [None, True],
    }
    await store.create_canvas("c", "T", "ann", 1.0, [row(1, odd, at=7)])
    await store.append([row(seq, {"at": at}, at=at, outcome=odd) for seq, at in enumerate(NUMBERS[:9], 2)])
    assert (await verify(store, "c")).rows == 10


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.text(), values, max_size=4), min_size=1, max_size=5))
def test_any_json_follows(tmp_path_factory: pytest.TempPathFactory, actions: list[dict[str, Any]]) -> None:
    async def tried() -> None:
        store = await Store.open(tmp_path_factory.mktemp("any") / "s.db")
        await store.create_canvas("c", "T", "ann", 1.0)
        await store.append([row(seq, action) for seq, action in enumerate(actions, 1)])
        assert (await verify(store, "c")).rows == len(actions)
        await store.close()

    asyncio.run(tried())


@pytest.mark.parametrize("value", [math.nan, math.inf, "half \ud800"])
async def test_what_has_no_hash_is_kept_by_nobody(store: Store, value: Any) -> None:
    await store.create_canvas("c", "T", "ann", 1.0, [row(1, {})])
    with pytest.raises(Invalid):
        await store.append([row(2, {"value": value})])
    with pytest.raises(Invalid):
        async with turn(store, "c", 1) as taken:
            await taken.append([row(2, {"value": value})])
    with pytest.raises(Invalid):
        await store.create_canvas("d", "T", "ann", 1.0, [row(1, {"value": value}, "d")])
    assert (await verify(store, "c")).rows == 1
    assert not await store.list_canvases(["d"])


async def test_many_nodes_write_one_chain(database_url: str) -> None:
    nodes = [await Store.open(database_url) for _ in range(4)]
    await nodes[0].create_canvas("c", "T", "ann", 1.0)

    async def write(node: Store, name: int) -> None:
        for n in range(15):
            async with turn(node, "c", 0) as taken:
                await taken.append([row(0, {"node": name, "n": n}), row(0, {"node": name, "n": n, "second": True})])

    await asyncio.gather(*(write(node, name) for name, node in enumerate(nodes)))
    assert (await verify(nodes[0], "c")).rows == 120
    for node in nodes:
        await node.close()


async def five_rows(store: Store) -> list[str]:
    """Their hashes."""
    await store.create_canvas("c", "T", "ann", 1.0, [row(n, {"n": n}, outcome={"x": n}) for n in range(1, 6)])
    return [one.hash for one in await store.ledger("c")]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (sa.update(ledger).where(ledger.c.seq == 3).values(action={"n": 4}), 3),
        (sa.update(ledger).where(ledger.c.seq == 3).values(outcome={}), 3),
        (sa.update(ledger).where(ledger.c.seq == 3).values(participant="bob"), 3),
        (sa.update(ledger).where(ledger.c.seq == 3).values(at=1.6), 3),
        (sa.update(ledger).where(ledger.c.seq == 3).values(hash=""), 3),
        (sa.update(ledger).where(ledger.c.seq == 5).values(seq=6), 6),
        (sa.delete(ledger).where(ledger.c.seq == 3), 4),
        (sa.delete(ledger).where(ledger.c.seq == 1), 2),
        (
            sa.insert(ledger).values(
                canvas="c",
                seq=6,
                at=1.5,
                participant="bob",
                action={},
                outcome={},
                hash=chained("", "c", 6, 1.5, "bob", {}, {}),
            ),
            6,
        ),
    ],
)
async def test_the_first_row_that_does_not_follow_is_named(store: Store, change: Any, broken: int) -> None:
    hashes = await five_rows(store)
    async with store.writing() as connection:
        await connection.execute(change)
    found = await verify(store, "c")
    assert (found.whole, found.broken) == (False, broken)
    assert found.head == (hashes[found.rows - 1] if found.rows else "")
    [said] = [problem async for problem in problems(store) if "ledger" in problem]
    assert f"row {broken} of its ledger" in said


async def test_a_tail_that_was_cut_off_is_seen_by_who_knows_the_last_hash(store: Store) -> None:
    hashes = await five_rows(store)
    assert await verify(store, "c", hashes[4]) == Verdict(5, 5, hashes[4], None, 5)
    async with store.writing() as connection:
        await connection.execute(sa.delete(ledger).where(ledger.c.seq > 3))
    assert await verify(store, "c", hashes[4]) == Verdict(3, 3, hashes[2])
    assert (await verify(store, "c", hashes[1])).seen == 2


async def test_a_row_moved_to_another_canvas_does_not_follow_there(store: Store) -> None:
    await store.create_canvas("c", "T", "ann", 1.0, [row(1, {"n": 1})])
    await store.create_canvas("d", "T", "ann", 1.0)
    async with store.writing() as connection:
        await connection.execute(sa.update(ledger).values(canvas="d"))
    assert (await verify(store, "d")).broken == 1
    assert await verify(store, "c") == Verdict(0, 0, "")
    with pytest.raises(NotFound):
        await verify(store, "e")


async def test_rows_beyond_a_portion_are_read(store: Store) -> None:
    await store.create_canvas("c", "T", "ann", 1.0, [row(n, {"n": n}) for n in range(1, 702)])
    assert (await verify(store, "c")).rows == 701
    assert json.loads(canonical((await store.ledger("c", after=700))[0].as_dict()))["action"] == {"n": 701}
