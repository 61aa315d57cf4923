"""Decisions are taken back: one, or all of a policy, a run or an author, with what people wrote since kept."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, NotFound
from studiolo.canvas.reversal import turn_back
from studiolo.canvas.taking import take

from .conftest import ADA, BEN, CAL, MUSE, Make

SEA = "The grey whale swam — slowly — past 👩‍👩‍👧 the harbour.\n\nNobody saw it. 誰も見なかった。"
ECHO = Participant("echo", "Echo", "agent", "#00857a", "commenter")


def do(canvas: Canvas, by: Participant, type: str, **fields: Any) -> Outcome:
    return canvas.apply({"type": type, **fields}, by)


def suggest(canvas: Canvas, page: str, *hunks: tuple[str, str], by: Participant = MUSE, **more: Any) -> str:
    wanted = [{"find": find, "replace": new} for find, new in hunks]
    made = do(canvas, by, "suggest", page=page, hunks=wanted, **more)
    assert made.id
    return made.id


def insert(canvas: Canvas, page: str, before: str, new: str, by: Participant = MUSE) -> str:
    made = do(canvas, by, "suggest", page=page, hunks=[{"find": "", "before": before, "replace": new}])
    assert made.id
    return made.id


def accept(canvas: Canvas, *ids: str, by: Participant = BEN) -> str:
    if len(ids) == 1:
        return str(do(canvas, by, "accept", suggestion=ids[0]).details["decision"])
    return str(do(canvas, by, "accept_all", suggestions=list(ids)).details["decision"])


def edit(canvas: Canvas, page: str, find: str, new: str, by: Participant = BEN, **place: str) -> None:
    do(canvas, by, "edit", page=page, hunks=[{"find": find, "replace": new, **place}])


def states(canvas: Canvas, *ids: str) -> list[str]:
    return [canvas.suggestions[id].status for id in ids]


def authors(canvas: Canvas, page: str) -> list[tuple[str, str]]:
    text = canvas.page_text(page)
    return [(text[r["start"] : r["start"] + r["length"]], r["participant"]) for r in canvas.authors(page)]


def again(canvas: Canvas) -> Canvas:
    """The canvas as it is loaded from its document alone."""
    owners = {client: canvas.owner_of(client) or "" for client in canvas.document.identity.state()}
    return Canvas([canvas.document.update_since()], owners, clock=canvas.clock, random=Random(99))


@pytest.mark.parametrize("restart", [False, True])
def test_an_acceptance_is_taken_back_once_and_only_once(make: Make, restart: bool) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey whale", "giant white shark"), ("誰も", "みんな"))
    decision = accept(canvas, id)
    canvas = again(canvas) if restart else canvas
    outcome = do(canvas, ADA, "undo", decision=decision)
    assert canvas.page_text(page) == SEA and authors(canvas, page) == [(SEA, "ada")]
    assert states(canvas, id) == ["open"] and outcome.update
    assert outcome.details["hunks"] == [(id, 0), (id, 1)] and outcome.details["left"] == []
    canvas = again(canvas) if restart else canvas
    with pytest.raises(Decided):
        do(canvas, ADA, "undo", decision=decision)
    assert canvas.page_text(page) == SEA
    second = accept(canvas, id)
    assert "giant white shark" in canvas.page_text(page) and "みんな見" in canvas.page_text(page)
    do(canvas, ADA, "undo", decision=second)
    assert canvas.page_text(page) == SEA
    for known in (decision, second):
        with pytest.raises(Decided):
            do(canvas, ADA, "undo", decision=known)


def test_what_people_wrote_since_stays(make: Make) -> None:
    canvas, page = make("The grey whale swam past the old harbour.")
    id = suggest(canvas, page, ("grey whale swam", "white shark swam very fast"), ("old ", ""))
    decision = accept(canvas, id)
    edit(canvas, page, "very fast", "very, very fast")
    edit(canvas, page, "past", "often past")
    do(canvas, ADA, "undo", decision=decision)
    text = canvas.page_text(page)
    assert text == "The grey whale swam, very often past the old harbour."
    assert (", very", "ben") in authors(canvas, page) and ("often ", "ben") in authors(canvas, page)


def test_what_somebody_wrote_anew_is_not_given_its_old_words(make: Make) -> None:
    canvas, page = make("The grey whale swam. It rained.")
    one, two = suggest(canvas, page, ("grey", "white")), suggest(canvas, page, ("rained", "poured"))
    decision = accept(canvas, one, two)
    edit(canvas, page, "white", "blue")
    do(canvas, ADA, "undo", decision=decision)
    assert canvas.page_text(page) == "The blue whale swam. It rained."
    assert states(canvas, one, two) == ["stale", "open"]


def test_a_rejection_and_a_withdrawal_are_open_again(make: Make) -> None:
    canvas, page = make(SEA)
    one, two, own = (suggest(canvas, page, (word, "x")) for word in ("grey", "slowly", "Nobody"))
    rejected = do(canvas, BEN, "reject_all", suggestions=[one, two]).details["decision"]
    withdrawn = do(canvas, MUSE, "withdraw", suggestion=own).details["decision"]
    edit(canvas, page, "slowly", "fast")
    do(canvas, BEN, "undo", decision=rejected)
    do(canvas, BEN, "undo", decision=withdrawn)
    assert states(canvas, one, two, own) == ["open", "stale", "open"]
    hunk = canvas.view()["suggestions"][0]["hunks"][0]
    assert not {"by", "by_name", "decision", "applied"} & hunk.keys()
    do(canvas, BEN, "accept", suggestion=one)


def test_hunks_are_taken_back_with_the_decision_they_were_taken_with(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey", "white"), ("slowly", "fast"))
    first = do(canvas, BEN, "accept", suggestion=id, hunks=[1]).details["decision"]
    second = do(canvas, ADA, "accept", suggestion=id).details["decision"]
    do(canvas, BEN, "undo", decision=first)
    assert canvas.page_text(page) == SEA.replace("grey", "white")
    assert states(canvas, id) == ["partly_accepted"]
    do(canvas, BEN, "undo", decision=second)
    assert canvas.page_text(page) == SEA and states(canvas, id) == ["open"]


def test_an_acceptance_on_which_another_was_built_waits_for_it(make: Make) -> None:
    canvas, page = make("The grey whale swam.")
    first = suggest(canvas, page, ("grey", "white"))
    one = accept(canvas, first)
    second = suggest(canvas, page, ("white whale", "black whale"), by=ECHO)
    two = accept(canvas, second)
    with pytest.raises(Conflict, match="later") as refused:
        do(canvas, ADA, "undo", decision=one)
    assert refused.value.details["left"] == [{"suggestion": first, "hunk": 0, "decision": two}]
    assert canvas.page_text(page) == "The black whale swam." and states(canvas, first) == ["accepted"]
    do(canvas, ADA, "undo", decision=two)
    assert canvas.page_text(page) == "The white whale swam."
    assert authors(canvas, page)[1] == ("white", "muse")
    do(canvas, ADA, "undo", decision=one)
    assert canvas.page_text(page) == "The grey whale swam." and authors(canvas, page) == [
        ("The grey whale swam.", "ada")
    ]


def test_a_set_goes_back_as_one_whatever_was_built_on_what(make: Make) -> None:
    canvas, page = make("The grey whale swam.\n\nIt rained.")
    one = suggest(canvas, page, ("grey", "white"), run="r1")
    accept(canvas, one)
    two = suggest(canvas, page, ("white whale", "black whale sang and"), run="r1")
    accept(canvas, two)
    three = suggest(canvas, page, ("rained", "poured"), run="r1")
    accept(canvas, three)
    other = suggest(canvas, page, ("swam", "slept"), by=ECHO, run="r2")
    accept(canvas, other)
    edit(canvas, page, "poured", "poured all day")
    outcome = do(canvas, ADA, "undo", run="r1")
    assert canvas.page_text(page) == "The grey whale slept.\n\nIt rained all day."
    assert states(canvas, one, two, three, other) == ["withdrawn", "withdrawn", "withdrawn", "accepted"]
    assert canvas.suggestions[one].hunks[0].by == "ada"
    with pytest.raises(Decided):
        do(canvas, ADA, "undo", run="r1")
    do(canvas, ADA, "undo", author="echo")
    assert canvas.page_text(page).startswith("The grey whale swam.")
    do(canvas, ADA, "undo", decision=outcome.details["decision"])
    assert states(canvas, one, two, three) == ["open", "stale", "open"]


def test_what_a_policy_accepted_goes_back_and_stays_known(make: Make) -> None:
    canvas, page = make(SEA)
    one, two = suggest(canvas, page, ("grey", "white")), suggest(canvas, page, ("slowly", "fast"))
    studio = Participant("studio", "Policy “Words”", "agent", role="owner")
    chosen = [(canvas.suggestions[id], 0) for id in (one, two)]
    taken = take(canvas, chosen, studio, policy="p1", audit={(two, 0)})
    assert taken.outcome().kept["changes"] and states(canvas, one, two) == ["accepted", "accepted"]
    hunks = [canvas.suggestions[id].hunks[0] for id in (one, two)]
    assert [(h.by, h.by_name, h.policy, h.audit) for h in hunks] == [
        ("studio", "Policy “Words”", "p1", ""),
        ("studio", "Policy “Words”", "p1", "wanted"),
    ]
    decided = hunks[0].decided
    do(canvas, ADA, "undo", policy="p1")
    assert canvas.page_text(page) == SEA and states(canvas, one, two) == ["withdrawn", "withdrawn"]
    kept = again(canvas).suggestions[one].hunks[0]
    assert (kept.policy, kept.decided, kept.applied) == ("p1", decided, "")
    for copy in (canvas, again(canvas)):
        with pytest.raises(Decided):
            do(copy, ADA, "undo", policy="p1")


def test_what_was_brought_back_in_another_way_does_not_come_back_twice(make: Make) -> None:
    canvas, page = make("A very, very old harbour.")
    id = suggest(canvas, page, ("very, ", ""))
    decision = accept(canvas, id)
    ((client, clock, units, _),) = json.loads(canvas.suggestions[id].hunks[0].applied)[0]["del"]
    turn_back(canvas, page, [], [((client, clock, units), "very, ")], by="ada")  # from history, say
    assert canvas.page_text(page) == "A very, very old harbour."
    do(canvas, ADA, "undo", decision=decision)
    assert canvas.page_text(page) == "A very, very old harbour."


def test_a_chain_of_acceptances_and_undos_doubles_nothing(make: Make) -> None:
    canvas, page = make(SEA)
    id = suggest(canvas, page, ("grey whale", "white shark"))
    for _ in range(5):
        decision = accept(canvas, id)
        do(canvas, ADA, "undo", decision=decision)
        assert canvas.page_text(page) == SEA
    assert authors(canvas, page) == [(SEA, "ada")]


def test_insertions_at_one_place_keep_their_order_through_undo(make: Make) -> None:
    canvas, page = make("It rained.")
    one, two = insert(canvas, page, "rained.", " First."), insert(canvas, page, "rained.", " Second.", ECHO)
    decision = accept(canvas, one)
    do(canvas, ADA, "undo", decision=decision)
    assert canvas.page_text(page) == "It rained." and states(canvas, one, two) == ["open", "open"]
    accept(canvas, two)
    accept(canvas, one)
    assert canvas.page_text(page) == "It rained. First. Second."


def test_a_suggestion_that_went_stale_by_an_acceptance_is_back_after_its_undo(make: Make) -> None:
    canvas, page = make("The grey whale swam. The grey whale slept.")
    hunk = {"find": "grey whale", "after": " swam", "replace": "white whale"}
    taken = do(canvas, MUSE, "suggest", page=page, hunks=[hunk]).id or ""
    hunk = {"find": "The grey", "after": " whale swam", "replace": "A grey"}
    other = do(canvas, ECHO, "suggest", page=page, hunks=[hunk]).id or ""
    decision = accept(canvas, taken)
    assert states(canvas, other) == ["stale"]
    do(canvas, ADA, "undo", decision=decision)
    assert states(canvas, taken, other) == ["open", "open"]
    accept(canvas, other)
    assert canvas.page_text(page) == "A grey whale swam. The grey whale slept."


def test_a_thread_that_was_settled_by_it_is_open_again(make: Make) -> None:
    canvas, page = make(SEA)
    made = do(canvas, CAL, "comment", page=page, quote="grey", text="Why grey?", replace="white")
    decision = accept(canvas, made.details["suggestion"])
    assert canvas.threads[made.id or ""].status == "resolved"
    copy = again(canvas)
    do(copy, ADA, "undo", decision=decision)
    assert copy.threads[made.id or ""].status == "open" and copy.view()["threads"][0]["status"] == "open"


def test_who_may_take_what_back(make: Make) -> None:
    canvas, page = make(SEA)
    id, own = suggest(canvas, page, ("grey", "white")), suggest(canvas, page, ("slowly", "fast"), by=CAL)
    decision = accept(canvas, id)
    withdrawn = do(canvas, CAL, "withdraw", suggestion=own).details["decision"]
    for by, which in ((CAL, decision), (MUSE, decision), (MUSE, withdrawn)):
        with pytest.raises(Forbidden):
            do(canvas, by, "undo", decision=which)
    do(canvas, CAL, "undo", decision=withdrawn)
    assert states(canvas, own) == ["open"]


def test_what_cannot_be_taken_back(make: Make) -> None:
    canvas, page = make(SEA)
    for fields, error in [
        ({}, Invalid),
        ({"decision": "d", "run": "r"}, Invalid),
        ({"decision": "nope"}, NotFound),
        ({"policy": "nope"}, NotFound),
        ({"author": "nobody"}, NotFound),
    ]:
        with pytest.raises(error):
            do(canvas, ADA, "undo", **fields)
    decision = accept(canvas, suggest(canvas, page, ("grey", "white")))
    do(canvas, ADA, "remove_page", page=page)
    with pytest.raises(Conflict, match="removed"):
        do(canvas, ADA, "undo", decision=decision)
    do(canvas, ADA, "restore_page", page=page)
    do(canvas, ADA, "undo", decision=decision)
    assert canvas.page_text(page) == SEA


def test_undo_is_one_update_and_one_row(make: Make) -> None:
    canvas, page = make(SEA)
    second = do(canvas, BEN, "add_page", title="Two", text="It rained in Siena.").id or ""
    ids = [suggest(canvas, page, ("grey", "white")), suggest(canvas, second, ("Siena", "Lucca"))]
    copy = again(canvas)
    taken = do(canvas, BEN, "accept_all", suggestions=ids)
    undone = do(canvas, BEN, "undo", decision=taken.details["decision"])
    for outcome in (taken, undone):
        copy.follow(outcome.update, outcome.claims)
        assert outcome.entry and outcome.entry["action"]["type"] in ("accept_all", "undo")
    assert undone.entry and [one["status"] for one in undone.entry["outcome"]["changes"]] == ["accepted", "accepted"]
    assert copy.view() == canvas.view()
    assert canvas.page_text(second) == "It rained in Siena."
    with pytest.raises(Decided):
        do(copy, BEN, "undo", decision=taken.details["decision"])


def test_what_was_accepted_as_one_goes_back_as_one(make: Make) -> None:
    canvas, page = make("The grey whale swam. It rained.")
    both = [insert(canvas, page, "rained.", " Hard.", by) for by in (MUSE, ECHO)]
    accept(canvas, *both)
    merged = [
        suggest(canvas, page, ("grey whale", "white shark")),
        suggest(canvas, page, ("whale swam", "eel sat"), by=ECHO),
    ]
    takes = [{"suggestion": id} for id in merged]
    do(canvas, BEN, "merge", takes=takes, replace="white eel sat")
    assert canvas.page_text(page) == "The white eel sat. It rained. Hard."
    do(canvas, ADA, "undo", author="muse")
    assert canvas.page_text(page) == "The grey whale swam. It rained."
    assert states(canvas, both[0], merged[0]) == ["withdrawn", "withdrawn"]
    assert states(canvas, both[1], merged[1]) == ["open", "open"]
    accept(canvas, both[1])
    assert canvas.page_text(page) == "The grey whale swam. It rained. Hard."
