"""An MCP client, of both generations of the protocol, takes a seat at a canvas over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import ServedStudio
from tests.web.yclient import YClient

STORY = "The lamp went out.\n\nAnna never lit it again.\n\nAnna never spoke of it."


@contextlib.asynccontextmanager
async def connected(studio: ServedStudio, token: str, mode: Any = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=90) as http,
        Client(streamable_http_client(f"{studio.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    return answer.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    return str(getattr(answer.content[0], "text", ""))


@pytest.fixture
def canvas(studio: ServedStudio) -> dict[str, Any]:
    return studio.canvas(STORY, "Notes on the keeper.\n\nHe is called Tom.")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_reads_and_proposes_and_people_see_it(
    studio: ServedStudio, canvas: dict[str, Any], mode: str
) -> None:
    page = canvas["pages"][0]["id"]
    token = studio.make_token("commenter", canvas["id"], "Claude Code")
    async with connected(studio, token, mode) as client:
        found = await call(client, "list_canvases")
        assert [one["id"] for one in found["canvases"]] == [canvas["id"]]
        overview = await call(client, "read_canvas", canvas=canvas["id"])
        assert overview["you"]["role"] == "commenter"
        assert [one["id"] for one in overview["pages"]] == [one["id"] for one in canvas["pages"]]
        assert (await call(client, "read_page", canvas=canvas["id"], page=page))["text"] == STORY
        made = await call(
            client,
            "suggest",
            canvas=canvas["id"],
            page=page,
            hunks=[{"find": "lamp", "replace": "lantern"}],
            reason="A lantern can be carried.",
        )
        opened = await call(
            client, "comment", canvas=canvas["id"], page=page, quote="The lamp went out.", text="Why did it?"
        )
        about = await call(
            client, "comment_on_suggestion", canvas=canvas["id"], suggestion=made["id"], text="Or a torch?"
        )
        threads = (await call(client, "read_threads", canvas=canvas["id"]))["threads"]
        assert [one.get("about") for one in threads if one["id"] == about["id"]] == [made["id"]]
        mine = await call(client, "read_suggestions", canvas=canvas["id"], mine=True)
        assert mine["suggestions"][0]["hunks"] == [{"find": "lamp", "replace": "lantern", "status": "open"}]
    with studio.client() as owner:
        seen = owner.get(f"/api/canvases/{canvas['id']}").json()
        assert seen["pages"][0]["text"] == STORY  # nothing is changed by a suggestion
        suggestion = seen["suggestions"][0]
        assert (suggestion["id"], suggestion["name"], suggestion["skill"]) == (made["id"], "Claude Code", "mcp")
        assert {one["id"] for one in seen["threads"]} == {opened["id"], about["id"]}


async def test_a_quote_that_fits_twice_is_refused_with_the_text_around_both(
    studio: ServedStudio, canvas: dict[str, Any]
) -> None:
    page = canvas["pages"][0]["id"]
    async with connected(studio, studio.make_token("commenter", canvas["id"])) as client:
        hunks = [{"find": "Anna never", "replace": "Nobody"}]
        said = await refusal(client, "suggest", canvas=canvas["id"], page=page, hunks=hunks, reason="x")
        assert "lit it again" in said
        assert "spoke of it" in said


async def test_a_role_is_a_role_here_too(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    page = canvas["pages"][0]["id"]
    other = studio.canvas("Somebody else's.")
    hunks = [{"find": "lamp", "replace": "lantern"}]
    async with connected(studio, studio.make_token("viewer", canvas["id"])) as client:
        assert "commenter" in await refusal(client, "suggest", canvas=canvas["id"], page=page, hunks=hunks, reason="no")
        assert "no such canvas" in await refusal(client, "read_canvas", canvas=other["id"])
    async with connected(studio, studio.make_token("commenter", canvas["id"])) as client:
        assert "editor" in await refusal(client, "add_page", canvas=canvas["id"], title="Mine")
        offered = {tool.name for tool in (await client.list_tools()).tools}
        assert not offered & {"accept", "reject", "merge", "undo", "set_policy", "edit"}
    async with connected(studio, studio.make_token("editor", canvas["id"])) as client:
        await call(client, "add_page", canvas=canvas["id"], title="Three", text="More.")


async def test_nobody_comes_in_without_a_token(studio: ServedStudio) -> None:
    async with httpx2.AsyncClient(base_url=studio.url) as http:
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            answer = await http.post("/mcp", headers=headers, json={})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["hint"]
        # Clients that find OAuth discovery stop sending the token that they were given.
        for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
            assert (await http.get(path)).status_code == 404
        foreign = {"Authorization": f"Bearer {studio.token}", "Origin": "https://evil.example"}
        assert (await http.post("/mcp", headers=foreign, json={})).status_code == 403


async def test_a_client_that_waits_hears_what_became_of_its_suggestion(
    studio: ServedStudio, canvas: dict[str, Any]
) -> None:
    page = canvas["pages"][0]["id"]
    async with (
        connected(studio, studio.make_token("commenter", canvas["id"], "Cursor")) as client,
        httpx2.AsyncClient(base_url=studio.url, headers={"Authorization": f"Bearer {studio.token}"}) as owner,
    ):
        made = await call(
            client,
            "suggest",
            canvas=canvas["id"],
            page=page,
            hunks=[{"find": "lamp", "replace": "lantern"}],
            reason="A lantern can be carried.",
        )
        cursor = (await call(client, "read_canvas", canvas=canvas["id"]))["cursor"]
        waiting = asyncio.create_task(call(client, "wait_for_changes", canvas=canvas["id"], since=cursor, seconds=50))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        action = {"type": "accept", "suggestion": made["id"]}
        assert (await owner.post(f"/api/canvases/{canvas['id']}/actions", json=action)).status_code == 200
        heard = await waiting
        change = next(one for one in heard["changes"] if one["type"] == "accept")
        assert change["suggestion"] == made["id"]
        assert change["yours"] is True
        assert heard["cursor"] > cursor
        # One's own deeds are no news, and a wait ends by itself.
        await call(client, "say", canvas=canvas["id"], text="Thank you.")
        later = await call(client, "wait_for_changes", canvas=canvas["id"], since=heard["cursor"], seconds=0)
        assert later["changes"] == []


async def test_search_finds_the_passage_and_its_line(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    async with connected(studio, studio.make_token("viewer", canvas["id"])) as client:
        found = await call(client, "search", canvas=canvas["id"], query="what is the keeper called")
        assert any(one["text"] == "He is called Tom." and one["line"] == 3 for one in found["passages"])


async def test_a_long_page_is_read_in_parts(studio: ServedStudio) -> None:
    text = "\n".join(f"Line {number} of a long page." for number in range(1, 4_001))
    canvas = studio.canvas(text)
    page = canvas["pages"][0]["id"]
    async with connected(studio, studio.make_token("viewer", canvas["id"])) as client:
        read: list[str] = []
        at: int | None = 1
        while at is not None:
            part = await call(client, "read_page", canvas=canvas["id"], page=page, from_line=at)
            read.append(part["text"])
            at = part.get("next_line")
        assert len(read) > 1
        assert "\n".join(read) == text
        assert "4000 lines" in await refusal(client, "read_page", canvas=canvas["id"], page=page, from_line=5_000)


async def test_whoever_works_here_is_seen(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    page = canvas["pages"][0]["id"]
    token = studio.make_token("commenter", canvas["id"], "Claude Code")
    async with YClient(studio.sync_url(canvas["id"])) as person, connected(studio, token) as client:
        await person.ready()
        await call(client, "read_page", canvas=canvas["id"], page=page)
        await person.until(lambda: any(_name(state) == "Claude Code" for state in person.presence.values()))


def _name(state: Any) -> str:
    return (state or {}).get("user", {}).get("name", "")


async def test_an_owner_lets_an_agent_in_and_out_again(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    at = f"/api/canvases/{canvas['id']}/tokens"
    with studio.client() as owner:
        made = owner.post(at, json={"name": "Claude Code", "role": "commenter", "days": 7}).json()
        assert owner.post(at, json={"name": "Boss", "role": "owner"}).status_code == 422
        async with connected(studio, made["token"]) as client:
            you = (await call(client, "read_canvas", canvas=canvas["id"]))["you"]
            assert (you["name"], you["kind"], you["role"]) == ("Claude Code", "agent", "commenter")
        [listed] = owner.get(at).json()["tokens"]
        assert listed["id"] == made["id"]
        assert made["token"] not in str(listed)
        with studio.client(made["token"]) as agent:
            assert agent.post(at, json={"name": "A friend"}).status_code == 403
        assert owner.delete(f"{at}/{made['id']}").status_code == 204
        assert owner.delete(f"{at}/{made['id']}").status_code == 404
    async with httpx2.AsyncClient(base_url=studio.url) as http:
        assert (
            await http.post("/mcp", headers={"Authorization": f"Bearer {made['token']}"}, json={})
        ).status_code == 401


# -- what strangers try


async def test_nothing_is_told_to_whoever_was_sent_away_while_they_waited(
    studio: ServedStudio, canvas: dict[str, Any]
) -> None:
    at = f"/api/canvases/{canvas['id']}"
    with studio.client() as owner:
        made = owner.post(f"{at}/tokens", json={"name": "Robot", "role": "viewer"}).json()
        async with YClient(studio.sync_url(canvas["id"])) as person, connected(studio, made["token"]) as client:
            await person.ready()
            cursor = (await call(client, "read_canvas", canvas=canvas["id"]))["cursor"]
            wanted = {"canvas": canvas["id"], "since": cursor, "seconds": 50}
            waits = asyncio.create_task(client.call_tool("wait_for_changes", wanted))
            await person.until(
                lambda: any((state or {}).get("status") == "listening" for state in person.presence.values())
            )
            await asyncio.to_thread(owner.delete, f"{at}/tokens/{made['id']}")
            said = {"type": "say", "text": "Now that we are alone"}
            await asyncio.to_thread(owner.post, f"{at}/actions", json=said)
            answer = await waits
    assert answer.is_error and "alone" not in str(answer.content)


async def test_no_stream_is_held_open_that_nothing_is_said_on(studio: ServedStudio) -> None:
    """Or it would outlive the token, and anybody could hold as many as the studio has descriptors."""
    headers = {"Authorization": f"Bearer {studio.token}", "Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=studio.url, headers=headers, timeout=30) as http:
        for method in ("GET", "DELETE", "PUT"):
            answer = await http.request(method, "/mcp")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        about = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
        about |= {"io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"}}
        about |= {"io.modelcontextprotocol/clientCapabilities": {}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {"_meta": about}}
        body["params"] |= {"notifications": {"toolsListChanged": True}}
        version = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
        answer = await http.post("/mcp", headers=version, json=body)
        assert "Method not found" in answer.text, answer.text


async def test_what_nobody_can_mean_is_refused_and_no_fault_of_the_studio(
    studio: ServedStudio, canvas: dict[str, Any]
) -> None:
    async with connected(studio, studio.make_token("commenter", canvas["id"])) as client:
        said = await refusal(client, "wait_for_changes", canvas=canvas["id"], since=10**20, seconds=0)
        assert "less than or equal" in said
        with pytest.raises(MCPError, match="no such canvas"):
            await client.read_resource("studiolo://somewhere/else")
    assert "OverflowError" not in studio.log()
    assert "'studiolo://somewhere/else' raised" not in studio.log()


async def test_a_list_is_as_long_as_one_can_read(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    async with connected(studio, studio.make_token("commenter", canvas["id"])) as client:
        for at in range(6):
            await call(client, "say", canvas=canvas["id"], text=f"{at} " + "word " * 19_000)
        told = (await call(client, "read_conversation", canvas=canvas["id"]))["messages"]
        assert [one["text"][0] for one in told] == ["2", "3", "4", "5"]


async def test_nobody_waits_a_hundred_times_at_once(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    token = studio.make_token("viewer", canvas["id"])
    async with connected(studio, token) as client, asyncio.timeout(120):
        cursor = (await call(client, "read_canvas", canvas=canvas["id"]))["cursor"]
        wanted = {"canvas": canvas["id"], "since": cursor, "seconds": 50}
        waits = {asyncio.create_task(client.call_tool("wait_for_changes", wanted)) for _ in range(24)}
        refused = 0
        while refused < 8:
            done, waits = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            assert all("already" in str(one.result().content) for one in done)
            refused += len(done)
        with studio.client() as owner:
            said = {"type": "say", "text": "Good morning"}
            await asyncio.to_thread(owner.post, f"/api/canvases/{canvas['id']}/actions", json=said)
        answers = await asyncio.gather(*waits)
        assert len(answers) == 16 and all("Good morning" in str(one.content) for one in answers)
        await call(client, "wait_for_changes", canvas=canvas["id"], seconds=0)
