"""A writer brings a Word file with an editor's tracked changes, decides about them here, and sends a Word file back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from studiolo.formats import read_files
from tests.conftest import ServedStudio, StartStudio
from tests.web.test_files import word

from .desk import Desk
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]


def test_a_word_file_comes_in_is_decided_about_and_goes_out(
    start_studio: StartStudio, person: Person, tmp_path: Path
) -> None:
    studio = start_studio()
    ada = person()
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    (tmp_path / "from-my-editor.docx").write_bytes(word())
    page = ada.page
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Bring a draft").click()
    chooser.value.set_files(tmp_path / "from-my-editor.docx")
    ada.ready()

    # What the editor proposed and said stands in the margin, under the editors' names.
    card = page.get_by_role("article").filter(has_text="Darkness comes later")
    expect(card).to_contain_text("Bo")
    thread = page.get_by_role("article").filter(has_text="Who is she?")
    expect(thread).to_contain_text("Eve")
    expect(thread).to_contain_text("The sister.")
    card.get_by_role("button", name="Accept").first.click()
    expect(ada.content).to_contain_text("The house was silent")
    ada.saved()

    # Back as a Word file: what was accepted is text, what is open is still a comment of Eve's.
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Download…").click()
    dialog = page.get_by_role("dialog", name="Download")
    dialog.get_by_label("Word").check()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    expect(dialog).to_be_hidden()
    assert download.value.suggested_filename == "a-book.docx"
    back = read_files([("a-book.docx", download.value.path().read_bytes())])
    assert "The house was silent" in back.pages[0].text and back.pages[0].changes == ()
    assert [said.author for said in back.pages[0].remarks[0].said] == ["Eve", "Bo"]

    # Another file becomes pages of the same canvas.
    (tmp_path / "two.md").write_text("# Two\n\nThe {~~end~>beginning~~}.\n")
    page.keyboard.press("Control+k")
    with page.expect_file_chooser() as chooser:
        page.keyboard.type("add pages")
        page.keyboard.press("Enter")
    chooser.value.set_files(tmp_path / "two.md")
    expect(page.get_by_text("1 page with 1 suggestion added.")).to_be_visible()
    expect(ada.content).to_contain_text("The end")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_download_dialog_is_for_everybody(
    studio: ServedStudio, person: Person, size: dict[str, Any], scheme: Any
) -> None:
    made = studio.canvas("The cat sat on the mat.", "Second.", title="Cats")
    page_id = made["pages"][0]["id"]
    with studio.client() as owner:
        for find, replace in (("cat", "dog"), ("mat", "rug")):
            action = {"type": "suggest", "page": page_id, "hunks": [{"find": find, "replace": replace}]}
            assert owner.post(f"/api/canvases/{made['id']}/actions", json=action).status_code == 200
        comment = {"type": "comment", "page": page_id, "quote": "sat", "text": "Or lay?"}
        assert owner.post(f"/api/canvases/{made['id']}/actions", json=comment).status_code == 200
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()["url"]
    ada = person(color_scheme=scheme, **size)
    ada.join(link, "Ada")
    page = ada.page
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Download…").click()
    dialog = page.get_by_role("dialog", name="Download")
    dialog.get_by_label("PDF").focus()
    page.keyboard.press("Space")
    expect(dialog.get_by_role("status")).to_have_text(
        "2 open suggestions and one comment stay behind: PDF cannot hold them."
    )
    dialog.get_by_label("Open suggestions").select_option("accept")
    expect(dialog.get_by_role("status")).to_have_text("One comment stays behind: PDF cannot hold them.")
    assert complaints(page) == []
    if shots := __import__("os").environ.get("STUDIOLO_SHOTS"):
        page.screenshot(path=f"{shots}/download-{scheme}-{size['viewport']['width']}.png")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
