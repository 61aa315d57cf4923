"""Forking a plan: what is taken over, what is done anew, and what a kind lays out otherwise for other inputs."""

from __future__ import annotations

from typing import Any

from studiolo.tasks.forking import forked
from studiolo.tasks.task import Step, Task


def step(id: str, state: Any = "coming", origin: str = "", by: str = "", **given: Any) -> Step:
    return Step(id, "say", id.upper(), given, state=state, origin=origin, by=by)


def task(*plan: Step) -> Task:
    return Task("t", "c", "k", "T", {"id": "nadia"}, {}, list(plan), 0.0)


def said(plan: list[Step]) -> list[str]:
    return [f"{one.id} {one.state}" for one in plan]


def test_what_came_before_is_taken_over() -> None:
    old = task(step("a", "done"), step("b", "skipped"), step("c", "failed"), step("d"))
    plan, at = forked(old, "c")
    assert said(plan) == ["a done", "b skipped", "c coming", "d coming"] and at == 2


def test_what_a_step_has_laid_out_goes_with_it_when_it_is_done_anew() -> None:
    old = task(step("plan", "done"), step("x", "done", "plan"), step("xx", "done", "x"), step("end", "done"))
    assert said(forked(old, "plan")[0]) == ["plan coming", "end coming"]
    assert said(forked(old, "x")[0]) == ["plan done", "x coming", "end coming"]
    assert said(forked(old, "end")[0]) == ["plan done", "x done", "xx done", "end coming"]


def test_a_step_whose_words_are_others_now_is_done_anew_with_all_after_it() -> None:
    old = task(step("a", "done"), step("b", "done", q="old"), step("c", "done"))
    before, after = [step("a"), step("b", q="old"), step("c")], [step("a"), step("b", q="new"), step("c")]
    plan, at = forked(old, "c", before, after)
    assert said(plan) == ["a done", "b coming", "c coming"] and at == 1 and plan[1].given == {"q": "new"}


def test_what_people_changed_stays_where_the_kind_says_the_same() -> None:
    old = task(step("a", "done", q="by hand"), step("mine", "done", by="omar"), step("b", q="by hand"))
    before, after = [step("a", q="x"), step("b", q="x")], [step("a", q="x"), step("b", q="x")]
    plan, at = forked(old, "b", before, after)
    assert said(plan) == ["a done", "mine done", "b coming"] and at == 2
    assert [one.given.get("q") for one in plan] == ["by hand", None, "by hand"]


def test_a_step_that_is_wanted_now_comes_in_its_place_and_one_that_is_not_goes() -> None:
    one = task(step("a", "done"), step("first", "done"), step("check", "done"))
    laid, more = [step("a"), step("first"), step("check")], [step("a"), step("first"), step("second"), step("check")]
    plan, at = forked(one, "check", laid, more)
    assert said(plan) == ["a done", "first done", "second coming", "check coming"] and at == 2
    two = task(step("a", "done"), step("first", "done"), step("second", "done"), step("check", "done"))
    plan, at = forked(two, "check", more, laid)
    assert said(plan) == ["a done", "first done", "check coming"] and at == 2
