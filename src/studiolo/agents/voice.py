"""Calls to one model within one run's budget: plain streams, plain text, and typed results.

Everything goes through pydantic-ai. A small embedded model is called directly with worked examples and the beginning
of its answer ("prefill"), which it follows far better than instructions; larger ones get instructions and typed output.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeVar

from pydantic_ai import Agent, ModelRetry, PromptedOutput
from pydantic_ai.capabilities import AbstractCapability, Instrumentation
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModelSettings
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

from studiolo.agents import money
from studiolo.agents.errors import explained
from studiolo.agents.money import Usage
from studiolo.agents.prose import estimate_tokens
from studiolo.agents.tracing import Tracing
from studiolo.models import Model

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Budget:
    """What one run may use up. Seconds are counted from when it starts, not while it waits in the queue."""

    seconds: float = 300.0
    tokens: int = 40_000


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `examples` are worked (question, answer) pairs; `prefill` begins the answer."""

    prompt: str
    system: str = ""
    examples: Sequence[tuple[str, str]] = ()
    prefill: str = ""
    max_tokens: int = 400
    temperature: float = 0.7
    grammar: str = ""
    stop: Sequence[str] = ()
    sampling: dict[str, Any] = field(default_factory=dict)  # llama.cpp's own samplers


class Spent(Exception):
    """The run's tokens are used up."""


class Voice:
    """One model, as one run speaks through it."""

    def __init__(self, model: Model, budget: Budget, random: Random, usage: Usage | None = None) -> None:
        self.model = model
        self.info = model.info
        self.tracing: Tracing | None = None
        self.preface = ""
        """What every prompt to a model that is not small begins with: data, as `marks.data` makes it."""
        self.usage = usage if usage is not None else Usage()
        self._budget = budget
        self._random = random

    @property
    def room(self) -> int:
        """Tokens of context left for a prompt when an answer of ordinary length is kept free."""
        return max(600, self.info.context - min(1_500, self.info.context // 4))

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """The answer as it is written. Closing the generator stops the model."""
        self._check_budget()
        written = ""
        counted = False
        try:
            async with model_request_stream(
                self.model.pydantic,
                self._messages(request),
                model_settings=self._settings(request),
                instrument=self._instrument,
            ) as response:
                try:
                    async for event in response:
                        match event:
                            case PartStartEvent(part=TextPart(content=text)) if text:
                                pass
                            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                                pass
                            case _:
                                continue
                        written += text
                        if estimate_tokens(written) > 3 * request.max_tokens:
                            return  # a model that does not keep to max_tokens
                        yield text
                finally:
                    counted = True
                    self._count(response.usage, request, written)
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._explained(error) from error
        finally:
            if not counted:
                self.usage.requests += 1

    async def write(self, request: Request) -> str:
        """The whole answer, without the prefill."""
        self._check_budget()
        try:
            response = await model_request(
                self.model.pydantic,
                self._messages(request),
                model_settings=self._settings(request),
                instrument=self._instrument,
            )
        except Exception as error:
            raise self._explained(error) from error
        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        self._count(response.usage, request, text)
        return text.removeprefix(request.prefill)

    async def likelihood(self, request: Request, text: str) -> float:
        """How natural `text` is as the answer: its mean log probability per token. Needs a constrained model."""
        forced = replace(request, grammar="root ::= " + json.dumps(text, ensure_ascii=False), temperature=0.0)
        self._check_budget()
        settings = OpenAIChatModelSettings(**self._settings(forced), openai_logprobs=True)  # type: ignore[typeddict-item]
        try:
            response = await model_request(
                self.model.pydantic, self._messages(forced), model_settings=settings, instrument=self._instrument
            )
        except Exception as error:
            raise self._explained(error) from error
        self._count(response.usage, forced, text)
        found = [token["logprob"] for token in (response.provider_details or {}).get("logprobs", [])]
        # One token that a grammar had to force says little about the rest.
        return sum(max(value, -12.0) for value in found) / len(found) if found else -12.0

    async def typed(
        self,
        output: type[T],
        system: str,
        prompt: str,
        *,
        max_tokens: int,
        temperature: float = 0.7,
        check: Callable[[T], str | None] | None = None,
    ) -> T:
        """An answer as a pydantic type. What `check` finds wrong is told to the model, which may try again."""
        self._check_budget()
        # A model with neither tools nor enforced schemas is shown the schema and asked to keep to it.
        form = output if self.info.tools or self.info.constrained else PromptedOutput(output)
        agent: Agent[None, T] = Agent(
            self.model.pydantic, output_type=form, instructions=system, retries=2, capabilities=self.capabilities()
        )
        if check is not None:

            @agent.output_validator
            def validate(value: T) -> T:
                if wrong := check(value):
                    raise ModelRetry(wrong)
                return value

        used = RunUsage()
        try:
            result = await agent.run(
                self._prompt(prompt),
                model_settings=ModelSettings(max_tokens=max_tokens, temperature=temperature, seed=self.seed()),
                usage_limits=UsageLimits(request_limit=4),
                usage=used,
            )
        except Exception as error:
            raise self._explained(error) from error
        finally:
            if used.requests:
                self.usage.add(used.input_tokens, used.output_tokens, money.cost(self.model, used))
                self.usage.requests += used.requests - 1
        return result.output

    @property
    def _instrument(self) -> InstrumentationSettings | bool:
        return self.tracing.settings if self.tracing else False

    def capabilities(self) -> list[AbstractCapability[Any]]:
        """What an agent of pydantic-ai that speaks with this voice is given besides."""
        return [Instrumentation(self.tracing.settings)] if self.tracing else []

    def _prompt(self, prompt: str) -> str:
        return f"{self.preface}\n\n{prompt}" if self.preface and not self.info.small else prompt

    def seed(self) -> int:
        return self._random.getrandbits(31)

    def _messages(self, request: Request) -> list[ModelMessage]:
        messages: list[ModelMessage] = []
        opening = [SystemPromptPart(request.system)] if request.system else []
        for question, answer in request.examples:
            messages += [
                ModelRequest([*opening, UserPromptPart(question)]),
                ModelResponse([TextPart(answer)]),
            ]
            opening = []
        messages.append(ModelRequest([*opening, UserPromptPart(self._prompt(request.prompt))]))
        if request.prefill:
            messages.append(ModelResponse([TextPart(request.prefill)]))
        return messages

    def _settings(self, request: Request) -> ModelSettings:
        settings = ModelSettings(max_tokens=request.max_tokens, temperature=request.temperature, seed=self.seed())
        if request.stop:
            settings["stop_sequences"] = list(request.stop)
        extra = dict(request.sampling) if self.info.constrained else {}
        if request.grammar and self.info.constrained:
            extra["grammar"] = request.grammar
        if extra:
            settings["extra_body"] = extra
        return settings

    def _check_budget(self) -> None:
        if self.usage.output_tokens >= self._budget.tokens:
            raise Spent

    def _count(self, usage: Any, request: Request, text: str) -> None:
        usage.input_tokens = usage.input_tokens or estimate_tokens(request.prompt + request.prefill)
        usage.output_tokens = usage.output_tokens or estimate_tokens(text)
        self.usage.add(usage.input_tokens, usage.output_tokens, money.cost(self.model, usage))

    def _explained(self, error: Exception) -> Exception:
        log.info("model %s failed", self.info.name, exc_info=error)
        return explained(error, self.info.label or self.info.name)


async def collect(stream: AsyncGenerator[str, None]) -> str:
    """All of a stream as one text."""
    async with aclosing(stream) as pieces:
        return "".join([piece async for piece in pieces])
