"""A long text is split where its author divided it, and nowhere else; no character is lost."""

import time

import pytest

from studiolo.formats import read_files, split_chapters

ALICE = """The Project Gutenberg eBook of Alice's Adventures in Wonderland

Title: Alice's Adventures in Wonderland

Author: Lewis Carroll

*** START OF THE PROJECT GUTENBERG EBOOK ALICE ***

Contents

 CHAPTER I.     Down the Rabbit-Hole
 CHAPTER II.    The Pool of Tears
 CHAPTER III.   A Caucus-Race and a Long Tale


CHAPTER I.
Down the Rabbit-Hole


Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do.

Chapter and verse were not enough for her, said the sister.

CHAPTER II.
The Pool of Tears


“Curiouser and curiouser!” cried Alice (she was so much surprised, that for the moment she quite forgot).

CHAPTER III.
A Caucus-Race and a Long Tale


They were indeed a queer-looking party that assembled on the bank, the birds with draggled feathers.

*** END OF THE PROJECT GUTENBERG EBOOK ALICE ***

Updated editions will replace the previous one, the old editions will be renamed.
"""


def titles(text: str, markdown: bool) -> list[str]:
    _, sections = split_chapters(text, markdown)
    assert "".join(section.text for section in sections) == text
    return [section.title for section in sections]


def test_a_gutenberg_book_becomes_its_chapters_and_its_contents_are_not_chapters() -> None:
    book = read_files([("pg11.txt", b"\xef\xbb\xbf" + ALICE.replace("\n", "\r\n").encode())])
    assert book.title == "Alice's Adventures in Wonderland"
    assert [page.title for page in book.pages] == [
        "Front matter",
        "CHAPTER I. Down the Rabbit-Hole",
        "CHAPTER II. The Pool of Tears",
        "CHAPTER III. A Caucus-Race and a Long Tale",
        "About this edition",
    ]
    assert "".join(page.text for page in book.pages) == ALICE


def test_a_contents_with_blank_lines_between_its_entries_is_not_taken_for_chapters() -> None:
    body = "It was a long winter and nobody in the house could say when it had begun."
    contents = "\n\n".join(f"CHAPTER {number}" for number in ("ONE", "TWO", "THREE"))
    chapters = "\n\n".join(f"CHAPTER {number}\n\n{body}" for number in ("ONE", "TWO", "THREE"))
    assert titles(f"{contents}\n\n{chapters}\n", markdown=False) == [
        "Front matter",
        "CHAPTER ONE",
        "CHAPTER TWO",
        "CHAPTER THREE",
    ]


def test_a_part_title_stays_with_its_first_chapter() -> None:
    body = "It was a long winter and nobody in the house could say when it had begun."
    text = f"PART ONE\n\nCHAPTER 1\n\n{body}\n\nCHAPTER 2\n\n{body}\n\nPART TWO\n\nCHAPTER 3\n\n{body}\n"
    _, sections = split_chapters(text, markdown=False)
    assert [section.title for section in sections] == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3"]
    assert sections[0].text.startswith("PART ONE") and sections[2].text.startswith("PART TWO")


def test_markdown_splits_at_first_level_headings_and_keeps_what_comes_before() -> None:
    assert titles("An epigraph.\n\n# One\na\n## Deep\nb\n# Two #\nc\n", True) == ["Opening", "One", "Two"]


def test_markdown_with_one_title_splits_at_second_level_and_names_the_canvas() -> None:
    own, sections = split_chapters("# The *Work*\n\n## First\na\n\n## [Second](x.md)\nb", True)
    assert own == "The Work"
    assert [section.title for section in sections] == ["First", "Second"]


def test_a_hash_in_a_code_fence_is_not_a_heading() -> None:
    text = "# Only\n\n```python\n# one\n# two\n```\n\n~~~\n# three\n~~~\n"
    assert titles(text, True) == [""]


def test_hashes_of_plain_text_are_not_headings() -> None:
    assert titles("# not a heading\nx\n# neither\n", markdown=False) == [""]


def test_sentences_that_mention_chapters_do_not_split() -> None:
    text = "He read.\n\nChapter one was dull, he said, and said so at length\nfor an hour.\n\nPart of it was true.\n"
    assert titles(text, markdown=False) == [""]


def test_closing_hashes_belong_to_the_heading_only_after_a_blank() -> None:
    assert titles("# One ##  \na\n# C#\nb\n#\tTwo\t#\nc\n", True) == ["One", "C#", "Two"]


@pytest.mark.parametrize(
    "text",
    [
        "# a" + " " * 25_000 + "x\n# b",
        "# " + "[" * 50_000 + "\n# b",
        ("# " + "[" * 990 + "\n") * 1_000,
        ("# " + "[](" * 330 + "\n") * 200,
        ("# " + "*a**b" * 190 + "\n") * 200,
        ("# " + "a #" * 330 + "\n") * 1_000,
    ],
)
def test_no_heading_however_odd_takes_long(text: str) -> None:
    began = time.process_time()
    _, sections = split_chapters(text, markdown=True)
    assert time.process_time() - began < 1.0
    assert "".join(section.text for section in sections) == text
