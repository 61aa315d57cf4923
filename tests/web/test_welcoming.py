"""What an agent is told that meets a studio for the first time: true, and open to everybody."""

from __future__ import annotations

import re

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import ServedStudio


@pytest.mark.parametrize(("path", "type"), [("/llms.txt", "text/plain"), ("/AGENTS.md", "text/markdown")])
def test_it_is_there_without_a_token(studio: ServedStudio, path: str, type: str) -> None:
    answer = httpx2.get(studio.url + path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{type}; charset=utf-8"


def test_every_address_that_it_names_is_there(studio: ServedStudio) -> None:
    text = httpx2.get(f"{studio.url}/llms.txt").text
    for path in re.findall(r"\]\(([^)]+)\)", text):
        assert httpx2.get(f"{studio.url}/{path}").status_code in (200, 401, 405), path  # 405: it is posted to


async def test_every_tool_that_it_names_is_offered(studio: ServedStudio) -> None:
    async with httpx2.AsyncClient(base_url=studio.url, headers={"Authorization": f"Bearer {studio.token}"}) as http:
        text = (await http.get("/AGENTS.md")).text
        by_mcp = text.split("**By MCP**")[1].split("**By HTTP**")[0]
        async with Client(streamable_http_client(f"{studio.url}/mcp", http_client=http)) as client:
            offered = {tool.name for tool in (await client.list_tools()).tools}
    named = set(re.findall(r"`([a-z_]+)`", by_mcp)) - {"find", "replace", "before", "after", "cursor"}
    assert named
    assert named <= offered
