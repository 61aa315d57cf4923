"""Brainstorm and ask: what is said in the conversation."""

from __future__ import annotations

import json

import pytest

from studiolo.agents.context import head, passages, retrieve, tail
from studiolo.agents.prose import estimate_tokens

TEXT = (
    "The ship lay in the harbour of Nantucket for three days.\n\n"
    "Queequeg sharpened his harpoon on a grey stone every morning.\n\n"
    "Nobody had seen Captain Ahab yet, and the crew began to whisper.\n"
)


def said(here):
    return here.view()["chat"][-1]


async def test_an_answer_streams_and_its_quotes_are_checked(stage, scripted):
    model = scripted(
        ["The crew is uneasy: they “began to whisper” while “the captain slept below deck”. Nothing more."]
    )
    here = stage(TEXT, model)
    run = await here.done("How does the crew feel?")
    assert (run.skill, run.state) == ("ask", "done")
    message = said(here)
    assert message["text"] == model.answers[0] and message["status"] == "done" and message["run"] == run.id
    assert json.loads(message["quotes"]) == [
        {"page": here.surface.page, "quote": "began to whisper", "found": True},
        {"page": here.surface.page, "quote": "the captain slept below deck", "found": False},
    ]
    assert here.suggestions == []


async def test_the_question_is_said_first_when_asked_to(stage, scripted):
    here = stage(TEXT, scripted(["Queequeg does, every morning on his stone."]))
    await here.done("Who sharpens the harpoon?", say=True)
    first, second = here.view()["chat"]
    assert (first["author"], first["text"]) == ("you", "Who sharpens the harpoon?")
    assert second["author"] == "co-author"


async def test_an_answer_may_do_without_a_page(stage, scripted):
    model = scripted(["Queequeg sharpens it, on a grey stone."])
    here = stage(TEXT, model)
    run = await here.done("Who sharpens the harpoon?", page=None)
    assert run.state == "done" and "Queequeg sharpened his harpoon" in model.asked[0]
    assert [part["kind"] for part in run.as_dict()["given"]["parts"]].count("passage") >= 1


async def test_a_small_model_reads_the_passage_and_its_source_is_shown(stage, scripted):
    model = scripted(["Queequeg sharpened his harpoon every morning."], small=True)
    here = stage(TEXT, model)
    await here.done("Who sharpened the harpoon?")
    assert json.loads(said(here)["quotes"]) == [
        {
            "page": here.surface.page,
            "quote": "Queequeg sharpened his harpoon on a grey stone every morning.",
            "found": True,
        }
    ]


async def test_an_answer_that_fails_twice_fails_in_the_open(stage, scripted):
    here = stage(TEXT, scripted(["yes yes yes yes yes yes yes"]))
    run = await here.done("Is the ship ready?")
    assert run.state == "failed" and run.error and run.error["code"] == "model_result"
    assert said(here)["status"] == "failed"


async def test_a_second_attempt_replaces_the_first(stage, scripted):
    here = stage(TEXT, scripted(["no no no no no no no", "It lies in the harbour of Nantucket."]))
    run = await here.done("Where is the ship?")
    assert run.state == "done"
    assert said(here)["text"] == "It lies in the harbour of Nantucket." and said(here)["status"] == "done"


async def test_ideas_are_distinct(stage, scripted):
    model = scripted(
        [
            {
                "ideas": [
                    "Ahab comes on deck at night.",
                    "At night Ahab comes on the deck!",
                    "Ahab comes on deck at night",
                    "The stone turns out to be ivory.",
                ]
            },
            {"ideas": ["A stranger buys the ship.", "The stone turns out to be ivory."]},
        ]
    )
    here = stage(TEXT, model)
    run = await here.done("Give me three ideas")
    assert (run.skill, run.state) == ("brainstorm", "done")
    ideas = json.loads(said(here)["ideas"])
    assert ideas == ["Ahab comes on deck at night.", "The stone turns out to be ivory.", "A stranger buys the ship."]
    assert "Ahab comes on deck at night." in model.asked[1]  # it is told what there is already


async def test_too_few_ideas_are_said_to_be_too_few(stage, scripted):
    here = stage(TEXT, scripted([{"ideas": ["Ahab comes on deck.", "The stone is ivory, and hollow."]}]))
    run = await here.done("Give me five ideas")
    assert run.state == "done" and any("only 2 ideas" in note for note in run.notes)


async def test_one_idea_is_no_brainstorm(stage, scripted):
    here = stage(TEXT, scripted([{"ideas": ["Ahab comes on deck."] * 5}]))
    run = await here.done("Give me five ideas")
    assert run.state == "failed" and run.error
    assert {"check": "distinct", "why": "Its ideas are too much alike."} in run.error["checks"]
    assert here.view()["chat"] == []


async def test_a_small_models_list_becomes_ideas(stage, scripted):
    model = scripted(
        [
            " Ahab comes on deck at night. And he is angry.\n2. The ship is sold to a stranger.\n3. **Fire** breaks out"
            " in the hold.\n4. Cut off in the mid"
        ],
        small=True,
    )
    here = stage(TEXT, model)
    run = await here.done("Give me 3 ideas")
    assert run.state == "done", run.error
    assert json.loads(said(here)["ideas"]) == [
        "Ahab comes on deck at night.",
        "The ship is sold to a stranger.",
        "Fire breaks out in the hold.",
    ]


async def test_an_idea_can_be_picked_into_the_text(stage, scripted):
    from studiolo.agents.local import READER

    here = stage(TEXT, scripted([{"ideas": ["Ahab comes on deck at night.", "The stone turns out to be ivory."]}]))
    await here.done("two ideas")
    here.surface.canvas.apply(
        {"type": "pick", "message": said(here)["id"], "idea": 1, "page": here.surface.page, "before": "whisper.\n"},
        READER,
    )
    assert here.suggestions[0]["author"] == "co-author"
    assert here.suggestions[0]["hunks"][0]["replace"].strip() == "The stone turns out to be ivory."


def test_passages_are_found_by_what_they_are_about():
    found = passages([("p1", "One", TEXT), ("p2", "Two", "The harpoons were sharper than before.\n")])
    assert retrieve(found, "who is sharpening harpoons?", 1)[0].text.startswith(("Queequeg", "The harpoons"))
    assert retrieve(found, "the of and", 3) == []
    assert retrieve(found, "a \"quote' OR NEAR( *", 3) == []
    assert all(TEXT[passage.start :].startswith(passage.text) for passage in found if passage.page == "p1")


@pytest.mark.parametrize("tokens", [0, 5, 40, 200])
@pytest.mark.parametrize("text", [TEXT * 20, "word" * 2_000, "字" * 900, ""])
def test_what_is_cut_keeps_to_its_room(tokens, text):
    for cut in (head(text, tokens), tail(text, tokens)):
        assert estimate_tokens(cut) <= tokens + 1
    assert text.startswith(head(text, tokens)) and text.endswith(tail(text, tokens))
