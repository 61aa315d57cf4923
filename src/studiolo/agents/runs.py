"""Runs: every time somebody asks an agent for something, from the queue to its result.

A run is a task of one process. It can be watched from the start, stopped, and read afterwards from the store, from
other nodes of the studio too, by way of Redis. Runs wait for each other per model, because a model serves only so many
at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, Literal, Protocol, cast

from studiolo.agents import place as places
from studiolo.agents.context import Given
from studiolo.agents.errors import LARGER, RunFailed, TooSlow
from studiolo.agents.intent import SKILLS, Intent, Skill, intent, rewriting
from studiolo.agents.persona import Persona
from studiolo.agents.persona_folder import Personas
from studiolo.agents.skills import PERFORM
from studiolo.agents.surface import Surface
from studiolo.agents.voice import Budget, Spent, Voice
from studiolo.agents.work import Ask, Work
from studiolo.canvas import Participant, StudioloError
from studiolo.canvas.errors import Invalid, NotFound, Unavailable
from studiolo.metrics import RUNS_ENDED
from studiolo.models import Model

State = Literal["queued", "running", "done", "failed", "stopped"]
ENDED: frozenset[State] = frozenset({"done", "failed", "stopped"})
KEPT = 200  # ended runs that stay in memory with their events
MOST_LEFT = 10_000  # unfinished runs that are looked at after a start
TRY_AGAIN = 5.0  # seconds
STOPPED_WITHIN = 10.0  # seconds that a run of another node has to end
QUEUE = 32  # runs that may wait for one model
MOST_EVENTS = 5_000  # of one run; deltas beyond are dropped, the text itself is on the page
LONGEST_PROMPT = 8_000
log = logging.getLogger(__name__)


class Catalogue(Protocol):
    """Where models come from."""

    def get(self, name: str | None = None) -> Model:
        """The model with that name, or the default one. Raises a `StudioloError` when it cannot be asked."""
        ...


class RunStore(Protocol):
    """Where runs are kept."""

    async def save_run(self, run: dict[str, Any]) -> None: ...

    async def get_run(self, id: str) -> dict[str, Any] | None: ...

    async def list_runs(
        self, canvas: str | None = None, states: Any = (), limit: int = 100
    ) -> list[dict[str, Any]]: ...


class OtherNodes(Protocol):
    """The other processes of the studio, which have runs of their own."""

    id: str
    """This process's."""
    gone: list[Callable[[str], None]]
    """Called with the id of a process that has ended."""

    async def alive(self, node: str) -> bool: ...

    def publish(self, subject: str, header: dict[str, Any]) -> None: ...

    async def listen(
        self, subject: str, hear: Callable[[dict[str, Any], bytes], None], look: Callable[[], None]
    ) -> None: ...

    def tell(self, run: str, event: dict[str, Any]) -> None: ...

    def told(self, run: str, over: Callable[[], Awaitable[bool]]) -> AsyncIterator[dict[str, Any]]: ...


@dataclass(slots=True)
class _Lane:
    """The queue in front of one model."""

    gate: asyncio.Semaphore
    waiting: int = 0


@dataclass(eq=False)
class Run:
    """One request to an agent."""

    id: str
    ask: Ask
    by: Participant
    skill: Skill
    model: str
    provider: str
    given: Given
    canvas: str
    place: places.Place | None = None  # where it was asked
    node: str = ""  # of the studio's nodes, the one that it runs on
    state: State = "queued"
    started: float = 0.0
    finished: float | None = None
    error: dict[str, Any] | None = None
    results: list[dict[str, str]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    tell: Callable[[dict[str, Any]], None] = lambda event: None  # the other nodes
    _events: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _stop: bool = False
    _begun: bool = False

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON."""
        made: dict[str, Any] = {
            "id": self.id,
            "canvas": self.canvas,
            "agent": self.ask.agent,
            "skill": self.skill,
            "model": self.model,
            "prompt": self.ask.prompt,
            "page": self.ask.page,
            "options": dict(self.ask.options),
            "by": {"id": self.by.id, "name": self.by.name},
            "state": self.state,
            "started": self.started,
            "finished": self.finished,
            "given": self.given.as_dict(),
            "results": list(self.results),
            "usage": dict(self.usage),
            "checks": self.checks[-200:],
            "notes": list(self.notes),
        }
        if self.place is not None and self.place.chosen:
            made["place"] = {"start": self.place.anchor.start, "end": self.place.anchor.end}
        if self.ask.say:
            made["say"] = True
        if self.node:
            made["node"] = self.node
        if self.error:
            made["error"] = self.error
        return made

    def emit(self, event: dict[str, Any]) -> None:
        """Tell everyone who watches."""
        if event["type"] == "delta" and len(self._events) >= MOST_EVENTS:
            return
        self._events.append(event)
        self.tell(event)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Everything that has happened and will happen to this run, ending with `done`.

        `state` {state, progress?}, `delta` {text, id}, `result` {result: {type, id}}, `done` {run}.
        """
        at = 0
        while True:
            news = self._news
            while at < len(self._events):
                event = self._events[at]
                at += 1
                yield event
                if event["type"] == "done":
                    return
            if at >= len(self._events):
                await news.wait()

    def stop(self) -> None:
        """End it. What has been written of a text stays, as a suggestion."""
        if self.ended or self._stop:
            return
        self._stop = True
        # A task that is cancelled before its first step would never come to tell anybody; that one looks by itself.
        if self._task and self._begun:
            self._task.cancel()

    async def kept(self) -> None:
        """Until it is in the store, where the other nodes find it; or could not be put there."""
        await self._kept.wait()

    async def wait(self) -> Run:
        """Until it has ended."""
        if self._task:
            await asyncio.wait([self._task])
        return self


class Runs:
    """All runs of this process."""

    def __init__(
        self,
        models: Catalogue,
        store: RunStore | None,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        random: Random | None = None,
        budget: Budget | None = None,
        nodes: OtherNodes | None = None,
        personas: Personas | None = None,
    ) -> None:
        self.personas = personas or Personas()
        self._nodes = nodes
        self._models = models
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._random = random or SystemRandom()
        self._budget = budget or Budget()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lanes: dict[str, _Lane] = {}
        self._present: Counter[tuple[str, str]] = Counter()
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Take up what earlier processes left, and hear what other nodes want of the runs here."""
        if self._nodes:
            await self._nodes.listen("runs", self._hear, lambda: None)
            self._nodes.gone.append(lambda node: self._later(self._recover_in_the_end()))
        await self.recover()

    def start(self, surface: Surface, ask: Ask, by: Participant) -> Run:
        """Ask an agent. Returns at once; raises a `StudioloError` when it cannot be asked this."""
        if self._closed:
            raise Unavailable("The studio is closing.", "Come back in a moment.")
        agent = self.personas.get(ask.agent).acting_for(by)
        if len(ask.prompt) > LONGEST_PROMPT:
            raise Invalid(
                f"The request has {len(ask.prompt):,} characters; {LONGEST_PROMPT:,} are the most.",
                "Put long material on a page and ask about that.",
            )
        where = places.asked(surface.canvas, ask.page, ask.quote, ask.before, ask.after, ask.start, ask.end)
        meant = _meant(ask, where, agent)
        ask.options = meant.options | dict(ask.options)
        if meant.skill in ("continue", "rewrite", "critique") and where is None and not surface.canvas.outline():
            raise Invalid("The canvas has no page.", "Add a page first.")
        model = self._models.get(ask.model or wished(agent, self._models))
        lane = self._lane(model)
        if lane.waiting >= QUEUE:
            raise Unavailable(f"{QUEUE} requests are waiting for {model.info.label} already.", "Try again in a minute.")
        run = Run(
            id=self._new_id(),
            ask=ask,
            by=by,
            skill=meant.skill,
            model=model.info.name,
            provider=model.info.provider,
            given=Given(model.info.context),
            canvas=surface.id,
            place=where,
            started=self._clock(),
        )
        if nodes := self._nodes:
            run.node = nodes.id
            run.tell = lambda event: nodes.tell(run.id, event)
        work = Work(
            run=run.id,
            surface=surface,
            persona=agent,
            ask=ask,
            skill=meant.skill,
            voice=Voice(model, self._budget, self._random),
            place=where,
            given=run.given,
            emit=run.emit,
            results=run.results,
            checks=run.checks,
            notes=run.notes,
        )
        if model.info.small:
            work.note(f"{model.info.label} is a small model: read what it writes with care.")
        self._runs[run.id] = run
        self._forget()
        self._state(run, "queued")
        lane.waiting += 1
        run._task = asyncio.create_task(self._live(run, work, lane), name=f"run {run.id}")
        return run

    def get(self, id: str) -> Run | None:
        """A run of this process that is still remembered; `find` also looks in the store."""
        return self._runs.get(id)

    async def find(self, id: str) -> dict[str, Any]:
        """A run as JSON, running or long ended. Raises `NotFound`."""
        if run := self._runs.get(id):
            return run.as_dict()
        if self._store is not None and (kept := await self._store.get_run(id)):
            return kept
        raise NotFound("There is no such run.", "Runs are listed with their canvas.")

    async def of_canvas(self, canvas: str, limit: int = 100) -> list[dict[str, Any]]:
        """The runs of a canvas, the newest first."""
        live = {id: run.as_dict() for id, run in self._runs.items() if run.canvas == canvas}
        kept = await self._store.list_runs(canvas, limit=limit) if self._store is not None else []
        found = {run["id"]: run for run in kept} | live
        return sorted(found.values(), key=lambda run: (-run["started"], run["id"]))[:limit]

    async def watch(self, id: str) -> tuple[AsyncIterator[dict[str, Any]], bool]:
        """The events of a run, wherever it runs, as `Run.events` gives them; and whether they are all there, from the
        first. Of one that ended elsewhere the deltas are not: what they came to is in the run. Raises `NotFound`."""
        if run := self._runs.get(id):
            return run.events(), True
        found = await self.find(id)
        if self._nodes and found["state"] not in ENDED:
            return self._told(id, found.get("node", ""), self._nodes), True
        return _ended(found), False

    async def _told(self, id: str, node: str, nodes: OtherNodes) -> AsyncIterator[dict[str, Any]]:
        async def over() -> bool:
            try:
                return (await self.find(id))["state"] in ENDED or not await nodes.alive(node)
            except NotFound:  # its canvas was deleted
                return True
            except StudioloError:
                return False  # the database is busy; the next look will tell

        async for event in nodes.told(id, over):
            yield event
            if event["type"] == "done":
                return
        # Redis has lost its end; or its node has died, and one of those that live has marked it, or will.
        with contextlib.suppress(NotFound):
            yield {"type": "done", "run": await self.find(id)}

    async def stop(self, id: str) -> dict[str, Any]:
        """End a run, wherever it runs; the run when it has ended. What it has written stays. Raises `NotFound`."""
        if run := self._runs.get(id):
            run.stop()
            return (await run.wait()).as_dict()
        found = await self.find(id)
        if self._nodes and found["state"] not in ENDED:
            self._nodes.publish("runs", {"kind": "stop", "run": id})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOPPED_WITHIN):
                    async for event in self._told(id, found.get("node", ""), self._nodes):
                        found = event.get("run", found)
        return found

    async def recover(self) -> int:
        """Mark the runs of processes that live no more as failed. How many there were."""
        if self._store is None:
            return 0
        left = 0
        for run in await self._store.list_runs(states=("queued", "running"), limit=MOST_LEFT):
            if run["id"] in self._runs or (self._nodes and await self._nodes.alive(run.get("node", ""))):
                continue
            error = {
                "code": "restarted",
                "message": "The studio was restarted while the agent was at work.",
                "hint": "Ask again; what it had already written is still there as a suggestion.",
            }
            with contextlib.suppress(NotFound):
                await self._store.save_run(run | {"state": "failed", "finished": self._clock(), "error": error})
            left += 1
        return left

    async def _recover_in_the_end(self) -> None:
        """A node may have died of what keeps the database from answering."""
        while True:
            try:
                await self.recover()
                return
            except StudioloError as error:
                log.warning("The runs of a node that is gone are not marked yet: %s", error.message)
                await asyncio.sleep(TRY_AGAIN)

    async def close(self) -> None:
        """Stop everything that runs."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        tasks = [run._task for run in self._runs.values() if run._task and not run._task.done()]
        for run in self._runs.values():
            run.stop()
        if tasks:
            await asyncio.wait(tasks)

    def _hear(self, header: dict[str, Any], _body: bytes) -> None:
        """What another node wants of a run here."""
        run = self._runs.get(header["run"])
        if header["kind"] == "stop" and run is not None:
            run.stop()

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one run's life

    async def _live(self, run: Run, work: Work, lane: _Lane) -> None:
        agent = work.persona.participant
        # Only the work holds on to the room: a run that has ended is remembered for long, and its room is not.
        present = (run.canvas, agent.id)
        queued = True
        self._present[present] += 1
        run._begun = True
        try:
            if run._stop:
                raise asyncio.CancelledError
            self._appear(run, work)
            await self._save(run)
            if run.ask.say and run.ask.prompt.strip():
                await work.surface.apply({"type": "say", "text": run.ask.prompt.strip(), "run": run.id}, run.by)
            async with lane.gate:
                lane.waiting -= 1
                queued = False
                self._state(run, "running")
                await self._save(run)
                await self._perform(run, work)
            self._end(run, "done")
        except asyncio.CancelledError:
            self._end(run, "stopped")
        except StudioloError as error:
            await self._answer(run, work, error)
            self._end(run, "failed", error.as_dict())
        except Exception:
            log.exception("run %s failed", run.id)
            self._end(
                run,
                "failed",
                {
                    "code": "internal",
                    "message": "Something went wrong inside the studio.",
                    "hint": "Try again; the studio's log says what happened.",
                },
            )
        finally:
            if queued:
                lane.waiting -= 1
            self._present[present] -= 1
            # Several runs of one agent share its presence: the last one to end takes it away.
            if not self._present[present]:
                del self._present[present]
                with contextlib.suppress(StudioloError):
                    work.surface.show(agent, None)
            run.usage = {
                "requests": work.voice.usage.requests,
                "input_tokens": work.voice.usage.input_tokens,
                "output_tokens": work.voice.usage.output_tokens,
            }
            await asyncio.shield(self._save(run))
            run.emit({"type": "done", "run": run.as_dict()})
            run._task = None

    async def _perform(self, run: Run, work: Work) -> None:
        try:
            async with asyncio.timeout(self._budget.seconds):
                await PERFORM[run.skill](work)
        except TimeoutError:
            if not run.results:
                raise TooSlow(
                    f"{work.voice.info.label} had written nothing that could be used after "
                    f"{self._budget.seconds:.0f} seconds.",
                    LARGER,
                ) from None
            work.note(f"It was ended after {self._budget.seconds:.0f} seconds.")
        except Spent:
            if not run.results:
                raise RunFailed(
                    f"{work.voice.info.label} used up the {self._budget.tokens:,} tokens of a run.",
                    LARGER,
                    checks=[],
                ) from None
            work.note(f"It was ended after {self._budget.tokens:,} tokens.")

    async def _answer(self, run: Run, work: Work, error: StudioloError) -> None:
        """What was asked in the conversation is answered there, even when the answer is that it did not work."""
        if not run.ask.say or any(result["type"] == "message" for result in run.results):
            return
        with contextlib.suppress(StudioloError):
            message = await work.act({"type": "say", "text": "", "run": run.id, "streaming": True})
            said = f"{error.message} {error.hint}".strip()
            await work.act({"type": "say_done", "message": message, "status": "failed", "text": said})
            work.result("message", message)

    def _appear(self, run: Run, work: Work) -> None:
        """Be seen from the moment of asking; it also keeps the room from being let go while the run waits."""
        cursor = None
        if work.place is not None:
            cursor = places.cursor(work.surface.canvas, work.place.page, work.place.span)
        work.show("thinking", cursor=cursor)

    def _state(self, run: Run, state: State) -> None:
        run.state = state
        run.emit({"type": "state", "state": state})

    def under_way(self) -> Counter[State]:
        """How many runs of this process wait, and how many work."""
        return Counter(run.state for run in self._runs.values() if not run.ended)

    def _end(self, run: Run, state: State, error: dict[str, Any] | None = None) -> None:
        RUNS_ENDED.labels(state, run.provider).inc()
        run.finished = self._clock()
        run.error = error
        self._state(run, state)

    async def _save(self, run: Run) -> None:
        try:
            if self._store is not None:
                await self._store.save_run(run.as_dict())
        except NotFound:
            log.info("run %s: its canvas is gone", run.id)
        except StudioloError as error:
            # What the run does to the canvas is stored by the room; its own record is worth less than its work.
            log.warning("run %s was not stored: %s", run.id, error.message)
        finally:
            run._kept.set()

    def _lane(self, model: Model) -> _Lane:
        lane = self._lanes.get(model.info.name)
        if lane is None:
            # The embedded engine shares two or three cores; a provider's limits are its own business.
            lane = self._lanes[model.info.name] = _Lane(asyncio.Semaphore(2 if model.info.constrained else 4))
        return lane

    def _forget(self) -> None:
        ended = [id for id, run in self._runs.items() if run.ended]
        for id in ended[: max(0, len(ended) - KEPT)]:
            del self._runs[id]


async def _ended(run: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """What is left to tell of a run that ended long ago."""
    yield {"type": "state", "state": run["state"]}
    for result in run["results"]:
        yield {"type": "result", "result": result}
    yield {"type": "done", "run": run}


def wished(agent: Persona, models: Catalogue) -> str | None:
    """The first of the models that an agent wishes for that can be used; None for the studio's default."""
    for name in agent.model:
        with contextlib.suppress(StudioloError):
            return models.get(name).info.name
    return None


def _meant(ask: Ask, where: places.Place | None, agent: Persona) -> Intent:
    """The skill that was named, or the one that the prompt asks for, as far as the agent has it."""
    selection = where is not None and where.chosen and where.span.start < where.span.end
    if ask.skill is None:
        if not ask.prompt.strip() and where is None:
            raise Invalid("Nothing was asked.", "Write what the agent should do.")
        meant = intent(ask.prompt, page=where is not None, selection=selection)
        if where is not None and not where.text.strip() and meant.skill in ("rewrite", "critique"):
            meant = Intent("continue")  # "make it a ghost story", on an empty page
        return meant if meant.skill in agent.skills else _own(agent, ask.prompt, where)
    if ask.skill not in SKILLS:
        raise Invalid(f"There is no skill “{ask.skill}”.", f"Use one of: {', '.join(SKILLS)}.")
    skill = cast(Skill, ask.skill)
    if skill not in agent.skills:
        can = ", ".join(SKILLS[one].lower() for one in agent.skills)
        raise Invalid(f"{agent.participant.name} does not do that.", f"It can: {can}. Or ask another agent.")
    return Intent(skill, rewriting(ask.prompt) if skill == "rewrite" and "how" not in ask.options else {})


def _own(agent: Persona, prompt: str, where: places.Place | None) -> Intent:
    """What an agent does with a request for something that it does not do: the first of its skills that fits."""
    fits: list[Skill] = [skill for skill in agent.skills if where is not None or skill in ("ask", "brainstorm")]
    skill: Skill = fits[0] if fits else agent.skills[0]
    return Intent(skill, rewriting(prompt) if skill == "rewrite" else {})
