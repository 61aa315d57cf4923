"""People steer a run, let it rest, stop it and take it over while it works."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from tests.models.fake_provider import FakeProvider, Turn
from tests.web.loop.conftest import Stage, suggests, until
from tests.web.loop.test_working import said


def begun(provider: FakeProvider, requests: int = 1) -> None:
    until(lambda: len(provider.chats) >= requests, f"{requests} requests")


def test_what_is_said_to_a_run_is_taken_up_before_its_next_request(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [
        Turn(calls=[("read_page", {"page": stage.page})], wait=go),
        Turn("I left it as it is."),
    ]
    run = stage.ask(say=True)
    begun(provider)
    answer = stage.post(f"/api/runs/{run}/steer", text="Change nothing, please.")
    assert answer.status_code == 202, answer.text
    go.set()
    assert stage.wait(run)["state"] == "done"
    assert "Test owner says to you while you work, and you follow it: Change nothing, please." in said(
        provider.chats[1]
    )
    steered = next(step for step in stage.steps(run) if step["kind"] == "steer")
    assert steered["title"] == "Test owner: Change nothing, please."
    chat = [(one["name"], one["text"]) for one in stage.view()["chat"]]
    assert chat[1:] == [("Test owner", "Change nothing, please."), ("Co-author", "I left it as it is.")]


def test_a_run_that_was_about_to_end_takes_up_what_is_said(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [Turn("That is all.", wait=go), Turn("Now I looked at the night, too.")]
    run = stage.ask(say=True)
    begun(provider)
    stage.post(f"/api/runs/{run}/steer", text="And the night?")
    go.set()
    stage.wait(run)
    assert len(provider.chats) == 2
    assert "Now I looked at the night, too." in [one["text"] for one in stage.view()["chat"]]


def test_a_run_rests_before_its_next_step_and_goes_on_where_it_was(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [
        Turn(calls=[suggests(stage.page)], wait=go),
        Turn("I proposed it."),
    ]
    run = stage.ask(say=True)
    begun(provider)
    assert stage.post(f"/api/runs/{run}/pause").json()["pausing"]
    go.set()
    paused = stage.wait(run, "paused")
    assert "pausing" not in paused and len(provider.chats) == 1
    assert stage.view()["suggestions"] == []  # what it was about to do waits, too
    stage.post(f"/api/runs/{run}/steer", text="Use “torch” another time.")
    assert stage.post(f"/api/runs/{run}/resume").status_code == 202
    found = stage.wait(run)
    assert found["state"] == "done" and found["leg"] == 1, found
    assert [one["status"] for one in stage.view()["suggestions"]] == ["open"]
    assert "torch" in said(provider.chats[-1])
    steps = stage.steps(run)
    assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
    assert found["usage"]["requests"] == 2


def test_a_run_is_told_to_rest_and_not_after_all(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [Turn(calls=[("read_page", {"page": stage.page})], wait=go), Turn("Done.")]
    run = stage.ask()
    begun(provider)
    stage.post(f"/api/runs/{run}/pause")
    assert "pausing" not in stage.post(f"/api/runs/{run}/resume").json()
    go.set()
    assert stage.wait(run)["state"] == "done"


def test_a_run_is_stopped_while_the_model_streams(stage: Stage, provider: FakeProvider) -> None:
    provider.pace = 0.05
    provider.script = [Turn("word " * 2_000)]
    run = stage.ask(say=True)
    until(lambda: any(one["text"].startswith("word") for one in stage.view()["chat"]), "the first word")
    stopped = stage.post(f"/api/runs/{run}/stop").json()
    assert stopped["state"] == "stopped"
    message = stage.view()["chat"][-1]
    assert message["status"] == "stopped" and message["text"].startswith("word")
    assert {step["state"] for step in stage.steps(run)} == {"stopped"}


def test_a_run_that_rests_can_be_stopped(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [Turn(calls=[("read_page", {"page": stage.page})], wait=go), Turn("Done.")]
    run = stage.ask()
    begun(provider)
    stage.post(f"/api/runs/{run}/pause")
    go.set()
    stage.wait(run, "paused")
    assert stage.post(f"/api/runs/{run}/stop").json()["state"] == "stopped"
    assert stage.run(run)["state"] == "stopped"
    refused = stage.post(f"/api/runs/{run}/resume")
    assert refused.status_code == 409 and refused.json()["error"]["message"] == "The run has ended."


def test_whoever_takes_over_is_told_how_far_it_came(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    items = [{"text": "Read the page", "state": "done"}, {"text": "Find a better word"}]
    provider.script = [Turn(calls=[("plan", {"items": items}), suggests(stage.page)]), Turn("Done.", wait=go)]
    run = stage.ask()
    begun(provider, 2)
    found = stage.post(f"/api/runs/{run}/take-over").json()
    go.set()
    assert found["state"] == "stopped" and found["notes"][-1] == "Test owner took it over."
    text = stage.view()["chat"][-1]["text"]
    assert "Test owner takes over here." in text
    assert "Done:\n- Read the page" in text and "Left:\n- Find a better word" in text and "1 suggestion" in text


def test_only_whoever_asked_or_an_editor_guides_a_run(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [Turn("Done.", wait=go)]
    run = stage.ask()
    begun(provider)
    commenter = stage.studio.make_token("commenter", stage.canvas)
    for path, body in (("steer", {"text": "Stop."}), ("pause", {}), ("resume", {}), ("take-over", {}), ("stop", {})):
        assert stage.post(f"/api/runs/{run}/{path}", commenter, **body).status_code == 403, path
    stranger = stage.studio.make_token("owner", stage.studio.canvas("Another one.")["id"])
    assert stage.post(f"/api/runs/{run}/pause", stranger).status_code == 404
    go.set()
    stage.wait(run)


def test_a_run_that_has_ended_is_not_steered(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn("Done.")]
    run = stage.ask()
    stage.wait(run)
    refused = stage.post(f"/api/runs/{run}/steer", text="More!")
    assert refused.status_code == 409 and refused.json()["error"]["hint"] == "Ask the agent anew."


def test_watchers_see_a_run_rest_and_go_on_in_one_stream(stage: Stage, provider: FakeProvider) -> None:
    go = threading.Event()
    provider.script = [Turn(calls=[("read_page", {"page": stage.page})], wait=go), Turn("Done.")]
    run = stage.ask()
    begun(provider)
    heard: list[dict[str, Any]] = []

    def listen() -> None:
        with stage.client() as owner, owner.stream("GET", f"/api/runs/{run}/events", timeout=60) as stream:
            heard.extend(json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))

    listener = threading.Thread(target=listen)
    listener.start()
    stage.post(f"/api/runs/{run}/pause")
    go.set()
    stage.wait(run, "paused")
    time.sleep(0.1)
    assert listener.is_alive()
    stage.post(f"/api/runs/{run}/resume")
    listener.join(30)
    states = [event["state"] for event in heard if event["type"] == "state" and "pausing" not in event]
    assert states == ["queued", "running", "paused", "queued", "running", "done"] and heard[-1]["type"] == "done"
