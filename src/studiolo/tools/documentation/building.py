"""Reads sources into the index, in a process of its own: `python -m studiolo.tools.documentation.building PATH`.

What to read is JSON on the standard input; what is done is JSON on the standard output, a line each. Sources that have
not changed are passed over. A source that takes too long or cannot be read is noted and no other suffers.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studiolo.tools.documentation import folders, inventories, packages
from studiolo.tools.documentation.entry import Item
from studiolo.tools.documentation.index import LARGEST, Index

SECONDS = 120  # of computing, for one source: a busy machine is no reason to leave it out
FIRST = ("python", "pandas", "numpy", "matplotlib", "duckdb")  # what agents' programs use; then the others


@dataclass(frozen=True, slots=True)
class Work:
    """One source to be read."""

    key: str
    package: str
    version: str
    kind: str
    stamp: str
    read: Callable[[], Iterable[Item]]


class TooLong(Exception):
    """A source took more time than it has."""


def main() -> int:
    """Read what is new or changed; the exit code."""
    path = Path(sys.argv[1])
    asked = json.loads(sys.stdin.read())
    with contextlib.suppress(OSError):
        os.nice(15)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(busy=True)
            return 0
        index = opened(path)
        try:
            build(index, path, asked)
        finally:
            index.close()
    return 0


def opened(path: Path) -> Index:
    """The index; a damaged one, or one of another version, is thrown away."""
    try:
        index = Index(path, write=True)
        if index.database.execute("pragma quick_check(1)").fetchone()[0] == "ok":
            return index
        index.close()
    except sqlite3.DatabaseError:
        pass
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return Index(path, write=True)


def build(index: Index, path: Path, asked: dict[str, Any]) -> None:
    """Bring the index up to date with what is asked for."""
    known = {one.key: one for one in index.sources()}
    work = list(wanted(asked))
    if asked.get("again"):
        known = {}
    elif not asked.get("only"):
        for key in set(known) - {one.key for one in work}:
            index.forget(key)
    todo = [one for one in work if one.key not in known or known[one.key].stamp != one.stamp]
    for number, one in enumerate(todo):
        say(reading=one.package, number=number, of=len(todo))
        if path.stat().st_size > LARGEST:
            index.note(one.key, one.package, one.version, one.kind, one.stamp, "The index has no more room.")
            continue
        try:
            with patience(SECONDS):
                items = index.replace(one.key, one.package, one.version, one.kind, one.stamp, one.read())
            say(read=one.package, items=items)
        except (TooLong, Exception) as error:
            why = (
                f"It took longer than {SECONDS} seconds."
                if isinstance(error, TooLong)
                else f"{type(error).__name__}: {error}"
            )
            index.note(one.key, one.package, one.version, one.kind, one.stamp, why)
            say(read=one.package, items=0, problem=why)
    index.database.execute("insert into words(words) values ('optimize')" if todo else "select 1")
    say(done=True, of=len(todo))


def wanted(asked: dict[str, Any]) -> Iterator[Work]:
    """Everything that there is to read, what is used most first."""
    found: dict[str, Work] = {}
    only = {str(one).lower() for one in asked.get("only") or ()}
    if asked.get("standard", True):
        python = packages.standard_library()
        found[python.name] = _of_package(python)
    for environment in asked.get("environments", ()):
        for package in packages.installed(Path(environment)):
            found.setdefault(package.name.lower(), _of_package(package))
    for folder in asked.get("folders", ()):
        path = Path(folder)
        if path.is_dir():
            key = f"folder:{path}"
            found[key] = Work(key, path.name, "", "folder", folders.stamp(path), lambda path=path: folders.read(path))
    for one in asked.get("inventories", ()):
        inventory = inventories.Inventory(Path(one["path"]), one["base"])
        with contextlib.suppress(OSError, ValueError):
            project, version, _ = inventories.read(inventory)
            key = f"inventory:{one['base'] or one['path']}"
            found[key] = Work(
                key, project, version, "inventory", inventory.stamp, lambda one=inventory: inventories.read(one)[2]
            )
    order = {name: number for number, name in enumerate(FIRST)}
    for name in sorted(found, key=lambda one: (order.get(one, len(order)), one)):
        if not only or found[name].package.lower() in only:
            yield found[name]


def _of_package(package: packages.Package) -> Work:
    key = f"package:{package.name.lower()}"
    return Work(key, package.name, package.version, "package", package.stamp, lambda: packages.read(package))


@contextlib.contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Interrupt what computes longer."""

    def ring(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def say(**what: Any) -> None:
    """One line to whoever started this; when they are gone, this ends."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main())
