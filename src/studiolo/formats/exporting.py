"""A canvas's pages as one file of any format, and what each format keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from studiolo.canvas.errors import Invalid
from studiolo.formats import pandoc
from studiolo.formats.archives import Budget, packed, unpack
from studiolo.formats.authors_file import PATH as AUTHORS
from studiolo.formats.authors_file import authors_file
from studiolo.formats.books import book
from studiolo.formats.drafts import PageDraft, with_changes
from studiolo.formats.weaving import parted
from studiolo.formats.writing import as_files, as_one_text, safe_name, splits_when_read

Suggestions = Literal["keep", "accept", "reject"]


@dataclass(frozen=True, slots=True)
class Format:
    """`keeps_open`: whether open suggestions and comments stay open in it; `divides`: several pages are several files;
    `keeps_authors`: whether it says who wrote what."""

    name: str
    suffix: str
    media: str
    keeps_open: bool = False
    divides: bool = False
    keeps_authors: bool = False


FORMATS = {
    one.name: one
    for one in (
        Format("markdown", ".md", "text/markdown; charset=utf-8", divides=True),
        Format("zip", ".zip", "application/zip", divides=True, keeps_authors=True),
        Format("critic", ".md", "text/markdown; charset=utf-8", keeps_open=True, divides=True),
        Format(
            "docx",
            ".docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            keeps_open=True,
        ),
        Format("odt", ".odt", "application/vnd.oasis.opendocument.text"),
        Format("epub", ".epub", "application/epub+zip"),
        Format("pdf", ".pdf", "application/pdf"),
        Format("html", ".html", "text/html; charset=utf-8"),
        Format("fountain", ".fountain", "text/plain; charset=utf-8"),
        Format("fdx", ".fdx", "application/xml"),
    )
}
LOOK = """
:root { color-scheme: light dark; }
body { max-width: 34rem; margin: 4rem auto; padding: 0 1.25rem; font: 1.1rem/1.6 Georgia, 'Iowan Old Style', serif; }
h1, h2, h3 { font-weight: 600; line-height: 1.2; letter-spacing: -0.01em; margin: 3rem 0 1.2rem; }
header h1 { font-size: 2.4rem; } p { margin: 0; hyphens: auto; } p + p { text-indent: 1.4em; }
blockquote { margin: 1.2rem 1.4rem; } hr { border: 0; text-align: center; margin: 1.8rem 0; }
hr::before { content: '* * *'; letter-spacing: 0.6em; } pre { overflow: auto; font-size: 0.85rem; }
table { border-collapse: collapse; margin: 1.2rem 0; } td, th { border: 1px solid; padding: 0.3rem 0.6rem; }
img { max-width: 100%; }
"""
EPUB_LOOK = """
body { font-family: serif; line-height: 1.45; }
h1, h2 { font-weight: normal; text-align: center; margin: 2.5em 0 1.5em; }
p { margin: 0; text-indent: 1.3em; } h1 + p, h2 + p, hr + p, blockquote p { text-indent: 0; }
hr { border: 0; text-align: center; margin: 1.2em 0; } hr::before { content: '* * *'; }
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand out."""

    name: str
    data: bytes
    media: str


def export(
    title: str, pages: Sequence[PageDraft], format: str, suggestions: Suggestions = "keep", author: str = ""
) -> File:
    """The pages in one file. Raises `Invalid` for a format that is none, or when there is no page.

    Of a format that cannot keep suggestions open, "keep" leaves them out, as "reject" does.
    """
    chosen = FORMATS.get(format)
    if chosen is None:
        raise Invalid(f"There is no format {format!r}.", f"Choose one of {', '.join(FORMATS)}, studiolo.")
    if not pages:
        raise Invalid("There is no page to export.", "Choose at least one page that is not removed.")
    if not chosen.keeps_open and suggestions == "keep":
        suggestions = "reject"
    drafts = [parted(with_changes(page, suggestions)) for page in pages]
    stem = safe_name(title, "canvas")
    if chosen.divides:
        return _files(chosen, stem, drafts)
    data = _WRITERS[chosen.name](title, drafts, author)
    return File(stem + chosen.suffix, data, chosen.media)


def _files(chosen: Format, stem: str, drafts: Sequence[PageDraft]) -> File:
    from studiolo.formats.critic import with_critic

    written = [replace(page, text=with_critic(page)) if chosen.name == "critic" else page for page in drafts]
    shown = [page.as_dict() for page in written]
    files = as_files(shown)
    if len(files) == 1 and chosen.name != "zip" and not splits_when_read(shown[0]):
        name, data = files[0]
        return File(name.split("-", 1)[1], data, "text/plain; charset=utf-8")
    if any(page.authors for page in drafts):
        names = [name for name, _ in files]
        files.append((AUTHORS, authors_file(list(zip(names, drafts, strict=True)))))
    return File(f"{stem}.zip", packed(files), "application/zip")


def _docx(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    from studiolo.formats.docx_writing import write_docx

    return write_docx(title, drafts)


def _pdf(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    from studiolo.formats.typesetting import write_pdf

    return write_pdf(title, drafts, author)


def _odt(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    return pandoc.convert(book(title, drafts), "json", "odt", ["--syntax-highlighting=none"])


def _html(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    options = [
        "--standalone",
        "--syntax-highlighting=none",
        "--variable=document-css:false",
        "--include-in-header={look}",
    ]
    look = f"<style>{LOOK}</style>".encode()
    return pandoc.convert(
        book(title or "Untitled", drafts, pictures=True), "json", "html5", [*options, "--mathml"], {"look": look}
    )


def _epub(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    options = ["--syntax-highlighting=none", "--toc", "--toc-depth=1", "--split-level=1", "--mathml"]
    made = pandoc.convert(book(title or "Untitled", drafts, author=author), "json", "epub3", options)
    files = unpack("the book", made, Budget(), lambda path: True)
    # Pandoc takes no style sheet from a file while it may read none.
    look = EPUB_LOOK.encode()
    return packed([(name, look if name.endswith(".css") else data) for name, data in files], first_stored=True)


def _script(title: str, drafts: Sequence[PageDraft]) -> Any:
    from studiolo.formats import fountain

    scripts = [fountain.parse(page.text) for page in drafts]
    head = next((script.title for script in scripts if script.title), {"Title": title} if title else {})
    return fountain.Script(head, tuple(element for script in scripts for element in script.elements))


def _fountain(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    from studiolo.formats import fountain

    if len(drafts) == 1:
        return drafts[0].text.encode()
    return fountain.write(_script(title, drafts)).encode()


def _fdx(title: str, drafts: Sequence[PageDraft], author: str) -> bytes:
    from studiolo.formats.fdx import write_fdx

    return write_fdx(_script(title, drafts))


def one_text(drafts: Sequence[PageDraft]) -> str:
    """All pages in one Markdown text."""
    return as_one_text([page.as_dict() for page in drafts])


_WRITERS: dict[str, Callable[[str, Sequence[PageDraft], str], bytes]] = {
    "docx": _docx,
    "odt": _odt,
    "epub": _epub,
    "pdf": _pdf,
    "html": _html,
    "fountain": _fountain,
    "fdx": _fdx,
}
