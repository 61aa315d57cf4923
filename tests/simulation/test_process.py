"""The same in the large: real y-websocket clients, a real server process, `kill -9`. A few hundred steps of a seed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, StartStudio
from tests.interop.test_y_websocket import Peers, until

from .letters import Letters

pytestmark = pytest.mark.interop

STEPS = 300
NAMES = ["ada", "ben", "cleo", "dan"]


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.close()


class Crowd:
    """Peers at one page, and what has become of every letter."""

    def __init__(self, studio: ServedStudio, peers: Peers, seed: int) -> None:
        self.studio, self.peers, self.random = studio, peers, Random(seed)
        self.letters = Letters()
        self.text = self.letters.new(30)
        self.letters.sure |= set(self.text)
        made = studio.canvas(self.text)
        self.canvas: str = made["id"]
        self.page: str = made["pages"][0]["id"]
        self.port = studio.url.rsplit(":", 1)[1]
        self.away: set[str] = set()
        self.http: httpx2.Client = studio.client()
        for name in NAMES:
            peers.join(studio, name, self.canvas, studio.make_token("editor", self.canvas, name))

    def type(self, name: str) -> None:
        new, gone = self.letters.new(self.random.randrange(1, 5)), self.random.choice([0, 0, 1, 3])
        gone = self.peers("replace", name, page=self.page, where=self.random.random(), gone=gone, text=new)
        self.letters.sure |= set(new)
        self.letters.doomed |= set(gone)

    def leave_or_come(self, name: str) -> None:
        if name in self.away:
            self.away.discard(name)
            self.peers("connect", name)
        else:
            self.away.add(name)
            self.peers("disconnect", name)

    def kill(self) -> None:
        """Die in the middle of things, and be back at the same place."""
        self.studio.stop(signal.SIGKILL)
        for name in NAMES:
            self.type(name)
        self.studio.start(self.port)

    def restart(self) -> None:
        assert self.studio.stop() == 0
        self.studio.start(self.port)

    def act(self) -> None:
        """A suggestion, and perhaps it is taken; its letters are in once, or not at all."""
        text = self.http.get(f"/api/canvases/{self.canvas}/pages/{self.page}/text").text
        start = self.random.randrange(max(1, len(text) - 3))
        find, new = text[start : start + 2], self.letters.new(2)
        path = f"/api/canvases/{self.canvas}/actions"
        action: dict[str, Any] = {"page": self.page, "hunks": [{"find": find, "replace": new}]}
        made = self.http.post(path, json={"type": "suggest", **action})
        if made.status_code != 200:
            return  # somebody has typed there meanwhile
        if self.random.random() < 0.7:
            taken = self.http.post(path, json={"type": "accept", "suggestion": made.json()["id"]})
            if taken.status_code == 200:
                self.letters.sure |= set(new)
                self.letters.doomed |= set(find)

    def agree(self) -> None:
        """Everybody comes, and in the end all have one text, in which every letter is that must be, once."""
        for name in list(self.away):
            self.leave_or_come(name)
        address = f"/api/canvases/{self.canvas}/pages/{self.page}/text"

        def settled() -> str | None:
            texts = {self.peers("text", name, page=self.page) for name in NAMES} | {self.http.get(address).text}
            text = texts.pop()
            return text if not texts and self.letters.sure - self.letters.doomed <= set(text) else None

        text: str = until(settled, 60)
        assert len(text) == len(set(text))
        assert not set(text) & self.letters.doomed
        assert set(text) == self.letters.sure - self.letters.doomed


@pytest.mark.parametrize("seed", [1])
def test_real_clients_agree_whatever_happens_to_the_server(start_studio: StartStudio, peers: Peers, seed: int) -> None:
    crowd = Crowd(start_studio(), peers, seed)
    with crowd.http:
        play(crowd)


def play(crowd: Crowd) -> None:
    random = crowd.random
    kills = {random.randrange(STEPS) for _ in range(3)}
    for step in range(STEPS):
        if step in kills:
            crowd.kill()
        elif step == STEPS // 2:
            crowd.restart()
        elif random.random() < 0.8:
            crowd.type(random.choice(NAMES))
        elif random.random() < 0.6:
            crowd.leave_or_come(random.choice(NAMES))
        else:
            crowd.act()
        if step % 100 == 99:
            crowd.agree()
    assert all(
        not crowd.peers("closes", name) or all(c["code"] < 4000 for c in crowd.peers("closes", name)) for name in NAMES
    )
