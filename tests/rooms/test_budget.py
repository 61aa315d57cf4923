"""Rooms let a canvas's policies look at what was finished, and store what they accept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.canvas.policies import find
from studiolo.rooms import Room, Rooms
from studiolo.store import Store

from .client import Client, until

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben", "person", "#e40c48", "editor")
LINE = Participant("line", "Line editor", "agent", "#606c00", "commenter")
TEXT = "The lamp went out... Nobody came -- not even then -- to the island."


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/studiolo.db")
    yield store
    await store.close()


@pytest.fixture
async def rooms(store: Store) -> AsyncIterator[Rooms]:
    rooms = Rooms(store, linger=60)
    yield rooms
    await rooms.close()


async def opened(rooms: Rooms) -> tuple[Room, str]:
    room = await rooms.create("Book", [{"title": "One", "text": TEXT, "kind": "prose"}], ADA)
    return room, room.canvas.outline()[0]["id"]


async def suggest(room: Room, page: str, find_: str, replace: str) -> str:
    hunks = [{"find": find_, "replace": replace}]
    id = (await room.apply({"type": "suggest", "page": page, "hunks": hunks}, LINE)).id
    assert id
    return id


async def test_what_a_policy_accepts_is_stored_sent_and_in_the_ledger(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    ada = await Client(room, ADA).start()
    policy = (await room.apply({"type": "set_policy", "kinds": ["typography"]}, ADA)).id
    await suggest(room, page, "out...", "out…")
    await suggest(room, page, "Nobody", "Somebody")
    await suggest(room, page, "came -- not even then -- to", "came—not even then—to")
    await until(lambda: "out…" in ada.text(page) and "—" in ada.text(page))
    assert "Nobody" in ada.text(page)
    rows: list[dict[str, Any]] = [row.as_dict() for row in await store.ledger(room.id)]
    accepted = [row for row in rows if row["outcome"]["outcome"] == "accepted"]
    assert [row["participant"] for row in accepted] == ["studio", "studio"]
    assert {row["outcome"]["policy"] for row in accepted} == {policy}


async def test_it_waits_until_nobody_types_there_any_more(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studiolo.rooms.room.CONSIDER_AGAIN", 0.05)
    monkeypatch.setattr("studiolo.canvas.policies.LATELY", 0.05)
    room, page = await opened(rooms)
    now = room.canvas.clock()
    room.canvas.clock = lambda: now
    ben = await Client(room, BEN).start()
    await room.apply({"type": "set_policy", "kinds": ["typography"]}, ADA)
    await ben.type(page, 4, "old ")
    await until(lambda: "old lamp" in room.canvas.page_text(page))
    id = await suggest(room, page, "out...", "out…")
    assert id in room.canvas.fresh and room.canvas.suggestions[id].status == "open"
    now += 60
    await until(lambda: room.canvas.suggestions[id].status == "accepted")
    await until(lambda: "old lamp went out…" in ben.text(page))


async def test_a_policy_that_stopped_itself_is_stopped_after_a_restart_too(store: Store) -> None:
    rooms = Rooms(store, linger=60)
    words = [f"{'abcdefghij'[n % 10] * (n // 10 + 1)}" for n in range(40)]
    text = "\n\n".join(f"They saw {word} there... and went." for word in words)
    room = await rooms.create("Book", [{"title": "One", "text": text, "kind": "prose"}], ADA)
    page = room.canvas.outline()[0]["id"]
    policy = (await room.apply({"type": "set_policy", "kinds": ["typography"]}, ADA)).id
    assert policy
    for word in words:
        await suggest(room, page, f"saw {word} there...", f"saw {word} there…")
    await until(lambda: find(room.canvas, policy).paused != "")
    assert room.canvas.page_text(page).count("…") == 30
    await rooms.close()
    again = Rooms(store, linger=60)
    canvas = (await again.get(room.id)).canvas
    assert find(canvas, policy).paused and canvas.page_text(page).count("…") == 30
    await again.close()


async def test_a_second_look_is_taken_beside_what_goes_on(rooms: Rooms) -> None:
    asked: list[Any] = []

    async def judge(passages: Any) -> bool:
        asked.append(passages)
        if "shining" in passages[0][1]:
            raise RuntimeError("the model has gone")
        return "burned" in passages[0][1]

    rooms.judge = judge
    room, page = await opened(rooms)
    await room.apply({"type": "set_policy", "kinds": ["wording"], "risk": "medium", "second_look": True}, ADA)
    doubted = await suggest(room, page, "island", "house")
    failed = await suggest(room, page, "The lamp", "The shining")
    same = await suggest(room, page, "went", "burned")
    await until(lambda: room.canvas.suggestions[same].status == "accepted")
    assert len(asked) == 3
    assert [room.canvas.suggestions[id].status for id in (doubted, failed)] == ["open", "open"]


async def test_without_a_judge_a_person_is_asked(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    await room.apply({"type": "set_policy", "kinds": ["wording"], "risk": "medium", "second_look": True}, ADA)
    id = await suggest(room, page, "island", "house")
    assert (
        room.canvas.suggestions[id].status == "open" and not room.canvas.fresh and room.canvas.second_looks.wanted == {}
    )
