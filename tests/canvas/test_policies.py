"""The review budget: what is accepted without asking, what never is, and how it is taken back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.accepted import counts, listed
from studiolo.canvas.errors import Conflict, Forbidden, NotFound
from studiolo.canvas.identity import TextEdit
from studiolo.canvas.kinds import RISKS
from studiolo.canvas.policies import MOST_A_MINUTE, find, policies
from tests.conftest import Clock

from .conftest import ADA, BEN, MUSE

LINE = Participant("line", "Line editor", "agent", "#606c00", "commenter")
BOSS = Participant("boss", "Boss", "agent", "#606c00", "owner")

SEA = """The grey sea -- wide and cold -- lay still...

He said "never" and went home. The dog slept. It was late.

In 1912 the ship left port with 2,000 people.
"""


@pytest.fixture
def sea(clock: Clock) -> tuple[Canvas, str]:
    canvas, made = Canvas.new(
        "Book", [{"title": "One", "text": SEA, "kind": "prose"}], by=ADA, clock=clock, random=Random(3)
    )
    return canvas, made.details["pages"][0]["id"]


def policy(canvas: Canvas, *kinds: str, by: Participant = ADA, **more: Any) -> str:
    id = canvas.apply({"type": "set_policy", "kinds": list(kinds), **more}, by).id
    assert id
    return id


def suggest(canvas: Canvas, page: str, *hunks: tuple[str, str], by: Participant = LINE, **more: Any) -> str:
    action = {"type": "suggest", "page": page, "hunks": [{"find": f, "replace": r} for f, r in hunks], **more}
    id = canvas.apply(action, by).id
    assert id
    return id


def considered(canvas: Canvas) -> list[Outcome]:
    outcomes: list[Outcome] = []
    while (outcome := canvas.consider()) is not None:
        if outcome.entry is not None:
            outcomes.append(outcome)
    return outcomes


def type_at(canvas: Canvas, page: str, at: int, text: str) -> None:
    """Ben types in an editor of his own."""
    canvas.receive(canvas.document.identity.edit(page, [TextEdit(at, at, text)], 77), BEN)


DASH = ("sea -- wide", "sea — wide")
QUOTES = ('"never"', "“never”")


def test_nothing_is_accepted_until_somebody_turns_it_on(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    id = suggest(canvas, page, DASH)
    assert considered(canvas) == [] and canvas.suggestions[id].status == "open"
    policy(canvas, "typography")
    assert considered(canvas) == []  # a policy holds for what comes
    assert canvas.page_text(page) == SEA


def test_what_a_policy_allows_is_accepted_at_once_in_its_name_as_one_decision(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    allowed = policy(canvas, "typography", name="Setting")
    id = suggest(canvas, page, DASH, QUOTES)
    (outcome,) = considered(canvas)
    assert canvas.page_text(page) == SEA.replace(*DASH).replace(*QUOTES)
    record = canvas.suggestions[id]
    assert record.status == "accepted"
    assert {(h.by, h.by_name, h.policy) for h in record.hunks} == {("studio", "Policy “Setting”", allowed)}
    assert len({h.decision for h in record.hunks}) == 1
    assert outcome.entry is not None and outcome.update
    assert outcome.entry["action"] == {"type": "accept", "policy": allowed, "suggestion": id}
    said = outcome.entry["outcome"]
    assert said["outcome"] == "accepted" and said["decision"] == record.hunks[0].decision
    assert [(change["was"], change["now"]) for change in said["changes"]] == [DASH, QUOTES]
    # Whose words they are does not change with who takes them in.
    assert any(run["participant"] == "line" for run in canvas.authors(page))


def test_every_finished_suggestion_says_what_it_changes(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    id = suggest(canvas, page, QUOTES)
    assert (canvas.suggestions[id].kinds, canvas.suggestions[id].risk) == ('["typography"]', "low")
    shown = next(one for one in canvas.view()["suggestions"] if one["id"] == id)
    assert (shown["kinds"], shown["risk"]) == ('["typography"]', "low")
    id = suggest(canvas, page, ("1912", "1913"))
    assert (canvas.suggestions[id].kinds, canvas.suggestions[id].risk) == ('["number"]', "high")
    streamed = suggest(canvas, page, ("It was late.", ""), streaming=True)
    assert canvas.suggestions[streamed].kinds == ""
    canvas.apply({"type": "extend", "suggestion": streamed, "text": "It was 5 o'clock."}, LINE)
    canvas.apply({"type": "finish", "suggestion": streamed}, LINE)
    assert "number" in canvas.suggestions[streamed].kinds


@pytest.mark.parametrize(
    "hunk",
    [("1912", "1913"), ("2,000", "2.000"), ("dog", "cat"), ("slept.", "sle\u200dpt."), ("The dog", "The d\u03bfg")],
    ids=["year", "point", "word", "joiner", "omicron"],
)
def test_what_is_more_than_the_policy_allows_waits_for_a_person(sea: tuple[Canvas, str], hunk: tuple[str, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography", "spelling")
    id = suggest(canvas, page, hunk)
    assert considered(canvas) == [] and canvas.suggestions[id].status == "open"


def test_a_suggestion_is_taken_whole_or_not_at_all(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography")
    id = suggest(canvas, page, DASH, ("1912", "1913"))
    assert considered(canvas) == [] and canvas.suggestions[id].status == "open"


def test_two_harmless_changes_that_are_not_so_as_a_pair_are_seen_together(clock: Clock) -> None:
    pages = [{"title": "a.py", "text": "a = 1\nb = 2\n", "kind": "code"}]
    canvas, made = Canvas.new("Code", pages, by=ADA, clock=clock, random=Random(3))
    page = made.details["pages"][0]["id"]
    policy(canvas, "typography", "wording", risk="medium")
    id = suggest(canvas, page, ("a = 1", "a = 1  # fine"), ("\nb", "; b"))
    assert considered(canvas) == []
    assert "code" in canvas.suggestions[id].kinds
    # Nor as two suggestions, one after the other.
    suggest(canvas, page, ("a = 1", "a = 1  # fine"))
    suggest(canvas, page, ("\nb", "; b"))
    considered(canvas)
    assert "; b" not in canvas.page_text(page) or "# fine" not in canvas.page_text(page)


def test_asking_wins_over_accepting(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography")
    policy(canvas, "typography", then="ask", agent="line")
    kept = suggest(canvas, page, DASH)
    taken = suggest(canvas, page, QUOTES, by=MUSE)
    considered(canvas)
    assert canvas.suggestions[kept].status == "open" and canvas.suggestions[taken].status == "accepted"


def test_a_policy_is_for_one_agent_and_one_skill(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography", agent="line", skill="proofread")
    other = suggest(canvas, page, DASH, by=MUSE, skill="proofread")
    unskilled = suggest(canvas, page, QUOTES)
    right = suggest(canvas, page, ("still...", "still…"), skill="proofread")
    considered(canvas)
    statuses = [canvas.suggestions[id].status for id in (other, unskilled, right)]
    assert statuses == ["open", "open", "accepted"]


def test_no_agent_makes_changes_or_judges_a_policy_whatever_its_role(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    with pytest.raises(Forbidden):
        policy(canvas, "typography", by=BOSS)
    made = policy(canvas, "typography", sample=1)
    with pytest.raises(Forbidden):
        policy(canvas, "wording", policy=made, risk="high", by=BOSS)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "remove_policy", "policy": made}, BOSS)
    id = suggest(canvas, page, DASH, by=BOSS)
    considered(canvas)
    with pytest.raises(Forbidden):
        canvas.apply({"type": "audit", "suggestion": id}, BOSS)
    with pytest.raises(Forbidden):  # an editor is no owner
        policy(canvas, "typography", by=BEN)
    assert [one.id for one in policies(canvas)] == [made] and find(canvas, made).kinds == ("typography",)


def test_an_agent_cannot_slip_its_words_into_anothers_suggestion(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography", agent="line")
    writer = replace(MUSE, role="editor")
    suggest(canvas, page, DASH)
    id = next(iter(canvas.suggestions))
    canvas.apply({"type": "amend", "suggestion": id, "hunks": [{"replace": "sea – wide"}]}, writer)
    assert considered(canvas) == [] and canvas.suggestions[id].status == "open"


def test_what_was_said_of_a_suggestion_is_not_said_of_what_it_became(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    id = suggest(canvas, page, QUOTES)
    assert canvas.suggestions[id].risk == "low"
    for draft in (True, False):
        hunks = [{"replace": f'"always", {draft}'}]
        canvas.apply({"type": "amend", "suggestion": id, "hunks": hunks, "draft": draft}, LINE)
        shown = next(one for one in canvas.view()["suggestions"] if one["id"] == id)
        assert shown.get("risk", "") == canvas.suggestions[id].risk == ("" if draft else "high")
    policy(canvas, "typography")
    assert considered(canvas) == []


def test_people_are_always_asked_about_what_people_suggest(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography")
    policy(canvas, "typography", agent="ben")
    id = suggest(canvas, page, DASH, by=BEN)
    assert considered(canvas) == [] and canvas.suggestions[id].status == "open"


def test_a_paused_a_removed_and_a_changed_policy(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    made = policy(canvas, "typography")
    suggest(canvas, page, DASH)
    considered(canvas)
    policy(canvas, "typography", policy=made, paused=True)
    waits = suggest(canvas, page, QUOTES)
    assert considered(canvas) == [] and canvas.suggestions[waits].status == "open"
    canvas.apply({"type": "remove_policy", "policy": made}, ADA)
    suggest(canvas, page, ("still...", "still…"))
    assert considered(canvas) == []
    # Its list stays, and it can still be taken back.
    assert [row["hunks"][0]["now"] for row in listed(canvas, find(canvas, made))] == ["sea — wide"]
    canvas.apply({"type": "undo", "policy": made}, ADA)
    assert canvas.page_text(page) == SEA
    with pytest.raises(Conflict):
        policy(canvas, "typography", policy=made)
    with pytest.raises(Conflict):
        canvas.apply({"type": "remove_policy", "policy": made}, ADA)
    with pytest.raises(NotFound):
        canvas.apply({"type": "remove_policy", "policy": "0"}, ADA)


def test_what_one_policy_accepted_is_withdrawn_as_one_set_and_later_edits_stay(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    made = policy(canvas, "typography")
    other = policy(canvas, "typography", agent="muse")
    ids = [suggest(canvas, page, hunk) for hunk in (DASH, QUOTES)]
    kept = suggest(canvas, page, ("still...", "still…"), by=MUSE)
    considered(canvas)
    assert {canvas.suggestions[id].hunks[0].policy for id in (*ids, kept)} == {made}  # the first that allows it
    canvas.apply({"type": "edit", "page": page, "hunks": [{"find": "wide", "replace": "broad"}]}, BEN)
    canvas.apply(
        {"type": "edit", "page": page, "hunks": [{"find": "“never” and", "replace": "“never” twice and"}]}, BEN
    )
    canvas.apply({"type": "undo", "policy": made}, ADA)
    wanted = SEA.replace("wide", "broad").replace('"never" and', '"never" twice and')
    assert canvas.page_text(page) == wanted
    assert [canvas.suggestions[id].status for id in ids] == ["withdrawn", "withdrawn"]
    assert counts(canvas, find(canvas, made)) | {"day": 0} == {
        "accepted": 3, "day": 0, "withdrawn": 3, "audited": 0, "wanted": 0,
    }  # fmt: skip
    assert [row["stands"] for row in listed(canvas, find(canvas, made))] == [False] * 3
    assert counts(canvas, find(canvas, other))["accepted"] == 0
    assert considered(canvas) == []  # and nothing of it is taken again


def test_what_a_person_took_back_is_never_accepted_again(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "typography")
    id = suggest(canvas, page, DASH)
    (outcome,) = considered(canvas)
    canvas.apply({"type": "undo", "decision": outcome.details["decision"]}, ADA)
    assert canvas.page_text(page) == SEA
    canvas.fresh[id] = 0.0  # as if it had just been finished
    assert considered(canvas) == []


def test_one_in_n_is_shown_to_a_person_and_the_order_does_not_matter(sea: tuple[Canvas, str], clock: Clock) -> None:
    canvas, _ = sea
    made = find(canvas, policy(canvas, "typography", sample=4))
    ids = [f"{number:016x}" for number in range(4_000)]
    sampled = {id for id in ids if made.samples(id)}
    assert 800 < len(sampled) < 1_200
    assert sampled == {id for id in reversed(ids) if made.samples(id)}
    never = find(canvas, policy(canvas, "typography", sample=0))
    assert not any(never.samples(id) for id in ids)


def test_what_is_to_be_looked_at_waits_until_somebody_says_that_it_is_good(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    made = policy(canvas, "typography", sample=1)
    id = suggest(canvas, page, DASH)
    (outcome,) = considered(canvas)
    assert outcome.details["sampled"] and canvas.suggestions[id].hunks[0].audit == "wanted"
    assert counts(canvas, find(canvas, made))["wanted"] == 1
    canvas.apply({"type": "audit", "suggestion": id}, ADA)
    assert counts(canvas, find(canvas, made)) == {"accepted": 1, "day": 1, "withdrawn": 0, "audited": 1, "wanted": 0}
    with pytest.raises(NotFound):
        canvas.apply({"type": "audit", "suggestion": "0"}, ADA)


def test_a_second_look_can_only_say_no(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    policy(canvas, "wording", "typography", risk="medium", second_look=True)
    plain = suggest(canvas, page, DASH)
    asked = suggest(canvas, page, ("The dog slept", "The hound slept"))
    doubted = suggest(canvas, page, ("lay still", "lay quiet"))
    number = suggest(canvas, page, ("1912", "1913"))
    considered(canvas)
    assert canvas.suggestions[plain].status == "accepted"  # where the risk is low nobody needs to look
    wanted = canvas.second_looks.take()
    assert list(wanted) == [asked, doubted] and canvas.second_looks.take() == {}
    paragraph = 'He said "never" and went home. The dog slept. It was late.'
    assert wanted[asked] == ((paragraph, paragraph.replace("dog", "hound")),)
    # Yes to two of them, of which one the code does not let pass.
    for id in (asked, number):
        canvas.second_looks.found_same(id, wanted.get(id, ()))
        canvas.fresh[id] = 0.0
    considered(canvas)
    assert [canvas.suggestions[id].status for id in (asked, doubted, number)] == ["accepted", "open", "open"]


def test_an_answer_holds_for_the_passage_that_was_looked_at(sea: tuple[Canvas, str], clock: Clock) -> None:
    canvas, page = sea
    policy(canvas, "wording", risk="medium", second_look=True)
    id = suggest(canvas, page, ("The dog slept", "The hound slept"))
    considered(canvas)
    ((_, passages),) = canvas.second_looks.take().items()
    canvas.apply({"type": "edit", "page": page, "hunks": [{"find": "It was late.", "replace": "It was a cat."}]}, BEN)
    canvas.second_looks.found_same(id, passages)
    canvas.fresh[id] = 0.0
    assert considered(canvas) == [] and list(canvas.second_looks.take()) == [id]  # asked again, on today's text


def test_a_flood_trips_the_breaker(clock: Clock) -> None:
    text = "\n\n".join(f"The dog number {'abcdefghij'[i % 10] * (i // 10 + 1)} slept..." for i in range(60))
    canvas, made = Canvas.new("B", [{"title": "One", "text": text}], by=ADA, clock=clock, random=Random(3))
    page = made.details["pages"][0]["id"]
    id = policy(canvas, "typography")
    for i in range(60):
        find_ = f"{'abcdefghij'[i % 10] * (i // 10 + 1)} slept..."
        canvas.apply(
            {
                "type": "suggest",
                "page": page,
                "hunks": [{"find": find_, "replace": find_[:-3] + "…", "before": "number "}],
            },
            LINE,
        )
        clock.now += 0.5
    outcomes = considered(canvas)
    assert [outcome.outcome for outcome in outcomes] == ["accepted"] * MOST_A_MINUTE + ["policy_paused"]
    assert find(canvas, id).paused.startswith("It accepted") and canvas.page_text(page).count("…") == MOST_A_MINUTE
    assert outcomes[-1].entry is not None and outcomes[-1].entry["action"]["type"] == "pause_policy"
    # A person turns it on again; what waited stays with them.
    policy(canvas, "typography", policy=id)
    assert considered(canvas) == []


def test_nothing_is_changed_under_somebodys_hands(sea: tuple[Canvas, str], clock: Clock) -> None:
    canvas, page = sea
    policy(canvas, "typography")
    id = suggest(canvas, page, DASH)
    type_at(canvas, page, 4, "very ")
    assert canvas.consider() is None and id in canvas.fresh
    clock.now += 6
    (outcome,) = considered(canvas)
    assert outcome.outcome == "accepted" and "very grey sea — wide" in canvas.page_text(page)


def test_who_types_elsewhere_holds_nothing_up(clock: Clock) -> None:
    text = SEA + "\n" + "Nothing happened for a while. " * 60
    canvas, made = Canvas.new("B", [{"title": "One", "text": text}], by=ADA, clock=clock, random=Random(3))
    page = made.details["pages"][0]["id"]
    policy(canvas, "typography")
    suggest(canvas, page, DASH)
    type_at(canvas, page, len(text) - 4, "x")
    assert [outcome.outcome for outcome in considered(canvas)] == ["accepted"]


def test_suggestions_for_one_place_are_for_a_person_to_choose_from(sea: tuple[Canvas, str]) -> None:
    canvas, page = sea
    suggest(canvas, page, ("grey sea -- wide", "green sea, wide"), by=BEN)
    policy(canvas, "typography")
    id = suggest(canvas, page, DASH)
    assert considered(canvas) == [] and canvas.suggestions[id].status == "open"


def test_policies_survive_a_restart_and_reach_other_copies(sea: tuple[Canvas, str], clock: Clock) -> None:
    canvas, page = sea
    made = policy(canvas, "typography", name="Setting", sample=3)
    suggest(canvas, page, DASH)
    considered(canvas)
    loaded = Canvas([canvas.document.update_since()], {}, clock=clock, random=Random(9))
    assert policies(loaded) == policies(canvas) and loaded.policed
    assert listed(loaded, find(loaded, made)) == listed(canvas, find(canvas, made))
    suggest(loaded, page, QUOTES)
    assert [outcome.outcome for outcome in considered(loaded)] == ["accepted"]


PIECES = [
    "grey",
    "gray",
    "sea",
    "not",
    "5",
    "50",
    "Anna",
    "...",
    "…",
    '"',
    "“",
    "”",
    "--",
    " — ",
    " ",
    ".",
    ", ",
    "\n\n",
]


@given(
    before=st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
    was=st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    now=st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    after=st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
    kinds=st.sets(st.sampled_from(["typography", "spelling", "wording", "insertion", "deletion"]), min_size=1),
    risk=st.sampled_from(["low", "medium"]),
)
@settings(max_examples=200)
def test_no_policy_ever_accepts_more_than_it_allows(
    before: str, was: str, now: str, after: str, kinds: set[str], risk: str
) -> None:
    clock = Clock()
    text = before + "«" + was + "»" + after
    canvas, made = Canvas.new("B", [{"title": "One", "text": text}], by=ADA, clock=clock, random=Random(3))
    page = made.details["pages"][0]["id"]
    policy(canvas, *sorted(kinds), risk=risk)
    if was == now:
        return
    hunk = {"find": f"«{was}»", "replace": f"«{now}»"}
    canvas.apply({"type": "suggest", "page": page, "hunks": [hunk]}, LINE)
    (record,) = canvas.suggestions.values()
    considered(canvas)
    if record.status == "accepted":
        assert set(json.loads(record.kinds)) <= kinds
        assert RISKS.index(record.risk) <= RISKS.index(risk)  # type: ignore[arg-type]
        digits = [c for c in text if c.isdigit()]
        assert [c for c in canvas.page_text(page) if c.isdigit()] == digits
        for word in ("Anna", "not"):
            assert len(re.findall(rf"\b{word}\b", canvas.page_text(page))) == len(re.findall(rf"\b{word}\b", text))
