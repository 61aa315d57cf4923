"""The program that reads tables and answers questions about them with DuckDB. `studiolo.tools.tables` gives its text to
the sandbox, where it runs alone: nothing of Studiolo may be imported here.

It reads `request.json` and writes `answer.json`. Whatever it is given was made by somebody else: its names and
cells are values here and never SQL.
"""

# ruff: noqa: PTH108, PTH110, PTH119, PTH122, PTH123, S608 - names are quoted by `named`
from __future__ import annotations

import csv
import datetime
import decimal
import difflib
import json
import math
import os
import re
from typing import Any

import duckdb

LONGEST_CELL = 300
MOST_COLUMNS = 200
TOP = 5
SAMPLE = 5
MOST_COUNTED = 2_000_000
MOST_SHEETS = 20
EXACTLY = 200_000  # rows up to which values are counted one by one
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
COMMA_NUMBER = r"^\s*-?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?\s*%?\s*$"
PLAIN_NUMBER = r"^\s*[-+]?[$€£]?\s*(\d{1,3}(,\d{3})+|\d+)(\.\d+)?\s*%?\s*$"
DATES = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d")
NOTHING = ("n/a", "na", "null", "none", "nan", "-", "--", "?", "unknown", "#n/a", "missing", "tbd")
ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class Wrong(Exception):
    """What is to be said to whoever asked."""


def named(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


class Tables:
    """The tables of the given files, in a database in memory."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "threads": 1,
                "memory_limit": f"{request['memory_mb']}MB",
                "max_temp_directory_size": "0GB",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        self.tables: list[dict[str, Any]] = []
        self.problems: list[str] = []
        for file in request["files"]:
            try:
                self._load(file["path"], file["name"])
            except Exception as error:  # each library has its own
                self.problems.append(f"{file['name']} cannot be read: {first_line(error)}")
        # Nothing more is read from now on: what is asked was written by somebody else.
        self.connection.execute("SET python_enable_replacements=false; SET enable_external_access=false")
        self.connection.execute("SET lock_configuration=true")

    def _load(self, path: str, name: str) -> None:
        stem, ending = os.path.splitext(os.path.basename(name))
        ending = ending.lower()
        if ending in SPREADSHEETS:
            self._spreadsheet(path, name, stem)
        elif ending == ".parquet":
            self._make(stem, name, "read_parquet(?)", [path], [])
        elif ending in (".json", ".jsonl", ".ndjson"):
            self._make(stem, name, "read_json_auto(?)", [path], [])
        else:
            self._text(path, name, stem)

    def _text(self, path: str, name: str, stem: str) -> None:
        odd: list[str] = []
        with open(path, "rb") as source:
            start = source.read(4)
        encoding = next((one for mark, one in ENCODINGS if start.startswith(mark)), "")
        encoding = encoding or ("utf-8" if _is_utf8(path) else "cp1252")
        if encoding != "utf-8":
            plain = path + ".utf8"
            with (
                open(path, encoding=encoding, errors="replace", newline="") as source,
                open(plain, "w", encoding="utf-8", newline="") as target,
            ):
                while part := source.read(1 << 20):
                    target.write(part)
            os.unlink(path)
            path = plain
            if encoding != "utf-8-sig":
                odd.append(f"Its encoding is {encoding}.")
        options = (
            "quote='\"', escape='\"', sample_size=100000, null_padding=true, strict_mode=false, "
            "ignore_errors=true, store_rejects=true"
        )
        try:
            self._make(stem, name, f"read_csv(?, {options})", [path], odd)
        except duckdb.Error as first:
            odd.append(f"Its columns were read as text: {first_line(first)}")
            self._make(stem, name, "read_csv(?, all_varchar=true, ignore_errors=true, null_padding=true)", [path], odd)
        odd += self._rejected()
        odd += _headers(self.connection, path)

    def _rejected(self) -> list[str]:
        try:
            found = self.connection.execute(
                "SELECT count(DISTINCT line), min(line), any_value(error_message) FROM reject_errors"
            ).fetchall()
            self.connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
        except duckdb.Error:
            return []
        lines, line, why = found[0]
        return (
            [f"{lines} line(s) do not fit and were left out; the first is line {line}: {first_line(why)}"]
            if lines
            else []
        )

    def _spreadsheet(self, path: str, name: str, stem: str) -> None:
        import python_calamine

        book = python_calamine.CalamineWorkbook.from_path(path)
        sheets = [sheet for sheet in book.sheets_metadata if str(sheet.typ).endswith("WorkSheet")]
        for sheet in sheets[:MOST_SHEETS]:
            rows = book.get_sheet_by_name(sheet.name).to_python()
            odd: list[str] = []
            while rows and not any(cell not in ("", None) for cell in rows[0]):
                rows.pop(0)
            if rows and sum(cell not in ("", None) for cell in rows[0]) == 1 and len(rows[0]) > 1:
                odd.append(f"Its first row has one cell, “{str(rows[0][0])[:60]}”: the header may be further down.")
            if "Visible" not in str(sheet.visible):
                odd.append("The sheet is hidden.")
            written = f"{path}.{len(self.tables)}.csv"
            with open(written, "w", encoding="utf-8", newline="") as target:
                csv.writer(target, lineterminator="\n").writerows([_spelled(cell) for cell in row] for row in rows)
            table = stem if len(sheets) == 1 else f"{stem}_{sheet.name}"
            if rows:
                self._make(
                    table, name, "read_csv(?, sample_size=-1, header=true, delim=',', quote='\"')", [written], odd
                )
                self.tables[-1]["sheet"] = sheet.name
                odd += _headers(self.connection, written)
            else:
                self.problems.append(f"The sheet “{sheet.name}” of {name} is empty.")
            if os.path.exists(written):
                os.unlink(written)

    def _make(self, stem: str, file: str, source: str, values: list[Any], odd: list[str]) -> None:
        name = self._free(re.sub(r"\W+", "_", stem).strip("_") or "table")
        self.connection.execute(f"CREATE TABLE {named(name)} AS SELECT * FROM {source}", values)
        self.tables.append({"name": name, "file": file, "odd": odd})
        self._decimal_commas(name, odd)

    def _free(self, stem: str) -> str:
        stem = f"t_{stem}" if stem[0].isdigit() else stem
        taken = {table["name"].lower() for table in self.tables}
        return next(name for n in range(1, 1000) if (name := stem if n == 1 else f"{stem}_{n}").lower() not in taken)

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Names and types."""
        found = self.connection.execute(f"DESCRIBE {named(table)}").fetchall()
        return [(str(one[0]), str(one[1])) for one in found]

    def _decimal_commas(self, table: str, odd: list[str]) -> None:
        for column, kind in self.columns(table):
            if kind != "VARCHAR":
                continue
            name = named(column)
            given, fits, commas = self.connection.execute(
                f"SELECT count({name}), count(*) FILTER (regexp_matches({name}, ?)), "
                f"count(*) FILTER (contains({name}, ',')) FROM {named(table)}",
                [COMMA_NUMBER],
            ).fetchall()[0]
            if given and fits == given and commas:
                number = f"replace(replace(trim(trim({name}), '%'), '.', ''), ',', '.')"
                self.connection.execute(
                    f"ALTER TABLE {named(table)} ALTER COLUMN {name} TYPE DOUBLE USING CAST({number} AS DOUBLE)"
                )
                odd.append(f"“{column}” has decimal commas; they were read as numbers.")

    # --- describing

    def describe(self) -> dict[str, Any]:
        """Everything there is to know before a question is asked."""
        return {"tables": [self._described(table) for table in self.tables], "problems": self.problems}

    def _described(self, table: dict[str, Any]) -> dict[str, Any]:
        name = named(table["name"])
        rows = self.connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        columns = self.columns(table["name"])
        odd = list(table["odd"])
        if len(columns) > MOST_COLUMNS:
            odd.append(f"Only the first {MOST_COLUMNS} of its {len(columns)} columns are described.")
        try:
            distinct = self.connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT * FROM {name})").fetchall()[0][0]
            if rows <= EXACTLY and distinct < rows:
                odd.append(f"{rows - distinct:,} row(s) are copies of others.")
        except duckdb.Error:
            pass
        sample = self.connection.execute(f"SELECT * FROM {name} LIMIT {SAMPLE}").fetchall()
        return {
            **table,
            "rows": rows,
            "columns": [self._column(name, *column, rows) for column in columns[:MOST_COLUMNS]],
            "sample": [[cell(one) for one in row[:MOST_COLUMNS]] for row in sample],
            "odd": odd,
        }

    def _column(self, table: str, column: str, kind: str, rows: int) -> dict[str, Any]:
        name = named(column)
        found: dict[str, Any] = {"name": column, "type": kind, "odd": []}
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "JSON"))
        numeric = (
            kind.startswith(("DECIMAL", "DOUBLE", "FLOAT", "HUGEINT", "UHUGEINT"))
            or kind.endswith("INT")
            or kind == "INTEGER"
        )
        count = f"count(DISTINCT {name})" if rows <= EXACTLY else f"approx_count_distinct({name})"
        least = "NULL, NULL" if nested else f"min({name}), max({name})"
        mean = f"avg({name})" if numeric else "NULL"
        given, distinct, low, high, average = self.connection.execute(
            f"SELECT count({name}), {count}, {least}, {mean} FROM {table}"
        ).fetchall()[0]
        found |= {"missing": rows - given, "distinct": distinct, "about": rows > EXACTLY}
        found |= {"min": cell(low), "max": cell(high), "mean": cell(average)}
        if given and distinct < given and not nested:
            top = self.connection.execute(
                f"SELECT {name}, count(*) AS n FROM {table} WHERE {name} IS NOT NULL "
                f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {TOP}"
            ).fetchall()
            found["top"] = [[cell(value), times] for value, times in top]
        if not given and rows:
            found["odd"].append("It is empty in every row.")
        elif distinct == 1 and rows > 1 and given == rows:
            found["odd"].append("It has the same value in every row.")
        if kind == "VARCHAR" and given:
            found["odd"] += self._odd_text(table, column, given)
        return found

    def _odd_text(self, table: str, column: str, given: int) -> list[str]:
        """What text has in it that is none, looked at in the first rows of a long table."""
        name = named(column)
        source = f"(SELECT {name} FROM {table} WHERE {name} IS NOT NULL LIMIT {EXACTLY})"
        dates = " OR ".join(f"try_strptime(trim({name}), '{one}') IS NOT NULL" for one in DATES)
        looked, numbers, dated, spaces, nothing, folded, plain = self.connection.execute(
            f"SELECT count(*), count(*) FILTER (regexp_matches({name}, ?)), "
            f"count(*) FILTER (try_cast(trim({name}) AS DATE) IS NOT NULL OR {dates}), "
            f"count(*) FILTER ({name} <> trim({name})), count(*) FILTER (list_contains(?, lower(trim({name})))), "
            f"count(DISTINCT lower(trim({name}))), count(DISTINCT {name}) FROM {source}",
            [PLAIN_NUMBER, list(NOTHING)],
        ).fetchall()[0]
        odd: list[str] = []
        if numbers * 2 >= looked and numbers:
            others = self.connection.execute(
                f"SELECT DISTINCT {name} FROM {source} WHERE NOT regexp_matches({name}, ?) ORDER BY 1 LIMIT 3",
                [PLAIN_NUMBER],
            ).fetchall()
            said = ", ".join(f"“{str(one[0])[:30]}”" for one in others)
            odd.append(
                f"It mixes types: {numbers:,} of {looked:,} are numbers, others are {said}."
                if others
                else "It holds numbers as text (signs or separators keep them from being read)."
            )
        elif dated * 2 >= looked and dated:
            odd.append(f"It holds dates as text: {dated:,} of {looked:,} can be read as dates.")
        if spaces:
            odd.append(f"{spaces:,} value(s) begin or end with a blank.")
        if nothing:
            odd.append(f"{nothing:,} value(s) say that there is none, such as “n/a”.")
        if folded < plain and plain <= 1_000:
            odd.append(f"{plain - folded:,} value(s) differ from others only in capitals or blanks.")
        return odd

    # --- asking

    def query(self, sql: str, most: int) -> dict[str, Any]:
        """The result of one question."""
        try:
            statements = self.connection.extract_statements(sql)
        except duckdb.Error as error:
            raise Wrong(self._explained(error)) from None
        if len(statements) != 1:
            raise Wrong("Ask one question at a time: one SELECT statement.")
        kind = str(statements[0].type).rpartition(".")[2]
        if kind not in ("SELECT", "EXPLAIN", "MULTI"):
            raise Wrong(f"Only questions can be asked here (SELECT, DESCRIBE, SUMMARIZE, PIVOT), not {kind}.")
        try:
            asked = self.connection.execute(sql)
            described = asked.description or []
            rows: list[list[Any]] = []
            total = 0
            while total < MOST_COUNTED and (part := asked.fetchmany(5_000)):
                rows += [[cell(one) for one in row] for row in part[: max(0, most - len(rows))]]
                total += len(part)
        except duckdb.Error as error:
            raise Wrong(self._explained(error)) from None
        names, types = ([str(one[at]) for one in described] for at in (0, 1))
        return {"columns": names, "types": types, "rows": rows, "total": total, "problems": self.problems}

    def _explained(self, error: Exception) -> str:
        said = str(error).split("\n\nLINE ")[0].strip()[:1_000]
        there = {table["name"]: [name for name, _ in self.columns(table["name"])] for table in self.tables}
        wanted = re.search(r'column "?([^"\s!]+)"?|with name "?([^"\s!]+)"?', said)
        if wanted:
            name = (wanted[1] or wanted[2]).lower()
            every = {one.lower(): one for names in (*there.values(), list(there)) for one in names}
            close = difflib.get_close_matches(name, every, 3, 0.6)
            if close:
                said += " Did you mean " + ", ".join(f'"{every[one]}"' for one in close) + "?"
        lines = [f"{table}({', '.join(named(one) for one in names[:60])})" for table, names in there.items()]
        return f"{said}\nThere are these tables: " + "; ".join(lines)[:4_000]


def _is_utf8(path: str) -> bool:
    with open(path, encoding="utf-8", errors="strict", newline="") as source:
        try:
            while source.read(1 << 20):
                pass
        except UnicodeDecodeError:
            return False
    return True


def _headers(connection: Any, path: str) -> list[str]:
    """What is odd about the first line of a file that has a header."""
    try:
        sniffed = connection.execute("SELECT Delimiter, HasHeader FROM sniff_csv(?)", [path]).fetchall()[0]
        with open(path, encoding="utf-8", errors="replace", newline="") as source:
            first = next(csv.reader(source, delimiter=sniffed[0] or ","), [])
    except (duckdb.Error, OSError, csv.Error, TypeError, StopIteration):
        return []
    if not sniffed[1]:
        return ["It has no header; the columns were numbered."]
    odd: list[str] = []
    names = [one.strip() for one in first]
    twice = sorted({one for one in names if one and names.count(one) > 1})
    if twice:
        odd.append(
            "Headers that are there more than once were numbered: " + ", ".join(f"“{one[:60]}”" for one in twice)
        )
    if any(not one for one in names):
        odd.append(f"{sum(not one for one in names)} column(s) have no header.")
    return odd


def _spelled(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else value.isoformat()
    return value


def cell(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, decimal.Decimal):
        return float(value) if len(str(value)) < 16 else str(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def first_line(error: object) -> str:
    """The first sentence of an error."""
    return (str(error).strip().splitlines() or ["no reason given"])[0][:300]


def main() -> None:
    """Read what is asked, and write the answer."""
    with open("request.json", encoding="utf-8") as given:
        request = json.load(given)
    try:
        tables = Tables(request)
        answer = tables.describe() if request["sql"] is None else tables.query(request["sql"], request["rows"])
    except Wrong as wrong:
        answer = {"wrong": str(wrong)}
    with open("answer.json", "w", encoding="utf-8") as written:
        json.dump(answer, written)
