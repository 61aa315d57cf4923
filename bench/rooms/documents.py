"""The documents that people open and type in: the same in every server.

A document has the shape of a canvas: a root `pages` with one page, and the page has a `text`. In a studio text is the
only thing that a client may change, so there the page is made by the studio and only its text is sent.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map, Text, merge_updates

from bench.rooms.install import CACHE

SEED = 20_260_101
PIECE = 50  # characters
OPERATIONS, INSERTED = 259_778, 182_315  # of the trace
WORDS = ("the", "a", "of", "and", "to", "in", "harbour", "lamp", "keeper", "boat", "storm", "letter", "window", "stair")


@dataclass(frozen=True)
class Document:
    """A document in a server: what a first client must send to make it, and how somebody begins to type in it."""

    seed: bytes
    """An update; empty where the server has the document already."""
    first: bytes
    """The head of a new client's first item, as on the wire: the info byte, then its neighbours or its parent."""
    text: str


class Content:
    """What somebody has written into an empty text: an update that can be hung into any text."""

    def __init__(self, write: Callable[[Text], None] | None = None, update: bytes = b"") -> None:
        self.update = update or (_typed(write) if write else b"")

    def into(self, parent: bytes) -> bytes:
        """The update, with the first item in the text whose id is given as it stands on the wire."""
        # One client; its number of items, its id, its clock; the first item's info byte; and that it has a parent.
        head = re.match(rb"\x01[\x80-\xff]*[\x00-\x7f]%s\x00.\x00" % re.escape(_number(AUTHOR)), self.update, re.DOTALL)
        old = None if head is None else re.match(rb"([\x80-\xff]*[\x00-\x7f]){2}", self.update[head.end() :])
        assert head and old, "the first item does not hang on the text"
        return self.update[: head.end()] + parent + self.update[head.end() + old.end() :]


AUTHOR = 0x12345678  # the client id of whoever wrote what is in a document; it takes five bytes, as most do


def make(content: Content, existing: bytes | None = None) -> Document:
    """The document with that content: a new one, or the one whose state is given, with an empty page."""
    start = existing or page()
    seeds = [] if existing else [start]
    if content.update:
        empty = _first_item(start)
        assert empty.startswith(b"\x04\x00"), "the page is not empty"
        seeds.append(content.into(empty[2:]))
    doc: Doc[Any] = Doc()
    for update in (start, *seeds):
        doc.apply_update(update)
    seed = merge_updates(*seeds) if len(seeds) > 1 else b"".join(seeds)
    return Document(seed, _first_item(doc.get_update()), str(only_text(doc)))


@functools.cache
def page() -> bytes:
    """A document with one empty page."""
    doc: Doc[Any] = Doc()
    doc.get("pages", type=Map)["page"] = Map({"title": "Page", "kind": "prose", "order": 1.0, "text": Text()})
    return doc.get_update()


def _number(number: int) -> bytes:
    """As it stands on the wire: seven bits a byte, low first."""
    return bytes([number & 127 | 128]) + _number(number >> 7) if number > 127 else bytes([number])


def _typed(write: Callable[[Text], None]) -> bytes:
    """What is written into the text of a new page, without the page."""
    doc: Doc[Any] = Doc(client_id=AUTHOR)
    doc.apply_update(page())
    before = doc.get_state()
    write(only_text(doc))
    return doc.get_update(before)


def only_text(doc: Doc[Any]) -> Text:
    """The text of the one page."""
    (page,) = doc.get("pages", type=Map).values()
    return page["text"]


def text_in(update: bytes) -> str:
    """The text that a client which received this has."""
    doc: Doc[Any] = Doc()
    doc.apply_update(update)
    return str(only_text(doc))


def _first_item(state: bytes) -> bytes:
    """What stands on the wire between the id of a letter in the middle of the text and the letter itself."""
    doc: Doc[Any] = Doc(client_id=1)
    doc.apply_update(state)
    made: list[bytes] = []
    doc.observe(lambda event: made.append(event.update))
    text = only_text(doc)
    text.insert(len(text) // 2, "x")
    (update,) = made
    head, tail = bytes((1, 1, 1, 0)), b"\x01x\x00"  # one client, one item, client 1, clock 0; a letter, no deletions
    assert update.startswith(head) and update.endswith(tail), "the letter is not the only thing that changed"
    return update[len(head) : -len(tail)]


# -- what is in them


EMPTY = Content()


def prose(characters: int) -> Content:
    """So many characters of words."""
    return Content(lambda text: text.insert(0, letters(characters)))


def pieces(characters: int) -> Content:
    """So many characters, written in pieces of some fifty at places all over the text, as a long-lived one is."""
    rng = random.Random(SEED)

    def write(text: Text) -> None:
        whole = letters(characters)
        for start in range(0, characters, PIECE):
            text.insert(rng.randrange(start + 1), whole[start : start + PIECE])

    return kept(f"pieces-{characters}", write)


def kept(name: str, write: Callable[[Text], None]) -> Content:
    """What takes a while to write is written once."""
    file = CACHE / f"{name}-{AUTHOR:x}.update"
    if not file.exists():
        CACHE.mkdir(exist_ok=True)
        file.write_bytes(Content(write).update)
    return Content(update=file.read_bytes())


def letters(characters: int) -> str:
    rng = random.Random(SEED)
    words: list[str] = []
    length = 0
    while length < characters:
        words.append(rng.choice(WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)[:characters].ljust(characters, ".")


class Trace:
    """The keys of one author who wrote a paper: 259,778 of them, of which 104,852 characters are left."""

    def __init__(self, path: str | None) -> None:
        self.path = Path(found) if (found := path or os.environ.get("STUDIOLO_TRACES")) else None
        if self.path and self.path.is_dir():
            self.path /= "automerge-paper.json.gz"

    @property
    def name(self) -> str:
        return self.path.name if self.path else f"a made-up equivalent of the automerge-paper trace (seed {SEED})"

    def edits(self) -> list[tuple[int, int, str]]:
        """Position, how many characters to delete there, what to insert."""
        if self.path is None:
            return made_up_edits()
        trace = json.loads(gzip.decompress(self.path.read_bytes()))
        return [tuple(patch) for transaction in trace["txns"] for patch in transaction["patches"]]

    def content(self) -> Content:
        """The paper with all that was deleted from it. Typing it takes a while, so it is kept."""
        edits = self.edits()
        digest = hashlib.sha256(repr(edits).encode()).hexdigest()[:16]
        return kept(f"trace-{digest}", lambda text: _type(text, edits))


def _type(text: Text, edits: list[tuple[int, int, str]]) -> None:
    # Each edit in a transaction of its own: a long one is slower the longer it gets.
    for position, deleted, inserted in edits:
        if deleted:
            del text[position : position + deleted]
        if inserted:
            text.insert(position, inserted)


def made_up_edits() -> list[tuple[int, int, str]]:
    """Typing in bursts at places that move through a growing text, with as many deletions as in the trace."""
    rng = random.Random(SEED)
    edits: list[tuple[int, int, str]] = []
    length = position = 0
    inserted = 0
    while len(edits) < OPERATIONS:
        if rng.random() < 0.1:  # the cursor goes elsewhere, mostly not far
            position = rng.randrange(length + 1) if rng.random() < 0.1 else position + rng.randrange(-200, 201)
        position = min(max(position, 0), length)
        deleting = rng.random() < (OPERATIONS - INSERTED) / OPERATIONS
        for _ in range(min(rng.randrange(1, 30), OPERATIONS - len(edits))):
            if deleting and position:
                position -= 1
                length -= 1
                edits.append((position, 1, ""))
            else:
                edits.append((position, 0, rng.choice("etaoinshrdlu ")))
                position += 1
                length += 1
                inserted += 1
    return edits
