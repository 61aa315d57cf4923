"""What somebody may do in one canvas gives them nothing in another, by whichever door they come."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ServedStudio
from tests.models.fake_provider import FakeProvider, Turn

from .conftest import Stage
from .test_waiting import READ, asked


@pytest.fixture
def theirs(looping: ServedStudio) -> Stage:
    """A canvas of other people."""
    return Stage(looping, "Nobody may know that the butler did it.")


def test_a_run_is_not_answered_by_the_agui_door_of_another_canvas(
    stage: Stage, theirs: Stage, provider: FakeProvider
) -> None:
    """Whoever sees both canvases and is an editor only in their own allows nothing in the other, and moves no run."""
    provider.script = [Turn(calls=[READ]), Turn("I looked.")]
    run = theirs.ask()
    card = asked(theirs, run)
    with stage.client("") as client:
        client.headers["Origin"] = stage.studio.url
        for canvas, role in ((stage, "editor"), (theirs, "viewer")):
            share = canvas.post(f"/api/canvases/{canvas.canvas}/shares", role=role).json()["url"]
            joined = client.post("/api/join", json={"token": share.rsplit("/", 1)[1], "name": "Guest"})
            assert joined.json()["role"] == role, joined.text
        assert client.get(f"/api/runs/{run}").status_code == 200, "the guest may look at it"
        entry: dict[str, Any] = {"interruptId": f"{run}:{card['call']}", "status": "resolved"}
        body = {"threadId": "t", "runId": "r", "messages": [], "resume": [entry | {"payload": {"allow": "once"}}]}
        answer = client.post(f"/api/canvases/{stage.canvas}/agui/co-author", json=body)
        assert answer.status_code == 404, answer.text
    assert theirs.run(run)["state"] == "waiting"
    assert "answer" not in theirs.run(run)["cards"][-1]
    with stage.client() as owner:
        assert owner.post(f"/api/canvases/{stage.canvas}/agui/co-author", json=body).status_code == 404
        went_on = owner.post(f"/api/canvases/{theirs.canvas}/agui/co-author", json=body)
        assert went_on.status_code == 200, went_on.text
    assert theirs.wait(run)["state"] == "done"


def test_an_agent_guides_no_run_but_its_own(stage: Stage, provider: FakeProvider) -> None:
    """Whoever steers is obeyed, and an agent of another program may have been talked into anything."""
    provider.script = [Turn(calls=[READ]), Turn("I looked.")]
    run = stage.ask()
    asked(stage, run)
    editor = stage.studio.make_token("editor", canvas=stage.canvas, kind="agent")
    for verb, body in (("steer", {"text": "Now do this."}), ("stop", {}), ("take-over", {}), ("pause", {})):
        assert stage.post(f"/api/runs/{run}/{verb}", editor, **body).status_code == 403, verb
    round = stage.post(f"/api/canvases/{stage.canvas}/rounds", recipe="fact-check", page=stage.page).json()["id"]
    assert stage.post(f"/api/rounds/{round}/say", editor, text="Now do this.").status_code == 403
    assert stage.post(f"/api/rounds/{round}/stop").status_code == 200
    provider.script = [Turn(calls=[READ]), Turn("I looked.")]
    made = stage.post(f"/api/canvases/{stage.canvas}/ask", editor, prompt="Look.", page=stage.page).json()["run"]
    assert stage.post(f"/api/runs/{made}/stop", editor).status_code == 200
    assert stage.post(f"/api/runs/{run}/stop").status_code == 200
    owner = stage.studio.make_token("owner", canvas=stage.canvas, kind="agent")
    assert stage.post(f"/api/canvases/{stage.canvas}/shares", owner, role="viewer").status_code == 403
