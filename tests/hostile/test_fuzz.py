"""Bytes that were valid once: readers refuse them in their own words, for a price that their length bounds; and what
is let in after all means the same to us, to pycrdt and to the real Yjs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map

from studiolo.canvas.document import Document
from studiolo.canvas.identity import DecodeError, Identity, decode
from studiolo.rooms import protocol
from tests.canvas.test_identity_decode import SAMPLES
from tests.canvas.wire import assert_sound
from tests.interop.node import node_project

from .mutation import mutated
from .test_floods import HUGE
from .test_frames import WHOLE

HISTORIES = 24
TRIES = 150  # for each history

FRAMES = [*WHOLE.values(), *(b"\0\2" + bytes([len(sample) & 127]) + sample for sample in SAMPLES), b"\3", b"\2abc"]


def read(frame: bytes) -> None:
    """All that a room reads of a frame."""
    match protocol.read(frame):
        case protocol.Awareness(entries):
            for entry in entries:
                assert entry.state is None or isinstance(entry.state, dict)
        case protocol.SyncUpdate(body):
            understand(body)
        case _:
            pass


def understand(body: bytes) -> None:
    decoded = decode(body, 300_000)
    identity = Identity()
    identity.inspect(decoded)
    identity.apply(decoded)
    assert_sound(identity)


@settings(max_examples=1_500)
@given(st.sampled_from(FRAMES), st.randoms(use_true_random=False))
def test_a_frame_that_was_whole(frame: bytes, random: Random) -> None:
    with contextlib.suppress(protocol.BadFrame, DecodeError):
        read(mutated(frame, FRAMES, random))


@settings(max_examples=1_500)
@given(st.sampled_from(SAMPLES), st.randoms(use_true_random=False))
def test_an_update_that_was_whole(update: bytes, random: Random) -> None:
    with contextlib.suppress(DecodeError):
        understand(mutated(update, SAMPLES, random))


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_bytes(data: bytes) -> None:
    for reads in (read, understand):
        with contextlib.suppress(protocol.BadFrame, DecodeError):
            reads(data)


def price(work: Callable[[], Any]) -> tuple[int, int]:
    """How many functions are called, and how many bytes are held at most."""
    calls = 0

    def called(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(called)
    try:
        work()
    except (protocol.BadFrame, DecodeError):
        pass
    finally:
        sys.setprofile(None)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return calls, most


@pytest.mark.parametrize("what", HUGE)
def test_an_update_of_too_many_parts_costs_less_than_it_weighs(what: str) -> None:
    body = HUGE[what]()
    calls, most = price(lambda: read(b"\0\2" + _buffer(body)))
    assert calls < 100 and most < 2 * len(body) + 100_000


def _buffer(data: bytes) -> bytes:
    return protocol._buffer(data)


@settings(max_examples=150)
@given(st.sampled_from([*FRAMES, *(b"\0\2" + _buffer(s * 20) for s in SAMPLES)]), st.randoms(use_true_random=False))
def test_what_reading_costs_is_bounded_by_the_length(frame: bytes, random: Random) -> None:
    data = mutated(frame, FRAMES, random)
    calls, most = price(lambda: read(data))
    assert calls < 200 * len(data) + 2_000
    assert most < 2_000 * len(data) + 200_000


@pytest.mark.interop
def test_what_is_let_in_means_the_same_to_everybody() -> None:
    """Updates of real Yjs peers, mutated, on top of what those peers had written until then."""
    script = node_project() / "interop/identity/fuzz.mjs"
    made = subprocess.run(
        ["node", str(script), "0", str(2 * HISTORIES)], check=True, capture_output=True, text=True, timeout=120
    )
    histories = [one for one in map(json.loads, made.stdout.splitlines()) if not one["rich"]][:HISTORIES]
    seen: Counter[str] = Counter()
    logs: list[list[str]] = []
    texts: list[dict[str, str]] = []
    for history in histories:
        random = Random(history["seed"])
        updates = [bytes.fromhex(entry["update"]) for entry in history["log"]]
        for _ in range(TRIES // 10):
            start = random.randrange(len(updates) // 2, len(updates))
            document = Document(updates[:start], Random(1))
            let_in = list(updates[:start])
            for _ in range(10):
                data = mutated(random.choice(updates[start:]), updates, random)
                if (told := receive(document, data)) == "let in":
                    let_in.append(data)
                seen[told] += 1
            if len(let_in) > start:
                logs.append([update.hex() for update in let_in])
                texts.append(same_text(document, let_in))
    assert min(seen[told] for told in ("let in", "garbage", "foreign", "gap", "nothing")) > 20, seen
    answer = subprocess.run(
        ["node", str(node_project() / "interop/identity/read.mjs")],
        input="".join(json.dumps(log) + "\n" for log in logs),
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    for log, ours, theirs in zip(logs, texts, map(json.loads, answer.stdout.splitlines()), strict=True):
        assert theirs == ours, log


def receive(document: Document, data: bytes) -> str:
    """What a canvas does with typing, as far as it looks at the bytes."""
    try:
        decoded = decode(data, 300_000)
    except DecodeError:
        return "garbage"
    change = document.identity.inspect(decoded)
    if change.gap:
        return "gap"
    if change.empty:
        return "nothing"
    if change.foreign:
        return "foreign"
    document.integrate(data, decoded)
    return "let in"


def same_text(document: Document, log: list[bytes]) -> dict[str, str]:
    identity = document.identity
    assert_sound(identity)
    ours = {page: identity.text(page) for page in identity.pages()}
    assert {page: str(document.pages[page]["text"]) for page in ours} == ours, [update.hex() for update in log]
    again: Doc[Any] = Doc()
    for update in log:
        again.apply_update(update)
    pages: Map[Any] = again.get("pages", type=Map)
    assert {page: str(pages[page]["text"]) for page in ours} == ours
    return ours
