"""Scripted models, and a canvas in memory to work on."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from studiolo.agents import Ask, Budget, Run, Runs
from studiolo.agents.local import READER, LocalSurface
from studiolo.models import Model, ModelInfo

PROSE = Path(__file__).parent / "prose"


def prompt_of(messages: Sequence[ModelMessage]) -> str:
    """The last thing the model was asked."""
    asked = [part for message in messages for part in message.parts if isinstance(part, UserPromptPart)]
    return str(asked[-1].content)


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that no event tells of."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@dataclass
class Scripted:
    """A model that answers from a list: a text, chunks of one, a dict for typed output, an exception to raise.

    The last answer is repeated for ever. `asked` has every prompt.
    """

    answers: list[Any]
    small: bool = False
    context: int = 8_000
    tools: bool = True
    asked: list[str] = field(default_factory=list)
    settings: list[Any] = field(default_factory=list)
    pause: float = 0.0
    name: str = "scripted"

    def _next(self, messages: Sequence[ModelMessage], info: AgentInfo) -> Any:
        self.asked.append(prompt_of(messages))
        self.settings.append(info.model_settings)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def _whole(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        answer = self._next(messages, info)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and not info.output_tools:
            return ModelResponse([TextPart(json.dumps(answer))])
        if isinstance(answer, dict):
            return ModelResponse([ToolCallPart(info.output_tools[0].name, answer)])
        return ModelResponse([TextPart(answer if isinstance(answer, str) else "".join(answer))])

    async def _streamed(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        answer = self._next(messages, info)
        if isinstance(answer, Exception):
            raise answer
        chunks: Iterable[Any] = (
            [answer[at : at + 5] for at in range(0, len(answer), 5)] if isinstance(answer, str) else answer
        )
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            await asyncio.sleep(self.pause)
            yield chunk

    def get(self, name: str | None = None) -> Model:
        info = ModelInfo(
            name=name or self.name,
            provider="test",
            label="Scripted",
            context=self.context,
            small=self.small,
            tools=self.tools,
            constrained=False,
            ready=True,
            note="",
        )
        return Model(info, FunctionModel(self._whole, stream_function=self._streamed))


@dataclass
class Stage:
    """A surface, and runs on it."""

    surface: LocalSurface
    runs: Runs

    def view(self) -> dict[str, Any]:
        return self.surface.canvas.view()

    @property
    def suggestions(self) -> list[dict[str, Any]]:
        return self.view()["suggestions"]

    def ask(self, prompt: str = "", **ask: Any) -> Run:
        ask.setdefault("page", self.surface.page)
        return self.runs.start(self.surface, Ask(prompt=prompt, **ask), READER)

    async def done(self, prompt: str = "", **ask: Any) -> Run:
        return await self.ask(prompt, **ask).wait()

    def accepted(self) -> str:
        """The page's text with every open suggestion taken."""
        for suggestion in self.suggestions:
            if suggestion["status"] == "open":
                self.surface.canvas.apply({"type": "accept", "suggestion": suggestion["id"]}, READER)
        return self.surface.text


@pytest.fixture
def scripted() -> type[Scripted]:
    """Make a scripted model: `scripted([answer, ...])`."""
    return Scripted


SetStage = Callable[..., Stage]


@pytest.fixture
def stage() -> SetStage:
    """`stage(text, model, ...)`: a page with that text and a studio with that model."""

    def make(text: str, models: Any, *, kind: str = "prose", store: Any = None, **budget: Any) -> Stage:
        surface = LocalSurface("Chapter 1", text, kind, time.time, Random(7))
        counter = itertools.count(1)
        runs = Runs(models, store, time.time, lambda: f"run{next(counter)}", Random(11), Budget(**budget))
        return Stage(surface, runs)

    return make


@pytest.fixture
def prose() -> dict[str, str]:
    """Public-domain excerpts by name."""
    return {path.stem: path.read_text() for path in sorted(PROSE.glob("*.md"))}
