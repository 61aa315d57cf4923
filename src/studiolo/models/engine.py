"""A GGUF model served by llama.cpp in a child process, in the OpenAI wire format.

The child is started by the first request (or by `start`), listens on a unix socket that only this user can open
(on Windows on a loopback port) and wants a random key. A crash costs the running requests a clear error and the
next request a restart; nothing else in the studio notices. The child never outlives this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from studiolo.models.failures import ModelFailed

_CHILD = Path(__file__).with_name("llama_child.py")
_FOLDER = "studiolo-model-"
_PATIENCE = 4.0  # seconds that a request waits for a restart that is being held back
_STEADY = 60.0  # seconds of service after which earlier crashes are forgotten
_LONGEST_PAUSE = 60.0


def usable_cores() -> int:
    """Cores this process may really use: its affinity, less what its control group forbids."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How one GGUF file is served.

    `context` is the most tokens that one request may use; `cells` the tokens that all running requests may hold
    together (key-value memory is given to them in advance).

    Every token waits several hundred times for all threads, so one that has to share its core holds up all the
    others: on two cores, beside a busy browser, two threads wrote 7 tokens a second where one wrote 97
    (bench/engines.py). So one core is left to the rest of the machine; and more than 8 threads only slow a small
    model down.
    """

    weights: Path
    context: int
    slots: int = 3
    threads: int = field(default_factory=lambda: min(max(1, usable_cores() - 1), 8))
    batch: int = 128
    max_tokens: int = 1024
    poll: int = 0
    start_limit: float = 180.0
    unix_socket: bool = sys.platform != "win32"

    @property
    def cells(self) -> int:
        return self.context * min(self.slots, 2)


class Engine:
    """One child process and the HTTP client that reaches it. Belongs to the event loop that first uses it."""

    def __init__(self, name: str, settings: EngineSettings) -> None:
        self.name = name
        self.settings = settings
        self.key = secrets.token_urlsafe(32)
        self.client = httpx2.AsyncClient(
            transport=_ToChild(self), timeout=httpx2.Timeout(600.0, connect=10.0), trust_env=False
        )
        self._process: asyncio.subprocess.Process | None = None
        self._route: httpx2.AsyncHTTPTransport | None = None
        self._origin = httpx2.URL("http://model")
        self._starting: asyncio.Task[None] | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._complaints: deque[str] = deque(maxlen=20)
        self._folder: Path | None = None
        self._began = 0.0
        self._crashes = 0
        self._not_before = 0.0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The running child, or None."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Have the child running and its weights loaded. Raises `ModelFailed`."""
        if self._closed:
            raise ModelFailed(f"{self.name} was closed.", "Start the studio again.", reason="stopped", model=self.name)
        if self.pid and self._route:
            return
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Whoever asked first may give up; the others still want it started.
        await asyncio.shield(self._starting)

    async def close(self) -> None:
        """Stop the child and forget the connections."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await self._stop()
        await self.client.aclose()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def explain_break(self, during: str) -> ModelFailed | None:
        """After a broken connection: what happened to the child, or None when it is still running."""
        process = self._process
        if process is None:
            return None
        with contextlib.suppress(TimeoutError):  # the socket breaks a moment before the exit is known
            await asyncio.wait_for(process.wait(), 1.0)
        if process.returncode is None:
            return None
        self._count_crash(process)
        return ModelFailed(
            f"{self.name} stopped {during} ({_how(process.returncode)}).",
            "Ask again: it is started anew. If it keeps stopping, this machine may be short of memory.",
            reason="stopped",
            model=self.name,
        )

    async def _start(self) -> None:
        if self._process is not None:
            self._count_crash(self._process)
            await self._stop()
        pause = self._not_before - time.monotonic()
        if pause > _PATIENCE:
            raise ModelFailed(
                f"{self.name} has stopped {self._crashes} times in a row.",
                f"It is tried again in {pause:.0f} seconds; until then choose another model."
                f" {self._complaint()}".strip(),
                reason="stopped",
                model=self.name,
            )
        await asyncio.sleep(max(0.0, pause))
        try:
            await self._spawn()
        except BaseException as error:
            await asyncio.shield(self._stop())
            if isinstance(error, ModelFailed):
                self._put_off()
            raise

    async def _spawn(self) -> None:
        wanted = self.settings
        self._complaints.clear()
        listen = "127.0.0.1"
        if wanted.unix_socket:
            listen = str(self._new_folder() / "socket.sock")
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # this folder's modules are not to be found as top-level ones
            str(_CHILD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is for us, and we decide
        )
        assert process.stdin and process.stdout and process.stderr
        self._readers = [asyncio.create_task(self._listen_to_complaints(process.stderr))]
        order = {
            "parent": os.getpid(),
            "weights": str(wanted.weights),
            "listen": listen,
            "key": self.key,
            "cells": wanted.cells,
            "slots": wanted.slots,
            "threads": wanted.threads,
            "batch": wanted.batch,
            "max_tokens": wanted.max_tokens,
            "poll": wanted.poll,
        }
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            line = await asyncio.wait_for(process.stdout.readline(), wanted.start_limit)
        except TimeoutError:
            raise self._not_started(f"it was not ready after {wanted.start_limit:.0f} seconds") from None
        except ConnectionError:
            line = b""
        reply = json.loads(line) if line.strip() else {"error": _how(await process.wait())}
        if "error" in reply:
            await asyncio.sleep(0.05)  # let its last complaints arrive
            raise self._not_started(reply["error"])
        self._readers.append(asyncio.create_task(_drain(process.stdout)))
        self._connect(listen, reply["address"])
        self._began = time.monotonic()

    def _connect(self, listen: str, address: str) -> None:
        # The engine closes idle connections without warning, so each request gets its own; it costs 0.1 ms.
        limits = httpx2.Limits(max_keepalive_connections=0)
        if self.settings.unix_socket:
            Path(listen).chmod(0o600)
            self._route = httpx2.AsyncHTTPTransport(uds=listen, limits=limits, trust_env=False)
        else:
            self._route = httpx2.AsyncHTTPTransport(limits=limits, trust_env=False)
            self._origin = httpx2.URL(address)

    async def _stop(self) -> None:
        route, self._route = self._route, None
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()  # it holds nothing that is worth a farewell
            if process.stdin:
                process.stdin.close()
            await process.wait()
            await asyncio.gather(*self._readers, return_exceptions=True)
        if route is not None:
            with contextlib.suppress(Exception):
                await route.aclose()

    def _new_folder(self) -> Path:
        if self._folder is None:
            _sweep()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        for old in self._folder.iterdir():
            old.unlink()
        return self._folder

    def _count_crash(self, process: asyncio.subprocess.Process) -> None:
        """Once per child: remember that it died, and hold the next one back if it did so soon."""
        if process is not self._process or self._began == 0.0:
            return
        if time.monotonic() - self._began > _STEADY:
            self._crashes = 0
        self._began = 0.0
        self._put_off()

    def _put_off(self) -> None:
        self._crashes += 1
        self._not_before = time.monotonic() + min(_LONGEST_PAUSE, 0.25 * 2.0 ** (self._crashes - 1))

    def _not_started(self, why: str) -> ModelFailed:
        return ModelFailed(
            f"{self.name} could not be started: {why.rstrip('.')}.",
            f"Check that {self.settings.weights} is a GGUF file that this version of llama.cpp can read"
            f" and that enough memory is free. {self._complaint()}".strip(),
            reason="setup",
            model=self.name,
        )

    def _complaint(self) -> str:
        return f"It said: {self._complaints[0]}" if self._complaints else ""

    async def _listen_to_complaints(self, stderr: asyncio.StreamReader) -> None:
        while line := await _line(stderr):
            text = line.decode(errors="replace").strip()
            head, mark, rest = text.partition(" E ")  # "0.00.010.004 E srv  init: ..."
            if mark and head.replace(".", "").isdigit():
                self._complaints.append(" ".join(rest.split())[:300])


class _ToChild(httpx2.AsyncBaseTransport):
    """Starts the child before a request and says what became of it when the connection breaks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        engine = self._engine
        await engine.start()
        route = engine._route
        assert route is not None
        request = await _for_child(request, engine._origin)
        try:
            response = await route.handle_async_request(request)
        except httpx2.TransportError:
            failed = await engine.explain_break("before it answered")
            if failed is None:
                raise
            raise failed from None
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _FromChild(engine, response.stream)
        return response


class _FromChild(httpx2.AsyncByteStream):
    def __init__(self, engine: Engine, inner: httpx2.AsyncByteStream) -> None:
        self._engine = engine
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                yield chunk
        except httpx2.TransportError:
            failed = await self._engine.explain_break("while it was writing")
            if failed is None:
                raise
            raise failed from None

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _for_child(request: httpx2.Request, origin: httpx2.URL) -> httpx2.Request:
    """The request as the child gets it: at its address, and with progress asked for when it streams.

    The engine looks for a client that has gone away when it writes, or after a second in which no request at all
    had a result. While it reads a long prompt beside a busy neighbour it would do neither for minutes; a line of
    progress after each batch makes it write.
    """
    headers = [(name, value) for name, value in request.headers.raw if name.lower() not in (b"content-length", b"host")]
    content = await request.aread()
    if content and b'"stream"' in content:
        body = json.loads(content)
        if body.get("stream"):
            content = json.dumps({**body, "return_progress": True}).encode()
    url = request.url.copy_with(scheme=origin.scheme, host=origin.host, port=origin.port)
    return httpx2.Request(request.method, url, headers=headers, content=content, extensions=request.extensions)


def _how(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # longer than the reader's limit
        return b"\n"


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


def _sweep() -> None:
    """Remove the folders of studios that were killed before they could do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and folder.stat().st_uid == os.getuid() and not _alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
