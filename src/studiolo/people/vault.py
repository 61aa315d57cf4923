"""Secrets: made here, found here, and kept only as their SHA-256.

Every secret is 192 random bits, so it needs no slow hash, no salt and no limit on guesses, and looking its
hash up by an index gives nothing away by its timing.
"""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Callable
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from studiolo.canvas.errors import Invalid
from studiolo.canvas.participant import Role
from studiolo.store.tables import secrets

DAY = 86400.0

SecretKind = Literal["setup", "session", "share", "token"]

_PREFIX: dict[SecretKind, str] = {"setup": "", "session": "", "share": "", "token": "st_"}
"""A token that lies about somewhere says by its beginning what it is; a link says it by its address."""


class Vault:
    """The table of secrets, inside a caller's transaction."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    async def mint(
        self,
        connection: AsyncConnection,
        kind: SecretKind,
        *,
        participant: str | None = None,
        canvas: str | None = None,
        role: Role | None = None,
        name: str = "",
        made_by: str | None = None,
        expires: float | None = None,
    ) -> str:
        """A new secret. This is the only time it can be read."""
        token = _PREFIX[kind] + random.token_urlsafe(24)
        now = self._clock()
        await connection.execute(
            sa.insert(secrets).values(
                hash=secret_hash(token),
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

    async def find(
        self, connection: AsyncConnection, token: str, *kinds: SecretKind, hold: bool = False
    ) -> sa.Row[Any] | None:
        """The secret's row, when it is of one of `kinds` and in time. `hold`: it is not revoked meanwhile."""
        query = sa.select(secrets).where(self._this(token, *kinds))
        if hold:
            query = query.with_for_update(read=True)
        return (await connection.execute(query)).one_or_none()

    async def burn(self, connection: AsyncConnection, token: str, kind: SecretKind) -> bool:
        """Use the secret up: True for the one caller who does, when it is of this kind and in time."""
        return bool((await connection.execute(sa.delete(secrets).where(self._this(token, kind)))).rowcount)

    def _this(self, token: str, *kinds: SecretKind) -> sa.ColumnElement[bool]:
        return sa.and_(secrets.c.hash == secret_hash(token), secrets.c.kind.in_(kinds), in_time(secrets, self._clock()))

    def after(self, days: float | None) -> float | None:
        """The moment `days` from now; None for never. Raises Invalid."""
        if days is None:
            return None
        if not 0 < days <= 36500:
            raise Invalid("The number of days is not between 0 and 36500.", "Leave it out for no end.")
        return self._clock() + days * DAY


def secret_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def secret_id(token: str) -> str:
    """The id by which a link or a token can be named without giving it away."""
    return secret_hash(token)[:16]


def in_time(table: sa.Table, now: float | sa.BindParameter[float]) -> sa.ColumnElement[bool]:
    """That a secret or a grant has not expired."""
    return sa.or_(table.c.expires.is_(None), table.c.expires > now)
