"""Computing: Python in the sandbox, questions to tables in SQL, and what libraries say of themselves.

A program sees the files that it is given and nothing else: no network, no other file, no variable of the studio's.
What it prints is data, whoever wrote the program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from pydantic_ai import ModelRetry

from studiolo.agents.toolbox.attached import known_file
from studiolo.agents.toolbox.guarded import Told
from studiolo.agents.toolbox.marks import data, plain
from studiolo.agents.toolbox.offers import Context, Offer, short
from studiolo.agents.toolbox.reading import known_page, room_of
from studiolo.agents.work import Work
from studiolo.canvas import THE_STUDIO
from studiolo.canvas.attaching import attach
from studiolo.canvas.errors import StudioloError

if TYPE_CHECKING:
    from studiolo.tools.attachments import Attachments
    from studiolo.tools.documentation import Documentation
    from studiolo.tools.sandbox import Image, Ran, Sandbox, Table
    from studiolo.tools.tables import Tables

LONGEST_CODE = 40_000  # characters
SECONDS = 60.0
MEMORY = 512 << 20  # bytes
MOST_FILES = 10  # given to one program
MOST_KEPT = 32 << 20  # bytes of files that stay for the next program of the run
ROWS = 40  # of a table that a model reads
CELL = 120  # characters
MOST_IMAGES = 8

Names = Annotated[list[str], Field(max_length=MOST_FILES)]
_SUFFIX = {"data": ".csv", "code": ".txt", "prose": ".md", "note": ".md"}


def programs(sandbox: Sandbox, files: Attachments | None) -> list[Offer]:
    """Python."""

    async def python(
        ctx: Context,
        code: Annotated[str, Field(min_length=1, max_length=LONGEST_CODE)],
        files_needed: Names = [],  # noqa: B006
    ) -> Told:
        """Run a Python program in a closed room: no network, and no files but those you name. Standard library, and
        pandas, numpy, matplotlib and duckdb where the studio has them. Print what you want to know; the last line's
        value is shown, tables as tables, and figures are kept beside the pages.

        Args:
            code: The program. It begins anew each time; files that it writes are there the next time.
            files_needed: Ids or names of files beside the pages, or ids of pages, to be put into its folder. They are
                there under their names; a page's text is a file called after its title.
        """
        work = ctx.deps
        given = await _given(work, files, files_needed)
        ran = await sandbox.run(code, {**work.desk, **given}, SECONDS, MEMORY)
        _keep(work.desk, ran.files)
        room = room_of(work)
        parts = [f"Put into its folder: {', '.join(given)}."] if given else []
        if ran.text.strip():
            text = plain(ran.text)
            cut = len(text) - room
            shown = (
                text if cut <= 0 else f"{text[: room * 2 // 3]}\n… {cut:,} characters left out …\n{text[-room // 3 :]}"
            )
            parts.append(data("what the program printed", shown))
        parts += [data("a table that the program showed", markdown(table), rows=table.total) for table in ran.tables]
        if ran.error:
            parts.append(data("why it failed", plain(ran.error)[-room:]))
        pictures = await _keep_pictures(work, files, _pictures(work, ran))
        parts += [
            f"A picture of {one['width']}×{one['height']} is kept beside the pages: {one['name']}." for one in pictures
        ]
        parts += [f"({sentence})" for sentence in ran.left_out[:10]]
        if ran.files:
            parts.append(f"It wrote: {', '.join(sorted(ran.files)[:50])}.")
        told = short(ran.error or ran.text or "It printed nothing.", 300)
        detail = {"images": pictures, "tables": len(ran.tables), "seconds": round(ran.seconds, 2), "held by": ran.level}
        return Told("\n".join(parts) or "It ran and printed nothing.", told, detail, failed=not ran.ok)

    return [
        Offer(
            "python",
            python,
            "sandbox",
            lambda work, arguments: f"Runs a program: {_first_line(arguments.get('code', ''))}",
            f"No network, no other files, {SECONDS:.0f} seconds, {MEMORY >> 20} MB, {MOST_FILES} files at once.",
            will=lambda arguments: "A Python program would run in the studio's sandbox, on this machine.",
            role="commenter",
        )
    ]


def tables(tables: Tables, files: Attachments | None) -> list[Offer]:
    """SQL over files."""

    async def query_table(
        ctx: Context, files_needed: Names, sql: Annotated[str, Field(max_length=20_000)] = ""
    ) -> Told:
        """Ask tables a question in SQL (DuckDB): CSV, Parquet, Excel and JSON files beside the pages, and data pages.

        Args:
            files_needed: Ids or names of files beside the pages, or ids of pages, to ask.
            sql: The question. Leave it out to see the tables' names, columns, types and first rows.
        """
        work = ctx.deps
        given = await _given(work, files, files_needed)
        if not given:
            raise ModelRetry("Name at least one file or page that holds a table.")
        if not sql.strip():
            described = await tables.describe(given)
            return Told(data("tables", plain(described.text)[: room_of(work)]), ", ".join(given))
        table = await tables.query(sql, given)
        return Told(data("the answer", markdown(table), rows=table.total), f"{table.total} rows")

    return [
        Offer(
            "query_table",
            query_table,
            "tables",
            lambda work, arguments: f"Asks a table: {short(arguments.get('sql') or 'what is in it')}",
            f"Reads only, in the sandbox; {ROWS} rows are shown.",
            role="commenter",
        )
    ]


def documentation(docs: Documentation) -> list[Offer]:
    """What libraries say of themselves."""

    async def api_docs(
        ctx: Context, query: Annotated[str, Field(min_length=1, max_length=300)], package: str = "", limit: int = 5
    ) -> Told:
        """Look something up in the documentation of the Python packages that are installed here: signature, what it
        says, and where that is from. Do so before you use a library's function from memory, and cite it.

        Args:
            query: A name such as pathlib.Path.glob, or words that say what it does.
            package: Only in this package.
            limit: How many entries, at most 10.
        """
        found = await docs.search(query, max(1, min(limit, 10)), package or None)
        if not found:
            return Told("Nothing was found. Try the name of a module or a function.", "nothing")
        room = room_of(ctx.deps) // max(1, len(found))
        parts = [
            data(
                f"documentation of {entry.package} {entry.version}",
                plain(f"{entry.kind} {entry.name}{entry.signature}\n{entry.text[:room]}"),
                at=entry.source,
            )
            for entry in found
        ]
        return Told("\n".join(parts), ", ".join(entry.name for entry in found))

    return [
        Offer(
            "api_docs",
            api_docs,
            "docs",
            lambda work, arguments: f"Looks up “{short(arguments.get('query', ''))}” in the documentation",
            "What is installed in the studio, Sphinx inventories and folders that the owner has named; offline.",
        )
    ]


def markdown(table: Table) -> str:
    """A table as Markdown, the first rows of it."""
    head = [_cell(name) for name in table.columns]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in table.rows[:ROWS]]
    if table.total > min(len(table.rows), ROWS):
        lines.append(f"({table.total:,} rows in all; ask for fewer, or for a summary.)")
    return plain("\n".join(lines))


def _cell(value: Any) -> str:
    return short("" if value is None else value, CELL).replace("|", "\\|")


def _first_line(code: str) -> str:
    lines = [
        line.strip() for line in str(code).splitlines() if line.strip() and not line.startswith(("import", "from"))
    ]
    return short(lines[0] if lines else code, 80)


async def _given(work: Work, files: Attachments | None, names: Sequence[str]) -> dict[str, bytes]:
    """The files that a program is given, by the names under which it finds them."""
    given: dict[str, bytes] = {}
    canvas = work.surface.canvas
    pages = {page["id"] for page in canvas.outline() if not page["removed"]}
    for name in names:
        if name in pages or files is None:
            page = known_page(canvas, name)
            given[_free(given, file_name(page["title"], _SUFFIX.get(page["kind"], ".txt")))] = canvas.live_page(
                page["id"]
            ).encode()
        else:
            one = await known_file(files, work.surface.id, name)
            given[_free(given, file_name(one.name))] = await files.bytes_of(work.surface.id, one.id)
    return given


def _keep(desk: dict[str, bytes], made: Mapping[str, bytes]) -> None:
    """Put the files that a program has written with those of the programs before it."""
    desk |= made
    while sum(map(len, desk.values())) > MOST_KEPT:
        del desk[next(iter(desk))]


def file_name(title: str, suffix: str = "") -> str:
    """A title as the name of a file in one folder, whatever stands in it."""
    name = re.sub(r"[^\w.\- ]", "_", title).strip(" .")[:80] or "file"
    return name if suffix and name.endswith(suffix) else name + ("" if "." in name and not suffix else suffix)


def _free(taken: Mapping[str, Any], name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    number = 2
    while name in taken:
        name = f"{stem or suffix} ({number}){dot}{suffix if stem else ''}"
        number += 1
    return name


def _pictures(work: Work, ran: Ran) -> list[tuple[str, Image]]:
    """The pictures that a program made, with their names: its figures, or, where it closed them, those it wrote."""
    from studiolo.tools.sandbox.receiving import as_image

    shown = [(f"figure {work.run[:6]} {number}.png", image) for number, image in enumerate(ran.images, start=1)]
    if shown:
        return shown[:MOST_IMAGES]
    written = [(name, as_image(data)) for name, data in sorted(ran.files.items()) if name.lower().endswith(".png")]
    return [(name.rpartition("/")[2], image) for name, image in written if image is not None][:MOST_IMAGES]


async def _keep_pictures(
    work: Work, files: Attachments | None, pictures: Sequence[tuple[str, Image]]
) -> list[dict[str, Any]]:
    """Keep them beside the pages, where everybody sees them at once."""
    kept: list[dict[str, Any]] = []
    if files is None:
        return kept
    room, by = work.surface, work.persona.participant
    for name, image in pictures:
        try:
            one, _ = await files.add(room.id, image.data, name, by.id, "image/png")
            # The agent may add no files itself: what was made at its request is the studio's to list.
            listed = one.as_dict()
            await room.perform(lambda listed=listed: attach(room.canvas, listed, THE_STUDIO), THE_STUDIO)
        except StudioloError as error:
            work.note(error.message)
            break
        work.result("attachment", one.id)
        kept.append({"id": one.id, "name": one.name, "width": image.width, "height": image.height})
    return kept
