"""What a GGUF file says about itself, and files that are none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from studiolo.models import weights
from tests.models.conftest import needs_weights


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(*pairs: bytes, version: int = 3, announced: int | None = None) -> bytes:
    count = len(pairs) if announced is None else announced
    return b"GGUF" + struct.pack("<IQQ", version, 0, count) + b"".join(pairs)


NAME = text("general.name") + struct.pack("<I", 8) + text("Zoë 7B")
FAMILY = text("general.architecture") + struct.pack("<I", 8) + text("llama")
CONTEXT = text("llama.context_length") + struct.pack("<II", 4, 4096)
TAGS = text("general.tags") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
NESTED = text("general.odd") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 0, 3) + b"abc"
TOKENS = text("tokenizer.ggml.tokens") + b"whatever follows is not read"


@needs_weights
def test_the_bundled_weights_are_found_and_read() -> None:
    path = weights.bundled()
    assert path is not None
    found = weights.inspect(path)
    assert found.context == 8192
    assert "135M" in found.title
    assert found.bytes == path.stat().st_size


def test_name_and_context_are_read_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf(TAGS, CONTEXT, NESTED, NAME, FAMILY, TOKENS))
    assert weights.inspect(path) == weights.Weights(path, "Zoë 7B", 4096, path.stat().st_size)


def test_a_file_that_says_little_is_named_after_itself(tmp_path: Path) -> None:
    path = tmp_path / "plain.gguf"
    path.write_bytes(gguf(FAMILY))
    assert (weights.inspect(path).title, weights.inspect(path).context) == ("plain", 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"GGUF",
        gguf(NAME)[:-3],
        gguf(NAME, announced=9),
        gguf(NAME, version=99),
        gguf(text("general.name") + struct.pack("<I", 77)),
        gguf(text("general.name") + struct.pack("<IQ", 8, 1 << 60)),
        gguf(text("general.tags") + struct.pack("<IIQ", 9, 8, 1 << 60)),
        gguf(struct.pack("<Q", 2) + b"\xff\xff"),
    ],
)
def test_what_is_no_gguf_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    with pytest.raises(weights.NotWeights):
        weights.inspect(path)
