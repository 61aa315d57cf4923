"""CriticMarkup: what is open stands in the text, and any text at all comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.formats import Change, PageDraft, Remark, Said, read_files
from studiolo.formats.critic import is_critic, read_critic, with_critic
from studiolo.formats.weaving import apart, taken

MARKERS = ["{++", "++}", "{--", "--}", "{~~", "~~}", "~>", "{==", "==}", "{>>", "<<}", "@Bo: ", "(2026-01-01)"]
texts = st.lists(st.sampled_from([*"ab \n\\{}+-~=<>@(:", *MARKERS]), max_size=14).map("".join)


@st.composite
def pages(draw: st.DrawFn) -> PageDraft:
    text = draw(texts)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    changes: list[Change] = []
    for start, end in zip(places[::2], places[1::2], strict=False):
        put = draw(texts)
        if text[start:end] != put:
            author, at = draw(st.sampled_from(["Ann", "Bo B"])), draw(st.sampled_from([1.0, 5e8]))
            changes.append(Change(start, end, put, author, at, reason=draw(texts)))
    remarks: list[Remark] = []
    for _ in range(draw(st.integers(0, 2))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        said = draw(st.lists(texts.filter(bool), min_size=1, max_size=2))
        remarks.append(Remark(start, end, tuple(Said("Cy", one, 1.0) for one in said), draw(st.booleans())))
    return PageDraft("", text, "prose", tuple(changes), tuple(remarks))


@settings(max_examples=400)
@given(pages())
def test_whatever_the_text_and_whatever_is_open_comes_back(page: PageDraft) -> None:
    read = read_critic(with_critic(page))
    assert read.text == page.text
    assert taken(read).text == taken(page).text
    fields = ("start", "end", "replace", "author", "at", "reason")
    assert [[getattr(one, field) for field in fields] for one in read.changes] == [
        [getattr(one, field) for field in fields] for one in apart(page.changes)
    ]
    told = [sorted(([said.text for said in one.said], one.resolved) for one in both.remarks) for both in (read, page)]
    assert told[0] == told[1]


@given(texts)
def test_any_text_can_be_read(text: str) -> None:
    page = read_critic(text)
    assert all(0 <= one.start <= one.end <= len(page.text) for one in (*page.changes, *page.remarks))
    if not is_critic(text) and "\\" not in text:
        assert page.text == text


def test_what_other_programs_write_is_understood() -> None:
    text = "Don't go around saying{-- to people that--} the world {~~owes~>earns~~} you {==a living==}{>>really?<<}."
    text += "{++ Yes.++}"
    page = read_critic(text)
    assert page.text == "Don't go around saying to people that the world owes you a living."
    assert taken(page).text == "Don't go around saying the world earns you a living. Yes."
    assert {one.author for one in page.changes} == {"Somebody"}
    assert (
        page.remarks[0].said[0].text == "really?"
        and page.text[page.remarks[0].start : page.remarks[0].end] == "a living"
    )


@pytest.mark.parametrize(
    ("change", "written"),
    [
        (Change(4, 7, "dog", "Bo", 0.0), "The {~~cat~>dog~~}{>>@Bo (1970-01-01T00:00:00Z): <<} sat."),
        (Change(4, 4, "old ", "Bo", kind="agent"), "The {++old ++}{>>@Bo (, agent): <<}cat sat."),
        (Change(3, 7, "", "Bo", reason="Dull"), "The{-- cat--}{>>@Bo: Dull<<} sat."),
    ],
)
def test_a_change_is_written_with_its_author(change: Change, written: str) -> None:
    page = PageDraft("", "The cat sat.", "prose", (change,))
    assert with_critic(page) == written
    (read,) = read_critic(written).changes
    assert (read.author, read.kind, read.at, read.reason) == (change.author, change.kind, change.at, change.reason)


def test_a_file_with_markers_is_divided_at_its_chapters() -> None:
    text = "# One\n\nA{++b++}.\n\n# Two\n\n{--C--}d {==e==}{>>@Eve: f<<}\n"
    one, two = read_files([("x.md", text.encode())]).pages
    assert (one.text, two.text) == ("# One\n\nA.\n\n", "# Two\n\nCd e\n")
    assert [(c.start, c.end, c.replace) for c in one.changes] == [(8, 8, "b")]
    assert [(c.start, c.end, c.replace) for c in two.changes] == [(7, 8, "")]
    assert two.remarks[0].said == (Said("Eve", "f"),)
