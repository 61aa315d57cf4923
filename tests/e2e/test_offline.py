"""The line goes down and the studio dies, as they do: what was typed arrives, once, whoever else wrote meanwhile."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.conftest import ServedStudio, StartStudio

from .desk import Desk, until

Person = Callable[..., Desk]


def text_of(studio: ServedStudio, canvas: dict[str, Any]) -> str:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas['id']}/pages/{canvas['pages'][0]['id']}/text").text


def invitation(studio: ServedStudio, canvas: dict[str, Any], role: str = "editor") -> str:
    with studio.client() as owner:
        return owner.post(f"/api/canvases/{canvas['id']}/shares", json={"role": role}).json()["url"]


def port(studio: ServedStudio) -> str:
    return studio.url.rsplit(":", 1)[1]


def another_tab(desk: Desk) -> Desk:
    """The same browser, the same session, another tab of the same address."""
    tab = Desk(desk.page.context.new_page())
    tab.open(desk.page.url)
    return tab


def offline(desk: Desk) -> None:
    """The page says that the line is down, and what becomes of the text."""
    state = desk.page.locator("header .state")
    expect(state).to_have_text(re.compile("Offline: your edits are kept here"), timeout=60_000)


def test_the_state_line_says_offline_and_then_saved(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    canvas = studio.canvas("Once. ")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    at = port(studio)
    studio.stop(signal.SIGKILL)
    offline(ada)
    expect(ada.content).to_be_editable()
    ada.type("Typed in the dark. ", "end")
    offline(ada)
    ada.page.keyboard.press("Control+s")
    expect(ada.page.locator(".toast")).to_contain_text("Your edits are kept in this browser")
    studio.start(at)
    expect(ada.page.locator("header .state")).to_have_text(re.compile("Saved"), timeout=60_000)
    assert text_of(studio, canvas) == "Once. Typed in the dark. "


def test_what_was_typed_while_the_studio_was_dead_arrives_once_from_a_new_page(
    start_studio: StartStudio, person: Person
) -> None:
    studio = start_studio()
    canvas = studio.canvas("Kept. ")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    ada.type("Before. ", "end")
    ada.saved()
    at = port(studio)
    studio.stop(signal.SIGKILL)
    ada.type("While it was dead: 🌊 ñ. ", "end")
    offline(ada)
    address = ada.page.url
    context = ada.page.context
    ada.page.close()

    studio.start(at)
    assert text_of(studio, canvas) == "Kept. Before. "
    expected = "Kept. Before. While it was dead: 🌊 ñ. "
    for _ in range(2):
        again = Desk(context.new_page())
        again.open(address)
        until(lambda: text_of(studio, canvas) == expected)
        until(lambda desk=again: desk.text() == expected)
        again.page.close()
        assert again.complaints == []
    # Written by her, though it came from another page than it was typed on.
    with studio.client() as owner:
        runs = owner.get(f"/api/canvases/{canvas['id']}/pages/{canvas['pages'][0]['id']}/authors").json()
    assert "Ada" in str(runs)


def test_a_page_reloaded_while_the_line_is_down_has_its_text_when_the_line_is_back(
    studio: ServedStudio, person: Person
) -> None:
    canvas = studio.canvas("Kept. ")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    ada.page.context.set_offline(True)
    ada.type("On the train. ", "end")
    ada.page.wait_for_timeout(500)
    assert text_of(studio, canvas) == "Kept. "
    address = ada.page.url
    ada.page.goto("about:blank")
    ada.page.context.set_offline(False)
    ada.open(address)
    until(lambda: ada.text() == "Kept. On the train. ")
    until(lambda: text_of(studio, canvas) == "Kept. On the train. ")


def test_two_tabs_of_one_person_type_at_once(studio: ServedStudio, person: Person) -> None:
    canvas = studio.canvas("Middle. ")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    tab = another_tab(ada)
    ada.caret("start")
    tab.caret("end")
    for number in range(5):
        ada.type(f"left {number}. ")
        tab.type(f"right {number}. ")
    ada.saved()
    tab.saved()
    left, right = "".join(f"left {n}. " for n in range(5)), "".join(f"right {n}. " for n in range(5))
    expected = left + "Middle. " + right
    until(lambda: ada.text() == tab.text() == expected)
    assert text_of(studio, canvas) == expected

    # To others they are one person; a tab that is closed takes nothing along.
    ben = person()
    ben.join(invitation(studio, canvas), "Ben")
    expect(ben.people.get_by_role("button", name="Ada")).to_have_count(1)
    tab.page.close()
    ada.type("Still here. ", "start")
    ada.saved()
    until(lambda: ben.text() == "Still here. " + expected)
    expect(ben.people.get_by_role("button", name="Ada")).to_have_count(1)
    assert tab.complaints == []


def test_two_tabs_both_type_while_the_studio_is_dead(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    canvas = studio.canvas("Middle. ")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    tab = another_tab(ada)
    at = port(studio)
    studio.stop(signal.SIGKILL)
    ada.type("Left. ", "start")
    tab.type("Right. ", "end")
    offline(ada)
    offline(tab)
    tab.page.close()
    studio.start(at)
    ada.saved()
    third = another_tab(ada)
    until(lambda: text_of(studio, canvas) == "Left. Middle. Right. ")
    until(lambda: ada.text() == third.text() == "Left. Middle. Right. ")
    assert tab.complaints == third.complaints == []


def test_who_was_away_comes_back_with_old_edits_and_they_merge(studio: ServedStudio, person: Person) -> None:
    canvas = studio.canvas("First line.\n\nSecond line.\n\nThird line.\n")
    link = invitation(studio, canvas)
    ada, ben = person(), person()
    ada.join(link, "Ada")
    ben.join(link, "Ben")

    # Ada's line goes down. She writes into the second line and at the end; Ben deletes the first, writes into the
    # second too, and the co-author's suggestion for the third is accepted.
    ada.page.context.set_offline(True)
    ada.page.locator(".cm-line", has_text="Second line.").click()
    ada.page.keyboard.press("End")
    ada.type(" Ada was here.")
    ada.type("The end.", "end")
    ben.page.locator(".cm-line", has_text="First line.").click(click_count=3)
    ben.page.keyboard.press("Backspace")
    ben.page.locator(".cm-line", has_text="Second line.").click()
    ben.page.keyboard.press("Home")
    ben.type("Ben too. ")
    ben.saved()
    with studio.client() as owner:
        page = canvas["pages"][0]["id"]
        actions = f"/api/canvases/{canvas['id']}/actions"
        hunks = [{"find": "Third", "replace": "Last"}]
        made = owner.post(actions, json={"type": "suggest", "page": page, "hunks": hunks}).json()
        assert owner.post(actions, json={"type": "accept", "suggestion": made["id"]}).status_code == 200
    until(lambda: "Last line." in ben.text())
    assert "Ada" not in text_of(studio, canvas)

    ada.page.context.set_offline(False)
    expected = re.compile(r"\n*Ben too\. Second line\. Ada was here\.\n\nLast line\.\nThe end\.")
    until(lambda: expected.fullmatch(text_of(studio, canvas)), 60)
    until(lambda: ada.text() == ben.text() == text_of(studio, canvas))
    ada.saved()


def test_a_decision_that_cannot_be_sent_is_said_and_can_be_made_again(
    start_studio: StartStudio, person: Person
) -> None:
    studio = start_studio()
    canvas = studio.canvas("A grey whale.")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    hunks = [{"find": "grey", "replace": "white"}]
    with studio.client() as owner:
        action = {"type": "suggest", "page": canvas["pages"][0]["id"], "hunks": hunks}
        assert owner.post(f"/api/canvases/{canvas['id']}/actions", json=action).status_code == 200
    expect(ada.cards).to_have_count(1)
    at = port(studio)
    studio.stop(signal.SIGKILL)
    ada.card().get_by_role("button", name="Accept").click()
    expect(ada.page.locator(".toast")).to_contain_text("The studio cannot be reached.")
    expect(ada.cards).to_have_count(1)
    studio.start(at)
    ada.saved()
    ada.card().get_by_role("button", name="Accept").click()
    expect(ada.cards).to_have_count(0)
    until(lambda: text_of(studio, canvas) == "A white whale.")
