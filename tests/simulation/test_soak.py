"""Half an hour of everything at once: memory, files and threads stay where they are, and all texts are one.

Runs with `--slow`; `STUDIOLO_TEST_MINUTES` says for how long (30).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import psutil
import pytest

from tests.conftest import ServedStudio, StartStudio
from tests.web.yclient import YClient, buffer

MINUTES = float(os.environ.get("STUDIOLO_TEST_MINUTES") or 30)
CANVASES = 12
PEOPLE = 16
SLACK = 24  # megabytes


class Soak:
    def __init__(self, studio: ServedStudio) -> None:
        self.studio = studio
        self.random = Random(1)
        self.end = time.monotonic() + 60 * MINUTES
        self.process = psutil.Process(studio.process.pid)
        self.memory: list[float] = []
        self.files: list[int] = []
        self.threads: list[int] = []
        self.typed = self.acted = self.visits = 0

    def going(self) -> bool:
        return time.monotonic() < self.end

    async def prepare(self) -> None:
        self.canvases = [await asyncio.to_thread(self.studio.canvas, "The cat sat. 🌍 " * 50) for _ in range(CANVASES)]
        self.editor = await asyncio.to_thread(self.studio.make_token, "editor")
        self.agent = await asyncio.to_thread(self.studio.make_token, "commenter")

    async def person(self, number: int) -> None:
        """Comes to one canvas after the other, types there for a while, and goes."""
        random = Random(number)
        while self.going():
            made = random.choice(self.canvases)
            page = made["pages"][0]["id"]
            async with YClient(self.studio.sync_url(made["id"], self.editor, ack="1")) as client:
                await client.ready()
                self.visits += 1
                for _ in range(random.randrange(5, 60)):
                    if not self.going():
                        break
                    text = client.text(page)
                    if len(text) > 1_500:  # what is written is cut again, so that the texts stay as long as they are
                        del client.page(page)[0 : len(text[:700].encode())]
                    at = len(text[: random.randrange(min(700, len(text)) + 1)].encode()) if len(text) <= 1_500 else 0
                    client.insert(page, at, random.choice(["a", "é", "🌊", "word ", "漢字"]))
                    client.say_where({"cursor": at}, clock=self.typed + 2)
                    self.typed += 1
                    await asyncio.sleep(random.uniform(0.05, 0.3))
                if client.closed is None:
                    last = client.acked
                    client.insert(page, 0, "!")
                    await client.until(lambda: client.acked > last or client.closed, 60)  # noqa: B023
                assert client.closed is None, client.closed

    async def slow_reader(self) -> None:
        """Asks for the document and does not read what comes."""
        while self.going():
            made = self.random.choice(self.canvases)
            client = YClient(self.studio.sync_url(made["id"], self.agent))
            await client.__aenter__()
            client.socket.transport.pause_reading()
            for _ in range(20):
                await client.send(b"\0\0" + buffer(b"\0"))
                await asyncio.sleep(0.2)
            client.socket.transport.abort()
            await client.__aexit__()

    async def agent_at_work(self) -> None:
        """Suggestions that are taken, turned down, or left; comments; messages."""
        with self.studio.client() as owner, self.studio.client(self.agent) as agent:
            while self.going():
                made = self.random.choice(self.canvases)
                page, path = made["pages"][0]["id"], f"/api/canvases/{made['id']}"
                await asyncio.to_thread(self._act, owner, agent, page, path)
                await asyncio.sleep(0.3)

    def _act(self, owner: Any, agent: Any, page: str, path: str) -> None:
        text = owner.get(f"{path}/pages/{page}/text").text
        at = self.random.randrange(max(1, len(text) - 20))
        hunk = {"find": text[at : at + 6], "before": text[:at][-12:], "after": text[at + 6 :][:12], "replace": "other"}
        made = agent.post(f"{path}/actions", json={"type": "suggest", "page": page, "hunks": [hunk]})
        if made.status_code == 200:
            verb = self.random.choice(["accept", "reject"])
            done = owner.post(f"{path}/actions", json={"type": verb, "suggestion": made.json()["id"]})
            assert done.status_code in (200, 409), done.text
            self.acted += 1
        else:
            assert made.status_code in (409, 422), made.text

    async def watch(self) -> None:
        while self.going():
            self.memory.append(self.process.memory_info().rss / 2**20)
            self.files.append(self.process.num_fds())
            self.threads.append(self.process.num_threads())
            await asyncio.sleep(1)

    async def run(self) -> None:
        work: list[Callable[[], Coroutine[Any, Any, None]]] = [self.slow_reader, self.slow_reader, self.agent_at_work]
        people = [self.person(number) for number in range(PEOPLE)]
        async with asyncio.TaskGroup() as group:
            for coroutine in [*people, *(begin() for begin in work), self.watch()]:
                group.create_task(coroutine)


@pytest.mark.slow
async def test_half_an_hour_of_everything(start_studio: StartStudio) -> None:
    studio = start_studio()
    soak = Soak(studio)
    await soak.prepare()
    before = soak.process.num_fds()
    await soak.run()
    third = len(soak.memory) // 3
    for what, seen, slack in (("memory", soak.memory, SLACK), ("files", soak.files, 15), ("threads", soak.threads, 3)):
        warm, late = statistics.median(seen[third : 2 * third]), statistics.median(seen[2 * third :])
        print(f"{what}: {seen[0]:.0f}, warm {warm:.0f}, at the end {late:.0f}, most {max(seen):.0f}")
        assert late < warm + slack, what
    print(f"{soak.typed} edits, {soak.visits} visits, {soak.acted} suggestions in {MINUTES} minutes")
    with studio.client() as owner:
        for made in soak.canvases:
            page = made["pages"][0]["id"]
            async with YClient(studio.sync_url(made["id"])) as one, YClient(studio.sync_url(made["id"])) as two:
                await one.ready()
                await two.ready()
                text = owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text
                assert one.text(page) == two.text(page) == text
    async with asyncio.timeout(60):
        while soak.process.num_fds() > before + 10:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    assert "Traceback" not in studio.log(), studio.log()
