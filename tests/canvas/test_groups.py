"""Suggestions that overlap are one group: a reader takes one, both in an order that makes sense, or a merge."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.errors import Conflict, Decided, Invalid, Stale
from studiolo.canvas.groups import groups
from studiolo.canvas.overlaps import overlapping
from studiolo.canvas.quotes import Span

from .conftest import ADA, BEN, MUSE, Make

ECHO = Participant("echo", "Echo", "agent", "#00857a", "commenter")
TEXT = "The grey whale swam slowly past the old harbour."


def do(canvas: Canvas, by: Participant, type: str, **fields: Any) -> Outcome:
    return canvas.apply({"type": type, **fields}, by)


def suggest(canvas: Canvas, page: str, find: str, new: str, by: Participant = MUSE, **place: str) -> str:
    made = do(canvas, by, "suggest", page=page, hunks=[{"find": find, "replace": new, **place}])
    assert made.id
    return made.id


def merge(canvas: Canvas, *ids: str, by: Participant = BEN, **more: Any) -> Outcome:
    return do(canvas, by, "merge", takes=[{"suggestion": id} for id in ids], **more)


def authors(canvas: Canvas, page: str) -> dict[str, str]:
    text = canvas.page_text(page)
    return {text[r["start"] : r["start"] + r["length"]]: r["participant"] for r in canvas.authors(page)}


def states(canvas: Canvas, *ids: str) -> list[str]:
    return [canvas.suggestions[id].status for id in ids]


@pytest.mark.parametrize(
    ("one", "other", "grouped"),
    [
        (("grey whale", "x"), ("whale swam", "y"), True),
        (("grey", "x"), ("whale", "y"), False),
        (("grey ", "x"), ("whale", "y"), False),
        (("grey whale", "x"), ("grey", "y"), True),
        (("", "x"), ("", "y"), True),
    ],
)
def test_what_overlaps(make: Make, one: tuple[str, str], other: tuple[str, str], grouped: bool) -> None:
    canvas, page = make(TEXT)
    place = {"before": "slowly"} if not one[0] else {}
    ids = [suggest(canvas, page, *one, MUSE, **place), suggest(canvas, page, *other, ECHO, **place)]
    expected = [[(ids[0], 0), (ids[1], 0)]] if grouped else []
    assert [sorted(group) for group in groups(canvas)] == [sorted(group) for group in expected]
    assert [sorted(map(tuple, group)) for group in canvas.view()["groups"]] == [sorted(group) for group in expected]


def test_an_insertion_inside_what_is_replaced_is_in_its_group_and_one_at_its_edge_is_not(make: Make) -> None:
    canvas, page = make(TEXT)
    whole, inside = suggest(canvas, page, "grey whale", "shark"), suggest(canvas, page, "", " old", ECHO, before="grey")
    suggest(canvas, page, "", " twice", ECHO, before="whale")
    assert groups(canvas, page) == [[(whole, 0), (inside, 0)]]
    do(canvas, BEN, "reject", suggestion=inside)
    assert groups(canvas, page) == []


SPANS = st.tuples(st.integers(0, 12), st.integers(0, 4)).map(lambda one: Span(one[0], one[0] + one[1]))


@given(st.lists(SPANS, max_size=9))
def test_groups_are_what_comparing_all_with_all_says(spans: list[Span]) -> None:
    def clash(one: Span, other: Span) -> bool:
        if one.start == one.end and other.start == other.end:
            return one == other
        if one.start == one.end:
            return other.start < one.start < other.end
        if other.start == other.end:
            return one.start < other.start < one.end
        return max(one.start, other.start) < min(one.end, other.end)

    group = list(range(len(spans)))
    for one in range(len(spans)):
        for other in range(one):
            if clash(spans[one], spans[other]):
                group = [group[other] if which == group[one] else which for which in group]
    expected = sorted(sorted(n for n in range(len(spans)) if group[n] == which) for which in set(group))
    found = overlapping([(span, number) for number, span in enumerate(spans)])
    assert sorted(sorted(number for _, number in members) for members in found) == expected


def test_replacements_whose_words_are_apart_are_merged_and_each_keeps_its_author(make: Make) -> None:
    canvas, page = make(TEXT)
    one = suggest(canvas, page, "grey whale swam slowly", "white whale swam slowly")
    two = suggest(canvas, page, "whale swam slowly past", "whale dived slowly past", ECHO)
    outcome = merge(canvas, one, two)
    assert canvas.page_text(page) == "The white whale dived slowly past the old harbour."
    assert outcome.outcome == "merged" and states(canvas, one, two) == ["accepted", "accepted"]
    assert authors(canvas, page)["white"] == "muse" and authors(canvas, page)["dived"] == "echo"
    assert outcome.entry and len(outcome.entry["outcome"]["changes"]) == 2
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == TEXT and states(canvas, one, two) == ["open", "open"]


def test_insertions_at_one_place_come_in_the_order_in_which_they_were_made(make: Make) -> None:
    canvas, page = make("It rained.")
    one, two = (suggest(canvas, page, "", new, by, before="rained.") for new, by in ((" One.", ECHO), (" Two.", MUSE)))
    merge(canvas, two, one)
    assert canvas.page_text(page) == "It rained. One. Two."
    assert authors(canvas, page) == {"It rained.": "ada", " One.": "echo", " Two.": "muse"}


def test_what_both_say_is_said_once(make: Make) -> None:
    canvas, page = make(TEXT)
    one = suggest(canvas, page, "grey whale swam", "white whale dived")
    two = suggest(canvas, page, "grey whale swam slowly", "white whale swam fast", ECHO)
    outcome = merge(canvas, one, two)
    assert canvas.page_text(page) == "The white whale dived fast past the old harbour."
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == TEXT


def test_what_both_delete_is_deleted(make: Make) -> None:
    canvas, page = make(TEXT)
    one, two = suggest(canvas, page, "grey whale ", ""), suggest(canvas, page, "whale swam ", "", ECHO)
    outcome = merge(canvas, one, two)
    assert canvas.page_text(page) == "The slowly past the old harbour."
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == TEXT


def test_words_changed_in_two_ways_need_somebody_to_say_what_is_to_stand_there(make: Make) -> None:
    canvas, page = make(TEXT)
    one = suggest(canvas, page, "grey whale", "white whale")
    two = suggest(canvas, page, "grey whale swam", "blue whale dived", ECHO)
    with pytest.raises(Conflict) as refused:
        merge(canvas, one, two)
    assert refused.value.details["was"] == "grey whale swam"
    assert [text["text"] for text in refused.value.details["texts"]] == ["white whale swam", "blue whale dived"]
    assert canvas.page_text(page) == TEXT
    outcome = merge(canvas, one, two, replace="pale white whale dived deep")
    assert canvas.page_text(page) == "The pale white whale dived deep slowly past the old harbour."
    whose = authors(canvas, page)
    assert (whose["white"], whose["dived"], whose[" deep"]) == ("muse", "echo", "ben")
    assert {words.strip(): who for words, who in whose.items()}["pale"] == "ben"
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == TEXT and "ben" not in authors(canvas, page).values()


def test_what_cannot_be_merged(make: Make) -> None:
    canvas, page = make(TEXT)
    one, two = suggest(canvas, page, "grey", "white"), suggest(canvas, page, "slowly", "fast", ECHO)
    with pytest.raises(Invalid):
        merge(canvas, one, one)
    with pytest.raises(Invalid):
        merge(canvas, one, two, replace="anything")
    second = do(canvas, BEN, "add_page", title="Two", text="It rained.").id or ""
    with pytest.raises(Invalid):
        merge(canvas, one, suggest(canvas, second, "rained", "poured"))
    do(canvas, BEN, "edit", page=page, hunks=[{"find": "grey", "replace": "black"}])
    with pytest.raises(Stale):
        merge(canvas, one, two)
    do(canvas, BEN, "reject", suggestion=two)
    with pytest.raises(Decided):
        merge(canvas, two, one)


WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


@given(st.randoms(use_true_random=False), st.text("ABab ", min_size=0, max_size=12))
def test_whatever_is_put_in_place_of_an_overlap_stands_there_and_can_be_taken_back(random: Random, now: str) -> None:
    pages = [{"title": "One", "text": " ".join(WORDS), "kind": "prose"}]
    canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: 1.0, random=Random(3))
    page = made.details["pages"][0]["id"]
    low = random.randint(0, 5)
    middle = random.randint(low + 1, 6)
    high = random.randint(middle, 7)
    first, second = " ".join(WORDS[low : middle + 1]), " ".join(WORDS[middle : high + 1])
    ids = [
        suggest(canvas, page, first, first.upper() if random.random() < 0.5 else "A B"),
        suggest(canvas, page, second, second.upper() if random.random() < 0.5 else "", ECHO),
    ]
    outcome = merge(canvas, *ids, replace=now)
    was = " ".join(WORDS[low : high + 1])
    assert canvas.page_text(page) == " ".join(WORDS).replace(was, now)
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == " ".join(WORDS)
    assert states(canvas, *ids) == ["open", "open"]
