"""What a program may use, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

MIB = 1 << 20

Killed = Literal["", "time", "cpu", "memory", "disk", "threads", "output", "stopped", "crashed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use. Sizes in bytes."""

    seconds: float = 20
    memory: int = 512 * MIB
    """What the program itself allocates; libraries are not counted."""
    file: int = 32 * MIB
    """The largest file that it may write."""
    disk: int = 128 * MIB
    """All that lies in its folder beside what it was given, and all that it ever writes is held to twice as much."""
    entries: int = 2_000
    """Files and folders in its folder."""
    threads: int = 32
    descriptors: int = 64
    text: int = 60_000
    """Characters of output that are kept: the beginning and the end. Thirty times as many stop the program."""
    rows: int = 200
    """Rows of a table that are shown."""
    results: int = 16 * MIB
    """Tables and pictures together, as they are sent."""
    kept_files: int = 50
    kept_bytes: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with their types, the first rows, and how many rows there are in all. Cells are JSON values."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    total: int
    columns_left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "columns": [{"name": name, "type": kind} for name, kind in zip(self.columns, self.types, strict=True)],
            "rows": self.rows,
            "total": self.total,
            "columns_left_out": self.columns_left_out,
        }


@dataclass(frozen=True, slots=True)
class Image:
    """A picture (PNG); its size in pixels."""

    data: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a program. All of it is the program's word, but for `killed`, `seconds`, `memory` and `level`."""

    ok: bool
    text: str
    """What it printed, and the value of its last line."""
    error: str
    """Why it failed, with its lines, or which limit it met and what to do."""
    tables: list[Table] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """Files that it wrote or changed, by their path in its folder."""
    left_out: list[str] = field(default_factory=list)
    """Sentences about what it made and is not here."""
    seconds: float = 0.0
    memory: int = 0
    """The most memory that it had, libraries included."""
    killed: Killed = ""
    level: str = ""
    """What held it in, such as "landlock 7, seccomp"."""
