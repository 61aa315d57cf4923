"""What kind of change a hunk makes. The one rule: nothing is called low that may say something else."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas.kinds import RISKS, Kinds, kinds_of

from .kinds_cases import CASES, HIDDEN, TELLING, TYPOGRAPHY, Case

ORDER = [
    "typography",
    "spelling",
    "wording",
    "structure",
    "number",
    "name",
    "dialogue",
    "code",
    "insertion",
    "deletion",
]


def looked_at(case: Case) -> Kinds:
    found = re.fullmatch(r"(.*?)\{\{(.*?)=>(.*?)\}\}(.*)", case.text, re.S)
    assert found, case.text
    before, was, now, after = found.groups()
    return kinds_of(was, now, before, after, case.page, set(case.known.split()), case.title)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}-{case.text[:40]}" for case in CASES])
def test_no_change_is_called_less_risky_than_it_is(case: Case) -> None:
    found = looked_at(case)
    assert RISKS.index(found.risk) >= RISKS.index(case.risk), found  # type: ignore[arg-type]


def test_the_kinds_are_told_apart() -> None:
    assert len(CASES) >= 150
    table: Counter[tuple[str, str]] = Counter()
    seen = 0
    for case in CASES:
        found = looked_at(case)
        seen += case.kind in found.kinds
        for kind in found.kinds:
            table[case.kind, kind] += 1
    lines = ["labelled \\ found".ljust(17) + "".join(kind[:6].rjust(7) for kind in ORDER)]
    for kind in ORDER:
        lines.append(kind.ljust(17) + "".join(str(table[kind, other] or ".").rjust(7) for other in ORDER))
    print("\n".join(lines))
    wrong = [(case.text, case.kind, looked_at(case)) for case in CASES if case.kind not in looked_at(case).kinds]
    assert seen / len(CASES) >= 0.95, wrong


def test_setting_is_known_as_such_so_that_policies_are_of_use() -> None:
    low = [case for case in TYPOGRAPHY if looked_at(case).risk == "low"]
    missed = [(case.text, looked_at(case)) for case in TYPOGRAPHY if case not in low]
    assert len(low) >= 0.9 * len(TYPOGRAPHY), missed
    assert all(looked_at(case).kinds == {"typography"} for case in low)


@pytest.mark.parametrize("case", TELLING, ids=lambda case: case.text[:40])
def test_not_everything_is_called_high(case: Case) -> None:
    assert looked_at(case).risk == "medium"


@pytest.mark.parametrize("case", HIDDEN, ids=lambda case: ascii(case.text))
def test_what_cannot_be_seen_is_barred_from_every_policy(case: Case) -> None:
    assert looked_at(case).barred


PROSE = st.text(st.sampled_from("abcdeXY 019.,;:!?'\"“”‘’«»…-–—()*_#`$€%\n\u00a0éñßжЖЗ中"), max_size=24)


@given(before=PROSE, was=PROSE, now=PROSE, after=PROSE)
def test_what_is_low_has_the_same_words_and_numbers(before: str, was: str, now: str, after: str) -> None:
    found = kinds_of(was, now, before, after, "prose", ())
    if found.risk == "low":
        words = [re.findall(r"\w+", before + middle + after) for middle in (was, now)]
        assert [word.casefold() for word in words[0]] == [word.casefold() for word in words[1]]
        assert re.findall(r"\S?\d\S?", before + was + after) == re.findall(r"\S?\d\S?", before + now + after)
        assert (before + was + after).count("\n") == (before + now + after).count("\n")


@given(before=PROSE, was=PROSE, now=PROSE, after=PROSE)
def test_a_change_and_the_way_back_are_of_one_risk_but_for_capitals(
    before: str, was: str, now: str, after: str
) -> None:
    there, back = kinds_of(was, now, before, after, "prose", ()), kinds_of(now, was, before, after, "prose", ())
    if there.risk == "low" and back.risk != "low":
        assert (before + was + after).casefold() == (before + now + after).casefold() or there.why[-1].startswith(
            "a capital"
        )


def test_a_very_long_change_is_for_a_person() -> None:
    found = kinds_of("a " * 20_000, "b " * 20_000, "", "", "prose", ())
    assert found.risk == "high"


def test_as_many_words_as_one_may_send_are_looked_at_once_each() -> None:
    """With a look at all the text around for each word of another script this takes hours."""
    words = "".join(f"слово{number} " for number in range(60_000))
    found = kinds_of("a " * 200_000 + "я", words, "", "", "prose", ())
    assert found.risk == "high" and not found.barred
    assert kinds_of("a " * 200_000, words, "", "", "prose", ()).barred


@pytest.mark.parametrize(
    "part", ["a@", "[", "{{", "a-", "a.", "`", '"a" ', "<", "\\a{", "http://", "-", "$a", "5.", "— "]
)
def test_a_text_made_to_take_long_is_looked_at_no_longer_than_another(part: str) -> None:
    """Every search in it is of bounded length: without that some of these take minutes."""
    many = part * (8_000 // len(part))
    assert kinds_of(many, many[: -len(part)] + "b", "", "", "prose", ()).risk != "low"
