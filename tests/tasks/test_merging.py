"""Two people change the steps to come at the same moment: neither undoes what the other did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from studiolo.tasks.merging import Wanted, merged


def step(id: str, title: str = "", **about: Any) -> Wanted:
    return Wanted("say", title or id.upper(), about, id)


A, B, C, D = (step(id) for id in "abcd")
NEW = Wanted("say", "NEW")


def ids(steps: list[Wanted]) -> str:
    return "".join(one.id or "*" for one in steps)


def test_what_one_changed_is_done_to_what_the_others_made_of_it() -> None:
    seen = [A, B, C]
    assert merged(seen, [A, NEW, C], seen) == [A, NEW, C]
    assert merged(seen, [A, step("b", "Mine"), C], [A, B, step("c", "Theirs")]) == [
        A,
        step("b", "Mine"),
        step("c", "Theirs"),
    ]
    assert ids(merged(seen, [A, C], [A, B, D, C])) == "adc"
    assert ids(merged(seen, [A, B, C, NEW], [A, B, C, D])) == "abcd*"


def test_a_step_that_both_reworded_has_the_words_of_both() -> None:
    saw = step("b", "Searches", query="oil", pages=5, agent="r")
    mine = step("b", "Searches for whale oil", query="whale oil", pages=5, agent="r")
    theirs = step("b", "Searches", query="oil", pages=9)
    both = step("b", "Searches for whale oil", query="whale oil", pages=9)
    assert merged([A, saw], [A, mine], [A, theirs]) == [A, both]
    last = merged([saw], [mine], [step("b", "Looks", query="lamps", pages=5, agent="r")])
    assert last == [mine]


def test_a_step_that_one_took_out_and_the_other_reworded_is_not_lost() -> None:
    seen, reworded = [A, B, C], step("b", "Other")
    assert merged(seen, [A, C], [A, reworded, C]) == [A, reworded, C]
    assert merged(seen, [A, reworded, C], [A, C]) == [A, replace(reworded, id=None), C]
    assert ids(merged(seen, [A, C], [A, C])) == "ac"


def test_whoever_moves_nothing_leaves_the_order_to_the_others() -> None:
    seen = [A, B, C]
    assert ids(merged(seen, [A, step("b", "Other"), C], [C, A, B])) == "cab"
    assert ids(merged(seen, [C, A, B], [A, step("b", "Other"), C])) == "cab"
    assert ids(merged(seen, [A, NEW, B, C], [C, B, A])) == "cba*"


STEPS = st.lists(
    st.builds(lambda id, title: step(id, title), st.sampled_from("abcdef"), st.sampled_from(["x", "y"])),
    unique_by=lambda one: one.id,
    max_size=6,
)


@given(STEPS, STEPS, STEPS)
def test_whatever_happens_no_step_is_there_twice_and_nobodys_news_are_lost(
    seen: list[Wanted], wanted: list[Wanted], now: list[Wanted]
) -> None:
    made = merged(seen, wanted, now)
    named = [one.id for one in made if one.id]
    assert len(named) == len(set(named))
    saw = {one.id: one for one in seen}
    for one in now:
        if one.id not in saw or saw[one.id] != one:  # somebody did that meanwhile
            assert one.id in named
    assert merged(seen, seen, now) == now
    assert merged(now, wanted, now) == wanted
