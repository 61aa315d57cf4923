"""Finding passages in long texts, and whether a quote is really in them.

A text of a whole book is cut into passages once; SQLite's FTS5 ranks them (BM25 over stems). That takes some 200 ms for
200,000 words, and a question of it a few milliseconds. A quote is looked for as it is, then with white space, quotation
marks and hyphens made plain and without Markdown's marks, across the borders of sections, too: sentences do not end
where pages do.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import log
from typing import Final

from studiolo.canvas.quotes import Folded, fold
from studiolo.tools.reading import Section

LONGEST = 1_200  # characters of a passage
SHORTEST = 500  # shorter paragraphs are put together with what follows
LEAST_QUOTED = 8  # characters; shorter quotes are found by chance
MOST_WORDS = 40  # of a question

_MARKS: Final = dict.fromkeys(map(ord, "*_\\"))  # of emphasis, and what keeps others from being marks
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCE = re.compile(r"(?<=[.!?…][\"”’')\]]|[.!?…]\s)\s*")
_COMMON_WORDS = """
a about after all also an and any are as at be because been before being but by can could did do does doing down
each even every few for from had has have having he her here hers him his how i if in into is it its just like me
more most much my no nor not now of off on once one only or other our out over own said same say says she should so
some such tell than that the their them then there these they thing things this those through to too under until
up upon us very was we were what when where which while who whom whose why will with would you your please book
author text file page chapter describe explain according happen happens happened
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, part of a long one, or several short ones. `start` is where it begins in its section's text."""

    section: int
    title: str
    place: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """Where a quote stands: from `start` in one section to `end` in another, or the same. `exact`: to the character."""

    section: int
    place: str
    start: int
    last: int
    end: int
    exact: bool


class Index:
    """The passages of one text. Several threads may ask it."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self.sections = list(sections)
        self.passages = list(_passages(self.sections))
        self.characters = sum(len(section.text) for section in self.sections)
        self._lock = threading.Lock()
        self._starts: list[int] = []
        folded: list[str] = []
        at = 0
        for section in self.sections:
            plain = fold(section.text.translate(_MARKS)).strip()
            self._starts.append(at)
            folded.append(plain)
            at += len(plain) + 1
        self._folded = " ".join(folded)
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            "create virtual table passage using fts5(text, title, content='', tokenize='porter unicode61')"
        )
        self._database.executemany(
            "insert into passage(rowid, text, title) values (?, ?, ?)",
            ((number, one.text, one.title) for number, one in enumerate(self.passages)),
        )

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def weights(self, word: str) -> dict[int, float]:
        """How much each passage that has a word, or another form of it, is about it: BM25 without the word's rarity.

        FTS5 counts rarity in this text alone (https://sqlite.org/fts5.html#the_bm25_function), which would put a file
        of one passage below every book: so that is taken out again.
        """
        with self._lock:
            rows = self._database.execute(
                "select rowid, bm25(passage, 1.0, 0.5) from passage where passage match ?", (f'"{word}"',)
            ).fetchall()
        rarity = max(log((len(self.passages) - len(rows) + 0.5) / (len(rows) + 0.5)), 1e-6)
        return {number: -rank / rarity for number, rank in rows}

    def find(self, quote: str) -> Found | None:
        """Where a quote stands first, None when it is nowhere."""
        quote = quote.strip()
        if len(quote) < LEAST_QUOTED:
            return None
        for number, section in enumerate(self.sections):
            if (at := section.text.find(quote)) >= 0:
                return Found(number, section.place, at, number, at + len(quote), True)
        needle = fold(quote.translate(_MARKS)).strip(" .,;:\"'")
        if len(needle) < LEAST_QUOTED:
            return None
        at = self._folded.find(needle)
        if at < 0:  # whoever quotes within a sentence of their own begins small
            at = self._folded.find(needle[0].swapcase() + needle[1:])
        if at < 0:
            return None
        (first, start), (last, end) = self._place(at), self._place(at + len(needle) - 1)
        places = self.sections[first].place, self.sections[last].place
        return Found(first, places[0] if first == last else f"{places[0]} – {places[1]}", start, last, end + 1, False)

    def _place(self, at: int) -> tuple[int, int]:
        """The section and the offset in its text of a character of the folded whole."""
        number = bisect_right(self._starts, at) - 1
        text = self.sections[number].text
        kept = [place for place, char in enumerate(text) if ord(char) not in _MARKS]
        folded = Folded(text.translate(_MARKS))
        into = at - self._starts[number] + len(folded.text) - len(folded.text.lstrip())
        span = folded.span(into, into + 1)
        return number, kept[min(span.start if span else into, len(kept) - 1)]


def search(indexes: Sequence[Index], query: str, limit: int = 8) -> list[tuple[int, Passage, float]]:
    """The passages of several texts that have most to do with a query, best first: which text, the passage, and how
    much. A word counts by how rare it is in all of them."""
    scores: dict[tuple[int, int], float] = {}
    whole = sum(len(index.passages) for index in indexes)
    for word in asked_for(query):
        found = [index.weights(word) for index in indexes]
        there = sum(map(len, found))
        rarity = log(1 + (whole - there + 0.5) / (there + 0.5))
        for text, weights in enumerate(found):
            for number, weight in weights.items():
                scores[text, number] = scores.get((text, number), 0.0) + rarity * weight
    best = nsmallest(limit, scores.items(), key=lambda scored: (-scored[1], scored[0]))
    return [(text, indexes[text].passages[number], score) for (text, number), score in best]


def asked_for(query: str) -> list[str]:
    """The words of a query that tell one passage from another; all of them when none does."""
    words = list(dict.fromkeys(word.lower().replace("’", "'") for word in _WORD.findall(query)))
    telling = [word for word in words if word not in _COMMON and (len(word) > 1 or word.isdigit())]
    return [word.replace('"', "") for word in telling or words][:MOST_WORDS]


def _passages(sections: Sequence[Section]) -> Iterator[Passage]:
    for number, section in enumerate(sections):
        begun, ended = -1, 0
        for start, end in _pieces(section.text):
            if begun >= 0 and (end - begun > LONGEST or ended - begun >= SHORTEST):
                yield _passage(number, section, begun, ended)
                begun = -1
            if begun < 0:
                begun = start
            ended = end
        if begun >= 0:
            yield _passage(number, section, begun, ended)


def _passage(number: int, section: Section, start: int, end: int) -> Passage:
    return Passage(number, section.title, section.place, start, section.text[start:end])


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, and parts of long ones that end with a sentence, as far as they say anything."""
    for found in re.finditer(r"\S(?:[^\n]|\n(?!\s*\n))*", text):
        start, end = found.span()
        while end - start > LONGEST:
            cuts = [cut.end() for cut in _SENTENCE.finditer(text, start + 1, start + LONGEST) if cut.end() > start]
            cut = cuts[-1] if cuts else max(text.rfind(" ", start + 1, start + LONGEST) + 1, 0) or start + LONGEST
            cut = cut if cut > start else start + LONGEST
            yield start, cut
            start = cut
        if any(char.isalnum() for char in text[start:end]):
            yield start, end
