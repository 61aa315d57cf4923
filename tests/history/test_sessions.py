"""Sessions: pauses, who wrote how much, and where a reader stops."""

from __future__ import annotations

from studiolo.history.compare import pages_between
from studiolo.history.notes import Note
from studiolo.history.sessions import PAUSE, Session, sessions
from tests.canvas.conftest import ADA, BEN
from tests.history.book import Book


def told(book: Book, *notes: Note) -> list[Session]:
    return sessions(book.look(), notes, book.owner)


def note(seq: int, type: str, participant: str = "ada") -> Note:
    return Note(seq, 0.0, participant, type, "", {})


def test_a_pause_ends_a_session_and_each_counts_what_it_left_behind() -> None:
    book = Book("One two three.")
    book.write(BEN, "three", "three four five")
    book.now += PAUSE + 1
    book.write(ADA, "two ", "")
    book.type(ADA, 0, 0, "wrong ")
    book.write(ADA, "wrong ", "")  # never there, as far as the session is concerned
    first, second = told(book, note(1, "create"))
    assert (first.first, first.last, second.first, second.last) == (1, 2, 3, 5)
    assert (first.total.added, first.total.removed) == (5, 0)
    assert (first.people["ada"].added, first.people["ben"].added) == (2, 3)  # he typed over a word
    assert (second.total.added, second.total.removed) == (0, 1)
    assert second.people["ada"].removed == 1
    assert second.pages[book.page].removed == 1


def test_what_was_brought_back_counts_for_whoever_brought_it_back() -> None:
    book = Book("One two three.")
    book.write(BEN, "three", "four five")
    book.now += PAUSE + 1
    deed = book.restore(ADA, 1)
    _, last = told(book, note(1, "create"), note(deed, "restore"))
    assert last.people["ada"].added == 1
    assert last.people["ada"].removed == 2
    assert set(last.people) == {"ada"}


def test_a_reader_stops_where_the_writer_paused() -> None:
    book = Book("")
    for letter in "The keeper":
        book.type(ADA, len(book.text()), len(book.text()), letter)
    stop = len(book.rows)
    book.now += 60
    for letter in " slept":
        book.type(ADA, len(book.text()), len(book.text()), letter)
    (session,) = told(book)
    assert [book.archive.text(book.page, seq) for seq in session.moments] == ["The keeper", "The keeper slept"]
    assert session.moments[0] == stop


def test_pages_are_compared_by_what_became_of_them() -> None:
    book = Book("one", "two", "three", "four")
    one, two, three, four = book.pages
    book.act(ADA, type="move_page", page=four, after=None)
    book.act(ADA, type="rename_page", page=two, title="Dawn")
    book.act(ADA, type="remove_page", page=three)
    new = book.canvas.apply({"type": "add_page", "title": "New", "text": "brand new"}, BEN)
    book.log(new, BEN)
    book.write(BEN, "one", "one and a half", one)
    found = pages_between(book.look(), 1, book.archive.seq)
    assert [(page["page"], page["marks"]) for page in found] == [
        (four, ["moved"]),
        (one, ["changed"]),
        (two, ["renamed"]),
        (new.id, ["added"]),
        (three, ["removed"]),
    ]
    assert found[1]["added"] == 3 and found[2]["was"] == "Page 2" and found[3]["added"] == 2
