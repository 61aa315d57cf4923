"""Server-sent events: replay, then live, with heartbeats, until done or the studio stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from studiolo.web.events import last_seen, stream


async def play(*events: dict[str, Any], pause: float = 0) -> AsyncIterator[dict[str, Any]]:
    for event in events:
        await asyncio.sleep(pause)
        yield event


async def collected(events: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in events]


async def test_events_are_numbered_and_end_with_done() -> None:
    chunks = await collected(
        stream(play({"type": "state", "state": "running"}, {"type": "done"}, {"type": "late"}), 0, asyncio.Event())
    )
    assert len(chunks) == 2
    lines = chunks[0].decode().split("\n")
    assert lines[:2] == ["id: 1", "event: state"] and json.loads(lines[2].removeprefix("data: "))["state"] == "running"
    assert chunks[1].startswith(b"id: 2\nevent: done\n")


async def test_a_client_that_comes_back_gets_only_what_it_missed() -> None:
    chunks = await collected(stream(play({"type": "a"}, {"type": "b"}, {"type": "done"}), 1, asyncio.Event()))
    assert [chunk.split(b"\n")[0] for chunk in chunks] == [b"id: 2", b"id: 3"]


async def test_a_text_with_line_breaks_is_one_event() -> None:
    chunks = await collected(stream(play({"type": "delta", "text": "a\nb\r\u2028c"}), 0, asyncio.Event()))
    assert chunks[0].count(b"\n") == 4 and b"\r" not in chunks[0]


async def test_a_quiet_run_is_kept_alive() -> None:
    events = play({"type": "a"}, {"type": "done"}, pause=0.1)
    chunks = await collected(stream(events, 0, asyncio.Event(), heartbeat=0.03))
    assert b": still here\n\n" in chunks and chunks[-1].startswith(b"id: 2")


async def test_the_studio_can_stop_while_a_run_is_followed() -> None:
    stopping, closed = asyncio.Event(), asyncio.Event()

    async def forever() -> AsyncIterator[dict[str, Any]]:
        try:
            yield {"type": "a"}
            await asyncio.sleep(60)
        finally:
            closed.set()

    following = stream(forever(), 0, stopping)
    assert (await anext(following)).startswith(b"id: 1")
    asyncio.get_running_loop().call_later(0.05, stopping.set)
    async with asyncio.timeout(5):
        assert await collected(following) == []
        await closed.wait()


async def test_done_comes_whatever_number_the_client_has_seen() -> None:
    chunks = await collected(stream(play({"type": "a"}, {"type": "done"}), 99, asyncio.Event()))
    assert [chunk.split(b"\n")[1] for chunk in chunks] == [b"event: done"]


@pytest.mark.parametrize("pause", [0.01, 60])
async def test_whoever_loses_access_hears_no_more(pause: float) -> None:
    looks: list[bool] = []

    async def allowed() -> bool:
        looks.append(len(looks) < 2)
        return looks[-1]

    events = play(*({"type": "delta", "text": str(n)} for n in range(1_000)), pause=pause)
    async with asyncio.timeout(5):
        chunks = await collected(stream(events, 0, asyncio.Event(), heartbeat=0.05, allowed=allowed))
    assert looks == [True, True, False], "a busy stream is looked at as often as a quiet one"
    assert len(chunks) < 100


def test_the_last_event_id_is_a_number_or_nothing() -> None:
    assert [last_seen(header) for header in (None, "", "7", "x", "-1", "9" * 50, "²")] == [0, 0, 7, 0, 0, 0, 0]
