"""Keys never leave this room: every sentence that may hold somebody else's words goes through `masked`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEY_SHAPES = re.compile(r"\b(?:(?:sk|pk|rk|gsk|xai|key)[-_][-_A-Za-z0-9]{12,}|AIza[-_A-Za-z0-9]{20,})")


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secrets and without anything that looks like a key."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return _KEY_SHAPES.sub("•••", text)
