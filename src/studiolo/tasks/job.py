"""What a step of a task may reach, and how steps are named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from studiolo.agents.kit import Kit
from studiolo.agents.persona import Persona
from studiolo.agents.surface import Surface
from studiolo.agents.work import Ask
from studiolo.canvas import Outcome, Participant
from studiolo.models import ModelInfo
from studiolo.tasks.task import Step, Task

Answered = TypeVar("Answered", bound=BaseModel)
Result = dict[str, Any]
"""What a step came to, as JSON. `note` (one line for people about the step) and `outcome` (one line about the whole
task, of which the last one stands) are taken out of it."""


class Job(Protocol):
    """One step under way. Whatever it awaits here may be its last: the step is then done anew, from its beginning,
    with everything that `once`, `act` and `run` have finished given back as it was."""

    @property
    def task(self) -> Task:
        """The task as it is now. Read it, never write it."""
        ...

    @property
    def step(self) -> Step: ...

    @property
    def surface(self) -> Surface:
        """The canvas."""
        ...

    @property
    def by(self) -> Participant:
        """Whoever wants the task done, as they are in the canvas now."""
        ...

    @property
    def kit(self) -> Kit: ...

    def agent(self, id: str) -> Persona:
        """An agent, with no more rights than whoever wants the task done."""
        ...

    def model(self, agent: str = "") -> ModelInfo:
        """What is known of the model that `answer` and `run` with this agent ask: whether it can call tools."""
        ...

    async def result(self, step: str) -> Result | None:
        """What an earlier step came to."""
        ...

    async def earlier(self, step: str) -> Result | None:
        """What the step of this id came to the last time: in the task before this one of the same schedule, or of the
        same kind with the same inputs in this canvas, that is done. None the first time."""
        ...

    async def once(self, key: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """A part of the step that is kept when it is done: a request to a model, a page that was read. `key` is
        unique within the step."""
        ...

    async def act(self, key: str, action: dict[str, Any], by: Participant) -> Outcome:
        """Do an action, once: what it did is given back when the step is done anew. Raises what `Surface.apply`
        raises."""
        ...

    async def run(self, key: str, ask: Ask) -> dict[str, Any]:
        """Let an agent work, to its end; the run as JSON. Its cost is the task's. What it asks of people makes the
        task wait. Raises when it failed; what an interrupted one had half proposed is taken back first."""
        ...

    async def answer(
        self, key: str, kind: type[Answered], instructions: str, material: str, *, agent: str = "", words: int = 600
    ) -> Answered:
        """One request to a model with a typed answer, kept as `once` keeps. `material` is data: it is put between
        marks, and nothing in it is an instruction."""
        ...

    async def permit(self, tool: str, title: str, arguments: Mapping[str, Any], host: str = "") -> None:
        """Find out whether the task may do this in the world, as the studio's policy, the agent and people say; it
        waits for a person where they must be asked. Raises `Forbidden`."""
        ...

    async def question(self, key: str, question: str, choices: Sequence[str] = (), **detail: Any) -> dict[str, Any]:
        """Ask people something. The task rests until somebody has answered: {answer, by: {id, name}}."""
        ...

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
        """Begin another task, once. With `wait` this one rests until that one has ended, and is given it as it ended;
        what it cost is then this one's cost, too."""
        ...

    async def plan(self, steps: Sequence[Step]) -> None:
        """Put these steps into the plan, right after this one; those of an earlier try of this step are replaced."""
        ...

    def ahead(self, step: str) -> Job:
        """The job of a step that is still to come, for parts of it that it will then find done: only `once`, `answer`
        and `permit` are of use there. What ends that one (`halting`) does not end this one."""
        ...

    async def progress(self, done: int, of: int, note: str = "") -> None: ...

    async def found(self, text: str, **about: Any) -> None:
        """Tell people at once something that it found: `source`, `url`."""
        ...

    async def note(self, sentence: str) -> None:
        """Something that people should know about the task's result."""
        ...


Doing = Callable[[Job], Awaitable[Result]]
DOING: dict[str, Doing] = {}
"""How steps are done, by the name that plans use."""
REACHES: dict[str, tuple[str, ...]] = {}
"""What a way of doing a step reaches beside what it suggests: `web`, `files`, `code`, `agents` (who use what tools they
have), `pages` (it adds some), `talk` (it speaks in the conversation), `tasks` (it begins others)."""


def doing(name: str, *reaches: str) -> Callable[[Doing], Doing]:
    """Register a way of doing a step."""

    def register(work: Doing) -> Doing:
        DOING[name] = work
        REACHES[name] = reaches
        return work

    return register
