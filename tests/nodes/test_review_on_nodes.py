"""Reviewing the same things on two nodes at the same moment: one decides, both show it, and the ledger has it once."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

from studiolo.canvas import Outcome, Participant
from studiolo.canvas.errors import StudioloError
from studiolo.rooms import Room
from studiolo.store.ledger import verify
from tests.nodes.conftest import StartNode
from tests.nodes.test_shared_rooms import ADA, BEN, MUSE, log_of, open_on
from tests.rooms.client import Client, until
from tests.simulation.mirrors import differences, mirror

LINE = Participant("line", "Line editor", "agent", "#606c00", "commenter")
WORDS = 60
STEPS = 300
DECIDING = ("accept", "reject", "merge", "undo", "accept_all")


def same(one: Room, other: Room) -> bool:
    return not differences(mirror(one.canvas), mirror(other.canvas))


async def both(rooms: list[Room], action: dict[str, Any]) -> list[Outcome]:
    """Ask both nodes at once; what of it was done."""
    done = await asyncio.gather(
        *[room.apply(action, by) for room, by in zip(rooms, (ADA, BEN), strict=True)], return_exceptions=True
    )
    assert all(isinstance(one, Outcome | StudioloError) for one in done), done
    return [one for one in done if isinstance(one, Outcome)]


class Review:
    """Words of a page that are each another one, and what is proposed for them."""

    def __init__(self, page: str, rooms: list[Room], random: Random) -> None:
        self.page, self.rooms, self.random = page, rooms, random
        self.proposed = 0
        self.won: Counter[str] = Counter()

    async def suggest(self) -> None:
        """Two agents propose, one on each node, often for the same word."""
        words = [word for word in self.rooms[0].canvas.page_text(self.page).split() if not word.startswith("typed")]
        first = self.random.randrange(len(words))
        for room, by in zip(self.rooms, (MUSE, LINE), strict=True):
            word = words[min(len(words) - 1, first + self.random.randrange(2))]
            self.proposed += 1
            hunk = {"find": word, "replace": f"new{self.proposed}x"}
            if self.random.random() < 0.4:
                hunk["replace"] += f" {word}"
            try:
                await room.apply({"type": "suggest", "page": self.page, "hunks": [hunk]}, by)
            except StudioloError as error:
                assert error.code in ("quote_not_found",), error

    def decision(self) -> dict[str, Any] | None:
        canvas = self.rooms[self.random.randrange(2)].canvas
        waiting = [record.id for record in canvas.register.waiting(self.page)]
        groups = canvas.view()["groups"]
        known = sorted({h.decision for r in canvas.suggestions.values() for h in r.hunks if h.decision})
        match self.random.choice(DECIDING):
            case "merge" if groups:
                takes = [{"suggestion": id, "hunk": hunk} for id, hunk in self.random.choice(groups)]
                return {"type": "merge", "takes": takes}
            case "undo" if known:
                return {"type": "undo", "decision": self.random.choice(known)}
            case "accept_all" if waiting:
                return {"type": "accept_all", "suggestions": waiting[:3]}
            case "accept" | "reject" as verb if waiting:
                return {"type": verb, "suggestion": self.random.choice(waiting)}
            case _:
                return None

    async def step(self) -> None:
        if self.random.random() < 0.4:
            await self.suggest()
            return
        if action := self.decision():
            done = await both(self.rooms, action)
            if action["type"] == "accept_all":  # what one has accepted may be the words that another's waited for
                taken = Counter(tuple(hunk) for one in done for hunk in one.details["hunks"])
                assert max(taken.values(), default=0) <= 1, f"both nodes accepted some of {action}: {done}"
            else:
                assert len(done) <= 1, f"both nodes did {action}: {done}"
            self.won.update([action["type"]] * len(done))


async def test_what_two_nodes_decide_at_once_is_decided_by_one(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    text = " ".join(f"word{number}w" for number in range(WORDS))
    page, rooms = await open_on(one, two, text=text)
    ben = await Client(rooms[1], BEN, ack=True).start()
    seed = Random().getrandbits(32)
    print(f"seed {seed}")  # shown when it fails
    review = Review(page, rooms, Random(seed))
    typed = 0
    for number in range(STEPS):
        await review.step()
        if number % 5 == 0:
            await ben.type(page, 0, f"typed{typed}w ")
            typed += 1
    await until(lambda: ben.acked == typed + 1 and same(*rooms), 30)
    assert all(review.won[verb] for verb in DECIDING), review.won

    text = rooms[0].canvas.page_text(page)
    assert text == ben.text(page) == await log_of(two, rooms[0].id)
    counted = Counter(text.split())
    assert max(counted.values()) == 1, counted.most_common(3)
    assert {f"typed{number}w" for number in range(typed)} <= set(counted)
    for record in rooms[0].canvas.suggestions.values():
        for hunk in record.hunks:
            new = hunk.replace.split()[0]
            assert (new in counted) <= (hunk.status == "accepted"), (record.id, hunk)

    rows = []
    while portion := await one.store.ledger(rooms[0].id, rows[-1].seq if rows else 0):
        rows += portion
    decided = Counter(row.outcome["decision"] for row in rows if row.outcome.get("decision"))
    assert len(decided) == sum(review.won.values()) and set(decided.values()) == {1}
    assert (await verify(one.store, rooms[0].id)).whole
    again = await (await start_node()).rooms.get(rooms[0].id)
    assert same(again, rooms[0])
