"""What a step of DBOS costs that does nothing, with nothing around it: prints milliseconds."""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from dbos import DBOS

from studiolo.tasks import legs


@DBOS.step()
async def nothing() -> None: ...


@DBOS.workflow()
async def many(number: int) -> None:
    for _ in range(number):
        await nothing()


async def main(number: int) -> None:
    with TemporaryDirectory(dir="/tmp") as folder:
        engine = legs.engine(Path(folder) / "studiolo.db", Path(folder))
        url = engine.url.render_as_string(hide_password=False)
        DBOS(
            config={
                "name": "bare",
                "system_database_url": url,
                "system_database_engine": engine,
                "log_level": "WARNING",
                "application_version": "1",
                "notification_listener_polling_interval_sec": 0.5,
            }
        )
        DBOS.launch()
        await (await DBOS.start_workflow_async(many, 5)).get_result()
        began = time.perf_counter()
        await (await DBOS.start_workflow_async(many, number)).get_result()
        print(f"{(time.perf_counter() - began) * 1_000 / number:.1f}")
        DBOS.destroy()
        engine.dispose()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
