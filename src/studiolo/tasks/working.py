"""A step at work: what it may reach, and how what it has finished is kept for when it is done anew."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import SystemRandom
from typing import Any, Protocol, cast

from studiolo.agents import asking_people
from studiolo.agents.choosing_skill import Catalogue, wished
from studiolo.agents.errors import RunFailed
from studiolo.agents.kit import Kit
from studiolo.agents.money import Usage
from studiolo.agents.persona import Persona
from studiolo.agents.run import RESTING
from studiolo.agents.runs import Runs
from studiolo.agents.surface import Surface
from studiolo.agents.toolbox import offered
from studiolo.agents.toolbox.marks import RULE, data
from studiolo.agents.toolbox.permits import judge
from studiolo.agents.voice import Budget as VoiceBudget
from studiolo.agents.voice import Spent as VoiceSpent
from studiolo.agents.voice import Voice
from studiolo.agents.work import Ask
from studiolo.canvas import Outcome, Participant, StudioloError
from studiolo.canvas.errors import Forbidden, Invalid, NotFound, Unavailable
from studiolo.models import Model, ModelInfo
from studiolo.store import Answer
from studiolo.store import tasks as kept
from studiolo.store.store import OF_A_TASK
from studiolo.tasks.driving import Drive, Driving, over_budget
from studiolo.tasks.halting import Fenced, Rest, Spent
from studiolo.tasks.job import Answered, Result
from studiolo.tasks.task import MOST_STEPS, Budget, Spending, Step, Task

CO_AUTHOR = "co-author"
MOST_RUNS = 20  # tries of one run that interruptions ended
LOOK_AGAIN = 0.5  # seconds between looks at a run of another node
PROGRESS_EVERY = 0.3  # seconds
MOST_FOUND = 2_000
MOST_NOTES = 50
LONGEST_SAID = 3_000  # characters of what people said that a prompt is given
MOST_CHILDREN = 50  # tasks that one may begin
DEEPEST = 4  # tasks that begin tasks
_MADE = {"suggest": "suggestion", "comment": "thread", "add_page": "page", "say": "message"}


class KeepingSurface(Surface, Protocol):
    """A live room, which keeps an answer in the same commit as the change."""

    async def apply(
        self, action: dict[str, Any], by: Participant, answer: Callable[[Outcome], Answer] | None = None
    ) -> Outcome: ...


class Beginning(Protocol):
    """How a task begins another."""

    async def __call__(
        self,
        surface: Surface,
        by: Participant,
        kind: str,
        inputs: dict[str, Any],
        *,
        title: str,
        model: str | None,
        priority: int,
        budget: Budget,
        parent: str,
        plan: Sequence[Step] | None,
        id: str,
    ) -> Task: ...


@dataclass(slots=True)
class Parts:
    """What of the studio steps reach."""

    runs: Runs
    models: Catalogue
    kit: Kit
    open_canvas: Callable[[str], Awaitable[Surface]]
    begin: Beginning


@dataclass(slots=True)
class _Behind:
    """Who stands behind what a step does in the world."""

    persona: Persona
    grants: set[str]
    surface: Surface
    said_by_a_person: str


@dataclass(slots=True)
class StepWork:
    """One try of one step. `halt` is what it ends with before its end."""

    parts: Parts
    driving: Driving
    drive: Drive
    id: str
    surface: Surface
    by: Participant
    halt: BaseException | None = None
    _told: float = 0.0  # when people were last told of its progress
    _progress: tuple[int, int, str] | None = None
    _made: list[dict[str, str]] = field(default_factory=list[dict[str, str]])  # which the next change of the task keeps

    @property
    def task(self) -> Task:
        return self.drive.task

    @property
    def step(self) -> Step:
        step = self.drive.task.step(self.id)
        if step is None:
            raise self._halt(Fenced())
        return step

    @property
    def kit(self) -> Kit:
        return self.parts.kit

    def agent(self, id: str) -> Persona:
        return self.parts.runs.personas.get(id or CO_AUTHOR).acting_for(self.by)

    def model(self, agent: str = "") -> ModelInfo:
        return self._model(agent).info

    def _model(self, agent: str) -> Model:
        wanted = self.task.model or wished(self.agent(agent), self.parts.models)
        return self.parts.models.get(wanted)

    def ahead(self, step: str) -> StepWork:
        return replace(self, id=step, halt=None, _told=0.0, _progress=None, _made=[])

    # -- what was, and what is kept

    async def result(self, step: str) -> Result | None:
        return await kept.result(self.driving.store, self.task.id, step)

    async def earlier(self, step: str) -> Result | None:
        task = self.task
        if task.schedule:
            before = await kept.listed(self.driving.store, states=("done",), limit=20, schedule=task.schedule)
        else:
            found = await kept.listed(self.driving.store, states=("done",), limit=200, canvases=(task.canvas,))
            before = [row for row in found if row["kind"] == task.kind and row["inputs"] == task.inputs]
        for row in before:
            if row["id"] != task.id and row["made"] <= task.made:
                return await kept.result(self.driving.store, row["id"], step)
        return None

    async def once(self, key: str, work: Callable[[], Awaitable[Result]]) -> Result:
        name = self._name(key)
        before = await kept.result(self.driving.store, self.task.id, name)
        if before is not None:
            return before
        made = await work()
        await self._change(_as_it_is, {name: made})
        return made

    def _name(self, key: str) -> str:
        return f"{self.id}/{key}"

    async def _change(self, alter: Callable[[Task], None], keep: dict[str, Any] | None = None) -> Task:
        """Change the task, as long as this is still its leg."""

        def altered(task: Task) -> None:
            if task.step(self.id) is None:
                raise Fenced
            self.settle(task)
            alter(task)

        try:
            return await self.driving.change_mine(self.drive, altered, keep)
        except Fenced as fenced:
            raise self._halt(fenced) from None

    def _halt(self, halt: BaseException) -> BaseException:
        self.halt = self.halt or halt
        return halt

    # -- the canvas

    async def act(self, key: str, action: dict[str, Any], by: Participant) -> Outcome:
        name = f"{OF_A_TASK}{self.task.id}:{self.id}:{key}"
        outcome = await self._act(name, action, by)
        made = {"type": _MADE.get(action["type"], ""), "id": outcome.id or ""}
        if made["type"] and made["id"]:
            _add(self._made, made)
        return outcome

    async def _act(self, name: str, action: dict[str, Any], by: Participant) -> Outcome:
        for last in (False, False, True):
            before = await self.driving.store.recall(name, by.id, self.task.canvas)
            if before is not None and "outcome" in before:
                return Outcome(before["outcome"], before.get("id"), before.get("details", {}))
            try:
                room = cast(KeepingSurface, await self.parts.open_canvas(self.task.canvas))
                self.surface = room
                return await room.apply(
                    action,
                    by,
                    lambda outcome: Answer(
                        name, {"outcome": outcome.outcome, "id": outcome.id, "details": dict(outcome.details)}
                    ),
                )
            except Unavailable:  # the room was put away, or another node was quicker: what came of it is kept
                if last:
                    raise
                await asyncio.sleep(0.05)
        raise AssertionError

    # -- agents and models

    def _within_budget(self) -> None:
        if why := over_budget(self.task):
            raise self._halt(Spent(why))

    def _said(self, prompt: str) -> str:
        """What people have said since the task began, as far as the prompt does not have it yet."""
        lines = [f"{one['by']['name']}: {one['text']}" for one in self.task.said if one["text"] not in prompt]
        said = "\n".join(lines)[-LONGEST_SAID:]
        return f"{prompt}\n\nWhile the task ran, people said, and it counts:\n{said}" if said else prompt

    async def run(self, key: str, ask: Ask) -> dict[str, Any]:
        name = self._name(key)
        before = await kept.result(self.driving.store, self.task.id, name)
        if before is not None:
            return before
        self._within_budget()
        ask.prompt = self._said(ask.prompt)
        ask.parent = self.task.id
        ask.model = ask.model or self.task.model
        run = await self._run(key, ask)
        error = run.get("error") or {}
        if run["state"] != "done":
            await self._change(lambda task: _spend(task, self.id, Usage.read(run["usage"])))
            raise RunFailed(
                error.get("message") or "The agent was stopped.", error.get("hint") or "Try the step again.", checks=[]
            )

        def done(task: Task) -> None:
            _spend(task, self.id, Usage.read(run["usage"]))
            for result in run["results"]:
                _add(task.results, result)

        await self._change(done, {name: run})
        return run

    async def _run(self, key: str, ask: Ask) -> dict[str, Any]:
        """The run of this key as it ended: it is begun where there is none that goes on or has ended by itself."""
        runs = self.parts.runs
        for number in range(MOST_RUNS):
            id = _named("run", self.task.id, self.id, self.step.again, key, number)
            try:
                found = await runs.find(id)
            except NotFound:
                found = await self._begin_run(id, ask)
            before = found["state"]
            found = await self._ended(id, found)
            by_a_person = found["state"] == "stopped" and before != "stopped"
            if by_a_person or not _interrupted(found):
                return found
            await self._withdraw(id, ask.agent)
        raise RunFailed("The agent was interrupted too often.", "Try the step again.", checks=[])

    async def _begin_run(self, id: str, ask: Ask) -> dict[str, Any]:
        await self._change(lambda task: _add(cast(Step, task.step(self.id)).runs, id))
        self.surface = await self.parts.open_canvas(self.task.canvas)
        run = self.parts.runs.start(self.surface, ask, self.by, id)
        return run.as_dict()

    async def _ended(self, id: str, found: dict[str, Any]) -> dict[str, Any]:
        """Wait until a run has ended by itself. The task rests when the run does; and when the step is interrupted,
        so is the run."""
        runs = self.parts.runs
        try:
            while True:
                if run := runs.get(id):
                    await run.wait()
                    found = run.as_dict()
                if found["state"] in RESTING:
                    found = await runs.find(id)
                if found["state"] in ("done", "failed", "stopped"):
                    return found
                if found["state"] in RESTING:
                    raise self._halt(Rest(self._cards_of(found)))
                await asyncio.sleep(LOOK_AGAIN)
                found = await runs.find(id)
        except asyncio.CancelledError:
            with contextlib.suppress(StudioloError):
                await asyncio.shield(runs.stop(id))
            raise

    async def _withdraw(self, run: str, agent: str) -> None:
        """Take back what an interrupted run had half proposed."""
        self.surface = surface = await self.parts.open_canvas(self.task.canvas)
        author = self.agent(agent).participant
        for record in list(surface.canvas.suggestions.values()):
            if record.run == run and record.undecided and record.author == author.id:
                with contextlib.suppress(StudioloError):  # somebody has decided meanwhile
                    await surface.apply({"type": "withdraw", "suggestion": record.id}, author)

    async def answer(
        self, key: str, kind: type[Answered], instructions: str, material: str, *, agent: str = "", words: int = 600
    ) -> Answered:
        name = self._name(key)
        before = await kept.result(self.driving.store, self.task.id, name)
        if before is not None:
            return kind.model_validate(before)
        self._within_budget()
        persona, model = self.agent(agent), self._model(agent)
        usage = Usage()
        budget = VoiceBudget()
        voice = Voice(model, budget, SystemRandom(), usage)
        voice.tracing = self.parts.runs.tracing
        system = "\n\n".join(part for part in (persona.character, self._said(instructions), RULE) if part)
        try:
            async with self.parts.runs.gate(model):
                made = await voice.typed(kind, system, data("material", material), max_tokens=200 + 3 * words)
        except VoiceSpent:
            raise self._halt(Spent(f"after {budget.tokens:,} tokens")) from None
        except BaseException:
            if usage.requests:
                with contextlib.suppress(StudioloError, Fenced):
                    await asyncio.shield(self._change(lambda task: _spend(task, self.id, usage)))
            raise
        await self._change(lambda task: _spend(task, self.id, usage), {name: made.model_dump(mode="json")})
        with contextlib.suppress(StudioloError):
            self.surface = await self.parts.open_canvas(self.task.canvas)  # it may have been put away meanwhile
        return made

    # -- people

    async def permit(self, tool: str, title: str, arguments: Mapping[str, Any], host: str = "") -> None:
        offer = next((one for one in offered(self.kit) if one.name == tool), None)
        if offer is None:
            why = self.kit.problems.get(tool) or f"{tool} is not set up in this studio."
            raise Forbidden(why, "docs/tools.md says how it is.")
        given = self.step.given.get("agent")
        persona = self.agent(given if isinstance(given, str) else "")
        if (
            not given
        ):  # the step works with the tool by itself: what the studio's owner says counts, and no agent's file
            persona = replace(persona, tools=None, autonomy="act")
        behind = _Behind(persona, set(self.task.grants), self.surface, self._by_people())
        verdict = judge(behind, offer, arguments, self.kit.policy.now)
        if verdict.level == "off":
            raise Forbidden(verdict.why, "The studio's owner decides that: docs/tools.md.")
        if verdict.level == "allow" or (not verdict.warnings and offer.name in self.task.grants):
            return
        key = _named("permit", tool, offer.fingerprint, json.dumps(dict(arguments), sort_keys=True, default=str))
        if (card := self._card(key)) is not None:
            if "answer" not in card:
                raise self._halt(Rest())
            if card["answer"] in ("once", "run"):
                return
            said = f" They say: {card['text']}" if card.get("text") else ""
            raise Forbidden(f"{card.get('name', 'Somebody')} does not allow this: {title}.{said}", "Go on without it.")
        detail = {
            "will": offer.will(arguments) if offer.will else "",
            "arguments": dict(arguments),
            "host": host,
            "warnings": list(verdict.warnings),
            "grant": "" if verdict.warnings else f"Using {tool} for the rest of this task",
        }
        card = self._new_card(key, "approval", f"May I? {title}")
        card |= {"tool": tool, "title": title, "detail": {name: one for name, one in detail.items() if one}}
        card["about"] = {"grant": "" if verdict.warnings else offer.name}
        raise self._halt(Rest([card]))

    def _by_people(self) -> str:
        """What people wrote of this task: their words may leave the studio without a warning. What an agent planned,
        or wants done, vouches for nothing."""
        if self.by.kind != "person":
            return ""
        parts = [one["text"] for one in self.task.said]
        if self.task.parent is None:  # what another task gave this one may be from a page that it read
            parts += [self.task.title, *_texts(self.task.inputs)]
        parts += [text for step in self.task.plan if step.by for text in (step.title, *_texts(step.given))]
        parts += [card["text"] for card in self.task.cards if card.get("text") and card["kind"] == "question"]
        return "\n".join(parts)

    async def question(self, key: str, question: str, choices: Sequence[str] = (), **detail: Any) -> dict[str, Any]:
        if (card := self._card(key)) is not None:
            if "answer" not in card:
                raise self._halt(Rest())
            return {"answer": card.get("text", ""), "by": {"id": card.get("by", ""), "name": card.get("name", "")}}
        card = self._new_card(key, "question", question) | {"about": {}}
        if choices:
            card["choices"] = list(choices)
        if detail:
            card["detail"] = detail
        raise self._halt(Rest([card]))

    def _card(self, key: str) -> dict[str, Any] | None:
        """The card of this key, of this try."""
        again = self.step.again
        for card in reversed(self.task.cards):
            if (card["step"], card["key"], card["again"]) == (self.id, key, again):
                return card
        return None

    def _new_card(self, key: str, kind: str, question: str) -> dict[str, Any]:
        again = self.step.again
        id = _named("card", self.task.id, self.id, again, key)
        return {"id": id, "call": id, "step": self.id, "key": key, "again": again, "kind": kind, "question": question}

    def _cards_of(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """What a run that rests asks, as cards of the task."""
        made: list[dict[str, Any]] = []
        for card in run.get("cards", ()):
            key = f"run:{run['id']}:{card['call']}"
            if "answer" not in card and self._card(key) is None:
                shown = asking_people.shown(card)
                ours = self._new_card(key, card["kind"], card["question"])
                made.append(shown | ours | {"run": run["id"], "of_run": card["call"], "about": {}})
        return made

    # -- other tasks

    async def begin(
        self,
        key: str,
        kind: str,
        inputs: dict[str, Any],
        *,
        title: str = "",
        plan: Sequence[Step] | None = None,
        wait: bool = True,
    ) -> Task:
        id = _named("task", self.task.id, self.id, self.step.again, key)
        try:
            child = Task.read(await kept.get(self.driving.store, id))
        except NotFound:
            await self._check_family()
            self.surface = await self.parts.open_canvas(self.task.canvas)
            child = await self.parts.begin(
                self.surface,
                self.by,
                kind,
                inputs,
                title=title,
                model=self.task.model,
                priority=self.task.priority,
                budget=_left(self.task),
                parent=self.task.id,
                plan=plan,
                id=id,
            )
        if not wait:
            return child
        if not child.ended:
            raise self._halt(Rest())
        name = self._name(f"{key}#cost")
        if await kept.result(self.driving.store, self.task.id, name) is None:

            def ended(task: Task) -> None:
                _add_spending(task, self.id, child.spent)
                for result in child.results:
                    _add(task.results, result)

            await self._change(ended, {name: {"task": id}})
        return child

    async def _check_family(self) -> None:
        if len(await kept.listed(self.driving.store, parent=self.task.id, limit=MOST_CHILDREN)) >= MOST_CHILDREN:
            raise Invalid(f"A task begins at most {MOST_CHILDREN} others.", "Begin them yourself.")
        depth, parent = 1, self.task.parent
        while parent is not None and depth <= DEEPEST:
            try:
                parent = (await kept.get(self.driving.store, parent)).get("parent")
            except NotFound:
                break
            depth += 1
        if depth > DEEPEST:
            raise Invalid(f"Tasks begin tasks {DEEPEST} deep at most.", "Begin this one yourself.")

    # -- what people see meanwhile

    async def plan(self, steps: Sequence[Step]) -> None:
        wanted = [step.id for step in steps]

        def planned(task: Task) -> None:
            mine = [step for step in task.plan if step.origin == self.id]
            if mine and {step.id for step in mine} <= set(wanted):  # of an earlier try: people may have changed it
                known = {step.id for step in task.plan}
                fresh = [step for step in steps if step.id not in known]
            else:
                task.plan = [step for step in task.plan if step.origin != self.id or step.state != "coming" or step.by]
                known = {step.id for step in task.plan}
                fresh = [step for step in steps if step.id not in known]
            for step in fresh:
                step.origin = self.id
            at = next(place for place, step in enumerate(task.plan) if step.id == self.id) + 1
            while at < len(task.plan) and task.plan[at].origin == self.id:
                at += 1
            task.plan[at:at] = fresh
            if len(task.plan) > MOST_STEPS:
                raise Invalid(f"A task has at most {MOST_STEPS} steps.", "Divide it into several.")

        await self._change(planned)

    async def progress(self, done: int, of: int, note: str = "") -> None:
        self._progress = (done, of, note)
        now = time.monotonic()
        if now - self._told >= PROGRESS_EVERY:
            self._told = now
            await self._change(_as_it_is)

    def settle(self, task: Task) -> None:
        """Put into the task what it does not say yet: how far the step is, and what it made."""
        for made in self._made:
            _add(task.results, made)
        step = task.step(self.id)
        if step is not None and self._progress is not None:
            step.done, step.of, note = self._progress
            step.note = note or step.note

    async def found(self, text: str, **about: Any) -> None:
        def add(task: Task) -> None:
            known = any(one["text"] == text and one.get("source") == about.get("source") for one in task.found)
            if not known and len(task.found) < MOST_FOUND:
                task.found.append({"text": text, **about, "step": self.id})

        await self._change(add)

    async def note(self, sentence: str) -> None:
        def add(task: Task) -> None:
            if len(task.notes) < MOST_NOTES:
                _add(task.notes, sentence)

        await self._change(add)


def _as_it_is(_task: Task) -> None:
    """Only what goes with it is to be kept."""


def _add(to: list[Any], what: Any) -> None:
    if what not in to:
        to.append(what)


def _named(*parts: object) -> str:
    """A name that is the same whenever it is made of the same, and that nobody else's has."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode()


def _interrupted(run: dict[str, Any]) -> bool:
    """Whether a run ended only because its process did, or because a step of which nobody kept the end was ended."""
    return run["state"] == "stopped" or (run.get("error") or {}).get("code") == "restarted"


def _spend(task: Task, step: str, usage: Usage) -> None:
    """Put what was used into the task's sum, and into that of its step."""
    requests, cost = usage.requests, usage.cost
    _add_spending(task, step, Spending(requests, usage.input_tokens, usage.output_tokens, 0.0, cost, usage.priced))


def _add_spending(task: Task, step: str, other: Spending) -> None:
    spent = task.spent
    spent.requests += other.requests
    spent.input += other.input
    spent.output += other.output
    spent.cost += other.cost
    spent.seconds += other.seconds
    spent.cost_known &= other.cost_known
    if (one := task.step(step)) is not None:
        one.tokens += other.input + other.output
        one.cost += other.cost


def _left(task: Task) -> Budget:
    """What a task that this one begins may use: no more than this one still has."""
    budget, spent = task.budget, task.spent
    return Budget(
        None if budget.tokens is None else max(1, budget.tokens - spent.input - spent.output),
        None if budget.seconds is None else max(1.0, budget.seconds - spent.seconds),
        None if budget.money is None else max(0.001, budget.money - spent.cost),
    )


def _texts(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in cast("Mapping[str, Any]", value).values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in cast("list[Any]", value) for text in _texts(one)]
    return []
