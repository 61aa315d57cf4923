"""A run that waits or rests holds nothing of the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from studiolo.agents import asking_people
from studiolo.agents.asking_people import Reply
from studiolo.agents.local import READER
from studiolo.canvas import Participant
from studiolo.canvas.errors import Conflict, Forbidden
from studiolo.models import ModelFailed
from studiolo.store import Store
from tests.agents.conftest import until
from tests.agents.looping.conftest import Desk, Player, SetDesk

ASKS = [("ask_person", {"question": "Which word?", "choices": ["lantern", "torch"]})]


async def waiting(here: Desk, model: Player, **ask: Any) -> Any:
    model.answers = [*[ASKS] * (len(model.sent) + 1), "Thank you."]
    run = await here.done(**ask)
    assert run.state == "waiting"
    return run


async def test_a_run_that_waits_has_no_task_no_turn_at_the_model_and_no_seat_in_the_room(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    shown: list[Any] = []
    here.surface.show = lambda by, state: shown.append(state)
    runs = [await waiting(here, model) for _ in range(3)]
    assert not any(run.under_way for run in runs) and shown[-1] is None
    assert here.runs.under_way() == {} and not here.runs._present
    assert all(not lane.gate.locked() and lane.waiting == 0 for lane in here.runs._lanes.values())
    assert runs[0].place is None


async def test_what_it_worked_with_is_let_go(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    made: list[weakref.ref[Any]] = []
    begin = here.runs._work

    def noted(*arguments: Any) -> Any:
        work = begin(*arguments)
        made.append(weakref.ref(work.voice))
        return work

    here.runs._work = noted  # type: ignore[method-assign]
    run = await waiting(here, model)
    gc.collect()
    assert run.state == "waiting" and made[0]() is None


async def test_an_answer_brings_it_back_where_it_was(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    run = await waiting(here, model, say=True)
    call = run.open_cards[0]["call"]
    await here.guide.answer(run.id, here.surface, call, Reply("torch"), READER)
    await run.wait()
    assert run.state == "done" and run.usage.requests == 2 and len(model.sent) == 2
    assert "answer of You" in str(model.sent[1]) and here.chat[-1]["text"].strip() == "Thank you."


async def test_an_agent_answers_for_nobody(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    run = await waiting(here, model)
    agent = Participant("worker", "Worker", "agent", "#000000", "owner")
    with pytest.raises(Forbidden, match="Agents cannot answer"):
        await here.guide.answer(run.id, here.surface, run.open_cards[0]["call"], Reply("torch"), agent)
    assert run.state == "waiting"


async def test_a_run_that_has_ended_takes_no_answer(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    run = await waiting(here, model)
    call = run.open_cards[0]["call"]
    await here.runs.stop(run.id)
    assert run.state == "stopped"
    with pytest.raises(Conflict):
        await here.guide.answer(run.id, here.surface, call, Reply("torch"), READER)
    with pytest.raises(Conflict):
        await here.guide.resume(run.id, here.surface)


async def test_a_run_that_waits_is_not_resumed_without_an_answer(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    run = await waiting(here, model)
    with pytest.raises(Conflict, match="waits for an answer"):
        await here.guide.resume(run.id, here.surface)


async def test_an_agent_whose_role_was_lowered_goes_on_with_no_more_than_it_has_now(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    run = await waiting(here, model)
    run.role = "viewer"
    model.answers = [ASKS, here.suggests(), "I may not."]
    await here.guide.answer(run.id, here.surface, run.open_cards[0]["call"], Reply("torch"), READER)
    await run.wait()
    assert run.state == "done" and here.suggestions == [] and "suggest" not in model.tools[1]


async def test_a_run_is_stopped_within_a_second_while_its_model_is_silent(desk: SetDesk) -> None:
    model = Player(["word " * 100], pause=60.0)
    here = desk(model)
    run = here.ask()
    await until(lambda: len(model.sent) == 1)
    await here.runs.stop(run.id)
    assert run.state == "stopped"


async def test_who_watches_is_told_when_it_ends(desk: SetDesk) -> None:
    model = Player(["Done."])
    here = desk(model)
    ended: list[str] = []
    here.runs.on_end.append(lambda run: ended.append(run.state))
    await here.done()
    assert ended == ["done"]


async def test_a_run_whose_model_is_gone_says_so_when_it_is_to_go_on(desk: SetDesk) -> None:
    model = Player([])
    here = desk(model)
    run = await waiting(here, model)

    def gone(name: str | None = None) -> Any:
        raise ModelFailed("There is no model called player.", "Choose another.", reason="unknown_model")

    model.get = gone  # type: ignore[method-assign]
    await here.guide.answer(run.id, here.surface, run.open_cards[0]["call"], Reply("torch"), READER)
    assert run.state == "failed" and run.error and run.error["hint"] == "Choose another."
    assert [event async for event in run.events()][-1]["type"] == "done"


async def test_a_run_that_was_about_to_go_on_when_its_process_died_goes_on_in_the_next(
    desk: SetDesk, tmp_path: Path
) -> None:
    model = Player([])
    here = desk(model)
    async with contextlib.AsyncExitStack() as stack:
        store = await Store.open(tmp_path / "studio.db")
        stack.push_async_callback(store.close)
        await store.create_canvas(here.surface.id, "A canvas", "you", 1.0)
        here.runs._store = store
        run = await waiting(here, model)
        kept = await store.get_run(run.id)
        assert kept is not None and kept["state"] == "waiting" and await store.run_history(run.id)
        going = asking_people.answered(kept, run.open_cards[0]["call"], Reply("torch"), READER, 2.0)
        assert going["answer"] == "answered"
        await store.save_run(here.runs.set_going(kept))
        # The next process knows nothing but what is stored.
        here.runs._runs.clear()
        assert await here.runs.recover() == 0
        found = None
        async with asyncio.timeout(10):
            while found is None or found["state"] != "done":
                await asyncio.sleep(0.01)
                found = await store.get_run(run.id)
        assert found["leg"] == 1 and "torch" in str(model.sent[-1]) and len(model.sent) == 2
        assert await store.run_history(run.id) is None
        assert [step["n"] for step in await store.run_steps(run.id)] == [1, 2, 3]
        await here.runs.close()
