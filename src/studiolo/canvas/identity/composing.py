"""Making an update: edits of one or several pages, each in the name of whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studiolo.canvas.identity.decode import STRING, Id, Range, Struct
from studiolo.canvas.identity.encode import encode
from studiolo.canvas.identity.items import Branch, Item, PageText
from studiolo.canvas.identity.store import Store
from studiolo.canvas.identity.units import points_before, split_units, units_before, utf16_length, well_formed

Taken = tuple[int, int, int, int]
"""Ids of text that an edit deletes: client, first clock, code units, code points."""


@dataclass(frozen=True, slots=True)
class Living:
    """Ids that are of text that can be seen now: on which page, from which code point, how many code points."""

    page: str
    start: int
    points: int
    range: Range
    text: str


@dataclass(frozen=True, slots=True)
class Return:
    """Text that comes back: the ids it had, and the client that writes it now."""

    range: Range
    text: str
    client: int


@dataclass(frozen=True, slots=True)
class Returned:
    """Text that has come back: which ids, in order, it had, and those that it has now."""

    of: list[Range]
    now: Range


@dataclass(frozen=True, slots=True)
class _Tomb:
    """A stretch of one deleted item whose text comes back."""

    item: Item
    first: int
    units: int
    text: str
    client: int

    def stands_beside(self, after: _Tomb) -> bool:
        """Whether nothing, not even another tombstone, is between this one and the one after it."""
        end = self.first + self.units
        if self.item is after.item:
            return end == after.first
        return end == self.item.length and after.first == 0 and self.item.right is after.item


class Composer:
    """An update that is being made. Offsets are those of the texts as they are before it.

    Methods that take a page raise KeyError when the document has no such page.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._structs: list[Struct] = []
        self._deletes: list[Range] = []
        self._clocks: dict[int, int] = {}
        self._spots: dict[str, tuple[int, Id]] = {}  # where the last insertion into each page went

    def replace(self, page: str, start: int, end: int, insert: str, client: int) -> tuple[list[Taken], Range | None]:
        """Replace the code points from `start` to `end` in the name of `client`: the ids that go and those that come.

        Insertions at one offset come out in the order in which they are given, whoever makes them. An insertion
        stands before what it replaces. Halves of surrogate pairs in an insertion are joined, lone ones become U+FFFD.

        Raises:
            ValueError: the offsets lie outside the text.
        """
        branch, text = page_of(self._store, page)
        check(0 <= start <= end <= text.length, start, page, text)
        taken = _taken(text, start, end)
        self._deletes += [(client, clock, units) for client, clock, units, _ in taken]
        insert = well_formed(insert)
        if not insert:
            return taken, None
        left, right = _neighbours(text, start)
        offset, last = self._spots.get(page, (-1, left))
        if offset == start:
            left = last
        parent = None
        if left is None and right is None:
            item = item_of(branch)
            parent = (item.client, item.clock)
        inserted = self._insert(client, insert, left, right, parent)
        self._spots[page] = (start, (client, inserted[1] + inserted[2] - 1))
        return taken, inserted

    def delete(self, page: str, range: Range) -> int:
        """Delete what of these ids can be seen on the page: how many code points that are."""
        points = 0
        for part in living(self._store, range):
            if part.page == page:
                self._deletes.append(part.range)
                points += part.points
        return points

    def bring_back(self, page: str, returns: Sequence[Return]) -> list[Returned]:
        """Put deleted text where it stood, between what stands around it now. What of it is not deleted, or stood
        elsewhere, is left out.

        Raises:
            ValueError: a text is not as long as its range.
        """
        branch, text = page_of(self._store, page)
        tombs = [tomb for back in returns for tomb in self._tombs(branch, back)]
        orders = {tomb.item: text.order_of(tomb.item) for tomb in tombs}
        tombs.sort(key=lambda tomb: (orders[tomb.item], tomb.first))
        returned: list[Returned] = []
        group: list[_Tomb] = []
        for tomb in tombs:
            # Only what stands right beside it: another tombstone between them may have to come back between them.
            if group and not (tomb.client == group[-1].client and group[-1].stands_beside(tomb)):
                returned.append(self._raise(group))
                group = []
            group.append(tomb)
        if group:
            returned.append(self._raise(group))
        return returned

    def update(self) -> bytes:
        """The v1 update, not applied here."""
        return encode(self._structs, self._deletes)

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self._structs or self._deletes)

    def _insert(self, client: int, text: str, left: Id | None, right: Id | None, parent: Id | None) -> Range:
        clock = self._clocks.get(client)
        if clock is None:
            clock = self._store.end_of(client)
        length = utf16_length(text)
        self._structs.append(Struct(client, clock, length, STRING, left, right, parent, None, text))
        self._clocks[client] = clock + length
        return (client, clock, length)

    def _tombs(self, branch: Branch, back: Return) -> list[_Tomb]:
        client, clock, units = back.range
        if utf16_length(back.text) != units:
            raise ValueError(f"{units} code units are to come back with a text of {utf16_length(back.text)}")
        strand = self._store.strands.get(client)
        if strand is None or clock >= strand.end:
            return []
        tombs: list[_Tomb] = []
        for item in strand.walk(clock, clock + units):
            low = max(item.clock, clock)
            high = min(item.clock + item.length, clock + units)
            if item.deleted and item.parent is branch and item.sub is None:
                part = split_units(split_units(back.text, high - clock)[0], low - clock)[1]
                tombs.append(_Tomb(item, low - item.clock, high - low, part, back.client))
        return tombs

    def _raise(self, group: Sequence[_Tomb]) -> Returned:
        """Write the text of neighbouring tombs behind the last of them."""
        tomb = group[-1]
        item = tomb.item
        past = tomb.first + tomb.units
        if past < item.length:
            right = (item.client, item.clock + past)
        else:
            right = None if item.right is None else (item.right.client, item.right.clock)
        left = (item.client, item.clock + past - 1)
        now = self._insert(tomb.client, "".join(part.text for part in group), left, right, None)
        return Returned([(part.item.client, part.item.clock + part.first, part.units) for part in group], now)


def living(store: Store, range: Range) -> list[Living]:
    """Which of these ids are of text that a page shows, in the order of their clocks."""
    client, clock, units = range
    strand = store.strands.get(client)
    if strand is None or clock >= strand.end:
        return []
    found: list[Living] = []
    for item in strand.walk(clock, clock + units):
        text = None if item.parent is None or item.sub is not None else item.parent.text
        if item.deleted or not item.text or text is None or store.page_text(text.page) is not item.parent:
            continue
        low, high = max(item.clock, clock) - item.clock, min(item.clock + item.length, clock + units) - item.clock
        before, end = points_before(item.text, low), points_before(item.text, high)
        start = text.offset_of(item) + before
        ids = (client, item.clock + low, high - low)
        found.append(Living(text.page, start, end - before, ids, item.text[before:end]))
    return found


def page_of(store: Store, page: str) -> tuple[Branch, PageText]:
    """The text of a page. Raises KeyError."""
    branch = store.page_text(page)
    if branch is None or branch.text is None:
        raise KeyError(page)
    return branch, branch.text


def item_of(branch: Branch) -> Item:
    """The item that a page's text is."""
    if branch.item is None:
        raise LookupError("the text of a page is never a root")
    return branch.item


def check(fits: bool, offset: int, page: str, text: PageText) -> None:
    """Raise ValueError for an offset that does not fit."""
    if not fits:
        raise ValueError(f"offset {offset} does not fit: page {page!r} has {text.length} code points")


def id_at(item: Item, points: int) -> Id:
    """The id of the first unit of a character in an item."""
    return (item.client, item.clock + units_before(item.text, points))


def last_id_at(item: Item, points: int) -> Id:
    """The id of the last unit of a character in an item."""
    return (item.client, item.clock + units_before(item.text, points + 1) - 1)


def _neighbours(text: PageText, offset: int) -> tuple[Id | None, Id | None]:
    """The ids left and right of an offset, counting what is deleted: where yjs would put an insertion."""
    found = text.at(offset)
    if found is None:
        return (None if text.last is None else text.last.last_id), None
    item, points = found
    if points:
        return last_id_at(item, points - 1), id_at(item, points)
    return (None if item.left is None else item.left.last_id), (item.client, item.clock)


def _taken(text: PageText, start: int, end: int) -> list[Taken]:
    """The ids of the characters from `start` to `end`."""
    ranges: list[Taken] = []
    found = text.at(start)
    item, points = found if found is not None else (None, 0)
    left = end - start
    while left > 0 and item is not None:
        taken = min(left, len(item.text) - points)
        if taken > 0:
            first = units_before(item.text, points)
            units = units_before(item.text, points + taken) - first
            ranges.append((item.client, item.clock + first, units, taken))
        left -= taken
        points = 0
        item = item.right
    return ranges
