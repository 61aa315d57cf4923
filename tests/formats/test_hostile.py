"""Files that are made to do harm end in an error that says what to do, and in nothing else."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from studiolo.canvas.errors import Invalid, StudioloError, TooLarge
from studiolo.formats import PageDraft, archives, export, pandoc, read_files
from tests.formats.test_books import scrivener
from tests.formats.word import comment, dele, ins, p, r, word

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "'
    + "&a;" * 50
    + '"><!ENTITY c "'
    + "&b;" * 50
    + '">]>'
)


def repacked(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    archive = zipfile.ZipFile(io.BytesIO(data))
    return archives.packed([(name, change(name, archive.read(name))) for name in archive.namelist()])


def test_entities_are_not_expanded() -> None:
    def laughing(name: str, data: bytes) -> bytes:
        if not name.endswith("document.xml"):
            return data
        return LAUGHS.encode() + data.split(b"?>", 1)[1].replace(b"Hello", b"&c;")

    with pytest.raises(Invalid):
        read_files([("x.docx", repacked(word(p(r("Hello"))), laughing))])
    fdx = LAUGHS.replace("DOCTYPE x", "DOCTYPE FinalDraft") + (
        "<FinalDraft><Content><Paragraph Type='Action'><Text>&c;</Text></Paragraph></Content></FinalDraft>"
    )
    with pytest.raises(Invalid):
        read_files([("x.fdx", fdx.encode())])


def test_a_file_outside_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the-secret-words")
    outside = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    fdx = (
        outside + "<FinalDraft><Content><Paragraph Type='Action'><Text>a&e;b</Text></Paragraph></Content></FinalDraft>"
    )
    with pytest.raises(Invalid):
        read_files([("x.fdx", fdx.encode())])
    html = f"<!DOCTYPE html><html><body><p>Hi</p><img src='{secret}'><iframe src='{secret.as_uri()}'></iframe>"
    (page,) = read_files([("x.html", html.encode())]).pages
    assert page.text.strip() == "Hi"
    text = f"![]({secret})\n\n![x]({secret.as_uri()})\n\n<img src='{secret}'>\n"
    for format in ("docx", "odt", "epub", "html", "pdf"):
        made = export("x", [PageDraft("P", text)], format).data
        if made.startswith(b"PK"):
            archive = zipfile.ZipFile(io.BytesIO(made))
            made = b"".join(archive.read(name) for name in archive.namelist())
        assert b"the-secret-words" not in made


def test_a_document_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = repacked(
        word(p(r("x"))), lambda name, data: data + b" " * 100_000_000 if name.endswith("styles.xml") else data
    )
    assert len(bomb) < 1_000_000
    with pytest.raises(TooLarge):
        read_files([("x.docx", bomb)])


def test_what_pandoc_cannot_do_in_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "PATIENCE", 0.0)
    with pytest.raises(TooLarge, match="too long"):
        pandoc.convert(b"words " * 100_000, pandoc.MARKDOWN, "docx")


def test_what_takes_pandoc_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "MEMORY", 20 * 2**20)
    with pytest.raises(TooLarge, match="memory"):
        pandoc.convert(b"*words* " * 400_000, pandoc.MARKDOWN, "docx")


def test_depth_is_no_way_in() -> None:
    deep = "<w:sdt><w:sdtContent>" * 400 + p(r("x")) + "</w:sdtContent></w:sdt>" * 400
    with pytest.raises(StudioloError):
        read_files([("x.docx", word(deep))])
    nested = "".join(f'<w:ins w:author="a{n}">' for n in range(60)) + r("x") + "</w:ins>" * 60
    assert read_files([("x.docx", word(p(nested, r("y"))))]).pages[0].text == "y\n"


def test_marks_of_our_own_in_a_file_are_only_letters() -> None:
    marks = "".join(chr(0xF0000 + number) for number in range(40))
    (page,) = read_files([("x.docx", word(p(r(f"a{marks}b"), ins(r(f"c{marks}")))))]).pages
    assert page.text == "a" + "\ufffd" * 40 + "b\n" and page.changes[0].replace == "c" + "\ufffd" * 40
    made = export("x", [PageDraft("P", f"a{marks}b\n")], "docx").data
    assert read_files([("x.docx", made)]).pages[0].text == "a" + "\ufffd" * 40 + "b\n"


def test_names_and_dates_that_are_none() -> None:
    who = 'w:id="1" w:author="' + "x" * 5_000 + '" w:date="99999-99-99T99:99:99Z"'
    body = p(r("a"), ins(r("b"), who=who), '<w:commentRangeStart w:id="5"/>', r("c"), '<w:commentRangeEnd w:id="6"/>')
    (page,) = read_files([("x.docx", word(body, comments=comment(5, "", "")))]).pages
    assert len(page.changes[0].author) == 100 and page.changes[0].at is None


SEEDS = {
    "x.docx": word(
        p(r("The "), dele("cat"), ins(r("dog"), "<w:r><w:footnoteReference w:id='2'/></w:r>")), comment(1, "a", "b")
    ),
    "x.zip": scrivener(),
    "x.odt": export("x", [PageDraft("P", "# P\n\nText.\n")], "odt").data,
    "x.epub": export("x", [PageDraft("P", "# P\n\nText.\n")], "epub").data,
    "x.rtf": rb"{\rtf1\ansi {\i a}\par}",
    "x.fdx": export("x", [PageDraft("P", "INT. A - DAY\n\nRain.\n")], "fdx").data,
}


@pytest.mark.parametrize("name", SEEDS)
def test_a_file_with_anything_wrong_in_it_is_read_or_refused(name: str) -> None:
    """Bytes are changed inside the packed parts, so that it is the readers that meet them and not the checksum."""
    rng = random.Random(name)
    good = SEEDS[name]

    def bent(_name: str, data: bytes) -> bytes:
        if rng.random() < 0.6 or not data:
            return data
        bad = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(bad))
            cut = rng.choice((0, 0, 1, 20))
            bad[at : at + cut] = rng.choice((b"", b"<", b"&", b"\0", b"/>", b"<w:p>", b"\xff", b"{", b"9" * 20))
        return bytes(bad)

    for _ in range(25):
        bad = repacked(good, bent) if good.startswith(b"PK") else bent("", good)
        try:
            read_files([(name, bad)])
        except StudioloError as error:
            assert error.message and error.hint


HOSTILE = """# One

Hi <script>alert(1)</script> <img src=x onerror=alert(1)>

A <b>bold *and <i>more</i>*</b> H<sub>2</sub>O a<br>b <b>left open

[run](javascript:alert(1)) [run](JAVA&#9;SCRIPT:alert(1)) [look](data:text/html,x)
[page](https://example.org/a:b) [here](#one)

<iframe src="http://example.org/"></iframe>

<!-- to myself -->
"""


@pytest.mark.parametrize("format", ["html", "epub", "odt", "pdf", "docx"])
def test_a_book_runs_nothing_and_its_simple_type_is_type(format: str) -> None:
    data = export("A book", [PageDraft("One", HOSTILE)], format).data
    if format == "pdf":
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
        assert "<script>" in text and "<b>bold" not in text and "to myself" not in text
        return
    files = {"index.html": data}
    if format != "html":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if re.search(r"ml$|\.rels$", name)}
    for name, content in files.items():
        if format != "html":
            etree.fromstring(content)
        assert not re.search(rb"(?i)<script|<iframe|<img|javascript:|\"data:", content), name
    whole = b"".join(files.values())
    assert b"&lt;script&gt;" in whole and b'https://example.org/a:b"' in whole
    if format in ("html", "epub"):
        assert b"<strong>bold <em>and <em>more</em></em></strong>" in whole and b"H<sub>2</sub>O" in whole
        assert b"&lt;b&gt;left" in whole and b"to myself" not in whole


@pytest.mark.parametrize("format", ["html", "epub", "odt", "docx", "pdf", "fdx"])
def test_characters_that_no_xml_holds_spoil_no_file(format: str) -> None:
    odd = "a\x00b\x01c\x08d\x0be\x0cf\x1bg\ufffeh\uffffi"
    page = PageDraft(f"P{odd}", f"INT. {odd}\n\n{odd} `{odd}` [{odd}](http://example.org/{odd})\n\n{odd}\n")
    data = export(f"T{odd}", [page, page], format, author=f"A{odd}").data
    if format == "pdf":
        assert "Tabcd" in pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text()
    elif format == "html":
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", data)
    elif format == "fdx":
        etree.fromstring(data)
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if re.search(r"ml$|\.rels$|\.opf$|\.ncx$", name):
                    etree.fromstring(archive.read(name))
