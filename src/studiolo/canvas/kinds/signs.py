"""Characters that are not what they look like, and those that are not seen at all.

A change that brings one is never small: a reviewer reads "page" and the text says "раge".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Set
from functools import lru_cache

BLANKS = " \u00a0\u202f\u2009"  # those that a typographer sets for one another
QUOTES = "\"'“”„‟«»‘’‚‛‹›「」『』"
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_LOOKALIKES = (range(0x250, 0x300), range(0x1D00, 0x1DC0), range(0xA720, 0xA800))  # phonetic and modifier letters
_ALIKE = frozenset("ıȷſƖǀ")


def unseen(text: str) -> list[str]:
    """The characters of a text that a reader cannot see: controls, joiners, direction marks, fillers, selectors."""
    return [sign for sign in text if sign not in "\n\t" and _unseen(sign)]


@lru_cache(4096)
def _unseen(sign: str) -> bool:
    code = ord(sign)
    if code < 0x7F:
        return code < 0x20
    selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
    odd_blank = unicodedata.category(sign) == "Zs" and sign not in BLANKS
    return selector or odd_blank or sign in _FILLERS or unicodedata.category(sign) in _UNSEEN


@lru_cache(4096)
def script(letter: str) -> str:
    """The script of a letter, as the first word of its name: LATIN, CYRILLIC, CJK; "" for what is no letter."""
    if letter < "\x7f":
        return "LATIN" if letter.isalpha() else ""
    if not unicodedata.category(letter).startswith("L"):
        return ""
    return unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]


_JAPANESE = frozenset({"HIRAGANA", "KATAKANA", "CJK"})


def disguised(words: Iterable[str], context: str) -> str:
    """Why one of these new words may not be what it looks like; "" when nothing speaks for it.

    `context` is the text around: a script or a rare letter that stands there already is not strange.
    """
    letters = set(context)  # once: there may be as many words as letters
    scripts = {script(letter) for letter in letters if letter.isalpha()}
    return next((why for word in dict.fromkeys(words) if (why := _disguised(word, letters, scripts))), "")


def _disguised(word: str, letters: Set[str], around: Set[str]) -> str:
    if word.isascii() or not any(letter.isalpha() for letter in word):
        return ""
    scripts = {found for letter in word if (found := script(letter))}
    if len(scripts) > 1 and not scripts <= _JAPANESE:
        return f"“{word}” mixes letters of several scripts"
    if any(
        unicodedata.normalize("NFKC", letter) != unicodedata.normalize("NFC", letter)
        for letter in word
        if letter.isalpha()
    ):
        return f"“{word}” has letters that only look like common ones"
    for letter in word:
        strange = letter in _ALIKE or any(ord(letter) in block for block in _LOOKALIKES)
        if strange and letter not in letters:
            return f"“{word}” has letters that only look like common ones"
    if scripts and not scripts & around:
        return f"“{word}” is in a script that the text around it is not in"
    return ""


def numeric(text: str) -> bool:
    """Whether a text has a sign for a number: digits of every script, fractions, Roman and Chinese numerals."""
    return any(map(str.isnumeric, text))
