"""What a branch has changed since it began, in units that somebody can judge.

Which passages changed is told by ids, so that text that moved on elsewhere is not compared with text that only looks
like it. Within a changed paragraph the change is told by words, as a person would read it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from studiolo.canvas.diff import CONTEXT, readable_edits
from studiolo.canvas.identity.decode import Id
from studiolo.canvas.identity.units import units_before
from studiolo.history.archive import Archive, Piece
from studiolo.history.compare import Hands


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a page. `first` and `last` are the ids of the first and last character that it replaces; of one
    that replaces nothing `last` is the character it stands behind and `first` the one it stands before. `behind` and
    `beyond` are the characters around it, None at an end of the page."""

    page: str
    find: str
    replace: str
    before: str
    after: str
    author: str
    paragraph: int
    first: Id | None
    last: Id | None
    behind: Id | None
    beyond: Id | None

    def spec(self, page: str) -> dict[str, Any]:
        """The change as a hunk of the action `suggest` on `page`: by its ids, unless that is another page."""
        spec: dict[str, Any] = {"find": self.find, "replace": self.replace, "before": self.before, "after": self.after}
        if page != self.page:
            return spec
        if self.find and self.first and self.last:
            return spec | {"start": position(self.first, 0), "end": position(self.last, -1)}
        if not self.find and self.last:
            return spec | {"start": position(self.last, -1)}
        if not self.find and self.first:
            return spec | {"start": position(self.first, 0)}
        return spec


def position(id: Id, assoc: int) -> dict[str, Any]:
    """A Yjs relative position at a character."""
    return {"item": {"client": id[0], "clock": id[1]}, "assoc": assoc}


def changes(archive: Archive, page: str, since: int, owner: Callable[[int], str]) -> list[Change]:
    """What has changed in a page since row `since`, in the order of the text."""
    text, today = archive.text(page, since), archive.text(page, archive.seq)
    if text == today:
        return []
    places = _Places([piece for piece in archive.weave(page) if piece.there(since)])
    came = Hands.came(archive, page, since, archive.seq, owner)
    went = Hands.went(archive, page, since, archive.seq)
    found: list[Change] = []
    for paragraph, (start, end, low, high) in enumerate(_paragraphs(archive, page, since, text)):
        grown = low - start
        for edit in readable_edits(text[start:end], today[low:high]):
            first, last = start + edit.start, start + edit.end
            now = first + grown
            grown += len(edit.insert) - (last - first)
            author = came(now, now + len(edit.insert)) or went(first, last)
            found.append(
                Change(
                    page,
                    text[first:last],
                    edit.insert,
                    text[max(0, first - CONTEXT) : first],
                    text[last : last + CONTEXT],
                    author,
                    paragraph,
                    places.begin(first),
                    places.end(last - 1),
                    places.end(first - 1),
                    places.begin(last),
                )
            )
    return found


def _paragraphs(archive: Archive, page: str, since: int, text: str) -> list[tuple[int, int, int, int]]:
    """The paragraphs that changed: from where to where in the text of then and in the text of now. Neighbours that
    share a change are one."""
    edits: list[tuple[int, int, int, int]] = []
    then = now = 0
    for piece in archive.weave(page):
        was, is_ = piece.there(since), piece.alive
        length = len(piece.text)
        if was != is_:
            start, end, low, high = then, then, now, now
            if edits and (edits[-1][1], edits[-1][3]) == (then, now):
                start, end, low, high = edits.pop()
            edits.append((start, end + length * was, low, high + length * is_))
        then += length * was
        now += length * is_
    found: list[tuple[int, int, int, int]] = []
    for start, end, low, high in edits:
        if found and start <= found[-1][1]:
            first, _, lowest, _ = found.pop()
        else:
            first = text.rfind("\n", 0, start) + 1
            lowest = low - (start - first)
        line = text.find("\n", end)
        stop = len(text) if line < 0 else line
        found.append((first, stop, lowest, high + stop - end))
    return found


class _Places:
    """The ids of the characters of a text."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._ends = list(accumulate(len(piece.text) for piece in pieces))

    def begin(self, offset: int) -> Id | None:
        """The id of the first unit of the character at an offset; None outside of the text."""
        return self._at(offset, 0)

    def end(self, offset: int) -> Id | None:
        """The id of its last unit."""
        found = self._at(offset, 1)
        return None if found is None else (found[0], found[1] - 1)

    def _at(self, offset: int, more: int) -> Id | None:
        if not self._ends or not 0 <= offset < self._ends[-1]:
            return None
        place = bisect_right(self._ends, offset)
        piece = self._pieces[place]
        into = offset - (self._ends[place] - len(piece.text))
        return piece.client, piece.clock + units_before(piece.text, into + more)
