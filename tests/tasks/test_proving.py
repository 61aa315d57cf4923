"""Sentences that say other than their quotes are found, and no fault is found with true ones."""

from __future__ import annotations

from collections import Counter

import pytest

from studiolo.tasks.doing.proving import doubt, opposite, unproved
from studiolo.tasks.doing.quantities import dates, quantities
from studiolo.tasks.doing.reporting import stricter
from tests.tasks.pairs import FALSE, LATER_FALSE, LATER_TRUE, TRUE, Pair

UNDERSTOOD = {"who", "why", "when"}  # which only somebody who understands can tell


def alarms(pairs: list[Pair]) -> list[Pair]:
    return [pair for pair in pairs if unproved(pair.sentence, [pair.quote])]


def test_what_is_true_passes_and_what_words_can_tell_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    wrong, found = alarms(TRUE + LATER_TRUE), alarms(FALSE + LATER_FALSE)
    missed = Counter(pair.what for pair in FALSE + LATER_FALSE if pair not in found)
    of = Counter(pair.what for pair in FALSE + LATER_FALSE)
    with capsys.disabled():
        precision = len(found) / (len(found) + len(wrong))
        recall = len(found) / len(FALSE + LATER_FALSE)
        print(f"\nproof by words: precision {precision:.2f}, recall {recall:.2f}, missed", dict(missed), "of", dict(of))
    assert not wrong
    assert set(missed) <= UNDERSTOOD
    assert len(TRUE + LATER_TRUE) == len(FALSE + LATER_FALSE) == 52


@pytest.mark.parametrize("pair", [pair for pair in FALSE if pair.what in ("not", "direction")], ids=str)
def test_a_lost_not_and_a_turned_direction_are_the_opposite(pair: Pair) -> None:
    assert opposite(pair.sentence, pair.quote)
    found = doubt(pair.sentence, [pair.quote])
    assert found is not None and found.kind == "opposite"


@pytest.mark.parametrize("pair", [pair for pair in FALSE if pair.what in ("hedge", "scope")], ids=str)
def test_a_doubt_that_was_left_out_is_told_apart(pair: Pair) -> None:
    found = doubt(pair.sentence, [pair.quote])
    assert found is not None and found.kind == "surer"


def test_one_of_several_passages_is_enough() -> None:
    says_so = "In 2019 exports rose by 12 percent."
    assert not unproved("Exports rose by 12 percent.", ["Exports of fish fell by 3 percent.", says_so])


def test_quantities_are_the_same_however_they_are_written() -> None:
    def said(text: str) -> list[tuple[float, str]]:
        return [(one.value, one.unit) for one in quantities(text)]

    assert said("3.2 billion euros") == said("3,200 million euros") == said("3,2 Milliarden Euro") == [(3.2e9, "€")]
    assert said("31 percent, 31 %, 31 per cent") == [(31.0, "percent")] * 3
    assert said("2 percentage points") == said("2 Prozentpunkte") == [(2.0, "points")]
    assert said("twelve dogs, 1.240 Hunde, 10:30") == [(12.0, ""), (1.24, ""), (1030.0, "")]


def test_days_are_the_same_however_they_are_written() -> None:
    days = dates("4 May 1921; May 4, 1921; 4. Mai 1921; 1921-05-04; May 1921")
    assert [(day.day, day.month, day.year) for day in days] == [(4, 5, 1921)] * 4 + [(None, 5, 1921)]
    assert all(day.agrees(days[0]) for day in days) and not dates("5 May 1921")[0].agrees(days[0])


def test_a_model_that_looks_too_makes_the_mark_stricter_and_never_milder() -> None:
    for found in ("absent", "opposite"):
        assert {stricter(found, said) for said in ("", "supported", "not there", "contradicted")} == {found}
    assert stricter("surer", "supported") == "surer" and stricter("surer", "contradicted") == "opposite"
    assert [stricter("proved", said) for said in ("", "supported", "not there", "contradicted")] == [
        "proved", "proved", "absent", "opposite"
    ]  # fmt: skip
