"""A real browser: `make test` finds or installs one and names it in STUDIOLO_BROWSER."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from .desk import Desk

# Without these a closed network makes Chromium look up its maker's hosts, many at a time.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            # A browser among everything else on two cores is late now and then. The summary names who ran twice (R).
            item.add_marker(pytest.mark.flaky(reruns=1))
    # Last: Playwright keeps an event loop running in this thread, and tests that are coroutines need it free.
    items.sort(key=lambda item: item.path.is_relative_to(here))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("STUDIOLO_BROWSER")
    if not path:
        found = subprocess.run(["scripts/browser.sh", "--find"], capture_output=True, text=True, check=False)
        path = found.stdout.strip()
    if not path:
        pytest.fail("no browser: run `make test`, which installs one, or set STUDIOLO_BROWSER to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[..., Desk]]:
    """`person()` opens a browser of one's own; what its page complains of fails the test."""
    opened: list[tuple[BrowserContext, Desk]] = []

    def open(*, offline: bool = False, **options: Any) -> Desk:
        options.setdefault("viewport", {"width": 1360, "height": 860})
        context = browser.new_context(reduced_motion="reduce", **options)
        desk = Desk(context.new_page())
        opened.append((context, desk))
        return desk

    yield open
    for context, desk in opened:
        context.close()
        assert desk.complaints == []
