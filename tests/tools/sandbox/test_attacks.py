"""Programs that try to get out of the sandbox, or to take more than their share."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from studiolo.tools.sandbox import Limits, Sandbox

from .attacks import ABUSES, ATTACKS, Abuse, Attack

TIGHT = Limits(memory=256 << 20, disk=64 << 20, text=20_000, results=2 << 20)


def aimed(attack: Attack, targets: dict[str, Any]) -> str:
    """The program with its targets filled in."""
    return re.sub(r"\{([a-z_]+)\}", lambda found: str(targets[found[1]]), attack.program)


def shared_memory() -> set[Path]:
    return set(Path("/dev/shm").iterdir())


def nothing_is_left(sandbox: Sandbox) -> None:
    """No file, no process, nothing in shared memory."""
    assert sandbox._folders is not None
    assert [one.name for one in sandbox._folders.mine.iterdir()] == ["lock"]
    for process in psutil.Process().children(recursive=True):
        assert "inside.start" not in " ".join(process.cmdline()), process


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_an_attack_is_refused(sandbox: Sandbox, attack: Attack, filled: dict[str, Any]) -> None:
    shared = shared_memory()
    ran = await sandbox.run(aimed(attack, filled), limits=TIGHT)
    assert "ESCAPED" not in ran.text, ran
    if "bubblewrap" in ran.level:
        # In namespaces of its own there is often nothing there to be refused.
        assert not ran.ok or not attack.meets or attack.name in ALSO_FINE, ran
    else:
        assert attack.meets in ran.error, ran
        assert bool(attack.meets) is not ran.ok, ran
    assert (filled["library"] / "module.py").read_text() == "said = 'whole'\n"
    assert (filled["library"] / "module.py").stat().st_mode & 0o600 == 0o600
    assert [one.name for one in filled["library"].iterdir()] == ["module.py"]
    assert filled["secret"].read_text() == "the studio's secret"
    assert psutil.Process(filled["victim"]).status() in (psutil.STATUS_SLEEPING, psutil.STATUS_IDLE)
    assert shared_memory() <= shared
    nothing_is_left(sandbox)


# What bubblewrap puts there instead is empty and the program's own.
ALSO_FINE = {"list the root"}


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.control], ids=str)
def test_without_the_sandbox_the_attack_succeeds(attack: Attack, filled: dict[str, Any], tmp_path: Path) -> None:
    if attack.control_needs == "root" and os.getuid():
        pytest.skip("it takes root to do this at all")
    victim = subprocess.Popen(["sleep", "600"])
    try:
        done = subprocess.run(
            [sys.executable, "-c", aimed(attack, {**filled, "victim": victim.pid})],
            cwd=tmp_path,
            input="a line\n",
            capture_output=True,
            text=True,
            env={**os.environ, "STUDIOLO_SECRET": "secret"},
            close_fds=False,
            timeout=60,
            check=False,
            start_new_session=True,
        )
    finally:
        victim.kill()
        victim.wait()
    assert "ESCAPED" in done.stdout, done


@pytest.mark.parametrize("abuse", ABUSES, ids=str)
async def test_abuse_is_stopped(sandbox: Sandbox, abuse: Abuse) -> None:
    ran = await sandbox.run(abuse.program, seconds=abuse.seconds, limits=TIGHT)
    assert not ran.ok, ran
    if abuse.name == "hiding" and "bubblewrap" in ran.level:
        assert ran.killed == "time", "bubblewrap holds the output, too, so it takes the time that it has"
    else:
        assert ran.killed == abuse.killed, ran
        assert abuse.error in ran.error and ran.error, ran
    assert len(ran.error) <= 4_100
    assert len(ran.text) <= TIGHT.text + 100
    assert not any("core" in name for name in ran.files), ran.files
    nothing_is_left(sandbox)
    again = await sandbox.run("print('well')")
    assert again.text == "well\n", again
