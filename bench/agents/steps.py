"""Point 2: what the loop adds to each step, beside the same calls of the provider and nothing else."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2

from bench.agents.plan import Plan, aside, beside, spread
from bench.agents.provider import FIRST, PACE, STEPS, prose
from bench.agents.studio import AgentStudio, Provider, ask, events
from bench.rooms.compare import Section

TITLE = f"A loop of {STEPS} steps, beside its {STEPS + 1} calls of the provider"
KINDS = {
    "steps-fast": "as fast as the socket",
    "steps-paced": f"{1000 * FIRST:.0f} ms to the first token, then {1 / PACE:.0f}/s",
}


@dataclass
class Times:
    """Seconds of whole runs, and of the server's CPU for them."""

    bare: list[float] = field(default_factory=list[float])
    loop: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])


def run(plan: Plan) -> Section:
    with plan.studio() as studio, aside():
        found = asyncio.run(_measure(studio, plan.provider, plan.of(10, 1), plan.of(3, 1)))
    lines = [
        "| the provider | direct, s | the loop, s | added per step, ms | server's CPU per step, ms | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for model, times in found.items():
        added = [1000 * (a - b) / STEPS for a, b in zip(times.loop, times.bare, strict=True)]
        cpu = [1000 * used / STEPS for used in times.cpu]
        lines.append(
            f"| {KINDS[model]} ({len(times.bare)} runs) | {statistics.median(times.bare):.3f} "
            f"| {statistics.median(times.loop):.3f} | {spread(added)} | {spread(cpu)} "
            f"| {beside(times.loop, times.bare)} |"
        )
    lines += [
        "",
        "Each step is `read_page` or, every second time, `suggest`, in a page of 1,000 words and 20 lines; a "
        "suggestion is a commit. The direct calls are the loop's own requests, word for word, one after another on one "
        "open connection, read to their end and not parsed. The loop's time is from `POST …/ask` to the end of the "
        "run's event stream, so making, storing and ending the run is in it.",
    ]
    return Section(lines)


async def _measure(studio: AgentStudio, provider: Provider, fast: int, paced: int) -> dict[str, Times]:
    found: dict[str, Times] = {}
    headers = {"Authorization": f"Bearer {studio.token}"}
    async with (
        httpx2.AsyncClient(base_url=studio.url, headers=headers, timeout=120) as owner,
        httpx2.AsyncClient(timeout=120) as direct,
    ):
        for model, rounds in (("steps-fast", fast), ("steps-paced", paced)):
            times = found[model] = Times()
            for number in range(-1, rounds) if model == "steps-fast" else range(rounds):
                took, cpu = await _loop(studio, owner, model)
                bodies = await asyncio.to_thread(provider.requests, model)
                assert len(bodies) == STEPS + 1, len(bodies)
                bare = await _directly(direct, provider.url, bodies)
                await asyncio.to_thread(provider.requests, model)
                if number >= 0:
                    times.loop.append(took)
                    times.bare.append(bare)
                    times.cpu.append(cpu)
    return found


async def _loop(studio: AgentStudio, owner: httpx2.AsyncClient, model: str) -> tuple[float, float]:
    """Seconds of a run on a canvas of its own, and of the server's CPU."""
    text = "\n".join(f"{prose(45, line)} And the lamp number {line:02}." for line in range(STEPS + 1))
    pages = [{"title": "One", "text": text}]
    made = (await owner.post("/api/canvases", json={"title": "Steps", "pages": pages})).raise_for_status().json()
    cpu, began = studio.cpu(), time.perf_counter()
    run = await ask(owner, made["id"], prompt="Make the lamps lanterns.", page=made["pages"][0]["id"], model=model)
    async with aclosing(events(owner, run)) as happening:
        told = [event async for event in happening]
    took, cpu = time.perf_counter() - began, studio.cpu() - cpu
    done = (await owner.get(f"/api/runs/{run}")).json()
    ended = [event["step"] for event in told if event["type"] == "step" and event["step"]["state"] != "running"]
    good = [step for step in ended if step["kind"] == "tool" and step["state"] == "done"]
    if done["state"] != "done" or len(good) != STEPS:
        raise RuntimeError(f"the run did not do its {STEPS} steps: {ended}")
    return took, cpu


async def _directly(client: httpx2.AsyncClient, url: str, bodies: list[dict[str, Any]]) -> float:
    began = time.perf_counter()
    for body in bodies:
        (await client.post(f"{url}/v1/chat/completions", json=body)).raise_for_status()
    return time.perf_counter() - began
