"""Documents of word processors, books and web pages: by their chapters and headings, as `formats` reads them."""

from __future__ import annotations

from pathlib import PurePosixPath

from studiolo.formats import read_files
from studiolo.tools.reading.sections import Reading, Section
from studiolo.tools.reading.texts import prose


def read_book(data: bytes, name: str, type: str) -> Reading:
    """A document that `formats` reads. Raises `Invalid` and `TooLarge`."""
    imported = read_files([(name, data)])
    sections: list[Section] = []
    for number, page in enumerate(imported.pages, start=1):
        _, parts = prose(page.text, markdown=True)
        alone = len(imported.pages) == 1
        title = "" if alone else page.title
        for part in parts:
            inner = part.title if part.title != title else ""
            place = ", ".join(filter(None, [title or ("" if alone else f"part {number}"), inner]))
            sections.append(Section(inner or title, place, part.text))
    return Reading(imported.title or PurePosixPath(name).name, type, sections, {"kind": "book"}, list(imported.notes))


def read_html(html: str, name: str) -> Reading:
    """What a web page says, without what stands around it; the whole page where that cannot be told apart."""
    import trafilatura

    text = title = ""
    try:
        text = trafilatura.extract(html, output_format="markdown", include_tables=True, include_links=False) or ""
        told = trafilatura.extract_metadata(html)
        title = str(told.title or "") if told else ""
    except Exception:  # it stumbles over strange pages; pandoc reads them, or says why not
        text = ""
    if len(text) < 200:
        reading = read_book(html.encode("utf-8", "replace"), _html(name), "text/html")
        if reading.sections and sum(len(section.text) for section in reading.sections) > 2 * len(text):
            reading.title = title or reading.title
            return reading
    stated, sections = prose(text, markdown=True)
    return Reading(title or stated or PurePosixPath(name).name, "text/html", sections, {"kind": "web page"})


def _html(name: str) -> str:
    return name if name.lower().endswith((".html", ".htm", ".xhtml")) else f"{name}.html"
