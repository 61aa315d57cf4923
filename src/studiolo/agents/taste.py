"""Memory of taste: what people made of an agent's changes, as examples for its next one of that kind.

Nothing is kept for it: the examples are the decided suggestions of the canvas itself, so a decision that is undone is
no example any more, and none leaves its canvas. What somebody has asked to be forgotten is left out. Every fifth run is
shown no examples though there are some, and so what they are good for can be told.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studiolo.agents.context import Passage, retrieve
from studiolo.agents.toolbox.marks import data
from studiolo.canvas import Canvas
from studiolo.canvas.records import HunkRecord, SuggestionRecord

Verdict = Literal["accepted", "amended", "rejected"]

SHOWN = 6  # examples to one run
OF_EACH = 3  # of one verdict, so that a run is not shown rejections only
LONGEST = 400  # characters of each text
MOST = 500  # decided changes that are looked through, the newest
EVERY = 5  # one run in so many is shown none
SCORED = 30  # decided changes on each side before a difference is called one


@dataclass(frozen=True, slots=True)
class Example:
    """What became of one change: `before` stood there, `proposed` was the agent's, `taken` is what came to stand there
    ("" when it was rejected). `by` decided."""

    id: str
    page: str
    by: str
    by_name: str
    agent: str
    name: str
    skill: str
    kinds: tuple[str, ...]
    verdict: Verdict
    before: str
    proposed: str
    taken: str
    reason: str
    run: str
    at: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "page": self.page,
            "by": {"id": self.by, "name": self.by_name},
            "agent": {"id": self.agent, "name": self.name},
            "skill": self.skill,
            "kinds": list(self.kinds),
            "verdict": self.verdict,
            "before": self.before,
            "proposed": self.proposed,
            "taken": self.taken,
            "reason": self.reason,
            "at": self.at,
        }


def examples(canvas: Canvas, forgotten: Collection[str] = ()) -> list[Example]:
    """What people have decided about agents' changes here, the newest first; what a policy took says nothing of it."""
    found = [
        example
        for record in canvas.suggestions.values()
        if record.author_kind == "agent"
        for index, hunk in enumerate(record.hunks)
        if (example := _example(record, index, hunk)) is not None and example.id not in forgotten
    ]
    return sorted(found, key=lambda one: (-one.at, one.id))[:MOST]


def chosen(found: Sequence[Example], by: str, agent: str, skill: str, text: str) -> list[Example]:
    """Those that tell an agent most about its next change: of the person who asks, of this agent and this skill, about
    text like this; some of each verdict."""
    passages = [Passage(str(at), "", 0, f"{one.before}\n{one.proposed}\n{one.taken}") for at, one in enumerate(found)]
    alike = {int(passage.page): place for place, passage in enumerate(retrieve(passages, text, 50))}

    def distance(at: int) -> tuple[bool, bool, bool, int, int]:
        one = found[at]
        return one.by != by, one.skill != skill, one.agent != agent, alike.get(at, len(found)), at

    left = dict.fromkeys(("amended", "accepted", "rejected"), OF_EACH)
    kept: list[Example] = []
    for at in sorted(range(len(found)), key=distance):
        one = found[at]
        if len(kept) < SHOWN and left[one.verdict]:
            left[one.verdict] -= 1
            kept.append(one)
    return kept


def shown(kept: Sequence[Example]) -> str:
    """Examples as a model reads them: as data, with what each teaches."""
    if not kept:
        return ""
    lines = [
        json.dumps(
            {"before": one.before, "proposed": one.proposed, **({"taken": one.taken} if one.taken else {})}
            | {"verdict": one.verdict},
            ensure_ascii=False,
        )
        for one in kept
    ]
    return (
        "What people here made of earlier changes by agents. Prefer what was accepted, do it the way it was amended, "
        "and do not propose again what was rejected.\n" + data("earlier decisions", "\n".join(lines))
    )


def withheld(run: str) -> bool:
    """Whether this run is one of those that are shown no examples, to tell what they are good for."""
    return hashlib.sha256(run.encode()).digest()[0] % EVERY == 0


# -- what it is good for


def effect(found: Iterable[Example], runs: Mapping[str, str]) -> dict[str, Any]:
    """What became of changes of runs that were shown examples, and of those from which they were withheld.

    `runs`: run id -> "shown" or "withheld"; runs for which there were no examples yet are in neither. Of each: how many
    changes were decided, the share that was taken as proposed, and its 95 % interval (Wilson, 1927). `says` is one of
    better, worse, no_difference, too_few.
    """
    counted = {side: {"accepted": 0, "amended": 0, "rejected": 0} for side in ("shown", "withheld")}
    for one in found:
        if side := runs.get(one.run):
            counted[side][one.verdict] += 1
    sides = {side: _share(counts) for side, counts in counted.items()}
    few = min(side["decided"] for side in sides.values()) < SCORED
    if few:
        says = "too_few"
    elif sides["shown"]["low"] > sides["withheld"]["high"]:
        says = "better"
    elif sides["shown"]["high"] < sides["withheld"]["low"]:
        says = "worse"
    else:
        says = "no_difference"
    return {**sides, "says": says, "needed": SCORED}


def _share(counts: Mapping[str, int]) -> dict[str, Any]:
    decided = sum(counts.values())
    low, high = wilson(counts["accepted"], decided)
    share = counts["accepted"] / decided if decided else 0.0
    return {**counts, "decided": decided, "share": share, "low": low, "high": high}


def wilson(successes: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which a share lies, having seen so many successes; (0, 1) when nothing was seen."""
    if not of:
        return 0.0, 1.0
    share = successes / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _example(record: SuggestionRecord, index: int, hunk: HunkRecord) -> Example | None:
    if hunk.policy or not hunk.by or hunk.by == record.author:
        return None
    if hunk.status == "accepted":
        verdict: Verdict = "accepted" if hunk.proposed in (None, hunk.replace) else "amended"
    elif hunk.status == "rejected":
        verdict = "rejected"
    else:
        return None
    return Example(
        id=f"{record.id}:{index}",
        page=record.page,
        by=hunk.by,
        by_name=hunk.by_name,
        agent=record.author,
        name=record.name,
        skill=record.skill,
        kinds=tuple(json.loads(record.kinds)) if record.kinds else (),
        verdict=verdict,
        before=_cut(hunk.anchor.quote),
        proposed=_cut(hunk.replace if hunk.proposed is None else hunk.proposed),
        taken=_cut(hunk.replace) if hunk.status == "accepted" else "",
        reason=_cut(record.reason),
        run=record.run,
        at=hunk.decided,
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
