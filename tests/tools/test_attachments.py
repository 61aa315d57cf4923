"""Files beside the pages are kept whole, once, in pieces, and gone when they are gone, in either kind of database."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from studiolo.canvas.errors import Conflict, NotFound, TooLarge
from studiolo.store import Store, tables
from studiolo.tools import attachments
from studiolo.tools.attachments import ABANDONED, PIECE, Attachments
from tests.conftest import Clock

STORY = b"# The storm\n\nThe lamp went out at four, and nobody has ever said why.\n"


@pytest.fixture(params=["sqlite", "postgresql"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("database_url")
    store = await Store.open(url, clock=clock)
    for canvas in ("c", "d"):
        await store.create_canvas(canvas, "T", "ann", 1.0)
    yield store
    await store.close()


async def rows(store: Store) -> int:
    """How many rows of files there are in all tables."""
    async with store.reading() as connection:
        counts = [
            await connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (tables.attachments, tables.attachment_data, tables.attachment_sections)
        ]
    return sum(count or 0 for count in counts)


async def test_a_large_file_comes_back_byte_for_byte_and_in_pieces(kept: Store) -> None:
    files = Attachments(kept)
    data = b"".join(b"line %d of the log\n" % n for n in range(90_000))
    file, new = await files.add("c", io.BytesIO(data), "folder/server.log", "ann")
    assert new and (file.name, file.size) == ("server.log", len(data)) and len(data) > 3 * PIECE
    pieces = [piece async for piece in files.data("c", file.id)]
    assert len(pieces) == -(-len(data) // PIECE) and b"".join(pieces) == data
    assert "".join(section.text for section in await files.sections("c", file.id)).encode() == data
    assert [one.place for one in await files.sections("c", file.id, 1, 3)] == ["lines 401–800", "lines 801–1200"]
    assert await files.list("c") == [await files.get("c", file.id)] == [file] and await files.list("d") == []
    files.close()


async def test_the_same_file_is_kept_once_in_a_canvas_also_when_it_is_sent_twice_at_once(kept: Store) -> None:
    files = Attachments(kept)
    both = await asyncio.gather(*(files.add("c", STORY, f"{n}.md", "ann") for n in range(2)))
    assert both[0][0].id == both[1][0].id and len(await files.list("c")) == 1
    assert await files.bytes_of("c", both[0][0].id) == STORY
    again, new = await files.add("c", STORY, "again.md", "bob")
    assert not new and again.participant == "ann"
    await files.add("d", STORY, "other.md", "ann")
    await files.remove("c", again.id)
    assert await files.bytes_of("d", again.id) == STORY
    files.close()


async def test_what_is_removed_leaves_no_row(kept: Store) -> None:
    files = Attachments(kept)
    file, _ = await files.add("c", STORY, "a.md", "ann")
    assert (await files.search("c", "lamp"))[0].attachment == file.id
    await files.remove("c", file.id)
    assert await rows(kept) == 0 and await files.search("c", "lamp") == []
    for gone in (files.get("c", file.id), files.sections("c", file.id), files.find("c", file.id, "The lamp went out")):
        with pytest.raises(NotFound):
            await gone
    files.close()


async def test_a_file_that_never_arrived_whole_is_not_there_and_is_forgotten(
    kept: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Attachments(kept)
    with monkeypatch.context() as broken:
        broken.setattr(attachments, "_portions", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await files.add("c", STORY, "a.md", "ann")
    assert await files.list("c") == [] and await rows(kept) == 2
    clock.now += ABANDONED + 1
    other, _ = await files.add("c", b"# Another\n\nIt is short.\n", "b.md", "ann")
    assert [file.id for file in await files.list("c")] == [other.id] and await rows(kept) == 3
    file, new = await files.add("c", STORY, "a.md", "ann")
    assert new and await files.bytes_of("c", file.id) == STORY
    files.close()


async def test_a_file_of_which_something_else_came_meanwhile_is_not_there(kept: Store) -> None:
    """As when another node took it away, or reads it by another name."""
    files = Attachments(kept)
    file, _ = await files.add("c", STORY, "a.md", "ann")
    about = sa.update(tables.attachments).values(about={"arriving": True})
    extra = {"canvas": "c", "attachment": file.id, "n": 7, "title": "", "place": "", "text": "Another's."}
    async with kept.writing() as connection:
        await connection.execute(about)
        await connection.execute(sa.insert(tables.attachment_sections).values(extra))
    with pytest.raises(Conflict, match="while it arrived"):
        await files.add("c", STORY, "a.md", "ann")
    assert await files.list("c") == []
    assert await rows(kept) == 0, "so that it can be sent again"
    await files.add("c", STORY, "a.md", "ann")
    assert [one.text.strip() for one in await files.sections("c", file.id)] == [STORY.decode().strip()]
    both = await asyncio.gather(*(files.add("c", STORY * 9, f"{n}.txt", "ann") for n in range(4)))
    assert [new for _, new in both].count(True) == 1 and len({one.name for one, _ in both}) == 1


async def test_a_canvas_and_the_studio_hold_so_much_and_no_more(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Attachments(kept)
    for limit, value in (("MOST_OF_CANVAS", 100), ("MOST_TEXT", 100), ("MOST_FILES", 1), ("MOST_OF_STUDIO", 100)):
        with monkeypatch.context() as smaller:
            smaller.setattr(attachments, limit, value)
            first, _ = await files.add("c", STORY, "a.md", "ann")
            with pytest.raises(TooLarge):
                await files.add("c", STORY + b"And more.\n", "b.md", "ann")
            await files.remove("c", first.id)
    assert await rows(kept) == 0
    files.close()


async def test_there_is_no_file_of_no_canvas(kept: Store) -> None:
    files = Attachments(kept)
    with pytest.raises(NotFound):
        await files.add("none", STORY, "a.md", "ann")
    assert await rows(kept) == 0
    files.close()


async def test_indexes_are_made_once_and_the_oldest_go(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Attachments(kept)
    one, _ = await files.add("c", STORY, "a.md", "ann")
    two, _ = await files.add("c", STORY * 2, "b.md", "ann")
    first, again = await asyncio.gather(files.index("c", one), files.index("c", one))
    assert first is again
    monkeypatch.setattr(attachments, "MOST_INDEXED", 200)
    await files.index("c", two)
    assert await files.index("c", one) is not first, "it was put away, and is made again"
    assert (await files.locate("c", "nobody has ever said why")) is not None
    files.close()
