"""The configuration in deploy/nginx.conf, in a real nginx before a real studio, over TLS."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider
from tests.web.test_canvases import error
from tests.web.yclient import YClient

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
SOMEWHERE = "127.0.0.2"
"""The client's address, which is not nginx's."""

pytestmark = [
    pytest.mark.skipif(
        NGINX is None,
        reason="nginx is not installed (Debian: apt-get install nginx), so deploy/nginx.conf was not tried",
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a second loopback address to come from"),
]


@dataclass
class Proxied:
    """A studio and the nginx before it."""

    studio: ServedStudio
    folder: Path
    host: str
    plain_port: int
    provider: FakeProvider
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def client(self, token: str = "", **headers: str) -> httpx2.Client:
        transport = httpx2.HTTPTransport(verify=self.trust, local_address=SOMEWHERE)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx2.Client(base_url=self.url, transport=transport, headers=headers, timeout=30)

    def access_log(self, until: str = "") -> str:
        """What nginx noted, which it does a moment after it has answered; waits for a line that matches `until`."""
        end = time.monotonic() + 4
        while True:
            log = (self.folder / "access.log").read_text()
            if re.search(until, log, re.MULTILINE) or time.monotonic() > end:
                return log
            time.sleep(0.02)

    def logged(self, request: str) -> dict[str, Any]:
        """The studio's own line about a request."""
        for _ in range(200):
            for line in self.studio.log().splitlines():
                told = json.loads(line)
                if told.get("request") == request and "status" in told:
                    return told
            time.sleep(0.02)
        raise AssertionError(f"the studio has not logged {request}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def certificate(folder: Path) -> None:
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    files = ("-keyout", f"{folder}/studio.key", "-out", f"{folder}/studio.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *files]
    subprocess.run([*command, "-days", "2", *subject], check=True, capture_output=True)


def rendered(folder: Path, studio: ServedStudio, port: int, plain_port: int) -> str:
    """The file as it is, but for the places that it tells its reader to change."""
    text = CONFIG.read_text()
    for old, new in {
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "server 127.0.0.1:8787 ": f"server {studio.url.removeprefix('http://')} ",
        "/etc/ssl/studio.example.pem": f"{folder}/studio.pem",
        "/etc/ssl/studio.example.key": f"{folder}/studio.key",
        "/var/log/nginx/studiolo.log": f"{folder}/access.log",
    }.items():
        assert old in text, f"deploy/nginx.conf has no {old!r} any more"
        text = text.replace(old, new)
    return text


def around(folder: Path, site: Path) -> str:
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\n{places}include {site};\n}}\n"
    )


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with FakeProvider() as provider, TemporaryDirectory(prefix="studiolo-nginx-") as name:
        folder = Path(name)
        model = {"OPENAI_API_KEY": "sk", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake"}
        logs = {"STUDIOLO_LOG": "json", "STUDIOLO_LOG_LEVEL": "debug"}
        studio = serve(tmp_path_factory.mktemp("proxied"), {**model, **logs})
        certificate(folder)
        port, plain_port = free_port(), free_port()
        (folder / "studiolo.conf").write_text(rendered(folder, studio, port, plain_port))
        (folder / "nginx.conf").write_text(around(folder, folder / "studiolo.conf"))
        assert NGINX
        nginx = [NGINX, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]
        subprocess.run([*nginx, "-t"], check=True, capture_output=True)
        running = subprocess.Popen(nginx)
        trust = ssl.create_default_context(cafile=f"{folder}/studio.pem")
        made = Proxied(studio, folder, f"127.0.0.1:{port}", plain_port, provider, trust)
        try:
            for _ in range(500):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    assert running.poll() is None, (folder / "error.log").read_text()
                    time.sleep(0.02)
            yield made
        finally:
            running.terminate()
            running.wait(20)
            studio.stop()


def test_plain_http_is_sent_to_https(proxied: Proxied) -> None:
    answer = httpx2.get(f"http://127.0.0.1:{proxied.plain_port}/c/x?y=z", follow_redirects=False)
    assert answer.status_code == 301 and answer.headers["location"] == "https://127.0.0.1/c/x?y=z"


async def test_a_person_signs_in_shares_and_types(proxied: Proxied) -> None:
    canvas = proxied.studio.canvas("")
    page = canvas["pages"][0]["id"]
    origin = {"Origin": proxied.url}
    with proxied.client(**origin) as browser:
        answer = browser.post("/api/setup", json={"setup": proxied.studio.setup, "name": "Ann"})
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"]
        assert "Secure" in cookie and "HttpOnly" in cookie
        link = browser.post(f"/api/canvases/{canvas['id']}/shares", json={"role": "editor"}).json()["url"]
        assert link.startswith(f"{proxied.url}/join/")
        foreign = browser.post("/api/canvases", json={"title": "x"}, headers={"Origin": "https://evil.example"})
        error(foreign, 403, "forbidden")
        assert browser.get(link.removeprefix(proxied.url)).status_code in (200, 503)
    wss = f"wss://{proxied.host}/sync/{canvas['id']}"
    async with TlsClient(f"{wss}?ack=1", proxied.trust, Cookie=cookie.split(";")[0], **origin) as client:
        await client.ready()
        client.insert(page, 0, "Through a proxy.")
        await client.until(lambda: client.acked >= 2)
    async with connect(
        wss, ssl=proxied.trust, proxy=None, additional_headers={"Cookie": cookie, "Origin": "https://evil.example"}
    ) as evil:
        await evil.wait_closed()
        assert evil.close_code == 4401
    with proxied.studio.client() as owner:
        assert owner.get(f"/api/canvases/{canvas['id']}/pages/{page}/text").text == "Through a proxy."
    assert link.rsplit("/", 1)[1] not in proxied.access_log()


class TlsClient(YClient):
    """A Yjs client that trusts the certificate of the test."""

    def __init__(self, url: str, trust: ssl.SSLContext, **headers: str) -> None:
        super().__init__(url, **headers)
        self.options = {"ssl": trust}


def test_what_an_agent_does_is_told_while_it_does_it(proxied: Proxied) -> None:
    canvas = proxied.studio.canvas("It was dark.")
    proxied.provider.silence = 20.0
    with proxied.client(proxied.studio.token) as owner:
        body = {"agent": "co-author", "prompt": "Continue.", "page": canvas["pages"][0]["id"], "skill": "continue"}
        run = owner.post(f"/api/canvases/{canvas['id']}/ask", json=body).json()["run"]
        with owner.stream("GET", f"/api/runs/{run}/events") as events:
            first = next(events.iter_lines())
            assert first == "id: 1"
            assert owner.get(f"/api/runs/{run}").json()["state"] in ("queued", "running")
        owner.post(f"/api/runs/{run}/stop")
    proxied.provider.silence = 0.0


def test_what_is_too_large_is_said_by_the_studio_and_ended_by_nginx(proxied: Proxied) -> None:
    with proxied.client(proxied.studio.token) as owner:
        text = owner.post("/api/canvases", json={"title": "x" * (9 << 20)})
        assert "8 MB" in error(text, 413, "too_large")["message"]
        book = owner.post("/api/canvases/import", files={"files": ("a.md", b"A book.\n" * (3 << 20), "text/markdown")})
        assert book.status_code in (201, 413) and book.headers["content-type"] == "application/json", "it reached us"
        assert owner.post("/api/canvases/import", content=b"x" * (34 << 20)).headers["content-type"] == "text/html"


def test_the_studio_sees_the_client_and_not_what_the_client_says(proxied: Proxied) -> None:
    with proxied.client(proxied.studio.token) as owner:
        for said in ({}, {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"}):
            answer = owner.get("/api/me", headers=said)
            request = answer.headers["x-request-id"]
            assert proxied.logged(request)["client"] == SOMEWHERE
            line = rf"^{re.escape(SOMEWHERE)} .* GET /api/me 200 .* {request}$"
            assert re.search(line, proxied.access_log(line), re.M)


def test_metrics_are_not_for_everybody(proxied: Proxied) -> None:
    with proxied.client(proxied.studio.token) as owner:
        assert owner.get("/api/metrics").status_code == 404
        assert owner.get("/api/ready").status_code == 200


async def test_no_secret_is_in_the_log_of_nginx(proxied: Proxied) -> None:
    canvas = proxied.studio.canvas("x")
    token = proxied.studio.token
    async with TlsClient(f"wss://{proxied.host}/sync/{canvas['id']}?token={token}", proxied.trust) as client:
        await client.ready()
    with proxied.client() as nobody:
        nobody.get(f"/?setup={proxied.studio.setup}")
    log = proxied.access_log("/sync/") + (proxied.folder / "error.log").read_text()
    assert "/sync/" in log and token not in log and proxied.studio.setup not in log
