"""Continue: prose that streams into a suggestion at the caret."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from studiolo.agents.local import READER
from tests.agents.conftest import until

TEXT = "The lamp went out. She stood in the dark and listened.\n"
WHO = ["the pilot", "the cook", "a stranger", "her brother", "nobody", "the priest", "one sailor", "Anna"]
DID = ["opened", "carried", "counted", "forgot", "painted", "hid", "broke", "sold", "watched", "mended", "buried"]
WHAT = ["lamp", "boat", "letter", "window", "clock", "rope", "barrel", "door", "map", "coat", "knife", "bell", "stove"]
ENDLESS = [
    f" Then {who} {did} the {what}."
    for who, did, what in itertools.islice(
        zip(itertools.cycle(WHO), itertools.cycle(DID), itertools.cycle(WHAT), strict=False), 60
    )
]
NEXT = " Somewhere below a door opened. Slow steps began to climb the stairs, one after another."


async def test_it_goes_on_at_the_end_of_the_page_before_its_last_line_break(stage, scripted):
    here = stage(TEXT, scripted([NEXT]))
    run = await here.done("continue")
    assert (run.skill, run.state, run.error) == ("continue", "done", None)
    [suggestion] = here.suggestions
    assert suggestion["status"] == "open" and suggestion["run"] == run.id and suggestion["model"] == "scripted"
    assert run.results == [{"type": "suggestion", "id": suggestion["id"]}]
    assert here.surface.text == TEXT
    assert here.accepted() == TEXT.rstrip() + NEXT + "\n"


async def test_people_see_it_grow(stage, scripted):
    grown: list[int] = []
    model = scripted([NEXT])
    model.pause = 0.02
    here = stage(TEXT, model)
    run = here.ask("continue")
    async for event in run.events():
        if event["type"] == "delta":
            [suggestion] = here.suggestions
            assert suggestion["status"] == "streaming"
            grown.append(len(suggestion["hunks"][0]["replace"]))
    assert len(set(grown)) >= 5 and grown == sorted(grown)


async def test_the_caret_decides_where_and_the_paragraph_goes_on_behind_it(stage, scripted):
    text = "He knew the house. At noon he left it.\n\nNobody saw him go.\n"
    here = stage(text, scripted(["It had belonged to his mother for thirty years.\n\nAnother paragraph begins here."]))
    await here.done("continue", before="He knew the house. ", after="At noon")
    assert here.accepted() == (
        "He knew the house. It had belonged to his mother for thirty years. At noon he left it.\n\nNobody saw him go.\n"
    )


@pytest.mark.parametrize(
    ("before", "said", "joined"),
    [
        ("He ran", " and he ran until the road ended there.", "He ran and he ran until the road ended there."),
        ("He ran.", "Then he stopped and looked at the road.", "He ran. Then he stopped and looked at the road."),
        ("He ran", ", and the dog ran after him for a mile.", "He ran, and the dog ran after him for a mile."),
        (
            "He ran.\n\n",
            "\n\nThe dog ran after him for a whole mile.",
            "He ran.\n\nThe dog ran after him for a whole mile.",
        ),
        (
            "He ran.",
            "\n\nThe dog ran after him for a whole mile.",
            "He ran.\n\nThe dog ran after him for a whole mile.",
        ),
        (
            "“He ",
            "ran after the dog for a whole mile,” she said.",
            "“He ran after the dog for a whole mile,” she said.",
        ),
        (
            "# The End",
            "It was raining on the last day of the year.",
            "# The End\n\nIt was raining on the last day of the year.",
        ),
        ("", "It was raining on the last day of the year.", "It was raining on the last day of the year."),
    ],
)
async def test_the_joint_has_the_blank_that_its_place_needs(stage, scripted, before, said, joined):
    here = stage(before, scripted([said]))
    run = await here.done("continue")
    assert run.state == "done", run.error
    assert here.accepted() == joined


@pytest.mark.parametrize(
    "said",
    [
        "Sure, here is the continuation:\n\nSomewhere below a door opened, and then another one.",
        "Here’s the next part: Somewhere below a door opened, and then another one.",
        "She stood in the dark and listened. Somewhere below a door opened, and then another one.",
        "Somewhere below a door opened, and then another one.<|im_end|>\n<|im_start|>user\nMore",
        "Somewhere below a door opened, and then another one.\n### Instruction: go on",
        "Continuation: Somewhere below a door opened, and then another one.",
    ],
)
async def test_greetings_echoes_and_markers_never_reach_the_page(stage, scripted, said):
    here = stage(TEXT, scripted([said]))
    run = await here.done("continue")
    assert run.state == "done", run.error
    assert here.accepted() == TEXT.rstrip() + " Somewhere below a door opened, and then another one.\n"


async def test_it_ends_with_the_sentence_in_which_the_length_asked_for_is_reached(stage, scripted):
    here = stage(TEXT, scripted([ENDLESS]))
    await here.done("continue", options={"words": 30})
    [suggestion] = here.suggestions
    written = suggestion["hunks"][0]["replace"]
    assert written.endswith(".") and 30 <= len(written.split()) <= 36


async def test_a_length_in_words_is_read_from_the_prompt(stage, scripted):
    here = stage(TEXT, scripted([ENDLESS]))
    await here.done("Write one more sentence about the sea.")
    assert len(here.suggestions[0]["hunks"][0]["replace"].split()) <= 20


async def test_a_model_that_never_ends_is_ended(stage, scripted):
    def forever() -> Iterator[str]:
        while True:
            yield "and no full stop ever came "

    here = stage(TEXT, scripted([forever()]), seconds=10)
    run = await asyncio.wait_for(here.done("continue"), 8)
    assert run.state == "failed" and run.error and run.error["code"] == "model_result"
    assert all(suggestion["status"] == "withdrawn" for suggestion in here.suggestions)


async def test_time_runs_out_and_what_was_written_stays(stage, scripted):
    model = scripted([ENDLESS])
    model.pause = 0.05
    here = stage(TEXT, model, seconds=0.8)
    run = await here.done("continue", options={"words": 2000})
    assert run.state == "done" and any("ended after" in note for note in run.notes)
    assert here.suggestions[0]["status"] == "open"
    assert here.suggestions[0]["hunks"][0]["replace"].startswith(ENDLESS[0] + ENDLESS[1])


async def test_a_silent_model_fails_in_time(stage, scripted):
    model = scripted([["never"]])
    model.pause = 60
    here = stage(TEXT, model, seconds=0.2)
    run = await here.done("continue")
    assert run.state == "failed" and run.error and run.error["code"] == "model_slow"
    assert [suggestion["status"] for suggestion in here.suggestions] == ["withdrawn"]


async def test_stop_keeps_what_is_written(stage, scripted):
    model = scripted([ENDLESS])
    model.pause = 0.02
    here = stage(TEXT, model)
    run = here.ask("continue", options={"words": 2000})
    await until(lambda: bool(here.suggestions and len(here.suggestions[0]["hunks"][0]["replace"]) > 60))
    run.stop()
    await run.wait()
    assert run.state == "stopped"
    [suggestion] = here.suggestions
    assert suggestion["status"] == "open" and suggestion["hunks"][0]["replace"].startswith(ENDLESS[0])
    assert run.results == [{"type": "suggestion", "id": suggestion["id"]}]


async def test_stop_before_the_first_word_leaves_nothing(stage, scripted):
    model = scripted([["late"]])
    model.pause = 30
    here = stage(TEXT, model)
    run = here.ask("continue")
    await until(lambda: bool(here.suggestions))
    run.stop()
    await run.wait()
    assert run.state == "stopped" and here.suggestions[0]["status"] == "withdrawn" and run.results == []


async def test_a_loop_is_withdrawn_and_tried_once_more(stage, scripted):
    loop = " He went to the door and he went to the door and" * 12
    model = scripted([loop, NEXT])
    here = stage(TEXT, model)
    run = await here.done("continue")
    assert run.state == "done" and [check["ok"] for check in run.checks] == [False, True]
    assert [suggestion["status"] for suggestion in here.suggestions] == ["withdrawn", "open"]


async def test_what_fails_twice_is_said_to_have_failed(stage, scripted):
    here = stage(TEXT, scripted(["I'm sorry, but as an AI I cannot go on with this story for you."]))
    run = await here.done("continue")
    assert run.state == "failed" and run.error
    assert run.error["code"] == "model_result" and run.error["checks"][0]["check"] == "no_talk"
    assert "larger model" in run.error["hint"]
    assert run.results == [] and here.accepted() == TEXT


async def test_typing_while_it_writes_moves_it_along(stage, scripted):
    model = scripted([NEXT])
    model.pause = 0.02
    here = stage("One.\n\nTwo.\n", model)
    run = here.ask("continue", quote="One.")
    await until(lambda: bool(here.suggestions))
    here.surface.canvas.apply(
        {"type": "edit", "page": here.surface.page, "hunks": [{"find": "One.", "replace": "Number One."}]}, READER
    )
    await run.wait()
    assert here.accepted() == "Number One." + NEXT + "\n\nTwo.\n"
