"""Power that fails at any moment: what was acknowledged was on the disk by then, and what is on the disk can be read.

SQLite appends every commit to its write-ahead log and, at `synchronous=FULL`, waits until the disk has it. Power loss
leaves any part of what came after that wait: nothing, half a frame, a sector of zeros or of something else. So a store
is written, the log is cut or torn at each kind of place, and what opens then must be exactly the commits before it.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Text

from studiolo.canvas.errors import StudioloError
from studiolo.store import LogRow, Store
from tests.conftest import ServedStudio
from tests.reliability.strace import Strace
from tests.web.yclient import YClient

HEADER, FRAME_HEADER = 32, 24
SECTORS = (512, 4096)


@dataclass
class Wal:
    """A write-ahead log as SQLite documents it (https://www.sqlite.org/fileformat2.html#walformat)."""

    data: bytes

    def __post_init__(self) -> None:
        self.page = struct.unpack_from(">I", self.data, 8)[0]
        self.salt = self.data[16:24]

    def frames(self) -> Iterator[tuple[int, bool]]:
        """Where each frame of the present generation ends, and whether it ends a commit."""
        at = HEADER
        while at + FRAME_HEADER + self.page <= len(self.data) and self.data[at + 8 : at + 16] == self.salt:
            committed = struct.unpack_from(">I", self.data, at + 4)[0] > 0
            at += FRAME_HEADER + self.page
            yield at, committed

    @property
    def end(self) -> int:
        """Where the last commit ends."""
        return max((end for end, committed in self.frames() if committed), default=HEADER)


@dataclass
class Written:
    """A store's files, and what had been acknowledged when its log was so long."""

    database: bytes
    wal: bytes
    acknowledged: list[tuple[int, int]]
    """(where the log ended, rows)."""

    def rows_at(self, end: int) -> int:
        return max((rows for at, rows in self.acknowledged if at <= end), default=0)


UPDATES: list[bytes] = []


def updates(count: int) -> list[bytes]:
    """Updates of one document; some are larger than a page of the database."""
    rng = Random(1)
    while len(UPDATES) < count:
        doc = Doc()
        text = doc.get("text", type=Text)
        subscription = doc.observe(lambda event: UPDATES.append(event.update))
        for _ in range(200):
            text.insert(0, rng.choice(("a", "é🌊", "word " * 20, "page " * 3_000)))
        doc.unobserve(subscription)
    return UPDATES[:count]


async def write(folder: Path, first: int, last: int) -> list[tuple[int, int]]:
    """Append rows one commit after the other, some of them several at once; the store stays open until power fails."""
    store = await Store.open(folder / "s.db")
    rng, acknowledged, seq = Random(first), [], first - 1
    if first == 1:
        await store.create_canvas("c", "T", "ann", 1.0)
        acknowledged.append((Wal((folder / "s.db-wal").read_bytes()).end, 0))
    while seq < last:
        count = min(rng.choice((1, 1, 1, 3)), last - seq)
        await store.append([row(number) for number in range(seq + 1, seq + count + 1)])
        seq += count
        acknowledged.append((Wal((folder / "s.db-wal").read_bytes()).end, seq))
    OPEN.append(store)
    return acknowledged


OPEN: list[Store] = []


@pytest.fixture(autouse=True)
async def _close_stores() -> Any:
    yield
    while OPEN:
        await OPEN.pop().close()


def row(seq: int) -> LogRow:
    entry = {"action": {"n": seq}, "outcome": {}}
    return LogRow("c", seq, 1.0, "ann", updates(seq)[-1], {seq: "ann"}, entry=entry)


def places(wal: Wal, every: int) -> list[int]:
    """Places of every kind: in the header, at the edges of frames and commits, in a frame's header, in its page.

    `every`: of so many commits, and of so many frames, one.
    """
    frames = [end for end, _ in wal.frames()]
    commits = [end for end, committed in wal.frames() if committed]
    some = {*commits[::every], *frames[:: 3 * every], commits[-1]}
    found = {0, 1, 16, HEADER - 1, HEADER, HEADER + 1}
    for end in some:
        begin = end - FRAME_HEADER - wal.page
        found |= {end - 1, end, end + 1, begin + 4, begin + FRAME_HEADER, begin + FRAME_HEADER + wal.page // 2}
    return sorted(place for place in found if place <= frames[-1])


def check(folder: Path, database: bytes, wal: bytes, least: int, most: int, what: str) -> int:
    """Put the files down as the power left them and open them; how many rows there are."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "s.db").write_bytes(database)
    (folder / "s.db-wal").write_bytes(wal)
    with closing(sqlite3.connect(folder / "s.db")) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)], what
        tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
        if "updates" not in tables:
            assert least == 0, what
            return 0
        found = opened.execute("SELECT seq, data FROM updates ORDER BY seq").fetchall()
        assert [seq for seq, _ in found] == list(range(1, len(found) + 1)), what
        assert [data for _, data in found] == updates(len(found)), what
        assert least <= len(found) <= most, f"{what}: {len(found)} rows, of {least} that were acknowledged"
        # What belongs to a row came with it, or not at all.
        for table, key in (("ledger", "seq"), ("client_owners", "client_id")):
            assert [number for (number,) in opened.execute(f"SELECT {key} FROM {table} ORDER BY {key}")] == [  # noqa: S608
                seq for seq, _ in found
            ], what
    return len(found)


async def check_opens(folder: Path, rows: int) -> None:
    """The store itself opens what is there, and goes on from it."""
    store = await Store.open(folder / "s.db")
    if rows:
        loaded = await store.load("c")
        assert (loaded.seq, loaded.updates) == (rows, updates(rows))
        await store.append([row(rows + 1)])
        assert (await store.load("c")).seq == rows + 1
    await store.close()


def files(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "s.db").read_bytes(), (folder / "s.db-wal").read_bytes()


@pytest.fixture
def every(request: pytest.FixtureRequest) -> int:
    """Of so many commits one is looked at: of all with --slow."""
    return 1 if request.config.getoption("--slow") else 4


async def test_a_log_that_ends_anywhere_keeps_what_was_acknowledged_by_then(tmp_path: Path, every: int) -> None:
    acknowledged = await write(tmp_path, 1, 60)
    database, data = files(tmp_path)
    wal = Wal(data)
    written = Written(database, data, acknowledged)
    assert written.rows_at(wal.end) == 60
    cut = tmp_path / "cut"
    for number, place in enumerate(places(wal, every)):
        rows = written.rows_at(place)
        found = check(cut, database, data[:place], rows, rows, f"cut at {place}")
        if number % 25 == 0:
            await check_opens(cut, found)


async def test_a_torn_end_of_the_log_costs_only_what_was_not_acknowledged(tmp_path: Path, every: int) -> None:
    """The last sectors hold zeros, or something else, or what was there before, or are missing in between."""
    rng = Random(2)
    acknowledged = await write(tmp_path, 1, 50)
    database, data = files(tmp_path)
    wal = Wal(data)
    written = Written(database, data, acknowledged)
    torn = tmp_path / "torn"
    for number, place in enumerate(places(wal, 4 * every)):
        for sector in SECTORS:
            begin = max(0, (place - 1) // sector * sector)
            for how, rest in {
                "zeros": bytes(place - begin),
                "garbage": rng.randbytes(place - begin),
                "a lost sector before the last": bytes(min(sector, place - begin)) + data[begin + sector : place],
                "bits": bytes(byte ^ (rng.random() < 0.01) for byte in data[begin:place]),
            }.items():
                least, most = written.rows_at(begin), written.rows_at(place)
                what = f"{how} in the sector of {sector} before {place}"
                found = check(torn, database, data[:begin] + rest, least, most, what)
                if number % 10 == 0 and sector == SECTORS[0]:
                    await check_opens(torn, found)


async def test_power_that_fails_while_the_log_is_copied_into_the_database_costs_nothing(tmp_path: Path) -> None:
    """A checkpoint writes pages in any order and may tear one; the log is whole until all of them are synced."""
    rng = Random(3)
    acknowledged = await write(tmp_path, 1, 50)
    before, data = files(tmp_path)
    page = Wal(data).page
    with closing(sqlite3.connect(tmp_path / "s.db")) as other:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        assert not busy
    after = (tmp_path / "s.db").read_bytes()
    assert len(after) > len(before) and acknowledged[-1][1] == 50
    half = tmp_path / "half"
    for number in range(40):
        pages = bytearray(before.ljust(len(after), b"\0"))
        done = rng.sample(range(len(after) // page), rng.randrange(len(after) // page + 1))
        for index in done:
            pages[index * page : (index + 1) * page] = after[index * page : (index + 1) * page]
        torn = rng.randrange(len(after) // page) * page
        pages[torn : torn + page // 2] = after[torn : torn + page // 2]
        # The file may have grown or not, and what was never written in between is zeros.
        length = len(after) if rng.random() < 0.5 else max(len(before), (max(done, default=0) + 1) * page)
        check(half, bytes(pages[:length]), data, 50, 50, f"checkpoint {number}")
        if number % 20 == 0:
            await check_opens(half, 50)
    check(half, after, data, 50, 50, "after the checkpoint, the log as it was")
    check(half, after, b"", 50, 50, "after the checkpoint, the log gone")


async def test_power_that_fails_when_the_log_starts_anew_costs_nothing(tmp_path: Path, every: int) -> None:
    """After a checkpoint new commits are written over the old ones: at any place new bytes end and old ones go on."""
    await write(tmp_path, 1, 40)
    old = (tmp_path / "s.db-wal").read_bytes()
    with closing(sqlite3.connect(tmp_path / "s.db")) as other:
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    acknowledged = await write(tmp_path, 41, 56)
    database, data = files(tmp_path)
    wal = Wal(data)
    assert wal.salt != Wal(old).salt and len(data) == len(old) > wal.end, "the log has not started anew"
    written = Written(database, data, [(0, 40), *acknowledged])
    over = tmp_path / "over"
    for number, place in enumerate(places(wal, every)):
        rows = written.rows_at(place)
        # A header of the new generation with frames of the old one, or half a header: none of them counts.
        found = check(over, database, data[:place] + old[place:], rows, rows, f"new up to {place}")
        if number % 25 == 0:
            await check_opens(over, found)


async def test_a_damaged_database_file_is_refused_in_words(tmp_path: Path) -> None:
    """No power loss does this, but a failing disk does. (SQLite has no checksums: what is changed within a text, and
    breaks nothing, it cannot see.)"""
    rng = Random(5)
    await write(tmp_path, 1, 50)
    while OPEN:
        await OPEN.pop().close()
    whole = (tmp_path / "s.db").read_bytes()
    damaged = tmp_path / "damaged.db"
    refused = 0
    for number in range(40):
        data = bytearray(whole)
        at = rng.randrange(len(data) // 4096) * 4096
        match number % 4:
            case 0:
                del data[at + rng.randrange(4096) :]
            case 1:
                data[at : at + 4096] = bytes(4096)
            case 2:
                data[at : at + 4096] = rng.randbytes(4096)
            case _:
                data[at : at + 4096] = data[-4096:]
        damaged.write_bytes(data)
        for suffix in ("-wal", "-shm"):
            damaged.with_name(damaged.name + suffix).unlink(missing_ok=True)
        store = None
        try:
            store = await Store.open(damaged)
            assert (await store.load("c")).seq <= 50
        except StudioloError as error:
            assert error.message and error.hint
            refused += 1
        finally:
            if store is not None:
                await store.close()
    assert refused >= 10


CALLS = "pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg"
ACK, UPDATE = r'"\x82\x02\x64', re.compile(r'"\\x82\\x..\\x00\\x02')
STARTED = re.compile(r"^(\d+) +(\w+)\(\d+<((?:\\x[0-9a-f]{2})*)>(.*)")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")


async def test_an_acknowledgement_leaves_only_after_the_disk_has_it(mortal: ServedStudio, tmp_path: Path) -> None:
    """Seen from the kernel: the log is written, then synced, and only then anything is sent to anybody."""
    made = mortal.canvas("x")
    page = made["pages"][0]["id"]
    trace = tmp_path / "trace"
    strace = Strace(mortal.process.pid)
    url = mortal.sync_url(made["id"], ack="1")
    async with YClient(url) as ada, YClient(url) as ben:
        for client in (ada, ben):
            await client.ready()
            await client.until(lambda client=client: client.acked == 1)
        strace.record(CALLS, trace)
        try:
            for number in range(1, 21):
                ada.insert(page, 0, "y")
                await ada.until(lambda number=number: ada.acked == 1 + number)
                await ben.until(lambda number=number: len(ben.page(page)) == 1 + number)
        finally:
            strace.end()
    seen: Counter[str] = Counter()
    writing = False
    for event in events(trace.read_text().splitlines()):
        if event == "written":
            writing = True
        elif event == "synced":
            seen[event] += writing
            writing = False
        else:
            seen[event] += 1
            assert seen[event] <= seen["synced"], f"{event} before the disk had it"
    assert seen["acknowledged"] == seen["sent to the other"] == 20


def events(lines: list[str]) -> Iterator[str]:
    """What the calls of a trace mean: the log is `written` or `synced`, a key is `acknowledged` or `sent to the other`.

    A write and a send count from when they begin, a sync only when it has ended.
    """
    syncing: set[str] = set()
    for line in lines:
        if (resumed := RESUMED.match(line)) and resumed[1] in syncing and "sync" in resumed[2]:
            syncing.discard(resumed[1])
            yield "synced"
        if not (started := STARTED.match(line)):
            continue
        thread, call, file, rest = started.groups()
        name = bytes.fromhex(file.replace("\\x", "")).decode()
        if name.endswith("-wal") and call == "pwrite64":
            yield "written"
        elif name.endswith("-wal") and "unfinished" in rest:
            syncing.add(thread)
        elif name.endswith("-wal"):
            yield "synced"
        elif "socket" in name and ACK in rest:
            yield "acknowledged"
        elif "socket" in name and UPDATE.search(rest):
            yield "sent to the other"
