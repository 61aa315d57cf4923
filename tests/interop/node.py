"""Running JavaScript from tests: the npm project beside the tests has the real Yjs in it."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def node_project() -> Path:
    """The folder of the npm project of the tests, installed from its lock when it is not yet, or no longer."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.fail("these tests drive the real Yjs: install Node.js 20 or newer")
    lock = PROJECT / "package-lock.json"
    installed = PROJECT / "node_modules" / ".package-lock.json"
    with lock.open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two test runs at once must not install over each other
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=PROJECT, check=True, timeout=600)
            installed.touch()
    return PROJECT
