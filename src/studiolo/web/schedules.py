"""Schedules over HTTP: tasks that begin by themselves, told in words or as a rule."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from studiolo.canvas.actions import Line
from studiolo.canvas.errors import Invalid, StudioloError
from studiolo.people import Who
from studiolo.tasks.schedule import Schedule
from studiolo.tasks.schedules import Changes
from studiolo.tasks.task import Budget
from studiolo.tasks.wording import LONGEST
from studiolo.web.access import Caller, Commenter, Hand, Here, Seat, Viewer, hand_on
from studiolo.web.answers import Json
from studiolo.web.asking import may_use
from studiolo.web.bodies import Body
from studiolo.web.canvases import IdempotencyKey
from studiolo.web.repeats import Keep
from studiolo.web.studio import Studio
from studiolo.web.tasks import Inputs, Limits, Model, Priority, may_spend

router = APIRouter(prefix="/api", tags=["tasks"])

Words = Annotated[str, Field(max_length=LONGEST)]
RuleText = Annotated[str, Field(max_length=500)]
Zone = Annotated[str, Field(max_length=60, description="A time zone such as Europe/Berlin.")]


class NewSchedule(Body):
    """What is to be done, as for a task; and when: in `words`, or as `rule` (RRULE, cron, or one local time)."""

    kind: str = Field(max_length=100)
    inputs: Inputs = Field(default_factory=dict[str, Any])
    title: Line = ""
    model: Model = None
    words: Words | None = None
    rule: RuleText | None = None
    zone: Zone = "UTC"
    skip_if_unchanged: bool = False
    budget: Limits | None = None
    priority: Priority = 0

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if (self.words is None) == (self.rule is None):
            raise ValueError("give either words or rule")
        return self


class ChangedSchedule(Body):
    """What is to be another. An empty `model` is the studio's usual one."""

    title: Line | None = None
    inputs: Inputs | None = None
    model: Model = None
    words: Words | None = None
    rule: RuleText | None = None
    zone: Zone | None = None
    skip_if_unchanged: bool | None = None
    budget: Limits | None = None
    priority: Priority | None = None

    @model_validator(mode="after")
    def not_both(self) -> Self:
        if self.words is not None and self.rule is not None:
            raise ValueError("give either words or rule")
        return self


class Said(Body):
    """When, in words; what stands behind it is given back as it is."""

    words: Words
    zone: Zone = "UTC"


@router.post("/schedules/read")
async def read(body: Said, _who: Caller, studio: Here) -> Json:
    """What words about when are understood as: a rule, a sentence that says it back, the next times (in seconds since
    1970), `text` (the rest of the words), and `taken`, what was taken for granted."""
    return Json(studio.schedules.read(body.words, body.zone).shown(studio.store.clock()))


@router.post("/canvases/{canvas}/schedules", status_code=201)
async def make(body: NewSchedule, seat: Commenter, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Make a schedule. Its tasks are those of whoever makes it, with the role that they have here now, or less."""
    budget = body.budget.budget() if body.budget else None
    may_spend(seat, budget, body.priority)

    async def work(keep: Keep | None) -> dict[str, Any]:
        await may_use(studio, seat.who, body.model)
        schedule = await studio.schedules.make(
            await studio.rooms.get(seat.canvas),
            seat.participant,
            body.kind,
            body.inputs,
            words=body.words or "",
            rule=body.rule or "",
            zone=body.zone,
            title=body.title,
            model=body.model,
            skip_if_unchanged=body.skip_if_unchanged,
            budget=budget,
            priority=body.priority,
        )
        shown = schedule.shown(studio.store.clock())
        if keep:
            answer = keep(shown)
            with suppress(StudioloError):  # it is there, and saying otherwise would have it made twice
                await studio.store.remember(answer.key, seat.participant.id, seat.canvas, answer.response)
        return shown

    asked = {"schedule": body.model_dump(exclude_unset=True)}
    status, answer = await studio.repeats.once(idempotency_key, seat.participant.id, seat.canvas, asked, work)
    if status != 200:
        return Json(answer, status_code=status)
    return Json(answer, status_code=201, headers={"Location": f"/api/schedules/{answer['id']}"})


@router.get("/canvases/{canvas}/schedules")
async def of_canvas(seat: Viewer, studio: Here) -> Json:
    """The schedules of a canvas, the oldest first."""
    now = studio.store.clock()
    return Json({"schedules": [one.shown(now) for one in await studio.schedules.of_canvases([seat.canvas])]})


@router.get("/schedules")
async def everywhere(who: Caller, studio: Here) -> Json:
    """The schedules of all canvases that the caller may see, the oldest first."""
    canvases = {canvas["id"]: canvas["title"] for canvas in await studio.people.canvases(who)}
    now = studio.store.clock()
    found = await studio.schedules.of_canvases(canvases)
    return Json(
        {
            "schedules": [one.shown(now) for one in found],
            "canvases": {one.canvas: canvases[one.canvas] for one in found},
        }
    )


@router.get("/schedules/{schedule}")
async def one(schedule: str, who: Caller, studio: Here) -> Json:
    """A schedule, with the tasks that it has begun (`history`), the newest first."""
    _, found = await _seen(studio, who, schedule)
    history = [await studio.tasks.shown(task) for task in await studio.schedules.history(schedule)]
    return Json({**found.shown(studio.store.clock()), "history": history})


@router.patch("/schedules/{schedule}")
async def change(schedule: str, body: ChangedSchedule, who: Caller, studio: Here) -> Json:
    """Change a schedule. Whoever changes what it does, its inputs or its model, is who wants it from then on."""
    if not body.model_fields_set:
        raise Invalid("Nothing is to be changed.", "Name what is to be another: title, inputs, words, zone…")
    seat, _ = await _seen(studio, who, schedule, "own")
    await may_use(studio, who, body.model or None)
    before = await studio.schedules.get(schedule)
    budget = body.budget.budget() if body.budget else None
    # What somebody with more rights has set may stay as it is.
    other = budget if budget != (before.budget or Budget()) else None
    may_spend(seat, other, body.priority or 0 if body.priority != before.priority else 0)
    to = Changes(
        body.title,
        body.inputs,
        body.model,
        body.skip_if_unchanged,
        budget,
        body.priority,
        words=body.words,
        rule=body.rule,
        zone=body.zone,
    )
    return _shown(studio, await studio.schedules.change(schedule, seat.participant, to))


@router.delete("/schedules/{schedule}", status_code=204)
async def delete(schedule: str, who: Caller, studio: Here) -> Response:
    """End it. The tasks that it has begun stay, and go on."""
    await _seen(studio, who, schedule, "own")
    await studio.schedules.delete(schedule)
    return Response(status_code=204)


@router.post("/schedules/{schedule}/run", status_code=201)
async def run(schedule: str, who: Caller, studio: Here) -> Json:
    """Begin its task now, in the name of whoever wants it. The times to come stay as they are."""
    await _seen(studio, who, schedule, "steer")
    await studio.meet_agents()
    task = await studio.schedules.run(schedule)
    return Json(await studio.tasks.shown(task), status_code=201, headers={"Location": f"/api/tasks/{task.id}"})


@router.post("/schedules/{schedule}/pause")
async def pause(schedule: str, who: Caller, studio: Here) -> Json:
    """Begin nothing until somebody resumes it."""
    await _seen(studio, who, schedule, "own")
    return _shown(studio, await studio.schedules.pause(schedule))


@router.post("/schedules/{schedule}/resume")
async def resume(schedule: str, who: Caller, studio: Here) -> Json:
    """Go on with the next time to come."""
    await _seen(studio, who, schedule, "own")
    return _shown(studio, await studio.schedules.resume(schedule))


async def _seen(studio: Studio, who: Who, schedule: str, hand: Hand = "see") -> tuple[Seat, Schedule]:
    """The caller's seat at the schedule's canvas, and the schedule. One of a canvas that they may not see is not
    there."""
    found = await studio.schedules.get(schedule)
    return await hand_on(studio, who, found.canvas, found.by, hand, "schedule"), found


def _shown(studio: Studio, schedule: Schedule) -> Json:
    return Json(schedule.shown(studio.store.clock()))
