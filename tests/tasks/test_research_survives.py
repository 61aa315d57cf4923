"""Deep research in a real studio whose process is killed in the middle of it, and which asks before it reaches out."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2

from tests.conftest import StartStudio
from tests.models.fake_provider import FakeProvider
from tests.tasks.test_deep_research import PARTS, QUESTION
from tests.tasks.thinking import Researcher
from tests.tasks.web import vesper

PATIENCE = 300.0  # seconds; a machine may be very busy


def until(client: httpx2.Client, task: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait for a task, and answer what it asks: go on, and yes to searching and reading."""
    deadline = time.monotonic() + PATIENCE
    while not enough(now := client.get(f"/api/tasks/{task}").raise_for_status().json()):
        assert time.monotonic() < deadline, now
        assert now["state"] not in ("failed", "cancelled"), now["problem"]
        for card in now["cards"] if now["state"] == "waiting" else ():
            if "answer" not in card:
                said = {"answer": "Go on"} if card["kind"] == "question" else {"allow": "run"}
                answered = client.post(f"/api/tasks/{task}/answer", json={"card": card["id"], **said})
                assert answered.status_code == 200, answered.text
        time.sleep(0.05)
    return now


def test_it_goes_on_where_it_was_and_reads_nothing_twice(start_studio: StartStudio) -> None:
    web = vesper.spread(apart=True)
    try:
        with FakeProvider() as provider:
            provider.thinks = Researcher(PARTS[:2], vesper.TOPIC)
            assert web.search is not None
            environ = {
                "OPENAI_API_KEY": "sk-none",
                "OPENAI_BASE_URL": f"{provider.url}/v1",
                "STUDIOLO_MODEL": "openai:fake-model",
                "STUDIOLO_TOOL_NETWORKS": "127.0.1.0/24",
                "STUDIOLO_SEARCH": "searxng",
                "SEARXNG_URL": web.search.url,
            }
            studio = start_studio(**environ)
            with studio.client() as owner:
                canvas = owner.post("/api/canvases", json={"title": "Barrage", "pages": [{"title": "One"}]}).json()[
                    "id"
                ]
                begun = owner.post(
                    f"/api/canvases/{canvas}/tasks",
                    json={"kind": "deep-research", "inputs": {"question": QUESTION, "pages": 2}},
                )
                assert begun.status_code == 201, begun.text
                task = begun.json()["id"]
                before = until(owner, task, lambda now: _read(now) >= 2)
            studio.stop(signal.SIGKILL)
            studio.start()
            with studio.client() as owner:
                done = until(owner, task, lambda now: now["state"] == "done")
                view = owner.get(f"/api/canvases/{canvas}").json()
    finally:
        web.close()
    asked = {(card["kind"], card.get("tool")) for card in done["cards"]}
    assert asked == {("question", None), ("approval", "web_search"), ("approval", "read_url")}
    assert len(done["cards"]) == 3  # for the rest of the task is for the rest of the task
    (suggestion,) = view["suggestions"]
    assert [page["title"] for page in view["pages"]] == ["One", QUESTION]
    assert {"type": "suggestion", "id": suggestion["id"]} in done["results"]
    assert done["outcome"].startswith("A report about")
    finished = {step["given"]["url"] for step in before["plan"] if step["do"] == "research_read" and _is_done(step)}
    times = Counter(visit for visit in web.visits if "robots.txt" not in visit)
    assert finished and all(times[url] == 1 for url in finished)
    assert all(many <= 2 for many in times.values())  # what was under way is done again


def _is_done(step: dict[str, Any]) -> bool:
    return step["state"] == "done"


def _read(task: dict[str, Any]) -> int:
    return sum(_is_done(step) for step in task["plan"] if step["do"] == "research_read")
