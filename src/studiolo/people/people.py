"""`People`: everything the studio knows about its participants and how they come in."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Invalid, NotFound, Unauthenticated
from studiolo.canvas.participant import Kind, Participant, Role, rank
from studiolo.people.names import clean_color, clean_name, free_color
from studiolo.people.roles import SHARED, STUDIO, Who, check_role, give, granted, highest, narrowed
from studiolo.people.vault import DAY, Vault, in_time, secret_hash, secret_id
from studiolo.store import StorageFailed, Store
from studiolo.store.canvas_rows import need_canvas
from studiolo.store.dialect import Plain, select, upsert
from studiolo.store.tables import canvases, grants, participants, secrets

SESSION_DAYS = 30
SETUP_DAYS = 7
NOTE_USE_EVERY = 3600.0
"""Seconds between two notes of a secret's use; a session's end moves on with each."""


_WHO = (
    sa.select(
        *(participants.c.id, participants.c.name, participants.c.kind, participants.c.color),
        *(secrets.c.kind, secrets.c.role, secrets.c.canvas, secrets.c.last_used),
    )
    .join(participants, participants.c.id == secrets.c.participant)
    .where(
        secrets.c.hash == sa.bindparam("hash"),
        sa.or_(secrets.c.kind == "session", secrets.c.kind == "token"),
        in_time(secrets, sa.bindparam("now")),
    )
)
_CANVAS = sa.select(canvases.c.id).where(canvases.c.id == sa.bindparam("canvas"))


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


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it can be listed; the token itself is not kept. `participant`: the id it acts for."""

    id: str
    name: str
    participant: str
    canvas: str
    role: Role
    made: float
    expires: float | None
    last_used: float | None

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
        self._vault = Vault(self._clock)

    # Setup links

    async def setup_link_token(self, among_nodes: bool = False) -> str:
        """A fresh one-time token for the setup link. Earlier ones stop working, unless other nodes may have printed
        them: then they are good until they are used or out of date."""
        now = self._clock()
        async with self._store.writing() as connection:
            old = (
                secrets.c.expires <= now if among_nodes else sa.or_(secrets.c.kind == "setup", secrets.c.expires <= now)
            )
            await connection.execute(sa.delete(secrets).where(old))
            await connection.execute(sa.delete(grants).where(grants.c.expires <= now))
            return await self._vault.mint(connection, "setup", expires=now + SETUP_DAYS * DAY)

    async def setup_state(self, token: str) -> SetupState:
        """Whether a setup token can be used, and whether its use asks for a name."""
        async with self._store.reading() as connection:
            valid = await self._vault.find(connection, token, "setup") is not None
            return SetupState(valid, valid and await _owner(connection) is None)

    async def claim_setup(self, token: str, name: str | None = None) -> Participant:
        """Use up a setup token: the first makes the owner, called `name`; a later one is the owner again.

        Raises Unauthenticated for a token that was used or is out of date, Invalid for a name that is none.
        """
        async with self._store.writing() as connection:
            if not await self._vault.burn(connection, token, "setup"):
                raise Unauthenticated(
                    "This setup link was used already or is out of date.",
                    "Restart Studiolo: it prints a new one.",
                )
            owner = await _owner(connection)
            if owner is None:
                owner = await self._new(connection, clean_name(name or ""), "person", "setup", STUDIO)
                await give(connection, owner.id, STUDIO, "owner")
            return replace(owner, role="owner")

    # Sessions

    async def session(self, participant: Participant) -> str:
        """A token for the cookie of somebody who has just signed in; it ends 30 days after its last use."""
        async with self._store.writing() as connection:
            await _need_participant(connection, participant.id)
            expires = self._clock() + SESSION_DAYS * DAY
            return await self._vault.mint(connection, "session", participant=participant.id, expires=expires)

    async def sign_out(self, token: str) -> None:
        """End the session; a token that is no session's is left alone."""
        async with self._store.writing() as connection:
            await self._vault.burn(connection, token, "session")

    async def who(self, token: str | None) -> Who | None:
        """Whose session or API token this is; None when it is wrong, expired or revoked."""
        if not token:
            return None
        hash, now = secret_hash(token), self._clock()

        def look(connection: Plain) -> tuple[Who, float | None] | None:
            for id, name, kind, color, via, role, canvas, last_used in select(connection, _WHO, hash=hash, now=now):
                studio = granted(connection, id, now).get(STUDIO, "viewer")
                participant = Participant(id, name, kind, color, studio)
                if via == "session":
                    return Who(participant, via), last_used
                return Who(participant, via, role, canvas), last_used
            return None

        found = await self._store.read(look)
        if found is None:
            return None
        who, last_used = found
        if last_used is None or now - last_used >= NOTE_USE_EVERY:
            await self._note_use(hash, who.via)
        return who

    async def _note_use(self, hash: str, via: str) -> None:
        now = self._clock()
        values = {"last_used": now}
        if via == "session":
            values["expires"] = now + SESSION_DAYS * DAY
        try:
            async with self._store.writing() as connection:
                await connection.execute(sa.update(secrets).where(secrets.c.hash == hash).values(values))
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
        check_role(role)
        expires = self._vault.after(days)
        async with self._store.writing() as connection:
            if canvas != STUDIO:
                await need_canvas(connection, canvas)
            if participant is not None:
                await _need_participant(connection, participant.id)
            holder = participant or await self._new(connection, name, kind, "token", canvas)
            token = await self._vault.mint(
                connection,
                "token",
                participant=holder.id,
                canvas=canvas,
                role=role,
                name=name,
                expires=expires,
            )
            if participant is None:
                await give(connection, holder.id, canvas, role, secret_id(token), expires)
            return token

    async def tokens(self, participant: str | None = None) -> list[Token]:
        """The API tokens that work, the newest first: all, or those that act for one participant."""
        query = (
            sa.select(secrets)
            .where(secrets.c.kind == "token", in_time(secrets, self._clock()))
            .order_by(secrets.c.made.desc(), secrets.c.id)
        )
        if participant is not None:
            query = query.where(secrets.c.participant == participant)
        async with self._store.reading() as connection:
            return [
                Token(
                    row.id,
                    row.name,
                    row.participant,
                    row.canvas,
                    row.role,
                    row.made,
                    row.expires,
                    row.last_used,
                )
                for row in await connection.execute(query)
            ]

    # Shares

    async def share(self, canvas: str, role: Role, by: Participant, days: float | None = None) -> str:
        """A token for a share link. After `days` the link and the access that came from it end.

        `secret_id(token)` is the share's id, for `revoke`.
        """
        check_role(role, SHARED)
        expires = self._vault.after(days)
        async with self._store.writing() as connection:
            await need_canvas(connection, canvas)
            return await self._vault.mint(connection, "share", canvas=canvas, role=role, made_by=by.id, expires=expires)

    async def shares(self, canvas: str) -> list[Share]:
        """The canvas's share links that work, the newest first."""
        async with self._store.reading() as connection:
            found = await connection.execute(
                sa.select(secrets)
                .where(secrets.c.kind == "share", secrets.c.canvas == canvas, in_time(secrets, self._clock()))
                .order_by(secrets.c.made.desc(), secrets.c.id)
            )
            return [_as_share(row) for row in found]

    async def invitation(self, token: str) -> Share | None:
        """Where a share link leads, or None when it does not work (any more)."""
        async with self._store.reading() as connection:
            found = await self._vault.find(connection, token, "share")
            return None if found is None else _as_share(found)

    async def join(self, token: str, name: str = "", existing: Participant | None = None) -> Joined:
        """Come in by a share link: as a new guest called `name`, or as the one who is signed in already.

        Whoever holds a higher role keeps it. Raises NotFound when the link does not work (any more).
        """
        async with self._store.writing() as connection:
            found = await self._vault.find(connection, token, "share", hold=True)
            if found is None:
                raise NotFound("This link does not work any more.", "Ask whoever sent it for a new one.")
            if existing is not None:
                await _need_participant(connection, existing.id)
            name = clean_name(name or "Guest")
            guest = existing or await self._new(connection, name, "person", "share", found.canvas)
            await give(connection, guest.id, found.canvas, found.role, found.id, found.expires)
            roles = await connection.run_sync(granted, guest.id, self._clock())
            role = highest(roles, found.canvas) or found.role
            return Joined(replace(guest, role=role), found.canvas, role)

    async def revoke(self, id: str, canvas: str | None = None) -> list[str]:
        """Take a share link or an API token back, and every grant that came from it.

        Guests who came by the link and hold no other grant are signed out; somebody who had an account
        before only loses this access. Returns the ids of the participants who lost a grant, so that their
        live connections can be looked at again. `canvas`: only when it belongs to this one. Raises NotFound.
        """
        async with self._store.writing() as connection:
            mine = secrets.c.canvas == canvas if canvas is not None else sa.true()
            gone = await connection.execute(
                sa.delete(secrets).where(secrets.c.id == id, secrets.c.kind.in_(("share", "token")), mine)
            )
            if not gone.rowcount:
                raise NotFound("There is no such link or token.", "It may have been taken back already.")
            lost = list(await connection.scalars(sa.select(grants.c.participant).where(grants.c.source == id)))
            await connection.execute(sa.delete(grants).where(grants.c.source == id))
            homeless = sa.select(participants.c.id).where(
                participants.c.id.in_(lost),
                participants.c.origin == "share",
                ~sa.exists().where(grants.c.participant == participants.c.id),
            )
            await connection.execute(sa.delete(secrets).where(secrets.c.participant.in_(homeless)))
            return lost

    # Roles

    async def role_in(self, who: Who, canvas: str) -> Role | None:
        """The role `who` holds on the canvas ("*": in the studio), or None.

        The studio's owner holds a role on every id: whether there is such a canvas, `as_in` looks.
        """
        roles = await self._roles(who.participant.id)
        return narrowed(who, highest(roles, canvas), canvas)

    async def as_in(self, who: Who, canvas: str) -> Participant | None:
        """The participant with the role held on the canvas, as `canvas.apply` wants it; None without one, and where
        there is no such canvas."""
        id, now = who.participant.id, self._clock()

        def look(connection: Plain) -> dict[str, Role]:
            return granted(connection, id, now) if select(connection, _CANVAS, canvas=canvas) else {}

        role = narrowed(who, highest(await self._store.read(look), canvas), canvas)
        return None if role is None else replace(who.participant, role=role)

    async def _roles(self, participant: str) -> dict[str, Role]:
        now = self._clock()
        return await self._store.read(lambda connection: granted(connection, participant, now))

    async def canvases(self, who: Who) -> list[dict[str, Any]]:
        """The canvases that `who` may see, the last changed first, each with the role held there."""
        roles = await self._roles(who.participant.id)
        listed: list[dict[str, Any]] = []
        for canvas in await self._store.list_canvases(None if STUDIO in roles else roles):
            role = narrowed(who, highest(roles, canvas.id), canvas.id)
            if role is not None:
                counts = {name: canvas.summary.get(name, 0) for name in ("pages", "words", "open_suggestions")}
                about = {"id": canvas.id, "title": canvas.title, "role": role}
                listed.append({**counts, **about, "created": canvas.created, "updated": canvas.updated})
        return listed

    async def members(self, canvas: str) -> list[Participant]:
        """Everybody who holds a role on the canvas, the highest first, then by name."""
        async with self._store.reading() as connection:
            found = await connection.execute(
                sa.select(participants, grants.c.role)
                .join(grants, grants.c.participant == participants.c.id)
                .where(grants.c.canvas.in_((canvas, STUDIO)), in_time(grants, self._clock()))
            )
            members: dict[str, Participant] = {}
            for row in found:
                one = replace(_as_participant(row), role=row.role)
                if row.id not in members or rank(one.role) > rank(members[row.id].role):
                    members[row.id] = one
        return sorted(members.values(), key=lambda one: (-rank(one.role), one.name.casefold(), one.id))

    # Participants

    async def participant(self, id: str) -> Participant | None:
        """The participant, with the role held in the studio ("viewer" when there is none)."""
        async with self._store.reading() as connection:
            found = await _participant(connection, id)
            if found is None:
                return None
        roles = await self._roles(id)
        return replace(found, role=roles.get(STUDIO, "viewer"))

    async def rename(self, id: str, name: str | None = None, color: str | None = None) -> Participant:
        """Change the name, the colour (`#rrggbb`) or both. Raises NotFound and Invalid."""
        values: dict[str, str] = {}
        if name is not None:
            values["name"] = clean_name(name)
        if color is not None:
            values["color"] = clean_color(color)
        if values:
            async with self._store.writing() as connection:
                await connection.execute(sa.update(participants).where(participants.c.id == id).values(values))
        found = await self.participant(id)
        if found is None:
            raise _nobody()
        return found

    async def agent(self, id: str, name: str, color: str) -> Participant:
        """The built-in agent `id`, made when it is missing, with this name and colour; a commenter."""
        agent = Participant(id, clean_name(name), "agent", clean_color(color), "commenter")
        async with self._store.writing() as connection:
            origin = await connection.scalar(sa.select(participants.c.origin).where(participants.c.id == id))
            if origin not in (None, "agent"):
                raise Invalid(f"Somebody else is known here as {id!r}.", "Give the agent another id.")
            await connection.execute(
                upsert(connection, participants, ("name", "color")),
                {
                    "id": id,
                    "name": agent.name,
                    "kind": agent.kind,
                    "color": agent.color,
                    "origin": "agent",
                    "made": self._clock(),
                },
            )
        return agent

    async def agent_roles(self) -> dict[str, Role]:
        """Agent -> the role in the whole studio that an owner gave it. Most have none."""
        async with self._store.reading() as connection:
            found = await connection.execute(
                sa.select(grants.c.participant, grants.c.role)
                .join(participants, participants.c.id == grants.c.participant)
                .where(grants.c.canvas == STUDIO, grants.c.source == "", participants.c.origin == "agent")
            )
            return {row.participant: row.role for row in found}

    async def trust_agent(self, id: str, role: Role | None) -> None:
        """Give a built-in agent a role in the whole studio, or take it back. Raises NotFound and Invalid."""
        if role is not None:
            check_role(role, SHARED)
        async with self._store.writing() as connection:
            agent = participants.c.id == id, participants.c.origin == "agent"
            if await connection.scalar(sa.select(participants.c.id).where(*agent)) is None:
                raise _nobody()
            if role is None:
                await connection.execute(sa.delete(grants).where(grants.c.participant == id, grants.c.canvas == STUDIO))
            else:
                await give(connection, id, STUDIO, role)

    async def _new(self, connection: AsyncConnection, name: str, kind: Kind, origin: str, canvas: str) -> Participant:
        """A new participant in the colour that the fewest of those on `canvas` have."""
        colors = sa.select(participants.c.color, sa.func.count(sa.distinct(participants.c.id)))
        if canvas != STUDIO:
            colors = colors.join(grants, grants.c.participant == participants.c.id).where(
                grants.c.canvas.in_((canvas, STUDIO))
            )
        used = {row[0]: row[1] for row in await connection.execute(colors.group_by(participants.c.color))}
        made = Participant(random.token_hex(8), name, kind, free_color(used))
        await connection.execute(
            sa.insert(participants).values(
                id=made.id, name=name, kind=kind, color=made.color, origin=origin, made=self._clock()
            )
        )
        return made


def _as_participant(row: sa.Row[Any]) -> Participant:
    return Participant(row.id, row.name, row.kind, row.color)


def _as_share(row: sa.Row[Any]) -> Share:
    return Share(row.id, row.canvas, row.role, row.made_by, row.made, row.expires)


async def _participant(connection: AsyncConnection, id: str) -> Participant | None:
    row = (await connection.execute(sa.select(participants).where(participants.c.id == id))).one_or_none()
    return None if row is None else _as_participant(row)


async def _owner(connection: AsyncConnection) -> Participant | None:
    """Whom the first setup link made."""
    query = sa.select(participants).where(participants.c.origin == "setup").order_by(participants.c.made)
    row = (await connection.execute(query.limit(1))).one_or_none()
    return None if row is None else _as_participant(row)


async def _need_participant(connection: AsyncConnection, id: str) -> None:
    if await _participant(connection, id) is None:
        raise _nobody()


def _nobody() -> NotFound:
    return NotFound("There is no such participant.", "Sign in again.")
