"""A studio that is killed in a flood of suggestions, decisions and undos: nothing that it answered is lost or done
twice, what it had not answered is there whole or not at all, and the ledger's chain holds."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio
from tests.reliability.conftest import restart
from tests.reliability.replay import Replay
from tests.web.test_access import browser

AGENTS = 3
PEOPLE = 4
WORDS = 80


@dataclass
class Account:
    """What was answered, whoever was told."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    proposed: int = 0
    suggestions: set[str] = field(default_factory=set[str])
    decisions: Counter[str] = field(default_factory=Counter[str])
    undone: Counter[str] = field(default_factory=Counter[str])

    def word(self) -> str:
        with self.lock:
            self.proposed += 1
            return f"new{self.proposed}w"


class Flood:
    """Agents that propose for words that are each another one, and people who decide."""

    def __init__(self, studio: ServedStudio, seed: int) -> None:
        self.studio = studio
        made = studio.canvas(" ".join(f"word{number}w" for number in range(WORDS)), title="Reviewed")
        self.canvas, self.page = made["id"], made["pages"][0]["id"]
        self.account = Account()
        self.stopping = threading.Event()
        self.random = Random(seed)
        self.agents = [studio.make_token("commenter", self.canvas, f"Agent {number}") for number in range(AGENTS)]
        with studio.client() as owner:
            shared = owner.post(f"/api/canvases/{self.canvas}/shares", json={"role": "editor"}).json()["url"]
        self.people: list[str] = []
        for number in range(PEOPLE):
            with browser(studio) as guest:
                guest.post("/api/join", json={"token": shared.rsplit("/", 1)[1], "name": f"Reader {number}"})
                self.people.append(guest.cookies["studiolo_session"])

    def view(self, client: httpx2.Client) -> dict[str, Any]:
        return client.get(f"/api/canvases/{self.canvas}").raise_for_status().json()

    def _do(self, client: httpx2.Client, action: dict[str, Any]) -> dict[str, Any] | None:
        answer = client.post(f"/api/canvases/{self.canvas}/actions", json=action)
        assert answer.status_code in (200, 409, 422, 503), answer.text
        return answer.json() if answer.status_code == 200 else None

    def _agent(self, number: int, seed: int) -> None:
        random = Random(seed)
        with self.studio.client(self.agents[number]) as client:
            while not self.stopping.is_set():
                words = client.get(f"/api/canvases/{self.canvas}/pages/{self.page}/text").text.split()
                word = random.choice(words)
                new = self.account.word() + random.choice(("", "", f" {word}"))
                hunks = [{"find": word, "replace": new}]
                made = self._do(client, {"type": "suggest", "page": self.page, "hunks": hunks})
                if made:
                    with self.account.lock:
                        self.account.suggestions.add(made["id"])

    def _person(self, number: int, seed: int) -> None:
        random = Random(seed)
        headers = {"Cookie": f"studiolo_session={self.people[number]}", "Origin": self.studio.url}
        with httpx2.Client(base_url=self.studio.url, headers=headers, timeout=30) as client:
            known: list[str] = []
            while not self.stopping.is_set():
                view = self.view(client)
                waiting = [one["id"] for one in view["suggestions"] if one["status"] in ("open", "stale")]
                for action in self._decisions(random, waiting, known, view["groups"]):
                    done = self._do(client, action)
                    if done:
                        if action["type"] != "undo":
                            known.append(done["decision"])
                        with self.account.lock:
                            self.account.decisions[done["decision"]] += 1
                            if action["type"] == "undo":
                                self.account.undone[action["decision"]] += 1

    def _decisions(
        self, random: Random, waiting: list[str], known: list[str], groups: list[Any]
    ) -> Iterable[dict[str, Any]]:
        for _ in range(4):
            verb = random.choice(("accept", "accept", "reject", "accept_all", "undo", "merge"))
            if verb in ("accept", "reject") and waiting:
                yield {"type": verb, "suggestion": random.choice(waiting)}
            elif verb == "accept_all" and waiting:
                yield {"type": "accept_all", "suggestions": random.sample(waiting, min(3, len(waiting)))}
            elif verb == "undo" and known:
                yield {"type": "undo", "decision": random.choice(known[-10:])}
            elif verb == "merge" and groups:
                takes = [{"suggestion": id, "hunk": hunk} for id, hunk in random.choice(groups)[:2]]
                yield {"type": "merge", "takes": takes}

    def until_killed(self, answers: int) -> None:
        """Flood until so many decisions more were answered, then kill the studio in the middle of it."""
        self.stopping.clear()
        target = self.account.decisions.total() + answers
        work = [(self._agent, number) for number in range(AGENTS)] + [(self._person, n) for n in range(PEOPLE)]
        with ThreadPoolExecutor(len(work)) as threads:
            flood = [threads.submit(do, number, self.random.getrandbits(32)) for do, number in work]
            try:
                while self.account.decisions.total() < target and not any(one.done() for one in flood):
                    self.stopping.wait(0.002)
                alive = not any(one.done() for one in flood)
                self.studio.stop(signal.SIGKILL)
            finally:
                self.stopping.set()
            errors = [error for one in flood if (error := one.exception()) is not None]
        others = [error for error in errors if not isinstance(error, httpx2.TransportError)]
        assert not others, others
        assert alive, errors

    def check(self) -> None:
        """What was answered is there, once."""
        with self.studio.client() as owner:
            view = self.view(owner)
            rows: list[dict[str, Any]] = []
            while portion := self._rows(owner, rows[-1]["seq"] if rows else 0):
                rows += portion
        kept = {one["id"]: one for one in view["suggestions"]}
        assert self.account.suggestions <= kept.keys(), "a suggestion that was answered is lost"
        told = Counter(row["outcome"]["decision"] for row in rows if row["outcome"].get("decision"))
        assert not self.account.decisions.keys() - told.keys(), "a decision that was answered is lost"
        assert max(told.values()) == 1 and max(self.account.decisions.values()) == 1
        taken = Counter(row["action"]["decision"] for row in rows if row["action"]["type"] == "undo")
        whole = {row["action"]["decision"]: row["outcome"]["left"] for row in rows if row["action"]["type"] == "undo"}
        assert all(times == 1 for decision, times in taken.items() if not whole[decision]), "taken back twice"
        assert not self.account.undone.keys() - taken.keys(), "what was taken back is not"

        text = view["pages"][0]["text"]
        counted = Counter(text.split())
        doubled = [word for word, times in counted.items() if times > 1]
        assert not doubled, f"doubled: {doubled[:5]}"
        gone: set[str] = set()
        for one in kept.values():
            for hunk in one["hunks"]:
                new = hunk["replace"].split()[0]
                assert (new in counted) <= (hunk["status"] == "accepted"), f"{new} is there: {hunk}"
                if hunk["status"] == "accepted":
                    gone |= set(hunk["quote"].split()) - set(hunk["replace"].split())
                    assert hunk["decision"] in told
        lost = {f"word{number}w" for number in range(WORDS)} - counted.keys() - gone
        assert not lost, f"lost, though nobody took them out: {lost}"

    def _rows(self, owner: httpx2.Client, after: int) -> list[dict[str, Any]]:
        answer = owner.get(f"/api/canvases/{self.canvas}/ledger", params={"after": after, "limit": 2000})
        return answer.raise_for_status().json()["ledger"]


async def test_kill_9_in_a_flood_of_decisions_loses_and_doubles_none(
    mortal: ServedStudio, request: pytest.FixtureRequest
) -> None:
    """Twice; thirty times with --slow."""
    rounds = 30 if request.config.getoption("--slow") else 2
    seed = Random().getrandbits(32)
    print(f"seed {seed}")  # shown when it fails
    logged = len(mortal.log())
    flood = await asyncio.to_thread(Flood, mortal, seed)
    replay = Replay(mortal.home / "studiolo.db", flood.canvas)
    for round in range(rounds):
        await asyncio.to_thread(flood.until_killed, flood.random.randint(15, 60))
        await asyncio.to_thread(restart, mortal)
        await asyncio.to_thread(flood.check)
        replay.read()
        for command in (("check",), ("ledger", "verify", flood.canvas)):
            done = await asyncio.to_thread(mortal.cli, *command)
            assert done.returncode == 0, f"round {round}: {done.stdout}{done.stderr}"
    assert flood.account.undone, "nothing was taken back"
    replay.check_unchanged()
    assert "Traceback" not in mortal.log()[logged:]
