"""How the child is started, and what it may read."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
BEGIN = "import sys; sys.path.insert(0, sys.argv[1]); from inside.start import main; main()"
WORK = "/box"  # where the folder is in namespaces of its own

SYSTEM = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
)


@cache
def readable() -> tuple[str, ...]:
    """What a program may read beside its own folder: the interpreter's libraries and those of the system."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = {sysconfig.get_path(name) for name in names}
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    paths |= {sysconfig.get_path(name, vars={**base, "installed_base": sys.base_prefix}) for name in names}
    paths |= {one for one in sys.path if Path(one).name in ("site-packages", "dist-packages")}
    if library := sysconfig.get_config_var("LIBDIR"):
        paths |= {str(one) for one in Path(library).glob("libpython*.so*")}
    found = {os.path.realpath(one) for one in (*paths, *SYSTEM) if Path(one).exists()}
    # A path below one that is there already adds nothing.
    return tuple(sorted(one for one in found if not any(one.startswith(f"{other}/") for other in found - {one})))


@dataclass(frozen=True, slots=True)
class Start:
    """A command line, and how the work folder is called inside."""

    command: list[str]
    work: str
    namespaces: bool


def plain(folder: Path) -> Start:
    """The child alone."""
    return Start([sys.executable, "-I", "-B", "-c", BEGIN, str(HERE)], str(folder), namespaces=False)


def bubblewrap() -> str | None:
    """The program that makes namespaces, where there is one."""
    return shutil.which("bwrap")


def wrapped(bwrap: str, folder: Path, info: int) -> Start:
    """The child in namespaces of its own, where nothing else can be named: no file, process, address.

    `info` is the descriptor to which bubblewrap writes the child's process id.
    """
    command = [bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    command += ["--as-pid-1", "--info-fd", str(info), "--dev", "/dev"]
    executable = Path(sys.executable)
    reads = {*readable(), str(HERE), os.path.realpath(executable), str(executable)}
    if sys.prefix != sys.base_prefix:
        reads.add(str(Path(sys.prefix) / "pyvenv.cfg"))
    for path in sorted(one for one in reads if not one.startswith("/dev/")):
        command += ["--ro-bind", path, path]
    for name in ("lib", "lib64"):
        # Where /lib is a link to /usr/lib, the loader is asked for by the link.
        if Path("/", name).is_symlink():
            command += ["--symlink", str(Path("/", name).readlink()), f"/{name}"]
    command += ["--bind", str(folder), WORK, "--chdir", WORK, "--"]
    return Start([*command, *plain(folder).command], WORK, namespaces=True)
