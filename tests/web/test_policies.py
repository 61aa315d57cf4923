"""The review budget over HTTP: who may make policies, what they accept by themselves, and how it is listed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio

TEXT = 'The sea -- grey -- lay still... He said "no" twice.\n\nIn 1912 the ship left port.'


def act(client: httpx2.Client, canvas: str, kind: str, **action: Any) -> httpx2.Response:
    return client.post(f"/api/canvases/{canvas}/actions", json={"type": kind, **action})


def agent_token(studio: ServedStudio, role: str, name: str = "Line editor") -> str:
    return studio.cli("token", "create", "--role", role, "--agent", "--name", name).stdout.strip()


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)
    return found


def test_a_policy_accepts_what_an_agent_suggests_and_says_so(studio: ServedStudio) -> None:
    made = studio.canvas(TEXT)
    canvas, page = made["id"], made["pages"][0]["id"]
    with studio.client() as owner, studio.client(agent_token(studio, "commenter")) as agent:

        def suggest(find: str, replace: str) -> str:
            hunks = [{"find": find, "replace": replace}]
            return act(agent, canvas, "suggest", page=page, hunks=hunks, reason="Set right.").json()["id"]

        def status(id: str) -> str:
            return next(
                s["status"] for s in owner.get(f"/api/canvases/{canvas}").json()["suggestions"] if s["id"] == id
            )

        assert owner.get(f"/api/canvases/{canvas}/policies").json() == {"policies": []}
        before = suggest("still...", "still…")
        set_ = act(owner, canvas, "set_policy", kinds=["typography"], name="Setting", sample=1)
        assert set_.status_code == 200, set_.text
        policy = set_.json()["policy"]

        taken, asked = suggest("sea -- grey -- lay", "sea—grey—lay"), suggest("1912", "1913")
        until(lambda: status(taken) == "accepted")
        assert (status(before), status(asked)) == ("open", "open")

        (listed,) = owner.get(f"/api/canvases/{canvas}/policies").json()["policies"]
        assert listed["id"] == policy and listed["name"] == "Setting" and listed["risk"] == "low"
        assert listed["counts"] == {"accepted": 1, "day": 1, "withdrawn": 0, "audited": 0, "wanted": 1}
        answer = owner.get(f"/api/canvases/{canvas}/policies/{policy}/accepted").json()
        (row,) = answer["accepted"]
        assert (
            row["suggestion"] == taken and row["audit"] == "wanted" and row["stands"] and row["kinds"] == ["typography"]
        )
        assert [(hunk["was"], hunk["now"]) for hunk in row["hunks"]] == [("sea -- grey -- lay", "sea—grey—lay")]

        rows = owner.get(f"/api/canvases/{canvas}/ledger").json()["ledger"]
        accepted = [one for one in rows if one["outcome"]["outcome"] == "accepted"]
        assert len(accepted) == 1 and accepted[0]["participant"] == "studio"
        assert accepted[0]["outcome"]["policy"] == policy and accepted[0]["outcome"]["changes"][0]["was"].startswith(
            "sea"
        )

        assert act(owner, canvas, "audit", suggestion=taken).json()["verdict"] == "good"
        assert act(owner, canvas, "undo", policy=policy).status_code == 200
        assert owner.get(f"/api/canvases/{canvas}/pages/{page}/text").text == TEXT
        (listed,) = owner.get(f"/api/canvases/{canvas}/policies").json()["policies"]
        assert listed["counts"]["withdrawn"] == 1
        assert owner.get(f"/api/canvases/{canvas}/policies/nowhere/accepted").status_code == 404


@pytest.mark.parametrize("role", ["commenter", "editor", "owner"])
def test_an_agents_token_makes_no_policy_whatever_its_role(studio: ServedStudio, role: str) -> None:
    made = studio.canvas(TEXT)
    canvas = made["id"]
    with studio.client(agent_token(studio, role)) as agent, studio.client() as owner:
        refused = act(agent, canvas, "set_policy", kinds=["typography"])
        assert refused.status_code == 403, refused.text
        policy = act(owner, canvas, "set_policy", kinds=["typography"]).json()["policy"]
        assert act(agent, canvas, "remove_policy", policy=policy).status_code == 403
        assert act(agent, canvas, "set_policy", policy=policy, kinds=["number"], risk="high").status_code == 403
        assert act(agent, canvas, "audit", suggestion="x").status_code == 403


def test_a_viewer_reads_policies_and_a_stranger_does_not(studio: ServedStudio) -> None:
    made = studio.canvas(TEXT)
    with studio.client(studio.make_token("viewer", made["id"])) as viewer, studio.client("") as nobody:
        assert viewer.get(f"/api/canvases/{made['id']}/policies").status_code == 200
        assert act(viewer, made["id"], "set_policy", kinds=["typography"]).status_code == 403
        assert nobody.get(f"/api/canvases/{made['id']}/policies").status_code == 401


def test_a_policy_must_be_about_something(studio: ServedStudio) -> None:
    made = studio.canvas(TEXT)
    with studio.client() as owner:
        for wrong in ({"kinds": []}, {"kinds": ["spleling"]}, {"kinds": ["typography"], "risk": "none"}, {}):
            assert act(owner, made["id"], "set_policy", **wrong).status_code == 422
