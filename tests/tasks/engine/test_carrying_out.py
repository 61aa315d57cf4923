"""What becomes of a task: its steps one after the other, each once, and what people do in between."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from studiolo.agents.asking_people import Reply
from studiolo.agents.work import Ask
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from studiolo.store.tasks import Limits
from studiolo.tasks.job import DOING, Job, Result
from studiolo.tasks.merging import Wanted
from studiolo.tasks.task import Budget, Step
from tests.tasks.engine.workshop import NADIA, OMAR, Workshop, until, ways


@dataclass
class Ways:
    """Ways of doing steps that count how often they were begun, and what they saw."""

    begun: Counter[str] = field(default_factory=Counter)
    saw: dict[str, Any] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        ways(say=self.say, wait=self.wait, ask=self.ask, fail=self.fail, twice=self.twice)

    async def say(self, job: Job) -> Result:
        self.begun[job.step.id] += 1
        await job.act("say", {"type": "say", "text": job.step.given.get("text", job.step.id)}, job.by)
        return {"note": f"said {job.step.id}", "said": job.step.id}

    async def wait(self, job: Job) -> Result:
        self.begun[job.step.id] += 1
        await self.gate.wait()
        self.saw[job.step.id] = [line["text"] for line in job.task.said]
        return {"note": "waited"}

    async def ask(self, job: Job) -> Result:
        self.begun[job.step.id] += 1
        reply = await job.question("which", "Which word?", ["lantern", "torch"])
        return {"note": reply["answer"], "reply": reply}

    async def fail(self, job: Job) -> Result:
        self.begun[job.step.id] += 1
        await job.act("before", {"type": "say", "text": f"before {job.step.id}"}, job.by)
        if not self.saw.get("mended"):
            raise Invalid("It is broken.", "Mend it.")
        return {"note": "mended"}

    async def twice(self, job: Job) -> Result:
        """Fails in the middle, the first time, after parts that are kept."""
        self.begun[job.step.id] += 1

        async def count() -> Result:
            self.begun["part"] += 1
            return {"n": self.begun["part"]}

        first = await job.once("part", count)
        await job.act("say", {"type": "say", "text": "once"}, job.by)
        if self.begun[job.step.id] == 1:
            raise Unavailable("Not now.", "Again.")
        return {"note": "twice", "first": first}


@pytest.fixture
def doing() -> Ways:
    return Ways()


def step(id: str, do: str = "say", **given: Any) -> Step:
    return Step(id, do, f"Step {id}", given)


async def test_steps_are_done_in_order_and_each_once(either: Workshop, doing: Ways) -> None:
    task = await either.begin(step("a"), step("b"), step("c"))
    assert task.state == "queued" and task.leg == 1
    done = await either.wait(task.id)
    assert done.state == "done" and done.problem is None
    assert [(one.id, one.state, one.note) for one in done.plan] == [(id, "done", f"said {id}") for id in "abc"]
    assert await either.said() == ["a", "b", "c"] and doing.begun == Counter("abc")
    assert await either.tasks.result(task.id, "b") == {"said": "b"}
    assert [result["type"] for result in done.results] == ["message"] * 3
    states = [state for id, state in either.told if id == task.id]
    assert states[0] == "queued" and states[1] == "running" and states[-1] == "done"


async def test_what_a_step_had_finished_is_not_done_again_when_it_is_done_anew(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a", "twice"))
    done = await shop.wait(task.id)
    assert done.state == "done" and doing.begun["a"] == 2 and doing.begun["part"] == 1
    assert await shop.said() == ["once"]
    assert await shop.tasks.result(task.id, "a") == {"first": {"n": 1}}


async def test_a_task_that_asks_rests_as_a_row_and_goes_on_when_it_is_answered(either: Workshop, doing: Ways) -> None:
    task = await either.begin(step("a"), step("b", "ask"), step("c"))
    waiting = await either.wait(task.id, "waiting")
    [card] = waiting.open_cards
    assert (card["kind"], card["question"], card["choices"]) == ("question", "Which word?", ["lantern", "torch"])
    shown = await either.tasks.shown(waiting)
    assert (shown["waits"], shown["step"], shown["progress"]) == (1, "b", {"done": 1, "of": 3})
    with pytest.raises(Invalid, match="empty"):
        await either.tasks.answer(task.id, card["id"], Reply(" "), NADIA)
    await either.reopen()
    answers = await asyncio.gather(
        either.tasks.answer(task.id, card["id"], Reply("torch"), NADIA),
        either.tasks.answer(task.id, card["id"], Reply("lantern"), OMAR),
        return_exceptions=True,
    )
    late = [one for one in answers if isinstance(one, Conflict)]
    assert len(late) == 1, answers
    done = await either.wait(task.id)
    reply = (await either.tasks.result(task.id, "b") or {})["reply"]
    assert reply["answer"] in late[0].message or reply["by"]["name"] in late[0].message
    assert done.plan[1].note == reply["answer"] and await either.said() == ["a", "c"]
    with pytest.raises(Conflict, match="answered this already"):
        await either.tasks.answer(task.id, card["id"], Reply("torch"), NADIA)


async def test_a_failed_step_can_be_tried_again_and_skipped(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a"), step("b", "fail"), step("c"))
    failed = await shop.wait(task.id)
    assert failed.state == "failed" and failed.problem and failed.problem["message"] == "It is broken."
    assert failed.plan[1].error == failed.problem and failed.plan[2].state == "coming"
    await shop.reopen()
    await shop.tasks.retry(task.id, "b", NADIA)
    failed = await shop.wait(task.id, "failed")
    await until(lambda: doing.begun["b"] == 2)
    assert await shop.said() == ["a", "before b"], "what it had done before it failed is not done twice"
    await shop.tasks.skip(task.id, "b", NADIA)
    done = await shop.wait(task.id)
    assert done.state == "done" and [one.state for one in done.plan] == ["done", "skipped", "done"]
    doing.saw["mended"] = True
    await shop.tasks.retry(task.id, "b", NADIA)
    done = await shop.wait(task.id)
    assert [one.state for one in done.plan] == ["done"] * 3
    assert await shop.said() == ["a", "before b", "c"] and doing.begun["a"] == doing.begun["c"] == 1
    with pytest.raises(Conflict):
        await shop.tasks.retry(task.id, "b", NADIA)
    with pytest.raises(NotFound):
        await shop.tasks.retry(task.id, "z", NADIA)


async def test_a_paused_task_rests_at_its_next_step_and_goes_on_where_it_was(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a", "wait"), step("b"))
    await until(lambda: doing.begun["a"])
    paused = await shop.tasks.pause(task.id, NADIA)
    assert paused.state == "running" and paused.pausing
    assert not (await shop.tasks.resume(task.id, NADIA)).pausing
    await shop.tasks.pause(task.id, NADIA)
    doing.gate.set()
    paused = await shop.wait(task.id, "paused")
    assert [one.state for one in paused.plan] == ["done", "coming"] and not await shop.said()
    await shop.reopen()
    assert (await shop.tasks.get(task.id)).state == "paused"
    await shop.tasks.resume(task.id, OMAR)
    assert (await shop.wait(task.id)).state == "done" and doing.begun == Counter("ab")


async def test_a_step_that_a_paused_task_goes_on_without_need_not_end(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a", "wait"), step("b"))
    await until(lambda: doing.begun["a"])
    await shop.tasks.pause(task.id, NADIA)
    skipped = await shop.tasks.skip(task.id, "a", OMAR)
    paused = await shop.wait(task.id, "paused")
    assert paused.revision > skipped.revision, "whoever sees both knows which is the later one"
    assert [one.state for one in paused.plan] == ["skipped", "coming"] and not paused.pausing
    await shop.tasks.resume(task.id, NADIA)
    assert (await shop.wait(task.id)).state == "done" and doing.begun == Counter("ab")


async def test_what_is_cancelled_ends_in_the_middle_of_a_model_call(shop: Workshop, doing: Ways) -> None:
    shop.model.hold.clear()

    async def agent(job: Job) -> Result:
        return await job.run("ask", Ask(prompt="Go on.", skill="continue", page=page))

    page = (await shop.room()).canvas.outline()[0]["id"]
    ways(agent=agent)
    task = await shop.begin(step("a", "agent"), step("b"))
    await until(lambda: shop.model.asked, "the request")
    began = time.monotonic()
    cancelled = await shop.tasks.cancel(task.id, NADIA)
    assert cancelled.state == "cancelled" and cancelled.notes == ["Nadia cancelled it."]
    await until(lambda: shop.model.ended == 1, "the request to be broken off")
    assert time.monotonic() - began < 30  # under a second on a machine that is free: bench/tasks
    [run] = cancelled.plan[0].runs
    assert (await shop.runs.find(run))["state"] == "stopped"
    assert not (await shop.tasks.get(task.id)).plan[1].started
    with pytest.raises(Conflict, match="was cancelled"):
        await shop.tasks.steer(task.id, NADIA, "Too late.")
    assert (await shop.tasks.cancel(task.id)).state == "cancelled"


async def test_an_agents_run_is_the_tasks_in_results_and_cost_and_hears_what_people_said(
    shop: Workshop, doing: Ways
) -> None:
    async def agent(job: Job) -> Result:
        run = await job.run("ask", Ask(prompt="Go on.", skill="continue", page=page))
        again = await job.run("ask", Ask(prompt="Go on.", skill="continue", page=page))
        return {"same": run["id"] == again["id"]}

    page = (await shop.room()).canvas.outline()[0]["id"]
    ways(agent=agent)
    shop.model.play = lambda prompt: " Nobody came to light it that night, and the boats went by in the dark."
    task = await shop.begin(step("w", "wait"), step("a", "agent"))
    await until(lambda: doing.begun["w"])
    await shop.tasks.steer(task.id, OMAR, "Keep it dark.")
    doing.gate.set()
    done = await shop.wait(task.id)
    assert done.state == "done", done.problem
    assert await shop.tasks.result(task.id, "a") == {"same": True}
    assert any("Keep it dark." in prompt for prompt in shop.model.asked)
    assert [result["type"] for result in done.results] == ["suggestion"]
    assert done.spent.requests >= 1 and done.spent.output > 0 and done.spent.cost > 0
    assert done.plan[1].tokens == done.spent.input + done.spent.output and done.plan[1].cost == done.spent.cost
    assert (await shop.runs.find(done.plan[1].runs[0]))["parent"] == task.id
    assert (await shop.room()).canvas.page_text(page) == "The lamp was out.\n", "an agent only suggests"


async def test_a_step_that_an_older_program_planned_fails_with_a_sentence(shop: Workshop, doing: Ways) -> None:
    async def old(job: Job) -> Result:
        return {}

    ways(old=old)
    shop.limits = Limits(node=0)
    await shop.reopen()  # which carries out nothing
    task = await shop.begin(step("a"), step("b", "old"), step("c"))
    del DOING["old"]  # the next program has no such way
    shop.limits = Limits()
    await shop.reopen()
    failed = await shop.wait(task.id)
    assert failed.state == "failed" and "the studio's program has changed" in (failed.problem or {})["message"]
    await shop.tasks.skip(task.id, "b", NADIA)
    assert (await shop.wait(task.id)).state == "done" and await shop.said() == ["a", "c"]
    with pytest.raises(Invalid, match="Nothing here knows how to do"):
        await shop.begin(step("a", "old"))


async def test_people_change_what_is_still_to_come(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a", "wait"), step("b"), step("c"))
    await until(lambda: doing.begun["a"])
    await shop.tasks.arrange(
        task.id, OMAR, [Wanted("say", "New", {"text": "new"}), Wanted("say", "Step b", {"text": "other"}, "b")]
    )
    for steps, error in (
        ([Wanted("say", "?", {}, "a")], Conflict),
        ([Wanted("say", "?", {}, "c")], Conflict),
        ([Wanted("nothing", "?")], Invalid),
    ):
        with pytest.raises(error):
            await shop.tasks.arrange(task.id, NADIA, steps)
    doing.gate.set()
    done = await shop.wait(task.id)
    assert await shop.said() == ["new", "other"]
    assert [one.by for one in done.plan] == ["", "omar", "omar"]


async def test_a_fork_has_done_what_came_before_and_does_the_rest_otherwise(shop: Workshop, doing: Ways) -> None:
    async def read(job: Job) -> Result:
        before = await job.result("a")
        return {"before": before, "note": str(job.step.given.get("word"))}

    ways(read=read)
    shop.kinds["pair"] = [step("a"), step("b", "read", word="")]
    task = await shop.tasks.begin(await shop.room(), NADIA, "pair", {"word": "torch"})
    done = await shop.wait(task.id)
    fork = await shop.tasks.fork(task.id, "b", OMAR, {"word": "lantern"})
    other = await shop.wait(fork.id)
    assert other.state == "done" and other.by["id"] == "omar" and other.inputs == {"word": "lantern"}
    assert (done.plan[1].note, other.plan[1].note) == ("torch", "lantern")
    assert await shop.tasks.result(fork.id, "b") == {"before": {"said": "a"}}
    assert doing.begun["a"] == 1 and await shop.said() == ["a"]
    looked = await shop.tasks.would_fork(task.id, "b", {"word": "candle"})
    assert looked == {"keeps": ["Step a"], "does": ["Step b"]}


async def test_a_fork_does_anew_what_depended_on_what_is_filled_in_otherwise(shop: Workshop, doing: Ways) -> None:
    shop.kinds["three"] = [step("a", word=""), step("b"), step("c")]
    task = await shop.tasks.begin(await shop.room(), NADIA, "three", {"word": "torch"})
    await shop.wait(task.id)
    assert (await shop.tasks.would_fork(task.id, "c"))["keeps"] == ["Step a", "Step b"]
    fork = await shop.tasks.fork(task.id, "c", OMAR, {"word": "lantern"})
    assert [one.state for one in fork.plan] == ["coming"] * 3 and fork.plan[0].given["word"] == "lantern"
    await shop.wait(fork.id)
    assert doing.begun["a"] == 2


async def test_a_fork_of_somebody_elses_task_may_not_use_more_than_usual(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a"), budget=Budget(tokens=None, money=100.0), priority=5)
    await shop.wait(task.id)
    fork = await shop.tasks.fork(task.id, "a", replace(OMAR, role="commenter"))
    assert (fork.budget, fork.priority) == (Budget(), 0)
    await shop.wait(fork.id)


async def test_a_task_ends_cleanly_when_it_has_used_up_what_it_may(shop: Workshop, doing: Ways) -> None:
    async def forever(job: Job) -> Result:
        await job.found("a pearl", source="the sea")
        await asyncio.sleep(3600)
        return {}

    ways(forever=forever)
    task = await shop.begin(step("a", "forever"), step("b"), budget=Budget(seconds=1.0))
    ended = await shop.wait(task.id)
    assert ended.state == "done" and ended.notes == ["It was ended after 1 seconds of work."]
    assert [one.state for one in ended.plan] == ["skipped", "skipped"] and ended.found[0]["text"] == "a pearl"
    nothing = await shop.begin(step("w", "wait"), step("b"), budget=Budget(seconds=1.0))
    failed = await shop.wait(nothing.id)
    assert failed.state == "failed" and (failed.problem or {})["code"] == "budget"
    cheap = await shop.begin(step("a"), step("b"), budget=Budget(tokens=0))
    assert (await shop.wait(cheap.id)).state == "failed" and not await shop.said()


async def test_steps_put_others_into_the_plan_and_a_second_try_puts_them_there_once(
    shop: Workshop, doing: Ways
) -> None:
    async def planner(job: Job) -> Result:
        doing.begun["planner"] += 1
        await job.plan([step("x"), step("y")])
        await job.progress(1, 2, "half")
        if doing.begun["planner"] == 1:
            raise Unavailable("Not now.", "Again.")
        return {}

    ways(planner=planner)
    task = await shop.begin(step("p", "planner"), step("z"))
    done = await shop.wait(task.id)
    assert [one.id for one in done.plan] == ["p", "x", "y", "z"] and await shop.said() == ["x", "y", "z"]
    assert (done.plan[0].done, done.plan[0].of, done.plan[1].origin) == (2, 2, "p")


async def test_somebody_who_left_the_canvas_gets_nothing_done_there(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a", "wait"), step("b"), by=OMAR)
    await until(lambda: doing.begun["a"])
    del shop.members["omar"]
    doing.gate.set()
    failed = await shop.wait(task.id)
    assert failed.state == "failed" and "not in the canvas any more" in (failed.problem or {})["message"]
    assert failed.plan[0].state == "done" and not await shop.said()
    viewer = replace(OMAR, role="viewer")
    with pytest.raises(Forbidden):
        await shop.begin(step("a"), by=viewer)


async def test_a_task_that_begins_another_rests_until_that_has_ended(shop: Workshop, doing: Ways) -> None:
    async def parent(job: Job) -> Result:
        child = await job.begin("one", "pair", {}, wait=True)
        await job.begin("two", "pair", {}, wait=False)
        return {"note": child.state, "child": child.id}

    ways(parent=parent)
    shop.limits = Limits(person=1)
    await shop.reopen()  # one at a time: the parent must not hold its place while it waits
    shop.kinds["pair"] = [step("w", "wait"), step("s")]
    task = await shop.begin(step("p", "parent"), step("z"))
    waiting = await shop.wait(task.id, "waiting")
    assert not waiting.open_cards and waiting.plan[0].state == "waiting"
    await shop.reopen()
    await until(lambda: doing.begun["w"])
    doing.gate.set()
    done = await shop.wait(task.id)
    assert done.state == "done" and done.plan[0].note == "done"
    children = [one for one in await shop.tasks.listed() if one.parent == task.id]
    assert len(children) == 2 and {one.kind for one in children} == {"pair"}
    for child in children:
        await shop.wait(child.id)
    assert sorted(await shop.said()) == ["s", "s", "z"]


async def test_who_is_cancelled_while_it_waits_for_another_takes_that_one_with_it(shop: Workshop, doing: Ways) -> None:
    async def parent(job: Job) -> Result:
        return {"child": (await job.begin("one", "pair", {})).id}

    ways(parent=parent)
    shop.kinds["pair"] = [step("w", "wait"), step("s")]
    task = await shop.begin(step("p", "parent"))
    await shop.wait(task.id, "waiting")
    await until(lambda: doing.begun["w"])
    await shop.tasks.cancel(task.id, NADIA)
    assert [one.state for one in await shop.tasks.listed()] == ["cancelled", "cancelled"]


async def test_a_task_with_an_id_is_begun_once(either: Workshop, doing: Ways) -> None:
    room = await either.room()
    begun = await asyncio.gather(
        *(either.tasks.begin(room, NADIA, "test", {}, title="Test", plan=[step("a")], id="same") for _ in range(3))
    )
    assert {task.id for task in begun} == {"same"}
    await either.wait("same")
    assert await either.said() == ["a"]


async def test_only_so_many_tasks_of_a_person_run_and_the_urgent_go_first(either: Workshop, doing: Ways) -> None:
    first = [await either.begin(step("w", "wait"), step(f"first{n}")) for n in range(2)]
    await until(lambda: doing.begun["w"] == 2)
    late = await either.begin(step("late"))
    urgent = await either.begin(step("urgent"), priority=5)
    others = await either.begin(step("omars"), by=OMAR)
    await either.wait(others.id)  # whose turn does not wait for Nadia's
    assert [(await either.tasks.get(task.id)).state for task in (late, urgent)] == ["queued", "queued"]
    doing.gate.set()
    for task in (*first, late, urgent):
        await either.wait(task.id)
    said = await either.said()
    assert said.index("urgent") < said.index("late")


async def test_what_runs_when_the_studio_closes_goes_on_when_it_opens(either: Workshop, doing: Ways) -> None:
    task = await either.begin(step("a"), step("b", "wait"), step("c"))
    await until(lambda: doing.begun["b"])
    await either.reopen()
    await until(lambda: doing.begun["b"] == 2)
    assert (await either.tasks.get(task.id)).leg == 2
    doing.gate.set()
    done = await either.wait(task.id)
    assert done.state == "done" and doing.begun == Counter({"a": 1, "b": 2, "c": 1})
    assert await either.said() == ["a", "c"]


async def test_whoever_watches_sees_each_change_until_the_end(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("a", "wait"), step("b"))
    seen: list[dict[str, Any]] = []

    async def watch() -> None:
        async for event in shop.tasks.watch(task.id):
            seen.append(event)

    watcher = asyncio.create_task(watch())
    await until(lambda: any(event["task"]["step"] == "a" for event in seen))
    await shop.tasks.steer(task.id, NADIA, "Hello.")
    await until(lambda: seen[-1]["task"]["said"])
    doing.gate.set()
    await asyncio.wait_for(watcher, 120)
    assert seen[-1]["type"] == "done" and seen[-1]["task"]["state"] == "done"
    assert doing.saw["a"] == ["Hello."]


async def test_what_was_found_can_be_dropped(shop: Workshop, doing: Ways) -> None:
    async def find(job: Job) -> Result:
        for n in range(3):
            await job.found(f"fact {n}", source="x" if n else "y")
        await job.found("fact 0", source="y")
        return {"outcome": "Three facts."}

    ways(find=find)
    task = await shop.begin(step("a", "find"))
    done = await shop.wait(task.id)
    assert len(done.found) == 3 and done.outcome == "Three facts."
    dropped = await shop.tasks.drop(task.id, "x", NADIA)
    assert [bool(one.get("dropped")) for one in dropped.found] == [False, True, True]
    with pytest.raises(NotFound):
        await shop.tasks.drop(task.id, 7, NADIA)


async def test_how_long_it_will_take_is_told_by_how_long_it_took(shop: Workshop, doing: Ways) -> None:
    task = await shop.begin(step("w", "wait"), step("b"))
    assert (await shop.tasks.shown(task))["expects"] is None
    doing.gate.set()
    done = await shop.wait(task.id)
    assert (await shop.tasks.shown(done))["expects"] is None
    shop.tasks._durations.clear()
    task = await shop.begin(step("q", "ask"), step("b"))
    waiting = await shop.wait(task.id, "waiting")
    assert (await shop.tasks.shown(waiting))["expects"] is not None
    assert await shop.tasks.count() == {"done": 1, "waiting": 1}
