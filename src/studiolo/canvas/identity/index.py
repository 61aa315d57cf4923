"""`Identity`: who wrote what, and where a place has moved to, in one Yjs document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from sys import maxsize
from typing import Any, cast

from studiolo.canvas.identity.change import Change, survey
from studiolo.canvas.identity.composing import (
    Composer,
    Living,
    check,
    id_at,
    item_of,
    last_id_at,
    living,
    page_of,
)
from studiolo.canvas.identity.decode import Id, Range, Update, decode
from studiolo.canvas.identity.items import Block, Branch, Item, PageText
from studiolo.canvas.identity.pieces import Piece, gone, passages, pieces
from studiolo.canvas.identity.store import PAGES_ROOT, Store
from studiolo.canvas.identity.units import points_before


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring characters that one client wrote in one go.

    `start` and `length` are code points of the text; `clock` is the id of the first character, in UTF-16 units.
    """

    start: int
    length: int
    client: int
    clock: int


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace the code points from `start` to `end` (exclusive) by `insert`."""

    start: int
    end: int
    insert: str


class Identity:
    """An index of every item of one Yjs document, fed with its v1 updates.

    All offsets are code points. Methods that take a page raise KeyError when the document has no such page, and
    ValueError when an offset lies outside its text. Updates may be given as bytes or already decoded.
    """

    def __init__(self) -> None:
        self._store = Store()

    def inspect(self, update: bytes | Update) -> Change:
        """What `update` would do that is new to the document. Changes nothing.

        Raises:
            DecodeError: `update` is malformed.
        """
        return survey(self._store, _decoded(update))

    def apply(self, update: bytes | Update, steps: int = maxsize) -> None:
        """Integrate an update: own or remote, one key or a whole document, repeated or out of order.

        What depends on items that are not known waits until they arrive, as in yjs. Where many insert at one spot,
        each that comes is compared with those there: `steps` is how many comparisons are made at most.

        Raises:
            DecodeError: `update` is malformed; nothing has changed then.
            Tangled: it took more steps; the identity must be `renew`ed.
        """
        self._store.apply(_decoded(update), steps)

    def renew(self, update: bytes) -> None:
        """Forget everything and begin again with the update that makes the whole document."""
        taken = self._store.taken
        self._store = Store()
        self._store.apply(decode(update))
        self._store.taken = taken

    def watch(self) -> None:
        """From now on keep what is deleted from the texts of pages until it is `taken`."""
        self._store.taken = []

    def taken(self) -> list[tuple[int, int, str]]:
        """What was deleted since this was last asked: client, clock and words, in no particular order."""
        taken = self._store.taken
        if taken:
            self._store.taken = []
            return taken
        return []

    def passages(self, taken: list[tuple[int, int, str]]) -> list[list[Piece]]:
        """What has just been `taken` in the order of the text: what stood together is together."""
        return passages(self._store, taken)

    def gone(self, range: Range) -> bool:
        """Whether all of these ids are of what was deleted."""
        return gone(self._store, range)

    def pieces(self, page: str, start: int, end: int) -> list[Piece]:
        """The characters of a page from one offset to another, by their ids."""
        return pieces(self._store, page, start, end)

    def touched(self, update: Update) -> set[tuple[str, str | None]]:
        """The entries of roots that an applied update wrote into or deleted from, however deep: root and key, or
        None for what is in a root that is a list."""
        return self._store.touched(update)

    def state(self) -> dict[int, int]:
        """The next clock of every client: the state vector."""
        return {client: strand.end for client, strand in self._store.strands.items()}

    def pages(self) -> list[str]:
        """The ids of the pages that have a text, in no particular order."""
        pages = self._store.roots.get(PAGES_ROOT)
        return [] if pages is None else [page for page in pages.entries if self._store.page_text(page)]

    def text(self, page: str) -> str:
        """The text of a page as everybody sees it."""
        return self._page(page)[1].text

    def length(self, page: str) -> int:
        """The length of a page's text in code points."""
        return self._page(page)[1].length

    def runs(self, page: str) -> list[Run]:
        """Who wrote the text of a page: runs in order, which cover it without a hole."""
        runs: list[Run] = []
        start = end = 0
        first: Id = (-1, 0)
        next_id: Id = (-1, 0)
        for item in self._page(page)[1]:
            if not item.text:
                continue
            if (item.client, item.clock) != next_id:
                if end > start:
                    runs.append(Run(start, end - start, *first))
                start = end
                first = (item.client, item.clock)
            end += len(item.text)
            next_id = (item.client, item.clock + item.length)
        if end > start:
            runs.append(Run(start, end - start, *first))
        return runs

    def position(self, page: str, offset: int, assoc: int = 0) -> dict[str, object]:
        """A place that moves with the text: the JSON of a Yjs relative position.

        It clings to the character behind `offset`, or to the one before it when `assoc` is negative; where there is
        none, to that end of the text.
        """
        branch, text = self._page(page)
        check(0 <= offset <= text.length, offset, page, text)
        if assoc >= 0:
            found = text.at(offset)
            id = None if found is None else id_at(*found)
        else:
            found = text.at(offset - 1) if offset else None
            id = None if found is None else last_id_at(*found)
        if id is None:
            return {"type": _json(item_of(branch)), "assoc": assoc}
        return {"item": {"client": id[0], "clock": id[1]}, "assoc": assoc}

    def locate(self, position: object) -> tuple[str, int] | None:
        """Where a Yjs relative position, parsed from JSON, is now: page and offset.

        None when it is malformed, names something that is not known, or is not in the text of a page.
        """
        if not isinstance(position, Mapping):
            return None
        position = cast("Mapping[str, object]", position)
        assoc = 0 if position.get("assoc") is None else _whole(position["assoc"])
        if assoc is None:
            return None
        if position.get("item") is not None:
            return self._locate_item(_id_from(position["item"]), assoc)
        if position.get("tname") is not None:
            return None  # a root: no page's text is one
        id = _id_from(position.get("type"))
        item = None if id is None else self._store.find(id)
        text = None if item is None or item.branch is None else self._shown(item.branch)
        return None if text is None else (text.page, text.length if assoc >= 0 else 0)

    def edit(self, page: str, edits: Sequence[TextEdit], client: int) -> bytes:
        """A v1 update, not applied here, that makes `edits` in the name of `client`.

        Edits are in offsets of the text as it is now, sorted, and do not overlap; insertions at the same offset come
        out in the order given. An insertion stands before what its edit deletes. Halves of surrogate pairs in an
        insertion are joined, lone ones become U+FFFD.

        Raises:
            ValueError: the edits overlap, are not sorted, or lie outside the text.
        """
        self._page(page)
        composer = self.compose()
        edge = 0
        for edit in edits:
            if edit.start < edge:
                raise ValueError(f"offset {edit.start} does not fit: edits are sorted and do not overlap")
            edge = edit.end
            composer.replace(page, edit.start, edit.end, edit.insert, client)
        return composer.update()

    def compose(self) -> Composer:
        """Begin an update of several edits, by several clients perhaps, and on several pages. The identity must not
        change until it is complete."""
        return Composer(self._store)

    def living(self, range: Range) -> list[Living]:
        """Which of these ids are of text that a page shows."""
        return living(self._store, range)

    def moment(self, page: str) -> int:
        """A number that grows whenever the text of the page changes."""
        return self._page(page)[1].changed

    def changed_since(self, page: str, moment: int) -> list[tuple[int, int]]:
        """Where the text has changed since the page's `moment` was that: stretches in code points of now, in order,
        somewhat longer than what changed. Where something was only deleted, one may be empty."""
        return self._page(page)[1].changed_since(moment)

    def near_changes(self, page: str, moment: int) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
        """A function that says of two relative positions, as this identity made them, whether the text has changed
        since that moment between them or close to them. Ask it before the text changes again."""
        branch, text = self._page(page)
        changed = text.blocks_changed(moment)
        strands = self._store.strands

        def block_of(position: Mapping[str, Any]) -> Block | None:
            id = position.get("item")
            strand = None if id is None else strands.get(id["client"])
            if id is None or strand is None or id["clock"] >= strand.end:
                return None
            item = strand.at(id["clock"])
            return item.block if item.parent is branch else None

        def near(start: Mapping[str, Any], end: Mapping[str, Any]) -> bool:
            last = block_of(end)
            first = last if start is end else block_of(start)
            if first is None or last is None or first in changed or last in changed:
                return True
            return first is not last and any(block in changed for block in text.between(first, last))

        return near

    def _page(self, page: str) -> tuple[Branch, PageText]:
        return page_of(self._store, page)

    def _shown(self, branch: Branch) -> PageText | None:
        """The text on `branch` if it is that of a page now (it may have been replaced or removed)."""
        text = branch.text
        return text if text is not None and self._store.page_text(text.page) is branch else None

    def _locate_item(self, id: Id | None, assoc: int) -> tuple[str, int] | None:
        item = None if id is None else self._store.find(id)
        if id is None or item is None or item.parent is None or item.sub is not None:
            return None
        text = self._shown(item.parent)
        if text is None:
            return None
        within = id[1] - item.clock + (0 if assoc >= 0 else 1)
        return text.page, text.offset_of(item) + (points_before(item.text, within) if item.text else 0)


def _decoded(update: bytes | Update) -> Update:
    return update if isinstance(update, Update) else decode(update)


def _json(item: Item) -> dict[str, int]:
    return {"client": item.client, "clock": item.clock}


def _id_from(value: object) -> Id | None:
    if not isinstance(value, Mapping):
        return None
    fields = cast("Mapping[str, object]", value)
    client = _whole(fields.get("client"))
    clock = _whole(fields.get("clock"))
    return None if client is None or clock is None else (client, clock)


def _whole(value: object) -> int | None:
    """A JSON number that is whole (some decoders make floats of all numbers)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None
