"""One studio for the whole suite, with keys to lose, and everybody around it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studiolo.tools.documentation import Documentation
from tests.conftest import serve
from tests.models.fake_provider import FakeProvider
from tests.safety.injections import INJECTIONS, the_mark
from tests.safety.planting import documented
from tests.safety.world import ENVIRONMENT, HIDDEN, INSIDE, KEY, SECRET, World
from tests.tools.site import Site, page, redirect

HERE = Path(__file__).parent
EVERYTHING = """---
name: Everything
description: An agent that may use all that the studio offers.
---
Do as you are asked.
"""


async def _indexed(home: Path) -> None:
    # Of the same folder, and without the standard library, which takes a minute.
    docs = Documentation(home / "cache" / "docs.db", environments=[], folders=[home / "documentation"], standard=False)
    try:
        await docs.index()
    finally:
        await docs.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("safety")
    outside = tmp_path_factory.mktemp("outside")
    secret = outside / "secret.txt"
    secret.write_text(SECRET)
    program_log = outside / "program.jsonl"
    program = {"command": sys.executable, "args": [str(HERE / "hostile_program.py"), str(program_log)]}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": program}}))
    documented(
        home,
        {
            the_mark(number, one): f"{the_mark(number, one)} {one.says}"
            for number, one in enumerate(INJECTIONS)
            if one.where == "docstring"
        },
    )
    asyncio.run(_indexed(home))
    (home / "agents").mkdir()
    (home / "agents" / "everything.md").write_text(EVERYTHING)
    attacker, inside = Site(host="127.0.0.2"), Site({"/": page(INSIDE)}, host="127.0.0.1")
    attacker.pages |= {
        "/to-inside": redirect(f"http://127.0.0.1:{inside.port}/"),
        "/to-inside-by-name": redirect(f"http://inside.test:{inside.port}/"),
        "/to-a-file": redirect(f"file://{secret}"),
    }
    with FakeProvider() as provider:
        studio = serve(
            home,
            {
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": f"{provider.url}/v1",
                "STUDIOLO_MODEL": "openai:fake-model",
                "STUDIOLO_TOOL_NETWORKS": "127.0.0.2/32",
                "STUDIOLO_SEARCH": "searxng",
                "SEARXNG_URL": f"http://attacker.test:{attacker.port}",
                "SAFETY_CANARY": ENVIRONMENT,
                "STUDIOLO_BROWSER": os.environ.get("STUDIOLO_BROWSER") or shutil.which("chromium") or "",
                "PYTHONPATH": os.pathsep.join([str(HERE / "names"), os.environ.get("PYTHONPATH", "")]).rstrip(
                    os.pathsep
                ),
            },
        )
        owner = studio.client()
        made = World(
            studio,
            provider,
            attacker,
            inside,
            secret,
            program_log,
            studio.make_token("commenter", name="Ada"),
            studio.make_token("editor", name="Mallory"),
            owner,
        )
        other = studio.canvas(HIDDEN, title="Of other people")
        file = owner.post(
            f"/api/canvases/{other['id']}/attachments", files={"file": ("plot.txt", HIDDEN.encode(), "text/plain")}
        ).json()
        made.other = {"canvas": other["id"], "page": other["pages"][0]["id"], "file": file["id"]}
        yield made
        owner.close()
        assert studio.stop() == 0, studio.log()
        attacker.close()
        inside.close()
