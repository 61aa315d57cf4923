"""The courier of one node: whatever webhook has something to be told, it is told, in the order of the ledger.

Among several nodes each place is worked on by one. A receiver that fails is tried again for a day, less and less often;
then the event is given up. One that has been away for longer keeps what is waiting, and is asked every few hours.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from contextlib import suppress
from random import Random, SystemRandom

from studiolo import metrics
from studiolo.canvas.errors import StudioloError
from studiolo.store import LedgerRow, Store
from studiolo.webhooks.events import PING, Look, body_of, id_of, suggestions_of, threads_of, type_of, wanted
from studiolo.webhooks.hooks import Hook
from studiolo.webhooks.places import Due, Place, Places, Tried
from studiolo.webhooks.sending import SECONDS, Answer, Sender
from studiolo.webhooks.signing import signed

log = logging.getLogger(__name__)

FIRST_RETRY = 5.0  # seconds; the next waits are each twice the one before
LONGEST_WAIT = 3 * 3600.0
A_DAY = 86_400.0
JITTER = 0.2  # of a wait, either way: receivers that failed together are not all asked again together
HOLD = 3 * SECONDS  # for which a node has a place to itself; renewed while it works
LOOK_EVERY = 15.0  # seconds between two looks at everything: for what a node left that died
AT_ONCE = 16  # webhooks


class Courier:
    """Tells webhooks what is in the ledgers. Call `open`, and `close` before the store closes."""

    def __init__(
        self, store: Store, sender: Sender, look: Look, me: str, random: Random | None = None, every: float = LOOK_EVERY
    ) -> None:
        self._store = store
        self._sender = sender
        self._look = look
        self._random = random or SystemRandom()
        self._every = every
        self._places = Places(store, me)
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._watch: asyncio.Task[None] | None = None
        self._whole_at = 0.0  # when everything is to be looked at again, on the event loop's clock
        self._anybody = False  # whether there was a webhook then

    def open(self) -> None:
        """Begin, with what was left from before."""
        self._store.on_entries.append(self._told)
        self._watch = asyncio.create_task(self._run(), name="courier")

    async def close(self) -> None:
        """Stop. What is being sent is cut off and will be sent again."""
        if self._told in self._store.on_entries:
            self._store.on_entries.remove(self._told)
        tasks = [*([self._watch] if self._watch else []), *self._busy.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()

    def look(self) -> None:
        """Look at everything now: somebody has made a webhook."""
        self._whole_at = 0.0
        self._wake.set()

    def _told(self, canvases: set[str]) -> None:
        if self._anybody:
            self._changed |= canvases
            self._wake.set()

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            changed, self._changed = self._changed, set()
            whole = now() >= self._whole_at
            if whole:
                self._whole_at = now() + self._every
            try:
                if whole:
                    self._anybody = await self._places.anybody()
                due = await self._places.due(None if whole else changed) if self._anybody else []
            except StudioloError as error:
                log.warning("What webhooks are to be told is not known: %s", error.message)
            else:
                self._whole_at = min(self._whole_at, now() + self._start(due))
            # Not `wait_for`: that of Python 3.11 forgets that it was cancelled when it is woken in the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._whole_at - now()):
                    await self._wake.wait()

    def _start(self, due: list[Due]) -> float:
        """Begin with what can be told now; the seconds until something else can."""
        now, later = self._store.clock(), self._every
        for one in due:
            key = (one.webhook, one.canvas)
            if one.when > now:
                later = min(later, one.when - now + 0.01)
            elif key not in self._busy:
                self._busy[key] = asyncio.create_task(self._work(one), name=f"webhook {one.webhook}")
        return later

    async def _work(self, due: Due) -> None:
        try:
            async with self._room:
                told = await self._tell(due)
        except StudioloError as error:
            log.warning("Webhook %s of canvas %s was left for later: %s", due.webhook, due.canvas, error.message)
            told = False
        except Exception:
            log.exception("Webhook %s of canvas %s was left for later", due.webhook, due.canvas)
            told = False
        finally:
            del self._busy[due.webhook, due.canvas]
        if told:
            self._told({due.canvas})  # somebody may have written while the place was let go

    async def _tell(self, due: Due) -> bool:
        """Tell what comes next at a place until there is nothing, or it fails; whether anything was looked at."""
        place = await self._places.take(due, self._store.clock() + HOLD)
        if place is None:
            return False
        moved = False
        try:
            while rows := await self._places.rows(place):
                for row in rows:
                    type = type_of(row)
                    if type is None or not wanted(type, place.hook.events):
                        continue
                    if not await self._send(place, row, type):
                        return False
                    moved = True
                if place.seq < rows[-1].seq and not await self._places.move(place, rows[-1].seq):
                    return False
                moved = True
        except BaseException as error:
            stopped = isinstance(error, asyncio.CancelledError)  # the next node, or start, may go on at once
            await self._places.release(place, 0.0 if stopped else self._store.clock() + FIRST_RETRY)
            raise
        await self._places.release(place)
        return moved

    async def _send(self, place: Place, row: LedgerRow, type: str) -> bool:
        """Send one event; whether to go on with the next."""
        now = self._store.clock()
        if place.held_until - now < 2 * SECONDS and not await self._places.hold(place, now + HOLD):
            return False
        scene = await self._look(place.canvas, suggestions_of(row), threads_of(row), row.participant)
        body = body_of(place.canvas, row, type, scene)
        headers = signed(place.hook.secret, id_of(row), self._store.clock(), body)
        answer = await self._sender.post(place.hook.url, headers, body)
        tries = place.attempts + 1
        if answer.taken:
            metrics.DELIVERIES.labels("delivered").inc()
            tried = Tried(row, id_of(row), type, tries, "delivered", answer.said)
            return await self._places.move(place, row.seq, tried)
        now = self._store.clock()
        place.attempts, place.since = tries, place.since if place.since is not None else now
        given_up = now - place.since >= A_DAY
        metrics.DELIVERIES.labels("given up" if given_up else "failed").inc()
        tried = Tried(row, id_of(row), type, tries, "given up" if given_up else "waiting", answer.said)
        wait = LONGEST_WAIT if given_up else waits(tries)
        wait *= 1 + self._random.uniform(-JITTER, JITTER)
        await self._places.fail(place, tried, now + wait, skip=given_up)
        return False

    async def ping(self, hook: Hook) -> Answer:
        """Send an event that means nothing, now and once."""
        id = f"msg_{secrets.token_hex(16)}"
        now = self._store.clock()
        body = json.dumps({"type": PING, "id": id, "at": now, "canvas": hook.canvas}).encode()
        return await self._sender.post(hook.url, signed(hook.secret, id, now, body), body)


def waits(tries: int) -> float:
    """Seconds to wait after so many attempts in vain."""
    return min(LONGEST_WAIT, FIRST_RETRY * 2.0 ** min(tries - 1, 30))
