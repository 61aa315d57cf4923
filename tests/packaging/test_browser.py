"""`scripts/browser.sh` prints a browser that starts, or says what to do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "browser.sh"


def find(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, "--find"], env=os.environ | env, capture_output=True, text=True)


def program(path: Path, code: str) -> Path:
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)
    return path


def test_the_browser_that_was_asked_for_is_the_one(tmp_path: Path) -> None:
    asked_for = program(tmp_path / "mine", "exit 0")
    found = find({"STUDIOLO_BROWSER": str(asked_for)})
    assert (found.returncode, found.stdout) == (0, f"{asked_for}\n")


def test_one_that_does_not_start_is_refused_by_name(tmp_path: Path) -> None:
    broken = program(tmp_path / "broken", "exit 127")
    found = find({"STUDIOLO_BROWSER": str(broken)})
    assert (found.returncode, found.stdout) == (1, "")
    assert f"STUDIOLO_BROWSER is {broken}, and that does not start." in found.stderr


def test_an_installed_one_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "chromium", "exit 127")
    works = program(tmp_path / "google-chrome", "exit 0")
    for name in ("chromium-browser", "google-chrome-stable"):
        program(tmp_path / name, "exit 1")
    found = find({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "STUDIOLO_BROWSER": ""})
    assert (found.returncode, found.stdout) == (0, f"{works}\n")
