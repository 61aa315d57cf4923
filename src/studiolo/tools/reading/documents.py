"""Documents of word processors, books and web pages: by their chapters and headings, as `formats` reads them."""

from __future__ import annotations

from pathlib import PurePosixPath

from studiolo.formats import read_files
from studiolo.tools.reading.sections import Reading, Section
from studiolo.tools.reading.texts import prose
from studiolo.tools.reading.web_page import read_page


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
    reading = read_page(html, name)
    if reading.title == name:
        reading.title = PurePosixPath(name).name
    return reading
