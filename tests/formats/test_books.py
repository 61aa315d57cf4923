"""Books to be read, and documents of other programs: PDF, EPUB, OpenDocument, HTML, RTF, Scrivener."""

from __future__ import annotations

import io
import zipfile

import pypdf
import pytest

from studiolo.canvas.errors import Invalid
from studiolo.formats import Change, PageDraft, export, read_files
from studiolo.formats.archives import packed
from studiolo.formats.typesetting import language_of

PARAGRAPH = "“The harbour lay *quiet*,” she said, and the old lamp went out. It was the end of the season.\n"
BOOK = [
    PageDraft(
        "One", "# One\n\n" + (PARAGRAPH + "\n") * 30 + "* * *\n\nLater, for $5 & #3 @home[^1].\n\n[^1]: A *note*.\n"
    ),
    PageDraft("Two", PARAGRAPH + "\n- a\n- b\n\n| a | b |\n|---|---|\n| 1 | Ω |\n"),
]


def test_a_pdf_has_a_title_page_chapters_on_new_pages_and_numbers_and_brings_its_letters() -> None:
    file = export("The keeper’s lamp", BOOK, "pdf", author="Mara Voss")
    read = pypdf.PdfReader(io.BytesIO(file.data))
    texts = [" ".join(page.extract_text().split()) for page in read.pages]
    assert texts[0] == "The keeper’s lamp Mara Voss"
    assert texts[1].startswith("One “The harbour") and texts[1].endswith(" 1")
    assert texts[2].startswith("The keeper’s lamp") and "keeper" not in texts[1], (
        "the title runs, but not over a chapter"
    )
    assert texts[-1].startswith("Two “The harbour") and "Later, for $5 & #3 @home" in texts[-2]
    assert read.metadata and read.metadata.title == "The keeper’s lamp" and read.metadata.author == "Mara Voss"
    for page in read.pages:
        for font in (page["/Resources"].get("/Font") or {}).values():  # type: ignore[union-attr]
            (inner,) = font.get_object()["/DescendantFonts"]
            known = inner.get_object()["/FontDescriptor"].get_object()
            assert "/FontFile2" in known or "/FontFile3" in known


def test_a_pages_text_cannot_command_the_typesetter() -> None:
    text = '#read("/etc/passwd") #import "@preview/cetz:0.1.0" $x$ <label> @ref `#eval("1")` \\ // /* $ #{\n'
    read = pypdf.PdfReader(io.BytesIO(export("#panic()", [PageDraft("P", text)], "pdf").data))
    assert '#read("/etc/passwd")' in " ".join(page.extract_text() for page in read.pages).replace("”", '"').replace(
        "“", '"'
    )


def test_a_language_is_told_by_its_words() -> None:
    assert language_of("The cat sat on the mat and it was all that he had.") == "en"
    assert language_of("Der Hund und die Katze, das ist nicht die Frage, die sie sich stellt.") == "de"
    assert language_of("Lorem ipsum dolor sit amet") == ""


def test_an_epub_has_a_table_of_contents_and_comes_back() -> None:
    data = export("The keeper’s lamp", BOOK, "epub", author="Mara {Voss}").data
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.infolist()[0].filename == "mimetype" and archive.infolist()[0].compress_type == zipfile.ZIP_STORED
    names = archive.namelist()
    nav = archive.read(next(name for name in names if name.endswith("nav.xhtml"))).decode()
    assert ">One<" in nav and ">Two<" in nav
    assert "Mara {Voss}" in archive.read(next(name for name in names if name.endswith(".opf"))).decode()
    read = read_files([("x.epub", data)])
    assert read.title == "The keeper’s lamp" and [page.title for page in read.pages] == ["One", "Two"]
    assert read.pages[0].text.startswith("# One\n\n“The harbour lay *quiet*,” she said")
    assert "* * *" in read.pages[0].text and "[^1]: A *note*." in read.pages[0].text
    assert "| a | b |\n|---|---|\n| 1 | Ω |" in read.pages[1].text


@pytest.mark.parametrize("format", ["odt", "html"])
def test_documents_come_back_as_the_same_chapters(format: str) -> None:
    read = read_files([("x", export("The keeper’s lamp", BOOK, format).data)])
    assert read.title == "The keeper’s lamp" and [page.title for page in read.pages] == ["One", "Two"]
    assert "she said" in read.pages[0].text and "\n* * *\n" in read.pages[0].text
    assert "[^1]: A *note*." in read.pages[0].text and "- a\n- b\n" in read.pages[1].text


def test_a_picture_that_is_elsewhere_is_a_link_and_one_that_is_nowhere_its_words() -> None:
    page = PageDraft("P", "See ![the lamp](https://example.org/lamp.png) and ![a map](map.png) and ![](b/c.png).\n")
    for format in ("docx", "odt", "epub"):
        (read,) = read_files([("x", export("x", [page], format).data)]).pages
        assert "See [the lamp](https://example.org/lamp.png) and a map and c.png." in read.text, format
    text = " ".join(pypdf.PdfReader(io.BytesIO(export("x", [page], "pdf").data)).pages[-1].extract_text().split())
    assert "See the lamp and a map and c.png." in text
    assert b'src="https://example.org/lamp.png"' in export("x", [page], "html").data


def test_what_is_open_is_taken_or_left_out() -> None:
    page = PageDraft("P", "The cat sat.", "prose", (Change(4, 7, "dog", "Bo"),))
    assert b"cat" in export("x", [page], "html").data and b"dog" not in export("x", [page], "html").data
    assert b"dog" in export("x", [page], "html", "accept").data
    assert export("x", [page], "markdown", "accept").data == b"The dog sat."


def test_rtf_and_its_letters() -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252 Caf\'e9 \u8220?quiet\u8221? {\i lay} {\b here}.\par Next.\par}"
    assert read_files([("x.rtf", rtf)]).pages[0].text == "Café “quiet” *lay* **here**.\n\nNext.\n"


def scrivener(version: int = 3) -> bytes:
    def item(id: str, title: str, type: str = "Text", inner: str = "") -> str:
        name = "UUID" if version == 3 else "ID"
        children = f"<Children>{inner}</Children>" if inner else ""
        return f'<BinderItem {name}="{id}" Type="{type}"><Title>{title}</Title>{children}</BinderItem>'

    outline = (
        '<?xml version="1.0" encoding="UTF-8"?><ScrivenerProject Version="2.0"><Binder>'
        + item(
            "10", "Draft", "DraftFolder", item("3", "Part one", "Folder", item("2", "The sea") + item("1", "The lamp"))
        )
        + item("20", "Research", "ResearchFolder", item("4", "Harbours"))
        + item("30", "Trash", "TrashFolder", item("5", "Never"))
        + "</Binder></ScrivenerProject>"
    )
    place = "N.scriv/Files/Data/{}/content.rtf" if version == 3 else "N.scriv/Files/Docs/{}.rtf"
    texts = {"1": "Lit.", "2": r"{\i Deep} <$Scr_Ps::0>water.", "3": "", "4": "Notes.", "5": "Gone."}
    files = [(place.format(id), rb"{\rtf1\ansi " + text.encode() + rb"\par}") for id, text in texts.items()]
    return packed([("N.scriv/N.scrivx", outline.encode()), *files, ("N.scriv/Snapshots/x.rtf", b"no")])


@pytest.mark.parametrize("version", [2, 3])
def test_a_scrivener_project_comes_in_in_its_own_order(version: int) -> None:
    read = read_files([("N.zip", scrivener(version))])
    assert read.title == "N"
    assert [(page.title, page.text, page.kind) for page in read.pages] == [
        ("The sea", "*Deep* water.\n", "prose"),
        ("The lamp", "Lit.\n", "prose"),
        ("Harbours", "Notes.\n", "note"),
    ]


def test_a_folder_may_hold_documents_among_texts() -> None:
    odt = export("x", [PageDraft("One", "# One\n\nText.\n")], "odt").data
    read = read_files(
        [("b/2.odt", odt), ("b/1.md", b"First."), ("b/3.fountain", b"INT. SEA - DAY\n\nRain.\n")], folder=True
    )
    assert [page.text.strip() for page in read.pages] == ["First.", "# One\n\nText.", "INT. SEA - DAY\n\nRain."]


def test_an_empty_canvas_and_an_unknown_format_are_refused() -> None:
    for pages, format in (([], "pdf"), (BOOK, "wordstar")):
        with pytest.raises(Invalid):
            export("x", pages, format)
