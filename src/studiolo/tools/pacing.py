"""Patience with other people's servers: one request a second to a host, and no long queue before it."""

from __future__ import annotations

import asyncio

from studiolo.canvas.errors import Unavailable

GAP = 1.0  # seconds between two requests to a host
LONGEST_WAIT = 10.0  # seconds; whoever would wait longer is told to come back
LONGEST_REST = 600.0  # seconds for which a host can ask to be left alone


class Pace:
    """When each host may be asked next. `gap` 0 asks at once."""

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._next: dict[str, float] = {}

    async def turn(self, host: str, gap: float = 0.0) -> None:
        """Wait for one's turn. Raises Unavailable when that takes too long. `gap`: what the host asks for."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next.get(host, 0.0))
        if at - now > LONGEST_WAIT:
            raise Unavailable(
                f"{host} is asked too often just now.", f"Try again in {at - now:.0f} s, or read something else first."
            )
        if len(self._next) > 1_000:
            self._next = {one: when for one, when in self._next.items() if when > now}
        self._next[host] = at + (max(self._gap, gap) if self._gap else 0.0)
        await asyncio.sleep(at - now)

    def rest(self, host: str, seconds: float) -> None:
        """Leave a host alone for a while: it said so."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_REST)
        self._next[host] = max(self._next.get(host, 0.0), until)
