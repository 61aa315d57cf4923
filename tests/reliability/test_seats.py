"""Who may be here, and as whom: access that ends while one is connected, and client ids that two people have."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from pycrdt import Doc, Map

from tests.conftest import ServedStudio
from tests.interop.test_y_websocket import Peers, until
from tests.reliability.typist import guests, served_texts
from tests.web.yclient import YClient, buffer, read_varuint

# 12. Expired and revoked tokens


def expire(studio: ServedStudio, name: str) -> None:
    with closing(sqlite3.connect(studio.home / "studiolo.db")) as database, database:
        done = database.execute("UPDATE secrets SET expires = ? WHERE name = ?", (time.time() - 1, name))
        assert done.rowcount == 1


async def test_expired_and_revoked_tokens_end_the_session_with_4401(studio: ServedStudio) -> None:
    """Both are noticed within seconds by a connection that stays silent, and neither takes anybody else along."""
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    expiring, revoked, stays = (
        studio.make_token("editor", made["id"], name) for name in ("Expiring", "Revoked", "Stays")
    )
    clients = [YClient(studio.sync_url(made["id"], token)) for token in (expiring, revoked, stays)]
    async with clients[0] as one, clients[1] as two, clients[2] as three:
        for client in clients:
            await client.ready()
        await asyncio.to_thread(expire, studio, "Expiring")
        assert (await asyncio.to_thread(studio.cli, "token", "revoke", revoked)).returncode == 0
        for client in (one, two):
            await client.until(lambda client=client: client.closed, 40)
            assert client.closed and client.closed[0] == 4401 and client.closed[1]
        assert three.closed is None
        three.insert(page, 0, "Still. ")
        await asyncio.to_thread(until, lambda: served_texts(studio, made["id"], [page])[page] == "Still. The cat sat.")
    for client in (one, two):  # and the door stays shut
        client.insert(page, 0, "Not any more. ")
        async with client:
            assert (await client.until_closed())[0] == 4401
    assert served_texts(studio, made["id"], [page])[page] == "Still. The cat sat."


@pytest.mark.interop
def test_a_yjs_client_stops_when_it_is_told_not_to_come_back(studio: ServedStudio, peers: Peers) -> None:
    """A wrong token, a canvas that is gone, a reader who types: one try each. Told to come back, it does."""
    made, gone = studio.canvas("The cat sat."), studio.canvas("x")
    url = studio.url.replace("http", "ws", 1) + "/sync"
    viewer = studio.make_token("viewer", made["id"])
    peers("open", "wrong", url=url, canvas=made["id"], params={"token": "st_wrong"})
    peers.join(studio, "gone", gone["id"])
    peers.join(studio, "reader", made["id"], viewer)
    peers.join(studio, "stays", made["id"])
    with studio.client() as owner:
        assert owner.delete(f"/api/canvases/{gone['id']}").status_code == 204
    peers("insert", "reader", page=made["pages"][0]["id"], at=0, text="x")
    for name, code in (("wrong", 4401), ("gone", 4404), ("reader", 4403)):
        until(lambda name=name: peers("closes", name))
        assert [close["code"] for close in peers("closes", name)] == [code]
    time.sleep(2.5)  # a y-websocket client that means to come back does so within two seconds
    for name in ("wrong", "gone", "reader"):
        assert len(peers("closes", name)) == 1, f"{name} came back"
    assert peers("closes", "stays") == []


async def test_a_reader_cannot_write_by_step_2_or_update(studio: ServedStudio) -> None:
    """To say what is already there is no offence; anything new is."""
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    tokens = {role: studio.make_token(role, made["id"]) for role in ("viewer", "commenter")}
    for role, kind in product(tokens, (1, 2)):
        async with YClient(studio.sync_url(made["id"], tokens[role])) as reader:
            await reader.ready()
            await reader.send(bytes((0, kind)) + buffer(reader.doc.get_update()))
            await (await reader.socket.ping())
            assert reader.closed is None
            copy: Doc[Any] = Doc()
            copy.apply_update(reader.doc.get_update())
            copy.get("pages", type=Map)[page]["text"].insert(0, "Forged. ")
            await reader.send(bytes((0, kind)) + buffer(copy.get_update()))
            assert (await reader.until_closed())[0] == 4403, (role, kind)
    assert served_texts(studio, made["id"], [page])[page] == "The cat sat."


# 17. Client-id collision and forgery


class Named(YClient):
    """A client with a client id of its choice."""

    def __init__(self, client: int, seat: YClient) -> None:
        super().__init__(seat.url, **seat.headers)
        self.doc = Doc(client_id=client)
        self.pages = self.doc.get("pages", type=Map)


async def test_two_people_with_one_client_id_never_mix(studio: ServedStudio) -> None:
    """The first to type has it. The other is sent away with a reason, and nothing of theirs is taken for the first's,
    whether they typed before they met, while connected, or were silent."""
    made = studio.canvas("Once.")
    page = made["pages"][0]["id"]
    seats = await asyncio.to_thread(guests, studio, made["id"], 3)
    async with Named(77, seats[0]) as ada, Named(77, seats[1]) as ben, seats[2] as cas:
        for client in (ada, ben, cas):
            await client.ready()
        ada.insert(page, 0, "Ada. ")
        await cas.until(lambda: cas.text(page) == "Ada. Once.")
        ben.insert(page, 5, "Ben writes more than Ada. ")
        assert (await ben.until_closed())[0] == 4403
        ada.insert(page, 0, "More. ")
        await cas.until(lambda: cas.text(page) == "More. Ada. Once.")
        assert ada.closed is None
    async with Named(78, seats[1]) as ben:  # with an id of their own they are welcome
        await ben.ready()
        ben.insert(page, 0, "Ben. ")
        await ben.until(lambda: ben.acked == 2)
    assert served_texts(studio, made["id"], [page])[page] == "Ben. More. Ada. Once."


async def test_an_id_stays_with_its_owner_over_restarts(mortal: ServedStudio) -> None:
    """Also the ids that the studio itself writes with, for people and for records."""
    made = mortal.canvas("Once.")
    page = made["pages"][0]["id"]
    seats = await asyncio.to_thread(guests, mortal, made["id"], 2)
    async with Named(91, seats[0]) as ada:
        await ada.ready()
        ada.insert(page, 0, "Ada. ")
        await ada.until(lambda: ada.acked == 2)
        known = sorted(clients_of(ada.doc))
    assert 91 in known and len(known) >= 3, "hers, the studio's, and that of the page's author"
    await asyncio.to_thread(mortal.process.kill)
    await asyncio.to_thread(mortal.stop)
    await asyncio.to_thread(mortal.start, mortal.url.rsplit(":", 1)[1])
    for client in known:
        async with Named(client, seats[1]) as eve:
            await eve.ready()
            eve.insert(page, 0, "Eve. ")
            assert (await eve.until_closed())[0] == 4403, client
    assert served_texts(mortal, made["id"], [page])[page] == "Ada. Once."


def clients_of(doc: Doc[Any]) -> list[int]:
    """The client ids in a state vector."""
    state = doc.get_state()
    count, at = read_varuint(state)
    found: list[int] = []
    for _ in range(count):
        client, at = read_varuint(state, at)
        _, at = read_varuint(state, at)
        found.append(client)
    return found
