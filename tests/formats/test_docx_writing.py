"""Word files go out: what is open is tracked changes and comments, for LibreOffice too, and comes back as it was."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from studiolo.canvas import Canvas
from studiolo.formats import Change, PageDraft, Remark, Said, export, pandoc, read_files
from studiolo.formats.critic import with_critic
from studiolo.formats.docx_writing import write_docx
from studiolo.formats.placing import drafts_of
from studiolo.formats.weaving import apart, taken
from tests.canvas.conftest import ADA, CAL, MUSE

NOVEL = """# One

Anna came home. It was late, and *the house* was dark.

She lit a lamp.

- a
- b
- c

| who | what |
|---|---|
| Bo | lamp |

Some plain words here[^1].

> The sea keeps what it is given.

```py
x = 1
```

[^1]: The note is long.
"""
AT = 1_767_323_045.0


def at(find: str, put: str, author: str = "Bo", **more: Any) -> Change:
    start = NOVEL.index(find)
    return Change(start, start + len(find), put, author, AT, **more)


def after(find: str, put: str, author: str = "Bo") -> Change:
    end = NOVEL.index(find) + len(find)
    return Change(end, end, put, author, AT)


def over(find: str, *said: Said, resolved: bool = False) -> Remark:
    start = NOVEL.index(find)
    return Remark(start, start + len(find), said, resolved)


def around(*changes: Change, remarks: tuple[Remark, ...] = ()) -> PageDraft:
    ordered = tuple(sorted(changes, key=lambda one: (one.start, one.end)))
    return PageDraft("One", NOVEL, "prose", ordered, remarks)


def back(page: PageDraft) -> PageDraft:
    (read,) = read_files([("x.docx", write_docx("A book", [page]))]).pages
    return read


def told(page: PageDraft) -> list[tuple[str, str, str]]:
    return [(page.text[one.start : one.end], one.replace, one.author) for one in page.changes]


@pytest.mark.parametrize(
    "change",
    [
        at("home", "to the harbour", reason="A place"),
        after("dark.", " Too dark.", "Cy"),
        after("lamp.", "\n\nThen *she* waited."),
        at("- b\n", ""),
        after("- b\n", "- b2\n"),
        at("is long", "is [short](https://example.org/x)"),
        at("She lit a lamp.\n\n", ""),
        at("*the house*", "**the house**"),
        at("the house", "a **very** old house"),
        at("# One", "# The first"),
        at("plain words", "**plain words**"),
        after("Anna came home.", " “Again.”"),
        at("x = 1", "x = 2"),
        at("keeps", "gives"),
        at("lamp |", "candle |"),
        at("Anna came home. It was late, and *the house* was dark.", "Nobody."),
    ],
)
def test_one_change_comes_back_as_it_was(change: Change) -> None:
    page = around(change)
    read = back(page)
    assert read.text == NOVEL
    assert {one.author for one in read.changes} == {change.author} and {one.at for one in read.changes} == {AT}
    assert taken(read).text == taken(page).text
    assert "".join(one.reason for one in read.changes) == change.reason


def test_many_changes_and_threads_come_back_as_they_were() -> None:
    page = around(
        at("home", "to the harbour", reason="A place"),
        after("dark.", " Too dark.", "Cy"),
        at("a lamp", "two lamps", "Di"),
        at("- b\n", "", "Cy"),
        at("long", "short", "Eve"),
        remarks=(
            over("the house", Said("Eve", "Which?", AT), Said("Bo", "This one.\nReally.", AT + 60)),
            over("Some plain", Said("Cy", "Why & <how>?", AT), resolved=True),
        ),
    )
    read = back(page)
    assert told(read) == told(page)
    assert [(one.start, one.end, one.said, one.resolved) for one in read.remarks] == [
        (one.start, one.end, one.said, one.resolved) for one in page.remarks
    ]


def test_emphasis_that_two_hunks_of_one_suggestion_make_is_written_whole() -> None:
    start = NOVEL.index("plain words")
    pair = (
        Change(start, start, "**", "Bo", AT, group="s"),
        Change(start + len("plain words"), start + len("plain words"), "**", "Bo", AT, group="s"),
    )
    read = back(around(*pair))
    assert read.text == NOVEL and "Some **plain words** here" in taken(read).text


@pytest.mark.parametrize(
    ("text", "puts"),
    [
        ("**never** Anna **never**\n", [(3, 17, " new *words* ")]),
        ("**never** **never**\n", [(3, 3, " new *words* "), (3, 13, "[b](https://b.org/0)")]),
        ("*never* Anna\n", [(3, 3, " so "), (3, 5, "")]),
        ("a b c\n\nd e\n", [(1, 7, "\n\nNew one.")]),
        ("old\n\nnew\n", [(0, 0, "b"), (0, 0, "\n\nNew one."), (0, 5, "\n\nNew one.")]),
    ],
)
def test_emphasis_and_paragraphs_are_whole_on_either_side_of_a_change(
    text: str, puts: list[tuple[int, int, str]]
) -> None:
    """Where they begin and end is another thing in the text as it is and in the text that it becomes."""
    page = PageDraft("P", text, "prose", tuple(Change(start, end, put, "Bo", AT) for start, end, put in puts))
    read = back(page)
    now, wanted = meant(taken(read).text, taken(page).text)
    assert read.text == text and now == wanted


def test_a_heading_that_becomes_another_kind_of_heading_goes_and_comes_whole() -> None:
    read = back(around(at("# One", "## One")))
    assert read.text.startswith("# One\n") and taken(read).text.startswith("## One\n")


def test_what_is_said_about_a_suggestion_is_said_about_its_words() -> None:
    ticks = count(1)
    canvas, made = Canvas.new(
        "T", [{"title": "One", "text": NOVEL}], by=ADA, clock=lambda: float(next(ticks)), random=Random(1)
    )
    page = made.details["pages"][0]["id"]
    for find, put in (("late", "not late"), ("", " Nobody waved.")):
        hunk = {"find": find, "replace": put, "before": "" if find else "Anna came home."}
        id = canvas.apply({"type": "suggest", "page": page, "hunks": [hunk], "reason": "Because."}, MUSE).id
        canvas.apply({"type": "comment", "suggestion": id, "text": f"About {put.strip()}"}, CAL)
    (draft,), notes = drafts_of(canvas)
    assert not notes
    for change, remark in zip(draft.changes, draft.remarks, strict=True):
        assert remark.about == change.group
    marked = with_critic(draft)
    assert "{=={++ Nobody waved.++}{>>@Muse" in marked and "==}{>>@Cal" in marked
    assert re.search(r"{=={~~late~>not late~~}{>>@Muse .*?<<}==}{>>@Cal", marked)
    document = zipfile.ZipFile(io.BytesIO(write_docx("T", [draft]))).read("word/document.xml").decode()
    for put in ("Nobody waved", "not late"):
        opened = re.search(r'commentRangeStart w:id="(\d+)"(?:(?!commentRangeStart).)*' + put, document, re.DOTALL)
        assert opened, document
        ended = document.index(f'commentRangeEnd w:id="{opened.group(1)}"')
        assert opened.start() < document.index(put) < ended


def test_pages_keep_their_bounds_titles_and_kinds() -> None:
    pages = [
        PageDraft("Ch 1", "No heading here.\n\n## A part of it\n\nText.\n"),
        PageDraft("Two", "# Two\n\n# And a half\n\nText.\n"),
        PageDraft("main.py", "def f():\n\n    return '*'\n", "code"),
        PageDraft("t.csv", "a,b\n1,2\n", "data"),
    ]
    read = read_files([("x.docx", write_docx("A book", pages))])
    assert read.title == "A book" and read.pages == pages


@pytest.mark.parametrize("format", ["docx", "critic"])
def test_suggestions_about_the_same_words_come_back_as_suggestions(format: str) -> None:
    page = around(
        at("Anna came home", "Anna went home", reason="Away"),
        at("came", "crept", "Eve", reason="Quietly"),
        at("a lamp", "two lamps"),
        at("She lit a lamp", "Nobody lit a thing", "Eve"),
    )
    read = read_files([("x.md", export("x", [page], format).data)], whole=True).pages[0]
    assert read.text == NOVEL and read.remarks == ()
    assert [(*one, change.reason) for one, change in zip(told(read), read.changes, strict=True)] == [
        ("came", "went", "Bo", "Away"),
        ("came", "crept", "Eve", "Quietly"),
        ("She lit a lamp", "Nobody lit a thing", "Eve", ""),
        ("a lamp", "two lamps", "Bo", ""),
    ]


WORDS = ("Anna", "the *old* house", "**never**", "a `b` c", "“Yes,”", "déjà vu", "[a link](https://example.org)", "42")


@st.composite
def marked_pages(draw: st.DrawFn) -> PageDraft:
    paragraphs = draw(
        st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4)
    )
    text = "\n\n".join(paragraphs) + "\n"
    changes: list[Change] = []
    for number in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text) - 1)] * 2)))
        if draw(st.booleans()):
            end = start
        put = draw(
            st.sampled_from(
                ["", "new", " new *words* ", "**", "x\n\ny", "\n\nNew one.", f"[b](https://b.org/{number})"]
            )
        )
        changes.append(Change(start, end, put, draw(st.sampled_from(["Bo", "Eve"])), AT))
    remarks = ()
    if draw(st.booleans()):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text) - 1)] * 2)))
        remarks = (Remark(start, end, (Said("Cy", "Hm.", AT),)),)
    return PageDraft("P", text, "prose", tuple(apart(changes)), remarks)


def meant(*texts: str) -> list[Any]:
    """What Markdown texts mean: `a  b` is `a b`, and how a sign is escaped is no matter."""
    read = pandoc.documents([(pandoc.MARKDOWN + "+hard_line_breaks", text) for text in texts])
    return [plain(document["blocks"]) for document in read]


STYLES = ("Emph", "Strong", "Strikeout")
BLANKS = ("Space", "SoftBreak", "LineBreak")
INLINE = {*STYLES, *BLANKS, "Str", "Code", "Link", "Quoted", "Image", "Note", "Math", "RawInline", "Span"}


def plain(node: Any) -> Any:
    """A document without what no file holds. There emphasis is what each letter is, and so is where a link leads:
    emphasis within emphasis is emphasis, and neither is within the other. A blank has none that anybody sees, nor is
    it code where code begins or ends."""
    if isinstance(node, dict):
        return {name: plain(one) for name, one in node.items()}
    if not isinstance(node, list):
        return node
    if any(isinstance(one, dict) and one.get("t") in INLINE for one in node):
        return letters(node)
    kept = [plain(one) for one in node]
    return [one for one in kept if not (isinstance(one, dict) and one.get("t") == "Para" and not one["c"])]


def letters(inlines: list[Any]) -> list[Any]:
    """The words, blanks and signs of a paragraph, each with how it is written."""
    found: list[Any] = []

    def blank() -> None:
        if found and found[-1] != " ":
            found.append(" ")

    def look(one: dict[str, Any], styles: frozenset[str]) -> None:
        kind: str = one["t"]
        inside: Any = one.get("c")
        if kind in STYLES:
            for inner in inside:
                look(inner, styles | {kind})
        elif kind == "Link":
            leads = {json.dumps([inside[0], inside[2]])}
            if re.match(r"(?!https?:|mailto:)[^/?#]*:", inside[2][0], re.IGNORECASE):
                leads.clear()  # no file goes out with a link that does something
            for inner in inside[1]:
                look(inner, styles | leads)
        elif kind in BLANKS:
            blank()
        elif kind == "Code":
            around = inside[1].partition(inside[1].strip())
            for part in around:
                if part.isspace():
                    blank()
                elif part:
                    found.append([kind, " ".join(part.split()), sorted(styles)])
        elif kind == "Str" and found and found[-1][0] == "Str" and found[-1][2] == sorted(styles):
            found[-1][1] += inside
        else:
            found.append([kind, plain(inside), sorted(styles)])

    for one in inlines:
        look(one, frozenset())
    if found and found[-1] == " ":
        found.pop()
    return found


@settings(max_examples=40)
@given(marked_pages())
def test_whatever_is_open_the_text_before_and_after_comes_back(page: PageDraft) -> None:
    # A lone sign on a line of its own is an item of a list in which nothing is, and nothing is what a file holds of it.
    assume(not re.search(r"^\s*\*+\s*$", taken(page).text, re.MULTILINE))
    read = back(page)
    base, read_base, new, read_new = meant(page.text, read.text, taken(page).text, taken(read).text)
    assert read_base == base
    assert read_new == new
    assert {one.author for one in read.changes} <= {one.author for one in page.changes}
    assert [said.text for one in read.remarks for said in one.said] == ["Hm."] * len(page.remarks)


# -- LibreOffice

office = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


def convert(data: bytes, folder: Path, to: str, name: str = "x.docx") -> bytes:
    (folder / name).write_bytes(data)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    done = subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", to, "--outdir", str(folder / "out"), str(folder / name)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    made = folder / "out" / Path(name).with_suffix("." + to.split(":")[0]).name
    assert made.exists(), done.stderr + done.stdout
    return made.read_bytes()


EDITED = around(
    at("home", "to the harbour", reason="A place"),
    at("a lamp", "two lamps", "Di"),
    after("dark.", " Too dark.", "Cy"),
    remarks=(over("the house", Said("Eve", "Which?", AT), Said("Bo", "This one.", AT + 60)),),
)


@office
def test_libreoffice_sees_tracked_changes_and_comments_by_their_authors(tmp_path: Path) -> None:
    odt = convert(write_docx("A book", [EDITED]), tmp_path, "odt")
    content = zipfile.ZipFile(io.BytesIO(odt)).read("content.xml").decode()
    regions = re.findall(r"<text:changed-region.*?</text:changed-region>", content, re.DOTALL)
    seen = sorted(
        (re.search(r"<text:(insertion|deletion)", one)[1], re.search(r"<dc:creator>(.*?)<", one)[1])  # type: ignore[index]
        for one in regions
    )
    assert seen == [
        ("deletion", "Bo"),
        ("deletion", "Di"),
        ("insertion", "Bo"),
        ("insertion", "Cy"),
        ("insertion", "Di"),
    ]
    assert all("2026-01-02T03:04" in one for one in regions)
    notes = re.findall(r"<office:annotation .*?</office:annotation>", content, re.DOTALL)
    assert sorted(re.search(r"<dc:creator>(.*?)<", one)[1] for one in notes) == ["Bo", "Bo", "Eve"]  # type: ignore[index]


@office
def test_what_libreoffice_saves_again_still_holds_everything(tmp_path: Path) -> None:
    again = convert(write_docx("A book", [EDITED]), tmp_path, "docx:MS Word 2007 XML")
    read = read_files([("x.docx", again)])
    (page,) = read.pages
    assert read.title == "A book"
    assert told(page) == told(EDITED)
    assert [one.reason for one in page.changes] == [one.reason for one in EDITED.changes]
    assert [(said.author, said.text) for said in page.remarks[0].said] == [("Eve", "Which?"), ("Bo", "This one.")]
    assert taken(page).text.replace("|:---|:---|", "|---|---|").split() == taken(EDITED).text.split()


@office
def test_documents_of_libreoffice_are_read(tmp_path: Path) -> None:
    """An .odt, an .rtf and an .html as LibreOffice itself writes them."""
    docx = write_docx(
        "A book", [PageDraft("One", "# One\n\nAnna *came* home.\n\n- a\n- b\n"), PageDraft("Two", "# Two\n\nEnd.\n")]
    )
    for to in ("odt", "rtf", "html:HTML (StarWriter)"):
        made = convert(docx, tmp_path, to)
        pages = read_files([(f"x.{to.split(':')[0]}", made)]).pages
        text = "\n".join(page.text for page in pages)
        assert "Anna *came* home." in text and "End." in text, (to, text)
        if to != "rtf":  # it knows sizes of letters and no headings
            assert [page.title for page in pages][-2:] == ["One", "Two"], (to, text)
