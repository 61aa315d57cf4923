"""Tasks that outlive what carried them out: a crash, an upgrade, a backup, DBOS's own file."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from studiolo.store.tasks import rest_all
from studiolo.tasks import legs
from studiolo.tasks.driving import MOST_TRIES, Driving
from studiolo.tasks.job import Job, Result
from studiolo.tasks.task import Step
from tests.tasks.engine.workshop import NADIA, Workshop, until, ways


class Gate:
    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.open = asyncio.Event()
        ways(gate=self.pass_through)

    async def pass_through(self, job: Job) -> Result:
        self.begun[job.step.id] += 1
        await job.act("say", {"type": "say", "text": job.step.id}, job.by)
        if job.step.given.get("shut"):
            await self.open.wait()
        return {}


STEPS = (Step("a", "gate", "A"), Step("b", "gate", "B", {"shut": True}), Step("c", "gate", "C"))


async def crash(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a life of the studio without a word in the rows, as a kill does."""

    async def nothing(*_: object) -> None: ...

    with monkeypatch.context() as patched:
        patched.setattr(Driving, "_put_back", nothing)
        await shop.close()


async def test_an_upgrade_of_the_program_finds_its_tasks_in_flight(
    either: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    task = await either.begin(*STEPS)
    await until(lambda: gate.begun["b"])
    await crash(either, monkeypatch)
    monkeypatch.setattr(legs, "VERSION", "another")
    await either.open()
    await until(lambda: gate.begun["b"] == 2)
    gate.open.set()
    done = await either.wait(task.id)
    assert done.state == "done" and gate.begun == Counter({"a": 1, "b": 2, "c": 1})
    assert await either.said() == ["a", "b", "c"]


async def test_a_task_goes_on_though_what_dbos_kept_is_gone(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    task = await shop.begin(*STEPS)
    await until(lambda: gate.begun["b"])
    await crash(shop, monkeypatch)
    for left in shop.home.glob("tasks.db*"):
        left.unlink()
    gate.open.set()
    await shop.open()
    assert (await shop.wait(task.id)).state == "done" and await shop.said() == ["a", "b", "c"]


async def test_what_dbos_keeps_is_for_its_owner_alone(shop: Workshop) -> None:
    gate = Gate()
    assert not (shop.home / "tasks.db").exists(), "a studio without tasks has no such file"
    gate.open.set()
    task = await shop.begin(*STEPS)
    await shop.wait(task.id)
    assert {oct(one.stat().st_mode & 0o777) for one in shop.home.glob("tasks.db*")} == {"0o600"}


async def test_a_restored_studio_does_nothing_by_itself(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    task = await shop.begin(*STEPS)
    await until(lambda: gate.begun["b"])
    async with shop.store.writing() as connection:
        await connection.run_sync(rest_all, "Restored.")
    await crash(shop, monkeypatch)
    await shop.open()
    gate.open.set()
    resting = await shop.tasks.get(task.id)
    assert resting.state == "paused" and resting.notes == ["Restored."]
    await shop.tasks.resume(task.id, NADIA)
    assert (await shop.wait(task.id)).state == "done" and await shop.said() == ["a", "b", "c"]


async def test_a_step_that_ends_the_studio_each_time_is_given_up(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    task = await shop.begin(*STEPS)
    await until(lambda: gate.begun["b"])

    def worn(task: object) -> None:
        step = task.step("b")  # type: ignore[attr-defined]
        step.tries = MOST_TRIES

    await shop.tasks._driving.change(task.id, worn)
    await crash(shop, monkeypatch)
    await shop.open()
    failed = await shop.wait(task.id)
    assert failed.state == "failed" and "while this step was under way" in (failed.problem or {})["message"]
    assert gate.begun["b"] == 1


async def test_a_canvas_that_is_deleted_takes_its_tasks_with_it(shop: Workshop) -> None:
    gate = Gate()
    task = await shop.begin(*STEPS)
    await until(lambda: gate.begun["b"])
    await shop.tasks.cancel_all(shop.canvas)
    assert (await shop.tasks.get(task.id)).state == "cancelled"
    await shop.rooms.delete(shop.canvas)
    assert await shop.tasks.listed() == []
