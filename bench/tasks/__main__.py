"""What durable tasks cost and survive, point by point.

    .venv/bin/python -m bench.tasks [--quick] [--only POINT,...] [--kills N] [--procrastinate PYTHON] [--out FILE]

`--procrastinate`: the Python of an environment of its own with `procrastinate` and `psycopg[binary,pool]`.
PostgreSQL and Redis are started for this alone, where they are installed; without them their lines are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import multiprocessing
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.rooms import machine
from bench.tasks.shop import ANN, WOKEN, Shop, steps
from bench.tasks.worker import live
from studiolo.agents.asking_people import Reply
from studiolo.store import Store
from studiolo.store import tasks as kept
from studiolo.store.tasks import Limits
from studiolo.tasks.task import Step
from tests.servers import PostgreSQL, Redis, postgresql_programs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
POINTS = ("overhead", "wake", "cancel", "parked", "kills", "throughput")


@dataclass
class Plan:
    """What there is to measure on, and how much of it."""

    postgresql: PostgreSQL | None
    redis: Redis | None
    quick: bool
    procrastinate: str
    kills: int

    def databases(self, home: Path) -> Iterator[tuple[str, str]]:
        yield "SQLite", f"sqlite:///{home}/studiolo.db"
        if self.postgresql is not None:
            yield "PostgreSQL", self.postgresql.database()


@contextlib.contextmanager
def home() -> Iterator[Path]:
    with TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


async def with_shop(url: str, folder: Path, work: Callable[[Shop], Awaitable[Any]], **options: Any) -> Any:
    shop = await Shop(url, folder, **options).open()
    try:
        return await work(shop)
    finally:
        await shop.close()


def middle(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} ({ordered[int(len(ordered) * 0.95) - 1]:.1f})"


def overhead(plan: Plan) -> list[str]:
    """Milliseconds for a step: one that does nothing, one that says something in the canvas, and DBOS alone."""
    number, rounds = (50, 2) if plan.quick else (200, 5)

    async def measure(shop: Shop) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"bench_nothing": [], "bench_say": [], "task": []}
        await shop.wait((await shop.begin(*steps("bench_nothing", 5))).id)
        for _ in range(rounds):
            for do in ("bench_nothing", "bench_say"):
                began = time.perf_counter()
                await shop.wait((await shop.begin(*steps(do, number))).id)
                found[do].append((time.perf_counter() - began) * 1_000 / number)
            began = time.perf_counter()
            for _ in range(20):
                await shop.wait((await shop.begin(Step("a", "bench_nothing", "A"))).id)
            found["task"].append((time.perf_counter() - began) * 1_000 / 20)
        return found

    lines = [
        "| | a step that does nothing | a step with an effect on the canvas | a task of one step, begun to done |",
        "|---|---|---|---|",
    ]
    with home() as folder:
        for name, url in plan.databases(folder):
            found = asyncio.run(with_shop(url, folder, measure))
            cells = [f"{statistics.median(found[one]):.1f} ms" for one in ("bench_nothing", "bench_say", "task")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    bare = subprocess.run(
        [sys.executable, "-m", "bench.tasks.bare_dbos", str(number)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [*lines, "", f"A step of DBOS alone, on SQLite with WAL, that does nothing: {bare.stdout.strip()} ms."]


def wake(plan: Plan) -> list[str]:
    """From a person's answer to the first line of the step after it."""
    number = 10 if plan.quick else 100

    async def measure(shop: Shop) -> list[float]:
        took: list[float] = []
        for _ in range(number):
            task = await shop.begin(Step("q", "bench_ask", "Asks"), Step("w", "bench_woken", "Goes on"))
            waiting = await shop.wait(task.id, "waiting")
            began = time.perf_counter()
            await shop.tasks.answer(task.id, waiting.open_cards[0]["id"], Reply("yes"), ANN)
            await shop.wait(task.id)
            took.append((WOKEN[task.id] - began) * 1_000)
        return took

    lines = [f"{number} approvals each.", "", "| | median (95 of 100), ms |", "|---|---|"]
    with home() as folder:
        for name, url in plan.databases(folder):
            lines.append(f"| {name} | {middle(asyncio.run(with_shop(url, folder, measure)))} |")
    return lines


def cancel(plan: Plan) -> list[str]:
    """From the call that cancels to its return, with what ran ended."""
    number = 10 if plan.quick else 50

    async def measure(shop: Shop) -> list[float]:
        took: list[float] = []
        for _ in range(number):
            task = await shop.begin(Step("a", "bench_forever", "Never ends"))
            await shop.wait(task.id, "running", lambda now: now.plan[0].started)
            began = time.perf_counter()
            await shop.tasks.cancel(task.id)
            took.append((time.perf_counter() - began) * 1_000)
        return took

    lines = ["| | median (95 of 100), ms |", "|---|---|"]
    with home() as folder:
        for name, url in plan.databases(folder):
            lines.append(f"| {name} | {middle(asyncio.run(with_shop(url, folder, measure)))} |")
    return lines


@contextlib.contextmanager
def worker(url: str, folder: Path, *more: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    import os

    process = subprocess.Popen(
        [sys.executable, "-m", "bench.tasks.worker", url, str(folder), *more],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout and process.stdin
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the worker did not start")
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout and process.stdin
        process.stdout.close()
        process.stdin.close()


def parked(plan: Plan) -> list[str]:
    """What tasks cost that wait for a person: CPU and memory of a process that has them, and of one that has none."""
    number, seconds = (100, 5) if plan.quick else (1_000, 30)
    lines = ["| | waiting tasks | CPU of a core | memory |", "|---|---|---|---|"]
    for name in ("SQLite", "PostgreSQL") if plan.postgresql else ("SQLite",):
        with home() as folder:
            url = dict(plan.databases(folder))[name]
            for parks in ("0", str(number)):
                with worker(url, folder, PARK=parks) as process:
                    time.sleep(3)  # what is left to do after the start
                    before = machine.cpu_seconds(process.pid)
                    time.sleep(seconds)
                    share = (machine.cpu_seconds(process.pid) - before) / seconds
                    memory = machine.resident_megabytes(process.pid)
                    lines.append(f"| {name} | {parks} | {share:.2%} | {memory:.0f} MB |")
            with worker(url, folder) as process:  # the next life, which finds them
                time.sleep(3)
                before = machine.cpu_seconds(process.pid)
                time.sleep(seconds)
                share = (machine.cpu_seconds(process.pid) - before) / seconds
                memory = machine.resident_megabytes(process.pid)
                lines.append(f"| {name} | {number}, after a restart | {share:.2%} | {memory:.0f} MB |")
    return lines


def kills(plan: Plan) -> list[str]:
    """Processes killed (-9) at random moments in the middle of tasks whose every step says something once."""
    lines = [
        "| | kills | steps | effects | twice | lost | steps begun more than once |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("SQLite", "PostgreSQL") if plan.postgresql else ("SQLite",):
        with home() as folder:
            url = dict(plan.databases(folder))[name]
            lines.append(f"| {name} | {' | '.join(map(str, _killed(url, folder, plan.kills, 150)))} |")
    return lines


def _killed(url: str, folder: Path, most: int, each: int) -> tuple[int, ...]:
    chance = random.Random(6)
    asyncio.run(with_shop(url, folder, _nothing, limits=Limits(node=0)))
    done, wanted, plans = 0, 0, 0
    while done < most:
        steps_of = [[Step(f"t{plans}-{n}-{m}", "bench_say", "Says") for m in range(each)] for n in range(2)]
        asyncio.run(with_shop(url, folder, partial(_begin, plans=steps_of), limits=Limits(node=0)))
        plans, wanted = plans + 1, wanted + 2 * each
        while done < most and (left := asyncio.run(with_shop(url, folder, _under_way, limits=Limits(node=0)))):
            _live_and_die(url, folder, left, chance.randint(1, 2 * each // 20), chance.random() * 0.05)
            done += 1
            print(f"{done} killed", file=sys.stderr, flush=True)

    async def finish(shop: Shop) -> tuple[Counter[str], int]:
        for task in await shop.tasks.listed(limit=10_000):
            await shop.wait(task.id)
        room = await shop.rooms.get(shop.canvas)
        again = sum(step.tries - 1 for task in await shop.tasks.listed(limit=10_000) for step in task.plan)
        return Counter(one["text"] for one in room.canvas.view()["chat"]), again

    said, begun_again = asyncio.run(with_shop(url, folder, finish))
    twice = sum(count - 1 for count in said.values())
    return done, wanted, len(said), twice, wanted - len(said), begun_again


def _live_and_die(url: str, folder: Path, left: set[str], changes: int, more: float) -> None:
    """A process, killed (-9) so many changes of tasks, and so many seconds more, after it began."""
    here, there = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=live, args=(url, folder, there), daemon=True)
    process.start()
    there.close()
    try:
        for _ in range(changes):
            task, state = here.recv()
            if state == "done":
                left.discard(task)
            if not left:
                break
        time.sleep(more)
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()


# A process of its own for each life, by a fork of one that has imported everything already.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["bench.tasks.worker", "dbos", "aiosqlite", "asyncpg", "psycopg"])


async def _begin(shop: Shop, plans: list[list[Step]]) -> list[str]:
    return [(await shop.begin(*plan)).id for plan in plans]


async def _under_way(shop: Shop) -> set[str]:
    return {task.id for task in await shop.tasks.listed(("queued", "running"), limit=10)}


async def _nothing(_shop: Shop) -> None: ...


def throughput(plan: Plan) -> list[str]:
    """Tasks of one step in a second, all begun before the first is carried out; procrastinate's jobs do as little. From
    when the last node, or worker, has begun its first to the end of the last: in turn, three times, the middle one."""
    number, rounds = (1000, 1) if plan.quick else (2_000, 3)
    lines = ["| | tasks a second |", "|---|---|"]
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, measure in _THROUGHPUT.items():
            with home() as folder:
                rate = measure(plan, folder, number)
            if rate is not None:
                found.setdefault(name, []).append(rate)
    return [*lines, *(f"| {name} | {statistics.median(rates):.0f} |" for name, rates in found.items())]


def _alone(_plan: Plan, folder: Path, number: int) -> float:
    url = f"sqlite:///{folder}/studiolo.db"
    asyncio.run(_queue(url, folder, number))
    return asyncio.run(with_shop(url, folder, lambda shop: _rate(shop.store), limits=Limits(10_000, 10_000, 16)))


def _on_nodes(nodes: int, plan: Plan, folder: Path, number: int) -> float | None:
    if plan.postgresql is None or plan.redis is None:
        return None
    url = plan.postgresql.database()
    asyncio.run(_queue(url, folder, number))
    with contextlib.ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        for n in range(nodes):
            (folder / str(n)).mkdir()
            opened = worker(url, folder / str(n), plan.redis.url, AT_ONCE="16", HOLD="1")
            processes.append(stack.enter_context(opened))
        for process in processes:
            print(file=process.stdin, flush=True)
        return asyncio.run(_rate_at(url))


def _on_procrastinate(workers: int, plan: Plan, _folder: Path, number: int) -> float | None:
    if plan.postgresql is None or not plan.procrastinate:
        return None
    program = [plan.procrastinate, str(HERE / "on_procrastinate.py"), plan.postgresql.database()]
    found = subprocess.run([*program, str(number), str(workers)], capture_output=True, text=True, check=True)
    return float(found.stdout)


_THROUGHPUT: dict[str, Callable[[Plan, Path, int], float | None]] = {
    "one node, SQLite": _alone,
    "one node, PostgreSQL and Redis": partial(_on_nodes, 1),
    "two nodes, PostgreSQL and Redis": partial(_on_nodes, 2),
    "procrastinate 3, one worker, PostgreSQL": partial(_on_procrastinate, 1),
    "procrastinate 3, two workers, PostgreSQL": partial(_on_procrastinate, 2),
}


async def _queue(url: str, folder: Path, number: int) -> None:
    shop = await Shop(url, folder, limits=Limits(8, 8, 8)).open()
    first = await shop.begin(Step("a", "bench_nothing", "A"))  # DBOS makes its tables now
    await shop.wait(first.id)
    await shop.close()
    shop = await Shop(url, folder, limits=Limits(node=0)).open()
    for n in range(number):
        await shop.begin(Step("a", "bench_nothing", "A"), by=f"person{n // 400}")  # a person has 500 in line at most
    await shop.close()


async def _rate_at(url: str) -> float:
    store = await Store.open(url)
    try:
        return await _rate(store)
    finally:
        await store.close()


async def _rate(store: Store) -> float:
    """Tasks a second, from when the last node has begun its first."""
    while await kept.listed(store, ("queued", "running"), limit=1):  # noqa: ASYNC110 - nobody tells of them here
        await asyncio.sleep(0.5)
    tasks = [task for task in await kept.listed(store, limit=100_000) if task["by"]["id"] != ANN.id]
    began: dict[str, float] = {}
    for task in tasks:
        began[task["node"]] = min(began.get(task["node"], math.inf), task["started"])
    from_here = max(began.values())
    ends = [task["finished"] for task in tasks]
    return sum(end > from_here for end in ends) / (max(ends) - from_here)


MEASURED: dict[str, Callable[[Plan], list[str]]] = {
    "overhead": overhead,
    "wake": wake,
    "cancel": cancel,
    "parked": parked,
    "kills": kills,
    "throughput": throughput,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.tasks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a little of each: to look, not to quote")
    parser.add_argument("--only", default=",".join(POINTS), help=f"some of {', '.join(POINTS)}")
    parser.add_argument("--procrastinate", default="", help="a Python that has it")
    parser.add_argument("--kills", type=int, default=0, help="how many processes are killed on each database")
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    asked = parser.parse_args()
    began, load_before = time.monotonic(), machine.load()
    text = ["# What durable tasks cost, and what they survive", ""]
    with contextlib.ExitStack() as stack:
        postgresql = redis = None
        if programs := postgresql_programs():
            postgresql = PostgreSQL(programs, Path(stack.enter_context(TemporaryDirectory(dir="/tmp"))))
            stack.callback(postgresql.stop)
        if (program := shutil.which("redis-server")) is not None:
            redis = Redis(program, Path(stack.enter_context(TemporaryDirectory(dir="/tmp"))))
            stack.callback(redis.stop)
        kills = asked.kills or (6 if asked.quick else 200)
        plan = Plan(postgresql, redis, asked.quick, asked.procrastinate, kills)
        for point in asked.only.split(","):
            part = [f"## {point}", "", MEASURED[point].__doc__ or "", "", *MEASURED[point](plan), ""]
            print("\n".join(part), flush=True)
            text += part
    text.append(
        f"{date.today().isoformat()}, {machine.description()}. Load {load_before} when it began, {machine.load()} when "
        f"it ended, {time.monotonic() - began:.0f} s." + (" **A quick run: not to be quoted.**" if asked.quick else "")
    )
    print(text[-1])
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text("\n".join(text) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
