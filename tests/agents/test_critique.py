"""Critique: comments on passages that are there, with fixes that can be taken."""

from __future__ import annotations

from studiolo.agents.local import READER
from studiolo.agents.observations import observe

TEXT = (
    "The house was very quiet. Anna went up the stairs, one at a time, and stopped at the last door.\n\n"
    "In order to hear better, she held her breath. The house was very quiet.\n"
)


def notes(*found: tuple[str, str, str | None]) -> dict[str, object]:
    return {"notes": [{"quote": quote, "comment": comment, "fix": fix} for quote, comment, fix in found]}


async def test_a_comment_hangs_on_its_quote_and_its_fix_can_be_taken(stage, scripted):
    model = scripted([notes(("In order to hear better", "Two words too many.", "To hear better"))])
    here = stage(TEXT, model)
    run = await here.done("what do you think?")
    assert (run.skill, run.state) == ("critique", "done")
    [thread] = here.view()["threads"]
    assert thread["quote"] == "In order to hear better" and thread["comments"][0]["text"] == "Two words too many."
    assert thread["run"] == run.id and thread["author"] == "co-author"
    assert here.accepted() == TEXT.replace("In order to hear", "To hear")
    assert [result["type"] for result in run.results] == ["thread", "suggestion"]


async def test_a_quote_that_is_not_in_the_page_is_sent_back_with_what_is(stage, scripted):
    model = scripted(
        [
            notes(("In order to listen closely", "Two words too many.", None)),
            notes(("In order to hear better", "Two words too many.", None)),
        ]
    )
    here = stage(TEXT, model)
    run = await here.done("critique this")
    assert run.state == "done" and len(model.asked) == 2
    assert [check["ok"] for check in run.checks] == [False, True]
    assert [thread["quote"] for thread in here.view()["threads"]] == ["In order to hear better"]


async def test_one_bad_quote_among_good_ones_is_dropped_and_said(stage, scripted):
    model = scripted(
        [
            notes(
                ("stopped at the last door", "Why the last?", None),
                ("the dragon roared at noon", "Loud.", None),
                ("she held her breath", "We know this gesture well.", "she did not breathe"),
            )
        ]
    )
    here = stage(TEXT, model)
    run = await here.done("leave comments")
    assert run.state == "done" and len(here.view()["threads"]) == 2
    assert any("1 of its comments" in note for note in run.notes)


async def test_a_quote_that_fits_twice_is_never_guessed(stage, scripted):
    here = stage(TEXT, scripted([notes(("The house was very quiet.", "Said twice.", "Silence."))]))
    run = await here.done("critique")
    assert run.state == "failed" and run.error and run.error["code"] == "model_result"
    assert here.view()["threads"] == [] and here.suggestions == []


async def test_a_selection_is_all_that_is_commented_on(stage, scripted):
    model = scripted([notes(("The house was very quiet.", "An echo of the opening.", None))])
    here = stage(TEXT, model)
    start = TEXT.index("In order")
    run = await here.done("critique", quote=TEXT[start:].strip())
    assert run.state == "done", run.error
    thread = here.view()["threads"][0]
    assert thread["before"].endswith("she held her breath. ")


async def test_nothing_to_remark_is_said(stage, scripted):
    here = stage(TEXT, scripted([notes()]))
    run = await here.done("critique")
    assert run.state == "done" and "nothing to remark" in here.view()["chat"][-1]["text"]


async def test_a_small_model_comments_on_what_is_measured_and_mends_what_it_can(stage, scripted):
    here = stage(TEXT, scripted(["To hear better, she held her breath."], small=True))
    run = await here.done("critique")
    assert run.state == "done", run.error
    threads = here.view()["threads"]
    assert {thread["quote"] for thread in threads} >= {"In order to hear better, she held her breath."}
    [wordy] = [thread for thread in threads if "In order" in thread["quote"]]
    assert "“in order to” can be said in fewer words" in wordy["comments"][0]["text"]
    assert any("was measured" in note for note in run.notes)
    fix = next(entry for entry in here.suggestions if entry["id"] == wordy["suggestion"])
    here.surface.canvas.apply({"type": "accept", "suggestion": fix["id"]}, READER)
    assert "To hear better, she held her breath." in here.surface.text


async def test_a_fix_that_keeps_the_fault_is_no_fix(stage, scripted):
    text = "In order to hear it better she always held her breath there for a minute.\n"
    here = stage(text, scripted(["In order to hear it she held her breath for a minute."], small=True))
    run = await here.done("critique")
    assert run.state == "done" and len(here.view()["threads"]) == 1 and here.suggestions == []


def test_observations_are_true_of_the_sentence_they_name():
    seen = {observation.weakness.kind: observation for observation in observe(TEXT)}
    assert seen["wordy"].weakness.phrases == ("in order to",)
    assert seen["hedge"].sentence == "The house was very quiet."
    for observation in seen.values():
        assert TEXT[observation.start :].startswith(observation.sentence)


def test_plain_good_prose_is_left_alone():
    assert observe("Call me Ishmael. Rain fell on the roof of the inn.") == []
