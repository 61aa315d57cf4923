"""Between code points, which everything in the program counts, and UTF-16 code units, which Yjs counts."""

from __future__ import annotations

from typing import Final

_LOST: Final = "\ufffd"


def utf16_length(text: str) -> int:
    """How many UTF-16 code units `text` takes."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def units_before(text: str, points: int) -> int:
    """How many code units the first `points` code points of `text` take."""
    return points if text.isascii() else utf16_length(text[:points])


def points_before(text: str, units: int) -> int:
    """How many whole code points fit into the first `units` code units of `text`."""
    if text.isascii():
        return min(units, len(text))
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore"))


def cuts_pair(text: str, units: int) -> bool:
    """Whether a cut after `units` code units of `text` falls into the middle of a character."""
    if units <= 0 or text.isascii():
        return False
    encoded = text.encode("utf-16-le")
    last_byte = 2 * units - 1
    return last_byte < len(encoded) and 0xD8 <= encoded[last_byte] <= 0xDB


def split_units(text: str, units: int) -> tuple[str, str]:
    """`text` before and after `units` code units.

    A character that is cut in two becomes U+FFFD on either side, as in yjs (`ContentString.splice`), so that
    both parts keep their length.
    """
    points = points_before(text, units)
    if not cuts_pair(text, units):
        return text[:points], text[points:]
    return text[:points] + _LOST, _LOST + text[points + 1 :]


def well_formed(text: str) -> str:
    """`text` with halves of surrogate pairs joined, and lone ones replaced by U+FFFD: text that has a UTF-8 form."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
