"""The ledger's chain: each row carries a hash of itself and of the row before it, so that none can be changed, left out
or put in without all that follow telling. Only the end can be cut off unseen, except by who has noted the last hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from studiolo.store import tables
from studiolo.store.canvas_rows import no_canvas

if TYPE_CHECKING:
    from studiolo.store.store import Store

_AT_ONCE = 200  # rows; between portions others have their turn


def canonical(value: Any) -> str:
    """JSON of which there is one way to write it: keys sorted by code point, no blanks, every character as it is.

    Raises ValueError for what no database can give back: a number that is none, or half of a surrogate pair.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def as_read(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a database gives back of a JSON object: the keys are text, the tuples lists."""
    return json.loads(json.dumps(value, allow_nan=False))


def chained(
    before: str,
    canvas: str,
    seq: int,
    at: float,
    participant: str,
    action: Mapping[str, Any],
    outcome: Mapping[str, Any],
) -> str:
    """The hash of a row, as lower-case hex: SHA-256 over the canonical JSON of an array of these arguments. `before` is
    the hash of the canvas's row before it, "" for the first; `action` and `outcome` are as they are read back."""
    at = float(at) + 0.0  # SQLite has one zero
    text = canonical([before, canvas, seq, at, participant, action, outcome])
    return hashlib.sha256(text.encode()).hexdigest()


class Chain:
    """The ends of the chains of canvases, to which rows are added in order. `ends`: canvas -> its last hash."""

    def __init__(self, ends: Mapping[str, str] | None = None) -> None:
        self.ends = dict(ends or {})

    def add(
        self,
        canvas: str,
        seq: int,
        at: float,
        participant: str,
        action: Mapping[str, Any],
        outcome: Mapping[str, Any],
    ) -> str:
        """The hash of the next row of a canvas."""
        hash = chained(self.ends.get(canvas, ""), canvas, seq, at, participant, action, outcome)
        self.ends[canvas] = hash
        return hash


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading a canvas's ledger from its beginning gave.

    `seq` and `head` are of the last row that follows, and `broken` is the first that does not. `seen`: the row whose
    hash is the one that was asked for; None when there is none, or none was asked for.
    """

    rows: int
    seq: int
    head: str
    broken: int | None = None
    seen: int | None = None

    @property
    def whole(self) -> bool:
        return self.broken is None

    def as_dict(self) -> dict[str, Any]:
        return {"whole": self.whole, **asdict(self)}


async def verify(store: Store, canvas: str, head: str = "") -> Verdict:
    """Read the ledger of a canvas and follow its chain. `head`: a hash that was noted earlier, to be looked for.

    Raises NotFound when there is no such canvas.
    """
    chain, rows, last, seen = Chain(), 0, 0, None
    if not await store.list_canvases([canvas]):
        raise no_canvas()
    while portion := await _portion(store, canvas, last):
        for row in portion:
            before = chain.ends.get(canvas, "")
            try:
                hash = chain.add(canvas, row.seq, row.at, row.participant, row.action, row.outcome)
            except ValueError:  # nothing that was ever hashed
                hash = ""
            if hash != row.hash:
                return Verdict(rows, last, before, row.seq, seen)
            rows, last = rows + 1, row.seq
            if head and hash == head:
                seen = row.seq
    return Verdict(rows, last, chain.ends.get(canvas, ""), None, seen)


async def _portion(store: Store, canvas: str, after: int) -> Any:
    ledger = tables.ledger
    of_it = sa.select(ledger).where(ledger.c.canvas == canvas, ledger.c.seq > after)
    async with store.reading() as connection:
        return (await connection.execute(of_it.order_by(ledger.c.seq).limit(_AT_ONCE))).all()
