"""Frames that are no frames: each ends its sender with a code that says so, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterable

import pytest
from pycrdt import Doc, Map, Text
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from tests.canvas.wire import string, struct, typed, uint
from tests.canvas.wire import update as wire
from tests.web.yclient import buffer, varuint

from .table import PATIENCE, Table, awareness, raw, step_1, step_2, update

GARBAGE, FORBIDDEN, TOO_BIG, BAD_PROTOCOL = 4400, 4403, 1009, 1002


def typing(client: int = 77) -> bytes:
    """An update that types into a document of its own."""
    doc: Doc = Doc(client_id=client)
    doc.get("pages", type=Map)["p"] = Map({"text": Text("héllo 🌍")})
    return doc.get_update()


def state_vector() -> bytes:
    return uint(2, 77, 5, 2**31 + 3, 1)


STATE = json.dumps({"user": {"name": "é"}, "cursor": None}).encode()
WHOLE = {
    "step 1": step_1(state_vector()),
    "step 2": step_2(typing()),
    "update": update(typing()),
    "awareness": awareness((2**31 + 9, 3, STATE), (5, 1, b"null")),
}


async def codes(here: Table, frames: Iterable[bytes | str], role: str = "editor") -> list[int]:
    """The code that each of the frames is answered with, each on a connection of its own."""
    here.token(role)
    slots = asyncio.Semaphore(12)

    async def one(frame: bytes | str) -> int:
        async with slots, here.guest(role) as guest:
            await guest.send(frame)
            return await guest.closed()

    return await asyncio.gather(*(one(frame) for frame in frames))


@pytest.mark.parametrize("kind", WHOLE)
async def test_no_beginning_of_a_frame_is_a_frame(here: Table, kind: str) -> None:
    frame = WHOLE[kind]
    parts = [frame[:end] for end in range(len(frame))]
    assert await codes(here, parts) == [GARBAGE] * len(parts)


@pytest.mark.parametrize("kind", ["step 1", "step 2", "update"])
async def test_no_beginning_of_what_a_frame_holds_is_whole(here: Table, kind: str) -> None:
    body, made = {"step 1": (state_vector(), step_1), "step 2": (typing(), step_2), "update": (typing(), update)}[kind]
    parts = [made(body[:end]) for end in range(len(body))]
    assert await codes(here, parts) == [GARBAGE] * len(parts)


async def test_an_awareness_state_that_is_cut_short_is_garbage(here: Table) -> None:
    parts = [awareness((2**31 + 9, 3, STATE[:end])) for end in range(len(STATE))]
    assert await codes(here, parts) == [GARBAGE] * len(parts)


@pytest.mark.parametrize("kind", [4, 5, 99, 101, 127, 128, 2**14, 2**31, 2**53])
async def test_a_message_of_an_unknown_type(here: Table, kind: int) -> None:
    frames = [varuint(kind), varuint(kind) + b"abc", b"\0" + varuint(kind if kind > 3 else 9) + b"\0"]
    assert await codes(here, frames, "viewer") == [GARBAGE] * 3


async def test_texts_are_not_read(here: Table) -> None:
    assert await codes(here, ["a text", "", "🌍" * 1000]) == [GARBAGE] * 3


@pytest.mark.parametrize("number", [2**53, 2**63, 2**64 - 1, 2**64, 2**70, 2**700])
async def test_numbers_that_nobody_can_count_to(here: Table, number: int) -> None:
    big = varuint(number)
    places = [
        big,
        b"\0" + big,
        b"\0\0" + big + b"\0",
        b"\0\2" + big + b"\0\0",
        b"\1" + big,
        b"\1" + buffer(big + b"\5\1\2{}"),
        b"\1" + buffer(b"\1" + big + b"\1\2{}"),
        b"\1" + buffer(b"\1\5" + big + b"\2{}"),
        b"\1" + buffer(b"\1\5\1" + big + b"{}"),
        step_2(big + b"\0"),
        step_2(b"\1" + big + b"\5\0"),
        step_2(b"\1\1" + big + b"\0\4\1\1r\1a\0"),
        step_2(b"\1\1\5" + big + b"\4\1\1r\1a\0"),
        step_2(b"\1\1\5\0\x84" + big + b"\0\1a\0"),
        step_2(b"\1\1\5\0\x84\5" + big + b"\1a\0"),
        step_2(b"\1\1\5\0\4\1\1r" + big + b"a\0"),
        step_2(b"\1\1\5\0\0" + big + b"\0"),
        step_2(b"\0" + big),
        step_2(b"\0\1" + big + b"\1\0\1"),
        step_2(b"\0\1\5" + big + b"\0\1"),
        step_2(b"\0\1\5\1" + big + b"\1"),
        step_2(b"\0\1\5\1\0" + big),
    ]
    assert await codes(here, places) == [GARBAGE] * len(places)


@pytest.mark.parametrize("number", [2**31, 2**53 - 1, 2**53, 2**63, 2**64 - 1, 2**64, 2**700])
async def test_a_state_vector_of_odd_numbers_is_answered_or_refused(here: Table, number: int) -> None:
    for state in (varuint(number), b"\1" + varuint(number) + b"\1", b"\1\5" + varuint(number)):
        async with here.guest("viewer") as guest:
            await guest.send(step_1(state))
            listening = asyncio.create_task(guest.listen())
            await asyncio.wait([listening, asyncio.create_task(_answered(guest.frames))], timeout=PATIENCE,
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
            assert _step_2s(guest.frames) or guest.socket.close_code == GARBAGE
            listening.cancel()


def _step_2s(frames: list[bytes]) -> list[bytes]:
    return [frame for frame in frames if frame[:2] == b"\0\1"]


async def _answered(frames: list[bytes]) -> None:
    while not _step_2s(frames):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_numbers_longer_than_they_need_to_be(here: Table) -> None:
    padded = [b"\x80" * count + b"\0" for count in (10, 11, 100, 100_000)]
    frames = [number + b"\0\1\0" for number in padded] + [b"\0\2" + number for number in padded]
    for code in await codes(here, frames):
        assert code == GARBAGE


@pytest.mark.parametrize("ranges", [[(77, 0, 2**32 - 1)], [(77, 2**32 - 2, 1)], [(n, 0, 2**31) for n in range(999)]])
async def test_deleting_what_there_is_not_waits_for_it(here: Table, ranges: list[tuple[int, int, int]]) -> None:
    text = await here.text()
    async with here.guest() as guest:
        await guest.send(update(wire(deletes=ranges)))
        await guest.heard()
    assert await here.text() == text


@pytest.mark.parametrize("ranges", [[(77, 0, 2**32)], [(77, 2**32 - 1, 2)], [(77, 2**53 - 1, 2**53 - 1)]])
async def test_deleting_more_than_there_can_be_is_garbage(here: Table, ranges: list[tuple[int, int, int]]) -> None:
    assert await codes(here, [update(wire(deletes=ranges)), step_2(wire(deletes=ranges))]) == [GARBAGE] * 2


async def test_shared_types_nested_ten_thousand_deep(here: Table) -> None:
    nested = [
        struct(7, uint(0), parent="pages" if n == 0 else (77, n - 1), sub=None if n % 2 else "k") for n in range(10_000)
    ]
    kinds = [wire((77, 0, nested)), wire((77, 0, [*nested[:-1], typed("x", parent=(77, 9_998))]))]
    assert set(await codes(here, [f(kind) for kind in kinds for f in (update, step_2)])) <= {FORBIDDEN, GARBAGE}


@pytest.mark.parametrize("depth", [70, 1_000, 100_000, 1_000_000])
async def test_values_nested_without_end(here: Table, depth: int) -> None:
    value = bytes([117, 1]) * depth + bytes([126])
    thing = bytes([118, 1]) + string("k")
    bodies = [
        update(wire((77, 0, [struct(8, uint(1) + value, parent="chat")]))),
        update(wire((77, 0, [struct(8, uint(1) + thing * depth + bytes([126]), parent="chat")]))),
        step_2(wire((77, 0, [struct(9, string("guid") + value, parent="chat")]))),
    ]
    assert await codes(here, bodies) == [GARBAGE] * 3


@pytest.mark.parametrize("kind", [2, 5, 6])
async def test_json_nested_without_end_in_an_update(here: Table, kind: int) -> None:
    deep = string("[" * 100_000 + "]" * 100_000)
    content = {2: uint(1) + deep, 5: deep, 6: string("bold") + deep}[kind]
    assert await codes(here, [update(wire((77, 0, [struct(kind, content, parent="chat")])))]) == [FORBIDDEN]


@pytest.mark.parametrize(
    "state",
    [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900,  b"[1]",
     b'"x"', b"1", b"{", b"NaN", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": Infinity}', b'{"a": "\\ud800"}', b"\xff\xfe",
     b'{"a": ' + b"1" * 5_000 + b"}", b"x" * 100_000, b"{" + b",".join(b'"%d":1' % n for n in range(100)) + b"}",
     json.dumps({"a": "x" * 5_000}).encode()],
)  # fmt: skip
async def test_a_state_that_is_no_state(here: Table, state: bytes) -> None:
    assert await codes(here, [awareness((77_000_001, 1, state))], "viewer") == [GARBAGE]
    await here.goes_on()
    assert 77_000_001 not in here.honest.presence


async def test_bytes_at_random(here: Table) -> None:
    dice = random.Random(7)
    frames = [dice.randbytes(dice.choice([1, 2, 3, 5, 9, 30, 200])) for _ in range(150)]
    frames += [bytes([0, dice.choice([1, 2])]) + buffer(dice.randbytes(dice.randrange(2, 40))) for _ in range(150)]
    text = await here.text()
    here.token("editor")
    slots = asyncio.Semaphore(12)

    async def one(frame: bytes) -> None:
        async with slots, here.guest() as guest:
            await guest.send(frame)
            await guest.send(b"\xff")
            assert await guest.closed() in (GARBAGE, FORBIDDEN)

    await asyncio.gather(*(one(frame) for frame in frames))
    assert await here.text() == text


# -- websockets that are no websockets


async def test_a_message_in_pieces_is_one_message(here: Table) -> None:
    frame = step_1()
    async with here.guest("viewer") as guest:
        pieces = [
            raw(0x02 if at == 0 else 0x80 if at == len(frame) - 1 else 0, frame[at : at + 1])
            for at in range(len(frame))
        ]
        await guest.write(b"".join(piece + raw(0x89, b"ping") for piece in pieces))
        listening = asyncio.create_task(guest.listen())
        await asyncio.wait_for(_answered(guest.frames), PATIENCE)
        listening.cancel()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (raw(0x02, b"a") + raw(0x00, b"") * 100_000, 1008),
        (raw(0x82, b"", declared=100 * 2**20), TOO_BIG),
        (raw(0x82, b"", declared=2**62), TOO_BIG),
        (raw(0x02, b"x" * (20 * 2**20)) + raw(0x80, b"x" * (20 * 2**20)), TOO_BIG),
        (raw(0x81, b"\xff\xfe"), GARBAGE),
        (raw(0x80, b"x"), BAD_PROTOCOL),
        (raw(0x02, b"x") + raw(0x82, b"x"), BAD_PROTOCOL),
        (raw(0x83, b"x"), BAD_PROTOCOL),
        (raw(0x8F, b"x"), BAD_PROTOCOL),
        (raw(0xC2, b"x"), BAD_PROTOCOL),
        (raw(0xF2, b"x"), BAD_PROTOCOL),
        (raw(0x89, b"x" * 126), BAD_PROTOCOL),
        (raw(0x09, b"x"), BAD_PROTOCOL),
        (raw(0x88, b"x"), BAD_PROTOCOL),
        (raw(0x88, b"\x03\xed"), BAD_PROTOCOL),
        (b"\x82\x01x", BAD_PROTOCOL),
        (b"\xff" * 1_000, BAD_PROTOCOL),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", BAD_PROTOCOL),
    ],
)
async def test_what_breaks_the_websocket_protocol(here: Table, data: bytes, code: int) -> None:
    before = here.resident()
    async with here.guest("viewer") as guest:
        await guest.write(data)
        assert await guest.closed() == code
    await here.goes_on()
    assert here.resident() - before < 64


async def test_a_hundred_megabytes_are_not_taken(here: Table) -> None:
    before = here.resident()
    async with here.guest("viewer") as guest:
        await guest.write(raw(0x82, b"", declared=100 * 2**20))
        for _ in range(100):
            if guest.socket.transport.is_closing():
                break
            await guest.write(b"x" * 2**20)
        assert await guest.closed() in (TOO_BIG, 1006)
    await here.goes_on()
    assert here.resident() - before < 64


async def test_a_frame_whose_body_never_comes_keeps_nobody_waiting(here: Table) -> None:
    before = here.resident()
    async with here.guest("viewer") as one, here.guest() as two:
        await one.write(raw(0x82, b"", declared=30 * 2**20))
        await two.write(raw(0x82, b"x" * 1000, declared=30 * 2**20))
        for _ in range(5):
            await here.goes_on()
        assert here.resident() - before < 40


async def test_a_wish_for_a_websocket_that_is_none(here: Table) -> None:
    path = f"/sync/{here.canvas}?token={here.studio.token}"
    with here.studio.client() as http:
        assert http.get(path).status_code in (400, 404, 426)
        assert http.post(path, content=b"x").status_code in (400, 404, 405, 426)
        for broken in (
            {"Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "x"},
            {"Sec-WebSocket-Version": "13"},
            {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "short"},
        ):
            headers = {"Connection": "Upgrade", "Upgrade": "websocket", **broken}
            assert 400 <= http.get(path, headers=headers).status_code < 500, broken
    for wrong in ("/", "/sync", "/sync/", "/sync/a/b", "/api/canvases", "/api/health", "/sync/%00"):
        url = here.studio.url.replace("http", "ws", 1) + wrong
        try:
            async with connect(url, proxy=None) as socket:
                await asyncio.wait_for(socket.wait_closed(), PATIENCE)
                assert socket.close_code in (4401, 4404)
        except InvalidHandshake as refused:
            assert "500" not in str(refused), wrong


async def test_who_hangs_up_in_the_middle_of_a_handshake_leaves_nothing(here: Table) -> None:
    host, port = here.studio.url.removeprefix("http://").split(":")
    hello = (
        f"GET /sync/{here.canvas}?token={here.studio.token} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    await here.goes_on()
    before = here.files()

    async def hang_up(end: int) -> None:
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(hello[:end])
        if end % 2:
            await writer.drain()
        writer.transport.abort()

    for end in range(0, len(hello) + 1, 2):
        await asyncio.gather(hang_up(end), hang_up(len(hello)), hang_up(len(hello)))
    await here.goes_on()
    async with asyncio.timeout(PATIENCE):
        while here.files() > before + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
