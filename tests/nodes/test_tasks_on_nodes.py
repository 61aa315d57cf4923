"""Tasks on two nodes: carried out once, guided from either, and gone on with when a node dies."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn
from tests.servers import PostgreSQL, Redis
from tests.tasks.engine.test_killed import begin, behind, until, wait, write_kind
from tests.web.loop.conftest import environment

STEPS = 30


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def nodes(
    postgresql: PostgreSQL, redis: Redis, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServedStudio, ServedStudio]]:
    for server in (postgresql, redis):
        if not server.running():
            server.start()
    environ = {
        "STUDIOLO_DATABASE_URL": postgresql.database(),
        "STUDIOLO_REDIS_URL": redis.url,
        **environment(provider),
    }
    one = serve(tmp_path_factory.mktemp("one"), {**environ, "STUDIOLO_TASKS_PER_PERSON": "8"})
    other = serve(tmp_path_factory.mktemp("other"), {**environ, "STUDIOLO_TASKS_PER_PERSON": "8"})
    other.token = one.token
    yield one, other
    for node in (one, other):
        node.stop(signal.SIGKILL)


def post(node: ServedStudio, path: str, **body: Any) -> dict[str, Any]:
    with node.client() as owner:
        answer = owner.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


def chat(node: ServedStudio, canvas: str) -> list[str]:
    with node.client() as owner:
        return [one["text"] for one in owner.get(f"/api/canvases/{canvas}").json()["chat"]]


def test_the_tasks_of_a_node_that_dies_go_on_at_the_other(nodes: tuple[ServedStudio, ServedStudio]) -> None:
    one, other = nodes
    for node in nodes:
        write_kind(node, "many", [f"{{id: s{n}, do: say, title: Says {n}, text: line {n}}}" for n in range(STEPS)])
    canvases = [one.canvas("A page.")["id"] for _ in range(3)]
    tasks = [begin(node, canvas, "many") for node, canvas in zip((one, other, one), canvases, strict=True)]
    for task in tasks:
        wait(other, task, lambda found: behind(found) >= 2, "a beginning")
    one.stop(signal.SIGKILL)
    for task, canvas in zip(tasks, canvases, strict=True):
        done = wait(other, task, lambda found: found["state"] == "done", "the end")
        assert chat(other, canvas) == [f"line {n}" for n in range(STEPS)]
        assert sum(step["tries"] for step in done["plan"]) <= STEPS + 1


def test_a_task_is_steered_answered_and_cancelled_from_the_other_node(
    nodes: tuple[ServedStudio, ServedStudio], provider: FakeProvider
) -> None:
    one, other = nodes
    made = one.canvas("The old lamp went out. It was a dark night.")
    page = made["pages"][0]["id"]
    steps = [
        "{id: q, do: ask_people, title: Asks, question: 'Which word?'}",
        f"{{id: a, do: ask_agent, title: Works, skill: continue, page: '{page}'}}",
    ]
    write_kind(one, "asks", steps, "\n## a\nGo on from here.\n")
    never = threading.Event()
    provider.script = [Turn("Nobody came to light it again", wait=never)]
    task = begin(one, made["id"], "asks")
    [card] = wait(other, task, lambda found: found["state"] == "waiting", "the card")["cards"]
    post(other, f"/api/tasks/{task}/steer", text="Keep it dark.")
    post(one, f"/api/tasks/{task}/answer", card=card["id"], answer="torch")
    wait(other, task, lambda _: provider.chats, "the request")
    assert "Keep it dark." in str(provider.chats[-1])
    cancelled = [post(node, f"/api/tasks/{task}/cancel") for node in nodes]  # one is not where it is carried out
    assert {found["state"] for found in cancelled} == {"cancelled"}
    [run] = cancelled[0]["plan"][1]["runs"]

    def stopped(_: Any) -> bool:
        with one.client() as owner:
            return owner.get(f"/api/runs/{run}").json()["state"] == "stopped"

    until(one, task, stopped, "the run to end")
    never.set()


def test_whoever_looks_at_the_board_of_one_node_hears_of_what_the_other_carries_out(
    nodes: tuple[ServedStudio, ServedStudio],
) -> None:
    one, other = nodes
    write_kind(one, "many", [f"{{id: s{n}, do: say, title: Says {n}, text: line {n}}}" for n in range(3)])
    canvas = one.canvas("A page.")["id"]
    heard: list[dict[str, Any]] = []
    listening = threading.Event()

    def listen() -> None:
        with other.client() as owner, owner.stream("GET", "/api/tasks/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    listening.set()
                    heard.append(json.loads(line[6:]))
                    if heard[-1]["type"] == "task" and heard[-1]["task"]["state"] == "done":
                        return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(60)
    task = begin(one, canvas, "many")
    thread.join(120)
    assert not thread.is_alive()
    assert {told["task"]["id"] for told in heard if told["type"] == "task"} == {task}
