"""Text from files and models on its way to a terminal, which obeys what it is sent."""

from __future__ import annotations

import re

# Control characters but line ends and tabs, the marks that turn the direction of a line round, and what is no text.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with every character that a terminal would obey shown as its escape, such as `\\x1b`."""
    return UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def safe_json(text: str) -> str:
    """JSON text in which such characters are escaped as JSON does it, so that it still means the same."""
    return UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
