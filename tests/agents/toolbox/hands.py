"""An agent at a canvas in memory, whose tools are called one by one through pydantic-ai, as its loop would."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ToolApproved
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from studiolo.agents import Ask, Budget
from studiolo.agents.context import Given
from studiolo.agents.kit import Kit
from studiolo.agents.local import READER, LocalSurface
from studiolo.agents.persona import Persona
from studiolo.agents.toolbox import Toolbox
from studiolo.agents.voice import Voice
from studiolo.agents.work import Work
from studiolo.canvas.participant import Participant, Role
from studiolo.models import Model, ModelInfo

INFO = ModelInfo("scripted", "test", "Scripted", 8_000, False, True, False, True, "")


@dataclass
class Answered:
    """What came of one call: the text that the model reads, whether it was refused or failed, or what it waits for."""

    text: str = ""
    failed: bool = False
    waits: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: list[ModelMessage] = field(default_factory=list[ModelMessage])
    requests: DeferredToolRequests | None = None


class Hands:
    """An agent with its tools. `tools`: what its persona may use, None: all."""

    def __init__(
        self,
        text: str = "",
        *,
        kit: Kit | None = None,
        role: Role = "commenter",
        tools: dict[str, Any] | None = None,
        prompt: str = "",
        small: bool = False,
    ) -> None:
        clock = itertools.count(1_000_000)
        self.surface = LocalSurface("Chapter 1", text, "prose", lambda: float(next(clock)), Random(3))
        self.page = self.surface.page
        self.kit = kit or Kit()
        self.offered: list[str] = []
        self.schemas: dict[str, Any] = {}
        self.steps: list[dict[str, Any]] = []
        self._calls: list[ToolCallPart] = []
        model = Model(replace(INFO, small=small), FunctionModel(self._answer))
        persona = Persona(Participant("helper", "Helper", "agent", "#9048fc", role), "", tools=tools, autonomy="act")
        self.work = Work(
            run="run1",
            surface=self.surface,
            persona=persona,
            ask=Ask(agent="helper", prompt=prompt),
            skill="work",
            voice=Voice(model, Budget(), Random(1)),
            place=None,
            given=Given(8_000),
            emit=self._told,
        )
        self.work.steps._emit = self._told  # type: ignore[method-assign]

    def _told(self, event: dict[str, Any]) -> None:
        if event["type"] == "step":
            self.steps = [one for one in self.steps if one["n"] != event["step"]["n"]] + [event["step"]]

    async def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.offered = sorted(tool.name for tool in info.function_tools)
        self.schemas = {tool.name: tool for tool in info.function_tools}
        if self._calls:
            return ModelResponse([self._calls.pop(0)])
        return ModelResponse([TextPart("done")])

    def _agent(self) -> Agent[Work, str | DeferredToolRequests]:
        return Agent(
            self.work.voice.model.pydantic,
            output_type=[str, DeferredToolRequests],
            deps_type=Work,
            toolsets=Toolbox(self.kit).tools_for(self.work),
            retries={"tools": 20},
        )

    async def call(self, tool: str, **arguments: Any) -> Answered:
        """Call one tool."""
        self._calls = [ToolCallPart(tool, arguments, "call1")]
        result = await self._agent().run("go", deps=self.work)
        return self._read(result)

    async def approve(self, asked: Answered, **edited: Any) -> Answered:
        """Go on with a call that a person has approved, with other arguments if some are given."""
        assert asked.requests is not None
        results = DeferredToolResults(
            approvals={"call1": ToolApproved(override_args=edited or None)}, metadata={"call1": asked.waits}
        )
        result = await self._agent().run(message_history=asked.messages, deferred_tool_results=results, deps=self.work)
        return self._read(result)

    async def look(self) -> list[str]:
        """The names of the tools that the model is offered."""
        self._calls = []
        await self._agent().run("go", deps=self.work)
        return self.offered

    def _read(self, result: Any) -> Answered:
        messages: list[ModelMessage] = result.all_messages()
        if isinstance(result.output, DeferredToolRequests):
            return Answered(waits=result.output.metadata.get("call1", {}), messages=messages, requests=result.output)
        parts: Sequence[ToolReturnPart] = [
            part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)
        ]
        last = parts[-1] if parts else None
        if last is None:
            return Answered(messages=messages)
        return Answered(last.model_response_str(), last.outcome != "success", messages=messages)

    def view(self) -> dict[str, Any]:
        return self.surface.canvas.view()

    def editor(self) -> Participant:
        return replace(READER, role="editor")
