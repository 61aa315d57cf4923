"""The result as Markdown: how often each model was right, with intervals, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bench.behaviours.case import BEHAVIOURS, Behaviour, Case
from bench.behaviours.controls import CONTROLS
from bench.behaviours.scoring import Came, Score
from bench.rooms import machine
from studiolo.agents.taste import wilson

TITLE = "# How models behave on a canvas"


@dataclass(frozen=True, slots=True)
class Asked:
    """One case that was put to one model."""

    model: str
    case: Case
    came: Came
    score: Score

    def line(self) -> str:
        verdict = "right" if self.score.right else f"wrong: {self.score.why}"
        return (
            f"{self.case.behaviour}/{self.case.id} ({self.case.about}), {self.came.skill}, "
            f"{self.came.seconds:.1f} s: {verdict}"
        )


def report(
    done: Sequence[Asked], models: Sequence[str], cases: Sequence[Case], quick: bool, load: str, seconds: float
) -> str:
    """Everything that was found so far."""
    behaviours: list[Behaviour] = [one for one in BEHAVIOURS if any(case.behaviour == one for case in cases)]
    text = [f"{TITLE}: " + ", ".join(models), "", *(f"- **{one}**: {BEHAVIOURS[one]}" for one in behaviours), ""]
    text += ["Right of asked; in brackets the 95 % interval (Wilson).", ""]
    text += _table(
        ["model", *behaviours], [[name, *(_right(done, name, one) for one in behaviours)] for name in models]
    )
    text += ["", "Measured besides, as means:", ""]
    text += _table(
        ["model", "figure", "behaviour", "mean", "of"],
        [
            [name, figure, one, f"{100 * sum(values) / len(values):.0f} %", str(len(values))]
            for name in models
            for one in behaviours
            for figure, values in _figures(done, name, one).items()
        ],
    )
    text += ["", *_costs(done, models)]
    for name in models:
        wrong = [one for one in done if one.model == name and not one.score.right]
        if wrong and name not in CONTROLS:
            text += ["", f"## What {name} got wrong", "", *(f"- {_told(one)}" for one in wrong)]
    left = len(models) * len(cases) - len(done)
    text += [
        "",
        f"{date.today().isoformat()}, {machine.description()}.",
        f"Load {load} when it began, {machine.load()} when it ended, {seconds:.0f} s."
        + (f" **{left} of {len(models) * len(cases)} were not asked.**" if left else "")
        + (" **A quick run: few cases, wide intervals.**" if quick else ""),
    ]
    return "\n".join(text) + "\n"


def _right(done: Sequence[Asked], model: str, behaviour: str) -> str:
    scores = [one.score for one in done if one.model == model and one.case.behaviour == behaviour]
    if not scores:
        return "not asked"
    right = sum(one.right for one in scores)
    low, high = wilson(right, len(scores))
    return f"{right} of {len(scores)} [{100 * low:.0f}–{100 * high:.0f} %]"


def _figures(done: Sequence[Asked], model: str, behaviour: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in done:
        if one.model == model and one.case.behaviour == behaviour:
            for name, value in one.score.figures.items():
                found.setdefault(name, []).append(value)
    return found


def _costs(done: Sequence[Asked], models: Sequence[str]) -> list[str]:
    text: list[str] = []
    for name in models:
        of_it = [one.came for one in done if one.model == name]
        if not of_it or name in CONTROLS:
            continue
        looped = sum(came.skill == "work" for came in of_it)
        failed = sum(came.state == "failed" for came in of_it)
        stopped = sum(came.state == "stopped" for came in of_it)
        asked = sum(came.questions for came in of_it)
        text.append(
            f"- {name}: {len(of_it)} cases, {looped} of them in the loop, the others by the skill that rules chose; "
            f"{failed} failed, {stopped} ran out of time, {asked} questions to a person; "
            f"{sum(came.seconds for came in of_it) / len(of_it):.1f} s and "
            f"{sum(came.tokens for came in of_it) // len(of_it):,} tokens a case."
        )
    return text


def _told(one: Asked) -> str:
    return f"{one.case.behaviour}, {one.case.id} ({one.case.about}), by {one.came.skill}: {one.score.why}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["(none)"]
    made = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(row) + " |" for row in made]
