"""Rewrite: the difference to the selection as word-level hunks, checked before anybody sees it."""

from __future__ import annotations

import pytest

from studiolo.agents.local import READER
from studiolo.agents.skills.rewriting import correction_grammar, fitted, located
from tests.agents.conftest import until

TEXT = "It was very dark. The storm was really getting very loud now, and he was afraid of it.\n\nMorning came.\n"
LOUD = "The storm was really getting very loud now, and he was afraid of it."
SHORT = "The storm was getting loud now, and he was afraid."


def rewritten(text: str, reason: str = "Two intensifiers less.") -> dict[str, str]:
    return {"text": text, "reason": reason}


async def test_a_selection_is_rewritten_as_the_words_that_differ(stage, scripted):
    here = stage(TEXT, scripted([rewritten(SHORT)]))
    run = await here.done("shorten this", quote=LOUD)
    assert (run.skill, run.state, run.ask.options) == ("rewrite", "done", {"how": "shorten"})
    [suggestion] = here.suggestions
    assert suggestion["reason"] == "Two intensifiers less." and suggestion["skill"] == "rewrite"
    assert sum(len(hunk["quote"]) for hunk in suggestion["hunks"]) < 40
    assert here.accepted() == TEXT.replace(LOUD, SHORT)


async def test_without_a_selection_it_is_the_page(stage, scripted):
    model = scripted([rewritten(TEXT.strip().replace("very ", "").replace("really ", ""))])
    here = stage(TEXT, model)
    run = await here.done("make it tighter")
    assert run.state == "done", run.error
    assert here.accepted() == TEXT.replace("very ", "").replace("really ", "")
    assert "Morning came." in model.asked[0]


async def test_each_hunk_can_be_taken_alone_in_a_text_that_repeats_itself(stage, scripted):
    line = "The wind blew and the rain fell. "
    text = line * 6
    new = line * 2 + "The wind howled and the rain fell. " + line * 2 + "The wind blew and the hail fell."
    here = stage(text, scripted([rewritten(new)]))
    run = await here.done("make it livelier")
    assert run.state == "done", run.error
    assert here.accepted().rstrip() == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a a a a a a", "a a b a a a"),
        ("one two three", "one three"),
        ("same same same\nsame same same\n", "same same same\nsame other same\n"),
        ("", "new"),
        ("gone", ""),
        ("Ünïcödé 😀 text", "Ünïcödé 😀😀 words"),
    ],
)
def test_located_hunks_rebuild_the_rewrite(old, new):
    made, at = "", 0
    for start, end, text in located(old, new):
        assert start >= at
        made += old[at:start] + text
        at = end
    assert made + old[at:] == new


async def test_what_does_not_pass_is_told_to_the_model_which_tries_again(stage, scripted):
    model = scripted([rewritten(LOUD + " And then some more words were added."), rewritten(SHORT)])
    here = stage(TEXT, model)
    run = await here.done("shorten", quote=LOUD)
    assert run.state == "done" and here.accepted() == TEXT.replace(LOUD, SHORT)
    assert [check["ok"] for check in run.checks] == [False, True, True]
    assert run.checks[0]["failed"][0]["check"] == "shorter"


async def test_an_unchanged_text_is_no_rewrite(stage, scripted):
    here = stage(TEXT, scripted([rewritten(LOUD)]))
    run = await here.done("make it sadder", quote=LOUD)
    assert run.state == "failed" and run.error and run.error["code"] == "model_result"
    assert here.suggestions == []


async def test_nothing_to_correct_is_said_so(stage, scripted):
    here = stage(TEXT, scripted([rewritten(TEXT.strip())]))
    run = await here.done("fix the typos")
    assert run.state == "done" and here.suggestions == []
    assert "nothing to correct" in here.view()["chat"][-1]["text"]
    assert run.results == [{"type": "message", "id": here.view()["chat"][-1]["id"]}]


async def test_text_typed_before_the_selection_meanwhile_does_no_harm(stage, scripted):
    model = scripted([SHORT], small=True)
    here = stage(TEXT, model)
    run = here.ask("shorten", quote=LOUD)
    here.surface.canvas.apply(
        {"type": "edit", "page": here.surface.page, "hunks": [{"find": "It was very dark.", "replace": "Night."}]},
        READER,
    )
    await run.wait()
    assert run.state == "done", run.error
    assert here.accepted() == TEXT.replace(LOUD, SHORT).replace("It was very dark.", "Night.")


async def test_a_selection_changed_meanwhile_is_not_written_over(stage, scripted):
    here = stage(TEXT, scripted([rewritten(SHORT)]))
    run = here.ask("shorten", quote=LOUD)
    edited = TEXT.replace("afraid of it", "delighted by it")
    here.surface.canvas.apply(
        {"type": "edit", "page": here.surface.page, "hunks": [{"find": "afraid of it", "replace": "delighted by it"}]},
        READER,
    )
    await run.wait()
    assert run.state == "failed" and run.error and run.error["code"] == "stale"
    assert here.surface.text == edited and here.suggestions == []


async def test_a_long_selection_goes_in_parts_and_comes_back_whole(stage, scripted):
    paragraphs = [f"Paragraph {n} is really very long. " + f"It has sentence {n} in it. " * 12 for n in range(12)]
    text = "\n\n".join(paragraph.strip() for paragraph in paragraphs) + "\n"

    class Echo(scripted):
        def _next(self, messages, info):
            super()._next(messages, info)
            passage = self.asked[-1].split("The passage:\n<page>\n")[1].split("\n</page>")[0]
            return rewritten(passage.replace("really very ", ""))

    model = Echo([None], context=4_000)
    here = stage(text, model)
    run = await here.done("improve the style")
    assert run.state == "done", run.error
    assert len(model.asked) > 1
    assert here.accepted() == text.replace("really very ", "")
    assert len(here.suggestions) == 1


async def test_headings_and_code_blocks_are_not_prose_to_a_small_model(stage, scripted):
    text = "# A very long heading\n\n```\nvery = 1\n```\n\n- It was really very dark in the old house that night.\n"
    model = scripted(["It was dark in the old house that night."], small=True)
    here = stage(text, model)
    run = await here.done("shorten")
    assert run.state == "done", run.error
    assert here.accepted() == text.replace("really very ", "")
    assert len(model.asked) == 1


async def test_a_small_model_takes_one_sentence_at_a_time_and_keeps_those_that_fail(stage, scripted):
    first = "The old house that stood upon the hill was really very dark that night."
    second = "There was nobody at all who knew the reason why it had been built there."
    model = scripted(
        ["The old house on the hill was dark that night.", "I'm sorry, I cannot.", "Bananas.", "Sure! Here you go."],
        small=True,
    )
    here = stage(f"{first} {second}\n", model)
    run = await here.done("shorten")
    assert run.state == "done", run.error
    assert here.accepted() == f"The old house on the hill was dark that night. {second}\n"
    assert any("1 of 2 sentences stayed" in note for note in run.notes)


async def test_stopping_a_small_model_keeps_the_finished_sentences(stage, scripted):
    sentences = [f"The old house number {n} upon the hill was really very dark that night." for n in range(30)]

    class Slow(scripted):
        def _next(self, messages, info):
            super()._next(messages, info)
            return self.asked[-1].split("\n\n")[-1].replace("really very ", "")

    here = stage(" ".join(sentences), Slow([None], small=True))
    run = here.ask("shorten")
    await until(lambda: len(run.checks) >= 3)
    run.stop()
    await run.wait()
    assert run.state == "stopped"
    [suggestion] = here.suggestions
    assert suggestion["status"] == "open" and 2 <= len(suggestion["hunks"]) < 30


async def test_expanding_with_a_small_model_leaves_every_word_in_place(stage, scripted):
    text = "The storm had passed over the town, and the streets were full of water and broken tiles.\n\nHe slept.\n"
    model = scripted([" A shutter hung by one hinge, and a boat lay against the church door."], small=True)
    here = stage(text, model)
    run = await here.done("expand this", quote=text.split("\n")[0])
    assert run.state == "done", run.error
    assert here.accepted() == text.replace("tiles.", "tiles." + model.answers[0])


async def test_an_empty_page_cannot_be_rewritten(stage, scripted):
    here = stage("", scripted([rewritten("x")]))
    run = await here.done("make it better", skill="rewrite")
    assert run.state == "failed" and run.error and run.error["code"] == "invalid"


@pytest.mark.parametrize(
    ("new", "sentence", "fits"),
    [
        ("Loud.", "very loud", "loud"),
        ("it was dark", "It was very dark.", "It was dark."),
        ("I ran.", "then I ran away", "I ran"),
        ("“Stop!” he said.", "“Stop now!” he said.", "“Stop!” he said."),
        ("Is it dark", "Is it really very dark?", "Is it dark?"),
    ],
)
def test_a_rewritten_sentence_begins_and_ends_like_its_place(new, sentence, fits):
    assert fitted(new, sentence) == fits


def test_the_grammar_of_corrections_keeps_the_number_of_words():
    grammar = correction_grammar('He said “teh end” at 5:30 and "left"')
    assert grammar.count(' " " ') == 7
    assert '"5:30"' in grammar and "[tT]" in grammar and grammar.endswith("[.!?]?") is False


async def test_a_model_without_tools_is_asked_for_json(stage, scripted):
    here = stage(TEXT, scripted([rewritten(SHORT)], tools=False))
    run = await here.done("shorten", quote=LOUD)
    assert run.state == "done", run.error
    assert here.accepted() == TEXT.replace(LOUD, SHORT)
