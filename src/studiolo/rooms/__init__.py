"""Live canvases: who is in them, the y-websocket protocol they speak, and the road of a change to the disk and back.

A room knows canvases and the store; it knows no HTTP and no sockets. `Rooms` gives a `Room`, a room takes clients by
`join` and actions by `apply`.
"""

from studiolo.rooms.connection import (
    FORBIDDEN,
    GARBAGE,
    NO_CANVAS,
    OTHER_EPOCH,
    SIGNED_OUT,
    TRY_LATER,
    Connection,
)
from studiolo.rooms.inbox import Entry, Inbox, Key
from studiolo.rooms.nodes import Nodes
from studiolo.rooms.room import Room
from studiolo.rooms.rooms import Rooms
from studiolo.rooms.urgency import Reader

__all__ = [
    "FORBIDDEN",
    "GARBAGE",
    "NO_CANVAS",
    "OTHER_EPOCH",
    "SIGNED_OUT",
    "TRY_LATER",
    "Connection",
    "Entry",
    "Inbox",
    "Key",
    "Nodes",
    "Reader",
    "Room",
    "Rooms",
]
