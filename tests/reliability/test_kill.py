"""A studio that is killed, or asked to stop, while twenty people type: nothing it acknowledged is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import AsyncExitStack
from random import Random

import pytest

from tests.conftest import ServedStudio
from tests.reliability.conftest import restart
from tests.reliability.replay import Replay
from tests.reliability.typist import (
    check_all_is_there,
    check_nothing_acknowledged_is_lost,
    converge,
    guests,
    seen_by_others,
    served_texts,
    tokens,
)

PEOPLE = 20


async def test_kill_9_in_a_flood_loses_and_doubles_nothing(
    mortal: ServedStudio, request: pytest.FixtureRequest
) -> None:
    """One canvas is killed again and again, and grows: a hundred times with --slow."""
    rounds = 100 if request.config.getoption("--slow") else 5
    seed = Random().getrandbits(32)
    print(f"seed {seed}")  # shown when it fails
    rng = Random(seed)
    logged = len(mortal.log())
    made = mortal.canvas("", "", "", title="Killed")
    pages = [page["id"] for page in made["pages"]]
    replay = Replay(mortal.home / "studiolo.db", made["id"])
    typists = await asyncio.to_thread(guests, mortal, made["id"], PEOPLE)
    for round in range(rounds):
        async with AsyncExitStack() as lines:
            for typist in typists:
                await lines.enter_async_context(typist)
            await converge(typists, pages, 120)
            before = sum(typist.stored for typist in typists)
            floods = [asyncio.create_task(typist.flood(pages, rng)) for typist in typists]
            target = before + rng.randint(1, 500)
            await typists[0].until(
                lambda target=target, floods=floods: (
                    sum(typist.stored for typist in typists) >= target or any(flood.done() for flood in floods)
                ),
                120,
            )
            assert not any(flood.done() for flood in floods), [typist.closed for typist in typists]
            await asyncio.sleep(rng.random() * 0.02)
            mortal.stop(signal.SIGKILL)
            await asyncio.gather(*floods)
        await asyncio.to_thread(restart, mortal)
        texts = await asyncio.to_thread(served_texts, mortal, made["id"], pages)
        assert replay.read().texts(pages) == texts, f"round {round}"
        kept = tokens(texts.values())
        check_nothing_acknowledged_is_lost(typists, kept)
        assert seen_by_others(typists, pages) <= set(kept), "somebody was shown what the crash took back"
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        texts = await converge(typists, pages, 120)
        check_all_is_there(typists, tokens(texts.values()))
        assert await asyncio.to_thread(served_texts, mortal, made["id"], pages) == texts
    replay.check_unchanged()
    assert "Traceback" not in mortal.log()[logged:]


async def test_sigterm_drains_a_flood_and_tells_everybody_to_come_back(mortal: ServedStudio) -> None:
    rng = Random(3)
    logged = len(mortal.log())
    made = mortal.canvas("", "")
    pages = [page["id"] for page in made["pages"]]
    typists = await asyncio.to_thread(guests, mortal, made["id"], PEOPLE)
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        await converge(typists, pages)
        floods = [asyncio.create_task(typist.flood(pages, rng, window=200)) for typist in typists]
        await typists[0].until(lambda: sum(typist.stored for typist in typists) >= 500)
        assert await asyncio.to_thread(mortal.stop, signal.SIGTERM) == 0
        await asyncio.gather(*floods)
        assert {typist.closed[0] for typist in typists if typist.closed} <= {1012, 1013}
    await asyncio.to_thread(restart, mortal)
    texts = await asyncio.to_thread(served_texts, mortal, made["id"], pages)
    kept = tokens(texts.values())
    check_nothing_acknowledged_is_lost(typists, kept)
    assert seen_by_others(typists, pages) <= set(kept)
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        texts = await converge(typists, pages)
        check_all_is_there(typists, tokens(texts.values()))
    assert "Traceback" not in mortal.log()[logged:]


async def test_sigterm_stores_what_waits_for_a_busy_disk(mortal: ServedStudio) -> None:
    """What the studio had received, and could not store yet, is stored before it stops."""
    rng = Random(4)
    made = mortal.canvas("")
    pages = [page["id"] for page in made["pages"]]
    typists = await asyncio.to_thread(guests, mortal, made["id"], PEOPLE)
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        await converge(typists, pages)
        lock = sqlite3.connect(mortal.home / "studiolo.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        for typist in typists:
            for _ in range(10):
                typist.type(pages[0], rng)
        for typist in typists:
            await typist.flush()
            await (await typist.socket.ping())  # what came before it has arrived
        assert not any(typist.stored for typist in typists), "it cannot have been stored: the database is locked"
        stopping = asyncio.create_task(asyncio.to_thread(mortal.stop))
        await typists[0].until_closed()
        lock.execute("ROLLBACK")
        lock.close()
        assert await stopping == 0
    await asyncio.to_thread(restart, mortal)
    texts = await asyncio.to_thread(served_texts, mortal, made["id"], pages)
    check_all_is_there(typists, tokens(texts.values()))
