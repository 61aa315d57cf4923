"""What a schedule is: what is to be begun, when, and how that went."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from studiolo.tasks import wording
from studiolo.tasks.rule import MADE_IN, Rule, checked, zone_of
from studiolo.tasks.rule import read as read_rule
from studiolo.tasks.saying import said
from studiolo.tasks.task import Budget

State = Literal["on", "paused", "over"]
COMING = 5  # next times that people are shown
MOST_NOTES = 30


@dataclass(slots=True)
class Schedule:
    """A task that begins by itself. `rule` and `zone` say when, `words` is how somebody said it."""

    id: str
    canvas: str
    by: dict[str, str]  # id, name and role of whoever wants it
    kind: str
    inputs: dict[str, Any]
    rule: str
    zone: str
    made: float
    title: str = ""
    words: str = ""
    model: str | None = None
    skip_if_unchanged: bool = False
    budget: Budget | None = None  # of each of its tasks; None: what is usual
    priority: int = 0
    state: State = "on"
    next: float | None = None
    last: float | None = None  # when it last began a task
    task: str | None = None  # the last one
    seen: str = ""  # what the canvas was like when that was done
    notes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # {at, text}, the newest last

    as_dict = asdict

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Schedule:
        """A schedule as it was kept; what a newer program added is let go."""
        known = {name: kept[name] for name in cls.__dataclass_fields__ if name in kept}
        if known.get("budget") is not None:
            known["budget"] = Budget.read(known["budget"])
        return cls(**known)

    @property
    def when(self) -> Rule:
        return read_rule(self.rule, MADE_IN)

    def shown(self, now: float) -> dict[str, Any]:
        """As people see it: with its rule in plain words, and the next times."""
        rule, zone = self.when, ZoneInfo(self.zone)
        coming = rule.times(max(now, self.next - 1 if self.next else now), zone, COMING) if self.state == "on" else []
        return {**self.as_dict(), "sentence": said(rule, self.zone), "coming": coming}

    def note(self, at: float, text: str) -> None:
        """Tell people something. What is said again and again is said once, with the last time."""
        if self.notes and self.notes[-1]["text"] == text:
            self.notes.pop()
        self.notes = [*self.notes, {"at": at, "text": text}][-MOST_NOTES:]


@dataclass(frozen=True, slots=True)
class Understood:
    """What somebody said of when. `text` is the rest of their words: what is to be done."""

    rule: Rule
    zone: ZoneInfo
    text: str = ""
    taken: tuple[str, ...] = ()

    def shown(self, now: float) -> dict[str, Any]:
        return {
            "rule": self.rule.text,
            "zone": self.zone.key,
            "sentence": said(self.rule, self.zone.key),
            "next": self.rule.times(now, self.zone, COMING),
            "text": self.text,
            "taken": list(self.taken),
        }


def understand(words: str, rule: str, zone: str, now: float) -> Understood:
    """When something is to happen: from words, or where there are none from a rule. Raises `Invalid`."""
    place = zone_of(zone)
    local = datetime.fromtimestamp(now, place).replace(tzinfo=None)
    if words.strip():
        read = wording.read(words, local)
        return Understood(checked(read.rule, local), place, read.text, read.taken)
    return Understood(checked(read_rule(rule, local), local), place)
