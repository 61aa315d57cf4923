"""Running plans, and what happens when one fails: it is kept, made shorter, and the test says how to run it again.

`STUDIOLO_TEST_STEPS` (10,000 unless it is set) and `STUDIOLO_TEST_SEED` choose what is run, `STUDIOLO_TEST_PLAN` is a
file with a plan to run in its place. (A folder of tests cannot have options of its own.)
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from studiolo.store import Store

from .plan import Plan, shrink
from .world import Failure, World

Run = Callable[[Plan], Counter[str]]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty studio's database: a copy of it is quicker than making another."""
    path = tmp_path_factory.mktemp("template") / "studiolo.db"

    async def make() -> None:
        await (await Store.open(path)).close()

    asyncio.run(make())
    return path


@pytest.fixture
def run(tmp_path: Path, template: Path) -> Run:
    """Runs a plan on a studio of its own."""

    def run(plan: Plan) -> Counter[str]:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            return World(plan, Path(folder), template).run()

    return run


def failure_of(run: Run, plan: Plan) -> Failure | None:
    try:
        run(plan)
    except Failure as failure:
        return failure
    return None


def shortest(run: Run, plan: Plan, failure: Failure) -> Plan:
    """A short part of the plan that fails in the same way."""

    def fails(part: Plan) -> bool:
        found = failure_of(run, part)
        return found is not None and found.kind == failure.kind

    return shrink(plan, fails)


def report(run: Run, plan: Plan, failure: Failure) -> str:
    """Keep a plan that fails; what to tell of it."""
    folder = Path(os.environ.get("STUDIOLO_TEST_PLANS") or tempfile.mkdtemp(prefix="studiolo-plans-"))
    folder.mkdir(parents=True, exist_ok=True)
    whole, short = folder / f"seed-{plan.seed}.json", folder / f"seed-{plan.seed}-short.json"
    plan.save(whole)
    shorter = shortest(run, plan, failure)
    shorter.save(short)
    return (
        f"{failure}\nSeed {plan.seed}: {len(plan)} steps in {whole}, {len(shorter)} of them are enough: {short}\n"
        f"Run it again: STUDIOLO_TEST_PLAN={short} python -m pytest tests/simulation/test_simulation.py\n"
        + short.read_text()
    )
