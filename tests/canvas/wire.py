"""Yjs updates by hand, for tests: what no honest client would write."""

from __future__ import annotations

from studiolo.canvas.identity import Identity
from studiolo.canvas.identity.decode import DELETED, GC

Id = tuple[int, int]


def uint(*numbers: int) -> bytes:
    out = bytearray()
    for number in numbers:
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def string(text: str) -> bytes:
    data = text.encode()
    return uint(len(data)) + data


def struct(
    kind: int,
    content: bytes,
    origin: Id | None = None,
    right: Id | None = None,
    parent: str | Id | None = None,
    sub: str | None = None,
) -> bytes:
    """One struct; `content` is what follows its place on the wire."""
    info = kind | (0x80 if origin else 0) | (0x40 if right else 0) | (0x20 if sub is not None else 0)
    out = bytes([info])
    for id in (origin, right):
        if id is not None:
            out += uint(*id)
    if isinstance(parent, str):
        out += uint(1) + string(parent)
    elif parent is not None:
        out += uint(0, *parent)
    if sub is not None and parent is not None:
        out += string(sub)
    return out + content


def typed(text: str, **place: Id | str | None) -> bytes:
    return struct(4, string(text), **place)  # type: ignore[arg-type]


def update(*blocks: tuple[int, int, list[bytes]], deletes: list[tuple[int, int, int]] | None = None) -> bytes:
    """An update of (client, first clock, structs) and deletions of (client, clock, length)."""
    out = uint(len(blocks))
    for client, clock, structs in blocks:
        out += uint(len(structs), client, clock) + b"".join(structs)
    by_client: dict[int, list[int]] = {}
    for client, clock, length in deletes or []:
        by_client.setdefault(client, []).extend((clock, length))
    out += uint(len(by_client))
    for client, numbers in by_client.items():
        out += uint(client, len(numbers) // 2, *numbers)
    return out


def assert_sound(identity: Identity) -> None:
    """What must hold of the items whatever was fed in."""
    store = identity._store
    branches = list(store.roots.values())
    for client, strand in store.strands.items():
        clock = 0
        for chunk in strand._chunks:
            assert chunk.clocks == [item.clock for item in chunk.items]
        assert strand._starts == [chunk.clocks[0] for chunk in strand._chunks]
        for item in strand:
            assert (item.client, item.clock) == (client, clock)
            assert item.length > 0
            clock += item.length
            if item.deleted:
                assert item.text == ""
                assert item.kind in (DELETED, GC)
                assert item.branch is None
            if item.branch is not None:
                branches.append(item.branch)
        assert clock == strand.end
    for branch in branches:
        items = []
        item = branch.start
        while item is not None:
            assert item.parent is branch and item.sub is None
            assert item.left is (items[-1] if items else None)
            items.append(item)
            item = item.right
        if branch.text is not None:
            assert [id(item) for item in branch.text] == [id(item) for item in items]
            assert branch.text.length == len(branch.text.text) == sum(len(item.text) for item in items)
            offset = 0
            for item in branch.text:
                assert branch.text.offset_of(item) == offset
                if item.text:
                    assert branch.text.at(offset) == (item, 0)
                offset += len(item.text)
            assert branch.text.at(offset) is None
            for block in branch.text._blocks:
                assert block.points == sum(len(item.text) for item in block.items)
                assert all(item.block is block for item in block.items)
        for sub, entry in branch.entries.items():
            assert entry.right is None
            item = entry
            while item is not None:
                assert item.parent is branch and item.sub == sub
                item = item.left
