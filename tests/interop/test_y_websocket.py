"""The real y-websocket client from npm works in a studio: it joins, types, sees suggestions, and is told no clearly."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import ServedStudio, StartStudio
from tests.interop.node import node_project

pytestmark = pytest.mark.interop


class Peers:
    """Yjs clients in a node process."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            ["node", "interop/websocket/peers.mjs"],
            cwd=node_project(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, do: str, peer: str, **given: Any) -> Any:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps({"do": do, "peer": peer, **given}) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        assert "error" not in answer, answer
        return answer["ok"]

    def join(self, studio: ServedStudio, peer: str, canvas: str, token: str | None = None, **more: Any) -> None:
        self("open", peer, url=studio.url.replace("http", "ws", 1) + "/sync", canvas=canvas,
             params={"token": token or studio.token}, **more)  # fmt: skip
        self("synced", peer)

    def close(self) -> None:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.close()
        self._node.wait(10)
        self._node.stdout.close()


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.close()


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


def test_two_yjs_clients_and_the_server_have_one_text(studio: ServedStudio, peers: Peers) -> None:
    canvas = studio.canvas("Once 🌊 upon a time.")
    page = canvas["pages"][0]["id"]
    peers.join(studio, "a", canvas["id"])
    peers.join(studio, "b", canvas["id"])
    assert peers("text", "a", page=page) == "Once 🌊 upon a time."
    for n in range(20):
        peers("insert", "a", page=page, at=n, text="é")
        peers("insert", "b", page=page, at=0, text="鯨")
    last = until(
        lambda: (t := peers("text", "a", page=page)) == peers("text", "b", page=page) and t.count("鯨") == 20 and t
    )
    with studio.client() as owner:
        until(lambda: owner.get(f"/api/canvases/{canvas['id']}/pages/{page}/text").text == last)


def test_a_suggestion_by_http_is_seen_by_yjs_clients_at_its_place(studio: ServedStudio, peers: Peers) -> None:
    canvas = studio.canvas("👩‍👩‍👧 saw the grey whale.")
    page = canvas["pages"][0]["id"]
    peers.join(studio, "a", canvas["id"])
    with studio.client() as owner:
        actions = f"/api/canvases/{canvas['id']}/actions"
        hunks = [{"find": "grey", "replace": "white"}, {"find": "saw", "replace": "met"}]
        id = owner.post(actions, json={"type": "suggest", "page": page, "hunks": hunks}).json()["id"]
        seen = until(lambda: peers("root", "a", name="suggestions").get(id))
        assert [h["replace"] for h in seen["hunks"]] == ["white", "met"]
        text = peers("text", "a", page=page).encode("utf-16-le")
        start = peers("anchored", "a", position=seen["hunks"][0]["start"])
        end = peers("anchored", "a", position=seen["hunks"][0]["end"])
        assert text[2 * start : 2 * end].decode("utf-16-le") == "grey"
        peers("insert", "a", page=page, at=0, text="🌊 ")
        until(lambda: owner.get(f"/api/canvases/{canvas['id']}/pages/{page}/text").text.startswith("🌊"))
        assert owner.post(actions, json={"type": "accept", "suggestion": id, "hunks": [0]}).status_code == 200
    until(lambda: "white whale" in peers("text", "a", page=page))
    assert peers("root", "a", name="suggestions")[id]["status"] == "partly_accepted"


def test_presence_carries_the_name_the_studio_knows(studio: ServedStudio, peers: Peers) -> None:
    canvas = studio.canvas("text")
    peers.join(studio, "a", canvas["id"], studio.make_token("editor", canvas["id"], "Ada"))
    peers.join(studio, "b", canvas["id"], studio.make_token("viewer", canvas["id"], "Val"))
    peers("stand", "a", state={"user": {"name": "Somebody Else"}, "cursor": None})
    client = peers("client", "a")
    state = until(lambda: dict(peers("present", "b")).get(client))
    assert (state["user"]["name"], state["user"]["role"]) == ("Ada", "editor")
    peers("close", "a")
    until(lambda: client not in dict(peers("present", "b")))


@pytest.mark.parametrize(("role", "do", "code"), [("viewer", "insert", 4403), ("editor", "forge", 4403)])
def test_what_is_not_allowed_closes_the_connection_with_a_reason(
    studio: ServedStudio, peers: Peers, role: str, do: str, code: int
) -> None:
    canvas = studio.canvas("untouched")
    page = canvas["pages"][0]["id"]
    peers.join(studio, "a", canvas["id"], studio.make_token(role, canvas["id"]))
    peers(do, "a", **({"page": page, "at": 0, "text": "x"} if do == "insert" else {}))
    close = until(lambda: peers("closes", "a"))[0]
    assert close["code"] == code and close["reason"]
    with studio.client() as owner:
        seen = owner.get(f"/api/canvases/{canvas['id']}").json()
    assert seen["pages"][0]["text"] == "untouched" and seen["suggestions"] == []


def test_a_wrong_token_is_told_not_to_come_back(studio: ServedStudio, peers: Peers) -> None:
    canvas = studio.canvas("text")
    peers("open", "a", url=studio.url.replace("http", "ws", 1) + "/sync", canvas=canvas["id"], params={"token": "no"})
    assert until(lambda: peers("closes", "a"))[0]["code"] == 4401


def test_a_client_that_was_offline_for_long_brings_its_work_and_gets_the_others(
    studio: ServedStudio, peers: Peers
) -> None:
    canvas = studio.canvas("The middle stays.")
    page = canvas["pages"][0]["id"]
    ada, ben = (studio.make_token("editor", canvas["id"], name) for name in ("Ada", "Ben"))
    peers.join(studio, "a", canvas["id"], ada)
    peers.join(studio, "b", canvas["id"], ben)
    peers("disconnect", "a")
    for n in range(200):
        peers("insert", "a", page=page, at=n, text="a")
        peers("insert", "b", page=page, at=0, text="b")
    with studio.client() as owner:
        hunks = [{"find": "stays", "replace": "holds"}]
        s = owner.post(f"/api/canvases/{canvas['id']}/actions", json={"type": "suggest", "page": page, "hunks": hunks})
        owner.post(f"/api/canvases/{canvas['id']}/actions", json={"type": "accept", "suggestion": s.json()["id"]})
    peers("connect", "a")
    text = until(lambda: (t := peers("text", "a", page=page)) == peers("text", "b", page=page) and "a" * 200 in t and t)
    assert text.count("b") == 200 and "The middle holds." in text


def test_a_restarted_studio_neither_doubles_nor_loses_text(start_studio: StartStudio, peers: Peers) -> None:
    studio = start_studio()
    canvas = studio.canvas("Once.")
    page = canvas["pages"][0]["id"]
    peers.join(studio, "a", canvas["id"])
    for n in range(50):
        peers("insert", "a", page=page, at=n, text="x")
    studio.stop(signal.SIGKILL)
    peers("insert", "a", page=page, at=0, text="offline ")
    studio.start(studio.url.rsplit(":", 1)[1])
    with studio.client() as owner:
        until(
            lambda: (
                owner.get(f"/api/canvases/{canvas['id']}/pages/{page}/text").text == "offline " + "x" * 50 + "Once."
            ),
            30,
        )
    assert peers("text", "a", page=page) == "offline " + "x" * 50 + "Once."
