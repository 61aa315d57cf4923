"""Runs programs in locked children, a few at a time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import math
import os
import random
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from studiolo.canvas.errors import Invalid, TooLarge, Unavailable
from studiolo.tools.sandbox import child
from studiolo.tools.sandbox.folder import Folders, Given, collect, fill
from studiolo.tools.sandbox.ran import Killed, Limits, Ran
from studiolo.tools.sandbox.receiving import Received, clean
from studiolo.tools.sandbox.watching import Watch

LONGEST_CODE = 200_000  # characters
LONGEST_RUN = 600  # seconds
TICK = 0.02  # seconds between two looks at a child
FLOOD = 30  # times the text that is kept; more stops the program
BURIAL = 5.0  # seconds that a killed child may take to be gone
START = 10.0  # seconds that a child may take to lock itself in, beside the program's own time

SAID: dict[Killed, str] = {
    "time": "It was stopped after {seconds:g} seconds. Do less at once, or work on a part of the data.",
    "cpu": "It was stopped after {seconds:g} seconds of computing. Do less at once, or work on a part of the data.",
    "memory": "It was stopped because it took more than {memory} MB of memory. Work on a part of the data at a time.",
    "disk": "It was stopped because it wrote too much: {disk} MB and {entries:,} files are the most.",
    "threads": "It was stopped because it had more than {threads} threads.",
    "output": "It was stopped because it printed or showed too much. Print a summary, and write the rest to a file.",
    "stopped": "It was stopped.",
    "crashed": "It crashed ({signal}). A library may have met data that it cannot read, or too little memory.",
}


HINT = (
    "It takes Linux 5.13 or later with Landlock, or bubblewrap that works (`bwrap --unshare-all true` must not fail). "
    "In a container, its seccomp profile must allow the calls landlock_* and seccomp."
)

# Run once before any program: what it tries must fail, and the libraries' home must be readable.
HELD = "held"
PROBE = """
import os, socket, sysconfig
failed = 0
for attempt in (
    lambda: open("/etc/passwd"), lambda: os.listdir("/home"), lambda: open("/proc/self/environ"),
    lambda: os.mkdir("/tmp/studiolo"), lambda: socket.socket(), lambda: os.fork(), lambda: os.kill(0, 0),
    lambda: os.execv("/bin/true", ["true"]),
):
    try:
        attempt()
    except OSError:
        failed += 1
os.listdir(sysconfig.get_path("stdlib"))
open("written", "w").close()
os.unlink("written")
print("held" if failed == 8 else f"only {failed} of 8 forbidden things were refused")
"""
DRAWS = re.compile(r"matplotlib|seaborn|plt\.|\.plot\b|\.hist\b")
FIND_FONTS = """
import os, shutil
try:
    import matplotlib.font_manager
except ImportError:
    pass
else:
    for name in os.listdir(".matplotlib"):
        if name.startswith("fontlist"):
            shutil.copyfile(f".matplotlib/{name}", name)
"""


@dataclass(slots=True, eq=False)
class _Job:
    code: str
    files: Given
    limits: Limits
    stop: threading.Event = field(default_factory=threading.Event)


class Sandbox:
    """Runs Python programs that may compute, and read and write their own files, and nothing else.

    `folder` is where work folders are made (the system's folder for temporary files when it is not given); `home` is a
    folder that must not be readable inside, which is checked. At most `at_once` programs run; more wait.
    """

    def __init__(
        self, folder: Path | None = None, *, home: Path | None = None, at_once: int = 2, namespaces: bool = True
    ) -> None:
        self._folder = folder
        self._home = home
        self._namespaces = namespaces
        self._at_once = at_once
        self._guard = threading.Lock()
        self._folders: Folders | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._bwrap: str | None = None
        self._level = ""
        self._refusal = ""
        self._running: set[_Job] = set()
        self._fonts: dict[str, bytes] | None = None
        self._closed = False

    async def level(self) -> str:
        """What holds programs in on this machine; raises `Unavailable` where nothing does."""
        await self._in_thread(self._open)
        return self._level

    async def run(
        self,
        code: str,
        files: Given | None = None,
        seconds: float | None = None,
        memory: int | None = None,
        limits: Limits | None = None,
    ) -> Ran:
        """Run a program; the value of its last line is shown as in a notebook.

        `files` lie in its folder by their names; those that it writes come back, and can be given to the next run. A
        program that fails or is stopped is a `Ran` that says so. Raises `Invalid` or `TooLarge` for a request that
        cannot be meant, `Unavailable` where programs cannot be held in. When the caller is cancelled the program is
        killed before this returns.
        """
        limits = limits or Limits()
        limits = replace(limits, seconds=seconds or limits.seconds, memory=memory or limits.memory)
        if len(code) > LONGEST_CODE:
            raise TooLarge(f"A program may have {LONGEST_CODE:,} characters.", "Put data into a file.")
        if not 0 < limits.seconds <= LONGEST_RUN:
            raise Invalid(f"A program may run up to {LONGEST_RUN} seconds.", "Ask for fewer seconds.")
        if not 64 << 20 <= limits.memory <= 8 << 30:
            raise Invalid("A program may have from 64 MB to 8 GB of memory.", "Ask for another amount.")
        if "\0" in code or any("\ud800" <= one <= "\udfff" for one in code):
            raise Invalid("The program has characters that are no text.", "Write it as plain UTF-8.")
        job = _Job(code, files or {}, limits)
        return await self._in_thread(lambda: self._run(job), job.stop.set)

    async def _in_thread(self, work: Callable[[], Any], stop: Callable[[], None] = lambda: None) -> Any:
        """Do it in a thread of the sandbox's own, where a child's parent lives as long as the child."""
        with self._guard:
            if self._closed:
                raise Unavailable("The studio is closing.", "Try again in a moment.")
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="sandbox")
            working = self._threads.submit(work)
        waiting = asyncio.wrap_future(working)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            stop()
            if not working.cancel():
                await asyncio.wait({waiting})
            if not waiting.cancelled():
                waiting.exception()  # so that nobody says it was never looked at
            raise

    def close(self) -> None:
        """Stop what runs and remove what was written."""
        with self._guard:
            self._closed = True
            threads = self._threads
        for job in list(self._running):
            job.stop.set()
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)
        if self._folders is not None:
            self._folders.close()
            self._folders = None

    def _open(self) -> Folders:
        """Find out, once, what this machine can do, by doing it."""
        with self._guard:
            if self._refusal:
                raise Unavailable(f"Programs cannot be run here: {self._refusal}", HINT)
            if self._folders is not None:
                return self._folders
            if not sys.platform.startswith("linux"):
                self._refusal = f"there is nothing to hold them in on {sys.platform}."
                raise Unavailable(f"Programs cannot be run here: {self._refusal}", HINT)
            if self._home is not None and (seen := _seen(self._home)):
                self._refusal = f"the studio's data lies in {seen}, which programs may read."
                raise Unavailable(f"Programs cannot be run here: {self._refusal}", "Move it (STUDIOLO_HOME).")
            folders = Folders(self._folder)
            reasons: list[str] = []
            try:
                for bwrap in [*filter(None, [child.bubblewrap() if self._namespaces else None]), None]:
                    ran = self._held(_Job(PROBE, {}, Limits()), folders, bwrap)
                    if ran.ok and ran.text.strip() == HELD:
                        self._bwrap, self._level, self._folders = bwrap, ran.level, folders
                        return folders
                    reasons.append(ran.error.strip() or ran.text.strip() or "a test program was not held in")
            finally:
                if self._folders is None:
                    folders.close()
            self._refusal = reasons[-1].rstrip(".") + "."
            raise Unavailable(f"Programs cannot be run here: {self._refusal}", HINT)

    def _run(self, job: _Job) -> Ran:
        folders = self._open()
        if self._fonts is None and DRAWS.search(job.code):
            # Looking for the system's fonts takes matplotlib seconds. What a program finds is not handed to another:
            # the list is made by a program of ours, once.
            found = self._held(_Job(FIND_FONTS, {}, Limits(seconds=60)), folders, self._bwrap)
            self._fonts = {f".matplotlib/{name}": data for name, data in found.files.items()}
        return self._held(job, folders, self._bwrap)

    def _held(self, job: _Job, folders: Folders, bwrap: str | None) -> Ran:
        with folders.new() as folder:
            given = fill(folder, job.files)
            for name, data in (self._fonts or {}).items():
                (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
                (folder / name).write_bytes(data)
            self._running.add(job)
            try:
                ran = _Child(job, folder, bwrap, sum(size for size, _ in given.values())).run()
            finally:
                self._running.discard(job)
            files, left = collect(folder, given, job.limits)
            return replace(ran, files=files, left_out=[*ran.left_out, *left])


def _seen(home: Path) -> str:
    """The folder with which programs could read what lies at `home`, "" when they cannot."""
    path = os.path.realpath(home)
    return next((one for one in child.readable() if path == one or path.startswith(f"{one}/")), "")


class _Child:
    """One child, from its start until it is gone. Everything happens in the thread that started it: the kernel kills
    the child when that thread ends."""

    def __init__(self, job: _Job, folder: Path, bwrap: str | None, given: int) -> None:
        self._job = job
        self._limits = job.limits
        self._folder = folder
        self._given = given
        self._bwrap = bwrap
        self._received = Received()
        self._text = _Text(job.limits.text)
        self._line = bytearray()
        self._sent = 0

    def run(self) -> Ran:
        """Start it, watch it, bury it, and say what came of it."""
        with contextlib.ExitStack() as descriptors:

            def pipe() -> tuple[io.FileIO, io.FileIO]:
                out, into = os.pipe()
                return descriptors.enter_context(io.FileIO(out)), descriptors.enter_context(io.FileIO(into, "wb"))

            output, output_in = pipe()
            results, results_in = pipe()
            info, info_in = pipe() if self._bwrap else (None, None)
            start = child.plain(self._folder)
            if self._bwrap and info_in:
                start = child.wrapped(self._bwrap, self._folder, info_in.fileno())
            told = descriptors.enter_context(tempfile.TemporaryFile(dir=self._folder.parent))
            told.write(json.dumps(self._told(start, results_in.fileno())).encode())
            told.seek(0)
            began = time.monotonic()
            process = subprocess.Popen(
                start.command,
                stdin=told,
                stdout=output_in,
                stderr=output_in,
                pass_fds=[one.fileno() for one in (results_in, info_in) if one],
                env={"LANG": "C.UTF-8"},
                cwd=self._folder,
                start_new_session=True,
            )
            grave = _Grave(process)
            try:
                for end in (output_in, results_in, info_in):
                    if end:
                        end.close()
                pid = _inner(info.fileno()) if info else process.pid
                killed = self._watch(output.fileno(), results.fileno(), pid or process.pid, began)
            finally:
                seconds = time.monotonic() - began
                grave.kill()
                self._drain(output.fileno(), results.fileno())
            return self._came_of_it(grave, killed, seconds, start)

    def _told(self, start: child.Start, results: int) -> dict[str, Any]:
        limits = self._limits
        return {
            "code": self._job.code,
            "results": results,
            "work": start.work,
            "namespaces": start.namespaces,
            "parent": 0 if start.namespaces else os.getpid(),
            "read": list(child.readable()),
            "hide": [str(child.HERE)],
            "memory": limits.memory,
            "seconds": math.ceil(limits.seconds) + 1,
            "file": limits.file,
            "descriptors": limits.descriptors,
            "rows": limits.rows,
            "processor": random.choice(sorted(os.sched_getaffinity(0))),
        }

    def _watch(self, output: int, results: int, pid: int, began: float) -> Killed:
        """Take what it says until it has said all, or has to be stopped; why it has to be."""
        watch = self._watching = Watch(pid, self._folder, self._given, self._limits)
        with selectors.DefaultSelector() as selector:
            for end in (output, results):
                os.set_blocking(end, False)
                selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(TICK)
                if self._job.stop.is_set():
                    return "stopped"
                over: Killed = ""
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == output:
                        over = over or self._text.take(data)
                    else:
                        over = over or self._take(data)
                if over:
                    return over
                if self._received.locked is None:
                    began_at = began + START
                    if self._received.refused:
                        return ""
                elif not watch.began:
                    watch.began = began_at = time.monotonic()
                else:
                    began_at = watch.began
                if time.monotonic() - began_at > self._limits.seconds:
                    return "time"
                if over := watch.beyond():
                    return over
        return ""

    def _take(self, data: bytes) -> Killed:
        self._sent += len(data)
        if self._sent > self._limits.results:
            return "output"
        *lines, rest = bytes(data).split(b"\n")
        for line in lines:
            self._line += line
            self._received.take(bytes(self._line))
            self._line.clear()
        self._line += rest
        return ""

    def _drain(self, output: int, results: int) -> None:
        """What it had said when it was killed. Nobody writes any more, so this ends."""
        for end, take in ((output, self._text.take), (results, self._take)):
            os.set_blocking(end, False)
            until = time.monotonic() + BURIAL
            with contextlib.suppress(OSError):  # BlockingIOError: somebody still holds the other end
                while time.monotonic() < until and (data := os.read(end, 1 << 16)):
                    if take(data):
                        break

    def _came_of_it(self, grave: _Grave, killed: Killed, seconds: float, start: child.Start) -> Ran:
        received, limits = self._received, self._limits
        text = self._text.text()
        if received.locked is None and not killed:
            # Nothing of the program was run. What there is to read is what bubblewrap or the interpreter says.
            why = received.refused or text.strip()[-300:] or f"the child ended at once ({grave.status})"
            return Ran(False, "", why, seconds=seconds)
        number = -grave.status if grave.status < 0 else 0
        if start.namespaces and 128 < grave.status < 193:
            number = grave.status - 128  # as bubblewrap passes on by which signal the child ended
        if not killed and not received.done and not grave.by_us:
            if number == signal.SIGXCPU or (number == signal.SIGKILL and grave.processor >= limits.seconds):
                killed = "cpu"
            elif number == signal.SIGKILL:
                killed = "memory"  # the kernel's own choice when the machine has none left
            elif number:
                killed = "crashed"
        error = received.error
        if killed:
            error = SAID[killed].format(
                seconds=limits.seconds,
                memory=limits.memory >> 20,
                disk=limits.disk >> 20,
                entries=limits.entries,
                threads=limits.threads,
                signal=signal.strsignal(number) if number else "",
            )
        elif not received.done:
            error = (
                "It ended without a word."
                if grave.by_us or grave.status == 0
                else f"It ended itself with status {grave.status}."
            )
        return Ran(
            ok=received.done and not error and not killed,
            text=text,
            error=error,
            tables=received.tables,
            images=received.images,
            left_out=received.left_out,
            seconds=round(seconds, 3),
            memory=self._watching.memory,
            killed=killed,
            level=_level(received.locked or {}, start),
        )


class _Grave:
    """Ends a child and keeps what it had used."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.status = 0
        self.processor = 0.0
        self.by_us = False
        """It went on when it had closed its output, or had been stopped."""

    def kill(self) -> None:
        """End the child if it has not ended, and wait until it is gone."""
        # One that has just said its last word is let go by itself, so that its status tells how it ended.
        for patience, last in ((0.5, False), (BURIAL, True)):
            until = time.monotonic() + patience
            while time.monotonic() < until:
                pid, status, used = os.wait4(self._process.pid, os.WNOHANG)
                if pid:
                    self.status = self._process.returncode = os.waitstatus_to_exitcode(status)
                    self.processor = used.ru_utime + used.ru_stime
                    return
                time.sleep(0.002)
            if not last:
                self.by_us = True
                self._process.kill()
        raise Unavailable("A program could not be stopped.", "Look at what the machine is doing.")


class _Text:
    """Output as it comes, of which the beginning and the end are kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        self._all = 0

    def take(self, data: bytes) -> Killed:
        self._all += len(data)
        room = self._most * 2 // 3 - len(self._head)
        self._head += data[: max(0, room)]
        self._tail += data[max(0, room) :]
        if (over := len(self._tail) - self._most // 3) > 1 << 16:
            self._left_out += over
            del self._tail[:over]
        return "output" if self._all > FLOOD * self._most else ""

    def text(self) -> str:
        over = len(self._tail) - self._most // 3
        if over > 0:
            self._left_out += over
            del self._tail[:over]
        head, tail = (clean(bytes(one).decode("utf-8", "replace")) for one in (self._head, self._tail))
        return f"{head}\n… {self._left_out:,} bytes left out …\n{tail}" if self._left_out else head + tail


def _level(locked: dict[str, Any], start: child.Start) -> str:
    parts = [f"landlock {int(locked['landlock'])}"] if locked.get("landlock") else []
    parts += ["seccomp"] if locked.get("seccomp") else []
    return ", ".join([*parts, *(["bubblewrap"] if start.namespaces else [])])


def _inner(info: int) -> int:
    """The child's process id, as bubblewrap tells it; 0 when it could not start."""
    with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError, KeyError):
        selector.register(info, selectors.EVENT_READ)
        told = b""
        while selector.select(START) and (data := os.read(info, 4_096)):
            told += data
            if b"}" in told:
                return int(json.loads(told)["child-pid"])
    return 0
