"""A PostgreSQL and a Redis server of this test run alone, started where they are installed; their tests skip elsewhere.

Nothing that runs on this machine already is touched: data and sockets are in temporary folders, and go at the end.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

import pytest

SHORT = "/tmp" if Path("/tmp").is_dir() else None  # the path of a unix socket holds about 100 bytes
NO_POSTGRESQL = "PostgreSQL is not installed (Debian: apt-get install postgresql), so nothing was tried on it"
NO_REDIS = "Redis is not installed (Debian: apt-get install redis-server), so nothing was tried with it"


class PostgreSQL:
    """A cluster that keeps nothing safe (`fsync=off`), reached by a socket in its own folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._user = unprivileged() if os.geteuid() == 0 else None  # it refuses to run as root
        self._numbers = itertools.count(1)
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "-A", "trust", "-N", "-E", "UTF8", "-U", "studiolo", "-D", str(folder / "data"))
        self.start()

    def start(self) -> None:
        settings = {"listen_addresses": "''", "fsync": "off", "full_page_writes": "off", "max_connections": 200}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._control("-l", f"{self.folder}/log", "-o", f"{options} -k {self.folder}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, by default as a crash would; `start` brings back everything that was committed."""
        self._control("-m", mode, "stop")

    def running(self) -> bool:
        return (self.folder / "data" / "postmaster.pid").exists()

    def database(self) -> str:
        """The address of a new and empty database."""
        name = f"studiolo_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://studiolo@/{name}?host={self.folder}"

    def sql(self, command: str, database: str = "postgres") -> str:
        """Run a command as the superuser; what psql prints, unaligned and without headers."""
        connect = ("-h", str(self.folder), "-U", "studiolo", "-d", database)
        psql = [self._programs / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *connect, "-c", command]
        return subprocess.run(psql, check=True, stdin=DEVNULL, stdout=subprocess.PIPE, text=True).stdout

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        command = [self._programs / program, *arguments]
        subprocess.run(
            command, check=True, cwd=self.folder, env=environ, user=self._user, stdin=DEVNULL, stdout=DEVNULL
        )


class Redis:
    """A server that writes nothing to the disk, on a free port of 127.0.0.1 that it keeps, and on a unix socket."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self._program = program
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.unix_url = f"unix://{folder}/redis.sock?db=0"
        self.start()

    def start(self) -> None:
        listen = ("--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", f"{self.folder}/redis.sock")
        volatile = ("--save", "", "--appendonly", "no", "--dir", str(self.folder))
        self.process = subprocess.Popen([self._program, *listen, *volatile], stdin=DEVNULL, stdout=DEVNULL)
        for _ in range(500):
            try:
                assert self.command("PING") == b"+PONG\r\n"
                return
            except OSError:
                assert self.process.poll() is None, "redis-server does not start"
                time.sleep(0.02)
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        """Kill it, as a crash would: everything in it is lost."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def command(self, *words: str) -> bytes:
        """Send one command on a connection of its own; the first bytes of the answer."""
        encoded = [word.encode() for word in words]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in encoded))
            return line.recv(65536)


def unprivileged() -> str:
    """Whom a server runs as that root started."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise AssertionError("there is no user postgres or nobody to run PostgreSQL as")


def postgresql_programs() -> Path | None:
    """Where the server's programs are: on the PATH, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The server itself; most tests want `database_url`. One that stops it need not start it again."""
    programs = postgresql_programs()
    if programs is None:
        pytest.skip(NO_POSTGRESQL)
    with TemporaryDirectory(prefix="studiolo-pg-", dir=SHORT) as folder:
        server = PostgreSQL(programs, Path(folder))
        yield server
        if server.running():
            server.stop()


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> str:
    """The address of an empty PostgreSQL database for this test."""
    if not postgresql.running():
        postgresql.start()
    return postgresql.database()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """The server itself; most tests want `redis_url`. One that stops it need not start it again."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip(NO_REDIS)
    with TemporaryDirectory(prefix="studiolo-redis-", dir=SHORT) as folder:
        server = Redis(program, Path(folder))
        yield server
        server.stop()


@pytest.fixture
def redis_url(redis: Redis) -> str:
    """The address of an empty Redis for this test."""
    if not redis.running():
        redis.start()
    redis.command("FLUSHALL")
    return redis.url
