"""Bytes from anybody: they are decoded, or refused with DecodeError, and never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from studiolo.canvas.identity import DecodeError, Identity, decode
from studiolo.canvas.identity.decode import LONGEST_TEXT
from tests.canvas.wire import assert_sound, string, struct, typed, uint, update

BIG = 2**31


def every_kind() -> bytes:
    """One update with every kind of content that there is."""
    root = "r"
    structs = [
        struct(4, string("text 😀"), parent=root),
        struct(1, uint(3), parent=root),
        struct(2, uint(2) + string("1") + string('"x"'), parent=root),
        struct(3, uint(2) + b"\x00\xff", parent=root),
        struct(5, string("{}"), parent=root),
        struct(6, string("bold") + string("true"), parent=root),
        struct(9, string("guid") + bytes([118, 0]), parent=root),
        b"\x00" + uint(4),
        *(struct(7, uint(ref), parent=root, sub=f"t{ref}") for ref in (0, 1, 2, 4, 6)),
        struct(7, uint(3) + string("p"), parent=root),
        struct(7, uint(5) + string("hook"), parent=root),
        struct(8, uint(10) + VALUES, parent=root),
    ]
    return update((9, 0, structs), deletes=[(9, 2, 3)])


VALUES = b"".join(
    [
        bytes([127, 126, 121, 120]),
        bytes([125, 0xC1, 0x01]),
        bytes([124, 0, 0, 0, 0]),
        bytes([123]) + bytes(8),
        bytes([119]) + string("é"),
        bytes([118, 1]) + string("k") + bytes([117, 2, 126, 116, 1, 255]),
        bytes([122]) + bytes(8),
    ]
)


def canvas() -> bytes:
    """A small canvas made by pycrdt, with some history."""
    doc: Doc = Doc(client_id=300)
    pages = doc.get("pages", type=Map)
    pages["p"] = Map({"title": "P", "text": Text("some 漢字 and 😀"), "order": 1.5})
    pages["q"] = Map({"text": Text("")})
    doc.get("chat", type=Array).extend([{"a": [1, None, {"b": 2.5}]}, b"xx", Array([Text("t")]), True, 2**40])
    doc.get("suggestions", type=Map)["s"] = Map({"hunks": Array([Map({"replace": Text("r")})])})
    doc.get("xml", type=XmlFragment).children.append(XmlElement("p", {"a": "b"}, [XmlText("x")]))
    pages["p"]["text"].insert(4, " more")
    pages["p"]["title"] = "Q"
    del pages["p"]["text"][2:6]
    doc.get("suggestions", type=Map)["s"] = 1
    return doc.get_update()


SAMPLES = [
    every_kind(),
    canvas(),
    update((7, 0, [typed("ab", origin=(300, 3)), typed("c", origin=(7, 0), right=(7, 1))])),
    update((7, 0, [b"\x0a\x05", typed("x", origin=(8, 1))]), (8, 0, [typed("yz", parent=(300, 3))])),
    update(deletes=[(300, 0, 9), (5, 1, BIG)]),
]


def test_what_is_whole_is_decoded() -> None:
    decoded = decode(every_kind())
    assert [struct.kind for struct in decoded.structs] == [4, 1, 2, 3, 5, 6, 9, 0, 7, 7, 7, 7, 7, 7, 7, 8]
    assert [struct.length for struct in decoded.structs][:3] == [7, 3, 2]
    assert decoded.structs[-1].length == 10
    assert decoded.deletes == [(9, 2, 3)]
    assert decode(b"\0\0").structs == []


def test_a_long_text_is_cut_into_pieces_that_mean_the_same() -> None:
    text = "漢😀x" * LONGEST_TEXT
    pieces = decode(update((9, 5, [typed(text, origin=(8, 1), right=(8, 2)), typed("end", origin=(9, 6))]))).structs
    assert "".join(piece.text for piece in pieces) == text + "end"
    assert all(piece.length <= LONGEST_TEXT for piece in pieces)
    assert {piece.right for piece in pieces[:-1]} == {(8, 2)}
    assert [piece.origin for piece in pieces[1:-1]] == [(9, piece.clock - 1) for piece in pieces[1:-1]]
    assert pieces[-1].clock == 5 + 4 * LONGEST_TEXT


def test_deleted_ranges_are_disjoint() -> None:
    ranges = [(9, 4, 2), (8, 0, 1), (9, 0, 3), (9, 1, 1), (9, 3, 1), (9, 20, 1), (9, 10, 11)]
    assert decode(update(deletes=ranges)).deletes == [(8, 0, 1), (9, 0, 6), (9, 10, 11)]


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
def test_no_beginning_of_an_update_is_an_update(sample: int) -> None:
    data = SAMPLES[sample]
    decode(data)
    for end in range(len(data)):
        with pytest.raises(DecodeError):
            decode(data[:end])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "too early"),
        (b"\0\0\0", "followed by"),
        (b"\x01" + b"\xff" * 40, "53 bits"),
        (uint(2**54) + b"\0", "53 bits"),
        (update((9, 0, [typed("", parent="r")])), "empty"),
        (update((9, 0, [struct(1, uint(0), parent="r")])), "length zero"),
        (update((9, 0, [b"\x00\x00"])), "length zero"),
        (update((9, 0, [struct(8, uint(0), parent="r")])), "length zero"),
        (update((9, 0, [struct(11, uint(1), parent="r")])), "unknown kind 11"),
        (update((9, 0, [struct(7, uint(7), parent="r")])), "unknown kind 7"),
        (update((9, 0, [struct(8, uint(1) + b"\x10", parent="r")])), "unknown kind 16"),
        (update((9, 0, [struct(4, uint(2) + b"\xed\xa0", parent="r")])), "UTF-8"),
        (update((9, 0, [struct(4, uint(3) + b"\xed\xa0\x80", parent="r")])), "UTF-8"),
        (update((9, 2**32 - 2, [struct(1, uint(2), parent="r")])), "largest clock"),
        (update(deletes=[(9, 2**32 - 2, 2)]), "largest clock"),
        (update((9, 0, [typed("x", parent="r")]), (9, 1, [typed("y", parent="r")])), "twice"),
        (b"\0\x02" + uint(9, 1, 0, 1) + uint(9, 1, 1, 1), "twice"),
        (update((9, 3, [typed("x", origin=(9, 3))])), "depends on itself"),
        (update((9, 3, [typed("x", right=(9, 4))])), "depends on itself"),
        (update((9, 3, [typed("x", parent=(9, 9))])), "depends on itself"),
        (update((9, 0, [struct(8, uint(1) + bytes([117, 1]) * 5000 + b"\x7e", parent="r")])), "deep"),
        (update((9, 0, [struct(8, uint(1) + bytes([118, 1, 0]) * 5000 + b"\x7e", parent="r")])), "deep"),
        (update((9, 0, [struct(8, uint(BIG), parent="r")]))[:-1], "too early"),
        (update((9, 0, [struct(3, uint(BIG), parent="r")])), "too early"),
        (uint(BIG), "too early"),
    ],
)
def test_what_is_malformed_says_why(data: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        decode(data)
    identity = Identity()
    with pytest.raises(DecodeError, match=says):
        identity.apply(data)
    with pytest.raises(DecodeError, match=says):
        identity.inspect(data)
    assert identity.state() == {}


def feed(data: bytes) -> None:
    """Give bytes to an identity that knows a canvas: refused as a whole, or integrated soundly."""
    identity = Identity()
    identity.apply(SAMPLES[1])
    before = identity.state(), identity.text("p")
    try:
        change = identity.inspect(data)
    except DecodeError:
        with pytest.raises(DecodeError):
            identity.apply(data)
        assert (identity.state(), identity.text("p")) == before
        return
    assert (identity.state(), identity.text("p")) == before
    identity.apply(data)
    assert_sound(identity)
    if change.empty:
        assert (identity.state(), identity.text("p")) == before
    again = identity.inspect(data)
    assert again.gap == change.gap
    if not change.gap:
        assert again.empty


@given(st.binary(max_size=80))
def test_garbage(data: bytes) -> None:
    feed(data)


@settings(max_examples=300)
@given(st.data())
def test_a_real_update_with_bytes_changed(data: st.DataObject) -> None:
    broken = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken) - 1))
        broken[at] = data.draw(
            st.one_of(st.integers(0, 255), st.sampled_from([broken[at] ^ 1 << bit for bit in range(8)]))
        )
    feed(bytes(broken))


@settings(max_examples=100)
@given(st.data())
def test_parts_of_real_updates_put_together(data: st.DataObject) -> None:
    parts = st.sampled_from(SAMPLES).flatmap(
        lambda sample: st.tuples(st.just(sample), st.integers(0, len(sample)), st.integers(0, len(sample)))
    )
    drawn = data.draw(st.lists(parts, max_size=4))
    feed(b"".join(sample[min(a, b) : max(a, b)] for sample, a, b in drawn))


ids = st.tuples(st.sampled_from([5, 7, 300]), st.integers(0, 24))
places = st.one_of(
    st.fixed_dictionaries({"origin": ids}),
    st.fixed_dictionaries({"right": ids}),
    st.fixed_dictionaries({"origin": ids, "right": ids}),
    st.fixed_dictionaries({"parent": ids}),
    st.fixed_dictionaries({"parent": st.sampled_from(["pages", "r"]), "sub": st.sampled_from(["p", "text"])}),
    st.fixed_dictionaries({"parent": ids, "sub": st.sampled_from(["p", "text"])}),
    st.fixed_dictionaries({"parent": st.just("r")}),
)
contents = st.sampled_from(
    [
        (4, string("ab")),
        (4, string("😀é")),
        (1, uint(2)),
        (5, string("{}")),
        (6, string("b") + string("1")),
        (7, uint(1)),
        (7, uint(2)),
        (8, uint(2) + b"\x7e\x7e"),
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from([5, 7]), st.lists(st.tuples(contents, places), max_size=5)), max_size=4))
def test_well_formed_nonsense(blocks: list[tuple[int, list[tuple[tuple[int, bytes], dict[str, object]]]]]) -> None:
    """Structs that hang on anything at all: cycles, types inside texts, neighbours in different places."""
    clocks = {5: 0, 7: 0}
    for client, drawn in blocks:
        structs = [struct(kind, content, **place) for (kind, content), place in drawn]  # type: ignore[arg-type]
        data = update((client, clocks[client], structs))
        feed(data)
        try:
            clocks[client] += sum(struct.length for struct in decode(data).structs)
        except DecodeError:
            continue
