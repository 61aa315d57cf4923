"""What runs in the child process: its limits first, then the file, then one answer in JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

MEMORY = 2 << 30  # bytes of data; pandoc, a child of this one, has its own limit
SECONDS = 100
LARGEST_FILE = 256 << 20  # bytes that it may write to one file


def main() -> None:
    """Read a header line and a file from standard input, write what it says to standard output."""
    limit(int(sys.argv[1]))
    asked = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    with tempfile.TemporaryDirectory(prefix="studiolo-reading-") as folder:
        tempfile.tempdir = folder
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
    import os
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
