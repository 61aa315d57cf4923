"""The whole of *Moby Dick*, as a writer would have it on disk: one text. The npm project of the tests brings it."""

from __future__ import annotations

import re

from tests.interop.node import node_project

PARTS = ["etymology", "extracts", *(f"chapter_{number}" for number in range(1, 136)), "epilogue"]
WORD = re.compile(r"[^\W_]+(?:[’'\-.,][^\W_]+)*")


def parts() -> list[str]:
    """Every part of the book in order; its first line is its title."""
    data = node_project() / "node_modules" / "@stdlib" / "datasets-moby-dick" / "data"
    return [(data / f"{name}.txt").read_text(encoding="utf-8").strip() for name in PARTS]


def plain_text() -> str:
    """The book as one plain text: about 1.2 million characters."""
    return "\n\n".join(parts()) + "\n"


def markdown() -> str:
    """The book as one Markdown file, with a heading for each part."""
    return "# Moby Dick\n\n" + "\n\n".join(f"## {part}" for part in parts()) + "\n"


def count_words(text: str) -> int:
    """Words as a writer counts them: `whale-boat` and `isn't` are one, two words about a dash are two."""
    return len(WORD.findall(text))
