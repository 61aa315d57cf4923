"""Tasks in the conversation of the canvas where they were begun: what one asks, as a card that can be answered there,
and in one line what came of it.

Each is said once, whatever happens: a message is stored in one commit with the note that it was said. An answer is
written on its card by whoever hears of it; the task reads its own record and never the card.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from studiolo.agents.asking_people import written
from studiolo.agents.surface import Surface
from studiolo.canvas import THE_STUDIO, Outcome, cards
from studiolo.canvas.errors import NotFound
from studiolo.store import Answer, Store
from studiolo.store.store import OF_A_TASK
from studiolo.tasks.task import Task

LONGEST = 300  # characters of what came of it
SHOWN = ("kind", "question", "choices", "tool", "title", "detail")


class Place(Surface, Protocol):
    """A canvas that keeps the answer of a change together with the change."""

    async def perform(
        self,
        change: Callable[[], Outcome | None],
        by: Any,
        answer: Callable[[Outcome], Answer] | None = None,
    ) -> Outcome | None: ...


class Conversation:
    """Says in canvases what becomes of tasks."""

    def __init__(self, store: Store, open_canvas: Callable[[str], Awaitable[Place]]) -> None:
        self._store = store
        self._open_canvas = open_canvas
        self._one_by_one = asyncio.Lock()

    async def tell(self, task: Task) -> None:
        """Say what is new of a task: what it asks, what was answered, what came of it."""
        async with self._one_by_one:
            await self._tell(task)

    async def _tell(self, task: Task) -> None:
        for card in task.cards:
            if card.get("run"):  # the agent that asks has said so itself
                continue
            if "answer" not in card and task.state == "waiting":
                shown = {name: card[name] for name in SHOWN if name in card}
                await self._say(task, _asks(task, card), shown | {"call": card["id"]}, card["question"])
            elif "answer" in card:
                await self._answered(task, card)
        if task.state in ("done", "failed", "cancelled"):
            for card in task.open_cards:
                await self._answered(task, card | {"answer": "stopped"})
        if task.state in ("done", "failed") and _worth_saying(task):
            ended: dict[str, Any] = {"call": str(task.leg), "kind": "ended", "question": "", "state": task.state}
            ended["results"] = len(task.results)
            await self._say(task, f"{OF_A_TASK}{task.id}:said:{task.leg}", ended, _line(task))

    async def _say(self, task: Task, key: str, card: dict[str, Any], text: str) -> None:
        if await self._store.recall(key, THE_STUDIO.id, task.canvas) is not None:
            return
        place = await self._open_canvas(task.canvas)
        whole = {"run": "", "task": task.id, "of": task.title, **card}
        await place.perform(
            lambda: cards.put(place.canvas, whole, text, THE_STUDIO),
            THE_STUDIO,
            lambda outcome: Answer(key, {"message": outcome.id}),
        )

    async def _answered(self, task: Task, card: dict[str, Any]) -> None:
        said = await self._store.recall(_asks(task, card), THE_STUDIO.id, task.canvas)
        if said is None or await self._store.recall(key := f"{_asks(task, card)}:answer", THE_STUDIO.id, task.canvas):
            return
        place = await self._open_canvas(task.canvas)
        try:
            await place.perform(
                lambda: cards.answer(place.canvas, said["message"], written(card)),
                THE_STUDIO,
                lambda outcome: Answer(key, {"message": outcome.id}),
            )
        except NotFound:  # the conversation was restored to what it was before
            return


def _asks(task: Task, card: dict[str, Any]) -> str:
    return f"{OF_A_TASK}{task.id}:card:{card['id']}"


def _worth_saying(task: Task) -> bool:
    """What somebody began by hand has an end that is worth a line; of what begins by itself, what it found. What has
    said everything in the conversation itself needs none."""
    if task.parent is not None:
        return False
    if task.state == "failed":
        return True
    made = {result["type"] for result in task.results}
    return made != {"message"} and (bool(made) or task.schedule is None)


def _line(task: Task) -> str:
    if task.state == "failed":
        problem = (task.problem or {}).get("message") or "It could not go on."
        return f"“{task.title}” could not go on: {problem}"
    came = " ".join(task.outcome.split()) or "Done."
    return f"“{task.title}” is done: {came if len(came) <= LONGEST else came[: LONGEST - 1] + '…'}"
