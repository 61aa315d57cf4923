"""Tasks in memory, with everything else real: a store, a room, agents, tools, and a provider at the other end of a
socket. What durable tasks keep in tables is kept in dictionaries here, so that kinds can be tried out quickly."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pydantic import BaseModel

from studiolo.agents import Ask, Budget, Runs
from studiolo.agents.choosing_skill import wished
from studiolo.agents.kit import Kit
from studiolo.agents.persona import Persona
from studiolo.agents.toolbox.marks import RULE, data
from studiolo.agents.voice import Voice
from studiolo.canvas import Outcome, Participant, StudioloError
from studiolo.canvas.errors import Forbidden
from studiolo.models import ModelInfo, Models
from studiolo.rooms import Room
from studiolo.tasks.job import DOING, Result
from studiolo.tasks.kind_folder import Kinds
from studiolo.tasks.task import Step, Task

NADIA = Participant("nadia", "Nadia", "person", "#1878b4", "owner")
Answer = Callable[[dict[str, Any]], str]


class Waits(Exception):
    """The task rests until somebody has answered."""


@dataclass
class Desk:
    """Where tasks are carried out. `allow` says of a call into the world whether it may be made."""

    room: Room
    runs: Runs
    kit: Kit
    models: Models
    kinds: Kinds
    by: Participant = NADIA
    model: str | None = None
    allow: Callable[[str, Mapping[str, Any]], bool] = lambda tool, arguments: True
    tasks: list[Task] = field(default_factory=list[Task])
    results: dict[str, dict[str, Result]] = field(default_factory=dict[str, dict[str, Result]])
    kept: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    crash: Callable[[str], None] = lambda where: None
    """Called at each thing that is kept; raise there to see a step done anew."""
    ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def pages(self) -> dict[str, str]:
        """The ids of the pages by their titles."""
        return {one["title"]: one["id"] for one in self.room.canvas.outline() if not one["removed"]}

    @property
    def view(self) -> dict[str, Any]:
        return self.room.canvas.view()

    def begin(self, kind: str, inputs: dict[str, Any] | None = None, **more: Any) -> Task:
        title, full, plan = self.kinds.lay_out(kind, inputs or {}, self.room.canvas)
        task = Task(
            f"task{next(self.ids)}",
            self.room.id,
            kind,
            title,
            {"id": self.by.id, "name": self.by.name},
            full,
            plan,
            time.time(),
            **{"model": self.model, **more},
        )
        self.tasks.append(task)
        self.results[task.id] = {}
        return task

    async def carry_out(self, task: Task, answer: Answer = lambda card: "Go on") -> Task:
        """Do all steps, and answer what it asks."""
        while (step := next((one for one in task.plan if one.state == "coming"), None)) is not None:
            step.state, step.tries = "running", step.tries + 1
            job = MemoryJob(self, task, step)
            try:
                result = await DOING[step.do](job)
            except Waits as waits:
                (card,) = waits.args
                self.asked.append(card)
                self.kept[card["key"]] = {"answer": answer(card), "by": {"id": self.by.id, "name": self.by.name}}
                step.state = "coming"
                continue
            except StudioloError as error:
                step.state, step.error, task.state = "failed", error.as_dict(), "failed"
                task.problem = error.as_dict()
                return task
            step.note, step.state = str(result.pop("note", "")), "done"
            task.outcome = str(result.pop("outcome", task.outcome))
            self.results[task.id][step.id] = result
        task.state = "done"
        return task

    async def do(self, kind: str, inputs: dict[str, Any] | None = None, **more: Any) -> Task:
        return await self.carry_out(self.begin(kind, inputs, **more))

    async def accept_all(self) -> None:
        await self.room.apply({"type": "accept_all"}, self.by)

    def open_suggestions(self, page: str | None = None) -> list[dict[str, Any]]:
        return [
            one for one in self.view["suggestions"] if one["status"] == "open" and (page is None or one["page"] == page)
        ]


class MemoryJob:
    """One step under way: see `tasks.job.Job`."""

    def __init__(self, desk: Desk, task: Task, step: Step) -> None:
        self.desk, self.task, self.step = desk, task, step
        self.surface, self.by, self.kit = desk.room, desk.by, desk.kit

    def _key(self, key: str) -> str:
        return f"{self.task.id}/{self.step.id}/{key}"

    def agent(self, id: str) -> Persona:
        return self.desk.runs.personas.get(id).acting_for(self.by)

    def _model(self, agent: str) -> Any:
        persona = self.agent(agent) if agent else None
        return self.desk.models.get(self.task.model or (wished(persona, self.desk.models) if persona else None))

    def model(self, agent: str = "") -> ModelInfo:
        return self._model(agent).info

    async def result(self, step: str) -> Result | None:
        return self.desk.results[self.task.id].get(step)

    async def earlier(self, step: str) -> Result | None:
        before = [
            one
            for one in self.desk.tasks
            if one is not self.task
            and one.state == "done"
            and (one.kind, one.inputs) == (self.task.kind, self.task.inputs)
        ]
        return self.desk.results[before[-1].id].get(step) if before else None

    async def once(self, key: str, work: Callable[[], Awaitable[Result]]) -> Result:
        if self._key(key) not in self.desk.kept:
            self.desk.crash(self._key(key))
            self.desk.kept[self._key(key)] = await work()
            self.desk.crash(f"{self._key(key)} kept")
        return self.desk.kept[self._key(key)]

    async def act(self, key: str, action: dict[str, Any], by: Participant) -> Outcome:
        if self._key(f"act {key}") not in self.desk.kept:
            self.desk.crash(self._key(f"act {key}"))
            self.desk.kept[self._key(f"act {key}")] = await self.surface.apply(action, by)
            self.desk.crash(self._key(f"act {key} kept"))
        return self.desk.kept[self._key(f"act {key}")]

    async def run(self, key: str, ask: Ask) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            ask.parent, ask.model = self.task.id, ask.model or self.task.model
            run = await self.desk.runs.start(self.surface, ask, self.by).wait()
            if run.state != "done":
                raise Forbidden(str((run.as_dict().get("error") or {}).get("message") or run.state))
            return run.as_dict()

        return await self.once(f"run {key}", work)

    async def answer(
        self, key: str, kind: type[Any], instructions: str, material: str, *, agent: str = "", words: int = 600
    ) -> Any:
        async def work() -> dict[str, Any]:
            voice = Voice(self._model(agent), Budget(), Random(7))
            manner = self.agent(agent).character if agent else ""
            prompt = data("what the step is about", material) if material else "Begin."
            system = f"{manner}\n\n{RULE}\n\n{instructions}"
            found: BaseModel = await voice.typed(kind, system, prompt, max_tokens=3 * words)
            return found.model_dump()

        return kind.model_validate(await self.once(f"answer {key}", work))

    async def permit(self, tool: str, title: str, arguments: Mapping[str, Any], host: str = "") -> None:
        if not self.desk.allow(tool, arguments):
            raise Forbidden(f"Somebody said no to: {title}.")

    async def question(self, key: str, question: str, choices: Sequence[str] = (), **detail: Any) -> dict[str, Any]:
        name = self._key(f"question {key}")
        if name not in self.desk.kept:
            raise Waits({"key": name, "question": question, "choices": list(choices), **detail})
        return self.desk.kept[name]

    async def begin(self, key: str, kind: str, inputs: dict[str, Any], **more: Any) -> Task:
        raise NotImplementedError  # tasks that begin tasks are tried with the real ones

    async def plan(self, steps: Sequence[Step]) -> None:
        plan = self.task.plan
        mine = [one for one in plan if one.by == self.step.id and one.state == "coming"]
        kept = [one for one in plan if one not in mine]
        there = {one.id for one in kept}
        new = [one for one in steps if one.id not in there]
        for one in new:
            one.by = self.step.id
        at = kept.index(self.step) + 1
        plan[:] = [*kept[:at], *new, *kept[at:]]

    async def progress(self, done: int, of: int, note: str = "") -> None:
        self.step.done, self.step.of = done, of

    async def found(self, text: str, **about: Any) -> None:
        if not any(one["text"] == text and one.get("url") == about.get("url") for one in self.task.found):
            self.task.found.append({"text": text, **about})

    async def note(self, sentence: str) -> None:
        if sentence not in self.task.notes:
            self.task.notes.append(sentence)
