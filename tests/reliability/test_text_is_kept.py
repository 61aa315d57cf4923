"""Text is there once: after restarts, evictions, closed tabs, maintenance, and joins in the middle of it all."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Map

from studiolo.canvas import Canvas, Participant
from studiolo.rooms import Room, Rooms, room
from studiolo.store import Store
from tests.conftest import ServedStudio
from tests.reliability.conftest import restart
from tests.reliability.replay import Replay
from tests.reliability.typist import (
    Typist,
    check_all_is_there,
    converge,
    guests,
    served_texts,
    tokens,
)
from tests.rooms.client import Client, until
from tests.web.yclient import YClient

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")


@pytest.fixture
async def rooms(store: Store) -> AsyncIterator[Rooms]:
    rooms = Rooms(store, linger=0.01)
    yield rooms
    await rooms.close()


async def opened(rooms: Rooms, text: str = "") -> tuple[Room, str]:
    room = await rooms.create("Book", [{"title": "One", "text": text, "kind": "prose"}], ADA)
    return room, room.canvas.outline()[0]["id"]


# 1. Doubled content


async def test_text_is_never_doubled_after_restart(mortal: ServedStudio) -> None:
    """Each time a client comes back it has typed meanwhile, and so has another who stayed away for longer."""
    made = mortal.canvas("Once.")
    page = made["pages"][0]["id"]
    ada, ben = (YClient(mortal.sync_url(made["id"], ack="1")) for _ in range(2))
    async with ada, ben:
        await ada.ready()
        await ben.ready()
    for number, sig in enumerate((signal.SIGTERM, signal.SIGKILL)):
        await asyncio.to_thread(mortal.stop, sig)
        ada.insert(page, 0, f"(ada {number})")
        ben.insert(page, 0, f"(ben {number})")
        await asyncio.to_thread(restart, mortal)
        async with ada:
            await ada.ready()
            await ada.until(lambda: ada.acked >= 1)
    async with ben:
        await ben.ready()
        await ben.until(lambda: ben.acked >= 1)
        text = served_texts(mortal, made["id"], [page])[page]
    assert sorted(text.removesuffix("Once.").strip("()").split(")(")) == ["ada 0", "ada 1", "ben 0", "ben 1"]
    assert text.count("Once.") == 1


async def test_text_is_never_doubled_after_eviction(rooms: Rooms) -> None:
    room, page = await opened(rooms, "Once.")
    doc: Doc[Any] = Doc(client_id=71)
    away: Doc[Any] = Doc(client_id=72)
    for number in range(20):
        for copy in (doc, away) if number % 4 == 0 else (doc,):
            if copy.get("pages", type=Map):
                copy.get("pages", type=Map)[page]["text"].insert(0, f"({copy.client_id} {number})")
            client = await Client(await rooms.get(room.id), ADA, doc=copy, ack=True).start()
            await until(lambda client=client: client.acked)
            await client.leave()
            await until(lambda: rooms.live == 0)
    text = (await rooms.get(room.id)).canvas.page_text(page)
    wanted = {f"(71 {number})" for number in range(1, 20)} | {f"(72 {number})" for number in range(4, 20, 4)}
    assert all(text.count(part) == 1 for part in [*wanted, "Once."])
    assert len(text) == sum(map(len, wanted)) + len("Once.")


async def test_text_is_never_doubled_when_an_older_database_is_put_back(tmp_path: Path) -> None:
    """Somebody still has what was typed since: it is there again, once."""
    newer = Rooms(await Store.open(tmp_path / "new.db"))
    room, page = await opened(newer, "Once.")
    client = await Client(room, ADA, ack=True).start()
    await client.type(page, 0, "Before. ")
    await until(lambda: client.acked == 2)
    with closing(sqlite3.connect(tmp_path / "new.db")) as new, closing(sqlite3.connect(tmp_path / "old.db")) as old:
        new.backup(old)
    await client.type(page, 0, "Since. ")
    await until(lambda: client.acked == 3)
    await client.leave()
    older = Rooms(await Store.open(tmp_path / "old.db"))
    again = await older.get(room.id)
    assert again.canvas.page_text(page) == "Before. Once."
    back = await Client(again, ADA, doc=client.doc, ack=True).start()
    await until(lambda: back.acked == 1)
    assert again.canvas.page_text(page) == back.text(page) == "Since. Before. Once."
    for rooms in (newer, older):
        await rooms.close()
        await rooms._store.close()


# 2. The last edits before a tab is closed


@pytest.mark.parametrize("goodbye", [True, False], ids=["closed", "vanished"])
async def test_last_edits_before_closing_the_tab_are_kept(studio: ServedStudio, goodbye: bool) -> None:
    """N keys, then the line ends at once, with a close frame or without; whoever opens the page finds N."""
    lengths = sorted({*range(1, 200, 13), 2, 3, 199, 200})
    made = studio.canvas(*[""] * len(lengths))
    pages = [page["id"] for page in made["pages"]]
    for page, length in zip(pages, lengths, strict=True):
        async with YClient(studio.sync_url(made["id"])) as tab:
            await tab.ready()
            for number in range(length):
                tab.insert(page, len(tab.page(page)), "é"[number % 2 :] or "x")
            await tab.flush()
            if not goodbye:
                line: socket.socket = tab.socket.transport.get_extra_info("socket")
                tab.socket.transport.pause_reading()
                line.shutdown(socket.SHUT_RDWR)
    async with YClient(studio.sync_url(made["id"])) as again:
        await again.ready()
        wanted = {page: ("éx" * length)[:length] for page, length in zip(pages, lengths, strict=True)}
        await again.until(lambda: {page: again.text(page) for page in pages} == wanted)


# 3. Store maintenance


async def test_snapshots_at_any_moment_lose_nothing(
    rooms: Rooms, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People type and undo while a snapshot is kept every few rows; loading from it equals the replay of the log."""
    monkeypatch.setattr(room, "SNAPSHOT_EVERY", 7)
    rng = Random(5)
    live, page = await opened(rooms, "Start. ")
    people = [await Client(live, ADA).start() for _ in range(3)]
    for step in range(240):
        who = rng.choice(people)
        text = who.text(page)
        where = rng.randrange(len(text) + 1)
        end = min(len(text), where + rng.choice((0, 0, 0, 4)))
        at, gone = (len(text[:n].encode()) for n in (where, end))
        await who.type(page, at, rng.choice("aé鯨🌊\n"), gone - at)
        if step % 12 == 0:
            await asyncio.sleep(0)
            loaded = await store.load(live.id)
            log = [row.data async for row in store.history(live.id) if row.seq <= loaded.seq and row.data]
            kept = [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]
            one, other = (Canvas(given, loaded.owners, clock=lambda: 0.0, random=Random(1)) for given in (kept, log))
            assert one.view() == other.view() and one.authors(page) == other.authors(page)
    await until(lambda: not live.storing and not live._tasks)  # a disk that is slow still has the last one to keep
    loaded = await store.load(live.id)
    assert loaded.snapshot is not None, "no snapshot was kept, so this has shown nothing"


async def test_the_log_grows_by_what_was_typed_and_snapshots_do_not_pile_up(mortal: ServedStudio) -> None:
    made = mortal.canvas("")
    page = made["pages"][0]["id"]
    async with YClient(mortal.sync_url(made["id"], ack="1")) as ada:
        await ada.ready()
        for _ in range(3000):
            ada.insert(page, 0, "x")
        await ada.until(lambda: ada.acked > 3000, 30)
    assert await asyncio.to_thread(mortal.stop) == 0
    with closing(sqlite3.connect(mortal.home / "studiolo.db")) as database:
        [(rows, size)] = database.execute(
            "SELECT COUNT(*), SUM(LENGTH(data)) FROM updates WHERE canvas = ?", (made["id"],)
        )
        [(snapshots,)] = database.execute("SELECT COUNT(*) FROM snapshots WHERE canvas = ?", (made["id"],))
    assert rows <= 3010 and size / 3000 < 40, "bytes of log for a key"
    assert snapshots == 1


# 4. A hole between snapshot and subscription


async def test_no_hole_between_snapshot_and_subscription(studio: ServedStudio) -> None:
    """Forty people join one after the other while six type: nobody misses what came while they were being answered.

    pycrdt drops an update that does not continue what it has, and asks for nothing: a hole would stay.
    """
    rng = Random(6)
    made = studio.canvas("", "")
    pages = [page["id"] for page in made["pages"]]
    typists = await asyncio.to_thread(guests, studio, made["id"], 6)
    joiners = [Typist(studio.sync_url(made["id"]), f"j{number}") for number in range(40)]
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        await converge(typists, pages)
        floods = [asyncio.create_task(typist.flood(pages, rng, window=8)) for typist in typists]
        for joiner in joiners:
            await lines.enter_async_context(joiner)
            await asyncio.sleep(rng.random() * 0.03)
        for flood in floods:
            flood.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
        await typists[0].until(lambda: not any(typist.waiting for typist in typists), 30)
        whole = await asyncio.to_thread(served_texts, studio, made["id"], pages)
        check_all_is_there(typists, tokens(whole.values()))
        for joiner in joiners:
            await joiner.until(lambda joiner=joiner: joiner.synced.is_set() and joiner.texts(pages) == whole)
    assert len(tokens(whole.values())) > 200, "hardly anything was typed meanwhile"


# 5. Updates out of order


class Shuffled(Typist):
    """Its updates overtake one another on the way."""

    def __init__(self, url: str, name: str, rng: Random) -> None:
        super().__init__(url, name)
        self._rng = rng
        self._held: list[bytes] = []

    def put(self, frame: bytes) -> None:
        if frame[:2] != b"\x00\x02":
            super().put(frame)
            return
        self._held.append(frame)
        if len(self._held) >= 6:
            self.let_go()

    def let_go(self) -> None:
        self._rng.shuffle(self._held)
        for frame in self._held:
            super().put(frame)
        self._held = []


async def test_out_of_order_updates_are_asked_for_again_and_converge(studio: ServedStudio) -> None:
    rng = Random(7)
    made = studio.canvas("")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"], ack="1")
    async with Shuffled(url, "a", rng) as ada, Shuffled(url, "b", rng) as ben, Typist(url, "v") as other:
        for one in (ada, ben, other):
            await one.ready()
        for _ in range(60):
            ada.type(page, rng)
            ben.type(page, rng)
            await asyncio.sleep(0.002)
        ada.let_go()
        ben.let_go()
        await converge([ada, ben, other], [page])
        check_all_is_there([ada, ben], tokens([other.text(page)]))
        assert all(one.closed is None for one in (ada, ben, other))


# 9. Two saves at once


async def test_a_room_that_is_put_away_while_others_come_saves_everything_once(rooms: Rooms, store: Store) -> None:
    """Closing a room writes its summary and its snapshot; opening it reads them; somebody types all the time."""
    rng = Random(9)
    live, page = await opened(rooms)
    docs: list[Doc[Any]] = [Doc(client_id=900 + number) for number in range(4)]

    async def visit(doc: Doc[Any], number: int) -> None:
        client = await Client(await rooms.get(live.id), ADA, doc=doc, ack=True).start()
        await client.type(page, 0, f"<{doc.client_id} {number}>")
        await until(lambda: client.acked >= 2 or client.closed)
        await client.leave()
        await asyncio.sleep(rng.random() * 0.04)

    async def visits(doc: Doc[Any]) -> None:
        for number in range(25):
            await visit(doc, number)

    await asyncio.gather(*map(visits, docs))
    await rooms.close()
    again = await Rooms(store).get(live.id)
    wanted = {f"<{doc.client_id} {number}>" for doc in docs for number in range(25)}
    assert tokens([again.canvas.page_text(page)]) == dict.fromkeys(wanted, 1)


async def test_the_log_on_disk_is_what_everybody_was_shown(studio: ServedStudio) -> None:
    """At any moment: what a client sees of others' text is in the database file, read by another program."""
    rng = Random(10)
    made = studio.canvas("")
    pages = [page["id"] for page in made["pages"]]
    replay = Replay(studio.home / "studiolo.db", made["id"])
    typists = await asyncio.to_thread(guests, studio, made["id"], 4)
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        await converge(typists, pages)
        watcher = await lines.enter_async_context(YClient(studio.sync_url(made["id"])))
        await watcher.ready()
        floods = [asyncio.create_task(typist.flood(pages, rng)) for typist in typists]
        for _ in range(30):
            await asyncio.sleep(0.01)
            # Brought to a copy of what is stored, what the watcher has adds nothing.
            copy: Doc[Any] = Doc()
            shown = watcher.doc.get_update()
            copy.apply_update(replay.read().doc.get_update())
            before = copy.get_state()
            copy.apply_update(shown)
            assert copy.get_state() == before
        for flood in floods:
            flood.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
