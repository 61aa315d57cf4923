"""What a document is made of once it is integrated: items, the shared types they hang on, and page texts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, count
from typing import Final

from studiolo.canvas.identity.decode import Id

_BLOCK_SIZE: Final = 256
_BLOCK_POINTS: Final = 16_384  # code points in a block; a page that was put in in one go is few items
_changes = count(1)


class Item:
    """A run of content with consecutive ids. `length` counts clocks (UTF-16 code units in texts).

    `text` is kept only for what can be seen in a page text, so `len(text)` is what the item adds to offsets.
    An item whose place is gone (kind GC) has no parent and no neighbours.
    """

    __slots__ = (
        "block",
        "branch",
        "client",
        "clock",
        "deleted",
        "kind",
        "left",
        "length",
        "origin",
        "parent",
        "right",
        "right_origin",
        "sub",
        "text",
    )

    def __init__(
        self,
        client: int,
        clock: int,
        length: int,
        kind: int,
        origin: Id | None,
        right_origin: Id | None,
        parent: Branch | None,
        sub: str | None,
    ) -> None:
        self.client = client
        self.clock = clock
        self.length = length
        self.kind = kind
        self.origin = origin
        self.right_origin = right_origin
        self.parent = parent
        self.sub = sub
        self.deleted = False
        self.text = ""
        self.left: Item | None = None
        self.right: Item | None = None
        self.branch: Branch | None = None
        self.block: Block | None = None

    @property
    def last_id(self) -> Id:
        return (self.client, self.clock + self.length - 1)


class Branch:
    """A shared type: a root (it has a name) or the content of an item."""

    __slots__ = ("entries", "item", "name", "start", "text", "type_ref")

    def __init__(self, name: str | None = None, item: Item | None = None, type_ref: int = -1) -> None:
        self.name = name
        self.item = item
        self.type_ref = type_ref
        self.start: Item | None = None
        self.entries: dict[str, Item] = {}
        """The newest item of each key, deleted or not."""
        self.text: PageText | None = None

    @property
    def gone(self) -> bool:
        return self.item is not None and self.item.deleted

    def first(self, sub: str | None) -> Item | None:
        """The first item of the list, or of the history of one key."""
        if sub is None:
            return self.start
        item = self.entries.get(sub)
        while item is not None and item.left is not None:
            item = item.left
        return item


class Block:
    """A stretch of a page text: neighbouring items and how many code points of them can be seen."""

    __slots__ = ("changed", "items", "number", "points", "starts", "text")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.number = 0
        self.points = sum(len(item.text) for item in items)
        self.text: str | None = None
        self.starts: list[int] = []
        """How many code points are shown before each item; empty when that must be counted again."""
        self.changed = 0
        """When what can be seen of it changed last, as `PageText.changed` counts."""

    def counted(self) -> list[int]:
        if not self.starts:
            self.starts = list(accumulate([len(item.text) for item in self.items], initial=0))
        return self.starts


class PageText:
    """The items of one page's text in document order, in blocks: a place is found without walking them all.

    All offsets are code points of what can be seen. The linked list of the items (`left`, `right`) is kept by the
    store; this index beside it answers where an item is and what is at an offset: the first time after a change by
    a look at all blocks, then by a look into one.
    """

    __slots__ = ("_blocks", "_numbered", "_starts", "_text", "changed", "length", "page")

    def __init__(self, page: str) -> None:
        self.page = page
        self.length = 0
        self.changed = 0
        """When it changed last: later changes, of whatever page, have larger numbers."""
        self._blocks = [Block([])]
        self._numbered = True
        self._starts: list[int] = []
        """How many code points are shown before each block; empty when that must be counted again."""
        self._text: str | None = ""

    def __iter__(self) -> Iterator[Item]:
        for block in self._blocks:
            yield from block.items

    @property
    def text(self) -> str:
        if self._text is None:
            for block in self._blocks:
                if block.text is None:
                    block.text = "".join([item.text for item in block.items])
            self._text = "".join([block.text or "" for block in self._blocks])
        return self._text

    @property
    def last(self) -> Item | None:
        items = self._blocks[-1].items
        return items[-1] if items else None

    def at(self, offset: int) -> tuple[Item, int] | None:
        """The item that shows the code point at `offset`, and how many of its code points come before it."""
        if not 0 <= offset < self.length:
            return None
        starts = self._counted()
        number = bisect_right(starts, offset) - 1
        offset -= starts[number]
        block = self._blocks[number]
        shown = block.counted()
        index = bisect_right(shown, offset) - 1
        return block.items[index], offset - shown[index]

    def offset_of(self, item: Item) -> int:
        """How many code points are shown before `item`."""
        block = _block_of(item)
        return self._counted()[block.number] + block.counted()[block.items.index(item)]

    def in_order(self, first: Item, then: Item) -> bool:
        """Whether `first` comes before `then`; both are in this text."""
        here, there = _block_of(first), _block_of(then)
        if here is there:
            return here.items.index(first) < here.items.index(then)
        self._number()
        return here.number < there.number

    def changed_since(self, moment: int) -> list[tuple[int, int]]:
        """The stretches of the text, in code points of now, in which something changed after it had `changed` at
        `moment`: they are longer than what changed, by some thousand characters."""
        spans: list[tuple[int, int]] = []
        for block, start in zip(self._blocks, self._counted(), strict=False):
            if block.changed > moment:
                if spans and spans[-1][1] == start:
                    spans[-1] = (spans[-1][0], start + block.points)
                else:
                    spans.append((start, start + block.points))
        return spans

    def blocks_changed(self, moment: int) -> set[Block]:
        """The blocks in which something changed after that moment, and those beside them."""
        found: set[Block] = set()
        for at, block in enumerate(self._blocks):
            if block.changed > moment:
                found.update(self._blocks[max(0, at - 1) : at + 2])
        return found

    def between(self, first: Block, last: Block) -> list[Block]:
        """The blocks from one to another."""
        self._number()
        return self._blocks[first.number : last.number + 1]

    def order_of(self, item: Item) -> tuple[int, int]:
        """Where `item` stands among all items of this text, deleted ones too: what comes first is less."""
        block = _block_of(item)
        self._number()
        return block.number, block.items.index(item)

    def around(self, item: Item) -> tuple[int, int, list[Item]]:
        """The block of `item`: how many code points are shown before it, its number, and its items."""
        block = _block_of(item)
        return self._counted()[block.number], block.number, block.items

    def insert(self, item: Item) -> None:
        """Take in an item that has just been linked to its left neighbour."""
        left = item.left
        if left is None:
            block, index = self._blocks[0], 0
        else:
            block = _block_of(left)
            index = len(block.items) if block.items[-1] is left else block.items.index(left) + 1
        block.items.insert(index, item)
        block.starts = []
        item.block = block
        if item.text:
            self._changed(block, len(item.text))
        if len(block.items) > _BLOCK_SIZE or (block.points > _BLOCK_POINTS and len(block.items) > 1):
            self._halve(block)

    def grow(self, item: Item, text: str) -> None:
        """`text` was typed right behind `item` by the same hand and becomes part of it."""
        item.text += text
        self._changed(_block_of(item), len(text))

    def hide(self, item: Item) -> None:
        """`item` was deleted: drop its words."""
        if item.text:
            self._changed(_block_of(item), -len(item.text))
            item.text = ""

    def cut(self, item: Item, text: str, rest: Item) -> None:
        """`item` was cut in two: it keeps `text`, and `rest` stands behind it with what remains."""
        block = _block_of(item)
        self._changed(block, len(text) - len(item.text))
        block.starts = []
        self._text = block.text = None  # a character cut in half changes the text without changing its length
        item.text = text
        self.insert(rest)

    def join(self, left: Item, right: Item) -> None:
        """`right` becomes part of its neighbour `left`."""
        block = _block_of(right)
        self._changed(block, -len(right.text))
        block.items.remove(right)
        block.starts = []
        if not block.items and len(self._blocks) > 1:
            self._blocks.remove(block)
            self._numbered = False
            self._starts = []
        self.grow(left, right.text)

    def _changed(self, block: Block, points: int) -> None:
        if points:
            block.points += points
            self.length += points
            self._text = block.text = None
            self._starts = []
            block.starts = []
            self.changed = block.changed = next(_changes)

    def _halve(self, block: Block) -> None:
        half = len(block.items) // 2
        behind = Block(block.items[half:])
        for item in behind.items:
            item.block = behind
        del block.items[half:]
        block.points -= behind.points
        block.text = None
        block.starts = []
        behind.changed = block.changed
        self._blocks.insert(self._blocks.index(block) + 1, behind)
        self._numbered = False
        self._starts = []

    def _number(self) -> None:
        if not self._numbered:
            for number, block in enumerate(self._blocks):
                block.number = number
            self._numbered = True

    def _counted(self) -> list[int]:
        if not self._starts:
            self._number()
            self._starts = list(accumulate((block.points for block in self._blocks), initial=0))
        return self._starts


def _block_of(item: Item) -> Block:
    if item.block is None:
        raise LookupError("the item is not in a text")
    return item.block
