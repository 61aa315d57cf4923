"""What people want of a run while it works: another direction, or a rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST = 4_000  # characters of one sentence to a run
MOST = 20  # that wait to be taken up


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody told a run."""

    text: str
    by: str
    name: str

    def as_dict(self) -> dict[str, str]:
        return {"text": self.text, "by": self.by, "name": self.name}


@dataclass(slots=True)
class Steering:
    """What the loop looks at before each of its steps."""

    pause: bool = False
    said: list[Said] = field(default_factory=list[Said])

    def take(self) -> list[Said]:
        """What was said since the last time, the oldest first."""
        said, self.said = self.said, []
        return said

    def as_list(self) -> list[dict[str, str]]:
        return [one.as_dict() for one in self.said]

    @classmethod
    def read(cls, kept: Iterable[Mapping[str, Any]]) -> Steering:
        return cls(said=[Said(one["text"], one["by"], one["name"]) for one in kept])
