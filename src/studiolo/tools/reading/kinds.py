"""What a file is, and who reads it: its bytes say so, and only where they do not, its name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from studiolo.canvas.errors import Invalid
from studiolo.formats import kind_of_content
from studiolo.tools.reading.sections import Reading, tidy

READ = (
    "PDF, .docx, .odt, .epub, .rtf, .html, Markdown, text, source code, .csv, .tsv, .parquet, .xlsx, .ods, .json, "
    ".ipynb, PNG, JPEG, WebP, GIF, .zip and .tar.gz"
)
DOCUMENTS = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "odt": "application/vnd.oasis.opendocument.text",
    "epub": "application/epub+zip",
    "rtf": "application/rtf",
    "fdx": "application/x-final-draft",
    "fountain": "text/x-fountain",
}
SHEETS = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsm": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsb": "application/vnd.ms-excel",
    ".xls": "application/vnd.ms-excel",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_MEDIA = re.compile(
    rb"\x1aE\xdf\xa3|....ftyp(?!avif|heic)|OggS|fLaC|ID3|\xff[\xfb\xf3\xf2]|RIFF....(?:WAVE|AVI )", re.DOTALL
)


def read_bytes(data: bytes, name: str, type: str = "") -> Reading:
    """Read a file here and now, within the limits of sections. Raises `Invalid` and `TooLarge`."""
    name = " ".join(name.replace("\\", "/").split()) or "untitled"
    return tidy(_read(data, name, type))


def _read(data: bytes, name: str, type: str) -> Reading:
    suffix = PurePosixPath(name).suffix.lower()
    if not data:
        raise Invalid(f"{name} is empty.", "Choose a file with something in it.")
    if b"%PDF-" in data[:1024]:
        from studiolo.tools.reading.pdf import read_pdf

        return read_pdf(data, name)
    from studiolo.tools.reading.pictures import picture

    if (seen := picture(data)) is not None:
        return seen.reading(name)
    if data.startswith(b"PAR1"):
        from studiolo.tools.reading.tables import read_parquet

        return read_parquet(data, name)
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return _package(data, name, suffix)
    if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or data[257:262] == b"ustar":
        from studiolo.tools.reading.archives import read_tar

        return read_tar(data, name)
    if _MEDIA.match(data[:16]):
        raise Invalid(f"{name} is sound or film, which cannot be read.", f"Choose one of these: {READ}.")
    return _text(data, name, suffix, type)


def _package(data: bytes, name: str, suffix: str) -> Reading:
    if suffix in SHEETS:
        from studiolo.tools.reading.tables import read_sheets

        return read_sheets(data, name, SHEETS[suffix])
    if not data.startswith(b"PK"):
        raise Invalid(f"{name} is an old Word file.", "Open it in a word processor and save it as .docx.")
    kind = kind_of_content(name, data)
    if kind == "canvas":
        raise Invalid(f"{name} is a whole canvas with its history.", "Import it in the library: it becomes a canvas.")
    if kind in DOCUMENTS:
        from studiolo.tools.reading.documents import read_book

        return read_book(data, name, DOCUMENTS[kind])
    from studiolo.tools.reading.archives import read_zip

    return read_zip(data, name)


def _text(data: bytes, name: str, suffix: str, type: str) -> Reading:
    from studiolo.tools.reading import tables, texts

    kind = kind_of_content(name, data)
    if kind in DOCUMENTS:
        from studiolo.tools.reading.documents import read_book

        return read_book(data, name, DOCUMENTS[kind])
    text, said = texts.decoded(name, data)
    if kind == "html" or (type == "text/html" and re.match(r"\s*<", text)):
        from studiolo.tools.reading.documents import read_html

        reading = read_html(text, name)
    elif suffix in (".csv", ".tsv"):
        reading = tables.read_csv(text, name, "\t" if suffix == ".tsv" else "")
    elif suffix in (".json", ".ipynb", ".jsonl", ".ndjson"):
        reading = texts.read_json(text, name, suffix)
    else:
        reading = texts.read_text(text, name, suffix)
    reading.problems[:0] = said
    return reading
