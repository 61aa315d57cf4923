"""kill -9, at any moment, again and again: a task goes on where it was, and what it did it did once."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, StartStudio
from tests.models.fake_provider import FakeProvider, Turn
from tests.tasks.engine.workshop import PATIENCE
from tests.web.loop.conftest import environment

STEPS = 40
KIND = """---
name: Many
description: Says many things.
steps:
{steps}
---
"""


def begin(studio: ServedStudio, canvas: str, kind: str) -> str:
    with studio.client() as owner:
        answer = owner.post(f"/api/canvases/{canvas}/tasks", json={"kind": kind, "inputs": {}})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


def look(studio: ServedStudio, task: str) -> dict[str, Any]:
    with studio.client() as owner:
        return owner.get(f"/api/tasks/{task}").json()


def wait(studio: ServedStudio, task: str, reached: Any, what: str) -> dict[str, Any]:
    """Until a task that neither failed nor was cancelled has got so far."""

    def there(found: dict[str, Any]) -> bool:
        assert found["state"] not in ("failed", "cancelled"), found
        return reached(found)

    return until(studio, task, there, what)


def until(studio: ServedStudio, task: str, reached: Any, what: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while not reached(found := look(studio, task)):
        assert time.monotonic() < deadline, f"{what}: {found}\n{studio.log()[-3_000:]}"
        time.sleep(0.01)
    return found


def behind(task: dict[str, Any]) -> int:
    return task["progress"]["done"]


def kinds(owner: httpx2.Client) -> dict[str, Any]:
    told = owner.get("/api/task-kinds").json()
    assert not told["problems"], told["problems"]
    return told


def write_kind(studio: ServedStudio, name: str, steps: list[str], body: str = "") -> None:
    """Give a studio a kind of task of its own; it is there when this returns."""
    folder = studio.home / "tasks"
    folder.mkdir(exist_ok=True)
    whole = KIND.format(steps="\n".join(f"  - {step}" for step in steps)) + body
    (folder / f"{name}.md").write_text(whole)
    deadline = time.monotonic() + PATIENCE
    with studio.client() as owner:
        while name not in [kind["id"] for kind in kinds(owner)["kinds"]]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize(("database", "most"), [("sqlite", 3), ("postgresql", 2)])
def test_a_task_that_is_killed_again_and_again_does_each_thing_once(
    database: str, most: int, start_studio: StartStudio, request: pytest.FixtureRequest
) -> None:
    environ: dict[str, str] = {}
    if database == "postgresql":
        environ["STUDIOLO_DATABASE_URL"] = request.getfixturevalue("database_url")
    studio = start_studio(**environ)
    write_kind(studio, "many", [f"{{id: s{n}, do: say, title: Says {n}, text: line {n}}}" for n in range(STEPS)])
    canvas = studio.canvas("A page.")["id"]
    chance = random.Random(20261123)
    kills, tasks = 0, list[dict[str, Any]]()
    # A kill counts when it took a task in its middle. One that is quicker than this test is followed by another.
    while (interrupted := sum(task["leg"] - 1 for task in tasks)) < most:
        assert len(tasks) < 20, f"{kills} kills took only {interrupted} tasks in their middle"
        task = begin(studio, canvas, "many")
        now = look(studio, task)
        while now["state"] != "done" and interrupted + now["leg"] - 1 < most:
            aim = min(behind(now) + chance.randint(1, 5), STEPS)
            wait(studio, task, lambda found, aim=aim: behind(found) >= aim, f"{aim} steps")
            time.sleep(chance.random() * 0.03)
            studio.stop(signal.SIGKILL)
            kills += 1
            studio.start()
            now = wait(studio, task, lambda found: found["state"] in ("running", "done"), "the next leg")
        tasks.append(wait(studio, task, lambda found: found["state"] == "done", "the end"))
    with studio.client() as owner:
        said = [one["text"] for one in owner.get(f"/api/canvases/{canvas}").json()["chat"]]
    assert said == [f"line {n}" for n in range(STEPS)] * len(tasks), f"lost or twice: {Counter(said)}"
    for done in tasks:
        assert sum(step["tries"] for step in done["plan"]) <= STEPS + done["leg"] - 1, "a finished step was begun again"
        assert all(step["state"] == "done" for step in done["plan"])


def test_an_agent_that_was_killed_in_the_middle_begins_anew_without_what_it_had_half_written(
    start_studio: StartStudio,
) -> None:
    with FakeProvider() as provider:
        studio = start_studio(**environment(provider))
        made = studio.canvas("The old lamp went out. It was a dark night.")
        page = made["pages"][0]["id"]
        steps = [f"{{id: a, do: ask_agent, title: A, skill: continue, page: '{page}'}}"]
        write_kind(studio, "go-on", steps, "\n## a\nGo on from here.\n")
        never = threading.Event()
        half = "Nobody came to light it again, and the boats went by"
        provider.script = [
            Turn(half, wait=never),
            Turn(" Nobody came to light it again that night, and the boats went by in the dark without a sound."),
        ]
        task = begin(studio, made["id"], "go-on")
        wait(studio, task, lambda _: provider.chats, "the first request")
        studio.stop(signal.SIGKILL)
        never.set()
        studio.start()
        done = wait(studio, task, lambda found: found["state"] == "done", "the end")
        assert len(done["plan"][0]["runs"]) == 2
        with studio.client() as owner:
            suggestions = owner.get(f"/api/canvases/{made['id']}").json()["suggestions"]
        left = [one for one in suggestions if one["status"] == "open"]
        assert len(left) == 1 and left[0]["run"] == done["plan"][0]["runs"][1], suggestions
        assert [one["id"] for one in left] == [one["id"] for one in done["results"]]
