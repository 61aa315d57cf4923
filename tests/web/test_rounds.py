"""Rounds over HTTP: who may begin, see and change them, and how they are followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        fake.script = [Turn("There is nothing to do.")]
        yield fake


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[ServedStudio]:
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    served = serve(tmp_path_factory.mktemp("rounds"), fake)
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
def canvas(studio: ServedStudio) -> dict[str, Any]:
    with studio.client() as client:
        return client.post("/api/canvases", json={"title": "T", "pages": [{"title": "One", "text": "Rain."}]}).json()


def guest(studio: ServedStudio, canvas: dict[str, Any], role: str) -> Any:
    made = studio.cli("token", "create", "--role", role, "--name", f"A {role}")
    return studio.client(made.stdout.strip())


def test_a_round_is_begun_by_its_recipe_followed_and_found_again(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    with studio.client() as client:
        recipes = {one["id"] for one in client.get("/api/recipes").json()["recipes"]}
        assert {"draft-critique-revise", "two-alternatives", "line-edit-after-critique", "fact-check"} <= recipes
        at = f"/api/canvases/{canvas['id']}/rounds"
        asked = {"recipe": "draft-critique-revise", "prompt": "Go on.", "page": canvas["pages"][0]["id"]}
        answers = [client.post(at, json=asked, headers={"Idempotency-Key": "once"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        round = answers[0].json()
        assert answers[1].json()["id"] == round["id"]
        with client.stream("GET", f"/api/rounds/{round['id']}/events") as stream:
            told = [
                json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")
            ]
        assert told[-1]["type"] == "done" and {event["type"] for event in told[:-1]} == {"round"}
        last = told[-1]["round"]
        # The co-author proposed nothing, so there is nothing for the others to be about.
        assert [turn["state"] for turn in last["turns"]] == ["done", "dropped", "dropped", "dropped"]
        assert client.get(at).json()["rounds"] == [last] and client.get(f"/api/rounds/{round['id']}").json() == last
        assert client.post(f"/api/rounds/{round['id']}/pause").status_code == 409


def test_what_makes_no_round_is_refused_with_a_reason(studio: ServedStudio, canvas: dict[str, Any]) -> None:
    at = f"/api/canvases/{canvas['id']}/rounds"
    with studio.client() as client:
        for body, status in (
            ({}, 422),
            ({"recipe": "nothing like that"}, 404),
            ({"turns": [{"agent": "nobody", "do": "draft"}]}, 404),
            ({"turns": [{"agent": "critic", "do": "critique"}]}, 422),
            ({"recipe": "fact-check", "page": "no such page"}, 404),
        ):
            answer = client.post(at, json=body)
            assert answer.status_code == status and answer.json()["error"]["message"], (body, answer.text)


def test_others_may_look_and_only_who_began_it_and_editors_may_change_it(
    studio: ServedStudio, canvas: dict[str, Any]
) -> None:
    at = f"/api/canvases/{canvas['id']}/rounds"
    with (
        studio.client() as owner,
        guest(studio, canvas, "commenter") as other,
        guest(studio, canvas, "viewer") as reader,
    ):
        assert reader.post(at, json={"recipe": "fact-check"}).status_code == 403
        round = owner.post(at, json={"recipe": "fact-check", "page": canvas["pages"][0]["id"]}).json()["id"]
        assert reader.get(f"/api/rounds/{round}").status_code == 200
        for client in (other, reader):
            assert client.post(f"/api/rounds/{round}/stop").status_code == 403
            assert client.patch(f"/api/rounds/{round}/turns", json={"turns": []}).status_code == 403
        mine = other.post(at, json={"recipe": "fact-check", "page": canvas["pages"][0]["id"]}).json()["id"]
        assert other.post(f"/api/rounds/{mine}/stop").status_code == 200
        assert owner.get("/api/rounds/none").status_code == 404
