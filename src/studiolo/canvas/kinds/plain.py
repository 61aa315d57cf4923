"""Text without its typography: what two passages share that differ in nothing but how they are set.

Every rule here maps signs onto one another that a reader takes for the same; whatever might be more (a sign beside a
digit, a dash at the start of a line, a mark within code or a link) is left as it is, and so stays a difference.
"""

from __future__ import annotations

import re

from studiolo.canvas.kinds.signs import numeric

_LETTER = r"[^\W\d_]"
_BLANK = "[ \u00a0\u202f\u2009]"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![.\d])(?:\.\.\.|\. \. \.)(?![.\d])"), "…"),
    (re.compile(rf"«{_BLANK}?|(?<!\d){_BLANK}?»|(?<!\d)[“”„‟\"]"), '"'),
    (re.compile(r"(?<!\d)[‘’‚‛'‹›]"), "'"),
    # Between words; with a blank on both sides or on none.
    (re.compile(rf"(?<=[^\s\d<>|=+*/-]){_BLANK}+(?:---?|[–—―]){_BLANK}+(?=[^\s\d<>|=+*/-])"), "—"),
    (re.compile(rf"(?<={_LETTER}{_LETTER}{_LETTER}){_BLANK}+-{_BLANK}+(?={_LETTER}{_LETTER})"), "—"),
    (re.compile(rf"(?<={_LETTER})(?:---?|[—―])(?=[^\W\d_]|[\"'])"), "—"),
    (re.compile(rf"(?<={_LETTER}){_BLANK}+([;:!?])(?=\s|[\"']|$)"), r"\1"),
)
_BETWEEN = re.compile(rf"(?<=(\S))(?: *[\u00a0\u202f\u2009]{_BLANK}*|  +)(?=(\S))")  # other than the one common blank

# What is not prose in a page of prose. A mark that is opened and not closed may reach to the end.
# Every part is of bounded length, so that no text takes long.
_PROTECTED = re.compile(
    r"`+[^`]*`+|\$\$[^$]*\$\$|\$[^\s$][^$\n]*\$|<[^<>\n]+>"
    r"|!?\[[^\]\n]{0,300}\](?:\([^)\n]{0,600}\)|\[[^\]\n]{0,100}\])|\[\^?[^\]\n]{1,300}\]"
    r"|\{\{.{0,300}?\}\}|\{[%#].{0,300}?[%#]\}|\\\w{1,40}(?:\{[^}\n]{0,200}\}){0,4}"
    r"|(?:https?|ftp|file|mailto|javascript|data):\S+|\bwww\.\S+|[^\s@]{1,80}@[^\s@]{1,80}\.\w{2,20}"
    r"|(?<!\w)~?/\w[\w./-]*"
    r"|\b[\w-]{1,60}(?:\.[\w-]{1,60}){0,6}"
    r"\.(?:com|org|net|io|dev|edu|gov|info|eu|de|fr|uk|ch|at|it|es|ru|py|js|ts|html?|md|json|ya?ml)\b\S*"
    r"|(?<!\w)--?[a-z][\w-]*"
)


def plain(text: str) -> str:
    """`text` with its typography taken out: quotes straight, dashes long, blanks single."""
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    return _BETWEEN.sub(lambda found: found[0] if numeric(found[1]) and numeric(found[2]) else " ", text)


def protected(text: str) -> list[tuple[int, int]]:
    """Where there are links, addresses, tags, inline code, mathematics, options of a command: spans of what is read by
    machines, in order."""
    spans = [(found.start(), found.end()) for found in _PROTECTED.finditer(text)]
    for sign in (sign for sign in "`$" if sign in text):  # an odd one: nobody knows what it opens
        outside = [at for at, there in enumerate(text) if there == sign and not _within(spans, at)]
        if outside and (sign == "`" or len(outside) > 1):
            spans.append((outside[0], len(text)))
    return sorted(spans)


def touches(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a change from `start` to `end` meets one of the spans or stands at its edge."""
    return any(low <= end and start <= high for low, high in spans)


def _within(spans: list[tuple[int, int]], at: int) -> bool:
    return any(low <= at < high for low, high in spans)
