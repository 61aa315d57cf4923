"""Every item of one document, kept as Yjs keeps them: integrated by the YATA rules, split, merged and deleted.

This is a port of what yjs 13 does in src/structs/Item.js, src/utils/encoding.js and src/utils/DeleteSet.js,
without the values: only texts of pages keep their words, and deleted words are dropped at once.
"""

from __future__ import annotations

from sys import maxsize
from typing import Final

from studiolo.canvas.identity.decode import (
    ANY,
    DELETED,
    GC,
    JSON,
    LONGEST_TEXT,
    MAP_TYPE,
    STRING,
    TEXT_TYPE,
    TYPE,
    Id,
    Range,
    Struct,
    Update,
)
from studiolo.canvas.identity.items import Branch, Item, PageText
from studiolo.canvas.identity.schedule import schedule
from studiolo.canvas.identity.strand import Strand
from studiolo.canvas.identity.units import split_units

PAGES_ROOT: Final = "pages"
TEXT_KEY: Final = "text"

_MERGEABLE: Final = frozenset({DELETED, JSON, STRING, ANY})


class Tangled(Exception):
    """An update would stand among so many others at one spot that putting it in order takes too long. Some of it may
    have been integrated: the store must be filled anew."""


class Store:
    """The items of a document, found by id or from the roots down."""

    def __init__(self) -> None:
        self.strands: dict[int, Strand] = {}
        self.roots: dict[str, Branch] = {}
        self.taken: list[tuple[int, int, str]] | None = None
        """What was deleted from texts of pages: client, clock, words. None as long as nobody wants to know."""
        self._waiting: list[Struct] = []
        self._undeleted: list[Range] = []
        self._steps = maxsize

    def end_of(self, client: int) -> int:
        """The next clock of `client`."""
        strand = self.strands.get(client)
        return 0 if strand is None else strand.end

    def find(self, id: Id) -> Item | None:
        """The item that holds `id`, or None when it is not known."""
        strand = self.strands.get(id[0])
        if strand is None or not 0 <= id[1] < strand.end:
            return None
        return strand.at(id[1])

    def page_text(self, page: str) -> Branch | None:
        """The text of a page as it stands now, or None when there is no such page."""
        pages = self.roots.get(PAGES_ROOT)
        record = None if pages is None else pages.entries.get(page)
        if record is None or record.branch is None:
            return None
        text = record.branch.entries.get(TEXT_KEY)
        if text is None or text.branch is None or text.branch.text is None:
            return None
        return text.branch

    def apply(self, update: Update, steps: int = maxsize) -> None:
        """Integrate an update; what depends on something missing waits for it, as in yjs.

        Raises:
            Tangled: `steps` looks at other items did not tell where among them the new ones belong.
        """
        self._steps = steps
        structs = [*self._waiting, *update.structs] if self._waiting else update.structs
        ready, self._waiting = schedule(structs, self.end_of)
        for struct, known in ready:
            self._integrate(struct, known)
        ranges = [*self._undeleted, *update.deletes] if self._undeleted else update.deletes
        self._undeleted = []
        for range in ranges:
            self._delete_range(range)

    def touched(self, update: Update) -> set[tuple[str, str | None]]:
        """The entries of roots below which an update, already applied, added or deleted something."""
        touched: set[tuple[str, str | None]] = set()
        ranges = [(struct.client, struct.clock, struct.length) for struct in update.structs]
        for client, clock, length in [*ranges, *update.deletes]:
            strand = self.strands.get(client)
            if strand is None or clock >= strand.end:
                continue
            for item in strand.walk(clock, clock + length):
                if (place := _top(item)) is not None:
                    touched.add(place)
        return touched

    # -- adding

    def _integrate(self, struct: Struct, known: int) -> None:
        """Add a struct of which the first `known` clocks are here already."""
        client = struct.client
        clock = struct.clock + known
        origin = (client, clock - 1) if known else struct.origin
        left = None if origin is None else self._ending_at(origin)
        right = None if struct.right is None else self._starting_at(struct.right)
        parent, sub = self._place_of(struct, left, right)
        kind = GC if parent is None else struct.kind
        item = Item(client, clock, struct.length - known, kind, origin, struct.right, parent, sub)
        if parent is None:
            item.deleted = True
            item.origin = item.right_origin = None
        else:
            if kind == DELETED:
                item.deleted = True
            elif kind == TYPE:
                item.branch = self._branch(item, parent, struct.type_ref)
            elif kind == STRING and parent.text is not None and sub is None:
                item.text = split_units(struct.text, known)[1] if known else struct.text
            self._link(item, parent, left, right)
            if sub is not None and item.right is None and item.left is not None:
                self._replace_entry(item.left)
            if parent.gone or (sub is not None and item.right is not None):
                item.deleted = True
                item.kind = DELETED
                item.text = ""
                item.branch = None
        self._append(item)

    def _place_of(self, struct: Struct, left: Item | None, right: Item | None) -> tuple[Branch | None, str | None]:
        """Where a struct hangs. No place at all means that the place is gone, and the struct with it."""
        if struct.kind == GC or (left is not None and left.kind == GC) or (right is not None and right.kind == GC):
            return None, None
        neighbour = left or right
        if neighbour is not None:
            return neighbour.parent, neighbour.sub
        if isinstance(struct.parent, str):
            root = self.roots.get(struct.parent)
            if root is None:
                root = self.roots[struct.parent] = Branch(name=struct.parent)
            return root, struct.sub
        holder = None if struct.parent is None else self.find(struct.parent)
        return (None if holder is None else holder.branch), struct.sub

    def _branch(self, item: Item, parent: Branch, type_ref: int) -> Branch:
        branch = Branch(item=item, type_ref=type_ref)
        record = parent.item
        if (
            type_ref == TEXT_TYPE
            and item.sub == TEXT_KEY
            and parent.type_ref == MAP_TYPE
            and record is not None
            and record.sub is not None
            and record.parent is self.roots.get(PAGES_ROOT)
        ):
            branch.text = PageText(record.sub)
        return branch

    def _link(self, item: Item, parent: Branch, left: Item | None, right: Item | None) -> None:
        """Give `item` its neighbours: the YATA rules decide among those who were put at the same spot."""
        sub = item.sub
        if (left is None and (right is None or right.left is not None)) or (
            left is not None and left.right is not right
        ):
            left = self._left_of(item, left, right, parent.first(sub) if left is None else left.right)
        if left is not None:
            following = left.right
            left.right = item
        else:
            following = parent.first(sub)
            if sub is None:
                parent.start = item
        item.left = left
        item.right = following
        if following is not None:
            following.left = item
        elif sub is not None:
            parent.entries[sub] = item

    def _left_of(self, item: Item, left: Item | None, right: Item | None, other: Item | None) -> Item | None:
        """The left neighbour of `item` when others stand between `left` and `right`, `other` being the first."""
        conflicting: set[Item] = set()
        before: set[Item] = set()
        while other is not None and other is not right:
            self._steps -= 1
            if self._steps < 0:
                raise Tangled
            before.add(other)
            conflicting.add(other)
            if other.origin == item.origin:
                if other.client < item.client:
                    left = other
                    conflicting.clear()
                elif other.right_origin == item.right_origin:
                    break
            elif other.origin is not None and (origin := self.find(other.origin)) in before:
                if origin not in conflicting:
                    left = other
                    conflicting.clear()
            else:
                break
            other = other.right
        return left

    def _append(self, item: Item) -> None:
        """File a linked item under its id, as part of its neighbour when somebody types on."""
        strand = self.strands.get(item.client)
        if strand is None:
            strand = self.strands[item.client] = Strand()
        last = strand.last
        if last is not None and _can_merge(last, item):
            _absorb(last, item)
            strand.end += item.length
            return
        strand.append(item)
        if item.parent is not None and item.parent.text is not None and item.sub is None:
            item.parent.text.insert(item)

    # -- finding and cutting

    def _ending_at(self, id: Id) -> Item:
        """The item whose last id is `id`; one is cut when need be."""
        strand = self.strands[id[0]]
        item = strand.at(id[1])
        if item.kind != GC and id[1] != item.clock + item.length - 1:
            self._split(strand, item, id[1] - item.clock + 1)
        return item

    def _starting_at(self, id: Id) -> Item:
        """The item whose first id is `id`; one is cut when need be."""
        strand = self.strands[id[0]]
        item = strand.at(id[1])
        return item if item.kind == GC or item.clock == id[1] else self._split(strand, item, id[1] - item.clock)

    def _split(self, strand: Strand, item: Item, at: int) -> Item:
        """Cut an item behind its first `at` clocks; the part behind the cut."""
        clock = item.clock + at
        origin = (item.client, clock - 1)
        rest = Item(item.client, clock, item.length - at, item.kind, origin, item.right_origin, item.parent, item.sub)
        rest.deleted = item.deleted
        item.length = at
        strand.insert(rest)
        parent = item.parent
        if parent is None:
            return rest
        rest.left = item
        rest.right = item.right
        item.right = rest
        if rest.right is not None:
            rest.right.left = rest
        elif rest.sub is not None:
            parent.entries[rest.sub] = rest
        if parent.text is not None and rest.sub is None:
            before, rest.text = split_units(item.text, at)
            parent.text.cut(item, before, rest)
        return rest

    # -- deleting

    def _delete_range(self, range: Range) -> None:
        client, clock, length = range
        strand = self.strands.get(client)
        known = 0 if strand is None else strand.end
        end = min(clock + length, known)
        if clock + length > known:
            start = max(clock, known)
            self._undeleted.append((client, start, clock + length - start))
        if strand is None or clock >= end:
            return
        doomed: list[Item] = []
        for item in strand.walk(clock, end):
            if not item.deleted:
                doomed.append(item)
        if not doomed:
            return
        if doomed[0].clock < clock:
            doomed[0] = self._split(strand, doomed[0], clock - doomed[0].clock)
        if doomed[-1].clock + doomed[-1].length > end:
            self._split(strand, doomed[-1], end - doomed[-1].clock)
        for item in doomed:
            if self.taken is not None and item.text:
                self.taken.append((client, item.clock, item.text))
            _delete(item)
        strand.merge(clock, end, _can_merge, _absorb)

    def _replace_entry(self, item: Item) -> None:
        """A key of a map has a new value, `item` was the one before it."""
        if not item.deleted:
            _delete(item)
            self.strands[item.client].merge(item.clock, item.clock + 1, _can_merge, _absorb)


def _top(item: Item) -> tuple[str, str | None] | None:
    """The entry of a root that an item belongs to, or None for what has lost its place."""
    while (branch := item.parent) is not None:
        if branch.item is None:
            return (branch.name or "", item.sub)
        item = branch.item
    return None


def _delete(item: Item) -> None:
    """Delete an item and all that hangs on it, however deep."""
    doomed = [item]
    while doomed:
        item = doomed.pop()
        if item.deleted:
            continue
        item.deleted = True
        item.kind = DELETED
        if item.parent is not None and item.parent.text is not None:
            item.parent.text.hide(item)
        branch = item.branch
        if branch is not None:
            item.branch = None
            doomed.extend(branch.entries.values())
            child = branch.start
            while child is not None:
                doomed.append(child)
                child = child.right


def _can_merge(left: Item, right: Item) -> bool:
    """Whether `right`, the next item of the same client, says nothing that `left` made longer would not say."""
    if left.clock + left.length != right.clock or left.kind != right.kind:
        return False
    if left.kind == GC:
        return True
    return (
        left.right is right
        and left.deleted == right.deleted
        and (left.kind != STRING or left.length + right.length <= LONGEST_TEXT)
        and left.kind in _MERGEABLE
        and right.origin == left.last_id
        and left.right_origin == right.right_origin
    )


def _absorb(left: Item, right: Item) -> None:
    left.length += right.length
    parent = left.parent
    if parent is None:
        return
    left.right = right.right
    if right.right is not None:
        right.right.left = left
    elif right.sub is not None:
        parent.entries[right.sub] = left
    if parent.text is not None and right.sub is None:
        if right.block is None:
            parent.text.grow(left, right.text)
        else:
            parent.text.join(left, right)
