"""Tools for models that cannot call them: whatever such a model writes is the call of one that there is, or a text."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from pydantic_ai import Agent
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    InstructionPart,
    ModelRequest,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.toolsets import FunctionToolset

from studiolo.models import Models, weights
from studiolo.models.choosing import chosen, described, saying, union
from tests.models.conftest import needs_weights

QWEN = os.environ.get("STUDIOLO_TEST_QWEN", "")


class Change(BaseModel):
    find: str = Field(min_length=1, max_length=60_000)
    replace: str


def outline() -> str:
    """List the pages. Start here."""
    return "page p1: Chapter 1\npage p2: Chapter 2"


def read_page(page: str, start_line: int = 1) -> str:
    """Read a page's text."""
    return {"p1": "The lamp was lit at nine.", "p2": "The ship came in at dawn."}.get(page, "There is no such page.")


def suggest(page: str, changes: list[Change], kind: Literal["wording", "spelling"] = "wording") -> str:
    """Suggest changes to a page."""
    return "It is suggested."


TOOLS: FunctionToolset[Any] = FunctionToolset([outline, read_page, suggest])
DEFINITIONS = [tool.tool_def for tool in TOOLS.tools.values()]


def request(prompt: str) -> tuple[list[ModelRequest], ModelRequestParameters]:
    told = [InstructionPart(content="You work in a canvas of pages. Do what the person asks.")]
    return [ModelRequest.user_text_prompt(prompt)], ModelRequestParameters(
        function_tools=DEFINITIONS, allow_text_output=True, instruction_parts=told
    )


def is_valid(part: object) -> bool:
    if isinstance(part, ToolCallPart):
        TOOLS.tools[part.tool_name].function_schema.validator.validate_json(part.args_as_json_str())
        return True
    return isinstance(part, TextPart)


# -- what an answer amounts to


@given(st.text())
def test_what_it_says_grows_and_is_never_taken_back(text: str) -> None:
    sure = text.encode("utf-8", "ignore").decode()
    for ascii in (True, False):
        answer = json.dumps({"say": sure}, ensure_ascii=ascii)
        before = ""
        for at in range(len(answer) + 1):
            now = saying(answer[:at])
            assert now.startswith(before) and sure.startswith(now)
            before = now
        assert before == sure and chosen(answer) == TextPart(sure)


def test_a_call_that_broke_off_is_a_call_that_is_refused_with_its_reason() -> None:
    part = chosen('{"tool": "read_page", "arguments": {"page": "p1')
    assert isinstance(part, ToolCallPart) and part.tool_name == "read_page"
    with pytest.raises(ValueError, match="JSON"):
        TOOLS.tools["read_page"].function_schema.validator.validate_json(part.args_as_json_str())


def test_the_schema_is_one_of_the_tools_or_a_text_and_has_no_count_that_a_grammar_cannot_do() -> None:
    schema = union(DEFINITIONS, say=True)
    assert [answer["required"] for answer in schema["anyOf"]] == [["tool", "arguments"]] * 3 + [["say"]]
    told = json.dumps(schema)
    assert "60000" not in told and "$ref" not in told and "description" not in told
    assert '"minLength": 1' in told
    assert "say" not in json.dumps(union(DEFINITIONS[:1], say=False))


def test_a_tool_is_told_in_one_line() -> None:
    assert described(DEFINITIONS[0]) == "- outline(): List the pages."
    assert described(DEFINITIONS[2]).startswith("- suggest(page: string, changes: list, kind?: wording|spelling):")


# -- a model that knows nothing of tools


def _toml(path: Path, name: str) -> str:
    return f'[[models]]\nname = "{name}"\nprovider = "gguf"\npath = "{path}"\ntools = true\ncontext = 2048\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tiny(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Models]:
    home = tmp_path_factory.mktemp("choosing")
    (home / "models.toml").write_text(_toml(weights.bundled() or Path("none"), "tiny"))
    models = Models(home, {})
    yield models
    await models.close()


@needs_weights
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "prompt", ["What pages are there?", "Read page p1.", "Change “lamp” to “light” on page p1.", "Hello!", "¿Qué? 🦊"]
)
async def test_the_smallest_model_only_ever_makes_valid_calls(tiny: Models, prompt: str) -> None:
    model = tiny.get("tiny")
    messages, parameters = request(prompt)
    for seed in range(4):
        response = await model_request(
            model.pydantic,
            list(messages),
            model_settings={"temperature": 1.0, "seed": seed, "max_tokens": 400},
            model_request_parameters=parameters,
        )
        [part] = response.parts
        assert response.finish_reason == "length" or is_valid(part), part


@needs_weights
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_streamed_is_what_is_said(tiny: Models) -> None:
    model = tiny.get("tiny")
    messages, _ = request("Hello!")
    text = ""
    async with model_request_stream(
        model.pydantic,
        list(messages),
        model_settings={"temperature": 0.0, "max_tokens": 60},
        model_request_parameters=ModelRequestParameters(output_tools=[], function_tools=[DEFINITIONS[0]]),
    ) as stream:
        async for event in stream:
            match event:
                case PartStartEvent(part=TextPart(content=piece)):
                    text += piece
                case PartDeltaEvent(delta=TextPartDelta(content_delta=piece)):
                    text += piece
                case _:
                    continue
    response = stream.get()
    assert response.usage.output_tokens > 0 and response.model_name
    assert text == "".join(part.content for part in response.parts if isinstance(part, TextPart))


# -- a model of 1.5 billion parameters, where there is one

needs_qwen = pytest.mark.skipif(not QWEN, reason="STUDIOLO_TEST_QWEN does not name a GGUF file of Qwen2.5-Coder-1.5B")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def qwen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Models]:
    home = tmp_path_factory.mktemp("qwen")
    (home / "models.toml").write_text(_toml(Path(QWEN), "qwen"))
    models = Models(home, {})
    yield models
    await models.close()


@needs_qwen
@pytest.mark.asyncio(loop_scope="module")
async def test_a_model_of_1_5_billion_says_honestly_what_it_is(qwen: Models) -> None:
    info = qwen.get("qwen").info
    assert info.small and info.tools and info.constrained and "small model" in info.note


@needs_qwen
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("prompt", "tool"),
    [
        ("Which pages are there?", "outline"),
        ("Read page p2.", "read_page"),
        ("On page p1, change “lamp” to “lantern”.", "suggest"),
        ("What is two plus two?", None),
    ],
)
async def test_a_model_of_1_5_billion_chooses_the_tool_that_is_meant(qwen: Models, prompt: str, tool: str) -> None:
    messages, parameters = request(prompt)
    response = await model_request(
        qwen.get("qwen").pydantic,
        list(messages),
        model_settings={"temperature": 0.0, "max_tokens": 300},
        model_request_parameters=parameters,
    )
    [part] = response.parts
    assert is_valid(part)
    assert (part.tool_name if isinstance(part, ToolCallPart) else None) == tool


@needs_qwen
@pytest.mark.asyncio(loop_scope="module")
async def test_a_model_of_1_5_billion_reads_what_a_tool_gave_it_and_answers_with_it(qwen: Models) -> None:
    agent = Agent(qwen.get("qwen").pydantic, toolsets=[TOOLS], instructions="You work in a canvas of pages.")
    result = await agent.run(
        "Read page p2 and tell me when the ship came in.", model_settings={"temperature": 0.0, "max_tokens": 300}
    )
    assert "dawn" in result.output
