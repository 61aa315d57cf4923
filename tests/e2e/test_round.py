"""Two agents, a line editor and two people in one page: every stage of a round is seen by both, and one decides.
And a round that is stopped, seen again after a reload, and begun again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider

from .desk import Desk
from .play import ASKED, BURIED, DRAFT, MEANWHILE, POLISHED, REVISED, STAYS, TELLS, THANKS, Play
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def studio(tmp_path: Path, provider: FakeProvider) -> Iterator[ServedStudio]:
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    served = serve(tmp_path, fake)
    yield served
    assert served.stop() == 0, served.log()


def test_a_draft_is_criticised_revised_and_polished_before_two_people_and_one_decides(
    studio: ServedStudio, provider: FakeProvider, person: Person
) -> None:
    play = Play(studio, provider, person(), person())
    play.begin()
    play.draft()
    suggestion = play.suggestion
    assert suggestion["author"] == "co-author" and suggestion["hunks"][0]["replace"].strip() == DRAFT
    assert "rang at the hour" not in play.view()["pages"][0]["text"]

    play.critique()
    threads = play.view()["threads"]
    assert [thread["comments"][0]["text"] for thread in threads] == [TELLS, BURIED]
    assert {thread["about"] for thread in threads} == {suggestion["id"]}
    assert {thread["author"] for thread in threads} == {"critic"}

    play.revise()
    assert any(MEANWHILE in str(body) for body in provider.chats), "what Tomas said was read"
    assert play.suggestion["id"] == suggestion["id"] and play.suggestion["hunks"][0]["replace"].strip() == REVISED

    play.polish()
    hunk = play.suggestion["hunks"][0]
    assert hunk["replace"].strip() == POLISHED and hunk["proposed"].strip() == REVISED
    assert hunk["amended_by"] == "line-editor"
    assert [turn["state"] for turn in play.round()["turns"]] == ["done"] * 4

    play.decide()
    view = play.view()
    assert view["pages"][0]["text"].rstrip().endswith(POLISHED)
    assert view["suggestions"][0]["status"] == "accepted"
    assert [thread["status"] for thread in view["threads"]] == ["resolved", "resolved"]
    assert [said["text"] for said in view["threads"][0]["comments"][-2:]] == [THANKS, STAYS]
    assert play.nadia.text() == play.tomas.text()


def test_a_round_is_stopped_found_again_and_begun_again(
    studio: ServedStudio, provider: FakeProvider, person: Person
) -> None:
    play = Play(studio, provider, person(), person(color_scheme="dark"))
    play.begin()
    play.draft()
    expect(play.turn(play.nadia, 1)).to_have_attribute("aria-current", "step", timeout=30_000)
    strip, page = play.strip(play.nadia), play.nadia.page
    expect(strip.get_by_role("link", name="Critic comments on the draft")).to_be_visible()
    for desk in (play.nadia, play.tomas):
        assert complaints(desk.page) == []

    strip.get_by_role("button", name="Stop").click()
    for desk in (play.nadia, play.tomas):
        expect(play.strip(desk)).to_contain_text("Stopped. What was proposed and said is still there.", timeout=30_000)
        expect(play.turn(desk, 3)).to_contain_text("left out")
        assert complaints(desk.page) == []
    play.scripts.gates["critique"].set()
    assert play.suggestion["status"] == "open"

    # Whoever comes back finds it, until it is put away.
    page.reload()
    play.nadia.ready()
    expect(strip).to_contain_text("Stopped.")
    strip.get_by_role("button", name="Begin again").click()
    dialog = page.get_by_role("dialog", name="Let several agents work on this")
    asked = dialog.get_by_label("What should they make?")
    expect(asked).to_have_value(ASKED)
    expect(dialog.get_by_role("radio", name="Draft, critique, revise")).to_be_checked()
    asked.fill(f"{ASKED} Shorter.")
    dialog.get_by_role("button", name="Begin").click()
    for gate in play.scripts.gates.values():
        gate.set()
    expect(strip).to_have_count(1)
    expect(strip).to_contain_text("Done. Now you decide.", timeout=60_000)
    first, second = play.rounds()[1], play.rounds()[0]
    assert (first["state"], second["state"]) == ("stopped", "done")
    assert second["prompt"] == f"{ASKED} Shorter." and second["place"]["page"] == first["place"]["page"]

    strip.get_by_role("button", name="Put the round away").click()
    expect(strip).to_have_count(0)
    page.reload()
    play.nadia.ready()
    expect(play.nadia.cards.first).to_be_visible()
    expect(strip).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_round_is_for_everybody(
    studio: ServedStudio, provider: FakeProvider, person: Person, size: dict[str, Any], scheme: str
) -> None:
    play = Play(studio, provider, person(), person(**size, color_scheme=scheme))
    play.begin()
    page = play.tomas.page
    expect(play.tomas.content).to_contain_text("Tonight the first bell rang", timeout=30_000)
    play.scripts.gates["draft"].set()
    expect(play.turn(play.tomas, 1)).to_have_attribute("aria-current", "step", timeout=30_000)
    expect(play.turn(play.tomas, 1)).to_be_in_viewport()
    page.get_by_role("button", name="Next suggestion or comment").click()
    expect(page.get_by_role("list", name="Comments on this suggestion")).to_contain_text(BURIED, timeout=30_000)
    assert complaints(page) == []
    strip = play.strip(play.tomas)
    strip.get_by_role("button", name="Turns").click()
    expect(strip.get_by_label("Who takes turn 3")).to_be_visible()
    assert complaints(page) == []
    strip.get_by_role("button", name="Cancel").click()
    strip.get_by_role("button", name="Say").click()
    expect(strip.get_by_label("Say something to the next turns")).to_be_focused()
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]
    for gate in play.scripts.gates.values():
        gate.set()
