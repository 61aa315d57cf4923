"""A model that gets nowhere is told so, and then ended; one that gets somewhere is left alone."""

from __future__ import annotations

from studiolo.agents.loop.repeats import Repeats


def heard(repeats: Repeats, *calls: tuple[str, object, str, bool]) -> list[str]:
    told: list[str] = []
    for tool, arguments, result, failed in calls:
        repeats.note(tool, arguments, result, failed)
        told.append("over" if repeats.hopeless else "told" if repeats.warning else "")
    return told


FAILS = ("amend", {"suggestion": "x"}, "There is no such suggestion.", True)
READS = ("read_page", {"page": "p"}, "The lamp.", False)


def test_the_same_failure_is_told_at_the_third_time_and_ended_at_the_fourth() -> None:
    assert heard(Repeats(), FAILS, FAILS, FAILS, FAILS) == ["", "", "told", "over"]


def test_other_calls_between_do_not_hide_it() -> None:
    assert heard(Repeats(), *[FAILS, READS] * 3, FAILS) == ["", "", "", "", "told", "", "over"]


def test_a_failure_with_other_arguments_or_for_another_reason_is_another() -> None:
    calls = [("amend", {"suggestion": str(n)}, "There is no such suggestion.", True) for n in range(9)]
    assert heard(Repeats(), *calls) == [""] * 9
    calls = [("amend", {"suggestion": "x"}, f"Reason {n}", True) for n in range(9)]
    assert heard(Repeats(), *calls) == [""] * 9


def test_reading_the_same_again_now_and_then_is_nothing_odd() -> None:
    other = ("outline", {}, "One page.", False)
    assert heard(Repeats(), *[READS, other] * 10) == [""] * 20
    assert heard(Repeats(), *[READS] * 7) == ["", "", "", "", "told", "", "over"]
