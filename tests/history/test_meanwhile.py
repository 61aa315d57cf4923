"""What became of a passage since a moment: who changed it, how it read and reads, and what is left out of account."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.history.histories import Histories, Past
from studiolo.history.meanwhile import Changed, Meanwhile
from studiolo.rooms import Room, Rooms
from studiolo.store import Store

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben", "person", "#e40c48", "editor")
TEXT = "The quay was 🌫 grey.\n\nA boat lay there.\n\nNobody came.\n"
MIDDLE = (TEXT.index("A boat"), TEXT.index("\n\nNobody"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'studiolo.db'}")
    yield store
    await store.close()


@pytest.fixture
async def rooms(store: Store) -> AsyncIterator[Rooms]:
    rooms = Rooms(store, linger=0.05)
    yield rooms
    await rooms.close()


@pytest.fixture
async def histories(store: Store) -> AsyncIterator[Histories]:
    histories = Histories(store)
    yield histories
    histories.close()


class Book:
    def __init__(self, room: Room, histories: Histories) -> None:
        self.room, self.histories = room, histories
        self.page = room.canvas.outline()[0]["id"]

    async def edit(self, find: str, replace: str, by: Participant = BEN) -> None:
        action = {"type": "edit", "page": self.page, "hunks": [{"find": find, "replace": replace}]}
        await self.room.apply(action, by)

    async def now(self) -> int:
        return await self.histories.ask(self.room.id, lambda past: past.archive.seq)

    async def ask(self, since: int, start: int, end: int, **ours: Any) -> Changed | None:
        def look(past: Past) -> Changed | None:
            page = Meanwhile(past, self.page, since, **ours)
            assert page.text == self.room.canvas.page_text(self.page)
            return page.of(start, end)

        return await self.histories.ask(self.room.id, look)

    async def ask_old(self, since: int, quote: str) -> Changed | None:
        return await self.histories.ask(self.room.id, lambda past: Meanwhile(past, self.page, since).of_old(quote))


@pytest.fixture
async def book(rooms: Rooms, histories: Histories) -> Book:
    return Book(await rooms.create("Book", [{"title": "One", "text": TEXT, "kind": "prose"}], ADA), histories)


async def test_a_passage_is_as_it_was_until_somebody_changes_it(book: Book) -> None:
    since = await book.now()
    await book.edit("🌫 grey", "🌫🌫 white")
    start, end = (place + 2 for place in MIDDLE)
    assert await book.ask(since, start, end) is None
    await book.edit("boat", "ship")
    changed = await book.ask(since, start, end)
    assert changed is not None
    assert (changed.was, changed.now, changed.by) == ("A boat lay there.", "A ship lay there.", ["ben"])
    assert await book.ask(await book.now(), start, end) is None


async def test_words_that_are_gone_were_there_and_words_put_back_are_unchanged(book: Book) -> None:
    since = await book.now()
    await book.edit(" lay there", "")
    changed = await book.ask(since, MIDDLE[0], MIDDLE[0] + len("A boat."))
    assert changed is not None and (changed.was, changed.now) == ("A boat lay there.", "A boat.")
    await book.edit("A boat.", "A boat lay there.")
    assert await book.ask(since, *MIDDLE) is None


async def test_what_came_and_went_by_known_changes_does_not_count(book: Book) -> None:
    since = await book.now()
    hunks = [{"find": "boat", "replace": "ship"}]
    made = await book.room.apply({"type": "suggest", "page": book.page, "hunks": hunks}, BEN)
    await book.room.apply({"type": "accept", "suggestion": made.id}, ADA)
    assert await book.ask(since, *MIDDLE) is not None
    came, went = ours(book, made.id or "")
    assert await book.ask(since, *MIDDLE, came=came, went=went) is None
    await book.edit("lay", "sat")
    changed = await book.ask(since, *MIDDLE, came=came, went=went)
    assert changed is not None and changed.by == ["ben"] and changed.now == "A ship sat there."


def ours(book: Book, suggestion: str) -> tuple[list[Any], list[Any]]:
    parts = [part for hunk in book.room.canvas.suggestions[suggestion].hunks for part in json.loads(hunk.applied)]
    return [tuple(part["ins"][:3]) for part in parts], [tuple(one[:3]) for part in parts for one in part["del"]]


async def test_a_quoted_passage_is_found_again_by_what_stood_there(book: Book) -> None:
    since = await book.now()
    assert await book.ask_old(since, "boat lay") is None
    await book.edit("A boat lay there", "Two ships lay at anchor")
    changed = await book.ask_old(since, "Nobody came.")
    assert changed is None
    changed = await book.ask_old(since, "A boat lay")
    assert changed is not None and changed.was == "A boat lay" and changed.by == ["ben"]
    assert changed.now.startswith("Two ships lay")
    assert await book.ask_old(since, "never written") is None


async def test_a_page_that_came_later_counts_from_its_first_row(book: Book, histories: Histories) -> None:
    since = await book.now()
    made = await book.room.apply({"type": "add_page", "title": "Two", "text": "It rained.", "kind": "prose"}, ADA)
    page = made.id or ""
    look = lambda past: Meanwhile(past, page, since).of(0, 10)  # noqa: E731
    assert await histories.ask(book.room.id, look) is None
    hunks = [{"find": "rained", "replace": "snowed"}]
    await book.room.apply({"type": "edit", "page": page, "hunks": hunks}, BEN)
    changed = await histories.ask(book.room.id, look)
    assert changed is not None and changed.by == ["ben"] and changed.was == "It rained."
