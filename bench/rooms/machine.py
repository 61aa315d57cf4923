"""The machine that is measured on: its cores, what processes use of it, and how it is described in a result."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on a core of its own: the server on the first, the load on the second."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or shutil.which("taskset") is None:
        return command
    return ["taskset", "-c", str(cores[core]), *command]


def cpu_seconds(process: int) -> float:
    """CPU time that a process and its children have used, to the nanosecond (/proc counts hundredths)."""
    total = 0.0
    for one in family(process):
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~one << 3) | 2)  # the clock that clock_getcpuclockid(3) gives
    return total


def resident_megabytes(process: int) -> float:
    """Resident memory of a process and its children."""
    pages = 0
    for one in family(process):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
    return pages * PAGE / 1e6


def family(process: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield process
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (task / "children").read_text().split():
                    yield from family(int(child))


def description() -> str:
    """One line on what this ran on."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PHYS_PAGES") * PAGE / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores ({name}), {memory:.0f} GB, {platform.system()} {platform.release()}, "
        f"nice {os.nice(0)}, Python {sys.version.split()[0]}, pycrdt {version('pycrdt')}, uvicorn {version('uvicorn')}"
    )


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
