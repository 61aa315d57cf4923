"""A web site for tests: a real server on a loopback port whose pages are functions, and which remembers who came."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Page = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Visit:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def page(body: bytes | str = b"", type: str = "text/html; charset=utf-8", status: int = 200, **headers: str) -> Page:
    data = body.encode() if isinstance(body, str) else body

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        if type:
            request.send_header("Content-Type", type)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


def redirect(to: str, status: int = 302) -> Page:
    return page(status=status, Location=to)


class Site:
    """Listens on a free port of a loopback address. Paths are without their query; what has no page is 404."""

    def __init__(self, pages: dict[str, Page] | None = None, host: str = "127.0.0.1", tls: Path | None = None) -> None:
        self.pages: dict[str, Page] = dict(pages or {})
        self.visits: list[Visit] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.visits.append(Visit(self.command, self.path, headers, body))
                site.pages.get(self.path.partition("?")[0], page("not here", status=404))(self)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server((host, 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, but for robots.txt."""
        return [visit.path for visit in self.visits if visit.path != "/robots.txt"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
