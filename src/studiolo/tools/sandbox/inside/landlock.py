"""Landlock: which folders this process may read and write from now on, whoever it is. See landlock(7)."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from .kernel import LIBC, JailFailed, call
from .syscalls import LOAD_LANDLOCK

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1 << 0, 1 << 1
ATTRIBUTES = struct.Struct("=QQQ")  # handled_access_fs, handled_access_net, scoped


def version() -> int:
    """Landlock's version in this kernel, 0 when there is none (before Linux 5.13, or turned off)."""
    return max(0, LIBC.syscall(LOAD_LANDLOCK["create_ruleset"], None, 0, 1))


def restrict(read: Sequence[str], write: Sequence[str], run: Sequence[str] = ()) -> int:
    """Let this process read below `read`, read and write below `write`, and touch no other file's content.

    Returns Landlock's version. Paths that are not there are left out. No file but those of `run` can be executed, no
    device, socket or named pipe can be made. From version 4 TCP is refused too, from 6 signals to others and abstract
    sockets.
    """
    abi = version()
    if abi < 1:
        raise JailFailed("the kernel has no Landlock")
    handled = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        handled |= right if abi >= since else 0
    network = BIND_TCP | CONNECT_TCP if abi >= 4 else 0
    scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if abi >= 6 else 0
    attributes = ATTRIBUTES.pack(handled, network, scoped)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    rules = LIBC.syscall(LOAD_LANDLOCK["create_ruleset"], attributes, len(attributes), 0)
    call("landlock_create_ruleset", rules)
    reading = READ_FILE | READ_DIR
    writing = handled & ~(EXECUTE | MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | IOCTL_DEV)
    for paths, rights in ((read, reading), (write, writing), (run, READ_FILE | EXECUTE)):
        for path in paths:
            try:
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            mine = rights if os.path.isdir(path) else rights & ON_FILES  # noqa: PTH112 - pathlib costs time here
            rule = struct.pack("=Qi", mine, opened)
            call(f"landlock_add_rule {path}", LIBC.syscall(LOAD_LANDLOCK["add_rule"], rules, 1, rule, 0))
            os.close(opened)
    call("landlock_restrict_self", LIBC.syscall(LOAD_LANDLOCK["restrict_self"], rules, 0))
    os.close(rules)
    return abi
