"""A quote finds the one place it means, or is refused with what would help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas.errors import Invalid, QuoteAmbiguous, QuoteNotFound
from studiolo.canvas.quotes import Folded, Quote, Span, fold, resolve

TEXT = "“It’s late,” said Ahab — 1851 was young.\n\nHe nodded. She nodded. He nodded again.\n\n彼は静かに👩‍👩‍👧を見た。"


def there(quote: Quote, text: str = TEXT) -> str:
    span = resolve(text, quote)
    return text[span.start : span.end]


def test_an_exact_quote() -> None:
    assert there(Quote("said Ahab")) == "said Ahab"
    assert there(Quote("静かに👩‍👩‍👧")) == "静かに👩‍👩‍👧"


def test_plain_quotes_and_dashes_find_typographic_ones() -> None:
    assert there(Quote('"It\'s late," said Ahab - 1851')) == "“It’s late,” said Ahab — 1851"


def test_white_space_may_differ() -> None:
    assert there(Quote("young. He nodded. She")) == "young.\n\nHe nodded. She"


def test_a_slip_of_the_pen_is_forgiven_but_a_number_is_not() -> None:
    text = "The grey whale swam slowly past the harbour in 1851, and nobody saw it.\nAnother line."
    assert there(Quote("The gray whale swam slowly past the harbor in 1851"), text).startswith("The grey whale")
    with pytest.raises(QuoteNotFound):
        resolve(text, Quote("The gray whale swam slowly past the harbor in 1857"))


def test_two_places_are_refused_with_both() -> None:
    with pytest.raises(QuoteAmbiguous) as refused:
        resolve(TEXT, Quote("He nodded"))
    candidates = refused.value.details["candidates"]
    assert [c["text"] for c in candidates] == ["He nodded", "He nodded"]
    assert candidates[1]["before"].endswith("She nodded. ")
    assert "before" in refused.value.hint


def test_context_tells_two_places_apart() -> None:
    assert resolve(TEXT, Quote("He nodded", after=" again")).start == TEXT.rindex("He nodded")
    assert resolve(TEXT, Quote("He nodded", before="young. ")).start == TEXT.index("He nodded")


def test_two_nearly_equal_places_are_no_fuzzy_match() -> None:
    text = "She walked slowly to the harbour wall.\nShe walked slowly to the harbor wall."
    with pytest.raises((QuoteNotFound, QuoteAmbiguous)):
        resolve(text, Quote("She walked slowly to the harbeur wall."))


def test_an_absent_quote_comes_back_with_the_nearest_text() -> None:
    with pytest.raises(QuoteNotFound) as refused:
        resolve(TEXT, Quote("She nodded twice and left the harbour"))
    assert any("nodded" in c["text"] for c in refused.value.details["candidates"])


def test_an_insertion_is_a_place_between_before_and_after() -> None:
    at = TEXT.index(" She nodded")
    assert resolve(TEXT, Quote("", before="He nodded.", after=" She")) == Span(at, at)
    assert resolve("", Quote("")) == Span(0, 0)
    with pytest.raises(Invalid):
        resolve(TEXT, Quote(""))
    with pytest.raises(QuoteAmbiguous):
        resolve(TEXT, Quote("", before="nodded"))
    with pytest.raises(QuoteNotFound):
        resolve(TEXT, Quote("", before="no such words"))


def test_a_long_page_is_searched_in_reasonable_steps() -> None:
    text = "\n".join(f"Line {n}: the ship went on through the weather, day {n}." for n in range(20_000))
    assert there(Quote("Line 12345: the ship  went on through the weather"), text).startswith("Line 12345")
    with pytest.raises(QuoteNotFound):
        resolve(text, Quote("a sentence about gardens and their gardeners in spring"))


@pytest.mark.parametrize(
    ("text", "find", "replace", "result"),
    [
        (
            "Well. She did not love him, not even at the very end. Then rain.",
            "She did love him, not even at the very end.",
            "She loved him.",
            "Well. She loved him. Then rain.",
        ),
        (
            "He sat, he sang aloud and then he laughed. He wept. The end.",
            "he sang and then he laughed.",
            "he was silent.",
            "He sat, he was silent. He wept. The end.",
        ),
    ],
)
def test_a_fuzzy_quote_takes_the_whole_passage_or_nothing(text: str, find: str, replace: str, result: str) -> None:
    try:
        span = resolve(text, Quote(find))
    except QuoteNotFound:
        return
    assert text[: span.start] + replace + text[span.end :] == result


def test_the_only_place_is_not_taken_when_its_surroundings_say_otherwise() -> None:
    text = "A grey cat sat. A brown dog ran."
    with pytest.raises(QuoteNotFound, match="not between"):
        resolve(text, Quote("grey", before="sat. A ", after=" dog ran"))
    assert there(Quote("grey", before="A ", after=" kitten"), text) == "grey"


def test_a_sign_is_not_cut_in_two() -> None:
    with pytest.raises(QuoteNotFound):
        resolve("wait… no", Quote("wait."))


def test_an_insertion_may_leave_out_the_blank_lines_at_its_place() -> None:
    text = "First para ends.\n\nSecond begins."
    assert resolve(text, Quote("", before="First para ends.", after="Second begins.")).start == len("First para ends.")


words = st.lists(
    st.sampled_from(["Ahab", "—", "“so”", "don’t", "鯨", "👩‍👩‍👧", "é", "\n", "sea"]), min_size=1, max_size=40
)


@given(words, st.data())
def test_whatever_is_found_reads_like_the_quote(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = Quote(text[start:end], text[max(0, start - 20) : start], text[end : end + 20])
    try:
        span = resolve(text, quote)
    except (QuoteAmbiguous, QuoteNotFound):
        return
    assert fold(text[span.start : span.end]).strip() == fold(quote.find).strip()


def test_common_words_do_not_hide_the_rare_ones_by_which_a_slip_is_found() -> None:
    noise = " ".join(f"The whales of day {n} were seen and counted." for n in range(1_000))
    meant = "The whales of the harbour were seen by a drunken lamplighter."
    text = f"{noise} {meant} {noise}"
    span = resolve(text, Quote("The whales of the harbbour were seen by a drunken lamplighter."))
    assert text[span.start : span.end] == meant
    with pytest.raises(QuoteNotFound):  # nothing rare is left to know it by
        resolve(text, Quote("The whales of dday were seeen and counted here."))


@given(st.text("a b—“”…\u200b\u00ad\n\té鯨`", max_size=24), st.data())
def test_a_folded_text_knows_where_its_characters_came_from(text: str, data: st.DataObject) -> None:
    folded = Folded(text)
    assert folded.text == fold(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))
    span = folded.span(start, end)
    if span is not None:
        assert fold(text[span.start : span.end]) == folded.text[start:end]
    else:
        assert "…" in text
