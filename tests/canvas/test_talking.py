"""Threads, the conversation, ideas, and the list of pages."""

from __future__ import annotations

import json
from random import Random

import pytest

from studiolo.canvas import Canvas
from studiolo.canvas.errors import Decided, Forbidden, Invalid, QuoteAmbiguous

from .conftest import ADA, BEN, CAL, MUSE, Make

TEXT = "It was a dark night. It was a long night."


def test_a_comment_hangs_on_its_quote_and_can_bring_a_fix(make: Make) -> None:
    canvas, page = make(TEXT)
    action = {"type": "comment", "page": page, "quote": "dark night", "text": "A cliché?", "replace": "moonless night"}
    outcome = canvas.apply(action, MUSE)
    (thread,) = canvas.view()["threads"]
    assert thread["quote"] == "dark night" and thread["suggestion"] == outcome.details["suggestion"]
    canvas.apply({"type": "accept", "suggestion": thread["suggestion"]}, BEN)
    assert canvas.page_text(page).startswith("It was a moonless night.")
    assert canvas.view()["threads"][0]["status"] == "resolved"


def test_a_comment_on_words_that_occur_twice_is_refused_without_context(make: Make) -> None:
    canvas, page = make(TEXT)
    with pytest.raises(QuoteAmbiguous):
        canvas.apply({"type": "comment", "page": page, "quote": "It was a", "text": "Which?"}, CAL)
    canvas.apply({"type": "comment", "page": page, "quote": "It was a", "after": " long", "text": "This."}, CAL)


def test_a_thread_is_answered_resolved_and_opened_again(make: Make) -> None:
    canvas, page = make(TEXT)
    id = canvas.apply({"type": "comment", "page": page, "quote": "dark", "text": "Why?"}, BEN).id
    canvas.apply({"type": "reply", "thread": id, "text": "Because."}, CAL)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "resolve", "thread": id}, CAL)
    canvas.apply({"type": "resolve", "thread": id}, BEN)
    canvas.apply({"type": "reply", "thread": id, "text": "Not so fast."}, CAL)
    (thread,) = canvas.view()["threads"]
    assert thread["status"] == "open"
    assert [(c["name"], c["text"]) for c in thread["comments"]] == [
        ("Ben", "Why?"),
        ("Cal", "Because."),
        ("Cal", "Not so fast."),
    ]


def propose(canvas: Canvas, page: str, **more: object) -> str:
    action = {"type": "suggest", "page": page, "hunks": [{"find": "dark night", "replace": "moonless night"}], **more}
    return canvas.apply(action, MUSE).id or ""


def test_anybody_comments_on_anybodys_suggestion(make: Make) -> None:
    canvas, page = make(TEXT)
    id = propose(canvas, page)
    thread = canvas.apply({"type": "comment", "suggestion": id, "text": "There is a moon in chapter two."}, CAL).id
    canvas.apply({"type": "reply", "thread": thread, "text": "Then dark it stays."}, MUSE)
    (shown,) = canvas.view()["threads"]
    assert shown["about"] == id and shown["page"] == page and shown["quote"] == "dark night"
    assert [said["name"] for said in shown["comments"]] == ["Cal", "Muse"]
    canvas.apply({"type": "resolve", "thread": thread}, CAL)
    assert canvas.view()["threads"][0]["status"] == "resolved"


@pytest.mark.parametrize(
    "where",
    [{}, {"page": "P"}, {"quote": "dark"}, {"page": "P", "quote": "dark", "suggestion": "S"}],
    ids=["nowhere", "no quote", "no page", "both"],
)
def test_a_comment_is_on_a_passage_or_on_a_suggestion(make: Make, where: dict[str, str]) -> None:
    canvas, page = make(TEXT)
    names = {"P": page, "S": propose(canvas, page)}
    with pytest.raises(Invalid):
        canvas.apply({"type": "comment", "text": "?", **{k: names.get(v, v) for k, v in where.items()}}, CAL)
    assert not canvas.view()["threads"]


def test_a_suggestion_that_is_decided_settles_what_was_said_of_it_and_undo_brings_it_back(make: Make) -> None:
    for verb, by in (("accept", BEN), ("reject", BEN), ("withdraw", MUSE)):
        canvas, page = make(TEXT)
        id = propose(canvas, page)
        canvas.apply({"type": "comment", "suggestion": id, "text": "Is there no moon?"}, CAL)
        decision = canvas.apply({"type": verb, "suggestion": id}, by).details["decision"]
        (thread,) = canvas.view()["threads"]
        assert (thread["status"], thread["decision"], thread["about"]) == ("resolved", decision, id)
        with pytest.raises(Decided):
            canvas.apply({"type": "comment", "suggestion": id, "text": "Too late?"}, CAL)
        canvas.apply({"type": "undo", "decision": decision}, BEN)
        assert canvas.view()["threads"][0]["status"] == "open"


def test_what_was_resolved_by_hand_stays_so_when_a_decision_is_taken_back(make: Make) -> None:
    canvas, page = make(TEXT)
    id = propose(canvas, page)
    thread = canvas.apply({"type": "comment", "suggestion": id, "text": "Is there no moon?"}, CAL).id
    canvas.apply({"type": "resolve", "thread": thread}, CAL)
    decision = canvas.apply({"type": "accept", "suggestion": id}, BEN).details["decision"]
    canvas.apply({"type": "undo", "decision": decision}, BEN)
    assert canvas.view()["threads"][0]["status"] == "resolved"


def test_what_is_said_of_a_suggestion_goes_on_about_the_one_that_does_it_anew(make: Make) -> None:
    canvas, page = make(TEXT)
    old = propose(canvas, page)
    canvas.apply({"type": "comment", "suggestion": old, "text": "There is a moon."}, CAL)
    new = canvas.apply(
        {"type": "suggest", "page": page, "replaces": old, "hunks": [{"find": "a dark", "replace": "a moonlit"}]}, MUSE
    ).id
    (thread,) = canvas.view()["threads"]
    assert (thread["about"], thread["status"], thread["quote"]) == (new, "open", "a dark")


def test_whom_the_author_lets_have_a_hand_in_it_may_amend_a_suggestion(make: Make) -> None:
    canvas, page = make(TEXT)
    alone, shared = propose(canvas, page), propose(canvas, page, hands=["cal"])
    amended = {"type": "amend", "hunks": [{"replace": "starless night"}]}
    with pytest.raises(Forbidden):
        canvas.apply({**amended, "suggestion": alone}, CAL)
    canvas.apply({**amended, "suggestion": shared}, CAL)
    hunk = canvas.suggestions[shared].hunks[0]
    assert (hunk.replace, hunk.proposed, hunk.amended_by) == ("starless night", "moonless night", "cal")
    with pytest.raises(Forbidden):
        moved = {"replace": "long day", "find": "long night"}
        canvas.apply({"type": "amend", "suggestion": shared, "hunks": [moved]}, CAL)


def test_a_message_grows_and_its_quotes_are_checked_by_the_canvas(make: Make) -> None:
    canvas, page = make(TEXT)
    id = canvas.apply({"type": "say", "streaming": True}, MUSE).id
    canvas.apply({"type": "say_more", "message": id, "text": "The night is "}, MUSE)
    canvas.apply({"type": "say_more", "message": id, "text": "dark 🌑."}, MUSE)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "say_more", "message": id, "text": "!"}, BEN)
    quotes = [
        {"page": page, "quote": "dark night", "found": False},
        {"page": page, "quote": "sunny day", "found": True},
    ]
    canvas.apply({"type": "say_done", "message": id, "quotes": quotes}, MUSE)
    (message,) = canvas.view()["chat"]
    assert message["text"] == "The night is dark 🌑." and message["status"] == "done"
    assert [q["found"] for q in json.loads(message["quotes"])] == [True, False]


def test_a_quote_of_the_web_keeps_its_address_and_is_never_said_to_be_found(make: Make) -> None:
    canvas, _ = make(TEXT)
    bells = {"url": "https://example.org/bells", "quote": "rung for lost boats", "found": True}
    said = canvas.apply({"type": "say", "text": "See there.", "quotes": [bells]}, MUSE)
    [message] = canvas.view()["chat"]
    assert said.id == message["id"]
    assert json.loads(message["quotes"]) == [bells | {"found": False}]
    for address in ("javascript:alert(1)", "file:///etc/passwd", "https://example.org/ <b>"):
        with pytest.raises(Invalid):
            canvas.apply({"type": "say", "text": "x", "quotes": [{"url": address, "quote": "x"}]}, MUSE)


def test_an_idea_that_is_picked_becomes_a_suggestion_of_whoever_had_it(make: Make) -> None:
    canvas, page = make(TEXT)
    message = canvas.apply({"type": "say", "text": "Two ways:", "ideas": ["Rain fell.", "Snow fell."]}, MUSE).id
    pick = {"type": "pick", "message": message, "idea": 1, "page": page, "before": "dark night."}
    id = canvas.apply(pick, CAL).id
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == "It was a dark night. Snow fell. It was a long night."
    assert {run["participant"] for run in canvas.authors(page)} == {ADA.id, MUSE.id}
    with pytest.raises(Invalid):
        canvas.apply({**pick, "idea": 2}, CAL)


def test_pages_are_added_moved_renamed_removed_and_brought_back(make: Make) -> None:
    canvas, one = make(TEXT)

    def titles() -> list[str]:
        return [page["title"] for page in canvas.outline() if not page["removed"]]

    two = canvas.apply({"type": "add_page", "title": "Two", "text": "Zwei\r\ndrei"}, BEN).id
    canvas.apply({"type": "add_page", "title": "Between", "after": one}, BEN)
    assert titles() == ["One", "Between", "Two"]
    assert canvas.page_text(str(two)) == "Zwei\ndrei"
    assert [run["participant"] for run in canvas.authors(str(two))] == [BEN.id]
    canvas.apply({"type": "move_page", "page": two, "after": None}, BEN)
    canvas.apply({"type": "rename_page", "page": two, "title": "  Zero  "}, BEN)
    canvas.apply({"type": "remove_page", "page": one}, BEN)
    assert titles() == ["Zero", "Between"]
    canvas.apply({"type": "restore_page", "page": one}, BEN)
    assert titles() == ["Zero", "One", "Between"]


def test_a_thousand_moves_between_the_same_two_pages_keep_the_order(make: Make) -> None:
    canvas, one = make("")
    two = canvas.apply({"type": "add_page", "title": "2"}, BEN).id
    three = canvas.apply({"type": "add_page", "title": "3"}, BEN).id
    for turn in range(200):
        mover = (two, three)[turn % 2]
        canvas.apply({"type": "move_page", "page": mover, "after": one}, BEN)
        assert [page["id"] for page in canvas.outline()][:2] == [one, mover]


def test_a_canvas_loaded_from_its_updates_is_the_same(make: Make) -> None:
    canvas, page = make(TEXT)
    canvas.apply({"type": "comment", "page": page, "quote": "dark", "text": "Why?"}, BEN)
    canvas.apply({"type": "suggest", "page": page, "hunks": [{"find": "long", "replace": "short"}]}, MUSE)
    again = Canvas([canvas.document.update_since()], {}, clock=lambda: 0.0, random=Random(1))
    assert again.view() == canvas.view()


@pytest.mark.parametrize(
    ("text", "before", "result"),
    [
        ("# A title\n\nText.", "A title", "# A title\n\nRain.\n\nText."),
        ("One.Two.", "One.", "One. Rain. Two."),
        ("", "", "Rain."),
        ("He said (", "said (", "He said (Rain."),
    ],
)
def test_an_idea_is_set_in_with_the_blanks_that_its_place_needs(
    make: Make, text: str, before: str, result: str
) -> None:
    canvas, page = make(text)
    message = canvas.apply({"type": "say", "text": "So:", "ideas": ["Rain."]}, MUSE).id
    id = canvas.apply({"type": "pick", "message": message, "idea": 0, "page": page, "before": before}, CAL).id
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == result
