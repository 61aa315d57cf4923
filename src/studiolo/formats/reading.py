"""From named bytes to pages."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.formats.chapters import Section, first_heading, split_chapters
from studiolo.formats.kinds import PROSE_SUFFIXES, PageKind, is_text_name, kind_of

BOM = b"\xef\xbb\xbf"
ZIP_FILES = 2000
ZIP_BYTES = 64 * 1024 * 1024
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
    in natural order of their names. Raises `Invalid` when there is nothing to read or a file is not UTF-8.
    """
    whole = folder or len(files) != 1
    unpacked: list[tuple[str, bytes]] = []
    named = PurePosixPath(files[0][0].replace("\\", "/")).stem if len(files) == 1 else ""
    for name, data in files:
        if name.lower().endswith(".zip"):
            unpacked += _unzip(name, data)
            whole = True
        else:
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
    """Sort key that puts `2-x` before `10-x`."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _unzip(name: str, data: bytes) -> Iterable[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and _wanted(entry.filename)]
        if len(entries) > ZIP_FILES or sum(entry.file_size for entry in entries) > ZIP_BYTES:
            raise TooLarge(
                f"{name} unpacks to more than {ZIP_FILES} files or {ZIP_BYTES // 2**20} MB.",
                "Import it in several parts.",
            )
        return [(entry.filename, archive.read(entry)) for entry in entries]
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise Invalid(f"{name} cannot be unpacked: {error}.", "Make the zip again, without a password.") from None


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return is_text_name(path) and not any(part.startswith((".", "__MACOSX")) for part in parts)
