"""Texts, authors and positions of a canvas, in code points."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from studiolo.canvas.identity import Identity, Run, TextEdit, decode
from tests.canvas.wire import assert_sound, typed, update

PAGE = "p"


def canvas(text: str = "", client: int = 5) -> tuple[Doc[Any], Identity]:
    doc: Doc[Any] = Doc(client_id=client)
    doc.get("pages", type=Map)[PAGE] = Map({"title": "P", "text": Text(text)})
    identity = Identity()
    identity.apply(doc.get_update())
    return doc, identity


def edit(identity: Identity, start: int, end: int, insert: str, client: int) -> None:
    identity.apply(identity.edit(PAGE, [TextEdit(start, end, insert)], client))


def test_an_empty_document_has_no_pages() -> None:
    identity = Identity()
    assert (identity.pages(), identity.state()) == ([], {})
    assert identity.locate({"item": {"client": 1, "clock": 0}, "assoc": 0}) is None


def test_pages_are_maps_with_a_text() -> None:
    doc, _ = canvas("one")
    pages = doc.get("pages", type=Map)
    pages["no text"] = Map({"title": "x"})
    pages["not a text"] = Map({"text": "x"})
    pages["not a map"] = Array([Text("x")])
    pages["another"] = Map({"text": Text("two")})
    doc.get("suggestions", type=Map)["s"] = Map({"text": Text("not a page")})
    identity = Identity()
    identity.apply(doc.get_update())
    assert sorted(identity.pages()) == ["another", PAGE]
    assert identity.text("another") == "two"
    del pages["another"]
    pages[PAGE]["text"] = Text("anew")
    identity.apply(doc.get_update())
    assert identity.pages() == [PAGE]
    assert identity.text(PAGE) == "anew"
    assert_sound(identity)


def test_offsets_are_code_points() -> None:
    _, identity = canvas("a😀漢e\u0301👩‍🚀")
    assert identity.length(PAGE) == len("a😀漢e\u0301👩‍🚀") == 8
    for offset in range(8):
        for assoc in (0, -1):
            assert identity.locate(identity.position(PAGE, offset, assoc)) == (PAGE, offset)


def test_who_wrote_what() -> None:
    _, identity = canvas("It was a night.")
    edit(identity, 9, 9, "dark 😀 ", 7)
    edit(identity, 14, 15, "and", 8)
    edit(identity, 0, 2, "", 7)
    assert identity.text(PAGE) == " was a dark and night."
    assert [(run.start, run.length, run.client) for run in identity.runs(PAGE)] == [
        (0, 7, 5),
        (7, 5, 7),
        (12, 3, 8),
        (15, 1, 7),
        (16, 6, 5),
    ]


def test_runs_of_one_hand_are_not_joined_over_what_others_hold() -> None:
    _, identity = canvas()
    edit(identity, 0, 0, "ac", 7)
    edit(identity, 1, 1, "b", 8)
    assert identity.runs(PAGE) == [Run(0, 1, 7, 0), Run(1, 1, 8, 0), Run(2, 1, 7, 1)]
    edit(identity, 1, 2, "", 8)
    assert identity.runs(PAGE) == [Run(0, 2, 7, 0)]


def test_a_position_moves_with_its_character() -> None:
    _, identity = canvas("to be or not to be")
    start, end = identity.position(PAGE, 3, 0), identity.position(PAGE, 5, -1)
    edit(identity, 0, 0, "Question: ", 7)
    assert (identity.locate(start), identity.locate(end)) == ((PAGE, 13), (PAGE, 15))
    edit(identity, 13, 13, "always ", 7)  # before the character that the start clings to
    edit(identity, 22, 22, "!", 7)  # behind the one that the end clings to
    assert (identity.locate(start), identity.locate(end)) == ((PAGE, 20), (PAGE, 22))
    edit(identity, 18, 24, "", 7)
    assert identity.locate(start) == identity.locate(end) == (PAGE, 18)


def test_positions_at_the_ends_name_the_text() -> None:
    _, identity = canvas("ab")
    end, start = identity.position(PAGE, 2, 0), identity.position(PAGE, 0, -1)
    assert set(end) == set(start) == {"type", "assoc"}
    edit(identity, 2, 2, "c", 7)
    edit(identity, 0, 0, "😀", 7)
    assert (identity.locate(end), identity.locate(start)) == ((PAGE, 4), (PAGE, 0))


def test_a_position_in_the_middle_of_a_character_is_before_it() -> None:
    _, identity = canvas("a😀b")
    item: Any = identity.position(PAGE, 1)["item"]
    half = {"client": item["client"], "clock": item["clock"] + 1}
    assert identity.locate({"item": half, "assoc": 0}) == (PAGE, 1)
    assert identity.locate({"item": half, "assoc": -1}) == (PAGE, 2)
    assert identity.locate({"item": item, "assoc": -1}) == (PAGE, 1)


def test_a_position_whose_page_is_gone() -> None:
    doc, identity = canvas("text")
    positions = [identity.position(PAGE, 2), identity.position(PAGE, 4)]
    doc.get("pages", type=Map)[PAGE]["text"] = Text("another text")
    identity.apply(doc.get_update())
    assert [identity.locate(position) for position in positions] == [None, None]


def test_positions_of_other_texts_are_not_ours() -> None:
    doc, identity = canvas("text")
    doc.get("chat", type=Array).append(Map({"text": Text("hello")}))
    doc.get("root", type=Text).insert(0, "text")
    identity.apply(doc.get_update())
    page_item: Any = identity.position(PAGE, 4)["type"]
    for clock in range(identity.state()[5]):
        found = identity.locate({"item": {"client": 5, "clock": clock}, "assoc": 0})
        assert found is None or found[0] == PAGE
        by_type = identity.locate({"type": {"client": 5, "clock": clock}, "assoc": 0})
        assert (by_type is not None) == (clock == page_item["clock"])


def test_numbers_may_be_floats() -> None:
    _, identity = canvas("text")
    position: Any = identity.position(PAGE, 2, -1)
    floats = {
        "item": {key: float(value) for key, value in position["item"].items()},
        "assoc": -1.0,
        "type": None,
        "tname": None,
    }
    assert identity.locate(floats) == (PAGE, 2)
    assert identity.locate({"item": position["item"]}) == (PAGE, 1), "assoc is 0 when it is left out"


@pytest.mark.parametrize(
    "position",
    [
        None,
        [],
        "x",
        {},
        {"assoc": 0},
        {"item": 3},
        {"item": {}},
        {"item": {"client": 5}},
        {"item": {"client": "5", "clock": 0}},
        {"item": {"client": 5, "clock": 1.5}},
        {"item": {"client": 5, "clock": float("nan")}},
        {"item": {"client": 5, "clock": float("inf")}},
        {"item": {"client": 5, "clock": -1}},
        {"item": {"client": 5, "clock": True}},
        {"item": {"client": 5, "clock": 10**30}},
        {"item": {"client": [5], "clock": 0}},
        {"item": {"client": 5, "clock": 3}, "assoc": "left"},
        {"type": {"client": 5, "clock": 10**9}, "assoc": 0},
        {"tname": "pages", "assoc": 0},
    ],
)
def test_malformed_positions_are_nowhere(position: object) -> None:
    _, identity = canvas("text")
    assert identity.locate(position) is None


def test_offsets_outside_the_text_are_refused() -> None:
    _, identity = canvas("😀")
    for offset in (-1, 2):
        with pytest.raises(ValueError, match="does not fit"):
            identity.position(PAGE, offset)


def test_a_decoded_update_serves_twice() -> None:
    doc, identity = canvas("ab")
    state = doc.get_state()
    doc.get("pages", type=Map)[PAGE]["text"].insert(1, "x")
    decoded = decode(doc.get_update(state))
    assert identity.inspect(decoded).pages == {PAGE}
    for _ in range(2):
        identity.apply(decoded)
        assert identity.text(PAGE) == "axb"
    assert identity.inspect(decoded).empty


def test_deleted_words_are_dropped() -> None:
    _, identity = canvas()
    for _ in range(50):
        edit(identity, 0, 0, "x" * 1000, 7)
        edit(identity, 0, 1000, "", 7)
    items = list(identity._store.strands[7])
    assert sum(len(item.text) for item in items) == 0
    assert identity.length(PAGE) == 0
    assert identity.state()[7] == 50_000


def test_one_hand_typing_and_taking_back_stays_few_items() -> None:
    _, identity = canvas("The end.")
    for at in range(400):
        edit(identity, at, at, "k", 7)
    assert len(list(identity._store.strands[7])) == 1
    for at in reversed(range(100, 400)):
        edit(identity, at, at + 1, "", 7)
    assert len(list(identity._store.strands[7])) == 2
    assert identity.text(PAGE) == "k" * 100 + "The end."
    assert_sound(identity)


def test_many_small_items_are_found_right() -> None:
    """Enough items for many blocks, scattered by three hands, against a plain string beside them."""
    rng = random.Random(11)
    _, identity = canvas()
    text = ""
    for number in range(3000):
        start = rng.randint(0, len(text))
        end = min(len(text), start + rng.choice([0, 0, 0, 1, 2]))
        insert = rng.choice(["a", "漢", "😀", "xy", ""])
        edit(identity, start, end, insert, 7 + number % 3)
        text = text[:start] + insert + text[end:]
    assert_sound(identity)
    assert len(list(identity._store.page_text(PAGE).text)) > 1000  # type: ignore[union-attr]
    assert identity.text(PAGE) == text
    for offset in range(len(text) + 1):
        for assoc in (0, -1):
            assert identity.locate(identity.position(PAGE, offset, assoc)) == (PAGE, offset)


def test_a_long_text_stays_in_pieces() -> None:
    text = "long 漢😀 " * 5000
    _, identity = canvas(text)
    edit(identity, 20_000, 20_001, "!", 7)
    assert identity.text(PAGE) == text[:20_000] + "!" + text[20_001:]
    assert [(run.start, run.length, run.client) for run in identity.runs(PAGE)] == [
        (0, 20_000, 5),
        (20_000, 1, 7),
        (20_001, 19_999, 5),
    ]
    assert max(item.length for item in identity._store.strands[5]) <= 4096


def test_half_characters_in_a_log_are_read_as_yjs_reads_them() -> None:
    """A room lets none in, but an old log may hold one: both halves are lost, and every offset still fits."""
    _, identity = canvas("a😀b")
    item: Any = identity.position(PAGE, 1)["item"]
    high, low = (item["client"], item["clock"]), (item["client"], item["clock"] + 1)
    identity.apply(update((7, 0, [typed("X", origin=high, right=low)])))
    assert identity.text(PAGE) == "a\ufffdX\ufffdb"
    assert identity.length(PAGE) == 5
    assert_sound(identity)
