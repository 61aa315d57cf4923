"""Who wrote what, in a real browser: words keep their authors while people cut, paste, drag and undo them, and the page
shows whose they are without needing a colour, a mouse or a large screen."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, expect

from tests.conftest import ServedStudio, StartStudio

from .desk import Desk, until
from .test_accessibility import PHONE, complaints
from .test_offline import invitation, port

Person = Callable[..., Desk]

STORY = "It was late when Marta came home.\n\nThe house was dark. Nobody was there. She called out twice.\n"
PROPOSED = "Not a soul answered"
CLIPBOARD = ["clipboard-read", "clipboard-write"]
ELSEWHERE = "A sentence that was copied from a newspaper of 1851."


def begin(studio: ServedStudio) -> tuple[dict[str, Any], str]:
    """A page of the owner's words, of which an agent's proposal has replaced some; its id, and the address for Ben."""
    made = studio.canvas(STORY, title="The house")
    page = made["pages"][0]["id"]
    agent = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Muse").stdout.strip()
    with studio.client() as owner, studio.client(agent) as muse:
        actions = f"/api/canvases/{made['id']}/actions"
        hunks = [{"find": "Nobody was there", "replace": PROPOSED}]
        proposal = {"type": "suggest", "page": page, "hunks": hunks, "reason": "So that one hears it.", "model": "m-1"}
        suggestion = muse.post(actions, json=proposal).json()["id"]
        assert owner.post(actions, json={"type": "accept", "suggestion": suggestion}).status_code == 200
    return made, invitation(studio, made)


def authors(studio: ServedStudio, made: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The page in stretches: the words, whose they are, and how they came."""
    with studio.client() as owner:
        at = f"/api/canvases/{made['id']}/pages/{made['pages'][0]['id']}"
        told = owner.get(f"{at}/authors").json()
        text = owner.get(f"{at}/text").text
    found: list[tuple[str, str, str]] = []
    for run in told["runs"]:
        words = text[run["start"] :][: run["length"]]
        who = told["participants"][run["participant"]]["name"]
        if found and found[-1][1:] == (who, run["how"]):
            words = found.pop()[0] + words
        found.append((words, who, run["how"]))
    return found


def whose(studio: ServedStudio, made: dict[str, Any], words: str) -> set[tuple[str, str]]:
    """The authors of these words where they stand first, of their letters; nobody's where they do not stand."""
    letters = [(letter, who, how) for run, who, how in authors(studio, made) for letter in run]
    at = "".join(letter for letter, _, _ in letters).find(words)
    return {(who, how) for letter, who, how in letters[at : at + len(words)] if letter.isalpha()} if at >= 0 else set()


def select(desk: Desk, words: str) -> None:
    """Select the first such words in the text with the mouse, as a person does; they stand on one line."""
    box = desk.content.evaluate(
        """(content, words) => {
            const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT)
            const nodes = []
            let all = ''
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                nodes.push([all.length, node])
                all += node.data
            }
            const range = document.createRange()
            const spot = (offset, behind) => {
                const [start, node] = nodes.findLast(([start]) => (behind ? start < offset : start <= offset))
                return [node, offset - start]
            }
            const at = all.indexOf(words)
            range.setStart(...spot(at, false))
            range.setEnd(...spot(at + words.length, true))
            return range.getBoundingClientRect().toJSON()
        }""",
        words,
    )
    middle = box["y"] + box["height"] / 2
    desk.page.mouse.move(box["x"] + 1, middle)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + box["width"] / 2, middle, steps=3)
    desk.page.mouse.move(box["x"] + box["width"] - 1, middle, steps=3)
    desk.page.mouse.up()
    until(lambda: desk.page.evaluate("String(getSelection())") == words)


def test_a_mixed_paragraph_keeps_its_authors_through_cut_paste_undo_and_reload(
    studio: ServedStudio, person: Person
) -> None:
    made, link = begin(studio)
    ben = person(permissions=CLIPBOARD)
    ben.join(link, "Ben")
    ben.type("Ben came later. ", "end")
    ben.saved()
    assert whose(studio, made, "Not a soul") == {("Muse", "accepted")}
    before = authors(studio, made)

    # Cut, and put at the very top.
    ben.select_paragraph("Not a soul")
    ben.page.keyboard.press("Control+x")
    expect(ben.content).not_to_contain_text("Not a soul")
    ben.caret("start")
    ben.page.keyboard.press("Control+v")
    expect(ben.page.locator(".cm-line").first).to_contain_text("Not a soul")
    until(lambda: whose(studio, made, "Not a soul") == {("Muse", "accepted")})
    assert whose(studio, made, "She called out twice") == {("Test owner", "typed")}
    assert "pasted" not in {how for _, _, how in authors(studio, made)}

    # Back again by undo: the paste goes, and then what was cut is theirs as before.
    while authors(studio, made) != before:
        ben.page.keyboard.press("Control+z")
        ben.saved()
        ben.page.wait_for_timeout(500)
        assert "Ben came later" in ben.text(), "undone beyond the cut"

    ben.page.reload()
    ben.ready()
    assert authors(studio, made) == before


def test_what_comes_from_elsewhere_is_shown_as_pasted_and_what_is_dragged_is_not(
    studio: ServedStudio, person: Person
) -> None:
    made, link = begin(studio)
    ben = person(permissions=CLIPBOARD)
    ben.join(link, "Ben")
    ben.page.evaluate("text => navigator.clipboard.writeText(text)", ELSEWHERE)
    ben.caret("end")
    ben.page.keyboard.press("Control+v")
    until(lambda: whose(studio, made, ELSEWHERE) == {("Ben", "pasted")})

    select(ben, PROPOSED)
    ben.page.wait_for_timeout(300)
    box = ben.page.evaluate("getSelection().getRangeAt(0).getBoundingClientRect().toJSON()")
    goal = ben.page.locator(".cm-line").first.bounding_box()
    assert goal
    mouse = ben.page.mouse
    mouse.move(box["x"] + 30, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 36, box["y"] + box["height"] / 2, steps=6)  # a little, until the browser takes it for a drag
    mouse.move(goal["x"] + 100, goal["y"] + goal["height"] / 2, steps=8)
    mouse.move(goal["x"] + 4, goal["y"] + goal["height"] / 2, steps=4)
    mouse.up()
    expect(ben.page.locator(".cm-line").first).to_contain_text(PROPOSED)
    until(lambda: whose(studio, made, "Not a soul") == {("Muse", "accepted")})

    # A paragraph moved up by key goes over its neighbour: the neighbour keeps its author.
    ben.page.locator(".cm-line", has_text="She called out").click()
    ben.page.keyboard.press("Alt+ArrowUp")
    ben.page.keyboard.press("Alt+ArrowUp")
    ben.saved()
    until(lambda: whose(studio, made, "when Marta came home") == {("Test owner", "typed")})

    # Word by word away with the backspace, and back by undo.
    select(ben, PROPOSED)
    ben.page.keyboard.press("ArrowRight")
    for _ in range(3):
        ben.page.keyboard.press("Control+Backspace")
        ben.page.wait_for_timeout(700)
    expect(ben.content).not_to_contain_text("soul")
    for _ in range(3):
        ben.page.keyboard.press("Control+z")
    expect(ben.content).to_contain_text(PROPOSED)
    until(lambda: whose(studio, made, "Not a soul") == {("Muse", "accepted")})


def drawn(mark: Locator) -> str:
    """How a run looks to somebody who sees no colours: its grounds and lines, the colours taken out."""
    style = mark.evaluate(
        "node => { const s = getComputedStyle(node); return s.backgroundImage + s.backgroundSize + s.outlineStyle }"
    )
    return re.sub(r"(?:rgba?|color|oklab|color-mix|color\(srgb)\([^()]*\)", "c", style)


def test_it_is_shown_by_pattern_as_well_as_colour_with_shares_and_told_by_key(
    studio: ServedStudio, person: Person
) -> None:
    made, link = begin(studio)
    page = made["pages"][0]["id"]
    editor = studio.make_token("editor", made["id"], "Cleo")
    with studio.client(editor) as cleo:
        where = {"find": "", "before": "came home.", "replace": " Cleo says that it was later still."}
        cleo.post(f"/api/canvases/{made['id']}/actions", json={"type": "edit", "page": page, "hunks": [where]})
    ben = person(permissions=CLIPBOARD)
    ben.join(link, "Ben")
    ben.page.evaluate("text => navigator.clipboard.writeText(text)", ELSEWHERE)
    ben.type("Ben types. ", "end")
    ben.page.keyboard.press("Control+v")
    until(lambda: whose(studio, made, ELSEWHERE) == {("Ben", "pasted")})
    expect(ben.page.locator(".by")).to_have_count(0)
    ben.command("Show who wrote what")

    owner = ben.page.locator(".by", has_text="The house was dark")
    muse, cleos = ben.page.locator(".by", has_text="Not a soul"), ben.page.locator(".by", has_text="Cleo says")
    pasted = ben.page.locator(".by", has_text=ELSEWHERE)
    for mark in (owner, muse, cleos, pasted):
        expect(mark).to_have_count(1)
    assert len({drawn(mark) for mark in (owner, muse, cleos, pasted)}) == 4
    assert ben.page.locator(".by", has_text="Ben types").count() == 0  # one's own words are plain

    strip = ben.page.get_by_role("region", name="Who wrote what")
    for entry in (
        r"Test owner\s+\d+ %",
        r"Muse, accepted\s+\d+ %",
        r"Cleo\s+\d+ %",
        r"Pasted by you\s+\d+ %",
        r"You\s+\d+ %",
    ):
        expect(strip.get_by_role("listitem").filter(has_text=re.compile(entry))).to_have_count(1)

    # What is typed into somebody's words is not theirs, at once.
    select(ben, "was dark")
    ben.page.keyboard.press("ArrowRight")
    ben.page.keyboard.type(" and mine")
    expect(ben.page.locator(".by", has_text="and mine")).to_have_count(0)
    until(lambda: whose(studio, made, " and mine") == {("Ben", "typed")})

    # By key: who wrote this, and back into the text.
    select(ben, "Not a soul")
    ben.page.keyboard.press("Control+Alt+w")
    answer = ben.page.get_by_role("dialog", name="Who wrote this")
    expect(answer).to_contain_text("Muse suggested this")
    for said in ("by Test owner, just now", "Nobody was there", "So that one hears it.", "m-1"):
        expect(answer).to_contain_text(said)
    assert complaints(ben.page) == []
    ben.page.emulate_media(color_scheme="dark")
    ben.page.wait_for_timeout(300)
    assert complaints(ben.page) == []
    ben.page.keyboard.press("Escape")
    expect(answer).to_be_hidden()
    expect(ben.content).to_be_focused()

    # Of several authors' words all are named.
    ben.select_paragraph("Not a soul")
    ben.command("Who wrote this?")
    expect(answer).to_contain_text("3 authors")
    expect(answer.get_by_role("button", name=re.compile("Test owner typed"))).to_be_visible()
    ben.page.keyboard.press("Escape")

    # It is remembered, and put away from the strip.
    ben.page.reload()
    ben.ready()
    expect(ben.page.locator(".by", has_text="Not a soul")).to_have_count(1)
    strip.get_by_role("button", name="Stop showing who wrote what").click()
    expect(ben.page.locator(".by")).to_have_count(0)


def test_what_a_reviewer_amended_is_told_as_theirs(studio: ServedStudio, person: Person) -> None:
    made, link = begin(studio)
    page = made["pages"][0]["id"]
    agent = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Muse").stdout.strip()
    editor = studio.make_token("editor", made["id"], "Cleo")
    actions = f"/api/canvases/{made['id']}/actions"
    with studio.client(agent) as muse, studio.client(editor) as cleo:
        hunks = [{"find": "She called out twice", "replace": "She shouted"}]
        id = muse.post(actions, json={"type": "suggest", "page": page, "hunks": hunks}).json()["id"]
        amended = [{"replace": "She shouted until dawn"}]
        cleo.post(actions, json={"type": "amend", "suggestion": id, "hunks": amended})
        assert cleo.post(actions, json={"type": "accept", "suggestion": id}).status_code == 200
    assert whose(studio, made, "shouted") == {("Muse", "accepted")}
    assert whose(studio, made, "until dawn") == {("Cleo", "accepted")}
    ben = person()
    ben.join(link, "Ben")
    select(ben, "until dawn")
    ben.page.keyboard.press("Control+Alt+w")
    answer = ben.page.get_by_role("dialog", name="Who wrote this")
    expect(answer).to_contain_text("Cleo typed this, amending what Muse suggested")
    expect(answer).to_contain_text("proposed was “She shouted”")


def test_on_a_phone_a_tap_tells_who_wrote_it(studio: ServedStudio, person: Person) -> None:
    _, link = begin(studio)
    ben = person(**PHONE)
    ben.join(link, "Ben")
    ben.page.get_by_role("button", name="Commands").click()
    ben.page.get_by_label("Search commands and pages").fill("Show who wrote what")
    ben.page.keyboard.press("Enter")
    ben.page.locator(".by", has_text="Not a soul").tap()
    here = ben.page.get_by_role("button", name=re.compile("Here: Muse, accepted"))
    expect(here).to_be_visible()
    assert complaints(ben.page) == []
    here.tap()
    answer = ben.page.get_by_role("dialog", name="Who wrote this")
    expect(answer).to_contain_text("Muse suggested this")
    box = answer.bounding_box()
    assert box and box["width"] == PHONE["viewport"]["width"] and box["y"] + box["height"] <= 844 + 1
    assert complaints(ben.page) == []
    answer.get_by_role("button", name="Close").tap()
    expect(answer).to_be_hidden()


def test_a_paste_without_a_line_is_told_when_it_is_back(start_studio: StartStudio, person: Person) -> None:
    studio = start_studio()
    made, link = begin(studio)
    ben = person(permissions=CLIPBOARD)
    ben.join(link, "Ben")
    at = port(studio)
    studio.stop(signal.SIGKILL)
    ben.page.evaluate("text => navigator.clipboard.writeText(text)", ELSEWHERE)
    ben.caret("end")
    ben.page.keyboard.press("Control+v")
    ben.type(" And Ben types on.")
    studio.start(at)
    ben.saved()
    until(lambda: whose(studio, made, ELSEWHERE) == {("Ben", "pasted")})
    assert whose(studio, made, "And Ben types on") == {("Ben", "typed")}
