"""From pages to files."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from studiolo.formats.chapters import first_heading, split_chapters
from studiolo.formats.kinds import is_text_name, kind_of

# Zip needs a date; a fixed one makes the same canvas give the same bytes.
ZIP_DATE = (2000, 1, 1, 0, 0, 0)


def as_files(pages: Sequence[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """`(name, bytes)` of every page that is not removed, in order, named `01-title.md`. `pages` are view pages."""
    shown = [page for page in pages if not page.get("removed")]
    width = max(2, len(str(len(shown))))
    return [
        (f"{number:0{width}}-{_file_name(page)}", _encode(page["text"])) for number, page in enumerate(shown, start=1)
    ]


def as_zip(pages: Sequence[dict[str, Any]]) -> bytes:
    """The files of `as_files` as one zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in as_files(pages):
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def as_one_text(pages: Sequence[dict[str, Any]]) -> str:
    """All pages in one Markdown text; a page whose text has no heading of its own gets its title as one."""
    shown = [page for page in pages if not page.get("removed")]
    if len(shown) == 1:
        return shown[0]["text"]
    parts = []
    for page in shown:
        text = page["text"].strip("\n")
        if page.get("kind", "prose") in ("code", "data"):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
            text = f"{fence}{PurePosixPath(page['title']).suffix.lstrip('.')}\n{text}\n{fence}"
        parts.append(text if first_heading(text) else f"# {page['title']}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def splits_when_read(page: dict[str, Any]) -> bool:
    """Whether this page, exported alone as one file, would come back as several pages."""
    markdown = not _file_name(page).endswith(".txt")
    return kind_of(_file_name(page)) == "prose" and len(split_chapters(page["text"], markdown)[1]) > 1


def safe_name(title: str, fallback: str = "untitled") -> str:
    """A title as a file name that every system accepts: letters and digits of any script, hyphens, at most 80 bytes."""
    plain = unicodedata.normalize("NFC", title).lower()
    name = re.sub(r"[^\w.]+", "-", plain).strip("-._")
    name = name.encode()[:80].decode(errors="ignore").strip("-._")
    return name or fallback


def _file_name(page: dict[str, Any]) -> str:
    title, kind = page["title"], page.get("kind", "prose")
    suffix = PurePosixPath(title).suffix.lower()
    if kind in ("code", "data"):
        keeps = is_text_name(title) and kind_of(title) == kind
        stem = title[: -len(suffix)] if keeps and suffix else title
        # A title such as "a/b.py" must not become a folder, and case matters to programs.
        safe = re.sub(r"[^\w.]+", "-", stem).strip("-.").encode()[:80].decode(errors="ignore") or "untitled"
        return safe + (suffix if keeps else ".txt")
    return safe_name(re.sub(r"\.(md|markdown|txt)$", "", title, flags=re.IGNORECASE)).replace(".", "-") + ".md"


def _encode(text: str) -> bytes:
    # A reader drops one leading byte order mark; a text that really begins with one gets a second, so none is lost.
    return (("\ufeff" if text.startswith("\ufeff") else "") + text).encode("utf-8")
