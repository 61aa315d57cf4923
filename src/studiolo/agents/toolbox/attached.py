"""Finding and reading: passages in pages and in the files beside them, and files a part at a time.

What is found says where it stands, so that it can be cited; a quote of a file is looked for in the very text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from pydantic_ai import ModelRetry

from studiolo.agents import context
from studiolo.agents.toolbox.guarded import Told
from studiolo.agents.toolbox.marks import data, plain, unmarked
from studiolo.agents.toolbox.offers import Context, Offer, short
from studiolo.agents.toolbox.reading import room_of
from studiolo.tools.attachments import Attachment, Attachments
from studiolo.tools.reading import Reading
from studiolo.tools.web_pages import portion

MOST_FOUND = 10
MOST_OUTLINE = 80  # lines of one file's outline
MOST_SECTIONS = 40  # of a file, looked at for one answer

Query = Annotated[str, Field(min_length=1, max_length=500)]


def finding(files: Attachments | None) -> list[Offer]:
    """Search over the pages, and over files where there are some."""

    async def search(ctx: Context, query: Query, limit: int = 6, file: str = "") -> Told | str:
        """Find passages about something anywhere in the canvas, best first, word for word with where they stand: in
        its pages and in the files beside them.

        Args:
            query: Words that the passages should have; names and things find more than questions.
            limit: How many passages, at most 10.
            file: Only in this file: its id.
        """
        work = ctx.deps
        limit = max(1, min(limit, MOST_FOUND))
        pages = [] if file else context.pages_of(work.surface.canvas)
        found = await asyncio.to_thread(lambda: context.retrieve(context.passages(pages), query, limit))
        room = room_of(work)
        parts: list[str] = []
        for passage in found:
            text = work.given.add("passage", passage.text, page=passage.page, title=passage.title, start=passage.start)
            line = work.surface.canvas.page_text(passage.page).count("\n", 0, passage.start) + 1
            parts.append(data(f"page “{passage.title}”", text, page=passage.page, line=line))
        hits = await files.search(work.surface.id, query, limit, file) if files is not None else []
        for hit in hits:
            text = work.given.add("passage", hit.text, title=f"{hit.name}, {hit.place}", start=hit.start)
            where = {"file": hit.attachment, "section": hit.section, "place": hit.place}
            parts.append(data(f"file “{hit.name}”", plain(text), **where))
        if not parts:
            return "Nothing in the canvas has these words. Try others, or look at the outline."
        half = limit // 2 if found and hits else limit
        chosen = _both(parts[: len(found)], parts[len(found) :], limit, half)
        kept: list[str] = []
        for part in chosen:
            if (room := room - len(part)) < 0 and kept:
                break
            kept.append(part)
        return Told("\n".join(kept), f"{len(kept)} passages")

    return [
        Offer(
            "search",
            search,
            "canvas",
            lambda work, arguments: f"Looks for “{short(arguments.get('query', ''))}”",
            f"Finds words and their stems, not meanings; at most {MOST_FOUND} passages.",
            reads=True,
        )
    ]


def attached(files: Attachments) -> list[Offer]:
    """The files beside the pages."""

    async def list_files(ctx: Context) -> str:
        """List the files beside the pages: id, name, kind, words, and an outline with section numbers."""
        there = await files.list(ctx.deps.surface.id)
        if not there:
            return "There are no files beside the pages."
        told = [_told(file, outline=len(there) <= 12) for file in there]
        return data("files beside the pages", "\n".join(told)[: room_of(ctx.deps)])

    async def read_file(ctx: Context, file: str, section: int = 0, start: int = 0, around: str = "") -> Told:
        """Read a file beside the pages, a part at a time. Every part says where in the file it stands: cite that.

        Args:
            file: The file's id or name, from list_files.
            section: The section to begin at, counted from 0; from the outline, or from what search found.
            start: From which character of that section on.
            around: Instead: words of the file, word for word, to read the text around. It also shows whether they are
                in the file at all.
        """
        work = ctx.deps
        one = await known_file(files, work.surface.id, file)
        room = room_of(work)
        if around.strip():
            found = await files.find(work.surface.id, one.id, unmarked(around))
            if found is None:
                raise ModelRetry(f"“{short(around)}” is not in {one.name}. Use search to find what is.")
            section, start = found.section, max(0, found.start - room // 3)
        count = int(one.about.get("sections", 0))
        sections = await files.sections(work.surface.id, one.id, max(0, section), max(0, section) + MOST_SECTIONS)
        if not sections:
            raise ModelRetry(
                f"{one.name} has {count} sections, counted from 0; there is none with the number {section}."
            )
        told = portion(Reading(one.name, one.type, sections), 0, max(0, start), room)
        parts = [
            data(
                f"file “{one.name}”",
                plain(work.given.add("file", piece.text, title=f"{one.name}, {piece.place or piece.title}")),
                file=one.id,
                section=at,
                place=piece.place or piece.title,
            )
            for at, piece in enumerate(told.sections, start=section)
        ]
        last = section + len(told.sections) - 1
        if told.more is not None:
            parts.append(
                f"Go on with section={section + told.more[0]} and start={told.more[1]}; it has {count} sections."
            )
        elif last + 1 < count:
            parts.append(f"Go on with section={last + 1}; it has {count} sections.")
        return Told("\n".join(parts), f"sections {section}–{last} of {count}")

    return [
        Offer(
            "list_files",
            list_files,
            "files",
            lambda work, arguments: "Looks at the files",
            "Names and outlines, as much as fits.",
            reads=True,
        ),
        Offer(
            "read_file",
            read_file,
            "files",
            lambda work, arguments: f"Reads the file {short(arguments.get('file', ''), 60)}",
            "A part at a time. Text only: of pictures their size, and no text that is only in a picture.",
            reads=True,
        ),
    ]


async def known_file(files: Attachments, canvas: str, name: str) -> Attachment:
    """The file with that id or name. Raises `ModelRetry` with those that there are."""
    there = await files.list(canvas)
    for one in there:
        if name in (one.id, one.name):
            return one
    names = "\n".join(f"{one.id}: {one.name}" for one in there[:60])
    raise ModelRetry(f"There is no file “{short(name, 60)}”. These are there:\n{data('files', names)}")


def _told(file: Attachment, outline: bool) -> str:
    about = file.about
    size = f"{about.get('words', 0)} words, {about.get('sections', 0)} sections"
    line = f"- file {file.id}: {file.name} ({file.type}, {size})"
    entries: Sequence[Sequence[object]] = about.get("outline") or ()
    lines = [f"  section {entry[2]}: {short(entry[1])}" for entry in entries[:MOST_OUTLINE]] if outline else []
    problems = [f"  ({short(one, 200)})" for one in about.get("problems", ())[:3]]
    return "\n".join([line, *lines, *problems])


def _both(one: list[str], other: list[str], limit: int, half: int) -> list[str]:
    """The best of two lists, half of each where both have enough."""
    first = one[: max(half, limit - len(other))]
    return [*first, *other[: limit - len(first)]]
