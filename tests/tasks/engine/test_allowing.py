"""What a task may do in the world: the studio's policy, the agent's tools, and what people say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from studiolo.agents.asking_people import Reply
from studiolo.canvas.errors import Forbidden
from studiolo.tasks.job import Job, Result
from studiolo.tasks.task import Step
from tests.tasks.engine.workshop import NADIA, OMAR, Workshop, ways


async def read(job: Job) -> Result:
    """Read two pages of the same site."""
    seen: list[str] = []
    for url in ("https://example.org/one", "https://example.org/two"):
        try:
            await job.permit("read_url", f"Reads {url}", {"url": url}, "example.org")
            seen.append(url)
        except Forbidden as error:
            seen.append(error.message)
    return {"seen": seen}


@pytest.fixture
def reading(shop: Workshop) -> Workshop:
    ways(read=read)
    shop.kit.reader = cast(Any, object())
    return shop


async def seen(shop: Workshop, task: str) -> list[str]:
    return (await shop.tasks.result(task, "r") or {})["seen"]


async def test_what_is_asked_for_is_asked_once_each_and_the_answer_counts_for_that(reading: Workshop) -> None:
    task = await reading.begin(Step("r", "read", "Reads"))
    waiting = await reading.wait(task.id, "waiting")
    [card] = waiting.open_cards
    assert card["kind"] == "approval" and card["tool"] == "read_url" and card["detail"]["host"] == "example.org"
    await reading.tasks.answer(task.id, card["id"], Reply(allow="once"), NADIA)
    waiting = await reading.wait(task.id, "waiting")
    [second] = waiting.open_cards
    assert second["id"] != card["id"] and "two" in second["title"]
    await reading.tasks.answer(task.id, second["id"], Reply("not that one", "no"), OMAR)
    await reading.wait(task.id)
    first, refused = await seen(reading, task.id)
    assert first == "https://example.org/one" and "Omar does not allow this" in refused and "not that one" in refused


async def test_what_is_allowed_for_the_rest_of_the_task_is_not_asked_again(reading: Workshop) -> None:
    task = await reading.begin(Step("r", "read", "Reads"))
    waiting = await reading.wait(task.id, "waiting")
    [card] = waiting.open_cards
    await reading.tasks.answer(task.id, card["id"], Reply(allow="run"), NADIA)
    done = await reading.wait(task.id)
    assert done.grants == ["read_url"] and len(done.cards) == 1
    assert await seen(reading, task.id) == ["https://example.org/one", "https://example.org/two"]


async def test_agents_and_commenters_allow_nothing(reading: Workshop) -> None:
    task = await reading.begin(Step("r", "read", "Reads"))
    waiting = await reading.wait(task.id, "waiting")
    [card] = waiting.open_cards
    for who in (replace(NADIA, kind="agent"), replace(OMAR, role="commenter")):
        with pytest.raises(Forbidden):
            await reading.tasks.answer(task.id, card["id"], Reply(allow="once"), who)
    await reading.tasks.skip(task.id, "r", OMAR)
    assert (await reading.wait(task.id)).state == "done"


async def test_the_studios_owner_may_allow_or_forbid_it_for_all(reading: Workshop) -> None:
    (reading.home / "tools.toml").write_text('[tools]\nread_url = "allow"\n')
    task = await reading.begin(Step("r", "read", "Reads"))
    await reading.wait(task.id)
    assert len(await seen(reading, task.id)) == 2 and not (await reading.tasks.get(task.id)).cards
    (reading.home / "tools.toml").write_text('[tools]\nread_url = "off"  # since this morning\n')
    task = await reading.begin(Step("r", "read", "Reads"))
    await reading.wait(task.id)
    assert all("may not use read_url" in one for one in await seen(reading, task.id))


async def test_an_agent_that_has_not_got_a_tool_does_not_get_it_by_a_task(reading: Workshop) -> None:
    task = await reading.begin(Step("r", "read", "Reads", {"agent": "critic"}))
    await reading.wait(task.id)
    assert all("Critic may not use read_url" in one for one in await seen(reading, task.id))


async def test_a_tool_that_is_not_set_up_says_so(reading: Workshop) -> None:
    reading.kit.reader = None
    task = await reading.begin(Step("r", "read", "Reads"))
    await reading.wait(task.id)
    assert all("not set up" in one for one in await seen(reading, task.id))
