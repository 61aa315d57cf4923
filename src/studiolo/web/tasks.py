"""Tasks over HTTP: beginning them, watching, steering, answering, and changing what is still to come."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field, StrictInt, StrictStr

from studiolo.agents.asking_people import Reply
from studiolo.canvas.actions import Line, Text
from studiolo.canvas.errors import Forbidden, Invalid, NotFound, StudioloError
from studiolo.people import Who
from studiolo.tasks.board import glance
from studiolo.tasks.merging import Wanted
from studiolo.tasks.task import MOST_STEPS, Budget, Task, TaskState
from studiolo.web.access import Caller, Commenter, Hand, Here, Seat, Viewer, hand_on
from studiolo.web.answers import Json
from studiolo.web.asking import followed, may_use
from studiolo.web.bodies import Body
from studiolo.web.canvases import IdempotencyKey
from studiolo.web.events import HEARTBEAT_SECONDS
from studiolo.web.repeats import Keep
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api", tags=["tasks"])

MOST_INPUTS = 50
Inputs = Annotated[dict[Annotated[str, Field(max_length=60)], Any], Field(max_length=MOST_INPUTS)]
Model = Annotated[str | None, Field(max_length=200)]
Priority = Annotated[StrictInt, Field(ge=-10, le=10)]


class Limits(Body):
    """The most that a task may use: more than is usual takes an owner; null: no limit."""

    tokens: StrictInt | None = Field(Budget().tokens, ge=1_000, le=10**12)
    seconds: float | None = Field(Budget().seconds, ge=1, le=366 * 86_400)
    money: float | None = Field(Budget().money, ge=0, le=10**6)

    def budget(self) -> Budget:
        return Budget(self.tokens, self.seconds, self.money)


class NewTask(Body):
    """What is to be done: a kind of task, and what its form asks for."""

    kind: str = Field(max_length=100)
    inputs: Inputs = Field(default_factory=dict[str, Any])
    title: Line = ""
    model: Model = None
    priority: Priority = 0
    budget: Limits | None = None


class SayBody(Body):
    text: Text = Field(min_length=1, max_length=4_000)


class PlannedStep(Body):
    """One step that is still to come. With the `id` of one that is in the plan it is that one, otherwise a new one."""

    id: str | None = Field(None, max_length=100)
    do: str = Field(max_length=60)
    title: Line
    given: dict[str, Any] = Field(default_factory=dict[str, Any], max_length=MOST_INPUTS)

    def wanted(self) -> Wanted:
        return Wanted(self.do, self.title, self.given, self.id)


class PlanBody(Body):
    """The steps that are still to come, in order; and those that were `seen` when this was decided, so that what others
    changed meanwhile is not undone."""

    steps: list[PlannedStep] = Field(max_length=MOST_STEPS)
    seen: list[PlannedStep] | None = Field(None, max_length=MOST_STEPS)


class ForkBody(Body):
    """From which step on, and what else is filled in then."""

    step: str = Field(max_length=100)
    inputs: Inputs | None = None


class AnswerBody(Body):
    """`answer` to a question; `allow` to an approval, with `text` as a sentence about it. `run`: for the rest of the
    task."""

    card: str = Field(max_length=200)
    answer: str | None = Field(None, max_length=8_000)
    allow: Literal["once", "run", "no"] | None = None
    text: str = Field("", max_length=8_000)


class DropBody(Body):
    """What is to count no more: its place among what was found, or everything from a source."""

    found: Annotated[StrictInt, Field(ge=0, le=100_000)] | Annotated[StrictStr, Field(max_length=2_000)]


@router.get("/task-kinds")
async def kinds(_who: Caller, studio: Here) -> Json:
    """The kinds of tasks, with what the form of each asks for; and what is wrong with files of one's own."""
    return Json(
        {
            "kinds": [kind.as_dict() for kind in studio.kinds.list()],
            "problems": [problem.as_dict() for problem in studio.kinds.problems],
        }
    )


@router.post("/canvases/{canvas}/tasks", status_code=201)
async def begin(body: NewTask, seat: Commenter, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Begin a task. It goes on by itself, whatever happens to the studio, and its results come to the inbox."""
    budget = body.budget.budget() if body.budget else None
    may_spend(seat, budget, body.priority)

    async def work(keep: Keep | None) -> dict[str, Any]:
        await may_use(studio, seat.who, body.model)
        room = await studio.rooms.get(seat.canvas)
        await studio.meet_agents()
        task = await studio.tasks.begin(
            room,
            seat.participant,
            body.kind,
            body.inputs,
            title=body.title,
            model=body.model,
            priority=body.priority,
            budget=budget,
            id=_named_by(seat, idempotency_key),
        )
        return await _kept(studio, seat, task, keep)

    return await _made(studio, seat, idempotency_key, {"task": body.model_dump(exclude_unset=True)}, work)


@router.get("/canvases/{canvas}/tasks")
async def of_canvas(
    seat: Viewer, studio: Here, limit: Annotated[int, Query(ge=1, le=500)] = 100, brief: bool = False
) -> Json:
    """The tasks of a canvas, the newest first. `brief`: of each only what a list shows, as in `/api/tasks/events`."""
    return Json({"tasks": await _listed(studio, await studio.tasks.of_canvas(seat.canvas, limit), brief)})


@router.get("/tasks")
async def everywhere(
    who: Caller,
    studio: Here,
    state: Annotated[list[TaskState] | None, Query(max_length=10)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    brief: bool = False,
) -> Json:
    """The tasks of all canvases that the caller may see, the newest first; `state` may be given several times.
    `brief`: of each only what a list shows, as in `/api/tasks/events`."""
    canvases = {canvas["id"]: canvas["title"] for canvas in await studio.people.canvases(who)}
    found = await studio.tasks.listed(state or (), canvases, limit)
    shown = await _listed(studio, found, brief)
    return Json({"tasks": shown, "canvases": {task.canvas: canvases[task.canvas] for task in found}})


@router.get("/tasks/events", response_class=StreamingResponse)
async def changes(who: Caller, studio: Here, request: Request) -> StreamingResponse:
    """Server-sent events: `task` {task} whenever a task of any canvas that the caller may see changes, with only what
    a list shows of it: of its plan the current step, of what it found the last, and the open cards. `listening` at
    first, and `look` when more may have changed than was told, such as which canvases the caller may see: ask for the
    list then. What happened before the connection was made is not told."""

    return followed(request, studio, "", _changes(studio, who))


async def _changes(studio: Studio, who: Who) -> AsyncIterator[dict[str, Any]]:
    with studio.board.looking() as looker:
        before = {canvas["id"] for canvas in await studio.people.canvases(who)}
        yield {"type": "listening"}
        while True:
            told, missed = await looker.news(HEARTBEAT_SECONDS)
            visible = {canvas["id"] for canvas in await studio.people.canvases(who)}
            if missed or visible != before:
                before = visible
                yield {"type": "look"}
            for task in told:
                if task["canvas"] in visible:
                    yield {"type": "task", "task": task}


@router.get("/tasks/{task}")
async def one(task: str, who: Caller, studio: Here) -> Json:
    """A task: its plan, where it is, what it found, asked, made and cost."""
    _, found = await _seen(studio, who, task)
    return Json(await studio.tasks.shown(found))


@router.get("/tasks/{task}/steps/{step}")
async def step(task: str, step: str, who: Caller, studio: Here) -> Json:
    """A step, and what it came to in full (null while it has not come to anything)."""
    _, found = await _seen(studio, who, task)
    planned = found.step(step)
    if planned is None:
        raise NotFound("The task has no such step.", "GET the task: its `plan` names them.")
    return Json({"step": planned.as_dict(), "result": await studio.tasks.result(task, step)})


@router.get("/tasks/{task}/events", response_class=StreamingResponse)
async def events(task: str, who: Caller, studio: Here, request: Request) -> StreamingResponse:
    """The task at once and whenever it changes (`task`), what its agents do (`run`), until it ends (`done`)."""
    seat, _ = await _seen(studio, who, task)
    return followed(request, studio, seat.canvas, studio.tasks.watch(task))


@router.post("/tasks/{task}/pause")
async def pause(task: str, who: Caller, studio: Here) -> Json:
    """Let it rest at its next step."""
    return await _change(studio, who, task, "steer", lambda seat: studio.tasks.pause(task, seat.participant))


@router.post("/tasks/{task}/resume")
async def resume(task: str, who: Caller, studio: Here) -> Json:
    """Let a task that rests go on."""
    return await _change(studio, who, task, "steer", lambda seat: studio.tasks.resume(task, seat.participant))


@router.post("/tasks/{task}/cancel")
async def cancel(task: str, who: Caller, studio: Here) -> Json:
    """End it now. What it has made stays, to be judged."""
    return await _change(studio, who, task, "own", lambda seat: studio.tasks.cancel(task, seat.participant))


@router.post("/tasks/{task}/steer")
async def steer(task: str, body: SayBody, who: Caller, studio: Here) -> Json:
    """Tell it something; it takes it up at its next step."""
    said = body.text.strip()
    if not said:
        raise Invalid("The text is empty.", "Say what it should know.")
    return await _change(studio, who, task, "steer", lambda seat: studio.tasks.steer(task, seat.participant, said))


@router.put("/tasks/{task}/plan")
async def plan(task: str, body: PlanBody, who: Caller, studio: Here) -> Json:
    """Let these be the steps that are still to come; those that are not named are taken out. With `seen`, what was
    changed since is kept: both count, and of the very same words those that came last."""
    steps = [step.wanted() for step in body.steps]
    seen = None if body.seen is None else [step.wanted() for step in body.seen]
    return await _change(
        studio, who, task, "plan", lambda seat: studio.tasks.arrange(task, seat.participant, steps, seen)
    )


@router.post("/tasks/{task}/steps/{step}/retry")
async def retry(task: str, step: str, who: Caller, studio: Here) -> Json:
    """Do a step again that failed or was skipped, and go on from there."""
    return await _change(studio, who, task, "steer", lambda seat: studio.tasks.retry(task, step, seat.participant))


@router.post("/tasks/{task}/steps/{step}/skip")
async def skip(task: str, step: str, who: Caller, studio: Here) -> Json:
    """Go on without a step."""
    return await _change(studio, who, task, "plan", lambda seat: studio.tasks.skip(task, step, seat.participant))


@router.post("/tasks/{task}/fork", status_code=201)
async def fork(task: str, body: ForkBody, who: Caller, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """A new task, of whoever asks, that has done what this one did before a step, and goes on from there."""
    seat, found = await _seen(studio, who, task, "steer")

    async def work(keep: Keep | None) -> dict[str, Any]:
        await may_use(studio, seat.who, found.model)
        made = await studio.tasks.fork(task, body.step, seat.participant, body.inputs)
        return await _kept(studio, seat, made, keep)

    return await _made(studio, seat, idempotency_key, {"fork": task, **body.model_dump(exclude_unset=True)}, work)


@router.post("/tasks/{task}/fork/look")
async def look_at_fork(task: str, body: ForkBody, who: Caller, studio: Here) -> Json:
    """What a fork would take over (`keeps`), and what it would do, anew or for the first time (`does`): titles of
    steps. Nothing is begun."""
    await _seen(studio, who, task, "steer")
    return Json(await studio.tasks.would_fork(task, body.step, body.inputs))


@router.post("/tasks/{task}/answer")
async def answer(task: str, body: AnswerBody, who: Caller, studio: Here) -> Json:
    """Answer something that it asks. A question is answered by anybody who may comment; whether it may do something
    that costs or leaves this machine, by a person who may edit."""
    reply = Reply(body.answer if body.answer is not None else body.text, body.allow)
    return await _change(
        studio, who, task, "steer", lambda seat: studio.tasks.answer(task, body.card, reply, seat.participant)
    )


@router.post("/tasks/{task}/drop")
async def drop(task: str, body: DropBody, who: Caller, studio: Here) -> Json:
    """Let something that it found count no more."""
    return await _change(studio, who, task, "steer", lambda seat: studio.tasks.drop(task, body.found, seat.participant))


def may_spend(seat: Seat, budget: Budget | None, priority: int) -> None:
    """Refuse to let a task use up more than is usual, or go before others, to those who do not decide that."""
    usual = Budget()
    if budget and not seat.participant.may("owner"):
        for name in ("tokens", "seconds", "money"):
            most, wanted = getattr(usual, name), getattr(budget, name)
            if wanted is None or wanted > most:
                raise Forbidden(
                    f"Only an owner of the canvas lets a task use more than usual ({name}: {most:,.0f}).",
                    "Ask them, or leave `budget` out.",
                )
    if priority > 0 and not seat.participant.may("editor"):
        raise Forbidden("Only an editor lets a task go before others.", "Leave `priority` out.")


async def _seen(studio: Studio, who: Who, task: str, hand: Hand = "see") -> tuple[Seat, Task]:
    """The caller's seat at the task's canvas, and the task. One of a canvas that they may not see is not there."""
    found = await studio.tasks.get(task)
    return await hand_on(studio, who, found.canvas, found.by, hand, "task"), found


async def _change(studio: Studio, who: Who, task: str, hand: Hand, change: Callable[[Seat], Awaitable[Task]]) -> Json:
    seat, _ = await _seen(studio, who, task, hand)
    return Json(await studio.tasks.shown(await change(seat)))


async def _listed(studio: Studio, tasks: list[Task], brief: bool) -> list[dict[str, Any]]:
    shown = [await studio.tasks.shown(task) for task in tasks]
    return [glance(one) for one in shown] if brief else shown


async def _kept(studio: Studio, seat: Seat, task: Task, keep: Keep | None) -> dict[str, Any]:
    shown = await studio.tasks.shown(task)
    if keep:
        answer = keep(shown)
        with suppress(StudioloError):  # it has begun, and saying otherwise would have it begun twice
            await studio.store.remember(answer.key, seat.participant.id, seat.canvas, answer.response)
    return shown


async def _made(
    studio: Studio,
    seat: Seat,
    key: str | None,
    asked: dict[str, Any],
    work: Callable[[Keep | None], Awaitable[dict[str, Any]]],
) -> Json:
    status, answer = await studio.repeats.once(key, seat.participant.id, seat.canvas, asked, work)
    if status != 200:
        return Json(answer, status_code=status)
    return Json(answer, status_code=201, headers={"Location": f"/api/tasks/{answer['id']}"})


def _named_by(seat: Seat, key: str | None) -> str | None:
    """The id of a task that was asked for with a key: a crash between its row and the answer makes no second one."""
    if not key:
        return None
    return hashlib.sha256(f"{seat.participant.id}\n{seat.canvas}\n{key}".encode(errors="replace")).hexdigest()[:16]
