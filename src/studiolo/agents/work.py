"""One run's work on a surface: what a skill uses to act, to be seen, and to say what it did.

Skills are functions of a `Work`. They never touch a canvas: everything they do is an action of the agent, which the
canvas allows or refuses.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from studiolo.agents import place as places
from studiolo.agents.checks import Report
from studiolo.agents.context import Given
from studiolo.agents.pace import Pace
from studiolo.agents.persona import Persona
from studiolo.agents.place import Place
from studiolo.agents.steering import Steering
from studiolo.agents.steps import Steps
from studiolo.agents.surface import Surface
from studiolo.agents.turns import Claim, Turns
from studiolo.agents.voice import Voice
from studiolo.canvas.quotes import Span
from studiolo.canvas.suggesting import may_replace
from studiolo.tools.attachments import Attachments


@dataclass(slots=True)
class Ask:
    """What somebody asks an agent to do, and where."""

    agent: str = "co-author"
    prompt: str = ""
    skill: str | None = None
    page: str | None = None
    quote: str | None = None
    before: str = ""
    after: str = ""
    start: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    say: bool | Literal["answer"] = False  # in the conversation; "answer": where the question stands already
    replaces: str = ""  # the suggestion that is to be done anew
    about: str = ""  # the suggestion that is to be commented on
    thread: str = ""  # the thread that is to be answered in
    parent: str = ""  # the run or the round that led to this
    depth: int = 0  # how many agents in a row, since a person spoke
    others: Sequence[str] = ()  # what of the prompt is not the words of whoever asks


@dataclass(slots=True)
class Work:
    """Everything one run of a skill needs."""

    run: str
    surface: Surface
    persona: Persona
    ask: Ask
    skill: str
    voice: Voice
    place: Place | None
    given: Given
    emit: Callable[[dict[str, Any]], None]
    steps: Steps = field(default_factory=Steps)
    grants: set[str] = field(default_factory=set[str])  # what a person has allowed for the rest of this run
    plan: list[dict[str, str]] = field(default_factory=list[dict[str, str]])  # {text, state: todo | doing | done}
    steering: Steering = field(default_factory=Steering)
    ask_by: str = ""  # the name of whoever asked
    asker: str = ""  # and their id
    asked_by_agent: bool = False
    turns: Turns | None = None  # who works where; None where nobody else can
    pace: Pace = field(default_factory=Pace)
    claimed: Claim | None = None  # the passage that this run works on
    answer: str = ""  # what the agent said at the end, where that is not a message
    files: Attachments | None = None  # what is beside the pages, where there is a studio
    desk: dict[str, bytes] = field(default_factory=dict[str, bytes])  # what its programs have left for the next one
    results: list[dict[str, str]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def small(self) -> bool:
        return self.voice.info.small

    @property
    def option(self) -> Mapping[str, Any]:
        return self.ask.options

    @property
    def said_by_a_person(self) -> str:
        """What a person asked; nothing where an agent asks, whose words vouch for none."""
        said = "" if self.asked_by_agent else self.ask.prompt
        for words in self.ask.others:
            said = said.replace(words, "\n")
        return said

    def page(self) -> Place:
        """The place, for skills that need one; the first page when none was named."""
        if self.place is None:
            canvas = self.surface.canvas
            pages = [page for page in canvas.outline() if not page.get("removed")]
            first = pages[0]["id"]
            end = len(canvas.page_text(first))
            self.place = places.at(canvas, first, Span(end, end), chosen=False)
        return self.place

    def note(self, sentence: str) -> None:
        """Something a person should know about this run's result."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def checked(self, what: str, report: Report) -> bool:
        """Record the checks of one candidate; whether it passed."""
        self.checks.append({"what": what, "ok": report.ok, "failed": report.as_list()})
        return report.ok

    def result(self, kind: str, id: str | None) -> None:
        entry = {"type": kind, "id": id or ""}
        if entry not in self.results:
            self.results.append(entry)
            self.emit({"type": "result", "result": entry})

    async def act(self, action: dict[str, Any]) -> str:
        """Do an action as the agent; the id of what came of it. Before it proposes something it waits for its turn
        there. Raises `Occupied` when that does not come."""
        if self.turns is not None and (where := places.proposed(self.surface.canvas, action)) is not None:
            await self.claim(*where)
        return (await self.surface.apply(action, self.persona.participant)).id or ""

    def show(self, status: str, page: str | None = None, cursor: Mapping[str, Any] | None = None) -> None:
        """Where the agent is and what it does, as other participants see it."""
        where = page or (self.place.page if self.place else None)
        state = {"page": where, "cursor": dict(cursor) if cursor else None, "status": status}
        if self.claimed is not None:
            state["working"] = self.claimed.shown()
        if self.ask.parent:
            state["parent"] = self.ask.parent
        self.surface.show(self.persona.participant, state)

    async def claim(self, page: str, span: Span) -> None:
        """Before writing on a passage: wait until nobody else works on it, and be the one who does until this run
        claims another or ends. Raises `Occupied`."""
        if self.turns is None:
            return
        has = self.claimed.span(self.surface) if self.claimed and self.claimed.page == page else None
        if has is not None and has.start <= span.start and span.end <= has.end:
            return
        self.claimed = None
        self.show("waiting", page)
        self.claimed = await self.turns.take(
            self.surface, self.persona.participant, self.run, page, span, asked_by=self.asker
        )
        self.show("thinking", page, places.cursor(self.surface.canvas, page, span))

    def _proposing(self, reason: str) -> dict[str, Any]:
        """The fields that every suggestion of this run has."""
        hands = [one for one in self.option.get("hands") or () if one != self.persona.participant.id]
        return {
            "reason": reason,
            "skill": self.skill,
            "run": self.run,
            "model": self.voice.info.name,
            **({"hands": hands} if hands else {}),
            **self.replacing(),
        }

    def replacing(self) -> dict[str, str]:
        """The field of a suggestion that says which one it is to be in the place of, while that one still waits and
        may be replaced."""
        old = self.surface.canvas.suggestions.get(self.ask.replaces)
        if old is None or not old.undecided or not may_replace(self.persona.participant, old):
            return {}
        return {"replaces": old.id}

    async def suggest(self, page: str, hunks: Sequence[Mapping[str, Any]], reason: str) -> str:
        """A finished suggestion."""
        made = {"type": "suggest", "page": page, "hunks": [dict(hunk) for hunk in hunks], **self._proposing(reason)}
        id = await self.act(made)
        self.result("suggestion", id)
        return id


class _Stream(ABC):
    """Text that grows on the surface while it is written. Leaving the block ends it in every case."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.id = ""
        self.text = ""
        self._pending = ""
        self._pump: asyncio.Task[None] | None = None

    async def write(self, text: str) -> None:
        """Put text on its way; what arrives while an earlier piece is being stored follows it in one piece."""
        if not text:
            return
        self.text += text
        self._pending += text
        self.work.emit({"type": "delta", "text": text, "id": self.id})
        if self._pump is None or self._pump.done():
            await self._on_its_way()
            self._pump = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        pace = self.work.pace
        with pace.growing():
            while self._pending:
                text, self._pending = self._pending, ""
                await self._append(text)
                await pace.beat()

    async def _on_its_way(self) -> None:
        """Wait for the piece that is being stored. Raises what went wrong with it."""
        if self._pump is not None:
            pump, self._pump = self._pump, None
            await pump

    @abstractmethod
    async def _append(self, text: str) -> None:
        """Add to what is on the surface."""

    @abstractmethod
    async def _close(self, failed: bool, stopped: bool) -> None:
        """End it on the surface."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = kind is not None and issubclass(kind, (asyncio.CancelledError, TimeoutError))
        # A second cancellation must not leave the text "streaming" for ever.
        await asyncio.shield(self._end(failed=kind is not None and not stopped, stopped=stopped))

    async def _end(self, failed: bool, stopped: bool) -> None:
        try:
            await self._on_its_way()
        finally:
            await self._close(failed, stopped)


class Draft(_Stream):
    """A suggestion that grows: an insertion into a page."""

    def __init__(self, work: Work, page: str, hunk: Mapping[str, Any], reason: str) -> None:
        super().__init__(work)
        self._page = page
        self._hunk = dict(hunk)
        self._reason = reason
        self._keep = True

    async def __aenter__(self) -> Draft:
        made = {"type": "suggest", "page": self._page, "hunks": [self._hunk | {"replace": ""}], "streaming": True}
        self.id = await self.work.act(made | self.work._proposing(self._reason))
        anchor = self.work.surface.canvas.suggestions[self.id].hunks[0].anchor
        self.work.show("writing", self._page, {"anchor": anchor.start, "head": anchor.end})
        return self

    def discard(self) -> None:
        """On leaving, withdraw the suggestion whatever it holds."""
        self._keep = False

    async def _append(self, text: str) -> None:
        await self.work.act({"type": "extend", "suggestion": self.id, "text": text})

    async def _close(self, failed: bool, stopped: bool) -> None:
        keep = self._keep and bool(self.text.strip())
        if keep:
            await self._flush()
        await self.work.act({"type": "finish", "suggestion": self.id, "status": "open" if keep else "withdrawn"})
        if keep:
            self.work.result("suggestion", self.id)


class Utterance(_Stream):
    """A message of the conversation that grows."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.quotes: list[dict[str, Any]] = []
        self.ideas: list[str] = []
        self._replaced: str | None = None
        self._gone = False

    async def __aenter__(self) -> Utterance:
        if not self.work.ask.thread:  # a thread is answered in one piece
            self.id = await self.work.act({"type": "say", "text": "", "run": self.work.run, "streaming": True})
            self.work.result("message", self.id)
        return self

    def replace(self, text: str) -> None:
        """The message's final text, when what was streamed must not stand."""
        self._replaced = text

    async def _append(self, text: str) -> None:
        if self.id:
            await self.work.act({"type": "say_more", "message": self.id, "text": text})

    async def _close(self, failed: bool, stopped: bool) -> None:
        if not failed or self.text:
            await self._flush()
        if not self.id:
            said = (self.text if self._replaced is None else self._replaced).strip()
            if said and not failed:
                await self.work.act({"type": "reply", "thread": self.work.ask.thread, "text": said})
                self.work.result("thread", self.work.ask.thread)
            return
        done: dict[str, Any] = {
            "type": "say_done",
            "message": self.id,
            "status": "failed" if failed else "stopped" if stopped else "done",
        }
        if self._replaced is not None:
            done["text"] = self._replaced
        if self.quotes:
            done["quotes"] = self.quotes
        if self.ideas:
            done["ideas"] = self.ideas
        await self.work.act(done)
