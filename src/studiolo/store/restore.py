"""Putting a backup in place of what a database holds: all of it or nothing, and what was there is kept aside.

A restored canvas may be older than what browsers still hold of it. Each gets a new epoch, so that the studio sends
those browsers for its own version, and newer text does not silently flow back into the older one. The studio's id is
new as well: it is another studio than the one that went on. Tasks that were under way rest until somebody resumes them:
a studio that was put back does nothing by itself.
"""

from __future__ import annotations

import itertools
import secrets
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Conflict, Invalid
from studiolo.store import dialect
from studiolo.store.backup import Backup, sync_folder
from studiolo.store.database import Database
from studiolo.store.errors import storage_failed
from studiolo.store.ledger import Chain
from studiolo.store.store import prepare, version_of
from studiolo.store.tables import canvases, ledger, metadata, participants
from studiolo.store.tasks import rest_all

_PARTS = ("", "-wal", "-shm")
"""What SQLite adds to the name of a database for the files that belong to it."""


async def restore(url: str | Path, backup: Backup, *, force: bool = False) -> str:
    """Put the backup into the database at `url`; where the data is kept that was there, or "".

    Nobody may be using the database. Raises Conflict when it holds a studio, unless `force`d, and StorageFailed when
    somebody uses it; then nothing has changed. (The caller sees to it that no studio serves from the data folder.)
    """
    file = dialect.file_of(url)
    return await (_into_server(url, backup, force) if file is None else _into_file(file, backup, force))


async def _into_file(file: Path, backup: Backup, force: bool) -> str:
    old = _File(file)
    old.check(force)
    new = file.with_name(f"{file.name}.restoring")
    _remove(new)  # of a restoration that was killed
    try:
        database = Database(new)
        try:
            async with database.writing() as connection:
                await connection.run_sync(prepare)
                await _fill(connection, backup)
            await database.scrub()
        finally:
            await database.close()
        return old.give_way_to(new)
    finally:
        _remove(new)


class _File:
    """The SQLite file that is to be replaced, if there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.there = path.exists()
        self.damaged = False
        self.studio = self.there and self._holds_a_studio()

    def check(self, force: bool) -> None:
        """Raise Conflict when there is something to lose."""
        if (self.studio or self.damaged) and not force:
            raise _not_empty(f"{self.path} is damaged" if self.damaged else f"{self.path} holds a studio")

    def give_way_to(self, new: Path) -> str:
        """Put `new` in this file's place; where this one is kept, or "" when nothing was in it.

        At every moment there is a whole database at the path: the old one or the new one.
        """
        aside = self._name_aside()
        try:
            if self.damaged:
                for part in _PARTS[1:]:  # first, so that SQLite never takes these for the new database's
                    if (beside := Path(f"{self.path}{part}")).exists():
                        beside.rename(f"{aside}{part}")
            elif self.there:
                _be_one_file(self.path)
            _be_one_file(new)
            if self.studio or self.damaged:
                _same_file(self.path, aside)
            new.replace(self.path)
            sync_folder(self.path.parent)
        except (sqlite3.Error, OSError) as error:
            raise storage_failed(error) from error
        return str(aside) if self.studio or self.damaged else ""

    def _name_aside(self) -> Path:
        """A name beside the file that nobody has."""
        stem = f"{self.path.stem}.before-restore-{datetime.now():%Y%m%d-%H%M%S}"
        names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
        return next(path for name in names if not (path := self.path.with_stem(name)).exists())

    def _holds_a_studio(self) -> bool:
        try:
            # Only to read, so that SQLite does not tidy up beside a file that may be damaged.
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                return _has_rows(connection)
        except sqlite3.OperationalError as error:  # it is locked, or not to be read
            raise storage_failed(error) from error
        except sqlite3.DatabaseError:
            self.damaged = True
            return False


def _be_one_file(path: Path) -> None:
    """Bring what is in the write-ahead log into the file; fails while anybody else has it open."""
    with closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def _has_rows(connection: sqlite3.Connection) -> bool:
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return any(
        connection.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone()  # noqa: S608
        for table in (canvases, participants)
        if table.name in there
    )


def _same_file(path: Path, name: Path) -> None:
    try:
        name.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        shutil.copy2(path, name)


def _remove(database: Path) -> None:
    for part in _PARTS:
        Path(f"{database}{part}").unlink(missing_ok=True)


async def _into_server(url: str | Path, backup: Backup, force: bool) -> str:
    database = Database(url)
    try:
        async with database.writing() as connection:
            aside = await connection.run_sync(_make_room, force)
            await connection.run_sync(prepare)
            await _fill(connection, backup)
            return aside
    finally:
        await database.close()


def _make_room(connection: sa.Connection, force: bool) -> str:
    """Take the old tables out of the way; the schema in which they are kept, or ""."""
    dialect.take_schema(connection)
    if others := dialect.other_users(connection):
        raise Conflict(
            f"A studio, or a command of Studiolo, uses this database ({others} connections). Nothing was changed.",
            "Stop every node of the studio, then try again.",
        )
    version_of(connection)  # raises for a newer one
    there = set(sa.inspect(connection).get_table_names()) & set(metadata.tables)
    if not there:
        return ""
    if not any(
        connection.scalar(sa.select(sa.literal(1)).select_from(table).limit(1))
        for table in (canvases, participants)
        if table.name in there
    ):
        metadata.drop_all(connection)
        return ""
    if not force:
        raise _not_empty("The database holds a studio")
    aside = f"studiolo_before_restore_{datetime.now():%Y%m%d_%H%M%S}"
    connection.execute(sa.schema.CreateSchema(aside))
    for name in sorted(there):
        connection.execute(sa.text(f"ALTER TABLE {name} SET SCHEMA {aside}"))
    return f"the schema {aside} of the database"


async def _fill(connection: AsyncConnection, backup: Backup) -> None:
    try:
        chain = Chain()
        for table, portions in backup.tables():
            for rows in portions:
                if table is ledger and "hash" not in rows[0]:  # made before the ledger was chained
                    for row in rows:
                        row["hash"] = chain.add(**row)
                if table is canvases:
                    for row in rows:
                        row["epoch"] = secrets.token_hex(8)
                await connection.execute(sa.insert(table), rows)
        await connection.run_sync(rest_all, "The studio was restored from a backup, so this rests until resumed.")
    except IntegrityError as error:
        raise Invalid(
            f"The backup contradicts itself ({error.orig}). Nothing was changed.", "Use another backup."
        ) from error


def _not_empty(what: str) -> Conflict:
    return Conflict(
        f"{what}, so nothing was restored.",
        "To restore all the same, add --force: what is there now is kept aside.",
    )
