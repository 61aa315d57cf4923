"""Agents where several nodes have the canvas open: who is called answers once, and who is second waits for its turn."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from random import Random

import pytest

from studiolo.agents import Ask, Budget, Run, Runs
from studiolo.agents.listening import Listening
from studiolo.agents.recipes import Turn
from studiolo.agents.rounds import Rounds
from studiolo.agents.surface import Surface
from studiolo.agents.turns import Occupied, Turns
from studiolo.canvas import Participant
from studiolo.canvas.quotes import Span
from tests.agents.test_listening import Voices
from tests.agents.test_rounds import Cast
from tests.nodes.conftest import Node, StartNode
from tests.nodes.test_shared_rooms import ADA, open_on
from tests.rooms.client import until

CO, LINE = (Participant(id, id.title(), "agent", "#606c00", "commenter") for id in ("co-author", "line-editor"))
IDS = itertools.count(1)


def runs_of(node: Node, model: Voices | Cast) -> Runs:
    return Runs(model, node.store, time.time, lambda: f"n{next(IDS)}", Random(3), Budget(), nodes=node.nodes)


@pytest.fixture
async def opened() -> AsyncIterator[list[Runs | Rounds | Listening]]:
    found: list[Runs | Rounds | Listening] = []
    yield found
    for one in found[::-1]:
        await one.close()


async def test_whoever_is_called_answers_once_though_all_nodes_hear(
    start_node: StartNode, opened: list[Runs | Rounds | Listening]
) -> None:
    nodes = [await start_node(), await start_node()]
    begun: list[str] = []
    ears: list[Listening] = []
    for node in nodes:
        runs = runs_of(node, Voices())

        async def begin(surface: Surface, ask: Ask, by: Participant, runs: Runs = runs) -> Run:
            begun.append(ask.agent)
            return runs.start(surface, ask, by)

        ear = Listening(runs, begin, time.time, node.nodes.alone)
        node.rooms.heard = ear.hear
        opened += [runs, ear]
        ears.append(ear)
    page, (here, there) = await open_on(nodes[0], nodes[1], text="The tide had never answered.")
    comment = {"type": "comment", "page": page, "quote": "The tide", "text": "@co-author, has it answered?"}
    thread = (await here.apply(comment, ADA)).id
    await until(lambda: len(there.canvas.view()["threads"]) == 1)
    await there.apply({"type": "reply", "thread": thread, "text": "Well, @critic?"}, ADA)
    for ear in ears:
        await ear.idle()
    await until(lambda: here.canvas.view() == there.canvas.view())
    said = [comment["author"] for comment in here.canvas.view()["threads"][0]["comments"]]
    assert sorted(said) == ["ada", "ada", "co-author", "critic"] and sorted(begun) == ["co-author", "critic"]


async def test_a_passage_that_is_claimed_on_one_node_is_claimed_on_all_until_that_one_dies(
    start_node: StartNode,
) -> None:
    one, two = await start_node(), await start_node()
    page, (here, there) = await open_on(one, two, text="The tide had never answered.")
    first, second = Turns(one.nodes), Turns(two.nodes, patience=0.2)
    await first.take(here, CO, "r1", page, Span(4, 8))
    with pytest.raises(Occupied, match="Co-Author"):
        await second.take(there, LINE, "r2", page, Span(0, 8))
    await second.take(there, LINE, "r2", page, Span(13, 18))
    await one.die()
    patient = Turns(two.nodes, patience=30.0)
    assert (await patient.take(there, LINE, "r3", page, Span(4, 8))).run == "r3"


async def test_a_round_is_changed_from_any_node(start_node: StartNode, opened: list[Runs | Rounds | Listening]) -> None:
    one, two = await start_node(), await start_node()
    page, (here, _) = await open_on(one, two, text="Oda wrote the tides into the ledger.")

    async def who(_canvas: str, _id: str) -> Participant:
        return ADA

    model = Cast(pause=0.02)
    every: list[Rounds] = []
    for node in (one, two):
        runs = runs_of(node, model)
        rounds = Rounds(node.store, runs, node.rooms.get, who, time.time, lambda: f"n{next(IDS)}", node.nodes)
        await runs.open()
        await rounds.open()
        opened += [runs, rounds]
        every.append(rounds)
    round = await every[0].begin(
        here, ADA, name="R", turns=[Turn("co-author", "draft"), Turn("critic", "critique")], place={"page": page}
    )
    async for event in every[1].watch(round["id"]):
        if event["round"]["turns"][0]["state"] == "running":
            break
    await every[1].say(round["id"], ADA, "Mind the tense.")
    last = {}
    async for event in every[1].watch(round["id"]):
        last = event["round"]
    assert last["state"] == "done" and [turn["state"] for turn in last["turns"]] == ["done", "done"]
    assert "Mind the tense." in model.asked[-1]
