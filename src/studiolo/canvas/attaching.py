"""The files beside the pages, as everybody sees them: the document lists them, and holds nothing of what is in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.errors import Forbidden
from studiolo.canvas.outcome import entry_of
from studiolo.canvas.participant import Participant

FIELDS = ("name", "type", "size", "at")


def attached(canvas: Canvas) -> list[dict[str, Any]]:
    """The files that are listed, the last first: id, name, type, size and when it came."""
    files = [{"id": id, **json.loads(told)} for id, told in canvas.document.attachments.items()]
    return sorted(files, key=lambda file: (-file["at"], file["id"]))


def attach(canvas: Canvas, file: Mapping[str, Any], by: Participant) -> Outcome | None:
    """List a file that is kept; None when it is listed already. `file` has an id and `FIELDS`."""
    _may(by)
    id = str(file["id"])
    if id in canvas.document.attachments:
        return None
    told = {name: file[name] for name in FIELDS}
    with canvas.document.change() as written:
        canvas.document.attachments[id] = json.dumps(told, ensure_ascii=False)
    action = {"type": "attach", "attachment": id, "name": told["name"], "size": told["size"], "media": told["type"]}
    return canvas.claimed(Outcome("attached", id, {}, written(), entry=entry_of(action, "attached", id)))


def detach(canvas: Canvas, id: str) -> Outcome | None:
    """List a file no more; None when it is not listed. Whoever does it has been found to be allowed to."""
    told = canvas.document.attachments.get(id)
    if told is None:
        return None
    with canvas.document.change() as written:
        del canvas.document.attachments[id]
    action = {"type": "detach", "attachment": id, "name": json.loads(told)["name"]}
    return canvas.claimed(Outcome("detached", id, {}, written(), entry=entry_of(action, "detached", id)))


def only(canvas: Canvas, ids: Collection[str]) -> Outcome | None:
    """List no file that is not one of these: those that did not come along. None when all are."""
    lost = [id for id in list[str](canvas.document.attachments.keys()) if id not in ids]
    if not lost:
        return None
    with canvas.document.change() as written:
        for id in lost:
            del canvas.document.attachments[id]
    return canvas.claimed(Outcome("detached", None, {}, written()))


def _may(by: Participant) -> None:
    if not by.may("editor"):
        raise Forbidden(f"A {by.role} may not add or remove files.", "Ask an owner of the canvas for the role editor.")
