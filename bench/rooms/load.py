"""Running the load generator against a server, and reading the server's CPU time and memory while it runs."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from bench.rooms import install, machine
from bench.rooms.servers import Room


class Target(Protocol):
    """What a load can be put on."""

    name: ClassVar[str]
    dialect: ClassVar[str]
    acknowledges: ClassVar[bool]
    port: int
    faults: list[str]

    def cpu(self) -> float: ...

    def memory(self) -> float: ...


FAULTS = {
    "lost": "edits not there when the waiting ended",
    "doubled": "edits more than once",
    "out_of_order": "edits after later ones of their author",
    "damaged": "letters that nobody typed",
    "unreadable": "frames that cannot be read",
    "lost_cursors": "last cursors not there when the waiting ended",
    "unacknowledged": "frames not acknowledged when the waiting ended",
}


class LoadFailed(Exception):
    """The generator gave up: the server refused, closed or never answered."""


@dataclass
class Load:
    """What one run of the generator found, and what it cost the server."""

    found: dict[str, Any]
    cpu: float
    """CPU seconds of the server between START and STOP."""
    cpu_before: float
    """CPU seconds that it used while the clients came in and the document was made."""
    memory_before: float
    memory_after: float
    memory_stalled: list[float] = field(default_factory=list[float])
    """Resident megabytes of the server, twice a second, from when a reader stopped reading."""

    def __getitem__(self, name: str) -> Any:
        return self.found[name]

    @property
    def errors(self) -> dict[str, int]:
        """What the accounting holds against the server."""
        return {name: self.found[name] for name in FAULTS if self.found.get(name)}

    @property
    def cpu_per_delivery(self) -> float:
        """Microseconds of the server's CPU for each edit that reached somebody."""
        return 1e6 * self.cpu / max(1, self.found["delivered"])


def run(server: Target, command: str, rooms: Sequence[Room], **options: object) -> Load:
    """Run `loadgen COMMAND` with these options in these rooms."""
    with tempfile.TemporaryDirectory(prefix="studiolo-load-") as folder:
        listed = _write_rooms(Path(folder), rooms)
        arguments = {"port": server.port, "rooms": listed, "dialect": server.dialect, **options}
        if command == "type" and server.acknowledges:
            arguments["acks"] = 1
        words = [f"{name}={int(value) if isinstance(value, bool) else value}" for name, value in arguments.items()]
        process = subprocess.Popen(
            machine.pinned(1, [str(install.load_generator()), command, *words]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        load = _follow(process, server)
        if load is None:
            raise LoadFailed(process.stderr.read().strip() if process.stderr else "")
        if load.errors:
            server.faults.append(f"{server.name}: " + ", ".join(f"{n:,} {FAULTS[w]}" for w, n in load.errors.items()))
        return load


def _follow(process: subprocess.Popen[str], server: Target) -> Load | None:
    began = cpu = before = after = 0.0
    start = server.cpu()
    stalled: list[float] = []
    stopped = threading.Event()
    watcher = threading.Thread(target=_watch, args=(server, stalled, stopped))
    found: dict[str, Any] | None = None
    assert process.stdout
    for line in process.stdout:
        match line.strip():
            case "START":
                before, began = server.memory(), server.cpu()
            case "STALL":
                watcher.start()
            case "STOP":
                cpu, after = server.cpu() - began, server.memory()
                stopped.set()
            case other:
                found = json.loads(other)
    stopped.set()
    if watcher.ident:
        watcher.join()
    process.wait()
    return None if found is None else Load(found, cpu, began - start, before, after, stalled)


def _watch(server: Target, seen: list[float], stopped: threading.Event) -> None:
    seen.append(server.memory())
    while not stopped.wait(0.5):
        seen.append(server.memory())
    seen.append(server.memory())


def _write_rooms(folder: Path, rooms: Sequence[Room]) -> Path:
    """The file that the generator reads: where to go, the room's name, the first item's head, the seed's file."""
    seeds: dict[bytes, str] = {b"": "-"}
    lines: list[str] = []
    for room in rooms:
        seed = room.document.seed
        if seed not in seeds:
            path = folder / f"seed{len(seeds)}"
            path.write_bytes(seed)
            seeds[seed] = str(path)
        lines.append(f"{room.path} {room.name} {room.document.first.hex()} {seeds[seed]}\n")
    listed = folder / "rooms"
    listed.write_text("".join(lines))
    return listed
