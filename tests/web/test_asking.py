"""Asking an agent over HTTP, with a real provider's protocol at the other end of a socket."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, serve
from tests.models import fake_provider
from tests.models.fake_provider import FakeProvider, Refusal
from tests.web.test_access import browser
from tests.web.test_canvases import error


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="module")
def asked_studio(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio whose default model answers from the fake provider."""
    home: Path = tmp_path_factory.mktemp("asked")
    served = serve(
        home,
        {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"},
    )
    yield served
    assert served.stop() == 0, served.log()


WRITTEN = (
    "The lamp in the hall went out, and for a while nobody moved. Then Marta struck a match and carried it, "
    "cupped in her hand, as far as the stairs, where the draught took it. She stood there listening to the rain."
)


@pytest.fixture(autouse=True)
def answering(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fake_provider, "WORDS", [f"{word} " for word in WRITTEN.split()])
    yield
    provider.refusal, provider.silence = None, 0.0


def ask(client: httpx2.Client, canvas: str, **body: Any) -> httpx2.Response:
    return client.post(f"/api/canvases/{canvas}/ask", json={"agent": "co-author", **body})


def events_of(client: httpx2.Client, run: str, **headers: str) -> list[tuple[int, str, dict[str, Any]]]:
    """The run's server-sent events until the server ends the stream."""
    found: list[tuple[int, str, dict[str, Any]]] = []
    with client.stream("GET", f"/api/runs/{run}/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in stream.iter_lines():
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                fields = {}
    return found


def test_what_an_agent_writes_arrives_as_a_suggestion_and_as_events(asked_studio: ServedStudio) -> None:
    made = asked_studio.canvas("It was a dark night. The wind was up.")
    with asked_studio.client() as owner:
        answer = ask(owner, made["id"], prompt="continue", skill="continue", page=made["pages"][0]["id"])
        assert answer.status_code == 202, answer.text
        run = answer.json()["run"]
        events = events_of(owner, run)
        kinds = [kind for _, kind, _ in events]
        assert kinds[0] == "state" and kinds[-1] == "done" and "result" in kinds, events[-1][2]["run"]["error"]
        assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
        state = owner.get(f"/api/runs/{run}").json()
        assert state["state"] == "done", state
        assert state["canvas"] == made["id"] and state["agent"] == "co-author" and state["model"] == "openai:fake-model"
        assert state == events[-1][2]["run"]
        whole = owner.get(f"/api/canvases/{made['id']}").json()
        suggestion = {one["id"]: one for one in whole["suggestions"]}[state["results"][0]["id"]]
        assert suggestion["status"] == "open" and suggestion["author_kind"] == "agent" and suggestion["run"] == run
        assert "lamp" in suggestion["hunks"][0]["replace"]
        assert whole["pages"][0]["text"] == "It was a dark night. The wind was up.", "nothing is written unasked"

        resumed = events_of(owner, run, **{"Last-Event-ID": str(len(events) - 1)})
        assert resumed == events[-1:]
        assert [one["id"] for one in owner.get(f"/api/canvases/{made['id']}/runs").json()["runs"]] == [run]


def test_a_run_that_fails_says_why_and_its_events_end(asked_studio: ServedStudio, provider: FakeProvider) -> None:
    provider.refusal = Refusal(401, {"error": {"message": "Incorrect API key provided"}})
    made = asked_studio.canvas("It was a dark night.")
    with asked_studio.client() as owner:
        run = ask(owner, made["id"], prompt="continue", page=made["pages"][0]["id"]).json()["run"]
        assert events_of(owner, run)[-1][1] == "done"
        state = owner.get(f"/api/runs/{run}").json()
        assert state["state"] == "failed" and state["error"]["message"] and state["error"]["hint"]
        assert "sk-fake" not in json.dumps(state)


def test_a_run_can_be_stopped_by_who_asked_and_by_editors_only(
    asked_studio: ServedStudio, provider: FakeProvider
) -> None:
    made = asked_studio.canvas("It was a dark night.")
    other = asked_studio.canvas("elsewhere")
    tokens = {role: asked_studio.make_token(role, made["id"]) for role in ("viewer", "commenter", "editor")}
    with (
        asked_studio.client() as owner,
        asked_studio.client(tokens["viewer"]) as viewer,
        asked_studio.client(tokens["commenter"]) as commenter,
        asked_studio.client(tokens["editor"]) as editor,
        asked_studio.client(asked_studio.make_token("editor", other["id"])) as stranger,
    ):
        error(ask(viewer, made["id"], prompt="continue"), 403, "forbidden")
        for asker, stopper in ((owner, editor), (commenter, commenter)):
            provider.silence = 3
            run = ask(asker, made["id"], prompt="continue", page=made["pages"][0]["id"]).json()["run"]
            error(stranger.get(f"/api/runs/{run}"), 404, "not_found")
            error(stranger.get(f"/api/runs/{run}/events"), 404, "not_found")
            error(viewer.post(f"/api/runs/{run}/stop"), 403, "forbidden")
            began = time.monotonic()
            assert stopper.post(f"/api/runs/{run}/stop").json()["state"] == "stopped"
            assert time.monotonic() - began < 2.5
            assert stopper.post(f"/api/runs/{run}/stop").json()["state"] == "stopped", "twice is harmless"
            provider.silence = 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"agent": "nobody", "prompt": "x"}, 404, "not_found"),
        ({"prompt": "x", "skill": "dance"}, 422, "invalid"),
        ({"prompt": "x", "page": "no-such-page"}, 404, "not_found"),
        ({"prompt": "x", "modle": "x"}, 422, "invalid"),
        ({"prompt": "x" * 30_000}, 422, "invalid"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(
    asked_studio: ServedStudio, body: dict[str, Any], status: int, code: str
) -> None:
    made = asked_studio.canvas("text")
    with asked_studio.client() as owner:
        error(ask(owner, made["id"], **body), status, code)
        assert owner.get(f"/api/canvases/{made['id']}/runs").json()["runs"] == []


def test_a_model_that_is_not_there_is_refused_in_words(asked_studio: ServedStudio) -> None:
    made = asked_studio.canvas("text")
    with asked_studio.client() as owner:
        refused = error(ask(owner, made["id"], prompt="continue", model="no-such-model"), 404, "not_found")
        assert "no-such-model" in refused["message"] and refused["reason"] == "unknown_model"


def test_a_guest_asks_only_the_models_that_the_studio_has(asked_studio: ServedStudio) -> None:
    made = asked_studio.canvas("It was a dark night.")
    body = {"prompt": "continue", "page": made["pages"][0]["id"]}
    guest_token = asked_studio.make_token("editor", made["id"])
    with asked_studio.client(guest_token) as guest, asked_studio.client() as owner:
        for model in ("openai:the-dearest", "no-such-model", "anthropic:x"):
            error(ask(guest, made["id"], model=model, **body), 403, "forbidden")
        for client, model in ((guest, "openai:fake-model"), (guest, None), (owner, "openai:the-dearest")):
            answer = ask(client, made["id"], **({"model": model} if model else {}), **body)
            assert answer.status_code == 202, answer.text
            assert events_of(client, answer.json()["run"])[-1][1] == "done"
    with asked_studio.client(asked_studio.make_token("commenter")) as commenter:
        error(ask(commenter, made["id"], model="openai:the-dearest", **body), 403, "forbidden")


def test_a_guest_who_is_sent_away_hears_no_more_of_a_run(asked_studio: ServedStudio, provider: FakeProvider) -> None:
    made = asked_studio.canvas("It was a dark night.")
    provider.silence = 25
    with asked_studio.client() as owner, browser(asked_studio) as guest:
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "viewer"}).json()
        guest.post("/api/join", json={"token": link["url"].rsplit("/", 1)[1], "name": "Guest"})
        run = ask(owner, made["id"], prompt="continue", page=made["pages"][0]["id"]).json()["run"]
        with guest.stream("GET", f"/api/runs/{run}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "id: 1"
            assert owner.delete(f"/api/canvases/{made['id']}/shares/{link['id']}").status_code == 204
            began = time.monotonic()
            assert "event: done" not in list(lines)
            assert time.monotonic() - began < 20
        assert owner.get(f"/api/runs/{run}").json()["state"] == "running"
        owner.post(f"/api/runs/{run}/stop")


def test_an_idempotent_ask_starts_one_run(asked_studio: ServedStudio) -> None:
    made = asked_studio.canvas("It was a dark night.")
    with asked_studio.client() as owner:
        headers = {"Idempotency-Key": "ask-1"}
        body = {"agent": "co-author", "prompt": "continue", "page": made["pages"][0]["id"]}
        answers = [owner.post(f"/api/canvases/{made['id']}/ask", json=body, headers=headers) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["run"] for answer in answers}) == 1


@pytest.mark.parametrize("signals", [1, 2])
def test_stopping_the_studio_records_its_runs_and_ends_their_streams(
    provider: FakeProvider, tmp_path: Path, signals: int
) -> None:
    studio = serve(
        tmp_path,
        {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"},
    )
    made = studio.canvas("It was a dark night.")
    provider.silence = 30
    with studio.client() as owner:
        run = ask(owner, made["id"], prompt="continue", page=made["pages"][0]["id"]).json()["run"]
        with owner.stream("GET", f"/api/runs/{run}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "id: 1"
            began = time.monotonic()
            if signals == 2:
                studio.process.send_signal(signal.SIGTERM)
                time.sleep(0.02)
            assert studio.stop() == 0
            assert time.monotonic() - began < 7, "an open stream does not hold the studio up"
            assert list(lines) is not None
    provider.silence = 0
    assert "Traceback" not in studio.log(), studio.log()
    studio.start()
    with studio.client() as owner:
        assert owner.get(f"/api/runs/{run}").json()["state"] == "stopped"
        assert [kind for _, kind, _ in events_of(owner, run)] == ["state", "done"]
        later = events_of(owner, run, **{"Last-Event-ID": "40"})
        assert [kind for _, kind, _ in later] == ["state", "done"], "numbers of an earlier life mean nothing"
    assert studio.stop() == 0


def test_the_agents_and_models_on_offer(asked_studio: ServedStudio) -> None:
    with asked_studio.client() as owner:
        agents = owner.get("/api/agents").json()["agents"]
        assert agents[0]["id"] == "co-author" and agents[0]["color"].startswith("#")
        assert {"continue", "rewrite", "critique", "brainstorm", "ask"} <= {
            skill["name"] for skill in agents[0]["skills"]
        }
        models = owner.get("/api/models").json()
        assert models["default"] == "openai:fake-model"
        assert models["default"] in [model["name"] for model in models["models"]]
        assert "sk-fake" not in json.dumps(models)
        assert models["default"] in owner.get("/api/health").json()["models"]
