"""JSON on its way out. What was stored once can always be shown, so no value of it may make an answer fail."""

from __future__ import annotations

import json
import math
from typing import Any

from fastapi.responses import JSONResponse


class Json(JSONResponse):
    """A JSON answer in UTF-8."""

    def render(self, content: Any) -> bytes:
        return as_json(content)


def as_json(content: Any) -> bytes:
    """`content` as JSON. What JSON and UTF-8 cannot say, NaN and half a surrogate pair, is replaced."""
    try:
        return _dumped(content)
    except ValueError:
        return _dumped(_sayable(content))


def _dumped(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _sayable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {_sayable(str(key)): _sayable(item) for key, item in value.items()}
        case list() | tuple():
            return [_sayable(item) for item in value]
    return value
