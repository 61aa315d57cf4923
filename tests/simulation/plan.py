"""Plans: what a simulation does, as a list of small steps that can be kept, replayed and made shorter.

A step is a JSON list, a name and numbers. The numbers mean something whatever came before ("the third tab of those
that are there"), so any part of a plan is a plan.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Step = list[Any]

# How often each step comes, beside the others. The numbers after the name are drawn: a float is a place in a text
# from 0 to 1, an int is below the number given.
STEPS: list[tuple[int, str, tuple[float | int, ...]]] = [
    (300, "type", (20, 1.0, 4, 6, 4)),
    (300, "carry", (20, 6, 8)),
    (40, "carry_all", ()),
    (40, "caret", (20, 1.0)),
    (28, "offline", (20, 4)),
    (14, "silent", (20,)),
    (40, "late", (20, 4)),
    (70, "online", (20,)),
    (12, "everybody", ()),
    (8, "open", (20,)),
    (5, "shut", (20,)),
    (12, "again", (20, 12)),
    (10, "stop_reading", (20,)),
    (14, "read", (20,)),
    (25, "hold", ()),
    (35, "work", (3,)),
    (45, "release", ()),
    (4, "fail", ()),
    (8, "crash", (2,)),
    (3, "restart", ()),
    (4, "unload", ()),
    (90, "look", ()),
    (30, "wait", (40,)),
    (25, "suggest", (20, 1.0, 6, 5)),
    (14, "stream", (20, 1.0, 4)),
    (25, "accept", (20, 20)),
    (8, "reject", (20, 20)),
    (5, "withdraw", (20, 20)),
    (12, "suggest_two", (20, 1.0, 5, 4, 1.0)),
    (14, "amend", (20, 20, 4, 4)),
    (5, "redo", (20, 4)),
    (8, "decide_all", (20, 16, 3)),
    (10, "merge", (20, 9, 3)),
    (20, "undo", (20, 20, 9)),
    (4, "policy", (4, 3)),
    (2, "audit", (20,)),
    (8, "move", (20, 1.0, 14, 1.0, 6)),
    (10, "follow", ()),
    (12, "swap", ()),
    (15, "edit", (20, 1.0, 5, 4)),
    (8, "comment", (20, 1.0, 4)),
    (5, "say", (20, 4)),
    (9, "page", (20, 5)),
    (7, "role", (20, 5)),
    (3, "rename", (20, 9)),
    (6, "cheat", (20, 1.0, 2)),
    (5, "forge", (20, 20, 2)),
    (3, "quiesce", ()),
]

# In every other plan most of what happens is reviewing.
REVIEWING = {
    "suggest", "suggest_two", "accept", "reject", "withdraw", "amend", "redo", "decide_all", "merge", "undo", "policy",
    "audit", "move", "swap", "stream",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    seed: int
    steps: list[Step]

    @classmethod
    def generate(cls, seed: int, length: int) -> Plan:
        random = Random(seed)
        more = 6 if seed % 2 else 1
        weights = [weight * (more if name in REVIEWING else 1) for weight, name, _ in STEPS]
        steps: list[Step] = []
        for _, name, numbers in random.choices(STEPS, weights, k=length):
            drawn = [round(random.random(), 3) if isinstance(n, float) else random.randrange(n) for n in numbers]
            steps.append([name, *drawn])
        return cls(seed, steps)

    @classmethod
    def load(cls, path: Path) -> Plan:
        kept = json.loads(path.read_text())
        return cls(kept["seed"], kept["steps"])

    def save(self, path: Path) -> None:
        lines = ",\n".join("  " + json.dumps(step) for step in self.steps)
        path.write_text(f'{{"seed": {self.seed}, "steps": [\n{lines}\n]}}\n')

    def __len__(self) -> int:
        return len(self.steps)


def shrink(plan: Plan, fails: Callable[[Plan], bool], tries: int = 2_000) -> Plan:
    """A part of `plan` that still fails and of which no step can be left out (Zeller's delta debugging).

    Stops after so many tries with what it has.
    """
    steps, chunk = plan.steps, max(1, len(plan) // 2)
    while tries > 0:
        shorter = False
        at = len(steps)
        while at > 0 and tries > 0:  # from the end: what comes after the failure goes first
            start = max(0, at - chunk)
            rest = steps[:start] + steps[at:]
            tries -= 1
            if fails(Plan(plan.seed, rest)):
                steps, shorter = rest, True
            at = start
        if chunk > 1:
            chunk = max(1, chunk // 2)
        elif not shorter:
            break
    return Plan(plan.seed, steps)
