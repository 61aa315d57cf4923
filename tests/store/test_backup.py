"""A backup is one moment of a studio in one file, and comes back whole, in either kind of database, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from pycrdt import Doc, Text

from studiolo.canvas.errors import Conflict, Invalid
from studiolo.people import People
from studiolo.store import LogRow, StorageFailed, Store
from studiolo.store.backup import Backup, back_up, kept_tables
from studiolo.store.ledger import verify
from studiolo.store.restore import restore
from tests.servers import PostgreSQL
from tests.store.rows import put_for_review

NewDatabase = Callable[[], str]
KINDS = ["sqlite", "postgresql"]


def maker(kind: str, request: pytest.FixtureRequest, folder: Path) -> NewDatabase:
    if kind == "sqlite":
        return lambda: f"sqlite:///{folder}/{len(list(folder.glob('*.db')))}.db"
    request.getfixturevalue("database_url")  # a server that a test has stopped is started again
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.database


@pytest.fixture(params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    return maker(request.param, request, tmp_path)


async def fill(store: Store) -> None:
    """Put something into every table."""
    people = People(store)
    owner = await people.claim_setup(await people.setup_link_token(), "Ann")
    text = 'naïve 👩‍👩‍👧 漢字 " \\ end'
    for id in ("novel", "essay"):
        await store.create_canvas(id, f"{text} {id}", owner.id, 1.5)
        rows = [
            LogRow(id, seq, seq / 3, owner.id, bytes(range(256)) * (seq % 3), {seq: owner.id}) for seq in range(1, 150)
        ]
        await store.append(rows)
        await store.append([LogRow(id, 150, 7.0, owner.id, b"", {}, {"action": {"text": text}, "outcome": {"n": 1}})])
        await store.save_snapshot(id, 100, b"\x00\xff" * 1000)
        await store.save_run({"id": f"run-{id}", "canvas": id, "state": "done", "started": 1.0, "x": text})
        await store.remember("key", owner.id, id, {"text": text, "list": [1, 2.5, None, True]})
        await put_for_review(store, id, text, owner.id)
    await people.join(await people.share("novel", "editor", owner), "Bob")
    await people.create_token("viewer", "Reader", "essay", days=3)


async def everything(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables, without what a restored studio has anew."""
    async with store.reading() as connection:
        found = {
            table.name: [
                dict(row._mapping) for row in await connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for table in kept_tables()
        }
    for row in found["canvases"]:
        del row["epoch"]
    return found


async def made(database: str, path: Path) -> dict[str, list[Any]]:
    """A full studio in a new database, backed up to `path`; all its rows."""
    store = await Store.open(database)
    await fill(store)
    await back_up(store, path)
    rows = await everything(store)
    await store.close()
    return rows


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def restored(database: str, path: Path, **options: Any) -> str:
    with Backup.open(path) as backup:
        return await restore(database, backup, **options)


@pytest.mark.parametrize("into", KINDS)
async def test_a_studio_comes_back_whole_in_either_kind_of_database(
    new_database: NewDatabase, into: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source, target = new_database(), maker(into, request, tmp_path / "other")()
    (tmp_path / "other").mkdir()
    before = await made(source, tmp_path / "backup")
    assert all(before.values())
    assert await restored(target, tmp_path / "backup") == ""
    old, new = await Store.open(source), await Store.open(target)
    assert await everything(new) == before
    assert new.studio != old.studio
    for id in ("novel", "essay"):
        assert (await new.load(id)).epoch != (await old.load(id)).epoch
        assert (await verify(new, id)).head == (await verify(old, id)).head
        await new.append([LogRow(id, 151, 1.0, "ann", b"and on", {}, {"action": {"n": 1}, "outcome": {}})])
        assert (await verify(new, id)).rows == 2
    await asyncio.gather(old.close(), new.close())


async def test_a_backup_from_before_the_ledger_was_chained_is_chained(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    before = await made(f"sqlite:///{tmp_path}/s.db", tmp_path / "backup")

    def older(entries: dict[str, bytes]) -> None:
        manifest = json.loads(entries["manifest.json"])
        at = manifest["columns"]["ledger"].index("hash")
        del manifest["columns"]["ledger"][at]
        for table in ("versions", "inbox", "attempts", "deliveries", "webhooks"):
            for of_them in ("columns", "rows"):
                del manifest[of_them][table]
            name = f"tables/{table}.jsonl"
            del manifest["sha256"][name], entries[name]
        rows = [json.loads(line) for line in entries["tables/ledger.jsonl"].splitlines()]
        lines = [json.dumps(row[:at] + row[at + 1 :]) for row in rows]
        entries["tables/ledger.jsonl"] = "".join(f"{line}\n" for line in lines).encode()
        entries["manifest.json"] = json.dumps(manifest | {"schema": 2}).encode()

    forge(tmp_path / "backup", older)
    database = new_database()
    await restored(database, tmp_path / "backup")
    store = await Store.open(database)
    assert (await everything(store))["ledger"] == before["ledger"]
    assert (await verify(store, "novel")).rows == 1
    await store.close()


async def test_a_backup_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    await made(f"sqlite:///{tmp_path}/s.db", tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    assert [name for name in names_in(tmp_path) if not name.startswith("s.db")] == ["backup"]


async def test_a_file_that_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    path = tmp_path / "precious"
    path.write_text("a novel")
    with pytest.raises(Conflict, match="already there"):
        await back_up(store, path)
    assert path.read_text() == "a novel"
    await back_up(store, path, replace=True)
    with Backup.open(path) as backup:
        assert backup.made.rows["canvases"] == 0
    await store.close()


# While people type


async def test_a_backup_is_one_moment_while_twenty_people_type(new_database: NewDatabase, tmp_path: Path) -> None:
    """Every canvas is a prefix of what was typed, with all that was acknowledged before the backup began."""
    database = new_database()
    store = await Store.open(database)
    acknowledged = dict.fromkeys((f"c{n}" for n in range(20)), 0)
    for id in acknowledged:
        await store.create_canvas(id, "T", "ann", 1.0)
    stop = asyncio.Event()

    async def typist(id: str) -> None:
        doc, updates = Doc(), []
        subscription = doc.observe(lambda event: updates.append(event.update))
        body = doc.get("text", type=Text)
        while not stop.is_set():
            seq = acknowledged[id] + 1
            body += f"{seq} "
            entry = {"action": {"seq": seq}, "outcome": {}} if seq % 3 == 0 else None
            await store.append(
                [LogRow(id, seq, 1.0, "ann", updates.pop(), {seq: "ann"} if seq % 5 == 0 else {}, entry)]
            )
            acknowledged[id] = seq
        doc.unobserve(subscription)

    typing = [asyncio.create_task(typist(id)) for id in acknowledged]
    promised: list[dict[str, int]] = []
    for n in range(3):
        while min(acknowledged.values()) < 10 * (n + 1):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        promised.append(dict(acknowledged))
        await back_up(store, tmp_path / f"backup{n}")
    stop.set()
    await asyncio.gather(*typing)
    await store.close()

    for n, least in enumerate(promised):
        target = f"sqlite:///{tmp_path}/restored{n}.db"
        await restored(target, tmp_path / f"backup{n}")
        copy = await Store.open(target)
        for id, at_least in least.items():
            loaded = await copy.load(id)  # which refuses a hole
            assert at_least <= loaded.seq <= acknowledged[id]
            doc = Doc()
            for update in loaded.updates:
                doc.apply_update(update)
            assert str(doc.get("text", type=Text)).split() == [str(seq) for seq in range(1, loaded.seq + 1)]
            assert [row.seq for row in await copy.ledger(id, limit=10**6)] == list(range(3, loaded.seq + 1, 3))
            assert sorted(loaded.owners) == list(range(5, loaded.seq + 1, 5))
        await copy.close()


# What was there


async def test_a_studio_is_replaced_only_when_told_and_kept(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database()
    await made(database, tmp_path / "backup")
    store = await Store.open(database)
    await store.create_canvas("later", "Later", "ann", 9.0)
    await store.close()
    with pytest.raises(Conflict, match="holds a studio"):
        await restored(database, tmp_path / "backup")
    store = await Store.open(database)
    assert await store.load("later")
    await store.close()

    kept = await restored(database, tmp_path / "backup", force=True)
    store = await Store.open(database)
    assert {one.id for one in await store.list_canvases()} == {"novel", "essay"}
    async with store.reading() as connection:
        if database.startswith("sqlite"):
            with closing(sqlite3.connect(kept)) as old:
                there = {id for (id,) in old.execute("SELECT id FROM canvases")}
        else:
            schema = kept.split()[2]
            there = set(await connection.scalars(sa.text(f"SELECT id FROM {schema}.canvases")))  # noqa: S608
    assert there == {"novel", "essay", "later"}
    await store.close()


async def test_a_new_and_empty_studio_gives_way(new_database: NewDatabase, tmp_path: Path) -> None:
    database, target = new_database(), ""
    await made(database, tmp_path / "backup")
    target = new_database()
    await (await Store.open(target)).close()
    assert await restored(target, tmp_path / "backup") == ""
    store = await Store.open(target)
    assert len(await store.list_canvases()) == 2
    await store.close()


async def test_a_damaged_database_is_replaced_when_told_and_kept(tmp_path: Path) -> None:
    database = tmp_path / "s.db"
    await made(f"sqlite:///{database}", tmp_path / "backup")
    database.write_bytes(b"Dear diary, " * 500)
    (tmp_path / "s.db-wal").write_bytes(b"something of the damaged one")
    with pytest.raises(Conflict, match="damaged"):
        await restored(f"sqlite:///{database}", tmp_path / "backup")
    kept = await restored(f"sqlite:///{database}", tmp_path / "backup", force=True)
    assert (tmp_path / kept).read_bytes() == b"Dear diary, " * 500
    assert (tmp_path / f"{kept}-wal").read_bytes() == b"something of the damaged one"
    store = await Store.open(f"sqlite:///{database}")
    assert len(await store.list_canvases()) == 2
    await store.close()


async def test_a_database_in_use_is_not_replaced(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database()
    await made(database, tmp_path / "backup")
    store = await Store.open(database)
    await store.append([LogRow("novel", 151, 1.0, "ann", b"x")])
    with pytest.raises((StorageFailed, Conflict)):
        await restored(database, tmp_path / "backup", force=True)
    await store.append([LogRow("novel", 152, 1.0, "ann", b"x")])
    assert (await store.load("novel")).seq == 152
    await store.close()
    assert [name for name in names_in(tmp_path) if "restor" in name] == []


async def test_a_backup_that_contradicts_itself_changes_nothing(new_database: NewDatabase, tmp_path: Path) -> None:
    database, path = new_database(), tmp_path / "backup"
    await made(database, path)

    def doubled(entries: dict[str, bytes]) -> None:
        entries["tables/updates.jsonl"] *= 2

    forge(path, doubled)
    with pytest.raises(Invalid, match="contradicts itself"):
        await restored(database, path, force=True)
    store = await Store.open(database)
    assert (await store.load("novel")).seq == 150
    await store.close()
    assert [name for name in names_in(tmp_path) if "restor" in name] == []


# Damaged files


def forge(path: Path, change: Callable[[dict[str, bytes]], None], *, resealed: bool = True) -> None:
    """Change a backup's entries and pack them anew, with the checksums that then fit or with the old ones."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
        comment = archive.comment
    change(entries)
    if resealed:
        manifest = json.loads(entries["manifest.json"])
        manifest["sha256"] = {name: hashlib.sha256(entries[name]).hexdigest() for name in manifest["sha256"]}
        manifest["rows"] = {name: entries[f"tables/{name}.jsonl"].count(b"\n") for name in manifest["rows"]}
        entries["manifest.json"] = json.dumps(manifest).encode()
        comment = hashlib.sha256(entries["manifest.json"]).hexdigest().encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        archive.comment = comment


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    asyncio.run(made(f"sqlite:///{tmp_path}/s.db", tmp_path / "backup"))
    return tmp_path / "backup"


def test_a_backup_that_was_cut_off_is_refused_at_every_length(backup: Path) -> None:
    whole = backup.read_bytes()
    for length in [*range(0, len(whole), 41), *range(len(whole) - 300, len(whole))]:
        backup.write_bytes(whole[:length])
        with pytest.raises(Invalid, match="Nothing was changed"), Backup.open(backup):
            pass


def test_a_backup_in_which_a_byte_has_changed_is_refused_or_means_the_same(backup: Path) -> None:
    whole = bytearray(backup.read_bytes())
    refused = 0

    def content() -> list[Any]:
        with Backup.open(backup) as found:
            return [(table.name, [row for rows in portions for row in rows]) for table, portions in found.tables()]

    expected = content()
    random = Random(7)
    places = random.sample(range(len(whole)), 400)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << random.randrange(8)
        backup.write_bytes(changed)
        try:
            assert content() == expected  # a date in a zip header, at most
        except Invalid:
            refused += 1
    assert refused > len(places) * 0.8


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("chapter.md", "Once")
    for content in (b"", b"Dear diary", b"PK\x05\x06" + bytes(18), other.getvalue()):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(Invalid, match="not a backup"), Backup.open(tmp_path / "file"):
            pass


def _put_in_another_row(entries: dict[str, bytes]) -> None:
    entries["tables/canvases.jsonl"] = entries["tables/canvases.jsonl"].replace(b"essay", b"ESSAY")


def _leave_out_a_table(entries: dict[str, bytes]) -> None:
    del entries["tables/grants.jsonl"]


def _add_something(entries: dict[str, bytes]) -> None:
    entries["tables/more.jsonl"] = b"[]\n"


def _say_something_else(entries: dict[str, bytes]) -> None:
    entries["manifest.json"] = entries["manifest.json"].replace(b'"schema": ', b'"schema":  ')


@pytest.mark.parametrize("change", [_put_in_another_row, _leave_out_a_table, _add_something, _say_something_else])
def test_a_backup_that_was_changed_is_refused(backup: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    forge(backup, change, resealed=False)
    with pytest.raises(Invalid, match="damaged"), Backup.open(backup):
        pass


def test_a_backup_of_a_newer_studiolo_is_refused(backup: Path) -> None:
    def newer(entries: dict[str, bytes]) -> None:
        manifest = json.loads(entries["manifest.json"])
        entries["manifest.json"] = json.dumps(manifest | {"schema": 99, "version": "7.0"}).encode()

    forge(backup, newer)
    with pytest.raises(Invalid, match=r"newer Studiolo \(7\.0\)"), Backup.open(backup):
        pass


# Killed half-way

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from studiolo.store import Store
from studiolo.store.backup import Backup, back_up
from studiolo.store.restore import restore

async def backing_up(database, path):
    store = await Store.open(database)
    await back_up(store, Path(path), replace=True)
    await store.close()

async def restoring(database, path):
    with Backup.open(Path(path)) as backup:
        await restore(database, backup, force=True)

what, folder, database, path, left = sys.argv[1], sys.argv[2], *sys.argv[3:5], int(sys.argv[5])

def seen(event, args):
    global left
    if event in ("open", "os.rename", "os.link", "os.remove", "sqlite3.connect") and folder in str(args):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(seen)
asyncio.run({"backup": backing_up, "restore": restoring}[what](database, path))
os._exit(0)
"""


def killed(what: str, folder: Path, database: str, path: Path, touches: int) -> bool:
    """Back up or restore in a process that is killed when it touches a file once more; whether it was."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, what, str(folder), database, str(path), str(touches)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


async def test_a_backup_that_is_killed_leaves_the_old_one(tmp_path: Path) -> None:
    database, path = f"sqlite:///{tmp_path}/s.db", tmp_path / "backup"
    before = await made(database, path)
    deaths = 0
    while await asyncio.to_thread(killed, "backup", tmp_path, database, path, deaths):
        deaths += 1
        with Backup.open(path) as backup:
            assert backup.made.rows == {name: len(rows) for name, rows in before.items()}
    assert deaths >= 3


async def test_a_restoration_that_is_killed_leaves_the_old_studio_or_the_new_one(tmp_path: Path) -> None:
    folder, path = tmp_path / "home", tmp_path / "backup"
    folder.mkdir()
    database = f"sqlite:///{folder}/s.db"
    new = await made(f"sqlite:///{tmp_path}/other.db", path)
    deaths, found = 0, set[str]()
    while True:
        for file in folder.iterdir():
            file.unlink()
        store = await Store.open(database)
        await store.create_canvas("old", "Old", "ann", 1.0, [LogRow("old", 1, 1.0, "ann", b"x")])
        old = await everything(store)
        await store.close()
        if not await asyncio.to_thread(killed, "restore", folder, database, path, deaths):
            break
        deaths += 1
        store = await Store.open(database)
        now = await everything(store)
        await store.close()
        assert now in (old, new)
        found.add("old" if now == old else "new")
        await restored(database, path, force=True)  # and it can be done again
        store = await Store.open(database)
        assert await everything(store) == new
        await store.close()
    assert deaths >= 5
    assert found == {"old", "new"}


# Memory

MEASURED = """
import asyncio, os, resource, sys
from pathlib import Path
from studiolo.store import LogRow, Store
from studiolo.store.backup import Backup, back_up
from studiolo.store.restore import restore

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def main(folder):
    store = await Store.open(folder / "s.db")
    async def canvas(name):
        await store.create_canvas(name, "T", "ann", 1.0, [LogRow(name, 1, 1.0, "ann", b"x")])
        await store.save_snapshot(name, 1, bytes(2_000_000))
    for n in range(2):
        await canvas(f"c{n}")
    await back_up(store, folder / "small")
    with Backup.open(folder / "small") as backup:
        await restore(folder / "small.db", backup)
    for n in range(2, 30):
        await canvas(f"c{n}")
    before = peak()
    await back_up(store, folder / "large")
    with Backup.open(folder / "large") as backup:
        await restore(folder / "large.db", backup)
    print(peak() - before)
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts in kilobytes as Linux does")
async def test_the_size_of_a_studio_is_no_matter_of_memory(tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", MEASURED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert int(done.stdout) < 20_000  # of 60,000
