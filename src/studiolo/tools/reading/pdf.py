"""PDF: the text of each page, put together again where lines and pages had cut it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from statistics import median
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.tools.reading.sections import MOST_CHARACTERS, MOST_OUTLINED, Reading, Section, numbers

MOST_PAGES = 10_000
EDGE = 2  # lines at the top and at the bottom of a page that may be repeated on others
SCANNED = 20  # letters of a page with a picture below which the picture is the page
_SOFT = re.compile("[\ufffe\x02]\\s*")  # what pdfium makes of a hyphen at the end of a line
_HYPHEN = re.compile(r"(\w+)-\n(\w+)")
_DIGITS = re.compile(r"\d{1,6}")
_ROMAN = re.compile(r"^\W*[ivxlcdm]+\W*$", re.IGNORECASE)  # a line that is the number of a page, and nothing else
_ENDS = (".", "!", "?", "”", '"', "’", ":", "…", ")")


def read_pdf(data: bytes, name: str) -> Reading:
    """Each page as a section. Raises `Invalid` for one that is locked or damaged."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD:
            raise Invalid(f"{name} is locked with a password.", "Save a copy of it without one.") from None
        raise Invalid(f"{name} is damaged.", "Save it again, or print it to a new PDF.") from None
    count = len(document)
    if count > MOST_PAGES:
        raise TooLarge(f"{name} has {count:,} pages, more than {MOST_PAGES:,}.", "Divide it into smaller files.")
    pages: list[list[str]] = []
    scanned: list[int] = []
    unread: list[int] = []
    left = MOST_CHARACTERS
    for number in range(count):
        text, pictures = "", False
        try:
            page = document[number]
            text = page.get_textpage().get_text_range().replace("\r\n", "\n").replace("\r", "\n")
            letters = sum(char.isalnum() for char in text[:1000])
            pictures = letters < SCANNED and _has_picture(page)
            page.close()
        except pypdfium2.PdfiumError:
            unread.append(number + 1)
        if pictures:
            scanned.append(number + 1)
        text = _SOFT.sub("-\n", text[:left].replace("\xad", ""))
        left -= len(text)
        pages.append([line.rstrip() for line in text.split("\n")])
    pages = without_edges(pages)
    known = Counter(word.lower() for lines in pages for line in lines for word in re.findall(r"\w[\w-]*\w", line))
    outline = _outline(document, count)
    starts = {number: title for _, title, number in reversed(outline)}
    sections: list[Section] = []
    title = ""
    for number, lines in enumerate(pages):
        title = starts.get(number, title)
        # A page without text keeps its number in the list, so that an outline leads to the right ones.
        text = joined(lines, known) or (f"[Page {number + 1} holds only a picture.]" if number + 1 in scanned else "")
        sections.append(Section(title, f"page {number + 1}", text or f"[Page {number + 1} is empty.]"))
    problems: list[str] = []
    if scanned:
        one = len(scanned) == 1
        problems.append(
            f"{'Page' if one else 'Pages'} {numbers(scanned)} {'holds only a picture' if one else 'hold only pictures'}"
            ": the words in them cannot be read here."
        )
    if unread:
        problems.append(f"{'Page' if len(unread) == 1 else 'Pages'} {numbers(unread)} could not be read.")
    told = document.get_metadata_dict()
    about: dict[str, Any] = {"kind": "pdf", "pages": count, "outline": outline}
    if told.get("Author"):
        about["author"] = str(told["Author"])[:200]
    stated = str(told.get("Title") or "").strip()
    document.close()
    return Reading(stated or PurePosixPath(name).name, "application/pdf", sections, about, problems)


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4))


def _outline(document: pypdfium2.PdfDocument, count: int) -> list[list[Any]]:
    """The bookmarks: level, title, and the page that each leads to."""
    found: list[list[Any]] = []
    try:
        for mark in document.get_toc(max_depth=6):
            dest = mark.get_dest()
            page = dest.get_index() if dest else None
            if page is not None and 0 <= page < count and (title := mark.get_title().strip()):
                found.append([mark.level, title, page])
            if len(found) >= MOST_OUTLINED:
                break
    except (pypdfium2.PdfiumError, UnicodeDecodeError, ValueError):
        return found
    return found


def without_edges(pages: list[list[str]]) -> list[list[str]]:
    """Pages without the lines at their top and bottom that those around them have, too: running heads and numbers."""
    cut = [list(lines) for lines in pages]
    for lines in cut:
        while lines and not lines[0].strip():
            lines.pop(0)
        while lines and not lines[-1].strip():
            lines.pop()
    for at in [*range(EDGE), *range(-1, -EDGE - 1, -1)]:
        seen = [_Edge(lines[at], page) if len(lines) > abs(at) else _Edge("", page) for page, lines in enumerate(cut)]
        for number, edge in enumerate(seen):
            near = [*seen[max(0, number - 4) : number], *seen[number + 1 : number + 5]]
            # The heads of left and right pages differ, and the first page of a chapter has none.
            if edge.shape and sum(map(edge.again, near)) >= 2:
                cut[number][at] = "\0"
    return [[line for line in lines if line != "\0"] for lines in cut]


class _Edge:
    """A line at the top or the bottom of a page."""

    def __init__(self, line: str, page: int) -> None:
        self.page = page
        self.numbers = [int(number) for number in _DIGITS.findall(line)] if len(line) < 120 else []
        self.shape = " ".join(_DIGITS.sub("#", _ROMAN.sub("#", line)).split()).lower() if len(line) < 120 else ""

    def again(self, other: _Edge) -> bool:
        """Whether the other is the same line on its page: a number in it is the same, or counts the pages."""
        return self.shape == other.shape and all(
            theirs in (mine, mine + other.page - self.page)
            for mine, theirs in zip(self.numbers, other.numbers, strict=True)
        )


def joined(lines: list[str], known: Counter[str]) -> str:
    """Lines as paragraphs. A word that a line cut is whole again, with its hyphen where the file writes it so."""
    text = "\n".join(lines)

    def whole(cut: re.Match[str]) -> str:
        first, second = cut.group(1), cut.group(2)
        with_hyphen, without = f"{first}-{second}".lower(), f"{first}{second}".lower()
        keep = not second[0].islower() or (known[with_hyphen] > 0 and known[with_hyphen] >= known[without])
        return f"{first}-{second}" if keep else f"{first}{second}"

    kept = [line.strip() for line in _HYPHEN.sub(whole, text).split("\n")]
    widths = [len(line) for line in kept if len(line) > 20]
    full = 0.75 * median(widths) if widths else 0.0
    out: list[str] = []
    for line in kept:
        if not line:
            out.append("\n\n")
        elif not out or out[-1].endswith("\n"):
            out.append(line)
        else:
            last = out[-1]
            short = len(kept) > 1 and len(last) < full
            apart = short and (last.endswith(_ENDS) or len(last) < full / 2)
            out += ["\n\n" if apart else " ", line]
    return re.sub(r"\n{3,}", "\n\n", "".join(out)).strip() + "\n" if any(line for line in kept) else ""
