"""What webhooks are sent to: a real HTTP server that checks signatures by itself, and misbehaves when told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WAIT = 30.0  # seconds for something to arrive


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.body = json.loads(self.raw)

    def signed_with(self, secret: str) -> bool:
        """As the specification says to check it, written without the studio's code."""
        key = base64.b64decode(secret.split("_", 1)[1])
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.raw
        right = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        given = [one.partition(",") for one in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(one, right) for version, _, one in given)


Behave = Callable[[BaseHTTPRequestHandler], None]


def answers(status: int, **headers: str) -> Behave:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return behave


def hangs_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    request.connection.close()


def dawdles(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def chatters(request: BaseHTTPRequestHandler) -> None:
    """An answer without an end."""
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(100_000):
            request.wfile.write(b"x" * 10_000)
    except OSError:
        return


class Receiver:
    """Listens on a free port of 127.0.0.1. `then` says how the next requests are answered; after those, with 204."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.got: list[Got] = []
        self.then: list[Behave] = []
        self._new = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver._new:
                    receiver.got.append(Got(self.path, headers, raw))
                    behave = receiver.then.pop(0) if receiver.then else answers(204)
                    receiver._new.notify_all()
                behave(self)

            def do_GET(self) -> None:  # whoever follows a redirect comes so
                with receiver._new:
                    receiver.got.append(Got(self.path, {}, b'{"type": "GET"}'))
                answers(204)(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def wait(self, count: int, timeout: float = WAIT) -> list[Got]:
        """What arrived, once it is so many."""
        with self._new:
            there = self._new.wait_for(lambda: len(self.got) >= count, timeout)
        assert there, f"{len(self.got)} of {count} arrived: {[one.body.get('type') for one in self.got]}"
        return self.got

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
