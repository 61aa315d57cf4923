"""A run that asks people something waits without holding anything, and goes on when they have answered."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn
from tests.web.loop.conftest import Stage, environment, suggests, until
from tests.web.loop.test_working import said

QUESTION = ("ask_person", {"question": "Which word do you like better?", "choices": ["lantern", "torch"]})
READ = ("read_file", {"file": "lamps.txt"})


def asked(stage: Stage, run: str) -> dict[str, Any]:
    """The run once it waits, and its only card."""
    found = stage.wait(run, "waiting")
    [card] = [card for card in found["cards"] if "answer" not in card]
    return card


def card_in_chat(stage: Stage) -> dict[str, Any]:
    return json.loads(next(one["card"] for one in reversed(stage.view()["chat"]) if one.get("card")))


def inbox(stage: Stage, token: str | None = None) -> list[dict[str, Any]]:
    with stage.client(token) as client:
        items = client.get("/api/inbox", params={"canvas": stage.canvas}).json()["items"]
    return [item for item in items if item["kind"] == "waits"]


def answer(stage: Stage, run: str, card: dict[str, Any], token: str | None = None, **body: Any) -> httpx2.Response:
    return stage.post(f"/api/runs/{run}/answer", token, call=card["call"], **body)


def test_a_question_is_a_card_with_choices_and_its_answer_brings_the_run_back(
    stage: Stage, provider: FakeProvider
) -> None:
    provider.script = [
        Turn("I am not sure.", [QUESTION]),
        Turn(calls=[suggests(stage.page)]),
        Turn("I used “lantern”."),
    ]
    run = stage.ask(say=True)
    card = asked(stage, run)
    assert card["kind"] == "question" and card["choices"] == ["lantern", "torch"]
    shown = card_in_chat(stage)
    assert shown["question"] == "Which word do you like better?" and shown["run"] == run and "answer" not in shown
    waiting = [step for step in stage.steps(run) if step["state"] == "waiting"]
    assert [(step["kind"], step["title"]) for step in waiting] == [("question", "Which word do you like better?")]
    [item] = inbox(stage)
    assert item["run"]["id"] == run and item["run"]["cards"][0]["question"] == "Which word do you like better?"
    went_on = answer(stage, run, card, answer="lantern")
    assert went_on.status_code == 202, went_on.text
    found = stage.wait(run)
    assert found["state"] == "done" and found["id"] == run and found["leg"] == 1, found
    assert inbox(stage) == []
    assert card_in_chat(stage)["answer"] == "answered" and card_in_chat(stage)["text"] == "lantern"
    assert card_in_chat(stage)["name"] == "Test owner"
    told = said(provider.chats[1])
    assert "answer of Test owner" in told and "lantern" in told
    steps = stage.steps(run)
    assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
    assert [(step["kind"], step["state"], step.get("result")) for step in steps if step["kind"] == "question"] == [
        ("question", "done", "lantern")
    ]
    assert stage.view()["chat"][-1]["text"] == "I used “lantern”."


def test_what_must_be_allowed_is_shown_in_full_and_can_be_refused(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[READ]), Turn("I may not.")]
    run = stage.ask()
    card = asked(stage, run)
    assert card["kind"] == "approval" and card["tool"] == "read_file"
    assert card["detail"]["arguments"]["file"] == "lamps.txt" and card_in_chat(stage)["detail"] == card["detail"]
    answer(stage, run, card, allow="no", text="Use what is on the page.")
    assert stage.wait(run)["state"] == "done"
    told = said(provider.chats[1])
    assert "does not allow this" in told and "Use what is on the page." in told
    [step] = [step for step in stage.steps(run) if step["kind"] == "approval"]
    assert step["state"] == "refused" and "Use what is on the page." in step["result"]


def tool_steps(stage: Stage, run: str) -> list[str]:
    return [step["state"] for step in stage.steps(run) if step["kind"] == "tool"]


def test_what_is_allowed_once_is_asked_again_and_for_the_run_is_not(stage: Stage, provider: FakeProvider) -> None:
    other = ("read_file", {"file": "moon.txt"})
    provider.script = [Turn(calls=[READ]), Turn(calls=[other]), Turn(calls=[READ]), Turn("Neither is there.")]
    run = stage.ask()
    first = asked(stage, run)
    answer(stage, run, first, allow="once")
    until(lambda: len(provider.chats) == 2, "the second request")
    second = asked(stage, run)
    assert second["call"] != first["call"] and len(tool_steps(stage, run)) == 1
    answer(stage, run, second, allow="run")
    found = stage.wait(run)
    assert found["state"] == "done" and len(tool_steps(stage, run)) == 3 and len(found["grants"]) == 1
    assert len([step for step in stage.steps(run) if step["kind"] == "approval"]) == 2


def test_a_call_is_allowed_with_other_arguments(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[READ]), Turn("It is not there.")]
    run = stage.ask()
    answer(stage, run, asked(stage, run), allow="once", arguments={"file": "suns.txt"})
    stage.wait(run)
    step = next(step for step in stage.steps(run) if step["kind"] == "tool")
    assert step["detail"]["arguments"]["file"] == "suns.txt"


def test_of_two_answers_at_once_one_counts_and_the_other_hears_of_it(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[QUESTION]), Turn("Thank you.")]
    run = stage.ask()
    card = asked(stage, run)
    words = ["lantern", "torch", "lamp", "light", "candle", "moon"]
    with ThreadPoolExecutor(len(words)) as pool:
        answers = list(pool.map(lambda word: answer(stage, run, card, answer=word), words))
    assert sorted(one.status_code for one in answers) == [202] + [409] * (len(words) - 1)
    stage.wait(run)
    won = words[[one.status_code for one in answers].index(202)]
    assert card_in_chat(stage)["text"] == won
    assert len(provider.chats) == 2 and won in said(provider.chats[1]).rpartition("answer of")[2]


def test_a_run_with_several_cards_waits_for_the_last_of_them(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[QUESTION, READ]), Turn("Thank you.")]
    run = stage.ask()
    cards = {card["kind"]: card for card in stage.wait(run, "waiting")["cards"]}
    first = answer(stage, run, cards["approval"], allow="no").json()
    assert first["state"] == "waiting" and len(provider.chats) == 1
    assert [card["kind"] for card in inbox(stage)[0]["run"]["cards"]] == ["question"]
    answer(stage, run, cards["question"], answer="torch")
    assert stage.wait(run)["state"] == "done" and len(provider.chats) == 2


def test_who_may_answer(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[QUESTION, READ]), Turn("Thank you.")]
    run = stage.ask()
    cards = {card["kind"]: card for card in stage.wait(run, "waiting")["cards"]}
    people = {role: stage.studio.make_token(role, stage.canvas) for role in ("viewer", "commenter", "editor")}
    agent = stage.studio.make_token("owner", stage.canvas, kind="agent")
    for token in (people["viewer"], agent):
        assert answer(stage, run, cards["question"], token, answer="torch").status_code == 403
    for token in (people["viewer"], people["commenter"], agent):
        assert answer(stage, run, cards["approval"], token, allow="once").status_code == 403
    assert inbox(stage, people["commenter"]) == [] and len(inbox(stage, people["editor"])) == 1
    stranger = stage.studio.make_token("owner", stage.studio.canvas("Another one.")["id"])
    assert answer(stage, run, cards["question"], stranger, answer="torch").status_code == 404
    assert answer(stage, run, cards["question"], people["commenter"], answer="torch").status_code == 202
    assert answer(stage, run, cards["approval"], people["editor"], allow="no").status_code == 202
    assert stage.wait(run)["state"] == "done"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("question", {}, 422),
        ("question", {"allow": "once"}, 422),
        ("approval", {}, 422),
        ("approval", {"allow": "always"}, 422),
        ("approval", {"allow": "run", "arguments": {"file": "moon.txt"}}, 422),
        ("approval", {"answer": "yes"}, 422),
    ],
)
def test_an_answer_that_says_nothing_is_refused_and_nothing_happens(
    stage: Stage, provider: FakeProvider, kind: str, body: dict[str, Any], status: int
) -> None:
    provider.script = [Turn(calls=[QUESTION if kind == "question" else READ]), Turn("Thank you.")]
    run = stage.ask()
    card = asked(stage, run)
    refused = answer(stage, run, card, **body)
    assert refused.status_code in (400, status), refused.text
    assert stage.run(run)["state"] == "waiting" and "answer" not in asked(stage, run)
    assert stage.post(f"/api/runs/{run}/answer", call="none", answer="x").status_code == 404
    assert stage.post(f"/api/runs/{run}/stop").json()["state"] == "stopped"


def test_a_run_that_waits_can_be_stopped_and_its_card_says_so(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[QUESTION])]
    run = stage.ask()
    card = asked(stage, run)
    assert stage.post(f"/api/runs/{run}/stop").json()["state"] == "stopped"
    assert card_in_chat(stage)["answer"] == "stopped" and inbox(stage) == []
    assert answer(stage, run, card, answer="torch").status_code == 409


def test_nobody_can_make_a_card_or_answer_one_by_an_action(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[READ]), Turn("Thank you.")]
    run = stage.ask()
    card = asked(stage, run)
    with stage.client() as owner:
        for action in (
            {"type": "say", "text": "May I?", "run": run, "card": {"run": run, "call": card["call"]}},
            {"type": "card", "run": run, "call": card["call"]},
            {"type": "answer", "run": run, "call": card["call"], "answer": "once"},
            {"type": "answer_card", "message": card["message"], "answer": "once"},
        ):
            assert owner.post(f"/api/canvases/{stage.canvas}/actions", json=action).status_code == 422
    assert stage.run(run)["state"] == "waiting"
    stage.post(f"/api/runs/{run}/stop")


def test_a_deleted_canvas_takes_what_waited_with_it(stage: Stage, provider: FakeProvider) -> None:
    provider.script = [Turn(calls=[QUESTION])]
    run = stage.ask()
    card = asked(stage, run)
    with stage.client() as owner:
        assert owner.delete(f"/api/canvases/{stage.canvas}").status_code in (200, 204)
    assert answer(stage, run, card, answer="torch").status_code == 404
    with stage.client() as owner:
        assert owner.get(f"/api/runs/{run}").status_code == 404


@pytest.fixture
def fragile(provider: FakeProvider, tmp_path: Path) -> Iterator[ServedStudio]:
    """A studio to be killed."""
    home = tmp_path / "studio"
    home.mkdir()
    served = serve(home, environment(provider))
    yield served
    served.stop(signal.SIGKILL)


def test_what_waits_survives_that_the_server_is_killed(fragile: ServedStudio, provider: FakeProvider) -> None:
    stage = Stage(fragile)
    provider.script = [
        Turn("I look.", [suggests(stage.page), QUESTION], thinking="SECRET THOUGHT"),
        Turn("Thank you for “torch”."),
    ]
    run = stage.ask(say=True)
    card = asked(stage, run)
    before = stage.steps(run)
    fragile.stop(signal.SIGKILL)
    fragile.start()
    assert stage.run(run)["state"] == "waiting" and stage.steps(run) == before
    assert len(inbox(stage)) == 1
    heard: list[dict[str, Any]] = []

    def listen() -> None:
        with stage.client() as owner, owner.stream("GET", f"/api/runs/{run}/events", timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line[6:]))

    listener = threading.Thread(target=listen)
    listener.start()
    until(lambda: any(event["type"] == "cards" for event in heard), "what it asks")
    assert answer(stage, run, card, answer="torch").status_code == 202
    found = stage.wait(run)
    assert found["state"] == "done" and found["usage"]["requests"] == 2, found
    listener.join(30)
    assert heard[-1]["type"] == "done"
    told = said(provider.chats[1])
    assert "torch" in told and "SECRET" not in told and "Make the lamp a lantern." in told
    assert [one["status"] for one in stage.view()["suggestions"]] == ["open"]  # made once, not twice
    assert stage.view()["chat"][-1]["text"] == "Thank you for “torch”."


def test_a_run_that_was_paused_survives_that_the_server_is_killed(
    fragile: ServedStudio, provider: FakeProvider
) -> None:
    stage = Stage(fragile)
    go = threading.Event()
    provider.script = [Turn(calls=[suggests(stage.page)], wait=go), Turn("Done.")]
    run = stage.ask()
    until(lambda: provider.chats, "the first request")
    stage.post(f"/api/runs/{run}/pause")
    go.set()
    stage.wait(run, "paused")
    fragile.stop(signal.SIGKILL)
    fragile.start()
    assert stage.run(run)["state"] == "paused"
    assert stage.post(f"/api/runs/{run}/resume").status_code == 202
    assert stage.wait(run)["state"] == "done"
    assert [one["status"] for one in stage.view()["suggestions"]] == ["open"]


def test_a_run_that_was_at_work_when_the_server_was_killed_has_failed(
    fragile: ServedStudio, provider: FakeProvider
) -> None:
    stage = Stage(fragile)
    go = threading.Event()
    provider.script = [Turn(calls=[suggests(stage.page)]), Turn("Done.", wait=go)]
    run = stage.ask()
    until(lambda: len(provider.chats) == 2, "the second request")
    until(lambda: len(stage.steps(run)) >= 2, "its steps")
    fragile.stop(signal.SIGKILL)
    go.set()
    fragile.start()
    found = stage.run(run)
    assert found["state"] == "failed" and found["error"]["code"] == "restarted"
    assert [one["status"] for one in stage.view()["suggestions"]] == ["open"]


def test_an_answer_is_to_the_card_that_was_seen_though_a_provider_calls_all_calls_the_same(
    stage: Stage, provider: FakeProvider
) -> None:
    """Two people answer one card. The second is told so, and has not allowed what the run asked for meanwhile."""
    long = "call_" * 100
    same = Turn(calls=[READ], id="call_0")
    provider.script = [same, same, Turn(calls=[READ], id=long), Turn("Well.")]
    run = stage.ask()
    first = asked(stage, run)
    assert answer(stage, run, first, allow="no").status_code == 202
    second = until(lambda: next((one for one in stage.run(run)["cards"] if "answer" not in one), None), "asked anew")
    assert second["call"] != first["call"]
    late = answer(stage, run, first, allow="once")
    assert late.status_code == 409, late.text
    assert "answer" not in asked(stage, run)
    assert answer(stage, run, second, allow="no").status_code == 202
    third = until(lambda: next((one for one in stage.run(run)["cards"] if "answer" not in one), None), "asked again")
    assert answer(stage, run, third, allow="no").status_code == 202, "its provider's id is longer than an answer can be"
    assert stage.wait(run)["state"] == "done"
