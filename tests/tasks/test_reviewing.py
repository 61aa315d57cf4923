"""A review pass: every page is read, and what is common is said at the end."""

from __future__ import annotations

import re
from typing import Any

from studiolo.tasks.kind_folder import SHIPPED
from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import Desk
from tests.tasks.thinking import Answers, said

CHAPTERS = [
    ("Chapter 1", "The rain was very wet. Oda was very tired. She went out."),
    ("Chapter 2", "It was very late, and the lamp was very bright over the quay."),
    ("Chapter 3", ""),
    ("Ledger", "| day | tide |\n|---|---|\n| 1 | 4 |", "data"),
]


def notes(body: dict[str, Any]) -> dict[str, Any]:
    """It remarks on each sentence that has a word too many, of the passage that it is given."""
    text = re.findall(r"The text to comment on:\n<page>\n(.*?)\n</page>", said(body), re.DOTALL)[-1]
    found = [one.strip() for one in re.findall(r"[^.]*\bvery\b[^.]*\.", text)]
    return {
        "notes": [
            {"quote": one, "comment": "The word before the adjective weighs nothing.", "fix": one.replace(" very", "")}
            for one in found[-4:]
        ]
    }


def patterns(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "patterns": [{"text": "Adjectives are propped up.", "comments": [1, 3, 99]}, {"text": "No.", "comments": [99]}]
    }


async def test_a_book_is_read_page_by_page_by_two_agents_and_summed_up(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk(CHAPTERS)
    provider.thinks = Answers({"notes": notes, "patterns": patterns})
    task = await here.do("review-pass", {"second": "line-editor", "focus": "Only what is slack."})
    assert task.state == "done", task.problem
    steps = [step.title for step in task.plan]
    assert steps[:4] == ["Reads Chapter 1", "Reads Chapter 2", "Reads Chapter 3", "Reads Chapter 1 again"]
    assert task.title == "A review of 3 pages"
    view = here.view
    assert len(view["threads"]) == 6 and {one["author"] for one in view["suggestions"]} == {"critic", "line-editor"}
    assert all("very" not in one["hunks"][0]["replace"] for one in view["suggestions"])
    (message,) = view["chat"]
    assert "Adjectives are propped up." in message["text"] and "- Chapter 1: 4" in message["text"]
    assert "No." not in message["text"].replace("Not", "")
    assert task.outcome.startswith("6 comments and ")
    assert next(step for step in task.plan if step.title == "Reads Chapter 3").note == "the page is empty"
    assert any("Only what is slack." in said(body) for body in provider.chats)


async def test_a_long_page_is_read_in_parts_to_its_end(desk: OpenDesk, provider: FakeProvider) -> None:
    chapter = "\n\n".join(f"Oda counted {number} gulls, and {number} of them were very loud." for number in range(900))
    here: Desk = await desk([("Long", chapter)])
    model = Answers({"notes": notes, "patterns": lambda body: {"patterns": []}})
    provider.thinks = model
    task = await here.do("review-pass", {"comments": 1})
    step = task.plan[0]
    assert step.of > 3 and step.done == step.of == len(model.requests) - 1
    quotes = " ".join(thread["quote"] for thread in here.view["threads"])
    assert len(here.view["threads"]) == step.of and re.search(r"counted [78]\d\d gulls", quotes)


async def test_one_page_that_cannot_be_read_does_not_end_the_pass(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk(CHAPTERS)

    def fails(body: dict[str, Any]) -> dict[str, Any]:
        return (
            {"notes": [{"quote": "nothing of the kind", "comment": "", "fix": None}]}
            if "rain" in said(body)
            else notes(body)
        )

    provider.thinks = Answers({"notes": fails, "patterns": patterns})
    task = await here.do("review-pass")
    assert task.state == "done"
    assert "Not read: Chapter 1" in here.view["chat"][0]["text"]


async def test_a_page_that_is_taken_away_meanwhile_is_left_out(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk(CHAPTERS)
    (folder := here.tasks_folder).mkdir()
    shipped = (SHIPPED / "review-pass.md").read_text()
    asks = "steps:\n  - {id: ask, do: ask_people, title: Asks, question: Now}\n"
    (folder / "review-pass.md").write_text(shipped.replace("steps:\n", asks, 1))
    provider.thinks = Answers({"notes": notes})

    async def takes_away(card: dict[str, Any]) -> str:
        await here.room.apply({"type": "remove_page", "page": here.pages["Chapter 1"]}, here.by)
        return "Now"

    task = await here.do("review-pass", {}, takes_away)
    assert task.state == "done", task.problem
    assert [step.note for step in task.plan if step.title == "Reads Chapter 1"] == ["the page is not there any more"]
    assert task.outcome == "1 comment and 1 suggestion in 1 page."


async def test_nothing_to_remark_on_is_one_line(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk([("Chapter 1", "Oda wrote the tides into the ledger.")])
    provider.thinks = Answers({"notes": lambda body: {"notes": []}})
    task = await here.do("review-pass")
    assert task.outcome == "Nothing to remark on in 1 page."
