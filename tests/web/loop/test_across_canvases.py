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
