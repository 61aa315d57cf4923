"""One part of a run: from the first request to the model until it has ended, waits for a person, or is to rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    RetryPromptPart,
    TextPart,
    TextPartDelta,
    ToolReturnPart,
    repair_messages,
)
from pydantic_ai.settings import ModelSettings
from pydantic_ai.toolsets import AbstractToolset

from studiolo.agents import money
from studiolo.agents.errors import explained
from studiolo.agents.loop import memory, prompting
from studiolo.agents.loop.budget import Allowance, Spent, check
from studiolo.agents.loop.planning import planning
from studiolo.agents.loop.repeats import Repeats
from studiolo.agents.loop.telling import Telling
from studiolo.agents.money import Usage
from studiolo.agents.prose import estimate_tokens
from studiolo.agents.steps import Step
from studiolo.agents.work import Work
from studiolo.canvas.errors import StudioloError
from studiolo.models import ModelFailed

LAST_WORD = 60.0  # seconds for saying what there is
BROKEN = ("unreachable", "timeout", "provider", "limit")  # reasons of a model's failure after which it is asked again
TRIES = 2
LONGEST_ANSWER = 8_000  # tokens


@dataclass(slots=True)
class Past:
    """What a run goes on from: the messages so far, and what people answered to its calls."""

    messages: list[ModelMessage]
    answers: DeferredToolResults | None = None


@dataclass(slots=True)
class Rest:
    """Why a run ends its part: it has asked people something, or it is to pause."""

    messages: list[ModelMessage]
    asked: DeferredToolRequests | None = None


class _Again(Exception):
    """The model broke off and is to be asked once more."""


@dataclass
class _Loop:
    work: Work
    tools: Sequence[AbstractToolset[Work]]
    allowance: Allowance
    usage: Usage
    telling: Telling
    repeats: Repeats = field(default_factory=Repeats)
    messages: list[ModelMessage] = field(default_factory=list[ModelMessage])  # before the step that is being taken
    broken: int = 0
    began: float = field(default_factory=time.monotonic)
    before: float = 0.0  # seconds that it had worked before this part

    def __post_init__(self) -> None:
        self.agent: Agent[Work, str | DeferredToolRequests] = Agent(
            self.work.voice.model.pydantic,
            output_type=[str, DeferredToolRequests],
            deps_type=Work,
            instructions=prompting.instructions(self.work),
            capabilities=[memory.Memory(), *self.work.voice.capabilities()],
            toolsets=[*self.tools, planning()],
            retries={"tools": 30, "output": 3},
            name=self.work.persona.participant.id,
        )

    async def go(self, prompt: str | None, past: Past | None) -> Rest | None:
        """Until it has ended, or rests. Raises `Spent` at a limit, and what went wrong."""
        messages = past.messages if past else None
        answers = past.answers if past else None
        while True:
            try:
                return await self._part(prompt, messages, answers)
            except _Again:
                # What it was sent the last time, once more: what it had begun to say is forgotten.
                prompt, messages, answers = None, self.messages, None
                await asyncio.sleep(0.5 * self.broken)

    async def _part(
        self, prompt: str | None, history: list[ModelMessage] | None, answers: DeferredToolResults | None
    ) -> Rest | None:
        work = self.work
        self.messages = list(history or [])
        async with self.agent.iter(
            prompt,
            deps=work,
            message_history=history,
            deferred_tool_results=answers,
            model_settings=self._settings(),
        ) as run:
            node = run.next_node
            while not Agent.is_end_node(node):
                if Agent.is_model_request_node(node):
                    self.messages = [*run.all_messages(), node.request]
                elif Agent.is_call_tools_node(node):
                    self.messages = list(run.all_messages())
                await work.pace.turn()
                if not Agent.is_user_prompt_node(node):
                    if work.steering.pause:
                        return Rest(self.messages)
                    for said in work.steering.take():
                        work.steps.once("steer", f"{said.name}: {said.text}", detail={"by": said.by})
                        run.enqueue(prompting.steered(said))
                if Agent.is_model_request_node(node):
                    check(self.allowance, self.usage, memory.tokens(self.messages))
                    await self._think(run, node)
                elif Agent.is_call_tools_node(node):
                    if node.model_response.tool_calls:
                        self.telling.aside()
                    await self._act(run, node)
                node = await run.next(node)
            assert run.result is not None
            output = run.result.output
            if isinstance(output, DeferredToolRequests):
                return Rest(run.all_messages(), output)
            await self.telling.end(output)
        return None

    def _settings(self) -> ModelSettings:
        longest = min(LONGEST_ANSWER, max(512, self.work.voice.info.context // 4))
        return ModelSettings(max_tokens=longest, temperature=0.4)

    async def _think(self, run: Any, node: Any) -> None:
        """One request to the model. What it says is told while it says it."""
        work = self.work
        step = work.steps.begin("model", "Works out what to do", detail={"model": work.voice.info.name})
        work.show("thinking")
        try:
            async with node.stream(run.ctx) as stream:
                async for event in stream:
                    await self.telling.write(_said(event))
                response: ModelResponse = stream.response
        except (ModelFailed, StudioloError) as error:
            work.steps.end(step, "failed", error.message)
            self.usage.requests += 1
            if isinstance(error, ModelFailed) and error.reason in BROKEN and self.broken < TRIES:
                self.broken += 1
                self.telling.aside()
                raise _Again from error
            raise
        except Exception as error:
            work.steps.end(step, "failed", type(error).__name__)
            raise
        self.broken = 0
        self._told(step, response, node.request)

    def _told(self, step: Step, response: ModelResponse, request: ModelRequest) -> None:
        """What the step was, now that it is known, and what it cost."""
        used = response.usage
        read = used.input_tokens or memory.tokens(self.messages) + estimate_tokens(request.instructions or "")
        wrote = used.output_tokens or max(1, memory.tokens([response]))
        used.input_tokens, used.output_tokens = read, wrote
        cost = money.cost(self.work.voice.model, used)
        self.usage.add(read, wrote, cost)
        self.usage.seconds = self.before + time.monotonic() - self.began
        calls = [part.tool_name for part in response.tool_calls]
        said = " ".join((response.text or "").split())
        title = f"Decides to use {_listed(calls)}" if calls else "Says what it found and did"
        self.work.steps.end(
            step, "done", said[:500] if calls else "", title=title, tokens={"input": read, "output": wrote}, cost=cost
        )

    async def _act(self, run: Any, node: Any) -> None:
        """The calls of one answer of the model. Each tells its own step; those that never came to be are told here."""
        called: dict[str, tuple[str, Any]] = {}
        unmade: set[str] = set()
        async with node.stream(run.ctx) as stream:
            async for event in stream:
                if isinstance(event, FunctionToolCallEvent):
                    called[event.part.tool_call_id] = event.part.tool_name, event.part.args
                    if event.args_valid is False:
                        unmade.add(event.part.tool_call_id)
                elif isinstance(event, FunctionToolResultEvent):
                    part = event.part
                    name, arguments = called.get(part.tool_call_id, (part.tool_name or "", ""))
                    if part.tool_call_id in unmade:
                        self._never_made(name, part.content)
                    self._look_for_repeats(run, name, arguments, part)

    def _never_made(self, name: str, why: Any) -> None:
        unknown = isinstance(why, str) and why.startswith("Unknown tool")
        what = "which is not one of its tools" if unknown else "with arguments that do not fit"
        self.work.steps.once("tool", f"Asks for “{name}”, {what}", "failed", tool=name)

    def _look_for_repeats(self, run: Any, name: str, arguments: Any, part: Any) -> None:
        self.repeats.note(name, arguments, part.content, _has_failed(part))
        if self.repeats.hopeless:
            raise Spent(f"{self.repeats.times} calls of {name} that were all the same", last_word=True)
        if self.repeats.warning:
            run.enqueue(prompting.REPEATING.format(times=self.repeats.times))
            self.work.steps.once("note", f"It called {name} {self.repeats.times} times in the same way, and is told so")

    async def last_word(self, spent: Spent) -> None:
        """Let the agent say what it has, in one request without tools; what goes wrong with that costs nothing."""
        work = self.work
        said = ""
        self.telling.aside()
        if spent.last_word and self.messages:
            step = work.steps.begin(
                "model", "Says what it has, now that a limit is reached", detail={"model": work.voice.info.name}
            )
            # Unfinished calls are closed, and nothing that this answer may call is ever called.
            history = repair_messages(self.messages)
            try:
                async with (
                    asyncio.timeout(LAST_WORD),
                    self.agent.iter(
                        prompting.FINISH.format(limit=spent.words),
                        deps=work,
                        message_history=history,
                        model_settings={**self._settings(), "tool_choice": "none", "max_tokens": 600},
                    ) as run,
                ):
                    node = run.next_node
                    while not Agent.is_model_request_node(node):
                        node = await run.next(node)  # type: ignore[arg-type]
                    async with node.stream(run.ctx) as stream:
                        async for event in stream:
                            await self.telling.write(_said(event))
                        response = stream.response
                    self._told(step, response, node.request)
                    work.steps.end(step, title="Says what it has, now that a limit is reached")
                    said = self.telling.text
            except Exception as error:
                work.steps.end(step, "failed", getattr(error, "message", type(error).__name__))
        await self.telling.end(said or _left(work, spent))


async def perform(
    work: Work,
    tools: Sequence[AbstractToolset[Work]],
    allowance: Allowance,
    usage: Usage,
    past: Past | None = None,
) -> Rest | None:
    """Work until it has ended (None) or rests. Raises a `StudioloError` when it failed; what was done stays."""
    telling = Telling(work)
    began, before = time.monotonic(), usage.seconds
    loop = _Loop(work, tools, allowance, usage, telling, began=began, before=before)
    prompt = None if past else prompting.opening(work)
    try:
        clock = asyncio.timeout(max(0.0, allowance.seconds - usage.seconds))
        try:
            async with clock:
                rest = await loop.go(prompt, past)
        except TimeoutError:
            if not clock.expired():
                raise
            raise Spent(f"{allowance.seconds:,.0f} seconds of work", last_word=True) from None
        finally:
            usage.seconds = before + time.monotonic() - began
        if rest is not None:
            await telling.rest()
        return rest
    except Spent as spent:
        work.steps.stop()
        work.steps.once("note", f"The limit of {spent.words} is reached")
        work.note(f"It was ended at the limit of {spent.words}; what it had done by then is kept.")
        await loop.last_word(spent)
        return None
    except BaseException as error:
        work.steps.stop("stopped" if isinstance(error, asyncio.CancelledError) else "failed")
        await telling.fail(type(error), error, error.__traceback__)
        if isinstance(error, StudioloError) or not isinstance(error, Exception):
            raise
        made = explained(error, work.voice.info.label or work.voice.info.name)
        if isinstance(made, StudioloError):
            raise made from error
        raise
    finally:
        usage.seconds = before + time.monotonic() - began


def _said(event: Any) -> str:
    """The words in an event of a model's answer. Thinking is none."""
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""


def _has_failed(part: Any) -> bool:
    if isinstance(part, RetryPromptPart):
        return True
    return isinstance(part, ToolReturnPart) and part.outcome != "success"


def _listed(calls: Sequence[str]) -> str:
    counted = {name: calls.count(name) for name in dict.fromkeys(calls)}
    return ", ".join(name if times == 1 else f"{name} ({times} times)" for name, times in counted.items())


def _left(work: Work, spent: Spent) -> str:
    """What there is to say when the agent could not say it itself."""
    made = len([one for one in work.results if one["type"] == "suggestion"])
    done = [item["text"] for item in work.plan if item["state"] == "done"]
    left = [item["text"] for item in work.plan if item["state"] in ("todo", "doing")]
    said = [f"I stopped at the limit of {spent.words}."]
    if made:
        said.append(f"I made {made} {'suggestion' if made == 1 else 'suggestions'}, which you find beside the text.")
    if done:
        said.append(f"Done: {'; '.join(done)}.")
    if left:
        said.append(f"Left: {'; '.join(left)}.")
    return " ".join(said)
