"""A run's events as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from studiolo.web.answers import as_json

HEARTBEAT_SECONDS = 15.0


async def anybody() -> bool:
    """Access that nobody can lose."""
    return True


async def stream(
    events: AsyncIterator[dict[str, Any]],
    after: int,
    stopping: asyncio.Event,
    heartbeat: float = HEARTBEAT_SECONDS,
    allowed: Callable[[], Awaitable[bool]] = anybody,
    write: Callable[[int, dict[str, Any]], bytes] | None = None,
) -> AsyncIterator[bytes]:
    """Each event as `id`, `event` (its type) and `data` (JSON), from the one after number `after`; ends on `done`.

    `events` must give all events from the first, so that numbers mean the same on every connection; `done` comes
    whatever its number. While nothing happens a comment keeps proxies from closing the connection. Ends early when
    the studio stops, and when `allowed`, asked at every heartbeat, says that the client may not listen any more.
    `write` puts an event on the wire in another way.
    """
    number = 0
    now = asyncio.get_running_loop().time
    look = now() + heartbeat
    stopped = asyncio.ensure_future(stopping.wait())
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({upcoming, stopped}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if now() >= look:
                if not await allowed():
                    return
                look = now() + heartbeat
            if upcoming.done():
                event = upcoming.result()
                if event is None:
                    return
                number += 1
                done = event.get("type") == "done"
                if number > after or done:
                    yield (write or encode)(number, event)
                if done:
                    return
                upcoming = asyncio.ensure_future(anext(events, None))
            elif stopped.done():
                return
            else:
                yield b": still here\n\n"
    finally:
        for task in (upcoming, stopped):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


def encode(number: int, event: dict[str, Any]) -> bytes:
    """One event on the wire."""
    return f"id: {number}\nevent: {event.get('type', 'message')}\ndata: ".encode() + as_json(event) + b"\n\n"


def last_seen(header: str | None) -> int:
    """The number in a `Last-Event-ID` header; 0 when there is none."""
    return int(header) if header and header.isascii() and header.isdecimal() and len(header) < 12 else 0
