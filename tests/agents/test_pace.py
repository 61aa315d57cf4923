"""Agents that work at the same moment leave room for people."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from studiolo.agents.pace import Pace

pytestmark = pytest.mark.asyncio


async def test_between_the_turns_of_two_agents_people_have_theirs() -> None:
    pace, seen = Pace(), list[str]()

    async def agent() -> None:
        for _ in range(3):
            await pace.turn()
            seen.append("agent")

    async def person() -> None:
        while True:
            await asyncio.sleep(0)
            seen.append("person")

    typing = asyncio.create_task(person())
    await asyncio.gather(*(agent() for _ in range(5)))
    typing.cancel()
    assert seen.count("agent") == 15
    assert all("agent" not in {one, other} or one != other for one, other in pairwise(seen))


async def test_who_is_stopped_while_it_waits_for_its_turn_holds_up_nobody() -> None:
    pace = Pace()
    waiting = [asyncio.create_task(pace.turn()) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    waiting[2].cancel()
    assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [
        type(None), asyncio.CancelledError, asyncio.CancelledError, type(None),
    ]  # fmt: skip
    await pace.turn()


async def test_a_text_that_grows_alone_is_told_at_once() -> None:
    pace = Pace()
    with pace.growing(), pytest.raises(StopIteration):
        pace.beat().send(None)  # it does not even let the loop go round


async def test_texts_that_grow_together_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studiolo.agents.pace.EACH", 3_600.0)
    monkeypatch.setattr("studiolo.agents.pace.LONGEST", 3_600.0)
    pace, told = Pace(), list[int]()

    async def text(number: int) -> None:
        with pace.growing():
            for _ in range(number):  # they do not come at the same moment
                await asyncio.sleep(0)
            await pace.beat()
            told.append(number)

    with pace.growing():
        texts = [asyncio.create_task(text(number)) for number in range(20)]
        for _ in range(30):
            await asyncio.sleep(0)
        assert not told
        pace._strike()
        await asyncio.gather(*texts)
