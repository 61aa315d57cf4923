"""From named bytes to pages."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.formats.chapters import Section, first_heading, split_chapters
from studiolo.formats.kinds import PROSE_SUFFIXES, PageKind, is_text_name, kind_of

BOM = b"\xef\xbb\xbf"
MOST_FILES = 2000  # of one import, those in zips counted
MOST_BYTES = 64 * 1024 * 1024  # of one import, unpacked
MOST_ENTRIES = 10 * MOST_FILES  # of one zip, with its folders and pictures
ENTRY_MARK = b"PK\x01\x02"
# bzip2 and LZMA unpack a block at once, however large it becomes; these two stop where they are told to.
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What a zip that is damaged, encrypted or made to do harm raises while it is read.
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
ORDER_PREFIX = re.compile(r"^\d{1,4}[-_. ]+(?=\S)")


@dataclass(frozen=True, slots=True)
class PageDraft:
    """A page before it has an id."""

    title: str
    text: str
    kind: PageKind = "prose"

    def as_dict(self) -> dict[str, str]:
        return {"title": self.title, "text": self.text, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a set of files became: a title for the canvas and its pages in order."""

    title: str
    pages: list[PageDraft]


def decode(name: str, data: bytes) -> str:
    """A file's text: UTF-8, a byte order mark dropped, Windows and old Mac line ends made `\\n`. Raises `Invalid`."""
    body = data.removeprefix(BOM)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start + len(data) - len(body)
        line = body.count(b"\n", 0, error.start) + 1
        raise Invalid(
            f"{name} is not UTF-8 text: byte 0x{data[at]:02X} at offset {at} (line {line}) does not belong there.",
            "Save the file with the encoding UTF-8 and import it again.",
            file=name,
            offset=at,
            line=line,
        ) from None
    if (nul := text.find("\0")) >= 0:
        at = len(text[:nul].encode()) + len(data) - len(body)
        raise Invalid(
            f"{name} looks like a binary file: there is a zero byte at offset {at}.",
            "Import text files: Markdown, plain text, source code or tables.",
            file=name,
            offset=at,
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_files(files: Sequence[tuple[str, bytes]], title: str | None = None, folder: bool = False) -> Imported:
    """Pages of the given files, in the given order.

    A single prose file is split at its chapters. Several files, a folder (`folder=True`) or a zip give one page each,
    in natural order of their names. Raises `Invalid` when there is nothing to read or a file is not UTF-8, and
    `TooLarge` when they are more than one import may hold, all zips and files together.
    """
    whole = folder or len(files) != 1
    unpacked: list[tuple[str, bytes]] = []
    named = PurePosixPath(files[0][0].replace("\\", "/")).stem if len(files) == 1 else ""
    budget = _Budget()
    for name, data in files:
        if name.lower().endswith(".zip"):
            unpacked += _unzip(name, data, budget)
            whole = True
        else:
            budget.take(1, len(data))
            unpacked.append((name, data))
    if whole:
        unpacked.sort(key=lambda file: _natural(file[0]))
    if not unpacked:
        raise Invalid("There is no text file to import.", "Choose Markdown, plain text, source code or table files.")
    if not whole:
        return _one_file(*unpacked[0], title)
    pages = [PageDraft(*_page_of(name, decode(name, data))) for name, data in unpacked]
    return Imported(title or _title_from(named) or pages[0].title, pages)


def _one_file(name: str, data: bytes, title: str | None) -> Imported:
    text = decode(name, data)
    own, kind = _page_of(name, text)[0], kind_of(name)
    if kind != "prose":
        return Imported(title or own, [PageDraft(own, text, kind)])
    stated, sections = split_chapters(text, markdown=PurePosixPath(name).suffix.lower() not in {".txt", ".text"})
    if sections == [Section("", text)]:
        return Imported(title or own, [PageDraft(own, text)])
    pages = [PageDraft(section.title, section.text) for section in sections]
    return Imported(title or stated or _gutenberg_title(text) or _title_from(name) or own, pages)


def _page_of(name: str, text: str) -> tuple[str, str, PageKind]:
    kind = kind_of(name)
    path = PurePosixPath(name.replace("\\", "/"))
    if kind == "prose":
        heading = first_heading(text) if path.suffix.lower() in PROSE_SUFFIXES - {".txt", ".text"} else None
        return heading or _title_from(name) or "Untitled", text, kind
    return ORDER_PREFIX.sub("", path.name)[:120] or path.name, text, kind


def _title_from(name: str) -> str:
    """A readable title from a file name: no folder, extension or order number, hyphens as spaces."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = path.stem if path.suffix else path.name
    stem = ORDER_PREFIX.sub("", stem)
    if " " not in stem:
        stem = re.sub(r"[-_]+", " ", stem)
    stem = " ".join(stem.split())[:120]
    return stem[:1].upper() + stem[1:]


def _gutenberg_title(text: str) -> str | None:
    found = re.search(r"^Title: (.{1,120})$", text[:5000], re.MULTILINE) if "Project Gutenberg" in text[:2000] else None
    return found.group(1).strip() if found else None


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `2-x` before `10-x`: of two numbers the one with more digits is the larger."""
    parts = [part.lstrip("0") if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower()) if part]
    return [(1, 0, part) if part and not part.isdecimal() else (0, len(part), part) for part in parts]


@dataclass(slots=True)
class _Budget:
    """What one import may still hold."""

    files: int = 0
    bytes: int = 0

    def take(self, files: int, size: int) -> None:
        """Count what is about to be read. Raises `TooLarge`."""
        self.files += files
        self.bytes += size
        if self.files > MOST_FILES or self.bytes > MOST_BYTES:
            raise TooLarge(
                f"This is more than {MOST_FILES} files or {MOST_BYTES // 2**20} MB unpacked.", "Import it in parts."
            )


def _unzip(name: str, data: bytes, budget: _Budget) -> list[tuple[str, bytes]]:
    if data.count(ENTRY_MARK) > MOST_ENTRIES:  # before the list of them is made, which takes more memory than the zip
        raise TooLarge(f"{name} holds more than {MOST_ENTRIES} files and folders.", "Import it in parts.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and _wanted(entry.filename)]
        budget.take(len(entries), sum(entry.file_size for entry in entries))
        return [(entry.filename, _entry(archive, entry)) for entry in entries]
    except BROKEN_ZIP as error:
        why = str(error)[:200] or type(error).__name__
        raise Invalid(f"{name} cannot be unpacked: {why}.", "Make the zip again, without a password.") from None


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One file of a zip; never more bytes than it said it has, whatever its packed data would become."""
    if entry.compress_type not in PACKINGS:
        raise NotImplementedError(f"{entry.filename} is packed with a method other than Deflate")
    with archive.open(entry) as packed:
        return packed.read(entry.file_size + 1)


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return is_text_name(path) and not any(part.startswith((".", "__MACOSX")) for part in parts)
