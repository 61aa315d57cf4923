"""The text that was taken out of pages lately, so that what is put back elsewhere is known again.

A deleted character is gone from the document for ever: only its id stays. Cutting and pasting makes new characters of
the old words, and so does undo in an editor. This memory is how the canvas knows those words: it is bounded, it is
lost when the canvas is put away, and all that happens then is that moved text counts as pasted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from operator import attrgetter

from studiolo.canvas.identity import Piece
from studiolo.canvas.identity.units import points_before, units_before, utf16_length

LONG_ENOUGH = 12  # code points by which a passage is known again anywhere
MOST_PASSAGES = 64
MOST_SCRAPS = 1_000  # shorter removals: a word at a time goes, and undo brings them all back
MOST_POINTS = 2_000_000  # code points in all passages; the newest one is kept in any case

_clock_of = attrgetter("clock")


class Removed:
    """What was removed, the newest first. Passages are pieces in the order of the text."""

    def __init__(self) -> None:
        self._passages: deque[list[Piece]] = deque()
        self._scraps: deque[list[Piece]] = deque(maxlen=MOST_SCRAPS)
        self._points = 0
        self._by_client: dict[int, list[Piece]] = {}  # made when it is asked for

    def keep(self, passages: Iterable[list[Piece]]) -> None:
        """Remember passages that have just been removed."""
        self._by_client = {}
        for passage in passages:
            points = _points(passage)
            if points < LONG_ENOUGH:
                self._scraps.appendleft(_joined(passage))
                continue
            self._passages.appendleft(_joined(passage))
            self._points += points
            while len(self._passages) > MOST_PASSAGES or (self._points > MOST_POINTS and len(self._passages) > 1):
                self._points -= _points(self._passages.pop())

    def passages(self) -> Iterator[list[Piece]]:
        """Those that are long enough to be known anywhere, the newest first."""
        yield from self._passages

    def scraps(self) -> Iterator[list[Piece]]:
        """The shorter ones, the newest first."""
        yield from self._scraps

    def text_of(self, client: int, clock: int, units: int) -> str:
        """What stood under these ids, from the first one on as far as it is remembered."""
        if not self._by_client:
            found: defaultdict[int, dict[int, Piece]] = defaultdict(dict)
            for passage in (*self._scraps, *self._passages):
                for piece in passage:
                    found[piece.client].setdefault(piece.clock, piece)
            self._by_client = {client: sorted(those.values(), key=_clock_of) for client, those in found.items()}
        pieces = self._by_client.get(client, [])
        parts: list[str] = []
        at = bisect_right(pieces, clock, key=_clock_of) - 1
        while units > 0:
            if not 0 <= at < len(pieces):
                break
            piece = pieces[at]
            start = points_before(piece.text, clock - piece.clock)
            part = piece.text[start : points_before(piece.text, clock - piece.clock + units)]
            length = utf16_length(part)
            if not part or piece.clock + units_before(piece.text, start) != clock:
                break
            parts.append(part)
            clock += length
            units -= length
            at += 1
        return "".join(parts)


def _points(passage: list[Piece]) -> int:
    return sum(len(piece.text) for piece in passage)


def _joined(passage: list[Piece]) -> list[Piece]:
    """The same passage in as few pieces as can be: one for each stretch of neighbouring ids."""
    stretches: list[list[Piece]] = []
    end = (-1, -1)
    for piece in passage:
        if (piece.client, piece.clock) == end:
            stretches[-1].append(piece)
        else:
            stretches.append([piece])
        end = (piece.client, piece.clock + utf16_length(piece.text))
    return [
        one[0] if len(one) == 1 else Piece(one[0].client, one[0].clock, "".join(piece.text for piece in one))
        for one in stretches
    ]
