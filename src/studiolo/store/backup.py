"""A backup: one file that holds a studio, and can be restored into either kind of database.

It is a zip archive. `tables/NAME.jsonl` holds a table, a row a line, as a JSON array in the order of the columns that
the manifest names; bytes are base64. `files/NAME` is a file of the data folder. `manifest.json` is written last: what
made the backup and when, the schema, and for every other entry its SHA-256; the archive's comment is the manifest's
own. So a file that was cut off, or changed anywhere that matters, is known before any of it is used.

All tables are read in one transaction, so a backup is one moment of the studio, whatever people type meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo import __version__
from studiolo.canvas.errors import Conflict, Invalid, StudioloError
from studiolo.store.store import Store
from studiolo.store.tables import (
    SCHEMA_VERSION,
    attachment_data,
    attachment_sections,
    metadata,
    schema_version,
    snapshots,
    studio,
)

FORMAT = "studiolo backup 1"
MANIFEST = "manifest.json"
AT_ONCE = 100  # rows in memory; snapshots and files may be large, and come a few at a time
_OF_THIS_DATABASE = {schema_version, studio}
_LARGE = {snapshots: 1, attachment_data: 8, attachment_sections: 8}


@dataclass(frozen=True, slots=True)
class Made:
    """What was backed up, or what a backup holds: who made it and when, and how many rows each table has."""

    version: str
    created: str
    rows: dict[str, int]


def kept_tables() -> list[sa.Table]:
    """The tables that a backup holds, each after those that it refers to."""
    return [table for table in metadata.sorted_tables if table not in _OF_THIS_DATABASE]


async def back_up(store: Store, path: Path, files: Sequence[Path] = (), *, replace: bool = False) -> Made:
    """Write the studio to `path`, whole or not at all, with those of `files` that are there.

    Raises Conflict when there is a file already, unless it is to be replaced; OSError when it cannot be written.
    """
    with _whole(path, replace) as out:
        return await _write(store, out, files)


@contextmanager
def _whole(path: Path, replace: bool) -> Iterator[IO[bytes]]:
    """A file that is at `path` only once it is written and synced; readable by its owner only."""
    if path.exists() and not replace:
        raise _in_the_way(path)
    folder = path.absolute().parent
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        _put(part, path, replace=replace)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(folder)


async def _write(store: Store, out: IO[bytes], files: Sequence[Path]) -> Made:
    made = Made(__version__, datetime.now(UTC).isoformat(timespec="seconds"), {})
    entries: dict[str, str] = {}
    columns: dict[str, list[str]] = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        async with store.one_moment() as connection:
            for table in kept_tables():
                columns[table.name] = [column.name for column in table.columns]
                with _entry(archive, f"tables/{table.name}.jsonl", entries) as lines:
                    made.rows[table.name] = 0
                    async for rows in _rows(connection, table):
                        lines.write(b"".join(map(_line, rows)))
                        made.rows[table.name] += len(rows)
        for file in files:
            if file.is_file():
                with _entry(archive, f"files/{file.name}", entries) as lines:
                    lines.write(file.read_bytes())
        manifest = {
            "format": FORMAT,
            "version": made.version,
            "schema": SCHEMA_VERSION,
            "created": made.created,
            "rows": made.rows,
            "columns": columns,
            "sha256": entries,
        }
        text = json.dumps(manifest, indent=1).encode()
        archive.writestr(MANIFEST, text)
        archive.comment = hashlib.sha256(text).hexdigest().encode()
    return made


async def _rows(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    """The rows of a table in the order of its primary key, a few in memory at a time."""
    query = sa.select(table).order_by(*table.primary_key.columns)
    found = await connection.stream(query, execution_options={"yield_per": _LARGE.get(table, AT_ONCE)})
    async for rows in found.partitions():
        yield rows


def _line(row: sa.Row[Any]) -> bytes:
    values = [base64.b64encode(value).decode() if isinstance(value, bytes) else value for value in row]
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


class _Hashed:
    """A stream into an archive that knows the SHA-256 of what went through."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self._out.write(data)


@contextmanager
def _entry(archive: zipfile.ZipFile, name: str, entries: dict[str, str]) -> Iterator[_Hashed]:
    with archive.open(name, "w", force_zip64=True) as out:
        hashed = _Hashed(out)
        yield hashed
    entries[name] = hashed.hash.hexdigest()


def _put(part: Path, path: Path, *, replace: bool) -> None:
    if replace:
        part.replace(path)
        return
    try:
        path.hardlink_to(part)  # unlike a renaming it fails when somebody else was quicker
    except FileExistsError:
        raise _in_the_way(path) from None
    except OSError:  # a file system without links
        part.replace(path)


def _in_the_way(path: Path) -> Conflict:
    return Conflict(f"{path} is already there.", "Choose another name, or replace it with --force.")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a loss of power."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Backup:
    """A backup that was read through once and found whole. Made by `Backup.open`."""

    def __init__(self, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        self._archive = archive
        self._manifest = manifest
        self.made = Made(manifest["version"], manifest["created"], manifest["rows"])

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Backup]:
        """Open the backup at `path`. Raises Invalid when it is none, is damaged, or a newer Studiolo made it."""
        with path.open("rb") as file:
            try:
                archive = zipfile.ZipFile(file)
                manifest = _checked(archive)
            except StudioloError:
                raise
            except Exception as error:  # a damaged archive can make the library stumble over anything
                raise Invalid(
                    f"{path} is not a backup of Studiolo, or it is damaged ({error}). Nothing was changed.",
                    "Use another backup. `studiolo backup` makes one.",
                ) from error
            yield cls(archive, manifest)

    def tables(self) -> Iterator[tuple[sa.Table, Iterator[list[dict[str, Any]]]]]:
        """Each table with its rows, a few at a time."""
        for table in kept_tables():
            if table.name in self._manifest["columns"]:
                yield table, self._rows(table)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The files of the data folder, by name."""
        for name in self._manifest["sha256"]:
            if name.startswith("files/"):
                yield Path(name).name, self._archive.read(name)

    def _rows(self, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
        columns = [table.columns[name] for name in self._manifest["columns"][table.name]]
        rows: list[dict[str, Any]] = []
        with self._archive.open(f"tables/{table.name}.jsonl") as lines:
            for line in lines:
                values = json.loads(line)
                rows.append(
                    {
                        column.name: base64.b64decode(value, validate=True)
                        if isinstance(column.type, sa.LargeBinary)
                        else value
                        for column, value in zip(columns, values, strict=True)
                    }
                )
                if len(rows) == _LARGE.get(table, AT_ONCE):
                    yield rows
                    rows = []
        if rows:
            yield rows


def _checked(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, once everything that it names is there and unchanged."""
    text = archive.read(MANIFEST)
    if archive.comment != hashlib.sha256(text).hexdigest().encode():
        raise ValueError("its manifest was changed")
    manifest = json.loads(text)
    if manifest["format"] != FORMAT or manifest["schema"] > SCHEMA_VERSION:
        raise Invalid(
            f"A newer Studiolo ({manifest['version']}) made this backup.", "Install that one, or a later one, first."
        )
    entries: dict[str, str] = manifest["sha256"]
    if sorted(archive.namelist()) != sorted([*entries, MANIFEST]):
        raise ValueError("something is missing or was added")
    counted = {f"tables/{table}.jsonl": rows for table, rows in manifest["rows"].items()}
    for name, expected in entries.items():
        found, lines = hashlib.sha256(), 0
        with archive.open(name) as entry:
            while block := entry.read(1 << 20):
                found.update(block)
                lines += block.count(b"\n")
        if found.hexdigest() != expected or lines != counted.get(name, lines):
            raise ValueError(f"{name} was changed")
    known = {table.name: set(table.columns.keys()) for table in kept_tables()}
    for table, columns in manifest["columns"].items():
        if not set(columns) <= known.get(table, set()):
            raise ValueError(f"this Studiolo has no place for {table}")
    return manifest
