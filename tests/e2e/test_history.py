"""Looking back at a canvas in the browser: scrubbing, restoring while others type, naming, branching, bringing back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.conftest import ServedStudio, StartStudio
from tests.e2e.desk import Desk, until
from tests.e2e.test_accessibility import DESKTOP, PHONE, complaints, invitation

Person = Callable[..., Desk]

STORY = "# The keeper\n\nThe keeper climbed the stairs slowly.\n\nNobody lit a lamp."


def edit(studio: ServedStudio, canvas: dict[str, Any], find: str, replace: str, token: str = "", page: int = 0) -> None:
    with studio.client(token or None) as client:
        action = {"type": "edit", "page": canvas["pages"][page]["id"], "hunks": [{"find": find, "replace": replace}]}
        done = client.post(f"/api/canvases/{canvas['id']}/actions", json=action)
        assert done.status_code == 200, done.text


def past(page: Page) -> Locator:
    return page.get_by_role("region", name="The canvas as it was")


def look_back(desk: Desk) -> Locator:
    desk.page.keyboard.press("Control+Alt+h")
    expect(desk.page.get_by_label("Moment", exact=True)).to_be_visible()
    return past(desk.page)


def scene(studio: ServedStudio) -> dict[str, Any]:
    canvas = studio.canvas(STORY, "The boat came.", title="The keeper’s lamp")
    edit(studio, canvas, "slowly", "one by one", studio.make_token("editor", name="Ben"))
    edit(studio, canvas, "Nobody lit a lamp.", "One window was lit.")
    return canvas


def test_a_page_is_scrubbed_restored_and_the_restoration_undone(studio: ServedStudio, person: Person) -> None:
    canvas = scene(studio)
    url = invitation(studio, canvas["id"])
    ada, ben = person(), person()
    ada.join(url, "Ada")
    ben.join(url, "Ben")
    here = look_back(ada)
    text = here.locator(".cm-content")
    expect(text).to_contain_text("One window was lit.")
    expect(here.locator("del.past-del", has_text="Nobody lit a lamp")).to_be_visible()

    slider = ada.page.get_by_label("Moment", exact=True)
    slider.focus()
    ada.page.keyboard.press("Home")
    expect(text).to_contain_text("climbed the stairs slowly")
    assert (slider.get_attribute("aria-valuetext") or "").endswith("session 1 of 1")
    here.get_by_label("Compare with").select_option(label="Now")
    expect(here.locator("ins.past-ins", has_text="one by one")).to_be_visible()

    here.get_by_role("button", name="Restore page").click()
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.locator("ins", has_text="slowly")).to_be_visible()
    ben.type("\n\nBen was here.", "end")  # while Ada thinks about it
    ben.saved()
    dialog.get_by_role("button", name="Restore", exact=True).click()
    expect(dialog).to_be_hidden()
    until(lambda: "climbed the stairs slowly" in ben.text())
    assert "Ben was here." in ben.text() and "Nobody lit a lamp." in ben.text()

    ada.page.get_by_role("button", name="Undo").first.click()
    until(lambda: "one by one" in ben.text())
    assert "Ben was here." in ben.text() and "One window was lit." in ben.text()
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("region", name="The canvas as it was")).to_be_hidden()
    until(lambda: "one by one" in ada.text() and "Ben was here." in ada.text())


def test_who_leaves_while_the_studio_still_answers_leaves_in_peace(studio: ServedStudio, person: Person) -> None:
    canvas = scene(studio)
    ada = person()
    ada.join(invitation(studio, canvas["id"]), "Ada")
    look_back(ada)
    ada.page.get_by_label("Moment", exact=True).press("Home")
    ada.page.get_by_role("button", name="Restore page").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Restore", exact=True).click()
    expect(ada.page.get_by_role("dialog")).to_be_hidden()
    held: list[Route] = []
    ada.page.route(re.compile(r"/history$"), lambda route: held.append(route))
    ada.page.get_by_role("button", name="Undo").first.click()
    until(lambda: ada.page.wait_for_timeout(20) or held)
    ada.page.keyboard.press("Escape")
    expect(past(ada.page)).to_be_hidden()
    for route in held:
        route.continue_()
    expect(ada.page.get_by_text("Undone.", exact=True).first).to_be_visible()
    # That the browser has nothing to complain of is seen to where `person` ends.


def test_a_passage_is_restored_and_one_persons_typing_taken_back(studio: ServedStudio, person: Person) -> None:
    canvas = scene(studio)
    ada = person()
    ada.join(invitation(studio, canvas["id"]), "Ada")
    here = look_back(ada)
    ada.page.get_by_label("Moment", exact=True).focus()
    ada.page.keyboard.press("Home")
    here.get_by_label("Compare with").select_option(label="Nothing")
    line = here.locator(".cm-line", has_text="Nobody lit a lamp.")
    line.click(click_count=3)
    here.get_by_role("button", name="Restore passage").click()
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Restore the passage").click()
    expect(dialog).to_be_hidden()

    history = ada.page.get_by_role("navigation", name="History")
    history.get_by_role("button", name="More about this session").first.click()
    ada.page.get_by_role("menuitem", name="Take back what Ben typed").click()
    expect(dialog.locator("del", has_text="one by one")).to_be_visible()
    dialog.get_by_role("button", name="Take it back").click()
    expect(dialog).to_be_hidden()
    ada.page.get_by_role("button", name="Back to writing").click()
    until(lambda: "slowly.\n\nNobody lit a lamp." in ada.text())


def test_a_version_is_named_by_keyboard_and_compared_with(studio: ServedStudio, person: Person) -> None:
    canvas = scene(studio)
    ada = person()
    ada.join(invitation(studio, canvas["id"]), "Ada")
    here = look_back(ada)
    ada.page.get_by_label("Moment", exact=True).focus()
    ada.page.keyboard.press("Home")
    here.get_by_role("button", name="Name this version").focus()
    ada.page.keyboard.press("Enter")
    ada.page.keyboard.type("First draft")
    ada.page.keyboard.press("Enter")
    history = ada.page.get_by_role("navigation", name="History")
    expect(history.get_by_role("button", name="First draft", exact=True)).to_be_visible()
    ada.page.get_by_label("Moment", exact=True).focus()
    ada.page.keyboard.press("End")
    here.get_by_label("Compare with").select_option(label="First draft")
    expect(here.locator("del.past-del", has_text="slowly")).to_be_visible()
    history.get_by_role("button", name="First draft", exact=True).click()
    expect(here.get_by_role("heading", name="First draft")).to_be_visible()


def test_a_branch_is_made_worked_in_and_brought_back(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    ada = person()
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    canvas = scene(studio)
    ada.open(f"{studio.url}/c/{canvas['id']}/{canvas['pages'][0]['id']}")
    here = look_back(ada)
    here.get_by_role("button", name="Branch from here").click()
    ada.page.get_by_label("Name of the branch").fill("What if she leaves?")
    ada.page.keyboard.press("Enter")
    ada.page.wait_for_url(lambda url: canvas["id"] not in url)
    ada.ready()
    expect(ada.page.locator("#canvas-title")).to_have_value("What if she leaves?")
    ada.type(" She left.", "end")
    ada.saved()
    ada.page.get_by_role("button", name="Branch", exact=True).click()
    ada.page.get_by_role("button", name="Bring back…").click()
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.locator("ins", has_text="She left.")).to_be_visible()
    dialog.get_by_role("button", name="Propose 1 change").click()
    ada.page.get_by_role("button", name="Go there").click()
    ada.ready()
    card = ada.card(has_text="She left.")
    expect(card).to_have_count(1)
    assert "She left." not in ada.text()
    card.get_by_role("button", name="Accept").first.click()
    until(lambda: ada.text().endswith("One window was lit. She left."))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_the_history(
    studio: ServedStudio, person: Person, scheme: str, size: dict[str, Any]
) -> None:
    canvas = scene(studio)
    with studio.client() as owner:
        named = owner.post(f"/api/canvases/{canvas['id']}/history/versions", json={"name": "First draft", "seq": 1})
        assert named.status_code == 201
        owner.post(f"/api/canvases/{canvas['id']}/branches", json={"name": "What if she leaves?"})
    ada = person(color_scheme=scheme, **size)
    ada.join(invitation(studio, canvas["id"]), "Ada")
    here = look_back(ada)
    expect(here.locator("ins.past-ins").first).to_be_visible()
    assert complaints(ada.page) == []
    ada.page.get_by_label("Moment", exact=True).focus()
    ada.page.keyboard.press("Home")
    if size is PHONE:
        ada.page.get_by_role("button", name="Sessions and versions").click()
        expect(ada.page.get_by_role("navigation", name="History")).to_be_visible()
        assert complaints(ada.page) == []
        ada.page.get_by_role("button", name="Close the list").click()
    here.get_by_role("button", name="Restore page").click()
    expect(ada.page.get_by_role("dialog").get_by_role("button", name="Restore", exact=True)).to_be_visible()
    assert complaints(ada.page) == []
    ada.page.keyboard.press("Escape")
