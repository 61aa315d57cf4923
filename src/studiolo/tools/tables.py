"""Questions about tables: what is in CSV, TSV, Parquet, JSON and spreadsheet files, and SQL over them.

Everything happens in the sandbox: files are somebody else's and so is the SQL. Nothing is kept between two questions.
Limits: 256 MB a file, 20 files, 1 GB of memory, 30 seconds, 200 rows of a result (all are counted).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.tools.sandbox import Limits, Sandbox, Table
from studiolo.tools.sandbox.receiving import as_table, clean

LARGEST = 256 << 20  # bytes of one file
MOST_FILES = 20
ROWS = 200
ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".json", ".jsonl", ".ndjson")
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
LIMITS = Limits(seconds=30, memory=1 << 30, file=512 << 20, disk=768 << 20, kept_files=1)
SHOWN_COLUMNS = 60
LONGEST_SQL = 50_000

Files = Mapping[str, bytes | Path]


@dataclass(frozen=True, slots=True)
class Description:
    """What is in some files: `{tables: [{name, file, rows, columns, sample, odd}], problems}`; see `text`."""

    tables: list[dict[str, Any]]
    problems: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {"tables": self.tables, "problems": self.problems}

    @property
    def text(self) -> str:
        """The description as lines to be read."""
        lines: list[str] = []
        for table in self.tables:
            sheet = f", sheet “{table['sheet']}”" if table.get("sheet") else ""
            lines.append(f"Table {table['name']} (from {table['file']}{sheet}): {table['rows']:,} rows")
            lines += [f"  ! {one}" for one in table["odd"]]
            for column in table["columns"][:SHOWN_COLUMNS]:
                lines.append(f"  - {_told(column, table['rows'])}")
                lines += [f"    ! {one}" for one in column["odd"]]
            if len(table["columns"]) > SHOWN_COLUMNS:
                lines.append(f"  … {len(table['columns']) - SHOWN_COLUMNS} more columns")
            lines += ["  first rows:", *(f"    {json.dumps(row, ensure_ascii=False)}" for row in table["sample"])]
        return "\n".join([*lines, *(f"! {one}" for one in self.problems)])


def _told(column: dict[str, Any], rows: int) -> str:
    """One column in a line."""
    parts = [f"{column['name']} {column['type']}"]
    if column["missing"]:
        parts.append(f"{column['missing']:,} of {rows:,} missing")
    parts.append(f"{'about ' if column['about'] else ''}{column['distinct']:,} different")
    if column["min"] is not None:
        parts.append(f"from {column['min']} to {column['max']}")
    if isinstance(column["mean"], int | float):
        parts.append(f"mean {column['mean']:.6g}")
    if column.get("top"):
        parts.append("most often " + ", ".join(f"{value} ({times:,})" for value, times in column["top"][:3]))
    return "; ".join(parts)


class Tables:
    """Reads files as tables, in a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def describe(self, files: Files) -> Description:
        """What is in these files, by their names; what cannot be read is said in `problems`."""
        answer = await self._asked(files, None)
        tables = answer.get("tables")
        if not isinstance(tables, list):
            raise Invalid("The files could not be described.")
        return Description([_checked(one) for one in tables], [clean(str(one)) for one in answer.get("problems", [])])

    async def query(self, sql: str, files: Files, rows: int = ROWS) -> Table:
        """The answer to one SELECT over these files. A table is called as its file (`describe` says how).

        Raises `Invalid` with what is wrong, and which tables and columns there are.
        """
        if len(sql) > LONGEST_SQL:
            raise TooLarge(f"A question may have {LONGEST_SQL:,} characters.")
        answer = await self._asked(files, sql, rows)
        columns = [{"name": name, "type": kind} for name, kind in zip(answer["columns"], answer["types"], strict=True)]
        table = as_table({"columns": columns, "rows": answer["rows"], "total": answer["total"]})
        if table is None:
            raise Invalid("The answer is no table.", "Ask for fewer columns.")
        return table

    async def _asked(self, files: Files, sql: str | None, rows: int = ROWS) -> dict[str, Any]:
        if not files:
            raise Invalid("There is no file to look into.", "Upload a table first.")
        if len(files) > MOST_FILES:
            raise TooLarge(f"{MOST_FILES} files can be looked into at once.", "Name fewer files.")
        given: dict[str, bytes | Path] = {}
        named: list[dict[str, str]] = []
        for number, (name, data) in enumerate(files.items()):
            size = len(data) if isinstance(data, bytes) else data.stat().st_size
            ending = PurePosixPath(name).suffix.lower()
            if size > LARGEST:
                raise TooLarge(
                    f"{name} has {size / 1e6:,.0f} MB; a table may have {LARGEST / 1e6:,.0f} MB.",
                    "Upload a part of it, or save it as Parquet, which is smaller.",
                )
            if ending not in (*ENDINGS, *SPREADSHEETS):
                raise Invalid(
                    f"{name} is no table.", f"Tables are files that end in {', '.join(ENDINGS + SPREADSHEETS)}."
                )
            path = f"file{number}{ending}"
            given[path] = data
            named.append({"path": path, "name": name})
        request = {"files": named, "sql": sql, "rows": rows, "memory_mb": (LIMITS.memory >> 20) * 6 // 10}
        given["request.json"] = json.dumps(request).encode()
        ran = await self._sandbox.run(_program(), given, limits=LIMITS)
        if not ran.ok:
            raise Invalid(f"The tables could not be read: {ran.error}", "Ask for less at once, or for a smaller file.")
        try:
            answer = json.loads(ran.files["answer.json"])
        except (KeyError, ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise Invalid("The tables could not be read.", "Try a smaller file.")
        if "wrong" in answer:
            raise Invalid(clean(str(answer["wrong"]))[:6_000], "Correct the SQL and ask again.")
        return answer


def _checked(table: Any) -> dict[str, Any]:
    """One table's description. A library that reads foreign files has written it, so its texts are cleaned."""
    if not isinstance(table, dict) or not isinstance(table.get("columns"), list):
        raise Invalid("The files could not be described.")
    return _cleaned(table)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {clean(name): _cleaned(one) for name, one in value.items()}
    return value


@cache
def _program() -> str:
    text = Path(__file__).with_name("table_program.py").read_text(encoding="utf-8")
    return f"{text}\n\nmain()\n"
