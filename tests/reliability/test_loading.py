"""Opening a canvas: by fifty at once, from a slow or a broken store, and when it is very large."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.rooms import Rooms
from studiolo.store import Loaded, LogRow, StorageFailed, Store
from tests.conftest import ServedStudio
from tests.reliability.conftest import restart
from tests.rooms.client import Client, until
from tests.web.test_canvases import act
from tests.web.yclient import YClient

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")


class Slow(Store):
    """A store that takes its time to load, fails when it is told to, and counts."""

    loads = 0
    failures = 0
    appends = 0

    async def load(self, canvas: str) -> Loaded:
        self.loads += 1
        await asyncio.sleep(0.2)
        if self.failures:
            self.failures -= 1
            raise StorageFailed("The database did not answer as it should.", "Try again.")
        return await super().load(canvas)

    async def append(self, rows: Any) -> None:
        self.appends += 1
        await super().append(rows)


@pytest.fixture
async def slow(store: Store) -> Slow:
    store.__class__ = Slow
    assert isinstance(store, Slow)
    return store


# 6. Slow loads with fifty simultaneous first joins


async def test_fifty_simultaneous_first_joins_on_a_slow_store(slow: Slow) -> None:
    rooms = Rooms(slow)
    room = await rooms.create("Book", [{"title": "One", "text": "Once.", "kind": "prose"}], ADA)
    page = room.canvas.outline()[0]["id"]
    await rooms.close()
    rooms = Rooms(slow)

    async def join(number: int) -> Client:
        if number % 5 == 4:  # some give up while it loads, which is nothing to the others
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(rooms.get(room.id), 0.05)
        client = await Client(await rooms.get(room.id), ADA, ack=True).start()
        await client.type(page, 0, f"({number})")
        return client

    clients = await asyncio.gather(*map(join, range(50)))
    assert slow.loads == 1 and rooms.live == 1
    await until(lambda: all(client.acked >= 2 for client in clients))
    text = clients[0].text(page)
    await until(lambda: all(client.text(page) == text for client in clients))
    assert sorted(text.removesuffix(")Once.").strip("(").split(")("), key=int) == [str(n) for n in range(50)]
    await rooms.close()


async def test_fifty_sockets_open_a_canvas_that_is_not_loaded_yet(mortal: ServedStudio) -> None:
    made = mortal.canvas("Quand je me lève, 鯨. " * 40_000)
    page = made["pages"][0]["id"]
    await asyncio.to_thread(mortal.stop)
    await asyncio.to_thread(restart, mortal)
    clients = [YClient(mortal.sync_url(made["id"])) for _ in range(50)]
    async with AsyncExitStack() as lines:
        await asyncio.gather(*(lines.enter_async_context(client) for client in clients))
        for client in clients:
            await asyncio.wait_for(client.synced.wait(), 60)
        clients[0].insert(page, 0, "All: ")
        for client in clients:
            await client.until(lambda client=client: len(client.page(page)) == len(clients[0].page(page)), 30)
        assert clients[49].text(page) == "All: " + "Quand je me lève, 鯨. " * 40_000


# 8. A failed load never overwrites


async def test_a_failed_load_writes_nothing_and_the_next_one_finds_it_all(slow: Slow) -> None:
    rooms = Rooms(slow)
    room = await rooms.create("Book", [{"title": "One", "text": "Once.", "kind": "prose"}], ADA)
    page = room.canvas.outline()[0]["id"]
    await rooms.close()
    rooms, slow.failures, slow.appends = Rooms(slow), 1, 0
    tried = await asyncio.gather(*(rooms.get(room.id) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(one, StorageFailed) for one in tried) and rooms.live == 0
    assert slow.appends == 0
    client = await Client(await rooms.get(room.id), ADA).start()
    assert client.text(page) == "Once."
    await rooms.close()


@contextmanager
def database(studio: ServedStudio) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(studio.home / "studiolo.db")) as connection, connection:
        yield connection


BREAK = {
    "a hole in the log": "DELETE FROM updates WHERE canvas = ? AND seq = 2",
    "garbage in the log": "UPDATE updates SET data = X'0102FFFF' WHERE canvas = ? AND seq = 2",
    "half of an update": "UPDATE updates SET data = SUBSTR(data, 1, LENGTH(data) / 2) WHERE canvas = ? AND seq = 2",
    "a lost row at the start": "DELETE FROM updates WHERE canvas = ? AND seq = 1",
}


async def test_a_failed_load_never_overwrites(mortal: ServedStudio) -> None:
    """A canvas whose log is damaged is refused to everybody, also to those who still have it; the others open.

    With the log put right it is there again, with what was typed meanwhile by somebody who had a copy.
    """
    broken: dict[str, tuple[dict[str, Any], YClient, list[Any]]] = {}
    for how in BREAK:
        made = mortal.canvas("Kept.")
        page = made["pages"][0]["id"]
        async with YClient(mortal.sync_url(made["id"], ack="1")) as client:
            await client.ready()
            for number in (1, 2):  # rows 2 and 3 of the log
                client.insert(page, 0, f"Typed {number}. ")
                await client.until(lambda client=client, number=number: client.acked == 1 + number)
        broken[how] = made, client, []
    whole = mortal.canvas("Whole.")
    # Killed, so that there is no snapshot: then the log is all there is.
    await asyncio.to_thread(mortal.process.kill)
    await asyncio.to_thread(mortal.stop)
    with database(mortal) as rows:
        for how, (made, _, before) in broken.items():
            before += rows.execute("SELECT * FROM updates WHERE canvas = ? ORDER BY seq", (made["id"],)).fetchall()
            rows.execute("DELETE FROM snapshots WHERE canvas = ?", (made["id"],))
            assert rows.execute(BREAK[how], (made["id"],)).rowcount == 1
    await asyncio.to_thread(restart, mortal)
    with mortal.client() as owner:
        for how, (made, client, _) in broken.items():
            page = made["pages"][0]["id"]
            with database(mortal) as rows:
                damaged = rows.execute("SELECT * FROM updates WHERE canvas = ?", (made["id"],)).fetchall()
            client.insert(page, 0, "Away. ")
            async with client:
                code, reason = await client.until_closed()
                assert code == 1013 and reason, how
            answer = await asyncio.to_thread(owner.get, f"/api/canvases/{made['id']}")
            assert answer.status_code == 503 and answer.json()["error"]["hint"], how
            said = await asyncio.to_thread(act, owner, made["id"], "say", text="hello")
            assert said.status_code == 503, how
            with database(mortal) as rows:
                after = rows.execute("SELECT * FROM updates WHERE canvas = ?", (made["id"],)).fetchall()
            assert after == damaged, how
        async with YClient(mortal.sync_url(whole["id"])) as other:
            await other.ready()
            assert other.text(whole["pages"][0]["id"]) == "Whole."
        for how, (made, client, before) in broken.items():
            page = made["pages"][0]["id"]
            with database(mortal) as rows:
                rows.execute("DELETE FROM updates WHERE canvas = ?", (made["id"],))
                marks = ", ".join("?" * len(before[0]))
                rows.executemany(f"INSERT INTO updates VALUES ({marks})", before)  # noqa: S608  marks only
            async with client:
                await client.until(lambda client=client: client.acked)
            answer = await asyncio.to_thread(owner.get, f"/api/canvases/{made['id']}/pages/{page}/text")
            assert answer.text == "Away. Typed 2. Typed 1. Kept.", how


async def test_rows_that_could_not_be_stored_stay_with_their_author(slow: Slow) -> None:
    """A store that fails on a save: the line ends, nothing is acknowledged, and nothing is lost by coming back."""
    rooms = Rooms(slow)
    room = await rooms.create("Book", [{"title": "One", "text": "Once.", "kind": "prose"}], ADA)
    page = room.canvas.outline()[0]["id"]
    client = await Client(room, ADA, ack=True).start()
    await until(lambda: client.acked == 1)
    row = LogRow(room.id, (await slow.load(room.id)).seq + 1, 0.0, "x", b"", entry={"action": {}, "outcome": {}})
    await slow.append([row])  # somebody else was quicker: ours cannot follow
    await client.type(page, 0, "Mine. ")
    await until(lambda: client.closed)
    assert client.closed and client.closed[0] == 1013 and client.acked == 1
    back = await Client(await rooms.get(room.id), ADA, doc=client.doc, ack=True).start()
    await until(lambda: back.acked == 1)
    assert (await rooms.get(room.id)).canvas.page_text(page) == "Mine. Once."
    await rooms.close()


# 14. Large documents


class Counting(YClient):
    """Counts what it is sent."""

    received = 0
    whole = 0
    """Step 2 frames."""

    def _take(self, frame: bytes) -> None:
        self.received += len(frame)
        self.whole += frame[:2] == b"\x00\x01"
        super()._take(frame)


async def test_ten_megabytes_join_and_are_sent_once(studio: ServedStudio) -> None:
    text = "Ten megabytes of text are about six novels of five hundred pages. " * 52_000  # 3.4 MB
    made = studio.canvas(text)
    with studio.client() as owner:
        for number in (2, 3):
            added = act(owner, made["id"], "add_page", title=f"Page {number}", text=text)
            assert added.status_code == 200, added.text
        pages = [page["id"] for page in owner.get(f"/api/canvases/{made['id']}").json()["pages"]]
    async with Counting(studio.sync_url(made["id"])) as one:
        await asyncio.wait_for(one.synced.wait(), 30)
        assert [one.text(page) for page in pages] == [text] * 3
        await asyncio.sleep(0.3)
        assert one.whole == 1 and 3 * len(text) < one.received < 3.05 * len(text)
    one.received = one.whole = 0
    async with one:  # who comes back is sent what they lack, which is nothing
        await one.ready()
        assert one.whole == 1 and one.received < 100_000


async def test_a_frame_of_more_than_sixteen_megabytes_is_stored_and_sent(studio: ServedStudio) -> None:
    """Written far from any network: everything comes in one frame."""
    made = studio.canvas(*[""] * 5)
    pages = [page["id"] for page in made["pages"]]
    away, other = YClient(studio.sync_url(made["id"], ack="1")), YClient(studio.sync_url(made["id"]))
    text = "Written far from any network. " * 120_000
    async with away:
        await away.ready()
    for page in pages:
        away.insert(page, 0, text)
    assert len(away.doc.get_update()) > 17 * 2**20
    async with other:
        await other.ready()
        async with away:
            await away.until(lambda: away.acked == 1, 40)
        await other.until(lambda: all(len(other.page(page)) == len(text) for page in pages), 20)
    assert [other.text(page) for page in pages] == [text] * 5
