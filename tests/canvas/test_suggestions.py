"""Suggestions: proposed, streamed, decided hunk by hunk, and right while the text moves under them."""

from __future__ import annotations

from random import Random

import pytest

from studiolo.canvas import Canvas, StudioloError
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, NotFound, QuoteNotFound, Stale

from .conftest import ADA, BEN, CAL, MUSE, VAL, Make

SEA = "The grey whale swam — slowly — past 👩‍👩‍👧 the harbour.\n\nNobody saw it. 誰も見なかった。"


def status(canvas: Canvas, id: str) -> tuple[str, list[str]]:
    record = next(s for s in canvas.view()["suggestions"] if s["id"] == id)
    return record["status"], [hunk["status"] for hunk in record["hunks"]]


def suggest(canvas: Canvas, page: str, *hunks: tuple[str, str], by: object = MUSE) -> str:
    action = {"type": "suggest", "page": page, "hunks": [{"find": f, "replace": r} for f, r in hunks]}
    id = canvas.apply(action, by).id  # type: ignore[arg-type]
    assert id
    return id


def edit(canvas: Canvas, page: str, find: str, replace: str) -> None:
    canvas.apply({"type": "edit", "page": page, "hunks": [{"find": find, "replace": replace}]}, BEN)


def test_a_suggestion_changes_nothing_until_it_is_accepted(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey whale", "white whale"))
    assert canvas.page_text(page) == SEA
    outcome = canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == SEA.replace("grey", "white")
    decision = outcome.details["decision"]
    assert outcome.details == {"status": "accepted", "hunks": [0], "stale": [], "decision": decision}
    assert decision and canvas.suggestions[id].hunks[0].decision == decision


def test_hunks_are_decided_one_by_one(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey", "white"), ("slowly", "fast"), ("Nobody", "Everybody"))
    canvas.apply({"type": "accept", "suggestion": id, "hunks": [2]}, BEN)
    canvas.apply({"type": "reject", "suggestion": id, "hunks": [0]}, ADA)
    assert status(canvas, id) == ("partly_accepted", ["rejected", "open", "accepted"])
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == SEA.replace("slowly", "fast").replace("Nobody", "Everybody")
    assert status(canvas, id) == ("partly_accepted", ["rejected", "accepted", "accepted"])


def test_the_second_of_two_people_who_accept_is_told_who_was_first(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey", "white"))
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    with pytest.raises(Decided, match="accepted by Ben"):
        canvas.apply({"type": "accept", "suggestion": id}, ADA)
    with pytest.raises(Decided):
        canvas.apply({"type": "reject", "suggestion": id, "hunks": [0]}, ADA)
    assert canvas.page_text(page).count("white") == 1


def test_an_anchor_holds_while_everything_around_it_moves(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("slowly", "very slowly"), ("誰も", "みんな"))
    edit(canvas, page, "The grey", "Once 🌊 upon a time the grey")
    edit(canvas, page, "Nobody saw it. ", "")
    assert status(canvas, id)[0] == "open"
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    text = canvas.page_text(page)
    assert "— very slowly —" in text and "みんな見なかった" in text


def test_a_suggestion_whose_text_was_changed_is_stale_and_refused(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("swam — slowly", "dived"))
    edit(canvas, page, "slowly", "quickly")
    with pytest.raises(Stale) as refused:
        canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert refused.value.details["was"] == "swam — slowly"
    assert refused.value.details["now"] == "swam — quickly"
    canvas.settle()
    assert status(canvas, id) == ("stale", ["stale"])
    edit(canvas, page, "quickly", "slowly")
    canvas.settle()
    assert status(canvas, id) == ("open", ["open"])


def test_accepting_leaves_out_the_stale_hunks_and_says_so(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey", "white"), ("slowly", "fast"))
    edit(canvas, page, "slowly", "quickly")
    outcome = canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert outcome.details["hunks"] == [0] and outcome.details["stale"] == [1]
    assert status(canvas, id) == ("partly_accepted", ["accepted", "stale"])


def test_text_that_is_cut_and_pasted_keeps_its_suggestion(make: Make) -> None:
    first = "The first paragraph tells of the sea and of the men who went to it."
    second = "The second tells of the town."
    canvas, page = make(f"{first}\n\n{second}")
    id = suggest(canvas, page, ("tells of the sea", "sings of the sea"))
    edit(canvas, page, f"{first}\n\n", "")
    canvas.settle()
    assert status(canvas, id)[0] == "stale"
    edit(canvas, page, second, f"{second}\n\n{first}")
    canvas.settle()
    assert status(canvas, id)[0] == "open"
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == f"{second}\n\n{first.replace('tells', 'sings')}"


def test_an_equal_sentence_elsewhere_is_not_mistaken_for_the_one_that_was_meant(make: Make) -> None:
    canvas, page = make("He nodded. She laughed. He nodded.")
    hunk = {"find": "He nodded", "after": ". She", "replace": "He shrugged"}
    id = canvas.apply({"type": "suggest", "page": page, "hunks": [hunk]}, MUSE).id
    canvas.apply(
        {"type": "edit", "page": page, "hunks": [{"find": "He nodded", "after": ". She", "replace": "He bowed"}]}, BEN
    )
    with pytest.raises(Stale):
        canvas.apply({"type": "accept", "suggestion": id}, BEN)


def test_only_the_words_that_differ_change_hands(make: Make) -> None:
    canvas, page = make("The old man looked at the grey sea.")
    id = suggest(
        canvas, page, ("The old man looked at the grey sea.", "The old man looked at the blue sea, and sighed.")
    )
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    text = canvas.page_text(page)
    by_muse = [
        text[run["start"] : run["start"] + run["length"]]
        for run in canvas.authors(page)
        if run["participant"] == MUSE.id
    ]
    assert text == "The old man looked at the blue sea, and sighed."
    assert by_muse == ["blue", ", and sighed"]


def test_a_streaming_suggestion_grows_and_is_decided_when_it_is_finished(make: Make) -> None:
    canvas, page = make(SEA)
    hunk = {"find": "", "before": "saw it."}
    id = canvas.apply({"type": "suggest", "page": page, "hunks": [hunk], "streaming": True}, MUSE).id
    for piece in (" Nobody", " but 鯨", " 🐋."):
        canvas.apply({"type": "extend", "suggestion": id, "text": piece}, MUSE)
    with pytest.raises(Conflict, match="still being written"):
        canvas.apply({"type": "accept", "suggestion": id}, BEN)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "extend", "suggestion": id, "text": "!"}, BEN)
    edit(canvas, page, "The grey", "A grey")
    canvas.apply({"type": "finish", "suggestion": id}, MUSE)
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert "saw it. Nobody but 鯨 🐋. 誰も" in canvas.page_text(page)
    with pytest.raises(Conflict, match="finished"):
        canvas.apply({"type": "extend", "suggestion": id, "text": "!"}, MUSE)


def test_an_insertion_whose_paragraph_is_gone_is_stale(make: Make) -> None:
    canvas, page = make("One paragraph stays.\n\nAnother goes away entirely.\n\nThe third stays as well.")
    hunk = {"find": "", "before": "Another goes", "replace": " slowly"}
    id = canvas.apply({"type": "suggest", "page": page, "hunks": [hunk]}, MUSE).id
    edit(canvas, page, "\n\nAnother goes away entirely.", "")
    canvas.settle()
    assert status(canvas, str(id))[0] == "stale"


def test_what_was_streaming_when_the_studio_stopped_is_ended(make: Make) -> None:
    canvas, page = make(SEA)
    begin = {"type": "suggest", "page": page, "hunks": [{"find": "", "before": "saw it."}], "streaming": True}
    some, none = canvas.apply(begin, MUSE).id, canvas.apply(begin, MUSE).id
    canvas.apply({"type": "extend", "suggestion": some, "text": " Not one."}, MUSE)
    message = canvas.apply({"type": "say", "streaming": True}, MUSE).id
    again = Canvas([canvas.document.update_since()], {}, clock=lambda: 1.0, random=Random(3))
    assert again.recover(again.unfinished())
    assert status(again, str(some)) == ("open", ["open"])
    assert status(again, str(none)) == ("withdrawn", ["withdrawn"])
    assert [m["status"] for m in again.view()["chat"] if m["id"] == message] == ["stopped"]
    assert again.recover(again.unfinished()) is None


def test_an_agent_cannot_accept_itself_and_only_an_author_withdraws(make: Make) -> None:
    canvas, page = make(SEA)
    editor = type(MUSE)("muse", "Muse", "agent", "#9048fc", "editor")
    id = suggest(canvas, page, ("grey", "white"))
    with pytest.raises(Forbidden, match="own suggestion"):
        canvas.apply({"type": "accept", "suggestion": id}, editor)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "withdraw", "suggestion": id}, BEN)
    canvas.apply({"type": "withdraw", "suggestion": id}, MUSE)
    assert status(canvas, id) == ("withdrawn", ["withdrawn"])


@pytest.mark.parametrize(
    ("hunks", "error"),
    [
        ([{"find": "grey", "replace": "grey"}], Invalid),
        ([{"find": "grey whale", "replace": "x"}, {"find": "whale swam", "replace": "y"}], Invalid),
        ([{"find": "no such words at all", "replace": "x"}], QuoteNotFound),
        ([{"find": "grey", "replace": "\ud83d"}], Invalid),
        ([{"find": "grey", "replace": "x", "start": {"item": {"client": 1, "clock": 1}}}], Invalid),
        ([], Invalid),
    ],
)
def test_a_suggestion_that_cannot_be_placed_is_refused(make: Make, hunks: list[object], error: type[Exception]) -> None:
    canvas, page = make(SEA)
    before = canvas.view()
    with pytest.raises(error) as refused:
        canvas.apply({"type": "suggest", "page": page, "hunks": hunks}, MUSE)
    assert isinstance(refused.value, StudioloError) and refused.value.hint
    assert canvas.view() == before


def test_positions_from_a_client_say_which_of_two_equal_quotes_is_meant(make: Make) -> None:
    canvas, page = make("He nodded. He nodded.")
    identity = canvas.document.identity
    hunk = {
        "find": "He nodded",
        "replace": "She nodded",
        "start": identity.position(page, 11, 0),
        "end": identity.position(page, 20, -1),
    }
    id = canvas.apply({"type": "suggest", "page": page, "hunks": [hunk]}, CAL).id
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == "He nodded. She nodded."


@pytest.mark.parametrize(
    ("action", "by"),
    [
        ({"type": "edit", "page": "?", "hunks": [{"find": "grey", "replace": "x"}]}, CAL),
        ({"type": "suggest", "page": "?", "hunks": [{"find": "grey", "replace": "x"}]}, VAL),
        ({"type": "accept", "suggestion": "!"}, CAL),
        ({"type": "reject", "suggestion": "!"}, CAL),
        ({"type": "comment", "page": "?", "quote": "grey", "text": "hm"}, VAL),
        ({"type": "say", "text": "hm"}, VAL),
        ({"type": "add_page", "title": "Two"}, CAL),
        ({"type": "rename_page", "page": "?", "title": "Two"}, CAL),
        ({"type": "remove_page", "page": "?"}, CAL),
        ({"type": "retitle", "title": "Mine"}, BEN),
    ],
)
def test_each_action_needs_its_role(make: Make, action: dict[str, object], by: object) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey", "white"))
    wanted = {name: {"?": page, "!": id}.get(str(value), value) for name, value in action.items()}
    before = canvas.view()
    with pytest.raises(Forbidden, match="needs the role"):
        canvas.apply(wanted, by)  # type: ignore[arg-type]
    assert canvas.view() == before


def test_unknown_things_are_not_found(make: Make) -> None:
    canvas, page = make(SEA)
    for action in (
        {"type": "accept", "suggestion": "nope"},
        {"type": "edit", "page": "nope", "hunks": [{"find": "a", "replace": "b"}]},
        {"type": "reply", "thread": "nope", "text": "hm"},
        {"type": "say_done", "message": "nope"},
        {"type": "move_page", "page": page, "after": "nope"},
    ):
        with pytest.raises(NotFound):
            canvas.apply(action, ADA)


def test_the_ledger_has_a_row_for_each_decision_but_none_for_each_word(make: Make) -> None:
    canvas, page = make(SEA)
    begin = {"type": "suggest", "page": page, "hunks": [{"find": "", "before": "saw it."}], "streaming": True}
    started = canvas.apply(begin, MUSE)
    extended = canvas.apply({"type": "extend", "suggestion": started.id, "text": " So."}, MUSE)
    finished = canvas.apply({"type": "finish", "suggestion": started.id}, MUSE)
    accepted = canvas.apply({"type": "accept", "suggestion": started.id}, BEN)
    assert [bool(o.entry) for o in (started, extended, finished, accepted)] == [True, False, True, True]
    assert accepted.entry and accepted.entry["action"] == {"type": "accept", "suggestion": started.id}
    assert accepted.entry["outcome"]["status"] == "accepted"


def test_text_that_is_deleted_in_part_and_comes_back_brings_its_suggestion_back(make: Make) -> None:
    canvas, page = make("The grey whale swam.")
    id = suggest(canvas, page, ("grey whale", "white whale"))
    edit(canvas, page, "grey ", "")
    assert status(canvas, id)[0] == "stale"
    canvas.apply({"type": "edit", "page": page, "hunks": [{"find": "", "before": "The ", "replace": "grey "}]}, BEN)
    assert status(canvas, id)[0] == "open"
    edit(canvas, page, "grey whale", "")
    assert status(canvas, id)[0] == "stale"
    canvas.apply(
        {"type": "edit", "page": page, "hunks": [{"find": "", "before": "The ", "replace": "grey whale"}]}, BEN
    )
    canvas.apply({"type": "accept", "suggestion": id}, BEN)
    assert canvas.page_text(page) == "The white whale swam."


def test_an_insertion_whose_paragraph_was_deleted_is_not_put_into_the_one_before(make: Make) -> None:
    canvas, page = make("He waited all day.\n\nShe packed her bag and left on Monday.\n\nNobody knew.")
    hunk = {"find": "", "before": "left on Monday.", "replace": " She did not look back."}
    id = str(canvas.apply({"type": "suggest", "page": page, "hunks": [hunk]}, MUSE).id)
    edit(canvas, page, "She packed her bag and left on Monday.\n\n", "")
    assert status(canvas, id)[0] == "stale"


@pytest.mark.parametrize("together", [True, False])
def test_insertions_at_one_place_keep_the_order_in_which_they_were_made(make: Make, together: bool) -> None:
    canvas, page = make("It rained.")
    at = {"find": "", "before": "rained."}
    both = {"type": "suggest", "page": page, "hunks": [{**at, "replace": " First."}, {**at, "replace": " Second."}]}
    id = canvas.apply(both, MUSE).id
    for chosen in [None] if together else [[0], [1]]:
        canvas.apply({"type": "accept", "suggestion": id} | ({"hunks": chosen} if chosen else {}), BEN)
    assert canvas.page_text(page) == "It rained. First. Second."


def test_an_editor_ends_a_suggestion_that_nobody_finishes(make: Make) -> None:
    canvas, page = make(SEA)
    hunk = {"find": "", "before": "saw it."}
    id = str(canvas.apply({"type": "suggest", "page": page, "hunks": [hunk], "streaming": True}, MUSE).id)
    canvas.apply({"type": "reject", "suggestion": id}, BEN)
    assert status(canvas, id) == ("rejected", ["rejected"])
    with pytest.raises(Conflict, match="finished"):
        canvas.apply({"type": "extend", "suggestion": id, "text": "more"}, MUSE)


def test_half_a_replacement_is_withdrawn_when_the_studio_stopped(make: Make) -> None:
    canvas, page = make(SEA)
    begin = {"type": "suggest", "page": page, "hunks": [{"find": "Nobody saw it."}], "streaming": True}
    id = str(canvas.apply(begin, MUSE).id)
    canvas.apply({"type": "extend", "suggestion": id, "text": "Every"}, MUSE)
    canvas.recover(canvas.unfinished())
    assert status(canvas, id)[0] == "withdrawn"


def test_a_removed_page_takes_no_suggestion_until_it_is_restored(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey", "white"))
    canvas.apply({"type": "remove_page", "page": page}, BEN)
    for action in ({"type": "accept", "suggestion": id}, {"type": "edit", "page": page, "hunks": [{"find": "slowly"}]}):
        with pytest.raises(Conflict, match="removed"):
            canvas.apply(action, BEN)
    canvas.apply({"type": "restore_page", "page": page}, BEN)
    canvas.apply({"type": "accept", "suggestion": id}, BEN)


def test_a_whole_long_page_can_be_rewritten_without_comparing_everything(make: Make) -> None:
    old = "\n".join(f"Line {n} tells of the sea and of day {n}." for n in range(20_000))
    new = old.replace("sea", "wide sea")
    canvas, page = make(old)
    canvas.apply({"type": "edit", "page": page, "hunks": [{"find": old, "replace": new}]}, BEN)
    assert canvas.page_text(page) == new
    canvas.apply({"type": "edit", "page": page, "hunks": [{"find": new, "replace": new[::-1]}]}, BEN)
    assert canvas.page_text(page) == new[::-1]
