"""The plain ways of doing a step, of which kinds of one's own are made: ask people, ask an agent, say something, begin
another task."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest

from studiolo.agents.asking_people import Reply
from studiolo.canvas.errors import StudioloError
from studiolo.tasks.task import Budget, Step
from tests.models.fake_provider import FakeProvider, Turn
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import NADIA, Desk
from tests.tasks.test_watching import NEW, OLD, news
from tests.tasks.thinking import Answers, Researcher
from tests.tasks.web.vesper import TOPIC, Web
from tests.tools.site import page

MILL = "The miller had nine measures of oil. The wheel stood still."


def kind(desk: Desk, steps: str, body: str = "", inputs: str = "") -> str:
    """A kind of one's own with these steps; its id."""
    desk.tasks_folder.mkdir(exist_ok=True)
    front = f"name: Mine\n{f'inputs:{inputs}' if inputs else ''}\nsteps:\n{steps}"
    (desk.tasks_folder / "mine.md").write_text(f"---\n{front}\n---\nWords.\n{body}")
    return "mine"


@pytest.mark.parametrize("many", [1, 2])
async def test_an_agent_does_what_the_section_says_and_what_it_suggests_is_counted(
    desk: OpenDesk, provider: FakeProvider, many: int
) -> None:
    here: Desk = await desk([("Mill", MILL)])
    changes = [("nine measures", "ten measures"), ("stood still", "turned")][:many]
    calls = [
        ("suggest", {"page": here.pages["Mill"], "changes": [{"find": find, "replace": to}], "reason": "Better."})
        for find, to in changes
    ]
    provider.script = [Turn(calls=calls), Turn("I changed the oil.")]
    mine = kind(
        here,
        '  - {id: mend, do: ask_agent, title: Mends, agent: co-author, page: "{page}"}',
        "\n## mend\nMend the oil.\n",
        "\n  page: {kind: page}",
    )
    task = await here.do(mine, {"page": here.pages["Mill"]})
    assert task.state == "done", task.problem
    assert task.outcome == ("1 suggestion" if many == 1 else "2 suggestions")
    made = here.open_suggestions(here.pages["Mill"])
    assert len(made) == many and {one["id"] for one in made} == {
        one["id"] for one in task.results if one["type"] == "suggestion"
    }
    assert here.results[task.id]["mend"]["answer"] == "I changed the oil."
    assert "Mend the oil." in str(provider.chats[0]["messages"])
    assert here.room.canvas.live_page(here.pages["Mill"]) == MILL


async def test_the_outcome_tells_of_what_all_steps_suggested(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk([("Mill", MILL)])

    def suggests(find: str, to: str) -> list[Turn]:
        change = {"page": here.pages["Mill"], "changes": [{"find": find, "replace": to}], "reason": "Better."}
        return [Turn(calls=[("suggest", change)]), Turn("I changed a word.")]

    provider.script = [*suggests("nine", "ten"), *suggests("still", "quite still"), Turn("The rest may stay.")]
    steps = "\n".join(f"  - {{id: {one}, do: ask_agent, title: Mends}}" for one in ("a", "b", "c"))
    task = await here.do(kind(here, steps, "\n## a\nDo it.\n\n## b\nDo it.\n\n## c\nDo it.\n"))
    assert [step.note for step in task.plan] == ["1 suggestion", "1 suggestion", "The rest may stay."]
    assert task.outcome == "2 suggestions. The rest may stay."


async def test_an_agent_that_only_answers_is_told_in_its_words(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk([("Mill", MILL)])
    provider.script = [Turn("Nothing is wrong with it.")]
    mine = kind(here, "  - {id: mend, do: ask_agent, title: Mends}", "\n## mend\nMend the oil.\n")
    task = await here.do(mine)
    assert task.state == "done" and task.outcome == "Nothing is wrong with it." and not here.open_suggestions()


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ("  - {do: ask_agent, title: Asks}", "There is nothing for the agent to do."),
        ("  - {do: say, title: Says}", "There is nothing to say."),
        ("  - {do: ask_people, title: Asks}", "There is nothing to ask."),
        ("  - {do: task, title: Begins}", "There is no task to begin."),
        ("  - {do: ask_agent, title: Asks, agent: nobody, instructions: Do it}", "nobody"),
        ("  - {do: ask_agent, title: Asks, page: gone, instructions: Do it}", "not there any more"),
    ],
)
async def test_a_step_without_what_it_needs_fails_with_a_sentence(
    desk: OpenDesk, provider: FakeProvider, steps: str, why: str
) -> None:
    here: Desk = await desk()
    task = await here.do(kind(here, steps))
    assert task.state == "failed" and task.problem and why in task.problem["message"] and not provider.asked


async def test_something_is_said_once_in_the_agents_name_with_what_was_filled_in(
    desk: OpenDesk, provider: FakeProvider
) -> None:
    here: Desk = await desk()
    mine = kind(
        here,
        '  - {id: one, do: say, title: Says, text: "Good morning, {who}.", agent: critic}\n'
        "  - {id: two, do: say, title: Says}",
        "\n## two\nGood night, {who}.\n",
        "\n  who: {kind: text}",
    )
    task = await here.do(mine, {"who": "Oda"})
    assert task.state == "done" and not provider.asked
    said = [(one["author"], one["text"]) for one in here.view["chat"] if not one.get("card")]
    assert said == [("critic", "Good morning, Oda."), ("co-author", "Good night, Oda.")]
    assert [one["type"] for one in task.results] == ["message", "message"]


async def test_people_are_asked_and_what_they_say_is_the_note(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk()
    mine = kind(here, '  - {id: ask, do: ask_people, title: Asks, question: "Which?", choices: [red, blue]}')
    task = await here.do(mine, answer=lambda card: card["choices"][1])
    assert task.state == "done" and [step.note for step in task.plan] == ["Nadia: blue"]
    assert here.results[task.id]["ask"]["answer"] == "blue"


class Reporter(Answers):
    """Tells news, and researches it when a task does that."""

    def __init__(self) -> None:
        super().__init__({"lines": news})
        self.research = Researcher(["What is new about the road over the barrage?"], TOPIC)
        for name in ("parts", "claims", "searches", "findings", "verdicts"):
            self.by[name] = self.research


async def allow_all(here: Desk) -> None:
    """Somebody allows what any task wants to do."""
    while True:
        for task in await here.tasks.listed(states=("waiting",)):
            for card in task.open_cards:
                with contextlib.suppress(StudioloError):  # it has gone on meanwhile
                    await here.tasks.answer(task.id, card["id"], Reply(allow="run"), NADIA)
        await asyncio.sleep(0.02)


async def test_watching_begins_a_research_about_what_is_new_and_only_then(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web)
    provider.thinks = Reporter()
    url = web.url("council", "/today")

    def today(*parts: str) -> None:
        web.sites["council"].pages["/today"] = page(
            f"<html><head><title>Today</title></head><body><main><h1>Today</h1>{''.join(parts)}</main></body></html>"
        )

    today(OLD)
    inputs = {"about": "the road over the barrage", "url": url, "research": True}
    for _ in range(2):
        task = await here.do("watch", inputs)
        assert task.state == "done" and task.plan[-1].note == "nothing is new, so nothing was begun"
        assert (await here.tasks.shown(task))["children"] == []
    today(NEW, OLD)
    allowing = asyncio.create_task(allow_all(here))
    try:
        task = await here.do("watch", inputs, budget=Budget(tokens=50_000))
    finally:
        allowing.cancel()
        await asyncio.gather(allowing, return_exceptions=True)
    assert task.state == "done", task.problem
    assert task.outcome == "1 new about the road over the barrage."
    [child] = (await here.tasks.shown(task))["children"]  # to be seen from both
    research = await here.tasks.get(child["id"])
    assert research.parent == task.id and child["state"] == research.state == "done", research.problem
    assert (child["kind"], child["title"]) == ("deep-research", research.title) and "the road" in research.title
    assert here.results[task.id]["research"]["task"] == research.id
    assert {"type": "page", "id": research.results[0]["id"]} in task.results  # what it made is this one's, too
    assert research.cards and all(card["kind"] == "approval" for card in research.cards)  # it shows no plan
    # What one uses comes off the other.
    assert research.budget.tokens is not None and research.budget.tokens < 50_000
    spent = research.spent.input + research.spent.output
    assert task.spent.input + task.spent.output > spent > 0
    # Without the toggle nothing is begun.
    today("<p>On Sunday the council opened the road again for all that have wheels.</p>", NEW, OLD)
    task = await here.do("watch", {**inputs, "research": False})
    assert [step.id for step in task.plan] == ["look", "tell"]


async def test_tasks_begin_tasks_a_few_deep_only(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk()
    mine = kind(here, "  - {do: task, title: Begins itself, kind: mine, inputs: {}, wait: true}")
    first = await here.do(mine)
    tasks = await here.tasks.listed()
    assert first.state == "done" and len(tasks) == 5
    [deepest] = [task for task in tasks if task.state == "failed"]
    assert deepest.problem and re.search("deep at most", deepest.problem["message"])


async def test_what_a_task_was_given_by_another_is_no_word_of_a_person(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    """A page that was read may have put it there: it does not leave without a question."""
    secret = "The butler Ferdinand Okonkwo hides the emerald ledger beneath the pantry stairs"
    here: Desk = await desk([("A novel", f"{secret}.")], web)
    (here.home / "tools.toml").write_text('[tools]\nweb = "allow"\n')
    look = Step("look", "look", "Looks", {"query": secret})
    asked: list[dict[str, Any]] = []

    def allow(tool: str, arguments: Any) -> bool:
        asked.append(dict(arguments))
        return False

    here.allow = allow
    mine = kind(here, '  - {do: look, title: Looks, query: "{query}"}', inputs="\n  query: {kind: text}")
    by_hand = await here.do(mine, {"query": secret})
    assert by_hand.state == "done" and not asked and web.queries == [secret]  # they said so themselves
    parent = await here.tasks.begin(here.room, NADIA, "x", {}, plan=[Step("s", "say", "Says", {"text": "x"})])
    await here.do("x", {"query": secret}, plan=[look], parent=parent.id)
    assert asked == [{"query": secret}] and web.queries == [secret]
