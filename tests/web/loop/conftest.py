"""A studio whose default model calls tools, and a provider that answers from a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider

LONG = 30.0  # seconds after which something is not going to happen any more


def environment(provider: FakeProvider) -> dict[str, str]:
    """A studio whose default model is the provider's."""
    return {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def provider(shared_provider: FakeProvider) -> Iterator[FakeProvider]:
    """The provider, as if nobody had asked it anything."""
    shared_provider.asked.clear()
    yield shared_provider
    shared_provider.script, shared_provider.pace = [], 0.0


@pytest.fixture(scope="module")
def looping(shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio for the tests of a module, to be left running."""
    home = tmp_path_factory.mktemp("looping")
    (home / "tools.toml").write_text('[tools]\nread_file = "ask"\n')  # as if it cost something
    served = serve(home, environment(shared_provider))
    yield served
    assert served.stop() == 0, served.log()


def until(happened: Callable[[], Any], what: str = "") -> Any:
    """Wait for something that no event tells of; what it gave."""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not happen: {what}")


def suggests(page: str, find: str = "lamp", replace: str = "lantern") -> tuple[str, dict[str, Any]]:
    """A call that proposes another word."""
    return "suggest", {"page": page, "changes": [{"find": find, "replace": replace}], "reason": "A better word"}


class Stage:
    """A canvas with one page, and its owner."""

    def __init__(self, studio: ServedStudio, text: str = "The old lamp went out. It was a dark night.") -> None:
        self.studio = studio
        made = studio.canvas(text)
        self.canvas, self.page = made["id"], made["pages"][0]["id"]

    def client(self, token: str | None = None) -> httpx2.Client:
        return self.studio.client(token)

    def ask(self, prompt: str = "Make the lamp a lantern.", **body: Any) -> str:
        with self.client() as owner:
            answer = owner.post(f"/api/canvases/{self.canvas}/ask", json={"prompt": prompt, "page": self.page, **body})
            assert answer.status_code == 202, answer.text
            return answer.json()["run"]

    def run(self, run: str) -> dict[str, Any]:
        with self.client() as owner:
            return owner.get(f"/api/runs/{run}").json()

    def steps(self, run: str) -> list[dict[str, Any]]:
        with self.client() as owner:
            return owner.get(f"/api/runs/{run}/steps").json()["steps"]

    def wait(self, run: str, *states: str) -> dict[str, Any]:
        """Until the run is in one of these states, by default until it has ended."""
        wanted = states or ("done", "failed", "stopped")

        def there() -> dict[str, Any] | None:
            found = self.run(run)
            return found if found["state"] in wanted else None

        return until(there, f"{wanted}: {self.run(run)}")

    def post(self, path: str, token: str | None = None, **body: Any) -> httpx2.Response:
        with self.client(token) as client:
            return client.post(path, json=body)

    def view(self) -> dict[str, Any]:
        with self.client() as owner:
            return owner.get(f"/api/canvases/{self.canvas}").json()


@pytest.fixture
def stage(looping: ServedStudio) -> Stage:
    return Stage(looping)
