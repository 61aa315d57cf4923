"""Quotes that are really there: words of a source, found again in its text by the program, and shown as they stand.

A model says where to look. What is kept is the text of the source itself, so a quote that a model made up, mended or
put together of two places is no quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote as escaped

from studiolo.agents import checks
from studiolo.agents.prose import alike, words
from studiolo.tools.reading import Reading, Section
from studiolo.tools.web_pages import Passage, find

LEAST_WORDS = 4  # of a quote; shorter ones are there by chance
LONGEST = 600  # characters of a quote
SAME = 0.9  # two quotes as alike as this are one text that somebody copied
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MEASURE = re.compile(r"(\d[\d.,]*)\s+([^\W\d_]{3,})")
_NAME = re.compile(r"(?<![.!?:] )(?<!^)\b[A-ZÀ-Þ][\w’'-]*\w", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>\n]{0,300}>|[<>\\`*_\[\]#|~]+")


def read_again(sections: Iterable[Mapping[str, str]]) -> Reading:
    """A text that was kept as JSON."""
    return Reading("", "", [Section(one["title"], one["place"], one["text"]) for one in sections])


def exact(source: Reading, quote: str) -> Passage | None:
    """Where the words of a quote stand in a source; None where they do not, or say too little to be found."""
    quote = quote.strip().strip("“”\"'‘’«»").strip()
    if len(words(quote)) < LEAST_WORDS or len(quote) > LONGEST:
        return None
    return find(source, quote)


def shown(quote: str) -> str:
    """The words of a passage on one line, without links and marks that would mean something where they are put."""
    return " ".join(_MARKUP.sub(" ", _LINK.sub(r"\1", quote)).split())


def harmless(text: str) -> str:
    """A sentence by a model as it may stand in a page: words alone, no address, no link, no picture, no marks."""
    return " ".join(_MARKUP.sub(" ", _ADDRESS.sub("", _LINK.sub(r"\1", text))).split())


def numbers(text: str) -> list[str]:
    """The numbers of a text as they are compared: 1,234 is 1234, and 12.50 is 12.5."""
    found: list[str] = []
    for number in _NUMBER.findall(text):
        plain = number.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", number) else number
        found.append(plain.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", plain) else plain)
    return found


def measures(text: str) -> dict[str, set[str]]:
    """The numbers of a text by the stem of the word behind each."""
    found: dict[str, set[str]] = {}
    for number, unit in _MEASURE.findall(text):
        found.setdefault(checks.stem(unit), set()).update(numbers(number))
    return found


def differs(one: str, other: str) -> bool:
    """Whether two texts give other numbers of the same unit."""
    mine, theirs = measures(one), measures(other)
    return any(not mine[unit] & theirs[unit] for unit in mine.keys() & theirs.keys())


def names(text: str) -> list[str]:
    """Words that begin large and not only because a sentence does."""
    return [name for name in _NAME.findall(text) if name.lower() not in checks.STOP]


def independent(claims: Sequence[Mapping[str, Any]]) -> int:
    """How many sources say something by themselves: one host counts once, and who copies another does not count."""
    kept: list[tuple[str, str]] = []
    for claim in claims:
        host, quote = str(claim["host"]), str(claim["quote"])
        if not any(host == other or alike(quote, said) >= SAME for other, said in kept):
            kept.append((host, quote))
    return len(kept)


def link_to(url: str, quote: str) -> str:
    """The address of a page that leads a browser to the words themselves (https://wicg.github.io/scroll-to-text-fragment)."""
    if "#" in url or url.lower().partition("?")[0].endswith((".pdf", ".csv", ".xlsx", ".docx", ".json", ".txt")):
        return url
    said = shown(quote).split()
    ends = [" ".join(said)] if len(said) <= 8 else [" ".join(said[:4]), " ".join(said[-4:])]
    return f"{url}#:~:text={','.join(escaped(part, safe='').replace('-', '%2D') for part in ends)}"
