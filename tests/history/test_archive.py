"""The archive says of every moment what a replay of the log says."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from studiolo.history.archive import Archive
from tests.canvas.conftest import ADA, BEN, CAL, MUSE
from tests.history.book import Book

PEOPLE = [ADA, BEN, CAL]
WORDS = st.text(alphabet="ab é漢😀\n", min_size=0, max_size=4)
TYPING = st.tuples(st.sampled_from([ADA, BEN]), st.integers(0, 60), st.integers(0, 6), WORDS)


def replayed(book: Book, page: str, upto: int) -> str:
    doc: Doc[Any] = Doc()
    pages: Map[Any] = doc.get("pages", type=Map)
    for row in book.rows[:upto]:
        if row.data:
            doc.apply_update(row.data)
    return str(pages[page]["text"]) if page in pages else ""


def type_all(book: Book, typing: list[tuple[Any, int, int, str]]) -> None:
    for by, at, length, insert in typing:
        text = book.text()
        start = min(at, len(text))
        book.type(by, start, min(len(text), start + length), insert)


@given(st.lists(TYPING, max_size=12), st.integers(0, 20))
def test_every_moment_reads_as_a_replay_of_the_log_does(typing: list[Any], pause: int) -> None:
    book = Book("Once 😀 there was é.")
    type_all(book, typing[:pause])
    book.look()  # an archive that grows says the same as one that is made at once
    type_all(book, typing[pause:])
    fresh = Archive()
    fresh.feed(book.rows)
    for seq in range(len(book.rows) + 1):
        expected = replayed(book, book.page, seq)
        assert book.look().text(book.page, seq) == fresh.text(book.page, seq) == expected
    assert book.archive.text(book.page, book.archive.seq) == book.text()


@given(st.lists(TYPING, max_size=6), st.lists(st.integers(0, 8), max_size=4))
def test_moments_read_the_same_when_text_has_been_brought_back(typing: list[Any], moments: list[int]) -> None:
    book = Book("Once 😀 there was é.")
    type_all(book, typing)
    for moment in moments:
        book.restore(ADA, min(moment, len(book.rows)))
    for seq in range(1, len(book.rows) + 1):
        assert book.look().text(book.page, seq) == replayed(book, book.page, seq)


def test_what_agents_wrote_and_people_accepted_is_in_it() -> None:
    book = Book("The keeper climbed slowly.")
    made = book.act(MUSE, type="suggest", page=book.page, hunks=[{"find": "slowly", "replace": "in the dark"}])
    taken = book.act(BEN, type="accept", suggestion=next(iter(book.canvas.suggestions)))
    archive = book.look()
    assert archive.text(book.page, made) == "The keeper climbed slowly."
    assert archive.text(book.page, taken) == "The keeper climbed in the dark."
    assert (archive.author(made), archive.author(taken)) == ("muse", "ben")


def test_the_list_of_pages_is_known_at_every_moment() -> None:
    book = Book("one", "two")
    first, second = book.pages
    renamed = book.act(ADA, type="rename_page", page=first, title="Prologue")
    moved = book.act(ADA, type="move_page", page=second, after=None)
    removed = book.act(ADA, type="remove_page", page=first)
    back = book.act(ADA, type="restore_page", page=first)
    archive = book.look()

    def titles(seq: int) -> list[str]:
        return [page.title for page in archive.order(seq)]

    assert titles(0) == []
    assert titles(1) == ["Page 1", "Page 2"]
    assert titles(renamed) == ["Prologue", "Page 2"]
    assert titles(moved) == ["Page 2", "Prologue"]
    assert titles(removed) == ["Page 2"]
    assert titles(back) == ["Page 2", "Prologue"]


def test_an_archive_takes_rows_in_order_only() -> None:
    book = Book("one")
    book.write(ADA, "one", "two")
    archive = Archive()
    try:
        archive.feed(book.rows[1:])
    except ValueError as error:
        assert "row 2 does not follow row 0" in str(error)
    else:
        raise AssertionError("it took a row whose predecessor is missing")
