"""scripts/servers.sh: what the tests need is installed where it is missing, once, and a failure is said."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "servers.sh"
TOOLS = ("bash", "env", "id", "mktemp", "rm", "tail", "timeout", "touch", "chmod", "echo")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with PostgreSQL, nginx, strace, bubblewrap and LibreOffice, and nothing else that the script looks for."""
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    for program in ("initdb", "nginx", "strace", "bwrap", "soffice"):
        write(tmp_path / program, "")
    return tmp_path


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": str(path), "BASH_ENV": ""}
    return subprocess.run([SCRIPT, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


def apt(path: Path, script: str) -> None:
    """An apt-get that notes what it was asked, and `sudo` for those who are not root."""
    write(path / "apt-get", f'echo "$*" >>"{path}/asked"\n{script}')
    write(path / "sudo", 'shift; exec "$@"')


def test_what_is_missing_is_installed(bare: Path) -> None:
    apt(bare, f'[ "$1" = update ] || {{ echo "#!/bin/sh" >"{bare}/redis-server"; chmod +x "{bare}/redis-server"; }}')
    done = run(bare)
    assert done.returncode == 0, done.stderr
    assert (bare / "asked").read_text().splitlines()[-1].split()[-1] == "redis-server", "and nothing else"
    (bare / "asked").unlink()
    assert run(bare).returncode == 0 and not (bare / "asked").exists(), "it is there now"


def test_what_cannot_be_installed_is_said_with_what_the_installer_said(bare: Path) -> None:
    apt(bare, 'echo "E: no network" >&2; exit 100')
    done = run(bare)
    assert done.returncode != 0 and done.stdout == ""
    assert "redis-server" in done.stderr and "E: no network" in done.stderr


def test_an_installer_that_installs_nothing_is_a_failure(bare: Path) -> None:
    apt(bare, "")
    done = run(bare)
    assert done.returncode != 0 and "still not there: redis-server" in done.stderr


def test_it_can_be_asked_without_installing_anything(bare: Path) -> None:
    apt(bare, "")
    done = run(bare, "--find")
    assert done.returncode == 0 and "redis-server" in done.stderr and "skipped" in done.stderr
    assert not (bare / "asked").exists()


def test_without_apt_it_says_what_to_install(bare: Path) -> None:
    done = run(bare)
    assert done.returncode != 0 and "redis-server" in done.stderr
