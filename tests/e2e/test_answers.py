"""What an agent answers leads to where it has it from; what its program draws is there for everybody, at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.agents.toolbox.test_computing import DRAWS
from tests.conftest import ServedStudio, StartStudio
from tests.models.fake_provider import FakeProvider, Turn
from tests.web.loop.conftest import environment

from .desk import Desk, until
from .test_accessibility import PHONE, complaints, invitation

Person = Callable[..., Desk]
TEXT = "Oda carried the last of the oil up at dusk. She counted to sixty.\n"
LEDGER = "# Ledger\n\nOil, nine measures.\nThe bell rang twice in the year of the flood.\n"
ANSWER = (
    "She did: “carried the last of the oil up” (Page 1). The bell “rang twice in the year of the flood” (ledger.md, "
    "line 4); “nobody ever answered it” is in neither. See Page 1 and [more](https://example.org/bells)."
)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def studio(start_studio: StartStudio, provider: FakeProvider) -> ServedStudio:
    return start_studio(**environment(provider))


def test_an_answer_leads_to_what_it_quotes(studio: ServedStudio, provider: FakeProvider, person: Person) -> None:
    canvas = studio.canvas(TEXT, "Nothing is here yet.\n", title="Bells")
    with studio.client() as owner:
        file = {"file": ("ledger.md", LEDGER.encode())}
        assert owner.post(f"/api/canvases/{canvas['id']}/attachments", files=file).status_code == 201
    provider.script = [Turn(ANSWER)]
    ada = person()
    ada.join(invitation(studio, canvas["id"]), "Ada")
    page = ada.page
    ada.ask("Who carried the oil, and how often did the bell ring?")
    answer = page.get_by_role("log").get_by_role("article").last
    expect(answer).to_contain_text("in neither")
    cited = answer.locator("a.cited")
    expect(cited).to_have_text(
        ["carried the last of the oil up", "Page 1", "rang twice in the year of the flood", "ledger.md, line 4"]
    )
    assert complaints(page) == []
    page.emulate_media(color_scheme="dark")
    assert complaints(page) == []

    # By key, to the passage in the file.
    cited.nth(2).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="ledger.md")
    expect(dialog.locator("mark")).to_have_text("rang twice in the year of the flood")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    cited.nth(3).click()
    expect(dialog.locator("mark")).to_have_text("rang twice in the year of the flood")
    page.keyboard.press("Escape")

    # From another page, to the passage in its page.
    page.goto(f"{studio.url}/c/{canvas['id']}/{canvas['pages'][1]['id']}")
    ada.ready()
    expect(ada.content).to_contain_text("Nothing is here yet.")
    answer.get_by_role("link", name="carried the last of the oil up").click()
    expect(ada.content).to_contain_text("She counted to sixty.")
    expect(page).to_have_url(re.compile(canvas["pages"][0]["id"]))
    assert page.url.startswith(studio.url)


def test_what_a_program_draws_is_there_at_once_and_the_answer_leads_to_it(
    studio: ServedStudio, provider: FakeProvider, person: Person
) -> None:
    canvas = studio.canvas(TEXT, title="Bells")["id"]
    ada, ben = person(), person(**PHONE)
    ada.join(invitation(studio, canvas), "Ada")
    ben.join(invitation(studio, canvas, "viewer"), "Ben")
    ben.page.get_by_role("navigation", name="Views").get_by_role("button", name="Pages").click()
    provider.script = [Turn(calls=[("python", {"code": DRAWS})]), Turn("I drew it: bells.png.")]
    with studio.client() as owner:
        body = {"agent": "analyst", "prompt": "Draw the bells.", "say": True}
        run = owner.post(f"/api/canvases/{canvas}/ask", json=body).json()["run"]
    files = ben.page.get_by_role("region", name="Files")
    expect(files.get_by_role("button", name="bells.png", exact=True)).to_be_visible(timeout=30_000)
    link = ada.page.get_by_role("log").get_by_role("link", name="bells.png")
    link.click()
    dialog = ada.page.get_by_role("dialog", name="bells.png")
    picture = dialog.get_by_role("img")
    expect(picture).to_be_visible()
    assert until(lambda: picture.evaluate("picture => picture.naturalWidth")) == 60
    ada.page.keyboard.press("Escape")
    # Its run's page tells of it, too, whoever comes straight there, and leads to it.
    ada.page.goto(f"{studio.url}/runs/{run}")
    expect(ada.page.get_by_role("heading", name="Analyst")).to_be_visible()
    ada.page.get_by_role("region", name="What came of it").get_by_role("link", name="A file beside the pages").click()
    expect(dialog.get_by_role("img")).to_be_visible()
