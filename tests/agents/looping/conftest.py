"""A model that answers from a script of words and calls, and a canvas in memory to work on."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from studiolo.agents import Ask, Personas, Run, Runs
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.agents.local import READER, LocalSurface
from studiolo.agents.loop import Allowance
from studiolo.models import Model, ModelInfo

Call = tuple[str, dict[str, Any]]


@dataclass
class Player:
    """A model whose answers are texts, lists of calls, or a text followed by calls; an exception is raised. The last
    one is given again and again. `sent` has what it was sent each time."""

    answers: list[Any]
    context: int = 32_000
    prices: tuple[float, float] | None = None
    pause: float = 0.0
    sent: list[list[ModelMessage]] = field(default_factory=list)
    tools: list[list[str]] = field(default_factory=list)
    settings: list[Any] = field(default_factory=list)

    async def _streamed(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        self.sent.append(list(messages))
        self.tools.append([tool.name for tool in info.function_tools])
        self.settings.append(info.model_settings)
        answer = self.answers[min(len(self.sent), len(self.answers)) - 1]
        for piece in answer if isinstance(answer, tuple) else (answer,):
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, str):
                for word in piece.split(" "):
                    await asyncio.sleep(self.pause)
                    yield word + " "
            else:
                for index, (name, arguments) in enumerate(piece):
                    id = f"call{len(self.sent)}.{index}"
                    yield {index: DeltaToolCall(name, json.dumps(arguments), tool_call_id=id)}

    def get(self, name: str | None = None) -> Model:
        read, wrote = self.prices or (None, None)
        info = ModelInfo(
            name="player",
            provider="test",
            label="Player",
            context=self.context,
            small=False,
            tools=True,
            constrained=False,
            ready=True,
            note="",
            input_price=read,
            output_price=wrote,
        )
        return Model(info, FunctionModel(stream_function=self._streamed))


@dataclass
class Desk:
    """A page, and an agent with tools."""

    surface: LocalSurface
    runs: Runs
    guide: Guide

    @property
    def page(self) -> str:
        return self.surface.page

    @property
    def chat(self) -> list[dict[str, Any]]:
        return self.surface.canvas.view()["chat"]

    @property
    def suggestions(self) -> list[dict[str, Any]]:
        return self.surface.canvas.view()["suggestions"]

    def ask(self, prompt: str = "Make the lamp a lantern.", **ask: Any) -> Run:
        return self.runs.start(self.surface, Ask(agent="worker", prompt=prompt, page=self.page, **ask), READER)

    async def done(self, prompt: str = "Make the lamp a lantern.", **ask: Any) -> Run:
        return await self.ask(prompt, **ask).wait()

    def reads(self) -> list[Call]:
        return [("read_page", {"page": self.page})]

    def suggests(self, find: str = "lamp", replace: str = "lantern") -> list[Call]:
        change = {"find": find, "replace": replace}
        return [("suggest", {"page": self.page, "changes": [change], "reason": "A better word"})]


SetDesk = Callable[..., Desk]


WORKER = "---\nname: Worker\n---\nYou do what you are asked.\n"


@pytest.fixture
def desk(tmp_path: Path) -> SetDesk:
    """`desk(model, text, **allowance)`: a page with that text, and an agent that may use up so much."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "worker.md").write_text(WORKER)

    def make(model: Any, text: str = "The old lamp went out. It was a dark night.", **allowance: Any) -> Desk:
        surface = LocalSurface("Chapter 1", text, "prose", time.time, Random(7))
        numbers = itertools.count(1)

        async def here(_canvas: str) -> LocalSurface:
            return surface

        runs = Runs(
            model,
            None,
            time.time,
            lambda: f"run{next(numbers)}",
            Random(11),
            personas=Personas(tmp_path),
            kit=Kit(),
            allowance=Allowance(**allowance),
            surfaces=here,
        )
        return Desk(surface, runs, Guide(runs))

    return make
