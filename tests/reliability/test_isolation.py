"""What happens in one room, to one reader, or very often, costs nobody else anything."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from studiolo.canvas import Participant
from studiolo.rooms import Room, Rooms, presence
from studiolo.store import Store
from tests.conftest import ServedStudio
from tests.rooms.client import Client, until
from tests.web.yclient import YClient, buffer

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
PAGE = [{"title": "One", "text": "Once.", "kind": "prose"}]


def page_of(room: Room) -> str:
    return room.canvas.outline()[0]["id"]


# 7. Exceptions in one room


class Fault(BaseException):
    """What a panic of pycrdt is: no `Exception`."""


@pytest.mark.parametrize("fault", [RuntimeError, Fault])
@pytest.mark.parametrize("where", ["identity.apply", "_doc.apply_update"])
async def test_an_exception_in_one_room_touches_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException], where: str
) -> None:
    """A fault in the middle of a change: that room is loaded again from its log, without the change, and the client
    who made it brings it back; people in other rooms notice nothing."""
    rooms = Rooms(store)
    bad, good = await rooms.create("Bad", PAGE, ADA), await rooms.create("Good", PAGE, ADA)
    page, other = page_of(bad), page_of(good)
    ada, ben = await Client(bad, ADA, ack=True).start(), await Client(bad, ADA).start()
    val = await Client(good, ADA).start()
    await ada.type(page, 0, "Kept. ")
    await until(lambda: ada.acked == 2)

    def broken(*_: Any) -> None:
        raise fault("a bug")

    holder: Any = bad.canvas.document
    *path, name = where.split(".")
    for part in path:
        holder = getattr(holder, part)
    monkeypatch.setattr(type(holder), name, broken)
    await ada.type(page, 0, "Breaks. ")
    monkeypatch.undo()
    await until(lambda: ada.closed and ben.closed)
    assert ada.closed and ada.closed[0] == 1013 and ada.acked == 2
    await val.type(other, 0, "Nothing happened. ")
    await until(lambda: good.canvas.page_text(other) == "Nothing happened. Once.")
    assert val.closed is None and (await rooms.get(good.id)) is good
    again = await rooms.get(bad.id)
    assert again is not bad and again.canvas.page_text(page) == "Kept. Once."
    back = await Client(again, ADA, doc=ada.doc, ack=True).start()
    await until(lambda: back.acked == 1)
    assert again.canvas.page_text(page) == "Breaks. Kept. Once."
    await rooms.close()


# 10. Memory


async def test_rooms_that_are_put_away_leave_nothing_behind(store: Store) -> None:
    """Loaded, joined, typed into, left: no room, canvas or document of it stays, nor a task."""
    rooms = Rooms(store, linger=0.001)
    room = await rooms.create("Book", PAGE, ADA)
    id, page = room.id, page_of(room)
    del room
    await until(lambda: rooms.live == 0)
    remains: list[weakref.ref[Any]] = []
    tasks = len(asyncio.all_tasks())
    for number in range(150):
        room = await rooms.get(id)
        remains += [weakref.ref(room), weakref.ref(room.canvas), weakref.ref(room.canvas.document)]
        client = await Client(room, ADA).start()
        await client.stand(client.doc.client_id, 1, {"page": page})
        if number % 10 == 0:
            await client.type(page, 0, "x")
        await client.leave()
        del room, client
        await until(lambda: rooms.live == 0)
    with pytest.raises(Exception, match="no such canvas"):
        await rooms.get("nothing")
    await asyncio.sleep(0.02)
    gc.collect()
    assert [ref() for ref in remains[:-3] if ref() is not None] == []
    assert len(asyncio.all_tasks()) <= tasks + 1
    await rooms.close()


def memory(studio: ServedStudio) -> int:
    """Resident bytes of the server."""
    pages = int(Path(f"/proc/{studio.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")


@needs_proc
async def test_ten_thousand_open_close_cycles_leave_memory_flat(
    studio: ServedStudio, request: pytest.FixtureRequest
) -> None:
    """Real sockets come, are sent the document, say where they are, and go; with --slow ten thousand of them."""
    slow = request.config.getoption("--slow")
    cycles = 10_000 if slow else 1_000
    made = studio.canvas("The cat sat. " * 400)
    url = studio.sync_url(made["id"])
    ask = b"\x00\x00" + buffer(b"\x00")
    rng = Random(1)

    async def visit(number: int) -> None:
        async with connect(url, compression=None, proxy=None, max_size=None) as socket:
            await socket.send(ask)
            while (await socket.recv())[:2] != b"\x00\x01":
                pass
            client = bytes((200 + number % 50, 1))
            await socket.send(b"\x01" + buffer(b"\x01" + client + b"\x01" + buffer(b'{"page":"x"}')))
            if rng.random() < 0.3:
                socket.transport.abort()

    async def visits(count: int) -> None:
        for start in range(0, count, 10):
            await asyncio.gather(*(visit(start + number) for number in range(10)))

    await visits(cycles // 2)
    if slow:  # whoever left is remembered for a minute, and of so many that is some megabytes
        await asyncio.sleep(presence.REMEMBERED + 1)
    warm = memory(studio)
    await visits(cycles)
    grown = memory(studio) - warm
    assert grown < 4 << 20, f"{grown / cycles:.0f} bytes stay behind for each visit"


@needs_proc
async def test_a_room_in_which_people_only_type_does_not_grow(studio: ServedStudio) -> None:
    """What was typed and taken back is in the log, not in memory."""
    made = studio.canvas("x")
    page = made["pages"][0]["id"]
    async with YClient(studio.sync_url(made["id"], ack="1")) as ada, YClient(studio.sync_url(made["id"])) as ben:
        await ada.ready()
        await ben.ready()

        async def type_and_delete(times: int) -> None:
            for _ in range(times):
                wanted = ada.acked + 2
                ada.insert(page, 0, "y" * 300_000)
                del ada.page(page)[:300_000]
                await ada.until(lambda wanted=wanted: ada.acked >= wanted)

        await type_and_delete(30)
        warm = memory(studio)
        await type_and_delete(100)
        assert memory(studio) - warm < 10 << 20, "thirty megabytes went by"
        assert ada.text(page) == "x"


# 11. A slow reader


@needs_proc
async def test_a_slow_reader_costs_bounded_memory_and_nobody_notices(studio: ServedStudio) -> None:
    """One of ten stops reading while 4 MB a second of presence, and then large edits, go to everybody."""
    made = studio.canvas("x")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"], ack="1")
    async with AsyncExitStack() as lines:
        readers = [await lines.enter_async_context(YClient(url)) for _ in range(9)]
        for reader in readers:
            await reader.ready()
        ada, others = readers[0], readers[1:]
        clocks = count(1)

        async def everybody_reads(edits: int, states: int) -> None:
            for number in range(states):
                ada.say_where({"page": "p", "cursor": "x" * 3_900, "n": number}, clock=next(clocks))
                if number % 20 == 0:
                    await ada.flush()
                    await asyncio.sleep(0.005)
            for other in others:
                await other.until(lambda other=other: seen_by(other).get("n") == states - 1, 30)
            for _ in range(edits):
                wanted = ada.acked + 2
                ada.insert(page, 0, "y" * 300_000)
                del ada.page(page)[:300_000]
                await ada.until(lambda wanted=wanted: ada.acked >= wanted)
            ada.insert(page, 0, "last ")
            for other in others:
                await other.until(lambda other=other: other.text(page) == ada.text(page), 30)

        def seen_by(other: YClient) -> dict[str, Any]:
            return other.presence.get(ada.doc.client_id) or {}

        await everybody_reads(10, 100)
        stalled = await lines.enter_async_context(connect(url, compression=None, proxy=None, max_size=None))
        await stalled.send(b"\x00\x00" + buffer(b"\x00"))
        while (await stalled.recv())[:2] != b"\x00\x01":
            pass
        stalled.transport.pause_reading()
        before = memory(studio)
        await everybody_reads(0, 3_000)
        assert memory(studio) - before < 10 << 20, "12 MB of presence went by"
        await everybody_reads(60, 1)
        assert memory(studio) - before < 10 << 20, "18 MB of text went by"
        assert all(reader.closed is None for reader in readers)
        stalled.transport.resume_reading()
        with pytest.raises(ConnectionClosed):
            while True:
                await asyncio.wait_for(stalled.recv(), 10)
        assert stalled.close_code in (1013, 1006), "it is told to come back, if it still reads"
