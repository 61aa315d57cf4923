"""Point 3: what people who type notice of agents who write in the same studio."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from bench.agents.plan import Plan, beside, spread
from bench.agents.provider import CROWD, PARAGRAPH, prose
from bench.agents.studio import AgentStudio, ask, events, prose_model
from bench.rooms import load
from bench.rooms.compare import Section, say
from bench.rooms.servers import Room

PEOPLE = AGENTS = 20
KEYS = 4.0  # a second: 48 words a minute
TWICE = 2.0
TITLE = f"{PEOPLE} people typing while {AGENTS} agents write"
WORK = {"nobody": "no agents", "streaming": "streamed suggestions", "looping": "loops that insert"}
Figures = dict[str, float]


@dataclass
class Setting:
    """People and agents in so many canvases, and what was found there: for each kind of work a set a round."""

    canvases: int
    found: defaultdict[str, list[Figures]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list[str])

    @property
    def title(self) -> str:
        if self.canvases == 1:
            return "All in one canvas"
        people, agents = PEOPLE // self.canvases, AGENTS // self.canvases
        return f"{self.canvases} canvases with {people} people and {agents} agents each"

    def all(self, work: str, figure: str) -> list[float]:
        return [each[figure] for each in self.found[work]]


def run(plan: Plan) -> Section:
    settings = [Setting(1), Setting(4)]
    for number in range(1, plan.rounds + 1):
        for setting in settings:
            with plan.studio() as studio:
                for work in WORK:
                    say(f"  round {number} of {plan.rounds}: {setting.title}, {WORK[work]}")
                    setting.found[work].append(_measure(plan, studio, setting.canvases, work))
                setting.faults += studio.faults
    section = Section([])
    for setting in settings:
        _report(setting, section)
    section.lines += [
        f"From a key to each other person of the canvas, in milliseconds, at {KEYS:g} keys/s each, a cursor with each "
        "key. People type on one page of their canvas, and each agent writes on one of its own beside it, so everybody "
        "is sent every word of every agent there. *Streamed suggestions*: the skill `continue`, a suggestion that "
        f"grows by {1 / CROWD:.0f} words/s, with five models, because a studio lets four skills stream with one. "
        f"*Loops that insert*: the co-author's loop writes a paragraph of {PARAGRAPH} words in each step, as the "
        "arguments of a call. The server has one core; the people and the provider share the other.",
    ]
    return section


def _report(setting: Setting, section: Section) -> None:
    section.lines += [
        f"### {setting.title}",
        "",
        "| agents | p50 | p99 | p50 / idle | p99 / idle | server's CPU, % | tokens/s | frames/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for work, said in WORK.items():
        row = [said, *(spread(setting.all(work, figure), 2) for figure in ("p50", "p99"))]
        for figure in ("p50", "p99"):
            row.append("" if work == "nobody" else beside(setting.all(work, figure), setting.all("nobody", figure)))
        row += [spread(setting.all(work, figure), 0) for figure in ("cpu", "tokens", "frames")]
        section.lines.append("| " + " | ".join(row) + " |")
    section.lines.append("")
    for work in ("streaming", "looping"):
        ratio = beside(setting.all(work, "p99"), setting.all("nobody", "p99"))
        met = float(ratio.split()[0]) <= TWICE
        line = f"- {WORK[work]}: p99 is **{ratio}** of the idle one; wanted at most {TWICE:g}: "
        line += "met." if met else "**missed**."
        section.lines.append(line)
        if not met:
            section.missed.append(f"{setting.title}, {line.removeprefix('- ')}")
    section.lines += [f"- {fault}" for fault in setting.faults]
    section.broken += setting.faults
    section.lines.append("")


def _measure(plan: Plan, studio: AgentStudio, canvases: int, work: str) -> Figures:
    """One load of people, with that work going on."""
    made = [studio.open_room(n, [prose(100, 31 * n + m) for m in range(AGENTS // canvases)]) for n in range(canvases)]
    rooms = [room for room, _ in made]
    with _working(studio, made, work):
        began, tokens = time.monotonic(), plan.provider.tokens
        done = load.run(
            studio, "type", rooms, clients=PEOPLE // canvases, rate=KEYS, seconds=plan.seconds(12), cursors=True
        )
        tokens = (plan.provider.tokens - tokens) / (time.monotonic() - began)
    return {
        "p50": done["p50_ms"],
        "p99": done["p99_ms"],
        "cpu": 100 * done.cpu / done["seconds"],
        "tokens": tokens,
        "frames": done["frames"] / done["seconds"],
    }


@contextmanager
def _working(studio: AgentStudio, made: list[tuple[Room, list[str]]], work: str) -> Iterator[None]:
    """All agents have begun to write when it begins, and none has ended when it ends."""
    if work == "nobody":
        yield
        return
    places = [(room.name, page) for room, pages in made for page in pages]
    runs = asyncio.run(_begin(studio, places, work))
    try:
        yield
    finally:
        asyncio.run(_end(studio, runs))


async def _begin(studio: AgentStudio, places: list[tuple[str, str]], work: str) -> list[str]:
    async with _owner(studio) as owner:

        async def begin(number: int, canvas: str, page: str) -> str:
            body: dict[str, Any] = {"page": page}
            if work == "streaming":
                body |= {"skill": "continue", "prompt": "continue", "options": {"words": 2_000}}
                run = await ask(owner, canvas, model=prose_model(number), **body)
            else:
                run = await ask(owner, canvas, model="inserting", prompt="Write on, a paragraph at a time.", **body)
            async with aclosing(events(owner, run)) as happening:
                async for event in happening:
                    if event["type"] == "delta":
                        return run
            raise RuntimeError(f"it has ended before it began: {(await owner.get(f'/api/runs/{run}')).text}")

        return await asyncio.gather(*(begin(number, *place) for number, place in enumerate(places)))


async def _end(studio: AgentStudio, runs: list[str]) -> None:
    async with _owner(studio) as owner:
        found = [(await owner.get(f"/api/runs/{run}")).json() for run in runs]
        ended = [run for run in found if run["state"] != "running"]
        await asyncio.gather(*(owner.post(f"/api/runs/{run['id']}/stop") for run in found if run not in ended))
    if ended:
        raise RuntimeError(f"{len(ended)} agents had ended while people typed: {ended[0]}")


def _owner(studio: AgentStudio) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=studio.url,
        headers={"Authorization": f"Bearer {studio.token}"},
        timeout=60,
        limits=httpx2.Limits(max_connections=100),
    )
