"""Times that come due while processes race for them, and are killed: each begins one task, in one commit."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from studiolo.store import Store
from studiolo.store.tables import schedules, tasks
from tests.conftest import ServedStudio, serve
from tests.servers import PostgreSQL, Redis
from tests.tasks.engine.test_killed import write_kind
from tests.tasks.engine.workshop import PATIENCE

MANY = 25


@pytest.fixture(params=["sqlite", "postgresql"])
def racing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServedStudio]]:
    """A studio on SQLite, or two nodes of one on PostgreSQL."""
    environ: dict[str, str] = {"STUDIOLO_TASKS_PER_PERSON": "8"}
    homes = ["one"]
    if request.param == "postgresql":
        postgresql: PostgreSQL = request.getfixturevalue("postgresql")
        redis: Redis = request.getfixturevalue("redis")
        for server in (postgresql, redis):
            if not server.running():
                server.start()
        environ |= {"STUDIOLO_DATABASE_URL": postgresql.database(), "STUDIOLO_REDIS_URL": redis.url}
        homes = ["one", "other"]
    nodes = [serve(tmp_path_factory.mktemp(home), environ) for home in homes]
    for node in nodes:
        node.token = nodes[0].token
        write_kind(node, "short", ["{id: s, do: say, title: Says, text: It is time}"])
    yield nodes
    for node in nodes:
        node.stop(signal.SIGKILL)


def rows(node: ServedStudio, due: float | None = None) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Schedule -> its next time, and schedule -> its tasks, at one moment; with `due`, after setting all to that."""

    async def look() -> tuple[dict[str, float], dict[str, list[str]]]:
        store = await Store.open(
            node.environ.get("STUDIOLO_DATABASE_URL") or f"sqlite:///{node.home}/studiolo.db", patience=PATIENCE
        )
        try:
            if due is not None:
                async with store.writing() as connection:
                    for id, row in (await connection.execute(sa.select(schedules.c.id, schedules.c.schedule))).all():
                        changed = sa.update(schedules).where(schedules.c.id == id)
                        await connection.execute(changed.values(next=due, schedule=row | {"next": due}))
            async with store.one_moment() as connection:
                found = await connection.execute(sa.select(schedules.c.id, schedules.c.next))
                coming: dict[str, float] = {row.id: row.next for row in found}
                begun: dict[str, list[str]] = {id: [] for id in coming}
                for task, schedule in await connection.execute(sa.select(tasks.c.id, tasks.c.schedule)):
                    begun[schedule].append(task)
            return coming, begun
        finally:
            await store.close()

    return asyncio.run(look())


def test_each_time_begins_one_task_though_processes_race_and_are_killed(racing: list[ServedStudio]) -> None:
    first = racing[0]
    canvas = first.canvas("A page.")["id"]
    wanted = {"kind": "short", "inputs": {}, "zone": "UTC", "words": "every day at 8"}
    with first.client() as owner:
        ids = [owner.post(f"/api/canvases/{canvas}/schedules", json=wanted).json()["id"] for _ in range(MANY)]
        due = time.time() + 1.0
        assert set(rows(first, due)[0]) == set(ids)
        owner.patch(f"/api/schedules/{ids[0]}", json={"title": "Look, all nodes"}).raise_for_status()
    deadline = time.monotonic() + PATIENCE
    killed, last = 0, racing[-1]
    while True:
        coming, begun = rows(first)
        for id, at in coming.items():
            assert len(begun[id]) == (at != due), "a task, and the next time of its schedule, are one commit"
        done = sum(map(len, begun.values()))
        if done >= MANY // 5 and not killed:
            first.stop(signal.SIGKILL)
            killed = 1
            if len(racing) == 1:
                first.start()
        if done == MANY:
            break
        assert time.monotonic() < deadline, f"{begun}\n{last.log()[-3_000:]}"
    assert killed
    with last.client() as owner:
        while True:
            found = [owner.get(f"/api/schedules/{id}").json() for id in ids]
            if all(one["history"] and one["history"][0]["state"] == "done" for one in found):
                break
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        said = [one["text"] for one in owner.get(f"/api/canvases/{canvas}").json()["chat"]]
    assert [len(one["history"]) for one in found] == [1] * MANY and all(one["task"] for one in found)
    assert said == ["It is time"] * MANY
