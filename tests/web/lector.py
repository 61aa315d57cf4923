"""A kind of task whose agent goes through two chapters, each once its gate is open, and the provider that plays it."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn

FIRST = [
    "The keeper of the light walked down to the quay.",
    "A grey boat was tied beside the wall.",
    "Somebody had left a coat on the bollard.",
    "The rope was wet and heavy in the hand.",
    "Gulls stood along the roof of the store.",
    "Nobody spoke to him on the way back.",
    "The door of the house was open again.",
]
SECOND = ["A candle burned low beside the bread.", "The letter was lying where he left it."]
CHANGES = [("walked down", "went down"), ("Gulls stood", "Gulls sat"), ("open again", "open")]
LATER = ("burned low", "guttered")
REMARK = "Seven short sentences in a row: the quay never comes alive."
KIND = """---
name: Line edit
description: Goes through two chapters, line by line.
title: "Line edit of {first}"
inputs:
  first: {label: First, kind: page}
  second: {label: Second, kind: page}
steps:
  - {id: one, do: ask_agent, title: "Reads {first}", agent: co-author, page: "{first}"}
  - {id: two, do: ask_agent, title: "Reads {second}", agent: co-author, page: "{second}"}
---
For print.

## one
MEND THE FIRST.

## two
MEND THE SECOND.
"""
NOTHING = """---
name: Looks again
description: Finds nothing.
steps:
  - {id: look, do: ask_agent, title: Looks, agent: critic}
---
For print.

## look
LOOK AGAIN.
"""
ASKS = """---
name: Asks first
description: Asks before it does anything.
steps:
  - {id: ask, do: ask_people, title: Asks, question: "Which tense?", choices: [past, present]}
  - {id: look, do: ask_agent, title: Looks, agent: critic}
---
For print.

## look
LOOK AGAIN.
"""
KINDS = {"line-edit": KIND, "looks-again": NOTHING, "asks-first": ASKS}


class Lector:
    """What the agent does, chapter by chapter."""

    def __init__(self, provider: FakeProvider) -> None:
        self.gates = [threading.Event(), threading.Event()]
        provider.script = [self.answer]

    def close(self) -> None:
        for gate in self.gates:
            gate.set()

    def answer(self, body: dict[str, Any]) -> Turn:
        said = "\n".join(str(message.get("content")) for message in body["messages"] if message["role"] == "user")
        called = any(message["role"] == "tool" for message in body["messages"])
        page = (re.findall(r"page ([0-9a-f]{16})", said) or re.findall(r"\b[0-9a-f]{16}\b", said) or [""])[0]
        if called or "MEND" not in said:
            return Turn("Nothing to change." if "LOOK AGAIN" in said else "That is all.")
        number = 0 if "MEND THE FIRST" in said else 1
        changes = CHANGES if number == 0 else [LATER]
        calls = [
            ("suggest", {"page": page, "changes": [{"find": find, "replace": put}], "reason": f"“{put}” is plainer."})
            for find, put in changes
        ]
        if number == 0:
            calls.append(("comment", {"page": page, "quote": FIRST[3], "text": REMARK}))
        return Turn(calls=calls, wait=self.gates[number])


def serve_lector(home: Path, provider: FakeProvider) -> ServedStudio:
    (home / "tasks").mkdir()
    for name, text in KINDS.items():
        (home / "tasks" / f"{name}.md").write_text(text, encoding="utf-8")
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    return serve(home, fake)


def book(studio: ServedStudio) -> dict[str, Any]:
    """A canvas with two chapters."""
    chapters = [("The quay", FIRST), ("The letter", SECOND)]
    pages = [{"title": title, "text": "\n\n".join(lines) + "\n", "kind": "prose"} for title, lines in chapters]
    with studio.client() as client:
        answer = client.post("/api/canvases", json={"title": "The keeper", "pages": pages})
    assert answer.status_code == 201, answer.text
    return answer.json()


def begin(studio: ServedStudio, canvas: dict[str, Any], kind: str = "line-edit") -> dict[str, Any]:
    pages = [page["id"] for page in canvas["pages"]]
    inputs = {"first": pages[0], "second": pages[1]} if kind == "line-edit" else {}
    with studio.client() as client:
        answer = client.post(f"/api/canvases/{canvas['id']}/tasks", json={"kind": kind, "inputs": inputs})
    assert answer.status_code == 201, answer.text
    return answer.json()
