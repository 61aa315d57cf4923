"""Words of names and of questions: `read_csv`, `readCsv` and "read csv" have the same ones."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_NAME = re.compile(
    r"[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)+|[A-Za-z]\w*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Za-z_]\w*(?=\()"
)
_COMMON = """
" a about all also am an and any anything are as at available be been being but by can cannot could do does doing
don done each every example for from get gets getting give given go has have having how i if in instead into is it
its just let like make makes making many me mine most much must my need needs no not now of off on one only onto or
other our out over own please put same should show so some something than that the their them then there these they
thing things this those through to too under up us use used using very want wants was way we well were what when
where which while who whose why will with within without would you your python code package library function method
class module called
"""
COMMON = frozenset(_COMMON.split())


def humps(word: str) -> list[str]:
    """The parts of an identifier: `DataFrame` -> data, frame; `HTTPServer` -> http, server."""
    return [part.lower() for part in _HUMP.findall(word)]


def split(name: str) -> str:
    """A name as text for the index: its words, whole and in parts."""
    words: list[str] = []
    for word in _WORD.findall(name):
        parts = humps(word)
        words.append(word.lower())
        if len(parts) > 1:
            words += parts
    for joined in re.findall(r"[^\W_]+(?:_[^\W_]+)+", name):
        words.append(joined.replace("_", "").lower())
    return " ".join(words)


def names_in(question: str) -> list[str]:
    """What in a question is written as a name: `pd.read_csv`, `read_csv`, `DataFrame`, `merge()`."""
    return list(dict.fromkeys(found.strip(".") for found in _NAME.findall(question)))


def terms(question: str) -> list[str]:
    """The words of a question that say what it is about, in order; names in parts, too."""
    found: list[str] = []
    for word in re.findall(r"\w+", question):
        for part in _WORD.findall(word):
            parts = humps(part)
            found.append(part.lower())
            if len(parts) > 1:
                found += parts
    telling = [word for word in dict.fromkeys(found) if word not in COMMON and (len(word) > 1 or word.isdigit())]
    return (telling or list(dict.fromkeys(found)))[:32]
