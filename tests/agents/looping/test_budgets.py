"""A run ends cleanly at each of its limits, with what it has; what it costs is known, or is said not to be."""

from __future__ import annotations

import pytest

from studiolo.agents.loop import Allowance, allowed
from studiolo.agents.money import Usage, price
from studiolo.agents.persona import Limits
from studiolo.models import ModelInfo
from tests.agents.looping.conftest import Player, SetDesk


def different_calls(page: str) -> list[list[tuple[str, dict[str, object]]]]:
    """Calls that are never twice the same."""
    return [[("read_page", {"page": page, "start_line": n})] for n in range(1, 100)]


async def test_steps(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model, steps=3)
    model.answers = [here.suggests(), here.reads(), [("search", {"query": "night"})], "I proposed a word."]
    run = await here.done(say=True)
    assert run.state == "done" and run.usage.requests == 4
    assert run.notes[-1] == "It was ended at the limit of 3 steps; what it had done by then is kept."
    assert here.chat[-1]["text"].strip() == "I proposed a word." and here.chat[-1]["status"] == "done"
    assert [one["status"] for one in here.suggestions] == ["open"]
    assert model.settings[-1]["tool_choice"] == "none" and "limit of 3 steps" in str(model.sent[-1][-1])


async def test_a_last_word_that_calls_tools_all_the_same_changes_nothing(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model, steps=1)
    model.answers = [here.reads(), ("I go on.", here.suggests())]
    run = await here.done(say=True)
    assert run.state == "done" and here.suggestions == [] and here.chat[-1]["text"].strip() == "I go on."


async def test_tokens(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model, tokens=3_000)
    model.answers = [*different_calls(here.page)[:40], "That is it."]
    run = await here.done()
    assert run.state == "done" and "3,000 tokens" in run.notes[-1]
    assert 0 < run.usage.tokens <= 3_500


async def test_seconds_of_work(desk: SetDesk) -> None:
    model = Player(["word " * 10_000, "I had only begun."], pause=0.01)
    here = desk(model, seconds=0.3)
    run = await here.done(say=True)
    assert run.state == "done" and "seconds of work" in run.notes[-1]
    assert here.chat[-1]["text"].strip() == "I had only begun." and here.chat[-1]["status"] == "done"


async def test_money(desk: SetDesk) -> None:
    model = Player([], prices=(1_000.0, 1_000.0))
    here = desk(model, money=1.0)
    model.answers = [*different_calls(here.page)[:40], "That is it."]
    run = await here.done()
    assert run.state == "done" and "1 US dollars" in run.notes[-1]
    assert 0 < run.usage.cost < 1.5 and run.as_dict()["usage"]["currency"] == "USD"


async def test_a_price_that_nobody_knows_is_not_nothing(desk: SetDesk) -> None:
    run = await desk(Player(["Hello."]), money=0.01).done()
    assert run.state == "done"
    assert run.as_dict()["usage"]["cost"] is None and run.as_dict()["usage"]["priced"] is False


async def test_a_known_price_is_told_for_each_step_and_for_the_run(desk: SetDesk) -> None:
    model = Player([], prices=(2.0, 10.0))
    here = desk(model)
    model.answers = [here.reads(), "It is about a lamp."]
    run = await here.done()
    steps = [event["step"] for event in run._events if event["type"] == "step" and event["step"]["state"] == "done"]
    costs = [step["cost"] for step in steps if step["kind"] == "model"]
    first = steps[0]["tokens"]
    assert costs[0] == pytest.approx((first["input"] * 2 + first["output"] * 10) / 1e6)
    assert run.as_dict()["usage"]["cost"] == pytest.approx(sum(costs), abs=1e-8)


async def test_when_even_the_last_word_fails_it_says_itself_what_there_is(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model, steps=2)
    plan = [("plan", {"items": [{"text": "Find the word", "state": "done"}, {"text": "Check it"}]})]
    model.answers = [plan, here.suggests(), RuntimeError("the line is dead")]
    run = await here.done(say=True)
    assert run.state == "done"
    text = here.chat[-1]["text"]
    assert "limit of 2 steps" in text and "1 suggestion" in text
    assert "Done: Find the word." in text and "Left: Check it." in text


def test_an_agents_own_limits_take_the_place_of_the_studios() -> None:
    studio = Allowance(steps=40, tokens=1_000, seconds=60.0, money=2.0)
    assert allowed(studio, Limits()) == studio
    assert allowed(studio, Limits(steps=5, money=0.5)) == Allowance(steps=5, tokens=1_000, seconds=60.0, money=0.5)


def test_prices() -> None:
    def info(provider: str, read: float | None = None, wrote: float | None = None) -> ModelInfo:
        return ModelInfo("m", provider, "M", 1, False, True, False, True, "", read, wrote)

    assert price(info("openai-compatible", 0.5, 1.5)) == (0.5, 1.5)
    assert price(info("openai-compatible", 0.5)) is None
    assert price(info("embedded")) == (0.0, 0.0)
    assert price(info("ollama")) is None


def test_usage_is_read_as_it_was_written() -> None:
    used = Usage()
    used.add(100, 10, 0.25)
    assert Usage.read(used.as_dict()) == used
    used.add(100, 10, None)
    assert Usage.read(used.as_dict()) == used and used.as_dict()["priced"] is False
    assert Usage().as_dict()["cost"] is None
    older = Usage.read({"requests": 2, "input_tokens": 5, "output_tokens": 5})
    assert older.requests == 2 and older.as_dict()["cost"] is None
