"""Translating: a glossary that people change, and what must stay is counted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.tasks.doing.translating import problems_of
from studiolo.tasks.kind_folder import SHIPPED
from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import Desk
from tests.tasks.thinking import Answers, material, said

ONE = (
    "# The Tide Ledger\n\nIda Voss wrote 12 tides into the ledger.\n\n```\nkeep = {this}\n```\n\n"
    "She paid {amount} crowns on 3 May.\n"
)
TWO = "Ida Voss closed the ledger at 9. See https://voss.test/a for the rest."
GERMAN = {
    "the": "der", "ledger": "Gezeitenbuch", "wrote": "schrieb", "into": "in", "tides": "Gezeiten", "she": "sie",
    "paid": "zahlte", "crowns": "Kronen", "on": "am", "may": "Mai", "closed": "schloss", "at": "um", "see": "siehe",
    "for": "wegen", "rest": "Rest", "tide": "Tide",
}  # fmt: skip


def terms(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "terms": [
            {"term": "ledger", "rendering": "Gezeitenbuch", "note": "a book of tides"},
            {"term": "Ida Voss", "rendering": "Ida Voss", "note": ""},
            {"term": "lighthouse", "rendering": "Leuchtturm", "note": "made up: it is in no page"},
        ]
    }


def renders(body: dict[str, Any]) -> dict[str, Any]:
    """It knows a few words, renders terms as the glossary says, and loses a number the first time it sees it."""
    given = material(body)
    text = given.rpartition("The text:\n")[2]
    glossary = dict(re.findall(r"^(.+?) = (.+)$", given.partition("The text:")[0], re.MULTILINE))
    for term, rendering in glossary.items():
        text = re.sub(rf"\b{re.escape(term)}\b", rendering, text)
    text = re.sub(r"\b[A-Za-z]+\b(?![^{]*\})(?!\.test)", lambda word: GERMAN.get(word[0].lower(), word[0]), text)
    if "was not right" not in said(body):
        text = text.replace(" 12 ", " zwölf ")
    return {"text": text}


async def test_pages_are_rendered_one_after_the_other_with_a_glossary_that_people_change(
    desk: OpenDesk, provider: FakeProvider
) -> None:
    here: Desk = await desk([("Chapter 1", ONE), ("Chapter 2", TWO)])
    model = Answers({"terms": terms, "text": renders})
    provider.thinks = model
    (folder := here.tasks_folder).mkdir()  # a kind of one's own, which asks after the first page
    kind = (SHIPPED / "translate.md").read_text()
    one_page = (
        '  - {id: one, do: translate_page, title: The first, into: "{into}", where: "{where}", page: "{first}"}\n'
    )
    asks = '  - {id: ask, do: ask_people, title: Asks, question: "Is the glossary right?"}\n'
    kind = kind.replace("  - {id: page", f"{one_page}{asks}  - {{id: page")
    kind = kind.replace("  glossary: {", "  first: {kind: page}\n  glossary: {")
    (folder / "translate.md").write_text(kind)

    async def edits(card: dict[str, Any]) -> str:
        glossary = here.pages["Glossary (into German)"]
        (table,) = here.open_suggestions(glossary)
        assert "| ledger | Gezeitenbuch | a book of tides |" in table["hunks"][0]["replace"]
        assert "lighthouse" not in table["hunks"][0]["replace"]
        await here.room.apply({"type": "accept", "suggestion": table["id"]}, here.by)
        hunk = {"find": "Gezeitenbuch", "replace": "Tidenbuch"}
        await here.room.apply({"type": "edit", "page": glossary, "hunks": [hunk]}, here.by)
        return "Now it is."

    inputs = {"into": "German", "first": here.pages["Chapter 1"], "pages": [here.pages["Chapter 2"]]}
    task = await here.do("translate", inputs, edits)
    assert task.state == "done", task.problem

    first = here.open_suggestions(here.pages["Chapter 1 (German)"])[0]["hunks"][0]["replace"]
    second = here.open_suggestions(here.pages["Chapter 2 (German)"])[0]["hunks"][0]["replace"]
    assert "Gezeitenbuch" in first and "Tidenbuch" in second and "https://voss.test/a" in second
    assert "```\nkeep = {this}\n```" in first and "{amount}" in first and " 12 " in first
    assert first.startswith("# ") and first.endswith("\n") and first.count("\n\n") == ONE.count("\n\n")
    assert any("The number 12 is missing." in said(body) for body in model.requests)
    assert here.room.canvas.page_text(here.pages["Chapter 1"]) == ONE
    order = [page["title"] for page in here.room.canvas.outline()]
    assert order.index("Chapter 1 (German)") == order.index("Chapter 1") + 1
    (message,) = here.view["chat"]
    assert "“ledger” is to be “Tidenbuch”, and is not in: Chapter 1" in message["text"]
    assert task.outcome == "2 pages wait for you, with 1 doubt."


async def test_what_still_did_not_come_over_stands_beside_the_page(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk([("Chapter 2", TWO)])
    provider.thinks = Answers({"terms": terms, "text": lambda body: {"text": "Ida Voss schloss das Gezeitenbuch."}})
    task = await here.do("translate", {"into": "German", "where": "the pages themselves"})
    (change,) = here.open_suggestions(here.pages["Chapter 2"])
    assert change["hunks"][0]["quote"].strip() == TWO
    said_of = [thread["comments"][0]["text"] for thread in here.view["threads"] if thread["about"] == change["id"]]
    assert said_of == ["The number 9 is missing.", "https://voss.test/a is missing."]
    assert "with 2 doubts" in task.outcome


async def test_a_model_that_is_too_small_says_so_and_writes_nothing(desk: OpenDesk) -> None:
    here: Desk = await desk([("Chapter 1", ONE)], tools=False, model="smollm2-135m")
    task = await here.do("translate", {"into": "German"})
    assert task.state == "failed" and task.problem and "too small to translate" in task.problem["message"]
    assert not here.view["suggestions"]


async def test_a_commenter_is_told_that_new_pages_need_an_editor(desk: OpenDesk, provider: FakeProvider) -> None:
    cleo = Participant("cleo", "Cleo", "person", "#1878b4", "commenter")
    here: Desk = await desk([("Chapter 2", TWO)], by=cleo)
    provider.thinks = Answers({"terms": terms, "text": renders})
    task = await here.do("translate", {"into": "German"})
    assert task.state == "failed" and task.problem and task.problem["message"] == "Only an editor may add pages."


@pytest.mark.parametrize(
    ("source", "new", "says"),
    [
        ("Pay 12 of 30.", "Zahle 12 von 30.", []),
        ("Pay 12.", "Zahle 21.", ["The number 12 is missing.", "The number 21 is not in the text."]),
        ("Hi {name}, see `x()`.", "Hallo {name}, siehe `x()`.", []),
        ("Hi {name}.", "Hallo Name.", ["{name} is missing."]),
        ("%(count)s files", "Dateien", ["%(count)s is missing."]),
        ("One.\n\nTwo.", "Eins. Zwei.", ["It has 1 paragraphs; the text has 2."]),
        ("The ledger.", "Das Buch.", ["“ledger” is to be rendered “Gezeitenbuch”."]),
        ("The ledger.", "Die Gezeitenbücher.", ["“ledger” is to be rendered “Gezeitenbuch”."]),
        ("The ledger.", "Des Gezeitenbuchs.", []),
    ],
)
def test_what_did_not_come_over_is_counted(source: str, new: str, says: list[str]) -> None:
    assert problems_of(source, new, {"ledger": "Gezeitenbuch"}) == says
