"""Characters of pages by their ids: those that stand somewhere, and those that have just gone."""

from __future__ import annotations

from dataclasses import dataclass

from studiolo.canvas.identity.composing import page_of
from studiolo.canvas.identity.decode import Id, Range
from studiolo.canvas.identity.items import Item, PageText
from studiolo.canvas.identity.store import Store
from studiolo.canvas.identity.units import points_before, units_before, utf16_length


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring characters with consecutive ids; `clock` is that of the first unit.

    `before` is the id of the character that they were put in front of, when they were written.
    """

    client: int
    clock: int
    text: str
    before: Id | None = None

    @property
    def units(self) -> int:
        return utf16_length(self.text)

    def part(self, start: int, end: int) -> Piece:
        """The code points from `start` to `end` of it."""
        if start <= 0 and end >= len(self.text):
            return self
        clock = self.clock + units_before(self.text, start)
        return Piece(self.client, clock, self.text[start:end], self.before)

    def cut(self, clock: int, units: int) -> Piece:
        """So many units of it, from the one with that clock on."""
        first = clock - self.clock
        return self.part(points_before(self.text, first), points_before(self.text, first + units))


def pieces(store: Store, page: str, start: int, end: int) -> list[Piece]:
    """The characters of a page between two offsets in code points, in order. Raises KeyError for no page."""
    found: list[Piece] = []
    _, text = page_of(store, page)
    spot = text.at(start) if end > start else None
    item, into = spot if spot is not None else (None, 0)
    left = end - start
    while item is not None and left > 0:
        if item.text:
            piece = Piece(item.client, item.clock, item.text, item.right_origin).part(into, into + left)
            found.append(piece)
            left -= len(piece.text)
            into = 0
        item = item.right
    return found


def gone(store: Store, range: Range) -> bool:
    """Whether all of these ids are of what was deleted."""
    client, clock, units = range
    strand = store.strands.get(client)
    return (
        strand is not None
        and clock + units <= strand.end
        and all(item.deleted for item in strand.walk(clock, clock + units))
    )


def passages(store: Store, taken: list[tuple[int, int, str]]) -> list[list[Piece]]:
    """What has just been deleted (client, clock, text) in the order of the text: what stood together is together."""
    if len(taken) == 1:
        return [[Piece(*taken[0])]]
    places: dict[Item, tuple[str, int, int, int]] = {}
    sorted_out: list[tuple[tuple[str, int, int, int], int, Piece]] = []
    for client, clock, words in taken:
        item = store.find((client, clock))
        text = item.parent.text if item is not None and item.parent is not None else None
        if item is None or text is None:
            continue
        if item not in places:
            _locate(text, item, places)
        sorted_out.append((places[item], clock, Piece(client, clock, words)))
    sorted_out.sort(key=lambda one: one[:2])
    found: list[list[Piece]] = []
    spot: tuple[str, int] | None = None
    for place, _, piece in sorted_out:
        if place[:2] != spot:
            spot = place[:2]
            found.append([])
        found[-1].append(piece)
    return found


def _locate(text: PageText, item: Item, places: dict[Item, tuple[str, int, int, int]]) -> None:
    """Where the items of a block are: page, the offset in code points, and which of the items there."""
    offset, number, items = text.around(item)
    for index, other in enumerate(items):
        places[other] = (text.page, offset, number, index)
        offset += len(other.text)
