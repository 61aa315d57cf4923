"""The inbox in a real browser: what waits in three canvases is seen to by keyboard, a key each, without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ServedStudio, StartStudio, serve
from tests.models.fake_provider import FakeProvider, Refusal

from .desk import Desk, until
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]

# Each sentence is changed by one suggestion, so that what was accepted can be told from what was not.
SENTENCES = [
    "The keeper of the light walked down to the quay.",
    "A grey boat was tied beside the wall.",
    "Somebody had left a coat on the bollard.",
    "The rope was wet and heavy in the hand.",
    "Gulls stood along the roof of the store.",
    "Nobody spoke to him on the way back.",
    "The door of the house was open again.",
    "A candle burned low beside the bread.",
    "The letter was lying where he left it.",
    "He read the page once more by the window.",
]
CHANGES = [
    ("walked down", "went down"),
    ("was tied beside", "lay beside"),
    ("Somebody had left", "Somebody left"),
    ("was wet and heavy", "was heavy and wet"),
    ("stood along", "sat along"),
    ("Nobody spoke to him", "Nobody talked to him"),
    ("was open again", "stood open again"),
    ("burned low", "was burning low"),
    ("was lying where", "lay where"),
    ("once more by", "again by"),
]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="module")
def asked_studio(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio whose default model answers from the fake provider."""
    home: Path = tmp_path_factory.mktemp("inbox")
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    served = serve(home, fake)
    yield served
    assert served.stop() == 0, served.log()


def do(studio: ServedStudio, token: str | None, canvas: str, kind: str, **action: Any) -> dict[str, Any]:
    with studio.client(token) as client:
        done = client.post(f"/api/canvases/{canvas}/actions", json={"type": kind, **action})
    assert done.status_code == 200, done.text
    return done.json()


def text(studio: ServedStudio, canvas: str) -> str:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas}").json()["pages"][0]["text"]


def library(studio: ServedStudio, muse: str, books: int = 3) -> list[dict[str, Any]]:
    """Canvases with ten suggestions of an agent each."""
    made = [studio.canvas("\n\n".join(SENTENCES) + "\n", title=f"Book {number}") for number in range(1, books + 1)]
    for book in made:
        page = book["pages"][0]["id"]
        for find, replace in CHANGES:
            hunks = [{"find": find, "replace": replace}]
            do(studio, muse, book["id"], "suggest", page=page, hunks=hunks, reason="Plainer.")
    return made


def agent(studio: ServedStudio, name: str = "Muse") -> str:
    return studio.cli("token", "create", "--role", "commenter", "--agent", "--name", name).stdout.strip()


def invited(studio: ServedStudio, person: Person, canvases: list[dict[str, Any]], **options: Any) -> Desk:
    """Ada, who is an editor of these canvases, at her inbox."""
    ada = person(**options)
    with studio.client() as owner:
        links = [owner.post(f"/api/canvases/{one['id']}/shares", json={"role": "editor"}).json() for one in canvases]
    for number, link in enumerate(links):
        ada.page.goto(link["url"])
        if number == 0:
            ada.page.get_by_label("Your name").fill("Ada")
        ada.page.get_by_role("button", name="Come in").click()
        ada.page.wait_for_url("**/c/**")
    ada.page.goto(f"{studio.url}/inbox")
    expect(ada.page.locator("[data-reading]")).to_be_visible()
    return ada


def left(page: Page) -> int:
    return int(page.locator("[data-inbox]").get_attribute("data-left") or -1)


def reading(page: Page) -> Locator:
    return page.locator("[data-reading]")


def test_thirty_items_over_three_canvases_are_decided_with_a_key_each(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    books = library(studio, muse)
    ada = invited(studio, person, books)
    page = ada.page
    expect(page.locator("[data-inbox]")).to_have_attribute("data-left", "30")
    expect(page.locator("[data-item]")).to_have_count(30)
    expect(reading(page).locator("[data-change] ins")).to_have_count(1)
    expect(reading(page)).to_contain_text("Plainer.")
    expect(reading(page)).to_contain_text("Muse")

    decided: list[tuple[str, str]] = []
    keys = ["a"] * 12 + ["r"] * 6 + ["a"] * 12
    for key in keys:
        item = page.locator("[data-current]").get_attribute("data-item") or ""
        decided.append((item.removeprefix("s:"), key))
        page.keyboard.press(key)  # the next one is there at once
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    assert len({id for id, _ in decided}) == 30

    def seen() -> dict[str, str]:
        with studio.client() as owner:
            found = [owner.get(f"/api/canvases/{book['id']}").json()["suggestions"] for book in books]
        return {one["id"]: one["status"] for some in found for one in some}

    wanted = {id: "accepted" if key == "a" else "rejected" for id, key in decided}
    until(lambda: seen() == wanted)
    whole = "".join(text(studio, book["id"]) for book in books)
    assert sum(whole.count(replace) for _, replace in CHANGES) == 24

    # U takes back one after the other, the last first, and shows it again at once.
    for id, key in decided[:-4:-1]:
        page.keyboard.press("u")
        expect(page.locator("[data-current]")).to_have_attribute("data-item", f"s:{id}")
        wanted[id] = "open"
        assert key == "a"
    until(lambda: seen() == wanted)
    expect(page.locator("[data-inbox]")).to_have_attribute("data-left", "3")
    assert sum(text(studio, book["id"]).count(new) for book in books for _, new in CHANGES) == 21

    # E: as the reader puts it.
    item = (page.locator("[data-current]").get_attribute("data-item") or "").removeprefix("s:")
    page.keyboard.press("e")
    field = page.get_by_label("What to put there")
    expect(field).to_be_focused()
    field.fill("in the reader’s own words")
    page.keyboard.press("Control+Enter")
    until(lambda: seen()[item] == "accepted")
    assert any("in the reader’s own words" in text(studio, book["id"]) for book in books)

    # X marks several; A takes them as one decision of each canvas.
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    until(lambda: "open" not in seen().values())

    page.reload()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


def test_an_item_comes_back_with_the_reason_when_the_studio_refuses(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    (book,) = library(studio, muse, 1)
    ada = invited(studio, person, [book])
    page = ada.page
    expect(page.locator("[data-item]")).to_have_count(10)
    item = page.locator("[data-current]").get_attribute("data-item") or ""
    # Nobody tells the page that somebody else has decided it meanwhile.
    page.route("**/api/inbox?*", lambda route: route.abort())
    do(studio, None, book["id"], "reject", suggestion=item.removeprefix("s:"))
    page.keyboard.press("a")
    row = page.locator(f"[data-item='{item}']")
    expect(row).to_contain_text("Not done")
    row.click()
    expect(page.get_by_role("alert")).to_contain_text("already rejected")


def test_alternatives_are_chosen_by_number_and_merged(studio: ServedStudio, person: Person) -> None:
    muse, other = agent(studio), agent(studio, "Line editor")
    made = studio.canvas("It was very, very quiet in the harbour that night.\n", title="Alternatives")
    page_id = made["pages"][0]["id"]
    first = do(
        studio, muse, made["id"], "suggest", page=page_id, hunks=[{"find": "very, very quiet", "replace": "silent"}]
    )
    second = do(
        studio, other, made["id"], "suggest", page=page_id, hunks=[{"find": "was very, very", "replace": "grew"}]
    )
    ada = invited(studio, person, [made])
    page = ada.page
    expect(page.locator("[data-item]")).to_have_count(1)
    expect(reading(page).get_by_role("radio")).to_have_count(2)
    page.keyboard.press("2")
    expect(reading(page).get_by_role("radio", checked=True)).to_contain_text("Line editor")
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    until(lambda: text(studio, made["id"]) == "It grew quiet in the harbour that night.\n")
    with studio.client() as owner:
        found = {one["id"]: one["status"] for one in owner.get(f"/api/canvases/{made['id']}").json()["suggestions"]}
    assert found == {first["id"]: "rejected", second["id"]: "accepted"}
    page.keyboard.press("u")
    until(lambda: text(studio, made["id"]) == "It was very, very quiet in the harbour that night.\n")
    expect(reading(page).get_by_role("radio")).to_have_count(2)


def test_what_cannot_be_merged_by_itself_is_put_by_the_reader(studio: ServedStudio, person: Person) -> None:
    muse, other = agent(studio), agent(studio, "Line editor")
    made = studio.canvas("The rope was wet and heavy in the hand.\n\nIt was cold by then.\n", title="Merging")
    page_id = made["pages"][0]["id"]
    do(studio, muse, made["id"], "suggest", page=page_id, hunks=[{"find": "was wet and heavy", "replace": "hung wet"}])
    do(studio, other, made["id"], "suggest", page=page_id, hunks=[{"find": "was wet", "replace": "lay wet"}])
    ada = invited(studio, person, [made])
    page = ada.page
    page.keyboard.press("m")
    field = page.get_by_label("What to put there")
    expect(field).to_be_focused()
    reading(page).get_by_role("button", name="Line editor").click()
    expect(field).to_have_value("lay wet and heavy")
    field.fill("lay cold and heavy")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    until(lambda: text(studio, made["id"]).startswith("The rope lay cold and heavy in the hand."))
    page.keyboard.press("u")
    until(lambda: text(studio, made["id"]).startswith("The rope was wet and heavy in the hand."))


def test_questions_are_answered_and_resolved_from_it(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    made = studio.canvas("She set the bread down as if it were a letter.\n", title="Questions")
    page_id = made["pages"][0]["id"]
    do(studio, muse, made["id"], "comment", page=page_id, quote="a letter", text="A letter from whom?")
    do(studio, muse, made["id"], "comment", page=page_id, quote="the bread", text="Which bread?")
    ada = invited(studio, person, [made])
    page = ada.page
    expect(page.locator("[data-kind=question]")).to_have_count(2)
    page.keyboard.press("e")
    page.get_by_label("Answer Muse").fill("From her brother.")
    page.keyboard.press("Enter")
    expect(page.locator("[data-kind=question]")).to_have_count(1)
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()

    def threads() -> list[tuple[str, int]]:
        with studio.client() as owner:
            found = owner.get(f"/api/canvases/{made['id']}").json()["threads"]
        return sorted((one["status"], len(one["comments"])) for one in found)

    until(lambda: threads() == [("open", 2), ("resolved", 1)])


def test_what_went_stale_is_done_again_on_todays_text_and_what_failed_is_retried(
    asked_studio: ServedStudio, provider: FakeProvider, person: Person
) -> None:
    studio = asked_studio
    made = studio.canvas("The lighthouse keeper climbed the stairs slowly, and nobody saw him.\n", title="Again")
    with studio.client() as owner:
        share = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()["url"]
    ada = person()
    ada.join(share, "Ada")
    page = ada.page
    page_id = made["pages"][0]["id"]

    def ask(prompt: str) -> None:
        body = {"prompt": prompt, "skill": "rewrite", "options": {"how": "free"}, "page": page_id, "agent": "co-author"}
        headers = {"Origin": studio.url}
        assert (
            page.request.post(f"{studio.url}/api/canvases/{made['id']}/ask", data=body, headers=headers).status == 202
        )

    provider.typed = [{"text": "The keeper took the stairs, and nobody saw him.", "reason": "Plainer."}]
    ask("Make it plainer.")
    until(lambda: [s for s in suggestions(studio, made["id"]) if s["status"] == "open"])
    do(
        studio,
        None,
        made["id"],
        "edit",
        page=page_id,
        hunks=[{"find": "climbed the stairs", "replace": "went up the steps"}],
    )
    provider.refusal = Refusal(400, {"error": {"message": "no"}})
    ask("Make it rhyme.")

    page.goto(f"{studio.url}/inbox")
    expect(page.locator("[data-kind=run]")).to_have_count(1)
    expect(page.locator("[data-kind=run][data-current]")).to_be_visible()
    expect(reading(page)).to_contain_text("Make it rhyme.")
    page.keyboard.press("r")
    expect(page.locator("[data-kind=run]")).to_have_count(0)
    provider.refusal = None

    stale = page.locator("[data-kind=stale]")
    expect(stale).to_have_count(1)
    stale.click()
    expect(reading(page)).to_contain_text("It reads today")
    expect(reading(page)).to_contain_text("went up the steps")
    provider.typed = [{"text": "The keeper took the steps, and nobody saw him.", "reason": "Plainer, on today’s text."}]
    page.keyboard.press("d")
    expect(reading(page)).to_contain_text("Plainer, on today’s text.")
    expect(page.locator("[data-kind=stale]")).to_have_count(0)
    page.keyboard.press("a")
    until(lambda: text(studio, made["id"]) == "The keeper took the steps, and nobody saw him.\n")
    assert sorted(s["status"] for s in suggestions(studio, made["id"])) == ["accepted", "withdrawn"]


def suggestions(studio: ServedStudio, canvas: str) -> list[dict[str, Any]]:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas}").json()["suggestions"]


def test_what_a_policy_took_is_looked_at_and_taken_back(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    ada = person()
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    muse = agent(studio)
    made = studio.canvas('"Come in," she said.\n\n"Not now," he said.\n', title="Audit")
    page_id = made["pages"][0]["id"]
    policy = {"agent": "*", "kinds": ["typography"], "risk": "low", "then": "accept", "sample": 1}
    do(studio, None, made["id"], "set_policy", **policy)
    for find, replace in (('"Come in,"', "“Come in,”"), ('"Not now,"', "“Not now,”")):
        do(studio, muse, made["id"], "suggest", page=page_id, hunks=[{"find": find, "replace": replace}])
    until(lambda: text(studio, made["id"]) == "“Come in,” she said.\n\n“Not now,” he said.\n")
    page = ada.page
    page.goto(f"{studio.url}/inbox")
    expect(page.locator("[data-kind=audit]")).to_have_count(2)
    expect(reading(page)).to_contain_text("A policy accepted it")
    page.keyboard.press("a")
    page.keyboard.press("r")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    until(lambda: text(studio, made["id"]) == '“Come in,” she said.\n\n"Not now," he said.\n')
    until(lambda: sorted(s["status"] for s in suggestions(studio, made["id"])) == ["accepted", "rejected"])
    page.reload()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


def test_a_persons_stale_suggestion_is_put_on_todays_text(studio: ServedStudio, person: Person) -> None:
    ben = studio.make_token("commenter", "*", "Ben")
    made = studio.canvas("The rope was wet and heavy in the hand.\n", title="By hand")
    page_id = made["pages"][0]["id"]
    hunks = [{"find": "was wet and heavy", "replace": "was heavy"}]
    do(studio, ben, made["id"], "suggest", page=page_id, hunks=hunks, reason="Wet says it already.")
    do(studio, None, made["id"], "edit", page=page_id, hunks=[{"find": "wet", "replace": "soaked"}])
    ada = invited(studio, person, [made])
    page = ada.page
    expect(page.locator("[data-kind=stale]")).to_have_count(1)
    expect(reading(page)).to_contain_text("was soaked and heavy")
    page.keyboard.press("a")  # it cannot be taken as it is
    expect(page.locator("[data-kind=stale]")).to_have_count(1)
    page.keyboard.press("e")
    field = page.get_by_label("What to put in the place of what it reads today")
    expect(field).to_have_value("was heavy")
    field.fill("was soaked")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    until(lambda: text(studio, made["id"]) == "The rope was soaked in the hand.\n")
    assert sorted(s["status"] for s in suggestions(studio, made["id"])) == ["accepted", "withdrawn"]


def test_it_is_reached_by_key_and_leads_to_the_place_in_the_canvas(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    (book,) = library(studio, muse, 1)
    ada = invited(studio, person, [book])
    page = ada.page
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.get_by_role("link", name="Inbox, 10 things wait")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(reading(page)).to_be_visible()
    page.keyboard.press("j")
    shown = reading(page).locator("[data-change] ins").inner_text()
    page.keyboard.press("o")
    ada.ready()
    expect(page.locator("article.card.active")).to_contain_text(shown)
    page.go_back()
    page.go_back()


def test_the_list_is_filtered_put_off_and_shown_by_canvas(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    books = library(studio, muse, 2)
    ada = invited(studio, person, books)
    page = ada.page
    rows = page.locator("[data-item]")
    expect(rows).to_have_count(20)
    page.keyboard.press("/")
    page.get_by_label("Filter").fill("candle burned book 2")
    page.get_by_label("Filter").fill("burning book 2")
    expect(rows).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(rows).to_have_count(20)
    first = rows.first.get_attribute("data-item")
    page.keyboard.press("Home")
    page.keyboard.press("s")
    expect(rows.last).to_have_attribute("data-item", first or "")
    page.reload()
    expect(rows.last).to_have_attribute("data-item", first or "")
    page.keyboard.press("c")
    expect(page.get_by_role("group", name="Book 1")).to_be_visible()
    expect(page.get_by_role("group", name="Book 1").get_by_role("option")).to_have_count(10)


def test_it_hears_of_what_others_do(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    made = studio.canvas("The rope was wet and heavy in the hand.\n", title="Live")
    page_id = made["pages"][0]["id"]
    do(studio, muse, made["id"], "suggest", page=page_id, hunks=[{"find": "wet and heavy", "replace": "heavy"}])
    ada = invited(studio, person, [made])
    rows = ada.page.locator("[data-item]")
    expect(rows).to_have_count(1)
    new = do(
        studio, muse, made["id"], "suggest", page=page_id, hunks=[{"find": "in the hand", "replace": "in his hand"}]
    )
    expect(rows).to_have_count(2)
    do(studio, None, made["id"], "reject", suggestion=new["id"])
    expect(rows).to_have_count(1)


def test_on_a_phone_one_item_is_decided_after_the_other(studio: ServedStudio, person: Person) -> None:
    muse = agent(studio)
    (book,) = library(studio, muse, 1)
    ada = invited(studio, person, [book], **PHONE)
    page = ada.page
    first = reading(page).get_attribute("data-reading") or ""
    reading(page).get_by_role("button", name="Accept").tap()
    expect(page.locator("[data-inbox]")).to_have_attribute("data-left", "9")
    second = reading(page).get_attribute("data-reading") or ""
    reading(page).get_by_role("button", name="Reject").tap()
    expect(page.locator("[data-inbox]")).to_have_attribute("data-left", "8")
    wanted = {first.removeprefix("s:"): "accepted", second.removeprefix("s:"): "rejected"}
    until(lambda: wanted.items() <= {s["id"]: s["status"] for s in suggestions(studio, book["id"])}.items())
    page.get_by_role("button", name="Undo", exact=True).tap()
    expect(reading(page)).to_have_attribute("data-reading", second)
    page.get_by_role("button", name=" of ").tap()
    expect(page.get_by_role("listbox", name="Inbox")).to_be_visible()
    page.get_by_role("option").last.tap()
    expect(page.get_by_role("listbox", name="Inbox")).to_be_hidden()
    expect(reading(page)).not_to_have_attribute("data-reading", second)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(start_studio: StartStudio, person: Person, scheme: str, size: dict[str, Any]) -> None:
    studio = start_studio()
    ada = person(color_scheme=scheme, **size)
    page = ada.page
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    muse, other = agent(studio), agent(studio, "Line editor")
    made = studio.canvas("\n\n".join(SENTENCES) + "\n", title="The quay")
    page_id = made["pages"][0]["id"]
    evidence = [{"text": "He says so.", "page": page_id, "quote": "He read the page"}, {"url": "https://example.org/x"}]
    do(studio, muse, made["id"], "suggest", page=page_id, reason="Plainer.", evidence=evidence,
       hunks=[{"find": "walked down", "replace": "went down"}])  # fmt: skip
    do(studio, other, made["id"], "suggest", page=page_id, hunks=[{"find": "walked down to", "replace": "came to"}])
    do(studio, muse, made["id"], "suggest", page=page_id, hunks=[{"find": "A grey boat", "replace": "A boat"}])
    do(studio, None, made["id"], "edit", page=page_id, hunks=[{"find": "grey boat", "replace": "green old boat"}])
    do(studio, muse, made["id"], "comment", page=page_id, quote="Gulls stood", text="How many?")
    found: dict[str, list[str]] = {}

    def check(view: str) -> None:
        page.wait_for_timeout(150)
        if said := complaints(page):
            found[view] = said

    page.goto(f"{studio.url}/inbox")
    expect(reading(page)).to_be_visible()
    for number in range(3):
        check(f"item {number + 1}")
        page.keyboard.press("j")
    if size is PHONE:
        page.get_by_role("button", name=" of ").click()
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page.get_by_role("group", name="The quay")).to_be_visible()
    check("list, by canvas, one selected")
    page.keyboard.press("Escape")
    if size is PHONE:
        page.get_by_role("button", name="Read").click()
    page.keyboard.press("Home")
    while page.locator("[data-current][data-kind=suggestion]").count() == 0:
        page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.get_by_label("What to put there")).to_be_focused()
    check("editing")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    check("keys")
    page.keyboard.press("Escape")
    while left(page):
        before = left(page)
        page.keyboard.press("r" if page.locator("[data-current][data-kind=question]").count() == 0 else "a")
        until(lambda: left(page) < before)  # noqa: B023
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    check("nothing")
    assert found == {}


def test_what_is_decided_taken_back_and_decided_again_in_a_moment_is_meant_in_that_order(
    studio: ServedStudio, person: Person
) -> None:
    muse = agent(studio)
    (book,) = library(studio, muse, 1)
    ada = invited(studio, person, [book])
    page = ada.page
    for verdict in "aaraarraaa":
        wrong = "r" if verdict == "a" else "a"
        for key in (wrong, "u", wrong, "u", verdict):
            page.keyboard.press(key)
    expect(page.locator("[data-inbox]")).to_have_attribute("data-left", "0")
    until(
        lambda: text(studio, book["id"]).count("\n\n") == len(SENTENCES) - 1 and decided(studio, book["id"]) == (7, 3)
    )


def decided(studio: ServedStudio, canvas: str) -> tuple[int, int]:
    """How many suggestions were accepted, and how many rejected."""
    with studio.client() as owner:
        statuses = [one["status"] for one in owner.get(f"/api/canvases/{canvas}").json()["suggestions"]]
    return statuses.count("accepted"), statuses.count("rejected")
