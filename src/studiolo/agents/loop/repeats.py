"""Notices a model that makes the same call again and again and gets nowhere."""

from __future__ import annotations

import json
from typing import Any

TOLD = {True: 3, False: 5}  # identical calls in a row that failed, or that went well, before the model is told
ENDED = {True: 4, False: 7}


class Repeats:
    """The calls of one run, one after the other. Two are the same when their tool, arguments and result are."""

    def __init__(self) -> None:
        self._last = ""
        self._times = 0
        self._failed = False

    def note(self, tool: str, arguments: Any, result: Any, failed: bool) -> None:
        """One more call."""
        key = json.dumps([tool, arguments, str(result)[:2_000]], sort_keys=True, default=str)
        self._times = self._times + 1 if key == self._last else 1
        self._last, self._failed = key, failed

    @property
    def warning(self) -> bool:
        """Whether the model is to be told now."""
        return self._times == TOLD[self._failed]

    @property
    def hopeless(self) -> bool:
        """Whether it was told, and went on."""
        return self._times >= ENDED[self._failed]

    @property
    def times(self) -> int:
        return self._times
