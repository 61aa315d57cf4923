"""What people do with tasks: begin, watch, steer, answer, let rest, stop, change what is still to come, try again.

It works at every node, wherever a task is carried out. Who may do what is looked at by whoever calls this, but for
answers: those are judged where they are written down, in the same moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studiolo.agents import asking_people
from studiolo.agents.asking_people import Reply
from studiolo.agents.choosing_skill import Catalogue
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.agents.run import Run
from studiolo.agents.runs import Runs
from studiolo.agents.surface import Surface
from studiolo.canvas import Canvas, Participant, StudioloError
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from studiolo.canvas.participant import rank
from studiolo.store import Store
from studiolo.store import tasks as kept
from studiolo.store.dialect import Plain
from studiolo.store.tasks import Limits
from studiolo.tasks.driving import Drive, Driving, OtherNodes, set_queued
from studiolo.tasks.forking import forked
from studiolo.tasks.halting import Fenced
from studiolo.tasks.job import DOING
from studiolo.tasks.legs import Legs
from studiolo.tasks.merging import Wanted, merged
from studiolo.tasks.task import MOST_STEPS, Budget, Spending, Step, Task, TaskState
from studiolo.tasks.working import Parts, StepWork

UNDER_WAY: tuple[TaskState, ...] = ("queued", "running", "paused", "waiting")
MOST_SAID = 50
LONGEST_SAID = 4_000  # characters
MOST_QUEUED = 500  # tasks of one person that wait for their turn
LOOK_AGAIN = 10.0  # seconds after which whoever watches a task looks for what no node told
REMEMBERED = 60.0  # seconds for which it is remembered how long steps took
LOOKED_AT = 40  # tasks that are done, to tell how long one will take
MOST_EVENTS = 1_000  # of runs, that wait for whoever watches
log = logging.getLogger(__name__)


Layout = Callable[[str, dict[str, Any], Canvas], tuple[str, dict[str, Any], list[Step]]]
"""How a kind lays its plan out: (kind, what was filled in, the canvas) -> (title, the inputs in full, the steps).
Raises `Invalid` for what is missing or wrong, and `NotFound` for a kind that is not there."""


class Tasks:
    """The tasks of a studio.

    `database` and `home` say where DBOS keeps what it keeps; `open_canvas` gives the room of a canvas, `who` the
    participant with an id as they are in a canvas now.
    """

    def __init__(
        self,
        store: Store,
        database: str | Path,
        home: Path,
        runs: Runs,
        guide: Guide,
        models: Catalogue,
        kit: Kit,
        open_canvas: Callable[[str], Awaitable[Surface]],
        who: Callable[[str, str], Awaitable[Participant]],
        layout: Layout,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        limits: Limits | None = None,
        nodes: OtherNodes | None = None,
    ) -> None:
        self._store = store
        self._runs = runs
        self._guide = guide
        self._open_canvas = open_canvas
        self._ask_who = who
        self._layout = layout
        self._clock = clock
        self._new_id = new_id
        self._closed = False
        self._durations: dict[str, tuple[float, dict[str, float]]] = {}
        parts = Parts(runs, models, kit, open_canvas, self.begin)
        executor, alive = (nodes.id, nodes.alive) if nodes else ("", None)

        def job(drive: Drive, step: Step, surface: Surface, by: Participant) -> StepWork:
            return StepWork(parts, self._driving, drive, step.id, surface, by)

        self._driving = Driving(
            store,
            lambda driving: Legs(database, home, driving.carry_out, driving.broke, executor, alive),
            job,
            open_canvas,
            self._who,
            clock,
            limits or Limits(),
            nodes,
            lambda: runs.tracing,
        )
        self._driving.on_rest.append(self._rested)
        runs.on_end.append(self._run_ended)
        self.on_change: list[Callable[[Task], None]] = self._driving.on_change
        """Called at this node with a task after each change that was made here: who tells others of it (the inbox,
        notifications) does so in its own time. `task.state` says what it came to."""
        self.on_news: list[Callable[[str], None]] = self._driving.on_news
        """Called with the id of a task that has changed, at whatever node; with "" when some news may be missing."""

    async def open(self) -> None:
        """Take up what earlier processes left, and hear of other nodes."""
        await self._driving.open()
        for task in await self.listed(("waiting",), limit=10_000):
            if not task.open_cards:
                self._driving.later(self._rested(task))

    async def close(self) -> None:
        """Let go of everything: what runs goes on at another node, or when the studio starts."""
        self._closed = True
        if self._run_ended in self._runs.on_end:
            self._runs.on_end.remove(self._run_ended)
        await self._driving.close()

    async def begin(
        self,
        surface: Surface,
        by: Participant,
        kind: str,
        inputs: dict[str, Any],
        *,
        title: str = "",
        model: str | None = None,
        priority: int = 0,
        budget: Budget | None = None,
        schedule: str | None = None,
        parent: str | None = None,
        plan: Sequence[Step] | None = None,
        id: str | None = None,
        within: Callable[[Plain], None] | None = None,
    ) -> Task:
        """Begin a task: its kind lays out the plan, or `plan` is it. It is kept when this returns, and carried out as
        soon as it is its turn. With an `id` that is there already that task is given back, and nothing is begun.
        `within` is done in the same transaction, as `store.tasks.add` says.

        Raises `Invalid`, `NotFound` for an unknown kind, `Forbidden` for a viewer.
        """
        if self._closed:
            raise Unavailable("The studio is closing.", "Come back in a moment.")
        if not by.may("commenter"):
            raise Forbidden("This needs the role commenter.", "Ask an owner of the canvas for that role.")
        if id is not None and within is None:
            with contextlib.suppress(NotFound):
                return await self._same(id, surface.id)
        if plan is None:
            named, inputs, steps = self._layout(kind, dict(inputs), surface.canvas)
        else:
            named, steps = kind, copy.deepcopy(list(plan))
        _check_plan(steps)
        task = Task(
            id=id or self._new_id(),
            canvas=surface.id,
            kind=kind,
            title=title.strip() or named,
            by={"id": by.id, "name": by.name, "role": by.role},
            inputs=inputs,
            plan=steps,
            made=self._clock(),
            model=model,
            priority=priority,
            budget=budget or Budget(),
            schedule=schedule,
            parent=parent,
            leg=1,
            revision=0,
        )
        return await self._add(task, most=MOST_QUEUED, within=within)

    async def _same(self, id: str, canvas: str) -> Task:
        task = await self.get(id)
        if task.canvas != canvas:
            raise Conflict("There is a task with this id already.", "Use another id.")
        return task

    async def _add(
        self,
        task: Task,
        results: dict[str, Any] | None = None,
        most: int | None = None,
        within: Callable[[Plain], None] | None = None,
    ) -> Task:
        task = Task.read(await kept.add(self._store, task.as_dict(), results, most, within))
        self._driving.changed(task)
        self._driving.queued()
        return task

    async def get(self, id: str) -> Task:
        """A task. Raises `NotFound`."""
        return Task.read(await kept.get(self._store, id))

    async def of_canvas(self, canvas: str, limit: int = 100) -> list[Task]:
        """The tasks of a canvas, the newest first."""
        return await self.listed(canvases=(canvas,), limit=limit)

    async def listed(
        self,
        states: Collection[TaskState] = (),
        canvases: Collection[str] | None = None,
        limit: int = 100,
        schedule: str | None = None,
    ) -> list[Task]:
        """Tasks, the newest first: in any state or in these, of all canvases or of these, of a schedule or of any."""
        return [Task.read(row) for row in await kept.listed(self._store, states, canvases, limit, schedule)]

    async def count(self) -> dict[str, int]:
        """How many tasks there are, by state."""
        return await kept.count(self._store)

    async def result(self, id: str, step: str) -> dict[str, Any] | None:
        """What a step came to, in full; None while it has not come to anything. Raises `NotFound`."""
        await self.get(id)
        return await kept.result(self._store, id, step)

    async def shown(self, task: Task) -> dict[str, Any]:
        """The task as JSON for people: `Task.as_dict()` with `progress` {done, of}, `expects` (seconds left, or None
        where nothing is known), `step` (the id of the current one, or None), `waits` (open cards) and `children` (id,
        title, kind and state of the tasks that it began, in their order)."""
        current = None if task.ended else task.current
        behind = sum(step.state in ("done", "skipped") for step in task.plan)
        return task.as_dict() | {
            "progress": {"done": behind, "of": len(task.plan)},
            "expects": await self._expects(task),
            "step": current.id if current else None,
            "waits": 0 if task.ended else len(task.open_cards),
            "children": await self._children(task),
        }

    async def _children(self, task: Task) -> list[dict[str, Any]]:
        if not any(step.do == "task" and step.state != "coming" for step in task.plan):
            return []
        found = await kept.listed(self._store, parent=task.id, limit=100)
        return [{name: one[name] for name in ("id", "title", "kind", "state")} for one in reversed(found)]

    async def watch(self, id: str) -> AsyncIterator[dict[str, Any]]:
        """`{"type": "task", "task": shown}` at once and whenever it changes, `{"type": "run", "run": id, "event": …}`
        for what the runs of its step tell, and `{"type": "done", "task": shown}` at the end. Raises `NotFound`."""
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_EVENTS)
        following: dict[str, asyncio.Task[None]] = {}
        last: Task | None = None
        waiter: asyncio.Task[Any] | None = None
        try:
            while True:
                news = self.news(id)
                task = await self.get(id)
                if task != last:
                    last = task
                    yield {"type": "task", "task": await self.shown(task)}
                if task.ended:
                    yield {"type": "done", "task": await self.shown(task)}
                    return
                current = task.current
                for run in current.runs if current is not None else ():
                    if run not in following:
                        following[run] = asyncio.create_task(self._follow(run, told))
                changed = asyncio.create_task(news.wait())
                deadline = asyncio.get_running_loop().time() + LOOK_AGAIN
                try:
                    while not changed.done() and (left := deadline - asyncio.get_running_loop().time()) > 0:
                        waiter = waiter or asyncio.create_task(told.get())
                        await asyncio.wait({changed, waiter}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                        if waiter.done():
                            event, waiter = waiter.result(), None
                            yield event
                finally:
                    changed.cancel()
        finally:
            tasks = [*following.values(), *([waiter] if waiter else [])]
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def news(self, id: str) -> asyncio.Event:
        """Set when the task changes the next time."""
        return self._driving.news(id)

    async def _follow(self, run: str, told: asyncio.Queue[dict[str, Any]]) -> None:
        try:
            events, _ = await self._runs.watch(run)
            async with contextlib.aclosing(events) as stream:  # pyright: ignore[reportArgumentType]
                async for event in stream:
                    await told.put({"type": "run", "run": run, "event": event})
        except StudioloError as error:
            log.info("run %s of a task cannot be followed: %s", run, error.message)

    # -- hands on it; each returns the task as it is then, raises `NotFound`, and `Conflict` where it came too late

    async def pause(self, id: str, by: Participant) -> Task:
        """Let it rest at its next step. The step under way goes to its end."""

        def paused(task: Task) -> None:
            _under_way(task)
            if task.state == "queued":
                task.state = "paused"
                task.leg += 1
            elif task.state in ("running", "waiting"):
                task.pausing = True

        return await self._driving.change(id, paused)

    async def resume(self, id: str, by: Participant) -> Task:
        """Let a paused task go on. One that waits goes on when it is answered."""

        def resumed(task: Task) -> None:
            _under_way(task)
            if task.state == "paused":
                set_queued(task)
            elif task.pausing:
                task.pausing = False
            elif task.state == "waiting":
                raise Conflict("The task waits for an answer.", "Answer it; then it goes on by itself.")

        return await self._go_on(await self._driving.change(id, resumed))

    async def cancel(self, id: str, by: Participant | None = None) -> Task:
        """End it now, also in the middle of a step, wherever it runs. What it made stays."""

        def cancelled(task: Task) -> None:
            if task.ended:
                return
            now = self._clock()
            task.leg += 1
            task.state, task.finished, task.pausing, task.node = "cancelled", now, False, ""
            if by is not None:
                _add(task.notes, f"{by.name} cancelled it.")
            for step in task.plan:
                if step.state in ("running", "waiting"):
                    step.state, step.finished = "skipped", now
            _close_cards(task.open_cards, "stopped", by, now)

        before = await self.get(id)
        task = await self._stop_what_runs(await self._driving.change(id, cancelled))
        if before.state == "waiting" and not before.open_cards:  # for tasks that it began
            for child in await kept.listed(self._store, UNDER_WAY, parent=id, limit=1_000):
                await self.cancel(child["id"], by)
        return task

    async def steer(self, id: str, by: Participant, text: str) -> Task:
        """Tell it something, which the agents of its next steps read."""
        text = text.strip()
        if not text:
            raise Invalid("Nothing was said to it.", "Write what it should do instead.")
        if len(text) > LONGEST_SAID:
            raise Invalid(f"That is longer than {LONGEST_SAID:,} characters.", "Put long material on a page.")

        def said(task: Task) -> None:
            _under_way(task)
            line = {"by": {"id": by.id, "name": by.name}, "text": text, "at": self._clock()}
            task.said = [*task.said, line][-MOST_SAID:]

        return await self._driving.change(id, said)

    async def arrange(
        self, id: str, by: Participant, steps: Sequence[Wanted], seen: Sequence[Wanted] | None = None
    ) -> Task:
        """Let these be the steps that are still to come, in this order. What is not among them is taken out. With the
        steps that this person saw, what others changed meanwhile stays (`merging`), and what has begun is let be."""
        wanted = steps

        def arranged(task: Task) -> None:
            _under_way(task)
            coming = {step.id: step for step in task.plan if step.state == "coming"}
            begun = [step for step in task.plan if step.state != "coming"]
            steps = wanted
            if seen is not None:
                behind = {step.id for step in begun}
                now = [Wanted(step.do, step.title, step.given, step.id) for step in coming.values()]
                steps = merged(
                    [one for one in seen if one.id not in behind], [one for one in wanted if one.id not in behind], now
                )
            if unknown := [one.id for one in steps if one.id is not None and one.id not in coming]:
                raise Conflict(
                    "A step has begun meanwhile, or was taken out.", "Look at the task as it is now.", steps=unknown
                )
            made: list[Step] = []
            for one in steps:
                old = coming.get(one.id or "")
                if old is None:
                    made.append(Step(self._new_id(), one.do, one.title, dict(one.given), by=by.id))
                elif (old.do, old.title, old.given) == (one.do, one.title, one.given):
                    made.append(old)
                else:
                    made.append(replace(old, do=one.do, title=one.title, given=dict(one.given), by=by.id))
            _check_plan([*begun, *made], [step for step in made if step not in coming.values()])
            task.plan = [*begun, *made]

        return await self._driving.change(id, arranged)

    async def retry(self, id: str, step: str, by: Participant) -> Task:
        """Do a failed or skipped step again, and go on from there. What it had finished is not done twice."""

        def again(task: Task) -> None:
            one = _step(task, step)
            if one.state not in ("failed", "skipped"):
                raise Conflict("The step has neither failed nor was it skipped.", "Fork the task to do it otherwise.")
            one.state, one.error, one.finished, one.started, one.note = "coming", None, None, None, ""
            one.tries, one.again = 0, one.again + 1
            if task.state in ("failed", "done", "cancelled"):
                set_queued(task)

        return await self._go_on(await self._driving.change(id, again))

    async def skip(self, id: str, step: str, by: Participant) -> Task:
        """Go on without a step: one that is to come, is under way, waits, or has failed."""

        def skipped(task: Task) -> None:
            one = _step(task, step)
            if one.state in ("done", "skipped"):
                raise Conflict("The step is behind the task already.", "Look at the task as it is now.")
            if task.state in ("done", "cancelled"):
                raise Conflict("The task has ended.", "Fork it, or begin another one.", state=task.state)
            was, now = one.state, self._clock()
            one.state, one.finished, one.note = "skipped", now, one.note or f"{by.name} skipped it."
            _close_cards([card for card in task.open_cards if card["step"] == step], "skipped", by, now)
            if was == "failed" and task.state == "failed":
                set_queued(task)
            elif was == "running" and task.state == "running":
                set_queued(task)  # a new leg, so that whoever does the step stops
            elif was == "waiting" and task.state == "waiting":
                _answered_all(task)

        return await self._stop_what_runs(await self._driving.change(id, skipped))

    async def fork(self, id: str, step: str, by: Participant, inputs: dict[str, Any] | None = None) -> Task:
        """A new task that has done all that this one did before `step`, and goes on from there, with these inputs in
        the place of the old ones. What depended on one that is another now is done anew, too (`forking`)."""
        if not by.may("commenter"):
            raise Forbidden("This needs the role commenter.", "Ask an owner of the canvas for that role.")
        old, plan, at = await self._forked(id, step, inputs)
        done = {one.id for one in plan[:at] if one.state == "done"}
        results = {
            name: result
            for name, result in (await kept.results(self._store, id)).items()
            if name.partition("/")[0] in done
        }
        task = replace(
            old,
            id=self._new_id(),
            by={"id": by.id, "name": by.name, "role": by.role},
            plan=plan,
            made=self._clock(),
            state="queued",
            priority=old.priority if by.may("editor") else min(old.priority, 0),
            budget=old.budget if by.may("owner") else old.budget.within(Budget()),
            spent=Spending(),
            schedule=None,
            parent=None,
            leg=1,
            pausing=False,
            node="",
            started=None,
            finished=None,
            problem=None,
            said=list(old.said),
            cards=[],
            grants=[],
            results=[],
            found=[one for one in old.found if one.get("step") in done],
            notes=[],
            outcome="",
        )
        return await self._add(task, results)

    async def would_fork(self, id: str, step: str, inputs: dict[str, Any] | None = None) -> dict[str, list[str]]:
        """What a fork would take over (`keeps`) and do (`does`): titles of steps. Begins nothing."""
        _, plan, at = await self._forked(id, step, inputs)
        return {"keeps": [one.title for one in plan[:at]], "does": [one.title for one in plan[at:]]}

    async def _forked(self, id: str, step: str, inputs: dict[str, Any] | None) -> tuple[Task, list[Step], int]:
        """The task with these inputs, the plan of its fork, and how many steps of that are taken over."""
        old = await self.get(id)
        _step(old, step)
        if not inputs or inputs == {name: old.inputs.get(name) for name in inputs}:
            return old, *forked(old, step)
        canvas = (await self._open_canvas(old.canvas)).canvas
        title, filled, after = self._layout(old.kind, {**old.inputs, **inputs}, canvas)
        # Where what it was given is not there any more, its plan says how it was laid out.
        called, before = "", [one for one in old.plan if not one.origin and not one.by]
        with contextlib.suppress(StudioloError):
            called, _, before = self._layout(old.kind, old.inputs, canvas)
        named = title if old.title == called else old.title
        return replace(old, title=named, inputs=filled), *forked(old, step, before, after)

    async def answer(self, id: str, card: str, reply: Reply, by: Participant) -> Task:
        """Answer one of its cards (`card["id"]`): a question with `text`, an approval with `allow` (once, run: for the
        rest of the task, no). Of two answers the first counts, the second is a `Conflict`. Raises `Forbidden` when
        this is not theirs to answer, `Invalid` for what is wrong with it."""
        asked = _card(await self.get(id), card)
        if asked.get("run") and "answer" not in asked:  # an agent of it asks: it takes the answer, and goes on
            asking_people.check_may_answer(asked, by)
            surface = await self._open_canvas((await self.get(id)).canvas)
            await self._guide.answer(asked["run"], surface, asked["of_run"], reply, by)
        elif reply.arguments is not None:
            raise Invalid("Other arguments cannot be given to a task.", "Steer it, or change the step.")

        def answered(task: Task) -> None:
            one = _card(task, card)
            if asked.get("run"):
                one |= {"answer": reply.allow or "answered", "by": by.id, "name": by.name, "answered": self._clock()}
                if reply.text.strip():
                    one["text"] = reply.text.strip()
            else:
                state = "waiting" if not task.ended and task.state in ("waiting", "paused") else task.state
                asking_people.answered({"cards": [one], "state": state}, one["call"], reply, by, self._clock())
                if one["answer"] == "run":
                    _add(task.grants, one["about"]["grant"])
            if task.state == "waiting" and not task.open_cards:
                _answered_all(task)

        return await self._go_on(await self._driving.change(id, answered))

    async def drop(self, id: str, found: int | str, by: Participant) -> Task:
        """Let something that it found count no more: by its place in `found`, or everything from a source."""

        def dropped(task: Task) -> None:
            if isinstance(found, int):
                which = task.found[found : found + 1] if found >= 0 else []
            else:
                which = [one for one in task.found if found in (one.get("source"), one.get("url"))]
            if not which:
                raise NotFound("The task has found no such thing.", "Look at the task as it is now.")
            for one in which:
                one["dropped"] = {"id": by.id, "name": by.name}

        return await self._driving.change(id, dropped)

    async def cancel_all(self, canvas: str) -> None:
        """End every task of a canvas, which is to be deleted."""
        for task in await self.listed(UNDER_WAY, (canvas,), limit=100_000):
            with contextlib.suppress(NotFound):
                await self.cancel(task.id)

    async def _go_on(self, task: Task) -> Task:
        if task.state == "queued":
            self._driving.queued()
        return task

    async def _stop_what_runs(self, task: Task) -> Task:
        await self._driving.interrupt(task)
        self._driving.queued()
        if task.ended:
            for run in {card["run"] for card in task.cards if card.get("run")}:
                with contextlib.suppress(StudioloError):
                    await self._runs.stop(run)  # it rests, and nobody will answer it
            await self._rested(task)
        return task

    # -- what tasks wait for that is not a person

    async def _rested(self, task: Task) -> None:
        """A task has ended, or waits: whoever waits for it goes on, and so does it where what it waits for is there."""
        if task.ended:
            if task.parent is not None:
                await self._look_whether_ready(task.parent)
        else:
            await self._look_whether_ready(task.id)

    def _run_ended(self, run: Run) -> None:
        if run.ask.parent and not self._closed:
            self._driving.later(self._after_run(run.ask.parent, run.id))

    async def _after_run(self, id: str, run: str) -> None:
        """A run that a task waits for has ended: its cards need no answer any more."""

        def over(task: Task) -> None:
            mine = [card for card in task.open_cards if card.get("run") == run]
            if task.state != "waiting" or not mine:
                raise Fenced
            _close_cards(mine, "elsewhere", None, self._clock())
            if not task.open_cards:
                _answered_all(task)

        with contextlib.suppress(Fenced, StudioloError):
            await self._go_on(await self._driving.change(id, over))

    async def _look_whether_ready(self, id: str) -> None:
        """Let a task go on that waits for nobody, when the tasks that it began have ended."""
        with contextlib.suppress(NotFound):
            task = await self.get(id)
            if task.state != "waiting" or task.open_cards:
                return
            children = await kept.listed(self._store, parent=id, limit=1_000)
            if any(child["state"] not in ("done", "failed", "cancelled") for child in children):
                return

            def ready(now: Task) -> None:
                if now.state != "waiting" or now.leg != task.leg or now.open_cards:
                    raise Fenced
                _answered_all(now)

            with contextlib.suppress(Fenced):
                await self._go_on(await self._driving.change(id, ready))

    async def _who(self, task: Task) -> Participant:
        """Whoever wants it done, with no more rights than they had when they began it."""
        by = await self._ask_who(task.canvas, task.by["id"])
        by = replace(by, role=min(by.role, task.by.get("role", by.role), key=rank))  # type: ignore[type-var]
        if not by.may("commenter"):
            raise Forbidden(f"{by.name} may only read this canvas now.", "Somebody else has to begin the task.")
        return by

    # -- how long it will take

    async def _expects(self, task: Task) -> float | None:
        """Seconds until it ends, by how long its steps took so far, and those of earlier tasks of its kind."""
        left = [step for step in task.plan if step.state in ("running", "waiting", "coming")]
        if task.ended or not left:
            return None
        took = dict(await self._took(task.kind)) | _mean([task])
        if not took:
            return None
        usual = sum(took.values()) / len(took)
        seconds = 0.0
        for step in left:
            expected = took.get(step.do, usual)
            if step.state == "running" and step.started is not None:
                ran = max(0.0, self._clock() - step.started)
                if step.of and step.done:
                    expected = ran * step.of / step.done
                expected = max(expected - ran, 0.0)
            seconds += expected
        return round(seconds, 1)

    async def _took(self, kind: str) -> dict[str, float]:
        now = time.monotonic()
        at, took = self._durations.get(kind, (-REMEMBERED, {}))
        if now - at >= REMEMBERED:
            rows = await kept.listed(self._store, states=("done",), limit=LOOKED_AT, kind=kind)
            took = _mean([Task.read(row) for row in rows])
            self._durations[kind] = now, took
        return took


def _mean(tasks: Sequence[Task]) -> dict[str, float]:
    """How long steps took, by how they are done."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for task in tasks:
        waited = {card["step"] for card in task.cards}
        for step in task.plan:
            if step.state != "done" or step.id in waited or step.started is None or step.finished is None:
                continue
            seconds[step.do].append(max(0.0, step.finished - step.started))
    return {do: sum(all) / len(all) for do, all in seconds.items()}


def _check_plan(steps: Sequence[Step], new: Sequence[Step] | None = None) -> None:
    if not steps:
        raise Invalid("The task has no steps.", "Say what is to be done.")
    if len(steps) > MOST_STEPS:
        raise Invalid(f"A task has at most {MOST_STEPS} steps.", "Begin another one.")
    ids = [step.id for step in steps]
    if len(set(ids)) < len(ids) or not all(ids) or any("/" in id for id in ids):
        raise Invalid("Two steps have the same id, or one has none.", "Give each its own, without “/”.")
    for step in steps if new is None else new:
        if step.do not in DOING:
            raise Invalid(f"Nothing here knows how to do “{step.do[:60]}”.", f"Use one of: {', '.join(sorted(DOING))}.")


def _under_way(task: Task) -> None:
    if task.ended:
        was = {"done": "is done", "failed": "has failed", "cancelled": "was cancelled"}[task.state]
        raise Conflict(f"The task {was}.", "Look at it as it is now.", state=task.state)


def _step(task: Task, id: str) -> Step:
    step = task.step(id)
    if step is None:
        raise NotFound("The task has no such step.", "Look at the task as it is now.")
    return step


def _card(task: Task, id: str) -> dict[str, Any]:
    for card in reversed(task.cards):
        if card["id"] == id:
            return card
    raise NotFound("The task does not ask this.", "Look at the task as it is now.")


def _close_cards(cards: Sequence[dict[str, Any]], how: str, by: Participant | None, at: float) -> None:
    for card in cards:
        card |= {"answer": how, "answered": at} | ({"by": by.id, "name": by.name} if by else {})


def _answered_all(task: Task) -> None:
    """What it waits for is there: it goes on, unless it is to rest."""
    if task.pausing:
        task.pausing, task.state = False, "paused"
        task.leg += 1
    else:
        set_queued(task)


def _add(to: list[Any], what: Any) -> None:
    if what not in to:
        to.append(what)
