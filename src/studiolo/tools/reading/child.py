"""What runs in the child process: its limits and its locks first, then the file, then one answer in JSON.

What reads a file is millions of lines in C, and files come from strangers. So the child can open no file but its own
folder and the libraries, has no network, and can start nothing but pandoc; and where the file is of a kind that pandoc
has no part in, nothing at all. It is the sandbox's machinery (docs/sandbox.md), where the system has it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

MEMORY = 2 << 30  # bytes of data; pandoc, a child of this one, has its own limit
SECONDS = 100
LARGEST_FILE = 256 << 20  # bytes that it may write to one file
FILES_OF_OTHERS = 1 << 1 | 1 << 2  # root reads libraries that are another's (CAP_DAC_*): Landlock says which
SIGNALS_JUDGED = 6  # the version of Landlock that keeps signals from others


def main() -> None:
    """Read a header line and a file from standard input, write what it says to standard output."""
    limit(int(sys.argv[1]))
    asked = json.loads(sys.stdin.buffer.readline())
    tempfile.tempdir = folder = str(asked["folder"])
    locked = lock(folder, asked["read"], asked["run"])
    data = sys.stdin.buffer.read()
    if locked and starts_nothing(data, str(asked["name"])):
        lock_further()
    answer = answered(data, str(asked["name"]), str(asked["type"]))
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()


def answered(data: bytes, name: str, type: str) -> dict[str, Any]:
    """The reading, or the error, as JSON carries it."""
    from studiolo.canvas.errors import Invalid, StudioloError, TooLarge
    from studiolo.tools.reading.kinds import read_bytes

    try:
        reading = read_bytes(data, name, type)
        return {
            "title": reading.title,
            "type": reading.type,
            "sections": [[section.title, section.place, section.text] for section in reading.sections],
            "about": reading.about,
            "problems": reading.problems,
        }
    except StudioloError as error:
        return {"error": error.as_dict()}
    except (MemoryError, RecursionError):
        error = TooLarge(f"{name} takes too much memory to read.", "Divide it into smaller files.")
        return {"error": error.as_dict()}
    except Exception as error:  # whatever a damaged file makes a library stumble over
        said = Invalid(
            f"{name} is damaged: {(str(error) or error.__class__.__name__)[:200]}.",
            "Open it in the program that made it and save it again.",
        )
        return {"error": said.as_dict()}


def limit(parent: int) -> None:
    """Take from this process what reading does not need, where the system can do that."""
    if sys.platform != "linux":
        return
    import ctypes
    import resource

    for kind, most in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1] if kind == resource.RLIMIT_DATA else most))
    libc = ctypes.CDLL(None)
    libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: it ends with the studio
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if os.getppid() != parent:  # which has ended in the meantime
        sys.exit(1)


def lock(folder: str, read: list[str], run: list[str]) -> bool:
    """Close everything that reading does not need: other files, the network, other processes. Whether it could."""
    if sys.platform != "linux":
        return False
    from studiolo.tools.sandbox.inside import landlock, limits, seccomp

    if not landlock.version():
        return False
    os.chdir(folder)
    cgroup = limits.own_cgroup()
    for path in cgroup[:1]:
        os.open(path, os.O_PATH)  # held, so that the kernel does not make it anew under the rule that allows it
    limits.give_up_privileges(keep=FILES_OF_OTHERS)
    version = landlock.restrict([*read, *cgroup], [folder, os.devnull], run)
    seccomp.restrict(seccomp.program_of_starters(os.getpid(), signals=version >= SIGNALS_JUDGED))
    return True


def lock_further() -> None:
    """Start nothing any more, and ask the kernel for nothing that a program in the sandbox may not ask for."""
    from studiolo.tools.sandbox.inside import seccomp

    seccomp.restrict()


def starts_nothing(data: bytes, name: str) -> bool:
    """Whether a file is read without pandoc: PDF, pictures, Parquet and spreadsheets, by libraries in C."""
    from pathlib import PurePosixPath

    from studiolo.tools.reading.kinds import SHEETS
    from studiolo.tools.reading.pictures import picture

    suffix = PurePosixPath(name).suffix.lower()
    return b"%PDF-" in data[:1024] or data.startswith(b"PAR1") or suffix in SHEETS or picture(data) is not None
