"""Archives of code and other text: an outline of what is in them, and the text files as sections. Nothing is unpacked
to the disk, and nothing in it that leads elsewhere is followed."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.formats import is_text_name
from studiolo.formats.archives import BROKEN_ZIP, ENTRY_MARK, MOST_ENTRIES, PACKINGS
from studiolo.tools.reading.sections import MOST_OUTLINED, Reading, Section, lines_as_sections, one_line

MOST_FILES = 5_000  # that are read
MOST_UNPACKED = 200 * 2**20  # bytes that are unpacked of one archive
LARGEST = 2 * 2**20  # bytes of a text file in it
LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", "__MACOSX", ".svn", ".idea"})
_BROKEN_TAR = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError, OverflowError)

Entry = tuple[str, int, Callable[[], bytes]]  # path, bytes, and how to get them


def read_zip(data: bytes, name: str) -> Reading:
    """A zip. Raises `Invalid` and `TooLarge`."""
    if data.count(ENTRY_MARK) > MOST_ENTRIES:
        raise _too_many(name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries: list[Entry] = []
            problems: list[str] = []
            for entry in archive.infolist():
                mode = entry.external_attr >> 16
                if entry.is_dir():
                    continue
                if mode & 0o170000 == 0o120000:
                    problems.append(f"{one_line(entry.filename)} is a link, which was not followed.")
                elif entry.flag_bits & 1:
                    problems.append(f"{one_line(entry.filename)} is locked with a password.")
                elif entry.compress_type not in PACKINGS:
                    problems.append(f"{one_line(entry.filename)} is packed in a way that is not read here.")
                else:
                    entries.append((entry.filename, entry.file_size, lambda one=entry: _unpacked(archive, one)))
            return _reading(name, "application/zip", entries, problems)
    except BROKEN_ZIP as error:
        raise _damaged(name, error) from None


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as packed:
        return packed.read(min(entry.file_size, LARGEST) + 1)


def read_tar(data: bytes, name: str) -> Reading:
    """A tar archive, packed or not; or one text that gzip and its like have packed. Raises `Invalid`, `TooLarge`."""
    try:
        archive = tarfile.open(fileobj=_Bounded(_opened(data), name), mode="r|")  # noqa: SIM115
    except tarfile.ReadError:
        return _one_packed(data, name)
    except _BROKEN_TAR as error:
        raise _damaged(name, error) from None
    entries: list[Entry] = []
    problems: list[str] = []
    try:
        with archive:
            for count, member in enumerate(archive):
                if count > MOST_ENTRIES:
                    raise _too_many(name)
                if member.issym() or member.islnk():
                    problems.append(f"{one_line(member.name)} is a link, which was not followed.")
                elif member.isfile():
                    # The stream goes on: what is wanted is read now.
                    wanted = _wanted(member.name) and member.size <= LARGEST and len(entries) < MOST_FILES
                    file = archive.extractfile(member) if wanted else None
                    body = file.read(LARGEST + 1) if file else b""
                    entries.append((member.name, member.size, lambda body=body: body))
    except _BROKEN_TAR as error:
        if not entries:
            raise _damaged(name, error) from None
        problems.append("It is damaged; what comes after the last of these files could not be read.")
    return _reading(name, "application/gzip" if data[:2] == b"\x1f\x8b" else "application/x-tar", entries, problems)


def _opened(data: bytes) -> io.IOBase:
    import bz2
    import gzip

    stream = io.BytesIO(data)
    if data.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stream)
    if data.startswith(b"BZh"):
        return bz2.BZ2File(stream)
    return lzma.LZMAFile(stream) if data.startswith(b"\xfd7zXZ") else stream


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where more comes out of it than was allowed for."""

    def __init__(self, stream: io.IOBase, name: str) -> None:
        self._stream = stream
        self._name = name
        self._left = MOST_UNPACKED

    def read(self, size: int = -1) -> bytes:
        part: bytes = self._stream.read(self._left + 1 if size < 0 else size)  # type: ignore[attr-defined]
        self._left -= len(part)
        if self._left < 0:
            raise TooLarge(f"{self._name} is more than {MOST_UNPACKED // 2**20} MB unpacked.", "Make it smaller.")
        return part


def _one_packed(data: bytes, name: str) -> Reading:
    """A single file that was packed by itself."""
    from studiolo.tools.reading.kinds import read_bytes

    try:
        body = _Bounded(_opened(data), name).read()
    except _BROKEN_TAR as error:
        raise _damaged(name, error) from None
    inner = PurePosixPath(name).stem or "file"
    if body[:2] in (b"\x1f\x8b", b"BZ") or body == data:
        raise Invalid(f"{name} is packed more than once.", "Unpack it first.")
    return read_bytes(body, inner)


def _reading(name: str, type: str, entries: Iterable[Entry], problems: list[str]) -> Reading:
    from studiolo.tools.reading.texts import decoded

    outline: list[list[object]] = []
    sections: list[Section] = []
    listed: list[str] = []
    files = unpacked = 0
    for path, size, body in sorted(entries, key=lambda entry: entry[0]):
        parts = PurePosixPath(path.replace("\\", "/")).parts
        if path.startswith(("/", "\\")) or ".." in parts or any(ord(char) < 32 for char in path) or ":" in path[:3]:
            problems.append(f"{one_line(path, 100)!r} is the name of no file in an archive; it was left out.")
            continue
        files += 1
        listed.append(f"- {path} ({size:,} bytes)")
        if not _wanted(path) or files > MOST_FILES:
            continue
        if size > LARGEST:
            problems.append(f"{path} is larger than {LARGEST // 2**20} MB and was not read.")
            continue
        data = body()
        unpacked += len(data)
        if unpacked > MOST_UNPACKED:
            raise TooLarge(f"{name} is more than {MOST_UNPACKED // 2**20} MB unpacked.", "Leave out what is not text.")
        if len(data) > LARGEST:
            problems.append(f"{path} is larger than it says, and was not read.")
            continue
        try:
            text, _ = decoded(path, data)
        except Invalid:
            problems.append(f"{path} is no text.")
            continue
        if text.strip() and len(outline) < MOST_OUTLINED:
            outline.append([min(6, len(parts) - 1), path, len(sections) + 1])
        sections += [Section(path, part.place, part.text) for part in lines_as_sections(text, place=path)]
    if not files:
        raise Invalid(f"{name} holds no files.", "Choose an archive with something in it.")
    if files > MOST_FILES:
        problems.append(f"Only the first {MOST_FILES:,} of {files:,} files were read.")
    contents = Section("Files", "list of files", f"{files:,} files:\n" + "\n".join(listed) + "\n")
    about = {"kind": "archive", "files": files, "outline": outline}
    return Reading(PurePosixPath(name).name, type, [contents, *sections], about, problems)


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return is_text_name(path) and not LEFT_OUT.intersection(parts)


def _too_many(name: str) -> TooLarge:
    return TooLarge(f"{name} holds more than {MOST_ENTRIES:,} files and folders.", "Leave out what is not needed.")


def _damaged(name: str, error: BaseException) -> Invalid:
    why = one_line(str(error)) or type(error).__name__
    return Invalid(f"{name} cannot be unpacked: {why}.", "Make the archive again, without a password.")
