"""What became of passages of a page since a moment: who changed them, and how they read before and read now.

What some of the changes brought or deleted can be left out of account: whoever asks may know of it already.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from studiolo.canvas.identity.decode import Range
from studiolo.history.archive import Piece
from studiolo.history.histories import Past
from studiolo.history.intervals import Ids


@dataclass(frozen=True, slots=True)
class Changed:
    """A passage that others have changed. `by`: participants, "" for one nobody knows; `at`: when the last of it was
    done, in seconds since 1970."""

    was: str
    now: str
    by: list[str]
    at: float


def row_at(past: Past, at: float) -> int:
    """The last row that was written by then."""
    return bisect_right(past.archive.times, at)


class Meanwhile:
    """One page between a row and now. A page that came later is looked at from its first row on."""

    def __init__(
        self, past: Past, page: str, since: int, came: Iterable[Range] = (), went: Iterable[Range] = ()
    ) -> None:
        self._past = past
        self._ours_came, self._ours_went = Ids(came), Ids(went)
        self._now = past.archive.seq
        weave = list(past.archive.weave(page))
        if page not in past.archive.outline(since):
            since = min((piece.born for piece in weave), default=self._now)
        self._since = since
        self._pieces = [piece for piece in weave if piece.there(since) or piece.there(self._now)]
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._old_ends: list[int] = []
        at = old = 0
        for piece in self._pieces:
            self._starts.append(at)
            at += len(piece.text) if piece.there(self._now) else 0
            old += len(piece.text) if piece.there(since) else 0
            self._ends.append(at)
            self._old_ends.append(old)
        self.text = "".join(piece.text for piece in self._pieces if piece.there(self._now))
        self.old_text = "".join(piece.text for piece in self._pieces if piece.there(since))

    def of(self, start: int, end: int) -> Changed | None:
        """What became of the passage that stands here in today's text; None when nobody else has changed it."""
        first = bisect_left(self._ends, start)
        was: list[str] = []
        hands: list[tuple[int, str]] = []
        for place in range(first, bisect_right(self._starts, end)):
            piece = self._pieces[place]
            low, high = 0, len(piece.text)
            if piece.there(self._now):
                low, high = max(0, start - self._starts[place]), min(high, end - self._starts[place])
            if low < high:
                was += [piece.text[low:high]] if piece.there(self._since) else []
                hands += self._hand(piece)
        return self._changed("".join(was), self.text[start:end], hands)

    def of_old(self, quote: str) -> Changed | None:
        """What became of words that could be read then; None when they could not, or nobody has changed them."""
        start = self.old_text.find(quote) if quote else -1
        if start < 0:
            return None
        first = bisect_right(self._old_ends, start)
        last = bisect_left(self._old_ends, start + len(quote))
        low, high = self._starts[first], self._ends[last]
        if self._pieces[first].there(self._now):
            low += start - (self._old_ends[first] - len(self._pieces[first].text))
        if self._pieces[last].there(self._now):
            high -= self._old_ends[last] - (start + len(quote))
        # What was written beside words that went stands in their place.
        goes, ends = not self._pieces[first].there(self._now), not self._pieces[last].there(self._now)
        while goes and self._new(first - 1):
            first -= 1
            low = self._starts[first]
        while ends and self._new(last + 1):
            last += 1
            high = self._ends[last]
        hands = [hand for piece in self._pieces[first : last + 1] for hand in self._hand(piece)]
        return self._changed(quote, self.text[low : max(low, high)], hands)

    def _new(self, place: int) -> bool:
        return 0 <= place < len(self._pieces) and not self._pieces[place].there(self._since)

    def _hand(self, piece: Piece) -> list[tuple[int, str]]:
        """The row with which a piece came or went since, and whose hand that was, unless it is left out of account."""
        came, ids = piece.there(self._now), (piece.client, piece.clock, piece.units)
        if came and piece.there(self._since):
            return []
        if all(known for _, known in (self._ours_came if came else self._ours_went).split(ids)):
            return []
        if came:
            return [(piece.born, self._past.owner(piece.client))]
        return [(piece.died, self._past.archive.author(piece.died))]

    def _changed(self, was: str, now: str, hands: list[tuple[int, str]]) -> Changed | None:
        if not hands or was == now:
            return None
        return Changed(was, now, list(dict.fromkeys(by for _, by in hands)), self._past.archive.at(max(hands)[0]))
