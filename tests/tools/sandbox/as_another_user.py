"""The attacks and abuses, run by whoever runs this: `as_another_user.py FOLDER`. Ends with 1 when one got through."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from studiolo.tools.sandbox import Limits, Sandbox, child
from tests.tools.sandbox.attacks import ABUSES, ATTACKS
from tests.tools.sandbox.conftest import CALLS

TIGHT = Limits(memory=256 << 20, disk=64 << 20, text=20_000, results=2 << 20)
QUICK = {"a block of memory", "stopping itself", "many large files", "large files that are nowhere", "threads"}


async def main() -> int:
    """Run them all; the exit code."""
    folder = Path(sys.argv[1])
    home = folder.parent / "home"
    library = home / "library"
    library.mkdir(parents=True)
    secret = home / "secret"
    secret.write_text("the studio's secret")
    before = child.readable()
    child.readable = lambda: (*before, str(library))  # type: ignore[assignment]
    sandbox = Sandbox(folder, namespaces=False)
    failed: list[str] = []
    victim = subprocess.Popen(["sleep", "600"])  # noqa: ASYNC220
    machine = os.uname().machine == "aarch64"
    targets = {name: both[machine] for name, both in CALLS.items()}
    targets |= {"secret": secret, "outside": home, "library": library, "victim": victim.pid, "port": 9, "socket": home}
    for attack in ATTACKS:
        (library / "module.py").write_text("said = 'whole'\n")
        program = re.sub(r"\{([a-z_]+)\}", lambda found: str(targets[found[1]]), attack.program)
        ran = await sandbox.run(program, limits=TIGHT)
        whole = (library / "module.py").read_text() == "said = 'whole'\n" and secret.read_text().endswith("secret")
        if "ESCAPED" in ran.text or attack.meets not in ran.error or not whole or victim.poll() is not None:
            failed.append(f"{attack.name}: {ran}")
    for abuse in ABUSES:
        if abuse.name in QUICK:
            ran = await sandbox.run(abuse.program, seconds=abuse.seconds, limits=TIGHT)
            if ran.ok or ran.killed != abuse.killed or abuse.error not in ran.error:
                failed.append(f"{abuse.name}: {ran}")
    victim.kill()
    victim.wait()
    level = await sandbox.level()
    sandbox.close()
    failed += [f"left behind: {one}" for one in os.listdir(folder)]  # noqa: PTH208
    print(*failed, sep="\n")
    print(f"held in as user {os.getuid()} by {level}: {len(ATTACKS)} attacks, {len(QUICK)} abuses")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
