"""The CRDT document of a canvas: pycrdt's `Doc` and our `Identity` of every item in it, kept in step.

Records (suggestions, threads, the conversation, pages' titles) are written through pycrdt by the studio's own client
id. Text in pages is written through `Identity.edit` by the client id of whoever wrote it, so that the document itself
says who wrote each character; and in code points, where pycrdt counts UTF-8 bytes.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from random import Random
from sys import maxsize
from typing import Any

from pycrdt import Array, Doc, Map, Text, TransactionEvent

from studiolo.canvas.identity import Composer, Identity, Tangled, TextEdit, Update

NOTHING = b"\0"  # the state vector of an empty document
STUDIO = "studio"  # the participant that records belong to

PlainMap = Map[Any]
PlainArray = Array[Any]


class Broken(RuntimeError):
    """A transaction failed half-way. pycrdt has kept that half, so this copy must be dropped and loaded again."""


class Document:
    """One Yjs document. Feed it with the canvas's updates in order; change it inside `change()` only."""

    def __init__(self, updates: Iterable[bytes], random: Random) -> None:
        self.identity = Identity()
        self._random = random
        self._doc: Doc[Any] = Doc(client_id=random.getrandbits(32))
        self.meta: PlainMap = self._doc.get("meta", type=Map)
        self.pages: PlainMap = self._doc.get("pages", type=Map)
        self.suggestions: PlainMap = self._doc.get("suggestions", type=Map)
        self.threads: PlainMap = self._doc.get("threads", type=Map)
        self.facts: PlainMap = self._doc.get("facts", type=Map)
        self.panels: PlainMap = self._doc.get("panels", type=Map)
        self.origins: PlainMap = self._doc.get("origins", type=Map)
        self.attachments: PlainMap = self._doc.get("attachments", type=Map)
        self.chat: PlainArray = self._doc.get("chat", type=Array)
        self._whole: bytes | None = None  # all of it encoded, since somebody asked and until it changes
        with _no_collecting():
            for update in updates:
                self.integrate(update)
        self._written: list[bytes] = []

    @property
    def client(self) -> int:
        """The client id that records are written with. It is new each time a document is loaded: what an earlier
        process wrote and lost must never be mistaken for what this one writes."""
        return self._doc.client_id

    def new_client(self) -> int:
        """A client id that no item of the document has."""
        while (client := self._random.getrandbits(32)) in self.identity.state() or client == self.client:
            pass
        return client

    def integrate(self, update: bytes, decoded: Update | None = None, steps: int = maxsize) -> None:
        """Apply an update that is known to be in order and allowed. Raises `Broken` when pycrdt cannot, and `Tangled`,
        with nothing changed, when it takes more `steps` to find its place among others: pycrdt takes as many."""
        try:
            self.identity.apply(decoded or update, steps)
        except Tangled:
            self.identity.renew(self._doc.get_update())
            raise
        except BaseException as error:
            raise Broken("An update could not be taken in whole.") from error
        self._whole = None
        try:
            self._doc.apply_update(update)
        except BaseException as error:  # a panic is no Exception
            raise Broken("An update could not be applied whole.") from error

    @contextmanager
    def change(self) -> Generator[Callable[[], bytes]]:
        """One transaction. Yields a function that gives, once the block has ended, its single update (b"" if none).

        Whatever can be refused must be refused before: an exception inside raises `Broken`.
        """
        self._written.clear()
        self._whole = None
        # Only now: an update that comes from elsewhere is not to be encoded again, and not to be kept.
        subscription = self._doc.observe(self._keep)
        try:
            with self._doc.transaction():
                yield self._taken
            if self._written:
                self.identity.apply(self._written[0])
        except BaseException as error:  # pycrdt's panics are not Exceptions
            raise Broken("A change of the canvas failed half-way.") from error
        finally:
            self._doc.unobserve(subscription)

    def edit(self, page: str, edits: Sequence[TextEdit], client: int) -> None:
        """Inside `change()`: edit a page's text (offsets of the text before the change) as `client`."""
        if edits:
            self._doc.apply_update(self.identity.edit(page, edits, client))

    def write(self, composed: Composer) -> None:
        """Inside `change()`: make the edits that were composed, once."""
        if not composed.empty:
            self._doc.apply_update(composed.update())

    def state(self) -> bytes:
        """The state vector, as sync step 1 carries it."""
        return self._doc.get_state()

    def update_since(self, state: bytes | None = None) -> bytes:
        """Everything that a document with that state vector lacks; the whole document without one.

        Deleted text is not in it. Raises ValueError for a malformed state vector.
        """
        if state not in (None, NOTHING):
            return self._doc.get_update(state)
        if self._whole is None:
            self._whole = self._doc.get_update()
        return self._whole

    def _keep(self, event: TransactionEvent) -> None:
        self._written.append(event.update)

    def _taken(self) -> bytes:
        return self._written[0] if self._written else b""


@contextmanager
def _no_collecting() -> Generator[None]:
    """Load without Python looking for garbage among the items again and again: there is none, and a large document
    takes twice as long with it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def append(text: Text, more: str) -> None:
    """Inside `Document.change`: add to the end of a shared text that only the studio writes."""
    text.insert(len(text), more)  # pycrdt counts a text in UTF-8 bytes on both sides of this


def splice(text: Text, old: str, new: str) -> None:
    """Inside `Document.change`: make `new` of a shared text that only the studio writes and that reads `old`, touching
    only what differs."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    low, high = len(old[:start].encode()), len(old[: len(old) - end].encode())  # pycrdt counts UTF-8 bytes
    if high > low:
        del text[low:high]
    if insert := new[start : len(new) - end]:
        text.insert(low, insert)


def plain(value: PlainMap | PlainArray) -> Any:
    """A shared map or array as plain Python data, texts as strings."""
    return json.loads(str(value))  # written by Rust in one go; `to_py` walks it item by item
