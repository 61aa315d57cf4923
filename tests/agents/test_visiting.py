"""Agents of other programs propose where nobody else is at work, as those of the studio do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from studiolo.agents import visiting
from studiolo.agents.turns import Occupied, Turns
from studiolo.agents.visiting import turn
from studiolo.canvas import Participant
from tests.agents.test_turns import AGENTS, Desk
from tests.canvas.conftest import ADA

ROBOT = Participant("robot", "Robot", "agent", "#9048fc", "commenter")


def suggestion(desk: Desk, words: str) -> dict[str, Any]:
    return {"type": "suggest", "page": desk.page, "hunks": [{"find": words, "replace": "x"}], "reason": "Better"}


async def test_a_visitor_waits_until_an_agent_has_done_and_holds_the_passage_meanwhile() -> None:
    desk, turns = Desk(), Turns()
    await turns.take(desk, AGENTS[0], "run1", desk.page, desk.span("rang the bell"))
    done: list[str] = []

    async def propose() -> None:
        async with turn(turns, desk, suggestion(desk, "the bell"), ROBOT):
            done.append("proposed")
            [claim] = await turns.here(desk)
            assert claim.name == "Robot"

    going = asyncio.create_task(propose())
    async with turn(turns, desk, suggestion(desk, "third winter"), ROBOT):
        done.append("elsewhere")
    await asyncio.sleep(0)
    assert done == ["elsewhere"]
    await turns.leave(desk.id, "run1")
    await going
    assert done == ["elsewhere", "proposed"] and await turns.here(desk) == []


async def test_a_visitor_is_told_who_works_there_when_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "PATIENCE", 0.05)
    desk, turns = Desk(), Turns()
    await turns.take(desk, AGENTS[0], "run1", desk.page, desk.span("rang the bell"))
    with pytest.raises(Occupied, match="Agent 0 is working on that passage"):
        async with turn(turns, desk, suggestion(desk, "the bell"), ROBOT):
            raise AssertionError("it was let in")
    made = desk.canvas.apply(suggestion(desk, "the bell"), ROBOT)
    amended = {"type": "amend", "suggestion": made.id, "hunks": [{"hunk": 0, "replace": "y"}]}
    with pytest.raises(Occupied):
        async with turn(turns, desk, amended, ROBOT):
            raise AssertionError("it was let in")
    assert [claim.run for claim in await turns.here(desk)] == ["run1"]


async def test_people_and_what_proposes_nothing_never_wait() -> None:
    desk, turns = Desk(), Turns()
    await turns.take(desk, AGENTS[0], "run1", desk.page, Desk().span(Desk().canvas.page_text(Desk().page)))
    for action, by in (
        (suggestion(desk, "the bell"), ADA),
        ({"type": "comment", "page": desk.page, "quote": "the bell", "text": "Why?"}, ROBOT),
        (suggestion(desk, "words that are nowhere"), ROBOT),
        ({"type": "suggest", "page": desk.page, "hunks": "all"}, ROBOT),
        ({"type": "amend", "suggestion": "nothing"}, ROBOT),
        ({}, ROBOT),
    ):
        async with asyncio.timeout(60), turn(turns, desk, action, by):
            pass
