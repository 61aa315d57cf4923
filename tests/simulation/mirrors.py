"""What a copy of a canvas keeps in memory, as plain values: two copies of one canvas must hold the same."""

from __future__ import annotations

from typing import Any

from studiolo.canvas import Canvas
from studiolo.canvas.authorship import authorship
from studiolo.canvas.document import plain
from studiolo.canvas.policies import policies
from studiolo.canvas.records import SuggestionRecord, ThreadRecord


def mirror(canvas: Canvas) -> dict[str, Any]:
    """Everything that a copy knows of its document, whether it made it, followed it or loaded it."""
    register, origins = canvas.register, canvas.origins
    pages = [page["id"] for page in canvas.outline()]
    return {
        "view": canvas.view(),
        "suggestions": dict(canvas.suggestions),
        "threads": dict(canvas.threads),
        "messages": dict(canvas.messages),
        "policies": policies(canvas),
        "waiting": {page: [record.id for record in register.waiting(page)] for page in pages},
        "waiting anywhere": [record.id for record in register.waiting_anywhere()],
        "stale": sorted(record.id for record in register.stale()),
        "decisions": {id: sorted(hunks) for id, hunks in register._decisions.items() if hunks},
        "taken back": set(register._undone),
        "origins": dict(origins.records),
        "said": _filled(origins._said._spans),
        "accepted": _filled(origins._accepted._spans),
        "applied": {id: sorted(spots) for id, spots in origins._applied.items()},
        "returns": _filled(origins.returns._spans),
        "authorship": {page: authorship(canvas, page) for page in pages},
        "owners": {client: canvas.owner_of(client) for client in canvas.document.identity.state()},
    }


def written(canvas: Canvas) -> dict[str, Any]:
    """The records of the document, read anew: what those in memory must be."""
    return {
        "suggestions": {id: SuggestionRecord.read(kept) for id, kept in plain(canvas.document.suggestions).items()},
        "threads": {id: ThreadRecord.read(kept) for id, kept in plain(canvas.document.threads).items()},
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> str:
    """In what two of these differ, "" if in nothing."""
    told = [f"{name}: {_differ(one[name], other[name])}" for name in one if one[name] != other[name]]
    return "; ".join(told)


def _differ(one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {*one, *other} if one.get(key) != other.get(key)]
        return ", ".join(f"{key}: {one.get(key)} / {other.get(key)}" for key in sorted(keys, key=str)[:3])
    return f"{one} / {other}"


def _filled(spans: Any) -> dict[int, Any]:
    return {client: sorted(those, key=lambda span: span[:2]) for client, those in spans.items() if those}
