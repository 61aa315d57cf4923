"""A run's events as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

HEARTBEAT_SECONDS = 15.0


async def stream(
    events: AsyncIterator[dict[str, Any]], after: int, stopping: asyncio.Event, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncIterator[bytes]:
    """Each event as `id`, `event` (its type) and `data` (JSON), from the one after number `after`; ends on `done`.

    `events` must give all events from the first, so that numbers mean the same on every connection. While nothing
    happens a comment keeps proxies from closing the connection. Ends early when the studio stops.
    """
    number = 0
    stopped = asyncio.ensure_future(stopping.wait())
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({upcoming, stopped}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if upcoming.done():
                event = upcoming.result()
                if event is None:
                    return
                number += 1
                if number > after:
                    yield encode(number, event)
                if event.get("type") == "done":
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
    data = json.dumps(event, ensure_ascii=False)
    return f"id: {number}\nevent: {event.get('type', 'message')}\ndata: {data}\n\n".encode()


def last_seen(header: str | None) -> int:
    """The number in a `Last-Event-ID` header; 0 when there is none."""
    return int(header) if header and header.isdecimal() and len(header) < 12 else 0
