"""Runs: every time somebody asks an agent for something, from the queue to its result.

A run is a task of one process while it works. It can be watched from the start, steered, stopped, and read afterwards
from the store, from other nodes of the studio too, by way of Redis. Runs wait for each other per model, because a model
serves only so many at once. One that waits for a person, or rests, is a row in the store and nothing else: whichever
node is told to goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random, SystemRandom
from typing import Any, Protocol

from studiolo.agents import asking_people, loop, taste
from studiolo.agents import place as places
from studiolo.agents.choosing_skill import Catalogue, loops, meant, wished
from studiolo.agents.context import Given
from studiolo.agents.errors import LARGER, RunFailed, TooSlow
from studiolo.agents.handing_over import handed_over
from studiolo.agents.kit import Kit
from studiolo.agents.pace import Pace
from studiolo.agents.persona import Persona
from studiolo.agents.persona_folder import Personas
from studiolo.agents.run import ENDED, RESTING, Kind, Run, State
from studiolo.agents.skills import PERFORM
from studiolo.agents.steering import Said
from studiolo.agents.steps import Steps
from studiolo.agents.surface import Surface
from studiolo.agents.toolbox import Toolbox
from studiolo.agents.tracing import Tracing
from studiolo.agents.turns import Turns
from studiolo.agents.voice import Budget, Spent, Voice
from studiolo.agents.work import Ask, Work
from studiolo.canvas import THE_STUDIO, Participant, StudioloError, cards
from studiolo.canvas.errors import Conflict, Invalid, NotFound, Unavailable
from studiolo.metrics import RUNS_ENDED
from studiolo.models import Model

KEPT = 200  # ended runs that stay in memory with their events
MOST_LEFT = 10_000  # unfinished runs that are looked at after a start
LEARNING = ("work", "rewrite", "continue", "critique", "revise")
"""The kinds of run that propose changes, and so learn from what became of earlier ones."""
TRY_AGAIN = 5.0  # seconds
STOPPED_WITHIN = 10.0  # seconds that a run of another node has to end
QUEUE = 32  # runs that may wait for one model
AT_ONCE = 4  # runs of skills that one provider's model serves at the same time
LOOPS_AT_ONCE = 24  # loops, which are at their tools for much of the time
LONGEST_PROMPT = 8_000
STEPS_KEPT_AFTER = 0.25  # seconds
log = logging.getLogger(__name__)


class RunStore(Protocol):
    """Where runs are kept."""

    async def save_run(self, run: dict[str, Any], history: bytes | None = None) -> None: ...

    async def change_run(self, id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]: ...

    async def run_history(self, run: str) -> bytes | None: ...

    async def forget_history(self, run: str) -> None: ...

    async def save_steps(self, steps: Sequence[tuple[str, dict[str, Any]]]) -> None: ...

    async def run_steps(self, run: str) -> list[dict[str, Any]]: ...

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

    def alone(self, name: str) -> contextlib.AbstractAsyncContextManager[None]: ...

    async def pin(self, board: str, key: str, note: str | None) -> None: ...

    async def pinned(self, board: str) -> dict[str, str]: ...

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
        kit: Kit | None = None,
        allowance: loop.Allowance | None = None,
        surfaces: Callable[[str], Awaitable[Surface]] | None = None,
        ring: Callable[[str], None] = lambda canvas: None,
    ) -> None:
        """`kit`: what loops work with; without one there are skills only. `surfaces` gives the canvas of an id, to go
        on with a run there. `ring` is called with a canvas when what its runs want of people has changed."""
        self.personas = personas or Personas()
        self.kit = kit
        self._toolbox = Toolbox(kit) if kit is not None else None
        self.allowance = allowance or loop.Allowance()
        self.surfaces = surfaces
        self.on_end: list[Callable[[Run], None]] = []
        """Called with every run of this process that has ended."""
        self._ring = ring
        self._nodes = nodes
        self._models = models
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._random = random or SystemRandom()
        self._budget = budget or Budget()
        self.tracing: Tracing | None = None
        self.forgotten: Callable[[str], Awaitable[frozenset[str]]] = _nothing
        """The decisions of a canvas that agents are to learn from no longer."""
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lanes: dict[tuple[str, bool], _Lane] = {}
        self._present: Counter[tuple[str, str]] = Counter()
        self._histories: dict[str, bytes] = {}  # of runs that rest, where there is no store
        self.turns = Turns(nodes)
        self._pace = Pace()
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unkept: dict[str, Steps] = {}

    async def open(self) -> None:
        """Take up what earlier processes left, and hear what other nodes want of the runs here."""
        if self._nodes:
            await self._nodes.listen("runs", self._hear, lambda: None)
            self._nodes.gone.append(lambda node: self._later(self._recover_in_the_end()))
        await self.recover()

    def start(self, surface: Surface, ask: Ask, by: Participant, id: str = "") -> Run:
        """Ask an agent. Returns at once; raises a `StudioloError` when it cannot be asked this. `id`: what the run is
        called, for whoever must find it after a crash."""
        if self._closed:
            raise Unavailable("The studio is closing.", "Come back in a moment.")
        agent = self.personas.get(ask.agent).acting_for(by)
        if len(ask.prompt) > LONGEST_PROMPT:
            raise Invalid(
                f"The request has {len(ask.prompt):,} characters; {LONGEST_PROMPT:,} are the most.",
                "Put long material on a page and ask about that.",
            )
        where = places.asked(surface.canvas, ask.page, ask.quote, ask.before, ask.after, ask.start, ask.end)
        if ask.thread and ask.thread not in surface.canvas.threads:
            raise NotFound("The thread is not in this canvas.", "Look at the canvas as it is now.")
        if ask.about and ask.about not in surface.canvas.suggestions:
            raise NotFound("The suggestion is not in this canvas.", "Look at the canvas as it is now.")
        model = self._models.get(ask.model or wished(agent, self._models))
        note = ""
        kind: Kind = "work"
        if not loops(ask, model.info, self.kit is not None):
            named = ask.skill not in (None, "work")
            ask.skill = ask.skill if named else None
            chosen = meant(ask, where, agent)
            kind, ask.options = chosen.skill, chosen.options | dict(ask.options)
            if self.kit is not None and not named and ask.prompt.strip():
                note = f"{model.info.label} cannot use tools; it did this with the skill “{kind}”."
        if kind in ("continue", "rewrite", "critique") and where is None and not surface.canvas.outline():
            raise Invalid("The canvas has no page.", "Add a page first.")
        lane = self._lane(model, kind == "work")
        if lane.waiting >= QUEUE:
            raise Unavailable(f"{QUEUE} requests are waiting for {model.info.label} already.", "Try again in a minute.")
        run = Run(
            id=id or self._new_id(),
            ask=ask,
            by=by,
            skill=kind,
            model=model.info.name,
            provider=model.info.provider,
            given=Given(model.info.context),
            canvas=surface.id,
            place=where,
            started=self._clock(),
            role=agent.participant.role,
        )
        self._adopt(run)
        work = self._work(run, surface, agent, model)
        if model.info.small:
            work.note(f"{model.info.label} is a small model: read what it writes with care.")
        if note:
            work.note(note)
        self._begin(run, work, lane, None)
        return run

    def gate(self, model: Model) -> asyncio.Semaphore:
        """Where requests to a model that are no run wait until it is their turn among the runs."""
        return self._lane(model, False).gate

    def in_steps(self, agent: Persona, model: str | None = None) -> bool:
        """Whether an agent that is asked in words would work in steps, with this model or with its own."""
        return self.kit is not None and self._models.get(model or wished(agent, self._models)).info.tools

    def _adopt(self, run: Run) -> None:
        """The run is this process's."""
        if nodes := self._nodes:
            run.node = nodes.id
            run.tell = lambda event: nodes.tell(run.id, event)
        self._runs[run.id] = run
        self._runs.move_to_end(run.id)
        self._forget()

    def _work(self, run: Run, surface: Surface, agent: Persona, model: Model) -> Work:
        work = Work(
            run=run.id,
            surface=surface,
            persona=agent,
            ask=run.ask,
            skill=run.skill,
            voice=Voice(model, self._budget, self._random, run.usage),
            place=run.placed(surface.canvas),
            given=run.given,
            emit=run.emit,
            grants=set(run.grants),
            plan=run.plan,
            steering=run.steering,
            ask_by=run.by.name,
            asker=run.by.id,
            asked_by_agent=run.by.kind != "person",
            turns=self.turns,
            pace=self._pace,
            files=self.kit.files if self.kit is not None else None,
            results=run.results,
            checks=run.checks,
            notes=run.notes,
        )
        work.steps = Steps(run.emit, self._clock, lambda: self._keep_steps(run, work), run.steps)
        return work

    def _begin(self, run: Run, work: Work, lane: _Lane, past: loop.Past | None) -> None:
        self._state(run, "queued")
        lane.waiting += 1
        run._begun = run._stop = False
        run._over.clear()
        run._task = asyncio.create_task(self._live(run, work, lane, past), name=f"run {run.id}")

    def get(self, id: str) -> Run | None:
        """A run of this process that is still remembered; `find` also looks in the store."""
        return self._runs.get(id)

    async def find(self, id: str) -> dict[str, Any]:
        """A run as JSON, running or long ended. Raises `NotFound`."""
        run = self._runs.get(id)
        # One that rests may have been answered at another node.
        if run is not None and (not run.resting or self._store is None):
            await run.put_away()
            return run.as_dict()
        if self._store is not None and (kept := await self._store.get_run(id)):
            return kept
        raise NotFound("There is no such run.", "Runs are listed with their canvas.")

    async def steps_of(self, id: str) -> list[dict[str, Any]]:
        """What a run has done so far, step by step."""
        kept = await self._store.run_steps(id) if self._store is not None else []
        found = {step["n"]: step for step in kept}
        if run := self._runs.get(id):
            found |= {event["step"]["n"]: event["step"] for event in run._events if event["type"] == "step"}
        return [found[n] for n in sorted(found)]

    async def of_canvas(self, canvas: str, limit: int = 100) -> list[dict[str, Any]]:
        """The runs of a canvas, the newest first, without what only whoever looks at one of them reads."""
        live = {
            id: run.as_dict()
            for id, run in self._runs.items()
            if run.canvas == canvas and (not run.resting or self._store is None)
        }
        kept = await self._store.list_runs(canvas, limit=limit) if self._store is not None else []
        found = {run["id"]: run for run in kept} | live
        return [_light(run) for run in sorted(found.values(), key=lambda run: (-run["started"], run["id"]))[:limit]]

    async def watch(self, id: str) -> tuple[AsyncIterator[dict[str, Any]], bool]:
        """The events of a run, wherever it runs, as `Run.events` gives them; and whether they are all there, from the
        first. Of one that ended elsewhere the deltas are not: what they came to is in the run. Raises `NotFound`."""
        if run := self._runs.get(id):
            return self._follow(run), True
        found = await self.find(id)
        if found["state"] in ENDED:
            return _ended(found), False
        if found["state"] not in RESTING:
            if self._nodes:
                return self._told(id, self._nodes), True
            return _ended(found), False
        if self._nodes:
            return self._rested(found, self._nodes), False
        run = Run.read(found)
        run.begin_with(_so_far(found, await self.steps_of(id)))
        self._runs.setdefault(id, run)
        return self._follow(self._runs[id]), False

    async def _follow(self, run: Run) -> AsyncIterator[dict[str, Any]]:
        leg = run.leg
        async for event in run.events():
            leg = event.get("leg", leg)
            yield event
        if not run.ended and self._nodes:
            async for event in self._told(run.id, self._nodes, leg):
                yield event

    async def _rested(self, found: dict[str, Any], nodes: OtherNodes) -> AsyncIterator[dict[str, Any]]:
        for event in _so_far(found, await self.steps_of(found["id"])):
            yield event
        async for event in self._told(found["id"], nodes, found.get("leg", 0)):
            yield event

    async def _told(self, id: str, nodes: OtherNodes, after: int = -1) -> AsyncIterator[dict[str, Any]]:
        """What other nodes tell of a run, from the first; or from when it went on after so many rests."""

        async def over() -> bool:
            try:
                found = await self.find(id)
                rests = found["state"] in RESTING
                return not rests and (found["state"] in ENDED or not await nodes.alive(found.get("node", "")))
            except NotFound:  # its canvas was deleted
                return True
            except StudioloError:
                return False  # the database is busy; the next look will tell

        heard = after < 0
        async for event in nodes.told(id, over):
            heard = heard or event.get("leg", 0) > after
            if heard or event["type"] == "done":
                yield event
            if event["type"] == "done":
                return
        # Redis has lost its end; or its node has died, and one of those that live has marked it, or will.
        with contextlib.suppress(NotFound):
            yield {"type": "done", "run": await self.find(id)}

    async def stop(self, id: str, taken_by: str = "") -> dict[str, Any]:
        """End a run, wherever it runs; the run when it has ended. What it has written stays. Raises `NotFound`."""
        run = self._runs.get(id)
        if run is not None and (run.under_way or run.ended):
            run.stop()
            await run.wait()
            if run.ended:
                return run.as_dict()
        found = await self.find(id)
        if found["state"] in RESTING:
            return await self._end_resting(id, taken_by)
        if self._nodes and found["state"] not in ENDED:
            self._nodes.publish("runs", {"kind": "stop", "run": id})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOPPED_WITHIN):
                    async for event in self._told(id, self._nodes):
                        found = event.get("run", found)
        return found

    async def recover(self) -> int:
        """Mark the runs of processes that live no more as failed. How many there were. Those that rest are left as
        they are, and those that were about to go on after a rest go on here."""
        if self._store is None:
            return 0
        left = 0
        for run in await self._store.list_runs(states=("queued", "running"), limit=MOST_LEFT):
            if run["id"] in self._runs or (self._nodes and await self._nodes.alive(run.get("node", ""))):
                continue
            if run["state"] == "queued" and run.get("leg") and self.surfaces is not None:
                self._later(self._take_up(run))
                continue
            error = {
                "code": "restarted",
                "message": "The studio was restarted while the agent was at work.",
                "hint": "Ask again; what it had already written is still there as a suggestion.",
            }
            with contextlib.suppress(NotFound):
                await self._store.save_run(run | {"state": "failed", "finished": self._clock(), "error": error})
                if run.get("leg"):
                    await self._store.forget_history(run["id"])
            left += 1
        return left

    async def _take_up(self, run: dict[str, Any]) -> None:
        """Go on with a run whose node died before it had begun to."""
        assert self.surfaces is not None

        def mine(kept: dict[str, Any]) -> dict[str, Any]:
            if kept["state"] != "queued" or kept.get("node", "") != run.get("node", ""):
                raise Conflict("Another node has taken it up.")
            return kept | {"node": self._node}

        with contextlib.suppress(StudioloError):
            surface = await self.surfaces(run["canvas"])
            await self.go_on(await self.change(run["id"], mine), surface)

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
        """Stop everything that runs. What rests goes on resting."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        tasks = [run._task for run in self._runs.values() if run._task and not run._task.done()]
        for run in self._runs.values():
            run.stop()
        if tasks:
            await asyncio.wait(tasks)
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hear(self, header: dict[str, Any], _body: bytes) -> None:
        """What another node wants of a run here, or says of one that rested here."""
        run = self._runs.get(header["run"])
        if run is None:
            return
        kind = header["kind"]
        if kind == "went on":
            del self._runs[run.id]
            run.move()
        elif kind == "event" and not run.under_way:
            run.tell, tell = (lambda event: None), run.tell
            run.emit(header["event"])
            run.tell = tell
        elif run.under_way:
            if kind == "stop":
                run.stop()
            elif kind == "take over":
                run.taken_by = header["name"]
                run.stop()
            elif kind == "pause":
                self.rest_soon(run, header["pause"])
            elif kind == "steer":
                run.steering.said.append(Said(header["text"], header["by"], header["name"]))

    # -- resting and going on

    @property
    def _node(self) -> str:
        return self._nodes.id if self._nodes else ""

    def tell_nodes(self, header: dict[str, Any]) -> None:
        """Say something about a run to all other nodes."""
        if self._nodes:
            self._nodes.publish("runs", header)

    def now(self) -> float:
        return self._clock()

    def tell_cards(self, run: dict[str, Any]) -> None:
        """Tell everyone who watches a run that rests what it still waits for."""
        waits = [asking_people.shown(card) for card in run["cards"] if "answer" not in card]
        event = {"type": "cards", "cards": waits}
        if here := self._runs.get(run["id"]):
            here.renew(Run.read(run))
            here.emit(event)
        elif self._nodes:
            self._nodes.tell(run["id"], event)
        self.tell_nodes({"kind": "event", "run": run["id"], "event": event})
        self._ring(run["canvas"])

    def rest_soon(self, run: Run, pause: bool = True) -> None:
        """Let it rest before its next step, or not after all."""
        run.steering.pause = pause
        run.emit({"type": "state", "state": run.state, **({"pausing": True} if pause else {})})

    async def change(self, id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Change a run that nobody is at work on, with nobody else's change between; the run as it is then."""
        if self._store is not None:
            return await self._store.change_run(id, change)
        run = self._runs.get(id)
        if run is None:
            raise NotFound("There is no such run.", "Runs are listed with their canvas.")
        kept = change(run.as_dict())
        run.renew(Run.read(kept))
        return kept

    def set_going(self, run: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a run that rested and is to go on at this node."""
        return run | {"state": "queued", "leg": run.get("leg", 0) + 1, "node": self._node}

    async def go_on(self, kept: dict[str, Any], surface: Surface) -> Run:
        """Go on with a run that `set_going` was said of. One that cannot go on has failed."""
        id = kept["id"]
        run = self._runs.get(id)
        fresh = Run.read(kept)
        if run is None:
            run = fresh
            run.begin_with(_so_far(kept, await self.steps_of(id)))
        else:
            run.renew(fresh)
        self.tell_nodes({"kind": "went on", "run": id})
        self._ring(run.canvas)
        self._adopt(run)
        try:
            if self._closed:
                raise Unavailable("The studio is closing.", "Ask again in a moment.")
            history = await self._store.run_history(id) if self._store is not None else self._histories.pop(id, None)
            if history is None:
                raise RunFailed("What the run would go on from is not there any more.", "Ask again.", checks=[])
            agent = self.personas.get(run.ask.agent).acting_for(Participant("", "", "person", "", run.role))
            model = self._models.get(run.model)
            past = loop.Past(await asyncio.to_thread(loop.unpack, history))
        except StudioloError as error:
            self._end(run, "failed", error.as_dict())
            await self._save(run)
            run.emit({"type": "done", "run": run.as_dict()})
            return run
        answered = [card for card in run.cards if card["leg"] == run.leg - 1]
        run.grants = sorted({*run.grants, *(c["about"]["grant"] for c in answered if c["answer"] == "run")})
        if answered:
            past.answers = asking_people.results(answered)
        work = self._work(run, surface, agent, model)
        asking_people.end_steps(work.steps, answered)
        self._begin(run, work, self._lane(model, loops=True), past)
        return run

    async def _rest(self, run: Run, work: Work, rest: loop.Rest) -> None:
        """Put a run away until somebody brings it back. Raises a `StudioloError` when it cannot be kept."""
        state: State = "paused"
        if rest.asked is not None:
            state = "waiting"
            made = asking_people.cards(run.id, run.leg, rest.asked, run.cards)
            asking_people.begin_steps(work.steps, made)
            for card in made:
                with contextlib.suppress(StudioloError):  # it can be answered in the inbox, too
                    card["message"] = await self._show_card(work, card)
            run.cards += made
        history = await asyncio.to_thread(loop.pack, rest.messages)
        run.steering.pause = False
        self._settle(run, work)
        await self._flush_steps({run.id: work.steps})
        resting = run.as_dict() | {"state": state}
        if self._store is not None:
            await self._store.save_run(resting, history)
        else:
            self._histories[run.id] = history
        run.rest()
        self._state(run, state)
        if state == "waiting":
            run.emit({"type": "cards", "cards": [asking_people.shown(card) for card in run.open_cards]})
        self._ring(run.canvas)

    async def _show_card(self, work: Work, card: dict[str, Any]) -> str:
        agent = work.persona.participant
        shown = asking_people.shown(card)
        outcome = await work.surface.perform(
            lambda: cards.put(work.surface.canvas, shown, card["question"], agent), agent
        )
        return (outcome.id if outcome else None) or ""

    async def _end_resting(self, id: str, taken_by: str = "") -> dict[str, Any]:
        """End a run that rests."""

        def stopped(kept: dict[str, Any]) -> dict[str, Any]:
            if kept["state"] not in RESTING:
                raise Conflict("The run has gone on meanwhile.", "Look at it as it is now.")
            notes = [*kept["notes"], f"{taken_by} took it over."] if taken_by else kept["notes"]
            return kept | {"state": "stopped", "finished": self._clock(), "notes": notes}

        kept = await self.change(id, stopped)
        if self._store is not None:
            await self._store.forget_history(id)
        self._histories.pop(id, None)
        run = self._runs.get(id)
        if run is None:
            run = Run.read(kept)
            self._adopt(run)
        else:
            run.renew(Run.read(kept))
        self._state(run, "stopped")
        RUNS_ENDED.labels("stopped", run.provider).inc()
        await self._close_cards(run)
        run.emit({"type": "done", "run": run.as_dict()})
        self.tell_nodes({"kind": "event", "run": id, "event": {"type": "done", "run": run.as_dict()}})
        self._ring(run.canvas)
        for tell in self.on_end:
            tell(run)
        return kept

    async def _close_cards(self, run: Run) -> None:
        """Cards that nobody has to answer any more say so."""
        if self.surfaces is None:
            return
        for card in run.open_cards:
            if message := card.get("message"):
                with contextlib.suppress(StudioloError):
                    surface = await self.surfaces(run.canvas)
                    await surface.perform(
                        lambda surface=surface, message=message: cards.answer(
                            surface.canvas, message, {"answer": "stopped"}
                        ),
                        THE_STUDIO,
                    )

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one run's life

    async def _live(self, run: Run, work: Work, lane: _Lane, past: loop.Past | None) -> None:
        agent = work.persona.participant
        # Only the work holds on to the room: a run that has ended is remembered for long, and its room is not.
        present = (run.canvas, agent.id)
        queued = True
        rest: loop.Rest | None = None
        self._present[present] += 1
        run._begun = True
        try:
            if run._stop:
                raise asyncio.CancelledError
            self._appear(run, work)
            await self._save(run)
            if past is None and run.ask.say is True and run.ask.prompt.strip():
                await work.surface.apply({"type": "say", "text": run.ask.prompt.strip(), "run": run.id}, run.by)
            async with lane.gate:
                lane.waiting -= 1
                queued = False
                self._state(run, "running")
                await self._save(run)
                if past is None:
                    await self._remind(run, work)
                with self._traced(run, work):
                    rest = await self._perform(run, work, past)
            if rest is None:
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
            await asyncio.shield(self.turns.leave(run.canvas, run.id))
            try:
                await asyncio.shield(self._finish(run, work, rest, present))
            finally:
                run._over.set()

    @contextlib.contextmanager
    def _traced(self, run: Run, work: Work) -> Iterator[None]:
        if self.tracing is None:
            yield
            return
        work.voice.tracing = self.tracing
        about = {"run": run.id, "canvas": run.canvas, "agent": run.ask.agent, "skill": run.skill, "model": run.model}
        with self.tracing.run({f"studiolo.{name}": value for name, value in about.items()}):
            yield

    async def _remind(self, run: Run, work: Work) -> None:
        """Show the agent what people made of its earlier changes here."""
        if run.skill not in LEARNING or work.voice.info.small:
            return
        about = work.place.selection or work.place.before[-2_000:] if work.place else ""
        found = taste.examples(work.surface.canvas, await self.forgotten(run.canvas))
        asked = f"{about} {run.ask.prompt}"
        kept = await asyncio.to_thread(taste.chosen, found, run.by.id, run.ask.agent, run.skill, asked)
        if kept:
            run.given.taste = "withheld" if taste.withheld(run.id) else "shown"
        if run.given.taste == "shown":
            work.voice.preface = run.given.add("taste", taste.shown(kept))

    async def _finish(self, run: Run, work: Work, rest: loop.Rest | None, present: tuple[str, str]) -> None:
        """Put it away, or end it; nothing of it is left at work after this."""
        if rest is not None and not run._stop:
            try:
                await self._rest(run, work, rest)
            except StudioloError as error:
                rest = None
                self._end(run, "failed", error.as_dict())
        if rest is not None and run._stop and not run.ended:
            self._end(run, "stopped")  # it was told to while it was put away
            rest = None
        if run.taken_by and run.state == "stopped":
            await self._hand_over(run, work)
        self._present[present] -= 1
        # Several runs of one agent share its presence: the last one to end takes it away.
        if not self._present[present]:
            del self._present[present]
            with contextlib.suppress(StudioloError):
                work.surface.show(work.persona.participant, None)
        run._task = None
        if rest is not None:
            return
        work.steps.stop("stopped" if run.state == "stopped" else "failed")
        self._settle(run, work)
        await self._flush_steps({run.id: work.steps})
        if run.leg and self._store is not None:
            with contextlib.suppress(StudioloError):
                await self._store.forget_history(run.id)
        await self._save(run)
        run.emit({"type": "done", "run": run.as_dict()})
        for tell in self.on_end:
            tell(run)

    def _settle(self, run: Run, work: Work) -> None:
        """Take over into the run what its work has come to."""
        run.answer = work.answer
        run.steps = work.steps.count
        run.grants = sorted(work.grants)

    def _keep_steps(self, run: Run, work: Work) -> None:
        """Soon: the steps of all runs are stored together, and no step waits for the disk."""
        run.steps = work.steps.count
        if self._store is None:
            return
        if not self._unkept:
            self._later(self._keep_soon())
        self._unkept[run.id] = work.steps

    async def _keep_soon(self) -> None:
        await asyncio.sleep(STEPS_KEPT_AFTER)
        unkept, self._unkept = self._unkept, {}
        await self._flush_steps(unkept)

    async def _flush_steps(self, unkept: Mapping[str, Steps]) -> None:
        unsaved = [(run, step) for run, steps in unkept.items() for step in steps.unsaved()]
        if self._store is None or not unsaved:
            return
        try:
            await self._store.save_steps(unsaved)
        except StudioloError as error:
            log.warning("Steps of %d run(s) were not stored: %s", len(unkept), error.message)

    async def _hand_over(self, run: Run, work: Work) -> None:
        """Whoever takes over is told how far it came."""
        run.notes.append(f"{run.taken_by} took it over.")
        with contextlib.suppress(StudioloError):
            text = handed_over(run, run.taken_by)
            await work.act({"type": "say", "text": text, "run": run.id})

    async def _perform(self, run: Run, work: Work, past: loop.Past | None) -> loop.Rest | None:
        if run.skill == "work":
            assert self._toolbox is not None
            allowance = loop.allowed(self.allowance, work.persona.budget)
            return await loop.perform(work, self._toolbox.tools_for(work), allowance, run.usage, past)
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
        return None

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
        run.emit({"type": "state", "state": state, **({"leg": run.leg} if run.leg else {})})

    def under_way(self) -> Counter[State]:
        """How many runs of this process wait for their turn, and how many work."""
        return Counter(run.state for run in self._runs.values() if run.under_way)

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

    def _lane(self, model: Model, loops: bool) -> _Lane:
        key = model.info.name, loops
        lane = self._lanes.get(key)
        if lane is None:
            # The embedded engine shares two or three cores; a provider's limits are its own business.
            at_once = 2 if model.info.constrained else LOOPS_AT_ONCE if loops else AT_ONCE
            lane = self._lanes[key] = _Lane(asyncio.Semaphore(at_once))
        return lane

    def _forget(self) -> None:
        """Only so many are remembered. One that rests is read from the store when it goes on."""
        for kept in (
            [id for id, run in self._runs.items() if run.ended],
            [id for id, run in self._runs.items() if run.resting and not run.under_way and self._store is not None],
        ):
            for id in kept[: max(0, len(kept) - KEPT)]:
                self._runs.pop(id).move()


def _light(run: dict[str, Any]) -> dict[str, Any]:
    """A run in a list."""
    return {name: value for name, value in run.items() if name not in ("cards", "grants", "answer", "steering")} | (
        {"waits": len([card for card in run.get("cards", ()) if "answer" not in card])} if run.get("cards") else {}
    )


def _so_far(run: dict[str, Any], steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is left to tell of a run that rests, to whoever comes after a restart."""
    told: list[dict[str, Any]] = [{"type": "step", "step": step} for step in steps]
    if run.get("plan"):
        told.append({"type": "plan", "plan": run["plan"]})
    told += [{"type": "result", "result": result} for result in run["results"]]
    told.append({"type": "state", "state": run["state"], "leg": run.get("leg", 0)})
    waits = [asking_people.shown(card) for card in run.get("cards", ()) if "answer" not in card]
    return [*told, {"type": "cards", "cards": waits}] if waits else told


async def _nothing(_canvas: str) -> frozenset[str]:
    return frozenset()


async def _ended(run: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """What is left to tell of a run that ended long ago."""
    yield {"type": "state", "state": run["state"]}
    for result in run["results"]:
        yield {"type": "result", "result": result}
    yield {"type": "done", "run": run}
