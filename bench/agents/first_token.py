"""Point 1: how long after the question the first token of the answer is seen, beside asking the provider oneself."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2
import websockets
from pycrdt import Array, Doc

from bench.agents.plan import Plan, aside, quantile
from bench.agents.provider import FIRST, prose
from bench.agents.studio import AgentStudio, Provider, ask, events
from bench.rooms.compare import Section
from studiolo.rooms import protocol

TITLE = "From the question to the first token of the answer, through the loop"
AGENT = "Co-author"


@dataclass
class Eyes:
    """A Yjs client that notes when an answer of the agent has its first words."""

    canvas: str
    doc: Doc[Any] = field(default_factory=Doc)
    answers: int = 0
    seen: asyncio.Future[float] | None = None
    here: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, url: str, token: str) -> None:
        chat: Array[Any] = self.doc.get("chat", type=Array)
        address = f"{url.replace('http', 'ws', 1)}/sync/{self.canvas}?token={token}"
        async with websockets.connect(address, compression=None, max_size=None) as socket:
            await socket.send(protocol.sync_step_1(self.doc.get_state()))
            async for frame in socket:
                message = protocol.read(frame) if isinstance(frame, bytes) else None
                if isinstance(message, protocol.SyncUpdate):
                    self.doc.apply_update(message.update)
                    self.here.set()
                    newest = chat[len(chat) - 1] if len(chat) > self.answers else None
                    if newest is not None and newest["name"] == AGENT and str(newest["text"]).strip():
                        self.answers = len(chat)
                        if self.seen and not self.seen.done():
                            self.seen.set_result(time.perf_counter())


@dataclass
class Times:
    """Milliseconds from the question to the first token."""

    bare: list[float] = field(default_factory=list[float])
    told: list[float] = field(default_factory=list[float])
    shown: list[float] = field(default_factory=list[float])


def run(plan: Plan) -> Section:
    with plan.studio() as studio, aside():
        times = asyncio.run(_measure(studio, plan.provider, plan.of(40, 5)))
    count = len(times.bare)
    lines = [
        "| ms to the first token | median | 95th percentile | added, median | ratio of medians | of 95th percentiles |",
        "|---|---|---|---|---|---|",
        _row("the provider, asked directly", times.bare, times.bare),
        _row("the run's event stream", times.told, times.bare),
        _row("a Yjs client of the canvas", times.shown, times.bare),
        "",
        f"{count} questions of each, in turn. The provider takes {1000 * FIRST:.0f} ms to its first token, so the "
        "ratio is one for such a provider; what is added does not depend on it. The direct call sends the request that "
        "the loop sends, word for word, on a connection that is open. Through the studio it is `POST …/ask` of a "
        "question about a page of 1,000 words that the agent answers in the conversation: a run is made and stored, "
        "the prompt is built, the loop asks, the words become a message, are committed with `synchronous=FULL` and "
        "sent. The event stream is opened when the run is known, which is a request more.",
    ]
    return Section(lines)


def _row(what: str, these: list[float], bare: list[float]) -> str:
    high, low = quantile(these, 0.95), quantile(bare, 0.95)
    line = f"| {what} | {statistics.median(these):,.1f} | {high:,.1f} |"
    if these is bare:
        return f"{line} | | |"
    added = statistics.median(these) - statistics.median(bare)
    return f"{line} {added:,.1f} | {statistics.median(these) / statistics.median(bare):.2f} | {high / low:.2f} |"


async def _measure(studio: AgentStudio, provider: Provider, count: int) -> Times:
    with studio.client() as client:
        pages = [{"title": "One", "text": prose(1_000, 5)}]
        made = client.post("/api/canvases", json={"title": "Questions", "pages": pages}).raise_for_status().json()
    canvas, page = made["id"], made["pages"][0]["id"]
    eyes = Eyes(canvas)
    looking = asyncio.create_task(eyes.look(studio.url, studio.token))
    times = Times()
    headers = {"Authorization": f"Bearer {studio.token}"}
    try:
        await eyes.here.wait()
        async with (
            httpx2.AsyncClient(base_url=studio.url, headers=headers, timeout=60) as owner,
            httpx2.AsyncClient(timeout=60) as direct,
        ):
            for number in range(-2, count):  # the first two warm everything up
                told, shown = await _through(owner, eyes, page)
                (body,) = await asyncio.to_thread(provider.requests, "answer")
                bare = await _directly(direct, provider.url, body)
                await asyncio.to_thread(provider.requests, "answer")
                if number >= 0:
                    times.bare.append(bare)
                    times.told.append(told)
                    times.shown.append(shown)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return times


async def _through(owner: httpx2.AsyncClient, eyes: Eyes, page: str) -> tuple[float, float]:
    eyes.seen = asyncio.get_running_loop().create_future()
    told = 0.0
    began = time.perf_counter()
    run = await ask(owner, eyes.canvas, prompt="What is this page about?", page=page, say=True)
    async with aclosing(events(owner, run)) as happening:
        async for event in happening:
            if event["type"] == "delta" and not told:
                told = time.perf_counter()
            elif event["type"] == "failed":
                raise RuntimeError(event)
    async with asyncio.timeout(30):
        shown = await eyes.seen
    return 1000 * (told - began), 1000 * (shown - began)


async def _directly(client: httpx2.AsyncClient, url: str, body: dict[str, Any]) -> float:
    began, first = time.perf_counter(), 0.0
    async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if not first and line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                first = time.perf_counter()
    return 1000 * (first - began)
