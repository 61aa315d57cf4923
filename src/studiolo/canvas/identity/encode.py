"""Writing Yjs updates (wire format v1): insertions into texts, and deletions of any ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from studiolo.canvas.identity.decode import STRING, Id, Range, Struct


def encode(structs: Sequence[Struct], deletes: Iterable[Range]) -> bytes:
    """The v1 update that adds `structs` and deletes `deletes`.

    Structs are insertions of text, those of each client in the order of their clocks and without a hole. One that
    has no neighbour (`origin` and `right` are None) names the item of the text it goes into as its `parent`.
    """
    out = bytearray()
    clients: defaultdict[int, list[Struct]] = defaultdict(list)
    for struct in structs:
        clients[struct.client].append(struct)
    _uint(out, len(clients))
    for client in sorted(clients, reverse=True):  # as yjs writes them
        _uint(out, len(clients[client]))
        _uint(out, client)
        _uint(out, clients[client][0].clock)
        for struct in clients[client]:
            _struct(out, struct)
    _deletes(out, deletes)
    return bytes(out)


def _struct(out: bytearray, struct: Struct) -> None:
    out.append(STRING | (0x80 if struct.origin else 0) | (0x40 if struct.right else 0))
    if struct.origin:
        _id(out, struct.origin)
    if struct.right:
        _id(out, struct.right)
    if struct.origin is None and struct.right is None:
        if not isinstance(struct.parent, tuple):
            raise ValueError("an insertion without neighbours must name the item it goes into")
        _uint(out, 0)
        _id(out, struct.parent)
    text = struct.text.encode("utf-8")
    _uint(out, len(text))
    out += text


def _deletes(out: bytearray, deletes: Iterable[Range]) -> None:
    """Highest client first and ranges in order, as yjs writes them, so that equal sets are equal bytes."""
    clients: defaultdict[int, list[list[int]]] = defaultdict(list)
    for client, clock, length in sorted(deletes):
        ranges = clients[client]
        if ranges and ranges[-1][0] + ranges[-1][1] == clock:
            ranges[-1][1] += length
        else:
            ranges.append([clock, length])
    _uint(out, len(clients))
    for client in sorted(clients, reverse=True):
        _uint(out, client)
        _uint(out, len(clients[client]))
        for clock, length in clients[client]:
            _uint(out, clock)
            _uint(out, length)


def _id(out: bytearray, id: Id) -> None:
    _uint(out, id[0])
    _uint(out, id[1])


def _uint(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
