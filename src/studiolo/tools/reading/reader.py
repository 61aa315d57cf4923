"""The way to the child process that reads, and back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any
from weakref import WeakKeyDictionary

from studiolo.canvas.errors import Invalid, TooLarge, Unavailable
from studiolo.formats import pandoc
from studiolo.tools.reading.sections import MOST_BYTES, MOST_CHARACTERS, Reading, Section
from studiolo.tools.sandbox.child import readable

PATIENCE = 120.0  # seconds for one file
AT_ONCE = 2  # files
LONGEST_ANSWER = 8 * MOST_CHARACTERS  # bytes
_ROOT = Path(__file__).parents[3]
_CHILD = "from studiolo.tools.reading.child import main; main()"
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def read(data: bytes | IO[bytes], name: str, type: str = "") -> Reading:
    """Read a file, given as bytes or as an open file, which is never in this process's memory as a whole. `type` is
    what whoever sent it says it is; what the bytes say counts more.

    Raises `Invalid` for what cannot be read, with what to do instead, and `TooLarge` for more than `MOST_BYTES`, or for
    what takes too long or too much memory.
    """
    if isinstance(data, bytes) and len(data) > MOST_BYTES:
        raise TooLarge(f"{name} is larger than {MOST_BYTES // 2**20} MB.", "Divide it, or leave out its pictures.")
    turns = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with turns:
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="studiolo-reading-")
        try:
            answer = await _asked(data, name, type, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return await asyncio.to_thread(_as_reading, answer, name)


async def _asked(data: bytes | IO[bytes], name: str, type: str, folder: str) -> bytes:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-s", "-c", _CHILD, str(os.getpid())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environ(),
        start_new_session=True,  # pandoc, which it may have started, ends with it
    )
    try:
        async with asyncio.timeout(PATIENCE):
            answer, _ = await asyncio.gather(_answer(child), _hand_over(child, data, _header(name, type, folder)))
            code = await child.wait() if answer else -1
    except TimeoutError:
        raise TooLarge(f"{name} takes too long to read.", "Divide it, or save it in a simpler format.") from None
    finally:
        _kill(child)
        assert child.stdout is not None
        while await child.stdout.read(1 << 18):  # it has not ended for asyncio before its pipe has
            pass
        await child.wait()
    if code != 0 or not answer:
        raise TooLarge(
            f"{name} takes too much memory to read, or is damaged in a way that no program survives.",
            "Open it in the program that made it and save it again, or divide it.",
        )
    return answer


def _environ() -> dict[str, str]:
    """What the child is told of the world: where Python finds the program, and nothing that is anybody's secret."""
    path = [str(_ROOT), *(one for one in sys.path if one)]
    return {"PATH": "", "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def _header(name: str, type: str, folder: str) -> bytes:
    """What the child is to know before it has anything of the file: what it may reach, and what the file is called."""
    reach = {"folder": folder, "read": [*readable(), str(_ROOT / "studiolo")], "run": _programs()}
    return json.dumps({"name": name, "type": type, **reach}).encode() + b"\n"


@cache
def _programs() -> list[str]:
    """What the child may start: pandoc, and what loads it where it is no program of its own."""
    with contextlib.suppress(Unavailable):
        loaders = Path("/lib64").glob("ld-linux*"), Path("/lib").glob("ld-linux*")
        return [os.path.realpath(pandoc.program()), *(os.path.realpath(one) for found in loaders for one in found)]
    return []


async def _hand_over(child: asyncio.subprocess.Process, data: bytes | IO[bytes], header: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then it has died, which its answer says
        child.stdin.write(header)
        if isinstance(data, bytes):
            child.stdin.write(data)
        else:
            while part := await asyncio.to_thread(data.read, 1 << 18):
                child.stdin.write(part)
                await child.stdin.drain()
        await child.stdin.drain()
    child.stdin.close()


async def _answer(child: asyncio.subprocess.Process) -> bytes:
    assert child.stdout is not None
    parts: list[bytes] = []
    size = 0
    while part := await child.stdout.read(1 << 18):
        size += len(part)
        if size > LONGEST_ANSWER:
            _kill(child)
            return b""
        parts.append(part)
    return b"".join(parts)


def _kill(child: asyncio.subprocess.Process) -> None:
    """End the child, and what it has started, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _as_reading(answer: bytes, name: str) -> Reading:
    told: dict[str, Any] = json.loads(answer)
    if error := told.get("error"):
        kind = TooLarge if error["code"] == "too_large" else Invalid
        raise kind(str(error["message"])[:500], str(error["hint"])[:500], file=name)
    sections = [Section(str(title), str(place), str(text)) for title, place, text in told["sections"]]
    problems = [str(problem) for problem in told["problems"]]
    return Reading(str(told["title"]), str(told["type"]), sections, dict(told["about"]), problems)
