"""An address as clean text with its source: web pages, PDFs, documents, books, tables, whatever `reading` reads.

What comes in is hostile until shown otherwise, so it is read in `reading`'s child process, which has limits on its
memory and its time; the server and its event loop only wait.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from studiolo.canvas.errors import TooLarge
from studiolo.tools import reading
from studiolo.tools.fetching import Fetched
from studiolo.tools.reading import Reading, Section

SECONDS = 40.0  # to read what was fetched
LONGEST_PORTION = 12_000  # characters of a portion unless something else is asked for
_MARKUP = ("text/html", "application/xhtml+xml")
_SUFFIXES = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/ld+json": ".json",
    "application/x-ndjson": ".ndjson",
    "application/x-ipynb+json": ".ipynb",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "application/epub+zip": ".epub",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
}
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{2,40})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Fetches(Protocol):
    """Whatever gets an address; `Fetcher` does."""

    async def get(self, url: str) -> Fetched: ...


Read = Callable[[bytes, str, str], Awaitable[Reading]]


class WebReader:
    """Reads addresses. `read` turns bytes into text; the default is `reading.read`."""

    def __init__(self, fetcher: Fetches, read: Read = reading.read, seconds: float = SECONDS) -> None:
        self._fetcher = fetcher
        self._read = read
        self._seconds = seconds

    async def read(self, url: str) -> tuple[Fetched, Reading]:
        """What an address says, and where that came from: `url`, the canonical address and the redirects are kept in
        `about`. Raises what `Fetcher.get` and `reading.read` raise."""
        fetched = await self._fetcher.get(url)
        data, name = fetched.data, fetched.name or "page"
        if fetched.type in _MARKUP:
            text = await asyncio.to_thread(decoded, data, fetched.charset)
            data, name = text.encode("utf-8", "replace"), fetched.url
        elif fetched.type.startswith(("text/", "application/json")) and fetched.charset not in ("", "utf-8"):
            data = (await asyncio.to_thread(decoded, data, fetched.charset)).encode("utf-8", "replace")
        if fetched.type not in _MARKUP and (suffix := _SUFFIXES.get(fetched.type)):
            name = name if PurePosixPath(name).suffix.lower() == suffix else name + suffix
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._read(data, name, fetched.type)
        except TimeoutError:
            raise TooLarge(
                f"What is there takes more than {self._seconds:g} s to read.", "Look for a shorter version of it."
            ) from None
        found.about |= {"url": fetched.url, "asked": url, "redirects": fetched.redirects, "read_at": fetched.at}
        return fetched, found


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a quote is: the number of a section, its place, and the characters from and to in its text."""

    section: int
    place: str
    start: int
    end: int
    text: str


def find(reading: Reading, quote: str) -> Passage | None:
    """Where a text has these words, whatever its line ends, quotation marks, dashes and markup; None: it has not."""
    wanted = _letters(quote)[0]
    if not wanted:
        return None
    for number, section in enumerate(reading.sections):
        plain, places = _letters(section.text)
        at = plain.find(wanted)
        if at >= 0:
            start, end = places[at], places[at + len(wanted) - 1] + 1
            return Passage(number, section.place, start, end, section.text[start:end])
    return None


def outline(reading: Reading) -> list[tuple[int, str, str, int]]:
    """The sections as (number, title, place, characters)."""
    return [(n, one.title, one.place, len(one.text)) for n, one in enumerate(reading.sections)]


def portion(reading: Reading, section: int = 0, start: int = 0, most: int = LONGEST_PORTION) -> Portion:
    """Sections from one on, as many as fit; a section that does not fit alone is cut."""
    taken: list[Section] = []
    left = most
    for number in range(max(0, section), len(reading.sections)):
        one = reading.sections[number]
        begin = start if number == section else 0
        text = one.text[begin : begin + left]
        if taken and begin + len(text) < len(one.text):
            return Portion(taken, (number, 0))
        taken.append(Section(one.title, one.place, text))
        left -= len(text)
        if begin + len(text) < len(one.text):
            return Portion(taken, (number, begin + len(text)))
    return Portion(taken, None)


@dataclass(frozen=True, slots=True)
class Portion:
    """Some sections, and the section and character to go on at; None at the end."""

    sections: list[Section]
    more: tuple[int, int] | None


def decoded(data: bytes, charset: str) -> str:
    """A page's text, in the encoding that its first bytes, its server, or itself says, or that it seems to be in."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    stated = _META.search(data[:4096])
    for name in (charset, stated[1].decode("ascii") if stated else ""):
        if text := _decoded(data, name):
            return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        guess = from_bytes(data[:100_000]).best()
        return data.decode(guess.encoding if guess else "cp1252", "replace")


def _decoded(data: bytes, name: str) -> str:
    # What says Latin-1 means Windows' superset of it: https://encoding.spec.whatwg.org/#names-and-labels
    name = "cp1252" if name.lower() in ("iso-8859-1", "latin-1", "latin1", "us-ascii") else name
    try:
        if not name or not codecs.lookup(name)._is_text_encoding:
            return ""
        text = data.decode(name, "replace")
    except (LookupError, ValueError):
        return ""
    return "" if text.count("\ufffd") > max(3, len(text) // 50) else text


_SAME = str.maketrans("“”„«»‘’–—…", '"""""\'\'--.')
_SKIPPED = frozenset("*_`#|\\>[]~")


def _letters(text: str) -> tuple[str, list[int]]:
    """A text without what quotes differ in, and where each of its letters was."""
    kept: list[str] = []
    places: list[int] = []
    links = {at for found in re.finditer(r"\]\([^)\s]*\)", text) for at in range(found.start(), found.end())}
    blank = True
    for at, letter in enumerate(text):
        if at in links or letter in _SKIPPED:
            continue
        if letter.isspace():
            if not blank:
                kept.append(" ")
                places.append(at)
            blank = True
            continue
        blank = False
        kept.append(letter.translate(_SAME).lower()[:1])
        places.append(at)
    while kept and kept[-1] == " ":
        kept.pop()
        places.pop()
    return "".join(kept), places
