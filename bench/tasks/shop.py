"""The engine of tasks on its own: a real store, real rooms, a canvas, and steps that do next to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from studiolo.agents import Runs
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.canvas import Participant
from studiolo.canvas.errors import NotFound
from studiolo.models import Model
from studiolo.rooms import Nodes, Rooms
from studiolo.store import Store
from studiolo.store.tasks import Limits
from studiolo.tasks.job import Job, Result, doing
from studiolo.tasks.task import Step, Task
from studiolo.tasks.tasks import Tasks

ANN = Participant("ann", "Ann", "person", "#1878b4", "owner")
WOKEN: dict[str, float] = {}
"""Task -> when the step after its question began."""


@doing("bench_nothing")
async def nothing(job: Job) -> Result:
    """A step that does nothing."""
    return {}


@doing("bench_say")
async def say(job: Job) -> Result:
    """A step with an effect on the canvas."""
    await job.act("say", {"type": "say", "text": job.step.id}, job.by)
    return {}


@doing("bench_ask")
async def ask(job: Job) -> Result:
    """A step that waits for a person."""
    return await job.question("q", "Go on?", ["yes"])


@doing("bench_forever")
async def forever(job: Job) -> Result:
    """A step that never ends."""
    await asyncio.sleep(1e6)
    return {}


@doing("bench_woken")
async def woken(job: Job) -> Result:
    """Notes when it began."""
    WOKEN[job.task.id] = time.perf_counter()
    return {}


class NoModels:
    """Nobody asks a model here."""

    def get(self, name: str | None = None) -> Model:
        raise NotFound("There is no model.")


@dataclass
class Shop:
    url: str
    home: Path
    redis: str = ""
    limits: Limits = field(default_factory=lambda: Limits(8, 8, 8))
    canvas: str = ""

    async def open(self, hear: Callable[[Task], None] | None = None) -> Shop:
        self.store = await Store.open(self.url)
        self.nodes = await Nodes.join(self.redis, self.store.studio) if self.redis else None
        self.rooms = Rooms(self.store, nodes=self.nodes)
        await self.rooms.open()
        models = NoModels()
        names = itertools.count(1)

        def name() -> str:
            return f"{os.getpid():x}-{time.monotonic_ns():x}-{next(names)}"

        async def who(_canvas: str, _id: str) -> Participant:
            return ANN

        def no_kinds(*_: Any) -> Any:
            raise NotFound("There are no kinds.")

        self.runs = Runs(models, self.store, time.time, name, nodes=self.nodes)
        self.tasks = Tasks(
            self.store,
            self.url,
            self.home,
            self.runs,
            Guide(self.runs),
            models,
            Kit(),
            self.rooms.get,
            who,
            no_kinds,
            time.time,
            name,
            self.limits,
            self.nodes,
        )
        if hear is not None:
            self.tasks.on_change.append(hear)
        if not self.canvas:
            known = await self.store.list_canvases()
            self.canvas = known[0].id if known else (await self.rooms.create("Bench", [], by=ANN)).id
        await self.tasks.open()
        return self

    async def close(self) -> None:
        await self.tasks.close()
        await self.runs.close()
        await self.rooms.close()
        if self.nodes:
            await self.nodes.close()
        await self.store.close()

    async def begin(self, *steps: Step, by: str = ANN.id) -> Task:
        room = await self.rooms.get(self.canvas)
        return await self.tasks.begin(room, replace(ANN, id=by), "bench", {}, title="Bench", plan=steps)

    async def wait(self, id: str, state: str = "done", also: Callable[[Task], Any] = lambda task: True) -> Task:
        while True:
            news = self.tasks.news(id)
            task = await self.tasks.get(id)
            if task.state == state and also(task):
                return task
            if task.ended:
                raise RuntimeError(f"{task.state}: {task.problem}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await news.wait()


def steps(do: str, number: int) -> list[Step]:
    return [Step(f"s{n}", do, f"Step {n}") for n in range(number)]
