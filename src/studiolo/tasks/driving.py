"""Driving: the tasks that this node carries out, step by step, and whose turn it is.

What to do next stands in the task's row, and nowhere else: the driver looks there before each step, does it, and keeps
what it came to in one transaction with the mark that says so. A driver that finds another leg in the row, or another
state, has been overtaken: it stops and changes nothing. Nothing is looked for at intervals: whoever queues a task, or
ends one, says so, and a task that waits is a row.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from studiolo.agents.rounds import OtherNodes
from studiolo.agents.surface import Surface
from studiolo.agents.tracing import Tracing
from studiolo.canvas import Participant, StudioloError
from studiolo.canvas.errors import NotFound, Unavailable
from studiolo.store import Store
from studiolo.store import tasks as kept
from studiolo.store.tasks import Changes, Limits
from studiolo.tasks.halting import Fenced, Rest, Spent
from studiolo.tasks.job import DOING, Job, Result
from studiolo.tasks.legs import Legs
from studiolo.tasks.task import Spending, Step, Task

MOST_TRIES = 25  # beginnings of one step, after which it is taken to be what ends the studio
AGAIN_AFTER = (0.5, 3.0)  # seconds until a step is tried again that found something unavailable
STOPPED_WITHIN = 10.0  # seconds
LOOK_AGAIN = 10.0  # seconds until what could not be begun is tried again
MOST_LEFT = 10_000  # tasks of earlier processes that are looked at
log = logging.getLogger(__name__)


class Working(Job, Protocol):
    """A job, and what it leaves to be kept."""

    halt: BaseException | None

    def settle(self, task: Task) -> None:
        """Put into the task what of the step is not kept yet."""
        ...


@dataclass(slots=True)
class Drive:
    """One leg under way here. `task` is its row as this node last saw it."""

    task: Task
    chosen: bool  # the step to do stands in `task` already
    body: asyncio.Task[Any] | None = None
    job: Working | None = None


Alter = Callable[[Task], None]
"""Changes a task where it stands, or raises."""


class Driving:
    """What this node carries out. `job` makes the job of a step."""

    def __init__(
        self,
        store: Store,
        legs: Callable[[Driving], Legs],
        job: Callable[[Drive, Step, Surface, Participant], Working],
        open_canvas: Callable[[str], Awaitable[Surface]],
        who: Callable[[Task], Awaitable[Participant]],
        clock: Callable[[], float],
        limits: Limits,
        nodes: OtherNodes | None,
        tracing: Callable[[], Tracing | None] = lambda: None,
    ) -> None:
        self.store = store
        self.on_change: list[Callable[[Task], None]] = []
        self.on_rest: list[Callable[[Task], Awaitable[None]]] = []
        """Called with a task that was carried out here and has ended, or waits."""
        self.on_news: list[Callable[[str], None]] = []
        """Called with the id of a task that has changed, at whatever node; with "" when some news may be missing."""
        self._job = job
        self._open_canvas = open_canvas
        self._who = who
        self.clock = clock
        self._limits = limits
        self._nodes = nodes
        self._tracing = tracing
        self._changes = Changes(store)
        self._legs = legs(self)
        self._drives: dict[str, Drive] = {}
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._untold: set[str] = set()
        self._turn = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def node(self) -> str:
        return self._nodes.id if self._nodes else ""

    async def open(self) -> None:
        """Hear of other nodes, and take up what earlier processes left."""
        if self._nodes:
            await self._nodes.listen("tasks", self._hear, self._look)
            self._nodes.gone.append(lambda node: self.later(self._recover_in_the_end()))
        self.later(self._admit_whenever_it_is_time())
        await self.recover()

    async def close(self) -> None:
        """End what runs here: it is queued again, for another node or for when the studio starts."""
        self._closed = True
        drives = dict(self._drives)
        bodies = [drive.body for drive in drives.values() if drive.body is not None]
        for body in bodies:
            body.cancel()
        if bodies:
            await asyncio.wait(bodies, timeout=STOPPED_WITHIN)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._legs.close()
        for id, drive in drives.items():
            with contextlib.suppress(StudioloError):
                await self._put_back(id, drive.task.leg)
        await self._changes.close()
        if self._nodes and drives:
            self._nodes.publish("tasks", {"kind": "queued"})

    # -- rows

    async def change(
        self,
        id: str,
        alter: Alter,
        keep: dict[str, Any] | None = None,
        forget: Collection[str] = (),
    ) -> Task:
        """Change a task, and tell everybody who looks at it. `keep` and `forget` are as in `store.tasks.Changes`, and
        so is where `alter` is called."""

        def altered(row: dict[str, Any]) -> dict[str, Any]:
            task = Task.read(row)
            alter(task)
            task.revision += 1
            return task.as_dict()

        task = Task.read(await self._changes.make(id, altered, keep, forget))
        self.changed(task)
        return task

    async def change_mine(
        self, drive: Drive, alter: Alter, keep: dict[str, Any] | None = None, forget: Collection[str] = ()
    ) -> Task:
        """Change the task of a leg that is under way here. Raises `Fenced` when another has taken its place."""
        leg = drive.task.leg

        def mine(task: Task) -> None:
            if task.leg != leg or task.state != "running":
                raise Fenced
            alter(task)

        drive.task = await self.change(drive.task.id, mine, keep, forget)
        return drive.task

    def changed(self, task: Task) -> None:
        """A task has changed, by this node's doing: tell who waits for news of it."""
        if (drive := self._drives.get(task.id)) is not None and drive.task.leg == task.leg:
            drive.task = task
        self._wake(task.id)
        if self._nodes:
            if not self._untold:
                asyncio.get_running_loop().call_soon(self._tell_nodes)
            self._untold.add(task.id)
        for tell in list(self.on_change):
            tell(task)

    def _tell_nodes(self) -> None:
        """Tell the others of all changes that came together, in one go."""
        told, self._untold = self._untold, set()
        if self._nodes:
            self._nodes.publish("tasks", {"kind": "changed", "tasks": sorted(told)})

    def news(self, id: str) -> asyncio.Event:
        """Set when the task changes the next time."""
        return self._news[id]

    def _wake(self, id: str) -> None:
        if (news := self._news.pop(id, None)) is not None:
            news.set()
        self._say(id)

    def _say(self, id: str) -> None:
        for tell in list(self.on_news):
            tell(id)

    # -- whose turn it is

    def queued(self) -> None:
        """There may be a task whose turn it is."""
        self._turn.set()
        if self._nodes:
            self._nodes.publish("tasks", {"kind": "queued"})

    async def _admit_whenever_it_is_time(self) -> None:
        while True:
            await self._turn.wait()
            self._turn.clear()
            try:
                while len(self._drives) < self._limits.node and (admitted := await self._admit()):
                    await self._begin([task for task in admitted if task.state == "running"])
                    for task in admitted:
                        if task.state != "running":  # it had nothing to do any more
                            self._left(task)
            except StudioloError as error:
                log.warning("Tasks that are queued were not begun: %s", error.message)
                self._in(LOOK_AGAIN, self._turn.set)
            except Exception:
                log.exception("Tasks that are queued were not begun")
                self._in(LOOK_AGAIN, self._turn.set)

    async def _admit(self) -> list[Task]:
        """The tasks whose turn it is, with the step marked that each begins with."""

        def begun(row: dict[str, Any]) -> dict[str, Any]:
            task = Task.read(row)
            task.started = task.started or self.clock()
            self._choose(task)
            task.revision += 1
            return task.as_dict()

        admitted = [Task.read(row) for row in await kept.admit(self.store, self.node, self._limits, begun)]
        for task in admitted:
            if task.state == "running":
                self._drives[task.id] = Drive(task, chosen=True)
            self.changed(task)
        return admitted

    async def _begin(self, tasks: Sequence[Task]) -> None:
        if not tasks:
            return
        try:
            await self._legs.begin([(task.id, task.leg) for task in tasks])
        except StudioloError as error:
            log.warning("%d tasks were not begun: %s", len(tasks), error.message)
            for task in tasks:
                self._drives.pop(task.id, None)
                await self._not_begun(task, error.as_dict())

    async def _not_begun(self, task: Task, problem: dict[str, Any]) -> None:
        def failed(now: Task) -> None:
            if now.leg != task.leg or now.state != "running":
                raise Fenced
            if (step := now.current) is not None:
                step.state = "coming"
            fail(now, problem, self.clock())

        if not self._closed:
            with contextlib.suppress(Fenced, StudioloError):
                await self.change(task.id, failed)

    def broke(self, id: str, leg: int) -> None:
        """A leg here broke off though its process lives: it goes on with the next one."""
        if not self._closed:
            self.later(self._mend(id, leg))

    async def _mend(self, id: str, leg: int) -> None:
        drive = self._drives.get(id)
        if drive is not None and drive.task.leg == leg:
            del self._drives[id]
        while not self._closed:
            await asyncio.sleep(AGAIN_AFTER[0])
            try:
                await self._put_back(id, leg)
            except StudioloError as error:  # the database does not answer
                log.warning("Task %s still stands still: %s", id, error.message)
            else:
                self.queued()
                break

    async def _put_back(self, id: str, leg: int) -> None:
        def queue(task: Task) -> None:
            if task.leg != leg or task.state != "running":
                raise Fenced
            set_queued(task)

        with contextlib.suppress(Fenced, NotFound):
            await self.change(id, queue)

    # -- one leg

    async def carry_out(self, id: str, leg: int) -> None:
        """Do the steps of a task, until it has ended, rests, or another leg has taken the place of this one."""
        drive = self._drives.get(id)
        if drive is None or drive.task.leg != leg:
            return
        with self._traced("task", drive, leg=leg):
            while not self._closed and self._drives.get(id) is drive and await self._advance(drive):
                pass

    async def _advance(self, drive: Drive) -> bool:
        """Do the next step; whether there may be another."""
        id, leg = drive.task.id, drive.task.leg
        try:
            more = await self._do_next(drive)
        except Fenced:
            more = False
        except NotFound:
            log.info("Task %s: its canvas is gone", id)
            more = False
        except StudioloError as error:
            # The row says where it is; what keeps the database from answering may be over soon.
            log.warning("Task %s stands still: %s", id, error.message)
            self.broke(id, leg)
            more = False
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("Task %s stands still", id)
            self.broke(id, leg)
            more = False
        if not more:
            if self._drives.get(id) is drive:
                del self._drives[id]
            self._left(drive.task)
        return more

    def _left(self, task: Task) -> None:
        """A task is carried out no more, for now or for ever."""
        self._turn.set()
        if task.ended or task.state == "waiting":
            self.later(self._tell(task))

    async def _do_next(self, drive: Drive) -> bool:
        if not drive.chosen:
            await self.change_mine(drive, self._choose)
        drive.chosen = False
        step = drive.task.current
        if drive.task.state != "running" or step is None:
            return False
        with self._traced("step", drive, step=step.id, do=step.do, tries=step.tries):
            return await self._do_this(drive, step)

    async def _do_this(self, drive: Drive, step: Step) -> bool:
        began = self.clock()
        drive.job = None
        body = drive.body = asyncio.create_task(self._do(drive, step), name=f"task {drive.task.id} {step.id}")
        try:
            await asyncio.wait({body})
        except asyncio.CancelledError:
            body.cancel()
            await asyncio.wait({body})
            raise
        finally:
            drive.body = None
        if body.cancelled():  # somebody ended it, or the studio closes; or it was an accident
            self.broke(drive.task.id, drive.task.leg)
            return False
        end = body.result()
        drive.chosen = True
        keep: dict[str, Any] = {}

        def finish(task: Task) -> None:
            now = task.step(step.id)
            if now is None:
                raise Fenced
            seconds = max(0.0, self.clock() - began)
            task.spent.seconds += seconds
            if drive.job is not None:
                drive.job.settle(task)
            end(task, now, keep)
            if task.state == "running":
                self._choose(task)
            elif task.ended:
                task.finished = self.clock()

        await self.change_mine(drive, finish, keep)
        return drive.task.state == "running"

    @contextlib.contextmanager
    def _traced(self, what: str, drive: Drive, **about: str | int) -> Iterator[None]:
        """A span with what it came to and what it cost, where there are traces: nothing that anybody wrote."""
        tracing, task = self._tracing(), drive.task
        if tracing is None:
            yield
            return
        before = replace(task.spent)
        about = {"task": task.id, "canvas": task.canvas, "kind": task.kind, **about}
        with tracing.of_task(what, {f"studiolo.{name}": value for name, value in about.items()}) as span:
            try:
                yield
            finally:
                now = drive.task
                step = now.step(str(about.get("step", "")))
                span.set_attribute("studiolo.state", step.state if step else now.state)
                span.set_attribute("studiolo.cost", now.spent.cost - before.cost)
                span.set_attribute("studiolo.tokens", _tokens(now.spent) - _tokens(before))
                if error := (step.error if step else now.problem):
                    span.set_attribute("studiolo.error", str(error.get("code", "")))

    def _choose(self, task: Task) -> None:
        """Mark the step that is to be done now; or end the task, or let it rest."""
        step = task.current
        if step is None:
            end(task, self.clock())
            return
        if task.pausing:
            task.pausing, task.state, task.node = False, "paused", ""
            if step.state == "running":
                step.state = "coming"
            return
        if why := over_budget(task):
            end_early(task, why, self.clock())
            return
        if step.tries >= MOST_TRIES:
            error = {
                "code": "restarted",
                "message": f"The studio ended {step.tries} times while this step was under way.",
                "hint": "Skip the step, or try it again.",
            }
            step.state, step.error, step.finished = "failed", error, self.clock()
            fail(task, error, self.clock())
            return
        step.state = "running"
        step.tries += 1
        step.started = step.started or self.clock()
        step.error = None

    async def _do(self, drive: Drive, step: Step) -> Callable[[Task, Step, dict[str, Any]], None]:
        """Do a step; how it ends."""
        for pause in (*AGAIN_AFTER, None):
            try:
                return await self._try(drive, step)
            except StudioloError as error:
                if error.status in (503, 504) and pause is not None:
                    await asyncio.sleep(pause)
                    continue
                return failing(error.as_dict(), self.clock)
            except Spent as spent:
                return ending_early(spent.why, self.clock)
            except Rest as rest:
                return resting(rest)
            except Fenced:
                raise
            except Exception:
                log.exception("Step %s of task %s failed", step.id, drive.task.id)
                error = {
                    "code": "internal",
                    "message": "Something went wrong in this step that nobody had foreseen.",
                    "hint": "Try it again, or skip it; the studio's log says more.",
                }
                return failing(error, self.clock)
        raise AssertionError

    async def _try(self, drive: Drive, step: Step) -> Callable[[Task, Step, dict[str, Any]], None]:
        doing = DOING.get(step.do)
        if doing is None:
            raise NotFound(
                f"Nothing here knows how to do “{step.do}”: the studio's program has changed since this was planned.",
                "Skip the step, or begin the task again.",
            )
        by = await self._who(drive.task)
        surface = await self._open_canvas(drive.task.canvas)
        job = drive.job = self._job(drive, step, surface, by)
        left = None
        if drive.task.budget.seconds is not None:
            left = max(1.0, drive.task.budget.seconds - drive.task.spent.seconds)
        limit = asyncio.timeout(left)
        try:
            async with limit:
                result = await doing(job)
        except TimeoutError:
            if limit.expired():
                raise Spent(f"after {drive.task.budget.seconds:,.0f} seconds of work") from None
            raise Unavailable("Something took too long to answer.", "Try the step again.") from None
        except BaseException:
            if job.halt is not None:
                raise job.halt from None
            raise
        if job.halt is not None:  # it was swallowed on its way
            raise job.halt
        return finishing(result, self.clock)

    # -- the end

    async def _tell(self, task: Task) -> None:
        for tell in self.on_rest:
            try:
                await tell(task)
            except StudioloError as error:
                log.warning("Nobody was told how task %s stands: %s", task.id, error.message)

    async def interrupt(self, task: Task) -> None:
        """Whatever is under way of earlier legs of a task, here or elsewhere, ends now: its row says so already. Waits
        for what is under way here."""
        if self._nodes:
            self._nodes.publish("tasks", {"kind": "interrupt", "task": task.id, "leg": task.leg})
        if body := self._interrupt(task.id, task.leg):
            await asyncio.wait({body}, timeout=STOPPED_WITHIN)

    def _interrupt(self, id: str, before: int) -> asyncio.Task[Any] | None:
        drive = self._drives.get(id)
        if drive is None or drive.task.leg >= before or drive.body is None:
            return None
        drive.body.cancel()
        return drive.body

    # -- after a crash, and from other nodes

    async def recover(self) -> None:
        """Queue the tasks again whose process is no more."""
        found = await kept.listed(self.store, states=("running", "queued"), limit=MOST_LEFT)
        recovered = False
        for row in found:
            if row["state"] == "queued" or row["id"] in self._drives:
                continue
            if self._nodes and row["node"] and await self._nodes.alive(row["node"]):
                continue
            await self._put_back(row["id"], row["leg"])
            recovered = True
        if recovered:
            self.later(self._legs.sweep())
        if found:
            self._turn.set()

    async def _recover_in_the_end(self) -> None:
        while not self._closed:
            try:
                await self.recover()
                return
            except StudioloError as error:
                log.warning("The tasks of a node that is gone stand still: %s", error.message)
                await asyncio.sleep(5.0)

    def _hear(self, header: dict[str, Any], _body: bytes) -> None:
        kind = header["kind"]
        if kind == "queued":
            self._turn.set()
        elif kind == "interrupt":
            self._interrupt(header["task"], header["leg"])
        elif kind == "changed":
            for task in header["tasks"]:
                self._wake(task)
                if task in self._drives:
                    self.later(self._look_at(task))

    def _look(self) -> None:
        """Something may have been said that this node did not hear."""
        self._turn.set()
        for id in list(self._news):
            self._wake(id)
        self._say("")
        for id in list(self._drives):
            self.later(self._look_at(id))

    async def _look_at(self, id: str) -> None:
        """What another node has changed of a task that is driven here."""
        drive = self._drives.get(id)
        if drive is None:
            return
        try:
            now = Task.read(await kept.get(self.store, id))
        except NotFound:
            self._interrupt(id, drive.task.leg + 1)
            return
        except StudioloError:
            return
        if now.leg == drive.task.leg and now.state == "running":
            drive.task = now
        else:
            self._interrupt(id, now.leg)

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside all else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _in(self, seconds: float, call: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            call()

        self.later(wait())


# -- what becomes of a task


def set_queued(task: Task) -> None:
    """Let a task go on as soon as it is its turn: a new leg."""
    task.leg += 1
    task.state, task.node = "queued", ""
    task.problem, task.finished = None, None


def end(task: Task, now: float) -> None:
    """All steps are behind it."""
    task.state, task.finished, task.pausing = "done", now, False


def fail(task: Task, error: dict[str, Any], now: float) -> None:
    """It cannot go on by itself."""
    task.state, task.problem, task.finished, task.pausing = "failed", error, now, False


def end_early(task: Task, why: str, now: float) -> None:
    """It has used up what it may: it ends with what it has, or has failed where that is nothing."""
    sentence = f"It was ended {why}."
    for step in task.plan:
        if step.state in ("running", "waiting", "coming"):
            step.state, step.note, step.finished = "skipped", step.note or sentence, now
    if task.results or task.found or any(step.state == "done" for step in task.plan):
        if sentence not in task.notes:
            task.notes.append(sentence)
        end(task, now)
    else:
        fail(
            task,
            {"code": "budget", "message": f"{sentence} It had come to nothing yet.", "hint": "Give it a larger limit."},
            now,
        )


def _tokens(spent: Spending) -> int:
    return spent.input + spent.output


def over_budget(task: Task) -> str:
    """Why a task may do no more, or ""."""
    spent, budget = task.spent, task.budget
    if budget.tokens is not None and spent.input + spent.output >= budget.tokens:
        return f"after {budget.tokens:,} tokens"
    if budget.money is not None and spent.cost >= budget.money > 0:
        return f"after {budget.money:.2f} US dollars"
    if budget.seconds is not None and spent.seconds >= budget.seconds:
        return f"after {budget.seconds:,.0f} seconds of work"
    return ""


def finishing(result: Result, clock: Callable[[], float]) -> Any:
    """The step is done."""

    def finish(task: Task, step: Step, kept: dict[str, Any]) -> None:
        told = dict(result)
        step.note = str(told.pop("note", "") or step.note)
        task.outcome = str(told.pop("outcome", "") or task.outcome)
        step.state, step.finished, step.error = "done", clock(), None
        if step.of:
            step.done = step.of
        kept[step.id] = told

    return finish


def failing(error: dict[str, Any], clock: Callable[[], float]) -> Any:
    """The step failed, and the task with it."""

    def finish(task: Task, step: Step, _kept: dict[str, Any]) -> None:
        step.state, step.error, step.finished = "failed", error, clock()
        fail(task, error, clock())

    return finish


def ending_early(why: str, clock: Callable[[], float]) -> Any:
    """The budget is gone."""

    def finish(task: Task, _step: Step, _kept: dict[str, Any]) -> None:
        end_early(task, why, clock())

    return finish


def resting(rest: Rest) -> Any:
    """The step waits for somebody."""

    def finish(task: Task, step: Step, _kept: dict[str, Any]) -> None:
        step.state = "waiting"
        step.tries = 0
        task.state, task.node = "waiting", ""
        task.cards += rest.cards

    return finish
