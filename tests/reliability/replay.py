"""The log as the disk has it, read beside the running studio and replayed without any of the studio's code."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map


class Replay:
    """Follows the log of one canvas: rows are only ever added, and none is missing."""

    def __init__(self, database: Path, canvas: str) -> None:
        self.rows: list[bytes] = []
        self.doc: Doc[Any] = Doc()
        self._pages: Map[Any] = self.doc.get("pages", type=Map)
        self._database, self._canvas = database, canvas

    def read(self) -> Replay:
        """Apply what is new in the log. The last row that was there before must be there still."""
        # Read while the studio has it open: the last one to close a database empties its write-ahead log.
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as database:
            found = database.execute(
                "SELECT seq, data FROM updates WHERE canvas = ? AND seq >= ? ORDER BY seq",
                (self._canvas, len(self.rows)),
            ).fetchall()
        first = max(1, len(self.rows))
        assert [seq for seq, _ in found] == list(range(first, first + len(found))), "a hole in the log"
        if self.rows:
            assert found, "the log is shorter than it was"
            assert found.pop(0)[1] == self.rows[-1], "the last row of the log is another one now"
        for _, data in found:
            self.rows.append(data)
            if data:
                self.doc.apply_update(data)
        return self

    def check_unchanged(self) -> None:
        """Every row that was read is in the log as it was read."""
        again = Replay(self._database, self._canvas).read()
        assert again.rows[: len(self.rows)] == self.rows

    def texts(self, pages: Iterable[str]) -> dict[str, str]:
        return {page: str(self._pages[page]["text"]) for page in pages}
