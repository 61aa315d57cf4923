"""`studiolo check` finds what is not whole, and nothing in a studio that is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studiolo.canvas import THE_STUDIO
from studiolo.rooms import Rooms
from studiolo.store import LogRow, Store
from studiolo.store.check import problems
from tests.conftest import Clock


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A studio of two canvases, one with a snapshot half-way."""
    store = await Store.open(tmp_path / "s.db", clock=Clock())
    rooms = Rooms(store, clock=store.clock)
    for title in ("Novel", "Essay"):
        room = await rooms.create(title, [{"title": "One", "text": "The cat sat."}], THE_STUDIO)
        for word in ("slept", "ran"):
            await room.apply({"type": "say", "text": word}, THE_STUDIO)
    await rooms.close()
    async with store.writing() as connection:
        await connection.exec_driver_sql(
            "DELETE FROM snapshots WHERE canvas IN (SELECT id FROM canvases WHERE title = 'Essay')"
        )
    await store.close()
    return tmp_path / "s.db"


async def found(file: Path, damage: str = "SELECT 1") -> str:
    with closing(sqlite3.connect(file)) as other:
        ids = {title.lower(): id for title, id in other.execute("SELECT title, id FROM canvases")}
        other.execute(damage, ids)
        other.commit()
    store = await Store.open(file)
    said = [problem async for problem in problems(store)]
    await store.close()
    return "\n".join(said)


async def test_a_whole_studio_has_no_problems(file: Path) -> None:
    assert await found(file) == ""


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM updates WHERE seq = 2 AND canvas = :novel", "rows 2 to 2 of its log are missing"),
        ("DELETE FROM updates WHERE seq = 3 AND canvas = :novel", "its snapshot is of row 3, and its log ends with"),
        ("DELETE FROM updates WHERE seq = 2 AND canvas = :essay", "it cannot be opened"),
        ("UPDATE updates SET data = x'' WHERE seq = 2 AND canvas = :novel", "its snapshot is not what its log gives"),
        ("UPDATE updates SET data = x'ff00ff' WHERE seq = 2 AND canvas = :essay", "it cannot be replayed"),
    ],
)
async def test_what_is_not_whole_is_said(file: Path, damage: str, says: str) -> None:
    said = await found(file, damage)
    assert says in said
    damaged, whole = ("Novel", "Essay") if ":novel" in damage else ("Essay", "Novel")
    assert damaged in said
    assert whole not in said


async def test_a_file_with_a_page_that_is_no_page_is_damaged(file: Path) -> None:
    store = await Store.open(file)
    await store.create_canvas("c", "Long", "ann", 1.0)
    await store.append([LogRow("c", seq, 1.0, "ann", b"") for seq in range(1, 500)])
    await store.close()
    with closing(sqlite3.connect(file)) as other:
        [page] = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'").fetchone()
        [size] = other.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xff" * 100)
    assert "is damaged" in await found(file)


async def test_people_may_type_meanwhile(file: Path) -> None:
    store = await Store.open(file)
    [novel] = [one.id for one in await store.list_canvases() if one.title == "Novel"]
    seq = 3
    async for problem in problems(store):
        raise AssertionError(problem)
    await store.append([LogRow(novel, seq + 1, 1.0, "ann", b"")])
    assert [problem async for problem in problems(store)] == []
    await store.close()
