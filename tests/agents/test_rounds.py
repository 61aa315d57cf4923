"""Several agents at one thing, one after the other: what each does, and what people and accidents do in between."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from studiolo.agents import Budget, Runs
from studiolo.agents.recipes import RECIPES, Turn
from studiolo.agents.rounds import Round, Rounds
from studiolo.canvas import Participant
from studiolo.canvas.errors import Conflict, Invalid, NotFound, StudioloError
from studiolo.rooms import Room, Rooms
from studiolo.store import Store

from .conftest import Scripted, prompt_of, until

NADIA = Participant("nadia", "Nadia", "person", "#1878b4", "owner")
TEXT = "Oda wrote the tides into the ledger.\n"
DRAFT = " On the last page somebody had asked her a question, in pencil, and had signed it with her own name."
REVISED = " On the last page somebody had asked her a question, in pencil, in her own hand."
POLISHED = " On the last page stood a question, in pencil, in her own hand."


@dataclass
class Cast(Scripted):
    """A model that plays every part: what it answers depends on what it is asked."""

    answers: list[Any] = field(default_factory=list)
    tools: bool = False
    parts: list[Callable[[str], Any]] = field(default_factory=list)

    def _next(self, messages: Any, info: Any) -> Any:
        prompt = prompt_of(messages)
        self.asked.append(prompt)
        for part in self.parts:
            if (answer := part(prompt)) is not None:
                return answer
        return self.play(prompt)

    def play(self, prompt: str) -> Any:
        if "Give at most" in prompt:
            quote = re.search(r"question, in pencil", prompt)
            said = "A signature nobody sees is told, not shown: let her know the hand."
            return {"remarks": [{"quote": quote.group() if quote else "", "comment": said}]}
        if "The proposed text:" in prompt:
            answers = [
                {"thread": id, "text": "Yes: she knows the hand now."}
                for id in re.findall(r"\[comment (\w+)\]", prompt)
            ]
            return {"changes": [{"change": 0, "text": REVISED if answers else POLISHED}], "answers": answers}
        return DRAFT


@dataclass
class Studio:
    """What a round needs of a studio."""

    store: Store
    rooms: Rooms
    model: Cast
    runs: Runs
    rounds: Rounds
    room: Room

    @property
    def page(self) -> str:
        return self.room.canvas.outline()[0]["id"]

    async def begin(self, *turns: Turn, **more: Any) -> Round:
        more.setdefault("prompt", "Go on.")
        return await self.rounds.begin(
            self.room, NADIA, name="A round", turns=turns or RECIPES[0].turns, place={"page": self.page}, **more
        )

    async def until(self, round: Round, true: Callable[[Round], bool]) -> Round:
        async with asyncio.timeout(20):
            async for event in self.rounds.watch(round["id"]):
                if true(event["round"]):
                    return event["round"]
        raise AssertionError("it ended otherwise")

    async def paused_after_one(self, round: Round) -> Round:
        self.model.pause = 0.01
        await self.until(round, lambda now: now["turns"][0]["state"] == "running")
        await self.rounds.pause(round["id"])
        return await self.until(round, lambda now: now["turns"][0]["state"] == "done")

    async def ended(self, round: Round) -> Round:
        return await self.until(round, lambda now: now["state"] in ("done", "stopped"))


Open = Callable[..., Any]


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Open]:
    """`await studio()` opens a studio on the same store; the second one finds what the first one left."""
    opened: list[Studio] = []
    ids = itertools.count(1)

    async def close(one: Studio) -> None:
        await one.rounds.close()
        await one.runs.close()
        await one.rooms.close()
        await one.store.close()

    async def make(canvas: str = "", **model: Any) -> Studio:
        store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'studiolo.db'}")
        rooms = Rooms(store)
        cast = Cast(**model)
        new_id = lambda: f"id{next(ids)}"  # noqa: E731
        runs = Runs(cast, store, time.time, new_id, Random(3), Budget())
        await runs.open()

        async def who(_canvas: str, _id: str) -> Participant:
            return NADIA

        rounds = Rounds(store, runs, rooms.get, who, time.time, new_id)
        room = (
            await rooms.get(canvas) if canvas else await rooms.create("Book", [{"title": "One", "text": TEXT}], NADIA)
        )
        made = Studio(store, rooms, cast, runs, rounds, room)
        opened.append(made)
        await rounds.open()
        return made

    yield make
    for one in opened:
        await close(one)


async def test_a_draft_is_criticised_revised_and_polished_and_waits_for_a_person(studio: Open) -> None:
    here = await studio()
    round = await here.ended(await here.begin())
    assert [turn["state"] for turn in round["turns"]] == ["done"] * 4 and not round["problem"]
    view = here.room.canvas.view()
    (suggestion,), (thread,) = view["suggestions"], view["threads"]
    hunk = suggestion["hunks"][0]
    assert suggestion["author"] == "co-author" and suggestion["status"] == "open"
    assert hunk["replace"] == POLISHED and hunk["proposed"] == REVISED and hunk["amended_by"] == "line-editor"
    assert thread["about"] == suggestion["id"]
    assert [said["author"] for said in thread["comments"]] == ["critic", "co-author"]
    assert view["pages"][0]["text"] == TEXT
    runs = {run["id"]: run for run in await here.runs.of_canvas(here.room.id)}
    assert [runs[turn["run"]]["parent"] for turn in round["turns"]] == [round["id"]] * 4
    await here.room.apply({"type": "accept", "suggestion": suggestion["id"]}, NADIA)
    assert here.room.canvas.page_text(here.page).rstrip() == TEXT.rstrip() + POLISHED
    writers = {run["participant"] for run in here.room.canvas.authors(here.page)}
    assert {"nadia", "co-author", "line-editor"} <= writers


async def test_two_alternatives_stand_beside_each_other(studio: Open) -> None:
    here = await studio()
    others = iter([DRAFT, " The ink of the next entry had run, and nobody could say what the tide had been."])
    here.model.parts = [lambda prompt: next(others)]
    await here.ended(await here.begin(Turn("co-author", "draft"), Turn("pair-programmer", "alternative")))
    view = here.room.canvas.view()
    assert [one["author"] for one in view["suggestions"]] == ["co-author", "pair-programmer"]
    assert len(view["groups"]) == 1


async def test_what_a_person_says_in_between_is_read_by_the_next_turn(studio: Open) -> None:
    here = await studio()
    go = asyncio.Event()
    here.model.pause = 0.01
    round = await here.begin(Turn("co-author", "draft"), Turn("critic", "critique"))
    await here.until(round, lambda now: now["turns"][0]["state"] == "running")
    await here.rounds.say(round["id"], NADIA, "Mind the tense.")
    go.set()
    await here.ended(round)
    assert "Nadia said meanwhile: Mind the tense." in here.model.asked[-1]


async def test_turns_that_have_not_begun_are_added_dropped_and_reordered(studio: Open) -> None:
    here = await studio()
    here.model.pause = 0.02
    round = await here.begin()
    round = await here.until(round, lambda now: now["turns"][0]["state"] == "running")
    first, critique, revise, polish = (turn["id"] for turn in round["turns"])
    with pytest.raises(Conflict):
        await here.rounds.arrange(round["id"], [(first, Turn("critic", "critique"))])
    with pytest.raises(NotFound):
        await here.rounds.arrange(round["id"], [(None, Turn("nobody", "critique"))])
    await here.rounds.arrange(
        round["id"],
        [(polish, Turn("line-editor", "polish")), (critique, Turn("critic", "critique", "Only the verbs."))],
    )
    round = await here.ended(round)
    assert [(turn["id"], turn["do"]) for turn in round["turns"]] == [
        (first, "draft"),
        (polish, "polish"),
        (critique, "critique"),
    ]
    assert "Only the verbs." in here.model.asked[-1] and revise not in {turn["id"] for turn in round["turns"]}


async def test_a_paused_round_begins_no_turn_until_it_is_resumed(studio: Open) -> None:
    here = await studio()
    here.model.pause = 0.01
    round = await here.begin()
    round = await here.paused_after_one(round)
    assert round["state"] == "paused" and round["turns"][1]["state"] == "coming"
    with pytest.raises(Conflict):
        await here.rounds.pause(round["id"])
    await here.rounds.resume(round["id"])
    assert (await here.ended(round))["state"] == "done"


async def test_stopping_ends_the_turn_under_way_and_keeps_what_was_written(studio: Open) -> None:
    here = await studio()
    here.model.pause = 0.02
    round = await here.begin()
    await until(lambda: any(one["hunks"][0]["replace"] for one in here.room.canvas.view()["suggestions"]))
    round = await here.rounds.stop(round["id"])
    assert round["state"] == "stopped"
    assert [turn["state"] for turn in round["turns"]] == ["stopped", "dropped", "dropped", "dropped"]
    assert here.room.canvas.view()["suggestions"][0]["status"] == "open"


async def test_a_turn_that_fails_pauses_the_round_and_can_be_tried_again(studio: Open) -> None:
    here = await studio()
    broken = [True]
    here.model.parts = [lambda prompt: RuntimeError("no") if broken[0] and "Give at most" in prompt else None]
    round = await here.begin()
    round = await here.until(round, lambda now: now["state"] == "paused")
    assert [turn["state"] for turn in round["turns"]] == ["done", "failed", "coming", "coming"]
    assert round["problem"] and round["turns"][1]["error"]["message"] == round["problem"]
    broken[0] = False
    await here.rounds.resume(round["id"])
    round = await here.ended(round)
    assert round["state"] == "done" and round["turns"][1]["state"] == "done"


async def test_what_is_decided_early_needs_no_more_turns(studio: Open) -> None:
    here = await studio()
    round = await here.begin(Turn("co-author", "draft"), Turn("critic", "critique"), Turn("co-author", "revise"))
    await here.paused_after_one(round)
    (suggestion,) = here.room.canvas.view()["suggestions"]
    await here.room.apply({"type": "reject", "suggestion": suggestion["id"]}, NADIA)
    await here.rounds.resume(round["id"])
    round = await here.ended(round)
    assert [turn["state"] for turn in round["turns"]] == ["done", "dropped", "dropped"]


async def test_a_round_goes_on_after_a_restart_with_the_turn_that_was_lost(studio: Open) -> None:
    here = await studio()
    here.model.pause = 0.05
    round = await here.begin()
    await until(lambda: any(one["hunks"][0]["replace"] for one in here.room.canvas.view()["suggestions"]))
    canvas = here.room.id
    await here.rounds.close()
    await here.runs.close()
    await here.rooms.close()
    there = await studio(canvas)
    round = await there.ended(round)
    assert [turn["state"] for turn in round["turns"]] == ["done"] * 4
    assert [turn["tries"] for turn in round["turns"]] == [2, 1, 1, 1]
    statuses = [one["status"] for one in there.room.canvas.view()["suggestions"]]
    assert statuses == ["withdrawn", "open"]


async def test_a_paused_round_waits_through_a_restart(studio: Open) -> None:
    here = await studio()
    round = await here.begin()
    await here.paused_after_one(round)
    await here.rounds.close()
    there = await studio(here.room.id)
    assert (await there.rounds.get(round["id"]))["state"] == "paused"
    await there.rounds.resume(round["id"])
    assert (await there.ended(round))["state"] == "done"


async def test_a_round_needs_a_draft_before_anything_is_said_about_it(studio: Open) -> None:
    here = await studio()
    with pytest.raises(Invalid):
        await here.begin(Turn("critic", "critique"))
    with pytest.raises(StudioloError):
        await here.begin(*[Turn("co-author", "draft")] * 21)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
async def test_the_agents_of_every_recipe_are_there(studio: Open, recipe: Any) -> None:
    here = await studio()
    for turn in recipe.turns:
        assert here.runs.personas.get(turn.agent).participant.name


async def test_agents_do_no_more_for_who_began_it_than_they_came_with(studio: Open) -> None:
    """Somebody may have come with a token that gives less than they have."""
    one = await studio()
    weaker = replace(NADIA, role="viewer")
    round = await one.rounds.begin(one.room, weaker, name="R", turns=RECIPES[0].turns, prompt="Go on.")
    done = await one.until(round, lambda now: now["state"] == "paused")
    assert done["turns"][0]["state"] == "failed"
    assert (await one.runs.find(done["turns"][0]["run"]))["role"] == "viewer"
