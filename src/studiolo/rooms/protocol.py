"""The y-websocket protocol, version 13: frames in and out of bytes.

A frame is a message type and its body: sync (step 1: a state vector, step 2 and update: an update), awareness (the
states of clients), a query for awareness, and our own acknowledgement for clients that ask for it. Numbers are
variable-length (7 bits a byte, low first), strings and buffers carry their length. See y-protocols.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

SYNC, AWARENESS, AUTH, QUERY_AWARENESS, ACK = 0, 1, 2, 3, 100
STEP_1, STEP_2, UPDATE = 0, 1, 2

LONGEST_STATE = 4_096  # bytes of one state; ours has some 500
MOST_ENTRIES = 4_096  # of one frame: as many as a room has clients


class BadFrame(ValueError):
    """Bytes that are no frame of the protocol."""


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """What the sender has."""

    state: bytes


@dataclass(frozen=True, slots=True)
class SyncUpdate:
    """Something new, or, when `whole`, everything that the receiver said it lacks (step 2)."""

    update: bytes
    whole: bool = False


@dataclass(slots=True)
class AwarenessEntry:
    """One client's state at a clock; None: the client is gone. Raises `BadFrame` when no browser could read it."""

    client: int
    clock: int
    state: dict[str, Any] | None
    wire: bytes = field(init=False, repr=False, compare=False)
    """The entry as a part of a frame, made once for all who are told."""

    def __post_init__(self) -> None:
        try:
            state = _ENCODER.encode(self.state).encode()
        except (ValueError, RecursionError) as error:
            raise BadFrame("an awareness state that is not JSON") from error
        self.wire = _uint(self.client) + _uint(self.clock) + _buffer(state)


@dataclass(frozen=True, slots=True)
class HeardEntry:
    """An entry as it was sent. Most are echoes of what the sender heard of others, which nobody needs to read."""

    client: int
    clock: int
    text: bytes

    @property
    def state(self) -> dict[str, Any] | None:
        """Raises `BadFrame` when it is no state."""
        if len(self.text) > LONGEST_STATE:
            raise BadFrame("an awareness state that is too large")
        try:
            state = _DECODER.decode(self.text.decode())
        except (ValueError, RecursionError) as error:
            raise BadFrame("an awareness state that is not JSON") from error
        if state is not None and not isinstance(state, dict):
            raise BadFrame("an awareness state that is not an object")
        return state


@dataclass(frozen=True, slots=True)
class Awareness:
    entries: tuple[HeardEntry, ...]


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """The sender wants to know who is here."""


Message = SyncStep1 | SyncUpdate | Awareness | QueryAwareness | None


def read(frame: bytes) -> Message:
    """The message in a frame; None for a type that needs no answer. Raises `BadFrame`."""
    reader = _Reader(frame)
    match reader.uint():
        case 0:
            match reader.uint():
                case 0:
                    return SyncStep1(reader.buffer())
                case 1 | 2 as step:
                    return SyncUpdate(reader.buffer(), whole=step == STEP_2)
                case step:
                    raise BadFrame(f"sync step {step}")
        case 1:
            return Awareness(_read_entries(reader.buffer()))
        case 2:
            return None
        case 3:
            return QueryAwareness()
        case kind:
            raise BadFrame(f"message type {kind}")


def sync_step_1(state: bytes) -> bytes:
    return bytes((SYNC, STEP_1)) + _buffer(state)


def sync_step_2(update: bytes) -> bytes:
    return bytes((SYNC, STEP_2)) + _buffer(update)


def sync_update(update: bytes) -> bytes:
    return bytes((SYNC, UPDATE)) + _buffer(update)


def ack(count: int) -> bytes:
    """So many of the connection's step 2 and update frames are stored."""
    return bytes((ACK,)) + _uint(count)


def awareness(entries: Collection[AwarenessEntry]) -> bytes:
    return bytes((AWARENESS,)) + _buffer(_uint(len(entries)) + b"".join([entry.wire for entry in entries]))


def _read_entries(body: bytes) -> tuple[HeardEntry, ...]:
    reader = _Reader(body)
    count = reader.uint()
    if count > MOST_ENTRIES:
        raise BadFrame("the states of more clients than there can be")
    entries = tuple([HeardEntry(reader.uint(), reader.uint(), reader.buffer()) for _ in range(count)])
    if any(entry.client >= 2**53 or entry.clock >= 2**53 for entry in entries):
        raise BadFrame("a number that no browser can count to")
    return entries


def _refuse(constant: str) -> None:
    """NaN and Infinity are Python's idea of JSON, not the browsers'."""
    raise ValueError(constant)


# Made once: the functions of `json` make a new one for every call that asks for anything special.
_DECODER = json.JSONDecoder(parse_constant=_refuse)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def uint(self) -> int:
        number = shift = 0
        while True:
            if self._at >= len(self._data) or shift > 63:
                raise BadFrame("it ends too early" if shift <= 63 else "a number of more than 64 bits")
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7

    def buffer(self) -> bytes:
        length = self.uint()
        if length > len(self._data) - self._at:
            raise BadFrame("it ends too early")
        self._at += length
        return self._data[self._at - length : self._at]


def _uint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _buffer(data: bytes) -> bytes:
    return _uint(len(data)) + data
