"""What is different between two moments: by pages, and by words within a page."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from studiolo.canvas.diff import readable_edits, text_edits
from studiolo.history.archive import Archive, PageInfo
from studiolo.history.sessions import words

Owner = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Strip:
    """A stretch of a comparison: text that stayed (`same`), came (`ins`) or went (`del`), and by whose hand."""

    kind: str
    text: str
    by: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "text": self.text, **({"by": self.by} if self.by else {})}


def pages_between(archive: Archive, old: int, new: int) -> list[dict[str, Any]]:
    """Every page that is there at either moment, in the order of the later one, and what became of it."""
    before, after = archive.order(old), archive.order(new)
    was = {page.id: page for page in before}
    now = {page.id: page for page in after}
    moved = _moved([page.id for page in before if page.id in now], [page.id for page in after if page.id in was])
    listed: list[dict[str, Any]] = []
    for page in [*after, *(page for page in before if page.id not in now)]:
        first, then = was.get(page.id), now.get(page.id)
        marks = _marks(first, then, page.id in moved)
        added = removed = 0
        text, today = archive.text(page.id, old) if first else "", archive.text(page.id, new) if then else ""
        if text != today:
            edits = text_edits(text, today)
            added = sum(words(edit.insert) for edit in edits)
            removed = sum(words(text[edit.start : edit.end]) for edit in edits)
            if first and then:
                marks.append("changed")
        about = {"page": page.id, "title": page.title, "kind": page.kind, "marks": marks}
        if first and then and first.title != then.title:
            about["was"] = first.title
        listed.append({**about, "added": added, "removed": removed, "words": words(today)})
    return listed


def _marks(first: PageInfo | None, then: PageInfo | None, moved: bool) -> list[str]:
    if first is None:
        return ["added"]
    if then is None:
        return ["removed"]
    return [mark for mark, holds in (("renamed", first.title != then.title), ("moved", moved)) if holds]


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest pages that must have been moved to get from one order to the other."""
    place = {id: number for number, id in enumerate(before)}
    tails: list[int] = []
    last: list[str] = []
    come_from: dict[str, str | None] = {}
    for id in after:  # the longest run that kept its order stayed where it was
        at = bisect_left(tails, place[id])
        come_from[id] = last[at - 1] if at else None
        tails[at : at + 1] = [place[id]]
        last[at : at + 1] = [id]
    stayed: set[str] = set()
    id = last[-1] if last else None
    while id is not None:
        stayed.add(id)
        id = come_from[id]
    return set(after) - stayed


def strips(archive: Archive, page: str, old: int, new: int, owner: Owner) -> list[Strip]:
    """A page's text after row `new` with its changes since row `old`, by words."""
    text, today = archive.text(page, old), archive.text(page, new)
    return between(text, today, Hands.came(archive, page, old, new, owner), Hands.went(archive, page, old, new))


def between(
    text: str,
    today: str,
    came: Callable[[int, int], str] = lambda start, end: "",
    went: Callable[[int, int], str] = lambda start, end: "",
) -> list[Strip]:
    """Two texts as one with its changes. `came` and `went` say who wrote and who deleted a stretch of either."""
    found: list[Strip] = []
    at = grown = 0
    for edit in readable_edits(text, today):
        if edit.start > at:
            found.append(Strip("same", text[at : edit.start]))
        if edit.end > edit.start:
            found.append(Strip("del", text[edit.start : edit.end], went(edit.start, edit.end)))
        if edit.insert:
            start = edit.start + grown
            found.append(Strip("ins", edit.insert, came(start, start + len(edit.insert))))
        at = edit.end
        grown += len(edit.insert) - (edit.end - edit.start)
    if at < len(text):
        found.append(Strip("same", text[at:]))
    return found


class Hands:
    """By whose hand the characters of a text came or went; called with a stretch it says whose most of them are."""

    def __init__(self, lengths: list[int], hands: list[str]) -> None:
        self._ends = list(accumulate(lengths))
        self._hands = hands

    @classmethod
    def came(cls, archive: Archive, page: str, old: int, new: int, owner: Owner) -> Hands:
        """Who wrote what is there after row `new` and came after row `old`."""
        pieces = [piece for piece in archive.weave(page) if piece.there(new)]
        hands = [owner(piece.client) if piece.born > old else "" for piece in pieces]
        return cls([len(piece.text) for piece in pieces], hands)

    @classmethod
    def went(cls, archive: Archive, page: str, old: int, new: int) -> Hands:
        """Who deleted what was there after row `old` and is gone after row `new`."""
        pieces = [piece for piece in archive.weave(page) if piece.there(old)]
        hands = [archive.author(piece.died) if piece.died <= new else "" for piece in pieces]
        return cls([len(piece.text) for piece in pieces], hands)

    def __call__(self, start: int, end: int) -> str:
        counted: Counter[str] = Counter()
        place = bisect_left(self._ends, start + 1)
        while start < end and place < len(self._ends):
            stop = min(end, self._ends[place])
            counted[self._hands[place]] += stop - start
            start = stop
            place += 1
        counted.pop("", None)
        return counted.most_common(1)[0][0] if counted else ""
