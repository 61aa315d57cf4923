"""Suggesting mode in real browsers: it feels like typing, others see it live, and nothing that is typed is lost."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import ServedStudio, StartStudio

from .desk import Desk, until
from .test_accessibility import complaints
from .test_offline import invitation, offline, port, text_of

Person = Callable[..., Desk]


def records(studio: ServedStudio, canvas: dict[str, Any]) -> list[dict[str, Any]]:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas['id']}").json()["suggestions"]


def proposals(studio: ServedStudio, canvas: dict[str, Any], status: str = "open") -> list[tuple[str, str]]:
    """What is proposed and undecided, as (old words, new words)."""
    return [
        (hunk["quote"], hunk["replace"])
        for record in records(studio, canvas)
        for hunk in record["hunks"]
        if hunk["status"] == status
    ]


def act(studio: ServedStudio, canvas: dict[str, Any], **action: Any) -> dict[str, Any]:
    with studio.client() as owner:
        answer = owner.post(f"/api/canvases/{canvas['id']}/actions", json=action)
        assert answer.status_code == 200, answer.text
        return answer.json()


def suggesting(desk: Desk) -> Desk:
    """Switch to suggesting."""
    desk.page.get_by_role("button", name="Suggesting", exact=True).click()
    expect(desk.content).to_be_focused()
    return desk


def screen(desk: Desk) -> str:
    """The text with its marks: [-gone] and [+new], of this person's and of others."""
    return desk.content.evaluate(
        """content => [...content.querySelectorAll('.cm-line')].map(line => {
            const copy = line.cloneNode(true)
            copy.querySelectorAll('.cm-widgetBuffer, [aria-hidden], button').forEach(n => n.remove())
            copy.querySelectorAll('ins').forEach(n => n.replaceWith(`[+${n.textContent}]`))
            copy.querySelectorAll('del').forEach(n => n.replaceWith(`[-${n.textContent}]`))
            return copy.textContent
        }).join('\\n')"""
    )


def put(desk: Desk, before: str) -> None:
    """Put the caret before some words of the first line."""
    text = desk.content.evaluate(
        """content => {
            const copy = content.querySelector('.cm-line').cloneNode(true)
            copy.querySelectorAll('ins:not(.own), [aria-hidden]').forEach(n => n.remove())
            return copy.textContent
        }"""
    )
    desk.content.focus()
    desk.page.keyboard.press("Control+Home")
    for _ in range(text.index(before)):
        desk.page.keyboard.press("ArrowRight")


@pytest.fixture
def scene(studio: ServedStudio, person: Person) -> tuple[ServedStudio, dict[str, Any], Desk]:
    canvas = studio.canvas("The sea was calm. Nobody came.")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    return studio, canvas, suggesting(ada)


Scene = tuple[ServedStudio, dict[str, Any], Desk]


def test_what_is_typed_is_suggested_and_the_text_stays(scene: Scene) -> None:
    studio, canvas, ada = scene
    put(ada, " calm")
    ada.page.keyboard.type(" very")
    assert screen(ada) == "The sea was[+ very] calm. Nobody came."
    put(ada, "Nobody")
    for _ in range(6):
        ada.page.keyboard.press("Shift+ArrowRight")
    ada.page.keyboard.type("Somebody")
    assert screen(ada) == "The sea was[+ very] calm. [-Nobody][+Somebody] came."
    ada.saved()
    until(lambda: sorted(proposals(studio, canvas)) == [("", " very"), ("Nobody", "Somebody")])
    assert text_of(studio, canvas) == "The sea was calm. Nobody came."
    # One row of the ledger for each, however many keys it took, and one for its last word.
    expect(ada.cards).to_have_count(2)
    ada.card(has_text="very").get_by_role("button", name="Accept", exact=True).click()
    until(lambda: text_of(studio, canvas) == "The sea was very calm. Nobody came.")
    until(lambda: screen(ada) == "The sea was very calm. [-Nobody][+Somebody] came.")


def test_deleting_undo_and_typing_again(scene: Scene) -> None:
    studio, canvas, ada = scene
    keys = ada.page.keyboard
    put(ada, " was")
    for _ in range(3):
        keys.press("Backspace")
    assert screen(ada) == "The [-sea] was calm. Nobody came."
    keys.type("lake")
    until(lambda: ("sea", "lake") in proposals(studio, canvas))
    keys.press("Control+z")
    assert screen(ada) == "The [-sea] was calm. Nobody came."
    keys.press("Control+z")
    assert screen(ada) == "The sea was calm. Nobody came."
    keys.press("Control+y")
    keys.press("Control+y")
    assert "lake" in screen(ada)
    keys.press("Control+z")
    keys.press("Control+z")
    ada.saved()
    until(lambda: proposals(studio, canvas) == [])
    # What was deleted and typed again is no change at all.
    put(ada, " was")
    for _ in range(3):
        keys.press("Backspace")
    keys.type("sea")
    assert screen(ada) == "The sea was calm. Nobody came."
    assert text_of(studio, canvas) == "The sea was calm. Nobody came."


def test_composing_pasting_cutting_and_line_breaks(scene: Scene) -> None:
    studio, canvas, ada = scene
    page = ada.page
    put(ada, " calm")
    line = page.context.new_cdp_session(page)
    for text in ("k", "か", "かん", "かんじ"):
        line.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
        page.wait_for_timeout(30)
    line.send("Input.insertText", {"text": "漢字"})
    until(lambda: screen(ada) == "The sea was[+漢字] calm. Nobody came.")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("A new line.")
    until(lambda: screen(ada) == "The sea was[+漢字] calm. Nobody came.\n[+A new line.]")
    # Cut words are struck where they were and are new where they are put.
    put(ada, "The sea")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+x")
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+v")
    until(lambda: screen(ada) == "[-The ]sea was[+漢字] calm. Nobody came.\n[+A new line.The ]")
    ada.saved()
    until(lambda: ("The ", "") in proposals(studio, canvas))
    # A line break that is to go is shown as one.
    page.keyboard.press("Control+Home")
    with studio.client() as owner:
        owner.post(
            f"/api/canvases/{canvas['id']}/actions",
            json={
                "type": "edit",
                "page": canvas["pages"][0]["id"],
                "hunks": [{"find": "Nobody came.", "replace": "Nobody came.\n\nLate."}],
            },
        ).raise_for_status()
    expect(ada.content).to_contain_text("Late.")
    put_at = page.locator(".cm-line", has_text="Late.").first
    put_at.click()
    page.keyboard.press("Home")
    page.keyboard.press("Backspace")
    expect(page.locator(".sg-break")).to_have_count(1)


def test_others_see_it_live_and_accept_it_while_it_is_typed(scene: Scene, person: Person) -> None:
    studio, canvas, ada = scene
    ben = person()
    ben.join(invitation(studio, canvas), "Ben")
    put(ada, " Nobody")
    ada.page.keyboard.type(" Gulls cried", delay=20)
    until(lambda: "[+ Gulls cried]" in screen(ben))
    ben.card(has_text="Gulls").get_by_role("button", name="Accept", exact=True).click()
    until(lambda: "calm. Gulls cried Nobody" in text_of(studio, canvas))
    until(lambda: "Gulls cried" in screen(ada) and "[+" not in screen(ada))
    # The caret is where it was, and what is typed on is a suggestion of its own.
    ada.page.keyboard.type(" aloud.")
    until(lambda: "calm. Gulls cried[+ aloud.] Nobody" in screen(ada))
    until(lambda: ("", " aloud.") in proposals(studio, canvas))
    ben.card(has_text="aloud").get_by_role("button", name="Reject", exact=True).click()
    until(lambda: screen(ada) == "The sea was calm. Gulls cried Nobody came.")
    assert text_of(studio, canvas) == "The sea was calm. Gulls cried Nobody came."


def test_a_commenter_suggests_and_cannot_write(studio: ServedStudio, person: Person) -> None:
    canvas = studio.canvas("The sea was calm.")
    eve = person()
    eve.join(invitation(studio, canvas, "commenter"), "Eve")
    expect(eve.page.locator("header")).to_contain_text("Suggesting")
    expect(eve.content).to_be_editable()
    eve.type(" Gulls.", "end")
    assert screen(eve) == "The sea was calm.[+ Gulls.]"
    until(lambda: proposals(studio, canvas) == [("", " Gulls.")])
    assert text_of(studio, canvas) == "The sea was calm."
    eve.page.reload()
    eve.ready()
    until(lambda: screen(eve) == "The sea was calm.[+ Gulls.]")
    # It can be written on after a reload, and withdrawn by deleting it.
    eve.caret("end")
    for _ in range(7):
        eve.page.keyboard.press("Backspace")
    until(lambda: proposals(studio, canvas) == [])
    reader = person()
    reader.join(invitation(studio, canvas, "viewer"), "Rea")
    expect(reader.content).not_to_be_editable()


def test_a_dead_studio_loses_no_suggestion(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    canvas = studio.canvas("The sea was calm.")
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    suggesting(ada)
    ada.type(" Before.", "end")
    until(lambda: proposals(studio, canvas) == [("", " Before.")])
    at = port(studio)
    studio.stop(signal.SIGKILL)
    ada.type(" While it was dead: 🌊.")
    ada.type("Dark. ", "start")
    offline(ada)
    address, context = ada.page.url, ada.page.context
    ada.page.close()
    studio.start(at)
    again = Desk(context.new_page())
    again.open(address)
    until(lambda: screen(again) == "[+Dark. ]The sea was calm.[+ Before. While it was dead: 🌊.]")
    until(lambda: sorted(proposals(studio, canvas)) == [("", " Before. While it was dead: 🌊."), ("", "Dark. ")])
    assert text_of(studio, canvas) == "The sea was calm."


def test_two_tabs_are_one_suggester(scene: Scene) -> None:
    studio, canvas, ada = scene
    tab = Desk(ada.page.context.new_page())
    tab.open(ada.page.url)
    ada.type(" One", "end")
    until(lambda: "[+ One]" in screen(tab))
    tab.type(" more.", "end")
    until(lambda: "[+ One more.]" in screen(ada))
    until(lambda: proposals(studio, canvas) == [("", " One more.")])


def test_markdown_keys_and_the_slash_menu(scene: Scene) -> None:
    studio, canvas, ada = scene
    keys = ada.page.keyboard
    put(ada, "calm")
    for _ in range(4):
        keys.press("Shift+ArrowRight")
    keys.press("Control+b")
    until(lambda: sorted(re.findall(r"\[\+(.*?)\]", screen(ada))) == ["**", "**"])
    ada.caret("end")
    keys.press("Enter")
    keys.type("/head")
    expect(ada.page.locator(".cm-tooltip-autocomplete")).to_be_visible()
    ada.page.wait_for_timeout(200)  # a list that has just come up takes no key meant for the text
    keys.press("Enter")
    keys.type("Title")
    until(lambda: any("# Title" in new for _, new in proposals(studio, canvas)))
    # Back to writing: what was suggested stays suggested, and what is typed is text.
    ada.page.get_by_role("button", name="Writing", exact=True).click()
    ada.type("Now. ", "start")
    until(lambda: text_of(studio, canvas).startswith("Now. The sea"))
    assert "# Title" not in text_of(studio, canvas)


def test_undo_takes_back_decisions_and_typing_in_order(studio: ServedStudio, person: Person) -> None:
    canvas = studio.canvas("The sea was calm. Nobody came.")
    page = canvas["pages"][0]["id"]
    act(
        studio,
        canvas,
        type="suggest",
        page=page,
        hunks=[{"find": "calm", "replace": "rough"}],
        evidence=[{"text": "The log says so.", "url": "https://example.org/log"}],
        reason="The log.",
    )
    act(studio, canvas, type="suggest", page=page, hunks=[{"find": "Nobody", "replace": "Ben"}])
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    keys = ada.page.keyboard
    expect(ada.cards).to_have_count(2)
    ada.type("A. ", "start")
    ada.card(has_text="rough").get_by_role("button", name="Accept", exact=True).click()
    expect(ada.content).to_contain_text("rough")
    expect(ada.page.locator(".toast", has_text="Accepted.")).to_be_visible()
    ada.type("B. ", "start")
    ada.card(has_text="Ben").get_by_role("button", name="Reject", exact=True).click()
    expect(ada.cards).to_have_count(0)
    ada.content.focus()
    keys.press("Control+z")
    expect(ada.cards).to_have_count(1)
    keys.press("Control+z")
    until(lambda: ada.text() == "A. The sea was rough. Nobody came.")
    keys.press("Control+z")
    until(lambda: ada.text() == "A. The sea was calm. Nobody came.")
    expect(ada.cards).to_have_count(2)
    keys.press("Control+z")
    until(lambda: ada.text() == "The sea was calm. Nobody came.")
    # All at once is one step, too, and can be found and undone after a reload.
    ada.command("Accept all suggestions on this page")
    until(lambda: text_of(studio, canvas) == "The sea was rough. Ben came.")
    ada.page.reload()
    ada.ready()
    ada.command("Recently decided")
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem").first).to_contain_text("2 changes")
    assert complaints(ada.page) == []
    dialog.get_by_role("button", name="Undo what").first.click()
    until(lambda: text_of(studio, canvas) == "The sea was calm. Nobody came.")
    ada.page.keyboard.press("Escape")
    expect(ada.cards).to_have_count(2)


def test_alternatives_are_looked_at_and_taken(studio: ServedStudio, person: Person) -> None:
    canvas = studio.canvas("The old keeper climbed the stairs slowly.")
    page = canvas["pages"][0]["id"]
    act(
        studio,
        canvas,
        type="suggest",
        page=page,
        hunks=[{"find": "old keeper climbed", "replace": "young keeper climbed"}],
    )
    act(studio, canvas, type="suggest", page=page, hunks=[{"find": "keeper climbed", "replace": "keeper took"}])
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    card = ada.page.get_by_role("article", name="Alternatives")
    expect(card).to_have_count(1)
    assert screen(ada) == "The [-old][+young] keeper climbed the stairs slowly."
    put(ada, "keeper")
    expect(card).to_have_class(re.compile("active"))
    ada.page.keyboard.press("Alt+2")
    until(lambda: "keeper [-climbed][+took]" in screen(ada))
    assert complaints(ada.page) == []
    card.get_by_role("button", name="Both").click()
    until(lambda: text_of(studio, canvas) == "The young keeper took the stairs slowly.")
    ada.content.focus()
    ada.page.keyboard.press("Control+z")
    until(lambda: text_of(studio, canvas) == "The old keeper climbed the stairs slowly.")
    expect(card).to_have_count(1)
    # What cannot be put together is written by hand.
    put(ada, "keeper")
    card.get_by_role("button", name="Write it").click()
    field = card.get_by_label("What is to stand there")
    field.fill("ancient keeper took")
    assert complaints(ada.page) == []
    ada.page.keyboard.press("Control+Enter")
    until(lambda: text_of(studio, canvas) == "The ancient keeper took the stairs slowly.")


def test_a_change_is_edited_before_it_is_taken_and_an_old_one_shows_all_three_texts(
    studio: ServedStudio, person: Person
) -> None:
    canvas = studio.canvas("The sea was calm. Nobody came.")
    page = canvas["pages"][0]["id"]
    act(studio, canvas, type="suggest", page=page, hunks=[{"find": "calm", "replace": "rough"}])
    act(studio, canvas, type="suggest", page=page, hunks=[{"find": "Nobody came", "replace": "Ben came"}])
    ada, ben = person(), person()
    ada.join(invitation(studio, canvas), "Ada")
    ben.join(invitation(studio, canvas), "Ben")
    put(ada, "calm")
    ada.page.keyboard.press("Control+Alt+e")
    field = ada.page.get_by_label("What is to stand there")
    expect(field).to_have_value("rough")
    field.fill("wild")
    ada.card(has=field).get_by_role("button", name="Save", exact=True).click()
    expect(ben.card(has_text="Edited by Ada")).to_contain_text("rough")
    assert complaints(ben.page) == []
    ben.card(has_text="Edited by Ada").get_by_role("button", name="Accept", exact=True).click()
    until(lambda: text_of(studio, canvas) == "The sea was wild. Nobody came.")
    put(ben, "body came")
    ben.page.keyboard.type("x")
    stale = ada.card(has_text="The text has changed since.")
    expect(stale).to_contain_text("Nobody came")
    expect(stale).to_contain_text("Noxbody came")
    expect(stale).to_contain_text("Ben came")
    assert complaints(ada.page) == []
