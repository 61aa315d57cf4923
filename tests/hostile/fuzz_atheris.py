"""Coverage-guided fuzzing of what reads bytes from anybody, by hand: atheris is not among the test requirements.

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install -e ".[test]" atheris
    /tmp/fuzz/bin/python -m tests.hostile.fuzz_atheris /tmp/corpus -max_total_time=300

The corpus begins with the frames and updates of the tests; what is found is kept there. Arguments are libFuzzer's.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map

atheris: Any = importlib.import_module("atheris")  # is not always installed

with atheris.instrument_imports(include=["studiolo.rooms.protocol", "studiolo.canvas.identity"]):
    from studiolo.canvas.identity import DecodeError, decode
    from studiolo.rooms import protocol

from .test_fuzz import FRAMES, SAMPLES, read, understand  # noqa: E402


def look(data: bytes) -> None:
    """The first byte says what the rest is: a frame, an update, or an update after a canvas."""
    kind, rest = data[:1], data[1:]
    with contextlib.suppress(protocol.BadFrame, DecodeError):
        match kind:
            case b"f":
                read(rest)
            case b"u":
                understand(rest)
            case _:
                after_a_canvas(rest)


def after_a_canvas(data: bytes) -> None:
    """What is let in as typing gives the same text here and in pycrdt."""
    decoded = decode(data, 10_000)
    identity = _canvas()
    change = identity.inspect(decoded)
    if change.gap or change.empty or change.foreign or not change.pages:
        return
    doc: Doc[Any] = Doc()
    doc.apply_update(CANVAS)
    doc.apply_update(data)
    identity.apply(decoded)
    pages: Map[Any] = doc.get("pages", type=Map)
    for page in identity.pages():
        if str(pages[page]["text"]) != identity.text(page):
            raise AssertionError(f"{page}: {pages[page]['text']!s} {identity.text(page)}")


def _canvas() -> Any:
    from studiolo.canvas.identity import Identity

    identity = Identity()
    identity.apply(CANVAS)
    return identity


CANVAS = SAMPLES[1]


def main() -> None:
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    doc: Doc[Any] = Doc(client_id=9)
    doc.apply_update(CANVAS)
    before = doc.get_state()
    pages: Map[Any] = doc.get("pages", type=Map)
    pages["p"]["text"].insert(3, "né🌍w")
    del pages["p"]["text"][0:2]
    seeds = [b"f" + frame for frame in FRAMES] + [b"u" + sample for sample in SAMPLES]
    for number, seed in enumerate([*seeds, b"c" + doc.get_update(before)]):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, look)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
