"""Finding a quoted passage in a page of a megabyte: exactly, and when the quote is not quite what stands there.

The peers: `str.find` for the exact quote; for the inexact one, the best alignment over the whole page (`rapidfuzz`,
what one writes without thinking of pages of a megabyte), and `difflib` line by line, as coding agents' appliers do.
"""

from __future__ import annotations

import difflib
import statistics
from random import Random

from rapidfuzz import fuzz

from bench.review.plan import Plan, judge, shown, timed
from bench.rooms.compare import Section
from bench.rooms.documents import SEED
from studiolo.canvas.errors import QuoteAmbiguous, QuoteNotFound
from studiolo.canvas.quotes import Quote, Span, resolve
from tests.e2e import novel

LENGTH = 1_000_000
TITLE = f"Finding a quote in a page of {LENGTH:,} characters"
QUOTES = 20


def run(plan: Plan) -> Section:
    text = novel.plain_text()[:LENGTH]
    random = Random(SEED)
    exact, fuzzy = [], []
    found = 0
    naive_exact, naive_fuzzy, by_lines = [], [], []
    lines = text.splitlines()
    for _ in range(QUOTES if not plan.quick else 4):
        quote, span = some_sentence(text, random)
        exact.append(1000 * timed(lambda quote=quote: resolve(text, Quote(quote))))
        naive_exact.append(1000 * timed(lambda quote=quote: text.find(quote)))
        wrong = with_a_slip(quote)
        found += understood(text, wrong, span)
        fuzzy.append(1000 * timed(lambda wrong=wrong, span=span: understood(text, wrong, span)))
        naive_fuzzy.append(1000 * timed(lambda wrong=wrong: fuzz.partial_ratio_alignment(wrong, text)))
        if len(by_lines) < 3:  # it takes seconds
            by_lines.append(1000 * timed(lambda wrong=wrong: difflib.get_close_matches(wrong, lines, 1, 0.6)))
    section = Section(
        [
            "| ms of CPU | studio | peer | ratio |",
            "|---|---|---|---|",
            row("exact, beside `str.find`", exact, naive_exact),
            row("a word wrong, beside an alignment with the whole page", fuzzy, naive_fuzzy),
            row("a word wrong, beside `difflib` on its lines", fuzzy, by_lines),
            "",
            f"- {found} of {len(fuzzy)} of the misquoted passages were found, the others refused; none was mistaken.",
        ]
    )
    judge(section, "exact, slowest", max(exact), 10, " ms")
    judge(section, "a word wrong, slowest", max(fuzzy), 150, " ms")
    return section


def understood(text: str, quote: str, meant: Span) -> bool:
    """Whether a quote is found where it was meant; nothing else may be taken for it."""
    try:
        found = resolve(text, Quote(quote))
    except (QuoteNotFound, QuoteAmbiguous):
        return False
    assert found == meant, "another passage was taken for the one that was meant"
    return True


def row(what: str, ours: list[float], theirs: list[float]) -> str:
    ratio = statistics.median(ours) / statistics.median(theirs)
    return f"| {what} | {shown(ours)} | {shown(theirs)} | {ratio:.2f} |"


def some_sentence(text: str, random: Random) -> tuple[str, Span]:
    """A sentence that stands in the text once."""
    while True:
        start = text.find(". ", random.randrange(len(text) - 2_000)) + 2
        end = text.find(". ", start) + 1
        quote = text[start:end]
        if 60 <= len(quote) <= 400 and "\n" not in quote and text.count(quote) == 1:
            return quote, Span(start, end)


def with_a_slip(quote: str) -> str:
    """The sentence with one letter of a word in its middle doubled, as models misquote."""
    at = quote.index(" ", len(quote) // 2) + 1
    while not quote[at].isalpha():
        at += 1
    return quote[:at] + quote[at] + quote[at:]
