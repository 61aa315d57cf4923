"""What counts as a quote, and as a sentence that rests on one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.tasks.doing.proving import unproved
from studiolo.tasks.doing.quoting import (
    differs,
    exact,
    harmless,
    independent,
    link_to,
    numbers,
    read_again,
    shown,
)

TEXT = (
    "The mill was opened on **26 November 1966**, see [the plan](http://x.test/plan).\n\nIt has 1,240 stones—old ones."
)


def reading(text: str) -> object:
    return read_again([{"title": "", "place": "page 2", "text": text}])


def folded(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("The mill was opened on 26 November 1966", True),
        ("“the mill was opened on 26 november 1966”", True),
        ("opened on 26 November 1966, see the plan", True),
        ("It has 1,240 stones-old ones.", True),
        ("The mill was opened on 27 November 1966", False),
        ("The mill has 1,240 stones", False),
        ("the mill", False),
        ("", False),
    ],
)
def test_a_quote_is_in_its_source_or_it_is_none(quote: str, found: bool) -> None:
    at = exact(reading(TEXT), quote)  # type: ignore[arg-type]
    assert (at is not None) == found
    if at is not None:
        assert at.place == "page 2" and folded(shown(at.text)) in folded(re.sub(r"\]\([^)]*\)", "", TEXT))


@given(st.text(max_size=200), st.text(max_size=80))
def test_whatever_is_quoted_what_is_kept_is_a_piece_of_the_source(text: str, quote: str) -> None:
    at = exact(reading(text), quote)  # type: ignore[arg-type]
    if at is not None:
        assert at.text in text


@given(st.text(max_size=300))
def test_what_a_model_writes_brings_no_address_no_link_and_no_marks(text: str) -> None:
    plain = harmless(f"{text} [a](http://evil.test/?q=1) ![b](https://evil.test) <img src=x> www.evil.test")
    assert "evil.test" not in plain
    assert not re.search(r"[<>\[\]`*|]", plain) and "\n" not in plain


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The mill was opened in November 1966.", ""),
        ("It was on 26 November that the mill opened.", ""),
        ("The mill was opened in November 1967.", "1967"),
        ("The mill was opened by Odile Marchetti in November 1966.", "Odile"),
        ("Whales sing loudly beneath frozen oceans at dusk.", "something else"),
    ],
)
def test_a_sentence_that_says_more_than_its_passages_is_found_out(sentence: str, why: str) -> None:
    assert why in unproved(sentence, ["The mill was opened on 26 November 1966"]) and (
        bool(why) == bool(unproved(sentence, ["The mill was opened on 26 November 1966"]))
    )
    assert unproved(sentence, []) == "nothing was given for it"


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert numbers("1,240 and 12.50 and 7") == ["1240", "12.5", "7"]


def test_who_copies_is_not_another_source() -> None:
    said = "The mill was opened in the spring of 1967 before nine thousand people."
    claims = [
        {"host": "a.test", "quote": said},
        {"host": "b.test", "quote": said},
        {"host": "a.test", "quote": "Else."},
    ]
    assert independent(claims) == 1
    assert independent([*claims, {"host": "c.test", "quote": "Since 1967 there is a mill on the sound."}]) == 2


def test_a_link_leads_to_the_words() -> None:
    assert link_to("http://x.test/a", "The mill was opened on 26 November 1966 by the sea") == (
        "http://x.test/a#:~:text=The%20mill%20was%20opened,1966%20by%20the%20sea"
    )
    assert link_to("http://x.test/a.pdf", "words") == "http://x.test/a.pdf"


def test_a_passage_that_gives_another_number_of_the_same_unit_does_not_carry_a_sentence() -> None:
    assert differs("The catch fell by 4 percent.", "The catch fell by 31 percent in ten years.")
    assert not differs("One says 4 percent, the other 31 percent.", "The catch fell by 31 percent in ten years.")
    assert not differs("The catch fell by 4 percent.", "It has 24 turbines.")
