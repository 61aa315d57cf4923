"""Finding a quoted passage in a page: a model never counts characters, it quotes.

A quote is looked for exactly, then with white space and typographic characters folded, then by a bounded fuzzy
search. A quote that fits nowhere or in two places is refused with the fresh text around the best candidates, so
that whoever quoted can try again. Nothing is resolved on a guess. Offsets are code points.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from rapidfuzz import fuzz

from studiolo.canvas.errors import Invalid, QuoteAmbiguous, QuoteNotFound

FUZZY_SCORE = 90.0  # percent of the quote's characters that must agree
FUZZY_LEAD = 5.0  # and by how much the best place must beat the second best
FUZZY_LENGTH = range(12, 2_001)  # shorter quotes fit by chance, longer ones cost too much
CONTEXT = 60  # characters shown on either side of a candidate
KEPT = 64  # characters on either side of a passage that are kept with it
CANDIDATES = 5
MOST_PLACES = 1_000  # where a quote may fit and still be told apart by its surroundings
ENOUGH = 200  # characters of surroundings that nearly always tell
MOST_HITS = 200  # a word that occurs more often tells no place from another
MOST_WORDS = 16  # of a quote, the longest, are counted,
RARE_WORDS = 6  # and of those the rarest are looked for
ENOUGH_WORDS = 3  # that are rare: whoever misquotes does not mistake every one of them
MOST_COMPARED = 40_000_000  # characters of the quote times characters of the page that are compared with it


class Span(NamedTuple):
    """A range of a page's text in code points; `start == end` is a place between two characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage as somebody quotes it. An empty `find` is the place between `before` and `after`."""

    find: str
    before: str = ""
    after: str = ""


def resolve(text: str, quote: Quote) -> Span:
    """The one place in `text` that `quote` means.

    Raises `QuoteNotFound` or `QuoteAmbiguous`, both with `candidates`, and `Invalid` for an insertion that does
    not say where.
    """
    if not quote.find:
        return _resolve_insertion(text, quote)
    found = _some(occurrences(text, quote.find)) or _folded_occurrences(text, quote.find)
    if len(found) > MOST_PLACES:  # too many to look at each: only its surroundings can tell it apart
        whole = _some(occurrences(text, quote.before + quote.find + quote.after))
        found = [Span(s.start + len(quote.before), s.end - len(quote.after)) for s in whole] or found
    meant = found if len(found) > MOST_PLACES else _by_context(text, found, quote)
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise QuoteAmbiguous(
            f"The quote “{_short(quote.find)}” fits in {_count(meant)} places.",
            "Quote more of the text, or add `before` and `after`: the words on either side of the place you mean.",
            candidates=[_candidate(text, span) for span in meant[:CANDIDATES]],
        )
    if found:
        raise QuoteNotFound(
            f"The quote “{_short(quote.find)}” is in the page, but not between the `before` and `after` you gave.",
            "Quote the page's text as it is now; where the quote stands is in `candidates`.",
            candidates=[_candidate(text, span) for span in found[:CANDIDATES]],
        )
    fuzzy = _fuzzy(text, quote.find)
    if fuzzy and _by_context(text, [fuzzy], quote):
        return fuzzy
    raise QuoteNotFound(
        f"The quote “{_short(quote.find)}” is not in the page.",
        "Quote the page's text as it is now, word for word; the nearest passages are in `candidates`.",
        candidates=[_candidate(text, span) for span in _nearest(text, quote.find)],
    )


def occurrences(text: str, find: str) -> Iterator[Span]:
    """Every place where `find` stands in `text`, overlapping ones too."""
    at = text.find(find)
    while at >= 0:
        yield Span(at, at + len(find))
        at = text.find(find, at + 1)


def _some(spans: Iterator[Span]) -> list[Span]:
    """The first spans: enough to know that there are too many."""
    return list(islice(spans, MOST_PLACES + 1))


def _count(found: list[Span]) -> str:
    return str(len(found)) if len(found) <= MOST_PLACES else f"more than {MOST_PLACES:,}"


def context(text: str, span: Span, length: int = KEPT) -> tuple[str, str]:
    """The characters before and after a span, at most `length` of each."""
    return text[max(0, span.start - length) : span.start], text[span.end : span.end + length]


def _resolve_insertion(text: str, quote: Quote) -> Span:
    if not quote.before and not quote.after:
        if not text:
            return Span(0, 0)
        raise Invalid(
            "An insertion must say where.",
            "Give `before`: the words just before the place, or `after`: the words just after it.",
        )
    places = _some(occurrences(text, quote.before + quote.after))
    found = [Span(at := s.start + len(quote.before), at) for s in places]
    if not found:
        folded, before, after = _folded(text), fold(quote.before), fold(quote.after)
        starts = [s.start + len(before) for s in _some(occurrences(folded.text, before + after))]
        if not starts and before.strip() and after.strip():  # a blank or line break between them that was not quoted
            before, after = before.rstrip(), after.lstrip()
            starts = [s.start + len(before) for s in _some(occurrences(folded.text, f"{before} {after}"))]
        found = [Span(at, at) for at in map(folded.offset, starts) if at is not None]
    if len(found) == 1:
        return found[0]
    if found:
        raise QuoteAmbiguous(
            f"The place after “{_short(quote.before[-40:])}” and before “{_short(quote.after[:40])}” occurs "
            f"{_count(found)} times.",
            "Give more of the words before and after it.",
            candidates=[_candidate(text, span) for span in found[:CANDIDATES]],
        )
    raise QuoteNotFound(
        "The words around the place to insert at are not in the page.",
        "Quote the page's text as it is now, word for word; the nearest passages are in `candidates`.",
        candidates=[_candidate(text, span) for span in _nearest(text, quote.before[-200:] or quote.after[:200])],
    )


def _by_context(text: str, found: list[Span], quote: Quote) -> list[Span]:
    """The occurrences whose surroundings agree with those the quote names, if it names any.

    One occurrence need agree on one side only: the text on the other may have been edited since.
    """
    if not quote.before and not quote.after:
        return found
    if len(found) > 1 and max(len(quote.before), len(quote.after)) > ENOUGH:  # most are told apart by a few words
        found = _by_context(text, found, Quote(quote.find, quote.before[-ENOUGH:], quote.after[:ENOUGH]))
    before, after = fold(quote.before), fold(quote.after)
    reach = 2 * max(len(quote.before), len(quote.after)) + 8  # folding shortens runs of white space

    def sides(span: Span) -> list[bool]:
        left, right = context(text, span, reach)
        agrees: list[bool] = []
        if before:
            agrees.append(fold(left).endswith(before))
        if after:
            agrees.append(fold(right).startswith(after))
        return agrees

    enough = any if len(found) == 1 else all
    return [span for span in found if enough(sides(span))]


_SAME_LENGTH = {**dict.fromkeys("‘’‚‛′´`", "'"), **dict.fromkeys("“”„‟″«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-")}
_NOTHING = "\u200b\ufeff\u00ad"
_LONGER = {"…": "..."}
_UNEVEN = re.compile(rf"…|[\s{_NOTHING}]{{2,}}|[{_NOTHING}]")  # what is not one character when it is folded
_BLANK = re.compile(r"[^\S ]")


def fold(text: str) -> str:
    """`text` with typographic quotes, dashes and dots made plain and every run of white space one blank."""
    return _plain(_UNEVEN.sub(lambda found: _even(found[0]), text))


def _even(uneven: str) -> str:
    return _LONGER.get(uneven) or (" " if uneven.strip(_NOTHING) else "")


def _plain(text: str) -> str:
    """What is one character for one."""
    if not text.isascii():
        for char, plain in _SAME_LENGTH.items():  # twenty looks at a page are quicker than one at each character
            if char in text:
                text = text.replace(char, plain)
    return _BLANK.sub(" ", text.replace("`", "'"))


class Folded:
    """A folded text that remembers where each of its characters came from: it keeps where the two are out of step."""

    def __init__(self, text: str) -> None:
        parts: list[str] = []
        self._starts = [0]  # in the folded text: where each stretch begins that is uneven,
        self._lengths = [0]  # how long it is,
        self._firsts = [0]  # and in the text: the first character that counts of it, and where it ends
        self._ends = [0]
        at = length = 0
        for found in _UNEVEN.finditer(text):
            even = _even(found[0])
            parts += (text[at : found.start()], even)
            length += found.start() - at
            blank = len(found[0]) - len(found[0].lstrip(_NOTHING))
            self._starts.append(length)
            self._lengths.append(len(even))
            self._firsts.append(found.start() + (blank if even == " " else 0))
            self._ends.append(found.end())
            length += len(even)
            at = found.end()
        parts.append(text[at:])
        self.text = _plain("".join(parts))

    def offset(self, at: int) -> int | None:
        """Where a place between two folded characters is in the text; None inside one that was folded into several."""
        number = bisect_right(self._starts, at) - 1
        into = at - self._starts[number]
        return None if 0 < into < self._lengths[number] else self._origin(at)

    def span(self, start: int, end: int) -> Span | None:
        """The text that was folded into a range; None when the range cuts through what was one character."""
        first = self.offset(start)
        if first is None or self.offset(end) is None:
            return None
        return Span(first, self._origin(end - 1) + 1)

    def _origin(self, at: int) -> int:
        """From which character of the text a folded one came."""
        number = bisect_right(self._starts, at) - 1
        into = at - self._starts[number]
        if into < self._lengths[number]:
            return self._firsts[number]
        return self._ends[number] + into - self._lengths[number]


@lru_cache(maxsize=2)  # one page is quoted many times in a row
def _folded(text: str) -> Folded:
    return Folded(text)


def _folded_occurrences(text: str, find: str) -> list[Span]:
    needle = fold(find)
    if not needle.strip():
        return []
    folded = _folded(text)
    spans = [folded.span(found.start, found.end) for found in _some(occurrences(folded.text, needle))]
    return [span for span in spans if span is not None]


_WORDS = re.compile(r"\w+")
_NUMBERS = re.compile(r"\d+")


def _fuzzy(text: str, find: str) -> Span | None:
    """The one passage that all but agrees with `find`, whole words and all, or None.

    Numbers must agree to the digit ("1841" for "1851" is another claim, not a slip of the pen), and so must the first
    and the last word, or it is not clear where the passage ends.
    """
    if len(find) not in FUZZY_LENGTH:
        return None
    best, complete = _alignments(text, find, 2, FUZZY_SCORE - FUZZY_LEAD)
    if not complete or not best or best[0][0] < FUZZY_SCORE:
        return None
    score, span = best[0]
    if len(best) > 1 and score - best[1][0] < FUZZY_LEAD:
        return None
    span = _fitted(text, span, find)
    there = text[span.start : span.end]
    if _NUMBERS.findall(there) != _NUMBERS.findall(find) or fuzz.ratio(there, find) < FUZZY_SCORE:
        return None
    words, wanted = _WORDS.findall(fold(there).casefold()), _WORDS.findall(fold(find).casefold())
    return span if words and wanted and (words[0], words[-1]) == (wanted[0], wanted[-1]) else None


def _fitted(text: str, span: Span, find: str) -> Span:
    """The span with its ends moved to the word boundaries where it agrees best: an alignment is never longer than the
    quote, though the passage may be."""
    slack = len(find) // 8 + 8

    def boundaries(at: int) -> list[int]:
        near = range(max(0, at - slack), min(len(text), at + slack) + 1)
        return [n for n in near if n in (0, len(text)) or not (_WORDS.match(text[n - 1]) and _WORDS.match(text[n]))]

    start, end = span
    for _ in range(2):
        ends = [n for n in boundaries(end) if n > start]
        end = max(ends, key=lambda n: (fuzz.ratio(find, text[start:n]), -n), default=end)
        starts = [n for n in boundaries(start) if n < end]
        start = max(starts, key=lambda n: (fuzz.ratio(find, text[n:end]), n), default=start)
    return Span(start, end)


def _nearest(text: str, find: str) -> list[Span]:
    return [_whole_words(text, span) for _, span in _alignments(text, find[:400], 3, 50.0)[0]]


def _alignments(text: str, find: str, most: int, cutoff: float) -> tuple[list[tuple[float, Span]], bool]:
    """The best disjoint places for `find` with their scores (percent), best first, and whether all were looked at.

    Only passages that share a rare word with the quote are aligned, so a page of megabytes stays cheap.
    """
    words = sorted(set(_WORDS.findall(find.casefold())), key=len, reverse=True)[:MOST_WORDS]
    if not words:
        return [], True
    folded = text.casefold()
    if len(folded) != len(text):  # ß and friends: casefold moved the offsets
        folded = text.lower() if len(text.lower()) == len(text) else text
    hits = [list(islice(occurrences(folded, word), MOST_HITS + 1)) for word in words]
    few = [some for some in hits if len(some) <= MOST_HITS]
    complete = len(few) >= min(ENOUGH_WORDS, len(words))
    rare = sorted((some for some in few if some), key=len)[:RARE_WORDS]
    reach = len(find) + 16
    pieces = [Span(max(0, hit.start - reach), min(len(text), hit.end + reach)) for some in rare for hit in some]
    found: list[tuple[float, Span]] = []
    affordable = MOST_COMPARED // len(find)
    for piece in _merged(pieces):
        affordable -= piece.end - piece.start
        if affordable < 0:
            complete = False
            break
        part = text[piece.start : piece.end]
        while (hit := fuzz.partial_ratio_alignment(find, part, score_cutoff=cutoff)) and hit.dest_end > hit.dest_start:
            span = Span(piece.start + hit.dest_start, piece.start + hit.dest_end)
            found.append((hit.score, span))
            part = part[: hit.dest_start] + "\0" * (hit.dest_end - hit.dest_start) + part[hit.dest_end :]
            if len(found) > 2 * CANDIDATES:
                break
    return sorted(found, key=lambda scored: -scored[0])[:most], complete


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return merged


def _whole_words(text: str, span: Span) -> Span:
    start, end = span
    while start > 0 and _WORDS.match(text[start - 1]) and _WORDS.match(text[start]):
        start -= 1
    while end < len(text) and end > start and _WORDS.match(text[end]) and _WORDS.match(text[end - 1]):
        end += 1
    return Span(start, end)


def _candidate(text: str, span: Span) -> dict[str, str]:
    before, after = context(text, span, CONTEXT)
    return {"text": text[span.start : span.end], "before": before, "after": after}


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
