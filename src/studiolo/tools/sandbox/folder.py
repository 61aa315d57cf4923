"""The folders that programs work in: private, and gone afterwards, also when the studio was killed meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from studiolo.canvas.errors import Invalid, TooLarge, Unavailable
from studiolo.tools.sandbox.ran import Limits

MINE = "studio-"
LOCK = "lock"
MOST_GIVEN = 512 << 20  # bytes of files that are given to one program
COPIED = 1 << 20  # bytes at a time

Given = Mapping[str, bytes | Path]


class Folders:
    """Makes work folders in a folder of this process, and removes those of processes that are no more.

    Each process holds a lock on a file in its folder. The kernel lets go of it however the process ends, so a folder
    whose lock can be taken belongs to nobody.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.parent = parent or Path(tempfile.gettempdir()) / f"studiolo-sandbox-{os.getuid()}"
        self.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise Unavailable(f"{self.parent} is not a folder of this user.", "Remove it, or choose another folder.")
        self.parent.chmod(0o700)
        self.sweep()
        self.mine = self.parent / f"{MINE}{secrets.token_hex(8)}"
        self.mine.mkdir(mode=0o700)
        self._lock = os.open(self.mine / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sweep(self) -> None:
        """Remove what processes that are no more have left."""
        for left in self.parent.glob(f"{MINE}*"):
            try:
                lock = os.open(left / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                # Just being made, or its removal was cut short; only what is old cannot be the former.
                with contextlib.suppress(OSError):
                    left.rmdir()
                continue
            except OSError:
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(left)
            except OSError:
                pass  # somebody works there
            finally:
                os.close(lock)

    @contextlib.contextmanager
    def new(self) -> Iterator[Path]:
        """A new empty folder, for as long as the context lasts."""
        folder = self.mine / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            remove(folder)

    def close(self) -> None:
        """Remove everything and let go."""
        if self._lock >= 0:
            remove(self.mine)
            os.close(self._lock)
            self._lock = -1


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, however deep and whatever its permissions; links are not followed.

    Folders in folders are lifted up instead of walked down to, so a path is never longer than two steps.
    """
    number = 0
    while True:
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        if not entries:
            folder.rmdir()
            return
        for entry in map(Path, entries):
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
                continue
            entry.chmod(0o700)
            for one in list(entry.iterdir()):
                if one.is_dir() and not one.is_symlink():
                    one.chmod(0o700)  # to be moved, a folder must be writable: its `..` changes
                    number += 1
                    one.rename(folder / f".{number}.{secrets.token_hex(4)}")
                else:
                    one.unlink()
            entry.rmdir()


def checked_name(name: str) -> str:
    """A file's path within the folder, or `Invalid`."""
    path = PurePosixPath(name)
    plain = name.isprintable() and len(name.encode("utf-8", "replace")) <= 500 and "\\" not in name
    if not name or not plain or path.is_absolute() or ".." in path.parts or not path.name or len(path.parts) > 10:
        raise Invalid(f"{name[:80]!r} is no name for a file here.", "Use a plain relative path such as data/sales.csv.")
    return str(path)


def fill(folder: Path, files: Given) -> dict[str, tuple[int, int]]:
    """Write what a program is given; returns each file's size and time, to see later what has changed."""
    total = sum(len(one) if isinstance(one, bytes) else one.stat().st_size for one in files.values())
    if total > MOST_GIVEN:
        raise TooLarge(
            f"The files have {total / 1e6:,.0f} MB together, and {MOST_GIVEN / 1e6:,.0f} MB can be worked on at once.",
            "Give fewer files, or a part of them.",
        )
    given: dict[str, tuple[int, int]] = {}
    for name, data in files.items():
        path = folder / checked_name(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as written:
            if isinstance(data, bytes):
                written.write(data)
            else:
                with data.open("rb") as source:
                    while part := source.read(COPIED):
                        written.write(part)
        found = path.stat()
        given[str(path.relative_to(folder))] = (found.st_size, found.st_mtime_ns)
    return given


@dataclass(frozen=True, slots=True)
class Size:
    """How much lies in a folder."""

    entries: int
    bytes: int


def measure(folder: Path, most_entries: int) -> Size:
    """What lies in a folder, counted up to so many entries. Its owner may be changing it all the while."""
    entries = total = 0
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    if entries > most_entries:
                        return Size(entries, total)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue
        except OSError:  # a path that is too long, a folder that is closed: nobody needs that
            return Size(most_entries + 1, total)
    return Size(entries, total)


def collect(folder: Path, given: Mapping[str, tuple[int, int]], limits: Limits) -> tuple[dict[str, bytes], list[str]]:
    """The files that a program has written or changed, within limits; and sentences about what is left out.

    Called when the program is gone: nothing changes any more. Links are not followed, only plain files are read.
    """
    kept: dict[str, bytes] = {}
    left: list[str] = []
    total = 0
    waiting = [(folder, PurePosixPath())]
    while waiting:
        where, inner = waiting.pop()
        try:
            entries = sorted(os.scandir(where), key=lambda one: one.name)
        except OSError:
            left.append(f"The folder {inner} cannot be read.")
            continue
        for entry in entries:
            path = inner / entry.name
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir(follow_symlinks=False):
                if len(path.parts) < 10:
                    waiting.append((Path(entry.path), path))
                continue
            if not entry.is_file(follow_symlinks=False):
                left.append(f"{entry.name[:80]!r} is no plain file.")
                continue
            found = entry.stat(follow_symlinks=False)
            if given.get(str(path)) == (found.st_size, found.st_mtime_ns):
                continue
            try:
                name = checked_name(str(path))
            except (Invalid, UnicodeEncodeError):
                left.append(f"{str(path)[:80]!r} is no name for a file.")
                continue
            if len(kept) >= limits.kept_files or total + found.st_size > limits.kept_bytes:
                left.append(f"{name} ({found.st_size:,} bytes) is one file too many, or too large.")
                continue
            with contextlib.suppress(OSError):
                opened = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                with os.fdopen(opened, "rb") as source:
                    kept[name] = source.read(limits.kept_bytes - total)
                total += len(kept[name])
    return kept, left[:20]
