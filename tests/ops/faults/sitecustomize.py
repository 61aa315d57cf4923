"""Python imports this at its start when its folder is on PYTHONPATH: a studio in which things go wrong when asked to.

Every fault quotes the text that was being worked on, as pydantic, database drivers and providers do.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from typing import Any

import pydantic
from sqlalchemy.exc import DataError

from studiolo.canvas.canvas import Canvas


class Two(pydantic.BaseModel):
    number: int


async def fail(text: str) -> None:
    raise ValueError(text)


async def stuck(*_rooms: Any) -> None:
    await asyncio.sleep(600)


def raise_for(text: str) -> None:
    kind = text.split()[0]
    if kind == "fault:value":
        raise ValueError(text)
    if kind == "fault:key":
        raise KeyError(text)
    if kind == "fault:pydantic":
        Two.model_validate({"number": text})
    if kind == "fault:driver":
        raise DataError("INSERT INTO updates", {"data": text}, sqlite3.DataError(text))
    if kind == "fault:cause":
        try:
            raise LookupError(text)
        except LookupError as error:
            raise RuntimeError("the outer one is harmless") from error
    if kind == "fault:group":
        raise ExceptionGroup("several", [ValueError(text), TypeError("harmless")])
    if kind == "fault:note":
        error = OSError(5, "Input/output error", text)
        error.add_note(text)
        raise error
    if kind == "fault:stray":
        # The reference is dropped: what asyncio says of a task whose failure nobody saw must be harmless, too.
        asyncio.get_running_loop().create_task(fail(text))
    if kind == "fault:thread":
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    if kind == "fault:stuck":
        sys.modules["studiolo.rooms"].Rooms.close = stuck
        sys.modules["studiolo.web.serving"].__dict__["STOP_SECONDS"] = 2


apply, receive = Canvas.apply, Canvas.receive


def faulty_apply(self: Canvas, action: Any, by: Any, *more: Any, **named: Any) -> Any:
    if str(action.get("text", "")).startswith("fault:"):
        raise_for(action["text"])
    return apply(self, action, by, *more, **named)


def faulty_receive(self: Canvas, update: bytes, *more: Any, **named: Any) -> Any:
    if b"fault:typed" in update:
        raise ValueError(update.decode(errors="replace"))
    return receive(self, update, *more, **named)


Canvas.apply, Canvas.receive = faulty_apply, faulty_receive
