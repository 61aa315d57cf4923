"""Harmless retries: the answer to a request with an `Idempotency-Key` is kept and given again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from studiolo.canvas.errors import Invalid, StudioloError
from studiolo.rooms.nodes import Nodes
from studiolo.store import Answer, Store

log = logging.getLogger(__name__)

MAX_KEY = 200

Keep = Callable[[dict[str, Any]], Answer]


class Repeats:
    """Runs a keyed request once per participant and canvas, also when two with the same key arrive together, here or
    on two nodes."""

    def __init__(self, store: Store, nodes: Nodes | None = None) -> None:
        self.store = store
        self._nodes = nodes
        self._running: dict[tuple[str, str, str], tuple[asyncio.Lock, int]] = {}

    async def once(
        self,
        key: str | None,
        participant: str,
        canvas: str,
        request: Any,
        work: Callable[[Keep | None], Awaitable[dict[str, Any]]],
    ) -> tuple[int, dict[str, Any]]:
        """`(status, JSON body)` of `work`, or what the same key gave before. Raises `Invalid` for a reused key.

        `work` is given a function that makes the answer to keep; whoever stores something stores that with it, so
        that no crash comes between. Refusals that were decided (4xx) are kept too; "try again later" (5xx) is not.
        """
        if not key:
            return 200, await work(None)
        if len(key) > MAX_KEY:
            raise Invalid(f"The Idempotency-Key is longer than {MAX_KEY} characters.", "Use a UUID.")
        asked = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        async with self._alone((participant, canvas, key)):
            before = await self.store.recall(key, participant, canvas)
            if before is not None:
                if before["asked"] != asked:
                    raise Invalid("This Idempotency-Key was used for another request.", "Make a new key.")
                return before["status"], before["body"]

            def keep(body: dict[str, Any]) -> Answer:
                return Answer(key, {"asked": asked, "status": 200, "body": body})

            try:
                return 200, await work(keep)
            except StudioloError as error:
                if error.status >= 500:
                    raise
                status, body = error.status, {"error": error.as_dict()}
            try:
                await self.store.remember(key, participant, canvas, {"asked": asked, "status": status, "body": body})
            except StudioloError as error:
                log.warning("The refusal of a request with a key was not kept: %s", error.message)
            return status, body

    @asynccontextmanager
    async def _alone(self, name: tuple[str, str, str]) -> AsyncIterator[None]:
        """A lock per name that exists only while somebody uses it."""
        lock, users = self._running.get(name, (asyncio.Lock(), 0))
        self._running[name] = (lock, users + 1)
        try:
            async with lock, self._nodes.alone(":".join(name)) if self._nodes else nullcontext():
                yield
        finally:
            lock, users = self._running[name]
            if users == 1:
                del self._running[name]
            else:
                self._running[name] = (lock, users - 1)
