"""Calls into the C library that Python has no name for."""

from __future__ import annotations

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


class JailFailed(Exception):
    """This machine cannot lock a program in; nothing was run."""


def call(what: str, result: int) -> int:
    """`result`, or an error that names what failed."""
    if result < 0:
        raise JailFailed(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def prctl(what: str, option: int, *arguments: int) -> None:
    """One `prctl(2)`."""
    padded = [ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:4]]
    call(what, LIBC.prctl(option, *padded))
