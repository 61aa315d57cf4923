"""Reads what the child sends as data: nothing of it is believed, and everything has a size."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from studiolo.tools.sandbox.ran import Image, Table

PNG = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 20_000_000
MOST_IMAGES = 10
MOST_TABLES = 20
MOST_COLUMNS = 120
MOST_ROWS = 10_000
LONGEST_CELL = 1_000
LONGEST_ERROR = 4_000


@dataclass(slots=True)
class Received:
    """What the child has said so far."""

    locked: dict[str, Any] | None = None
    refused: str = ""
    done: bool = False
    error: str = ""
    tables: list[Table] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, line: bytes) -> None:
        """One message. Whatever is no message is left out."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._leave_out("something that it sent as a result and is none")
        elif self.locked is None and not self.refused:
            # The first message is sent before the program begins; no later one is taken for it.
            if isinstance(message.get("ready"), dict):
                self.locked = message["ready"]
            else:
                self.refused = clean(str(message.get("refused", "the child said nothing of its lock")))[:500]
        elif "table" in message:
            self._table(message["table"])
        elif "image" in message:
            self._image(message["image"])
        elif message.get("done") is True:
            self.done = True
            self.error = clean(str(message.get("error") or ""))[:LONGEST_ERROR]

    def _leave_out(self, what: str) -> None:
        if len(self.left_out) < 20:
            self.left_out.append(f"Left out: {what}.")

    def _table(self, given: Any) -> None:
        table = as_table(given)
        if table is None or len(self.tables) >= MOST_TABLES:
            self._leave_out("a table")
        else:
            self.tables.append(table)

    def _image(self, given: Any) -> None:
        try:
            image = as_image(base64.b64decode(given, validate=True)) if isinstance(given, str) else None
        except (binascii.Error, ValueError):
            image = None
        if image is None or len(self.images) >= MOST_IMAGES:
            self._leave_out("a picture")
        else:
            self.images.append(image)


def as_image(data: bytes) -> Image | None:
    """A picture, when that is what the bytes are."""
    if not data.startswith(PNG) or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return Image(data, width, height) if 0 < width * height <= MOST_PIXELS else None


def as_table(given: Any) -> Table | None:
    """A table, when that is what was sent."""
    if not isinstance(given, dict):
        return None
    columns, rows, total = given.get("columns"), given.get("rows"), given.get("total")
    left = given.get("columns_left_out", 0)
    if not isinstance(columns, list) or not isinstance(rows, list) or len(columns) > MOST_COLUMNS:
        return None
    if type(total) is not int or total < 0 or type(left) is not int or len(rows) > MOST_ROWS:
        return None
    names: list[Any] = [one.get("name") for one in columns if isinstance(one, dict)]
    types: list[Any] = [one.get("type") for one in columns if isinstance(one, dict)]
    if len(names) != len(columns) or not all(isinstance(one, str) for one in (*names, *types)):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return None
    return Table(
        [clean(one)[:200] for one in names],
        [clean(one)[:200] for one in types],
        [[_cell(one) for one in row] for row in rows],
        max(total, len(rows)),
        max(0, left),
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)[:LONGEST_CELL]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 1 << 53:
        return value
    return clean(str(value))[:LONGEST_CELL]


def clean(text: str) -> str:
    """Text without what a terminal, a database or a page would take for something else."""
    if text.isascii() and text.isprintable():
        return text
    kept = (one if (one >= " " and not "\x7f" <= one <= "\x9f") or one in "\n\t" else "�" for one in text)
    return "".join(kept).encode("utf-8", "replace").decode("utf-8")
