"""How a value is shown: rows and columns as a table, a figure as a picture, anything else as text.

No library is imported here that the program has not imported itself.
"""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

LONGEST_CELL = 1_000  # characters
LONGEST_TEXT = 20_000  # characters of one value
MOST_COLUMNS = 100
MOST_IN_MESSAGE = 1 << 20  # bytes of one table as JSON
MOST_PIXELS = 16_000_000
MOST_FIGURES = 10

Send = Callable[[dict[str, Any]], None]


class Showing:
    """Sends what the program shows, with at most so many rows of a table."""

    def __init__(self, send: Send, rows: int) -> None:
        self._send = send
        self._rows = rows
        self._figures = 0

    def show(self, *values: Any) -> None:
        """What a notebook does with the value of a cell's last line; the program knows it as `display`."""
        for value in values:
            if value is None:
                continue
            table = self._table(value)
            if table is not None:
                self._send({"table": table})
            elif _is_of(value, "matplotlib"):
                if hasattr(value, "savefig"):
                    self._figure(value)
            elif not _holds_artists(value):
                text = repr(value)
                cut = len(text) - LONGEST_TEXT
                print(text if cut <= 0 else f"{text[:LONGEST_TEXT]}… ({cut:,} more characters)")

    def show_figures(self) -> None:
        """The figures that pyplot holds, as `plt.show()` would; they are closed."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            self._figure(pyplot.figure(number))
        pyplot.close("all")

    def _figure(self, figure: Any) -> None:
        self._figures += 1
        if self._figures > MOST_FIGURES:
            if self._figures == MOST_FIGURES + 1:
                print(f"Only the first {MOST_FIGURES} figures are shown.", file=sys.stderr)
            return
        width, height = figure.get_size_inches()
        dots = min(figure.dpi, math.sqrt(MOST_PIXELS / max(width * height, 0.01)))
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=dots)
        self._send({"image": base64.b64encode(written.getvalue()).decode("ascii")})
        if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
            pyplot.close(figure)

    def _table(self, value: Any) -> dict[str, Any] | None:
        if _is_of(value, "pandas"):
            return self._of_pandas(value)
        if _is_of(value, "duckdb", "_duckdb"):
            return self._of_duckdb(value)
        if isinstance(value, list) and value and all(type(row) is dict for row in value):
            names = list(dict.fromkeys(str(name) for row in value[: self._rows] for name in row))
            rows = [[row.get(name) for name in names] for row in value[: self._rows]]
            return self._made(names, [""] * len(names), rows, len(value))
        return None

    def _of_pandas(self, value: Any) -> dict[str, Any] | None:
        pandas = sys.modules.get("pandas")
        if pandas is None:
            return None
        if isinstance(value, pandas.Series):
            value = value.to_frame("value" if value.name is None else value.name)
        if not isinstance(value, pandas.DataFrame):
            return None
        total, shown = len(value), value.head(self._rows)
        names: list[str] = []
        types: list[str] = []
        columns: list[Iterable[Any]] = []
        if not isinstance(value.index, pandas.RangeIndex) or value.index.name is not None:
            for level in range(shown.index.nlevels):
                index = shown.index.get_level_values(level)
                names.append("" if index.name is None else str(index.name))
                types.append(str(index.dtype))
                columns.append(index.tolist())
        for at, name in enumerate(shown.columns[:MOST_COLUMNS]):
            column = shown.iloc[:, at]
            names.append(" / ".join(map(str, name)) if isinstance(name, tuple) else str(name))
            types.append(str(column.dtype))
            columns.append(column.tolist())
        rows = [list(row) for row in zip(*columns, strict=True)]
        return self._made(names, types, rows, total, len(shown.columns) - MOST_COLUMNS)

    def _of_duckdb(self, value: Any) -> dict[str, Any] | None:
        """A relation, which can be asked for its size, or a connection that holds a result."""
        if type(value).__name__ == "DuckDBPyRelation":
            total = value.aggregate("count(*)").fetchall()[0][0]
            rows = value.limit(self._rows).fetchall()
            return self._made([str(one) for one in value.columns], [str(one) for one in value.types], rows, total)
        if getattr(value, "description", None):
            names = [str(one[0]) for one in value.description]
            types = [str(one[1]) for one in value.description]
            rows = value.fetchall()
            return self._made(names, types, rows[: self._rows], len(rows))
        return None

    def _made(
        self, names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], total: int, left: int = 0
    ) -> dict[str, Any]:
        table: dict[str, Any] = {
            "columns": [{"name": name[:200], "type": kind} for name, kind in zip(names, types, strict=True)],
            "rows": [[cell(one) for one in row] for row in rows],
            "total": total,
            "columns_left_out": max(0, left),
        }
        while len(table["rows"]) > 1 and len(json.dumps(table)) > MOST_IN_MESSAGE:
            table["rows"] = table["rows"][: len(table["rows"]) // 2]
        return table


def cell(value: Any) -> Any:
    """A value as JSON has it; whatever JSON has no word for becomes text."""
    if value is None or isinstance(value, bool | str):
        return value[:LONGEST_CELL] if isinstance(value, str) else value
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)[:LONGEST_CELL]
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)[:LONGEST_CELL]


def _is_of(value: Any, *packages: str) -> bool:
    return (type(value).__module__ or "").split(".")[0] in packages


def _holds_artists(value: Any) -> bool:
    """What pyplot's functions give back says nothing to a reader."""
    if type(value).__module__ == "numpy":
        value = value.ravel().tolist() if str(getattr(value, "dtype", "")) == "object" else ()
    if not isinstance(value, list | tuple) or not value:
        return False
    return any(_is_of(one, "matplotlib") or _holds_artists(one) for one in value[:4])
