"""Agents of other programs among those of the studio: what they propose waits its turn as anybody's.

A visitor comes with a whole proposal and leaves, so it holds a passage for the moment of proposing only. But where
an agent of the studio is at work, or a person types, it waits like the others, and is told who is there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

from studiolo.agents import place as places
from studiolo.agents.turns import Site, Turns
from studiolo.canvas import Participant, StudioloError, actions

PATIENCE = 20.0  # seconds: programs give up on an answer after half a minute
_numbers = count(1)


@asynccontextmanager
async def turn(turns: Turns, surface: Site, action: dict[str, Any], by: Participant) -> AsyncIterator[None]:
    """The moment in which an action may be done. Raises `Occupied`; people never wait."""
    where = None
    if by.kind == "agent" and by.may("commenter"):
        with suppress(StudioloError):  # what cannot be done is refused when it is
            actions.parse(action)
            where = places.proposed(surface.canvas, action)
    if where is None:
        yield
        return
    visit = f"visit {by.id} {next(_numbers)}"
    try:
        await turns.take(surface, by, visit, *where, patience=PATIENCE)
        yield
    finally:
        await turns.leave(surface.id, visit)
