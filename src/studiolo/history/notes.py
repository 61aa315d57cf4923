"""What the ledger says of a canvas, as far as its history needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from studiolo.store import LedgerRow

DEEDS: Final = frozenset({"restore", "take_back", "undo_deed"})
"""Rows of these types turned text back, and can themselves be taken back."""

DECIDED: Final[Mapping[str, str]] = {
    "suggest": "suggested",
    "accept": "accepted",
    "accept_all": "accepted",
    "merge": "accepted",
    "reject": "rejected",
    "reject_all": "rejected",
    "undo": "undone",
    "comment": "commented",
}
_TOLD: Final = DEEDS | {
    "create", "add_page", "remove_page", "restore_page", "rename_page", "move_page", "propose", "branch", "undo",
    "accept_all", "reject_all",
}  # fmt: skip
_KEPT: Final = ("to", "from", "page", "title", "participant", "run", "deed", "branch", "canvas", "seq")


@dataclass(frozen=True, slots=True)
class Note:
    """One row of the ledger in short. `about` holds ids, titles and row numbers, never text of the canvas."""

    seq: int
    at: float
    participant: str
    type: str
    run: str
    about: dict[str, Any]

    @classmethod
    def of(cls, row: LedgerRow) -> Note:
        action, outcome = row.action, row.outcome
        about = {name: action[name] for name in _KEPT if action.get(name) is not None}
        if action.get("type") == "add_page":
            about["page"] = outcome.get("id")
        elif action.get("type") in DEEDS:
            about |= {name: outcome[name] for name in ("id", "pages", "was", "now") if name in outcome}
        return cls(row.seq, row.at, row.participant, action.get("type", ""), action.get("run") or "", about)

    @property
    def told(self) -> bool:
        """Whether it is worth a line of its own in the timeline."""
        return self.type in _TOLD

    def as_dict(self) -> dict[str, Any]:
        return {"seq": self.seq, "at": self.at, "participant": self.participant, "type": self.type, **self.about}
