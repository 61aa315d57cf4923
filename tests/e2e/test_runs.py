"""An agent at work, as people see it: step by step, steered while it goes on, asking before it does what it may not."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import ServedStudio, StartStudio
from tests.models.fake_provider import FakeProvider, Refusal, Turn
from tests.web.loop.conftest import environment, suggests

from .desk import Desk
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]
TEXT = "The keeper climbed the stairs slowly. The old lamp went out. Nobody had asked him to."
PLAN = {"items": [{"text": "Read the page", "state": "done"}, {"text": "Find a better word", "state": "doing"}]}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def looping(start_studio: StartStudio, provider: FakeProvider) -> ServedStudio:
    return start_studio(**environment(provider))


def come_in(studio: ServedStudio, person: Person, screen: dict[str, Any] = DESKTOP) -> tuple[Desk, dict[str, Any]]:
    ann = person(**screen)
    ann.set_up(f"{studio.url}/?setup={studio.setup}", "Ann")
    canvas = studio.canvas(TEXT, title="The keeper’s lamp")
    ann.page.goto(f"{studio.url}/c/{canvas['id']}")
    ann.ready()
    return ann, canvas


def talk(desk: Desk) -> None:
    """Bring the conversation onto a small screen."""
    desk.page.get_by_role("navigation", name="Views").get_by_role("button", name="Talk").click()


def ask(desk: Desk, text: str, screen: dict[str, Any]) -> None:
    """Ask the co-author; on a phone Enter only makes a new line."""
    if screen is PHONE:
        talk(desk)
        desk.page.locator("#composer").fill(text)
        desk.page.get_by_role("button", name="Ask Co-author", exact=True).click()
    else:
        desk.ask(text)


def look(desk: Desk, name: str) -> None:
    """Leave a picture behind for whoever wants to see it."""
    if folder := os.environ.get("STUDIOLO_LOOK"):
        desk.page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_work_is_seen_steered_and_paused(
    looping: ServedStudio, provider: FakeProvider, person: Person, screen: dict[str, Any]
) -> None:
    ann, canvas = come_in(looping, person, screen)
    page = canvas["pages"][0]["id"]
    go_on = threading.Event()
    provider.script = [
        Turn(calls=[("plan", PLAN), ("read_page", {"page": page})]),
        Turn(calls=[suggests(page)], wait=go_on),
        Turn("I proposed lantern, as you said."),
    ]
    ask(ann, "Find a better word for lamp.", screen)
    work = ann.page.get_by_role("list", name="Agents at work")
    expect(work.get_by_role("list", name="Its plan")).to_contain_text("Find a better word")
    expect(work.get_by_role("list", name="Steps")).to_contain_text("Page 1")
    work.get_by_label("Say something to Co-author while it works").fill("Something that one can carry.")
    work.get_by_label("Say something to Co-author while it works").press("Enter")
    expect(ann.page.get_by_role("log")).to_contain_text("Something that one can carry.")
    assert complaints(ann.page) == []
    look(ann, f"activity-{'phone' if screen is PHONE else 'desktop'}")
    go_on.set()
    expect(ann.page.get_by_role("log")).to_contain_text("I proposed lantern, as you said.")
    expect(work).to_have_count(0)
    said = [str(message["content"]) for message in provider.asked[-1].body["messages"] if message["role"] == "user"]
    assert any("Something that one can carry." in one for one in said)


def test_a_question_is_answered_by_somebody_else(looping: ServedStudio, provider: FakeProvider, person: Person) -> None:
    ann, canvas = come_in(looping, person)
    ben = person(**PHONE)
    ben.join(ann.share("Can comment"), "Ben")
    long = "Nobody knows whose it is, and nobody may: that is what the second chapter turns on, and the last"
    question = ("ask_person", {"question": "Is the lamp his own?", "choices": ["His own", "The harbour’s", long]})
    provider.script = [Turn(calls=[question]), Turn("Then I leave it as it is.")]
    ann.ask("Whose lamp is it?")
    card = ann.page.get_by_role("group", name="An agent asks a question")
    expect(card).to_be_visible()
    expect(ann.page.get_by_role("log")).to_contain_text("Is the lamp his own?")
    assert complaints(ann.page) == []
    look(ann, "question")
    talk(ben)
    bens = ben.page.get_by_role("group", name="An agent asks a question")
    for asked in (card, bens):  # a choice may be a whole sentence, and stays within the card
        outer, inner = asked.bounding_box(), asked.get_by_role("button", name="Nobody knows").bounding_box()
        assert outer and inner and inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert complaints(ben.page) == []
    look(ben, "question-phone")
    bens.get_by_role("button", name="The harbour’s").click()
    expect(card).to_contain_text("Ben: The harbour’s")
    expect(ann.page.get_by_role("log")).to_contain_text("Then I leave it as it is.")
    assert canvas


def test_what_leaves_the_machine_is_allowed_by_a_person(
    start_studio: StartStudio, provider: FakeProvider, person: Person
) -> None:
    studio = start_studio(**environment(provider), STUDIOLO_TOOL_NETWORKS="127.0.0.0/8")
    ann, canvas = come_in(studio, person)
    address = f"{provider.url}/v1/models"
    ask = ("read_url", {"url": address})
    provider.script = [Turn(calls=[ask]), Turn("I was not allowed to read it.")]
    with studio.client() as owner:
        body = {"agent": "researcher", "prompt": "Read that address.", "say": True}
        assert owner.post(f"/api/canvases/{canvas['id']}/ask", json=body).status_code == 202
    card = ann.page.get_by_role("group", name="An agent asks whether it may do something")
    expect(card).to_contain_text(address)
    assert complaints(ann.page) == []
    look(ann, "approval")
    before = [one.path for one in provider.asked if one.path.endswith("/models")]
    card.get_by_role("button", name="No…").click()
    card.get_by_label("A sentence to the agent").fill("Not today.")
    card.get_by_role("button", name="Do not allow it").click()
    expect(card).to_contain_text("did not allow it: “Not today.”")
    # What was asked for can still be read; it does not stand in the way.
    expect(card.get_by_role("definition").first).to_be_hidden()
    card.get_by_text("All of it").click()
    expect(card.get_by_role("definition").first).to_be_visible()
    expect(ann.page.get_by_role("log")).to_contain_text("I was not allowed to read it.")
    assert [one.path for one in provider.asked if one.path.endswith("/models")] == before, "nothing was fetched"
    assert "Not today." in str(provider.asked[-1].body["messages"])


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_run_has_a_page(
    looping: ServedStudio, provider: FakeProvider, person: Person, screen: dict[str, Any]
) -> None:
    ann, canvas = come_in(looping, person, screen)
    page = canvas["pages"][0]["id"]
    provider.script = [
        Turn(calls=[("plan", PLAN), ("read_page", {"page": page})]),
        Turn(calls=[suggests(page)]),
        Turn("I proposed lantern."),
    ]
    ask(ann, "Find a better word for lamp.", screen)
    expect(ann.page.get_by_role("log")).to_contain_text("I proposed lantern.")
    ann.command("What agents did here")
    ann.page.get_by_role("dialog").get_by_role("link", name="Find a better word for lamp.").click()
    expect(ann.page.get_by_role("status").first).to_contain_text("Done")
    came = ann.page.get_by_role("region", name="What came of it")
    expect(came).to_contain_text("waits for a decision")
    steps = ann.page.get_by_role("region", name="Step by step")
    steps.get_by_text("Page 1").first.click()
    assert complaints(ann.page) == []
    look(ann, f"run-{'phone' if screen is PHONE else 'desktop'}")
    ann.page.emulate_media(color_scheme="dark")
    look(ann, f"run-dark-{'phone' if screen is PHONE else 'desktop'}")
    with looping.client() as owner:
        suggestion = owner.get(f"/api/canvases/{canvas['id']}").json()["suggestions"][0]["id"]
        body = {"type": "accept", "suggestion": suggestion}
        assert owner.post(f"/api/canvases/{canvas['id']}/actions", json=body).status_code == 200
    ann.page.reload()
    expect(came).to_contain_text("accepted")


def test_what_is_said_to_a_run_that_was_paused_is_heard_when_it_goes_on(
    looping: ServedStudio, provider: FakeProvider, person: Person
) -> None:
    ann, canvas = come_in(looping, person)
    page = canvas["pages"][0]["id"]
    go_on = threading.Event()
    provider.script = [Turn(calls=[("read_page", {"page": page})], wait=go_on), Turn("Then I leave it.")]
    ann.ask("Find a better word for lamp.")
    work = ann.page.get_by_role("list", name="Agents at work")
    work.get_by_role("button", name="Pause Co-author").click()
    go_on.set()
    expect(work.get_by_role("listitem", name="Co-author: paused")).to_be_visible()
    # The page may be opened anew meanwhile.
    ann.page.reload()
    ann.ready()
    said = work.get_by_label("Say something to Co-author while it works")
    said.fill("Leave the lamp as it is.")
    said.press("Enter")
    expect(ann.page.get_by_role("log")).to_contain_text("Leave the lamp as it is.")
    assert complaints(ann.page) == []
    work.get_by_role("button", name="Let Co-author go on").click()
    expect(ann.page.get_by_role("log")).to_contain_text("Then I leave it.")
    assert "Leave the lamp as it is." in str(provider.asked[-1].body["messages"])


def test_what_failed_is_asked_again(looping: ServedStudio, provider: FakeProvider, person: Person) -> None:
    ann, canvas = come_in(looping, person)
    page = canvas["pages"][0]["id"]
    provider.script = [
        Refusal(401, {"error": {"message": "Incorrect API key."}}),
        Turn(calls=[suggests(page)]),
        Turn("I proposed lantern."),
    ]
    ann.ask("Find a better word for lamp.")
    again = ann.page.get_by_role("log").get_by_role("button", name="Ask again")
    expect(again).to_be_visible()
    assert complaints(ann.page) == []
    again.focus()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("log")).to_contain_text("I proposed lantern.")
    expect(ann.card()).to_have_count(1)
    expect(ann.page.get_by_role("log").get_by_text("Find a better word for lamp.")).to_have_count(1)
