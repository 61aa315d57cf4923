"""The archive of one canvas: what every page said after every row of its log.

The order of everything that was ever written in a page never changes: it is the order of the items in the document,
those included that have been deleted. So the archive keeps, in that order, each piece of text with the row that
brought it and the row that took it away, and the text after row `n` is what was there by then and not yet gone.

Text that a restoration brought back has new ids. It is a *copy* of what stood there: the archive knows of what, so
that the same sentence is never brought back twice.

An archive is fed with the rows of the log in order, and belongs to one thread at a time.
"""

from __future__ import annotations

import json
import time
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pycrdt import Doc, Map

from studiolo.canvas.identity import decode
from studiolo.canvas.identity.decode import DELETED, GC, STRING, Range, Struct
from studiolo.canvas.identity.store import PAGES_ROOT, Store
from studiolo.canvas.identity.units import split_units
from studiolo.history.intervals import Intervals
from studiolo.store import HistoryRow

NEVER: Final = 2**62
"""The row at which text goes that is still there."""

ORIGINS_ROOT: Final = "origins"
_BREATH: Final = 50  # rows between two moments at which other threads may go on


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What is known of a page besides its text."""

    id: str
    title: str
    kind: str
    order: float
    removed: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that came and went in one go. `units` counts UTF-16 code units, as ids do."""

    client: int
    clock: int
    units: int
    text: str
    born: int
    died: int

    @property
    def alive(self) -> bool:
        return self.died == NEVER

    def there(self, seq: int) -> bool:
        """Whether it could be read after row `seq`."""
        return self.born <= seq < self.died


class Weave:
    """All that was ever written in one page, in the order of the document."""

    __slots__ = ("born", "clients", "clocks", "died", "texts", "units")

    def __init__(self) -> None:
        self.clients = array("Q")
        self.clocks = array("Q")
        self.units = array("Q")
        self.texts: list[str] = []
        self.born = array("Q")
        self.died = array("Q")

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Piece]:
        for fields in zip(self.clients, self.clocks, self.units, self.texts, self.born, self.died, strict=True):
            yield Piece(*fields)

    def text(self, seq: int) -> str:
        """The page after row `seq`."""
        return "".join(
            [text for text, born, died in zip(self.texts, self.born, self.died, strict=True) if born <= seq < died]
        )

    def add(self, client: int, clock: int, units: int, text: str, born: int, died: int) -> None:
        self.clients.append(client)
        self.clocks.append(clock)
        self.units.append(units)
        self.texts.append(text)
        self.born.append(born)
        self.died.append(died)


class _Hand:
    """What one client wrote: texts by their clocks, what of it is gone since when, and what is a copy of what."""

    __slots__ = ("copies", "died", "end", "rows", "sources", "starts", "texts")

    def __init__(self) -> None:
        self.end = 0
        self.starts = array("Q")
        self.rows = array("Q")
        self.texts: list[str] = []
        self.died: Intervals[int] = Intervals()
        self.sources: Intervals[tuple[int, int]] = Intervals()
        """Of copies: the client of what they are a copy of, and how much higher its clocks are."""
        self.copies: Intervals[tuple[int, int]] = Intervals()
        """Of what was copied: its newest copy."""

    def write(self, clock: int, end: int, text: str, row: int) -> None:
        self.starts.append(clock)
        self.rows.append(row)
        self.texts.append(text)
        self.end = end

    def parts(self, clock: int, end: int) -> Iterator[tuple[int, int, str, int]]:
        """What it wrote from `clock` to `end`: clock, end, text and row of each part."""
        place = bisect_right(self.starts, clock) - 1
        while clock < end:
            start = self.starts[place]
            stop = self.starts[place + 1] if place + 1 < len(self.starts) else self.end
            text = self.texts[place]
            if text:
                if stop > end:
                    text = split_units(text, end - start)[0]
                if clock > start:
                    text = split_units(text, clock - start)[1]
            stop = min(stop, end)
            yield clock, stop, text, self.rows[place]
            clock = stop
            place += 1


class Archive:
    """One canvas's log, taken in up to row `seq`."""

    def __init__(self) -> None:
        self.seq = 0
        self.times = array("d")  # when each row was written; the first is row 1
        self.people: list[str] = []  # everybody who wrote a row
        self.wrote = array("L")  # who wrote each row: a place in `people`
        self.typed = bytearray()  # whether each row changed the text of a page
        self._numbers: dict[str, int] = {}
        self._store = Store()
        self._hands: dict[int, _Hand] = {}
        self._weaves: dict[str, Weave] = {}
        self._outlines: list[tuple[int, dict[str, PageInfo]]] = [(0, {})]
        self._doc: Doc[Any] = Doc()
        self._pages: Map[Any] = self._doc.get(PAGES_ROOT, type=Map)
        self._origins: Map[Any] = self._doc.get(ORIGINS_ROOT, type=Map)

    # -- taking in

    def feed(self, rows: Sequence[HistoryRow]) -> None:
        """Take in the rows that come next."""
        for number, row in enumerate(rows):
            if number % _BREATH == _BREATH - 1:
                time.sleep(0)  # the event loop waits for the interpreter, not for this thread
            if row.seq != self.seq + 1:
                raise ValueError(f"row {row.seq} does not follow row {self.seq}")
            self._take(row)

    def _take(self, row: HistoryRow) -> None:
        self.seq = row.seq
        self.times.append(row.at)
        if row.participant not in self._numbers:
            self._numbers[row.participant] = len(self.people)
            self.people.append(row.participant)
        self.wrote.append(self._numbers[row.participant])
        self.typed.append(0)
        if not row.data:
            return
        update = decode(row.data)
        self._store.apply(update)
        self._doc.apply_update(row.data)
        entries: set[tuple[str, str]] = set()
        for struct in update.structs:
            if self._write(struct, row.seq):
                self._touch(struct.client, struct.clock, struct.length, entries)
        for client, clock, length in update.deletes:
            if client in self._hands:
                self._hands[client].died.fill(clock, clock + length, row.seq)
                self._touch(client, clock, length, entries)
        if any(root == PAGES_ROOT for root, _ in entries):
            self._outlines.append((row.seq, self._read_pages()))
        for root, key in entries:
            if root == ORIGINS_ROOT:
                self._copied(key)

    def _write(self, struct: Struct, row: int) -> bool:
        hand = self._hands.setdefault(struct.client, _Hand())
        end = struct.clock + struct.length
        if end <= hand.end:
            return False
        text = struct.text if struct.kind == STRING else ""
        start = max(struct.clock, hand.end)
        if start > struct.clock and text:
            text = split_units(text, start - struct.clock)[1]
        hand.write(start, end, text, row)
        if struct.kind in (DELETED, GC):
            hand.died.fill(start, end, row)
        return True

    def _touch(self, client: int, clock: int, length: int, entries: set[tuple[str, str]]) -> None:
        """Note which texts a change is in, and which entries of roots."""
        strand = self._store.strands.get(client)
        if strand is None or clock >= strand.end:
            return
        for item in strand.walk(clock, min(clock + length, strand.end)):
            parent = item.parent
            if parent is None:
                continue
            if parent.text is not None and item.sub is None:
                self._weaves.pop(parent.text.page, None)
                self.typed[-1] = 1
            else:
                key = item.sub
                while parent.item is not None and parent.item.parent is not None:
                    key = parent.item.sub
                    parent = parent.item.parent
                entries.add((parent.name or "", key or ""))

    def _copied(self, key: str) -> None:
        """Remember what a piece that was brought back is a copy of: the document says so under its first id."""
        record: Mapping[str, Any] = json.loads(self._origins.get(key) or "{}")
        client, clock = map(int, key.split(":"))
        for of, first, units in record.get("of", ()):
            for root, start, length in self.root(of, first, units):
                self._hands[client].sources.assign(clock, clock + length, (root, start - clock))
                self._hands[root].copies.assign(start, start + length, (client, clock - start))
                clock += length

    def _read_pages(self) -> dict[str, PageInfo]:
        infos: dict[str, PageInfo] = {}
        for id, page in self._pages.items():
            title, kind, order = page.get("title") or "", page.get("kind") or "prose", page.get("order") or 0.0
            infos[id] = PageInfo(id, title, kind, order, bool(page.get("removed")))
        return dict(sorted(infos.items(), key=lambda known: (known[1].order, known[0])))

    # -- looking back

    def outline(self, seq: int) -> dict[str, PageInfo]:
        """The pages that there were after row `seq`, in their order, removed ones too."""
        return self._outlines[bisect_right(self._outlines, seq, key=lambda known: known[0]) - 1][1]

    def order(self, seq: int) -> list[PageInfo]:
        """The pages after row `seq` that were not removed, in their order."""
        live = [page for page in self.outline(seq).values() if not page.removed]
        return sorted(live, key=lambda page: (page.order, page.id))

    def text(self, page: str, seq: int) -> str:
        """What a page said after row `seq`; nothing where there was none."""
        return self.weave(page).text(seq)

    def weave(self, page: str) -> Weave:
        """All that was ever written in a page. Made when it is asked for, and again when the page has changed."""
        known = self._weaves.get(page)
        if known is None:
            known = self._weaves[page] = self._woven(page)
        return known

    def _woven(self, page: str) -> Weave:
        weave = Weave()
        branch = self._store.page_text(page)
        if branch is None or branch.text is None:
            return weave
        for item in branch.text:
            hand = self._hands.get(item.client)
            if hand is None:
                continue
            for clock, end, text, row in hand.parts(item.clock, item.clock + item.length):
                if not text:
                    continue
                for low, high, died in hand.died.over(clock, end):
                    part = text
                    if high < end:
                        part = split_units(part, high - clock)[0]
                    if low > clock:
                        part = split_units(part, low - clock)[1]
                    weave.add(item.client, low, high - low, part, row, NEVER if died is None else died)
        return weave

    def at(self, seq: int) -> float:
        """When row `seq` was written."""
        return self.times[seq - 1] if seq else 0.0

    def author(self, seq: int) -> str:
        """Who wrote row `seq`."""
        return self.people[self.wrote[seq - 1]] if seq else ""

    @property
    def weight(self) -> int:
        """About how much is kept in memory, in parts of a hundred bytes."""
        return len(self.times) + sum(2 * len(hand.texts) + len(hand.died) for hand in self._hands.values())

    # -- copies

    def root(self, client: int, clock: int, units: int) -> list[Range]:
        """What a stretch of ids was at first, when it has been brought back since."""
        hand = self._hands[client]
        if not len(hand.sources):  # nearly always
            return [(client, clock, units)]
        return [
            (known[0], low + known[1], high - low) if known else (client, low, high - low)
            for low, high, known in hand.sources.over(clock, clock + units)
        ]

    def newest(self, client: int, clock: int, units: int) -> list[Range]:
        """Under which ids text stands, or stood last, that was written under these."""
        found: list[Range] = []
        for root, first, length in self.root(client, clock, units):
            if not len(self._hands[root].copies):
                found.append((root, first, length))
                continue
            for low, high, known in self._hands[root].copies.over(first, first + length):
                found.append((known[0], low + known[1], high - low) if known else (root, low, high - low))
        return found

    def pieces(self, client: int, clock: int, units: int) -> Iterator[Piece]:
        """What is known of a stretch of ids."""
        hand = self._hands[client]
        for start, end, text, row in hand.parts(clock, clock + units):
            for low, high, died in hand.died.over(start, end):
                part = split_units(split_units(text, high - start)[0], low - start)[1] if text else ""
                yield Piece(client, low, high - low, part, row, NEVER if died is None else died)

    def uncopied(self, client: int, clock: int, units: int) -> Iterator[Range]:
        """The parts of a stretch of ids of which nothing has been brought back under other ids since."""
        for part in self.newest(client, clock, units):
            if part[:2] == (client, clock):
                yield part
            clock += part[2]
