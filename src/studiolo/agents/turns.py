"""Turns: which agent works on which passage, so that no two of them write on the same words at once.

An agent claims a passage before it writes there, and whoever comes second waits, for a while. A claim is a pair of
relative positions, so it moves with the text; it ends with its run, or when the run claims another passage. A run that
waits holds nothing, so no two can wait for each other. People are never kept waiting: agents wait for them.

Claims are seen by everybody in the awareness of whoever holds them (`working`). Between nodes they are notes on a board
that only one node reads and writes at a time.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.anchors import Position, between
from studiolo.canvas.errors import Conflict
from studiolo.canvas.quotes import Span

PATIENCE = 45.0  # seconds that an agent waits for its turn
LOOK_AGAIN = 0.25  # seconds between looks at what other nodes, and people's hands, do
PERSON = "person"


class Occupied(Conflict):
    """Somebody else works on that passage, and goes on."""

    code = "occupied"


class Site(Protocol):
    """A canvas that is open."""

    @property
    def id(self) -> str: ...

    @property
    def canvas(self) -> Canvas: ...


class Board(Protocol):
    """Where the studio's nodes leave notes for each other."""

    id: str

    def alone(self, name: str) -> AbstractAsyncContextManager[None]: ...

    async def pin(self, board: str, key: str, note: str | None) -> None: ...

    async def pinned(self, board: str) -> dict[str, str]: ...

    async def alive(self, node: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A passage that a run works on."""

    page: str
    anchor: Position
    head: Position
    agent: str
    name: str
    run: str
    node: str = ""

    def span(self, surface: Site) -> Span | None:
        """Where it is now; None when the text that it hangs on is not known here."""
        return between(surface.canvas.document.identity, self.page, self.anchor, self.head)

    def shown(self) -> dict[str, Any]:
        """As awareness shows it."""
        return {"page": self.page, "anchor": self.anchor, "head": self.head}


class Turns:
    """Who works where, in all canvases of this process."""

    def __init__(self, board: Board | None = None, patience: float = PATIENCE) -> None:
        self._board = board
        self._patience = patience
        self._claims: defaultdict[str, dict[str, Claim]] = defaultdict(dict)
        """By canvas and run: each run has one at most."""
        self._changed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def take(
        self,
        surface: Site,
        agent: Participant,
        run: str,
        page: str,
        span: Span,
        asked_by: str = "",
        patience: float | None = None,
    ) -> Claim:
        """Claim a passage of the page as it is now, and let go of the one that the run had. Waits while another run
        has any of it, or a person other than `asked_by` is typing there, and not longer than it has patience. Raises
        `Occupied`."""
        await self.leave(surface.id, run)
        identity = surface.canvas.document.identity
        head = identity.position(page, span.end, -1)
        anchor = head if span.start == span.end else identity.position(page, span.start, 0)
        claim = Claim(page, anchor, head, agent.id, agent.name, run, self._board.id if self._board else "")
        until = asyncio.get_running_loop().time() + (self._patience if patience is None else patience)
        while True:
            changed = self._changed[surface.id]
            before = await self._try(surface, claim, asked_by)
            if before is None:
                return claim
            if asyncio.get_running_loop().time() >= until:
                raise _occupied(before)
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await changed.wait()
            except TimeoutError:
                pass

    async def leave(self, canvas: str, run: str) -> None:
        """Let go of what a run has."""
        if self._claims[canvas].pop(run, None) is None:
            return
        if not self._claims[canvas]:
            del self._claims[canvas]
        if self._board is not None:
            await self._board.pin(_board(canvas), run, None)
        self._tell(canvas)

    async def here(self, surface: Site) -> list[Claim]:
        """Who works where in a canvas, on all nodes."""
        return [*self._claims.get(surface.id, {}).values(), *await self._afar(surface.id)]

    # -- inside

    async def _try(self, surface: Site, claim: Claim, asked_by: str) -> Claim | str | None:
        """Take a passage if it is free; otherwise who has it, `PERSON` for people."""
        alone = self._board.alone(_board(surface.id)) if self._board is not None else nullcontext()
        async with alone:
            afar = await self._afar(surface.id)
            # From here to the taking nothing is awaited, so that on this node, too, only one can be first.
            mine = claim.span(surface)
            for other in (*self._claims.get(surface.id, {}).values(), *afar):
                if other.page == claim.page and other.run != claim.run and _meet(mine, other.span(surface)):
                    return other
            canvas = surface.canvas
            if mine is not None and canvas.typing.near(
                canvas.document.identity, claim.page, mine, canvas.clock(), besides=asked_by
            ):
                return PERSON
            self._claims[surface.id][claim.run] = claim
            if self._board is not None:
                await self._board.pin(_board(surface.id), claim.run, json.dumps(asdict(claim)))
        self._tell(surface.id)
        return None

    async def _afar(self, canvas: str) -> list[Claim]:
        """The claims of other nodes. What a node left that is no more is taken off the board."""
        if self._board is None:
            return []
        found: list[Claim] = []
        for run, note in (await self._board.pinned(_board(canvas))).items():
            claim = _read(note)
            if claim is None or (claim.node != self._board.id and not await self._board.alive(claim.node)):
                await self._board.pin(_board(canvas), run, None)
            elif claim.node != self._board.id:
                found.append(claim)
        return found

    def _tell(self, canvas: str) -> None:
        changed = self._changed.pop(canvas, None)
        if changed is not None:
            changed.set()


def meets(one: Span, other: Span) -> bool:
    """Whether two passages have words in common, or one is a place in, or at the edge of, the other."""
    low, high = max(one.start, other.start), min(one.end, other.end)
    return low < high or (low == high and (one.start == one.end or other.start == other.end))


def _meet(one: Span | None, other: Span | None) -> bool:
    return one is None or other is None or meets(one, other)  # what is not known yet may be anywhere


def _occupied(before: Claim | str) -> Occupied:
    if isinstance(before, Claim):
        return Occupied(
            f"{before.name} is working on that passage.",
            "Comment there, or work on another passage; try again when it has finished.",
            agent=before.agent,
            run=before.run,
        )
    return Occupied(
        "Somebody is writing in that passage just now.",
        "Comment there, or work on another passage; try again when they have stopped.",
    )


def _board(canvas: str) -> str:
    return f"turns:{canvas}"


def _read(note: str) -> Claim | None:
    try:
        kept: Mapping[str, Any] = json.loads(note)
        return Claim(**kept)
    except (ValueError, TypeError):
        return None  # of another version
