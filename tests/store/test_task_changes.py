"""Tasks as rows: changes that come together, and whose turn it is, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.canvas.errors import NotFound, TooLarge
from studiolo.store import Store
from studiolo.store import tasks as kept
from studiolo.store.tasks import Changes, Limits


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url: Any = tmp_path / "studiolo.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("database_url")
    made = await Store.open(url)
    await made.create_canvas("c", "T", "ann", 1.0)
    yield made
    await made.close()


def task(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "canvas": "c", "state": "queued", "by": {"id": "ann"}, "made": 1.0, "said": [], **more}


def says(word: str) -> kept.Change:
    def say(row: dict[str, Any]) -> dict[str, Any]:
        row["said"].append(word)
        return row

    return say


async def test_changes_that_come_together_are_all_made_and_one_that_is_refused_leaves_nothing(store: Store) -> None:
    for id in ("a", "b"):
        await kept.add(store, task(id))
    changes = Changes(store)

    def refuse(row: dict[str, Any]) -> dict[str, Any]:
        row["said"].append("half")
        raise ValueError("no")

    words = [f"w{n}" for n in range(20)]
    made = await asyncio.gather(
        *(changes.make(id, says(word), {word: {"word": word}}) for word in words for id in ("b", "a")),
        changes.make("a", refuse, {"w99": {}}),
        changes.make("gone", says("nobody")),
        return_exceptions=True,
    )
    assert [type(one) for one in made[-2:]] == [ValueError, NotFound]
    for id in ("a", "b"):
        assert (await kept.get(store, id))["said"] == words
        assert await kept.results(store, id) == {word: {"word": word} for word in words}
    await changes.make("a", lambda row: row, {"w1": {"word": "anew"}}, ("w0", "w1"))
    left = await kept.results(store, "a")
    assert "w0" not in left and left["w1"] == {"word": "anew"} and await kept.result(store, "a", "w0") is None
    await changes.close()


async def test_what_no_table_takes_costs_others_nothing(store: Store) -> None:
    await kept.add(store, task("a"))
    await kept.add(store, task("b"))
    changes = Changes(store)
    made = await asyncio.gather(
        changes.make("a", says("first")),
        changes.make("a", says("good")),
        changes.make("b", lambda row: row | {"said": object()}),
        return_exceptions=True,
    )
    assert isinstance(made[2], Exception)
    assert (await kept.get(store, "a"))["said"] == ["first", "good"] and (await kept.get(store, "b"))["said"] == []
    await changes.close()


async def test_tasks_are_admitted_once_and_one_that_is_cancelled_meanwhile_stays_cancelled(store: Store) -> None:
    ids = [f"t{n}" for n in range(12)]
    for id in ids:
        await kept.add(store, task(id))
    changes = Changes(store)
    limits = Limits(100, 100, 100)
    cancelled = asyncio.gather(*(changes.make(id, lambda row: row | {"state": "cancelled"}) for id in ids[::2]))
    admitted, others = await asyncio.gather(
        kept.admit(store, "one", limits, lambda row: row), kept.admit(store, "two", limits, lambda row: row)
    )
    await cancelled
    given = [row["id"] for row in (*admitted, *others)]
    assert len(given) == len(set(given))
    now = {id: (await kept.get(store, id))["state"] for id in ids}
    assert now == {id: "cancelled" if n % 2 == 0 else "running" for n, id in enumerate(ids)}
    await changes.close()


async def test_what_is_done_with_a_new_task_is_kept_with_it_or_not_at_all(store: Store) -> None:
    def refuse(_connection: object) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await kept.add(store, task("a"), within=refuse)
    with pytest.raises(NotFound):
        await kept.get(store, "a")
    await kept.add(store, task("a"), most_queued=1)
    with pytest.raises(TooLarge):
        await kept.add(store, task("b"), most_queued=1)
    assert (await kept.add(store, task("a", made=2.0), most_queued=1))["made"] == 1.0
