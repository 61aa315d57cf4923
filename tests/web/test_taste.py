"""What people decide about agents' changes is shown to agents before the next one, can be looked at and forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from studiolo.agents import taste
from tests.conftest import ServedStudio, serve
from tests.models import fake_provider
from tests.models.fake_provider import FakeProvider

TEXT = "He walked slowly to the door. It was very dark. He was quite afraid of the sea."


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="module")
def asked_studio(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    home: Path = tmp_path_factory.mktemp("asked")
    served = serve(
        home,
        {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"},
    )
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture(autouse=True)
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "Then the wind came up from the sea, and he stood at the door and listened to it for a long while."
    monkeypatch.setattr(fake_provider, "WORDS", [f"{word} " for word in words.split()])


def act(client: httpx2.Client, canvas: str, **action: Any) -> dict[str, Any]:
    answer = client.post(f"/api/canvases/{canvas}/actions", json=action)
    assert answer.status_code == 200, answer.text
    return answer.json()


def decided(studio: ServedStudio) -> dict[str, Any]:
    """A canvas in which an agent has proposed three changes: one was taken, one was amended and taken, one rejected."""
    canvas = studio.canvas(TEXT)
    page, at = canvas["pages"][0]["id"], canvas["id"]
    agent = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Editor").stdout.strip()
    with studio.client(agent) as client, studio.client() as owner:

        def propose(find: str, replace: str) -> str:
            hunks = [{"find": find, "replace": replace}]
            return act(client, at, type="suggest", page=page, hunks=hunks, skill="rewrite", reason="Say less.")["id"]

        taken, amended, rejected = propose("very dark", "dark"), propose("slowly", "softly"), propose("quite ", "so ")
        act(owner, at, type="accept", suggestion=taken)
        act(owner, at, type="amend", suggestion=amended, hunks=[{"hunk": 0, "replace": "without a sound"}])
        act(owner, at, type="accept", suggestion=amended)
        act(owner, at, type="reject", suggestion=rejected)
    return canvas | {"taken": taken, "amended": amended, "rejected": rejected}


def run_until_done(client: httpx2.Client, canvas: dict[str, Any]) -> dict[str, Any]:
    page = canvas["pages"][0]["id"]
    body = {"agent": "co-author", "skill": "continue", "prompt": "", "page": page}
    run = client.post(f"/api/canvases/{canvas['id']}/ask", json=body).json()["run"]
    with client.stream("GET", f"/api/runs/{run}/events") as stream:
        for _ in stream.iter_lines():
            pass
    found = client.get(f"/api/runs/{run}").json()
    assert found["state"] == "done", found
    return found


def given_to_the_model(provider: FakeProvider) -> str:
    return str(provider.asked[-1].body["messages"])


def test_an_agent_is_shown_what_became_of_earlier_changes(asked_studio: ServedStudio, provider: FakeProvider) -> None:
    canvas = decided(asked_studio)
    sides: dict[str, str] = {}
    with asked_studio.client() as owner:
        for _ in range(60):
            run = run_until_done(owner, canvas)
            side = run["given"]["taste"]
            assert side == ("withheld" if taste.withheld(run["id"]) else "shown")
            system, *rest = provider.asked[-1].body["messages"]
            assert "earlier decisions" not in str(system), "examples are data, never instructions"
            assert ('<data source="earlier decisions">' in rest[-1]["content"]) == (side == "shown")
            if side == "shown":
                examples = rest[-1]["content"].split('<data source="earlier decisions">')[1].split("</data>")[0]
                assert [json.loads(line)["verdict"] for line in examples.split("\n") if line] != []
                assert '"taken": "without a sound"' in examples
            sides[side] = run["id"]
            if len(sides) == 2:
                break
        assert set(sides) == {"shown", "withheld"}, "of sixty runs one is shown none"


def test_they_can_be_looked_at_and_forgotten(asked_studio: ServedStudio) -> None:
    canvas = decided(asked_studio)
    at = f"/api/canvases/{canvas['id']}/taste"
    with asked_studio.client() as owner:
        found = owner.get(at).json()
        verdicts = {one["id"].split(":")[0]: one for one in found["examples"]}
        assert verdicts[canvas["taken"]]["verdict"] == "accepted"
        amended = verdicts[canvas["amended"]]
        assert (amended["proposed"], amended["taken"], amended["verdict"]) == ("softly", "without a sound", "amended")
        assert verdicts[canvas["rejected"]]["taken"] == ""
        assert all(one["mine"] for one in found["examples"])
        with asked_studio.client(asked_studio.make_token("commenter")) as other:
            assert other.delete(f"{at}/{amended['id']}").status_code == 403
            assert other.delete(f"{at}?everybody=true").status_code == 403
            assert other.delete(at).status_code == 204, "of one's own there is none, and that is well"
        assert owner.delete(f"{at}/{amended['id']}").status_code == 204
        left = owner.get(at).json()
        assert {one["id"] for one in left["examples"]} == {one["id"] for one in found["examples"]} - {amended["id"]}
        assert left["forgotten"] == 1
        assert owner.delete(at).status_code == 204
        assert owner.get(at).json()["examples"] == []


def test_a_decision_that_is_undone_is_no_example(asked_studio: ServedStudio) -> None:
    canvas = decided(asked_studio)
    with asked_studio.client() as owner:
        whole = owner.get(f"/api/canvases/{canvas['id']}").json()
        record = next(one for one in whole["suggestions"] if one["id"] == canvas["rejected"])
        act(owner, canvas["id"], type="undo", decision=record["hunks"][0]["decision"])
        ids = {one["id"].split(":")[0] for one in owner.get(f"/api/canvases/{canvas['id']}/taste").json()["examples"]}
        assert ids == {canvas["taken"], canvas["amended"]}


def test_nobody_is_shown_another_canvas_s_decisions(asked_studio: ServedStudio, provider: FakeProvider) -> None:
    decided(asked_studio)
    other = asked_studio.canvas(TEXT)
    with asked_studio.client() as owner:
        run = run_until_done(owner, other)
        assert "taste" not in run["given"]
        assert "without a sound" not in given_to_the_model(provider)
