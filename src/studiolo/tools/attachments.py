"""Files beside the pages: kept in the database in pieces, as text in sections, and searched as a whole.

The id of a file is made of its content, so the same file is kept once in a canvas, and one that is taken away and put
back is the same again, with every link to it. A file becomes visible when all of it is there. Works on any node:
nothing but the indexes, which are made when they are asked for, is in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any
from weakref import WeakValueDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Conflict, NotFound, TooLarge
from studiolo.store import Store, dialect
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.tables import attachment_data, attachment_sections, attachments
from studiolo.tools.passages import Found, Index, search
from studiolo.tools.reading import MOST_BYTES, Reading, Section, read

PIECE = 512 << 10  # bytes
SECTIONS_AT_ONCE = 1 << 20  # characters that are written in one transaction
MOST_FILES = 500  # of one canvas
MOST_OF_CANVAS = 256 << 20  # bytes
MOST_TEXT = 40_000_000  # characters of text in all files of one canvas
MOST_OF_STUDIO = 20 << 30  # bytes
MOST_TAKEN = 24 << 20  # bytes that an exported canvas takes along: with more, no studio would take it in
MOST_INDEXED = 48_000_000  # characters in all indexes that are in memory
ABANDONED = 3600.0  # seconds after which a file that has not arrived whole is forgotten
_ARRIVING = "arriving"


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of a file beside its content. `about` has `title`, `outline` (`[level, title, section]`), `words`,
    `sections`, `problems` and what a format tells of itself: see `tools.reading`."""

    id: str
    name: str
    type: str
    size: int
    sha256: str
    participant: str
    at: float
    about: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """All of it, as a person may see it."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "size": self.size,
            "participant": self.participant,
            "at": self.at,
            **self.about,
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage of a file that has to do with what was asked. `start` is where it begins in its section."""

    attachment: str
    name: str
    section: int
    title: str
    place: str
    start: int
    text: str
    score: float


class Attachments:
    """The files of all canvases."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._indexes: OrderedDict[tuple[str, int], Index] = OrderedDict()
        self._making: dict[tuple[str, int], asyncio.Task[Index]] = {}
        self._alone: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def close(self) -> None:
        """Forget the indexes."""
        for index in self._indexes.values():
            index.close()
        self._indexes.clear()

    async def add(
        self, canvas: str, data: bytes | IO[bytes], name: str, by: str, type: str = ""
    ) -> tuple[Attachment, bool]:
        """Read a file and keep it; whether it is new. `data`: bytes, or an open file, which is read piece by piece.

        Raises NotFound for the canvas, what `read` raises, TooLarge when the canvas, or the studio, is full, and
        Conflict when the file was taken away, or came as another one, while it arrived.
        """
        name = " ".join(name.replace("\\", "/").rsplit("/", 1)[-1].split())[:200] or "untitled"
        hash, size = await asyncio.to_thread(_hashed, data)
        if size > MOST_BYTES:
            raise TooLarge(f"{name} is larger than {MOST_BYTES // 2**20} MB.", "Divide it, or leave out its pictures.")
        id = hash[:16]
        async with self._alone_with(canvas, id):
            try:
                return await self._added(canvas, id, data, name, by, type, hash, size)
            except Conflict:
                if (left := await self._row(canvas, id)) is not None and not _arrived(left):
                    await self._delete(canvas, [id])
                raise

    async def _added(
        self, canvas: str, id: str, data: bytes | IO[bytes], name: str, by: str, type: str, hash: str, size: int
    ) -> tuple[Attachment, bool]:
        await self._forget_abandoned(canvas)
        if (known := await self._row(canvas, id)) is not None and _arrived(known):
            return _attachment(known), False
        if known is not None and known.name != name:  # its name may have it read in another way
            await self._delete(canvas, [id])
        await self._room_for(canvas, size)
        _rewind(data)
        reading = await read(data, name, type)
        await self._room_for(canvas, size, reading.characters)
        about = _about(reading)
        row = {"canvas": canvas, "id": id, "name": name, "type": reading.type, "size": size, "sha256": hash}
        row |= {"participant": by, "at": self._store.clock(), "about": {_ARRIVING: True}}
        async with self._store.writing() as connection:
            await need_canvas(connection, canvas)
            await connection.execute(dialect.upsert(connection, attachments, ("at",)), row)
        _rewind(data)
        number = 0
        while piece := await asyncio.to_thread(_piece, data, number):
            one = {"canvas": canvas, "attachment": id, "n": number, "data": piece}
            async with self._store.writing() as connection:
                await connection.execute(dialect.insert_new(connection, attachment_data), one)
            number += 1
        for rows in _portions(canvas, id, reading.sections):
            async with self._store.writing() as connection:
                await connection.execute(dialect.insert_new(connection, attachment_sections), rows)
        async with self._store.writing() as connection:
            await _need_whole(connection, canvas, id, number, len(reading.sections))
            await connection.execute(dialect.upsert(connection, attachments, ("about",)), row | {"about": about})
        return Attachment(id, name, reading.type, size, hash, by, row["at"], about), True

    async def list(self, canvas: str) -> list[Attachment]:
        """The files of a canvas, the last first."""
        query = sa.select(attachments).where(attachments.c.canvas == canvas)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(attachments.c.at.desc(), attachments.c.id))
            return [_attachment(row) for row in rows if _arrived(row)]

    async def get(self, canvas: str, id: str) -> Attachment:
        """One file. Raises NotFound."""
        row = await self._row(canvas, id)
        if row is None or not _arrived(row):
            raise NotFound("There is no such file in this canvas.", "It may have been removed; look at the list.")
        return _attachment(row)

    async def data(self, canvas: str, id: str) -> AsyncIterator[bytes]:
        """What a file holds, piece by piece; nothing when it is not there."""
        number = 0
        table = attachment_data
        while True:
            query = sa.select(table.c.data).where(
                table.c.canvas == canvas, table.c.attachment == id, table.c.n == number
            )
            async with self._store.reading() as connection:
                piece = await connection.scalar(query)
            if piece is None:
                return
            yield piece
            number += 1

    async def bytes_of(self, canvas: str, id: str) -> bytes:
        """The whole file. Raises NotFound."""
        await self.get(canvas, id)
        return b"".join([piece async for piece in self.data(canvas, id)])

    async def packed(self, canvas: str, most: int = MOST_TAKEN) -> tuple[list[tuple[str, bytes]], list[str]]:
        """The files of a canvas to be taken along with it, by name, up to so many bytes; and what stays behind."""
        files: list[tuple[str, bytes]] = []
        left: list[str] = []
        room = most
        for file in await self.list(canvas):
            if file.size > room:
                left.append(f"“{file.name}” stayed behind: a canvas takes {most // 2**20} MB of files along.")
                continue
            room -= file.size
            files.append((file.name, await self.bytes_of(canvas, file.id)))
        return files, left

    async def sections(self, canvas: str, id: str, start: int = 0, stop: int | None = None) -> list[Section]:
        """The text of a file, or some sections of it. Raises NotFound."""
        await self.get(canvas, id)
        table = attachment_sections
        query = sa.select(table).where(table.c.canvas == canvas, table.c.attachment == id, table.c.n >= start)
        if stop is not None:
            query = query.where(table.c.n < stop)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(table.c.n))
            return [Section(row.title, row.place, row.text) for row in rows]

    async def search(self, canvas: str, query: str, limit: int = 8, attachment: str = "") -> list[Hit]:
        """The passages of all files of a canvas, or of one, that have most to do with a query, best first."""
        files = [await self.get(canvas, attachment)] if attachment else await self.list(canvas)
        indexes = [await self.index(canvas, file) for file in files]
        return [
            Hit(files[at].id, files[at].name, one.section, one.title, one.place, one.start, one.text, score)
            for at, one, score in await asyncio.to_thread(search, indexes, query, limit)
        ]

    async def find(self, canvas: str, id: str, quote: str) -> Found | None:
        """Where a quote stands in a file, None when it is nowhere. Raises NotFound for the file."""
        index = await self.index(canvas, await self.get(canvas, id))
        return await asyncio.to_thread(index.find, quote)

    async def locate(self, canvas: str, quote: str) -> tuple[Attachment, Found] | None:
        """The file of a canvas in which a quote stands, and where; None when it is in none."""
        for file in await self.list(canvas):
            index = await self.index(canvas, file)
            if found := await asyncio.to_thread(index.find, quote):
                return file, found
        return None

    async def vouch(self, canvas: str, quotes: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, int]]:
        """Of quotes, each with the id of its file, those that really stand there: the place in words, and the section.
        Files that are not there have no quotes."""
        found: dict[tuple[str, str], tuple[str, int]] = {}
        for id, quote in quotes:
            with suppress(NotFound):
                if at := await self.find(canvas, id, quote):
                    found[id, quote] = at.place, at.section
        return found

    async def remove(self, canvas: str, id: str) -> None:
        """Take a file away for good. Raises NotFound."""
        async with self._alone_with(canvas, id):
            await self.get(canvas, id)
            await self._delete(canvas, [id])

    def _alone_with(self, canvas: str, id: str) -> asyncio.Lock:
        """So that a file which is sent twice at once is read once, and none is taken away while it arrives."""
        return self._alone.setdefault((canvas, id), asyncio.Lock())

    async def index(self, canvas: str, file: Attachment) -> Index:
        """The index of a file: from memory, or made of its sections, in a thread."""
        key = (file.sha256, int(file.about.get("characters", 0)))
        if key in self._indexes:
            self._indexes.move_to_end(key)
            return self._indexes[key]
        if key not in self._making:
            task = asyncio.create_task(self._make(canvas, file.id, key))
            task.add_done_callback(lambda _: self._making.pop(key, None))
            self._making[key] = task
        return await asyncio.shield(self._making[key])

    async def _make(self, canvas: str, id: str, key: tuple[str, int]) -> Index:
        index = await asyncio.to_thread(Index, await self.sections(canvas, id))
        self._indexes[key] = index
        while len(self._indexes) > 1 and sum(one.characters for one in self._indexes.values()) > MOST_INDEXED:
            self._indexes.popitem(last=False)  # it is closed when the last who asks it has done so
        return index

    async def _row(self, canvas: str, id: str) -> Any:
        query = sa.select(attachments).where(attachments.c.canvas == canvas, attachments.c.id == id)
        async with self._store.reading() as connection:
            return (await connection.execute(query)).one_or_none()

    async def _room_for(self, canvas: str, size: int, characters: int = 0) -> None:
        """Raise TooLarge when there is no room for one more file."""
        files = await self.list(canvas)
        if len(files) >= MOST_FILES:
            raise TooLarge(f"This canvas has {MOST_FILES} files already.", "Remove one that is not needed any more.")
        if sum(file.size for file in files) + size > MOST_OF_CANVAS:
            raise TooLarge(
                f"The files of this canvas would be more than {MOST_OF_CANVAS // 2**20} MB.",
                "Remove one that is not needed any more.",
            )
        if sum(int(file.about.get("characters", 0)) for file in files) + characters > MOST_TEXT:
            raise TooLarge(
                f"The files of this canvas would hold more than {MOST_TEXT // 10**6} million characters of text.",
                "Remove one that is not needed any more.",
            )
        async with self._store.reading() as connection:
            held = await connection.scalar(sa.select(sa.func.sum(attachments.c.size)))
        if (held or 0) + size > MOST_OF_STUDIO:
            raise TooLarge("The studio has no room for more files.", "Remove files from canvases that are done.")

    async def _forget_abandoned(self, canvas: str) -> None:
        """Delete what of files is there that never arrived whole."""
        query = sa.select(attachments).where(
            attachments.c.canvas == canvas, attachments.c.at < self._store.clock() - ABANDONED
        )
        async with self._store.reading() as connection:
            lost = [row.id for row in await connection.execute(query) if not _arrived(row)]
        if lost:
            await self._delete(canvas, lost)

    async def _delete(self, canvas: str, ids: Sequence[str]) -> None:
        async with self._store.writing() as connection:
            for table, column in (
                (attachments, attachments.c.id),
                (attachment_sections, attachment_sections.c.attachment),
                (attachment_data, attachment_data.c.attachment),
            ):
                await connection.execute(sa.delete(table).where(table.c.canvas == canvas, column.in_(ids)))


async def _need_whole(connection: AsyncConnection, canvas: str, id: str, pieces: int, sections: int) -> None:
    """Raise Conflict unless all of a file is there, and nothing of another one."""
    for table, wanted in ((attachment_data, pieces), (attachment_sections, sections)):
        count = sa.select(sa.func.count()).where(table.c.canvas == canvas, table.c.attachment == id)
        if await connection.scalar(count.select_from(table)) != wanted:
            raise Conflict("The file was changed or removed while it arrived.", "Send it again.")


def _arrived(row: Any) -> bool:
    return not row.about.get(_ARRIVING)


def _attachment(row: Any) -> Attachment:
    return Attachment(row.id, row.name, row.type, row.size, row.sha256, row.participant, row.at, dict(row.about))


def _about(reading: Reading) -> dict[str, Any]:
    told = {"title": reading.title, "sections": len(reading.sections), "problems": reading.problems}
    return {**reading.about, **told}


def _rewind(data: bytes | IO[bytes]) -> None:
    if not isinstance(data, bytes):
        data.seek(0)


def _hashed(data: bytes | IO[bytes]) -> tuple[str, int]:
    """The SHA-256 of a file, and how many bytes it has."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest(), len(data)
    _rewind(data)
    hash, size = hashlib.sha256(), 0
    while part := data.read(1 << 18):
        hash.update(part)
        size += len(part)
    return hash.hexdigest(), size


def _piece(data: bytes | IO[bytes], number: int) -> bytes:
    """The piece that comes next, which is the one with that number."""
    return data[number * PIECE : (number + 1) * PIECE] if isinstance(data, bytes) else data.read(PIECE)


def _portions(canvas: str, id: str, sections: Sequence[Section]) -> list[list[dict[str, Any]]]:
    """Rows of sections, some in one transaction."""
    portions: list[list[dict[str, Any]]] = []
    size = SECTIONS_AT_ONCE
    for number, section in enumerate(sections):
        if size >= SECTIONS_AT_ONCE or len(portions[-1]) >= 500:
            portions.append([])
            size = 0
        row = {"canvas": canvas, "attachment": id, "n": number}
        portions[-1].append({**row, "title": section.title, "place": section.place, "text": section.text})
        size += len(section.text)
    return portions
