"""Notices a model that makes the same call again and again and gets nowhere."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

FAILED = (3, 4)  # identical calls with the same failure, whatever lies between: then the model is told; then it is over
WELL = (5, 7)  # identical calls in a row that gave the same result


class Repeats:
    """The calls of one run, one after the other. Two are the same when their tool, arguments and result are."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()
        self._last = ""
        self.times = 0
        """How often the last call was made, as far as that counts."""
        self._limits = WELL

    def note(self, tool: str, arguments: Any, result: Any, failed: bool) -> None:
        """One more call."""
        key = json.dumps([tool, arguments, str(result)[:2_000]], sort_keys=True, default=str)
        if failed:
            self._failed[key] += 1
            self.times, self._limits = self._failed[key], FAILED
        else:
            self.times, self._limits = (self.times + 1 if key == self._last else 1), WELL
        self._last = key

    @property
    def warning(self) -> bool:
        """Whether the model is to be told now."""
        return self.times == self._limits[0]

    @property
    def hopeless(self) -> bool:
        """Whether it was told, and went on."""
        return self.times >= self._limits[1]
