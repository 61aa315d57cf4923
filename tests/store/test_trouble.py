"""A killed process, a full disk, a locked file: what was acknowledged is kept, what was not is said."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from studiolo.store import LogRow, StorageFailed, Store

WRITER = """
import asyncio, sys
from studiolo.store import LogRow, Store

async def typist(store, name):
    seq = (await store.load(name)).seq
    while True:
        seq += 1
        await store.append([LogRow(name, seq, 1.0, "ann", b"%d" % seq, entry={"action": {}, "outcome": {}})])
        sys.stdout.write(f"{name} {seq}\\n")
        sys.stdout.flush()

async def main():
    store = await Store.open(sys.argv[1])
    await asyncio.gather(*(typist(store, name) for name in "abc"))

asyncio.run(main())
"""

LOCKER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
db.execute("COMMIT")
db.close()
"""


def start(program: str, argument: str) -> subprocess.Popen[str]:
    """Another process that runs `program`."""
    return subprocess.Popen(
        [sys.executable, "-c", program, argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def row(seq: int, data: bytes = b"update") -> LogRow:
    return LogRow("c", seq, 1.0, "ann", data)


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    store = await Store.open(url)
    for name in "abc":
        await store.create_canvas(name, "T", "ann", 1.0)
    await store.close()
    reached = dict.fromkeys("abc", 0)
    for round in range(4):
        writer = start(WRITER, url)
        assert writer.stdout is not None
        for _ in range(40 + 37 * round):
            name, seq = (await asyncio.to_thread(writer.stdout.readline)).split()
            reached[name] = int(seq)
        writer.send_signal(signal.SIGKILL)
        rest, _ = await asyncio.to_thread(writer.communicate)
        for line in rest.splitlines(keepends=True):
            if line.endswith("\n"):
                name, seq = line.split()
                reached[name] = int(seq)
        store = await Store.open(url)
        for name in "abc":
            loaded = await store.load(name)
            assert loaded.seq >= reached[name] > 0
            assert loaded.updates == [b"%d" % seq for seq in range(1, loaded.seq + 1)]
            assert len(await store.ledger(name, limit=100_000)) == loaded.seq
        await store.close()


async def test_a_database_that_another_program_locks_fails_and_recovers(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    store = await Store.open(f"sqlite:///{file}", patience=0.2)
    await store.create_canvas("c", "T", "ann", 1.0)
    other = start(LOCKER, str(file))
    assert other.stdout is not None
    assert (await asyncio.to_thread(other.stdout.readline)) == "locked\n"
    outcomes = await asyncio.gather(
        store.append([row(1)]), store.append([row(2)]), store.touch_canvas("c", "U", 2.0, {}), return_exceptions=True
    )
    for outcome in outcomes:
        assert isinstance(outcome, StorageFailed)
        assert (outcome.code, outcome.status) == ("unavailable", 503)
        assert "locked" in outcome.message
        assert "Stop the other program" in outcome.hint
    assert (await store.load("c")).seq == 0  # readers go on
    await asyncio.to_thread(other.communicate, "\n")
    await store.append([row(1)])
    assert (await store.load("c")).seq == 1
    await store.close()


async def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.create_canvas("c", "T", "ann", 1.0)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.append([row(1)]))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await waiting
    assert (await store.load("c")).seq == 1
    await store.close()


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "INSERT"])
async def test_who_is_cancelled_in_the_middle_of_a_write_locks_nobody_out(tmp_path: Path, statement: str) -> None:
    file = tmp_path / "s.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.create_canvas("c", "T", "ann", 1.0)
    saving = asyncio.create_task(store.remember("k", "ann", "c", {"n": 1}))

    def cancel(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        if text.startswith(statement):
            asyncio.get_running_loop().call_soon(saving.cancel)  # while the database is asked

    event.listen(sa.Engine, "before_cursor_execute", cancel)
    try:
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await saving
    finally:
        event.remove(sa.Engine, "before_cursor_execute", cancel)
    with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
        # Nobody reads on, either: all of the log can be emptied.
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert cancelled.tb is not None, "kept until here, as a log or an uncollected task may keep it"
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("making a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_fails_and_recovers_when_there_is_space_again(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/s.db"
    store = await Store.open(url)
    await store.create_canvas("c", "T", "ann", 1.0)
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 300_000))
    seq = 0
    with pytest.raises(StorageFailed) as failed:
        while seq < 1000:
            await store.append([row(seq + 1, os.urandom(20_000))])
            seq += 1
    assert "disk is full" in failed.value.message
    assert "Free some disk space" in failed.value.hint
    assert 0 < seq < 1000
    assert (await store.load("c")).seq == seq  # what was acknowledged is there, and can be read
    with pytest.raises(StorageFailed):
        await store.append([row(seq + 1, os.urandom(200_000))])

    ballast.unlink()
    await store.append([row(seq + 1, b"after")])
    await store.close()
    store = await Store.open(url)
    loaded = await store.load("c")
    assert (loaded.seq, loaded.updates[-1]) == (seq + 1, b"after")
    await store.close()


async def test_a_disk_that_is_full_from_the_start_is_said(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize))
    with pytest.raises(StorageFailed):
        await Store.open(f"sqlite:///{small_disk}/s.db")


async def test_everybody_in_a_failed_commit_is_told(tmp_path: Path) -> None:
    """The database may hold no more pages: the limit SQLite itself sets, without a full disk."""
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    await store.create_canvas("c", "T", "ann", 1.0)

    def pragma(text: str) -> Callable[[Any], int]:
        return lambda connection: connection.execute(f"PRAGMA {text}").fetchone()[0]

    used = await store._database.write(pragma("page_count"))
    await store._database.write(pragma(f"max_page_count={used + 4}"))
    outcomes = await asyncio.gather(
        *(store.append([row(seq, bytes(10_000))]) for seq in range(1, 6)), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [StorageFailed] * 5
    assert (await store.load("c")).seq == 0
    await store._database.write(pragma("max_page_count=1000000"))
    await store.append([row(1, bytes(10_000))])
    assert (await store.load("c")).seq == 1
    await store.close()
