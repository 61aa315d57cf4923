"""A desk for tasks, a provider that thinks, and the web about the barrage."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest

from studiolo.agents import Budget, Runs
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.agents.persona_folder import Personas
from studiolo.agents.toolbox.permits import PolicyFile
from studiolo.canvas import Participant
from studiolo.models import Models
from studiolo.rooms import Rooms
from studiolo.store import Store
from studiolo.tasks.kind_folder import Kinds
from studiolo.tasks.tasks import Tasks
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
    """`await desk(pages, web, ...)`: tasks on a canvas with these pages, as (title, text, kind). `tools`: there is a
    model that can call them; `models`: a models.toml; `by`: who begins tasks."""
    opened: list[Callable[[], Awaitable[None]]] = []

    async def make(
        pages: list[tuple[str, ...]] | None = None,
        web: vesper.Web | None = None,
        tools: bool = True,
        models: Path | None = None,
        by: Participant = NADIA,
        **more: Any,
    ) -> Desk:
        url = f"sqlite+aiosqlite:///{tmp_path / 'studiolo.db'}"
        store = await Store.open(url)
        rooms = Rooms(store)
        environ = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": f"{provider.url}/v1"}
        if tools:
            environ["STUDIOLO_MODEL"] = "openai:fake-model"
        if models is not None:
            shutil.copy(models, tmp_path / "models.toml")
        catalogue = Models(tmp_path, environ)
        sandbox = Sandbox(tmp_path / "sandbox", home=tmp_path)
        fetcher = Fetcher([ip_network("127.0.0.2/32")], gap=0.0) if web else None
        search = None
        if web and web.search:
            search = Search.from_environment({"STUDIOLO_SEARCH": "searxng", "SEARXNG_URL": web.search.url})
        kit = Kit(
            policy=PolicyFile(tmp_path),
            files=Attachments(store),
            search=search,
            reader=WebReader(fetcher, _read_here) if fetcher else None,
            fetcher=fetcher,
            sandbox=sandbox,
            tables=Tables(sandbox),
        )
        ids = itertools.count(1)

        def new_id() -> str:
            return f"id{next(ids)}"

        async def who(_canvas: str, _id: str) -> Participant:
            return by

        personas = Personas(tmp_path)
        runs = Runs(catalogue, store, time.time, new_id, Random(3), Budget(), personas=personas, kit=kit)
        await runs.open()
        kinds = Kinds(tmp_path, personas)
        tasks = Tasks(
            store,
            url.replace("+aiosqlite", ""),
            tmp_path,
            runs,
            Guide(runs),
            catalogue,
            kit,
            rooms.get,
            who,
            kinds.lay_out,
            time.time,
            new_id,
        )
        await tasks.open()
        laid: list[dict[str, str]] = [
            dict(zip(["title", "text", "kind"], page, strict=False)) for page in pages or [("Notes", "")]
        ]
        room = await rooms.create("Work", laid, NADIA)

        async def close() -> None:
            await tasks.close()
            await runs.close()
            await kit.close()
            if kit.files is not None:
                kit.files.close()
            await catalogue.close()
            await rooms.close()
            await store.close()

        opened.append(close)
        return Desk(room, kit, tasks, tmp_path, rooms.get, by, **more)

    yield make
    for close in opened:
        await close()
