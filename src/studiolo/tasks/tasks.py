"""What people do with tasks: begin, watch, steer, answer, let rest, stop, change what is still to come, try again.

It works at every node, wherever a task is carried out. Who may do what is looked at by whoever calls this, but for
answers: those are judged where they are written down, in the same moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from studiolo.agents.asking_people import Reply
from studiolo.agents.surface import Surface
from studiolo.canvas import Participant
from studiolo.tasks.task import Budget, Step, Task, TaskState


@dataclass(frozen=True, slots=True)
class Wanted:
    """A step that a person wants in a plan: one that is there by its `id`, a new one without."""

    do: str
    title: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None


Layout = Callable[[str, dict[str, Any]], tuple[str, dict[str, Any], list[Step]]]
"""How a kind lays its plan out: (kind, what was filled in) -> (title, the inputs in full, the steps). Raises `Invalid`
for what is missing or wrong, and `NotFound` for a kind that is not there."""


class Tasks:
    """The tasks of a studio."""

    on_change: list[Callable[[Task], None]]
    """Called at this node with a task after each change that was made here: who tells others of it (the inbox,
    notifications) does so in its own time. `task.state` says what it came to."""

    async def open(self) -> None:
        """Take up what earlier processes left, and hear of other nodes."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of everything: what runs goes on at another node, or when the studio starts."""
        raise NotImplementedError

    async def begin(
        self,
        surface: Surface,
        by: Participant,
        kind: str,
        inputs: dict[str, Any],
        *,
        title: str = "",
        model: str | None = None,
        priority: int = 0,
        budget: Budget | None = None,
        schedule: str | None = None,
        parent: str | None = None,
        plan: Sequence[Step] | None = None,
        id: str | None = None,
    ) -> Task:
        """Begin a task: its kind lays out the plan, or `plan` is it. It is kept when this returns, and carried out as
        soon as it is its turn. With an `id` that is there already that task is given back, and nothing is begun.

        Raises `Invalid`, `NotFound` for an unknown kind, `Forbidden` for a viewer.
        """
        raise NotImplementedError

    async def get(self, id: str) -> Task:
        """A task. Raises `NotFound`."""
        raise NotImplementedError

    async def of_canvas(self, canvas: str, limit: int = 100) -> list[Task]:
        """The tasks of a canvas, the newest first."""
        raise NotImplementedError

    async def listed(
        self,
        states: Collection[TaskState] = (),
        canvases: Collection[str] | None = None,
        limit: int = 100,
        schedule: str | None = None,
    ) -> list[Task]:
        """Tasks, the newest first: in any state or in these, of all canvases or of these, of a schedule or of any."""
        raise NotImplementedError

    async def result(self, id: str, step: str) -> dict[str, Any] | None:
        """What a step came to, in full; None while it has not come to anything. Raises `NotFound`."""
        raise NotImplementedError

    async def shown(self, task: Task) -> dict[str, Any]:
        """The task as JSON for people: `Task.as_dict()` with `progress` {done, of}, `expects` (seconds left, or None
        where nothing is known), `step` (the id of the current one, or None) and `waits` (open cards)."""
        raise NotImplementedError

    async def watch(self, id: str) -> AsyncIterator[dict[str, Any]]:
        """`{"type": "task", "task": shown}` at once and whenever it changes, `{"type": "run", "run": id, "event": …}`
        for what the runs of its step tell, and `{"type": "done", "task": shown}` at the end. Raises `NotFound`."""
        raise NotImplementedError
        yield {}

    # -- hands on it; each returns the task as it is then, raises `NotFound`, and `Conflict` where it came too late

    async def pause(self, id: str, by: Participant) -> Task:
        """Let it rest at its next step. The step under way goes to its end."""
        raise NotImplementedError

    async def resume(self, id: str, by: Participant) -> Task:
        """Let a paused task go on. One that waits goes on when it is answered."""
        raise NotImplementedError

    async def cancel(self, id: str, by: Participant | None = None) -> Task:
        """End it now, also in the middle of a step, wherever it runs. What it made stays."""
        raise NotImplementedError

    async def steer(self, id: str, by: Participant, text: str) -> Task:
        """Tell it something, which the agents of its next steps read."""
        raise NotImplementedError

    async def arrange(self, id: str, by: Participant, steps: Sequence[Wanted]) -> Task:
        """Let these be the steps that are still to come, in this order. What is not among them is taken out."""
        raise NotImplementedError

    async def retry(self, id: str, step: str, by: Participant) -> Task:
        """Do a failed or skipped step again, and go on from there. What it had finished is not done twice."""
        raise NotImplementedError

    async def skip(self, id: str, step: str, by: Participant) -> Task:
        """Go on without a step: one that is to come, waits, or has failed."""
        raise NotImplementedError

    async def fork(self, id: str, step: str, by: Participant, inputs: dict[str, Any] | None = None) -> Task:
        """A new task that has done all that this one did before `step`, and goes on from there, with these inputs in
        the place of the old ones."""
        raise NotImplementedError

    async def answer(self, id: str, card: str, reply: Reply, by: Participant) -> Task:
        """Answer one of its cards (`card["id"]`): a question with `text`, an approval with `allow` (once, run: for the
        rest of the task, no). Of two answers the first counts, the second is a `Conflict`. Raises `Forbidden` when
        this is not theirs to answer, `Invalid` for what is wrong with it."""
        raise NotImplementedError

    async def drop(self, id: str, found: int | str, by: Participant) -> Task:
        """Let something that it found count no more: by its place in `found`, or everything from a source."""
        raise NotImplementedError

    async def end_of_canvas(self, canvas: str) -> None:
        """The canvas is about to be deleted, or was: whatever works on its tasks here and elsewhere stops."""
        raise NotImplementedError
