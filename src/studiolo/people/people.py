"""`People`: everything the studio knows about its participants and the secrets they come in with."""

from __future__ import annotations

import hashlib
import re
import secrets as random
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Invalid, NotFound, Unauthenticated
from studiolo.canvas.participant import ROLES, Kind, Participant, Role, rank
from studiolo.store import StorageFailed, Store
from studiolo.store.dialect import upsert
from studiolo.store.tables import canvases, grants, participants, secrets

PALETTE = ("#1878b4", "#e40c48", "#606c00", "#9048fc", "#a84884")
"""Colours that can be told apart, also by people who do not see some colours, and read on white."""

DAY = 86400.0
SESSION_DAYS = 30
SETUP_DAYS = 7
NOTE_USE_EVERY = 3600.0
"""Seconds between two notes of a secret's use; a session's end moves on with each."""

MAX_NAME = 80
STUDIO = "*"
_SHARED: tuple[Role, ...] = ("viewer", "commenter", "editor")


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who came with a session or an API token.

    `participant.role` is the role in the whole studio, or "viewer" for somebody who has none there: ask
    `role_in` or `as_in` for what counts on a canvas. A token narrows to `token_role` on `token_canvas`
    ("*": any canvas); both are None for a session.
    """

    participant: Participant
    via: Literal["session", "token"]
    token_role: Role | None = None
    token_canvas: str | None = None


class SetupState(NamedTuple):
    """`valid`: the link can be used. `needs_name`: its use will make the owner, who is asked for a name."""

    valid: bool
    needs_name: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A share link as its owner sees it afterwards; the link itself is not kept."""

    id: str
    canvas: str
    role: Role
    made_by: str | None
    made: float
    expires: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Joined(NamedTuple):
    """Who came in by a share link, and where. `participant.role` is the role on that canvas."""

    participant: Participant
    canvas: str
    role: Role


class People:
    """The participants of one studio."""

    def __init__(self, store: Store, clock: Callable[[], float] | None = None) -> None:
        self._store = store
        self._clock = clock or store.clock

    # Setup links

    async def setup_link_token(self) -> str:
        """A fresh one-time token for the setup link; earlier ones stop working."""
        now = self._clock()
        async with self._store.writing() as connection:
            await connection.execute(
                sa.delete(secrets).where(sa.or_(secrets.c.kind == "setup", secrets.c.expires <= now))
            )
            await connection.execute(sa.delete(grants).where(grants.c.expires <= now))
            return await self._mint(connection, "setup", "", expires=now + SETUP_DAYS * DAY)

    async def setup_state(self, token: str) -> SetupState:
        """Whether a setup token can be used, and whether its use asks for a name."""
        async with self._store.reading() as connection:
            valid = await self._find(connection, token, "setup") is not None
            return SetupState(valid, valid and await _owner(connection) is None)

    async def claim_setup(self, token: str, name: str | None = None) -> Participant:
        """Use up a setup token: the first makes the owner, called `name`; a later one is the owner again.

        Raises Unauthenticated for a token that was used or is out of date, Invalid for a name that is none.
        """
        async with self._store.writing() as connection:
            if await self._find(connection, token, "setup") is None:
                raise Unauthenticated(
                    "This setup link was used already or is out of date.",
                    "Restart Studiolo: it prints a new one.",
                )
            owner = await _owner(connection)
            if owner is None:
                owner = await self._new(connection, clean_name(name or ""), "person", "setup", STUDIO)
                await self._grant(connection, owner.id, STUDIO, "owner", "", None)
            await connection.execute(sa.delete(secrets).where(secrets.c.hash == _hash(token)))
            return replace(owner, role="owner")

    # Sessions

    async def session(self, participant: Participant) -> str:
        """A token for the cookie of somebody who has just signed in; it ends 30 days after its last use."""
        async with self._store.writing() as connection:
            expires = self._clock() + SESSION_DAYS * DAY
            return await self._mint(connection, "session", "", participant=participant.id, expires=expires)

    async def sign_out(self, token: str) -> None:
        """End the session; a token that is no session's is left alone."""
        async with self._store.writing() as connection:
            await connection.execute(
                sa.delete(secrets).where(secrets.c.hash == _hash(token), secrets.c.kind == "session")
            )

    async def who(self, token: str | None) -> Who | None:
        """Whose session or API token this is; None when it is wrong, expired or revoked."""
        if not token:
            return None
        now = self._clock()
        async with self._store.reading() as connection:
            found = await self._find(connection, token, "session", "token")
            if found is None:
                return None
            participant = await _participant(connection, found.participant)
            if participant is None:
                return None
            roles = await self._roles(connection, participant.id)
        if found.last_used is None or now - found.last_used >= NOTE_USE_EVERY:
            await self._note_use(found, now)
        participant = replace(participant, role=roles.get(STUDIO, "viewer"))
        if found.kind == "session":
            return Who(participant, "session")
        return Who(participant, "token", found.role, found.canvas)

    async def _note_use(self, secret: sa.Row[Any], now: float) -> None:
        values: dict[str, float] = {"last_used": now}
        if secret.kind == "session":
            values["expires"] = now + SESSION_DAYS * DAY
        try:
            async with self._store.writing() as connection:
                await connection.execute(
                    sa.update(secrets).where(secrets.c.hash == secret.hash).values(values)
                )
        except StorageFailed:
            pass  # a full disk must not keep people from reading; the next request tries again

    # API tokens

    async def create_token(
        self,
        role: Role,
        name: str,
        canvas: str = STUDIO,
        days: float | None = None,
        kind: Kind = "person",
        participant: Participant | None = None,
    ) -> str:
        """An API token for `canvas` ("*": all of them), shown this once.

        It acts for a new participant called `name`, who holds `role`; or for `participant`, narrowed to it.
        """
        name = clean_name(name)
        _check_role(role, ROLES)
        expires = self._expiry(days)
        async with self._store.writing() as connection:
            if canvas != STUDIO:
                await _need_canvas(connection, canvas)
            made_for = participant or await self._new(connection, name, kind, "token", canvas)
            token = await self._mint(
                connection,
                "token",
                "st_",
                participant=made_for.id,
                canvas=canvas,
                role=role,
                name=name,
                expires=expires,
            )
            if participant is None:
                await self._grant(connection, made_for.id, canvas, role, secret_id(token), expires)
            return token

    # Shares

    async def share(self, canvas: str, role: Role, by: Participant, days: float | None = None) -> str:
        """A token for a share link. After `days` the link and the access that came from it end.

        `secret_id(token)` is the share's id, for `revoke`.
        """
        _check_role(role, _SHARED)
        expires = self._expiry(days)
        async with self._store.writing() as connection:
            await _need_canvas(connection, canvas)
            return await self._mint(
                connection, "share", "", canvas=canvas, role=role, made_by=by.id, expires=expires
            )

    async def shares(self, canvas: str) -> list[Share]:
        """The canvas's share links that work, the newest first."""
        async with self._store.reading() as connection:
            found = await connection.execute(
                sa.select(secrets)
                .where(secrets.c.kind == "share", secrets.c.canvas == canvas, self._in_time(secrets))
                .order_by(secrets.c.made.desc(), secrets.c.id)
            )
            return [_as_share(row) for row in found]

    async def invitation(self, token: str) -> Share | None:
        """Where a share link leads, or None when it does not work (any more)."""
        async with self._store.reading() as connection:
            found = await self._find(connection, token, "share")
            return None if found is None else _as_share(found)

    async def join(self, token: str, name: str = "", existing: Participant | None = None) -> Joined:
        """Come in by a share link: as a new guest called `name`, or as the one who is signed in already.

        Whoever holds a higher role keeps it. Raises NotFound when the link does not work (any more).
        """
        async with self._store.writing() as connection:
            found = await self._find(connection, token, "share")
            if found is None:
                raise NotFound("This link does not work any more.", "Ask whoever sent it for a new one.")
            guest = existing or await self._new(
                connection, clean_name(name or "Guest"), "person", "share", found.canvas
            )
            await self._grant(connection, guest.id, found.canvas, found.role, found.id, found.expires)
            role = _highest(await self._roles(connection, guest.id), found.canvas) or found.role
            return Joined(replace(guest, role=role), found.canvas, role)

    async def revoke(self, id: str, canvas: str | None = None) -> list[str]:
        """Take a share link or an API token back, and every grant that came from it.

        Guests who came by the link and hold no other grant are signed out; somebody who had an account before
        only loses this access. Returns the ids of the participants who lost a grant, so that their live
        connections can be looked at again. `canvas`: only when it belongs to this one. Raises NotFound.
        """
        async with self._store.writing() as connection:
            mine = secrets.c.canvas == canvas if canvas is not None else sa.true()
            gone = await connection.execute(
                sa.delete(secrets).where(secrets.c.id == id, secrets.c.kind.in_(("share", "token")), mine)
            )
            if not gone.rowcount:
                raise NotFound("There is no such link or token.", "It may have been taken back already.")
            lost = list(
                await connection.scalars(sa.select(grants.c.participant).where(grants.c.source == id))
            )
            await connection.execute(sa.delete(grants).where(grants.c.source == id))
            homeless = (
                sa.select(participants.c.id)
                .where(participants.c.id.in_(lost), participants.c.origin == "share")
                .where(~sa.exists().where(grants.c.participant == participants.c.id))
            )
            await connection.execute(sa.delete(secrets).where(secrets.c.participant.in_(homeless)))
            return lost

    # Roles

    async def role_in(self, who: Who, canvas: str) -> Role | None:
        """The role `who` holds on the canvas ("*": in the studio), or None.

        The studio's owner holds a role on every id: whether there is such a canvas, the store knows.
        """
        async with self._store.reading() as connection:
            return _narrowed(who, _highest(await self._roles(connection, who.participant.id), canvas), canvas)

    async def as_in(self, who: Who, canvas: str) -> Participant | None:
        """The participant with the role held on the canvas, as `canvas.apply` wants it; None without one."""
        role = await self.role_in(who, canvas)
        return None if role is None else replace(who.participant, role=role)

    async def canvases(self, who: Who) -> list[dict[str, Any]]:
        """The canvases that `who` may see, the last changed first, each with the role held there."""
        async with self._store.reading() as connection:
            roles = await self._roles(connection, who.participant.id)
        found = await self._store.list_canvases(None if STUDIO in roles else roles)
        listed: list[dict[str, Any]] = []
        for canvas in found:
            role = _narrowed(who, _highest(roles, canvas.id), canvas.id)
            if role is not None:
                listed.append(
                    {
                        "pages": 0,
                        "words": 0,
                        "open_suggestions": 0,
                        **canvas.summary,
                        "id": canvas.id,
                        "title": canvas.title,
                        "role": role,
                        "created": canvas.created,
                        "updated": canvas.updated,
                    }
                )
        return listed

    async def members(self, canvas: str) -> list[Participant]:
        """Everybody who holds a role on the canvas, the highest first, then by name."""
        async with self._store.reading() as connection:
            found = await connection.execute(
                sa.select(participants, grants.c.role)
                .join(grants, grants.c.participant == participants.c.id)
                .where(grants.c.canvas.in_((canvas, STUDIO)), self._in_time(grants))
            )
            highest: dict[str, Participant] = {}
            for row in found:
                one = Participant(row.id, row.name, cast(Kind, row.kind), row.color, cast(Role, row.role))
                if row.id not in highest or rank(one.role) > rank(highest[row.id].role):
                    highest[row.id] = one
        return sorted(highest.values(), key=lambda one: (-rank(one.role), one.name.casefold(), one.id))

    # Participants

    async def participant(self, id: str) -> Participant | None:
        """The participant, with the role held in the studio ("viewer" when there is none)."""
        async with self._store.reading() as connection:
            found = await _participant(connection, id)
            if found is None:
                return None
            return replace(found, role=(await self._roles(connection, id)).get(STUDIO, "viewer"))

    async def rename(self, id: str, name: str | None = None, color: str | None = None) -> Participant:
        """Change the name, the colour (`#rrggbb`) or both. Raises NotFound and Invalid."""
        values: dict[str, str] = {}
        if name is not None:
            values["name"] = clean_name(name)
        if color is not None:
            values["color"] = _clean_color(color)
        async with self._store.writing() as connection:
            if values:
                await connection.execute(
                    sa.update(participants).where(participants.c.id == id).values(values)
                )
        found = await self.participant(id)
        if found is None:
            raise NotFound("There is no such participant.", "Sign in again.")
        return found

    async def agent(self, id: str, name: str, color: str) -> Participant:
        """The built-in agent `id`, made when it is missing, with this name and colour; a commenter."""
        values = {
            "id": id,
            "name": clean_name(name),
            "kind": "agent",
            "color": _clean_color(color),
            "origin": "agent",
        }
        async with self._store.writing() as connection:
            await connection.execute(
                upsert(connection, participants, ("name", "color")), {**values, "made": self._clock()}
            )
        return Participant(id, values["name"], "agent", values["color"], "commenter")

    # Inside a transaction

    async def _new(
        self, connection: AsyncConnection, name: str, kind: Kind, origin: str, canvas: str
    ) -> Participant:
        """A new participant in the colour that the fewest of those on `canvas` have."""
        query = sa.select(participants.c.color, sa.func.count(sa.distinct(participants.c.id))).group_by(
            participants.c.color
        )
        if canvas != STUDIO:
            query = query.join(grants, grants.c.participant == participants.c.id).where(
                grants.c.canvas.in_((canvas, STUDIO))
            )
        used = {row[0]: row[1] for row in await connection.execute(query)}
        color = min(PALETTE, key=lambda color: used.get(color, 0))
        made = Participant(random.token_hex(8), name, kind, color)
        await connection.execute(
            sa.insert(participants).values(
                id=made.id, name=name, kind=kind, color=color, origin=origin, made=self._clock()
            )
        )
        return made

    async def _grant(
        self,
        connection: AsyncConnection,
        participant: str,
        canvas: str,
        role: Role,
        source: str,
        expires: float | None,
    ) -> None:
        await connection.execute(
            upsert(connection, grants, ("role", "expires")),
            {
                "participant": participant,
                "canvas": canvas,
                "source": source,
                "role": role,
                "expires": expires,
            },
        )

    async def _roles(self, connection: AsyncConnection, participant: str) -> dict[str, Role]:
        """Canvas (or "*") -> the highest role granted there."""
        found = await connection.execute(
            sa.select(grants.c.canvas, grants.c.role).where(
                grants.c.participant == participant, self._in_time(grants)
            )
        )
        roles: dict[str, Role] = {}
        for canvas, role in found:
            if canvas not in roles or rank(role) > rank(roles[canvas]):
                roles[canvas] = role
        return roles

    async def _mint(
        self,
        connection: AsyncConnection,
        kind: str,
        prefix: str,
        *,
        participant: str | None = None,
        canvas: str | None = None,
        role: Role | None = None,
        name: str = "",
        made_by: str | None = None,
        expires: float | None = None,
    ) -> str:
        token = prefix + random.token_urlsafe(24)
        now = self._clock()
        await connection.execute(
            sa.insert(secrets).values(
                hash=_hash(token),
                id=secret_id(token),
                kind=kind,
                participant=participant,
                canvas=canvas,
                role=role,
                name=name,
                made_by=made_by,
                made=now,
                expires=expires,
                last_used=now if kind == "session" else None,
            )
        )
        return token

    async def _find(self, connection: AsyncConnection, token: str, *kinds: str) -> sa.Row[Any] | None:
        """The secret's row, when it is of one of `kinds` and in time."""
        found = await connection.execute(
            sa.select(secrets).where(
                secrets.c.hash == _hash(token), secrets.c.kind.in_(kinds), self._in_time(secrets)
            )
        )
        return found.one_or_none()

    def _in_time(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.or_(table.c.expires.is_(None), table.c.expires > self._clock())

    def _expiry(self, days: float | None) -> float | None:
        if days is None:
            return None
        if not 0 < days <= 36500:
            raise Invalid("The number of days is not between 0 and 36500.", "Leave it out for no end.")
        return self._clock() + days * DAY


def secret_id(token: str) -> str:
    """The id by which a link or a token can be named without giving it away."""
    return _hash(token)[:16]


def clean_name(name: str) -> str:
    """The name on one line, without characters that nobody sees; raises Invalid when nothing is left."""
    visible = "".join(
        " " if char.isspace() else char
        for char in name
        if char.isspace()
        or char == "\u200d"
        or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    cleaned = " ".join(visible.split())[:MAX_NAME].strip()
    if not cleaned.replace("\u200d", ""):
        raise Invalid("The name is empty.", "Give a name that others will see.")
    return cleaned


def _clean_color(color: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise Invalid(f"{color[:20]!r} is no colour.", "Give it as #rrggbb.")
    return color.lower()


def _check_role(role: str, allowed: tuple[Role, ...]) -> None:
    if role not in allowed:
        raise Invalid(
            f"{role[:20]!r} is no role that can be given here.", "Use one of " + ", ".join(allowed) + "."
        )


def _hash(token: str) -> str:
    # A random token of 192 bits needs no slow hash and no salt.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _highest(roles: dict[str, Role], canvas: str) -> Role | None:
    return max((roles[place] for place in (canvas, STUDIO) if place in roles), key=rank, default=None)


def _narrowed(who: Who, role: Role | None, canvas: str) -> Role | None:
    """What the token leaves of `role`: never more, and nothing on another canvas."""
    if role is None or who.via == "session":
        return role
    if who.token_role is None or who.token_canvas not in (STUDIO, canvas):
        return None
    return min(role, who.token_role, key=rank)


def _as_share(row: sa.Row[Any]) -> Share:
    return Share(row.id, row.canvas, row.role, row.made_by, row.made, row.expires)


async def _participant(connection: AsyncConnection, id: str) -> Participant | None:
    row = (await connection.execute(sa.select(participants).where(participants.c.id == id))).one_or_none()
    return None if row is None else Participant(row.id, row.name, row.kind, row.color)


async def _owner(connection: AsyncConnection) -> Participant | None:
    """Whom the first setup link made."""
    query = sa.select(participants.c.id).where(participants.c.origin == "setup").order_by(participants.c.made)
    id = await connection.scalar(query.limit(1))
    return None if id is None else await _participant(connection, id)


async def _need_canvas(connection: AsyncConnection, id: str) -> None:
    if await connection.scalar(sa.select(canvases.c.id).where(canvases.c.id == id)) is None:
        raise NotFound(
            "There is no such canvas.", "It may have been deleted; go back to the list of canvases."
        )
