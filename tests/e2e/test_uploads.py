"""Files beside the pages: dropped, read, asked about, quoted, put into the text, and taken away again."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from studiolo.formats import export, read_files
from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn
from tests.web.test_attachments import STORY, png

from . import novel
from .desk import Desk, until
from .test_accessibility import DESKTOP, PHONE, complaints, invitation

Person = Callable[..., Desk]
SALES = b"city,year\nRome,1999\nOslo,2004\n"
PASTE = """data => {
    const carried = new DataTransfer(), bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0))
    carried.items.add(new File([bytes], 'image.png', { type: 'image/png' }))
    const paste = new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true })
    document.querySelector('.cm-content').dispatchEvent(paste)
}"""
ANSWER = (
    "Instead of suicide: “This is my substitute for pistol and ball.” (moby.pdf, page 14) Or, as he says, “the sea is "
    "my only mother and my father” (moby.pdf, page 15)."
)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        fake.script = [Turn(ANSWER)]
        yield fake


@pytest.fixture(scope="module")
def reading_studio(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    studio = serve(
        tmp_path_factory.mktemp("reading"),
        {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"},
    )
    yield studio
    studio.stop()


@pytest.fixture(scope="module")
def book() -> bytes:
    """Moby Dick as PDF, as the studio itself sets it."""
    pages = read_files([("moby-dick.txt", novel.plain_text().encode())]).pages
    return export("Moby Dick", pages, "pdf", "keep", "Herman Melville").data


def files_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Files")


def show_files(desk: Desk, phone: bool = False) -> None:
    """Have the list of pages, and so of files, on the screen."""
    if not files_of(desk.page).is_visible():
        if phone:
            desk.page.get_by_role("navigation", name="Views").get_by_role("button", name="Pages").click()
        else:
            desk.page.keyboard.press("Control+Alt+p")
    expect(files_of(desk.page)).to_be_visible()


def drop(page: Page, *files: tuple[str, str, bytes]) -> None:
    """Drop files onto the text, as a person would."""
    carried = page.evaluate_handle(
        """files => { const carried = new DataTransfer(); for (const [name, type, data] of files) carried.items.add(
            new File([Uint8Array.from(atob(data), one => one.charCodeAt(0))], name, { type })); return carried }""",
        [[name, type, base64.b64encode(data).decode()] for name, type, data in files],
    )
    for event in ("dragover", "drop"):
        page.locator(".cm-content").dispatch_event(event, {"dataTransfer": carried})


def test_a_book_is_dropped_asked_about_and_quoted_and_the_quote_leads_to_its_page(
    reading_studio: ServedStudio, person: Person, book: bytes, provider: FakeProvider
) -> None:
    canvas = reading_studio.canvas("My notes on whales.\n", title="Notes")["id"]
    ada, ben = person(), person()
    ada.join(invitation(reading_studio, canvas), "Ada")
    ben.join(invitation(reading_studio, canvas, "commenter"), "Ben")
    page = ada.page
    drop(page, ("moby.pdf", "application/pdf", book))
    name = files_of(page).get_by_role("button", name="moby.pdf", exact=True)
    expect(name).to_be_visible(timeout=60_000)
    assert ada.text() == "My notes on whales.\n", "what is dropped on the text is not typed into it"

    # Everybody sees it, at once; it is opened at a line of its outline.
    show_files(ben)
    expect(files_of(ben.page).get_by_role("button", name="moby.pdf", exact=True)).to_be_visible()
    files_of(ben.page).get_by_role("button", name="moby.pdf", exact=True).click()
    looked = ben.page.get_by_role("dialog", name="moby.pdf")
    expect(looked).to_contain_text("Moby Dick")
    looked.get_by_role("navigation", name="Outline").get_by_role("button", name="CHAPTER 42.").click()
    expect(looked.get_by_role("region", name="What is in the file")).to_contain_text("What the white whale was to Ahab")
    expect(looked.get_by_role("button", name="Remove")).to_be_hidden()

    # It is asked about; what the answer quotes is looked up, and what is not there is said not to be.
    looked.get_by_label("Ask about this file").fill("Why does Ishmael go to sea, instead of pistol and ball?")
    ben.page.keyboard.press("Enter")
    expect(looked).to_be_hidden()
    quotes = ben.page.get_by_role("list", name="Passages").last
    expect(quotes.get_by_role("button")).to_contain_text("This is my substitute for pistol and ball.")
    expect(quotes.get_by_role("button")).to_contain_text("moby.pdf, page")
    expect(quotes).to_contain_text("the sea is my only mother and my father")
    expect(quotes.locator(".missing")).to_contain_text("in no file")
    assert any("substitute for pistol and ball" in str(asked.body) for asked in provider.asked)

    # The other person goes from the quote to its page, where it is marked.
    ada.page.keyboard.press("Control+Alt+c")
    page.get_by_role("list", name="Passages").last.get_by_role("button").click()
    opened = page.get_by_role("dialog", name="moby.pdf")
    expect(opened.locator("mark")).to_contain_text("substitute for pistol and ball")
    page.keyboard.press("Escape")
    expect(opened).to_be_hidden()


def test_a_file_becomes_what_is_chosen_for_it(reading_studio: ServedStudio, person: Person) -> None:
    canvas = reading_studio.canvas("One.\n", title="Choosing")["id"]
    ada = person()
    ada.join(invitation(reading_studio, canvas), "Ada")
    page = ada.page
    drop(page, ("story.md", "text/markdown", STORY.encode()), ("sales.csv", "text/csv", SALES))
    dialog = page.get_by_role("dialog", name="Add 2 files")
    story, sales = dialog.get_by_role("group", name="story.md"), dialog.get_by_role("group", name="sales.csv")
    expect(story.get_by_label("as a page")).to_be_checked()
    expect(sales.get_by_label("as a file beside the pages")).to_be_checked()
    dialog.get_by_role("button", name="Add").click()
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="The keeper")).to_be_visible()
    files_of(page).get_by_role("button", name="sales.csv", exact=True).click()
    table = page.get_by_role("dialog", name="sales.csv").get_by_role("table")
    expect(table.get_by_role("columnheader", name="city")).to_be_visible()
    expect(table).to_contain_text("Oslo")
    page.keyboard.press("Escape")

    # By keyboard alone: it is taken away, for everybody, and put back, the same again.
    with reading_studio.client() as owner:
        (before,) = owner.get(f"/api/canvases/{canvas}/attachments").json()["attachments"]
    files_of(page).get_by_role("button", name="sales.csv", exact=True).focus()
    page.keyboard.press("Delete")
    expect(files_of(page).get_by_role("button", name="sales.csv", exact=True)).to_be_hidden()
    page.locator(".toast", has_text="was removed for everybody").get_by_role("button", name="Undo").click()
    expect(files_of(page).get_by_role("button", name="sales.csv", exact=True)).to_be_visible()
    with reading_studio.client() as owner:
        (after,) = owner.get(f"/api/canvases/{canvas}/attachments").json()["attachments"]
    assert after["id"] == before["id"]


def test_a_picture_is_pasted_shown_in_the_text_and_missed_when_it_is_gone(
    reading_studio: ServedStudio, person: Person
) -> None:
    made = reading_studio.canvas("", title="Pictures")
    ada = person()
    ada.join(invitation(reading_studio, made["id"]), "Ada")
    page = ada.page
    ada.content.focus()
    page.evaluate(PASTE, base64.b64encode(png(60, 40)).decode())
    show_files(ada)
    expect(files_of(page).get_by_role("button", name=re.compile("^Picture"))).to_be_visible()
    ada.saved()
    with reading_studio.client() as owner:
        text = owner.get(f"/api/canvases/{made['id']}/pages/{made['pages'][0]['id']}/text").text
        (file,) = owner.get(f"/api/canvases/{made['id']}/attachments").json()["attachments"]
    assert text.startswith("![Picture ") and text.endswith(f"](attachment:{file['id']})")
    # Where the caret is, it is Markdown; elsewhere it is the picture.
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    shown = ada.content.get_by_role("img")
    expect(shown).to_be_visible()
    assert until(lambda: shown.evaluate("picture => picture.naturalWidth")) == 60

    files_of(page).get_by_role("button", name=re.compile("^Picture")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_be_visible()
    dialog.get_by_role("button", name="Remove").click()
    expect(files_of(page).get_by_role("button", name=re.compile("^Picture"))).to_be_hidden()
    page.reload()
    ada.ready()
    expect(ada.content.get_by_role("img", name="(removed)")).to_be_visible()


def test_what_cannot_be_read_says_what_to_do_instead(reading_studio: ServedStudio, person: Person) -> None:
    canvas = reading_studio.canvas("One.\n", title="Refused")["id"]
    ada = person()
    ada.join(invitation(reading_studio, canvas), "Ada")
    drop(ada.page, ("broken.pdf", "application/pdf", b"%PDF-1.7 and nothing more"))
    show_files(ada)
    way = files_of(ada.page).get_by_role("list", name="On their way")
    expect(way).to_contain_text("broken.pdf is damaged")
    expect(way).to_contain_text("print it to a new PDF")
    way.get_by_role("button", name="Forget broken.pdf").click()
    expect(way).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(
    reading_studio: ServedStudio, person: Person, scheme: str, size: dict[str, Any], tmp_path: Path
) -> None:
    canvas = reading_studio.canvas("One.\n", "Two.\n", title="Seen")["id"]
    with reading_studio.client() as owner:
        for name, data in (
            ("story.md", STORY.encode() * 2),
            ("sales.csv", SALES),
            ("a.png", png(300, 200)),
        ):
            answer = owner.post(f"/api/canvases/{canvas}/attachments", files={"file": (name, data)})
            assert answer.status_code == 201, answer.text
    ada = person(color_scheme=scheme, **size)
    ada.join(invitation(reading_studio, canvas), "Ada")
    page, phone = ada.page, size is PHONE
    found: dict[str, list[str]] = {}

    def check(view: str) -> None:
        page.wait_for_timeout(150)
        page.screenshot(path=tmp_path / f"{view}-{scheme}-{'phone' if phone else 'desktop'}.png")
        if said := complaints(page):
            found[view] = said

    drop(page, ("broken.pdf", "application/pdf", b"%PDF-1.7 and nothing more"))
    show_files(ada, phone)
    expect(files_of(page)).to_contain_text("is damaged")
    check("list")
    for name in ("story.md", "sales.csv", "a.png"):
        files_of(page).get_by_role("button", name=name, exact=True).click()
        dialog = page.get_by_role("dialog", name=name)
        expect(dialog.get_by_role("region", name="What is in the file")).to_be_visible()
        check(name.replace(".", "-"))
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    drop(page, ("draft.docx", "application/msword", b"PK"), ("photo.png", "image/png", png()))
    expect(page.get_by_role("dialog", name="Add 2 files")).to_be_visible()
    check("choosing")
    assert found == {}
