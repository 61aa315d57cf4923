"""What the embedded model really does with each skill, on public-domain prose. Slow machines only get slower, not red:
these tests are about results, and every result is one that passed its checks or an honest failure."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from studiolo.agents import Ask, Run, Runs
from studiolo.agents.local import READER, LocalSurface
from studiolo.agents.prose import words
from studiolo.models import Models
from tests.agents.conftest import Stage

pytestmark = pytest.mark.model


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[Models]:
    made = Models(tmp_path, {})
    yield made
    await made.close()


def on(models: Models, text: str, seed: int = 5) -> Stage:
    counter = itertools.count(1)
    surface = LocalSurface("Chapter 1", text, "prose", time.time, Random(seed))
    return Stage(surface, Runs(models, None, time.time, lambda: f"run{next(counter)}", Random(seed)))


async def done(here: Stage, prompt: str, **ask: object) -> Run:
    run = await here.runs.start(here.surface, Ask(prompt=prompt, page=here.surface.page, **ask), READER).wait()  # type: ignore[arg-type]
    assert run.state == "done", (run.error, run.checks)
    assert any("small model" in note for note in run.notes)
    return run


async def test_it_continues_a_page_in_whole_sentences(models, prose):
    for name in ("moby", "modern"):
        here = on(models, prose[name])
        await done(here, "continue")
        [written] = [s["hunks"][0]["replace"] for s in here.suggestions if s["status"] == "open"]
        assert 30 <= len(words(written)) <= 160 and written.rstrip()[-1] in '.!?”"'
        assert here.accepted().startswith(prose[name].rstrip() + " ")


async def test_it_writes_on_an_empty_page(models):
    here = on(models, "")
    await done(here, "Write the first paragraph of a story about a lighthouse.")
    assert len(words(here.accepted())) >= 30


async def test_it_corrects_mistakes_and_leaves_good_prose_alone(models, prose):
    here = on(models, prose["typos"])
    await done(here, "fix the typos")
    corrected = here.accepted()
    for right in ("on the hill", "twenty years", "received", "definitely", "bought some apples", "tomorrow"):
        assert right in corrected
    clean = on(models, prose["pride"])
    await done(clean, "fix the typos")
    assert clean.accepted() == prose["pride"]


async def test_it_shortens_with_the_authors_own_words(models, prose):
    here = on(models, prose["memo"])
    await done(here, "shorten this")
    assert 0.3 < len(words(here.accepted())) / len(words(prose["memo"])) < 0.9
    assert "In order to" not in here.accepted() and "June" in here.accepted()


async def test_it_expands_and_keeps_every_word(models, prose):
    here = on(models, prose["modern"])
    await done(here, "expand this")
    assert here.accepted().startswith(prose["modern"].rstrip())
    assert len(words(here.accepted())) > 1.15 * len(words(prose["modern"]))


async def test_it_answers_from_the_text_and_shows_where(models, prose):
    here = on(models, prose["modern"])
    await done(here, "Why has he not opened the letter?")
    message = here.view()["chat"][-1]
    assert "afraid" in message["text"] or "fear" in message["text"]
    [quote] = json.loads(message["quotes"])
    assert quote["found"] and quote["quote"] in prose["modern"]


async def test_it_has_different_ideas(models, prose):
    here = on(models, prose["modern"])
    await done(here, "Give me four ideas for what could happen next")
    assert len(json.loads(here.view()["chat"][-1]["ideas"])) == 4


async def test_its_comments_are_in_the_page_and_their_fixes_can_be_taken(models, prose):
    here = on(models, prose["memo"])
    run = await done(here, "what do you think?")
    threads = here.view()["threads"]
    assert len(threads) >= 2 and all(thread["quote"] in prose["memo"] for thread in threads)
    assert any(result["type"] == "suggestion" for result in run.results)
    assert len(words(here.accepted())) < len(words(prose["memo"]))


async def test_a_stopped_engine_stops_at_once(models, prose):
    here = on(models, prose["moby"])
    run = here.ask("continue", options={"words": 250})
    async for event in run.events():
        if event["type"] == "delta":
            break
    began = time.monotonic()
    run.stop()
    await run.wait()
    assert run.state == "stopped" and time.monotonic() - began < 5
    assert here.suggestions[0]["status"] == "open"
