"""Canvases come and go; runs, remembered responses and the rest go with them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from studiolo.canvas.errors import Conflict, Invalid, NotFound
from studiolo.canvas.participant import Participant
from studiolo.people import People
from studiolo.store import LogRow, OutOfOrder, Store
from studiolo.store.tables import metadata
from tests.conftest import Clock
from tests.store.rows import put_for_review


def files_with(folder: Path, text: str) -> list[str]:
    return [file.name for file in folder.iterdir() if text.encode() in file.read_bytes()]


async def test_a_canvas_is_made_with_its_first_content(store: Store) -> None:
    entry = {"action": {"type": "new"}, "outcome": {}}
    epoch = await store.create_canvas("c", "Title", "ann", 5.0, [LogRow("c", 1, 5.0, "ann", b"x", {3: "ann"}, entry)])
    loaded = await store.load("c")
    assert (loaded.updates, loaded.seq, loaded.owners, loaded.epoch) == ([b"x"], 1, {3: "ann"}, epoch)
    assert len(await store.ledger("c")) == 1


async def test_a_canvas_whose_first_rows_are_wrong_is_not_made(store: Store) -> None:
    for rows in ([LogRow("c", 2, 5.0, "ann", b"x")], [LogRow("other", 1, 5.0, "ann", b"x")]):
        with pytest.raises(Invalid):
            await store.create_canvas("c", "Title", "ann", 5.0, rows)
    assert await store.list_canvases() == []


async def test_an_id_is_used_once(store: Store) -> None:
    await store.create_canvas("c", "Title", "ann", 5.0)
    with pytest.raises(Conflict):
        await store.create_canvas("c", "Other", "bob", 6.0)
    assert (await store.canvas("c")).title == "Title"


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    for asked in (
        store.load("no"),
        store.canvas("no"),
        store.delete_canvas("no"),
        store.touch_canvas("no", "T", 1.0, {}),
        store.append([LogRow("no", 1, 1.0, "ann", b"x")]),
        store.remember("k", "ann", "no", {}),
        store.save_run({"id": "r", "canvas": "no", "state": "running", "started": 1.0}),
    ):
        with pytest.raises(NotFound):
            await asked
    assert await store.get_run("r") is None


async def test_the_list_shows_what_changed_last_first(store: Store) -> None:
    await store.create_canvas("old", "Old", "ann", 1.0)
    await store.create_canvas("new", "New", "ann", 2.0)
    await store.touch_canvas("old", "Old, renamed", 3.0, {"pages": 2, "words": 40})
    listed = await store.list_canvases()
    assert [one.id for one in listed] == ["old", "new"]
    assert (listed[0].title, listed[0].created, listed[0].updated) == ("Old, renamed", 1.0, 3.0)
    assert listed[0].summary == {"pages": 2, "words": 40}
    assert [one.id for one in await store.list_canvases(["new", "no"])] == ["new"]
    assert await store.list_canvases([]) == []


async def test_a_deleted_canvas_leaves_no_trace_in_any_table_or_file(store: Store, tmp_path: Path) -> None:
    mark = "EIGHTEENTH-CAMEL"
    ann = Participant("ann", "Ann")
    people = People(store)
    for id in ("doomed", "kept"):
        await store.create_canvas(id, f"{mark} {id}", "ann", 1.0)
        entry = {"action": {"text": f"{mark} {id}"}, "outcome": {}}
        await store.append([LogRow(id, 1, 1.0, "ann", f"{mark} {id}".encode(), {1: "ann"}, entry)])
        await store.save_snapshot(id, 1, f"{mark} {id}".encode())
        await store.save_run({"id": f"run-{id}", "canvas": id, "state": "done", "started": 1.0, "x": mark})
        await store.remember("key", "ann", id, {"text": f"{mark} {id}"})
        await put_for_review(store, id, f"{mark} {id}", "ann")
        guest = (await people.join(await people.share(id, "editor", ann), f"Guest of {id}")).participant
        await people.session(guest)
        await people.create_token("viewer", f"Reader of {id}", id)
    before = await store.load("doomed")
    await store.delete_canvas("doomed")

    with sqlite3.connect(tmp_path / "studiolo.db") as reader:
        tables = [name for (name,) in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = [str(found) for found in reader.execute(f"SELECT * FROM {table}")]  # noqa: S608
            assert not any("doomed" in found for found in rows), table
            if table not in ("schema_version", "studio", "mailboxes"):
                assert any("kept" in found for found in rows), table
    reader.close()
    assert not files_with(tmp_path, f"{mark} doomed")
    assert files_with(tmp_path, f"{mark} kept")

    with pytest.raises(NotFound):
        await store.load("doomed")
    with pytest.raises(NotFound):
        await store.append([LogRow("doomed", 2, 1.0, "ann", b"late")])
    assert (await store.load("kept")).seq == 1
    await store.create_canvas("doomed", "Again", "ann", 2.0)
    assert (await store.load("doomed")).epoch != before.epoch
    with pytest.raises(OutOfOrder):
        await store.append([LogRow("doomed", 2, 1.0, "ann", b"late")])


async def test_a_deleted_canvas_leaves_no_row_on_a_server(database_url: str) -> None:
    store = await Store.open(database_url)
    people, ann = People(store), Participant("ann", "Ann")
    for id in ("doomed", "kept"):
        entry = {"action": {"text": f"text of {id}"}, "outcome": {}}
        await store.create_canvas(id, id, "ann", 1.0, [LogRow(id, 1, 1.0, "ann", id.encode(), {1: "ann"}, entry)])
        await store.save_snapshot(id, 1, id.encode())
        await store.save_run({"id": f"run-{id}", "canvas": id, "state": "done", "started": 1.0, "x": id})
        await store.remember("key", "ann", id, {"text": id})
        await put_for_review(store, id, f"text of {id}", "ann")
        await people.join(await people.share(id, "editor", ann), f"Guest of {id}")
    await store.delete_canvas("doomed")
    async with store.reading() as connection:
        for table in metadata.sorted_tables:
            rows = [str(row) for row in await connection.execute(sa.select(table))]
            assert not any("doomed" in row for row in rows), table.name
            if table.name not in ("schema_version", "studio", "mailboxes"):
                assert any("kept" in row for row in rows), table.name
    await store.close()


async def test_a_canvas_is_deleted_while_another_program_reads(store: Store, tmp_path: Path) -> None:
    for id in ("doomed", "kept"):
        await store.create_canvas(id, "T", "ann", 1.0)
    reader = sqlite3.connect(tmp_path / "studiolo.db", isolation_level=None)
    reader.execute("BEGIN")
    assert len(reader.execute("SELECT * FROM canvases").fetchall()) == 2
    started = time.monotonic()
    await store.delete_canvas("doomed")
    await store.append([LogRow("kept", 1, 1.0, "ann", b"x")])
    assert time.monotonic() - started < 4  # less than the patience for a locked database
    assert [one.id for one in await store.list_canvases()] == ["kept"]
    assert len(reader.execute("SELECT * FROM canvases").fetchall()) == 2
    reader.close()


async def test_who_was_here_for_a_deleted_canvas_alone_goes_with_it(store: Store) -> None:
    people = People(store)
    owner = await people.claim_setup(await people.setup_link_token(), "Ann")
    for id in ("doomed", "kept"):
        await store.create_canvas(id, "T", owner.id, 1.0)
    doomed, kept = [await people.share(id, "viewer", owner) for id in ("doomed", "kept")]
    guest, both = [(await people.join(doomed, name)).participant for name in ("Guest", "Both")]
    await people.join(kept, existing=both)
    await people.join(doomed, existing=owner)
    cookies = [await people.session(one) for one in (guest, both, owner)]
    await store.delete_canvas("doomed")
    found = [await people.who(cookie) for cookie in cookies]
    assert [one and one.participant.name for one in found] == [None, "Both", "Ann"]
    assert await people.participant(guest.id) is None


# Requests that come twice


async def test_the_first_response_to_a_key_is_recalled(store: Store) -> None:
    await store.create_canvas("c", "T", "ann", 1.0)
    assert await store.recall("k", "ann", "c") is None
    await store.remember("k", "ann", "c", {"status": 200, "body": {"id": "s1"}})
    await store.remember("k", "ann", "c", {"status": 500})
    assert await store.recall("k", "ann", "c") == {"status": 200, "body": {"id": "s1"}}
    assert await store.recall("k", "bob", "c") is None
    assert await store.recall("k", "ann", "") is None


async def test_responses_are_forgotten_after_two_days(store: Store, clock: Clock) -> None:
    await store.remember("k", "ann", "", {"n": 1})
    clock.now += 2 * 86400 - 1
    assert await store.recall("k", "ann", "") == {"n": 1}
    clock.now += 2
    assert await store.recall("k", "ann", "") is None
    await store.remember("k", "ann", "", {"n": 2})
    assert await store.recall("k", "ann", "") == {"n": 2}


# Runs


async def test_a_run_is_kept_as_it_was_last_saved(store: Store) -> None:
    await store.create_canvas("c", "T", "ann", 1.0)
    run = {"id": "r1", "canvas": "c", "state": "running", "started": 5.0, "results": []}
    await store.save_run(run)
    done = {**run, "state": "done", "results": [{"type": "suggestion", "id": "s1"}]}
    await store.save_run(done)
    assert await store.get_run("r1") == done
    assert await store.get_run("r2") is None


async def test_runs_are_listed_newest_first_by_canvas_and_state(store: Store) -> None:
    for id in ("c", "d"):
        await store.create_canvas(id, "T", "ann", 1.0)
    for n, (canvas, state) in enumerate([("c", "done"), ("c", "running"), ("d", "queued"), ("c", "queued")]):
        await store.save_run({"id": f"r{n}", "canvas": canvas, "state": state, "started": float(n + 1)})
    assert [run["id"] for run in await store.list_runs("c")] == ["r3", "r1", "r0"]
    assert [run["id"] for run in await store.list_runs("c", limit=1)] == ["r3"]
    assert [run["id"] for run in await store.list_runs(states=["queued", "running"])] == ["r3", "r2", "r1"]
