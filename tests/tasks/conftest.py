"""A desk for tasks, a provider that thinks, and the web about the barrage."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest

from studiolo.agents import Budget, Runs
from studiolo.agents.kit import Kit
from studiolo.agents.persona_folder import Personas
from studiolo.models import Models
from studiolo.rooms import Rooms
from studiolo.store import Store
from studiolo.tasks.kind_folder import Kinds
from studiolo.tools.attachments import Attachments
from studiolo.tools.fetching import Fetcher
from studiolo.tools.reading import Reading
from studiolo.tools.reading.kinds import read_bytes
from studiolo.tools.sandbox import Sandbox
from studiolo.tools.searching import Search
from studiolo.tools.tables import Tables
from studiolo.tools.web_pages import WebReader
from tests.models.fake_provider import FakeProvider
from tests.tasks.desk import NADIA, Desk
from tests.tasks.web import vesper
from tests.tools.conftest import Names

OpenDesk = Callable[..., Any]


async def _read_here(data: bytes, name: str, type: str) -> Reading:
    """Reading without its child process, which takes half a second to start and has its own tests."""
    return await asyncio.to_thread(read_bytes, data, name, type)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[vesper.Web]:
    """The sites about the barrage, under their names."""
    made = vesper.spread()
    names = Names()
    names.addresses = made.addresses
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield made
    made.close()


@pytest.fixture
async def desk(tmp_path: Path, provider: FakeProvider) -> AsyncIterator[OpenDesk]:
    """`await desk(pages, web=..., model=...)`: tasks on a canvas with these pages, as (title, text[, kind])."""
    opened: list[Callable[[], Any]] = []

    async def make(
        pages: list[tuple[str, ...]] | None = None, web: vesper.Web | None = None, tools: bool = True, **more: Any
    ) -> Desk:
        store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'studiolo.db'}")
        rooms = Rooms(store)
        environ = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": f"{provider.url}/v1"}
        if tools:
            environ["STUDIOLO_MODEL"] = "openai:fake-model"
        models = Models(tmp_path, environ)
        sandbox = Sandbox(tmp_path / "sandbox", home=tmp_path)
        fetcher = Fetcher([ip_network("127.0.0.2/32")], gap=0.0) if web else None
        search = None
        if web and web.search:
            where = {"STUDIOLO_SEARCH": "searxng", "SEARXNG_URL": web.search.url}
            search = Search.from_environment(where)
        kit = Kit(
            files=Attachments(store),
            search=search,
            reader=WebReader(fetcher, _read_here) if fetcher else None,
            fetcher=fetcher,
            sandbox=sandbox,
            tables=Tables(sandbox),
        )
        ids = itertools.count(1)
        personas = Personas(tmp_path)
        runs = Runs(
            models, store, time.time, lambda: f"run{next(ids)}", Random(3), Budget(), personas=personas, kit=kit
        )
        await runs.open()
        laid: list[dict[str, str]] = [
            dict(zip(["title", "text", "kind"], page, strict=False)) for page in pages or [("Notes", "")]
        ]
        room = await rooms.create("Work", laid, NADIA)

        async def close() -> None:
            await runs.close()
            await kit.close()
            if kit.files is not None:
                kit.files.close()
            await models.close()
            await rooms.close()
            await store.close()

        opened.append(close)
        return Desk(room, runs, kit, models, Kinds(tmp_path, personas), **more)

    yield make
    for close in opened:
        await close()
