"""What was read from the web a while ago, kept on disk as long as its headers say, so that a run does not ask twice.

Nothing in it belongs to anybody: requests carry no cookies and no credentials, so every person would get the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

MOST_BYTES = 256 * 2**20  # of all that is kept
MOST_ENTRIES = 5_000
LARGEST = 20 * 2**20  # bytes of one page that is kept
UNSTATED = 600.0  # seconds for which a page is fresh whose headers say nothing
LONGEST = 86_400.0  # whatever they say


@dataclass(slots=True)
class Entry:
    """One answer, without its body. `asked` to `url` by way of `redirects`."""

    asked: str
    url: str
    status: int
    type: str
    charset: str
    name: str
    redirects: list[str]
    etag: str
    modified: str
    at: float
    fresh_until: float


def fresh_for(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds for which an answer may be used again without asking; None: it must not be kept at all."""
    control = headers.get("cache-control", "").lower()
    if "no-store" in control or "*" in headers.get("vary", ""):
        return None
    if "no-cache" in control:
        return 0.0
    if stated := re.search(r"\bmax-age\s*=\s*\"?(\d{1,10})", control):
        age = headers.get("age", "0").strip()
        return min(max(0.0, float(stated[1]) - (float(age) if age.isdecimal() and len(age) < 11 else 0.0)), LONGEST)
    if "expires" in headers:
        expires = _moment(headers["expires"])
        return 0.0 if expires is None else min(max(0.0, expires - (_moment(headers.get("date", "")) or now)), LONGEST)
    if (modified := _moment(headers.get("last-modified", ""))) is not None:
        return min(max(UNSTATED, 0.1 * (now - modified)), LONGEST)
    return UNSTATED


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


class PageCache:
    """Entries and their bodies in one folder. `scope` keeps apart what was read under other rules of where to go.

    Its calls block on the disk for a moment: call them in a thread. A disk that is full or broken means no cache.
    """

    def __init__(self, folder: Path, scope: str = "", most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._scope = scope
        self._most = most

    def get(self, url: str) -> tuple[Entry, bytes] | None:
        """What is kept of a page, fresh or not."""
        path = self._path(url)
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            entry = Entry(**json.loads(head))
            os.utime(path)
        except (OSError, ValueError, TypeError):
            return None
        return (entry, body) if entry.asked == url else None

    def put(self, entry: Entry, body: bytes) -> None:
        """Keep an answer, and let go of those that were not wanted for longest when there is too much."""
        if len(body) > LARGEST:
            return
        path = self._path(entry.asked)
        new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                new.write_bytes(json.dumps(asdict(entry)).encode() + b"\n" + body)
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)
            self._trim()

    def drop(self, url: str) -> None:
        with contextlib.suppress(OSError):
            self._path(url).unlink(missing_ok=True)

    def _trim(self) -> None:
        with os.scandir(self._folder) as found:
            kept = sorted((one.stat().st_mtime, one.stat().st_size, one.path) for one in found if one.is_file())
        size = sum(bytes for _, bytes, _ in kept)
        for number, (_, bytes, path) in enumerate(kept):
            if size <= self._most and len(kept) - number <= MOST_ENTRIES:
                return
            Path(path).unlink(missing_ok=True)
            size -= bytes

    def _path(self, url: str) -> Path:
        return self._folder / hashlib.sha256(f"{self._scope}\n{url}".encode()).hexdigest()
