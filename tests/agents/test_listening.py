"""Agents answer where they are spoken to, once, one at a time, and never for ever."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from studiolo.agents import Ask, Budget, Personas, Run, Runs
from studiolo.agents.listening import Listening, may_answer, mentioned
from studiolo.agents.surface import Surface
from studiolo.canvas import Participant
from studiolo.canvas.errors import Forbidden
from studiolo.rooms import Room, Rooms
from studiolo.store import Store

from .conftest import Scripted, prompt_of

NADIA = Participant("nadia", "Nadia", "person", "#1878b4", "owner")
TOMAS = Participant("tomas", "Tomas", "person", "#a04a1c", "commenter")
CRITIC = Participant("critic", "Critic", "agent", "#e40c48", "commenter")
TEXT = "Oda wrote the tides into the ledger. The tide had never answered.\n"


@dataclass
class Voices(Scripted):
    """A model that says what `say` makes of what it is asked."""

    answers: list[Any] = field(default_factory=list)
    tools: bool = False
    say: Callable[[str], str] = lambda asked: "The tide has not answered yet, and will."

    def _next(self, messages: Any, info: Any) -> Any:
        self.asked.append(prompt_of(messages))
        return self.say(self.asked[-1])


@dataclass
class Hall:
    room: Room
    runs: Runs
    listening: Listening
    model: Voices
    begun: list[Ask]

    @property
    def page(self) -> str:
        return self.room.canvas.outline()[0]["id"]

    async def comment(self, text: str, by: Participant = NADIA) -> str:
        action = {"type": "comment", "page": self.page, "quote": "The tide had never answered.", "text": text}
        return (await self.room.apply(action, by)).id or ""

    def thread(self, id: str) -> list[tuple[str, str]]:
        (found,) = [one for one in self.room.canvas.view()["threads"] if one["id"] == id]
        return [(said["author"], said["text"]) for said in found["comments"]]


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    opened: list[Any] = []
    ids = itertools.count(1)

    async def make(home: Path | None = None, start: Any = None, **limits: Any) -> Hall:
        store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'studiolo.db'}")
        rooms = Rooms(store)
        model = Voices()
        runs = Runs(model, store, time.time, lambda: f"id{next(ids)}", Random(3), Budget(), personas=Personas(home))
        await runs.open()
        begun: list[Ask] = []

        async def begin(surface: Surface, ask: Ask, by: Participant) -> Run:
            if start is not None:
                start(ask, by)
            begun.append(ask)
            return runs.start(surface, ask, by)

        listening = Listening(runs, begin, time.time, **limits)
        rooms.heard = listening.hear
        room = await rooms.create("Book", [{"title": "One", "text": TEXT}], NADIA)
        opened.extend([listening, runs, rooms, store])
        return Hall(room, runs, listening, model, begun)

    yield make
    for one in opened:
        await one.close()


async def test_an_agent_answers_in_the_thread_in_which_it_is_named(hall: Any) -> None:
    here = await hall()
    thread = await here.comment("@Co-author has it answered anywhere?")
    await here.listening.idle()
    assert here.thread(thread) == [
        ("nadia", "@Co-author has it answered anywhere?"),
        ("co-author", "The tide has not answered yet, and will."),
    ]
    assert not here.room.canvas.view()["chat"]


async def test_one_who_is_not_named_says_nothing(hall: Any) -> None:
    here = await hall()
    thread = await here.comment("Has it answered anywhere? Ask co-author@example.org.")
    await here.room.apply({"type": "say", "text": "Good morning."}, NADIA)
    await here.listening.idle()
    assert len(here.thread(thread)) == 1 and not here.begun


async def test_a_message_is_answered_in_the_conversation_and_what_was_asked_with_a_run_is_not(hall: Any) -> None:
    here = await hall()
    await here.room.apply({"type": "say", "text": "@co-author has the tide answered?"}, NADIA)
    await here.room.apply({"type": "say", "text": "@co-author and now?", "run": "a run that answers it"}, NADIA)
    await here.listening.idle()
    said = [(message["author"], message["text"]) for message in here.room.canvas.view()["chat"]]
    assert [author for author, _ in said] == ["nadia", "nadia", "co-author"]
    assert len(here.begun) == 1


async def test_two_who_are_named_speak_one_after_the_other(hall: Any) -> None:
    here = await hall()
    here.model.pause = 0.01
    thread = await here.comment("@Critic and @continuity keeper: has it answered?")
    await here.listening.idle()
    assert [author for author, _ in here.thread(thread)] == ["nadia", "critic", "continuity-keeper"]
    first, second = sorted(await here.runs.of_canvas(here.room.id), key=lambda run: run["started"])
    assert first["finished"] <= second["started"]


async def test_two_agents_that_name_each_other_for_ever_are_ended(hall: Any) -> None:
    here = await hall()
    words = itertools.cycle(
        (
            "Nobody on the quay heard anything that morning.",
            "Look at the second page: the pencil is hers.",
            "Salt keeps ink from fading, as every clerk knows.",
            "The bell was rung twice, and then not again.",
        )
    )
    here.model.say = lambda asked: f"{next(words)} What do you say, @critic, and you, @co-author?"
    thread = await here.comment("@Critic, has it answered?")
    await here.listening.idle()
    authors = [author for author, _ in here.thread(thread)]
    assert authors == ["nadia", "critic", "co-author", "critic"]
    await here.room.apply({"type": "reply", "thread": thread, "text": "Go on, @co-author."}, TOMAS)
    await here.listening.idle()
    assert [author for author, _ in here.thread(thread)][4:] == ["tomas", "co-author", "critic", "co-author"]


def test_who_may_answer_whom() -> None:
    assert may_answer("critic", NADIA, [], 4)
    assert not may_answer("critic", CRITIC, ["critic"], 4)
    assert not may_answer("critic", NADIA, ["critic"], 4)  # twice running
    assert may_answer("co-author", CRITIC, ["co-author", "critic"], 4)
    assert not may_answer("co-author", CRITIC, ["critic", "co-author", "critic"], 4)  # the same answer again
    assert not may_answer("co-author", CRITIC, ["a", "b", "c", "critic"], 4)


async def test_an_agent_that_is_spoken_about_by_an_outside_agent_answers_too_but_only_so_often(hall: Any) -> None:
    here = await hall()
    outside = Participant("claude", "Claude", "agent", "#222222", "commenter")
    thread = await here.comment("@co-author, has it answered?", outside)
    for _ in range(5):
        await here.listening.idle()
        await here.room.apply({"type": "reply", "thread": thread, "text": "@co-author, really?"}, outside)
    await here.listening.idle()
    assert [author for author, _ in here.thread(thread)].count("co-author") == 1


async def test_calls_are_limited_by_the_hour_and_that_is_said(hall: Any) -> None:
    here = await hall(an_hour=1)
    one, other = await here.comment("@co-author, has it?"), await here.comment("@co-author, and this?")
    await here.listening.idle()
    said = [text for thread in (one, other) for author, text in here.thread(thread) if author == "co-author"]
    assert len(here.begun) == 1 and sum("rest now" in text for text in said) == 1


async def test_an_owner_turns_it_off_and_on(hall: Any) -> None:
    here = await hall()
    with pytest.raises(Forbidden):
        await here.room.apply({"type": "listen", "on": False}, TOMAS)
    await here.room.apply({"type": "listen", "on": False}, NADIA)
    await here.comment("@co-author, has it?")
    await here.listening.idle()
    assert not here.begun
    await here.room.apply({"type": "listen", "on": True}, NADIA)
    await here.comment("@co-author, has it?")
    await here.listening.idle()
    assert len(here.begun) == 1


async def test_somebody_who_may_not_ask_is_told_so_where_they_did(hall: Any) -> None:
    def refuse(ask: Ask, by: Participant) -> None:
        raise Forbidden("A guest can only ask the models of this studio.", "Choose one of its list of models.")

    here = await hall(start=refuse)
    thread = await here.comment("@co-author, has it?", TOMAS)
    await here.listening.idle()
    assert here.thread(thread)[1] == (
        "co-author",
        "A guest can only ask the models of this studio. Choose one of its list of models.",
    )


async def test_one_objects_in_the_margin_to_what_another_suggests(hall: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "agents").mkdir(parents=True)
    (home / "agents" / "guard.md").write_text(
        "---\nname: Guard\nskills: [critique]\ntriggers: [suggestion]\n---\nYou guard the facts.\n"
    )
    here = await hall(home)
    here.model.say = lambda asked: {"remarks": [{"quote": "sang", "comment": "The tide is silent in chapter one."}]}
    hunks = [{"find": "had never answered", "replace": "sang"}]
    made = await here.room.apply({"type": "suggest", "page": here.page, "hunks": hunks}, CRITIC)
    await here.room.apply({"type": "suggest", "page": here.page, "hunks": hunks}, NADIA)
    await here.listening.idle()
    (thread,) = here.room.canvas.view()["threads"]
    assert thread["about"] == made.id and thread["author"] == "guard"


async def test_what_was_answered_is_not_answered_again_after_a_restart(hall: Any) -> None:
    here = await hall()
    thread = await here.comment("@co-author, has it?")
    await here.listening.idle()
    there = await hall()
    await there.room.apply({"type": "say", "text": "Back again."}, NADIA)
    await asyncio.sleep(0)
    await there.listening.idle()
    assert not there.begun and len(here.thread(thread)) == 2


def test_names_are_known_with_and_without_blanks() -> None:
    every = Personas().list()
    text = "@line editor, @LineEditor, @critic: see (@co-author) and mail me@critic.org, @nobody"
    assert [one.id for one in mentioned(text, every)] == ["line-editor", "critic", "co-author"]
