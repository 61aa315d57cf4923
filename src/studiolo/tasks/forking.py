"""Forking: which steps of a task stand in a new one that begins where they end, and which are done anew.

What came before the step is taken over, but for what depended on something that is filled in otherwise now: from the
first step that the kind lays out differently for it, all is done anew.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from studiolo.tasks.task import Step, Task

BEHIND = ("done", "skipped")


def forked(old: Task, step: str, before: Sequence[Step] = (), after: Sequence[Step] = ()) -> tuple[list[Step], int]:
    """The plan of a task that goes on before `step`, and how many of its steps are taken over. `before` and `after`
    are how the kind lays the plan out for what was filled in, and for what is filled in now; both empty where that is
    the same, or nobody knows the kind any more."""
    was, now = {one.id: one for one in before}, {one.id: one for one in after}
    there = {one.id for one in old.plan}
    at = next(place for place, one in enumerate(old.plan) if one.id == step)
    for place, one in enumerate(old.plan[:at]):
        laid, lays = was.get(one.id), now.get(one.id)
        if laid is not None and (lays is None or _said(laid) != _said(lays)):
            at = place
            break
    added = [one.id for one in after if one.id not in there and one.id not in was]
    for id in added:
        at = min(at, _after(old.plan, _before(after, id)))

    anew = {one.id for one in old.plan[at:]}
    plan = [copy.deepcopy(one) if one.state in BEHIND else _fresh(one) for one in old.plan[:at]]
    for one in old.plan[at:]:
        if one.origin in anew:
            continue  # put there by a step that is done anew, and lays its own out
        laid, lays = was.get(one.id), now.get(one.id)
        if laid is not None and lays is None and after:
            continue  # the kind leaves it out now
        other = laid is not None and lays is not None and _said(laid) != _said(lays)
        plan.append(_fresh(lays if other and lays is not None else one, one))
    for id in added:
        plan.insert(max(at, _after(plan, _before(after, id))), _fresh(now[id]))
    return plan, at


def _said(step: Step) -> tuple[str, str, dict[str, Any]]:
    return step.do, step.title, step.given


def _fresh(step: Step, old: Step | None = None) -> Step:
    """The step as if nothing had been done of it."""
    at = old or step
    return Step(at.id, step.do, step.title, copy.deepcopy(step.given), by=at.by, origin=at.origin)


def _before(steps: Sequence[Step], id: str) -> str:
    """The step that stands before one; "" for the first."""
    at = next(place for place, one in enumerate(steps) if one.id == id)
    return steps[at - 1].id if at else ""


def _after(plan: Sequence[Step], id: str) -> int:
    """The place behind a step and what it has put into the plan."""
    place = next((at for at, one in enumerate(plan) if one.id == id), None)
    if place is None:
        return 0
    return 1 + max(at for at, one in enumerate(plan) if one.id == id or one.origin == id)
