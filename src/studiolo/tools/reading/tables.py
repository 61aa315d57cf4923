"""Tables: what is in each column and the first rows, as text. The data itself is for the `tables` tool."""

from __future__ import annotations

import csv
import datetime
import io
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from studiolo.canvas.errors import Invalid
from studiolo.tools.reading.sections import Reading, Section, one_line

FIRST = 50  # rows that are shown
MOST_COLUMNS = 500
MOST_SHEETS = 100
WIDEST = 200  # characters of a cell
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(?:[eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


@dataclass(slots=True)
class Column:
    """What was seen of a column."""

    name: str
    types: set[str] = field(default_factory=set[str])
    empty: int = 0
    examples: list[str] = field(default_factory=list[str])

    def see(self, value: str) -> None:
        if not value.strip():
            self.empty += 1
            return
        if len(self.types) < 3:
            number, date = _NUMBER.fullmatch(value.strip()), _DATE.fullmatch(value.strip())
            self.types.add("number" if number else "date" if date else "text")
        if len(self.examples) < 3 and value not in self.examples:
            self.examples.append(one_line(value, 40))

    @property
    def type(self) -> str:
        return self.types.copy().pop() if len(self.types) == 1 else "text" if self.types else "empty"


def read_csv(text: str, name: str, delimiter: str = "") -> Reading:
    """A table of text. Raises `Invalid` when it has no row."""
    csv.field_size_limit(1_000_000)
    if not delimiter:
        counts = {mark: text[:20_000].split("\n", 1)[0].count(mark) for mark in ",;\t|"}
        delimiter = max(counts, key=lambda mark: counts[mark]) if any(counts.values()) else ","
    try:
        described = _described(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise Invalid(f"{name} is no table that can be read: {error}.", "Save it again as CSV, in UTF-8.") from None
    type = "text/tab-separated-values" if delimiter == "\t" else "text/csv"
    return _reading(name, type, [("", *described)])


def read_sheets(data: bytes, name: str, type: str) -> Reading:
    """Each sheet of a workbook. Raises `Invalid`."""
    from python_calamine import CalamineWorkbook

    with tempfile.NamedTemporaryFile(suffix=PurePosixPath(name).suffix) as file:
        file.write(data)
        file.flush()
        try:
            book = CalamineWorkbook.from_path(file.name)
            sheets = [
                (sheet, *_described([_cell(cell) for cell in row] for row in book.get_sheet_by_name(sheet).to_python()))
                for sheet in book.sheet_names[:MOST_SHEETS]
            ]
        except Exception as error:  # of a library in Rust: its errors have no common name
            raise Invalid(f"{name} cannot be read: {str(error)[:200]}.", "Save it again, without a password.") from None
    return _reading(name, type, sheets)


def read_parquet(data: bytes, name: str) -> Reading:
    """A Parquet file. Raises `Invalid`."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        path.write_bytes(data)
        connection = duckdb.connect(
            ":memory:", config={"memory_limit": "512MB", "threads": 1, "autoinstall_known_extensions": False}
        )
        try:
            found = connection.execute("SELECT * FROM read_parquet(?) LIMIT ?", [str(path), FIRST])
            names = [one[0] for one in found.description or []]
            kinds = [str(one[1]) for one in found.description or []]
            rows = [[_cell(cell) for cell in row] for row in found.fetchall()]
            counted = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
        except duckdb.Error as error:
            raise Invalid(f"{name} cannot be read: {str(error)[:200]}", "Write it again as Parquet or CSV.") from None
        finally:
            connection.close()
    columns, _, shown = _described([names, *rows])
    for column, kind in zip(columns, kinds, strict=False):
        column.types = {kind.lower()}
    return _reading(name, "application/vnd.apache.parquet", [("", columns, counted[0] if counted else 0, shown)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _described(rows: Iterable[Sequence[str]]) -> tuple[list[Column], int, list[list[str]]]:
    """The columns, how many rows there are below the first, and the first of them."""
    columns: list[Column] = []
    shown: list[list[str]] = []
    count = 0
    for row in rows:
        if not columns:
            if any(cell.strip() for cell in row):
                columns = [
                    Column(one_line(cell, 80) or f"column {at}") for at, cell in enumerate(row[:MOST_COLUMNS], 1)
                ]
            continue
        if not row:
            continue
        count += 1
        if count <= FIRST:
            shown.append([one_line(cell, WIDEST) for cell in row[:MOST_COLUMNS]])
        for column, cell in zip(columns, row, strict=False):
            column.see(cell)
    return columns, count, shown


def _reading(name: str, type: str, sheets: Sequence[tuple[str, list[Column], int, list[list[str]]]]) -> Reading:
    sections: list[Section] = []
    tables: list[dict[str, Any]] = []
    for sheet, columns, count, shown in sheets:
        if not columns:
            continue
        where = f"sheet “{sheet}”" if sheet else "the table"
        told = [f"{where[:1].upper()}{where[1:]} has {count:,} rows and {len(columns)} columns.", "", "Columns:"]
        for column in columns:
            hints = [column.type, *([f"{column.empty:,} empty"] if column.empty else [])]
            examples = f", for example {', '.join(column.examples)}" if column.examples else ""
            told.append(f"- {column.name} ({', '.join(hints)}){examples}")
        sections.append(Section(sheet, f"{where}, columns", "\n".join(told) + "\n"))
        if shown:
            head = [column.name for column in columns]
            lines = [_row(head), _row(["---"] * len(head)), *map(_row, shown)]
            rows = f"rows 1–{len(shown)}"
            sections.append(Section(sheet, f"{where}, {rows}", "\n".join(lines) + "\n"))
        tables.append(
            {
                "name": sheet,
                "rows": count,
                "columns": [{"name": column.name, "type": column.type} for column in columns],
                "first": shown[:20],
            }
        )
    if not sections:
        raise Invalid(f"{name} holds no table.", "Choose a file with a row of names and rows below it.")
    problems: list[str] = []
    if sum(count for _, _, count, _ in sheets) > FIRST:
        problems.append(f"Its text is the first {FIRST} rows; questions to the table see all of them.")
    about = {"kind": "table", "tables": tables[:20], "outline": [[0, one[0], 0] for one in sheets if one[0]]}
    if len(tables) > 1:
        places = {sheet: next((n for n, s in enumerate(sections) if s.title == sheet), 0) for sheet, *_ in sheets}
        about["outline"] = [[0, sheet, places[sheet]] for sheet in places if sheet]
    return Reading(PurePosixPath(name).name, type, sections, about, problems)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
