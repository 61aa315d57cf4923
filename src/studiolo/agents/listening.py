"""Listening: agents answer where they are spoken to, in the conversation and in threads, and to each other.

It hears each action on the node where it is done, once, when it is stored; so nothing is answered twice, on however
many nodes, nor again after a restart. Who is to answer follows from what was said and from the triggers in personas.
Whether they do, from what was said before: one at a time speaks in a thread, never to itself, never twice running,
never to the same one again, and only so many in a row until a person says something.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from studiolo.agents.intent import intent
from studiolo.agents.persona import Persona
from studiolo.agents.run import Run
from studiolo.agents.runs import Runs
from studiolo.agents.surface import Surface
from studiolo.agents.work import Ask
from studiolo.canvas import Canvas, Outcome, Participant, StudioloError, anchors
from studiolo.canvas.document import plain

IN_A_ROW = 4  # agents that speak without a person in between
AN_HOUR = 60  # runs that triggers begin in one canvas
MOST_WAITING = 8  # answers in one conversation
LAST = 40  # messages of the conversation that are looked at
_CALLED = re.compile(r"(?:^|(?<=[\s(“\"'‘]))@([\w-]+(?:[ \u00a0][\w-]+)?)")
log = logging.getLogger(__name__)

Start = Callable[[Surface, Ask, Participant], Awaitable[Run]]
"""Begin a run as somebody asks for it. Raises `StudioloError` when they may not."""


@dataclass(frozen=True, slots=True)
class _Call:
    """Somebody is wanted: by whom, where, and why."""

    persona: Persona
    by: Participant
    text: str
    trigger: str
    thread: str = ""
    message: str = ""
    suggestion: str = ""

    @property
    def where(self) -> str:
        return self.thread or self.suggestion or "chat"


class Listening:
    """The ears of this process."""

    def __init__(
        self,
        runs: Runs,
        start: Start,
        clock: Callable[[], float],
        alone: Callable[[str], AbstractAsyncContextManager[None]] | None = None,
        in_a_row: int = IN_A_ROW,
        an_hour: int = AN_HOUR,
    ) -> None:
        self._runs = runs
        self._start = start
        self._clock = clock
        self._alone = alone
        self._in_a_row = in_a_row
        self._an_hour = an_hour
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._counting = asyncio.Lock()
        self._waiting: defaultdict[tuple[str, str], int] = defaultdict(int)

    def hear(self, surface: Surface, action: dict[str, Any], outcome: Outcome, by: Participant) -> None:
        """An action was done here, and is stored."""
        try:
            calls = self._calls(surface.canvas, action, outcome, by)
        except Exception:  # who speaks must never suffer from who listens
            log.exception("an action could not be listened to")
            return
        for call in calls:
            task = asyncio.create_task(self._answer(surface, call), name=f"{call.persona.id} answers")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Until nobody is going to answer anything."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    # -- who is wanted

    def _calls(self, canvas: Canvas, action: dict[str, Any], outcome: Outcome, by: Participant) -> list[_Call]:
        kind = action.get("type")
        if kind not in ("say", "say_done", "comment", "reply", "suggest", "finish") or not listens(canvas):
            return []
        if kind in ("suggest", "finish"):
            return self._proposed(canvas, outcome.id or "", by)
        if kind == "say":
            # What was asked with a run is answered by that run.
            if action.get("streaming") or (by.kind == "person" and action.get("run")):
                return []
        elif kind == "say_done" and action.get("status", "done") != "done":
            return []
        message, thread = "", ""
        if kind in ("say", "say_done"):
            message = outcome.id or ""
            text = str(canvas.document.chat[canvas.messages[message]]["text"])
        else:
            thread, text = outcome.id or "", str(action["text"])
        called = mentioned(text, self._runs.personas.list())
        calls = [_Call(one, by, text, "mention", thread, message) for one in called if "mention" in one.triggers]
        if thread and kind == "reply":
            spoken = [comment["author"] for comment in plain(canvas.document.threads[thread])["comments"]]
            calls += [
                _Call(one, by, text, "reply", thread)
                for one in self._runs.personas.list()
                if "reply" in one.triggers and one.id in spoken and one not in called and by.kind == "person"
            ][:1]
        return [call for call in calls if call.persona.id != by.id]

    def _proposed(self, canvas: Canvas, id: str, by: Participant) -> list[_Call]:
        """Who looks at what another agent suggests. What belongs to a round is for the round to look at."""
        record = canvas.suggestions.get(id)
        if record is None or record.status != "open" or by.kind != "agent":
            return []
        run = self._runs.get(record.run) if record.run else None
        if run is not None and (run.ask.options.get("round") or run.ask.depth):
            return []
        text = (
            f"{record.name} suggests a change. Comment on that suggestion where you object; otherwise say so briefly."
        )
        return [
            _Call(one, by, text, "suggestion", suggestion=id)
            for one in self._runs.personas.list()
            if "suggestion" in one.triggers and one.id != record.author
        ]

    # -- and what they do

    async def _answer(self, surface: Surface, call: _Call) -> None:
        """Wait until it is quiet there, and let the agent speak if it still may."""
        key = (surface.id, call.where)
        if self._waiting[key] >= MOST_WAITING:
            return
        self._waiting[key] += 1
        alone = self._alone(f"talk:{surface.id}:{call.where}") if self._alone else nullcontext()
        try:
            async with self._locks[key], alone:
                said = spoken(surface.canvas, call.thread) if not call.suggestion else []
                if not call.suggestion and not may_answer(call.persona.id, call.by, said, self._in_a_row):
                    return
                await self._let_speak(surface, call, len(said) + 1)
        except StudioloError as error:
            await self._say(surface, call, error)
        except Exception:
            log.exception("%s could not answer", call.persona.id)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                self._locks.pop(key, None)

    async def _let_speak(self, surface: Surface, call: _Call, depth: int) -> None:
        async with self._counting:  # so that two who are called at once are counted one after the other
            run = await self._begin(surface, call, depth)
        if run is None:
            if call.by.kind == "person":
                await self._tell(
                    surface,
                    call,
                    f"Agents have been called {self._an_hour} times within this hour, and rest now. Ask me directly, "
                    "or try again later.",
                )
            return
        await run.wait()
        if run.state == "failed" and run.error:
            await self._tell(surface, call, f"{run.error['message']} {run.error.get('hint', '')}".strip())
        elif run.state == "done" and call.thread and not any(result["type"] == "thread" for result in run.results):
            made = any(result["type"] == "suggestion" for result in run.results)
            await self._tell(surface, call, "I have suggested it." if made else " ".join(run.notes) or "Done.")

    async def _begin(self, surface: Surface, call: _Call, depth: int) -> Run | None:
        """Begin the run that answers; None when there were enough in this canvas within the hour."""
        if await self._triggered(surface.id) >= self._an_hour:
            return None
        ask = _ask(surface.canvas, call, depth)
        if not self._runs.in_steps(call.persona):
            # One skill has to do: what is said in passing is answered, and only what asks for it is written.
            wanted = "critique" if call.suggestion else intent(call.text, page=bool(ask.page), selection=False).skill
            wanted = wanted if wanted in ("rewrite", "critique", "brainstorm") else "ask"
            ask.skill = next((one for one in (wanted, "ask") if one in call.persona.skills), call.persona.skills[0])
        return await self._start(surface, ask, call.by)

    async def _triggered(self, canvas: str) -> int:
        """The runs that triggers have begun in a canvas within the last hour, on any node."""
        since = self._clock() - 3_600
        runs = await self._runs.of_canvas(canvas, limit=200)
        return sum(1 for run in runs if run["started"] > since and run.get("options", {}).get("trigger"))

    async def _say(self, surface: Surface, call: _Call, error: StudioloError) -> None:
        """Somebody who was refused is told so where they asked; agents are not."""
        if call.by.kind == "person":
            await self._tell(surface, call, f"{error.message} {error.hint}".strip())

    async def _tell(self, surface: Surface, call: _Call, text: str) -> None:
        agent = call.persona.participant
        with suppress(StudioloError):
            if call.thread:
                await surface.apply({"type": "reply", "thread": call.thread, "text": text}, agent)
            elif call.message:
                await surface.apply({"type": "say", "text": text}, agent)


def listens(canvas: Canvas) -> bool:
    """Whether agents answer in this canvas when nobody has asked them directly."""
    return canvas.document.meta.get("listening") != "off"


def mentioned(text: str, personas: Sequence[Persona]) -> list[Persona]:
    """The agents that a text calls with @, in the order in which it does: by id, or by name with or without blanks."""
    found: list[Persona] = []
    for called in _CALLED.findall(text):
        words = _bare(called), _bare(called.replace("\u00a0", " ").partition(" ")[0])
        named = (one for word in words for one in personas if word in (_bare(one.id), _bare(one.participant.name)))
        one = next(named, None)
        if one is not None and one not in found:
            found.append(one)
    return found


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def spoken(canvas: Canvas, thread: str) -> list[str]:
    """The agents that have spoken in a thread, or in the conversation (""), since a person did, the last one last."""
    if thread:
        said: list[dict[str, Any]] = plain(canvas.document.threads[thread])["comments"]
    else:
        chat = canvas.document.chat
        said = [plain(chat[at]) for at in range(max(0, len(chat) - LAST), len(chat))]
    agents: list[str] = []
    for one in reversed(said):
        if one["author_kind"] == "person":
            break
        if not agents or agents[-1] != one["author"]:
            agents.append(one["author"])
    return agents[::-1]


def may_answer(agent: str, by: Participant, said: Sequence[str], in_a_row: int) -> bool:
    """Whether an agent may answer `by` after these agents have spoken since a person did."""
    if agent == by.id or (said and said[-1] == agent) or len(said) >= in_a_row:
        return False
    return by.kind == "person" or (by.id, agent) not in pairwise(said)


def _ask(canvas: Canvas, call: _Call, depth: int) -> Ask:
    options: dict[str, Any] = {"trigger": call.trigger}
    ask = Ask(agent=call.persona.id, prompt=call.text, options=options, depth=depth)
    if call.message:
        ask.say = "answer"
    elif call.suggestion:
        record = canvas.suggestions[call.suggestion]
        ask.about, ask.page, ask.skill = record.id, record.page, None
    else:
        thread = canvas.threads[call.thread]
        ask.thread, ask.page = thread.id, thread.page
        about = canvas.suggestions.get(thread.about)
        if about is not None and about.undecided:
            ask.about = about.id
        at = thread.anchor
        span = anchors.between(canvas.document.identity, thread.page, at.start, at.end)
        if at.quote and span is not None and canvas.page_text(thread.page)[span.start : span.end] == at.quote:
            ask.quote, ask.start, ask.end = at.quote, at.start, at.end
    return ask
