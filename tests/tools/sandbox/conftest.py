"""A sandbox in each level that works here, and what its attacks are aimed at."""

from __future__ import annotations

import http.server
import os
import platform
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.tools.sandbox import Sandbox, child

# x86-64, aarch64
CALLS = {
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "process_vm_readv": (310, 270),
    "shmget": (29, 194),
    "shmctl": (31, 195),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
}


@pytest.fixture(scope="module", params=["plain", "namespaces"])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox without and with bubblewrap's namespaces around it."""
    if request.param == "namespaces" and child.bubblewrap() is None:
        pytest.skip("bubblewrap is not installed")
    made = Sandbox(tmp_path_factory.mktemp("work"), namespaces=request.param == "namespaces")
    yield made
    made.close()


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What attacks are aimed at: files, a process, servers."""
    home = tmp_path_factory.mktemp("home")
    (home / "secret").write_text("the studio's secret")
    library = home / "library"
    library.mkdir()
    victim = subprocess.Popen(["sleep", "600"])
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(home / "s"))
    before = child.readable()
    original, child.readable = child.readable, lambda: (*before, str(library))  # type: ignore[assignment]
    held = os.open(home / "secret", os.O_RDONLY)
    os.set_inheritable(held, True)
    yield {
        "secret": home / "secret",
        "outside": home,
        "library": library,
        "victim": victim.pid,
        "port": server.server_port,
        "socket": home / "s",
        **{name: both[platform.machine() == "aarch64"] for name, both in CALLS.items()},
    }
    os.close(held)
    child.readable = original
    listening.close()
    server.shutdown()
    server.server_close()
    victim.kill()
    victim.wait()


@pytest.fixture
def filled(targets: dict[str, Any]) -> dict[str, Any]:
    """The targets, with the library as it should be."""
    library: Path = targets["library"]
    for one in library.iterdir():
        one.unlink()
    (library / "module.py").write_text("said = 'whole'\n")
    return targets
