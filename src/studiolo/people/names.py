"""Names and colours: what others see of a participant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from studiolo.canvas.errors import Invalid

PALETTE = ("#1878b4", "#e40c48", "#606c00", "#9048fc", "#a84884")
"""Colours that can be told apart, also by people who do not see some colours, and read on white."""

MAX_NAME = 80

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_JOINER = "\u200d"  # unseen too, but it holds a family emoji together and shapes some scripts


def clean_name(name: str) -> str:
    """The name on one line, without characters that nobody sees; raises Invalid when nothing is left.

    Those that turn the direction of what follows go too: with them a name can look like another line.
    """
    visible = "".join(
        " " if char.isspace() else char
        for char in name
        if char.isspace() or char == _JOINER or unicodedata.category(char) not in _UNSEEN
    )
    cleaned = " ".join(visible.split())[:MAX_NAME].strip()
    if not cleaned.replace(_JOINER, "").strip():
        raise Invalid("The name is empty.", "Give a name that others will see.")
    return cleaned


def clean_color(color: str) -> str:
    """The colour as `#rrggbb` in small letters; raises Invalid."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise Invalid(f"{color[:20]!r} is no colour.", "Give it as #rrggbb.")
    return color.lower()


def free_color(used: Mapping[str, int]) -> str:
    """The colour of the palette that is used least; the earlier one where two are alike."""
    return min(PALETTE, key=lambda color: used.get(color, 0))
