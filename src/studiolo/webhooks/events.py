"""What of the ledger is told: which rows are events, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studiolo.store import LedgerRow

_SUGGESTIONS = {
    "suggest": "suggestion.made",
    "pick": "suggestion.made",
    "finish": "suggestion.finished",
    "amend": "suggestion.amended",
}
_DECISIONS = {
    "accept": "decision.accepted",
    "accept_all": "decision.accepted",
    "merge": "decision.accepted",
    "reject": "decision.rejected",
    "reject_all": "decision.rejected",
    "withdraw": "decision.withdrawn",
    "undo": "decision.undone",
}
_COMMENTS = {"comment": "comment.made", "reply": "comment.replied", "resolve": "comment.resolved"}
_TASKS = {"waiting": "task.waiting", "done": "task.done", "failed": "task.failed"}
GROUPS = {
    "suggestion": sorted(set(_SUGGESTIONS.values())),
    "decision": sorted(set(_DECISIONS.values())),
    "comment": sorted(_COMMENTS.values()),
    "task": sorted(_TASKS.values()),
}
"""What a webhook can be told of, and the types of events that each is made of."""
PING = "ping"


@dataclass(frozen=True, slots=True)
class Scene:
    """What an event is about, as the canvas has it now: suggestions and threads by id, participants by id."""

    suggestions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])
    threads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])
    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])


Look = Callable[[str, Collection[str], Collection[str], str], Awaitable[Scene]]
"""`await look(canvas, suggestions, threads, participant)`."""


def type_of(row: LedgerRow) -> str | None:
    """The type of event that a row of the ledger is, if it is one."""
    kind = row.action.get("type", "")
    if kind == "task":  # which only the studio writes
        return _TASKS.get(row.action.get("state", ""))
    return _SUGGESTIONS.get(kind) or _DECISIONS.get(kind) or _COMMENTS.get(kind)


def wanted(type: str, groups: Iterable[str]) -> bool:
    """Whether a webhook that asked for these groups is told of events of a type."""
    return type.partition(".")[0] in groups


def id_of(row: LedgerRow) -> str:
    """The event's id: of the row's hash, and so the same whenever it is sent, and another's never."""
    return f"msg_{row.hash[:32]}"


def suggestions_of(row: LedgerRow) -> list[str]:
    """The suggestions that a row is about."""
    if row.action.get("type") in ("suggest", "pick"):
        return [row.outcome["id"]] if row.outcome.get("id") else []
    if row.action.get("type") == "comment":
        named = row.outcome.get("suggestion") or row.action.get("suggestion")
        return [named] if named else []
    if row.action.get("suggestion"):
        return [row.action["suggestion"]]
    return list(dict.fromkeys([*_hunks(row), *(row.outcome.get("suggestions") or [])]))


def threads_of(row: LedgerRow) -> list[str]:
    """The threads that a row is about."""
    if row.action.get("type") == "comment":
        return [row.outcome["id"]]
    return [row.action["thread"]] if row.action.get("thread") else []


def body_of(canvas: str, row: LedgerRow, type: str, scene: Scene) -> bytes:
    """What is sent of a row: JSON."""
    told: dict[str, Any] = {
        "type": type,
        "id": id_of(row),
        "at": row.at,
        "canvas": canvas,
        "by": dict(scene.people.get(row.participant) or {"id": row.participant}),
        "ledger": {"seq": row.seq, "hash": row.hash},
    }
    if type.startswith("task."):
        told["task"] = {name: row.action[name] for name in _OF_TASK if row.action.get(name)}
        told["task"] |= {"id": row.action["task"], "by": row.action.get("by", "")}
        return json.dumps(told, ensure_ascii=False, allow_nan=False).encode(errors="replace")
    suggestions = [_suggestion(row, id, scene.suggestions.get(id) or {}) for id in suggestions_of(row)]
    if len(suggestions) == 1:
        told["suggestion"] = suggestions[0]
    elif suggestions:
        told["suggestions"] = suggestions
    if type.startswith("decision."):
        told["decision"] = {
            "id": row.outcome.get("decision") or "",
            "outcome": type.partition(".")[2],
            "by": told["by"],
            **({"policy": row.outcome["policy"]} if row.outcome.get("policy") else {}),
        }
    if type.startswith("comment."):
        thread = scene.threads.get(threads_of(row)[0]) or {}
        told["thread"] = {
            "id": threads_of(row)[0],
            "page": row.action.get("page") or row.outcome.get("page") or thread.get("page", ""),
            "quote": thread.get("quote", row.action.get("quote", "")),
            "status": "open" if row.action.get("reopen") or type != "comment.resolved" else "resolved",
            **({"about": about} if (about := row.action.get("suggestion") or thread.get("about")) else {}),
            **({"text": row.action["text"]} if "text" in row.action else {}),
        }
    return json.dumps(told, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def _suggestion(row: LedgerRow, id: str, now: Mapping[str, Any]) -> dict[str, Any]:
    """A suggestion as it was with this row, as far as the row says it; the rest as it is now."""
    hunks = {
        change.get("hunk", 0): {name: change[name] for name in ("hunk", "was", "now", "proposed") if name in change}
        for change in _changes(row)
        if change.get("suggestion", id) == id
    }
    concerned = _hunks(row).get(id)
    for index, hunk in enumerate(now.get("hunks") or []):
        if index not in hunks and (concerned is None or index in concerned):
            hunks[index] = {"hunk": index, "was": hunk["quote"], "now": hunk["replace"]}
    if row.action.get("type") == "suggest" and not row.action.get("streaming"):
        for index, hunk in enumerate(row.action.get("hunks") or []):
            was = hunks.get(index, {}).get("was", hunk.get("find", ""))
            hunks[index] = {"hunk": index, "was": was, "now": hunk.get("replace", "")}
    about = {name: now[name] for name in _ABOUT if now.get(name)}
    status = row.outcome.get("status") or now.get("status") or ""
    return {"id": id, **about, "status": status, "hunks": [hunks[index] for index in sorted(hunks)]}


_OF_TASK = ("kind", "title", "state", "outcome", "problem", "asks")
_ABOUT = ("page", "author", "name", "author_kind", "reason", "skill", "run", "model", "replaces", "branch")


def _changes(row: LedgerRow) -> list[dict[str, Any]]:
    changes = row.outcome.get("changes")
    return [one for one in changes if isinstance(one, dict)] if isinstance(changes, list) else []


def _hunks(row: LedgerRow) -> dict[str, list[int]]:
    """The hunks that a row names, by suggestion: a list of numbers for one suggestion, of pairs for many."""
    named: dict[str, list[int]] = {}
    for one in [*_listed(row.outcome.get("hunks")), *((c.get("suggestion"), c.get("hunk", 0)) for c in _changes(row))]:
        id, index = one if isinstance(one, list | tuple) else (row.action.get("suggestion"), one)
        if isinstance(id, str):
            named.setdefault(id, []).append(index)
    return named


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
