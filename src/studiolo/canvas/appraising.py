"""What kind of change each suggestion makes, found out where it stands.

Hunks of one suggestion that lie in one paragraph, and all that lie in one page of code, are looked at together: two
changes that are harmless one by one need not be so as a pair.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from studiolo.canvas.kinds import LONGEST_CONTEXT, Kinds, kinds_of
from studiolo.canvas.kinds.verdict import PageKind
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import SuggestionRecord
from studiolo.canvas.second_looks import Passages, passage

if TYPE_CHECKING:
    from studiolo.canvas.canvas import Canvas

MOST_PASSAGES = 60  # of one suggestion, at some milliseconds each
MOST_WORDS = 60  # that are looked for elsewhere, at up to a millisecond a book

# What may hold whatever stands in it apart from the prose, over several paragraphs.
_APART = (("<!--", "-->"), ("<pre", "</pre"), ("<script", "</script"), ("<style", "</style"), ("<code", "</code"))


def appraise(canvas: Canvas, record: SuggestionRecord, draft: bool = False) -> None:
    """Inside `change()`: note the kinds and the risk of a suggestion that is finished, and that policies are to look at
    it. Of a `draft`, and of what does not fit its page, nothing is said: what was said before may not be true of it any
    more. One that is not in the document yet is only given them."""
    found = None if draft else appraisal(canvas, record)
    if found is None:
        record.kinds = record.risk = ""
        canvas.fresh.pop(record.id, None)
    else:
        record.kinds, record.risk = json.dumps(sorted(found.kinds)), found.risk
        canvas.fresh[record.id] = 0.0
    if (shared := canvas.document.suggestions.get(record.id)) is not None:
        for name, value in (("kinds", record.kinds), ("risk", record.risk)):
            if value and shared.get(name) != value:
                shared[name] = value
            elif not value and shared.get(name):
                del shared[name]


def appraisal(canvas: Canvas, record: SuggestionRecord) -> Kinds | None:
    """What the undecided hunks of a suggestion would change in the page as it is now, all of them taken; None when
    they no longer fit there, or fit into each other."""
    text = canvas.page_text(record.page)
    placed = _placed(canvas, record, text)
    if placed is None:
        return None
    page = canvas.page(record.page)
    kind: PageKind = page["kind"]
    changes = list(_joined(text, placed) if kind == "code" else _by_paragraph(text, placed))
    if len(changes) > MOST_PASSAGES:
        return Kinds.of("wording", "high", "it changes too many passages to be looked at one by one")
    words = Words(canvas)
    return Kinds.joined([_look(words, text, span, now, kind, page["title"]) for span, now in changes])


def passages(canvas: Canvas, record: SuggestionRecord) -> Passages:
    """Each paragraph that a suggestion changes, as it reads now and as it would read."""
    text = canvas.page_text(record.page)
    placed = _placed(canvas, record, text) or []
    return tuple(passage(text, span, now) for span, now in _by_paragraph(text, placed))


def _placed(canvas: Canvas, record: SuggestionRecord, text: str) -> list[tuple[Span, str]] | None:
    """Where its undecided hunks are, in order, and what each puts there; None when they do not fit."""
    placed: list[tuple[Span, str]] = []
    for hunk in record.hunks:
        if hunk.status == "open":
            span = canvas.find(record.page, text, hunk.anchor)
            if span is None:
                return None
            placed.append((span, hunk.replace))
    placed.sort(key=lambda one: one[0])
    meet = any(one[0].end > other[0].start for one, other in pairwise(placed))
    return None if meet else placed


def _look(words: Words, text: str, span: Span, now: str, kind: PageKind, title: str) -> Kinds:
    was = text[span.start : span.end]
    if kind == "code":
        return kinds_of(was, now, text[: span.start], text[span.end :], kind, (), title)
    around = LONGEST_CONTEXT + 1
    before, after = text[max(0, span.start - around) : span.start], text[span.end : span.end + around]
    if kind != "data" and _apart(text, span):
        kind, title = "code", ""
    return kinds_of(was, now, before, after, kind, Elsewhere(words, text, span), title)


def _by_paragraph(text: str, placed: list[tuple[Span, str]]) -> Iterable[tuple[Span, str]]:
    """Changes, those in one paragraph made one."""
    gathered: list[tuple[Span, str]] = []
    for span, now in placed:
        if gathered and "\n\n" in text[gathered[-1][0].end : span.start]:
            yield from _joined(text, gathered)
            gathered = []
        gathered.append((span, now))
    yield from _joined(text, gathered)


def _joined(text: str, placed: list[tuple[Span, str]]) -> Iterable[tuple[Span, str]]:
    """All changes as one, with what stands between them."""
    if not placed:
        return
    now, at = "", placed[0][0].start
    for span, replace in placed:
        now += text[at : span.start] + replace
        at = span.end
    yield Span(placed[0][0].start, at), now


def _apart(text: str, span: Span) -> bool:
    """Whether it stands in a fence, in front matter, in an indented block or within tags whose text is no prose."""
    start = span.start
    for sign in "`~":
        if text.find(sign, 0, start) >= 0:  # one sign is found much faster than three, and most texts have none
            mark = sign * 3
            if (text.count(f"\n{mark}", 0, start) + text.startswith(mark)) % 2:
                return True
    if text.startswith("---\n") and start <= max(text.find("\n---", 3), 3):
        return True
    if text.find("<", 0, start) >= 0 and any(
        text.rfind(opens, 0, start) > text.rfind(closes, 0, start) for opens, closes in _APART
    ):
        return True
    line = text.rfind("\n", 0, start) + 1
    return text.startswith(("    ", "\t"), line) or any(
        part.startswith(("    ", "\t")) for part in text[start : span.end].split("\n")[1:]
    )


class Words:
    """The words of a canvas's pages, as they are written there, for one look at one suggestion."""

    def __init__(self, canvas: Canvas) -> None:
        pages = canvas.document.pages.values()
        self.texts = [canvas.page_text(page["id"]) for page in pages if not page.get("removed")]
        self.looked_up = 0


class Elsewhere:
    """Those but for one passage. After many have been looked up it knows no more: then a person is asked."""

    def __init__(self, words: Words, text: str, but: Span) -> None:
        self._words, self._text, self._but = words, text, but
        self._seen: dict[str, bool] = {}

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str) or not word:
            return False
        if word not in self._seen:
            self._words.looked_up += 1
            self._seen[word] = self._words.looked_up <= MOST_WORDS and self._stands(word)
        return self._seen[word]

    def _stands(self, word: str) -> bool:
        text, but = self._text, self._but
        if _whole(text[: but.start], word) or _whole(text[but.end :], word):
            return True
        return any(_whole(other, word) for other in self._words.texts if other is not text)


def _whole(text: str, word: str) -> bool:
    """Whether a word stands in a text with nothing of a word beside it."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
            return True
        at = text.find(word, end)
    return False
