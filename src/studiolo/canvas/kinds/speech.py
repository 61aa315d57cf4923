"""Whether a place in a paragraph is something that somebody says.

Quotation marks of every European style and the corner brackets of Japanese; and the dash at the start of a line.
Where it cannot be told, it is speech: a policy that may not touch what characters say then leaves it alone.
"""

from __future__ import annotations

import re

_CLOSES = {"“": "”", "„": "“”", "«": "»", "»": "«»", "‘": "’", "‚": "‘’", "‹": "›", "›": "‹›", "「": "」", "『": "』",
           '"': '"', "'": "'", "”": "”", "’": "’", "‟": "”"}  # fmt: skip
_SIGNS = re.compile(f"[{''.join(_CLOSES)}」』]")
_DASHED = re.compile(r"[ \t]*(?:[—–―]|--?[ \u00a0])")


def in_speech(paragraph: str, start: int, end: int) -> bool:
    """Whether any of `paragraph[start:end]`, or that place, is within quotation marks or a line that a dash begins."""
    line = paragraph.rfind("\n", 0, start) + 1
    if _DASHED.match(paragraph, line):
        return True
    for at in range(paragraph.count("\n", start, end)):
        line = paragraph.find("\n", line if at == 0 else line + 1) + 1
        if _DASHED.match(paragraph, line):
            return True
    opened = ""
    for sign in _SIGNS.finditer(paragraph, 0, end):
        if sign.start() >= start and opened:
            return True
        opened = _step(paragraph, sign.start(), sign[0], opened)
    return bool(opened)


def _step(text: str, at: int, sign: str, opened: str) -> str:
    """What is open after a sign: the marks that are waited for, the innermost last, each as its opening sign."""
    before = text[at - 1] if at else " "
    after = text[at + 1] if at + 1 < len(text) else " "
    if sign in "'’":
        if before.isalnum() and after.isalnum():
            return opened  # an apostrophe
        closes = bool(opened) and sign in _CLOSES[opened[-1]] and not before.isspace()
        opens = not before.isalnum() and after.isalnum()
        return opened[:-1] if closes and not opens else opened + sign if opens and sign == "'" else opened
    if opened and sign in _CLOSES[opened[-1]] and not (sign in "«»" and before.isspace() and after.isalnum()):
        return opened[:-1]
    return opened + sign if sign in _CLOSES else opened
