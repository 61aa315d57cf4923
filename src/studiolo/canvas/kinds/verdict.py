"""What is found out about a change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from studiolo.canvas.actions import ChangeKind, Risk

PageKind = Literal["prose", "code", "note", "data"]
RISKS: tuple[Risk, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of change that a hunk makes, the highest risk among them, and why, in words for a person."""

    kinds: frozenset[ChangeKind]
    risk: Risk
    why: tuple[str, ...] = field(default=())
    barred: bool = False  # it hides something from the eye: no policy may take it, whatever it allows

    @classmethod
    def of(cls, kind: ChangeKind, risk: Risk, *why: str, barred: bool = False) -> Kinds:
        return cls(frozenset((kind,)), risk, why, barred)

    @classmethod
    def joined(cls, parts: Iterable[Kinds]) -> Kinds:
        """All of them at once. Of nothing: `wording` of high risk, for then nothing is known."""
        kinds: set[ChangeKind] = set()
        why: list[str] = []
        risks: list[Risk] = []
        barred = False
        for part in parts:
            barred |= part.barred
            kinds |= part.kinds
            risks.append(part.risk)
            why += [reason for reason in part.why if reason not in why]
        if not risks:
            return cls.of("wording", "high", "nothing is known of it")
        return cls(frozenset(kinds), max(risks, key=RISKS.index), tuple(why), barred)


def no_riskier(risk: Risk, than: Risk) -> bool:
    """Whether one risk is at most another."""
    return RISKS.index(risk) <= RISKS.index(than)
