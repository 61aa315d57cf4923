"""What was read: sections in order, each with its title, its place in the file, and its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_BYTES = 50 * 2**20  # of one file
MOST_CHARACTERS = 20_000_000  # of text in one file: about 3 million words
MOST_SECTIONS = 20_000
LONGEST_SECTION = 40_000  # characters; a longer one is divided where a paragraph ends
MOST_OUTLINED = 1_000  # lines of an outline

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a file. `place` is how somebody would say where it is: "page 12", "CHAPTER 3", "src/main.py"."""

    title: str
    place: str
    text: str


@dataclass(slots=True)
class Reading:
    """A file as text. `about` has counts and the outline, a list of `[level, title, section]`, and what a format tells
    of itself; `problems` say in sentences what could not be read."""

    title: str
    type: str
    sections: list[Section] = field(default_factory=list[Section])
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    problems: list[str] = field(default_factory=list[str])

    @property
    def characters(self) -> int:
        return sum(len(section.text) for section in self.sections)


def tidy(reading: Reading) -> Reading:
    """The same within the limits: whole characters, sections of a size to be read, and an outline."""
    outline: list[list[Any]] | None = reading.about.pop("outline", None)
    first: dict[int, int] = {}  # where each section begins after the long ones were divided
    sections: list[Section] = []
    left = MOST_CHARACTERS
    for number, section in enumerate(reading.sections):
        first[number] = len(sections)
        text = _UNPRINTABLE.sub("\ufffd" if "\ufffd" in section.text else "", section.text)
        title, place = (one_line(_UNPRINTABLE.sub("", text)) for text in (section.title, section.place))
        if not text.strip() or len(sections) >= MOST_SECTIONS:
            continue
        if len(text) > left:
            reading.problems.append(f"Only the first {MOST_CHARACTERS:,} characters were read.")
            text = text[:left]
        left -= len(text)
        pieces = list(divided(text))
        for part, piece in enumerate(pieces, start=1):
            where = place if len(pieces) == 1 else f"{place}, part {part}" if place else f"part {part}"
            sections.append(Section(title, where, piece))
        if left <= 0:
            break
    if len(reading.sections) > MOST_SECTIONS:
        reading.problems.append(f"It has more than {MOST_SECTIONS:,} parts; the rest was left out.")
    if outline is None:
        outline = [[0, section.title, number] for number, section in enumerate(reading.sections) if section.title]
    last = max(0, len(sections) - 1)
    reading.about["outline"] = [
        [int(level), one_line(_UNPRINTABLE.sub("", str(title))), min(first.get(number, last), last)]
        for level, title, number in outline[:MOST_OUTLINED]
    ]
    reading.sections = sections
    reading.title = one_line(_UNPRINTABLE.sub("", reading.title))
    reading.about["characters"] = reading.characters
    reading.about["words"] = sum(len(section.text.split()) for section in sections)
    reading.problems = [_UNPRINTABLE.sub("", problem)[:500] for problem in dict.fromkeys(reading.problems)][:50]
    return reading


def divided(text: str, most: int = LONGEST_SECTION) -> Iterator[str]:
    """A text in pieces of at most `most` characters, cut at a paragraph, a line or a blank where there is one."""
    while len(text) > most:
        cut = max(text.rfind("\n\n", most // 2, most) + 2, 2)
        if cut == 2:
            cut = max(text.rfind("\n", most // 2, most), text.rfind(" ", most // 2, most)) + 1 or most
        yield text[:cut]
        text = text[cut:]
    yield text


def lines_as_sections(text: str, at_once: int = 400, place: str = "") -> list[Section]:
    """Lines of a file that has no parts of its own, by their numbers."""
    lines = text.split("\n")
    many = len(lines) > at_once
    return [
        Section(
            "",
            ", ".join(filter(None, [place, f"lines {at + 1}–{min(at + at_once, len(lines))}" if many else ""])),
            "\n".join(lines[at : at + at_once]) + "\n",
        )
        for at in range(0, len(lines), at_once)
    ]


def one_line(text: str, most: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def numbers(found: Iterable[int]) -> str:
    """Numbers as one would write them: 3, 5–9."""
    runs: list[list[int]] = []
    for number in sorted(found):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in runs)
