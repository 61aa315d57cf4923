"""Suggestions and threads as plain values, and how they lie in the document.

Only the studio writes records, so the values here are the truth in memory and the shared maps are what everybody
else sees of them. Anchors are stored as JSON text, because a CRDT map turns whole numbers into floats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pycrdt import Array, Map, Text

from studiolo.canvas.anchors import Anchor
from studiolo.canvas.document import PlainMap
from studiolo.canvas.participant import Participant

HunkStatus = Literal["open", "accepted", "rejected", "withdrawn", "stale"]
SuggestionStatus = Literal["streaming", "open", "accepted", "partly_accepted", "rejected", "withdrawn", "stale"]


@dataclass(slots=True)
class HunkRecord:
    """One change of a suggestion: where, what is there, what would be."""

    anchor: Anchor
    replace: str
    status: HunkStatus = "open"
    by: str = ""
    by_name: str = ""
    decided: float = 0.0
    decision: str = ""  # the id of the decision that it was decided with
    proposed: str | None = None  # what its author had proposed, where somebody else has amended that
    amended_by: str = ""
    amended_by_name: str = ""
    amenders: str = ""  # the ids of others who had amended it before, with blanks between
    applied: str = ""  # JSON: the ids that accepting it deleted and inserted, see `deciding`
    policy: str = ""  # the policy that accepted it
    audit: str = ""  # "wanted" | "good": one of those that are looked at afterwards
    joint: str = ""  # shared by hunks that were accepted as one: they said the same, or were merged
    undone: str = ""  # the ids of decisions about it that were taken back, with blanks between

    def shared(self) -> PlainMap:
        kept = {name: value for name in _HUNK_EXTRAS if (value := getattr(self, name)) or _said(name, value)}
        return Map({**_anchor_fields(self.anchor), "replace": Text(self.replace), "status": self.status, **kept})

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> HunkRecord:
        more = {name: kept[name] for name in ("by", "by_name", "decided", *_HUNK_EXTRAS) if name in kept}
        return cls(_read_anchor(kept), kept["replace"], kept["status"], **more)


@dataclass(slots=True)
class SuggestionRecord:
    """A proposed change to a page. Times are seconds since the epoch."""

    id: str
    page: str
    author: str
    name: str
    author_kind: str
    color: str
    at: float
    reason: str = ""
    skill: str = ""
    run: str = ""
    model: str = ""
    status: SuggestionStatus = "open"
    hunks: list[HunkRecord] = field(default_factory=list[HunkRecord])
    evidence: str = ""  # JSON, as `actions.Evidence`
    replaces: str = ""  # the suggestion that this one does anew
    branch: str = ""  # the canvas that it was worked out in
    hands: str = ""  # the ids of others who may amend it, with blanks between
    kinds: str = ""  # JSON: what kinds of change it makes, see `kinds`
    risk: str = ""

    def shared(self) -> PlainMap:
        return Map({**_fields(self), "hunks": Array([hunk.shared() for hunk in self.hunks])})

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> SuggestionRecord:
        fields: dict[str, Any] = {name: kept[name] for name in _SUGGESTION_FIELDS}
        fields |= {name: kept[name] for name in _SUGGESTION_EXTRAS if name in kept}
        return cls(**fields, hunks=[HunkRecord.read(hunk) for hunk in kept["hunks"]])

    @property
    def undecided(self) -> bool:
        """Whether somebody can still decide something about it."""
        return self.status == "streaming" or any(hunk.status in ("open", "stale") for hunk in self.hunks)

    def overall(self) -> SuggestionStatus:
        """The status that its hunks add up to. `partly_accepted` may still have open hunks: see `undecided`."""
        statuses = {hunk.status for hunk in self.hunks}
        if "accepted" in statuses:
            return "accepted" if statuses == {"accepted"} else "partly_accepted"
        for status in ("open", "stale", "rejected"):
            if status in statuses:
                return status
        return "withdrawn"


_SUGGESTION_FIELDS = (
    "id", "page", "author", "name", "author_kind", "color", "at", "reason", "skill", "run", "model", "status",
)  # fmt: skip
_SUGGESTION_EXTRAS = ("evidence", "replaces", "branch", "hands", "kinds", "risk")  # kept where they say something
_HUNK_EXTRAS = (
    "decision",
    "proposed",
    "amended_by",
    "amended_by_name",
    "amenders",
    "applied",
    "policy",
    "audit",
    "joint",
    "undone",
)


@dataclass(slots=True)
class ThreadRecord:
    """Comments anchored to a place, or about a suggestion: they stand where that does."""

    id: str
    page: str
    author: str
    anchor: Anchor
    status: str = "open"
    suggestion: str = ""  # the one that would settle it
    decision: str = ""  # the decision that settled it
    about: str = ""  # the suggestion that is talked about

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> ThreadRecord:
        more = {name: kept[name] for name in ("suggestion", "decision", "about") if name in kept}
        return cls(kept["id"], kept["page"], kept["author"], _read_anchor(kept), kept["status"], **more)

    def shared(self, by: Participant, at: float, comment: PlainMap, **more: str) -> PlainMap:
        return Map(
            {
                "id": self.id,
                "page": self.page,
                **_anchor_fields(self.anchor),
                **signature(by),
                "at": at,
                "status": self.status,
                "comments": Array([comment]),
                **{name: value for name, value in more.items() if value},
            }
        )


def comment(id: str, by: Participant, at: float, text: str) -> PlainMap:
    """One entry of a thread."""
    return Map({"id": id, **signature(by), "at": at, "text": text})


def signature(by: Participant) -> dict[str, str]:
    """The fields that say whose a record is; the name and colour are those of the moment."""
    return {"author": by.id, "name": by.name, "author_kind": by.kind, "color": by.color}


def write_anchor(shared: PlainMap, anchor: Anchor) -> None:
    """Replace a record's anchor; must be called inside `Document.change`."""
    for name, value in _anchor_fields(anchor).items():
        if shared[name] != value:
            shared[name] = value


def _said(name: str, value: Any) -> bool:
    """Whether a hunk keeps a value that is empty: the proposal that somebody has amended may have been to delete."""
    return name == "proposed" and value is not None


def _fields(record: SuggestionRecord) -> dict[str, Any]:
    extras = {name: value for name in _SUGGESTION_EXTRAS if (value := getattr(record, name))}
    return {name: getattr(record, name) for name in _SUGGESTION_FIELDS} | extras


def _anchor_fields(anchor: Anchor) -> dict[str, str]:
    return {
        "start": json.dumps(anchor.start),
        "end": json.dumps(anchor.end),
        "quote": anchor.quote,
        "before": anchor.before,
        "after": anchor.after,
    }


def _read_anchor(kept: Mapping[str, Any]) -> Anchor:
    return Anchor(json.loads(kept["start"]), json.loads(kept["end"]), kept["quote"], kept["before"], kept["after"])
