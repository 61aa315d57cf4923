"""Two `studiolo serve` on one PostgreSQL and one Redis, behind a balancer or reached directly, and one killed."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, serve
from tests.interop.test_y_websocket import Peers
from tests.models import fake_provider
from tests.models.fake_provider import FakeProvider
from tests.servers import PostgreSQL, Redis
from tests.web.yclient import YClient

PROSE = (
    "Marta carried the lamp up the stairs and set it by the window, where the harbour could see it burn. "
    "Below her the boats knocked against the quay. Somebody was calling a name that she did not know, and "
    "then another voice took it up, nearer the water. She counted the masts twice and came to one too few. "
    "When the bell of the customs house began to ring she had already found her coat, and the door stood "
    "open behind her as she ran."
)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="module")
def nodes(
    postgresql: PostgreSQL, redis: Redis, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServedStudio, ServedStudio]]:
    for server in (postgresql, redis):
        if not server.running():
            server.start()
    environ = {
        "STUDIOLO_DATABASE_URL": postgresql.database(),
        "STUDIOLO_REDIS_URL": redis.url,
        "OPENAI_API_KEY": "sk-fake",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "STUDIOLO_MODEL": "openai:fake-model",
    }
    one, other = serve(tmp_path_factory.mktemp("one"), environ), serve(tmp_path_factory.mktemp("other"), environ)
    yield one, other
    for node in (one, other):
        node.stop(signal.SIGKILL)


@pytest.fixture
def two(nodes: tuple[ServedStudio, ServedStudio]) -> tuple[ServedStudio, ServedStudio]:
    """Two nodes of one studio, each with a data folder of its own."""
    for node in nodes:
        if node.process.poll() is not None:
            node.stop()  # let go of what is left of it
            node.start()
    return nodes


def eventually(condition: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


async def test_people_on_two_nodes_write_one_text(two: tuple[ServedStudio, ServedStudio]) -> None:
    one, other = two
    made = one.canvas("Once upon a time.")
    page = made["pages"][0]["id"]
    ben = one.make_token("editor", made["id"], "Ben")
    async with (
        YClient(one.sync_url(made["id"], ack="1")) as ada,
        YClient(other.sync_url(made["id"], ben, ack="1")) as away,
    ):
        await ada.ready()
        await away.ready()
        for n in range(30):
            ada.insert(page, 0, f"a{n} ")
            away.insert(page, 0, f"b{n} ")
            await asyncio.sleep(0.002)
        await ada.until(lambda: ada.text(page) == away.text(page) and ada.text(page).count(" ") == 63)
        with one.client() as here, other.client() as there:
            edit = {"type": "edit", "page": page, "hunks": [{"find": "Once", "replace": "Twice"}]}
            assert here.post(f"/api/canvases/{made['id']}/actions", json=edit).status_code == 200
            text = there.get(f"/api/canvases/{made['id']}/pages/{page}/text").text
            assert "Twice" in text
            views = [client.get(f"/api/canvases/{made['id']}").json()["pages"] for client in (here, there)]
            assert views[0] == views[1]
        await away.until(lambda: "Twice" in away.text(page))


def test_a_request_that_comes_to_both_nodes_with_one_key_is_done_once(
    two: tuple[ServedStudio, ServedStudio],
) -> None:
    made = two[0].canvas("Once.")

    def say(node: ServedStudio) -> Any:
        with node.client(two[0].token) as client:
            sent = {"type": "say", "text": "only once"}
            headers = {"Idempotency-Key": "the-same"}
            return client.post(f"/api/canvases/{made['id']}/actions", json=sent, headers=headers).json()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(say, [*two, *two, *two]))
    assert all(answer == answers[0] for answer in answers)
    with two[1].client() as client:
        assert len(client.get(f"/api/canvases/{made['id']}").json()["chat"]) == 1


def test_a_run_is_watched_and_stopped_from_the_other_node(
    two: tuple[ServedStudio, ServedStudio], provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_provider, "WORDS", [f"{word} " for word in PROSE.split()])
    monkeypatch.setattr(provider, "pace", 0.03)
    one, other = two
    made = one.canvas("It was a dark night.")
    asked = {"agent": "co-author", "prompt": "continue", "page": made["pages"][0]["id"]}
    with one.client() as here, other.client() as there:
        run = here.post(f"/api/canvases/{made['id']}/ask", json=asked).json()["run"]
        events = list(events_of(there, run))
        assert events[-1]["type"] == "done" and events[-1]["run"]["state"] == "done"
        assert sum(event["type"] == "delta" for event in events) > 3
        assert list(events_of(here, run)) == events, "one numbering for both"

        monkeypatch.setattr(provider, "pace", 0.5)
        run = here.post(f"/api/canvases/{made['id']}/ask", json=asked).json()["run"]
        assert there.get(f"/api/runs/{run}").json()["state"] in ("queued", "running")
        assert there.post(f"/api/runs/{run}/stop").json()["state"] == "stopped"
        assert here.get(f"/api/runs/{run}").json()["state"] == "stopped"


def test_a_run_is_known_to_the_other_node_when_whoever_asked_is_told_its_name(
    two: tuple[ServedStudio, ServedStudio],
) -> None:
    one, other = two
    made = one.canvas("It was a dark night.")
    asked = {"agent": "co-author", "prompt": "continue", "page": made["pages"][0]["id"]}
    with one.client() as here, other.client() as there:
        there.get("/api/health")  # its line is open
        for _ in range(10):
            run = here.post(f"/api/canvases/{made['id']}/ask", json=asked).json()["run"]
            assert there.get(f"/api/runs/{run}").status_code == 200


def events_of(client: httpx2.Client, run: str) -> Iterator[dict[str, Any]]:
    with client.stream("GET", f"/api/runs/{run}/events") as stream:
        assert stream.status_code == 200
        for line in stream.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])


def test_a_run_on_a_node_that_is_killed_is_ended_by_the_others(
    two: tuple[ServedStudio, ServedStudio], provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_provider, "WORDS", [f"{word} " for word in PROSE.split()])
    monkeypatch.setattr(provider, "pace", 0.2)
    one, other = two
    made = one.canvas("It was a dark night.")
    with one.client() as here, other.client() as there:
        asked = {"agent": "co-author", "skill": "continue", "prompt": "continue", "page": made["pages"][0]["id"]}
        run = here.post(f"/api/canvases/{made['id']}/ask", json=asked).json()["run"]

        def statuses() -> list[str]:
            return [one["status"] for one in there.get(f"/api/canvases/{made['id']}").json()["suggestions"]]

        eventually(lambda: statuses() == ["streaming"])
        one.stop(signal.SIGKILL)
        last = list(events_of(there, run))[-1]
        assert last["type"] == "done"
        ended = eventually(lambda: (found := there.get(f"/api/runs/{run}").json())["state"] == "failed" and found)
        assert ended["error"]["code"] == "restarted"
        eventually(lambda: statuses() in (["open"], ["withdrawn"]))


async def test_what_a_killed_node_acknowledged_is_on_the_others_and_its_people_go_on_there(
    two: tuple[ServedStudio, ServedStudio],
) -> None:
    one, other = two
    made = one.canvas("Once upon a time.")
    page = made["pages"][0]["id"]
    tokens = [one.make_token("editor", made["id"], f"P{n}") for n in range(4)]
    acked: dict[str, int] = {}

    async def flood(token: str, mark: str) -> YClient:
        client = YClient(one.sync_url(made["id"], token, ack="1"))
        async with client:
            await client.ready()
            n = 0
            while client.closed is None:
                client.insert(page, 0, f"{mark}{n} ")
                n += 1
                await asyncio.sleep(0.002)
                if n == 150:
                    one.process.send_signal(signal.SIGKILL)
            acked[mark] = client.acked - 1  # its answer to the studio's question was acknowledged, too
        return client

    async with YClient(other.sync_url(made["id"])) as watcher:
        await watcher.ready()
        clients = await asyncio.gather(*[flood(token, mark) for token, mark in zip(tokens, "wxyz", strict=True)])
        with other.client() as there:
            text = there.get(f"/api/canvases/{made['id']}/pages/{page}/text").text
        for mark, count in acked.items():
            assert count > 20
            assert [n for n in range(count) if text.count(f"{mark}{n} ") != 1] == []
        # Each goes on at the other node with all that it had typed, acknowledged or not.
        for client, token in zip(clients, tokens, strict=True):
            client.url = other.sync_url(made["id"], token, ack="1")
            client.synced.clear()
            async with client:
                await client.ready()
                await watcher.until(
                    lambda client=client: set(client.text(page).split()) <= set(watcher.text(page).split())
                )
        words = watcher.text(page).split()
        assert len(words) == len(set(words))


@pytest.mark.interop
def test_behind_a_balancer_people_do_not_notice_that_a_node_was_killed(
    two: tuple[ServedStudio, ServedStudio], tmp_path: Path
) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx), so no balancer was tried")
    one, other = two
    made = one.canvas("Once upon a time.")
    page = made["pages"][0]["id"]
    with balancer(nginx, tmp_path, one, other) as port:
        peers = Peers()
        try:
            names = [f"p{n}" for n in range(6)]
            for name in names:
                token = one.make_token("editor", made["id"], name)
                url = f"ws://127.0.0.1:{port}/sync"
                peers("open", name, url=url, canvas=made["id"], params={"token": token})
                peers("synced", name)
                peers("stand", name, state={"cursor": name})
            for name in names:
                peers("insert", name, page=page, at=0, text=f"{name} is here. ")
            eventually(lambda: len({peers("text", name, page=page) for name in names}) == 1)
            eventually(lambda: len(peers("present", "p0")) == 6)
            one.process.send_signal(signal.SIGKILL)
            for name in names:  # some of them are without a line just now
                peers("insert", name, page=page, at=0, text=f"{name} goes on. ")
            eventually(lambda: all(f"{name} goes on. " in peers("text", "p0", page=page) for name in names), 30)
            eventually(lambda: len({peers("text", name, page=page) for name in names}) == 1)
            text = peers("text", "p0", page=page)
            assert all(text.count(f"{name} is here. ") == text.count(f"{name} goes on. ") == 1 for name in names)
            eventually(lambda: len(peers("present", "p5")) == 6)
        finally:
            peers.close()


class balancer:  # noqa: N801
    """nginx in front of the nodes, as docs/running.md says."""

    def __init__(self, nginx: str, folder: Path, *nodes: ServedStudio) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        servers = "".join(f"server {node.url.removeprefix('http://')} max_fails=1 fail_timeout=2s;" for node in nodes)
        self.config = folder / "nginx.conf"
        self.config.write_text(
            f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
            events {{ worker_connections 512; }}
            http {{
              access_log off;
              client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
              uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
              map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
              upstream studiolo {{ {servers} }}
              server {{
                listen 127.0.0.1:{self.port};
                location / {{
                  proxy_pass http://studiolo; proxy_http_version 1.1; proxy_connect_timeout 2s; proxy_read_timeout 1h;
                  proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade;
                  proxy_set_header Connection $connection_upgrade;
                }}
              }}
            }}"""
        )
        self.command = [nginx, "-c", str(self.config), "-p", str(folder), "-e", "stderr"]

    def __enter__(self) -> int:
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self.port
            except OSError:
                assert self.process.poll() is None, "nginx does not start"
                time.sleep(0.02)
        raise AssertionError("nginx does not listen")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
