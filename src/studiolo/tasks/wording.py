"""When something is to happen, read from words: “every weekday at 8, continue the story”, “jeden Tag um 7”.

Code reads it, and guesses nothing: what stands at the beginning (or the end) must be understood whole, and what is not
is named, with examples of what would be. The rest of the text is what is to be done, and is given back as it is.
English and German words mean the same here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from studiolo.canvas.errors import Invalid
from studiolo.tasks.phrase import NotThere, Phrase, Token
from studiolo.tasks.rule import Rule
from studiolo.tasks.time_words import BEGINS, GOES_ON, LASTS, MEANT

EXAMPLES = (
    "every weekday at 8",
    "each Monday at 9:30",
    "every 2 hours from 9 to 17",
    "on the last Friday of the month at 16:00",
    "tomorrow at noon",
    "jeden Tag um 7",
)
LONGEST = 2_000  # characters

_TOKEN = re.compile(
    r"""(?P<stamp>\d{4}-\d{2}-\d{2})(?:t(?=\d{2}:))?
    | (?P<dotted>\d{1,2}\.\d{1,2}\.\d{4})
    | (?P<clock>\d{1,2}[:.]\d{2}(?!\d)(?:\s?[ap]\.?m\b\.?)?|\d{1,2}\s?[ap]\.?m\b\.?)
    | (?P<ordinal>\d{1,2}(?:st|nd|rd|th)\b|\d{1,2}\.(?=\s|$))
    | (?P<number>\d+)
    | (?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)
    | (?P<sign>[^\w\s])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood. `text`: the rest, which is what is to be done. `taken`: what was taken for granted."""

    rule: Rule
    text: str
    taken: tuple[str, ...] = ()


def read(words: str, now: datetime) -> Read:
    """When, and what: from words. `now` is the local time. Raises `Invalid` with what was not understood."""
    if len(words) > LONGEST:
        raise Invalid(f"That is longer than {LONGEST:,} characters.", "Say when in a few words.")
    tokens = _tokens(words)
    if not tokens:
        raise Invalid("Nothing was said about when.", _hint())
    try:
        rule, taken, used = Phrase(tokens, now).read()
        rest = _rest(words, tokens, used)
        return Read(rule, rest, taken)
    except NotThere as at_the_beginning:
        for begin, token in enumerate(tokens[1:], start=1):
            if token.word not in BEGINS:
                continue
            try:
                rule, taken, used = Phrase(tokens[begin:], now).read()
            except NotThere:
                continue
            if used == len(tokens) - begin and not _says_when(tokens[max(0, begin - 4) : begin]):
                return Read(rule, words[: token.start].strip(" ,;:-–—\n\t"), taken)
        raise Invalid(
            f"It was not understood when: {at_the_beginning.why}.",
            _hint(),
            at=[at_the_beginning.token.start, at_the_beginning.token.end],
        ) from None


def _says_when(tokens: Sequence[Token]) -> bool:
    return any(token.word in GOES_ON or token.kind in ("clock", "stamp", "dotted") for token in tokens)


def _hint() -> str:
    return "Say it such as " + ", ".join(f"“{example}”" for example in EXAMPLES) + "; or as RRULE or cron."


def _tokens(words: str) -> list[Token]:
    small = words.lower()
    if len(small) != len(words):  # a few letters are longer when they are small, and places would not fit
        small = "".join(char.lower() if len(char.lower()) == 1 else char for char in words)
    found: list[Token] = []
    for match in _TOKEN.finditer(small):
        kind, raw = match.lastgroup or "", match.group()
        word = raw
        if kind == "word":
            if raw == "morgen":  # tomorrow; in the morning behind “every”
                word = "morning" if found and found[-1].word == "every" else "tomorrow"
            else:
                word = MEANT.get(raw, raw)
        elif kind == "sign":
            word = MEANT.get(raw, raw)
        if word:
            found.append(Token(kind, word, match.start(), match.end(), words[match.start() : match.end()]))
    return found


def _rest(words: str, tokens: Sequence[Token], used: int) -> str:
    """What is left behind the words that were understood. Raises `NotThere` where it seems to say more about when."""
    if used == len(tokens):
        return ""
    following = tokens[used]
    apart = following.kind == "sign"
    while following.kind == "sign" and used + 1 < len(tokens):
        used += 1
        following = tokens[used]
    ahead = tokens[used + 1 : used + 3]
    lasts = following.word in LASTS and (not apart or any(one.word in GOES_ON or one.kind == "number" for one in ahead))
    if lasts or following.word in GOES_ON or following.kind in ("clock", "stamp", "dotted", "ordinal", "number"):
        raise NotThere(following, f"“{words[following.start :].strip()[:60]}” says more than was expected here")
    return words[following.start :].strip() if following.kind != "sign" else ""
