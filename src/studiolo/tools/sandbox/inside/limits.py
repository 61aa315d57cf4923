"""What this process may use at most, and what it gives up: capabilities, its environment, core dumps."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import struct

from .kernel import LIBC, call, prctl
from .syscalls import CAPGET, CAPSET

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIGKILL = 9
LIBRARIES = 1 << 30  # bytes of address space beside the program's own memory: shared libraries and their like


def own_cgroup() -> list[str]:
    """The files that tell how much this process's own control group may use.

    DuckDB asks whether they are there, and aborts when it then cannot read them. They hold numbers, and the first the
    group's name.
    """
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as told:  # noqa: PTH123
            lines = told.read().splitlines()
    except OSError:
        return []
    found = ["/proc/self/cgroup"]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        for place in {group.rstrip("/"), ""}:
            if not controllers:
                found += [f"/sys/fs/cgroup{place}/{name}" for name in ("cpu.max", "memory.max")]
            elif controllers == "memory":
                found.append(f"/sys/fs/cgroup/memory{place}/memory.limit_in_bytes")
            elif "cpu" in controllers.split(","):
                base = f"/sys/fs/cgroup/cpu{place}/cpu.cfs_"
                found += [f"{base}quota_us", f"{base}period_us"]
    return found


def die_with_parent(parent: int) -> None:
    """Be killed when the studio is gone, also when it is gone already. 0: somebody else sees to it."""
    if parent:
        prctl("prctl PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def give_up_privileges(keep: int = 0) -> None:
    """Never gain a privilege again, and lose those of root, but for a set of capabilities: a file of others is closed
    to root, too. What this process starts has none."""
    prctl("prctl NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break  # an ordinary user may not, and has none
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    have = ctypes.create_string_buffer(24)
    call("capget", LIBC.syscall(CAPGET[platform.machine()], header, have))
    effective, permitted, *_ = struct.unpack("=6I", have.raw)
    left = ctypes.create_string_buffer(struct.pack("=6I", effective & keep, permitted & keep, 0, 0, 0, 0))
    call("capset", LIBC.syscall(CAPSET[platform.machine()], header, left))


def limit(memory: int, seconds: int, file: int, descriptors: int) -> None:
    """Set the kernel's limits. `memory` and `file` in bytes, `seconds` of CPU.

    RLIMIT_DATA counts what the program itself allocates; RLIMIT_AS counts libraries, too, and so is wider. A core
    limit of 1 stops core dumps to files and, other than 0, to programs.
    """
    for what, most in (
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NOFILE, descriptors),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_SIGPENDING, 256),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_STACK, 8 << 20),
        (resource.RLIMIT_AS, memory + LIBRARIES),
        (resource.RLIMIT_DATA, memory),
    ):
        hardest = resource.getrlimit(what)[1]
        most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
        resource.setrlimit(what, (most, most))


def stand_back() -> None:
    """Let others go first, on the processor and when memory runs out."""
    with contextlib.suppress(OSError):
        os.nice(10)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write("1000")
