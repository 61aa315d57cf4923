"""Thousands of random steps of people, lines, disks and crashes: nothing is lost, doubled, or seen by the wrong people.

The same seed does the same always. A failure names a file with the shortest plan that still fails.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from .conftest import Run, failure_of, report
from .plan import STEPS, Plan, Step, shrink
from .world import Failure

LENGTH = 400  # steps of one plan: long enough to meet itself, short enough to be understood
COUNT = int(os.environ.get("STUDIOLO_TEST_STEPS") or 10_000) // LENGTH
FIRST = int(os.environ.get("STUDIOLO_TEST_SEED") or 1)
GIVEN = os.environ.get("STUDIOLO_TEST_PLAN")

EVERYTHING = [
    "accept", "cheat closed", "closed with 1013", "closed with 4401", "comment", "crash", "crash in a commit",
    "edit", "failing disk", "forged", "late frames", "offline", "quiesce", "reject", "restart", "role", "say",
    "sent again", "silent", "stream", "suggest", "typed", "typed offline", "unload", "withdraw",
    "accept_all", "accepted by a policy", "amend", "merge", "moved", "other node", "pasted, and found moved",
    "policy", "redo", "reject_all", "undo",
]  # fmt: skip


def test_nothing_is_lost_or_doubled_whatever_happens(run: Run) -> None:
    if GIVEN:
        run(Plan.load(Path(GIVEN)))
        return
    seen: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + COUNT):
        plan = Plan.generate(seed, LENGTH)
        try:
            seen += run(plan)
        except Failure as failure:
            pytest.fail(report(run, plan, failure), pytrace=False)
    assert COUNT < 10 or not [what for what in EVERYTHING if not seen[what]], seen


FOUND: dict[str, list[Step]] = {
    "what came after a frame with a hole was acknowledged in its place": [
        ["carry_all"], ["offline", 1, 0], ["type", 1, 0.5, 0, 3, 0], ["online", 0], ["type", 1, 0.9, 0, 2, 0],
        ["type", 1, 0.1, 2, 0, 0], ["carry", 1, 9, 0], ["wait", 1], ["carry", 1, 0, 9], ["look"], ["crash", 0],
    ],
    "a late frame of an old line took its owner's new line away": [
        ["open", 13], ["silent", 5], ["everybody"], ["carry_all"], ["offline", 9, 3], ["late", 9, 3], ["carry_all"],
    ],
    "a late echo on an old line took the client id of somebody who had left": [
        ["offline", 8, 1], ["offline", 5, 3], ["offline", 1, 0], ["offline", 9, 1], ["online", 8], ["carry", 2, 3, 1],
        ["carry", 10, 1, 6], ["silent", 1], ["online", 11], ["carry", 15, 1, 6], ["silent", 0], ["shut", 13],
        ["everybody"], ["role", 1, 0], ["type", 18, 0.976, 2, 3, 2], ["carry", 14, 3, 0], ["carry", 19, 2, 5],
        ["offline", 2, 2], ["late", 7, 3], ["offline", 0, 1], ["online", 9], ["carry", 13, 3, 5], ["carry", 9, 2, 6],
    ],
    "an action that changed nothing was answered only when somebody typed": [
        ["type", 2, 0.754, 1, 2, 3], ["quiesce"], ["move", 5, 0.973, 6, 0.616, 2],
    ],
}  # fmt: skip


SEEDS = {"a late echo on an old line took the client id of somebody who had left": 23}


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_once_stays_mended(run: Run, what: str) -> None:
    run(Plan(SEEDS.get(what, 72), FOUND[what]))


def test_the_same_seed_does_the_same(run: Run) -> None:
    plan = Plan.generate(3, 200)
    assert Plan.generate(3, 200) == plan
    assert run(plan) == run(plan)
    assert {step[0] for step in Plan.generate(3, 5_000).steps} == {name for _, name, _ in STEPS}


def test_a_plan_can_be_kept_and_read_again(tmp_path: Path) -> None:
    plan = Plan.generate(8, 50)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan


def test_a_plan_is_made_as_short_as_can_be() -> None:
    plan = Plan(1, [["wait", number] for number in range(300)])
    asked: list[int] = []

    def fails(part: Plan) -> bool:
        asked.append(len(part))
        return {17, 18, 250} <= {step[1] for step in part.steps}

    assert shrink(plan, fails).steps == [["wait", 17], ["wait", 18], ["wait", 250]]
    assert len(asked) < 150


def found_by(run: Run, most: int = 40) -> tuple[Plan, Failure]:
    """The first plan that fails."""
    for seed in range(1, most):
        plan = Plan.generate(seed, 120)
        if failure := failure_of(run, plan):
            return plan, failure
    raise AssertionError("the simulation has found nothing")
