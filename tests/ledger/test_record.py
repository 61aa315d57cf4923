"""The record says what can be counted by hand: who proposed what, what became of it, and what of it still stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.canvas.errors import NotFound
from studiolo.history import Histories
from studiolo.ledger.facts import changed
from studiolo.ledger.record import Records, between, record, summed
from studiolo.rooms import Room, Rooms
from studiolo.store import Store
from tests.conftest import Clock

ANN = Participant("ann", "Ann", "person", "#1878b4", "owner")
BOB = Participant("bob", "Bob", "person", "#e40c48", "commenter")
CO = Participant("co", "Co", "agent", "#9048fc", "commenter")
START = 1_000_000.0
DAY = 86_400.0


class Desk:
    """A canvas of one page, and who acts on it when."""

    def __init__(self, room: Room, clock: Clock, records: Records) -> None:
        self.room = room
        self.clock = clock
        self.records = records
        self.page = room.canvas.outline()[0]["id"]

    async def act(self, after: float, by: Participant, **action: Any) -> str:
        """Do something so many seconds after the start; the id of what it is about."""
        self.clock.now = START + after
        return (await self.room.apply(action, by)).id or ""

    async def suggest(self, find: str, replace: str, by: Participant = CO, after: float = 0.0, **more: Any) -> str:
        hunks = [{"find": find, "replace": replace}]
        return await self.act(after, by, type="suggest", page=self.page, hunks=hunks, **more)

    async def edit(self, after: float, find: str, replace: str) -> None:
        await self.act(after, ANN, type="edit", page=self.page, hunks=[{"find": find, "replace": replace}])

    async def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        found = await self.records.facts(self.room.id)
        return {(row["participant"], row["skill"]): row for row in record(found)}

    def text(self) -> str:
        return self.room.canvas.page_text(self.page)


@pytest.fixture
async def desk(store: Store, clock: Clock) -> AsyncIterator[Desk]:
    clock.now = START
    rooms, histories = Rooms(store, clock=clock), Histories(store)
    text = "The cat sat on the mat. It was dark. Nobody slept. End."
    room = await rooms.create("Book", [{"title": "One", "text": text}], ANN)
    yield Desk(room, clock, Records(store, histories))
    histories.close()
    await rooms.close()


async def test_an_example_counted_by_hand(desk: Desk) -> None:
    cat = await desk.suggest("cat", "black cat", skill="rewrite", model="small")
    dark = await desk.suggest("dark", "very bright day", skill="rewrite", model="large")
    nobody = await desk.suggest("Nobody", "Somebody", skill="rewrite")
    await desk.suggest("End", "Finis", skill="rewrite")
    carpet = await desk.suggest("mat", "carpet", skill="critique")
    sits = await desk.suggest("sat", "sits", BOB, after=10)
    await desk.act(30, CO, type="withdraw", suggestion=carpet)
    await desk.act(60, ANN, type="accept", suggestion=cat)
    await desk.act(110, ANN, type="amend", suggestion=dark, hunks=[{"hunk": 0, "replace": "very bright morning"}])
    await desk.act(120, ANN, type="accept", suggestion=dark)
    await desk.act(180, ANN, type="reject", suggestion=nobody)
    await desk.edit(200, "End", "Over")
    await desk.act(410, ANN, type="accept", suggestion=sits)
    await desk.edit(3600, "black cat", "cat")  # all that Co had put in there
    assert desk.text() == "The cat sits on the mat. It was very bright morning. Nobody slept. Over."
    rows = await desk.rows()
    assert rows["co", "rewrite"]["after_a_day"] == {"put_in": 0, "alive": 0}  # not yet known
    assert rows["co", "rewrite"]["now"] == {"put_in": 18, "alive": 12}
    await desk.edit(2 * DAY, "bright", "dim")
    desk.clock.now = START + 3 * DAY

    rows = await desk.rows()
    assert list(rows) == [("co", "rewrite"), ("bob", ""), ("co", "critique")]
    assert rows["co", "rewrite"] == {
        "participant": "co",
        "name": "Co",
        "kind": "agent",
        "color": "#9048fc",
        "skill": "rewrite",
        "models": ["large", "small"],
        "suggestions": 4,
        "proposed": 4,
        "open": 0,
        "stale": 1,
        "accepted": 2,
        "rejected": 1,
        "withdrawn": 0,
        "by_policy": 0,
        "taken_back": 0,
        "amended": 1,
        "amended_share": pytest.approx(1 / 3),  # one word of three
        "after_a_day": {"put_in": 18, "alive": 12},  # "black " went, "very bright " stayed: "morning" is Ann's
        "now": {"put_in": 18, "alive": 6},
        "decided_after": 120.0,  # the middle one of 60, 120 and 180
    }
    assert (rows["co", "critique"]["withdrawn"], rows["co", "critique"]["decided_after"]) == (1, None)
    assert rows["bob", ""]["decided_after"] == 400.0
    assert rows["bob", ""]["now"]["alive"] == rows["bob", ""]["now"]["put_in"] > 0

    found = await desk.records.facts(desk.room.id)
    assert summed(found)["proposed"] == 6
    assert {fact.author for fact in between(found, START + 1, START + 11)} == {"bob"}
    assert record(between(found, START + 11, START + 99)) == []


async def test_what_is_taken_back_does_not_stand_and_what_is_brought_back_does(desk: Desk) -> None:
    cat = await desk.suggest("cat", "black cat")
    await desk.act(10, ANN, type="accept", suggestion=cat)
    decision = desk.room.canvas.suggestions[cat].hunks[0].decision
    assert (await desk.rows())["co", ""]["now"] == {"put_in": 6, "alive": 6}
    await desk.act(20, ANN, type="undo", decision=decision)
    row = (await desk.rows())["co", ""]
    assert (row["accepted"], row["open"], row["taken_back"]) == (0, 1, 1)
    assert row["now"] == {"put_in": 0, "alive": 0}
    await desk.act(30, ANN, type="accept", suggestion=cat)
    row = (await desk.rows())["co", ""]
    assert (row["accepted"], row["open"]) == (1, 0)
    assert row["now"] == {"put_in": 6, "alive": 6}


async def test_what_somebody_types_into_is_still_there(desk: Desk) -> None:
    """Letters put between letters take nothing away; half of a word deleted takes half."""
    cat = await desk.suggest("cat", "purring cat")
    await desk.act(10, ANN, type="accept", suggestion=cat)
    await desk.edit(20, "purring", "purr and sing")
    row = (await desk.rows())["co", ""]
    assert row["now"]["put_in"] == 8
    assert row["now"]["alive"] <= 8


async def test_facts_are_those_of_the_last_row(desk: Desk) -> None:
    assert await desk.rows() == {}
    first = await desk.suggest("cat", "dog")
    assert (await desk.rows())["co", ""]["open"] == 1
    await desk.act(5, ANN, type="reject", suggestion=first)
    assert (await desk.rows())["co", ""]["rejected"] == 1
    with pytest.raises(NotFound):
        await desk.records.facts("nowhere")


@pytest.mark.parametrize(
    ("proposed", "taken", "share"),
    [
        ("one two three four", "one two three four", 0.0),
        ("one two three four", "one two 3 four", 0.25),
        ("one two", "one two three four", 0.5),
        ("one two", "", 1.0),
        ("", "", 0.0),
        ("Well, yes", "Well; yes", 1 / 3),
        ("one  two", "one two", 0.0),
        ("漢字", "漢子", 0.5),
    ],
)
def test_how_far_a_text_was_amended_is_counted_in_words(proposed: str, taken: str, share: float) -> None:
    assert changed(proposed, taken) == pytest.approx(share)
    assert changed(taken, proposed) == pytest.approx(share)


def test_of_texts_as_long_as_a_page_the_words_are_counted() -> None:
    """Side by side, word by word, these would take hours."""
    words = [f"w{number} " for number in range(500_000)]
    assert changed("".join(words), "".join(words[:400_000])) == pytest.approx(0.2)
    assert changed("".join(words), "x " * 250_000) == 1.0
