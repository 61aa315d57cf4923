"""System calls of a running studio: seen one by one, or made to fail, by strace."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest


class Strace:
    """What a process does, seen from outside. Skips its test where there is no strace, or it may not trace."""

    def __init__(self, pid: int) -> None:
        if shutil.which("strace") is None:
            pytest.skip("strace is not installed: it makes system calls fail, or shows their order")
        if subprocess.run(["strace", "-q", "true"], capture_output=True, check=False).returncode:
            pytest.skip("strace may not trace processes here")
        self._pid = pid
        self._process: subprocess.Popen[str] | None = None

    def fail(self, calls: str, error: str) -> None:
        """From now on these system calls (names, with commas) end with this error."""
        self._start("-e", f"trace={calls}", "-e", f"inject={calls}:error={error}")

    def record(self, calls: str, file: Path) -> None:
        """Write these system calls to a file, in the order in which they ended, with the files they are about."""
        self._start("-y", "-xx", "-s", "64", "-e", f"trace={calls}", "-o", str(file))

    def end(self) -> None:
        """Let go of the process, which goes on as before."""
        assert self._process and self._process.stderr
        self._process.send_signal(signal.SIGINT)
        self._process.wait(10)
        self._process.stderr.close()

    def _start(self, *options: str) -> None:
        self._process = subprocess.Popen(
            ["strace", "-f", "-p", str(self._pid), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr
        while "attached" not in (line := self._process.stderr.readline()):
            assert line, "strace has ended"
