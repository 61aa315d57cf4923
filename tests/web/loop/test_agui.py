"""Another program's front end asks an agent of the studio, follows it, and answers what it waits for, by AG-UI."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from ag_ui.core import Event
from pydantic import TypeAdapter

from tests.models.fake_provider import FakeProvider, Turn

from .conftest import Stage, suggests

EVENTS: TypeAdapter[Any] = TypeAdapter(Event)


def ask(client: httpx2.Client, stage: Stage, said: str = "", **more: Any) -> list[dict[str, Any]]:
    """The events that come back, each checked against the protocol's own model."""
    body = {
        "threadId": "t1",
        "runId": "r1",
        "messages": [{"id": "m1", "role": "user", "content": said}] if said else [],
        "forwardedProps": {"page": stage.page},
        **more,
    }
    found: list[dict[str, Any]] = []
    with client.stream("POST", f"/api/canvases/{stage.canvas}/agui/co-author", json=body) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
    for event in found:
        EVENTS.validate_python(event)
    return found


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_an_answer_and_the_steps_to_it_are_events_of_the_protocol(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[suggests(stage.page)]), Turn("I proposed lantern.")]
    with stage.client() as owner:
        events = ask(owner, stage, "Find a better word for lamp.")
    assert types(events)[0] == "RUN_STARTED"
    assert types(events)[-1] == "RUN_FINISHED"
    assert events[-1]["outcome"] == {"type": "success"}
    called = next(event for event in events if event["type"] == "TOOL_CALL_START")
    assert called["toolCallName"] == "suggest"
    assert any(one["type"] == "TOOL_CALL_RESULT" and one["toolCallId"] == called["toolCallId"] for one in events)
    said = "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")
    assert said == "I proposed lantern."
    starts = [event["messageId"] for event in events if event["type"] == "TEXT_MESSAGE_START"]
    assert starts == [event["messageId"] for event in events if event["type"] == "TEXT_MESSAGE_END"]
    assert stage.view()["suggestions"][0]["hunks"][0]["replace"] == "lantern", "the change is in the canvas"


def test_what_it_asks_is_an_interrupt_that_can_be_resumed(stage: Stage, provider: FakeProvider) -> None:
    question = ("ask_person", {"question": "Which colour?", "choices": ["red", "green"]})
    provider.script = [Turn(calls=[question]), Turn("Then it is red.")]
    with stage.client() as owner:
        events = ask(owner, stage, "What colour is the door?")
        outcome = events[-1]["outcome"]
        assert outcome["type"] == "interrupt"
        [interrupt] = outcome["interrupts"]
        assert interrupt["message"] == "Which colour?"
        assert interrupt["metadata"]["choices"] == ["red", "green"]
        answer = {"interruptId": interrupt["id"], "status": "resolved", "payload": {"text": "red"}}
        later = ask(owner, stage, resume=[answer], runId="r2")
    assert later[-1]["outcome"] == {"type": "success"}
    assert "Then it is red." in "".join(event.get("delta", "") for event in later)


def test_a_failure_and_a_bad_request_say_why(stage: Stage, provider: FakeProvider) -> None:
    provider.script = []
    with stage.client() as owner:
        path = f"/api/canvases/{stage.canvas}/agui"
        bad = owner.post(f"{path}/co-author", json={"messages": []})
        assert bad.status_code == 422
        assert "RunAgentInput" in bad.json()["error"]["message"]
        nobody = {"threadId": "t", "runId": "r", "messages": [{"id": "m", "role": "user", "content": "Hello"}]}
        assert owner.post(f"{path}/nobody", json=nobody).status_code == 404
        empty = owner.post(f"{path}/co-author", json=nobody | {"messages": []})
        assert empty.json()["error"]["message"] == "Nothing was asked."
    with stage.client(stage.studio.make_token("viewer")) as viewer:
        assert viewer.post(f"{path}/co-author", json=nobody).status_code == 403
