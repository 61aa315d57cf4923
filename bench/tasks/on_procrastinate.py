"""The same on procrastinate: URL, how many jobs, how many workers; prints jobs a second. In a Python of its own."""
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false

from __future__ import annotations

import asyncio
import sys

import procrastinate

url, number, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))


@app.task(name="nothing")
async def nothing() -> None: ...


async def queue() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for _ in range(number):
            await nothing.defer_async()


async def work() -> None:
    async with app.open_async():
        await app.run_worker_async(wait=False, concurrency=16, install_signal_handlers=False, delete_jobs="never")


if __name__ == "__main__":
    if len(sys.argv) > 4:
        asyncio.run(work())
    else:
        import subprocess

        asyncio.run(queue())
        import psycopg

        children = [subprocess.Popen([sys.executable, *sys.argv, "work"]) for _ in range(workers)]
        for child in children:
            child.wait()
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT count(*), extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded')"
                " - min(at) FILTER (WHERE type = 'started')) FROM procrastinate_events"
                " WHERE type IN ('started', 'succeeded')"
            ).fetchone()
        assert row is not None
        print(number / float(row[1]))
