"""Where tasks are carried out as in a studio: a store, a room, agents, tools and durable tasks, all real, with a
provider at the other end of a socket."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studiolo.agents.asking_people import Reply
from studiolo.agents.kit import Kit
from studiolo.canvas import Participant
from studiolo.rooms import Room
from studiolo.tasks.task import Task
from studiolo.tasks.tasks import Tasks

NADIA = Participant("nadia", "Nadia", "person", "#1878b4", "owner")
PATIENCE = 300.0  # seconds; a machine may be very busy
Answer = Callable[[dict[str, Any]], str | Awaitable[str]]


@dataclass
class Desk:
    """One canvas of a studio. `allow` says of a call into the world whether it may be made, where people are asked."""

    room: Room
    kit: Kit
    tasks: Tasks
    home: Path
    open_room: Callable[[str], Awaitable[Room]]
    by: Participant = NADIA
    model: str | None = None
    allow: Callable[[str, Mapping[str, Any]], bool] = lambda tool, arguments: True
    patience: float = PATIENCE
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    results: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What the steps of each task came to, by their ids."""

    @property
    def pages(self) -> dict[str, str]:
        """The ids of the pages by their titles."""
        return {one["title"]: one["id"] for one in self.room.canvas.outline() if not one["removed"]}

    @property
    def tasks_folder(self) -> Path:
        """Where kinds of one's own are."""
        return self.home / "tasks"

    @property
    def view(self) -> dict[str, Any]:
        return self.room.canvas.view()

    def open_suggestions(self, page: str | None = None) -> list[dict[str, Any]]:
        return [
            one for one in self.view["suggestions"] if one["status"] == "open" and (page is None or one["page"] == page)
        ]

    async def do(
        self, kind: str, inputs: dict[str, Any] | None = None, answer: Answer = lambda card: "Go on", **more: Any
    ) -> Task:
        """Begin a task, answer what it asks, and wait for its end."""
        self.room = await self.open_room(self.room.id)
        task = await self.tasks.begin(self.room, self.by, kind, inputs or {}, **{"model": self.model, **more})
        deadline = time.monotonic() + self.patience
        async for event in self.tasks.watch(task.id):
            assert time.monotonic() < deadline, event
            for card in event["task"]["cards"] if event["type"] == "task" else ():
                if "answer" not in card and event["task"]["state"] == "waiting" and card not in self.asked:
                    self.asked.append(card)
                    await self._answer(task.id, card, answer)
        task = await self.tasks.get(task.id)
        self.room = await self.open_room(self.room.id)  # one that nobody looks at is put away after a while
        self.results[task.id] = {
            step.id: result for step in task.plan if (result := await self.tasks.result(task.id, step.id)) is not None
        }
        return task

    async def _answer(self, task: str, card: dict[str, Any], answer: Answer) -> None:
        if card["kind"] == "approval":
            yes = self.allow(card["tool"], card["detail"]["arguments"])
            allow = ("once" if card["detail"].get("warnings") else "run") if yes else "no"
            await self.tasks.answer(task, card["id"], Reply(allow=allow), self.by)
            return
        self.room = await self.open_room(self.room.id)
        said = answer(card)
        text = await said if inspect.isawaitable(said) else said
        await self.tasks.answer(task, card["id"], Reply(str(text)), self.by)
