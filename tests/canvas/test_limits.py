"""Updates that no editor makes are refused before they cost anything; large ones that somebody does make pass."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Map

from studiolo.canvas import Canvas
from studiolo.canvas.canvas import MOST_CLIENTS, MOST_PARTS
from studiolo.canvas.errors import Forbidden, TooLarge
from studiolo.canvas.identity import Identity, TooManyParts, decode

from .conftest import ADA, BEN, Make
from .wire import assert_sound, struct, typed, uint, update

WRITER = 40


def item_of(canvas: Canvas, page: str) -> tuple[int, int]:
    """The id that insertions into an empty page name as their parent."""
    branch = canvas.document.identity._store.page_text(page)
    assert branch and branch.item
    return branch.item.client, branch.item.clock


def assert_in_step(canvas: Canvas, page: str) -> None:
    assert_sound(canvas.document.identity)
    assert str(canvas.document.pages[page]["text"]) == canvas.page_text(page)


@pytest.mark.parametrize(
    "data",
    [
        update((5, 0, [struct(8, b"\x01\x7e", parent=f"{n:x}") for n in range(MOST_PARTS + 1)])),
        uint(0, 1, 5, MOST_PARTS + 1) + b"\x00\x01" * (MOST_PARTS + 1),
        uint(0, MOST_PARTS + 1) + b"".join(uint(n, 1, 0, 1) for n in range(MOST_PARTS + 1)),
        uint(MOST_PARTS + 1) + b"".join(uint(0, n, 0) for n in range(MOST_PARTS + 1)) + b"\x00",
        update((5, 0, [struct(8, uint(MOST_PARTS + 1) + b"\x7e" * (MOST_PARTS + 1), parent="r")])),
        update((5, 0, [struct(8, b"\x01\x75" + uint(MOST_PARTS + 1) + b"\x7e" * (MOST_PARTS + 1), parent="r")])),
    ],
    ids=["tiny roots", "ranges of one client", "clients of ranges", "clients of nothing", "values", "values in a list"],
)
def test_an_update_of_too_many_parts_is_not_read(make: Make, data: bytes) -> None:
    canvas, _ = make("Siena")
    with pytest.raises(TooLarge, match="300,000 parts"):
        canvas.receive(data, ADA)


def test_as_many_parts_as_may_be() -> None:
    data = update((5, 0, [typed("a", parent="r")] * 6), deletes=[(5, 0, 1), (5, 3, 1)])
    assert len(decode(data, 10).structs) == 6  # a list of structs, six structs, a list of ranges, two ranges
    with pytest.raises(TooManyParts):
        decode(data, 9)


def test_a_stored_document_may_have_any_number_of_parts(make: Make) -> None:
    canvas, page = make("")
    parent = item_of(canvas, page)
    structs = [typed("a", parent=parent), *(typed("b", right=(WRITER, n)) for n in range(3_000))]
    canvas.receive(update((WRITER, 0, structs)), ADA)
    assert len(decode(canvas.document.update_since()).structs) > 3_000


def test_a_long_paste_passes(make: Make) -> None:
    canvas, page = make("")
    text = "Tanto gentile e tanto onesta pare 🙂 " * 130_000
    canvas.receive(update((WRITER, 0, [typed(text, parent=item_of(canvas, page))])), ADA)
    assert canvas.page_text(page) == text


def test_an_update_for_very_many_clients(make: Make) -> None:
    canvas, page = make("Siena")
    first = canvas.document.identity.runs(page)[0]
    blocks = [(900 + n, 0, [typed("a", origin=(first.client, first.clock))]) for n in range(MOST_CLIENTS + 1)]
    with pytest.raises(TooLarge, match="clients"):
        canvas.receive(update(*blocks), ADA)
    canvas.receive(update(*blocks[:-1]), ADA)
    assert_in_step(canvas, page)


def tangle(canvas: Canvas, page: str, number: int) -> bytes:
    """Insertions at one spot that each name another right neighbour: every one is compared with all before it."""
    first = canvas.document.identity.runs(page)[0]
    ids = [(first.client, first.clock + n) for n in range(first.length)]
    return update((WRITER, 0, [typed("x", origin=ids[0], right=ids[1 + n % (len(ids) - 1)]) for n in range(number)]))


def test_a_tangle_is_refused_and_leaves_no_trace(make: Make) -> None:
    canvas, page = make("Nel mezzo del cammin di nostra vita" * 20)
    before, runs, state = canvas.page_text(page), canvas.authors(page), canvas.document.state()
    with pytest.raises(TooLarge, match="too many others"):
        canvas.receive(tangle(canvas, page, 3_000), BEN)
    assert (canvas.page_text(page), canvas.authors(page), canvas.document.state()) == (before, runs, state)
    canvas.receive(tangle(canvas, page, 20), BEN)  # a little of it is no harm
    assert_in_step(canvas, page)
    assert canvas.authors(page) != runs


def cuts(canvas: Canvas, page: str, number: int) -> bytes:
    """Keys typed into a long text from its end to its beginning, each of which cuts what is left of it in two."""
    first = canvas.document.identity.runs(page)[0]
    ats = [first.clock + first.length * (number - n) // (number + 1) for n in range(number)]
    return update((WRITER, 0, [typed("x", origin=(first.client, at - 1), right=(first.client, at)) for at in ats]))


def test_a_long_text_cut_in_very_many_places_is_refused(make: Make) -> None:
    canvas, page = make("Nel mezzo del cammin di nostra vita " * 100_000)
    before = canvas.document.state()
    with pytest.raises(TooLarge, match="too many places"):
        canvas.receive(cuts(canvas, page, 20_000), BEN)
    assert canvas.document.state() == before
    canvas.receive(cuts(canvas, page, 100), BEN)
    assert canvas.page_text(page).count("x") == 100
    with pytest.raises(TooLarge, match="too many places"):  # and so is one that brings the long text itself
        text = "a" * 1_000_000
        ends = [typed("b", origin=(WRITER + 1, at), right=(WRITER + 1, at + 1)) for at in range(900_000, 0, -9)]
        first = canvas.document.identity.runs(page)[0]
        long = typed(text, right=(first.client, first.clock))
        canvas.receive(update((WRITER + 1, 0, [long, *ends])), BEN)


def test_a_word_replaced_everywhere_in_a_book_passes(make: Make) -> None:
    canvas, page = make("Nel mezzo del cammin di nostra vita " * 10_000)
    run = canvas.document.identity.runs(page)[0]
    ats = [run.clock + 36 * n + 3 for n in range(10_000)]
    structs = [typed("_", origin=(run.client, at - 1), right=(run.client, at)) for at in ats]
    canvas.receive(update((WRITER, 0, structs), deletes=[(run.client, at, 1) for at in ats]), BEN)
    assert canvas.page_text(page) == "Nel_mezzo del cammin di nostra vita " * 10_000
    assert_in_step(canvas, page)


def test_a_struct_that_goes_on_elsewhere_than_it_began(make: Make) -> None:
    """Its first part is known, so it comes again whole; it may not name another page for the rest."""
    canvas, page = make("")
    other = canvas.apply({"type": "add_page", "title": "Two"}, ADA).id or ""
    canvas.receive(update((WRITER, 0, [typed("ab", parent=item_of(canvas, page))])), BEN)
    with pytest.raises(Forbidden, match="another place"):
        canvas.receive(update((WRITER, 0, [typed("abc", parent=item_of(canvas, other))])), BEN)
    canvas.receive(update((WRITER, 0, [typed("abc", parent=item_of(canvas, page))])), BEN)
    assert canvas.page_text(page) == "abc"
    assert_in_step(canvas, page)


def test_thousands_of_items_of_one_client_cut_and_merged() -> None:
    """More than one chunk of them; a Yjs document of the same updates has the same text."""
    random = Random(4)
    doc: Doc[Any] = Doc()
    identity = Identity()

    def both(data: bytes) -> None:
        doc.apply_update(data)
        identity.apply(data)

    both(
        update(
            (
                7,
                0,
                [
                    struct(7, b"\x01", parent="pages", sub="p"),
                    struct(7, b"\x02", parent=(7, 0), sub="text"),
                    typed("a", parent=(7, 1)),
                    *(typed(chr(97 + n % 26) * 3, right=(7, 2 if n == 0 else 3 * n)) for n in range(4_000)),
                ],
            )
        )
    )
    last = identity.state()[7]
    assert_sound(identity)
    evens = [(7, clock, 1) for clock in range(3, last, 6)]
    rest = [(7, clock, random.randrange(1, 9)) for clock in random.sample(range(2, last - 9), 1_500)]
    for deletes in (evens, [(7, clock + 1, 2) for _, clock, _ in evens], rest[:800], rest[800:]):
        both(update(deletes=deletes))
        assert_sound(identity)
        shown: Any = doc.get("pages", type=Map)["p"]["text"]
        assert identity.text("p") == str(shown)
    runs = identity.runs("p")
    for run in random.sample(runs, 40):
        position = identity.position("p", run.start)
        assert identity.locate(position) == ("p", run.start)
