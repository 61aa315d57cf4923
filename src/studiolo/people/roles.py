"""Roles: grants are added up, tokens narrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Invalid
from studiolo.canvas.participant import ROLES, Participant, Role, rank
from studiolo.people.vault import in_time
from studiolo.store.dialect import Plain, select, upsert
from studiolo.store.tables import grants

STUDIO = "*"
"""In the place of a canvas: all of them."""

SHARED: tuple[Role, ...] = ("viewer", "commenter", "editor")
"""The roles that a link can give: a canvas is not given away to whoever finds its address."""


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who came with a session or an API token.

    `participant.role` is the role in the whole studio, or "viewer" for somebody who has none there: ask
    `People.role_in` or `People.as_in` for what counts on a canvas. A token narrows to `token_role` on
    `token_canvas` ("*": any canvas); both are None for a session.
    """

    participant: Participant
    via: Literal["session", "token"]
    token_role: Role | None = None
    token_canvas: str | None = None


_GRANTS = sa.select(grants.c.canvas, grants.c.role).where(
    grants.c.participant == sa.bindparam("participant"), in_time(grants, sa.bindparam("now"))
)


def granted(connection: Plain, participant: str, now: float) -> dict[str, Role]:
    """Canvas (or "*") -> the highest role granted to the participant there."""
    roles: dict[str, Role] = {}
    for canvas, role in select(connection, _GRANTS, participant=participant, now=now):
        if canvas not in roles or rank(role) > rank(roles[canvas]):
            roles[canvas] = role
    return roles


async def give(
    connection: AsyncConnection,
    participant: str,
    canvas: str,
    role: Role,
    source: str = "",
    expires: float | None = None,
) -> None:
    """Add a grant. `source`: the id of the link or token it came from, "" for none; one grant per source."""
    await connection.execute(
        upsert(connection, grants, ("role", "expires")),
        {"participant": participant, "canvas": canvas, "source": source, "role": role, "expires": expires},
    )


def highest(roles: Mapping[str, Role], canvas: str) -> Role | None:
    """The role on one canvas: the one granted there or the one in the studio, whichever is more."""
    return max((roles[place] for place in (canvas, STUDIO) if place in roles), key=rank, default=None)


def narrowed(who: Who, role: Role | None, canvas: str) -> Role | None:
    """What the token leaves of `role`: never more, and nothing on another canvas."""
    if role is None or who.via == "session":
        return role
    if who.token_role is None or who.token_canvas not in (STUDIO, canvas):
        return None
    return min(role, who.token_role, key=rank)


def check_role(role: str, allowed: tuple[Role, ...] = ROLES) -> None:
    """Raises Invalid when `role` cannot be given here."""
    if role not in allowed:
        raise Invalid(f"{role[:20]!r} is no role that can be given here.", "Use one of " + ", ".join(allowed) + ".")
