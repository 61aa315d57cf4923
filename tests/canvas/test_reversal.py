"""Text is turned back: what came goes, what went comes back where it stood, under whoever wrote it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from studiolo.canvas import Canvas
from studiolo.canvas.errors import NotFound
from studiolo.canvas.identity import Range, TextEdit
from studiolo.canvas.reversal import turn_back

from .conftest import ADA, BEN, MUSE, Make


def edit(canvas: Canvas, page: str, find: str, replace: str, by: Any = BEN, **place: str) -> None:
    hunk = {"find": find, "replace": replace, **place}
    canvas.apply({"type": "edit", "page": page, "hunks": [hunk]}, by)


def ids(canvas: Canvas, page: str, words: str) -> list[tuple[Range, str]]:
    """The ids of a passage, run by run, with their text."""
    text = canvas.page_text(page)
    start = text.index(words)
    found: list[tuple[Range, str]] = []
    for run in canvas.document.identity.runs(page):
        low, high = max(run.start, start), min(run.start + run.length, start + len(words))
        if low < high:
            before = len(text[run.start : low].encode("utf-16-le")) // 2
            units = len(text[low:high].encode("utf-16-le")) // 2
            found.append(((run.client, run.clock + before, units), text[low:high]))
    return found


def authors(canvas: Canvas, page: str) -> list[tuple[str, str]]:
    text = canvas.page_text(page)
    return [(text[r["start"] : r["start"] + r["length"]], r["participant"]) for r in canvas.authors(page)]


def yjs_text(canvas: Canvas, page: str) -> str:
    fresh: Doc[Any] = Doc()
    fresh.apply_update(canvas.document.update_since())
    return str(fresh.get("pages", type=Map)[page]["text"])


def test_what_was_deleted_comes_back_where_it_stood_under_who_wrote_it(make: Make) -> None:
    canvas, page = make("The grey 🐋 swam past the harbour.")
    gone = ids(canvas, page, "grey 🐋 swam")
    edit(canvas, page, "grey 🐋 swam", "")
    edit(canvas, page, "The ", "Once the ")
    assert turn_back(canvas, page, [], gone)
    assert canvas.page_text(page) == "Once the grey 🐋 swam past the harbour." == yjs_text(canvas, page)
    assert authors(canvas, page) == [("Once the", "ben"), (" grey 🐋 swam past the harbour.", "ada")]


def test_what_came_goes_and_what_others_wrote_inside_it_stays(make: Make) -> None:
    canvas, page = make("It rained.")
    edit(canvas, page, "rained", "poured all day", MUSE.__class__("muse", "Muse", "agent", role="editor"))
    came = [range for range, _ in ids(canvas, page, "poured all day")]
    edit(canvas, page, "all", "all the long")
    turn_back(canvas, page, came, [])
    assert canvas.page_text(page) == "It  the long."
    assert "muse" not in {who for _, who in authors(canvas, page)}


def test_runs_of_several_authors_at_one_place_come_back_in_their_order(make: Make) -> None:
    canvas, page = make("one  four")
    edit(canvas, page, "", "two ", BEN, before="one ")
    edit(canvas, page, "", "three", MUSE.__class__("muse", "Muse", "agent", role="editor"), before="two ")
    gone = ids(canvas, page, "one two three four")
    for word in ("three", "one ", "two ", " four"):
        edit(canvas, page, word, "")
    assert canvas.page_text(page) == ""
    turn_back(canvas, page, [], list(reversed(gone)))
    assert canvas.page_text(page) == "one two three four" == yjs_text(canvas, page)
    assert authors(canvas, page) == [("one ", "ada"), ("two ", "ben"), ("three", "muse"), (" four", "ada")]


def test_what_still_stands_is_not_doubled(make: Make) -> None:
    canvas, page = make("The grey whale swam.")
    whole = ids(canvas, page, "The grey whale swam.")
    edit(canvas, page, "grey ", "")
    turn_back(canvas, page, [], whole)
    assert canvas.page_text(page) == "The grey whale swam."
    assert turn_back(canvas, page, [(4711, 0, 9)], []) == b""


def test_another_copy_turns_back_what_this_one_deleted(make: Make) -> None:
    canvas, page = make("The grey whale swam.")
    gone = ids(canvas, page, "grey whale")
    edit(canvas, page, "grey whale", "white shark")
    owners = {client: canvas.owner_of(client) or "" for client in canvas.document.identity.state()}
    again = Canvas([canvas.document.update_since()], owners, clock=lambda: 1.0, random=Random(9))
    came = [range for range, _ in ids(again, page, "white shark") if again.owner_of(range[0]) == "ben"]
    update = turn_back(again, page, came, gone)
    canvas.follow(update, {})
    assert canvas.page_text(page) == again.page_text(page) == "The grey whale swam." == yjs_text(canvas, page)
    assert authors(again, page) == [("The grey whale swam.", "ada")]


def test_a_page_that_is_not_there(make: Make) -> None:
    canvas, _ = make("text")
    with pytest.raises(NotFound):
        turn_back(canvas, "nope", [], [])


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_a_text_that_was_cut_to_pieces_is_whole_again(random: Random, cuts: int) -> None:
    whole = "Ein Wal 🐋 schwamm — langsam — am Hafen 誰も vorbei, und niemand sah ihn."
    pages = [{"title": "One", "text": whole, "kind": "prose"}]
    canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: 1.0, random=Random(1))
    page = made.details["pages"][0]["id"]
    gone = ids(canvas, page, whole)
    for number in range(cuts):
        text = canvas.page_text(page)
        start = random.randint(0, len(text))
        end = min(len(text), start + random.randint(0, 9))
        insert = f"<{number}>" if random.random() < 0.5 else ""
        with canvas.document.change():
            canvas.document.edit(page, [TextEdit(start, end, insert)], canvas.writer("ben"))
        canvas.moved(page)
    typed = [
        range
        for run in canvas.document.identity.runs(page)
        if canvas.owner_of(run.client) == "ben"
        for range in [(run.client, run.clock, run.length)]
    ]
    turn_back(canvas, page, typed, gone)
    assert canvas.page_text(page) == whole == yjs_text(canvas, page)


def test_text_that_went_and_came_a_thousand_times_is_known_by_its_first_ids(make: Make) -> None:
    canvas, page = make("one two three")
    first = now = ids(canvas, page, "two")
    for _ in range(1_200):
        edit(canvas, page, "two", "")
        turn_back(canvas, page, [], now)
        now = ids(canvas, page, "two")
    assert canvas.page_text(page) == "one two three"
    assert turn_back(canvas, page, [], first) == b""  # it is there
    turn_back(canvas, page, [range for range, _ in first], [])
    assert canvas.page_text(page) == "one  three"
    turn_back(canvas, page, [], first)
    assert canvas.page_text(page) == "one two three" and authors(canvas, page) == [("one two three", "ada")]
