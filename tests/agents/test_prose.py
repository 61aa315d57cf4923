"""Words, sentences, paragraphs, checks, and the stream that becomes prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.agents import checks
from studiolo.agents.deletions import candidates
from studiolo.agents.joint import Continuation, unwrapped
from studiolo.agents.prose import alike, estimate_tokens, paragraphs, reading_ease, sentences, words

TEXTS = st.text(st.sampled_from(list('ab. ,!?\n"”“’#-*>|`I1é漢')), max_size=120)


@given(TEXTS)
def test_sentences_and_paragraphs_give_the_text_back(text):
    assert "".join(piece.text for piece in sentences(text)) == text
    assert "".join(piece.text for piece in paragraphs(text)) == text
    for piece in [*sentences(text), *paragraphs(text)]:
        assert text[piece.start :].startswith(piece.text)


def test_sentences_end_where_they_end():
    text = "Mr. Holmes came at 5.30 p.m. with Dr. J. Watson. “Stop!” he said. Who? Nobody… 世界。你好。"
    assert [piece.text for piece in sentences(text) if piece.prose] == [
        "Mr. Holmes came at 5.30 p.m. with Dr. J. Watson.",
        "“Stop!” he said.",
        "Who?",
        "Nobody…",
        "世界。",
        "你好。",
    ]


def test_structure_is_not_prose():
    text = (
        "# Title\n\nOne line\nand the next.\n\n```py\nx = 1\n```\n\n- item one\n- item two\n\n> quoted\n\n| a | b |\n"
    )
    assert [piece.text for piece in paragraphs(text) if piece.prose] == [
        "One line\nand the next.",
        "item one",
        "item two",
        "quoted",
    ]


RAW = st.lists(
    st.sampled_from(
        ["Sure, here is more:\n\n", "The rain", " fell on", " the roof.", " It", " was late", ".", "\n\n", " Nobody",
         " came",
         " and", " Anna", " slept!", "<|im_end|>", "<|im", " <page>", "He ran away from home.", " “Go,” she said."]
    ),
    max_size=25,
).map("".join)  # fmt: skip


def flowed(raw: str, sizes: list[int], **options: object) -> str:
    flow = Continuation("He ran away from home.", 12, exact=True, **options)  # type: ignore[arg-type]
    out, at = "", 0
    while at < len(raw) and not flow.done:
        size = sizes[at % len(sizes)]
        out += flow.feed(raw[at : at + size])
        at += size
    out += flow.end()
    assert out == flow.written
    return out


@given(RAW, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.booleans())
def test_no_chunking_lets_a_marker_through_or_leaves_blanks_behind(raw, sizes, paragraph):
    out = flowed(raw, sizes, paragraph=paragraph)
    assert not any(marker in out for marker in checks.MARKERS)
    assert out == out.rstrip()
    assert not paragraph or "\n" not in out
    assert raw.count("Sure") > 1 or not out.lstrip().startswith("Sure")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 400])
def test_the_chunks_do_not_change_the_text(size):
    raw = (
        "Sure! Here is how it goes on:\n\nHe ran away from home. The rain fell on the roof, and nobody came to the "
        "door of the old house. It was late. Anna slept.<|im_end|> User: more"
    )
    assert flowed(raw, [size]) == " The rain fell on the roof, and nobody came to the door of the old house."


@pytest.mark.parametrize(
    ("text", "source", "clean"),
    [
        ("Here is the text:\n\nIt rained.", "It rains.", "It rained."),
        ("“It rained.”", "It rains.", "It rained."),
        ("“It rained,” she said.", "“It rains,” she said.", "“It rained,” she said."),
        ("```\nIt rained.\n```", "It rains.", "It rained."),
        ("Sure, it rained.", "Sure, it rains.", "Sure, it rained."),
        ("Certainly! I can help.\n\nIt rained.", "It rains.", "It rained."),
    ],
)
def test_whole_answers_are_unwrapped(text, source, clean):
    assert unwrapped(text, source) == clean


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.not_empty, "a", "— …"),
        (checks.not_repeating, "The sea, the sea, the open sea.", "the man the man the man the man the man the man"),
        (checks.readable, "It was 5 o'clock, and nothing moved.", "{{[[]]}}==++//\\\\ {{[[]]}}==++"),
        (checks.prose, "Anna went to London with Tom and they ate.", " ".join(["Anna Bob Cyd Dan Eve"] * 5)),
        (checks.no_talk("It rained.")[1], "It rained.", "Sure, I can do that."),
        (checks.shorter("one two three four five")[1], "one two three", "one two three four five"),
        (checks.longer("one two three four five")[1], "one two three four five six seven", "one two three four five"),
        (checks.in_range("one two three four five")[1], "one two three", "one"),
        (checks.keeps_words("one two three four", 0.7)[1], "one two tree four", "five six seven eight"),
        (checks.keeps_meaning("The sailor mended sails.", 0.6)[1], "Sailors mend a sail.", "The cook slept."),
        (checks.adds_little("The sailor mended sails.", 1)[1], "A good sailor mends.", "A happy baker burnt bread."),
        (checks.keeps_facts("Anna left in 1851.")[1], "In 1851 Anna went.", "She left with Robert."),
        (checks.keeps_facts("Anna left in 1851.")[1], "Anna left.", "Anna left in 1852."),
        (checks.not_echo("Make this much shorter please")[1], "It rained.", "Make this much shorter, please."),
        (checks.no_refrain("x")[1], "He came, he saw.", "it was the sea and it was the sea and gone"),
        (checks.not_borrowed("It rained.", "The baker closed his shop.")[1], "It stopped.", "The baker closed early."),
        (checks.changed("It rained.")[1], "It snowed.", " It rained. "),
        (checks.simpler("Notwithstanding considerable precipitation, we proceeded.")[1], "We went on in the rain.",
         "Notwithstanding considerable precipitation, everybody proceeded."),
    ],
)  # fmt: skip
def test_each_check_knows_good_from_bad(check, good, bad):
    assert check(good) is None
    assert check(bad)


def test_what_the_author_does_is_allowed():
    assert checks.run("Sure, he went.", checks.always("Sure, he goes.")).ok
    refrain = "Row, row, row, row your boat."
    assert checks.run(refrain, checks.always(refrain)).ok


def test_measures():
    assert reading_ease("The cat sat.") > reading_ease("Notwithstanding considerable precipitation we proceeded.")
    assert alike("It rained.", "it RAINED") == 1.0 and alike("It rained all day", "Nobody came") < 0.5
    assert estimate_tokens("word " * 100) >= 100 and estimate_tokens("漢字" * 50) >= 100


PARTS = (
    "he she very really in order to on a regular basis , and which was old , when it rained , -- so -- . ; (at noon)"
)


@given(st.lists(st.sampled_from(PARTS.split(" ")), max_size=30).map(" ".join))
def test_cuts_are_shorter_and_never_cut_to_nothing(sentence):
    for cut in candidates(sentence):
        assert 0.4 * len(words(sentence)) <= len(words(cut)) < len(words(sentence))


def test_cuts_keep_the_authors_words():
    dark = "It was very dark, and the storm was really getting very loud now."
    assert "It was dark, and the storm was getting loud now." in candidates(dark)
    cook = "He met the cook, who was very old and quite deaf, on the dark back stairs of the inn."
    assert "He met the cook, on the dark back stairs of the inn." in candidates(cook)
