"""Real Yjs documents read what reviewing writes just as the canvas does, in whatever order it reaches them."""

from __future__ import annotations

import json
import subprocess
from random import Random
from typing import Any

import pytest

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.document import plain
from studiolo.canvas.errors import StudioloError
from tests.interop.node import node_project

from .conftest import ADA, BEN, MUSE

pytestmark = pytest.mark.interop

ECHO = Participant("echo", "Echo", "agent", "#00857a", "commenter")
WORDS = ["grey", "🐋", "swam", "誰も", "slowly", "past", "harbour", "née", "—", "night"]


def reviewed(seed: int) -> tuple[Canvas, list[bytes]]:
    """A canvas on which two agents and two people have worked, and its updates."""
    random = Random(seed)
    pages = [{"title": str(n), "text": " ".join(random.choices(WORDS, k=12)), "kind": "prose"} for n in range(2)]
    canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: 1.0, random=Random(seed))
    ids = [page["id"] for page in made.details["pages"]]
    updates = [made.update]
    decisions: list[str] = []

    def do(by: Participant, type: str, **fields: Any) -> Outcome | None:
        try:
            outcome = canvas.apply({"type": type, **fields}, by)
        except StudioloError:
            return None
        updates.append(outcome.update)
        decisions.extend(outcome.details[name] for name in ("decision",) if name in outcome.details)
        return outcome

    def hunk(page: str) -> dict[str, Any]:
        length = canvas.document.identity.length(page)
        start = random.randint(0, length)
        end = min(length, start + random.choice([0, 0, 3, 9]))
        find = canvas.page_text(page)[start:end]
        place = canvas.document.identity.position
        positions = {"start": place(page, start, 0 if find else -1), "end": place(page, end, -1)}
        return {"find": find, "replace": " ".join(random.choices(WORDS, k=random.randint(0, 3))), **positions}

    for _ in range(60):
        waiting = [record.id for page in ids for record in canvas.register.waiting(page)]
        page = random.choice(ids)
        match random.randint(0, 9):
            case 0 | 1 | 2 | 3:
                do(random.choice([MUSE, ECHO]), "suggest", page=page, hunks=[hunk(page)], run="r1")
            case 4:
                do(BEN, "edit", page=page, hunks=[hunk(page)])
            case 5 | 6 if waiting:
                do(BEN, "accept", suggestion=random.choice(waiting))
            case 7 if groups := canvas.view()["groups"]:
                takes = [{"suggestion": id, "hunk": index} for id, index in random.choice(groups)]
                do(ADA, "merge", takes=takes, replace="night 🐋")
            case 8 if decisions:
                do(ADA, "undo", decision=random.choice(decisions))
            case _:
                do(*((ADA, "undo") if random.random() < 0.3 else (ADA, "accept_all")), run="r1")
    return canvas, [update for update in updates if update]


@pytest.mark.parametrize("seed", range(12))
def test_yjs_documents_are_in_step(seed: int) -> None:
    canvas, updates = reviewed(seed)
    script = node_project() / "interop/identity/replay.mjs"
    given = json.dumps([update.hex() for update in updates])
    done = subprocess.run(["node", str(script)], input=given, check=True, capture_output=True, text=True, timeout=60)
    ordered, turned = json.loads(done.stdout)
    assert ordered == turned
    for page in canvas.view()["pages"]:
        assert ordered["pages"][page["id"]]["text"] == page["text"]
    assert ordered["suggestions"] == plain(canvas.document.suggestions)
