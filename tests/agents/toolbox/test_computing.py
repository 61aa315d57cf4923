"""Programs that agents run: what they draw is kept beside the pages, and everybody sees it at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from studiolo.agents.kit import Kit
from studiolo.canvas.attaching import attached
from studiolo.canvas.participant import Participant
from studiolo.rooms import Room, Rooms
from studiolo.store import Store
from studiolo.tools.attachments import Attachments
from studiolo.tools.sandbox import Sandbox
from tests.agents.toolbox.hands import Hands

# Draws without any library, as a program does that writes its picture into a file.
DRAWS = """
import struct, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def png(width, height):
    rows = b"".join(b"\\0" + bytes([200, 120, 40]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

open("bells.png", "wb").write(png(60, 40))
open("broken.png", "wb").write(b"no picture")
print("drawn")
"""


@dataclass
class Studio:
    hands: Hands
    room: Room
    files: Attachments


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    store = await Store.open(f"sqlite:///{tmp_path}/studiolo.db")
    rooms = Rooms(store)
    owner = Participant("you", "You", "person", "#111111", "owner")
    room = await rooms.create("A canvas", [{"title": "One", "text": "The lamp."}], owner)
    files, sandbox = Attachments(store), Sandbox(tmp_path / "sandbox")
    hands = Hands("The lamp.", kit=Kit(files=files, sandbox=sandbox))
    hands.work.surface = room
    yield Studio(hands, room, files)
    sandbox.close()
    files.close()
    await rooms.close()
    await store.close()


async def test_a_picture_that_a_program_wrote_is_kept_and_listed_for_everybody(studio: Studio) -> None:
    answered = await studio.hands.call("python", code=DRAWS)
    assert not answered.failed and "60×40 is kept beside the pages: bells.png" in answered.text, answered.text
    [kept] = await studio.files.list(studio.room.id)
    assert (kept.name, kept.type, kept.participant) == ("bells.png", "image/png", "helper")
    # The document says so, and with it every page that is open; the agent itself may add no files.
    [listed] = attached(studio.room.canvas)
    assert listed["id"] == kept.id and listed["name"] == "bells.png"
    assert studio.hands.work.results == [{"type": "attachment", "id": kept.id}]
    assert studio.hands.work.persona.participant.role == "commenter"
    # The same picture once more is the same file.
    await studio.hands.call("python", code=DRAWS)
    assert len(attached(studio.room.canvas)) == 1
