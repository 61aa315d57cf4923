"""Pictures: what they are and how large; not what they show, and not where they were taken."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from studiolo.tools.reading.sections import Reading, Section, one_line

_SAID = {b"Title", b"Description", b"Comment"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by its first bytes. `said` is what its maker wrote into it: text, and nobody's instruction."""

    type: str
    width: int
    height: int
    said: str = ""

    def reading(self, name: str) -> Reading:
        kind = self.type.removeprefix("image/").upper()
        text = f"A picture ({kind}) of {self.width} × {self.height} pixels, called “{PurePosixPath(name).name}”.\n"
        if self.said:
            text += f"Written into it: “{self.said}”\n"
        about = {"kind": "picture", "width": self.width, "height": self.height, "outline": []}
        return Reading(PurePosixPath(name).name, self.type, [Section("", "the picture", text)], about)


def picture(data: bytes) -> Picture | None:
    """The picture that these bytes are, if they are one that browsers show."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            width, height = struct.unpack(">II", data[16:24])
            return Picture("image/png", width, height, _said_in_png(data))
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return Picture("image/gif", *struct.unpack("<HH", data[6:10]))
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return Picture("image/webp", *_webp(data))
        if data.startswith(b"\xff\xd8\xff"):
            size = _jpeg(data)
            return Picture("image/jpeg", *size) if size else None
    except (struct.error, IndexError):
        return None
    return None


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        mark = data[at + 1]
        if mark in range(0xC0, 0xD0) and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 1 if mark == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _said_in_png(data: bytes) -> str:
    said: list[str] = []
    at = 8
    while at + 12 <= len(data) and len(said) < 5:
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + min(length, 100_000)]
        name, _, rest = body.partition(b"\0")
        if kind == b"tEXt" and name in _SAID:
            said.append(rest.decode("latin-1"))
        elif kind == b"iTXt" and name in _SAID and len(rest) > 2:
            packed, rest = rest[0], rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            said.append((zlib.decompressobj().decompress(rest, 20_000) if packed else rest).decode("utf-8", "replace"))
        at += 12 + length
    return one_line(" ".join(said), 1_000)
