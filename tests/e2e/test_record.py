"""What became of all that was proposed, and who else is told of it: the page of the record, the dialog of webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Download, expect

from tests.conftest import ServedStudio, StartStudio
from tests.web.receiver import Receiver, answers

from .desk import Desk, until
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]
TEXT = "The keeper climbed the stairs slowly. Nobody had asked him to. The sea was dark, and it was very quiet there."


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def scene(studio: ServedStudio) -> dict[str, Any]:
    """A canvas in which an agent with two skills and a person have proposed, and something became of most of it."""
    canvas = studio.canvas(TEXT, title="The keeper’s lamp")
    page, path = canvas["pages"][0]["id"], f"/api/canvases/{canvas['id']}/actions"
    agent = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Co-author").stdout.strip()

    def suggest(client: Any, find: str, replace: str, skill: str = "") -> str:
        hunks = [{"find": find, "replace": replace}]
        body = {"type": "suggest", "page": page, "hunks": hunks, "skill": skill, "model": "small" if skill else ""}
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    with (
        studio.client() as owner,
        studio.client(agent) as co,
        studio.client(studio.make_token("editor", name="Bea")) as bea,
    ):
        climbed = suggest(co, "climbed", "went up", "rewrite")
        slowly = suggest(co, "slowly", "step by step", "rewrite")
        dark = suggest(co, "dark", "black", "rewrite")
        suggest(co, "quiet", "still", "rewrite")
        suggest(co, "Nobody", "No one", "critique")
        sea = suggest(bea, "The sea", "The water")
        for action in (
            {"type": "accept", "suggestion": climbed},
            {"type": "amend", "suggestion": slowly, "hunks": [{"hunk": 0, "replace": "step after step"}]},
            {"type": "accept", "suggestion": slowly},
            {"type": "reject", "suggestion": dark},
            {"type": "accept", "suggestion": sea},
            {"type": "edit", "page": page, "hunks": [{"find": "went up", "replace": "took"}]},
        ):
            answer = owner.post(path, json=action)
            assert answer.status_code == 200, answer.text
    return canvas


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_record_counts_and_leads_to_the_decisions(
    start_studio: StartStudio, person: Person, screen: dict[str, Any]
) -> None:
    studio = start_studio()
    ann = person(**screen)
    ann.set_up(f"{studio.url}/?setup={studio.setup}", "Ann")
    canvas = scene(studio)
    page = ann.page
    page.goto(f"{studio.url}/c/{canvas['id']}")
    ann.ready()
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Record").click()
    expect(page.get_by_role("heading", name="Record of The keeper’s lamp")).to_be_visible()
    expect(page.locator(".sum")).to_contain_text("2 participants proposed 6 changes")
    expect(page.locator(".sum")).to_contain_text("75 % was accepted")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Rewrite")
    expect(rows.nth(0).get_by_role("img")).to_have_attribute(
        "aria-label", "1 accepted, 1 accepted, amended, 1 rejected, 1 open"
    )
    assert complaints(page) == []

    page.get_by_role("button", name="Accepted", exact=True).click()  # sort by it
    expect(page.locator("th.taken")).to_have_attribute("aria-sort", "descending")
    expect(rows.nth(0)).to_contain_text("Bea")
    expect(rows.nth(2)).to_contain_text("Critique")  # nothing decided: last either way
    page.get_by_role("button", name="Accepted", exact=True).click()
    expect(rows.nth(0)).to_contain_text("Rewrite")
    expect(rows.nth(2)).to_contain_text("Critique")

    who = rows.nth(0).get_by_role("button")
    who.focus()
    page.keyboard.press("Enter")
    expect(who).to_have_attribute("aria-expanded", "true")
    changes = page.locator("tr.more li")
    expect(changes).to_have_count(4)
    page.get_by_role("group", name="Which changes").get_by_role("button", name="Rejected").click()
    expect(changes).to_have_count(1)
    expect(changes).to_contain_text("Rejected by")
    assert complaints(page) == []

    page.get_by_role("button", name="7 days").click()
    expect(rows.first).to_contain_text("Rewrite")
    changes.get_by_role("link").click()
    ann.ready()
    page.go_back()

    section = page.get_by_role("region", name="The ledger")
    expect(section.get_by_role("status").first).to_contain_text("Nothing was changed.")
    head = section.locator("code").inner_text()
    section.get_by_label("A hash that was noted earlier").fill("0" * 64)
    section.get_by_role("button", name="Look for it").click()
    expect(section.get_by_text("No row has this hash")).to_be_visible()
    section.get_by_label("A hash that was noted earlier").fill(head)
    section.get_by_role("button", name="Look for it").click()
    expect(section.get_by_text("All up to there is as it was.")).to_be_visible()
    with page.expect_download() as got:
        section.get_by_role("link", name="JSON Lines").click()
    download: Download = got.value
    lines = download.path().read_text().splitlines()
    assert json.loads(lines[-1])["hash"] == head


def test_the_record_of_all_canvases(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    ann = person()
    ann.set_up(f"{studio.url}/?setup={studio.setup}", "Ann")
    scene(studio)
    studio.canvas("Empty.")
    ann.page.goto(f"{studio.url}/record")
    expect(ann.page.locator(".sum")).to_contain_text("6 changes in 2 canvases")
    expect(ann.page.locator("tbody tr")).to_have_count(3)
    assert complaints(ann.page) == []


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_webhook_is_made_tried_and_ended(
    start_studio: StartStudio, person: Person, receiver: Receiver, screen: dict[str, Any]
) -> None:
    studio = start_studio(STUDIOLO_WEBHOOK_NETWORKS="127.0.0.0/8")
    ann = person(**screen)
    ann.set_up(f"{studio.url}/?setup={studio.setup}", "Ann")
    canvas = scene(studio)
    page = ann.page
    page.goto(f"{studio.url}/c/{canvas['id']}")
    ann.ready()
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Webhooks").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Send to").fill("http://no-such-host.invalid/")
    dialog.get_by_role("button", name="Add webhook").click()
    expect(page.get_by_text("A webhook cannot go there")).to_be_visible()
    dialog.get_by_label("Send to").fill(receiver.url)
    dialog.get_by_label("Comments").check()
    page.keyboard.press("Enter")
    secret = dialog.get_by_label("The secret that messages")
    expect(secret).to_be_visible()
    assert secret.input_value().startswith("whsec_")
    assert complaints(page) == []

    dialog.get_by_role("button", name="Ping").click()
    expect(page.get_by_text("It took the ping: answered 204.")).to_be_visible()
    assert receiver.got[-1].signed_with(secret.input_value())

    receiver.then = [answers(500)]
    with studio.client() as owner:
        body = {"type": "comment", "page": canvas["pages"][0]["id"], "quote": "keeper", "text": "Which?"}
        owner.post(f"/api/canvases/{canvas['id']}/actions", json=body).raise_for_status()
        hook = owner.get(f"/api/canvases/{canvas['id']}/webhooks").json()["webhooks"][0]["id"]
        sent = f"/api/canvases/{canvas['id']}/webhooks/{hook}/deliveries"
        until(lambda: owner.get(sent).json()["deliveries"])
    dialog.locator("button.what").click()
    item = dialog.get_by_role("list", name="Sent last").get_by_role("listitem")
    expect(item).to_contain_text("comment.made")
    expect(item).to_contain_text("waiting, answered 500")
    assert complaints(page) == []

    dialog.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Really delete").click()
    expect(dialog.get_by_text("No program is told of anything yet.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
