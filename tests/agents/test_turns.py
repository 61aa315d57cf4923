"""Two agents never write on the same words at once, agents wait for people, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.agents.turns import Occupied, Turns, meets
from studiolo.canvas import Canvas, Participant
from studiolo.canvas.quotes import Span
from tests.canvas.conftest import ADA, BEN
from tests.canvas.test_machine import Peer

TEXT = "The harbour froze on a Sunday.\n\nNobody rang the bell, and nobody asked why.\n\nIt was the third winter.\n"
AGENTS = [Participant(f"agent-{number}", f"Agent {number}", "agent", "#9048fc", "commenter") for number in range(4)]


class Desk:
    """A canvas, as agents reach it."""

    def __init__(self, text: str = TEXT) -> None:
        ticks = count(1)
        self.id = "c"
        pages = [{"title": "One", "text": text, "kind": "prose"}]
        clock = lambda: float(next(ticks)) * 0.001  # noqa: E731
        self.canvas, self.made = Canvas.new("Book", pages, by=ADA, clock=clock, random=Random(7))
        self.page: str = self.made.details["pages"][0]["id"]

    def span(self, words: str) -> Span:
        at = self.canvas.page_text(self.page).index(words)
        return Span(at, at + len(words))


class Wall:
    """The board of several nodes of one process."""

    def __init__(self) -> None:
        self.notes: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.lock = asyncio.Lock()
        self.dead: set[str] = set()

    def node(self, id: str) -> Node:
        return Node(id, self)


class Node:
    def __init__(self, id: str, wall: Wall) -> None:
        self.id = id
        self.wall = wall

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        async with self.wall.lock:
            yield

    async def pin(self, board: str, key: str, note: str | None) -> None:
        await asyncio.sleep(0)
        if note is None:
            self.wall.notes[board].pop(key, None)
        else:
            self.wall.notes[board][key] = note

    async def pinned(self, board: str) -> dict[str, str]:
        await asyncio.sleep(0)
        return dict(self.wall.notes[board])

    async def alive(self, node: str) -> bool:
        return node not in self.wall.dead


async def test_whoever_comes_second_waits_for_the_same_words_and_for_no_others() -> None:
    desk, turns = Desk(), Turns()
    await turns.take(desk, AGENTS[0], "r0", desk.page, desk.span("rang the bell"))
    await turns.take(desk, AGENTS[1], "r1", desk.page, desk.span("third winter"))
    second = asyncio.create_task(turns.take(desk, AGENTS[2], "r2", desk.page, desk.span("the bell, and")))
    await asyncio.sleep(0.05)
    assert not second.done()
    await turns.leave(desk.id, "r0")
    assert (await second).agent == "agent-2"


async def test_a_claim_moves_with_its_text() -> None:
    desk, turns = Desk(), Turns(patience=0.0)
    claim = await turns.take(desk, AGENTS[0], "r0", desk.page, desk.span("rang the bell"))
    desk.canvas.apply(
        {"type": "edit", "page": desk.page, "hunks": [{"find": "The harbour", "replace": "Every harbour we knew"}]}, BEN
    )
    assert claim.span(desk) == desk.span("rang the bell")
    with pytest.raises(Occupied, match="Agent 0 is working"):
        await turns.take(desk, AGENTS[1], "r1", desk.page, desk.span("the bell"))


async def test_one_who_waits_too_long_is_told_who_works_there() -> None:
    desk, turns = Desk(), Turns(patience=0.05)
    await turns.take(desk, AGENTS[0], "r0", desk.page, desk.span("rang the bell"))
    with pytest.raises(Occupied) as told:
        await turns.take(desk, AGENTS[1], "r1", desk.page, desk.span("bell"))
    assert told.value.details["agent"] == "agent-0" and "Comment there" in told.value.hint


async def test_an_agent_does_not_begin_where_a_person_types_unless_they_asked_for_it() -> None:
    desk, turns = Desk(), Turns(patience=0.05)
    peer = Peer(1, desk.page, desk.made.update)
    at = desk.span("nobody asked").start
    peer.type(at, at, "x")
    desk.canvas.receive(peer.outbox[0], BEN)
    with pytest.raises(Occupied, match="Somebody is writing"):
        await turns.take(desk, AGENTS[0], "r0", desk.page, desk.span("asked why"))
    await turns.take(desk, AGENTS[0], "r0", desk.page, desk.span("asked why"), asked_by="ben")


async def test_two_who_want_each_others_place_do_not_wait_for_ever() -> None:
    desk, turns = Desk(), Turns(patience=30.0)
    one, other = desk.span("The harbour froze"), desk.span("third winter")
    await turns.take(desk, AGENTS[0], "r0", desk.page, one)
    await turns.take(desk, AGENTS[1], "r1", desk.page, other)

    async def go_on(agent: Participant, run: str, to: Span) -> None:
        await turns.take(desk, agent, run, desk.page, to)
        await turns.leave(desk.id, run)

    async with asyncio.timeout(10):
        await asyncio.gather(go_on(AGENTS[0], "r0", other), go_on(AGENTS[1], "r1", one))


async def test_nodes_share_the_claims_and_those_of_a_dead_node_are_void() -> None:
    desk, wall = Desk(), Wall()
    here, there = Turns(wall.node("a"), patience=0.05), Turns(wall.node("b"), patience=0.05)
    await here.take(desk, AGENTS[0], "r0", desk.page, desk.span("rang the bell"))
    assert [claim.name for claim in await there.here(desk)] == ["Agent 0"]
    with pytest.raises(Occupied):
        await there.take(desk, AGENTS[1], "r1", desk.page, desk.span("bell"))
    wall.dead.add("a")
    await there.take(desk, AGENTS[1], "r1", desk.page, desk.span("bell"))


@pytest.mark.parametrize("nodes", [1, 2])
@settings(max_examples=25, deadline=None)
@given(
    wants=st.lists(
        st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(0, 30)), min_size=1, max_size=3),
        min_size=2,
        max_size=5,
    )
)
def test_however_many_want_whatever_no_two_are_ever_at_the_same_words(
    nodes: int, wants: list[list[tuple[int, int]]]
) -> None:
    async def work() -> None:
        desk, wall = Desk(), Wall()
        every = [Turns(wall.node(str(number)) if nodes > 1 else None, patience=60.0) for number in range(nodes)]
        working: dict[str, Span] = {}

        async def agent(number: int, places: list[tuple[int, int]]) -> None:
            turns, run = every[number % nodes], f"r{number}"
            for start, length in places:
                span = Span(start, min(len(TEXT), start + length))
                working.pop(run, None)
                await turns.take(desk, AGENTS[number % 4], run, desk.page, span)
                assert not any(meets(span, other) for other in working.values())
                working[run] = span
                await asyncio.sleep(0)
            del working[run]
            await turns.leave(desk.id, run)

        async with asyncio.timeout(60):
            await asyncio.gather(*(agent(number, places) for number, places in enumerate(wants)))
        for turns in every:
            assert await turns.here(desk) == []

    asyncio.run(work())
