"""Snapshots make opening quick and lose nothing: whenever one is taken, late, twice, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text
from sqlalchemy import event

from studiolo.canvas.errors import Conflict
from studiolo.store import LogRow, StorageFailed, Store

# What happens to a canvas, one thing after the other.
TYPE = st.tuples(st.just("type"), st.integers(0, 2), st.integers(0, 1000), st.text("aé漢🌍", max_size=4))
SNAPSHOT = st.tuples(st.sampled_from(["snapshot", "locked", "cancelled", "early"]), st.floats(0, 1))
REOPEN = st.tuples(st.just("reopen"))
EVENTS = st.lists(st.one_of(TYPE, TYPE, SNAPSHOT, REOPEN), max_size=25)


class Writer:
    """One of those who type, with a copy of the document."""

    def __init__(self, number: int) -> None:
        self.doc = Doc(client_id=number + 1)
        self.body = self.doc.get("text", type=Text)

    def type(self, place: int, text: str) -> bytes:
        """Put text somewhere, or take what is there when there is none to put; the update."""
        before = self.doc.get_state()
        whole = str(self.body)
        at = len(whole[: place % (len(whole) + 1)].encode())
        if text:
            self.body.insert(at, text)
        elif at < len(whole.encode()):
            del self.body[at:]
        return self.doc.get_update(before)


def replayed(updates: list[bytes]) -> Doc:
    doc = Doc()
    for update in updates:
        doc.apply_update(update)
    return doc


def shown(doc: Doc) -> tuple[str, bytes]:
    return str(doc.get("text", type=Text)), doc.get_state()


async def live(folder: Path, events: list[Any]) -> None:
    url = f"sqlite:///{folder}/s.db"
    store = await Store.open(url, patience=0.01)
    await store.create_canvas("c", "T", "ann", 1.0)
    writers, log = [Writer(number) for number in range(3)], list[bytes]()
    for kind, *given_ in events:
        if kind == "type":
            number, place, text = given_
            log.append(writers[number].type(place, text))
            await store.append([LogRow("c", len(log), 1.0, "ann", log[-1], {number: "ann"})])
            for writer in writers:
                writer.doc.apply_update(log[-1])
        elif kind == "reopen":
            await store.close()
            store = await Store.open(url, patience=0.01)
        else:
            await snapshot(store, folder / "s.db", kind, log, round(given_[0] * len(log)))
        loaded = await store.load("c")
        assert loaded.seq == len(log)
        assert shown(replayed([*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates])) == shown(
            replayed(log)
        )
        assert [row.data async for row in store.history("c")] == log
    await store.close()


async def snapshot(store: Store, file: Path, kind: str, log: list[bytes], seq: int) -> None:
    """Keep a snapshot of the document as it was after row `seq`, or fail to."""
    data = replayed(log[:seq]).get_update()
    if kind == "snapshot":
        await store.save_snapshot("c", seq, data)
    elif kind == "early":
        with pytest.raises(Conflict):
            await store.save_snapshot("c", len(log) + 1, data)
    elif kind == "locked":
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageFailed):
                await store.save_snapshot("c", seq, data)
    else:
        saving = asyncio.create_task(store.save_snapshot("c", seq, data))
        for _ in range(seq % 7):
            await asyncio.sleep(0)
        saving.cancel()
        with suppress(asyncio.CancelledError):
            await saving


@settings(max_examples=40)
@given(EVENTS)
def test_a_snapshot_and_what_came_later_is_the_whole_log(events: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder), events))


async def test_opening_reads_nothing_of_the_log_before_the_snapshot(tmp_path: Path) -> None:
    """The work that SQLite does, in its own steps, is the same for a long log as for a short one."""
    steps: dict[int, int] = {}
    for length in (10, 5000):
        store = await Store.open(f"sqlite:///{tmp_path}/{length}.db")
        await store.create_canvas("c", "T", "ann", 1.0)
        await store.append([LogRow("c", seq, 1.0, "ann", b"x") for seq in range(1, length + 1)])
        await store.save_snapshot("c", length - 5, b"all of it")
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        counted = _counting(step)
        event.listen(sa.Engine, "before_cursor_execute", counted)
        try:
            loaded = await store.load("c")
        finally:
            event.remove(sa.Engine, "before_cursor_execute", counted)
        assert (loaded.snapshot, len(loaded.updates), loaded.seq) == (b"all of it", 5, length)
        steps[length] = count
        await store.close()
    assert steps[10] > 20
    assert steps[5000] == steps[10]


async def test_appending_looks_at_the_end_of_the_log_only(tmp_path: Path) -> None:
    steps: dict[int, int] = {}
    for length in (10, 5000):
        store = await Store.open(f"sqlite:///{tmp_path}/{length}.db")
        await store.create_canvas("c", "T", "ann", 1.0)
        await store.append([LogRow("c", seq, 1.0, "ann", b"x") for seq in range(1, length + 1)])
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        await store._database.write(lambda connection, step=step: connection.set_progress_handler(step, 1))  # type: ignore[union-attr]
        await store.append([LogRow("c", length + 1, 1.0, "ann", b"x")])
        steps[length] = count
        await store.close()
    assert steps[10] > 20
    assert steps[5000] == steps[10]


def _counting(step: Callable[[], int]) -> Callable[..., None]:
    """A listener that lets SQLite call `step` for each step of its virtual machine."""

    def listen(connection: sa.Connection, *_more: Any) -> None:
        driver = connection.connection.driver_connection
        driver._conn.set_progress_handler(step, 1)  # type: ignore[union-attr]

    return listen
