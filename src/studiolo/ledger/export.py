"""A canvas's whole ledger for other programs: JSON Lines, or Parquet with a column for each thing one asks for.

Both hold all that is needed to follow the chain of hashes without the studio. `docs/ledger.md` says how.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

from studiolo.store import LedgerRow, Store
from studiolo.store.ledger import canonical

Format = Literal["jsonl", "parquet"]
MEDIA: dict[Format, str] = {"jsonl": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
UNDER_WAY = ".ledger-"  # what the folders are called in which a server makes an export
_PORTION = 200  # rows
_LINE = 1 << 20  # bytes: how long a line the reader has room for, at least

COLUMNS = {
    "canvas": "VARCHAR",
    "seq": "BIGINT",
    "at": "DOUBLE",
    "time": "TIMESTAMP",
    "participant": "VARCHAR",
    "type": "VARCHAR",
    "result": "VARCHAR",
    "page": "VARCHAR",
    "suggestion": "VARCHAR",
    "thread": "VARCHAR",
    "decision": "VARCHAR",
    "policy": "VARCHAR",
    "skill": "VARCHAR",
    "run": "VARCHAR",
    "model": "VARCHAR",
    "changes": "STRUCT(suggestion VARCHAR, hunk BIGINT, was VARCHAR, now VARCHAR, proposed VARCHAR)[]",
    "action": "VARCHAR",
    "outcome": "VARCHAR",
    "hash": "VARCHAR",
}
"""The columns of the Parquet file and their types."""


async def rows_of(store: Store, canvas: str) -> AsyncIterator[LedgerRow]:
    """Every row that is there when it begins, in order. Nothing is held between portions."""
    after = 0
    while rows := await store.ledger(canvas, after, _PORTION):
        for row in rows:
            yield row
        after = rows[-1].seq


async def jsonl(store: Store, canvas: str) -> AsyncIterator[bytes]:
    """The ledger as JSON Lines: a row a line, in portions of lines."""
    lines: list[str] = []
    async for row in rows_of(store, canvas):
        lines.append(canonical({"canvas": canvas, **row.as_dict()}))
        if len(lines) == _PORTION:
            yield ("\n".join(lines) + "\n").encode(errors="replace")
            lines = []
    if lines:
        yield ("\n".join(lines) + "\n").encode(errors="replace")


async def write_jsonl(store: Store, canvas: str, path: Path) -> None:
    """The ledger as JSON Lines in a file."""
    with path.open("wb") as out:
        async for portion in jsonl(store, canvas):
            out.write(portion)


async def write_parquet(store: Store, canvas: str, path: Path, folder: Path) -> None:
    """The ledger as a Parquet file. `folder` is for a file that is needed on the way; whoever made it removes it."""
    on_the_way = folder / "rows.jsonl"
    longest = 0
    with on_the_way.open("wb") as out:
        async for row in rows_of(store, canvas):
            line = canonical(flat(canvas, row)).encode(errors="replace") + b"\n"
            longest = max(longest, len(line))
            out.write(line)
    await asyncio.to_thread(_convert, on_the_way, path, longest)


def flat(canvas: str, row: LedgerRow) -> dict[str, Any]:
    """A row as the Parquet file has it, with names and ids taken out of the action and the outcome."""
    action, outcome = row.action, row.outcome
    changes = outcome.get("changes")
    made = outcome.get("id") if action.get("type") in ("suggest", "pick") else None
    opened = outcome.get("id") if action.get("type") == "comment" else None
    return {
        "canvas": canvas,
        "seq": row.seq,
        "at": row.at,
        "participant": row.participant,
        "type": _text(action.get("type")),
        "result": _text(outcome.get("outcome")),
        "page": _text(action.get("page")),
        "suggestion": _text(made or action.get("suggestion") or outcome.get("suggestion")),
        "thread": _text(opened or action.get("thread")),
        "decision": _text(outcome.get("decision") or (action.get("decision"))),
        "policy": _text(outcome.get("policy") or action.get("policy")),
        "skill": _text(action.get("skill")),
        "run": _text(action.get("run")),
        "model": _text(action.get("model")),
        "changes": [_change(one) for one in changes if isinstance(one, dict)] if isinstance(changes, list) else None,
        "action": canonical(action),
        "outcome": canonical(outcome),
        "hash": row.hash,
    }


def _change(change: dict[str, Any]) -> dict[str, Any]:
    texts = {name: _text(change.get(name)) for name in ("suggestion", "was", "now", "proposed")}
    return {**texts, "hunk": change.get("hunk", 0)}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _convert(source: Path, target: Path, longest: int) -> None:
    import duckdb  # it takes a while, and few ask for it

    given = ", ".join(f"'{name}': '{type}'" for name, type in COLUMNS.items() if name != "time")
    chosen = ", ".join(
        'make_timestamp(CAST("at" * 1000000 AS BIGINT)) AS "time"' if name == "time" else f'"{name}"'
        for name in COLUMNS
    )
    with duckdb.connect(":memory:", config=_CAREFUL) as database:
        rows = (
            f"read_json({_quoted(source)}, columns = {{{given}}}, format = 'newline_delimited', "
            f"maximum_object_size = {max(longest + 1, _LINE)})"
        )
        database.execute(
            f"COPY (SELECT {chosen} FROM {rows}) TO {_quoted(target)} (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608
        )


_CAREFUL: dict[str, str | bool | int | float | list[str]] = {
    "threads": "1",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


def sweep(home: Path) -> None:
    """Remove what an export left that was killed half-way."""
    for folder in home.glob(f"{UNDER_WAY}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
