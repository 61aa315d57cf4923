"""The Chromium of the system, as one process tree that leaves nothing behind.

It gets none of the studio's environment, where keys may be. Its profiles and downloads lie in a folder of this
process's own, which is removed when it ends; a folder whose process was killed is removed by the next one to start.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studiolo.canvas.errors import Unavailable

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

PREFIX = "studiolo-browser-"
LONGEST_ROOT = 36  # characters: the path of a socket, which Chromium makes far below it, may have 107
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge-stable")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PATIENCE = 30.0  # seconds for a start; half for an end
YOUNG = 5.0  # seconds in which a folder may not have been locked yet
FLAGS = (
    # It looks up no name, and connects to nothing but the proxy.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--dns-prefetch-disable",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--renderer-process-limit=4",
    "--js-flags=--max-old-space-size=512",
)


class Chromium:
    """Starts when it is wanted, again when it has ended. `environ` may name the program as STUDIOLO_BROWSER, and say
    with STUDIOLO_BROWSER_SANDBOX=off that its own sandbox cannot work here (as in most containers)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._named = environ.get("STUDIOLO_BROWSER", "")
        self._sandbox = not is_root() and environ.get("STUDIOLO_BROWSER_SANDBOX", "on") != "off"
        self._path = environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        self._folder: Path | None = None
        self._lock: int | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def started(self, proxy: str) -> Browser:
        """The browser. Raises Unavailable when there is none, or it does not start."""
        if self._browser and self._browser.is_connected():
            return self._browser
        await self.stop()
        try:
            from playwright.async_api import Error, async_playwright
        except ImportError:
            raise Unavailable(
                "Pages cannot be browsed here: Playwright is not installed.",
                "Read the page without a browser, or ask an operator to install studiolo[browser].",
            ) from None
        try:
            async with asyncio.timeout(PATIENCE):
                self._folder, self._lock = await asyncio.to_thread(_own_folder)
                environ = _environ(self._folder, self._path)
                with _driven_with(environ):
                    self._playwright = await async_playwright().start()
                self._browser = await self._playwright.chromium.launch(
                    executable_path=await asyncio.to_thread(self._program),
                    headless=True,
                    args=list(FLAGS),
                    chromium_sandbox=self._sandbox,
                    proxy={"server": proxy, "bypass": "<-loopback>"},
                    env={**environ},
                    timeout=PATIENCE * 1000,
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
        except (Error, OSError, TimeoutError) as error:
            await self.stop()
            raise Unavailable(
                f"The browser does not start: {_why(str(error))}",
                "Read the page without a browser, or ask an operator: STUDIOLO_BROWSER names its program.",
            ) from error
        except BaseException:
            await self.stop()
            raise
        return self._browser

    async def stop(self) -> None:
        """End it, kindly and then not, and remove what it wrote."""
        browser, self._browser = self._browser, None
        playwright, self._playwright = self._playwright, None
        for one in (browser.close if browser else None, playwright.stop if playwright else None):
            if one:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(PATIENCE / 2):
                        await one()
        if self._folder:
            await asyncio.to_thread(_clear, self._folder)
            self._folder = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _program(self) -> str:
        given = [self._named] if self._named else [shutil.which(name, path=self._path) or "" for name in NAMES]
        for path in [*given, *([] if self._named else [*APPLICATIONS, self._own()])]:
            if path and os.access(path, os.X_OK):
                return path
        raise OSError(
            f"STUDIOLO_BROWSER is {self._named}, which is no program."
            if self._named
            else "there is no Chromium or Chrome on this machine."
        )

    def _own(self) -> str:
        return self._playwright.chromium.executable_path if self._playwright else ""


def _why(said: str) -> str:
    """The line that matters of all that Playwright and Chromium say."""
    lines = said.splitlines() or ["it did not answer"]
    telling = [line for line in lines if re.search(r"FATAL|error while loading|No usable sandbox|cannot open", line)]
    return re.sub(r"^.*\[err\] ", "", [*telling, lines[0]][0])[:200]


def is_root() -> bool:
    """Whether Chromium's own sandbox has to stay off: it refuses to be run by root with it."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _environ(folder: Path, path: str) -> dict[str, str]:
    return {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(folder)}


@contextlib.contextmanager
def _driven_with(environ: dict[str, str]) -> Any:
    """Playwright's own process, too, gets this environment; there is no option for that."""
    transport: Any = importlib.import_module("playwright._impl.transport")
    before = getattr(transport, "get_driver_env", None)
    if before is None:  # another version: it gets the studio's environment, the browser still does not
        yield
        return
    kept = {name: value for name, value in before().items() if name.startswith("PW_")}
    transport.get_driver_env = lambda: {**environ, **kept}
    try:
        yield
    finally:
        transport.get_driver_env = before


def _own_folder() -> tuple[Path, int]:
    """A new folder that is locked as long as this process lives; those that nobody locks any more are removed."""
    root = Path(tempfile.gettempdir())
    if len(str(root)) > LONGEST_ROOT and Path("/tmp").is_dir():
        root = Path("/tmp")
    for old in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime < YOUNG:
                continue
            lock = os.open(old / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _clear(old)
            finally:
                os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def _clear(folder: Path) -> None:
    """Kill what still runs in a folder, and remove it."""
    for process in _within(folder):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _within(folder: Path) -> list[int]:
    """The processes that were started with this folder as their home: all of ours, and nobody else's."""
    if sys.platform != "linux":
        return []
    mark, found = os.fsencode(folder), list[int]()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (process / "cmdline").read_bytes() or mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
    return found
