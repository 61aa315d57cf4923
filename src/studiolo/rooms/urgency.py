"""Whom a waiting item concerns, and how much it needs them: the order of the inbox.

The score is the first of these that is true, and up to nine points for each day that it has waited:

    100  a person waits for an answer of yours
     95  an agent, or a task of yours, waits for your answer
     90  a request or a task of yours failed
     85  an agent, or a task, waits for somebody to answer it, or to allow something
     80  an agent asks you and cannot go on without an answer
     75  the text under a change of high risk has changed
     60  a change of high risk
     55  an agent asks in the margin
     50  your question was answered, or your own suggestion has gone stale
     45  the text under a change has changed
     40  several suggestions overlap: whoever decides one settles the others
     35  a task of yours is done
     30  a change of middling risk, or of one that nobody knows
     25  a change that a policy accepted, to be looked at
     20  a comment that a task left
     15  a change of low risk
     10  a task of yours is done, and found nothing
      5  nothing but typography and spelling, of low risk
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studiolo.canvas.participant import Role, rank

DAY = 86_400.0
_HARMLESS = {"typography", "spelling"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever reads an inbox, with the role held at the item's canvas."""

    id: str
    name: str
    role: Role

    @property
    def decides(self) -> bool:
        return rank(self.role) >= rank("editor")


def concerns(kind: str, facts: Mapping[str, Any], reader: Reader) -> bool:
    """Whether an item waits for this reader. Who may not decide is only shown what is theirs or said to them."""
    if rank(reader.role) < rank("commenter"):
        return False
    if kind == "suggestion":
        return reader.decides
    if kind == "question" and facts.get("remark"):  # it asks nothing: see `harvest`
        return reader.decides
    if kind == "audit":
        return reader.role == "owner"  # who may judge what a policy does
    if kind == "stale":
        return reader.decides or reader.id in facts["by"]
    if kind == "task":
        if facts["state"] != "waiting":
            return reader.id == facts["asked"]
        if not (facts["approvals"] or facts["questions"]):  # it waits for tasks of its own
            return False
    if kind in ("waits", "task"):  # what costs something is allowed by those who decide; a question is also its asker's
        return reader.decides or (reader.id == facts["asked"] and facts["questions"] > 0)
    return _is_asked(facts, reader)


def urgency(kind: str, facts: Mapping[str, Any], at: float, reader: Reader, now: float) -> tuple[int, str]:
    """How much an item needs the reader, and why, in a few words."""
    score, why = _weighed(kind, facts, reader)
    return score + min(9, max(0, int((now - at) / DAY))), why


def _weighed(kind: str, facts: Mapping[str, Any], reader: Reader) -> tuple[int, str]:
    risk = facts.get("risk", "")
    if facts.get("remark"):
        return 20, f"{facts['name']} commented"
    asked = "last" in facts and _is_asked(facts, reader)
    if asked and facts["person"]:
        if facts["asks"] or facts["mentions"]:
            return 100, f"{facts['name']} waits for an answer"
        return 50, f"{facts['name']} answered you"
    if kind == "task" and facts["state"] == "failed":
        return 90, "A task of yours could not go on"
    if kind == "task" and facts["state"] == "done":
        found = facts["results"] > 0
        return (
            (35, "A task of yours is done") if found else (10, "A task of yours is done, and found nothing to change")
        )
    if kind == "task":
        what = "waits for you to allow something" if facts["approvals"] else "asks something before it goes on"
        return 95 if reader.id == facts["asked"] else 85, f"A task {what}"
    if kind == "waits":
        what = "waits for you to allow something" if facts["approvals"] else "asks you something before it goes on"
        return 95 if reader.id == facts["asked"] else 85, f"An agent {what}"
    if kind == "run":
        return 90, "What you asked for failed"
    if asked and facts["asks"]:
        if facts["for"]:
            return 80, f"{facts['name']} needs an answer of yours to go on"
        return 55, f"{facts['name']} asks"
    if kind == "stale":
        if risk == "high":
            return 75, "High risk, and the text under it has changed"
        if reader.id in facts["by"]:
            return 50, "The text under your suggestion has changed"
        return 45, "The text under it has changed"
    if kind == "question":
        return 50, f"{facts['name']} answered you"
    if kind == "audit":
        return 25, "A policy accepted it: one of those to look at"
    if risk == "high":
        return 60, "High risk"
    if facts["options"] > 1:
        return 40, f"{facts['options']} suggestions overlap here"
    if risk != "low":
        return 30, "A change of meaning" if risk == "medium" else "Nobody has said what it risks"
    if facts["kinds"] and _HARMLESS.issuperset(facts["kinds"]):
        return 5, "Only typography and spelling"
    return 15, "Low risk"


def _is_asked(facts: Mapping[str, Any], reader: Reader) -> bool:
    """Whether it is the reader's turn to speak."""
    if facts["last"] == reader.id:
        return False
    if facts["for"]:
        return reader.id in facts["for"]
    if any(_means(said, reader) for said in facts["mentions"]):
        return True
    if facts["opened"] == reader.id:
        return True
    if not facts["asks"]:
        return False
    return reader.id in facts["in"] or (reader.decides and not facts["mentions"])


def _means(said: str, reader: Reader) -> bool:
    """Whether what follows an “@” is the reader's name, or the first word of it."""
    name = reader.name.casefold()
    first = _bare(said.split()[0])
    if first and first in (_bare(name), _bare(name.split()[0] if name.split() else "")):
        return True
    return said.startswith(name) and not said[len(name) : len(name) + 1].isalnum()


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text)
