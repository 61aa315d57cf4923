"""Runs that work in steps, on two nodes: guided from the other one, and gone on with where the answer comes."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn
from tests.servers import PostgreSQL, Redis
from tests.web.loop.conftest import Stage, environment, suggests, until
from tests.web.loop.test_working import said

QUESTION = ("ask_person", {"question": "Which word do you like better?", "choices": ["lantern", "torch"]})


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def provider(shared_provider: FakeProvider) -> Iterator[FakeProvider]:
    shared_provider.asked.clear()
    yield shared_provider
    shared_provider.script, shared_provider.pace = [], 0.0


@pytest.fixture(scope="module")
def servers(
    postgresql: PostgreSQL, redis: Redis, shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServedStudio, ServedStudio]]:
    for server in (postgresql, redis):
        if not server.running():
            server.start()
    environ = {
        "STUDIOLO_DATABASE_URL": postgresql.database(),
        "STUDIOLO_REDIS_URL": redis.url,
        **environment(shared_provider),
    }
    one, other = serve(tmp_path_factory.mktemp("one"), environ), serve(tmp_path_factory.mktemp("other"), environ)
    yield one, other
    for node in (one, other):
        node.stop(signal.SIGKILL)


class There(Stage):
    """The same canvas, by way of the other node."""

    def __init__(self, studio: ServedStudio, here: Stage) -> None:
        self.studio, self.canvas, self.page = studio, here.canvas, here.page

    def client(self, token: str | None = None) -> Any:
        return self.studio.client(token)


@pytest.fixture
def both(servers: tuple[ServedStudio, ServedStudio]) -> tuple[Stage, Stage]:
    """A canvas as two nodes show it to its owner, who has a token that both know."""
    one, other = servers
    other.token = one.token
    here = Stage(one)
    return here, There(other, here)


def asked(stage: Stage, run: str) -> dict[str, Any]:
    [card] = [card for card in stage.wait(run, "waiting")["cards"] if "answer" not in card]
    return card


def test_a_run_is_steered_paused_and_resumed_from_the_other_node(
    both: tuple[Stage, Stage], provider: FakeProvider
) -> None:
    here, there = both
    go = threading.Event()
    provider.script = [Turn(calls=[suggests(here.page)], wait=go), Turn("Done.")]
    run = here.ask(say=True)
    until(lambda: provider.chats, "the first request")
    assert there.post(f"/api/runs/{run}/steer", text="Use short words.").status_code == 202
    assert there.post(f"/api/runs/{run}/pause").status_code == 202
    until(lambda: here.run(run).get("pausing"), "the pause to be heard")
    go.set()
    there.wait(run, "paused")
    assert there.post(f"/api/runs/{run}/resume").status_code == 202
    found = here.wait(run)
    assert found["state"] == "done" and found["leg"] == 1, found
    assert "Use short words." in said(provider.chats[-1])
    assert [one["status"] for one in there.view()["suggestions"]] == ["open"]
    assert here.steps(run) == there.steps(run)


def test_a_run_goes_on_at_the_node_that_gets_the_answer_and_watchers_everywhere_see_it(
    both: tuple[Stage, Stage], provider: FakeProvider
) -> None:
    here, there = both
    provider.script = [Turn(calls=[QUESTION]), Turn("I use “torch”.")]
    run = here.ask(say=True)
    card = asked(there, run)
    first_node = here.run(run)["node"]
    heard: dict[str, list[dict[str, Any]]] = {"here": [], "there": []}

    def listen(name: str, stage: Stage) -> None:
        with stage.client() as owner, owner.stream("GET", f"/api/runs/{run}/events", timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    heard[name].append(json.loads(line[6:]))

    listeners = [threading.Thread(target=listen, args=pair) for pair in (("here", here), ("there", there))]
    for listener in listeners:
        listener.start()
    until(lambda: all(any(event["type"] == "cards" for event in events) for events in heard.values()), "the card")
    assert there.post(f"/api/runs/{run}/answer", call=card["call"], answer="torch").status_code == 202
    found = here.wait(run)
    assert found["state"] == "done" and found["node"] != first_node, found
    for listener in listeners:
        listener.join(60)
        assert not listener.is_alive()
    for events in heard.values():
        assert events[-1]["type"] == "done" and events[-1]["run"]["state"] == "done"
        assert [event["step"]["n"] for event in events if event["type"] == "step"][-1] == found["steps"]
    assert here.view()["chat"][-1]["text"] == "I use “torch”."
    [shown] = [json.loads(one["card"]) for one in here.view()["chat"] if one.get("card")]
    assert shown["text"] == "torch"


def test_of_two_answers_at_two_nodes_one_counts(both: tuple[Stage, Stage], provider: FakeProvider) -> None:
    here, there = both
    provider.script = [Turn(calls=[QUESTION]), Turn("Thank you.")]
    run = here.ask()
    card = asked(there, run)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda n: (here, there)[n % 2].post(f"/api/runs/{run}/answer", call=card["call"], answer=f"word {n}"),
                range(8),
            )
        )
    assert sorted(one.status_code for one in answers) == [202] + [409] * 7
    assert here.wait(run)["state"] == "done" and len(provider.chats) == 2


def test_a_run_is_taken_over_and_stopped_from_the_other_node(both: tuple[Stage, Stage], provider: FakeProvider) -> None:
    here, there = both
    go = threading.Event()
    provider.script = [Turn("Done.", wait=go)]
    run = here.ask()
    until(lambda: provider.chats, "the first request")
    assert there.post(f"/api/runs/{run}/take-over").json()["state"] == "stopped"
    go.set()
    assert "takes over here." in there.view()["chat"][-1]["text"]
    provider.script = [Turn(calls=[QUESTION])]
    waits = here.ask()
    asked(there, waits)
    assert there.post(f"/api/runs/{waits}/stop").json()["state"] == "stopped"
    assert here.run(waits)["state"] == "stopped"


def test_what_waited_at_a_node_that_was_killed_goes_on_at_the_other(
    both: tuple[Stage, Stage], provider: FakeProvider
) -> None:
    here, there = both
    provider.script = [Turn(calls=[suggests(here.page), QUESTION]), Turn("Thank you.")]
    run = here.ask()
    card = asked(there, run)
    here.studio.stop(signal.SIGKILL)
    try:
        assert there.post(f"/api/runs/{run}/answer", call=card["call"], answer="torch").status_code == 202
        assert there.wait(run)["state"] == "done"
        assert [one["status"] for one in there.view()["suggestions"]] == ["open"]
    finally:
        here.studio.start()
