"""The ledger's chain: each row carries a hash of itself and of the row before it, so that none can be changed, left out
or put in without all that follow telling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


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
    the hash of the canvas's row before it, "" for the first. Canonical: keys sorted, no blanks, UTF-8."""
    row = [before, canvas, seq, at, participant, action, outcome]
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
