"""What a step is told by people and by its kind, and how much it may still use."""

from __future__ import annotations

from typing import Any

from studiolo.agents.persona import Persona
from studiolo.canvas.errors import NotFound
from studiolo.tasks.job import Job
from studiolo.tasks.task import Step

PORTION = 12_000  # characters of a text that a model reads in one request, where it can hold as many
ANSWER = 1_600  # tokens that are left for instructions and an answer
CHARACTERS = 2.6  # of a token, at least
SPARED = 0.25  # of what a task may use, which is kept for putting together what it found


def instructions(job: Job, usual: str) -> str:
    """What the step is to do: its kind's words behind the program's. What people said is added by the job."""
    parts = [usual, str(job.step.given.get("instructions") or "")]
    return "\n\n".join(part for part in parts if part.strip())


def agent(job: Job, usual: str) -> Persona:
    """The agent of the step. Raises `NotFound`."""
    return job.agent(str(job.step.given.get("agent") or "") or usual)


def text_given(job: Job, name: str, usual: str = "") -> str:
    value = job.step.given.get(name)
    return usual if value is None else str(value).strip()


def text_given_of(step: Step, name: str) -> str:
    return str(step.given.get(name) or "").strip()


def number_given(job: Job, name: str, usual: int, most: int) -> int:
    """A number from 1 to `most` that the kind or a person gave."""
    value: Any = job.step.given.get(name)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    return max(1, min(int(value), most)) if isinstance(value, int | float) and not isinstance(value, bool) else usual


def there(job: Job, page: str) -> str:
    """The page, when it is in the canvas still. Raises `NotFound`."""
    if not is_there(job, page):
        raise NotFound("A page that this task is about is not there any more.", "Restore it, or begin another task.")
    return page


def is_there(job: Job, page: str) -> bool:
    return any(one["id"] == page and not one["removed"] for one in job.surface.canvas.outline())


def title_of(job: Job, page: str) -> str:
    return next((one["title"] for one in job.surface.canvas.outline() if one["id"] == page), page)


def able(job: Job, agent: str = "") -> bool:
    """Whether the model fills in forms well enough to be asked; the embedded one is not."""
    return job.model(agent).tools


def room(job: Job, agent: str = "", most: int = PORTION) -> int:
    """How many characters this model is given to read at once, at most."""
    return max(1_500, min(most, int((job.model(agent).context - ANSWER) * CHARACTERS)))


def left(job: Job) -> float:
    """How much of what the task may use is left, from 1 to 0."""
    budget, spent = job.task.budget, job.task.spent
    used = [0.0]
    if budget.tokens:
        used.append((spent.input + spent.output) / budget.tokens)
    if budget.seconds:
        used.append(spent.seconds / budget.seconds)
    if budget.money:
        used.append(spent.cost / budget.money)
    return max(0.0, 1.0 - max(used))


def running_short(job: Job) -> bool:
    """Whether the task should gather no more, so that enough is left to say what it has."""
    return left(job) < SPARED


def many(number: int, what: str) -> str:
    """A number of things in words: 1 comment, 2 comments."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def sentence(text: str) -> str:
    """A line as a sentence."""
    line = " ".join(text.split())
    return line if not line or line[-1] in ".!?…" else f"{line}."
