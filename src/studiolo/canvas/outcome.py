"""What comes of an action or of typing: what to store, to send and to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)  # not frozen: one is made for every key, and that would take three times as long
class Outcome:
    """What came of an action or of typing.

    `update` is the change of the document (b"" when nothing changed), `claims` the client ids that appear for the
    first time and whose they are, `kept` what only the ledger says of it, `entry` the ledger's row, None for typing.
    """

    outcome: str
    id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    update: bytes = b""
    claims: Mapping[int, str] = field(default_factory=dict[int, str])
    kept: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entry: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The outcome as every surface shows it: `{outcome, id, ...details}`."""
        return {"outcome": self.outcome, "id": self.id, **self.details}


def entry_of(
    action: Mapping[str, Any], outcome: str, id: str | None, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The ledger's row of an action."""
    return {"action": dict(action), "outcome": {"outcome": outcome, "id": id, **(details or {})}}
