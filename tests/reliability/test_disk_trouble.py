"""A disk that is full or broken while people type: nothing is acknowledged that is not stored, and when it
works again everybody's text arrives by itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import ServedStudio, StartStudio
from tests.reliability.replay import Replay
from tests.reliability.strace import Strace
from tests.reliability.typist import (
    Typist,
    check_all_is_there,
    check_nothing_acknowledged_is_lost,
    converge,
    guests,
    served_texts,
    tokens,
)
from tests.store.test_trouble import small_disk  # noqa: F401  a fixture

PAUSE = 0.05


class Stubborn:
    """People who type, and who come back whenever they are told to, as browsers do."""

    def __init__(self, typists: list[Typist], pages: list[str], rng: Random) -> None:
        self.typists, self.pages, self.rng = typists, pages, rng
        self.codes: list[int] = []
        self.tired = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Stubborn:
        self._tasks = [asyncio.create_task(self._stay(typist)) for typist in self.typists]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.tired = True
        await asyncio.gather(*self._tasks)

    @property
    def stored(self) -> int:
        return sum(typist.stored for typist in self.typists)

    async def _stay(self, typist: Typist) -> None:
        while not self.tired:
            async with typist:
                while typist.closed is None and not self.tired:
                    if typist.synced.is_set() and typist.waiting < 5:
                        typist.type(self.rng.choice(self.pages), self.rng)
                    await asyncio.sleep(0.002)
                if typist.closed:
                    self.codes.append(typist.closed[0])
            await asyncio.sleep(PAUSE)


async def until(condition: Callable[[], object], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def flood_through(
    studio: ServedStudio, database: Path, trouble: Callable[[], Any], cure: Callable[[], Any]
) -> None:
    """Four people flood; the disk fails; they are told to come back and do, in vain, until it is cured."""
    made = studio.canvas("", "")
    pages = [page["id"] for page in made["pages"]]
    typists = await asyncio.to_thread(guests, studio, made["id"], 4)
    people = Stubborn(typists, pages, Random(4))
    async with people:
        await until(lambda: people.stored > 100)
        trouble()
        await until(lambda: len(people.codes) >= 4)
        # What can be read now is all that was acknowledged, whatever the disk did to the rest.
        replay = Replay(database, made["id"]).read()
        check_nothing_acknowledged_is_lost(typists, tokens(replay.texts(pages).values()))
        cure()
        before = people.stored
        await until(lambda: people.stored > before + 100)
    assert set(people.codes) == {1013}
    for typist in typists:
        await typist.__aenter__()
    texts = await converge(typists, pages)
    check_all_is_there(typists, tokens(texts.values()))
    assert await asyncio.to_thread(served_texts, studio, made["id"], pages) == texts
    replay.check_unchanged()
    for typist in typists:
        await typist.__aexit__()
    assert "Traceback" not in studio.log(), studio.log()[-3000:]


async def test_a_disk_that_fills_up_in_a_flood(small_disk: Path, start_studio: StartStudio) -> None:  # noqa: F811
    database = small_disk / "studiolo.db"
    studio = start_studio(STUDIOLO_DATABASE_URL=f"sqlite:///{database}")
    ballast = small_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb") as file:
            free = os.statvfs(small_disk)
            file.write(bytes(free.f_bavail * free.f_frsize))

    await flood_through(studio, database, fill, ballast.unlink)


@pytest.mark.parametrize(("calls", "error"), [("fdatasync,fsync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC")])
async def test_an_error_of_the_disk_in_a_flood(mortal: ServedStudio, calls: str, error: str) -> None:
    strace = Strace(mortal.process.pid)
    trouble = partial(strace.fail, calls, error)
    await flood_through(mortal, mortal.home / "studiolo.db", trouble, strace.end)
