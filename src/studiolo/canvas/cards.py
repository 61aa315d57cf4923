"""Cards in the conversation: what a run of an agent or a task asks of people before it goes on, what they answered,
and what came of a task.

A card is part of a message. None of this is an action that anybody can send: a card is put here by what waits, and
answered by the studio, which has found out who answered and whether they may. What it does with the answer it reads
from its own record and never from here, so that no message can pass for an approval.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pycrdt import Map, Text

from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.errors import NotFound
from studiolo.canvas.outcome import entry_of
from studiolo.canvas.participant import Participant
from studiolo.canvas.records import signature


def put(canvas: Canvas, card: Mapping[str, Any], text: str, by: Participant) -> Outcome:
    """Say something with a card: JSON with at least `run`, `call` and `kind` (question or approval; of a task, which
    is named as `task`, also ended)."""
    id = canvas.new_id()
    message: dict[str, Any] = {
        "id": id,
        **signature(by),
        "at": canvas.clock(),
        "text": Text(text),
        "status": "done",
        "run": card["run"],
        "card": json.dumps(dict(card)),
    }
    with canvas.document.change() as written:
        canvas.messages[id] = len(canvas.document.chat)
        canvas.document.chat.append(Map(message))
    row = {"type": "card", "run": card["run"], "call": card["call"], "kind": card["kind"], "text": text}
    row |= {"task": card["task"]} if "task" in card else {}
    return canvas.claimed(Outcome("asked", id, {}, written(), entry=entry_of(row, "asked", id)))


def answer(canvas: Canvas, message: str, said: Mapping[str, Any]) -> Outcome:
    """Write on a card what was answered: `answer`, `by` and `name`, and what else belongs to it. Raises `NotFound`."""
    at = canvas.messages.get(message)
    shared = canvas.document.chat[at] if at is not None else None
    card = json.loads(shared.get("card") or "null") if shared is not None else None
    if shared is None or card is None:
        raise NotFound("There is no such card in this canvas.", "Look at the conversation as it is now.")
    card |= said
    with canvas.document.change() as written:
        shared["card"] = json.dumps(card)
    row = {"type": "answer", "message": message, "run": card["run"], "call": card["call"], **said}
    return canvas.claimed(Outcome("answered", message, {}, written(), entry=entry_of(row, "answered", message)))
