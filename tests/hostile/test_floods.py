"""Floods: an honest person at the same canvas goes on typing, the server's memory comes back, and who floods is told.

How long anybody waits is not looked at here (`bench/` does that), only that nobody waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import pytest
from websockets.asyncio.client import connect

from tests.canvas.wire import string
from tests.conftest import ServedStudio, serve
from tests.web.yclient import buffer, varuint

from .table import PATIENCE, Guest, Table, awareness, raw, step_1, step_2, table, update

MILLION = 1_000_000
GARBAGE, FORBIDDEN, TRY_LATER = 4400, 4403, 1013
SLACK = 48  # megabytes


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio whose memory nobody else fills."""
    served = serve(tmp_path_factory.mktemp("flooded"))
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
async def here(alone: ServedStudio) -> AsyncIterator[Table]:
    async with table(alone, "All that there is. " * 5_000) as made:
        yield made
        await made.goes_on()
        assert "Traceback" not in alone.log(), alone.log()


async def beside(here: Table, work: asyncio.Task[None]) -> None:
    """Go on typing while something else goes on, and once after it."""
    while not work.done():
        await here.goes_on()
        await asyncio.sleep(0.02)
    await work
    await here.goes_on()


async def came_back(here: Table, before: float) -> None:
    """Wait until the server holds no more than before, and some more for what Python keeps to use again."""
    async with asyncio.timeout(PATIENCE):
        while here.resident() > before + SLACK:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def many(count: int, one: Callable[[int], bytes]) -> bytes:
    return varuint(count) + b"".join(map(one, range(count)))


def one_client(structs: Callable[[int], bytes], count: int = MILLION) -> bytes:
    return b"\1" + varuint(count) + varuint(77) + b"\0" + b"".join(map(structs, range(count))) + b"\0"


HUGE: dict[str, Callable[[], bytes]] = {
    "a million tiny roots": lambda: one_client(lambda n: b"\4\1" + string(f"r{n:x}") + b"\1a"),
    "a million letters with a place each": lambda: one_client(lambda n: b"\x84" + varuint(2**31) + b"\0\1a"),
    "a million clients": lambda: many(MILLION, lambda n: b"\1" + varuint(n) + b"\0\4\1\1r\1a") + b"\0",
    "a million deleted ranges": lambda: b"\0\1" + varuint(77) + many(MILLION, lambda n: varuint(2 * n) + b"\1"),
    "a million clients that delete": lambda: b"\0" + many(MILLION, lambda n: varuint(n) + b"\1\0\1"),
    "a million values": lambda: b"\1\1" + varuint(77) + b"\0\x08\1\1r" + varuint(MILLION) + b"\x7e" * MILLION + b"\0",
    "a million nothings": lambda: one_client(lambda n: b"\0\1"),
}


@pytest.mark.parametrize("what", HUGE)
async def test_one_update_of(here: Table, what: str) -> None:
    frames = [kind(HUGE[what]()) for kind in (update, step_2)]
    before = here.resident()
    for role, frame in zip(("viewer", "editor"), frames, strict=True):
        async with here.guest(role) as guest:
            await beside(here, asyncio.create_task(guest.send(frame)))
            assert await guest.closed() in (GARBAGE, FORBIDDEN)
    assert here.resident() < before + 3 * SLACK
    await came_back(here, before)


async def test_a_frame_of_a_million_states(here: Table) -> None:
    before = here.resident()
    async with here.guest("viewer") as guest:
        await beside(
            here, asyncio.create_task(guest.send(b"\1" + buffer(many(MILLION, lambda n: varuint(n) + b"\1\2{}"))))
        )
        assert await guest.closed() == GARBAGE
    await came_back(here, before)


async def test_a_state_vector_of_a_million_clients(here: Table) -> None:
    before = here.resident()
    async with here.guest("viewer") as guest:
        listening = asyncio.create_task(guest.listen())
        await beside(here, asyncio.create_task(guest.send(step_1(many(MILLION, lambda n: varuint(n) + b"\1")))))
        await guest.heard()
        listening.cancel()
    await came_back(here, before)


async def test_asking_for_the_document_ten_thousand_times_without_reading(here: Table) -> None:
    before = here.resident()
    async with here.guest("viewer") as guest:
        guest.socket.transport.pause_reading()
        await beside(here, asyncio.create_task(guest.write(raw(0x82, step_1()) * 10_000)))
        assert here.resident() < before + SLACK  # the answers would be a gigabyte
        guest.socket.transport.resume_reading()
        listening = asyncio.create_task(guest.listen())
        await beside(here, asyncio.create_task(asyncio.sleep(1)))
        assert guest.socket.close_code in (None, TRY_LATER)
        listening.cancel()
    await came_back(here, before)


def tiny(frames: Iterable[bytes]) -> bytes:
    return b"".join(raw(0x82, frame) for frame in frames)


FLOODS: dict[str, Callable[[], bytes]] = {
    "questions who is here": lambda: raw(0x82, b"\3") * 300_000,
    "empty updates": lambda: raw(0x82, update(b"\0\0")) * 200_000,
    "pings": lambda: raw(0x89, b"x" * 125) * 150_000,
    "pongs": lambda: raw(0x8A, b"x" * 125) * 150_000,
    "states of oneself": lambda: tiny(awareness((5, n, b'{"x":%d}' % n)) for n in range(1, 50_000)),
    "states of others": lambda: tiny(awareness((n, 1, b'{"x":1}')) for n in range(1, 50_000)),
    "updates with a hole before them": lambda: raw(0x82, update(b"\1\1\x07\0\x84\x09\x09\1a\0")) * 100_000,
}


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "does not read"])
@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_of(here: Table, what: str, reads: bool) -> None:
    data = FLOODS[what]()
    before = here.resident()
    role = "editor" if "hole" in what else "viewer"
    async with here.guest(role) as guest:
        if reads:
            listening = asyncio.create_task(_drop(guest))
        else:
            listening = asyncio.create_task(asyncio.sleep(0))
            guest.socket.transport.pause_reading()
        flood = asyncio.create_task(_pour(guest, data))
        await beside(here, flood)
        assert here.resident() < before + SLACK
        listening.cancel()
    await came_back(here, before)


async def _pour(guest: Guest, data: bytes) -> None:
    """Send it all, or as much as is taken before the line is closed."""
    for start in range(0, len(data), 1 << 18):
        if guest.socket.transport.is_closing():
            return
        guest.socket.transport.write(data[start : start + (1 << 18)])
        for _ in range(1_000):
            if guest.socket.transport.get_write_buffer_size() < 1 << 18 or guest.socket.transport.is_closing():
                break
            await asyncio.sleep(0.01)
        else:
            return  # nothing is taken any more


async def _drop(guest: Guest) -> None:
    async for _ in guest.socket:
        pass


async def test_two_thousand_sockets(here: Table) -> None:
    url = here.studio.sync_url(here.canvas, here.token("viewer"))
    before, files = here.resident(), here.files()
    slots = asyncio.Semaphore(50)

    async def come() -> Guest:
        async with slots:
            return Guest(await connect(url, compression=None, proxy=None, ping_interval=None, open_timeout=PATIENCE))

    async def all_come() -> None:
        guests.extend(await asyncio.gather(*(come() for _ in range(2_000))))

    guests: list[Guest] = []
    await beside(here, asyncio.create_task(all_come()))
    assert here.files() >= files + 2_000
    for guest in guests[::2]:
        guest.socket.transport.abort()
    await asyncio.gather(*(guest.socket.close() for guest in guests[1::2]))
    async with asyncio.timeout(PATIENCE):
        while here.files() > files + 5:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await here.goes_on()
    async with asyncio.timeout(PATIENCE):
        while here.resident() > before + 2 * SLACK:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_coming_and_going_five_hundred_times_under_another_name(here: Table) -> None:
    """Each leaves a state behind that is remembered for a while; it must be small."""
    before = here.resident()
    state = b'{"x": "' + b"y" * 4_000 + b'"}'
    for start in range(0, 500, 25):
        await asyncio.gather(*(_visit(here, number, state) for number in range(start, start + 25)))
    await here.goes_on()
    assert here.resident() < before + SLACK


async def _visit(here: Table, number: int, state: bytes) -> None:
    async with here.guest("viewer") as guest:
        await guest.send([awareness((10_000 + number, 1, state)), b"\3"])
        await asyncio.wait_for(guest.socket.recv(), PATIENCE)
