"""Marks: characters that no text has, which travel through pandoc in the text and say afterwards where things are.

A tracked change, a comment or a change of type is turned into marks before a document is converted, and found again
in what came out. So whatever pandoc knows of numbering, tables and notes is used, and what it does not know survives.
Each mark is one character of the supplementary private use areas.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from studiolo.canvas.errors import TooLarge

FIRST = 0xF0000
LAST = 0x10FFFC  # the next one stands between texts: see `pandoc`
BLOCK = chr(FIRST)  # where a paragraph's text begins
END = chr(FIRST + 1)  # where a change's text ends
ON = {bit: chr(FIRST + 2 + 2 * place) for place, bit in enumerate((1, 2, 4, 8))}
OFF = {bit: chr(FIRST + 3 + 2 * place) for place, bit in enumerate((1, 2, 4, 8))}
SCENES = chr(FIRST + 10)  # an empty line that parts scenes
STRONG, EMPH, STRIKE, CODE = 1, 2, 4, 8
TURNS = {mark: bit for bit, mark in ON.items()} | {mark: -bit for bit, mark in OFF.items()}
FIRST_EVENT = FIRST + 16


def is_mark(character: str) -> bool:
    """Whether this is a mark, and no text."""
    return character >= "\U000f0000"


def unmarked(text: str) -> str:
    """Text from outside, in which characters that could be taken for marks are replaced."""
    if text.isascii() or not any(character >= "\U000f0000" for character in text):
        return text
    return "".join("\ufffd" if character >= "\U000f0000" else character for character in text)


def without(text: str) -> str:
    """The text without its marks."""
    return "".join(character for character in text if character < "\U000f0000")


Event = TypeVar("Event")


class Events(Generic[Event]):
    """What each mark of one document means."""

    def __init__(self) -> None:
        self.known: list[Event] = []

    def mark(self, event: Event) -> str:
        """A mark of its own for an event."""
        number = FIRST_EVENT + len(self.known)
        if number > 0xFFFFD:
            number += 0x100000 - 0xFFFFE  # the last two of a plane are no characters
        if number > LAST:
            raise TooLarge("There are more than 130,000 changes and comments.", "Accept some of them first.")
        self.known.append(event)
        return chr(number)

    def meant(self, mark: str) -> Event | None:
        """The event of a mark, None for one that is always there."""
        number = ord(mark)
        if number < FIRST_EVENT:
            return None
        place = number - FIRST_EVENT
        if number >= 0x100000:
            place -= 0x100000 - 0xFFFFE
        return self.known[place] if place < len(self.known) else None
