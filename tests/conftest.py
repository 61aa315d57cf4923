"""Shared by all tests: a real studio, served by a real process on a free port, and a real store."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from hypothesis import HealthCheck, settings

from studiolo.canvas.participant import Kind, Role
from studiolo.people import People
from studiolo.settings import Settings
from studiolo.store import Store
from tests.servers import database_url, postgresql, redis, redis_url  # noqa: F401

# A busy machine is no reason for a property to fail.
settings.register_profile("studiolo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("studiolo")

READY = re.compile(r"Studiolo is ready at (http://\S+)/\?setup=(\S+)\n")


@dataclass
class ServedStudio:
    """A running `studiolo serve`."""

    home: Path
    environ: dict[str, str]
    process: subprocess.Popen[str] = field(init=False)
    url: str = field(init=False)
    setup: str = field(init=False)
    token: str = field(init=False)
    """An API token of the role owner."""

    def start(self, port: str = "0") -> None:
        """Start the server, on a free port unless one is named, and wait until it says that it is ready."""
        with (self.home / "stderr.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "studiolo", "serve", "--port", port],
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        ready = READY.fullmatch(line)
        if not ready:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"not ready: {line!r}\n{self.log()}")
        self.url, self.setup = ready.groups()

    def log(self) -> str:
        return (self.home / "stderr.log").read_text()

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `studiolo` command on this studio's data."""
        return subprocess.run(
            [sys.executable, "-m", "studiolo", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def make_token(self, role: str, canvas: str = "*", name: str = "", kind: Kind = "person") -> str:
        """A new API token. Made beside the server as `studiolo token create` does, without a second for its start."""

        async def made() -> str:
            store = await Store.open(Settings.from_env(self.environ).database)
            try:
                return await People(store).create_token(cast(Role, role), name or f"Test {role}", canvas, kind=kind)
            finally:
                await store.close()

        with ThreadPoolExecutor(1) as thread:  # a test may have an event loop running in this one
            return thread.submit(asyncio.run, made()).result()

    def client(self, token: str | None = None, **options: Any) -> httpx2.Client:
        """An HTTP client with a bearer token: the owner's, another one, or none for an empty string."""
        bearer = self.token if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30, **options)

    def canvas(self, *texts: str, title: str = "A canvas") -> dict[str, Any]:
        """Make a canvas with one page for each text; the answer has its `id` and `pages`."""
        pages = [{"title": f"Page {number}", "text": text} for number, text in enumerate(texts, start=1)]
        with self.client() as owner:
            made = owner.post("/api/canvases", json={"title": title, "pages": pages})
        assert made.status_code == 201, made.text
        return made.json()

    def sync_url(self, canvas: str, token: str | None = None, **query: str) -> str:
        """The websocket address of a canvas."""
        params = httpx2.QueryParams({"token": self.token if token is None else token, **query})
        return f"{self.url.replace('http', 'ws', 1)}/sync/{canvas}?{params}"

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(25)  # by itself it ends 20 seconds after the signal at the latest
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            assert self.process.stdout
            self.process.stdout.close()


StartStudio = Callable[..., ServedStudio]


class Clock:
    """A clock that stands still until a test sets it on; seconds since the epoch."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """An empty store in a file of its own."""
    store = await Store.open(f"sqlite:///{tmp_path}/studiolo.db", clock=clock)
    yield store
    await store.close()


def serve(home: Path, environ: dict[str, str] | None = None) -> ServedStudio:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STUDIOLO_")}
    served = ServedStudio(home, {**clean, "STUDIOLO_HOME": str(home), "PYTHONUNBUFFERED": "1", **(environ or {})})
    served.token = served.make_token("owner")
    served.start()
    return served


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """One studio for all tests that leave it running: make your own canvas in it, and do not stop it."""
    served = serve(tmp_path_factory.mktemp("studio"))
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
def start_studio(tmp_path: Path) -> Iterator[StartStudio]:
    """Start a studio of one's own, to stop or kill. `start_studio(NAME="value")` adds to its environment."""
    started: list[ServedStudio] = []

    def start(**environ: str) -> ServedStudio:
        home = tmp_path / f"studio{len(started)}"
        home.mkdir()
        started.append(serve(home, environ))
        return started[-1]

    yield start
    for served in started:
        served.stop(signal.SIGKILL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: runs with --slow (make test SLOW=1)"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a test that passed when it ran once more had failed: that it passed then explains nothing."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"why {report.nodeid} ran once more", sep="_")
        terminalreporter.write_line(report.longreprtext)
