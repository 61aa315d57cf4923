"""What policies have accepted, as people see it: counted, and listed with what was there and what came."""

from __future__ import annotations

import json
from typing import Any

from studiolo.canvas.canvas import Canvas
from studiolo.canvas.policies import Policy, accepted_by
from studiolo.canvas.records import HunkRecord, SuggestionRecord

DAY = 86_400.0


def counts(canvas: Canvas, policy: Policy) -> dict[str, int]:
    """How many suggestions a policy accepted, in all and in the last day, how many of them were taken back since, and
    how many of those that are to be looked at were found good and how many wait."""
    now = canvas.clock()
    counted: dict[str, int] = {"accepted": 0, "day": 0, "withdrawn": 0, "audited": 0, "wanted": 0}
    for record in accepted_by(canvas, policy.id):
        hunks = _hunks(record, policy)
        stands = any(hunk.status == "accepted" for hunk in hunks)
        counted["accepted"] += 1
        counted["day"] += max(hunk.decided for hunk in hunks) > now - DAY
        counted["withdrawn"] += not stands
        counted["audited"] += stands and any(hunk.audit == "good" for hunk in hunks)
        counted["wanted"] += stands and any(hunk.audit == "wanted" for hunk in hunks)
    return counted


def listed(canvas: Canvas, policy: Policy) -> list[dict[str, Any]]:
    """What a policy accepted, the last first: the suggestion with its hunks' `was` and `now`, when (`at`), whether it
    `stands`, and `audit`: "wanted" where somebody is to look at it, "good" where somebody did."""
    rows = [_row(canvas, policy, record) for record in accepted_by(canvas, policy.id)]
    return sorted(rows, key=lambda row: (-row["at"], row["suggestion"]))


def _row(canvas: Canvas, policy: Policy, record: SuggestionRecord) -> dict[str, Any]:
    hunks = _hunks(record, policy)
    return {
        "suggestion": record.id,
        "page": record.page,
        "title": canvas.page(record.page)["title"],
        "author": record.author,
        "name": record.name,
        "color": record.color,
        "reason": record.reason,
        "at": max(hunk.decided for hunk in hunks),
        "kinds": json.loads(record.kinds or "[]"),
        "risk": record.risk,
        "audit": next((hunk.audit for hunk in hunks if hunk.audit), ""),
        "stands": any(hunk.status == "accepted" for hunk in hunks),
        "decision": next((hunk.decision for hunk in hunks if hunk.status == "accepted"), ""),
        "hunks": [
            {
                "was": hunk.anchor.quote,
                "now": hunk.replace,
                "before": hunk.anchor.before,
                "after": hunk.anchor.after,
                "status": hunk.status,
            }
            for hunk in hunks
        ],
    }


def _hunks(record: SuggestionRecord, policy: Policy) -> list[HunkRecord]:
    return [hunk for hunk in record.hunks if hunk.policy == policy.id]
