"""Tools of other programs, over pipes and over HTTP, with real servers at the other end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from studiolo.canvas.errors import NotFound
from studiolo.tools.connectors import FILE_NAME, LONGEST_ANSWER, ConnectorFailed, Connectors

PROGRAM = str(Path(__file__).with_name("other_program.py"))
SECRET = "sk-a-secret-of-the-studio-0123456789"


def name(home: Path, **servers: object) -> None:
    (home / FILE_NAME).write_text(json.dumps({"mcpServers": servers}))


@pytest.fixture
async def connectors(tmp_path: Path) -> AsyncIterator[Connectors]:
    name(tmp_path, library={"command": sys.executable, "args": [PROGRAM], "env": {"SHELF": "${env:SHELF}"}})
    made = Connectors(tmp_path, {"SHELF": "three", "OPENAI_API_KEY": SECRET, "PATH": "/usr/bin"})
    yield made
    await made.close()


@pytest.fixture
def over_http(tmp_path: Path) -> Iterator[str]:
    told = tmp_path / "port"
    with subprocess.Popen([sys.executable, PROGRAM, str(told)]) as process:
        deadline = time.monotonic() + 30
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{told.read_text()}/mcp"
        process.terminate()


async def test_a_tool_of_a_program_is_listed_and_used(connectors: Connectors) -> None:
    tools = {tool.name: tool for tool in await connectors.tools("library")}
    assert tools["find_book"].description == "Look up a book by its title."
    assert tools["find_book"].schema["properties"]["title"]["type"] == "string"
    called = await connectors.call("library", "find_book", {"title": "Moby Dick"})
    assert called.text == "Moby Dick is on shelf 3."
    assert not called.failed


async def test_a_server_over_http_gets_its_headers(tmp_path: Path, over_http: str) -> None:
    name(tmp_path, far={"url": over_http, "headers": {"Authorization": "Bearer ${env:FAR_TOKEN}"}})
    connectors = Connectors(tmp_path, {"FAR_TOKEN": SECRET})
    try:
        assert (await connectors.call("far", "find_book", {"title": "Emma"})).text == "Emma is on shelf 3."
        [shown] = connectors.list()
        assert SECRET not in repr(shown)
    finally:
        await connectors.close()


async def test_a_program_sees_nothing_of_the_studio_s_environment(connectors: Connectors) -> None:
    seen = (await connectors.call("library", "surroundings", {})).text
    assert "SHELF=three" in seen
    assert SECRET not in seen


async def test_pictures_long_answers_and_failures_are_told_apart(connectors: Connectors) -> None:
    [(type, data)] = (await connectors.call("library", "cover", {"title": "Emma"})).images
    assert (type, data[:4]) == ("image/png", b"\x89PNG")
    long = await connectors.call("library", "long", {})
    assert len(long.text) == LONGEST_ANSWER
    assert long.cut == 500_000 - LONGEST_ANSWER
    failed = await connectors.call("library", "fail", {})
    assert failed.failed
    assert "The library is closed." in failed.text


async def test_a_tool_that_says_something_else_of_itself_has_another_fingerprint(connectors: Connectors) -> None:
    before = {tool.name: tool.fingerprint for tool in await connectors.tools("library")}
    await connectors.call("library", "rename_everything", {})
    after = {tool.name: tool.fingerprint for tool in await connectors.tools("library")}
    assert after["find_book"] != before["find_book"]
    assert after["cover"] == before["cover"]


async def test_a_program_that_ends_is_said_and_started_again(connectors: Connectors) -> None:
    with pytest.raises(ConnectorFailed, match="library"):
        await connectors.call("library", "crash", {})
    assert (await connectors.call("library", "find_book", {"title": "Emma"})).text == "Emma is on shelf 3."


async def test_what_is_not_set_up_says_what_is_missing(tmp_path: Path) -> None:
    name(
        tmp_path,
        keyed={"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ${env:NOBODY_SET_THIS}"}},
        gone={"command": "/no/such/program"},
        both={"command": "x", "url": "http://example.org"},
        **{"Bad Name": {"command": "x"}},
    )
    connectors = Connectors(tmp_path, {})
    try:
        shown = {one.name: one.problem for one in connectors.list()}
        assert "NOBODY_SET_THIS" in shown["keyed"]
        assert "either `url` or `command`" in shown["both"]
        assert "small letters" in shown["Bad Name"]
        with pytest.raises(ConnectorFailed, match="NOBODY_SET_THIS"):
            await connectors.tools("keyed")
        with pytest.raises(ConnectorFailed, match="gone cannot be reached"):
            await connectors.tools("gone")
        with pytest.raises(NotFound):
            await connectors.tools("nobody")
    finally:
        await connectors.close()


async def test_the_file_is_read_again_and_a_broken_one_leaves_the_last_good(
    tmp_path: Path, connectors: Connectors
) -> None:
    assert [one.name for one in connectors.list()] == ["library"]
    (tmp_path / FILE_NAME).write_text("{ not json")
    assert [one.name for one in connectors.list()] == ["library"]
    assert FILE_NAME in connectors.problem
    name(tmp_path, other={"command": sys.executable, "args": [PROGRAM]})
    assert [one.name for one in connectors.list()] == ["other"]
    assert connectors.problem == ""


def test_a_file_that_goes_down_for_ever_is_a_problem_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[" * 100_000)
    connectors = Connectors(tmp_path, {})
    assert connectors.list() == [] and "cannot be read" in connectors.problem
