"""Looks at a running program from outside: what the kernel's own limits do not count."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from studiolo.tools.sandbox.folder import measure
from studiolo.tools.sandbox.ran import MIB, Killed, Limits

PAGE = os.sysconf("SC_PAGE_SIZE")
SLACK = 192 * MIB  # resident memory beside the program's own: shared libraries
FOLDER_EVERY = 0.1  # seconds between two looks at the work folder


class Watch:
    """One running child."""

    def __init__(self, pid: int, folder: Path, given: int, limits: Limits) -> None:
        self._proc = f"/proc/{pid}"
        self._folder = folder
        self._given = given
        self._limits = limits
        self._looked = 0.0
        self.began = 0.0
        self.memory = 0

    def beyond(self) -> Killed:
        """Which limit the program has passed, "" for none."""
        limits = self._limits
        with contextlib.suppress(OSError, ValueError, IndexError):
            resident = int(_read(f"{self._proc}/statm").split()[1]) * PAGE
            self.memory = max(self.memory, resident)
            if resident > limits.memory + SLACK:
                return "memory"
        with contextlib.suppress(OSError, ValueError, IndexError):
            # After the name, which may hold anything, in brackets.
            if int(_read(f"{self._proc}/stat").rpartition(")")[2].split()[17]) > limits.threads:
                return "threads"
        with contextlib.suppress(OSError, ValueError, IndexError):
            # A file that was unlinked while it is open lies in no folder, but it had to be written.
            if int(_read(f"{self._proc}/io").split("wchar:")[1].split()[0]) > 2 * limits.disk:
                return "disk"
        now = time.monotonic()
        if now - self._looked >= FOLDER_EVERY:
            self._looked = now
            size = measure(self._folder, limits.entries)
            if size.entries > limits.entries or size.bytes > limits.disk + self._given:
                return "disk"
        return ""


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as found:  # noqa: PTH123
        return found.read(4_096)
