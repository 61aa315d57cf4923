"""A process that carries tasks out, to be measured and killed: `python -m bench.tasks.worker URL HOME [REDIS]`.

With PARK=n in the environment it first begins n tasks that wait for a person. It prints `ready` when it is. With HOLD=1
it is `ready` before it opens its studio, and does so when it is given a line.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from bench.tasks.shop import Shop
from studiolo.store.tasks import Limits
from studiolo.tasks.task import Step


async def main() -> None:
    url, home, *redis = sys.argv[1:]
    at_once = int(os.environ.get("AT_ONCE", "8"))
    limits = Limits(10_000, 10_000, at_once)
    if os.environ.get("HOLD"):
        import dbos  # noqa: F401  # pyright: ignore[reportUnusedImport]

        print("ready", flush=True)
        sys.stdin.readline()
    shop = await Shop(url, Path(home), redis[0] if redis else "", limits).open()
    parks = range(int(os.environ.get("PARK", "0")))  # a person has 500 in line at most
    parked = [await shop.begin(Step("q", "bench_ask", "Asks"), by=f"person{n // 400}") for n in parks]
    for task in parked:
        await shop.wait(task.id, "waiting")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if not os.environ.get("HOLD"):
        print("ready", flush=True)
    await stop.wait()
    await shop.close()


def live(url: str, home: Path, told: Connection) -> None:
    """A life that only a kill ends: it carries tasks out, and says of each change of a task its id and its state."""

    async def carry_out() -> None:
        shop = Shop(url, home, limits=Limits(10_000, 10_000, 8))
        await shop.open(lambda task: told.send((task.id, task.state)))
        await asyncio.Event().wait()

    asyncio.run(carry_out())


if __name__ == "__main__":
    asyncio.run(main())
