"""Telling people, and other programs, of tasks that wait, are done or have failed.

What a task came to is a row of the canvas's ledger, once; so webhooks are told of it as of everything else there, in
order and also after a crash. Mails are rows of a queue. What is open at a page is called out to at once. What it asks
and what came of it stands in the conversation, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from studiolo.canvas import THE_STUDIO, Outcome, StudioloError
from studiolo.canvas.outcome import entry_of
from studiolo.store import Answer, Store
from studiolo.tasks.conversation import Conversation, Place
from studiolo.tasks.task import Task, TaskState
from studiolo.tasks.tasks import Tasks

TOLD: tuple[TaskState, ...] = ("waiting", "done", "failed")
CAUGHT_UP = 86_400.0  # seconds after its end in which a task is told of that a crash kept from it
MOST_CAUGHT_UP = 500
log = logging.getLogger(__name__)


class Post(Protocol):
    """Puts mails into a queue: (id, canvas, participant, what it is about)."""

    async def about_task(self, id: str, task: dict[str, Any]) -> None: ...


class Telling:
    """Hears of every change of a task at this node. `ring` says that what waits in a canvas has changed, `call` tells
    one person at once."""

    def __init__(
        self,
        store: Store,
        tasks: Tasks,
        open_canvas: Callable[[str], Awaitable[Place]],
        ring: Callable[[str], None],
        call: Callable[[str, dict[str, Any]], None],
        post: Post,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._open_canvas = open_canvas
        self._ring = ring
        self._call = call
        self._post = post
        self._conversation = Conversation(store, open_canvas)
        # Of tasks that have not ended, as they were last heard of here: the state, and how much was answered.
        self._known: dict[str, tuple[TaskState, int]] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin, with what earlier processes did not come to tell."""
        self._tasks.on_change.append(self._changed)
        self.catch_up()

    async def close(self) -> None:
        """Stop. What was not told is told when a studio starts."""
        if self._changed in self._tasks.on_change:
            self._tasks.on_change.remove(self._changed)
        telling = list(self._telling)
        for one in telling:
            one.cancel()
        await asyncio.gather(*telling, return_exceptions=True)

    def catch_up(self, _gone: str = "") -> None:
        """Tell what a crash, here or on a node that is gone, kept from being told."""
        self._later(self._catch_up())

    async def _catch_up(self) -> None:
        since = self._store.clock() - CAUGHT_UP
        with suppress(StudioloError):
            for task in await self._tasks.listed(TOLD, limit=MOST_CAUGHT_UP):
                if task.state == "waiting" or (task.finished or 0.0) >= since:
                    await self._tell(task)
                    await self._converse(task)

    def _changed(self, task: Task) -> None:
        before = self._known.get(task.id)
        now: tuple[TaskState, int] = (task.state, sum("answer" in card for card in task.cards))
        if before == now:
            return
        self._known[task.id] = now
        if task.ended:
            del self._known[task.id]
        if task.cards or task.ended:
            self._later(self._converse(task))
        if before is not None and before[0] == task.state:
            return
        self._ring(task.canvas)
        if task.state in TOLD:
            self._later(self._tell(task))

    def _later(self, telling: Any) -> None:
        started = asyncio.create_task(telling, name="telling of a task")
        self._telling.add(started)
        started.add_done_callback(self._telling.discard)

    async def _converse(self, task: Task) -> None:
        try:
            await self._conversation.tell(task)
        except StudioloError as error:  # the canvas is gone, or the next start tells it
            log.info("What became of task %s was not said: %s", task.id, error.message)

    async def _tell(self, task: Task) -> None:
        if task.state == "waiting" and not task.open_cards:  # for tasks of its own, and nobody needs to do anything
            return
        try:
            if await self._note(task):
                self._call(task.by["id"], {"type": "task", "canvas": task.canvas, "task": about(task)})
                self._ring(task.canvas)
            if task.parent is None or task.state == "waiting":
                await self._post.about_task(f"task:{task.id}:{task.leg}:{task.state}", about(task))
        except StudioloError as error:  # the canvas is gone, or the next start tells it
            log.info("What became of task %s was not told: %s", task.id, error.message)

    async def _note(self, task: Task) -> bool:
        """Put it into the ledger, once; whether that was now."""
        key = f"task:{task.id}:told:{task.leg}:{task.state}"
        if await self._store.recall(key, THE_STUDIO.id, task.canvas) is not None:
            return False
        place = await self._open_canvas(task.canvas)
        row: dict[str, Any] = {
            "type": "task",
            "task": task.id,
            "state": task.state,
            "kind": task.kind,
            "title": task.title,
        }
        row |= {"by": task.by["id"], "outcome": task.outcome}
        if task.state == "waiting":
            row["asks"] = [{name: card.get(name, "") for name in ("kind", "question")} for card in task.open_cards]
        if task.problem:
            row["problem"] = task.problem.get("message", "")
        told = Outcome("told", task.id, entry=entry_of(row, "told", task.id))
        await place.perform(lambda: told, THE_STUDIO, lambda _: Answer(key, {}))
        return True


def about(task: Task) -> dict[str, Any]:
    """What people are told of a task in a line."""
    return {
        "id": task.id,
        "canvas": task.canvas,
        "kind": task.kind,
        "title": task.title,
        "state": task.state,
        "outcome": task.outcome,
        "problem": (task.problem or {}).get("message", ""),
        "at": task.finished or max((step.started or task.made for step in task.plan), default=task.made),
        "asks": [card.get("question") or card.get("title") or "" for card in task.open_cards],
        "by": task.by["id"],
    }
