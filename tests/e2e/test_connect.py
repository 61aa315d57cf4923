"""The agent of another program is let in from the page, comes in by MCP, and is shown out again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import expect

from tests.conftest import StartStudio

from .desk import Desk
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]
TEXT = "The keeper climbed the stairs slowly. Nobody had asked him to."


def suggest(url: str, token: str) -> None:
    """What such a program does: read the canvas, and propose a change."""

    async def visit() -> None:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            found: Any = (await client.call_tool("list_canvases")).structured_content
            canvas = found["canvases"][0]["id"]
            overview: Any = (await client.call_tool("read_canvas", {"canvas": canvas})).structured_content
            answer = await client.call_tool(
                "suggest",
                {
                    "canvas": canvas,
                    "page": overview["pages"][0]["id"],
                    "hunks": [{"find": "slowly", "replace": "step by step"}],
                    "reason": "Let us see him do it.",
                },
            )
            assert not answer.is_error

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, visit()).result(60)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_agent_of_another_program_is_let_in(
    start_studio: StartStudio, person: Person, screen: dict[str, Any]
) -> None:
    studio = start_studio()
    ann = person(**screen, permissions=["clipboard-read", "clipboard-write"])
    ann.set_up(f"{studio.url}/?setup={studio.setup}", "Ann")
    canvas = studio.canvas(TEXT, title="The keeper’s lamp")
    page = ann.page
    page.goto(f"{studio.url}/c/{canvas['id']}")
    ann.ready()
    ann.command("Connect an agent of another program")
    dialog = page.get_by_role("dialog", name="Connect an agent")
    dialog.get_by_label("Its name").fill("Claude Code")
    dialog.get_by_role("button", name="Make a token").click()
    given = dialog.get_by_label("What to give Claude Code")
    expect(given).to_contain_text(f"claude mcp add --transport http studiolo {studio.url}/mcp")
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert complaints(page) == []
    token = given.inner_text().split("Bearer ")[1].strip('"')

    suggest(studio.url, token)
    page.keyboard.press("Escape")
    if screen is DESKTOP:
        expect(ann.card(has_text="Let us see him do it.")).to_contain_text("Claude Code")

    ann.command("Connect an agent of another program")
    listed = dialog.get_by_role("listitem").filter(has_text="Claude Code")
    expect(listed).to_contain_text("last here")
    listed.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Claude Code can no longer come in.")).to_be_visible()
    expect(listed).to_have_count(0)
    with studio.client(token) as gone:
        assert gone.get("/api/canvases").status_code == 401
