"""Everybody can use it: axe finds nothing against WCAG 2.2 AA on any view, and the keyboard alone goes everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ServedStudio, StartStudio

from .desk import Desk

Person = Callable[..., Desk]

# No rule is left out. `target-size` belongs to WCAG 2.2 AA but has to be asked for by name.
WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1360, "height": 860}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

STORY = """# The keeper

The lighthouse keeper climbed the stairs slowly. *Nobody* had asked him to, and **nobody** would thank him.

- oil for the lamp
- [a letter](https://example.org/letter) that he had not opened

> The sea keeps what it is given.

Down in the village nobody lit a lamp. It was very quiet there.
"""


def complaints(page: Page, but: str = "") -> list[str]:
    """What axe finds on the page as it stands: the rule, the element, and why."""
    context = {"exclude": [but]} if but else None
    found = Axe().run(page, context, WCAG).response["violations"]
    return [
        f"{rule['id']} at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def scene(studio: ServedStudio) -> str:
    """A canvas with all that can stand on it: hunks of an agent and of a person, a thread with a fix, a talk."""
    canvas = studio.canvas(STORY, "def keep(lamp):\n    return lamp\n", title="The keeper’s lamp")
    page = canvas["pages"][0]["id"]
    agent = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Co-author").stdout.strip()

    shorter = [{"find": "climbed", "replace": "took"}, {"find": "slowly", "replace": ""}]
    ideas = ["A boat comes.", "The lamp fails."]
    by_agent: list[dict[str, Any]] = [
        {"type": "suggest", "page": page, "reason": "Say less.", "hunks": shorter},
        {
            "type": "comment",
            "page": page,
            "quote": "very quiet",
            "text": "Show it instead: what does one hear?",
            "replace": "so quiet that he heard the rope",
        },
        {"type": "say", "text": "He is *waiting* for somebody, I think.", "ideas": ideas},
    ]
    by_owner: list[dict[str, Any]] = [
        {"type": "suggest", "page": page, "hunks": [{"find": "a lamp", "replace": "a single lamp"}]},
        {"type": "comment", "page": page, "quote": "The sea keeps", "text": "Whose saying is this?"},
        {"type": "say", "text": "What does he want?"},
    ]
    for token, actions in ((agent, by_agent), (studio.token, by_owner)):
        with studio.client(token) as client:
            for action in actions:
                done = client.post(f"/api/canvases/{canvas['id']}/actions", json=action)
                assert done.status_code == 200, done.text
    return canvas["id"]


def invitation(studio: ServedStudio, canvas: str, role: str = "editor") -> str:
    with studio.client() as owner:
        return owner.post(f"/api/canvases/{canvas}/shares", json={"role": role}).json()["url"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_anywhere(
    start_studio: StartStudio, person: Person, scheme: str, size: dict[str, Any]
) -> None:
    studio = start_studio()
    found: dict[str, list[str]] = {}
    ada = person(color_scheme=scheme, **size)
    page = ada.page

    def check(view: str, but: str = "") -> None:
        page.wait_for_timeout(150)  # what comes in with a movement has its colours when it is there
        if said := complaints(page, but):
            found[view] = said

    # Doors and the library.
    page.goto(f"{studio.url}/?setup={studio.setup}")
    expect(page.get_by_label("What should others call you?")).to_be_focused()
    check("setup")
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    check("library, empty")
    canvas = scene(studio)
    page.reload()
    expect(page.get_by_role("link", name="The keeper’s lamp")).to_be_visible()
    check("library")
    page.get_by_role("button", name="More about The keeper’s lamp").click()
    check("library, menu of a canvas")
    page.get_by_role("menuitem", name="Delete…").click()
    check("library, deleting")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="You: Ada").click()
    page.get_by_role("menuitem", name="Name and colour").click()
    check("library, profile")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="You: Ada").click()
    page.get_by_role("menuitem", name="News by mail").click()
    expect(page.get_by_text("This studio sends no mail.")).to_be_visible()
    check("library, no mail")
    page.keyboard.press("Escape")
    ben = person(color_scheme=scheme, **size)
    ben.page.goto(invitation(studio, canvas))
    expect(ben.page.get_by_label("Your name")).to_be_visible()
    if said := complaints(ben.page):
        found["invitation"] = said
    ben.page.goto(f"{studio.url}/join/nothing")
    expect(ben.page.get_by_role("heading", name="This invitation is no longer valid")).to_be_visible()
    if said := complaints(ben.page):
        found["invitation, gone"] = said
    ben.join(invitation(studio, canvas), "Ben")
    ben.type("Ben. ", "end")

    # The canvas, and what opens over it.
    page.get_by_role("link", name="The keeper’s lamp").click()
    ada.ready()
    expect(ada.content).to_contain_text("Ben.")
    check("canvas")
    if size is PHONE:
        page.get_by_role("button", name="All", exact=True).click()
        expect(page.get_by_role("region", name="Suggestions and comments").get_by_role("listitem")).not_to_have_count(0)
        check("canvas, all cards")
        page.get_by_role("button", name="Close", exact=True).click()
        page.get_by_role("button", name="Next suggestion or comment").click()
        check("canvas, one card")
        page.get_by_role("button", name="Put the card away").click()
        views = page.get_by_role("navigation", name="Views")
        for sheet in ("Pages", "Talk"):
            views.get_by_role("button", name=sheet).click()
            check(f"canvas, {sheet}")
        views.get_by_role("button", name="Text").click()
    else:
        expect(ada.cards).to_have_count(4)
        for count in range(4):
            page.keyboard.press("F8")
            check(f"canvas, card {count + 1}")
        page.get_by_role("button", name="Pages", exact=True).click()
        check("canvas, pages")
    page.get_by_role("button", name="More", exact=True).click()
    check("canvas, menu")
    page.keyboard.press("Escape")
    ada.content.focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    check("palette")
    page.keyboard.press("Escape")
    ada.command("Share")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create link").click()
    expect(dialog.get_by_label("The new link")).to_be_visible()
    check("share")
    page.keyboard.press("Escape")
    ada.command("Keys and help")
    expect(page.get_by_role("dialog")).to_be_visible()
    check("help")
    page.keyboard.press("Escape")

    ada.caret("start")
    for key in ("ArrowDown", "ArrowDown", "Shift+End"):
        page.keyboard.press(key)
    page.keyboard.press("Control+j")
    expect(page.locator(".ask")).to_be_visible()
    # The menu may lie over half a card for a moment; nobody has to hit that half.
    check("menu of the selection", but=".rail")
    page.locator(".ask").get_by_role("button", name="Rewrite").click()
    check("menu of rewriting", but=".rail")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Alt+m")
    expect(page.get_by_label("Comment on the selection").filter(visible=True)).to_be_focused()
    check("commenting")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+f")
    check("finding")
    page.keyboard.press("Escape")

    # Not possible any more.
    page.goto(f"{studio.url}/c/nothing")
    expect(page.get_by_role("heading", name="This canvas is not here")).to_be_visible()
    check("canvas, gone")
    assert found == {}


# -- the keyboard alone

FOCUSED = """() => {
    const at = document.activeElement
    if (!at || at === document.body) return null
    const label = at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent || ''
    const style = getComputedStyle(at)
    const box = at.getBoundingClientRect()
    return {
        name: label.trim().replace(/\\s+/g, ' ').slice(0, 60),
        role: at.getAttribute('role') || at.tagName.toLowerCase(),
        ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
        text: at.matches('input, textarea, [contenteditable=true]'),
        onScreen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    }
}"""


def focused(page: Page) -> dict[str, Any] | None:
    return page.evaluate(FOCUSED)


def walk(page: Page, key: str, most: int = 80) -> list[dict[str, Any]]:
    """Press a key until the focus has left the page, or is where it began; every stop on the way."""
    stops: list[dict[str, Any]] = []
    for _ in range(most):
        page.keyboard.press(key)
        at = focused(page)
        if at is None or (stops and (at["name"], at["role"]) == (stops[0]["name"], stops[0]["role"])):
            return stops
        stops.append(at)
    raise AssertionError(f"{key} never leaves: {[stop['name'] for stop in stops[-6:]]}")


def names(stops: list[dict[str, Any]]) -> list[str]:
    return [stop["name"] for stop in stops]


def inside(dialog: Locator) -> bool:
    """Whether the focus is in the dialog; a browser may take it to its own bar, but never to the page behind."""
    return dialog.evaluate("box => box.contains(document.activeElement) || document.activeElement === document.body")


def test_tab_reaches_everything_and_leaves_the_text_again(studio: ServedStudio, person: Person) -> None:
    canvas = scene(studio)
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    page = ada.page
    page.get_by_role("button", name="Pages", exact=True).click()  # beside the talk there is no room for them here
    page.get_by_role("button", name="Conversation", exact=True).click()
    expect(ada.cards).to_have_count(4)

    walk(page, "Tab")  # from where the pointer was last to the end of the page
    stops = walk(page, "Tab")
    reached = names(stops)
    in_bar = ["Library", "Pages", "Commands", "Conversation", "More"]
    for name in (*in_bar, "Page 1", "Accept all", "Reply", "Ask Co-author"):
        assert any(found.startswith(name) for found in reached), f"Tab does not reach {name!r}: {reached}"
    assert [stop for stop in stops if not stop["onScreen"]] == []
    assert [stop["name"] for stop in stops if not stop["ring"] and not stop["text"]] == []
    # The order is that of reading: the bar, the text, then what was said about it.
    order = [reached.index(name) for name in ("Library", "More", "Page 1", "Accept all")]
    assert order == sorted(order)
    assert names(walk(page, "Shift+Tab"))

    # The text takes typing, and Escape with Tab leaves it in both directions.
    ada.caret("end")
    page.keyboard.type("Typed.")
    for key in ("Tab", "Shift+Tab"):
        ada.content.focus()
        page.keyboard.press("Escape")
        page.keyboard.press(key)
        expect(ada.content).not_to_be_focused()
    ada.saved()
    assert ada.text().endswith("Typed.")


def test_tab_indents_code_and_still_is_no_trap(studio: ServedStudio, person: Person) -> None:
    with studio.client() as owner:
        pages = [{"title": "lamp.py", "text": "def keep(lamp):\nreturn lamp\n", "kind": "code"}]
        canvas = owner.post("/api/canvases", json={"title": "Code", "pages": pages}).json()["id"]
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    ada.caret("start")
    ada.page.keyboard.press("ArrowDown")
    ada.page.keyboard.press("Tab")
    expect(ada.content).to_be_focused()
    expect(ada.page.locator(".cm-line").nth(1)).to_have_text("    return lamp")
    ada.page.keyboard.press("Escape")
    ada.page.keyboard.press("Tab")
    expect(ada.content).not_to_be_focused()


def test_dialogs_keep_the_focus_and_give_it_back(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    ada = person()
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    ada.open(f"{studio.url}/c/{scene(studio)}")
    page, dialog = ada.page, ada.page.get_by_role("dialog")

    ada.content.focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search commands and pages")).to_be_focused()
    for key in ("Tab", "Tab", "Tab", "Shift+Tab"):
        page.keyboard.press(key)
        assert inside(dialog)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(ada.content).to_be_focused()

    # A command of the palette that opens a dialog, chosen by arrows; the dialog gives the focus back to the text.
    page.keyboard.press("Control+k")
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(ada.content).to_be_focused()

    share = page.get_by_role("button", name="Share", exact=True)
    share.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    stops: list[str] = []
    for _ in range(12):
        page.keyboard.press("Tab")
        assert inside(dialog)
        stops += [at["name"] for at in [focused(page)] if at]
    assert {"Close", "Create link"} <= set(stops)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(share).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Close").press("Enter")
    expect(dialog).to_be_hidden()
    expect(share).to_be_focused()

    # A menu: arrows walk it, Escape gives the focus back to its button.
    more = page.get_by_role("button", name="More", exact=True)
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu", name="More").locator(":focus")).to_have_count(1)
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Keys and help")).to_be_focused()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()

    # The menu of the selection, by key alone, back to the text as it was.
    ada.caret("start")
    for key in ("ArrowDown", "ArrowDown", "Shift+End", "Control+j"):
        page.keyboard.press(key)
    menu = page.locator(".ask")
    expect(menu).to_be_visible()
    assert menu.evaluate("box => box.contains(document.activeElement)")
    page.keyboard.press("ArrowDown")
    assert menu.evaluate("box => box.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(ada.content).to_be_focused()


def test_a_review_is_done_without_a_mouse(studio: ServedStudio, person: Person) -> None:
    canvas = scene(studio)
    ada = person()
    ada.join(invitation(studio, canvas), "Ada")
    page = ada.page
    expect(ada.cards).to_have_count(4)
    ada.caret("start")

    # F8 goes through suggestions and comments in the order of the text, and Shift-F8 back.
    active = page.locator("article.card.active")
    seen: list[str] = []
    for _ in range(4):
        page.keyboard.press("F8")
        page.wait_for_timeout(400)  # the card follows when the caret has come to rest
        expect(active).to_have_count(1)
        seen.append(active.get_attribute("aria-label") or "")
    assert len({*seen}) >= 3 and seen[0] == "Suggestion by Co-author"
    page.keyboard.press("Shift+F8")
    expect(active).to_have_attribute("aria-label", seen[2])

    # Accept the first, reject one, and the caret is in the text all the while.
    ada.caret("start")
    page.keyboard.press("F8")
    page.keyboard.press("Control+Alt+Enter")
    expect(ada.content).to_contain_text("The lighthouse keeper took the stairs")
    expect(ada.content).to_be_focused()

    # A comment on what is selected by key, written, sent, and the focus is back in the text.
    ada.caret("end")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Control+Alt+m")
    expect(page.get_by_label("Comment on the selection")).to_be_focused()
    page.keyboard.type("Good ending.")
    page.keyboard.press("Enter")
    expect(ada.card(has_text="Good ending.")).to_have_count(1)
    expect(ada.content).to_be_focused()

    # To the conversation and back.
    page.keyboard.press("Control+Alt+c")
    expect(page.locator("#composer")).to_be_focused()
    page.keyboard.press("Escape")
    expect(ada.content).to_be_focused()
