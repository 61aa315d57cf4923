"""The servers that are measured: the studio and its peers, each started as a process of its own for each run.

The peers run as they come: no persistence, no limits of ours. The studio runs as `studiolo serve` on a new data folder:
SQLite with `synchronous=FULL`, sent and acknowledged after the commit.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

import httpx2
from websockets.sync.client import connect

from bench.rooms import documents, install, machine
from bench.rooms.documents import Content, Document

ON_LOOPBACK = "127.0.0.1"
PATIENCE = 90.0


@dataclass(frozen=True)
class Room:
    """Where a client goes, and what it finds or makes there."""

    path: str
    name: str
    document: Document

    def reopened(self) -> Room:
        """The room when the server has its document already."""
        return replace(self, document=replace(self.document, seed=b""))


@dataclass
class Server(ABC):
    """One server process. Use it with `with`: it is stopped, and what it kept is removed."""

    name: ClassVar[str]
    dialect: ClassVar[str] = "y"
    acknowledges: ClassVar[bool] = False
    keeps: ClassVar[str | None] = None
    """How it keeps documents, if it can."""

    persistent: bool = False
    """Whether a peer is to keep documents; the studio always does."""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    faults: list[str] = field(default_factory=list[str])
    """What the accounting of the loads it was put under has found."""
    port: int = 0
    folder: Path = field(init=False)
    process: subprocess.Popen[str] = field(init=False)

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """What exactly is measured; raises `Missing` where it cannot be had."""

    @abstractmethod
    def command(self) -> list[str]:
        """How it is started."""

    @abstractmethod
    def room(self, content: Content = documents.EMPTY, number: int = 0) -> Room:
        """A new room with a document."""

    def rooms(self, count: int) -> list[Room]:
        """Many rooms with empty pages, in a server that has none of them in memory."""
        return [self.room(documents.EMPTY, number) for number in range(count)]

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="studiolo-bench-"))
        try:
            self.start()
            self.rest()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "process"):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> float:
        """Start it and wait until it takes connections; how many seconds that took."""
        self.port = free_port()
        command = machine.pinned(0, self.command())
        clean = {name: value for name, value in os.environ.items() if not name.startswith("STUDIOLO_")}
        environment = {**clean, "PORT": str(self.port), "NODE_ENV": "production", **self.environment}
        began = time.perf_counter()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, text=True, cwd=install.PEERS
            )
        while not self._listens():
            if self.process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{self.name} did not start:\n{self.log()[-2000:]}")
            time.sleep(0.005)
        return time.perf_counter() - began

    def log(self) -> str:
        """What it has written."""
        return (self.folder / "log").read_text(errors="replace")

    def rest(self) -> None:
        """Wait until it has done what it does after a start, so that this is not measured."""
        for _ in range(40):
            before = self.cpu()
            time.sleep(0.2)
            if self.cpu() - before < 0.01:
                return

    def stop(self, kill: bool = False) -> None:
        """Ask it to end, or kill it."""
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu(self) -> float:
        """CPU seconds used so far."""
        return machine.cpu_seconds(self.process.pid)

    def memory(self) -> float:
        """Resident megabytes."""
        return machine.resident_megabytes(self.process.pid)

    def _listens(self) -> bool:
        try:
            socket.create_connection((ON_LOOPBACK, self.port), 0.2).close()
        except OSError:
            return False
        return True


class Studio(Server):
    """Ours."""

    name = "Studiolo"
    acknowledges = True
    keeps = "SQLite, FULL"
    _token = ""

    @classmethod
    def version(cls) -> str:
        from studiolo import __version__

        return __version__

    def command(self) -> list[str]:
        # A model of that name there is none, so the embedded engine is not started: it is a process of its own, and
        # would load 500 MB while we measure.
        self.environment = {"STUDIOLO_HOME": str(self.folder / "studio"), "STUDIOLO_MODEL": "none"}
        return [sys.executable, "-m", "studiolo", "serve", "--port", str(self.port), "--no-browser"]

    @property
    def token(self) -> str:
        """An API token of an owner. Every connection may use it: client ids belong to participants, not to sockets."""
        if not self._token:
            made = subprocess.run(
                [sys.executable, "-m", "studiolo", "token", "create", "--role", "owner"],
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                check=True,
            )
            self._token = made.stdout.strip()
        return self._token

    def room(self, content: Content = documents.EMPTY, number: int = 0) -> Room:
        made = httpx2.post(
            f"http://{ON_LOOPBACK}:{self.port}/api/canvases",
            json={"title": f"Room {number}", "pages": [{"title": "Page", "text": ""}]},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
        )
        canvas = made.raise_for_status().json()["id"]
        path = f"/sync/{canvas}?token={self.token}&ack=1"
        return Room(path, canvas, documents.make(content, self.state(path)))

    def rooms(self, count: int) -> list[Room]:
        made = super().rooms(count)
        self.stop()
        self.start()
        self.rest()
        return made

    def state(self, path: str) -> bytes:
        """The document at a path, as a client is sent it."""
        with connect(f"ws://{ON_LOOPBACK}:{self.port}{path}", compression=None, max_size=None) as line:
            line.send(b"\x00\x00\x01\x00")
            while True:
                message = line.recv(PATIENCE)
                if isinstance(message, bytes) and message[:2] == b"\x00\x01":
                    return re.sub(rb"^[\x80-\xff]*[\x00-\x7f]", b"", message[2:], count=1, flags=re.DOTALL)


class Peer(Server):
    """Somebody else's: rooms come to be when the first client names them, and that client makes the document."""

    def room(self, content: Content = documents.EMPTY, number: int = 0) -> Room:
        name = f"room{number}"
        return Room(self.path(name), name, documents.make(content))

    def path(self, name: str) -> str:
        """Where a room is reached."""
        return f"/{name}"


class YWebsocket(Peer):
    """The server that came with y-websocket until its version 2."""

    name = "y-websocket"
    keeps = "LevelDB (y-leveldb)"

    @classmethod
    def version(cls) -> str:
        return f"{_in_node('y-websocket')} on yjs {install.version_of_package('yjs')}"

    def command(self) -> list[str]:
        self.environment = {"HOST": ON_LOOPBACK}
        if self.persistent:
            self.environment["YPERSISTENCE"] = str(self.folder / "documents")
        return [str(install.node()), "node_modules/y-websocket/bin/server.cjs"]


class Hocuspocus(Peer):
    """Hocuspocus 4."""

    name = "Hocuspocus"
    dialect = "hocuspocus"
    keeps = "SQLite (its Database extension)"

    @classmethod
    def version(cls) -> str:
        return _in_node("@hocuspocus/server")

    def command(self) -> list[str]:
        if self.persistent:
            self.environment = {"KEEP": str(self.folder)}
        return [str(install.node()), "hocuspocus.mjs"]

    def path(self, name: str) -> str:
        return "/"


class PycrdtWebsocket(Peer):
    """pycrdt-websocket on uvicorn, uvloop and the fastest websocket implementation that it works with."""

    name = "pycrdt-websocket"

    @classmethod
    def version(cls) -> str:
        found = subprocess.run(
            [install.python_peer(), "-c", "from importlib.metadata import version as v; print(v('pycrdt-websocket'))"],
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.strip()

    def command(self) -> list[str]:
        return [
            str(install.python_peer()), "-m", "uvicorn", "pycrdt_websocket:app", "--host", ON_LOOPBACK,
            "--port", str(self.port), "--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio",
            "--ws-per-message-deflate", "false", "--ws-max-size", "100000000", "--log-level", "warning",
            "--no-access-log",
        ]  # fmt: skip


EVERY: dict[str, type[Server]] = {
    "studio": Studio,
    "y-websocket": YWebsocket,
    "hocuspocus": Hocuspocus,
    "pycrdt-websocket": PycrdtWebsocket,
}


def _in_node(package: str) -> str:
    install.node()
    return install.version_of_package(package)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ON_LOOPBACK, 0))
        return probe.getsockname()[1]
