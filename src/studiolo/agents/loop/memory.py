"""What of a long run is sent to the model, within what it can hold, and how a run that rests is kept.

Old and long results are cut first: a model can read a page again. Then the arguments of old calls are cut, then whole
old steps are left out. What people said, the plan and the newest results stay.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestContext

from studiolo.agents.loop.planning import as_text
from studiolo.agents.work import Work

SHORT = 400  # characters that are left of an old result
LEAST = 1_200  # characters that are left of a new one
Some = TypeVar("Some", ModelRequest, ModelResponse)


def pack(messages: Sequence[ModelMessage]) -> bytes:
    """The messages as they are kept while a run rests. What a provider sent as thinking is not kept."""
    kept = [_without_thoughts(message) for message in messages]
    return gzip.compress(ModelMessagesTypeAdapter.dump_json(kept), 6)


def unpack(data: bytes) -> list[ModelMessage]:
    return ModelMessagesTypeAdapter.validate_json(gzip.decompress(data))


def _without_thoughts(message: ModelMessage) -> ModelMessage:
    if isinstance(message, ModelResponse):
        return replace(message, parts=[part for part in message.parts if not isinstance(part, ThinkingPart)])
    return message


def tokens(messages: Sequence[ModelMessage]) -> int:
    """About how many tokens these are."""
    return sum(_size(part) for message in messages for part in message.parts)


def _size(part: Any) -> int:
    match part:
        case ToolCallPart():
            return 12 + _estimate(part.args if isinstance(part.args, str) else json.dumps(part.args or {}))
        case ToolReturnPart() | RetryPromptPart():
            return 12 + _estimate(_text(part.content))
        case UserPromptPart() | SystemPromptPart() | TextPart():
            return 4 + _estimate(_text(part.content))
        case _:
            return 0


def _estimate(text: str) -> int:
    """About how many tokens a text is, rather more than fewer; quick, for results are large and this is asked often."""
    return int(len(text) / 3.6) + 1 if text.isascii() else len(text.encode("utf-8", "replace")) // 3 + 1


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, default=str)


@dataclass
class Memory(AbstractCapability[Work]):
    """Keeps what is sent within the model's context."""

    async def before_model_request(
        self, ctx: RunContext[Work], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        work = ctx.deps
        await work.pace.turn()
        context = work.voice.info.context
        # Estimates are estimates: a good part of the context is left free, for the answer and for them being wrong.
        room = int(context * 0.85) - min(2_000, context // 5)
        offered = request_context.model_request_parameters.function_tools
        room -= sum(
            _estimate(f"{tool.name} {tool.description} {json.dumps(tool.parameters_json_schema)}") for tool in offered
        )
        messages = list(request_context.messages)
        if messages:
            room -= _estimate(getattr(messages[-1], "instructions", None) or "")
        room = max(room, 400)
        if tokens(messages) > room:
            messages = fitted(messages, room, work)
            request_context.messages = messages.copy()
            ctx.messages[:] = messages
        return request_context


def fitted(messages: list[ModelMessage], room: int, work: Work) -> list[ModelMessage]:
    """The messages within so many tokens, for as long as anything is left that may be cut."""
    # A good deal at once: every cut makes the provider read everything after it anew.
    goal = max(int(room * 0.7), 200)
    made = list(messages)
    sizes = [tokens([message]) for message in made]

    def shorten(at: int, longest: int) -> None:
        made[at] = _shorter(made[at], longest)
        sizes[at] = tokens([made[at]])

    for at in range(1, len(made) - 1):
        if sum(sizes) <= goal:
            return made
        shorten(at, SHORT)
    if sum(sizes) > room:
        made = _left_out(made, sizes, goal, work)
        sizes = [tokens([message]) for message in made]
    longest = LEAST * 4
    while sum(sizes) > room and longest >= SHORT:
        for at in range(1, len(made)):
            shorten(at, longest)
        longest //= 2
    if sum(sizes) > room:
        made[0] = _shorter_prompt(made[0], max(200, room - sum(sizes[1:])))
    return made


def _shorter(message: ModelMessage, longest: int) -> ModelMessage:
    """A message with its results and arguments cut to so many characters."""
    if isinstance(message, ModelResponse):
        return replace(
            message,
            parts=[
                replace(part, args=_cut_args(part, longest)) if isinstance(part, ToolCallPart) else part
                for part in message.parts
            ],
        )
    return replace(
        message,
        parts=[
            replace(part, content=cut(text, longest))
            if isinstance(part, ToolReturnPart) and len(text := _text(part.content)) > longest
            else part
            for part in message.parts
        ],
    )


def cut(text: str, longest: int) -> str:
    """The beginning and the end of a text, and how much is missing between them."""
    if len(text) <= longest:
        return text
    head, tail = longest * 2 // 3, longest // 3
    gone = len(text) - head - tail
    left_out = f"… [{gone:,} characters were left out here; read it again if you need them] …"
    return f"{text[:head]}\n{left_out}\n{text[-tail:]}"


def _cut_args(part: ToolCallPart, longest: int) -> dict[str, Any]:
    try:
        given = part.args_as_dict()
    except ValueError:
        return {}
    return {name: _cut_value(value, longest) for name, value in given.items()}


def _cut_value(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest] + "…"
    if isinstance(value, list):
        return [_cut_value(item, longest) for item in value]
    if isinstance(value, dict):
        return {name: _cut_value(item, longest) for name, item in value.items()}
    return value


def _left_out(messages: list[ModelMessage], sizes: list[int], goal: int, work: Work) -> list[ModelMessage]:
    """The first message and the newest ones; what lay between is told in a few lines."""
    first, rest = messages[0], messages[1:]
    said: list[UserPromptPart] = []
    dropped = 0
    left = sum(sizes)
    # A response and the request with its results go together: a result without its call is refused by providers.
    while len(rest) > 3 and left > goal:
        gone, rest = rest[:2], rest[2:]
        left -= sum(sizes[1 + 2 * dropped : 3 + 2 * dropped])
        dropped += 1
        said += [part for message in gone for part in message.parts if isinstance(part, UserPromptPart)]
    if not dropped or not isinstance(first, ModelRequest):
        return messages
    told = [f"{dropped} of your earlier steps were left out here, to make room."]
    if work.plan:
        told.append(f"Your plan as it is now:\n{as_text(work.plan)}")
    if work.results:
        told.append("What came of your work so far: " + ", ".join(f"{one['type']} {one['id']}" for one in work.results))
    kept = [part for part in first.parts if not (isinstance(part, UserPromptPart) and _is_summary(part))]
    return [replace(first, parts=[*kept, *said, UserPromptPart("\n\n".join(told))]), *rest]


def _is_summary(part: UserPromptPart) -> bool:
    return isinstance(part.content, str) and "of your earlier steps were left out here, to make room." in part.content


def _shorter_prompt(message: ModelMessage, room: int) -> ModelMessage:
    """The first message within so many tokens: its data is cut, its end, which is what was asked, stays."""
    if not isinstance(message, ModelRequest):
        return message
    parts = [
        replace(part, content=cut(part.content, max(SHORT, room * 3)))
        if isinstance(part, UserPromptPart) and isinstance(part.content, str)
        else part
        for part in message.parts
    ]
    return replace(message, parts=parts)
