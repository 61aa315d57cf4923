"""Word files come in: tracked changes are open suggestions, comments are threads, formatting is Markdown."""

from __future__ import annotations

import pytest

from studiolo.formats import PageDraft, read_files
from studiolo.formats.weaving import taken
from tests.formats.word import AT_BO, AT_EVE, BO, EVE, comment, dele, ins, p, r, word


def read(body: str, **parts: str) -> PageDraft:
    (page,) = read_files([("x.docx", word(body, **parts))], whole=True).pages
    return page


def changes(page: PageDraft) -> list[tuple[str, str, str, float | None]]:
    return [(page.text[one.start : one.end], one.replace, one.author, one.at) for one in page.changes]


def new(page: PageDraft) -> str:
    return taken(page).text


def test_a_replacement_is_one_change_with_its_author_and_date() -> None:
    page = read(p(r("The "), dele("cat"), ins(r("dog")), r(" sat.")))
    assert page.text == "The cat sat.\n"
    assert changes(page) == [("cat", "dog", "Bo", AT_BO)]


def test_changes_of_two_people_side_by_side_stay_theirs() -> None:
    page = read(p(r("A"), ins(r(" one")), ins(r(" two"), who=EVE), dele(" three", who=EVE), r(".")))
    assert page.text == "A three.\n"
    assert changes(page) == [("", " one", "Bo", AT_BO), (" three", " two", "Eve", AT_EVE)]


def test_what_one_puts_in_and_another_takes_out_again_is_nowhere() -> None:
    page = read(p(r("A"), ins(r(" b"), dele(" never", who=EVE)), r(".")))
    assert page.text == "A.\n" and new(page) == "A b.\n"


def test_a_passage_that_was_moved_goes_here_and_comes_there() -> None:
    page = read(p(r("First."), dele(" Moved.", tag="moveFrom")) + p(r("Second."), ins(r(" Moved."), tag="moveTo")))
    assert page.text == "First. Moved.\n\nSecond.\n" and new(page) == "First.\n\nSecond. Moved.\n"


def test_a_paragraph_put_in_behind_another() -> None:
    mark = f"<w:ins {BO}/>"
    page = read(p(r("One."), mark=mark) + p(ins(r("Two."))) + p(r("Three.")))
    assert page.text == "One.\n\nThree.\n"
    assert changes(page) == [("", "\n\nTwo.", "Bo", AT_BO)]


def test_a_paragraph_put_in_before_another() -> None:
    mark = f"<w:ins {BO}/>"
    page = read(p(r("One.")) + p(ins(r("Two.")), mark=mark) + p(r("Three."), style="Heading2"))
    assert page.text == "One.\n\n## Three.\n"
    assert changes(page) == [("", "Two.\n\n", "Bo", AT_BO)]


def test_a_heading_and_a_list_item_that_come_bring_their_signs() -> None:
    mark = f"<w:ins {BO}/>"
    page = read(p(r("One.")) + p(ins(r("New part")), style="Heading2", mark=mark) + p(r("Three.")))
    assert page.text == "One.\n\nThree.\n" and new(page) == "One.\n\n## New part\n\nThree.\n"
    page = read(p(r("a"), list=True) + p(ins(r("b")), list=True, mark=mark) + p(r("c"), list=True))
    assert page.text == "- a\n- c\n" and new(page) == "- a\n- b\n- c\n"


def test_paragraphs_that_are_joined_and_parted() -> None:
    page = read(p(r("One."), mark=f"<w:del {BO}/>") + p(r(" Two.")))
    assert new(page) == "One.Two.\n"
    page = read(p(r("One."), mark=f"<w:ins {BO}/>") + p(r("Two.")))
    assert new(page) == "One.\n\nTwo.\n" and page.text == "One.Two.\n"


def test_a_paragraph_that_goes_at_the_end_takes_what_stood_before_it() -> None:
    page = read(p(r("One.")) + p(dele("Two."), mark=f"<w:del {BO}/>"))
    assert page.text == "One.\n\nTwo.\n" and new(page) == "One.\n"


BOLD, ITALIC = "<w:b/>", "<w:i/>"


@pytest.mark.parametrize(
    ("runs", "base", "after"),
    [
        ((r("a "), ins(r("b", BOLD)), r(" c")), "a  c", "a **b** c"),
        ((r("a "), dele("b", properties=BOLD), ins(r("x", BOLD)), r(" c")), "a **b** c", "a **x** c"),
        ((r("a "), dele("b"), ins(r("b", BOLD)), r(" c")), "a b c", "a **b** c"),
        ((r("bo", BOLD), ins(r("ld", BOLD)), r(" c")), "**bo** c", "**bold** c"),
        ((ins(r("some "), r("bo", BOLD)), r("ld", BOLD)), "**ld**", "some **bold**"),
        ((r("it", ITALIC), ins(r(" plain ")), r("is", ITALIC)), "*itis*", "*it* plain *is*"),
        ((r("both", BOLD + ITALIC), r(" and ", BOLD), ins(r("one", ITALIC))), "***both* and**", "***both* and** *one*"),
        ((r("a "), ins(r("x", BOLD), r("y", ITALIC)), r(".")), "a .", "a **x***y*."),
        ((r("word ", BOLD), r("next")), "**word** next", "**word** next"),
        ((r("x "), r("named", '<w:rStyle w:val="Emphasis"/>'), ins(r("!"))), "x *named*", "x *named*!"),
        ((r("off", '<w:b w:val="0"/>'), r(" under", '<w:u w:val="single"/>')), "off *under*", "off *under*"),
    ],
)  # fmt: skip
def test_emphasis_is_right_before_and_after(runs: tuple[str, ...], base: str, after: str) -> None:
    page = read(p(*runs))
    assert page.text.rstrip() == base
    assert new(page).rstrip() == after


def test_a_thread_with_an_answer_by_its_own_words_and_one_that_is_settled() -> None:
    body = p(
        r("The "),
        '<w:commentRangeStart w:id="7"/><w:commentRangeStart w:id="8"/>',
        r("old"),
        ins(r(" grey")),
        r(" cat"),
        '<w:commentRangeEnd w:id="7"/><w:r><w:commentReference w:id="7"/></w:r>',
        '<w:commentRangeEnd w:id="8"/><w:r><w:commentReference w:id="8"/></w:r>',
        r(" sat."),
        '<w:r><w:commentReference w:id="9"/></w:r>',
    )
    comments = (
        comment(7, "Eve", "Whose?", "00000A01") + comment(8, "Bo", "Hers.", "00000A02") + comment(9, "Di", "!", "3A")
    )
    extended = (
        '<w15:commentEx w15:paraId="00000A01" w15:done="1"/>'
        '<w15:commentEx w15:paraId="00000A02" w15:paraIdParent="00000A01" w15:done="1"/>'
        '<w15:commentEx w15:paraId="3A" w15:done="0"/>'
    )
    page = read(body, comments=comments, extended=extended)
    thread, other = page.remarks
    assert page.text[thread.start : thread.end] == "old cat" and thread.resolved
    assert [(said.author, said.text, said.at) for said in thread.said] == [
        ("Eve", "Whose?", AT_BO),
        ("Bo", "Hers.", AT_BO),
    ]
    assert (other.start, other.end, other.resolved) == (len("The old cat sat."), len("The old cat sat."), False)
    assert changes(page) == [("", " grey", "Bo", AT_BO)]


def test_google_docs_writes_answers_as_comments_on_the_same_words() -> None:
    marks = "".join(f'<w:commentRangeStart w:id="{n}"/>' for n in (0, 1))
    ends = "".join(f'<w:commentRangeEnd w:id="{n}"/><w:r><w:commentReference w:id="{n}"/></w:r>' for n in (0, 1))
    comments = comment(1, "Bo", "Yes.", date="2024-05-02T10:00:00Z") + comment(0, "Eve", "Sure?")
    page = read(p(r("A "), marks, r("word"), ends), comments=comments, main="word/document1.xml")
    (thread,) = page.remarks
    assert [said.text for said in thread.said] == ["Sure?", "Yes."] and page.text[thread.start : thread.end] == "word"


def test_notes_links_and_tables_with_changes_in_them() -> None:
    notes = f'<w:footnote w:id="2">{p(r("Long "), dele("ago"), ins(r("since")))}</w:footnote>'
    underlined = '<w:u w:val="single"/>'
    link = f'<w:hyperlink r:id="link">{r("here", underlined)}</w:hyperlink>'
    row = "<w:tr>{}<w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    table = "<w:tbl><w:tblPr/>{}</w:tbl>".format(
        row.format("", p(r("a")), p(r("b")))
        + row.format("", p(r("1")), p(r("2"), ins(r("2"))))
        + row.format(f"<w:trPr><w:ins {EVE}/></w:trPr>", p(ins(r("3"), who=EVE)), p(ins(r("4"), who=EVE)))
    )
    body = (
        p(r("See "), link, r("."), '<w:r><w:footnoteReference w:id="2"/></w:r>', r(" And "), ins(link), r(".")) + table
    )
    page = read(body, footnotes=notes)
    assert "See [here](https://example.org/a_b).[^1] And ." in page.text and "[^1]: Long ago" in page.text
    after = new(page)
    assert "And [here](https://example.org/a_b)." in after and "[^1]: Long since" in after
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in after.splitlines() if line.startswith("|")]
    assert rows[0] == ["a", "b"] and rows[2:] == [["1", "22"], ["3", "4"]]
    before = [line for line in page.text.splitlines() if line.startswith("|")]
    assert len(before) == 3, "the row that comes is not there before"
    assert {author for _, _, author, _ in changes(page)} == {"Bo", "Eve"}


def test_headings_are_chapters_and_each_keeps_its_own_changes() -> None:
    body = p(r("A Title"), style="Title")
    body += p(r("One", BOLD), style="Heading1") + p(r("Text "), ins(r("more ")), r("here."))
    body += p(r("Two"), style="Heading1") + p(r("Text "), dele("less "), r("there."))
    imported = read_files([("x.docx", word(body))])
    assert imported.title == "A Title"
    assert [page.text for page in imported.pages] == ["# One\n\nText here.\n\n", "# Two\n\nText less there.\n"]
    assert [changes(page)[0][:2] for page in imported.pages] == [("", "more "), ("less ", "")]


def test_formatting_changes_and_pictures_are_said() -> None:
    picture = (
        '<w:r><w:drawing><a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"/></w:drawing></w:r>'
    )
    change = f"<w:b/><w:rPrChange {BO}><w:rPr/></w:rPrChange>"
    imported = read_files([("x.docx", word(p(r("Bold", change), picture)))])
    assert imported.pages[0].text == "**Bold**\n"
    assert "1 picture(s)" in imported.notes[0] and "1 tracked change(s) of formatting" in imported.notes[1]


def test_what_looks_like_markdown_stays_text() -> None:
    page = read(
        p(r("1. not a list")) + p(r("- nor this")) + p(r("# nor that")) + p(r("a *star* and _line_ and [b](c)"))
    )
    again = read_files([("x.md", page.text.encode())]).pages[0].text
    assert again == page.text
    assert "\\- nor" in page.text and "1\\. not" in page.text and "\\# nor" in page.text and "\\*star\\*" in page.text


def test_an_empty_line_now_and_then_parts_scenes_and_one_after_each_paragraph_does_not() -> None:
    lines = [p(r(f"Line {number}.")) for number in range(14)]
    page = read("".join([*lines[:7], p(), *lines[7:]]))
    assert "Line 6.\n\n* * *\n\nLine 7." in page.text
    assert "* * *" not in read(p().join(lines)).text
    assert "* * *" not in read("".join([p(r("One"), style="Heading1"), p(), *lines])).text
