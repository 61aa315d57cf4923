"""A workshop in which tasks are carried out: a real store, real rooms, real agents with a scripted model."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from studiolo.agents import Budget as RunBudget
from studiolo.agents import Runs
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.agents.toolbox.permits import PolicyFile
from studiolo.canvas import Canvas, Participant
from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.models import Model, ModelInfo
from studiolo.rooms import Nodes, Room, Rooms
from studiolo.store import Store
from studiolo.store.tasks import Limits
from studiolo.tasks.job import DOING, Doing
from studiolo.tasks.task import Step, Task
from studiolo.tasks.tasks import Tasks

NADIA = Participant("nadia", "Nadia", "person", "#1878b4", "owner")
OMAR = Participant("omar", "Omar", "person", "#b41878", "editor")
PATIENCE = 300.0  # seconds; a machine may be very busy


async def until(happened: Callable[[], Any], what: str = "it") -> Any:
    """Wait for something that no event tells of."""
    deadline = time.monotonic() + PATIENCE
    while not (found := happened()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)
    return found


@dataclass
class Scripted:
    """A model that answers what `play` says. While `hold` is set it does not answer at all."""

    play: Callable[[str], Any] = lambda prompt: "The lamp was lit."
    asked: list[str] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    ended: int = 0  # requests that were broken off

    def __post_init__(self) -> None:
        self.hold.set()

    async def _answer(self, messages: list[ModelMessage]) -> Any:
        asked = [part for message in messages for part in message.parts if isinstance(part, UserPromptPart)]
        prompt = str(asked[-1].content)
        self.asked.append(prompt)
        try:
            await self.hold.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        return self.play(prompt)

    async def _whole(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        answer = await self._answer(messages)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and info.output_tools:
            return ModelResponse([ToolCallPart(info.output_tools[0].name, answer)])
        return ModelResponse([TextPart(str(answer))])

    async def _streamed(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        answer = await self._answer(messages)
        if isinstance(answer, Exception):
            raise answer
        yield str(answer)

    def get(self, name: str | None = None) -> Model:
        if name == "unknown":
            raise NotFound("There is no such model.", "Choose another.")
        info = ModelInfo(name or "scripted", "test", "Scripted", 8_000, False, False, False, True, "", 1.0, 2.0)
        return Model(info, FunctionModel(self._whole, stream_function=self._streamed))


@dataclass
class Workshop:
    """One life of a studio's tasks. `reopen` ends it, politely or not, and begins the next."""

    home: Path
    url: str
    redis: str = ""
    limits: Limits = field(default_factory=Limits)
    model: Scripted = field(default_factory=Scripted)
    members: dict[str, Participant] = field(default_factory=lambda: {"nadia": NADIA, "omar": OMAR})
    kinds: dict[str, list[Step]] = field(default_factory=dict)
    canvas: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    async def open(self) -> Workshop:
        self.store = await Store.open(self.url)
        self.nodes = await Nodes.join(self.redis, self.store.studio) if self.redis else None
        self.rooms = Rooms(self.store, nodes=self.nodes)
        await self.rooms.open()
        self.runs = Runs(
            self.model, self.store, time.time, self._name, Random(11), RunBudget(), self.nodes, surfaces=self.rooms.get
        )
        self.kit = Kit(policy=PolicyFile(self.home))
        self.tasks = Tasks(
            self.store,
            self.url,
            self.home,
            self.runs,
            Guide(self.runs),
            self.model,
            self.kit,
            self.rooms.get,
            self._who,
            self._lay_out,
            time.time,
            self._name,
            self.limits,
            self.nodes,
        )
        self.tasks.on_change.append(lambda task: self.told.append((task.id, task.state)))
        if not self.canvas:
            made = await self.rooms.create("Marsh", [{"title": "One", "text": "The lamp was out.\n"}], by=NADIA)
            self.canvas = made.id
        await self.runs.open()
        await self.tasks.open()
        return self

    def _name(self) -> str:
        return f"n{next(self._numbers)}-{time.monotonic_ns():x}"

    async def _who(self, _canvas: str, id: str) -> Participant:
        if id not in self.members:
            raise Forbidden("Whoever asked for this is not in the canvas any more.", "Ask for it yourself.")
        return self.members[id]

    def _lay_out(self, kind: str, inputs: dict[str, Any], _canvas: Canvas) -> tuple[str, dict[str, Any], list[Step]]:
        if kind not in self.kinds:
            raise NotFound("There is no such kind of task.", "Choose another.")
        return (
            kind,
            inputs,
            [
                replace(step, given=step.given | {name: inputs[name] for name in step.given if name in inputs})
                for step in self.kinds[kind]
            ],
        )

    async def close(self) -> None:
        await self.tasks.close()
        await self.runs.close()
        await self.rooms.close()
        if self.nodes:
            await self.nodes.close()
        await self.store.close()

    async def reopen(self) -> Workshop:
        await self.close()
        return await self.open()

    async def room(self) -> Room:
        return await self.rooms.get(self.canvas)

    async def said(self) -> list[str]:
        """Everything in the conversation."""
        return [message["text"] for message in (await self.room()).canvas.view()["chat"]]

    async def begin(self, *steps: Step, by: Participant = NADIA, **options: Any) -> Task:
        return await self.tasks.begin(await self.room(), by, "test", {}, title="Test", plan=list(steps), **options)

    async def wait(self, id: str, *states: str) -> Task:
        """Until the task has ended, or is in one of these states."""
        wanted = states or ("done", "failed", "cancelled")
        deadline = time.monotonic() + PATIENCE
        while (task := await self.tasks.get(id)).state not in wanted:
            assert time.monotonic() < deadline, f"the task is {task.state}, not {wanted}: {task}"
            assert not task.ended, f"the task is {task.state}: {task.problem}"
            await asyncio.sleep(0.01)
        return task


def ways(**made: Doing) -> None:
    """Ways of doing steps, for tests alone."""
    DOING.update(made)
