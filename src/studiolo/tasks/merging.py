"""Merging: two people change the steps to come at the same moment, and what both did counts.

Whoever changes a plan says which one they saw. What they changed of that is done to the plan as it is now: a step that
somebody else added, reworded or moved meanwhile stays so unless they changed the very same thing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """A step that a person wants in a plan: one that is there by its `id`, a new one without."""

    do: str
    title: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None


def merged(seen: Sequence[Wanted], wanted: Sequence[Wanted], now: Sequence[Wanted]) -> list[Wanted]:
    """The steps to come as they should be: what a person made (`wanted`) of those that they saw (`seen`), done to those
    that are to come `now`. What has begun is in none of them. A step that somebody took out while this person reworded
    it comes back, as a new one; one that was reworded while this person took it out stays."""
    saw = {one.id: one for one in seen}
    there = {one.id: one for one in now}
    mine: list[Wanted] = []
    for one in wanted:
        if one.id is None or one.id not in saw:
            mine.append(one)
        elif (stands := there.get(one.id)) is not None:
            mine.append(_both(saw[one.id], one, stands))
        elif one != saw[one.id]:
            mine.append(replace(one, id=None))
    kept = {one.id for one in mine}
    for place, one in enumerate(now):
        if one.id in kept or (one.id in saw and saw[one.id] == one):
            continue  # it is there, or this person took it out as it is now
        mine.insert(_after([before.id for before in now[:place]], mine), one)
    left = saw.keys() & {one.id for one in wanted}
    if _order(wanted, left) == _order(seen, left):  # this person moved nothing: the order is that of the others
        return _ordered(mine, [one.id for one in now])
    return mine


def _both(saw: Wanted, wants: Wanted, now: Wanted) -> Wanted:
    """What one changed, and what the others did; of the very same thing what was said last."""
    given = dict(now.given)
    for name in saw.given.keys() | wants.given.keys():
        if wants.given.get(name) != saw.given.get(name):
            given[name] = wants.given.get(name)
            if name not in wants.given:
                del given[name]
    return Wanted(
        wants.do if wants.do != saw.do else now.do,
        wants.title if wants.title != saw.title else now.title,
        given,
        now.id,
    )


def _after(before: Collection[str | None], steps: Sequence[Wanted]) -> int:
    """The place behind the last of the steps before it."""
    return max((at + 1 for at, one in enumerate(steps) if one.id in before), default=0)


def _order(steps: Sequence[Wanted], known: Collection[str | None]) -> list[str | None]:
    return [one.id for one in steps if one.id in known]


def _ordered(steps: Sequence[Wanted], order: Sequence[str | None]) -> list[Wanted]:
    """The steps that have a place in the order as it says; what has none stays behind what it stood behind."""
    places = {id: at for at, id in enumerate(order)}
    last = -1.0
    keyed: list[tuple[float, int, Wanted]] = []
    for number, one in enumerate(steps):
        last = places[one.id] if one.id in places else last + 0.5 if last == int(last) else last
        keyed.append((last, number, one))
    return [one for *_, one in sorted(keyed, key=lambda each: each[:2])]
