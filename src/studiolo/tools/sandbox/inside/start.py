"""Where the child begins: it reads what it is to do from its input, locks itself in, and runs the program.

Nothing of the program is read as code before the lock is on. What the studio believes of the lock is the first
message, which is sent before the program begins; everything after it is the program's word.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from . import landlock, limits, seccomp
from .kernel import JailFailed
from .program import BACKEND, run
from .showing import Showing


def main() -> None:
    """Do what is asked on the standard input; results go to the descriptor that it names."""
    with open(0, "rb", closefd=False) as told:
        asked = json.loads(told.read())
    results: int = asked["results"]
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.closerange(results + 1, 65_536)

    def send(message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(results, data) :]

    try:
        locked = lock(asked)
    except (JailFailed, OSError, ValueError) as error:
        send({"refused": f"{type(error).__name__}: {error}"})
        os._exit(1)
    send({"ready": locked})
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="replace", encoding="utf-8")  # type: ignore[union-attr]
    failed = run(asked["code"], Showing(send, asked["rows"]))
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    send({"done": True, "error": failed})
    os._exit(0)


def lock(asked: dict[str, Any]) -> dict[str, Any]:
    """Take everything away that the program is not to have; says what is in force."""
    work: str = asked["work"]
    limits.die_with_parent(asked["parent"])
    limits.stand_back()
    os.chdir(work)
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(
        HOME=work,
        TMPDIR=work,
        LANG="C.UTF-8",
        PATH="",
        MPLBACKEND=f"module://{BACKEND}",
        MPLCONFIGDIR=f"{work}/.matplotlib",
        # Threads that wait for each other only take memory where one processor is to be used.
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        NUMEXPR_NUM_THREADS="1",
    )
    with contextlib.suppress(OSError):
        # Libraries that start a thread for each processor (DuckDB) see one.
        os.sched_setaffinity(0, {asked["processor"]})
    sys.argv = ["program.py"]
    sys.orig_argv = ["python"]
    sys.path[:] = [one for one in sys.path if one not in asked["hide"]] + [work]
    cgroup = limits.own_cgroup()
    for path in cgroup[:1]:
        os.open(path, os.O_PATH)  # held, so that the kernel does not make it anew under the rule that allows it
    limits.give_up_privileges()
    limits.limit(asked["memory"], asked["seconds"], asked["file"], asked["descriptors"])
    found = landlock.version()
    if found or not asked["namespaces"]:
        found = landlock.restrict([*asked["read"], *cgroup], [work, os.devnull])
    seccomp.restrict()
    return {"landlock": found, "seccomp": True}
