"""What a task is: what somebody wants done, the plan, how far it came and what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

TaskState = Literal["queued", "running", "paused", "waiting", "done", "failed", "cancelled"]
StepState = Literal["coming", "running", "waiting", "done", "failed", "skipped"]

ENDED: frozenset[TaskState] = frozenset({"done", "failed", "cancelled"})
RESTING: frozenset[TaskState] = frozenset({"paused", "waiting"})
MOST_STEPS = 500
Part = TypeVar("Part", "Step", "Budget", "Spending")
Number = TypeVar("Number", int, float)


@dataclass(slots=True)
class Step:
    """One step of a plan. `do` names how it is done (`tasks.doing`), `given` are the values for that.

    `note` says in one line what came of it; what it came to is kept beside the task, under the step's id.
    """

    id: str
    do: str
    title: str
    given: dict[str, Any] = field(default_factory=dict)
    state: StepState = "coming"
    note: str = ""
    error: dict[str, Any] | None = None
    runs: list[str] = field(default_factory=list)
    done: int = 0  # of `of` parts
    of: int = 0
    tries: int = 0  # how often it was begun
    again: int = 0  # how often somebody wanted it tried again
    origin: str = ""  # the step that put it into the plan
    started: float | None = None
    finished: float | None = None
    by: str = ""  # the person who put it into the plan; "": the kind of task, or a step before it
    tokens: int = 0  # that it has used
    cost: float = 0.0  # US dollars

    def as_dict(self) -> dict[str, Any]:
        """As JSON. What is in it is not copied."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class Budget:
    """The most that a task may use; None: no limit. `seconds` are those of work, `money` is US dollars."""

    tokens: int | None = 2_000_000
    seconds: float | None = 6 * 3600.0
    money: float | None = 5.0

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Budget:
        return _read(cls, kept)

    def within(self, most: Budget) -> Budget:
        """The smaller of both, of each."""
        return Budget(
            _least(self.tokens, most.tokens), _least(self.seconds, most.seconds), _least(self.money, most.money)
        )


@dataclass(slots=True)
class Spending:
    """What a task has used so far."""

    requests: int = 0
    input: int = 0
    output: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    cost_known: bool = True


@dataclass(slots=True)
class Task:
    """One task. `leg` counts how often it was begun or gone on with: whoever carries out an older leg stops."""

    id: str
    canvas: str
    kind: str
    title: str
    by: dict[str, str]  # id, name and role of whoever wants it done; it never has more rights than that
    inputs: dict[str, Any]
    plan: list[Step]
    made: float
    model: str | None = None
    state: TaskState = "queued"
    priority: int = 0  # higher goes first
    budget: Budget = field(default_factory=Budget)
    spent: Spending = field(default_factory=Spending)
    schedule: str | None = None
    parent: str | None = None  # the task that began it
    leg: int = 0
    revision: int = 0  # how often it has changed: of two looks at it, the later one has the higher
    pausing: bool = False  # it rests at its next step, or when what it waits for is there
    node: str = ""
    started: float | None = None
    finished: float | None = None
    problem: dict[str, Any] | None = None
    said: list[dict[str, Any]] = field(default_factory=list)  # {by: {id, name}, text, at}, by people while it runs
    cards: list[dict[str, Any]] = field(default_factory=list)  # what it asks of people
    grants: list[str] = field(default_factory=list)  # what people have allowed for the rest of it
    results: list[dict[str, str]] = field(default_factory=list)  # {type, id} of what it made in the canvas
    found: list[dict[str, Any]] = field(default_factory=list)  # {text, source?, url?, dropped?}: what it found so far
    notes: list[str] = field(default_factory=list)
    outcome: str = ""  # one line, for the inbox

    def as_dict(self) -> dict[str, Any]:
        """As JSON. What is in it is not copied, but for the plan, the budget and what was spent."""
        made = {name: getattr(self, name) for name in self.__dataclass_fields__}
        made["plan"] = [step.as_dict() for step in self.plan]
        made["budget"], made["spent"] = asdict(self.budget), asdict(self.spent)
        return made

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Task:
        """A task as it was kept; what a newer program added is let go."""
        known = {name: kept[name] for name in cls.__dataclass_fields__ if name in kept}
        known["plan"] = [_read(Step, step) for step in kept.get("plan", ())]
        known["budget"] = Budget.read(kept.get("budget", {}))
        known["spent"] = _read(Spending, kept.get("spent", {}))
        return cls(**known)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def step(self, id: str) -> Step | None:
        return next((step for step in self.plan if step.id == id), None)

    @property
    def current(self) -> Step | None:
        """The step that is under way, or waits, or comes next; None when all are behind it."""
        return next((step for step in self.plan if step.state in ("running", "waiting", "coming")), None)

    @property
    def open_cards(self) -> list[dict[str, Any]]:
        return [card for card in self.cards if "answer" not in card]


def _read(part: type[Part], kept: dict[str, Any]) -> Part:
    return part(**{name: kept[name] for name in part.__dataclass_fields__ if name in kept})


def _least(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else min(one, other)
