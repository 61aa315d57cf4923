"""What a run does, step by step, for people to watch while it does it and to read afterwards.

A step is what an agent read, looked for, changed or asked: never what it thought. Every change of one is an event of
the run at once; the store gets them in portions, so that a step costs the run no waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

StepKind = Literal["model", "tool", "note", "steer", "question", "approval"]
StepState = Literal["running", "done", "failed", "refused", "waiting", "stopped"]

LONGEST_TITLE = 300
LONGEST_RESULT = 2_000
LONGEST_DETAIL = 4_000  # characters of one value


@dataclass(slots=True)
class Step:
    """One thing that a run did. `title` is a sentence for people; `result` says shortly what came of it."""

    n: int
    kind: StepKind
    title: str
    at: float
    tool: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    page: str | None = None
    state: StepState = "running"
    seconds: float = 0.0
    result: str = ""
    tokens: dict[str, int] | None = None
    cost: float | None = None
    begun: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The step as JSON; what it does not have is left out."""
        made: dict[str, Any] = {
            "n": self.n,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "at": self.at,
            "seconds": round(self.seconds, 3),
            "detail": dict(self.detail),
        }
        made |= {name: value for name in ("tool", "page", "result", "tokens") if (value := getattr(self, name))}
        return made | ({"cost": self.cost} if self.cost is not None else {})

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Step:
        """A step as it was kept."""
        return cls(
            n=kept["n"],
            kind=kept["kind"],
            title=kept["title"],
            at=kept["at"],
            tool=kept.get("tool", ""),
            detail=dict(kept.get("detail", {})),
            page=kept.get("page"),
            state=kept["state"],
            seconds=kept.get("seconds", 0.0),
            result=kept.get("result", ""),
            tokens=kept.get("tokens"),
            cost=kept.get("cost"),
        )


class Steps:
    """The steps of one run. `n` counts on where an earlier part of the run ended."""

    def __init__(
        self,
        emit: Callable[[dict[str, Any]], None] = lambda event: None,
        clock: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
        begun: int = 0,
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._changed = changed
        self._unsaved: dict[int, Step] = {}
        self.count = begun
        self.running: dict[int, Step] = {}

    def begin(
        self,
        kind: StepKind,
        title: str,
        tool: str = "",
        detail: Mapping[str, Any] | None = None,
        page: str | None = None,
    ) -> Step:
        """Say what is about to be done, in a sentence a person understands: "Reads “Chapter 2”"."""
        self.count += 1
        shown = {name: _cut(value) for name, value in (detail or {}).items()}
        step = Step(self.count, kind, title[:LONGEST_TITLE], self._clock(), tool, shown, page)
        step.begun = time.monotonic()
        self.running[step.n] = step
        self._tell(step)
        return step

    def end(
        self,
        step: Step,
        state: StepState = "done",
        result: str = "",
        *,
        title: str = "",
        detail: Mapping[str, Any] | None = None,
        tokens: dict[str, int] | None = None,
        cost: float | None = None,
    ) -> Step:
        """Say how it went. `result` is short and for people; `title` and `detail` replace or add to what was said."""
        step.state = state
        step.result = result[:LONGEST_RESULT] or step.result
        step.seconds = time.monotonic() - step.begun if step.begun else step.seconds
        step.title = title[:LONGEST_TITLE] or step.title
        step.detail |= {name: _cut(value) for name, value in (detail or {}).items()}
        step.tokens = tokens or step.tokens
        step.cost = cost if cost is not None else step.cost
        if state != "waiting":
            self.running.pop(step.n, None)
        self._tell(step)
        return step

    def once(
        self,
        kind: StepKind,
        title: str,
        state: StepState = "done",
        result: str = "",
        tool: str = "",
        detail: Mapping[str, Any] | None = None,
        page: str | None = None,
    ) -> Step:
        """A step that is over as soon as it is told."""
        return self.end(self.begin(kind, title, tool, detail, page), state, result)

    def stop(self, state: StepState = "stopped") -> None:
        """End what is still running: the run is over, or rests."""
        for step in list(self.running.values()):
            if step.state != "waiting":
                self.end(step, state)

    def unsaved(self) -> Sequence[dict[str, Any]]:
        """The steps that are new or have changed since this was called last, as JSON."""
        taken, self._unsaved = self._unsaved, {}
        return [taken[n].as_dict() for n in sorted(taken)]

    def _tell(self, step: Step) -> None:
        self._unsaved[step.n] = step
        self._emit({"type": "step", "step": step.as_dict()})
        self._changed()


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_DETAIL:
        return value[: LONGEST_DETAIL - 1] + "…"
    return value
