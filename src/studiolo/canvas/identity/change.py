"""What an update would do to a document, found out without doing it.

The room asks this before it lets an update in: typing into a page's text is for editors, everything else goes
through actions. A change is told from where its structs hang, which the wire says only for some of them; the
others stand beside a neighbour and share its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from studiolo.canvas.identity.decode import (
    DELETED,
    EMBED,
    FORMAT,
    GC,
    STRING,
    TYPE,
    Id,
    Range,
    Struct,
    Update,
)
from studiolo.canvas.identity.items import Branch, Item
from studiolo.canvas.identity.schedule import schedule
from studiolo.canvas.identity.store import Store
from studiolo.canvas.identity.units import cuts_pair


@dataclass(slots=True)
class Change:
    """What an update would do that is new to the document."""

    clients: frozenset[int]
    """Who made the new structs."""
    pages: frozenset[str]
    """Pages whose text gets or loses something."""
    foreign: str | None
    """A sentence naming the first thing that is not plain typing or deleting in the text of a page."""
    gap: bool
    """It depends on items that are not known: the sender has seen something that has not arrived here."""
    empty: bool
    """Nothing in it is new. (Yjs repeats all deletions in a sync; those that are known do not count.)"""
    added: dict[str, int] = field(default_factory=dict[str, int], compare=False)
    """Page -> the code points that its text gets at most: a bound, by which no two changes differ."""
    cutting: int = field(default=0, compare=False)
    """The lengths, in code units, of the runs that it cuts, each counted as often as it is cut: pycrdt goes through
    the whole run every time. Of an update of few parts it is not counted."""


Place = tuple[Branch | None, str | None]
"""What a struct hangs on, and under which key. No branch means that the place is gone and nothing will be seen."""

_FEW: Final = 100

_NOWHERE: Place = (None, None)


def survey(store: Store, update: Update) -> Change:
    """What `update` would do to the document in `store`."""
    return _Survey(store).run(update)


class _Survey:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: set[int] = set()
        self._pages: set[str] = set()
        self._added: dict[str, int] = {}
        self._many = False
        self._cutting = 0
        self._runs: dict[Item, int] = {}
        self._foreign: str | None = None
        self._gap = False
        self._new: defaultdict[int, list[tuple[Struct, Place]]] = defaultdict(list)
        """By client: what the update adds, in the order of clocks, and where it will hang."""

    def run(self, update: Update) -> Change:
        self._many = len(update.structs) + len(update.deletes) > _FEW
        ready, waiting = schedule(update.structs, self._store.end_of)
        for struct, known in ready:
            self._clients.add(struct.client)
            self._add(struct, known)
        for struct in waiting:
            self._clients.add(struct.client)
            self._gap = True
        empty = not (ready or waiting)
        for range in update.deletes:
            if self._delete(range):
                empty = False
        pages = frozenset(self._pages)
        return Change(frozenset(self._clients), pages, self._foreign, self._gap, empty, self._added, self._cutting)

    def _add(self, struct: Struct, known: int) -> None:
        left = None if struct.origin is None else self._store.find(struct.origin)
        right = None if struct.right is None else self._store.find(struct.right)
        place = self._place_of(struct, left, right)
        self._new[struct.client].append((struct, place))
        branch, sub = place
        if branch is None:
            return
        text = branch.text
        if text is None or sub is not None:
            self._refuse(f"it {_writing(branch, sub)}")
            return
        if struct.kind != STRING and struct.kind != DELETED:
            self._refuse(f"it puts {_naming(struct.kind)} into the text of page {text.page!r}")
        elif (forged := self._misplaced(struct, known, branch, left, right)) is not None:
            self._refuse(forged)
        if not branch.gone:
            self._pages.add(text.page)
            self._added[text.page] = self._added.get(text.page, 0) + len(struct.text)

    def _misplaced(
        self, struct: Struct, known: int, branch: Branch, left: Item | None, right: Item | None
    ) -> str | None:
        """What is wrong with the spot in a text that `struct` names, if it is one that no editor would name.

        Yjs and yrs read such a struct in different ways, and peers would differ from then on.
        """
        if known:
            before = self._store.find((struct.client, struct.clock + known - 1))
            if before is not None and before.parent is not None and before.parent.text is not branch.text:
                return "it goes on in another place than it began"
            if cuts_pair(struct.text, known):
                return "it cuts a character in half"
        if struct.origin is not None and self._cuts_at(struct.origin, left, 1):
            return "it cuts a character in half"
        if struct.right is not None:
            if self._cuts_at(struct.right, right, 0):
                return "it cuts a character in half"
            if struct.origin is not None and not _in_order(struct.origin, struct.right, left, right):
                return "its right neighbour stands before its left one"
        return None

    def _delete(self, range: Range) -> bool:
        """Look at one deleted range; whether anything in it is new."""
        client, clock, length = range
        end = clock + length
        strand = self._store.strands.get(client)
        known = 0 if strand is None else strand.end
        new = self._new.get(client)
        coming = new[-1][0].clock + new[-1][0].length if new else known
        if end > coming:
            self._gap = True
        for id in ((client, clock), (client, end)):
            if self._cuts_at(id, self._store.find(id), 0):
                self._refuse("it cuts a character in half")
        fresh = end > known
        if strand is None or clock >= known:
            return fresh
        for item in strand.walk(clock, end):
            if not item.deleted:
                fresh = True
                self._delete_item(item)
        return fresh

    def _delete_item(self, item: Item) -> None:
        branch = item.parent
        if branch is None:
            return
        if branch.text is None or item.sub is not None:
            self._refuse(f"it {_deleting(branch, item.sub)}")
        else:
            self._pages.add(branch.text.page)

    def _refuse(self, sentence: str) -> None:
        if self._foreign is None:
            self._foreign = sentence

    def _place_of(self, struct: Struct, before: Item | None, after: Item | None) -> Place:
        if struct.kind == GC:
            return _NOWHERE
        if isinstance(struct.parent, str):
            return self._store.roots.get(struct.parent) or Branch(name=struct.parent), struct.sub
        if struct.parent is not None:
            return self._branch_at(struct.parent), struct.sub
        left = None if struct.origin is None else self._place_at(struct.origin, before)
        right = None if struct.right is None else self._place_at(struct.right, after)
        if left is None or right is None:
            return left or right or _NOWHERE
        if left == right:
            return left
        if not (_is_gone(left) and _is_gone(right)):
            # Yjs takes the place of the left one, or none when one has none, and yrs takes any: peers would differ.
            self._refuse("it stands between two neighbours that are not in the same place")
        return left

    def _place_at(self, id: Id, item: Item | None) -> Place:
        if item is not None:
            return item.parent, item.sub
        found = self._new_at(id)
        return _NOWHERE if found is None else found[1]

    def _branch_at(self, id: Id) -> Branch | None:
        """The shared type that the item `id` is; none when it is gone."""
        item = self._store.find(id)
        if item is not None:
            if item.branch is None and not item.deleted:
                self._refuse("it puts something into what is not a shared type")
            return item.branch
        found = self._new_at(id)
        if found is None or found[1][0] is None:
            return None
        if found[0].kind != TYPE:
            self._refuse("it puts something into what is not a shared type")
            return None
        return Branch()  # it comes with this very update, which is refused for it already

    def _new_at(self, id: Id) -> tuple[Struct, Place] | None:
        new = self._new.get(id[0])
        if not new:
            return None
        return new[bisect_right(new, id[1], key=lambda entry: entry[0].clock) - 1]

    def _cuts_at(self, id: Id, item: Item | None, behind: int) -> bool:
        """Whether the spot before the unit `id`, or the one `behind` it, is inside a character that can be seen."""
        if item is not None:
            if self._many and 0 < id[1] + behind - item.clock < item.length:
                self._cutting += self._run_of(item)
            # As long in code points as in units: no character of it has two.
            return item.length != len(item.text) and cuts_pair(item.text, id[1] + behind - item.clock)
        found = self._new_at(id)
        if found is None:
            return False
        struct = found[0]
        at = id[1] + behind - struct.clock
        if 0 < at < struct.length:
            self._cutting += id[1] - self._new[id[0]][0][0].clock  # all before it may be one run
        return cuts_pair(struct.text, at)

    def _run_of(self, item: Item) -> int:
        """How long the run is that an item belongs to: pycrdt keeps in one what stands here in items of
        `LONGEST_TEXT`."""
        known = self._runs.get(item)
        if known is not None:
            return known
        first = item
        while first.left is not None and _goes_on(first.left, first):
            first = first.left
        run = [first]
        while (after := run[-1].right) is not None and _goes_on(run[-1], after):
            run.append(after)
        length = run[-1].clock + run[-1].length - first.clock
        self._runs.update(dict.fromkeys(run, length))
        return length


def _goes_on(item: Item, after: Item) -> bool:
    return item.client == after.client and item.clock + item.length == after.clock and item.deleted == after.deleted


def _in_order(left: Id, right: Id, first: Item | None, then: Item | None) -> bool:
    """Whether `left` comes before `right`, as far as the items that hold them are known."""
    if first is None or then is None or first.right is then:
        return True
    if first is then:
        return left[1] < right[1]
    if first.block is None or then.block is None or first.parent is None or first.parent is not then.parent:
        return True  # not in one text, which is refused for itself
    return first.parent.text is None or first.parent.text.in_order(first, then)


def _is_gone(place: Place) -> bool:
    return place[0] is None or place[0].gone


def _naming(kind: int) -> str:
    names = {FORMAT: "formatting", EMBED: "an embedded object", TYPE: "a nested shared type"}
    return names.get(kind, "a value that is not text")


def _writing(branch: Branch, sub: str | None) -> str:
    if sub is None:
        return f"inserts into a list {_within(branch)}"
    return f"sets {sub!r} {_within(branch)}"


def _deleting(branch: Branch, sub: str | None) -> str:
    if sub is None:
        return f"deletes from a list {_within(branch)}"
    return f"deletes {sub!r} {_within(branch)}"


def _within(branch: Branch) -> str:
    """Names the root that a branch belongs to."""
    nested = False
    while branch.item is not None and branch.item.parent is not None:
        branch = branch.item.parent
        nested = True
    if branch.name is None:
        return "of something that it adds itself"
    return f"inside the root {branch.name!r}" if nested else f"in the root {branch.name!r}"
