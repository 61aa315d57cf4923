"""A long run fits into a small context: what is old and long is cut, what people said and the plan stay."""

from __future__ import annotations

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from studiolo.agents.loop import pack, unpack
from studiolo.agents.loop.memory import cut, tokens
from tests.agents.looping.conftest import Player, SetDesk

BOOK = "\n\n".join(f"Paragraph {n}. " + "The sea was calm and the harbour slept. " * 20 for n in range(120))


def paired(messages: list[ModelMessage]) -> bool:
    """Whether every result follows its call, as providers insist."""
    calls = [part.tool_call_id for message in messages for part in message.parts if isinstance(part, ToolCallPart)]
    returns = [part.tool_call_id for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
    return calls == returns


@pytest.mark.parametrize("context", [8_000, 32_000])
async def test_what_is_sent_always_fits(desk: SetDesk, context: int) -> None:
    model = Player([], context=context)
    here = desk(model, BOOK, steps=60, tokens=10_000_000)
    plan = [("plan", {"items": [{"text": "Find the harbour", "state": "doing"}]})]
    reads = [[("read_page", {"page": here.page, "start_line": 1 + 2 * n})] for n in range(25)]
    model.answers = [plan, *reads, "The harbour sleeps."]
    run = await here.done("Where does the harbour sleep?")
    assert run.state == "done" and run.answer.strip() == "The harbour sleeps.", run.error
    for sent in model.sent:
        assert tokens(sent) < context * 0.85
        assert paired(sent[:-1]) or paired(sent)
        asked = [str(part.content) for part in sent[0].parts if isinstance(part, UserPromptPart)]
        assert any("Where does the harbour sleep?" in text for text in asked)
    newest = [part for part in model.sent[-1][-1].parts if isinstance(part, ToolReturnPart)]
    assert newest and "Paragraph" in str(newest[0].content)


async def test_what_was_left_out_is_told_with_the_plan_and_what_people_said(desk: SetDesk) -> None:
    model = Player([], context=4_000)
    here = desk(model, BOOK, steps=60, tokens=10_000_000)
    plan = [("plan", {"items": [{"text": "Find the harbour", "state": "doing"}]})]
    reads = [[("search", {"query": f"harbour {n}"})] for n in range(40)]
    model.answers = [plan, *reads, "Done."]
    run = here.ask("Where does the harbour sleep?")
    await here.guide.steer(run.id, here.surface, "Look at the end of the book.", run.by)
    await run.wait()
    assert run.state == "done", run.error
    last = "\n".join(str(part.content) for part in model.sent[-1][0].parts if isinstance(part, UserPromptPart))
    assert "of your earlier steps were left out here" in last and last.count("were left out here, to make room") == 1
    assert "[doing] Find the harbour" in last and "Look at the end of the book." in last


def test_a_result_is_cut_in_its_middle() -> None:
    text = cut("a" * 500 + "b" * 500, 100)
    assert text.startswith("aaa") and text.endswith("bbb") and "901 characters" in text
    assert cut("short", 100) == "short"


def test_what_a_provider_sends_as_thinking_is_not_kept() -> None:
    kept = unpack(pack([ModelResponse([ThinkingPart("secret"), TextPart("said"), ToolCallPart("plan", {})])]))
    assert [type(part) for part in kept[0].parts] == [TextPart, ToolCallPart]
