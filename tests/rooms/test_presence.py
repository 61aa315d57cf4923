"""Who is here when a canvas is open on several nodes, and when a node or a browser comes back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.rooms import Room, Rooms, protocol
from studiolo.rooms.protocol import AwarenessEntry
from studiolo.store import Store
from tests.conftest import Clock

from .client import Client, until

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben", "person", "#e40c48", "editor")
MUSE = Participant("muse", "Muse", "agent", "#9048fc", "commenter")


@pytest.fixture
async def rooms(store: Store, clock: Clock) -> AsyncIterator[Rooms]:
    clock.now = 1_800_000_000.0
    rooms = Rooms(store, clock, linger=0.05)
    yield rooms
    await rooms.close()


@pytest.fixture
async def room(rooms: Rooms) -> Room:
    return await rooms.create("Book", [{"title": "One", "text": "Once.", "kind": "prose"}], ADA)


def afar(client: int, clock: int, who: Participant | None, **state: Any) -> AwarenessEntry:
    return AwarenessEntry(client, clock, None if who is None else {**state, "user": who.as_dict()})


async def test_people_of_another_node_are_seen_until_they_leave_it(room: Room) -> None:
    ada = await Client(room, ADA).start()
    room.presence.hear_afar("b", [afar(7, 3, BEN, page="x")])
    await until(lambda: ada.present.get(7))
    assert ada.present[7] == {"page": "x", "user": BEN.as_dict()} and room.presence.speaker(7) == "ben"
    room.presence.hear_afar("b", [afar(7, 2, BEN, page="old")])
    room.presence.hear_afar("c", [afar(8, 1, MUSE)])
    await until(lambda: ada.present.get(8))
    assert (ada.present[7] or {})["page"] == "x"
    room.presence.hear_afar("b", [afar(7, 4, None)])
    await until(lambda: ada.present[7] is None)
    assert room.presence.speaker(7) is None and room.presence.speaker(8) == "muse"


async def test_a_dead_node_takes_its_people_along_and_brings_them_back(room: Room) -> None:
    ada = await Client(room, ADA).start()
    room.presence.hear_afar("b", [afar(7, 3, BEN)])
    room.presence.hear_afar("c", [afar(8, 3, BEN)])
    await until(lambda: ada.present.get(7) and ada.present.get(8))
    room.presence.node_gone("b")
    await until(lambda: ada.present[7] is None)
    assert ada.present[8] and room.presence.speaker(7) is None
    room.presence.hear_afar("b", [afar(7, 4, BEN)])
    await until(lambda: ada.present[7])


async def test_other_nodes_hear_once_a_turn_of_those_who_are_here(room: Room) -> None:
    told: list[list[AwarenessEntry]] = []
    room.presence.on_local_change = told.append
    ada = await Client(room, ADA).start()
    await ada.stand(1, 1, {"page": "x"})
    await ada.stand(1, 2, {"page": "y"})
    room.presence.hear_afar("b", [afar(7, 3, BEN)])
    room.show(MUSE, {"page": "z"})
    await until(lambda: told)
    (entries,) = told
    assert sorted((entry.state or {})["page"] for entry in entries) == ["y", "z"]
    listed = room.presence.local_entries()
    assert sorted(entry.client for entry in listed) == sorted(entry.client for entry in entries)
    await ada.leave()
    await until(lambda: len(told) == 2)
    assert [(entry.client, entry.state) for entry in told[1]] == [(1, None)]


async def test_somebody_who_comes_back_by_another_node_is_not_taken_away_by_their_old_line(room: Room) -> None:
    ben, old = await Client(room, BEN).start(), await Client(room, ADA).start()
    await old.stand(1, 1, {"page": "old"})
    await until(lambda: ben.present.get(1))
    clock = room.presence.local_entries()[0].clock
    room.presence.hear_afar("b", [afar(1, clock + 1, BEN, page="forged")])  # not theirs
    room.presence.hear_afar("b", [afar(1, clock + 2, ADA, page="new")])
    await until(lambda: (ben.present[1] or {})["page"] == "new")
    assert room.presence.local_entries() == []
    await old.leave()
    await asyncio.sleep(0.05)
    assert ben.present[1] and room.presence.speaker(1) == "ada"
    back = await Client(room, ADA).start()
    await back.stand(1, 1, {"page": "here again"})
    await until(lambda: (ben.present[1] or {})["page"] == "here again")
    assert room.presence.local_entries()[0].clock > clock + 2


async def test_clocks_go_on_after_a_restart(rooms: Rooms, room: Room, clock: Clock) -> None:
    ada = await Client(room, ADA).start()
    for at in range(1, 20):
        await ada.stand(1, at, {"page": "x"})
    before = room.presence.local_entries()[0].clock
    await ada.leave()
    await until(lambda: rooms.live == 0)
    clock.now += 10
    again = await rooms.get(room.id)
    ada = await Client(again, ADA).start()
    await ada.stand(1, 20, {"page": "x"})
    assert again.presence.local_entries()[0].clock > before


async def test_a_reader_who_was_away_is_told_where_everybody_is_now(room: Room) -> None:
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    page = room.canvas.outline()[0]["id"]
    ben.reading.clear()
    await ada.type(page, 0, "x")  # this one fills the line
    await until(lambda: room.canvas.page_text(page).startswith("x") and not room.storing)
    for at in range(50):
        await ada.stand(1, at, {"page": f"page {at}"})
        await asyncio.sleep(0)
    await ada.type(page, 0, "y")
    await until(lambda: room.canvas.page_text(page).startswith("yx") and not room.storing)
    seen = []
    ben.heard = seen.append
    ben.reading.set()
    await until(lambda: ben.text(page).startswith("yx") and seen)
    assert [entry.state and entry.state["page"] for entry in seen] == ["page 49"]


async def test_a_caret_comes_with_the_letter_before_it(room: Room) -> None:
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    page = room.canvas.outline()[0]["id"]
    stood: list[str] = []
    ben.heard = lambda entry: stood.append(ben.text(page))
    await ada.type(page, 0, "x")
    await ada.stand(1, 1, {"page": page})
    await until(lambda: stood)
    assert stood == ["xOnce."]


async def test_carets_move_though_the_disk_stands_still(room: Room, tmp_path: Path) -> None:
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    page = room.canvas.outline()[0]["id"]
    lock = sqlite3.connect(tmp_path / "studiolo.db")
    lock.execute("BEGIN IMMEDIATE")
    await ada.type(page, 0, "x")
    await ada.stand(1, 1, {"page": page})
    await until(lambda: ben.present.get(1))
    assert ben.text(page) == "Once." and room.storing
    lock.rollback()
    lock.close()
    await until(lambda: ben.text(page) == "xOnce.")


async def test_echoes_and_the_carets_of_others_are_passed_over_unread(room: Room) -> None:
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    await ada.stand(1, 1, {"page": "x"})
    await ben.stand(2, 1, {"page": "y"})
    await until(lambda: ben.present.get(1) and ada.present.get(2))
    await ben.send(b"\x01\x0a" + b"\x01" + b"\x01\x05" + b"\x06broken")  # says client 1, who is Ada
    await asyncio.sleep(0.05)
    assert ben.closed is None and ada.closed is None
    second = await Client(room, ADA).start()  # another window of Ada's, which has no caret yet and echoes the first's
    entry = room.presence.local_entries()[0]
    await second.stand(entry.client, entry.clock, entry.state)
    await second.leave()
    await asyncio.sleep(0.05)
    assert ben.present[1] is not None and room.presence.speaker(1) == "ada"


async def test_more_entries_than_there_can_be_clients_are_refused(room: Room) -> None:
    ben = await Client(room, BEN).start()
    entries = [AwarenessEntry(client, 1, None) for client in range(5_000)]
    await ben.send(protocol.awareness(entries))
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4400
