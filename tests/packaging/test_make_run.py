"""The README's first command, in a new clone, in an empty home."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def make_run(checkout: Path, home: Path, seconds: float) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`make run` and the one line that it prints, which must come within so many seconds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STUDIOLO_", "VIRTUAL_ENV"))}
    with (home / "stderr").open("w") as log:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=checkout,
            env=kept | {"HOME": str(home), "STUDIOLO_HOME": str(home / "studio"), "STUDIOLO_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert process.stdout
    started = time.monotonic()
    try:
        line = process.stdout.readline()
        assert line, (home / "stderr").read_text()
        assert time.monotonic() - started < seconds
        yield process, line
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()


@pytest.mark.slow
def test_a_new_clone_serves_stops_when_told_and_starts_again_in_seconds(tmp_path: Path) -> None:
    checkout, home = tmp_path / "studiolo", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    for seconds in (600, 15):
        with make_run(checkout, home, seconds) as (process, line):
            ready = re.fullmatch(r"Studiolo is ready at (http://127\.0\.0\.1:\d+)/\?setup=\S+\n", line)
            assert ready, line
            health = httpx2.get(f"{ready[1]}/api/health").json()
            assert (health["status"], health["models"]) == ("ok", ["smollm2-135m"])
            assert "<!doctype html>" in httpx2.get(ready[1]).text.lower()
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            assert process.stdout and process.stdout.read() == ""
            with pytest.raises(httpx2.ConnectError):
                httpx2.get(ready[1])
