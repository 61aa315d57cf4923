"""Valid bytes made wrong in the ways that matter: bits, numbers, lengths, parts of something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.canvas.wire import uint

NUMBERS = [0, 1, 2, 3, 4, 63, 64, 127, 128, 255, 2**14, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**64]


def mutated(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """`data` with one to three things wrong."""
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        at = random.randrange(len(data) + 1)
        data = random.choice(WAYS)(data, at, others, random)
    return data


def _flip(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :] if at < len(data) else data


def _number(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    return data[:at] + uint(random.choice(NUMBERS)) + data[at + 1 :]


def _step(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    """A number one more or less than it was."""
    return data[:at] + bytes([(data[at] + random.choice([-1, 1])) % 256]) + data[at + 1 :] if at < len(data) else data


def _out(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    return data[:at] + data[at + random.randrange(1, 5) :]


def _twice(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    end = at + random.randrange(1, 20)
    return data[:end] + data[at:end] + data[end:]


def _splice(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    start = random.randrange(len(other))
    return data[:at] + other[start : start + random.randrange(1, 12)] + data[at + random.randrange(12) :]


def _cross(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[:at] + other[min(at, len(other)) :]


def _cut(data: bytes, at: int, others: Sequence[bytes], random: Random) -> bytes:
    return data[:at]


WAYS: list[Callable[[bytes, int, Sequence[bytes], Random], bytes]] = [
    _flip, _flip, _number, _step, _step, _out, _twice, _splice, _cross, _cut,
]  # fmt: skip
