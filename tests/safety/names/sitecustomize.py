"""Imported by the served studio of these tests at its start: a name server that says what the tests need, and lies."""

import itertools
import socket
import sys

sys.modules["uvloop"] = None  # type: ignore[assignment]  # which asks the system's name server past Python

_real = socket.getaddrinfo
_meant = {
    "attacker.test": itertools.repeat("127.0.0.2"),  # stands for a public address: the tests let it be reached
    "inside.test": itertools.repeat("127.0.0.1"),
    "rebind.test": itertools.cycle(["127.0.0.2", "127.0.0.1"]),  # another answer at each question
}


def _getaddrinfo(host, port, *more, **named):  # type: ignore[no-untyped-def]
    name = host.decode() if isinstance(host, bytes) else host
    if name in _meant:
        return _real(next(_meant[name]), port, *more, **named)
    return _real(host, port, *more, **named)


socket.getaddrinfo = _getaddrinfo
