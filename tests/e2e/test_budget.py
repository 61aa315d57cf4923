"""The review budget at the page: made in sentences, seen at work, looked at, and taken back as one set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ServedStudio, StartStudio

from .desk import Desk, until
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]

STORY = """# The keeper

The lamp -- the old one -- went out... He said "never" and went down.

In 1912 the keeper left the island. Nobody saw him go.
"""


def shot(page: Page, name: str) -> None:
    """A picture to look at, where somebody wants one."""
    if folder := os.environ.get("STUDIOLO_SHOTS"):
        page.wait_for_timeout(250)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


class Island:
    """A canvas with an agent that proofreads."""

    def __init__(self, studio: ServedStudio) -> None:
        self.studio = studio
        self.made = studio.canvas(STORY, title="The keeper’s lamp")
        self.id, self.page = self.made["id"], self.made["pages"][0]["id"]
        token = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Line editor").stdout.strip()
        self.agent = token

    def ask(self, method: str, path: str, token: str | None = None, **body: Any) -> httpx2.Response:
        with self.studio.client(token) as client:
            answer = client.request(method, f"/api/canvases/{self.id}{path}", json=body or None)
        assert answer.is_success, answer.text
        return answer

    def act(self, kind: str, token: str | None = None, **action: Any) -> dict[str, Any]:
        return self.ask("POST", "/actions", token, type=kind, **action).json()

    def suggest(self, find: str, replace: str, reason: str = "") -> str:
        hunks = [{"find": find, "replace": replace}]
        return self.act("suggest", self.agent, page=self.page, hunks=hunks, reason=reason)["id"]

    def text(self) -> str:
        return self.ask("GET", f"/pages/{self.page}/text").text


@pytest.fixture
def studio(start_studio: StartStudio) -> ServedStudio:
    return start_studio()


def sit_down(person: Person, studio: ServedStudio, **device: Any) -> tuple[Desk, Island]:
    """Ada, who owns the studio, at her desk."""
    ada = person(**(device or DESKTOP))
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    island = Island(studio)
    ada.open(f"{studio.url}/c/{island.id}")
    return ada, island


def open_budget(desk: Desk) -> Locator:
    desk.page.get_by_role("button", name="More").click()
    desk.page.get_by_role("menuitem", name="Review budget").click()
    dialog = desk.page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Review budget")).to_be_visible()
    return dialog


def test_from_a_suggestion_to_a_policy_and_back(studio: ServedStudio, person: Person) -> None:
    ada, island = sit_down(person, studio)
    island.suggest("out...", "out…", "An ellipsis is one sign.")

    # The card says in small words what it is, and leads to a policy.
    card = ada.page.get_by_role("article", name="Suggestion by Line editor").filter(has_text="An ellipsis is one sign.")
    card.get_by_role("button", name="Line editor").click()
    expect(card.get_by_text("typography", exact=True)).to_be_visible()
    expect(card.get_by_text("low risk")).to_be_visible()
    shot(ada.page, "card")
    card.get_by_role("button", name="Always accept").click()
    dialog = ada.page.get_by_role("dialog")
    expect(
        dialog.get_by_text("Accept typography by Line editor at once, where the risk is low; show me one in ten.")
    ).to_be_visible()
    assert complaints(ada.page) == []
    dialog.get_by_label("Of those, show me").select_option(label="each")
    shot(ada.page, "form")
    dialog.get_by_role("button", name="Turn it on").click()
    policies = dialog.get_by_role("list", name="Policies")
    expect(policies.get_by_role("listitem")).to_contain_text("nothing accepted yet")

    # What comes now is accepted by itself; the number is asked about; what waited before waits still.
    island.suggest("lamp -- the old one -- went", "lamp—the old one—went", "A dash.")
    island.suggest('"never"', "“never”", "Quotes.")
    island.suggest("1912", "1913", "A year.")
    expect(policies.get_by_role("listitem")).to_contain_text("2 suggestions accepted")
    until(lambda: "lamp—the old one—went out... He said “never” and" in island.text())
    assert "1912" in island.text()
    assert complaints(ada.page) == []
    shot(ada.page, "policies")

    # They are listed with what was there, to be looked at.
    policies.get_by_role("button", name="What it accepted").click()
    accepted = dialog.get_by_role("list", name="Accepted")
    expect(accepted.get_by_role("listitem")).to_have_count(2)
    expect(accepted.get_by_text("to look at")).to_have_count(2)
    accepted.get_by_role("button", name="It is good").first.click()
    expect(accepted.get_by_text("looked at", exact=True)).to_have_count(1)
    assert complaints(ada.page) == []
    shot(ada.page, "accepted")

    # A person writes on; then all of it is withdrawn as one set, and what the person wrote stays.
    island.act("edit", page=island.page, hunks=[{"find": "the old one", "replace": "the very old one"}])
    dialog.get_by_role("button", name="Withdraw all").click()
    expect(dialog.get_by_text("2 suggestions on 1 page will be taken back")).to_be_visible()
    shot(ada.page, "withdraw")
    dialog.get_by_role("button", name="Withdraw 2 suggestions").click()
    expect(accepted.get_by_text("taken back")).to_have_count(2)
    assert 'lamp -- the very old one -- went out... He said "never" and' in until(island.text)

    # By keyboard: back, pause, remove.
    dialog.get_by_role("button", name="All policies").press("Enter")
    policies.get_by_role("button", name="Pause").press("Enter")
    expect(policies.get_by_text("Paused.")).to_be_visible()
    policies.get_by_role("button", name="Remove").press("Enter")
    policies.get_by_role("button", name="Really remove?").press("Enter")
    expect(dialog.get_by_text("There is none: everything is asked.")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("device", [DESKTOP | {"color_scheme": "dark"}, PHONE], ids=["desktop", "phone"])
def test_a_policy_that_could_accept_nothing_says_so(
    studio: ServedStudio, person: Person, device: dict[str, Any]
) -> None:
    ada, _ = sit_down(person, studio, **device)
    dialog = open_budget(ada)
    dialog.get_by_role("button", name="New policy").click()
    dialog.get_by_role("checkbox", name="spelling").check()
    expect(dialog.get_by_text("No change of spelling is called less than medium risk")).to_be_visible()
    assert complaints(ada.page) == []
    shot(ada.page, f"never-{'phone' if device is PHONE else 'desktop'}")
    dialog.get_by_role("radio", name="Medium").check()
    expect(dialog.get_by_text("is called less than")).to_be_hidden()
    expect(dialog.get_by_text("Accept typography and spelling by any agent at once, up to medium risk")).to_be_visible()
    dialog.get_by_role("checkbox", name="Let a model look, too").check()
    expect(dialog.get_by_text("No model here is able to tell, so I am asked about all of it.")).to_be_visible()
    expect(dialog.get_by_text("up to medium risk and when a model finds that it says the same")).to_be_visible()
    assert complaints(ada.page) == []
    shot(ada.page, f"look-{'phone' if device is PHONE else 'desktop'}")
    dialog.get_by_label("should be").select_option(label="always asked about")
    expect(
        dialog.get_by_text("Always ask me about typography and spelling by any agent, from medium risk.")
    ).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_can_be_used_on_a_phone_and_by_who_may_only_read(studio: ServedStudio, person: Person, dark: bool) -> None:
    island = Island(studio)
    island.act("set_policy", kinds=["typography"], sample=2)
    for find, replace in (("out...", "out…"), ('"never"', "“never”")):
        island.suggest(find, replace, "Set right.")
    until(lambda: "“never”" in island.text())
    ben = person(**PHONE, color_scheme="dark" if dark else "light")
    link = island.ask("POST", "/shares", role="viewer").json()["url"]
    ben.join(link, "Ben")
    dialog = open_budget(ben)
    expect(dialog.get_by_text("Only owners of the canvas can change them.")).to_be_visible()
    expect(dialog.get_by_role("button", name="New policy")).to_have_count(0)
    assert complaints(ben.page) == []
    shot(ben.page, f"phone-{'dark' if dark else 'light'}")
    dialog.get_by_role("button", name="What it accepted").click()
    expect(dialog.get_by_role("list", name="Accepted").get_by_role("listitem")).to_have_count(2)
    expect(dialog.get_by_role("button", name="Withdraw all")).to_have_count(0)
    assert complaints(ben.page) == []
    shot(ben.page, f"phone-list-{'dark' if dark else 'light'}")
