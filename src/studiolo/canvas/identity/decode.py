"""Reading Yjs updates (wire format v1).

`decode` turns bytes into structs (what an update adds) and ranges (what it deletes). It keeps the words of
texts and skips every other value: nothing here needs to know what a map entry says, only where it hangs.

Bytes come from anybody, so a malformed update ends in `DecodeError` and nothing else: every loop consumes
bytes, lengths are checked before they are used, and nesting is bounded (yjs and yrs both recurse on it).

The format is that of `readClientsStructRefs` in yjs 13 (src/utils/encoding.js) and `readAny` in lib0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from studiolo.canvas.identity.units import utf16_length

Id = tuple[int, int]
"""(client, clock): the name of one unit of content for ever. Clocks count UTF-16 code units in texts."""

Range = tuple[int, int, int]
"""(client, first clock, length): ids that an update deletes."""

GC: Final = 0
DELETED: Final = 1
JSON: Final = 2
BINARY: Final = 3
STRING: Final = 4
EMBED: Final = 5
FORMAT: Final = 6
TYPE: Final = 7
ANY: Final = 8
DOC: Final = 9
SKIP: Final = 10

MAP_TYPE: Final = 1
TEXT_TYPE: Final = 2
_XML_ELEMENT: Final = 3
_XML_HOOK: Final = 5
_LAST_TYPE: Final = 6

LONGEST_TEXT: Final = 4096
"""How many code units one struct or item holds at most, so that work inside of one has a bound."""

_LARGEST_NUMBER: Final = 2**53 - 1  # what a JavaScript client can hold
_LARGEST_CLOCK: Final = 2**32 - 1  # what yrs can hold
_DEEPEST_VALUE: Final = 64

_PLACELESS: Final = frozenset({GC, SKIP})
_HAS_ORIGIN: Final = 0x80
_HAS_RIGHT: Final = 0x40
_HAS_SUB: Final = 0x20


class DecodeError(ValueError):
    """The bytes are not an update in the v1 format."""


class TooManyParts(DecodeError):
    """The update is made of more parts than the reader was told to take."""


@dataclass(slots=True, eq=False)
class Struct:
    """One thing that an update adds, as it stands on the wire. `length` is in clocks (UTF-16 code units)."""

    client: int
    clock: int
    length: int
    kind: int
    origin: Id | None = None
    right: Id | None = None
    parent: str | Id | None = None
    sub: str | None = None
    text: str = ""
    type_ref: int = -1


@dataclass(slots=True, eq=False)
class Update:
    """A decoded update. Within one client, structs come in the order of their clocks; a long text on the wire is
    several structs here, which stand behind one another and mean the same."""

    structs: list[Struct]
    deletes: list[Range]
    """Sorted and disjoint."""


def decode(data: bytes, most: int | None = None) -> Update:
    """Decode one v1 update.

    Of one that comes from outside, `most` is how many parts (structs, deleted ranges, values) are taken at most: a
    few bytes are a part, and each takes a hundred times as much memory and microseconds to look at.

    Raises:
        TooManyParts: it has more; they were not read.
        DecodeError: the bytes are malformed, cut short, or followed by something else.
    """
    reader = _Reader(data, most)
    try:
        structs = _structs(reader)
        deletes = _deletes(reader)
    except IndexError:
        raise DecodeError("the update ends too early") from None
    except UnicodeDecodeError:
        raise DecodeError("the update holds text that is not UTF-8") from None
    if reader.at != len(data):
        raise DecodeError("the update is followed by bytes that do not belong to it")
    return Update(structs, deletes)


def _structs(reader: _Reader) -> list[Struct]:
    structs: list[Struct] = []
    seen: set[int] = set()
    for _ in range(reader.count()):
        count = reader.count()
        start = reader.at
        client = reader.uint()
        reader.client = client
        reader.client_bytes = reader.data[start : reader.at]
        clock = reader.uint()
        _once(client, seen)
        for _ in range(count):
            struct = _struct(reader, client, clock)
            clock += struct.length
            if clock > _LARGEST_CLOCK:
                raise DecodeError("the update counts beyond the largest clock")
            if struct.length > LONGEST_TEXT and struct.kind == STRING:
                structs += _pieces(struct)
            else:
                structs.append(struct)
    return structs


def _once(client: int, seen: set[int]) -> None:
    """Of two lists for one client yjs reads both or the last, yrs the other way round: peers would differ."""
    if client in seen:
        raise DecodeError(f"the update lists client {client} twice")
    seen.add(client)


def _pieces(struct: Struct) -> Iterator[Struct]:
    """A long text as short ones, as yjs would have it after cutting it (`splitItem`)."""
    points = LONGEST_TEXT // 2
    clock = struct.clock
    for start in range(0, len(struct.text), points):
        text = struct.text[start : start + points]
        length = utf16_length(text)
        if start == 0:
            yield replace(struct, length=length, text=text)
        else:
            yield Struct(
                struct.client, clock, length, STRING, (struct.client, clock - 1), struct.right, None, None, text
            )
        clock += length


def _struct(reader: _Reader, client: int, clock: int) -> Struct:
    info = reader.byte()
    kind = info & 0x1F
    if kind in _PLACELESS:
        return Struct(client, clock, reader.length(), kind)
    origin = reader.id() if info & _HAS_ORIGIN else None
    right = reader.id() if info & _HAS_RIGHT else None
    parent: str | Id | None = None
    sub: str | None = None
    if origin is None and right is None:
        parent = reader.text() if reader.uint() == 1 else reader.id()
        if info & _HAS_SUB:
            sub = reader.text()
    if (
        (origin is not None and origin[1] >= clock and origin[0] == client)
        or (right is not None and right[1] >= clock and right[0] == client)
        or (isinstance(parent, tuple) and parent[1] >= clock and parent[0] == client)
    ):
        raise DecodeError("the update holds something that depends on itself")
    if kind == STRING:
        text = reader.text()
        if not text:
            raise DecodeError("the update holds an empty text")
        length = len(text) if text.isascii() else utf16_length(text)
        return Struct(client, clock, length, STRING, origin, right, parent, sub, text)
    type_ref = -1
    length = 1
    if kind == TYPE:
        type_ref = reader.type_ref()
    elif kind == DELETED:
        length = reader.length()
    elif kind == ANY:
        length = reader.length(reader.count())
        for _ in range(length):
            reader.skip_any()
    elif kind == JSON:
        length = reader.length(reader.count())
        for _ in range(length):
            reader.skip_block()
    elif kind == FORMAT:
        reader.text()
        reader.text()
    elif kind == EMBED:
        reader.text()
    elif kind == BINARY:
        reader.skip_block()
    elif kind == DOC:
        reader.text()
        reader.skip_any()
    else:
        raise DecodeError(f"the update holds content of the unknown kind {kind}")
    return Struct(client, clock, length, kind, origin, right, parent, sub, "", type_ref)


def _deletes(reader: _Reader) -> list[Range]:
    deletes: list[Range] = []
    seen: set[int] = set()
    for _ in range(reader.count()):
        client = reader.uint()
        _once(client, seen)
        for _ in range(reader.count()):
            clock = reader.uint()
            length = reader.uint()
            if clock + length > _LARGEST_CLOCK:
                raise DecodeError("the update deletes beyond the largest clock")
            if length:
                deletes.append((client, clock, length))
    return _disjoint(deletes)


def _disjoint(ranges: list[Range]) -> list[Range]:
    """The same ids in as few ranges as can be: nobody can make us walk over the same items again and again."""
    if len(ranges) < 2:
        return ranges
    disjoint: list[Range] = []
    for client, clock, length in sorted(ranges):
        if disjoint:
            _, start, known = last = disjoint[-1]
            if last[0] == client and clock <= start + known:
                disjoint[-1] = (client, start, max(known, clock + length - start))
                continue
        disjoint.append((client, clock, length))
    return disjoint


class _Reader:
    """A cursor over bytes. Reading past the end raises IndexError, which `decode` turns into DecodeError."""

    __slots__ = ("at", "client", "client_bytes", "clients", "data", "left")

    def __init__(self, data: bytes, most: int | None) -> None:
        self.data = data
        self.at = 0
        self.left = len(data) if most is None else most
        """How many parts may still come."""
        self.client = -1
        self.client_bytes = b"-"
        self.clients: dict[int, int] = {}
        """The client whose structs are being read, and how it stands on the wire: most ids are its own. Of the
        others each number is kept once, as one object."""

    def byte(self) -> int:
        byte = self.data[self.at]
        self.at += 1
        return byte

    def uint(self) -> int:
        data = self.data
        at = self.at
        byte = data[at]
        at += 1
        if byte < 0x80:
            self.at = at
            return byte
        number = byte & 0x7F
        shift = 7
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if number > _LARGEST_NUMBER or shift > 56:
                raise DecodeError("the update holds a number beyond 53 bits")
            if byte < 0x80:
                self.at = at
                return number
            shift += 7

    def id(self) -> Id:
        at = self.at
        if self.data.startswith(self.client_bytes, at):
            self.at = at + len(self.client_bytes)
            return (self.client, self.uint())
        client = self.uint()
        return (self.clients.setdefault(client, client), self.uint())

    def count(self) -> int:
        """How many parts follow, each of them a byte at least."""
        data = self.data
        at = self.at
        number = data[at]
        if number < 0x80:
            self.at = at + 1
        else:
            number = self.uint()
        if number > len(data) - self.at:
            raise DecodeError("the update ends too early")
        self.left -= number
        if self.left < 0:
            raise TooManyParts("the update is made of too many parts")
        return number

    def length(self, number: int | None = None) -> int:
        """A length that must not be nothing: a struct without length would have no id of its own."""
        if number is None:
            number = self.uint()
        if number == 0:
            raise DecodeError("the update holds something of length zero")
        return number

    def skip_block(self) -> None:
        self.skip(self.uint())

    def skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise DecodeError("the update ends too early")

    def text(self) -> str:
        data = self.data
        at = self.at
        length = data[at]
        if length < 0x80:
            at += 1
        else:
            length = self.uint()
            at = self.at
        end = at + length
        if end > len(data):
            raise DecodeError("the update ends too early")
        self.at = end
        return data[at:end].decode()

    def type_ref(self) -> int:
        ref = self.uint()
        if ref > _LAST_TYPE:
            raise DecodeError(f"the update holds a shared type of the unknown kind {ref}")
        if ref in (_XML_ELEMENT, _XML_HOOK):
            self.text()
        return ref

    def skip_any(self, depth: int = 0) -> None:
        if depth > _DEEPEST_VALUE:
            raise DecodeError(f"the update holds a value nested more than {_DEEPEST_VALUE} deep")
        tag = self.byte()
        if tag == 125:  # signed integer
            while self.byte() & 0x80:
                pass
        elif tag == 124:  # float32
            self.skip(4)
        elif tag == 123 or tag == 122:  # float64, bigint
            self.skip(8)
        elif tag == 119:
            self.text()
        elif tag == 118:  # object
            for _ in range(self.count()):
                self.text()
                self.skip_any(depth + 1)
        elif tag == 117:  # array
            for _ in range(self.count()):
                self.skip_any(depth + 1)
        elif tag == 116:  # bytes
            self.skip_block()
        elif tag not in (127, 126, 121, 120):  # undefined, null, false, true
            raise DecodeError(f"the update holds a value of the unknown kind {tag}")
