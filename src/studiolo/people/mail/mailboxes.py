"""Where people are written to, and about what."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from studiolo.canvas.errors import Conflict, Invalid, NotFound, TooLarge
from studiolo.store import Store, dialect
from studiolo.store.tables import mailboxes

ABOUT = ("waiting", "done", "failed")
"""What of one's tasks one can be written to about."""
Detail = Literal["titles", "more"]
MOST_ASKED = 3  # mails that ask for a confirmation, to one person, in a day
DAY = 86_400.0
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(slots=True)
class Mailbox:
    """Where one person is written to. `detail` "more": with what a task came to and asks, not only its title."""

    participant: str
    address: str
    secret: str = field(repr=False)
    confirmed: float | None = None
    about: list[str] = field(default_factory=lambda: list(ABOUT))
    detail: Detail = "titles"
    asked: list[float] = field(default_factory=list[float])
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As its owner sees it."""
        return {
            "address": self.address,
            "confirmed": self.confirmed is not None,
            "about": self.about,
            "detail": self.detail,
            "problem": self.problem,
        }

    def token(self, purpose: Literal["confirm", "end"]) -> str:
        """What a link has to bring along; that to confirm is good for this address only."""
        said = f"{purpose}\n{self.address}" if purpose == "confirm" else purpose
        return hmac.new(self.secret.encode(), said.encode(), hashlib.sha256).hexdigest()[:40]


class Mailboxes:
    """The rows of `mailboxes`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, participant: str) -> Mailbox | None:
        box = await self._row(participant)
        return box if box is not None and box.address else None

    async def _row(self, participant: str) -> Mailbox | None:
        async with self._store.reading() as connection:
            query = sa.select(mailboxes).where(mailboxes.c.participant == participant)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _read(row)

    async def set(self, participant: str, address: str, about: list[str], detail: Detail) -> tuple[Mailbox, bool]:
        """Say where and about what; and whether the address is to be confirmed. Raises `Invalid`."""
        address = address.strip()
        if not _ADDRESS.fullmatch(address) or ".." in address:
            raise Invalid(f"{address[:60]!r} is no mail address.", "Write it as name@example.com.")
        before = await self._row(participant)
        if before is None or before.address != address:
            box = Mailbox(participant, address, secrets.token_hex(16), asked=before.asked if before else [])
        else:
            box = before
        box.about, box.detail = [one for one in ABOUT if one in about], detail
        await self.keep(box)
        return box, box.confirmed is None

    async def keep(self, box: Mailbox) -> None:
        """Keep a mailbox as it is now; not when somebody was asked, which only grows."""
        columns = ("address", "secret", "confirmed", "wants", "problem")
        async with self._store.writing() as connection:
            await connection.execute(
                dialect.upsert(connection, mailboxes, columns),
                {
                    "participant": box.participant,
                    "address": box.address,
                    "secret": box.secret,
                    "confirmed": box.confirmed,
                    "wants": {"about": box.about, "detail": box.detail},
                    "asked": box.asked,
                    "problem": box.problem,
                },
            )

    async def may_ask(self, box: Mailbox) -> None:
        """Note that a mail is sent that asks for a confirmation. Raises `Conflict`, and `TooLarge` for too many."""
        now = self._store.clock()
        if box.confirmed is not None:
            raise Conflict("The address is confirmed already.", "Nothing is left to do.")
        mine = mailboxes.c.participant == box.participant
        async with self._store.writing() as connection:  # in one go: two requests at once are two mails
            asked = await connection.scalar(sa.select(mailboxes.c.asked).where(mine).with_for_update())
            box.asked = self._today(asked or [])
            if len(box.asked) >= MOST_ASKED:
                raise TooLarge(
                    f"{MOST_ASKED} mails were sent today.", "Look into your spam folder, or wait until tomorrow."
                )
            box.asked.append(now)
            await connection.execute(sa.update(mailboxes).where(mine).values(asked=box.asked))

    def _today(self, asked: list[float]) -> list[float]:
        return [at for at in asked if at > self._store.clock() - DAY]

    async def note(self, participant: str, address: str, problem: str) -> None:
        """Note why mail could not be delivered to an address; "": it was."""
        here = (mailboxes.c.participant == participant) & (mailboxes.c.address == address)
        async with self._store.writing() as connection:
            await connection.execute(sa.update(mailboxes).where(here).values(problem=problem))

    async def works(self, participant: str, token: str, purpose: Literal["confirm", "end"]) -> bool:
        """Whether a link of a mail still does what it says."""
        box = await self.get(participant)
        return box is not None and _fits(box, token, purpose)

    async def confirm(self, participant: str, token: str) -> Mailbox:
        """The link in the mail was followed. Raises `NotFound`."""
        box = await self._by_link(participant, token, "confirm")
        box.confirmed, box.problem = box.confirmed or self._store.clock(), ""
        await self.keep(box)
        return box

    async def end(self, participant: str, token: str) -> None:
        """Write to them no more: by the link that each mail has. Raises `NotFound`."""
        box = await self._by_link(participant, token, "end")
        await self.forget(box.participant)

    async def forget(self, participant: str) -> None:
        """Write to them no more, and forget the address; not how often they had somebody written to today."""
        mine = mailboxes.c.participant == participant
        async with self._store.writing() as connection:
            asked = await connection.scalar(sa.select(mailboxes.c.asked).where(mine).with_for_update())
            if self._today(asked or []):
                nowhere = {"address": "", "secret": secrets.token_hex(16), "confirmed": None, "problem": ""}
                await connection.execute(sa.update(mailboxes).where(mine).values(**nowhere))
            else:
                await connection.execute(sa.delete(mailboxes).where(mine))

    async def _by_link(self, participant: str, token: str, purpose: Literal["confirm", "end"]) -> Mailbox:
        box = await self.get(participant)
        if box is None or not _fits(box, token, purpose):
            raise NotFound("This link does not work any more.", "Set the address again in the studio.")
        return box


def _fits(box: Mailbox, token: str, purpose: Literal["confirm", "end"]) -> bool:
    return hmac.compare_digest(box.token(purpose).encode(), token.encode(errors="replace"))


def _read(row: sa.Row[Any]) -> Mailbox:
    wants: dict[str, Any] = row.wants
    return Mailbox(
        row.participant,
        row.address,
        row.secret,
        row.confirmed,
        list(wants.get("about", ABOUT)),
        wants.get("detail", "titles"),
        list(row.asked),
        row.problem,
    )
