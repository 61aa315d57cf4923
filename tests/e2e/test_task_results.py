"""What a task made, in the inbox: one group that says what changed meanwhile, gone through by key or decided as one;
and the task in the conversation of its canvas, answered there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ServedStudio
from tests.models.fake_provider import FakeProvider
from tests.web.lector import CHANGES, FIRST, REMARK, Lector, begin, book, serve_lector

from .desk import Desk, until
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]
SOON = 60_000  # milliseconds that a step may take on a busy machine


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def lector(provider: FakeProvider) -> Iterator[Lector]:
    lector = Lector(provider)
    yield lector
    lector.close()


@pytest.fixture
def studio(tmp_path: Path, provider: FakeProvider) -> Iterator[ServedStudio]:
    served = serve_lector(tmp_path, provider)
    yield served
    assert served.stop() == 0, served.log()


def edit(studio: ServedStudio, canvas: dict[str, Any], find: str, replace: str) -> None:
    hunks = [{"find": find, "replace": replace}]
    action = {"type": "edit", "page": canvas["pages"][0]["id"], "hunks": hunks}
    with studio.client() as owner:
        assert owner.post(f"/api/canvases/{canvas['id']}/actions", json=action).status_code == 200


def text(studio: ServedStudio, canvas: dict[str, Any]) -> str:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas['id']}").json()["pages"][0]["text"]


def ended(studio: ServedStudio, task: dict[str, Any]) -> None:
    with studio.client() as owner:
        until(lambda: owner.get(f"/api/tasks/{task['id']}").json()["state"] == "done", 60)


def rows(page: Page) -> Locator:
    return page.locator("[role=option]")


def opened(page: Page, studio: ServedStudio, task: dict[str, Any]) -> Locator:
    """The group of a task, where a link leads to it."""
    page.goto(f"{studio.url}/inbox?task={task['id']}")
    group = page.locator(f"[data-group='{task['id']}']")
    expect(group).to_be_visible(timeout=SOON)
    expect(group.get_by_role("list", name="What it made")).to_be_visible(timeout=SOON)
    return group


def test_what_a_task_made_is_gone_through_by_key_and_says_what_changed(
    studio: ServedStudio, lector: Lector, person: Person
) -> None:
    ada = person(**DESKTOP)
    page = ada.page
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    canvas = book(studio)
    task = begin(studio, canvas)
    lector.gates[0].set()
    with studio.client() as owner:
        until(lambda: len(owner.get("/api/inbox").json()["items"]) == 5, 60)
    group = opened(page, studio, task)
    expect(group).to_contain_text("More may come.")
    expect(rows(page)).to_have_count(1)
    lector.gates[1].set()
    ended(studio, task)
    edit(studio, canvas, "A grey boat", "A green boat")
    edit(studio, canvas, "open again", "shut")
    group = opened(page, studio, task)
    expect(group.get_by_text("More may come.")).to_have_count(0)
    around = group.locator("[data-around=changed]").first
    expect(around).to_contain_text("Test owner changed the text around it since the task began", timeout=SOON)
    expect(around.locator("del")).to_have_text("grey")
    expect(around.locator("ins")).to_have_text("green")
    expect(group).to_contain_text("1 change out of date")
    # One by one.
    page.keyboard.press("ArrowRight")
    expect(rows(page)).to_have_count(6)
    reading = page.locator("[data-reading]")
    expect(reading.get_by_role("button", name="Line edit of The quay")).to_be_visible()
    seen: set[str] = set()
    for _ in range(5):
        seen.add(page.locator("[data-current]").get_attribute("data-kind") or "")
        page.keyboard.press("j")
    assert seen == {"suggestion", "stale", "question"}
    expect(reading).to_contain_text(REMARK)
    page.keyboard.press("a")
    expect(rows(page)).to_have_count(5)
    page.locator("[role=option]", has_text="stood").click()
    page.keyboard.press("e")
    page.get_by_label("What to put there").first.fill("Gulls dozed")
    page.keyboard.press("Control+Enter")
    expect(rows(page)).to_have_count(4)
    until(lambda: "Gulls dozed along the roof" in text(studio, canvas))
    page.keyboard.press("ArrowLeft")
    expect(rows(page)).to_have_count(1)


def test_all_of_it_is_taken_or_turned_down_as_one_and_taken_back(
    studio: ServedStudio, lector: Lector, person: Person
) -> None:
    ada = person(**DESKTOP)
    page = ada.page
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    canvas = book(studio)
    lector.gates[0].set()
    lector.gates[1].set()
    task = begin(studio, canvas)
    ended(studio, task)
    group = opened(page, studio, task)
    expect(group).to_contain_text("The text around is as the task read it", timeout=SOON)
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Reject all 4?")
    dialog.get_by_role("button", name="Back").click()
    expect(dialog).to_be_hidden()
    page.keyboard.press("a")
    until(lambda: all(replace in text(studio, canvas) for _, replace in CHANGES))
    page.keyboard.press("u")
    until(lambda: text(studio, canvas) == "\n\n".join(FIRST) + "\n")
    group = opened(page, studio, task)
    edit(studio, canvas, "A grey boat", "A green boat")
    group = opened(page, studio, task)
    expect(group.locator("[data-around=changed]").first).to_be_visible(timeout=SOON)
    page.keyboard.press("a")
    expect(dialog).to_contain_text("Around one of them somebody has changed the text since the task read it.")
    dialog.get_by_role("button", name="Only the 3 others").click()
    until(lambda: "Gulls sat" in text(studio, canvas))
    assert "walked down" in text(studio, canvas)


def test_a_task_asks_in_the_conversation_is_answered_there_and_says_what_came_of_it(
    studio: ServedStudio, lector: Lector, person: Person
) -> None:
    ada = person(**DESKTOP)
    page = ada.page
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    canvas = book(studio)
    ada.open(f"{studio.url}/c/{canvas['id']}")
    task = page.evaluate(
        """async ([path, body]) => (await fetch(path, {
            method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body)
        })).json()""",
        [f"/api/canvases/{canvas['id']}/tasks", {"kind": "asks-first", "inputs": {}}],
    )
    conversation = page.get_by_role("complementary", name="Conversation")
    card = conversation.get_by_role("group", name="A task asks a question")
    expect(card.get_by_role("link", name="Asks first")).to_be_visible(timeout=SOON)
    card.get_by_role("button", name="past").click()
    expect(card).to_contain_text("Ada: past", timeout=SOON)
    said = conversation.get_by_text("“Asks first” is done: Nothing to change.")
    expect(said).to_be_visible(timeout=SOON)
    expect(conversation.get_by_role("link", name="Step by step")).to_have_attribute("href", f"/tasks/{task['id']}")
    # It came to nothing: one line, put away with one key.
    page.goto(f"{studio.url}/inbox")
    expect(rows(page)).to_have_count(1, timeout=SOON)
    expect(rows(page).first).to_contain_text("Nothing to change.")
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_for_everybody(
    studio: ServedStudio, lector: Lector, person: Person, scheme: str, size: dict[str, Any]
) -> None:
    ada = person(color_scheme=scheme, **size)
    page = ada.page
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    canvas = book(studio)
    lector.gates[0].set()
    lector.gates[1].set()
    task = begin(studio, canvas)
    ended(studio, task)
    edit(studio, canvas, "A grey boat", "A green boat")
    edit(studio, canvas, "open again", "shut")
    found: dict[str, list[str]] = {}

    def check(view: str) -> None:
        page.wait_for_timeout(150)
        if said := complaints(page):
            found[view] = said

    group = opened(page, studio, task)
    expect(group.locator("[data-around=changed]").first).to_be_visible(timeout=SOON)
    check("group")
    group.get_by_role("button", name="Reject all").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check("a second look")
    page.keyboard.press("Escape")
    group.locator("[data-act=through]").click()
    expect(page.locator("[data-around]").first).to_be_visible(timeout=SOON)
    check("one of it")
    if size is PHONE:
        page.get_by_role("button", name=" of 6").click()
    expect(rows(page)).to_have_count(6)
    check("list")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{studio.url}/c/{canvas['id']}")
    said = page.get_by_text("is done: ")
    if size is PHONE:
        page.get_by_role("button", name="Talk", exact=True).click()
    expect(said.first).to_be_visible(timeout=SOON)
    expect(page.get_by_role("link", name="What it made")).to_be_visible()
    check("conversation")
    assert found == {}
