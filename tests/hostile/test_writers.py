"""Who may not write does not, by any message; and nobody writes in the name of somebody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from tests.web.yclient import YClient

from .table import Table, awareness, step_1, step_2, update

FORBIDDEN = 4403
MESSAGES: dict[str, Callable[[bytes], bytes]] = {"step 2": step_2, "update": update}


def typed_as(client: int, known: bytes, insert: str = "forged ") -> bytes:
    """What it takes to type into the page with a client id of one's choice, on top of what is known."""
    doc: Doc[Any] = Doc(client_id=client)
    doc.apply_update(known)
    before = doc.get_state()
    pages: Map[Any] = doc.get("pages", type=Map)
    text: Text = next(iter(pages.values()))["text"]
    text.insert(0, insert)
    return doc.get_update(before)


def deleted(known: bytes) -> bytes:
    doc: Doc[Any] = Doc()
    doc.apply_update(known)
    before = doc.get_state()
    pages: Map[Any] = doc.get("pages", type=Map)
    text: Text = next(iter(pages.values()))["text"]
    del text[0:3]
    return doc.get_update(before)


def suggested(known: bytes) -> bytes:
    doc: Doc[Any] = Doc()
    doc.apply_update(known)
    before = doc.get_state()
    doc.get("suggestions", type=Map)["fake"] = Map({"status": "accepted"})
    return doc.get_update(before)


WRITES = {"types": lambda known: typed_as(4_711, known), "deletes": deleted, "suggests": suggested}


@pytest.mark.parametrize("role", ["viewer", "commenter"])
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("what", WRITES)
async def test_a_reader_who_writes(here: Table, role: str, message: str, what: str) -> None:
    text = await here.text()
    async with here.guest(role) as guest:
        await guest.send([step_1(), MESSAGES[message](WRITES[what](here.honest.doc.get_update()))])
        assert await guest.closed() == FORBIDDEN
        assert b"\0\0" not in {frame[:2] for frame in guest.frames}  # they are not even asked
    assert await here.text() == text
    with here.studio.client() as http:
        assert http.get(f"/api/canvases/{here.canvas}").json()["suggestions"] == []


@pytest.mark.parametrize("role", ["viewer", "commenter"])
async def test_a_reader_who_says_that_there_is_nothing_to_say(here: Table, role: str) -> None:
    async with here.guest(role) as guest:
        await guest.send([step_1(), step_2(b"\0\0"), update(b"\0\0"), update(here.honest.doc.get_update())])
        await guest.heard()
    assert guest.socket.close_code is None


async def test_a_reader_who_fills_the_wire(here: Table) -> None:
    async with here.guest("viewer") as guest:
        await guest.send([update(typed_as(9, here.honest.doc.get_update(), "x" * 1_000_000)) for _ in range(20)])
        assert await guest.closed() == FORBIDDEN
    assert "x" * 9 not in await here.text()


async def present(here: Table, client: int) -> Any:
    await here.honest.until(lambda: client in here.honest.presence)
    return here.honest.presence[client]


def state(**values: Any) -> bytes:
    return json.dumps({"user": {"id": "x", "name": "The Owner", "role": "owner"}, **values}).encode()


async def test_nobody_speaks_for_somebody_who_is_here(here: Table) -> None:
    async with YClient(here.studio.sync_url(here.canvas, here.token("editor"))) as ada, here.guest("viewer") as guest:
        await ada.ready()
        ada.say_where({"cursor": "ada"})
        client = ada.doc.client_id
        assert (await present(here, client))["user"]["role"] == "editor"
        await guest.send([awareness((client, clock, state(cursor="mallory"))) for clock in (2, 2**31, 2**53 - 1)])
        await guest.send([awareness((client, 2**52, b"null")), awareness((5_001, 1, state(cursor="own")))])
        seen = await present(here, 5_001)
        assert (seen["user"]["role"], seen["user"]["name"]) == ("viewer", "Test viewer")
        assert here.honest.presence[client]["cursor"] == "ada"
        ada.say_where({"cursor": "ada again"}, clock=2)
        await here.honest.until(lambda: here.honest.presence[client]["cursor"] == "ada again")


async def test_one_connection_is_one_person_here(here: Table) -> None:
    async with here.guest("viewer") as guest:
        await guest.send(
            [awareness(*((client, 1, state()) for client in range(6_000 + n, 6_100 + n))) for n in (0, 50)]
        )
        await guest.heard()
        await here.goes_on()
        await present(here, 6_000)
        assert not {client for client in here.honest.presence if 6_000 < client < 6_200}
    await here.honest.until(lambda: here.honest.presence[6_000] is None)


async def test_who_says_where_they_are_takes_no_clients_of_others(here: Table) -> None:
    """Being present under the id of somebody who has typed, and has left, gives no right to it."""
    async with YClient(here.studio.sync_url(here.canvas, here.token("editor"))) as ada:
        await ada.ready()
        ada.insert(here.page, 0, "Ada's ")
        client = ada.doc.client_id
        await here.honest.until(lambda: "Ada's" in here.honest.text(here.page))
        known = here.honest.doc.get_update()
    async with here.guest("editor", "Mallory") as guest:
        await guest.send([step_1(), awareness((client, 2**40, state())), update(typed_as(client, known))])
        assert await guest.closed() == FORBIDDEN
    assert client not in {c for c, seen in here.honest.presence.items() if seen}
    assert "forged" not in (await late_text(here))


async def late_text(here: Table) -> str:
    async with YClient(here.studio.sync_url(here.canvas)) as late:
        await late.ready()
        return late.text(here.page)


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("when", ["after they typed", "while they are here", "while they are away"])
async def test_an_editor_who_forges_the_client_id_of_another(here: Table, message: str, when: str) -> None:
    url = here.studio.sync_url(here.canvas, here.token("editor"))
    ada = YClient(url)
    async with ada:
        await ada.ready()
        client = ada.doc.client_id
        if when == "while they are here":
            ada.say_where({"cursor": 1})
            await present(here, client)
        else:
            ada.insert(here.page, 0, "Ada's ")
            await here.honest.until(lambda: "Ada's" in here.honest.text(here.page))
        if when != "while they are away":
            await forge(here, client, MESSAGES[message], ada)
    if when == "while they are away":
        await forge(here, client, MESSAGES[message], None)
        async with ada:
            ada.insert(here.page, 0, "back ")
            await here.honest.until(lambda: "back" in here.honest.text(here.page))


async def forge(here: Table, client: int, message: Callable[[bytes], bytes], ada: YClient | None) -> None:
    async with here.guest("editor", "Mallory") as guest:
        await guest.send([step_1(), message(typed_as(client, here.honest.doc.get_update()))])
        assert await guest.closed() == FORBIDDEN
    assert "forged" not in await late_text(here)
    if ada is not None:  # and it has cost its owner nothing
        ada.insert(here.page, 0, "still Ada ")
        await here.honest.until(lambda: "still Ada" in here.honest.text(here.page))
        assert ada.closed is None


async def test_who_comes_first_has_a_client_id_and_the_other_is_told(here: Table) -> None:
    """Two people whose browsers drew the same number: the second is sent away with words, and neither text is lost."""
    known = here.honest.doc.get_update()
    async with here.guest("editor", "First") as first, here.guest("editor", "Second") as second:
        listening = asyncio.create_task(first.listen())
        await first.send([step_1(), update(typed_as(4_242, known, "one "))])
        await here.honest.until(lambda: "one" in here.honest.text(here.page))
        await second.send([step_1(), update(typed_as(4_242, known, "two of us "))])
        assert await second.closed() == FORBIDDEN
        assert first.socket.close_code is None
        listening.cancel()
    text = await late_text(here)
    assert text.count("one ") == 1 and "two of us" not in text
