"""Puts a case to an agent of the studio, on a canvas in memory, and takes everything that it suggests.

It is the way of `studiolo ask FILE`: the same runs, loop, skills and tools, with nobody there to answer. Tools on the
world (the web, Python, files) are not set up, so that a model has the canvas to work with and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from uuid import uuid4

from bench.behaviours.case import Case
from bench.behaviours.controls import CONTROLS, Control
from bench.behaviours.scoring import Came, Remark
from studiolo.agents import Ask, Personas, Run, Runs
from studiolo.agents.asking_people import Reply
from studiolo.agents.choosing_skill import Catalogue
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.agents.local import READER, LocalSurface
from studiolo.canvas.anchors import between
from studiolo.canvas.errors import Conflict

ANSWERS = 3  # questions to a person that are answered before the run is ended


async def ask(case: Case, models: Catalogue, model: str | None, seconds: float, agent: str = "co-author") -> Came:
    """What comes of the case with this model; `seconds` is the most that it may take."""
    began = time.monotonic()
    surface = LocalSurface(case.title, case.page, case.kind, time.time, Random(case.id))
    control = model is not None and model in CONTROLS
    catalogue: Catalogue = Control(model, case, surface.page) if control and model else models
    runs = Runs(
        catalogue,
        None,
        time.time,
        lambda: uuid4().hex,
        random=Random(case.id),
        personas=Personas(),
        kit=Kit(),
    )
    wanted = Ask(
        agent=agent,
        prompt=case.ask,
        page=surface.page,
        quote=case.select or None,
        model=None if control else model,
    )
    try:
        run = runs.start(surface, wanted, READER)
        asked = await _ended(runs, run, surface, seconds)
    finally:
        await runs.close()
    return _came(case, surface, run, asked, time.monotonic() - began)


async def _ended(runs: Runs, run: Run, surface: LocalSurface, seconds: float) -> int:
    """Wait for its end; how often it asked a person, who leaves it to the agent."""
    asked = 0
    guide = Guide(runs)
    try:
        async with asyncio.timeout(seconds):
            await run.wait()
            while run.open_cards and asked < ANSWERS:
                for card in run.open_cards:
                    asked += 1
                    reply = (
                        Reply("Nobody is there to answer. Decide yourself, and say what you decided.")
                        if card["kind"] == "question"
                        else Reply(allow="no", text="Nobody is there to allow it.")
                    )
                    await guide.answer(run.id, surface, card["call"], reply, READER)
                run = runs.get(run.id) or run
                await run.wait()
    except TimeoutError:
        run.stop()
        await run.wait()
    return asked


def _came(case: Case, surface: LocalSurface, run: Run, asked: int, seconds: float) -> Came:
    canvas = surface.canvas
    before = surface.text
    view = canvas.view()
    threads = [one for one in view["threads"] if not one.get("about")]
    fixes = {one.get("suggestion") for one in threads} - {None, ""}
    remarks = tuple(
        Remark(
            between(canvas.document.identity, surface.page, json.loads(one["start"]), json.loads(one["end"])),
            one["comments"][0]["text"] if one["comments"] else "",
        )
        for one in threads
    )
    open_ones = [one for one in view["suggestions"] if one["status"] == "open" and one["id"] not in fixes]
    messages = [one for one in view["chat"] if not one.get("card") and one["author"] != READER.id]
    for one in open_ones:
        try:
            canvas.apply({"type": "accept", "suggestion": one["id"]}, READER)
        except Conflict:
            continue  # two of its suggestions want the same words
    canvas.settle()
    return Came(
        before=before,
        after=surface.text,
        suggestions=sum(any(h["replace"] != h["quote"] for h in one["hunks"]) for one in open_ones),
        remarks=remarks,
        said="\n".join(text for text in (run.answer, *(one["text"] for one in messages)) if text.strip()),
        ideas=sum(len(json.loads(one.get("ideas") or "[]")) for one in messages),
        pages=len(view["pages"]) - 1 if "pages" in view else 0,
        questions=asked,
        skill=run.skill,
        state=run.state,
        error=str((run.error or {}).get("message", "")),
        seconds=seconds,
        tokens=run.usage.tokens,
    )
