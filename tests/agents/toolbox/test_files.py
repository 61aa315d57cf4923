"""Files beside the pages: found, listed, and read a part at a time, nothing left out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from studiolo.agents.kit import Kit
from studiolo.canvas.participant import Participant
from studiolo.rooms import Rooms
from studiolo.store import Store
from studiolo.tools.attachments import Attachments
from tests.agents.toolbox.hands import Hands

BOOK = "\n\n".join(
    f"# Chapter {number}\n\n" + " ".join(f"Word {number}-{at} of the book." for at in range(600))
    for number in range(1, 5)
)


@pytest.fixture
async def hands(tmp_path: Path) -> AsyncIterator[Hands]:
    store = await Store.open(f"sqlite:///{tmp_path}/studiolo.db")
    rooms = Rooms(store)
    owner = Participant("you", "You", "person", "#111111", "owner")
    room = await rooms.create("A canvas", [{"title": "One", "text": "The lamp."}], owner)
    files = Attachments(store)
    await files.add(room.id, BOOK.encode(), "book.md", "you", "text/markdown")
    await files.add(room.id, b"Nothing of interest.", "note.txt", "you", "text/plain")
    made = Hands("The lamp.", kit=Kit(files=files))
    made.surface.id = room.id
    yield made
    files.close()
    await rooms.close()
    await store.close()


async def test_files_are_listed_with_their_outline(hands: Hands) -> None:
    told = (await hands.call("list_files")).text
    assert "book.md" in told and "Chapter 3" in told and "note.txt" in told


async def test_a_long_file_is_read_to_its_end_in_parts_that_fit(hands: Hands) -> None:
    seen, where = "", {"file": "book.md"}
    for _ in range(60):
        text = (await hands.call("read_file", **where)).text
        assert len(text) < 6_500
        seen += text
        found = re.search(r"Go on with section=(\d+)(?: and start=(\d+))?", text)
        if found is None:
            break
        where = {"file": "book.md", "section": int(found[1]), "start": int(found[2] or 0)}  # type: ignore[dict-item]
    for number in range(1, 5):
        for at in (0, 1, 250, 598, 599):
            assert f"{number}-{at} of" in seen, (number, at)


async def test_words_of_a_file_are_found_where_they_stand_or_are_not_there(hands: Hands) -> None:
    text = (await hands.call("read_file", file="book.md", around="Word 3-400 of the book.")).text
    assert "Word 3-400 of" in text and "Word 1-1 of" not in text
    missing = await hands.call("read_file", file="book.md", around="Word 9-9 of the book.")
    assert missing.failed and "is not in book.md" in missing.text
    unknown = await hands.call("read_file", file="../../etc/passwd")
    assert unknown.failed and "book.md" in unknown.text


async def test_search_finds_in_pages_and_in_files(hands: Hands) -> None:
    found = (await hands.call("search", query="interest lamp")).text
    assert "note.txt" in found and "The lamp." in found
