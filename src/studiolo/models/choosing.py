"""Tools for models that cannot call them: the choice is made by a grammar while the answer is decoded.

A small model that is told of tools writes calls that no parser takes. But llama.cpp keeps any model to a JSON schema,
so the answer is made to be one of

    {"tool": "read_page", "arguments": {"page": "..."}}
    {"say": "The lamp is lit in the second chapter."}

and nothing else can come out of it. `Choosing` wraps a model so: to pydantic-ai it calls tools like any other, and what
it says streams while it grows. Whether it chooses well is another matter, and the model's.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from pydantic_ai import RunContext
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.profiles import InlineDefsJsonSchemaTransformer
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

LONGEST_COUNTED = 200  # repetitions that a grammar can count; longer limits are left to whoever checks the arguments
MOST_ITEMS = 6
DESCRIBED = 160  # characters of a tool's description
_SAY = re.compile(r'\s*\{\s*"say"\s*:\s*"')
_DROPPED = ("description", "title", "default", "examples", "pattern", "format")

HOW = """Answer with one JSON object and nothing else. To use a tool: {{"tool": name, "arguments": {{...}}}}.
To speak to the person, when you are done or need no tool: {{"say": text}}.
One tool at a time; its result comes next. Tools (? marks what may be left out):
{tools}"""

AND_NOW = 'If that answers what was asked, {"say": your answer}. If not, use the next tool.'


class Choosing(WrapperModel):
    """A model whose answers are the call of one of its tools, or a text."""

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        if not _choices(model_request_parameters):
            return await super().request(messages, model_settings, model_request_parameters)
        response = await super().request(*_without_tools(messages, model_settings, model_request_parameters))
        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        return replace(response, parts=[chosen(text)])

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        if not _choices(model_request_parameters):
            async with super().request_stream(
                messages, model_settings, model_request_parameters, run_context
            ) as stream:
                yield stream
            return
        changed = _without_tools(messages, model_settings, model_request_parameters)
        async with super().request_stream(*changed, run_context) as stream:
            yield _Chosen(model_request_parameters, stream)


@dataclass
class _Chosen(StreamedResponse):
    """The stream of such an answer: what it says as it grows, or the call when it is whole."""

    _inner: StreamedResponse

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        text, said = "", 0
        async for event in self._inner:
            match event:
                case (
                    PartStartEvent(part=TextPart(content=piece))
                    | PartDeltaEvent(delta=TextPartDelta(content_delta=piece))
                ):
                    text += piece
                case _:
                    continue
            growing = saying(text)
            if len(growing) > said:
                for told in self._parts_manager.handle_text_delta(vendor_part_id="say", content=growing[said:]):
                    yield told
                said = len(growing)
        self.finish_reason = self._inner.finish_reason
        match chosen(text):
            case ToolCallPart() as call:
                yield self._parts_manager.handle_tool_call_part(
                    vendor_part_id="call",
                    tool_name=call.tool_name,
                    args=call.args_as_json_str(),
                    tool_call_id=call.tool_call_id,
                )
            case TextPart(content=whole) if len(whole) > said:
                for told in self._parts_manager.handle_text_delta(vendor_part_id="say", content=whole[said:]):
                    yield told
            case _:
                return

    @property
    def usage(self) -> RequestUsage:
        return self._inner.usage

    async def close_stream(self) -> None:
        await self._inner.close_stream()

    def get_stream_cancel_errors(self) -> tuple[type[BaseException], ...]:
        return self._inner.get_stream_cancel_errors()

    @property
    def model_name(self) -> str:
        return self._inner.model_name

    @property
    def provider_name(self) -> str | None:
        return self._inner.provider_name

    @property
    def provider_url(self) -> str | None:
        return self._inner.provider_url

    @property
    def timestamp(self) -> datetime:
        return self._inner.timestamp


# -- the grammar


def union(tools: Sequence[ToolDefinition], say: bool) -> dict[str, Any]:
    """The schema of an answer: the call of one of these tools or, with `say`, a text."""
    answers: list[dict[str, Any]] = [
        _closed({"tool": {"const": tool.name}, "arguments": _bounded(tool.parameters_json_schema)}) for tool in tools
    ]
    if say:
        answers.append(_closed({"say": {"type": "string"}}))
    return answers[0] if len(answers) == 1 else {"anyOf": answers}


def chosen(text: str) -> ModelResponsePart:
    """What an answer amounts to. One that broke off in the middle of a call is a call whose arguments are no JSON, so
    that whoever checks arguments says so."""
    try:
        answer: Any = json.loads(text)
    except ValueError:
        if _SAY.match(text):
            return TextPart(saying(text))
        found = re.match(r'\s*\{\s*"tool"\s*:\s*"([^"]+)"\s*,\s*"arguments"\s*:\s*', text)
        return ToolCallPart(found[1], text[found.end() :] or "{") if found else TextPart(text)
    if isinstance(answer, dict):
        given = cast("dict[str, Any]", answer)
        if isinstance(given.get("tool"), str):
            return ToolCallPart(given["tool"], json.dumps(given.get("arguments") or {}, ensure_ascii=False))
        if isinstance(given.get("say"), str):
            return TextPart(given["say"])
    return TextPart(text)


def saying(text: str) -> str:
    """As much of what an unfinished answer says as is certain: no half of an escape, no half of a character."""
    begun = _SAY.match(text)
    if begun is None:
        return ""
    said: list[str] = []
    at = begun.end()
    while at < len(text):
        char = text[at]
        if char == '"':
            break
        length = 1
        if char == "\\":
            length = 6 if text[at + 1 : at + 2] == "u" else 2
            if at + length > len(text):
                break
            if length == 6 and text[at + 2 : at + 4].lower() in ("d8", "d9", "da", "db"):  # its other half follows
                length = 12
                if at + length > len(text):
                    break
        try:
            said.append(json.loads(f'"{text[at : at + length]}"', strict=False))
        except ValueError:
            break
        at += length
    return "".join(said).encode("utf-8", "ignore").decode()


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's schema as a grammar can keep to it: nothing that only people read, and no count that it cannot do."""
    inlined = InlineDefsJsonSchemaTransformer(dict(schema), strict=None).walk()
    return cast("dict[str, Any]", _simpler(inlined))


def _simpler(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_simpler(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if name in _DROPPED and not isinstance(value, dict):
            continue
        if isinstance(value, int) and name in ("maxLength", "minLength", "maxItems"):
            if name == "maxItems":
                kept[name] = min(value, MOST_ITEMS)
            elif value <= LONGEST_COUNTED:
                kept[name] = value
        elif name == "properties" and isinstance(value, dict):
            kept[name] = {key: _simpler(one) for key, one in cast("dict[str, Any]", value).items()}
        else:
            kept[name] = _simpler(value)
    return kept


# -- what the model reads


def _choices(parameters: ModelRequestParameters) -> list[ToolDefinition]:
    return [*parameters.function_tools, *parameters.output_tools]


def _without_tools(
    messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
) -> tuple[list[ModelMessage], ModelSettings, ModelRequestParameters]:
    """The request as a model without tools can be asked it."""
    again = _said_twice(messages)
    tools = [tool for tool in _choices(parameters) if tool.name != again] or _choices(parameters)
    say = parameters.allow_text_output or not parameters.output_tools
    told = InstructionPart(content=HOW.format(tools="\n".join(map(described, tools))))
    instructions = parameters.instruction_parts
    if instructions is None:
        last = next((m.instructions for m in reversed(messages) if isinstance(m, ModelRequest) and m.instructions), "")
        instructions = [InstructionPart(content=last)] if last else []
    changed: dict[str, Any] = dict(settings or {})
    extra = changed.get("extra_body") or {}
    changed["extra_body"] = {**cast("dict[str, Any]", extra), "json_schema": union(tools, say)}
    changed.pop("parallel_tool_calls", None)
    changed.pop("tool_choice", None)
    bare = replace(
        parameters,
        function_tools=[],
        output_tools=[],
        output_mode="text",
        output_object=None,
        allow_text_output=True,
        tool_visibility=None,
        instruction_parts=[*instructions, told],
    )
    return [_retold(message) for message in messages], cast(ModelSettings, changed), bare


def _said_twice(messages: Sequence[ModelMessage]) -> str:
    """The tool that was just called twice with the same arguments: it is not offered now, for a small model that has
    begun to repeat itself does so for ever."""
    calls = [
        (part.tool_name, part.args_as_json_str())
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    return calls[-1][0] if len(calls) > 1 and calls[-1] == calls[-2] else ""


def described(tool: ToolDefinition) -> str:
    """A tool in one line, as a small model can read it: `read_page(page: string, around?: string): Read ...`"""
    properties: dict[str, Any] = tool.parameters_json_schema.get("properties", {})
    needed = tool.parameters_json_schema.get("required", ())
    arguments = ", ".join(f"{name}{'' if name in needed else '?'}: {_kind(one)}" for name, one in properties.items())
    what = " ".join((tool.description or "").split())
    first = re.split(r"(?<=[.!?]) ", what, maxsplit=1)[0]
    return f"- {tool.name}({arguments}): {first[:DESCRIBED]}"


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if "items" in schema:
        return "list"
    if "anyOf" in schema:
        return "|".join(dict.fromkeys(_kind(one) for one in schema["anyOf"] if one.get("type") != "null"))
    return str(schema.get("type", "object"))


def _retold(message: ModelMessage) -> ModelMessage:
    """What was called and what came of it, as this model writes and reads it."""
    if isinstance(message, ModelResponse):
        return replace(message, parts=[_written(part) for part in message.parts])
    parts: list[Any] = []
    for part in message.parts:
        match part:
            case ToolReturnPart(tool_name=name):
                parts.append(UserPromptPart(f"Result of {name}:\n{part.model_response_str()}\n\n{AND_NOW}"))
            case _:
                parts.append(part)
    return replace(message, parts=parts)


def _written(part: ModelResponsePart) -> ModelResponsePart:
    match part:
        case ToolCallPart(tool_name=name):
            return TextPart(json.dumps({"tool": name, "arguments": _arguments(part)}, ensure_ascii=False))
        case TextPart(content=text):
            return TextPart(json.dumps({"say": text}, ensure_ascii=False))
        case _:
            return part


def _arguments(call: ToolCallPart) -> Any:
    try:
        return call.args_as_dict()
    except ValueError:  # it had broken off
        return {}
