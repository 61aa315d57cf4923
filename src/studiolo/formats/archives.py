"""Zip archives and XML as strangers send them: never more of either than was allowed for."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree as _etree  # pyright: ignore[reportAttributeAccessIssue]

from studiolo.canvas.errors import Invalid, TooLarge

MOST_FILES = 2000  # of one import, those in zips counted
MOST_BYTES = 64 * 1024 * 1024  # of one import, unpacked
MOST_ENTRIES = 10 * MOST_FILES  # of one zip, with its folders and pictures
DEEPEST = 200  # elements in one another; a nested table in a text box is 40 deep
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
# A fixed date makes the same canvas give the same bytes.
ZIP_DATE = (2000, 1, 1, 0, 0, 0)

etree: Any = _etree  # lxml comes without types
Element = Any


@dataclass(slots=True)
class Budget:
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


def unpack(name: str, data: bytes, budget: Budget, wanted: Callable[[str], bool]) -> list[tuple[str, bytes]]:
    """The entries of a zip whose path is `wanted`, in the archive's order. Raises `Invalid` and `TooLarge`."""
    if data.count(ENTRY_MARK) > MOST_ENTRIES:  # before the list of them is made, which takes more memory than the zip
        raise TooLarge(f"{name} holds more than {MOST_ENTRIES} files and folders.", "Import it in parts.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and wanted(entry.filename)]
        budget.take(len(entries), sum(entry.file_size for entry in entries))
        return [(entry.filename, _entry(archive, entry)) for entry in entries]
    except BROKEN_ZIP as error:
        why = str(error)[:200] or type(error).__name__
        raise Invalid(f"{name} cannot be unpacked: {why}.", "Make the zip again, without a password.") from None


def names_in(data: bytes) -> list[str]:
    """The paths in a zip, none when it is no zip that can be read."""
    if not data.startswith(b"PK") or data.count(ENTRY_MARK) > MOST_ENTRIES:
        return []
    try:
        return zipfile.ZipFile(io.BytesIO(data)).namelist()
    except BROKEN_ZIP:
        return []


def packed(files: list[tuple[str, bytes]], first_stored: bool = False) -> bytes:
    """A zip of the files; `first_stored` leaves the first uncompressed, as EPUB and OpenDocument want it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(files):
            kind = zipfile.ZIP_STORED if first_stored and number == 0 else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), data, kind)
    return buffer.getvalue()


def parse_xml(name: str, data: bytes) -> Element:
    """The root of an XML file. No entity of its own is expanded and nothing is fetched. Raises `Invalid`."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid(
            f"{name} is damaged: {str(error)[:200]}.", "Open it in the program that made it, save it again."
        ) from None
    if root.getroottree().docinfo.internalDTD is not None and any(True for _ in root.iter(etree.Entity)):
        raise Invalid(f"{name} declares entities of its own.", "Save it again without a document type.")
    return root


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One file of a zip; never more bytes than it said it has, whatever its packed data would become."""
    if entry.compress_type not in PACKINGS:
        raise NotImplementedError(f"{entry.filename} is packed with a method other than Deflate")
    with archive.open(entry) as packed_file:
        return packed_file.read(entry.file_size + 1)
