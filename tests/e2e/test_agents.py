"""The agents of a studio, as a person meets them: their page, their files, and being asked by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Download, Page, expect

from tests.conftest import ServedStudio, StartStudio

from .desk import MODEL, Desk, until
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]
TEXT = "The keeper climbed the stairs slowly. Nobody had asked him to. The sea was dark, and it was very quiet there."
POET = """---
name: Poet
color: "#00766c"
description: Thinks in lines.
skills: [brainstorm, ask]
tools:
  canvas: allow
  web: allow
---
You are a poet. More is at https://poets.example/rules.
"""


@pytest.fixture
def studio(start_studio: StartStudio) -> Iterator[ServedStudio]:
    served = start_studio()
    (served.home / "agents").mkdir(exist_ok=True)
    yield served


@pytest.fixture
def ada(studio: ServedStudio, person: Person) -> Desk:
    desk = person()
    desk.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    return desk


def folder(studio: ServedStudio) -> Path:
    return studio.home / "agents"


def runs_of(studio: ServedStudio, canvas: str, least: int) -> list[dict[str, Any]]:
    """The runs of a canvas, once there are so many."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        with studio.client() as api:
            found[:] = api.get(f"/api/canvases/{canvas}/runs").json()["runs"]
        return len(found) >= least

    until(there)
    return found


def agents_page(desk: Desk, studio: ServedStudio, agent: str = "") -> Page:
    desk.page.goto(f"{studio.url}/agents{'/' + agent if agent else ''}")
    return desk.page


def test_an_agent_is_made_in_the_page_and_asked_by_name_in_an_open_canvas(studio: ServedStudio, ada: Desk):
    canvas = studio.canvas(TEXT, title="The keeper’s lamp")["id"]
    ada.open(f"{studio.url}/c/{canvas}")
    # Somebody else makes an agent, while Ada's canvas is open.
    context = ada.page.context
    page = context.new_page()
    page.goto(f"{studio.url}/agents")
    page.get_by_role("button", name="New agent").click()
    page.get_by_label("Name", exact=True).fill("Odd sister")
    page.get_by_label("What it is good for").fill("Says what nobody wants to hear.")
    page.get_by_label("Continue writing").check()
    page.get_by_role("radiogroup", name="The web").get_by_label("No", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/agents/odd-sister$"))
    kept = (folder(studio) / "odd-sister.md").read_text()
    assert "name: Odd sister" in kept and "continue]" in kept and "web:" not in kept
    # Ada finds her where she asks, and by name.
    ada.page.bring_to_front()
    composer = ada.page.locator("#composer")
    composer.press_sequentially("What is missing here, @Odd")
    expect(ada.page.get_by_role("option", name="Odd sister")).to_be_visible()
    composer.press("Enter")
    expect(composer).to_have_value("What is missing here, @Odd-sister ")
    composer.press_sequentially("and @Brainstormer?")
    expect(ada.page.get_by_role("button", name="Send to: Odd sister and Brainstormer")).to_be_visible()
    composer.press("Escape")
    composer.press("Enter")
    log = ada.page.get_by_role("log")
    expect(log.get_by_text("What is missing here, @Odd-sister and @Brainstormer?")).to_have_count(1)
    assert {run["agent"] for run in runs_of(studio, canvas, 2)} == {"odd-sister", "brainstormer"}
    over = ("done", "failed", "stopped")
    until(lambda: all(run["state"] in over for run in runs_of(studio, canvas, 2)), seconds=MODEL / 1000)
    with studio.client() as api:
        said = [one for one in api.get(f"/api/canvases/{canvas}").json()["chat"] if one["author_kind"] == "person"]
    assert len(said) == 1, "the question stands there once"
    # She is renamed on the disk; an open canvas finds her by the new name.
    (folder(studio) / "odd-sister.md").write_text(kept.replace("Odd sister", "Stern aunt"))
    composer.fill("")

    def renamed() -> bool:
        composer.fill("")
        composer.press_sequentially("@Stern")
        return ada.page.get_by_role("option", name="Stern aunt").is_visible()

    until(renamed)
    page.close()


def test_two_who_change_an_agent_see_both_texts(studio: ServedStudio, ada: Desk):
    page = agents_page(ada, studio, "critic")
    field = page.get_by_label("What it is good for")
    field.fill("Mine: reads closely.")
    # Another editor, at the file itself.
    with studio.client() as api:
        shipped = api.get("/api/agents/critic").json()["text"]
    (folder(studio) / "critic.md").write_text(shipped.replace("Changes nothing.", "Theirs."))
    expect(page.get_by_text("Somebody else has changed this agent")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Mine: reads closely.")
    expect(dialog).to_contain_text("Theirs.")
    assert complaints(page) == []
    assert "Theirs." in (folder(studio) / "critic.md").read_text()
    dialog.get_by_role("button", name="Save mine over theirs").click()
    expect(dialog).to_be_hidden()
    until(lambda: "Mine: reads closely." in (folder(studio) / "critic.md").read_text())
    # A page on which nobody writes follows the file by itself.
    (folder(studio) / "critic.md").write_text(shipped.replace("Changes nothing.", "Theirs again."))
    expect(field).to_have_value(re.compile("Theirs again."))
    # And back to what came with Studiolo, by keyboard.
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="As it came with Studiolo…").click()
    page.get_by_role("button", name="Bring it back").click()
    expect(field).to_have_value(re.compile("Changes nothing."))
    assert not (folder(studio) / "critic.md").exists()


def test_a_mistake_is_shown_in_its_line_and_not_saved(studio: ServedStudio, ada: Desk):
    page = agents_page(ada, studio, "critic")
    page.get_by_role("button", name="File").click()
    text = page.get_by_label("The agent’s whole file")
    text.get_by_text("autonomy: answer").click()
    page.keyboard.press("End")
    page.keyboard.type("s")
    expect(page.get_by_role("alert")).to_contain_text("'answers' is not known here. Did you mean answer?")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    expect(page.locator(".wrong")).to_have_text("autonomy: answers")
    page.keyboard.press("Backspace")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.keyboard.press("End")
    page.get_by_role("button", name="Form").click()
    page.get_by_label("Instructions").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("First of all: ")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("is saved, and can be asked at once")).to_be_visible()
    assert "---\nFirst of all: You are a critic" in (folder(studio) / "critic.md").read_text()
    page.get_by_role("button", name="Undo", exact=True).click()
    until(lambda: "First of all" not in (folder(studio) / "critic.md").read_text())


def test_a_broken_file_is_told_of_where_it_can_be_mended(studio: ServedStudio, ada: Desk):
    (folder(studio) / "poet.md").write_text(POET.replace("skills", "skils"))
    page = agents_page(ada, studio)
    notice = page.get_by_role("list", name="Files that cannot be used")
    expect(notice).to_contain_text("poet.md: Line 5")
    notice.get_by_role("link", name="Open").click()
    page.locator(".cm-line", has_text="skils").click()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("l")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Poet is saved")).to_be_visible()


def test_what_somebody_shared_is_looked_at_before_it_is_kept(studio: ServedStudio, ada: Desk, tmp_path: Path):
    shared = tmp_path / "poet.md"
    shared.write_text(POET)
    page = agents_page(ada, studio)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import").click()
    chooser.value.set_files(shared)
    dialog = page.get_by_role("dialog", name="Look before you keep it")
    expect(dialog).to_contain_text("Whatever leads beyond the canvas asks a person first")
    expect(dialog).to_contain_text("poets.example")
    expect(dialog).to_contain_text("web: ask")
    assert complaints(page) == []
    assert not (folder(studio) / "poet.md").exists()
    dialog.get_by_role("button", name="Keep it", exact=True).click()
    expect(page).to_have_url(re.compile("/agents/poet$"))
    expect(page.get_by_role("radiogroup", name="The web").get_by_label("Ask first")).to_be_checked()
    # And it can be given on.
    page.get_by_role("button", name="More").click()
    with page.expect_download() as taken:
        page.get_by_role("menuitem", name=re.compile("Share")).click()
    download: Download = taken.value
    assert download.suggested_filename == "poet.md"
    assert Path(download.path()).read_text() == (folder(studio) / "poet.md").read_text()


def test_on_a_selection_somebody_else_can_be_asked(studio: ServedStudio, ada: Desk):
    canvas = studio.canvas(TEXT, title="The keeper’s lamp")["id"]
    ada.open(f"{studio.url}/c/{canvas}")
    page = ada.page
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+j")
    expect(page.get_by_role("button", name="Rewrite")).to_be_focused()
    page.get_by_role("button", name="With Co-author: choose who").click()
    page.get_by_role("button", name=re.compile("^Critic")).click()
    expect(page.get_by_role("button", name="Rewrite")).to_be_hidden()
    page.get_by_role("button", name="Critique").click()
    [run] = runs_of(studio, canvas, 1)
    assert (run["agent"], run["skill"]) == ("critic", "critique")


def test_who_can_help_is_found_by_what_is_needed(studio: ServedStudio, ada: Desk):
    canvas = studio.canvas(TEXT, title="The keeper’s lamp")["id"]
    ada.open(f"{studio.url}/c/{canvas}")
    page = ada.page
    page.keyboard.press("Control+Alt+j")
    dialog = page.get_by_role("dialog", name="Who can help here?")
    dialog.get_by_label("Find an agent").fill("claims verdict")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    assert complaints(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send to: Fact checker")).to_be_visible()
    expect(page.locator("#composer")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_are_for_everybody(studio: ServedStudio, person: Person, size: dict[str, Any], scheme: str):
    desk = person(**{**size, "color_scheme": scheme})
    desk.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    page = agents_page(desk, studio)
    expect(page.get_by_role("link", name="Critic")).to_be_visible()
    assert complaints(page) == []
    page.get_by_role("link", name="Critic").click()
    expect(page.get_by_label("Instructions")).to_be_visible()
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]
    page.get_by_role("button", name="File").click()
    expect(page.get_by_label("The agent’s whole file")).to_be_visible()
    assert complaints(page) == []


def test_a_guest_reads_and_does_not_change(studio: ServedStudio, ada: Desk, person: Person):
    canvas = studio.canvas(TEXT)["id"]
    with studio.client() as api:
        link = api.post(f"/api/canvases/{canvas}/shares", json={"role": "commenter"}).json()["url"]
    ben = person()
    ben.join(link, "Ben")
    page = agents_page(ben, studio)
    expect(page.get_by_role("link", name="Critic")).to_be_visible()
    expect(page.get_by_role("button", name="New agent")).to_be_hidden()
    page.get_by_role("link", name="Critic").click()
    expect(page.get_by_label("Name", exact=True)).to_have_js_property("readOnly", True)
    expect(page.get_by_role("button", name="Save")).to_be_hidden()
