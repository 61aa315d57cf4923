"""The queue of mails: rows that survive everything, sent by whichever node is first, tried again for two days.

SMTP has no way to ask whether a mail was taken: one whose sending is cut off between the server's last word and our
note of it comes twice. That moment is kept short, and both are the same mail, with one Message-ID and one date.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.message import EmailMessage
from typing import Any

import sqlalchemy as sa

from studiolo.canvas.errors import StudioloError, Unavailable
from studiolo.people.mail import letters
from studiolo.people.mail.mailboxes import Mailbox, Mailboxes
from studiolo.people.mail.smtp import Away, Refused, Server
from studiolo.store import Store, dialect
from studiolo.store.tables import mails

FIRST_RETRY = 30.0  # seconds; the next waits are each twice the one before
LONGEST_WAIT = 3 * 3600.0
GIVEN_UP = 2 * 86_400.0
HOLD = 120.0  # seconds for which whoever sends a mail has it to itself, unless it says that it still does
ENDS_WITHIN = 10.0  # seconds for what is being sent when the studio stops
KEPT = 14 * 86_400.0  # seconds that a sent mail is remembered, so that none is sent twice
LOOK_EVERY = 60.0
AT_ONCE = 20
log = logging.getLogger(__name__)

Titled = Callable[[str, str], Awaitable[str | None]]
"""The title of a canvas, for somebody who is in it now; None for all others: (canvas, participant)."""


class Post:
    """Sends mail, where the studio has a server for it. `studio` is the address at which people reach the studio."""

    def __init__(
        self,
        store: Store,
        boxes: Mailboxes,
        server: Server | None,
        sender: str,
        studio: str,
        titled: Titled,
        every: float = LOOK_EVERY,
    ) -> None:
        self._store = store
        self._boxes = boxes
        self._server = server
        self._sender = sender
        self._studio = studio.rstrip("/")
        self._titled = titled
        self._every = every
        self._wake = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._taken: set[str] = set()  # mails that the server has, and whose rows do not say so yet

    @property
    def available(self) -> bool:
        """Whether mail can be sent at all."""
        return self._server is not None

    def open(self) -> None:
        """Begin, with what was left from before."""
        if self._server is not None:
            self._driver = asyncio.create_task(self._run(), name="post")

    async def close(self) -> None:
        """Stop, when what is being sent has been sent; one that takes long may come twice."""
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.gather(self._driver, return_exceptions=True)
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=ENDS_WITHIN)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def look(self) -> None:
        """Look now for what is to be sent."""
        self._wake.set()

    # -- into the queue

    async def about_task(self, id: str, task: dict[str, Any]) -> None:
        """News of a task, for whoever wants it done: once for each `id`, if they had asked for such mail by then."""
        if self._server is None:
            return
        box = await self._boxes.get(task["by"])
        if box is None or box.confirmed is None or task["state"] not in box.about or task["at"] < box.confirmed:
            return
        await self._add(id, task["canvas"], box.participant, {"task": task})

    async def ask(self, box: Mailbox) -> None:
        """Ask whether an address is theirs. Raises `Unavailable`, `Conflict` and `TooLarge`."""
        if self._server is None:
            raise Unavailable("This studio sends no mail.", "Its operator can set STUDIOLO_SMTP_URL.")
        await self._boxes.may_ask(box)
        await self._add(f"confirm:{secrets.token_hex(8)}", None, box.participant, {"confirm": box.address})

    async def _add(self, id: str, canvas: str | None, participant: str, mail: dict[str, Any]) -> None:
        now = self._store.clock()
        async with self._store.writing() as connection:
            await connection.execute(sa.delete(mails).where(mails.c.next.is_(None), mails.c.made < now - KEPT))
            await connection.execute(
                dialect.insert_new(connection, mails),
                {"id": id, "canvas": canvas, "participant": participant, "made": now, "next": now, "tries": 0}
                | {"mail": mail},
            )
        self._wake.set()

    # -- out of it

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                wait = await self._send_due()
            except StudioloError as error:
                log.warning("Mails were left for later: %s", error.message)
                wait = self._every
            except Exception:
                log.exception("Mails were left for later")
                wait = self._every
            # Not `wait_for`: that of Python 3.11 forgets that it was cancelled when it is woken in the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _send_due(self) -> float:
        """Send what is due; seconds until there is something to do again."""
        now = self._store.clock()
        query = sa.select(mails).where(mails.c.next.is_not(None)).order_by(mails.c.next).limit(AT_ONCE)
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
        due = [row for row in rows if row.next <= now]
        for row in due:
            if await self._change(row, next=now + HOLD, tries=row.tries + 1):
                self._sending = asyncio.create_task(self._send(row, now + HOLD), name="mail")
                await asyncio.shield(self._sending)
        if due:
            return 0.0
        return min(self._every, rows[0].next - now) if rows else self._every

    async def _send(self, row: sa.Row[Any], held: float) -> None:
        now = self._store.clock()
        box = await self._boxes.get(row.participant)
        problem = ""
        following: float | None = None
        message = await self._written(row) if row.id not in self._taken else None
        if message is not None and self._server is not None:
            delivery = _in_thread(self._server, message)
            while not (await asyncio.wait({delivery}, timeout=HOLD / 3))[0]:
                until = self._store.clock() + HOLD
                held = until if await self._change(row, held, next=until) else held
            try:
                delivery.result()
                self._taken.add(row.id)
                log.info("A mail was sent.")
            except Refused as error:
                problem = f"The mail server refused it: {error}"
            except Away as error:
                wait = min(LONGEST_WAIT, FIRST_RETRY * 2.0 ** min(row.tries, 20))
                following = now + wait if now - row.made < GIVEN_UP else None
                problem = f"Not delivered yet: {error}"
                log.warning("A mail could not be sent and is tried again later.")  # a server's words may name people
        await self._change(row, held, next=following)
        self._taken.discard(row.id)
        if box is not None and box.problem != problem:
            await self._boxes.note(box.participant, box.address, problem)

    async def _written(self, row: sa.Row[Any]) -> EmailMessage | None:
        """The mail, as it is true now; None when nobody is to get it any more."""
        box = await self._boxes.get(row.participant)
        if box is None:
            return None
        if "confirm" in row.mail:
            wanted = box.address == row.mail["confirm"] and box.confirmed is None
            return letters.confirmation(box, row.id, row.made, self._studio, self._sender) if wanted else None
        title = await self._titled(row.canvas, row.participant) if box.confirmed is not None else None
        if title is None:
            return None
        return letters.of_task(box, row.id, row.made, row.mail["task"], title, self._studio, self._sender)

    async def _change(self, row: sa.Row[Any], held: float | None = None, **values: Any) -> bool:
        """Change a mail that nobody else has changed meanwhile; whether that was so."""
        mine = (mails.c.id == row.id) & (mails.c.next == (row.next if held is None else held))
        async with self._store.writing() as connection:
            return bool((await connection.execute(sa.update(mails).where(mine).values(**values))).rowcount)


def _in_thread(server: Server, message: EmailMessage) -> asyncio.Future[None]:
    """Give a mail to the server in a thread of its own, which nobody waits for when the program ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # also when nobody waits any more

    def settle(error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error is not None else done.set_result(None)

    def deliver() -> None:
        failed: BaseException | None = None
        try:
            server.deliver(message)
        except BaseException as error:
            failed = error
        with suppress(RuntimeError):  # the studio has stopped meanwhile
            loop.call_soon_threadsafe(settle, failed)

    threading.Thread(target=deliver, name="mail", daemon=True).start()
    return done
