"""A database is made private, opened by several at once, and not opened when it cannot be read right."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studiolo.canvas.errors import Invalid
from studiolo.store import LogRow, StorageFailed, Store


async def test_the_folder_is_made_and_the_files_are_private(tmp_path: Path) -> None:
    file = tmp_path / "data" / "studio" / "studiolo.db"
    store = await Store.open(f"sqlite+aiosqlite:///{file}")
    await store.create_canvas("c", "T", "ann", 1.0)
    files = sorted(file.parent.iterdir())
    assert [one.name for one in files] == ["studiolo.db", "studiolo.db-shm", "studiolo.db-wal"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    await store.close()


async def test_a_file_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    file.touch(0o644)
    await (await Store.open(f"sqlite:///{file}")).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_commits_are_synced_to_disk(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")

    def pragmas(run: Callable[..., Any]) -> list[object]:
        return [run(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]

    expected = ["wal", 2, 1]  # 2 is FULL
    assert await store._database.write(lambda connection: pragmas(connection.execute)) == expected
    async with store.writing() as connection:
        assert await connection.run_sync(lambda connection: pragmas(connection.exec_driver_sql)) == expected
    await store.close()


async def test_a_new_file_that_another_program_holds_is_waited_for(tmp_path: Path) -> None:
    """SQLite's own patience does not hold for the change to a write-ahead log, the first that is done to a file."""
    file = tmp_path / "s.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.executescript("CREATE TABLE notes (text); BEGIN IMMEDIATE")
    opening = asyncio.create_task(Store.open(f"sqlite:///{file}", patience=60))
    await asyncio.wait([opening], timeout=0.3)
    assert not opening.done()
    other.execute("COMMIT")
    other.close()
    await (await opening).close()


async def test_a_database_of_a_newer_studiolo_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    await (await Store.open(f"sqlite:///{file}")).close()
    with sqlite3.connect(file) as other:
        other.execute("INSERT INTO schema_version VALUES (99)")
        other.execute("DROP TABLE runs")
    other.close()
    with pytest.raises(Invalid, match="newer Studiolo") as refused:
        await Store.open(f"sqlite:///{file}")
    assert refused.value.hint
    with sqlite3.connect(file) as other:
        assert not other.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchall()
    other.close()


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    file.write_bytes(b"Dear diary, " * 500)
    with pytest.raises(StorageFailed, match="not a database"):
        await Store.open(f"sqlite:///{file}")
    assert file.read_bytes() == b"Dear diary, " * 500


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        await Store.open(f"sqlite:///{tmp_path}/file/s.db")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://"])
async def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="memory"):
        await Store.open(url)


@pytest.mark.parametrize("url", ["", "no url", "mysql://localhost/x", "oracle://x"])
async def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="not one that Studiolo understands") as refused:
        await Store.open(url)
    assert "STUDIOLO_DATABASE_URL" in refused.value.hint


async def test_a_database_server_that_does_not_answer_is_said() -> None:
    with pytest.raises(StorageFailed):
        await Store.open("postgresql://nobody@127.0.0.1:1/nothing")


async def test_many_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    stores = await asyncio.gather(*(Store.open(url) for _ in range(8)))
    for n, store in enumerate(stores):
        await store.create_canvas(f"c{n}", "T", "ann", 1.0)
        await store.append([LogRow(f"c{n}", 1, 1.0, "ann", b"x")])
    assert {len(await store.list_canvases()) for store in stores} == {8}
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_log_with_a_hole_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.create_canvas("c", "T", "ann", 1.0, [LogRow("c", n, 1.0, "ann", b"x") for n in (1, 2, 3)])
    with sqlite3.connect(file) as other:
        other.execute("DELETE FROM updates WHERE seq = 2")
    other.close()
    with pytest.raises(StorageFailed, match="hole after row 1"):
        await store.load("c")
    await store.close()
