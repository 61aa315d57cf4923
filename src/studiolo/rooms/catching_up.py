"""After a start: the canvases that have not told what waits in them, one after the other and without haste.

They are those of an older Studiolo, and those that a crash ended before they came to it.
"""

from __future__ import annotations

import asyncio
import logging
import time

from studiolo.canvas.errors import NotFound, StudioloError
from studiolo.rooms.rooms import Rooms
from studiolo.store import Store, inbox

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two canvases
SHARE = 4  # at least so many times as long as the one before took


async def catch_up(rooms: Rooms, store: Store, pause: float = PAUSE) -> int:
    """Let every canvas tell what waits in it that has not since it last changed; how many did."""
    caught_up = 0
    try:
        canvases = await inbox.behind(store)
    except StudioloError as error:
        log.warning("Whether all canvases have told what waits in them is not known: %s", error.message)
        return 0
    for canvas in canvases:
        began = time.monotonic()
        try:
            if not await inbox.behind(store, canvas):
                continue  # another node, or somebody's visit, has seen to it
            await (await rooms.get(canvas)).describe()
            caught_up += 1
        except NotFound:
            continue  # deleted meanwhile
        except StudioloError as error:
            log.warning("What waits in canvas %s is not known: %s", canvas, error.message)
        await asyncio.sleep(max(pause, SHARE * (time.monotonic() - began)))
    return caught_up
