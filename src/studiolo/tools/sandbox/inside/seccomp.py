"""seccomp: which calls the kernel still answers for this process. See seccomp(2) and `syscalls` for the list.

The filter is a program for the kernel's classic BPF machine. It reads the call's number and the lower halves of its
arguments, which are what the kernel reads of arguments that are no pointers.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterable

from .kernel import LIBC, JailFailed, call
from .syscalls import (
    ABSENT,
    ALLOWED,
    ARCHITECTURES,
    FORBIDDEN,
    JUDGED,
    NEWEST_KNOWN,
    PRETENDED,
    SECCOMP,
    SIGNALS,
    UNSUPPORTED,
    number,
    numbers,
)

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, value

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
REFUSED, NO_SUCH_CALL, NOT_HERE, SUCCESS = ERROR | 1, ERROR | 38, ERROR | 95, ERROR | 0
X32 = 0x40000000

NUMBER, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data


def argument(index: int, *, upper: bool = False) -> int:
    """The offset of (half of) an argument; both machines have the lower half first."""
    return 16 + 8 * index + (4 if upper else 0)


THREAD = 0x10000  # CLONE_THREAD
NEW_NAMESPACES = 0x7E020000 | 0x80  # CLONE_NEW*
TRUNCATE_ON_OPEN, WRITES = 0x200, 0x3
SHARED, ANONYMOUS = 0x1, 0x20
# Not F_SETOWN and F_SETSIG (a signal to anybody), F_SETPIPE_SZ, leases, notifications.
FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
# FIONBIO, FIOCLEX, FIONCLEX, FIONREAD; TCGETS and TIOCGWINSZ are what isatty() and the terminal's size ask.
IOCTL = (0x5421, 0x5451, 0x5450, 0x541B, 0x5401, 0x5413)
PRCTL = (15, 16, 0x53564D41)  # the name of a thread, the name of memory


def _any_of(offset: int, values: Iterable[int]) -> list[Instruction]:
    program: list[Instruction] = [(LOAD, 0, 0, offset)]
    for value in values:
        program += [(EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW)]
    return [*program, (RETURN, 0, 0, REFUSED)]


def _judged(pid: int) -> dict[str, list[Instruction]]:
    """What is done with the calls whose arguments matter; each ends with a verdict."""
    yes, no = (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSED)

    def opening(flags: int) -> list[Instruction]:
        # Emptying a file that is opened for reading only: Landlock before version 3 lets it through.
        load: Instruction = (LOAD, 0, 0, argument(flags))
        return [load, (ANY_BIT, 0, 2, TRUNCATE_ON_OPEN), (ANY_BIT, 1, 0, WRITES), no, yes]

    return {
        "open": opening(1),
        "openat": opening(2),
        # A file's pages that live on in memory after the file is gone would be counted by nobody.
        "mmap": [(LOAD, 0, 0, argument(3)), (ANY_BIT, 0, 2, SHARED), (ANY_BIT, 1, 0, ANONYMOUS), no, yes],
        "fcntl": _any_of(argument(1), FCNTL),
        "ioctl": _any_of(argument(1), IOCTL),
        "prctl": _any_of(argument(0), PRCTL),
        "clone": [(LOAD, 0, 0, argument(0)), (ANY_BIT, 0, 2, THREAD), (ANY_BIT, 1, 0, NEW_NAMESPACES), yes, no],
        "kill": _any_of(argument(0), (pid,)),
        "tgkill": _any_of(argument(0), (pid,)),
        "prlimit64": _any_of(argument(0), (0, pid)),
        "socketpair": _any_of(argument(0), (1,)),  # two ends of the same process: what asyncio wakes itself with
        "sendto": [  # to nobody by name
            (LOAD, 0, 0, argument(4)),
            (EQUAL, 0, 3, 0),
            (LOAD, 0, 0, argument(4, upper=True)),
            (EQUAL, 0, 1, 0),
            yes,
            no,
        ],
    }


def program(pid: int) -> list[Instruction]:
    """The whole filter for a process of this id."""
    rules = _beginning()
    verdicts = ((ALLOWED, ALLOW), (PRETENDED, SUCCESS), (UNSUPPORTED, NOT_HERE), (ABSENT, NO_SUCH_CALL))
    for table, verdict in verdicts:
        for one in numbers(table):
            rules += [(EQUAL, 0, 1, one), (RETURN, 0, 0, verdict)]
    for name, judging in _judged(pid).items():
        if (one := number(JUDGED, name)) is not None:
            rules += [(EQUAL, 0, len(judging), one), *judging]
    return [*rules, (AT_LEAST, 0, 1, NEWEST_KNOWN), (RETURN, 0, 0, NO_SUCH_CALL), (RETURN, 0, 0, REFUSED)]


def program_of_starters(pid: int, signals: bool) -> list[Instruction]:
    """A wider filter, for a process that starts another program: what is forbidden is on a list, and no namespace is
    made. `signals`: whether somebody else sees to it that they reach nobody outside."""
    rules = _beginning()
    verdicts = [(FORBIDDEN, REFUSED), (PRETENDED, SUCCESS), (UNSUPPORTED, NOT_HERE), (ABSENT, NO_SUCH_CALL)]
    judging = {name: each for name, each in _judged(pid).items() if name in ("open", "openat")}
    judging["clone"] = [
        (LOAD, 0, 0, argument(0)),
        (ANY_BIT, 0, 1, NEW_NAMESPACES & ~0xFF),  # the lowest byte is the signal that tells of its end
        (RETURN, 0, 0, REFUSED),
        (RETURN, 0, 0, ALLOW),
    ]
    if not signals:
        verdicts.append((SIGNALS, REFUSED))
        judging["tgkill"] = _judged(pid)["tgkill"]
    for table, verdict in verdicts:
        for one in numbers(table):
            rules += [(EQUAL, 0, 1, one), (RETURN, 0, 0, verdict)]
    for name, each in judging.items():
        if (one := number(JUDGED, name)) is not None:
            rules += [(EQUAL, 0, len(each), one), *each]
    return [*rules, (AT_LEAST, 0, 1, NEWEST_KNOWN + 1), (RETURN, 0, 0, NO_SUCH_CALL), (RETURN, 0, 0, ALLOW)]


def _beginning() -> list[Instruction]:
    """The number of the call, after it is sure that it is one of this machine's."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise JailFailed(f"there is no list of system calls for {machine}")
    # A call by another architecture's numbers would mean another call.
    rules: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        rules += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL)]
    return rules


def restrict(rules: list[Instruction] | None = None) -> None:
    """Load a filter, the narrow one if no other is given, for this process and every thread it will have. Of several
    the least that they allow holds. `no_new_privs` must have been set."""
    rules = rules or program(os.getpid())
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    loaded = ctypes.create_string_buffer(struct.pack("@HP", len(rules), ctypes.addressof(packed)))
    call("seccomp", LIBC.syscall(SECCOMP[platform.machine()], 1, 1, loaded))
