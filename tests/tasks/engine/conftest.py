"""A workshop on SQLite, and on PostgreSQL where that makes a difference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from studiolo.tasks.job import DOING
from tests.tasks.engine.workshop import Workshop


@pytest.fixture(autouse=True)
def ways_of_this_test() -> Iterator[None]:
    before = dict(DOING)
    yield
    DOING.clear()
    DOING.update(before)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Workshop]:
    made = await Workshop(tmp_path, f"sqlite:///{tmp_path}/studiolo.db").open()
    yield made
    await made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workshop]:
    url = f"sqlite:///{tmp_path}/studiolo.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("database_url")
    made = await Workshop(tmp_path, url).open()
    yield made
    await made.close()
