"""One request to an agent: what was asked, how far it has come, and what has happened so far, for whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from studiolo.agents import place as places
from studiolo.agents.context import Given
from studiolo.agents.intent import Skill
from studiolo.agents.money import Usage
from studiolo.agents.steering import Steering
from studiolo.agents.work import Ask
from studiolo.canvas import Canvas, Participant, Role
from studiolo.canvas.anchors import between

State = Literal["queued", "running", "paused", "waiting", "done", "failed", "stopped"]
Kind = Skill | Literal["work"]
ENDED: frozenset[State] = frozenset({"done", "failed", "stopped"})
RESTING: frozenset[State] = frozenset({"paused", "waiting"})
"""Nothing of a run that rests is held anywhere but in the store: a person brings it back."""

MOST_EVENTS = 5_000  # of one run; deltas beyond are dropped, the text itself is on the page


@dataclass(eq=False)
class Run:
    """One request to an agent."""

    id: str
    ask: Ask
    by: Participant
    skill: Kind
    model: str
    provider: str
    given: Given
    canvas: str
    place: places.Place | None = None  # where it was asked
    anchor: dict[str, Any] | None = None  # the same, of a run that was read from the store
    node: str = ""  # of the studio's nodes, the one that it runs on
    state: State = "queued"
    leg: int = 0  # how often it has gone on after a rest
    started: float = 0.0
    finished: float | None = None
    error: dict[str, Any] | None = None
    answer: str = ""  # what the agent said at the end, where it was not asked in the conversation
    results: list[dict[str, str]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plan: list[dict[str, str]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)  # what it asked of people, answered or not
    grants: list[str] = field(default_factory=list)  # what a person has allowed for the rest of it
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    label: str = ""  # the model's, for people
    steering: Steering = field(default_factory=Steering)
    role: Role = "viewer"  # the agent's, when it was asked: it never has more afterwards
    taken_by: str = ""  # the name of whoever takes it over
    tell: Callable[[dict[str, Any]], None] = lambda event: None  # the other nodes
    _events: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: bool = False
    _begun: bool = False
    _moved: bool = False

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def resting(self) -> bool:
        return self.state in RESTING

    @property
    def under_way(self) -> bool:
        """Whether this process is at work on it."""
        return self._task is not None

    @property
    def open_cards(self) -> list[dict[str, Any]]:
        return [card for card in self.cards if "answer" not in card]

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
            "by": {"id": self.by.id, "name": self.by.name, "kind": self.by.kind},
            "role": self.role,
            "state": self.state,
            "started": self.started,
            "finished": self.finished,
            "given": self.given.as_dict(),
            "results": list(self.results),
            "usage": self.usage.as_dict(),
            "checks": self.checks[-200:],
            "notes": list(self.notes),
            "steps": self.steps,
        }
        if self.place is not None and self.place.chosen:
            made["place"] = {"start": self.place.anchor.start, "end": self.place.anchor.end}
        elif self.anchor:
            made["place"] = self.anchor
        told: dict[str, Any] = {
            "say": self.ask.say,
            "replaces": self.ask.replaces,
            "about": self.ask.about,
            "thread": self.ask.thread,
            "parent": self.ask.parent,
            "depth": self.ask.depth,
            "others": list(self.ask.others),
            "node": self.node,
            "leg": self.leg,
            "answer": self.answer,
            "plan": [dict(item) for item in self.plan],
            "cards": [dict(card) for card in self.cards],
            "grants": list(self.grants),
            "steering": self.steering.as_list(),
            "error": self.error,
            "pausing": self.steering.pause and not self.resting,
        }
        return made | {name: value for name, value in told.items() if value}

    @classmethod
    def read(cls, kept: Mapping[str, Any], context: int = 0) -> Run:
        """A run as it was stored, to go on with. Who asked keeps no role here: whatever it does now is the agent's."""
        ask = Ask(
            agent=kept["agent"],
            prompt=kept["prompt"],
            skill=kept["skill"],
            page=kept.get("page"),
            model=kept["model"],
            options=dict(kept["options"]),
            say=kept.get("say", False),
            replaces=kept.get("replaces", ""),
            about=kept.get("about", ""),
            thread=kept.get("thread", ""),
            parent=kept.get("parent", ""),
            depth=kept.get("depth", 0),
            others=tuple(kept.get("others", ())),
        )
        given = kept.get("given", {})
        return cls(
            id=kept["id"],
            ask=ask,
            by=Participant(kept["by"]["id"], kept["by"]["name"], kept["by"].get("kind", "person"), "", "viewer"),
            skill=kept["skill"],
            model=kept["model"],
            provider="",
            given=Given(given.get("context", context), list(given.get("parts", [])), given.get("taste", "")),
            canvas=kept["canvas"],
            anchor=kept.get("place"),
            node=kept.get("node", ""),
            state=kept["state"],
            leg=kept.get("leg", 0),
            started=kept["started"],
            finished=kept.get("finished"),
            error=kept.get("error"),
            answer=kept.get("answer", ""),
            results=list(kept["results"]),
            checks=list(kept["checks"]),
            notes=list(kept["notes"]),
            plan=[dict(item) for item in kept.get("plan", [])],
            cards=[dict(card) for card in kept.get("cards", [])],
            grants=list(kept.get("grants", [])),
            steps=kept.get("steps", 0),
            usage=Usage.read(kept.get("usage", {})),
            steering=Steering.read(kept.get("steering", [])),
            role=kept.get("role", "viewer"),
        )

    def renew(self, kept: Run) -> None:
        """Take over what has changed in the store while it rested."""
        for name in ("state", "leg", "node", "finished", "notes", "cards", "grants", "steering", "error"):
            setattr(self, name, getattr(kept, name))

    def rest(self) -> None:
        """Let go of what is large: the page as it was is read anew when it goes on."""
        if self.place is not None:
            if self.place.chosen:
                self.anchor = {"start": self.place.anchor.start, "end": self.place.anchor.end}
            self.place = None

    def placed(self, canvas: Canvas) -> places.Place | None:
        """Where it was asked, as the text is now."""
        if self.place is not None or self.ask.page is None:
            return self.place
        page = self.ask.page
        if not any(entry["id"] == page and not entry.get("removed") for entry in canvas.outline()):
            return None
        end = len(canvas.page_text(page))
        span = None
        if self.anchor:
            span = between(canvas.document.identity, page, self.anchor["start"], self.anchor["end"])
        self.place = places.at(canvas, page, span or places.Span(end, end), chosen=span is not None)
        return self.place

    # -- for those who watch

    @property
    def told(self) -> int:
        """How many events there have been."""
        return len(self._events)

    def emit(self, event: dict[str, Any]) -> None:
        """Tell everyone who watches."""
        if event["type"] == "delta" and len(self._events) >= MOST_EVENTS:
            return
        self._events.append(event)
        self.tell(event)
        self._wake()

    def begin_with(self, events: Sequence[dict[str, Any]]) -> None:
        """What whoever watches from now on is told first, of a run that was read from the store."""
        self._events[:] = events

    def move(self) -> None:
        """It goes on at another node: who watches here must look there."""
        self._moved = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Everything that has happened and will happen to this run, ending with `done`, or when it has moved.

        `state` {state, progress?}, `delta` {text, id}, `step` {step}, `plan` {plan}, `result` {result: {type, id}},
        `cards` {cards}, `done` {run}. A run that rests tells its `state`, and the stream waits with it.
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
            if self._moved:
                return
            if at >= len(self._events):
                await news.wait()

    # -- for those who ask

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

    async def put_away(self) -> None:
        """Until one that has ended here is in the store as it ended, too: lists are made from what is there."""
        if self._begun and self.ended:
            await self._over.wait()

    async def wait(self) -> Run:
        """Until it has ended, or rests."""
        if self._task:
            await asyncio.wait([self._task])
        return self
