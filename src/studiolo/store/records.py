"""The plain values that go into the store and come out of it. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request with an idempotency key is answered with, now and whenever it comes again."""

    key: str
    response: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of a canvas's log: an update, who made it, and what else is kept in the same commit.

    `seq` counts from 1 without gaps. `claims`: client id -> the participant it belongs to from now
    on (one that has an owner keeps it). `entry` is the ledger row: `{"action": ..., "outcome": ...}`.
    `answer` is kept for the participant's retries. `data` may be empty when only the ledger has something to say.
    """

    canvas: str
    seq: int
    at: float
    participant: str
    data: bytes
    claims: Mapping[int, str] = field(default_factory=dict)
    entry: dict[str, Any] | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that is needed to bring a canvas to life: apply `snapshot`, then `updates` in order.

    `seq` is the last one that is kept (0: none). `epoch` is made with the canvas and tells a browser that
    still holds a deleted canvas of the same id from one that holds this one.
    `owners`: client id -> participant id.
    """

    snapshot: bytes | None
    updates: list[bytes]
    seq: int
    epoch: str
    owners: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One update as it was logged."""

    seq: int
    at: float
    participant: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One action and what came of it; `seq` is the log row it was committed with, `hash` ties it to the row before."""

    seq: int
    at: float
    participant: str
    action: dict[str, Any]
    outcome: dict[str, Any]
    hash: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": self.at,
            "participant": self.participant,
            "action": self.action,
            "outcome": self.outcome,
            "hash": self.hash,
        }


@dataclass(frozen=True, slots=True)
class CanvasRecord:
    """What is known of a canvas without opening it. `summary` is whatever the room last said of it."""

    id: str
    title: str
    epoch: str
    created_by: str
    created: float
    updated: float
    summary: dict[str, Any]
