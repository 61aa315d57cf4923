"""Decisions: about one hunk or a thousand suggestions each is one step, one row of the ledger, and has one id."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, NotFound, Stale

from .conftest import ADA, BEN, CAL, MUSE, Make

SEA = "The grey whale swam — slowly — past 👩‍👩‍👧 the harbour.\n\nNobody saw it. 誰も見なかった。"
ECHO = Participant("echo", "Echo", "agent", "#00857a", "commenter")
MUSE_EDITS = replace(MUSE, role="editor")


def do(canvas: Canvas, by: Participant, type: str, **fields: Any) -> Outcome:
    return canvas.apply({"type": type, **fields}, by)


def suggest(canvas: Canvas, page: str, find: str, new: str, by: Participant = MUSE, **more: Any) -> str:
    place = {name: more.pop(name) for name in ("before", "after") if name in more}
    made = do(canvas, by, "suggest", page=page, hunks=[{"find": find, "replace": new, **place}], **more)
    assert made.id
    return made.id


def edit(canvas: Canvas, page: str, find: str, new: str, by: Participant = BEN, **place: str) -> None:
    do(canvas, by, "edit", page=page, hunks=[{"find": find, "replace": new, **place}])


def states(canvas: Canvas, *ids: str) -> list[str]:
    return [canvas.suggestions[id].status for id in ids]


def written_by(canvas: Canvas, page: str, who: str) -> list[str]:
    text = canvas.page_text(page)
    return [text[r["start"] : r["start"] + r["length"]] for r in canvas.authors(page) if r["participant"] == who]


def test_all_that_fits_is_taken_as_one_decision_and_the_rest_is_named(make: Make) -> None:
    canvas, page = make(SEA)
    one = suggest(canvas, page, "grey", "white")
    two = suggest(canvas, page, "slowly", "very slowly", ECHO)
    lost = suggest(canvas, page, "saw it", "noticed")
    overlaps = [suggest(canvas, page, "the harbour", "a harbour"), suggest(canvas, page, "harbour", "port", ECHO)]
    edit(canvas, page, "saw", "heard")
    outcome = do(canvas, BEN, "accept_all")
    assert canvas.page_text(page).startswith("The white whale swam — very slowly — past 👩‍👩‍👧 the harbour.")
    assert states(canvas, one, two, lost, *overlaps) == ["accepted", "accepted", "stale", "open", "open"]
    details = outcome.details
    assert details["hunks"] == sorted([(one, 0), (two, 0)]) and details["stale"] == [(lost, 0)]
    assert sorted(details["overlapping"]) == sorted((id, 0) for id in overlaps)
    assert {canvas.suggestions[id].hunks[0].decision for id in (one, two)} == {details["decision"]}
    assert outcome.entry and outcome.entry["outcome"]["changes"] == sorted(
        [
            {"suggestion": one, "hunk": 0, "was": "grey", "now": "white"},
            {"suggestion": two, "hunk": 0, "was": "slowly", "now": "very slowly"},
        ],
        key=lambda change: str(change["suggestion"]),
    )
    assert written_by(canvas, page, "muse") == ["white"] and written_by(canvas, page, "echo") == ["very "]


def test_what_two_propose_alike_is_taken_once(make: Make) -> None:
    canvas, page = make(SEA)
    both = [suggest(canvas, page, "grey", "white", by) for by in (MUSE, ECHO)]
    both += [suggest(canvas, page, "", " Never.", by, before="saw it.") for by in (MUSE, ECHO)]
    outcome = do(canvas, BEN, "accept_all")
    assert states(canvas, *both) == ["accepted"] * 4
    text = canvas.page_text(page)
    assert text.count("white") == 1 and text.count("Never") == 1
    do(canvas, BEN, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == SEA and states(canvas, *both) == ["open"] * 4


def test_many_pages_in_one_decision(make: Make) -> None:
    canvas, first = make(SEA)
    second = do(canvas, BEN, "add_page", title="Two", text="It rained in Siena.").id or ""
    gone = do(canvas, BEN, "add_page", title="Three", text="It snowed in Rome.").id or ""
    ids = [
        suggest(canvas, first, "grey", "white"),
        suggest(canvas, second, "Siena", "Lucca"),
        suggest(canvas, gone, "Rome", "Pisa"),
    ]
    do(canvas, BEN, "remove_page", page=gone)
    outcome = do(canvas, BEN, "accept_all")
    assert "white" in canvas.page_text(first) and "Lucca" in canvas.page_text(second)
    assert states(canvas, *ids) == ["accepted", "accepted", "open"] and outcome.details["removed"] == [ids[2]]


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [({"author": "muse"}, [0, 2]), ({"run": "r1"}, [1]), ({"suggestions": [0, 1]}, [0, 1]), ({}, [0, 1, 2])],
)
def test_which_ones_can_be_said(make: Make, chosen: dict[str, Any], taken: list[int]) -> None:
    canvas, page = make(SEA)
    ids = [
        suggest(canvas, page, "grey", "white"),
        suggest(canvas, page, "slowly", "fast", ECHO, run="r1"),
        suggest(canvas, page, "Nobody", "Somebody"),
    ]
    if "suggestions" in chosen:
        chosen = {"suggestions": [ids[number] for number in chosen["suggestions"]]}
    do(canvas, BEN, "reject_all", **chosen)
    assert states(canvas, *ids) == ["rejected" if number in taken else "open" for number in range(3)]


def test_what_is_decided_already_is_no_error_for_the_rest(make: Make) -> None:
    canvas, page = make(SEA)
    one, two = suggest(canvas, page, "grey", "white"), suggest(canvas, page, "slowly", "fast")
    do(canvas, ADA, "reject", suggestion=one)
    outcome = do(canvas, BEN, "accept_all", suggestions=[one, two])
    assert outcome.details["decided"] == [one] and states(canvas, one, two) == ["rejected", "accepted"]
    with pytest.raises(Decided):
        do(canvas, BEN, "accept_all", suggestions=[one, two])
    with pytest.raises(Conflict, match="nothing to decide"):
        do(canvas, BEN, "accept_all")
    with pytest.raises(NotFound):
        do(canvas, BEN, "reject_all", suggestions=["nope"])


def test_what_is_being_written_is_left_unless_it_is_named(make: Make) -> None:
    canvas, page = make(SEA)
    hunk = {"find": "", "before": "saw it."}
    id = do(canvas, MUSE, "suggest", page=page, hunks=[hunk], streaming=True).id or ""
    other = suggest(canvas, page, "grey", "white")
    assert do(canvas, BEN, "accept_all").details["writing"] == [id]
    suggest(canvas, page, "slowly", "fast")
    assert do(canvas, BEN, "reject_all").details["writing"] == [id]
    do(canvas, BEN, "reject_all", suggestions=[id])
    assert states(canvas, id, other) == ["rejected", "accepted"]


@pytest.mark.parametrize("after", [BEN, MUSE])
def test_an_agents_words_stay_its_own_though_somebody_amends_them_again(make: Make, after: Participant) -> None:
    canvas, page = make("The lamp was out.")
    bot = Participant("bot", "Bot", "agent", "#1878b4", "editor")
    hunks = [{"find": "lamp", "replace": "candle"}]
    made = canvas.apply({"type": "suggest", "page": page, "hunks": hunks}, MUSE)
    for by, word in ((bot, "purple dragon"), (after, "purple dragons"), (ADA, "two purple dragons")):
        canvas.apply({"type": "amend", "suggestion": made.id, "hunks": [{"replace": word}]}, by)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "accept", "suggestion": made.id}, bot)
    assert canvas.apply({"type": "accept", "suggestion": made.id}, BEN).outcome == "accepted"


def test_an_agent_takes_nothing_of_its_own_by_any_way(make: Make) -> None:
    canvas, page = make(SEA)
    own, others = suggest(canvas, page, "grey", "white"), suggest(canvas, page, "grey", "blue", CAL)
    alone = suggest(canvas, page, "slowly", "fast", ECHO)
    before = canvas.page_text(page)
    do(canvas, MUSE_EDITS, "amend", suggestion=alone, hunks=[{"replace": "quickly"}])
    for type, fields in [
        ("accept", {"suggestion": own}),
        ("accept", {"suggestion": alone}),
        ("accept_all", {"suggestions": [own, alone]}),
        ("merge", {"takes": [{"suggestion": own}, {"suggestion": others}]}),
        ("merge", {"takes": [{"suggestion": others}, {"suggestion": own}], "replace": "green"}),
    ]:
        with pytest.raises(Forbidden, match="own"):
            do(canvas, MUSE_EDITS, type, **fields)
    do(canvas, BEN, "reject", suggestion=own)
    with pytest.raises(Forbidden, match="own"):
        another = suggest(canvas, page, "grey", "green", ECHO)
        takes = [{"suggestion": others}, {"suggestion": another}]
        do(canvas, MUSE_EDITS, "merge", takes=takes, replace="my own")
    assert canvas.page_text(page) == before
    free = suggest(canvas, page, "Nobody", "Somebody", CAL)
    outcome = do(canvas, MUSE_EDITS, "accept_all")
    assert outcome.details["own"] == [alone] and states(canvas, free) == ["accepted"]
    with pytest.raises(Forbidden):
        do(canvas, MUSE_EDITS, "undo", decision=outcome.details["decision"])


@pytest.mark.parametrize(
    ("action", "by"),
    [
        ({"type": "accept_all"}, CAL),
        ({"type": "reject_all"}, CAL),
        ({"type": "merge", "takes": [{"suggestion": "!"}, {"suggestion": "!"}]}, CAL),
        ({"type": "amend", "suggestion": "!", "hunks": [{"replace": "x"}]}, CAL),
    ],
)
def test_each_decision_needs_its_role(make: Make, action: dict[str, Any], by: Participant) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "grey", "white")
    before = canvas.view()
    for name in ("suggestion",):
        action = {**action, **({name: id} if name in action else {})}
    with pytest.raises(Forbidden):
        canvas.apply(action, by)
    assert canvas.view() == before


# -- amending


def test_a_reviewer_amends_before_accepting_and_the_words_are_whose_they_are(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "The grey whale", "A giant white whale")
    do(canvas, BEN, "amend", suggestion=id, hunks=[{"replace": "A giant blue whale"}])
    hunk = canvas.view()["suggestions"][0]["hunks"][0]
    assert (hunk["proposed"], hunk["replace"], hunk["amended_by"], hunk["amended_by_name"]) == (
        "A giant white whale",
        "A giant blue whale",
        "ben",
        "Ben",
    )
    outcome = do(canvas, ADA, "accept", suggestion=id)
    assert canvas.page_text(page).startswith("A giant blue whale swam")
    assert written_by(canvas, page, "ben") == ["blue"]
    assert written_by(canvas, page, "muse") == ["A", "giant "]  # the blank between was there
    assert outcome.entry and outcome.entry["outcome"]["changes"] == [
        {
            "suggestion": id,
            "hunk": 0,
            "was": "The grey whale",
            "now": "A giant blue whale",
            "proposed": "A giant white whale",
        }
    ]
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert canvas.page_text(page) == SEA and written_by(canvas, page, "ben") == []


def test_amending_twice_keeps_the_first_proposal_and_amending_back_forgets_it(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "grey ", "")
    for text in ("white ", "blue "):
        do(canvas, BEN, "amend", suggestion=id, hunks=[{"replace": text}])
        assert canvas.view()["suggestions"][0]["hunks"][0]["proposed"] == ""
    do(canvas, ADA, "amend", suggestion=id, hunks=[{"replace": ""}])
    hunk = canvas.view()["suggestions"][0]["hunks"][0]
    assert hunk["replace"] == "" and not {"proposed", "amended_by", "amended_by_name"} & hunk.keys()


def test_an_author_amends_and_moves_their_own_with_drafts_that_are_no_row(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "", " x", CAL, before="grey")
    for text in (" a", " an", " and 👩‍👩‍👧", " and 誰 👩‍👩‍👧 too", " 誰 too"):
        outcome = do(canvas, CAL, "amend", suggestion=id, hunks=[{"replace": text}], draft=True)
        assert outcome.entry is None and outcome.update
        assert str(canvas.document.suggestions[id]["hunks"][0]["replace"]) == text
    moved = do(canvas, CAL, "amend", suggestion=id, hunks=[{"find": "slowly", "replace": "fast"}])
    assert moved.entry
    hunk = canvas.suggestions[id].hunks[0]
    assert hunk.anchor.quote == "slowly" and hunk.proposed is None and not hunk.amended_by
    do(canvas, BEN, "accept", suggestion=id)
    assert "— fast —" in canvas.page_text(page) and "誰 too" not in canvas.page_text(page)


def test_a_draft_touches_only_what_differs(make: Make) -> None:
    canvas, page = make(SEA)
    long = "So it went on, day after day. " * 400
    id = suggest(canvas, page, "", long, CAL, before="saw it.")
    outcome = do(canvas, CAL, "amend", suggestion=id, hunks=[{"replace": long + "And"}], draft=True)
    assert len(outcome.update) < 200


@pytest.mark.parametrize(
    ("amendment", "by", "error"),
    [
        ({"hunks": [{"replace": "x", "find": "slowly"}]}, BEN, Forbidden),
        ({"hunks": [{"replace": "x"}], "draft": True}, BEN, Forbidden),
        ({"hunks": [{"replace": "grey"}]}, BEN, Invalid),
        ({"hunks": [{"replace": "grey"}]}, MUSE, Invalid),
        ({"hunks": [{"replace": "x", "hunk": 7}]}, BEN, Invalid),
        ({"hunks": [{"replace": "x"}, {"replace": "y"}]}, BEN, Invalid),
        ({"hunks": [{"replace": "x", "hunk": 1, "find": "grey whale"}]}, MUSE, Conflict),
        ({"hunks": [{"replace": "x", "find": "no such words"}]}, MUSE, Conflict),
    ],
)
def test_an_amendment_that_cannot_be(make: Make, amendment: dict[str, Any], by: Participant, error: Any) -> None:
    canvas, page = make(SEA)
    hunks = [{"find": "grey", "replace": "white"}, {"find": "slowly", "replace": "fast"}]
    id = do(canvas, MUSE, "suggest", page=page, hunks=hunks).id
    before = canvas.view()
    with pytest.raises(error):
        do(canvas, by, "amend", suggestion=id, **amendment)
    assert canvas.view() == before


def test_what_is_decided_or_being_written_is_not_amended(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "grey", "white")
    do(canvas, BEN, "accept", suggestion=id)
    with pytest.raises(Decided):
        do(canvas, BEN, "amend", suggestion=id, hunks=[{"replace": "x"}])
    hunk = {"find": "", "before": "saw it."}
    id = do(canvas, MUSE, "suggest", page=page, hunks=[hunk], streaming=True).id or ""
    with pytest.raises(Conflict, match="written"):
        do(canvas, MUSE, "amend", suggestion=id, hunks=[{"replace": "x"}])


# -- doing it anew


def test_what_is_done_anew_is_withdrawn_when_the_new_one_is_finished(make: Make) -> None:
    canvas, page = make(SEA)
    old = suggest(canvas, page, "grey", "white")
    edit(canvas, page, "grey", "black")
    hunk = {"find": "black"}
    new = do(canvas, MUSE, "suggest", page=page, hunks=[hunk], streaming=True, replaces=old).id or ""
    do(canvas, MUSE, "extend", suggestion=new, text="pale")
    assert states(canvas, old, new) == ["stale", "streaming"]
    outcome = do(canvas, MUSE, "finish", suggestion=new)
    assert states(canvas, old, new) == ["withdrawn", "open"] and outcome.details["replaced"] == old
    assert canvas.view()["suggestions"][1]["replaces"] == old
    do(canvas, MUSE, "suggest", page=page, hunks=[{"find": "black", "replace": "dark"}], replaces=new)
    assert states(canvas, new) == ["withdrawn"]


def test_who_may_do_a_suggestion_anew(make: Make) -> None:
    canvas, page = make(SEA)
    mine, agents = suggest(canvas, page, "slowly", "fast", CAL), suggest(canvas, page, "grey", "white")
    anew = {"page": page, "hunks": [{"find": "whale", "replace": "shark"}]}
    for by, old in ((MUSE, mine), (ECHO, agents), (CAL, agents)):
        with pytest.raises(Forbidden):
            do(canvas, by, "suggest", **anew, replaces=old)
    edit(canvas, page, "grey", "black")
    edit(canvas, page, "slowly", "quickly")
    assert states(canvas, mine, agents) == ["stale", "stale"]
    with pytest.raises(Forbidden):  # whose it is decides about a person's
        do(canvas, ECHO, "suggest", **anew, replaces=mine)
    do(canvas, ECHO, "suggest", **anew, replaces=agents)
    do(canvas, BEN, "suggest", **anew, replaces=mine)
    assert states(canvas, mine, agents) == ["withdrawn", "withdrawn"]
    with pytest.raises(Decided):
        do(canvas, BEN, "suggest", **anew, replaces=mine)


def test_evidence_and_branch_are_kept(make: Make) -> None:
    canvas, page = make(SEA)
    evidence = [{"text": "Whales are grey.", "url": "https://example.org/whales"}, {"page": page, "quote": "saw it"}]
    id = suggest(canvas, page, "grey", "white", evidence=evidence, branch="b1")
    record = canvas.suggestions[id]
    assert json.loads(record.evidence) == evidence and record.branch == "b1"


# -- stale ones


def test_a_stale_suggestion_says_what_it_was_for_and_what_stands_there_now(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "grey whale", "white shark")
    edit(canvas, page, "grey", "pale")
    hunk = canvas.view()["suggestions"][0]["hunks"][0]
    assert (hunk["status"], hunk["quote"], hunk["now"]) == ("stale", "grey whale", "pale whale")
    with pytest.raises(Stale) as refused:
        do(canvas, BEN, "accept", suggestion=id)
    assert refused.value.details == {
        "suggestion": id,
        "hunks": [0],
        "was": "grey whale",
        "now": "pale whale",
        "replace": "white shark",
    }
    edit(canvas, page, "pale", "grey")
    assert "now" not in canvas.view()["suggestions"][0]["hunks"][0]


@pytest.mark.parametrize("text", ["Elsewhere.", ""])
def test_a_suggestion_follows_its_text_to_another_page(make: Make, text: str) -> None:
    canvas, first = make("It begins.\n\nThe second paragraph tells of the town, and of nobody in it.\n\nIt ends.")
    paragraph = "The second paragraph tells of the town, and of nobody in it."
    id = suggest(canvas, first, paragraph, paragraph.replace("nobody", "somebody"))
    edit(canvas, first, paragraph, "")
    assert states(canvas, id) == ["stale"]
    second = do(canvas, BEN, "add_page", title="Two", text=text).id or ""
    edit(canvas, second, text, f"{text} {paragraph}")
    assert states(canvas, id) == ["open"] and canvas.suggestions[id].page == second
    do(canvas, BEN, "accept", suggestion=id)
    assert "of somebody in it" in canvas.page_text(second)


def test_a_paragraph_that_is_split_and_joined_keeps_its_suggestion(make: Make) -> None:
    canvas, page = make("One. The grey whale swam past the harbour. Two.")
    id = suggest(canvas, page, "grey whale swam", "grey whale sang")
    edit(canvas, page, "One. The", "One.\n\nThe")
    edit(canvas, page, "harbour. Two", "harbour.\n\nTwo")
    assert states(canvas, id) == ["open"]
    edit(canvas, page, "whale swam", "whale\n\nswam")
    assert states(canvas, id) == ["stale"]
    edit(canvas, page, "whale\n\nswam", "whale swam")
    assert states(canvas, id) == ["open"]
    do(canvas, BEN, "accept", suggestion=id)
    assert "grey whale sang" in canvas.page_text(page)


def test_a_word_that_goes_before_an_insertion_takes_it_not_away(make: Make) -> None:
    canvas, page = make("She packed her bag and left on a Monday. Nobody knew.")
    id = suggest(canvas, page, "", " in the rain", before="left on a Monday")
    edit(canvas, page, " on a Monday", "")
    assert states(canvas, id) == ["open"]
    do(canvas, BEN, "accept", suggestion=id)
    assert canvas.page_text(page) == "She packed her bag and left in the rain. Nobody knew."


def test_an_insertion_at_the_edge_of_what_is_taken_keeps_its_place(make: Make) -> None:
    canvas, page = make("The grey whale swam.")
    word, more = suggest(canvas, page, "grey", "white"), suggest(canvas, page, "", " and wise", ECHO, before="grey")
    taken = do(canvas, BEN, "accept", suggestion=word)
    assert states(canvas, more) == ["open"]
    do(canvas, BEN, "undo", decision=taken.details["decision"])
    assert states(canvas, word, more) == ["open", "open"]
    do(canvas, BEN, "accept", suggestion=more)
    assert canvas.page_text(page) == "The grey and wise whale swam."
    do(canvas, BEN, "accept", suggestion=word)
    assert canvas.page_text(page) == "The white and wise whale swam."


def test_what_comes_from_a_branch_for_words_that_have_changed_is_stale_from_the_start(make: Make) -> None:
    canvas, page = make(SEA)
    identity = canvas.document.identity
    place = {"start": identity.position(page, 4, 0), "end": identity.position(page, 14, -1)}
    edit(canvas, page, "grey whale", "pale whale")
    hunk = {"find": "grey whale", "replace": "white shark", "before": "The ", "after": " swam", **place}
    made = do(canvas, BEN, "suggest", page=page, hunks=[hunk], branch="b1")
    record = canvas.view()["suggestions"][0]
    assert (record["status"], record["hunks"][0]["quote"], record["hunks"][0]["now"]) == (
        "stale",
        "grey whale",
        "pale whale",
    )
    edit(canvas, page, "pale", "grey")
    assert states(canvas, made.id or "") == ["open"]
    with pytest.raises(Conflict):
        do(canvas, BEN, "suggest", page=page, hunks=[{"find": "blue whale", "replace": "x"}], branch="b1")


def test_every_decision_says_in_the_ledger_what_it_changed(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, "grey", "white")
    change = {"suggestion": id, "hunk": 0, "was": "grey", "now": "pale"}
    rows = [
        do(canvas, MUSE, "amend", suggestion=id, hunks=[{"replace": "pale"}]),
        rejected := do(canvas, BEN, "reject", suggestion=id),
        do(canvas, BEN, "undo", decision=rejected.details["decision"]),
        do(canvas, BEN, "reject_all", suggestions=[id]),
    ]
    for row in rows:
        assert row.entry and "changes" not in row.details
        (told,) = row.entry["outcome"]["changes"]
        assert told.items() >= change.items()
        assert row is rows[0] or row.entry["outcome"]["decision"]
    hunk = {"find": "", "before": "saw it."}
    streamed = do(canvas, MUSE, "suggest", page=page, hunks=[hunk], streaming=True).id or ""
    do(canvas, MUSE, "extend", suggestion=streamed, text=" Never.")
    ended = do(canvas, MUSE, "finish", suggestion=streamed)
    assert ended.entry and ended.entry["outcome"]["changes"][0]["now"] == " Never."


def test_a_sentence_that_stood_on_another_page_all_along_is_not_the_one_that_was_meant(make: Make) -> None:
    sentence = "Nobody had asked him to, and nobody would thank him for it."
    canvas, first = make(f"One. {sentence}")
    second = do(canvas, BEN, "add_page", title="Two", text=f"Two. {sentence}").id or ""
    changed = suggest(canvas, second, sentence, sentence.replace("thank", "pay"))
    edit(canvas, second, "him to, and nobody", "him to do it; and then nobody")
    assert states(canvas, changed) == ["stale"] and canvas.suggestions[changed].page == second
    other = "And it was said of him later that he had not known it."
    edit(canvas, first, "One. ", f"One. {other} ")
    edit(canvas, second, "Two. ", f"Two. {other} ")
    cut = suggest(canvas, second, other, other.replace("later", "soon"))
    edit(canvas, second, f"{other} ", "")
    edit(canvas, first, "One. ", "One and a half. ")
    assert states(canvas, cut) == ["stale"] and canvas.suggestions[cut].page == second


def test_a_sentence_that_stood_on_the_same_page_all_along_is_not_the_one_that_was_cut(make: Make) -> None:
    sentence = "Nobody had asked him to, and nobody would thank him for it."
    pad = "\n\n".join(f"Paragraph {n} tells of the sea and of day {n} of the journey." for n in range(2_000))
    canvas, page = make("")
    for part in (f"One. {sentence}", pad, f"Two. {sentence}"):  # far apart, and not written in one go
        before = canvas.page_text(page)[-60:]
        place = {"before": before} if before else {}
        do(canvas, BEN, "edit", page=page, hunks=[{"find": "", "replace": f"{part}\n\n", **place}])
    id = suggest(canvas, page, sentence, sentence.replace("thank", "pay"), before="Two. ")
    canvas.settle()
    edit(canvas, page, f"Two. {sentence}", "")
    assert states(canvas, id) == ["stale"]
    edit(canvas, page, "Paragraph 7 tells", f"{sentence} Paragraph 7 tells")
    assert states(canvas, id) == ["stale"]  # there are two now, and nothing says which
