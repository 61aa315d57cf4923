"""What a case is: a page, a request, what a right result has, and one right result as an example of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Behaviour = Literal["lens", "scope", "only", "comments", "length", "nothing"]
BEHAVIOURS: dict[Behaviour, str] = {
    "lens": "does the kind of thing that is asked for: a change, new text, comments, or an answer",
    "scope": "a small edit where one is asked for, a rewrite where that is",
    "only": "changes what it was asked to, and no word beside it",
    "comments": "comments stand where they belong",
    "length": "as long as was asked",
    "nothing": "does nothing when nothing is asked: a question is answered, thanks are taken",
}
TEXTS = Path(__file__).parent / "texts"
# The page's title, what it is, its language, the sort of page that the studio makes of it.
PAGES: dict[str, tuple[str, str, str, str]] = {
    "ferry.md": ("The ferry", "fiction", "English", "prose"),
    "watch.md": ("The night watch", "fiction", "English", "prose"),
    "libraries.md": ("Quiet places", "essay", "English", "prose"),
    "cart.py.txt": ("cart.py", "code", "English", "code"),
    "relaunch.md": ("Relaunch", "notes", "English", "note"),
    "keksdose.md": ("Die Keksdose", "fiction", "German", "prose"),
    "boulanger.md": ("Le boulanger", "fiction", "French", "prose"),
    "tren.md": ("El tren", "fiction", "Spanish", "prose"),
}


@dataclass(frozen=True, slots=True)
class Example:
    """One right result: changes as (passage, replacement), text at the end of the page, comments as (passage, words),
    and what is said. The control that does everything right plays it, so every case is known to be solvable."""

    changes: tuple[tuple[str, str], ...] = ()
    adds: str = ""
    comments: tuple[tuple[str, str], ...] = ()
    says: str = "Done, and nothing else was touched."


@dataclass(frozen=True, slots=True)
class Length:
    """Between `low` and `high`, both included. `passage` is what stands where the target stood; `times` counts its
    words in those of the target."""

    of: Literal["added", "passage", "answer"]
    unit: Literal["words", "sentences", "items", "times"]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Case:
    """A request and what a right result has. Passages are word for word from the page."""

    id: str
    behaviour: Behaviour
    text: str
    ask: str
    right: Example
    select: str = ""
    does: Literal["change", "new", "comment", "answer"] = "change"
    skills: tuple[str, ...] = ()  # of `lens`: any of these is right
    target: tuple[str, ...] = ()  # the passages that it is about; every occurrence
    there: tuple[str, ...] = ()  # expressions that the new page must match
    gone: tuple[str, ...] = ()  # expressions that it must not
    says: str = ""  # an expression that the answer must match
    rewrite: bool = False
    length: Length | None = None
    page: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "page", (TEXTS / self.text).read_text("utf-8").strip())

    @property
    def title(self) -> str:
        return PAGES[self.text][0]

    @property
    def about(self) -> str:
        """What the page is, and in which language."""
        _, what, language, _ = PAGES[self.text]
        return f"{what}, {language}"

    @property
    def kind(self) -> str:
        return PAGES[self.text][3]

    @property
    def fitting(self) -> tuple[str, ...]:
        """The skills that fit the request, of those that agents without tools have."""
        if self.length is not None:
            return {"added": ("continue",), "passage": ("rewrite",), "answer": ("ask", "brainstorm")}[self.length.of]
        return self.skills or {"comments": ("critique",), "nothing": ("ask",)}.get(self.behaviour, ("rewrite",))

    def spans(self) -> list[tuple[int, int]]:
        """Where the target is in the page, in order."""
        return sorted(span for passage in self.target for span in _occurrences(self.page, passage))


def _occurrences(text: str, passage: str) -> Iterator[tuple[int, int]]:
    at = text.find(passage)
    while at >= 0:
        yield at, at + len(passage)
        at = text.find(passage, at + len(passage))
