"""Tasks that begin by themselves: making and changing schedules, and beginning what is due, once.

A schedule is a row that says when it is next due. Each node sleeps until the first of these moments; whoever is first
begins the task and moves the row on, in one commit: a second node finds the row moved, and a crash leaves both or
neither. The task's id is made of the schedule's and of that moment, so that not even a database that is set back
begins it twice. Times that passed while no studio ran are made up for by one task.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from studiolo.agents.surface import Surface
from studiolo.canvas import Canvas, Participant, StudioloError
from studiolo.canvas.errors import Conflict, Forbidden, NotFound
from studiolo.canvas.participant import Role, rank
from studiolo.store import Store
from studiolo.store import schedules as kept
from studiolo.store.dialect import Plain
from studiolo.tasks.schedule import Schedule, Understood, understand
from studiolo.tasks.task import Budget, Task
from studiolo.tasks.tasks import Tasks

MOST_HERE = 50  # schedules of a canvas
MOST_OF_ONE = 100  # of a person
LATE = 600.0  # seconds after which people are told that a time was missed
CLOCK_LOOK = 20.0  # seconds between looks at the clock on the wall, which may be set
AGAIN_AFTER = 60.0  # seconds after which something is tried again that went wrong for no fault of the schedule
SHOWN = 50  # tasks of its history
log = logging.getLogger(__name__)

Check = Callable[[str, dict[str, Any], Canvas], Any]
"""Raises `Invalid` or `NotFound` for a kind that is not there, or inputs that are none of its."""


class OtherNodes(Protocol):
    """The studio's other nodes."""

    def publish(self, subject: str, header: dict[str, Any]) -> None: ...

    async def listen(
        self, subject: str, hear: Callable[[dict[str, Any], bytes], None], look: Callable[[], None]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What of a schedule is to be another; None: as it is."""

    title: str | None = None
    inputs: dict[str, Any] | None = None
    model: str | None = None
    skip_if_unchanged: bool | None = None
    budget: Budget | None = None
    priority: int | None = None
    words: str | None = None
    rule: str | None = None
    zone: str | None = None


class Schedules:
    """The schedules of a studio, and what begins their tasks.

    `open_canvas` gives the room of a canvas, `who` the participant with an id as they are in a canvas now.
    """

    def __init__(
        self,
        store: Store,
        tasks: Tasks,
        open_canvas: Callable[[str], Awaitable[Surface]],
        who: Callable[[str, str], Awaitable[Participant]],
        clock: Callable[[], float],
        new_id: Callable[[], str],
        check: Check,
        nodes: OtherNodes | None = None,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._open_canvas = open_canvas
        self._who = who
        self._clock = clock
        self._new_id = new_id
        self._check = check
        self._nodes = nodes
        self._held: dict[str, float] = {}  # schedules that went wrong, and when to try them again
        self._wake = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None
        self._noting: set[asyncio.Task[None]] = set()
        self.rounds = 0
        """How often it has looked for what is due."""

    async def open(self) -> None:
        """Begin, with what came due meanwhile."""
        self._tasks.on_change.append(self._changed)
        if self._nodes:
            await self._nodes.listen("schedules", lambda _header, _body: self.look(), self.look)
        self._driver = asyncio.create_task(self._run(), name="schedules")

    async def close(self) -> None:
        """Begin nothing any more."""
        if self._changed in self._tasks.on_change:
            self._tasks.on_change.remove(self._changed)
        tasks = [*([self._driver] if self._driver else []), *self._noting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def look(self) -> None:
        """Look now for what is due: something was changed, here or on another node."""
        self._wake.set()

    # -- what people do

    def read(self, words: str, zone: str) -> Understood:
        """What words about when are understood as. Raises `Invalid`."""
        return understand(words, "", zone, self._clock())

    async def make(
        self,
        surface: Surface,
        by: Participant,
        kind: str,
        inputs: dict[str, Any],
        *,
        words: str = "",
        rule: str = "",
        zone: str = "UTC",
        title: str = "",
        model: str | None = None,
        skip_if_unchanged: bool = False,
        budget: Budget | None = None,
        priority: int = 0,
    ) -> Schedule:
        """A new schedule, told in words or as a rule. Raises `Invalid`, `NotFound` for an unknown kind, and `TooLarge`
        where there are too many."""
        now = self._clock()
        meant = understand(words, rule, zone, now)
        self._check(kind, inputs, surface.canvas)
        schedule = Schedule(
            self._new_id(),
            surface.id,
            {"id": by.id, "name": by.name, "role": by.role},
            kind,
            inputs,
            meant.rule.text,
            zone,
            now,
            title or meant.text[:200],
            words,
            model,
            skip_if_unchanged,
            budget,
            priority,
            next=meant.rule.next(now, meant.zone),
        )
        await kept.add(self._store, schedule.as_dict(), MOST_HERE, MOST_OF_ONE)
        self._tell()
        return schedule

    async def get(self, id: str) -> Schedule:
        """A schedule. Raises `NotFound`."""
        return Schedule.read(await kept.get(self._store, id))

    async def of_canvases(self, canvases: Collection[str]) -> list[Schedule]:
        """The schedules of canvases, the oldest first."""
        return [Schedule.read(one) for one in await kept.of_canvases(self._store, canvases)]

    async def history(self, id: str) -> list[Task]:
        """The tasks that a schedule has begun, the newest first."""
        return await self._tasks.listed(limit=SHOWN, schedule=id)

    async def change(self, id: str, by: Participant, to: Changes) -> Schedule:
        """Change a schedule. Whoever changes what it does is who wants it from then on, so that nobody has anything
        done with the rights of others. Raises `Invalid`."""
        now = self._clock()
        surface = await self._open_canvas((await self.get(id)).canvas)

        def changed(schedule: Schedule) -> None:
            if to.inputs is not None or to.model is not None:
                schedule.inputs = schedule.inputs if to.inputs is None else to.inputs
                schedule.model = schedule.model if to.model is None else to.model or None
                self._check(schedule.kind, schedule.inputs, surface.canvas)
                schedule.seen = ""
                if schedule.by["id"] != by.id:
                    schedule.by = {"id": by.id, "name": by.name, "role": by.role}
            if to.title is not None:
                schedule.title = to.title
            if to.budget is not None:
                schedule.budget = to.budget
            if to.priority is not None:
                schedule.priority = to.priority
            if to.skip_if_unchanged is not None:
                schedule.skip_if_unchanged = to.skip_if_unchanged
            if to.words is not None or to.rule is not None or to.zone is not None:
                zone = to.zone or schedule.zone
                again = to.words is None and to.rule is None
                meant = understand(to.words or "", schedule.rule if again else to.rule or "", zone, now)
                schedule.rule, schedule.zone = meant.rule.text, zone
                schedule.words = schedule.words if again else to.words or ""
                if schedule.state != "paused":
                    schedule.state, schedule.next = "on", meant.rule.next(now, meant.zone)

        return await self._change(id, changed)

    async def pause(self, id: str) -> Schedule:
        """Begin nothing until somebody resumes it. A task that it has begun goes on."""

        def paused(schedule: Schedule) -> None:
            if schedule.state == "over":
                raise Conflict("The schedule is over.", "Change when it runs, or delete it.")
            schedule.state, schedule.next = "paused", None

        return await self._change(id, paused)

    async def resume(self, id: str) -> Schedule:
        """Go on with the next time to come; what was missed in the pause is not made up for."""
        now = self._clock()

        def resumed(schedule: Schedule) -> None:
            if schedule.state == "on":
                return
            following = schedule.when.next(now, ZoneInfo(schedule.zone))
            if following is None:
                raise Conflict("There is no time to come in this schedule.", "Change when it runs.")
            schedule.state, schedule.next = "on", following

        return await self._change(id, resumed)

    async def delete(self, id: str) -> None:
        """End it. Its tasks stay. Raises `NotFound`."""
        await kept.delete(self._store, id)
        self._tell()

    async def run(self, id: str) -> Task:
        """Begin its task now, in the name of whoever wants it; the times to come stay as they are. Raises `Conflict`
        while the last one is not over."""
        schedule = await self.get(id)
        if before := await self._under_way(schedule):
            raise Conflict(
                f"Its last task is not over: it is {before.state}.", "Cancel that one, or wait until it is done."
            )
        surface, by = await self._as_it_is(schedule)
        task = await self._begin(schedule, surface, by, self._new_id())
        now, seen = self._clock(), await self._looks(schedule, surface)

        def ran(schedule: Schedule) -> None:
            schedule.last, schedule.task, schedule.seen = now, task.id, seen

        await self._change(id, ran)
        return task

    async def _change(self, id: str, change: Callable[[Schedule], None]) -> Schedule:
        def changed(row: dict[str, Any]) -> dict[str, Any]:
            schedule = Schedule.read(row)
            change(schedule)
            return schedule.as_dict()

        schedule = Schedule.read(await kept.change(self._store, id, changed))
        self._tell()
        return schedule

    def _tell(self) -> None:
        self._wake.set()
        if self._nodes:
            self._nodes.publish("schedules", {"kind": "changed"})

    # -- what happens by itself

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                following = await self._begin_due()
            except StudioloError as error:
                log.warning("What is due is not known: %s", error.message)
                following = self._clock() + AGAIN_AFTER
            self.rounds += 1
            await self._sleep(following)

    async def _sleep(self, until: float | None) -> None:
        """Sleep until that moment by the clock on the wall, which may be set meanwhile, or until something changes."""
        while not self._wake.is_set():
            left = CLOCK_LOOK if until is None else until - self._clock()
            if left <= 0:
                return
            # Not `wait_for`: that of Python 3.11 forgets that it was cancelled when it is woken in the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(None if until is None else min(left, CLOCK_LOOK)):
                    await self._wake.wait()

    async def _begin_due(self) -> float | None:
        """Begin what is due; the moment of what comes next."""
        now = self._clock()
        due, following = await kept.coming(self._store, now)
        for row in due:
            schedule = Schedule.read(row)
            if self._held.get(schedule.id, now) > now:
                continue
            self._held.pop(schedule.id, None)
            try:
                await self._due(schedule)
            except StudioloError as error:
                log.warning("Schedule %s is tried again in a minute: %s", schedule.id, error.message)
                self._held[schedule.id] = now + AGAIN_AFTER
            except Exception:
                log.exception("Schedule %s is tried again in a minute", schedule.id)
                self._held[schedule.id] = now + AGAIN_AFTER
        here = {row["id"] for row in due}
        self._held = {id: at for id, at in self._held.items() if id in here}
        if moved := await self._first_moved(now, here):
            following = moved if following is None else min(moved, following)
        return min([*self._held.values(), *([following] if following is not None else [])], default=None)

    async def _first_moved(self, now: float, ids: set[str]) -> float | None:
        """When the first of all is due after some were moved on."""
        return (await kept.coming(self._store, now))[1] if ids else None

    async def _due(self, schedule: Schedule) -> None:
        """It is time for a schedule: begin its task, or say why not, and move it on to its next time."""
        now, due, zone = self._clock(), schedule.next, ZoneInfo(schedule.zone)
        assert due is not None  # or it would not be due
        rule = schedule.when
        following = rule.next(max(now, due), zone)
        missed = rule.missed(due, now, zone) + (now - due > LATE)
        told: list[str] = []

        def moved(began: tuple[str, str] | None, paused: bool) -> kept.Change:
            def move(row: dict[str, Any]) -> dict[str, Any] | None:
                if row["next"] != due:  # another node was faster, or somebody has changed it
                    return None
                now_on = Schedule.read(row)
                if began:
                    now_on.last, (now_on.task, now_on.seen) = now, began
                now_on.next = following
                if paused:
                    now_on.state, now_on.next = "paused", None
                elif following is None:
                    now_on.state = "over"
                for text in told:
                    now_on.note(now, text)
                return now_on.as_dict()

            return move

        paused = False
        try:
            surface, by = await self._as_it_is(schedule)
            if before := await self._under_way(schedule, due):
                told.append(f"Not begun at {_time(due, zone)}: the last task is not over, it is {before.state}.")
            elif schedule.skip_if_unchanged and await self._looks(schedule, surface) == schedule.seen:
                told.append(f"Not begun at {_time(due, zone)}: nothing has changed since the last task.")
            else:
                if missed:
                    more = f" and {missed - 1} more {'time' if missed == 2 else 'times'}" if missed > 1 else ""
                    told.append(f"Missed at {_time(due, zone)}{more}, as no studio ran: this one task makes up for it.")
                id = f"{schedule.id}-{int(due)}"
                move = moved((id, await self._looks(schedule, surface)), paused=False)
                with suppress(_Overtaken):
                    await self._begin(
                        schedule, surface, by, id, lambda connection: _move(connection, schedule.id, move)
                    )
                return
        except StudioloError as error:
            if error.status >= 500:
                raise
            paused = True
            told[:] = [f"Paused: {error.message} {error.hint}".strip()]
        await kept.change(self._store, schedule.id, moved(None, paused))

    async def _as_it_is(self, schedule: Schedule) -> tuple[Surface, Participant]:
        """Its canvas, and whoever wants it, with no more rights than they came with. Raises `Forbidden` when they are
        not in the canvas any more, or may only look."""
        surface = await self._open_canvas(schedule.canvas)
        try:
            by = await self._who(schedule.canvas, schedule.by["id"])
        except Forbidden:
            raise Forbidden(
                f"{schedule.by['name']}, who wanted this, is not in the canvas any more.",
                "Whoever wants it changes or makes it anew.",
            ) from None
        most: Any = schedule.by.get("role", by.role)
        role: Role = min(by.role, most, key=rank)
        if rank(role) < rank("commenter"):
            raise Forbidden(f"{by.name}, who wanted this, may only look here now.", "Ask an owner of the canvas.")
        return surface, replace(by, role=role)

    async def _begin(
        self,
        schedule: Schedule,
        surface: Surface,
        by: Participant,
        id: str,
        within: Callable[[Plain], None] | None = None,
    ) -> Task:
        """With the limits that whoever wants it may set now: their role, or who wants it, may be another since."""
        usual = Budget()
        budget = schedule.budget or usual
        return await self._tasks.begin(
            surface,
            by,
            schedule.kind,
            schedule.inputs,
            title=schedule.title,
            model=schedule.model,
            priority=schedule.priority if by.may("editor") else min(schedule.priority, 0),
            budget=budget if by.may("owner") else budget.within(usual),
            schedule=schedule.id,
            id=id,
            within=within,
        )

    async def _under_way(self, schedule: Schedule, due: float | None = None) -> Task | None:
        """Its last task, if that is not over; but for the one that was begun for this very moment before a crash."""
        for task in await self._tasks.listed(limit=1, schedule=schedule.id):
            if not task.ended and (due is None or task.id != f"{schedule.id}-{int(due)}"):
                return task
        return None

    async def _looks(self, schedule: Schedule, surface: Surface) -> str:
        """A mark of what is in the canvas, and in the files that the schedule names."""
        canvas = surface.canvas
        said = hashlib.sha256()
        for page in canvas.outline():
            if not page["removed"]:
                for text in (page["id"], page["title"], canvas.page_text(page["id"])):
                    said.update(text.encode(errors="replace") + b"\0")
        named = await kept.files(self._store, schedule.canvas, set(_strings(schedule.inputs)))
        said.update(repr(sorted(named.items())).encode())
        return said.hexdigest()

    def _changed(self, task: Task) -> None:
        """A task has changed: what the canvas is like when it is done is what later changes are measured from."""
        if task.schedule and task.ended:
            noting = asyncio.create_task(self._note_end(task), name=f"schedule {task.schedule}")
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)

    async def _note_end(self, task: Task) -> None:
        with suppress(StudioloError):  # the schedule, or the canvas, is gone
            schedule = await self.get(task.schedule or "")
            surface = await self._open_canvas(schedule.canvas)
            seen = await self._looks(schedule, surface) if task.state == "done" else ""

            def noted(row: dict[str, Any]) -> dict[str, Any] | None:
                return row | {"seen": seen} if row.get("task") == task.id else None

            await kept.change(self._store, schedule.id, noted)


class _Overtaken(Exception):
    """Another node has moved the schedule on, or somebody has changed or deleted it."""


def _move(connection: Plain, id: str, move: kept.Change) -> None:
    """Move a schedule on in a transaction that begins its task. Raises `_Overtaken`."""

    def moved(row: dict[str, Any]) -> dict[str, Any]:
        changed = move(row)
        if changed is None:
            raise _Overtaken
        return changed

    try:
        kept.change_within(connection, id, moved)
    except NotFound:
        raise _Overtaken from None


def _time(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M")


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for one in value.values():  # type: ignore[reportUnknownVariableType]
                yield from _strings(one)
        case list():
            for one in value:  # type: ignore[reportUnknownVariableType]
                yield from _strings(one)
        case _:
            return
