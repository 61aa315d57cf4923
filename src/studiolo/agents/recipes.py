"""Recipes of rounds: what several agents do to one thing, one after the other. Small values, which people change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Do = Literal["draft", "alternative", "critique", "revise", "polish", "check", "other"]
MOST_TURNS = 20
LONGEST_INSTRUCTION = 4_000

DOES: dict[Do, str] = {
    "draft": "Drafts",
    "alternative": "Drafts another version",
    "critique": "Comments on the draft",
    "revise": "Revises",
    "polish": "Edits line by line",
    "check": "Checks the facts",
    "other": "Does as it is told",
}
"""What a turn does, as people read it."""
ABOUT: frozenset[Do] = frozenset({"critique", "revise", "polish", "check"})
"""Those that are about what was drafted before them."""

TASKS: dict[Do, str] = {
    "draft": "Propose it as one suggestion at the place that was named, with nothing else around it. Others will "
    "comment on it, and then you can work it over.",
    "alternative": "Propose another version, which really differs from what is already suggested there, as one "
    "suggestion of your own at the same place. People will choose.",
    "critique": "Read suggestion {about} by {whose} and comment on that suggestion: at most three comments, each on "
    "what matters most to a reader and with the words it is about. Change nothing, and suggest nothing yourself. When "
    "nothing is worth raising, say so in one comment.",
    "revise": "Work over suggestion {about}: read the comments on it, amend the suggestion where they are right, and "
    "answer each comment in its thread with what you did, or why you did not. Make no other suggestion.",
    "polish": "Edit suggestion {about} line by line by amending it: sense, slack, repetition, rhythm. The smallest "
    "change that works; what is said and the voice stay. Make no other suggestion.",
    "check": "Check what suggestion {about} claims, against the canvas and with your tools. Comment on that "
    "suggestion where a claim is wrong or rests on nothing, with what you found; when all holds, say so in a comment.",
    "other": "",
}
"""What an agent that works in steps is told besides what the person asks."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One agent's part of a round."""

    agent: str
    do: Do
    instruction: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"agent": self.agent, "do": self.do, "instruction": self.instruction}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Turns under a name."""

    id: str
    name: str
    description: str
    turns: tuple[Turn, ...]

    def as_dict(self) -> dict[str, Any]:
        turns = [turn.as_dict() for turn in self.turns]
        return {"id": self.id, "name": self.name, "description": self.description, "turns": turns}


RECIPES: Sequence[Recipe] = (
    Recipe(
        "draft-critique-revise",
        "Draft, critique, revise",
        "The co-author drafts, the critic comments on the draft, the co-author works the comments in, and the line "
        "editor goes over the sentences. You decide.",
        (
            Turn("co-author", "draft"),
            Turn("critic", "critique"),
            Turn("co-author", "revise"),
            Turn("line-editor", "polish"),
        ),
    ),
    Recipe(
        "two-alternatives",
        "Two alternatives",
        "Two versions of the same passage, and what the critic says to the second. You choose, or take parts of both.",
        (
            Turn("co-author", "draft"),
            Turn("co-author", "alternative", "Write it quite differently: another mood, another way in."),
            Turn("critic", "critique"),
        ),
    ),
    Recipe(
        "line-edit-after-critique",
        "Line edit after critique",
        "The line editor edits the passage, the critic says where that went too far, and the line editor mends it.",
        (
            Turn("line-editor", "draft", "Edit the passage line by line."),
            Turn("critic", "critique", "Say where the edit took something from the text that should have stayed."),
            Turn("line-editor", "revise"),
        ),
    ),
    Recipe(
        "fact-check",
        "Fact check",
        "The co-author drafts, the fact checker looks up what it claims, and the co-author mends what does not hold.",
        (
            Turn("co-author", "draft"),
            Turn("fact-checker", "check"),
            Turn("co-author", "revise"),
        ),
    ),
)


def recipe(id: str) -> Recipe | None:
    return next((one for one in RECIPES if one.id == id), None)
