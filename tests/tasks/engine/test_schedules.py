"""Schedules begin their tasks at the right moment, once, and never more than makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from studiolo.canvas.errors import Conflict, Invalid, NotFound, TooLarge
from studiolo.tasks.job import Job, Result
from studiolo.tasks.schedule import Schedule
from studiolo.tasks.schedules import MOST_HERE, Changes, Schedules
from studiolo.tasks.task import Step, Task
from tests.conftest import Clock
from tests.tasks.engine.workshop import NADIA, OMAR, Workshop, until, ways

BERLIN = ZoneInfo("Europe/Berlin")


def at(*when: int) -> float:
    return datetime(*when, tzinfo=BERLIN).timestamp()  # type: ignore[misc]


async def nothing(job: Job) -> Result:
    return {"outcome": "Nothing to do."}


async def ask(job: Job) -> Result:
    return await job.question("q", "Go on?")


class Calendar:
    """The schedules of a workshop, with a clock that a test sets, as one or several nodes have them."""

    def __init__(self, shop: Workshop, clock: Clock) -> None:
        self.shop = shop
        self.clock = clock
        self.nodes: list[Schedules] = []

    async def node(self) -> Schedules:
        shop = self.shop
        made = Schedules(shop.store, shop.tasks, shop.rooms.get, shop._who, self.clock, shop._name, shop._lay_out)
        await made.open()
        self.nodes.append(made)
        return made

    async def make(self, words: str = "every day at 8", **more: Any) -> Schedule:
        more = {"kind": "nothing", "inputs": {}, "zone": "Europe/Berlin", "by": NADIA, **more}
        kind, inputs, by = more.pop("kind"), more.pop("inputs"), more.pop("by")
        return await self.nodes[0].make(await self.shop.room(), by, kind, inputs, words=words, **more)

    async def set(self, now: float) -> None:
        """Set the clock, and let every node look at what is due."""
        self.clock.now = now
        rounds = [node.rounds for node in self.nodes]
        for node in self.nodes:
            node.look()
        await until(lambda: all(node.rounds > was for node, was in zip(self.nodes, rounds, strict=True)), "a look")

    async def tasks(self, schedule: Schedule) -> list[Task]:
        return await self.nodes[0].history(schedule.id)

    async def ended(self, schedule: Schedule, count: int) -> list[Task]:
        """The tasks of a schedule, the newest first, once there are so many and all are over."""
        found = await self.tasks(schedule)
        assert len(found) == count, [(task.id, task.state) for task in found]
        for task in found:
            await self.shop.wait(task.id)
        return await self.tasks(schedule)

    async def now(self, schedule: Schedule) -> Schedule:
        return await self.nodes[0].get(schedule.id)


@pytest.fixture
async def calendar(shop: Workshop) -> AsyncIterator[Calendar]:
    ways(nothing=nothing, ask=ask)
    shop.kinds = {"nothing": [Step("n", "nothing", "Nothing")], "asks": [Step("a", "ask", "Asks")]}
    made = Calendar(shop, Clock(at(2026, 11, 23, 16, 40)))
    await made.node()
    yield made
    for node in made.nodes:
        await node.close()


async def test_a_task_begins_at_its_time_and_not_before_and_the_next_one_is_a_day_later(calendar: Calendar) -> None:
    schedule = await calendar.make()
    assert schedule.next == at(2026, 11, 24, 8)
    await calendar.set(at(2026, 11, 24, 7, 59))
    assert await calendar.tasks(schedule) == []
    await calendar.set(at(2026, 11, 24, 8))
    [task] = await calendar.ended(schedule, 1)
    assert task.by == {"id": "nadia", "name": "Nadia", "role": "owner"} and task.schedule == schedule.id
    now = await calendar.now(schedule)
    assert (now.next, now.last, now.task, now.notes) == (at(2026, 11, 25, 8), calendar.clock.now, task.id, [])
    await calendar.set(at(2026, 11, 24, 8, 0, 30))
    assert len(await calendar.tasks(schedule)) == 1


async def test_it_wakes_for_the_time_by_itself(shop: Workshop, calendar: Calendar) -> None:
    """Without being told to look: it sleeps until the moment that comes next."""
    calendar.clock.now = at(2026, 11, 24, 8) - 0.2
    schedule = await calendar.make()
    task = asyncio.get_running_loop().call_later(0.3, lambda: setattr(calendar.clock, "now", at(2026, 11, 24, 8)))
    for _ in range(12_000):
        if await calendar.tasks(schedule):
            break
        await asyncio.sleep(0.01)
    task.cancel()
    await calendar.ended(schedule, 1)


async def test_days_that_were_missed_are_made_up_for_by_one_task_and_told(calendar: Calendar) -> None:
    schedule = await calendar.make()
    await calendar.set(at(2026, 11, 28, 12))
    await calendar.ended(schedule, 1)
    now = await calendar.now(schedule)
    assert now.next == at(2026, 11, 29, 8)
    assert [note["text"] for note in now.notes] == [
        "Missed at 2026-11-24 08:00 and 4 more times, as no studio ran: this one task makes up for it."
    ]
    await calendar.set(at(2026, 11, 28, 13))
    assert len(await calendar.tasks(schedule)) == 1


async def test_a_clock_that_is_set_back_begins_nothing_twice(calendar: Calendar) -> None:
    schedule = await calendar.make()
    await calendar.set(at(2026, 11, 24, 8, 5))
    await calendar.ended(schedule, 1)
    await calendar.set(at(2026, 11, 24, 7, 0))
    await calendar.set(at(2026, 11, 24, 8, 10))
    assert len(await calendar.tasks(schedule)) == 1


async def test_two_nodes_begin_one_task(calendar: Calendar) -> None:
    await calendar.node()
    await calendar.node()
    schedules = [await calendar.make() for _ in range(5)]
    await calendar.set(at(2026, 11, 24, 8))
    for schedule in schedules:
        await calendar.ended(schedule, 1)


async def test_a_task_and_the_next_time_of_its_schedule_are_kept_together_or_not_at_all(
    calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studiolo.store import schedules as kept

    change = kept.change_within
    tried: list[int] = []

    def crash(*given: Any) -> None:
        change(*given)
        tried.append(1)
        raise RuntimeError("the power is gone")

    schedule = await calendar.make()
    with monkeypatch.context() as patched:
        patched.setattr(kept, "change_within", crash)
        await calendar.set(at(2026, 11, 24, 8))
    assert tried and await calendar.tasks(schedule) == []
    assert (await calendar.now(schedule)).next == at(2026, 11, 24, 8)
    await calendar.node()  # another life of the studio
    await until(lambda: calendar.nodes[1].rounds > 0)
    await calendar.set(at(2026, 11, 24, 8, 2))
    await calendar.ended(schedule, 1)
    assert (await calendar.now(schedule)).next == at(2026, 11, 25, 8)


async def test_a_schedule_that_is_deleted_as_it_is_due_begins_nothing(
    calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = await calendar.make()
    begin = calendar.shop.tasks.begin

    async def begun(*given: Any, **more: Any) -> Task:
        await calendar.nodes[0].delete(schedule.id)
        return await begin(*given, **more)

    monkeypatch.setattr(calendar.shop.tasks, "begin", begun)
    await calendar.set(at(2026, 11, 24, 8))
    assert await calendar.tasks(schedule) == []


async def test_nothing_is_begun_on_top_of_a_task_that_waits(calendar: Calendar) -> None:
    schedule = await calendar.make(kind="asks")
    await calendar.set(at(2026, 11, 24, 8))
    [task] = await calendar.tasks(schedule)
    await calendar.shop.wait(task.id, "waiting")
    for day in (25, 26):
        await calendar.set(at(2026, 11, day, 8))
    assert len(await calendar.tasks(schedule)) == 1
    now = await calendar.now(schedule)
    assert now.next == at(2026, 11, 27, 8)
    assert "the last task is not over, it is waiting" in now.notes[-1]["text"]
    with pytest.raises(Conflict, match="not over"):
        await calendar.nodes[0].run(schedule.id)
    await calendar.shop.tasks.cancel(task.id, NADIA)
    await calendar.set(at(2026, 11, 27, 8))
    assert len(await calendar.tasks(schedule)) == 2


async def test_nothing_is_begun_while_nothing_has_changed(calendar: Calendar) -> None:
    schedule = await calendar.make(skip_if_unchanged=True)
    await calendar.set(at(2026, 11, 24, 8))
    await calendar.ended(schedule, 1)
    await calendar.set(at(2026, 11, 25, 8))
    assert len(await calendar.tasks(schedule)) == 1
    assert "nothing has changed since the last task" in (await calendar.now(schedule)).notes[-1]["text"]
    room = await calendar.shop.room()
    page = room.canvas.outline()[0]["id"]
    await room.apply({"type": "edit", "page": page, "hunks": [{"find": "lamp", "replace": "light"}]}, NADIA)
    await calendar.set(at(2026, 11, 26, 8))
    await calendar.ended(schedule, 2)


async def test_who_has_left_has_nothing_begun_and_it_says_so(calendar: Calendar) -> None:
    mine, omars = await calendar.make(), await calendar.make(by=OMAR)
    del calendar.shop.members["omar"]
    await calendar.set(at(2026, 11, 24, 8))
    await calendar.ended(mine, 1)
    now = await calendar.now(omars)
    assert (now.state, now.next, await calendar.tasks(omars)) == ("paused", None, [])
    assert "Omar, who wanted this, is not in the canvas any more" in now.notes[-1]["text"]


async def test_a_task_has_no_more_rights_than_its_schedule_was_made_with_nor_than_there_are_now(
    calendar: Calendar,
) -> None:
    by_token = await calendar.make(by=replace(NADIA, role="commenter"))
    omars = await calendar.make(by=OMAR)
    calendar.shop.members["omar"] = replace(OMAR, role="commenter")
    await calendar.set(at(2026, 11, 24, 8))
    for schedule in (by_token, omars):
        [task] = await calendar.ended(schedule, 1)
        assert task.by["role"] == "commenter"


async def test_whoever_changes_what_it_does_is_who_wants_it(calendar: Calendar) -> None:
    schedule = await calendar.make()
    changed = await calendar.nodes[0].change(schedule.id, OMAR, Changes(title="Another"))
    assert (changed.by["id"], changed.title) == ("nadia", "Another")
    changed = await calendar.nodes[0].change(schedule.id, OMAR, Changes(inputs={"x": 1}))
    assert (changed.by["id"], changed.by["role"]) == ("omar", "editor")


async def test_a_kind_that_is_gone_pauses_it_with_what_to_do(calendar: Calendar) -> None:
    schedule = await calendar.make()
    del calendar.shop.kinds["nothing"]
    await calendar.set(at(2026, 11, 24, 8))
    now = await calendar.now(schedule)
    assert now.state == "paused" and now.notes[-1]["text"].startswith("Paused: There is no such kind of task.")
    with pytest.raises(NotFound):
        await calendar.make()


async def test_it_is_paused_resumed_changed_run_and_deleted(calendar: Calendar) -> None:
    schedules, schedule = calendar.nodes[0], await calendar.make()
    assert (await schedules.pause(schedule.id)).next is None
    await calendar.set(at(2026, 11, 26, 12))
    assert await calendar.tasks(schedule) == []
    assert (await schedules.resume(schedule.id)).next == at(2026, 11, 27, 8)  # what was missed is not made up for
    changed = await schedules.change(schedule.id, NADIA, Changes(words="every Monday at 9"))
    assert changed.next == at(2026, 11, 30, 9) and changed.words == "every Monday at 9"
    moved = await schedules.change(schedule.id, NADIA, Changes(zone="UTC"))
    assert moved.next == at(2026, 11, 30, 10)
    task = await schedules.run(schedule.id)
    await calendar.ended(schedule, 1)
    assert ((await calendar.now(schedule)).next, task.schedule) == (moved.next, schedule.id)
    await schedules.delete(schedule.id)
    with pytest.raises(NotFound):
        await schedules.get(schedule.id)
    assert (await calendar.shop.tasks.get(task.id)).state == "done"


async def test_what_happens_once_is_over_then(calendar: Calendar) -> None:
    schedule = await calendar.make("tomorrow at noon")
    await calendar.set(at(2026, 11, 24, 12))
    await calendar.ended(schedule, 1)
    assert (await calendar.now(schedule)).state == "over"
    with pytest.raises(Conflict):
        await calendar.nodes[0].resume(schedule.id)
    again = await calendar.nodes[0].change(schedule.id, NADIA, Changes(words="tomorrow at noon"))
    assert (again.state, again.next) == ("on", at(2026, 11, 25, 12))


async def test_there_are_only_so_many_and_not_too_often(calendar: Calendar) -> None:
    with pytest.raises(Invalid, match="5 minutes"):
        await calendar.make("every minute")
    for _ in range(MOST_HERE):
        await calendar.make()
    with pytest.raises(TooLarge, match="already"):
        await calendar.make()


async def test_while_nothing_is_due_nothing_is_looked_for(calendar: Calendar) -> None:
    await calendar.make()
    await until(lambda: calendar.nodes[0].rounds > 0)
    await calendar.set(calendar.clock.now)
    rounds = calendar.nodes[0].rounds
    for _ in range(50):
        await asyncio.sleep(0)
    assert calendar.nodes[0].rounds == rounds
