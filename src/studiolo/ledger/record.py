"""The record: of each agent, skill and person, what they proposed and what people did with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from studiolo.history import Histories
from studiolo.ledger.facts import Fact, facts, suggestions_in
from studiolo.store import Store
from studiolo.store.turn import last_rows

KEPT = 100  # canvases whose facts are kept until they change
FRESH = 3600.0  # seconds for which they are: what a day has passed over changes by itself


@dataclass(slots=True)
class _Kept:
    seq: int
    at: float
    facts: list[Fact]


class Records:
    """What became of everything that was proposed in the canvases of a studio."""

    def __init__(self, store: Store, histories: Histories) -> None:
        self._store = store
        self._histories = histories
        self._kept: dict[str, _Kept] = {}

    async def facts(self, canvas: str) -> list[Fact]:
        """One for each change that was ever proposed there, the oldest first. Raises NotFound."""
        now = self._store.clock()
        last = (await last_rows(self._store, [canvas])).get(canvas)
        kept = self._kept.pop(canvas, None)
        if kept is None or kept.seq != last or now - kept.at > FRESH:
            loaded = await self._store.load(canvas)
            updates = [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]
            found = await self._histories.ask(canvas, lambda past: facts(suggestions_in(updates), past, now))
            kept = _Kept(loaded.seq, now, found)
        self._kept[canvas] = kept
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return kept.facts


def record(found: Iterable[Fact]) -> list[dict[str, Any]]:
    """A row for each participant and skill, those first who proposed most; the sums are `docs/ledger.md`'s."""
    groups: dict[tuple[str, str], list[Fact]] = {}
    for fact in found:
        groups.setdefault((fact.author, fact.skill), []).append(fact)
    rows = [
        {
            "participant": latest.author,
            "name": latest.name,
            "kind": latest.kind,
            "color": latest.color,
            "skill": latest.skill,
            "models": sorted({fact.model for fact in group} - {""}),
            **summed(group),
        }
        for group in groups.values()
        if (latest := max(group, key=lambda fact: fact.at))
    ]
    return sorted(rows, key=lambda row: (-row["proposed"], row["name"], row["participant"], row["skill"]))


def summed(group: list[Fact]) -> dict[str, Any]:
    """The numbers of one row."""
    accepted = [fact for fact in group if fact.status == "accepted"]
    amended = [fact.amended for fact in accepted if fact.amended is not None]
    wrote = [fact for fact in accepted if fact.put_in]
    day_old = [fact for fact in wrote if fact.after_a_day is not None]
    waited = [fact.decided - fact.at for fact in group if fact.status in DECIDED and fact.by != fact.author]
    return {
        "suggestions": len({fact.suggestion for fact in group}),
        "proposed": len(group),
        **{status: sum(fact.status == status for fact in group) for status in STATUSES},
        "by_policy": sum(bool(fact.policy) for fact in accepted),
        "taken_back": sum(fact.undone for fact in group),
        "amended": len(amended),
        "amended_share": sum(amended) / len(amended) if amended else None,
        "after_a_day": _share(day_old, lambda fact: fact.after_a_day or 0),
        "now": _share(wrote, lambda fact: fact.now),
        "decided_after": median(waited) if waited else None,
    }


STATUSES = ("open", "stale", "accepted", "rejected", "withdrawn")
DECIDED = ("accepted", "rejected")


def between(found: Iterable[Fact], since: float, until: float) -> list[Fact]:
    """Those that were proposed in that time."""
    return [fact for fact in found if since <= fact.at < until]


def _share(group: list[Fact], alive: Callable[[Fact], int]) -> dict[str, int]:
    """How many characters were put in, and how many of them stood."""
    return {"put_in": sum(fact.put_in for fact in group), "alive": sum(map(alive, group))}
