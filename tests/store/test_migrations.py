"""A database of every released schema is brought up to date, whole, on SQLite and on PostgreSQL.

`schema_1.*.sql` is one studio as the first released schema kept it, dumped by that release: two canvases, an owner,
a guest, an agent, a token's holder, a run, two remembered answers. Each later dump is what the release of that schema
made of the one before.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from studiolo.canvas import Canvas
from studiolo.canvas.errors import Invalid
from studiolo.people import People
from studiolo.store import LogRow, Store
from studiolo.store.check import problems
from studiolo.store.ledger import verify
from studiolo.store.tables import SCHEMA_VERSION, metadata
from tests.conftest import Clock
from tests.servers import PostgreSQL

HERE = Path(__file__).parent
NOVEL = "6f78558644e0249a"
ANN, BOB = "aa55c0906f9bf3fb", "13766e8554b4b855"
ANNS_SESSION, TOKEN = "AxfbEi6rs4U-RCsPSSGSI2iU-qgPsOWS", "st_1KrLbaZ8euqe0ylXwOlPAVd27cfjQHQJ"
THEN = 1795414400.0


def old_file(path: Path, schema: int) -> str:
    """A SQLite file of an older schema; its address."""
    with sqlite3.connect(path) as made:
        made.executescript((HERE / f"schema_{schema}.sqlite.sql").read_text())
    made.close()
    return f"sqlite:///{path}"


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def schema(request: pytest.FixtureRequest) -> int:
    """Each schema that was released."""
    return request.param


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path, schema: int) -> str:
    """The address of a database of that schema."""
    if request.param == "sqlite":
        return old_file(tmp_path / "old.db", schema)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = request.getfixturevalue("database_url")
    server.sql((HERE / f"schema_{schema}.postgresql.sql").read_text(), sa.make_url(url).database or "")
    return url


@pytest.fixture
def empty(old: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database of the same kind."""
    if old.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/new.db"
    return request.getfixturevalue("postgresql").database()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, clock=Clock(THEN))
    yield store
    await store.close()


async def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    async with store.reading() as connection:
        return {
            table.name: sorted(tuple(row) for row in await connection.execute(sa.select(table)))
            for table in metadata.sorted_tables
            if not any(isinstance(column.type, sa.JSON) for column in table.columns)
        }


async def check(store: Store) -> None:
    """That everything of the old studio is there and works."""
    people = People(store)
    found = await store.load(NOVEL)
    assert (found.seq, found.epoch, len(found.updates)) == (6, "ba569675f00e9781", 2)
    assert found.snapshot
    canvas = Canvas([found.snapshot, *found.updates], found.owners, clock=store.clock, random=Random(1))
    assert [page["text"] for page in canvas.view()["pages"]] == [
        "It was a dark and stormy day. 漢字 👩‍👩‍👧\n",
        "Naïve.",
    ]
    assert set(found.owners.values()) == {ANN, "studio"}
    assert [row.participant async for row in store.history(NOVEL)] == [ANN, ANN, BOB, BOB, ANN, ANN]
    assert [row.action["type"] for row in await store.ledger(NOVEL)] == [
        *("create", "edit", "suggest", "comment", "say", "edit"),
    ]
    chain = await verify(store, NOVEL)
    assert (chain.whole, chain.rows, chain.seq) == (True, 6, 6)
    assert [problem async for problem in problems(store)] == []
    assert {one.title: one.summary for one in await store.list_canvases()} == {
        "A Novel": {"pages": 2, "words": 10, "open_suggestions": 1},
        "Empty": {},
    }
    assert [run["id"] for run in await store.list_runs(NOVEL)] == ["r1"]
    assert await store.recall("key-1", ANN, NOVEL) == {"status": 200, "body": {"outcome": "x"}}
    assert await store.recall("key-2", ANN, "") == {"status": 201}
    ann, robot = await people.who(ANNS_SESSION), await people.who(TOKEN)
    assert ann and robot
    assert (ann.participant.name, ann.participant.role, robot.participant.name) == ("Ann", "owner", "Robot")
    assert [(one.name, one.role) for one in await people.members(NOVEL)] == [
        *(("Ann", "owner"), ("Robot", "editor"), ("Bob", "commenter")),
    ]


async def test_a_studio_of_the_first_released_schema_is_all_there(old: str) -> None:
    async with opened(old) as store:
        await check(store)
        await store.append([LogRow(NOVEL, 7, THEN, ANN, b"", {5: ANN}, {"action": {}, "outcome": {}})])
        assert (await verify(store, NOVEL)).rows == 7  # what is added hangs on what was there
        studio = store.studio
        assert len(studio) == 16
    async with opened(old) as store:  # once more: nothing is left to do
        assert store.studio == studio
        assert (await store.load(NOVEL)).owners[5] == ANN


async def test_what_the_migrations_make_is_what_the_tables_say(old: str, empty: str) -> None:
    async with opened(old) as upgraded, opened(empty) as new:

        def differences(connection: sa.Connection) -> list[Any]:
            options = {"compare_type": True, "compare_server_default": True}
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

        def columns(connection: sa.Connection) -> dict[str, Any]:
            """What the comparison above does not see, such as the order of the columns on a server."""
            found = sa.inspect(connection)
            return {
                table: [
                    [
                        (one["name"], str(one["type"]), one["nullable"], one["default"])
                        for one in found.get_columns(table)
                    ],
                    found.get_pk_constraint(table)["constrained_columns"],
                    found.get_foreign_keys(table),
                    sorted(found.get_indexes(table), key=lambda index: str(index["name"])),
                ]
                for table in sorted(found.get_table_names())
            }

        shapes = []
        for store in (upgraded, new):
            async with store.reading() as connection:
                assert await connection.run_sync(differences) == []
                shapes.append(await connection.run_sync(columns))
                version = await connection.scalar(sa.text("SELECT version FROM schema_version"))
                assert version == SCHEMA_VERSION
        assert shapes[0] == shapes[1]


async def test_many_upgrade_at_once(old: str) -> None:
    stores = await asyncio.gather(*(Store.open(old, clock=Clock(THEN)) for _ in range(5)))
    assert len({store.studio for store in stores}) == 1
    await check(stores[-1])
    await asyncio.gather(*(store.close() for store in stores))


async def test_an_upgrade_says_so_once_and_nothing_else(
    old: str, schema: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studiolo")  # as `studiolo serve` sets it
    for _ in range(2):
        await (await Store.open(old)).close()
    assert [record.getMessage() for record in caplog.records] == [
        f"The database was upgraded from schema {schema} to schema {SCHEMA_VERSION}."
    ]


async def test_an_older_studiolo_knows_that_the_database_is_too_new_for_it(
    old: str, schema: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await Store.open(old)).close()
    monkeypatch.setattr("studiolo.store.store.SCHEMA_VERSION", schema)
    with pytest.raises(Invalid, match="newer Studiolo"):
        await Store.open(old)


UPGRADER = """
import asyncio, os, signal, sys
import sqlalchemy as sa
from studiolo.store import Store

left = int(sys.argv[2])

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def counted(connection, cursor, statement, *more):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(Store.open(sys.argv[1]))
print(left, flush=True)
os._exit(0)
"""


async def killed_at_every_statement(url: Callable[[int], Awaitable[str]]) -> None:
    deaths = 0
    for statements in range(1, 100):
        address = await url(statements)
        upgrader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", UPGRADER, address, str(statements)),
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1] / "src")},
            stdout=subprocess.DEVNULL,
        )
        ended = await upgrader.wait()
        async with opened(address) as store:
            await check(store)
        if ended != -signal.SIGKILL:
            assert ended == 0
            break
        deaths += 1
    assert deaths >= 5


async def test_an_upgrade_of_a_file_that_is_killed_is_done_again(tmp_path: Path, schema: int) -> None:
    async def url(attempt: int) -> str:
        return old_file(tmp_path / f"{attempt}.db", schema)

    await killed_at_every_statement(url)


async def test_an_upgrade_of_a_server_that_is_killed_is_done_again(
    postgresql: PostgreSQL, database_url: str, schema: int
) -> None:
    async def url(attempt: int) -> str:
        address = postgresql.database()
        await asyncio.to_thread(
            postgresql.sql, (HERE / f"schema_{schema}.postgresql.sql").read_text(), sa.make_url(address).database or ""
        )
        return address

    await killed_at_every_statement(url)
