"""Running the studio as a process: one socket, one lock on the data, one line when it serves, a clean end."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.server import HANDLED_SIGNALS

from studiolo import metrics
from studiolo.canvas.errors import Invalid, StudioloError, Unavailable
from studiolo.settings import Settings
from studiolo.tasks.command import ADDRESS_FILE
from studiolo.web import logs
from studiolo.web.app import create_app
from studiolo.web.http import PatientProtocol
from studiolo.web.websocket import WebSocketLine

WS_LIMIT = 32 * 2**20
GRACE_SECONDS = 8  # in which answers that were begun may end
STOP_SECONDS = 20  # from the signal, and the draining, to the end, whatever happens: see deploy/studiolo.service
THREADS_SECONDS = 2  # in which threads may end when everything is stored


def serve(settings: Settings, open_browser: bool = True) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises `StudioloError` when it cannot start."""
    if settings.redis_url and not settings.database_url.startswith("postgres"):
        raise Invalid(
            "STUDIOLO_REDIS_URL is set, and nodes cannot share a database that is a file.",
            "Set STUDIOLO_DATABASE_URL to postgresql://user@host/name, or unset STUDIOLO_REDIS_URL for a single node.",
        )
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(settings), _bound(settings.host, settings.port) as bound:
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            proxy_headers=True,
            forwarded_allow_ips=settings.trusted_proxies,
            log_config=logs.configuration(settings.log, settings.log_level),
            access_log=False,
            ws=WebSocketLine,
            ws_max_size=WS_LIMIT,
            ws_per_message_deflate=False,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
        # A refusal to start is told as one sentence by the command line; the traceback would only hide it.
        logging.getLogger("uvicorn.error").addFilter(lambda _record: not _refused(app))
        server = _Server(
            config, app, _address(bound, settings.host), open_browser, settings.drain_seconds, settings.home
        )
        with suppress(SystemExit):  # the lifespan failed, and that is all that uvicorn tells
            server.run([bound])
        if failure := getattr(app.state, "failure", None):
            raise failure
        return 0


class _Server(uvicorn.Server):
    """Uvicorn that announces itself, ends open streams before it waits for them, and exits with 0 on a signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        address: str,
        open_browser: bool,
        drain_seconds: float,
        home: Path,
    ) -> None:
        super().__init__(config)
        self.app, self.address, self.open_browser = app, address, open_browser
        self.drain_seconds = drain_seconds
        self.address_file = home / ADDRESS_FILE
        self.interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Nearly all garbage goes without the collector, and its rounds are pauses for everybody; the half a million
        # objects of the libraries, which it would look through each time, stay.
        gc.set_threshold(10_000, 10, 10)
        gc.freeze()
        # A commit comes back for Python's lock several times; while the loop is busy, each would take 5 ms.
        sys.setswitchinterval(0.0005)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(logs.stray)
        self.watching = loop.create_task(metrics.watch_the_loop())
        try:
            studio = self.app.state.studio
            token = await studio.people.setup_link_token(among_nodes=studio.nodes is not None)
        except StudioloError as error:
            self.app.state.failure = error
            self.should_exit = True
            return
        url = f"{self.address}/?setup={token}"
        with suppress(OSError):  # then `studiolo task` has to be told
            self.address_file.write_text(f"{self.address}\n")
        with suppress(OSError):  # nobody may be reading
            print(f"Studiolo is ready at {url}", flush=True)
        if self.open_browser and sys.stdout.isatty() and _has_display():
            with suppress(webbrowser.Error):
                webbrowser.open(url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The socket closes next. A load balancer that asks only now and then must learn of it before that.
        self.app.state.draining = True
        drained = time.monotonic() + self.drain_seconds
        while time.monotonic() < drained and not self.interrupted:  # noqa: ASYNC110 - a signal handler sets no event
            await asyncio.sleep(0.1)
        self.address_file.unlink(missing_ok=True)
        self.watching.cancel()
        self.app.state.studio.stopping.set()
        await super().shutdown(sockets)
        # Everything is stored. What a thread still does, a book that is typeset or libraries that are imported, is for
        # nobody any more, and Python would wait for it for as long as it takes.
        end = threading.Timer(THREADS_SECONDS, os._exit, (0,))
        end.daemon = True
        end.start()
        faulthandler.cancel_dump_traceback_later()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Not the inherited one, which lets go of them in the end: a signal that is repeated would cut the end off. So
        # it would while Python takes itself apart, which keeps no handlers either; but what is ignored stays ignored.
        for sig in HANDLED_SIGNALS:
            signal.signal(sig, self.handle_exit)
        yield
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not the inherited one, which raises the signal again afterwards: asked to stop is not a failure. Managers of
        # services repeat SIGTERM, and that must not cut off what is being stored; a second Ctrl-C means it.
        first = not self.should_exit
        self.should_exit = True
        if sig == signal.SIGINT:
            first |= not self.interrupted
            self.force_exit, self.interrupted = self.interrupted, True
        if first:
            _end_within(STOP_SECONDS + (0 if self.interrupted else self.drain_seconds))


def _end_within(seconds: float) -> None:
    """Say where every thread stands and exit with 1, unless the end comes before that.

    What was acknowledged is on the disk at any moment, so a stop that hangs has nothing to wait for.
    """
    with suppress(RuntimeError, AttributeError, ValueError):  # there is nowhere to say it
        faulthandler.dump_traceback_later(seconds, exit=True)


def _refused(app: FastAPI) -> bool:
    return isinstance(getattr(app.state, "failure", None), StudioloError)


def _has_display() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _address(bound: socket.socket, host: str) -> str:
    """The address to open: a server on all interfaces is reached by the name of this machine's own."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{bound.getsockname()[1]}"


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket: taken before anything else starts, so that a port in use costs nothing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unavailable(
            f"There is no address {host!r} to listen on ({error.strerror}).", "Set STUDIOLO_HOST to another one."
        ) from error
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            "Another program may be using the port; stop it, or set STUDIOLO_PORT (or --port) to a free one.",
        ) from error
    try:
        yield bound
    finally:
        bound.close()


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep a second server off the same data folder: each would hold its own live copy of a canvas."""
    path = Path(settings.home, "serving.lock")
    with path.open("a+") as lock:
        try:
            _lock(lock.fileno())
        except OSError:
            lock.seek(0)
            raise Unavailable(
                f"A studio is already running on {settings.home} (process {lock.read().strip() or 'unknown'}).",
                "Use that one, stop it, or set STUDIOLO_HOME to another folder.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
