"""A whole novel as a canvas: it is imported, opened, written in, and asked about. How fast: bench/open_moby_dick.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import ServedStudio, StartStudio

from . import novel
from .desk import MODEL, Desk, until

Person = Callable[..., Desk]


def imported(studio: ServedStudio, name: str, text: str) -> dict[str, Any]:
    with studio.client() as owner:
        made = owner.post("/api/canvases/import", files={"files": (name, text.encode(), "text/plain")})
    assert made.status_code == 201, made.text
    return made.json()


def view(studio: ServedStudio, canvas: str) -> dict[str, Any]:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas}").json()


def text_of(studio: ServedStudio, canvas: str, page: str) -> str:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas}/pages/{page}/text").text


def invitation(studio: ServedStudio, canvas: str) -> str:
    with studio.client() as owner:
        return owner.post(f"/api/canvases/{canvas}/shares", json={"role": "editor"}).json()["url"]


@pytest.fixture(scope="module")
def book() -> str:
    return novel.plain_text()


def test_the_novel_becomes_its_chapters_and_stays_the_same_text(studio: ServedStudio, book: str) -> None:
    for name, text, titles in (
        ("moby-dick.txt", book, ["Front matter", *([r"CHAPTER \d+\. .+"] * 135)]),
        ("moby-dick.md", novel.markdown(), ["ETYMOLOGY.+", "EXTRACTS.+", *([r"CHAPTER \d+\. .+"] * 135), "Epilogue.+"]),
    ):
        made = imported(studio, name, text)
        assert made["title"].lower() == "moby dick"
        assert len(made["pages"]) == len(titles)
        for page, title in zip(made["pages"], titles, strict=True):
            assert re.fullmatch(title, page["title"])
        pages = view(studio, made["id"])["pages"]
        assert [page["id"] for page in pages] == [page["id"] for page in made["pages"]]
        assert "".join(page["text"] for page in pages) == text


def test_it_opens_is_written_in_and_its_chapters_are_turned(studio: ServedStudio, person: Person, book: str) -> None:
    made = imported(studio, "moby-dick.txt", book)
    canvas = made["id"]
    whiteness = next(page for page in made["pages"] if "Whiteness" in page["title"])
    before = text_of(studio, canvas, whiteness["id"])
    ada = person(viewport={"width": 1560, "height": 900})
    ada.join(invitation(studio, canvas), "Ada")
    expect(ada.content).to_contain_text("The pale Usher")
    pages = ada.page.get_by_role("navigation", name="Pages")
    expect(pages.locator("a")).to_have_count(136)

    # Into the middle, where a sentence is written; it reaches the studio, and nothing else changes.
    pages.get_by_role("link", name=whiteness["title"]).click()
    expect(ada.content).to_contain_text("What the white whale was to Ahab")
    ada.type("Listen: 🐋 white is no colour. ", "start")
    ada.saved()
    assert text_of(studio, canvas, whiteness["id"]) == "Listen: 🐋 white is no colour. " + before
    count = ada.page.locator("header p", has_text="words")
    here, whole = novel.count_words(before) + 5, novel.count_words(book) + 5
    expect(count).to_have_text(f"{here:,} words of {whole:,}")

    # To another chapter by its link, to the next by key, to one by the palette, and back.
    pages.get_by_role("link", name="CHAPTER 1. Loomings").click()
    expect(ada.content).to_contain_text("Call me Ishmael.")
    ada.page.keyboard.press("Control+Alt+ArrowDown")
    expect(ada.content).to_contain_text("The Carpet-Bag")
    ada.command("Chase Third")
    expect(ada.content).to_contain_text("The morning of the third day dawned fair and fresh")
    ada.type(" The end.", "end")
    ada.saved()
    assert text_of(studio, canvas, made["pages"][-1]["id"]).endswith("orphan.\n The end.")
    ada.page.go_back()
    expect(ada.content).to_contain_text("The Carpet-Bag")
    pages.get_by_role("link", name=whiteness["title"]).click()
    expect(ada.content).to_contain_text("Listen: 🐋 white is no colour.")

    # The address is the chapter's: a friend lands there, and each sees what the other types.
    ben = person()
    ben.join(invitation(studio, canvas), "Ben")
    ben.open(ada.page.url)
    expect(ben.content).to_contain_text("Listen: 🐋 white is no colour.")
    ben.type("Ben was here. ", "start")
    until(lambda: ada.text().startswith("Ben was here. Listen: 🐋"))
    ben.saved()
    texts = [page["text"] for page in view(studio, canvas)["pages"]]
    written = f"Ben was here. Listen: 🐋 white is no colour. {before}"
    assert "".join(texts) == book.replace(before, written) + " The end."


def test_a_writer_imports_it_at_the_page(start_studio: StartStudio, person: Person, book: str) -> None:
    studio = start_studio()
    ada = person()
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    file: Any = {"name": "moby-dick.txt", "mimeType": "text/plain", "buffer": book.encode()}
    with ada.page.expect_file_chooser() as chooser:
        ada.page.get_by_role("button", name="Bring a draft").click()
    chooser.value.set_files(file)
    ada.ready()
    expect(ada.content).to_contain_text("The pale Usher")
    expect(ada.page.get_by_label("Title of the canvas")).to_have_value("Moby dick")
    canvas = ada.page.url.split("/c/")[1].split("/")[0]
    assert "".join(page["text"] for page in view(studio, canvas)["pages"]) == book

    # In the library it says how long it is, and a second one comes by the Import button there.
    ada.page.get_by_role("link", name="Library").click()
    expect(ada.page.get_by_role("link", name="Moby dick")).to_contain_text("136 pages")
    with ada.page.expect_file_chooser() as chooser:
        ada.page.get_by_role("button", name="Import", exact=True).click()
    chooser.value.set_files([file, {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Notes\n\nWhales."}])
    ada.ready()
    second = ada.page.url.split("/c/")[1].split("/")[0]
    assert [page["text"] for page in view(studio, second)["pages"]] == [book, "# Notes\n\nWhales."]


def test_a_file_that_is_no_text_is_refused_with_its_byte(start_studio: StartStudio, person: Person, book: str) -> None:
    studio = start_studio()
    ada = person()
    ada.set_up(f"{studio.url}/?setup={studio.setup}", "Ada")
    broken = book.encode()[:5000] + b"\xff" + book.encode()[5000:]
    with ada.page.expect_file_chooser() as chooser:
        ada.page.get_by_role("button", name="Bring a draft").click()
    chooser.value.set_files({"name": "broken.txt", "mimeType": "text/plain", "buffer": broken})
    expect(ada.page.locator(".toast")).to_contain_text("broken.txt is not UTF-8 text: byte 0xFF at offset 5000")
    expect(ada.page.get_by_role("button", name="Bring a draft")).to_be_enabled()


@pytest.mark.model
def test_studiolo_ask_works_on_one_chapter(studio: ServedStudio, tmp_path: Path) -> None:
    chapter = tmp_path / "loomings.txt"
    text = novel.parts()[2] + "\n"
    chapter.write_text(text, encoding="utf-8")

    def ask(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "studiolo", "ask", str(chapter), *arguments, "--json"],
            env=studio.environ,
            capture_output=True,
            text=True,
            timeout=2 * MODEL / 1000,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    # Without --accept the file stays as it is.
    told = ask("Continue the story in about 40 words.")
    (suggestion,) = told["suggestions"]
    (hunk,) = suggestion["hunks"]
    assert suggestion["skill"] == "continue" and told["run"]["state"] == "done" and not told["written"]
    assert hunk["quote"] == "" and len(hunk["replace"].split()) > 10
    assert chapter.read_text(encoding="utf-8") == text

    # With it the file has what the model wrote, in its place, and not a character of Melville's is touched.
    told = ask("Continue the story in about 40 words.", "--accept")
    (suggestion,) = told["suggestions"]
    written = chapter.read_text(encoding="utf-8")
    assert told["written"] and suggestion["status"] == "accepted"
    assert written == text.rstrip("\n") + suggestion["hunks"][0]["replace"] + "\n"
