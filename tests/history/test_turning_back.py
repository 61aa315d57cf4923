"""Restoring, taking back what one person typed, and undoing either: nothing that others wrote is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas.errors import Forbidden, Invalid
from studiolo.history.plans import Passage, outcome_of, taken_back, to_moment
from tests.canvas.conftest import ADA, BEN, CAL, MUSE
from tests.history.book import Book

WORDS = st.text(alphabet="ab é漢😀\n", min_size=0, max_size=4)
TYPING = st.tuples(st.sampled_from([ADA, BEN]), st.integers(0, 60), st.integers(0, 6), WORDS)
SIGNS = [chr(0x20000 + n) if n % 3 else chr(0x2190 + n // 3) for n in range(900)]


def type_all(book: Book, typing: list[tuple[Any, int, int, str]]) -> None:
    for by, at, length, insert in typing:
        text = book.text()
        start = min(at, len(text))
        book.type(by, start, min(len(text), start + length), insert)


def test_a_page_reads_again_as_it_did_and_its_authors_are_who_they_were() -> None:
    book = Book("The lamp was out.")
    then = book.write(BEN, "out", "burning low")
    book.write(ADA, "The lamp was burning low.", "Nothing.")
    book.restore(ADA, then)
    assert book.text() == "The lamp was burning low."
    assert book.whose() == [("The lamp was ", "ada"), ("burning low", "ben"), (".", "ada")]


@given(st.lists(TYPING, min_size=1, max_size=10), st.lists(st.integers(0, 12), min_size=1, max_size=4))
def test_any_moment_can_be_restored_again_and_again(typing: list[Any], moments: list[int]) -> None:
    book = Book("Once 😀 there was é.")
    type_all(book, typing)
    expected = {seq: book.look().text(book.page, seq) for seq in range(1, len(book.rows) + 1)}
    for moment in moments:
        seq = 1 + moment % len(expected)
        plan = to_moment(book.look(), book.page, seq)
        assert outcome_of(book.archive, plan) == expected[seq]
        book.restore(BEN, seq)
        assert book.text() == expected[seq]


@given(st.lists(TYPING, min_size=1, max_size=10), st.integers(0, 12), st.integers(0, 3))
def test_restoring_and_undoing_it_changes_neither_text_nor_authors(typing: list[Any], moment: int, again: int) -> None:
    book = Book("Once 😀 there was é.")
    type_all(book, typing)
    text, whose = book.text(), book.whose()
    seq = 1 + moment % len(book.rows)
    restored = book.look().text(book.page, seq)
    deed = book.restore(ADA, seq)
    for _ in range(again):  # undo and redo, as often as one likes
        deed = book.undo(ADA, deed)
        assert (book.text(), book.whose()) == (text, whose)
        deed = book.undo(ADA, deed)
        assert book.text() == restored
    book.undo(ADA, deed)
    assert (book.text(), book.whose()) == (text, whose)


@given(st.lists(TYPING, max_size=8), st.lists(TYPING, max_size=8), st.integers(1, 6))
def test_what_others_type_meanwhile_is_kept(before: list[Any], meanwhile: list[Any], moment: int) -> None:
    book = Book("Once upon a time there was a lamp.")
    type_all(book, before)
    seq = 1 + moment % len(book.rows)
    plan = to_moment(book.look(), book.page, seq)
    tip = len(book.rows)
    type_all(book, [(by, at, 0, insert) for by, at, _, insert in meanwhile])
    book.do(ADA, "restore", plan, to=seq)
    late = [piece.text for piece in book.look().weave(book.page) if piece.born > tip and piece.alive]
    wanted = "".join(insert for _, _, _, insert in meanwhile)
    restored = book.archive.text(book.page, seq)
    assert sorted(book.text()) == sorted(restored + wanted)
    assert not Counter(wanted) - Counter("".join(late))


@given(
    st.lists(
        st.tuples(st.sampled_from([ADA, BEN, CAL]), st.integers(0, 80), st.integers(0, 4), st.integers(0, 3)),
        min_size=1,
        max_size=14,
    ),
    st.integers(0, 14),
    st.integers(0, 14),
)
def test_taking_back_what_one_typed_keeps_every_character_of_the_others(
    typing: list[Any], one: int, other: int
) -> None:
    """Every character is unique, so it can be told whose it is and whether it may be missing."""
    book = Book("".join(SIGNS[:20]))
    signs = iter(SIGNS[20:])
    wrote: dict[str, str] = {}
    for by, at, length, count in typing:
        by = by if by is not CAL else ADA
        text = book.text()
        start = min(at, len(text))
        insert = "".join(next(signs) for _ in range(count))
        wrote |= dict.fromkeys(insert, by.id)
        book.type(by, start, min(len(text), start + length), insert)
    first, last = sorted((1 + one % len(book.rows), 1 + other % len(book.rows)))
    first = max(first, 2)
    born = {sign: piece.born for piece in book.look().weave(book.page) for sign in piece.text}
    died = {sign: piece.died for piece in book.look().weave(book.page) for sign in piece.text}
    text, whose = book.text(), book.whose()

    deed = book.take_back(ADA, BEN, first, last)
    by_ben = {sign for sign, hand in wrote.items() if hand == "ben" and first <= born[sign] <= last}
    back = {
        sign
        for sign, row in died.items()
        if first <= row <= last and book.archive.author(row) == "ben" and sign not in by_ben
    }
    assert set(book.text()) == (set(text) - by_ben) | back
    assert len(set(book.text())) == len(book.text())

    again = book.take_back(ADA, BEN, first, last)  # there is nothing left to take back
    assert set(book.text()) == (set(text) - by_ben) | back
    assert again >= deed
    book.undo(ADA, deed)
    assert (book.text(), book.whose()) == (text, whose)


def test_what_others_did_after_it_was_looked_at_is_left_alone() -> None:
    book = Book("One. Two. Three.")
    book.write(BEN, "Two.", "Zwei.")
    seen = len(book.rows)
    book.write(BEN, "Three.", "Three. Four.")
    book.write(BEN, "One. ", "")
    book.do(ADA, "restore", to_moment(book.look(), book.page, 1, seen=seen), to=1)
    assert book.text() == "Two. Three. Four."


def test_what_was_brought_back_and_deleted_again_on_purpose_stays_deleted() -> None:
    book = Book("A lamp and a rope.")
    gone = book.write(BEN, " and a rope", "")
    book.take_back(ADA, BEN, gone, gone)
    assert book.text() == "A lamp and a rope."
    book.write(ADA, " and a rope", "")
    book.take_back(ADA, BEN, gone, gone)
    assert book.text() == "A lamp."


def test_a_passage_is_restored_and_the_rest_of_the_page_left_alone() -> None:
    book = Book("First line.\nSecond line.\nThird line.")
    book.write(BEN, "First", "The very first")
    book.write(BEN, "Second line.", "Something else.")
    book.write(ADA, "Third", "Last")
    start = len("First line.\n")
    book.restore(ADA, 1, Passage(start, start + len("Second line.")))
    assert book.text() == "The very first line.\nSecond line.\nLast line."
    with pytest.raises(Invalid):
        to_moment(book.look(), book.page, 1, Passage(30, 900))


def test_a_whole_canvas_goes_back_with_its_list_of_pages() -> None:
    book = Book("one", "two")
    first, second = book.pages
    book.write(BEN, "one", "changed", first)
    book.act(ADA, type="remove_page", page=second)
    book.act(ADA, type="rename_page", page=first, title="Else")
    third = book.canvas.apply({"type": "add_page", "title": "Three", "text": "three"}, ADA)
    book.log(third, ADA)
    deed = book.restore_all(ADA, 1)
    view = [(page["title"], page["removed"]) for page in book.canvas.outline()]
    assert view == [("Page 1", False), ("Page 2", False), ("Three", True)]
    assert book.text(first) == "one"
    assert third.id is not None
    assert book.text(third.id) == "three"  # it is only out of the list
    assert deed == len(book.rows)


def test_agents_and_commenters_cannot_turn_text_back() -> None:
    book = Book("one")
    plan = taken_back(book.look(), book.page, lambda piece: True, lambda piece: False)
    for who in (MUSE, CAL):
        with pytest.raises(Forbidden):
            book.do(who, "take_back", plan)
    assert book.text() == "one"
