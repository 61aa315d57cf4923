"""A rewrite becomes the smallest readable change."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas.diff import rewrite_hunks, text_edits, tokens
from studiolo.canvas.identity import TextEdit


def applied(old: str, edits: list[TextEdit]) -> str:
    for edit in reversed(edits):
        old = old[: edit.start] + edit.insert + old[edit.end :]
    return old


def test_only_the_words_that_differ_are_touched() -> None:
    edits = text_edits("He walked slowly to the door.", "He ran to the door, laughing.")
    assert [(e.start, e.end, e.insert) for e in edits] == [
        (3, 9, "ran"),
        (10, 17, ""),
        (28, 28, ", laughing"),
    ]


def test_near_changes_are_read_as_one_hunk_and_far_ones_are_not() -> None:
    old = "The old man looked at the dark sea for a long while and then he said a quiet word."
    new = "An old woman looked at the dark sea for a long while and then he said a loud word."
    assert [(h.find, h.replace) for h in rewrite_hunks(old, new)] == [
        ("The old man", "An old woman"),
        ("quiet", "loud"),
    ]


def test_a_hunk_can_be_found_again_by_its_context() -> None:
    old = "He nodded. He nodded. He nodded."
    (hunk,) = rewrite_hunks(old, "He nodded. She nodded. He nodded.")
    assert (hunk.before, hunk.find, hunk.after) == ("He nodded. ", "He", " nodded. He nodded.")


def test_what_reads_as_one_sign_is_never_cut() -> None:
    assert tokens("हिन्दी cafe\u0301 🇫🇷🇫🇮 👩‍👩‍👧 3.14 don’t 鯨が") == [
        "हिन्दी", " ", "cafe\u0301", " ", "🇫🇷", "🇫🇮", " ", "👩‍👩‍👧", " ", "3.14", " ", "don’t", " ", "鯨", "が",
    ]  # fmt: skip


texts = st.text(st.sampled_from("ab é彼👩‍\u0301.\n’Z"), max_size=60)


@given(texts)
def test_tokens_join_to_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


@given(st.text(max_size=60))
def test_tokens_join_to_any_text(text: str) -> None:
    assert "".join(tokens(text)) == text


@given(texts, texts)
def test_edits_and_hunks_turn_old_into_new(old: str, new: str) -> None:
    edits = text_edits(old, new)
    assert applied(old, edits) == new
    assert all(a.end < b.start for a, b in pairwise(edits))
    at, out = 0, ""
    for hunk in rewrite_hunks(old, new):
        place = len(hunk.before) + old.index(hunk.before + hunk.find + hunk.after, max(0, at - len(hunk.before)))
        assert place >= at
        out += old[at:place] + hunk.replace
        at = place + len(hunk.find)
    # contexts may repeat, so the first place that fits need not be the meant one; the pieces must still add up
    assert len(out + old[at:]) == len(new)
