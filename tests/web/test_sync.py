"""The websocket: typing together, who may come and who may write, and frames that are no frames."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import ServedStudio
from tests.web.test_access import browser
from tests.web.test_canvases import act, suggest
from tests.web.yclient import YClient, buffer


async def refused(url: str, **headers: str) -> tuple[int, str]:
    """The close code and reason of a connection that the server accepts and then closes."""
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        with pytest.raises(ConnectionClosed):
            while True:
                await asyncio.wait_for(socket.recv(), 10)
        return socket.close_code or 0, socket.close_reason or ""


async def test_two_people_type_and_both_see_all_of_it(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat. 🌍")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"])
    async with YClient(url) as one, YClient(url) as two:
        await one.ready()
        await two.ready()
        assert one.text(page) == two.text(page) == "The cat sat. 🌍"
        one.insert(page, 0, "Ünd: ")
        two.insert(page, len("The cat sat. 🌍".encode()), " Fin.")
        whole = "Ünd: The cat sat. 🌍 Fin."
        await one.until(lambda: one.text(page) == two.text(page) == whole)
    with studio.client() as owner:
        assert owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == whole


async def test_actions_reach_everybody_who_is_connected(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    async with YClient(studio.sync_url(made["id"])) as one:
        await one.ready()
        with studio.client() as owner:
            suggestion = await asyncio.to_thread(suggest, owner, made, "cat", "dog")
            await asyncio.to_thread(act, owner, made["id"], "accept", suggestion=suggestion)
        await one.until(lambda: one.text(page) == "The dog sat.")


async def test_presence_carries_the_name_that_the_server_knows(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    url = studio.sync_url(made["id"], studio.make_token("viewer", made["id"], "Ada"))
    async with YClient(url) as ada, YClient(studio.sync_url(made["id"])) as other:
        await ada.ready()
        await other.ready()
        ada.say_where({"user": {"name": "The Owner", "role": "owner"}, "page": "p", "cursor": None})
        await other.until(lambda: ada.doc.client_id in other.presence)
        state = other.presence[ada.doc.client_id]
        assert state["page"] == "p"
        assert (state["user"]["name"], state["user"]["role"]) == ("Ada", "viewer")
        await ada.socket.close()
        await other.until(lambda: other.presence[ada.doc.client_id] is None)


async def test_nobody_comes_in_without_a_good_token(studio: ServedStudio) -> None:
    made, other = studio.canvas("x"), studio.canvas("y")
    for token in ("", "st_wrong"):
        code, reason = await refused(studio.sync_url(made["id"], token))
        assert code == 4401 and "Sign in" in reason
    assert (await refused(studio.sync_url("no-such-canvas")))[0] == 4404
    assert (await refused(studio.sync_url(made["id"], studio.make_token("editor", other["id"]))))[0] == 4404


@pytest.mark.parametrize("role", ["viewer", "commenter"])
async def test_a_reader_who_types_is_sent_away_and_changes_nothing(studio: ServedStudio, role: str) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"], studio.make_token(role, made["id"]))
    async with YClient(url) as reader, YClient(studio.sync_url(made["id"])) as owner:
        await reader.ready()
        await owner.ready()
        assert reader.text(page) == "The cat sat."
        reader.insert(page, 0, "Not ")
        code, reason = await reader.until_closed()
        assert code == 4403 and role in reason
        owner.insert(page, 0, "Yes: ")
        with studio.client() as client:
            await owner.until(
                lambda: client.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == "Yes: The cat sat."
            )


async def test_an_editor_cannot_forge_what_only_actions_may_make(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    with studio.client() as owner:
        suggestion = await asyncio.to_thread(suggest, owner, made, "cat", "dog")
        async with YClient(studio.sync_url(made["id"], studio.make_token("editor", made["id"]))) as editor:
            await editor.ready()
            suggestions = editor.doc.get("suggestions", type=type(editor.pages))
            suggestions[suggestion]["status"] = "accepted"
            code, _ = await editor.until_closed()
            assert code == 4403
        assert owner.get(f"/api/canvases/{made['id']}").json()["suggestions"][0]["status"] == "open"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xff\xff",
        b"\x00\x02\x05abc",
        b"\x00\x07\x00",
        b"\x00\x02" + buffer(b"\x01\x02garbage"),
        "a text",
        b"\x01\x03abc",
    ],
)
async def test_a_garbage_frame_ends_its_sender_and_nobody_else(studio: ServedStudio, frame: Any) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"])
    async with YClient(url) as bad, YClient(url) as one, YClient(url) as two:
        for client in (bad, one, two):
            await client.ready()
        await bad.send(frame)
        code, reason = await bad.until_closed()
        assert code == 4400 and reason
        one.insert(page, 0, "Still: ")
        await two.until(lambda: two.text(page) == "Still: The cat sat.")
        assert one.closed is None and two.closed is None


async def test_acknowledgements_come_to_those_who_ask(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"])
    async with YClient(f"{url}&ack=1") as asks, YClient(url) as silent:
        await asks.ready()
        await silent.ready()
        for _ in range(3):
            asks.insert(page, 0, "a")
            silent.insert(page, 0, "b")
        # The answer to the server's step 1 counts too.
        await asks.until(lambda: asks.acked == 4)
        await silent.until(lambda: silent.text(page).count("b") == 3)
        assert silent.acked == 0


async def test_a_copy_of_another_life_of_the_canvas_is_refused(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    with studio.client() as owner:
        epoch = owner.get(f"/api/canvases/{made['id']}").json()["epoch"]
    async with YClient(studio.sync_url(made["id"], epoch=epoch)) as client:
        await client.ready()
    assert (await refused(studio.sync_url(made["id"], epoch="other")))[0] == 4409


async def test_the_cookie_opens_a_socket_only_from_the_studios_own_page(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    with studio.client() as owner, browser(studio) as guest:
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()["url"]
        guest.post("/api/join", json={"token": link.rsplit("/", 1)[1], "name": "Guest"})
        cookie = f"studiolo_session={guest.cookies['studiolo_session']}"
    url = studio.sync_url(made["id"]).split("?")[0]
    async with YClient(url, Cookie=cookie, Origin=studio.url) as client:
        await client.ready()
    assert (await refused(url, Cookie=cookie, Origin="https://evil.example"))[0] == 4401
    assert (await refused(url, Cookie=cookie))[0] == 4401


async def test_who_loses_their_share_is_sent_away_at_once(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    with studio.client() as owner, browser(studio) as guest:
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()
        guest.post("/api/join", json={"token": link["url"].rsplit("/", 1)[1], "name": "Guest"})
        cookie = f"studiolo_session={guest.cookies['studiolo_session']}"
        url = studio.sync_url(made["id"])
        async with YClient(url.split("?")[0], Cookie=cookie, Origin=studio.url) as guests, YClient(url) as stays:
            await guests.ready()
            await stays.ready()
            await asyncio.to_thread(owner.delete, f"/api/canvases/{made['id']}/shares/{link['id']}")
            assert (await guests.until_closed())[0] == 4401
            assert stays.closed is None


@pytest.mark.slow
async def test_who_loses_their_token_in_another_process_is_sent_away_soon(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    token = studio.make_token("editor", made["id"])
    async with YClient(studio.sync_url(made["id"], token)) as client:
        await client.ready()
        await asyncio.to_thread(studio.cli, "token", "revoke", token)
        await client.until(lambda: client.closed is not None, 40)
        assert client.closed and client.closed[0] == 4401


async def test_deleting_a_canvas_sends_everybody_away(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    async with YClient(studio.sync_url(made["id"])) as client:
        await client.ready()
        with studio.client() as owner:
            await asyncio.to_thread(owner.delete, f"/api/canvases/{made['id']}")
        assert (await client.until_closed())[0] == 4404


async def test_a_text_of_two_megabytes_can_be_pasted(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    page = made["pages"][0]["id"]
    url = studio.sync_url(made["id"])
    pasted = "Ein langer Satz, größer als man denkt. " * 55_000
    async with YClient(url) as one, YClient(url) as two:
        await one.ready()
        await two.ready()
        one.insert(page, 1, pasted)
        await two.until(lambda: len(two.text(page)) == len(pasted) + 1, 20)
        assert two.text(page) == "x" + pasted
