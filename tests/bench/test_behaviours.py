"""The evaluation of behaviours: what its scorers take for right, and what they cannot be talked into."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.behaviours.__main__ import chosen
from bench.behaviours.asking import ask
from bench.behaviours.case import BEHAVIOURS, Case
from bench.behaviours.cases import CASES
from bench.behaviours.controls import CONTROLS
from bench.behaviours.differences import difference, items, sentences, words
from bench.behaviours.reporting import Asked, report
from bench.behaviours.scoring import Came, Remark, Score, score
from studiolo.models import ModelFailed

PAGE = "The lamp went out. Nobody had touched it, and nobody lit it again.\n\nIn the morning it was warm."


class NoModels:
    def get(self, name: str | None = None):
        raise ModelFailed("There are no models here.", "")


def case(id: str) -> Case:
    return next(one for one in CASES if one.id == id)


def came(of: Case, after: str | None = None, **more: object) -> Came:
    text = of.page if after is None else after
    return replace(Came(of.page, text, suggestions=int(after is not None)), **more)  # type: ignore[arg-type]


def span(of: Case, passage: str) -> tuple[int, int]:
    at = of.page.index(passage)
    return at, at + len(passage)


def right(of: Case, result: Came) -> bool:
    return score(of, result).right


def test_every_behaviour_has_ten_cases_or_more_with_passages_that_are_in_their_pages():
    assert len({(one.behaviour, one.id) for one in CASES}) == len(CASES)
    for behaviour in BEHAVIOURS:
        of_it = [one for one in CASES if one.behaviour == behaviour]
        assert len(of_it) >= 10
        assert {one.about for one in of_it} >= {"fiction, English", "essay, English", "code, English", "notes, English"}
        assert len({one.about for one in of_it if "English" not in one.about}) >= 2
    for one in CASES:
        assert all(passage in one.page for passage in (*one.target, *filter(None, [one.select]))), one.id


@pytest.mark.parametrize("control", CONTROLS)
async def test_the_controls_are_told_apart_by_what_they_did_in_the_studio_s_own_loop(control: str):
    scores: dict[str, list[Score]] = {}
    asked = CASES if control == "oracle" else chosen(list(BEHAVIOURS), quick=True)
    for one in asked:
        scores.setdefault(one.behaviour, []).append(score(one, await ask(one, NoModels(), control, 60)))
    count = {behaviour: sum(one.right for one in found) for behaviour, found in scores.items()}
    if control == "oracle":
        assert [one.why for found in scores.values() for one in found if not one.right] == []
    else:
        # Whoever only talks leaves the page alone, and is right where any word will do.
        thanks = sum(one.behaviour == "nothing" and not one.says for one in asked)
        assert count == dict.fromkeys(BEHAVIOURS, 0) | {"nothing": thanks if control == "yes" else 0}


@pytest.mark.parametrize("one", CASES, ids=lambda one: f"{one.behaviour}-{one.id}")
def test_nothing_at_all_is_never_right(one: Case):
    assert not right(one, came(one))
    assert not right(one, came(one, "", said="Here it is."))  # an empty page
    assert not right(one, came(one, state="failed", error="The model cannot be reached."))


def test_what_was_stopped_is_not_right_even_where_it_left_the_right_text():
    of = case("rename-town")
    good = came(of, of.page.replace("Lisse", "Varde"))
    assert right(of, good)
    assert not right(of, replace(good, state="stopped"))


def test_new_text_is_text_that_leaves_the_old_as_it_is():
    of = case("go-on")
    assert right(of, came(of, of.page + "\n\nThe mate counted once more."))
    assert not right(of, came(of, of.page.replace("nine", "ten") + "\n\nThe mate counted once more."))
    assert not right(of, came(of, said="The mate counted once more."))


def test_an_answer_is_no_change_and_is_to_the_point():
    of = case("who-has")
    assert right(of, came(of, said="It is in the pocket of the coat."))
    assert not right(of, came(of, said="It is a good question."))
    assert not right(of, came(of, of.page + " The key is in the coat.", said="It is in the coat."))


def test_a_comment_is_a_comment_and_not_a_change():
    of = case("feedback")
    remark = Remark(span(of, "It was very scary"), "Show it instead.")
    assert right(of, came(of, remarks=(remark,)))
    assert not right(of, came(of, remarks=(replace(remark, text=" "),)))
    assert not right(of, came(of, of.page.replace("scary", "dark"), remarks=(remark,)))
    assert not right(of, came(of, said="It was very scary: show it instead."))


def test_the_skill_that_rules_chose_is_measured_beside_what_came_of_it():
    of = case("who-has")
    chosen_well = score(of, came(of, skill="ask", said="No idea."))
    assert not chosen_well.right and chosen_well.figures == {"the right skill, English": 1.0}
    assert score(of, came(of, skill="continue")).figures == {"the right skill, English": 0.0}


def test_a_small_edit_does_not_write_the_page_anew():
    of = case("fix-bug")
    good = of.page.replace("range(len(self.lines) - 1)", "range(len(self.lines))")
    assert right(of, came(of, good))
    assert not right(of, came(of, good.replace("name", "title").replace("price", "cost").replace("count", "number")))
    assert not right(of, came(of, of.page.replace("TAX = 0.19", "TAX = 0.20")))  # small, and somewhere else


def test_a_rewrite_is_of_the_passage_and_of_most_of_it():
    of = case("rewrite-beard")
    assert right(of, came(of, of.page.replace(of.select, "The mate's beard hid his scarf.")))
    assert not right(of, came(of, of.page.replace("very large", "large")))
    assert not right(of, came(of, of.page.replace(of.select, "")))
    assert not right(of, came(of, "The mate's beard hid his scarf."))  # and the rest of the page is gone


def test_a_comma_beside_the_passage_is_too_much():
    of = case("day")
    good = of.page.replace("Wednesdays", "Fridays")
    assert right(of, came(of, good))
    assert not right(of, came(of, good.replace("knows", "knew") if "knows" in good else good.replace("jams,", "jams;")))
    assert not right(of, came(of, good + "\n\nI hope you like it."))
    assert not right(of, came(of, of.page))


def test_of_a_name_every_occurrence_is_to_be_changed():
    of = case("name-german")
    assert right(of, came(of, of.page.replace("Lena", "Klara")))
    assert not right(of, came(of, of.page.replace("Lena", "Klara", 1)))


def test_a_comment_hits_when_its_quote_is_within_the_passage():
    of = case("weather")
    hit = Remark(span(of, "not a cloud in the sky."), "Then whence the snow?")
    stray = Remark(span(of, "The night watch"), "A good beginning.")
    whole = Remark((0, len(of.page)), "There is a contradiction here.")
    assert right(of, came(of, remarks=(hit,)))
    assert right(of, came(of, remarks=(hit, stray)))
    assert not right(of, came(of, remarks=(hit, stray, stray)))
    assert not right(of, came(of, remarks=(whole,)))
    assert not right(of, came(of, remarks=(Remark(None, "There is snow without clouds."),)))
    assert not right(of, came(of, remarks=(replace(hit, text=""),)))


def test_a_length_is_of_what_was_written():
    of = case("two-sentences")
    assert right(of, came(of, of.page + " One came up. He was wet."))
    assert not right(of, came(of, of.page + " One came up."))
    assert not right(of, came(of, said="One came up. He was wet."))
    half = case("half")
    assert not right(half, came(half, half.page.replace(half.select, "")))
    five = case("five-names")
    assert right(five, came(five, said="Here they are:\n- A\n- B\n- C\n- D\n- E"))
    assert right(five, came(five, said="", ideas=5))
    assert not right(five, came(five, said="- A\n- B"))


def test_thanks_are_answered_and_nothing_else():
    of = case("thanks")
    assert right(of, came(of, said="You are welcome."))
    assert not right(of, came(of, said=""))
    assert not right(of, came(of, of.page + " The end.", said="You are welcome."))
    assert not right(of, came(of, said="You are welcome.", pages=1))
    assert not right(of, came(of, said="You are welcome.", remarks=(Remark((0, 8), "A fine page."),)))


def test_what_is_put_behind_a_passage_belongs_to_it_unless_it_is_a_paragraph():
    passage = (0, len("The lamp went out."))
    behind = PAGE.replace("out.", "out at once. It was dark.")
    found = difference(PAGE, behind, [passage])
    assert (found.outside, found.now) == (0, ("The lamp went out at once. It was dark.",))
    assert difference(PAGE, PAGE.replace("out. ", "out.\n\nIt was dark. "), [passage]).outside > 0
    apart = difference(PAGE, PAGE.replace("out", "dark").replace("warm", "cold"), [passage])
    assert (apart.outside, apart.inside, apart.touched) == (1, 1, 2)
    assert apart.now == ("The lamp went dark.",)
    assert apart.kept < 1.0


def test_words_sentences_and_items_are_counted_as_people_count_them():
    assert words("It isn't 4,200 – is it?") == 6
    assert sentences('"Who is it?" she said. Nobody… And then') == 4
    assert sentences("") == 0
    assert items("Names:\n1. One\n2) Two\n- Three\nand that is all") == 3


def test_a_quick_run_asks_some_of_every_behaviour():
    asked = chosen(list(BEHAVIOURS), quick=True)
    assert {one.behaviour for one in asked} == set(BEHAVIOURS)
    assert len(asked) <= 4 * len(BEHAVIOURS)


def test_the_report_says_how_many_were_asked_and_what_went_wrong():
    of = case("thanks")
    asked = [Asked("some-model", of, came(of, skill="continue"), Score(False, "it suggested a change"))]
    text = report(asked, ["some-model"], [of, case("tax")], False, "0.5", 3.0)
    assert "0 of 1 [0–79 %]" in text
    assert "it suggested a change" in text
    assert "1 of 2 were not asked" in text
