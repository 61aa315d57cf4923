"""What a prompt means when no skill was chosen."""

from __future__ import annotations

import pytest

from studiolo.agents.intent import Intent, intent

REWRITES = [
    ("shorten this", {"how": "shorten"}),
    ("Make it shorter, please", {"how": "shorten"}),
    ("cut this by half", {"how": "shorten"}),
    ("Fix the typos", {"how": "fix"}),
    ("please correct the spelling", {"how": "fix"}),
    ("proofread", {"how": "fix"}),
    ("expand this", {"how": "expand"}),
    ("make it longer", {"how": "expand"}),
    ("make it more formal", {"how": "tone", "tone": "formal"}),
    ("Make it more tense", {"how": "tone", "tone": "tense"}),
    ("simplify", {"how": "simplify"}),
    ("make this easier to read", {"how": "simplify"}),
    ("rewrite in the first person", {"how": "free"}),
    ("fix the ending", {"how": "free"}),
    ("Turn this into a dialogue", {"how": "free"}),
    ("change the name Anna to Maria", {"how": "free"}),
]


@pytest.mark.parametrize(("prompt", "options"), REWRITES)
@pytest.mark.parametrize("selection", [True, False])
def test_edits_are_rewrites_with_and_without_a_selection(prompt, options, selection):
    assert intent(prompt, page=True, selection=selection) == Intent("rewrite", options)


@pytest.mark.parametrize(
    ("prompt", "skill"),
    [
        ("continue", "continue"),
        ("Continue the story.", "continue"),
        ("go on", "continue"),
        ("keep writing", "continue"),
        ("what happens next", "continue"),
        ("Write the next paragraph", "continue"),
        ("add a paragraph about the sea", "continue"),
        ("Write the first paragraph of a story about a lighthouse.", "continue"),
        ("Write two more sentences", "continue"),
        ("The storm breaks and the mast goes overboard", "continue"),
        ("", "continue"),
        ("what do you think of this?", "critique"),
        ("Give me feedback on this chapter", "critique"),
        ("critique this", "critique"),
        ("leave comments", "critique"),
        ("brainstorm endings", "brainstorm"),
        ("ideas for the title", "brainstorm"),
        ("Give me five names for the ship", "brainstorm"),
        ("what could happen in chapter two?", "brainstorm"),
        ("Who is the narrator?", "ask"),
        ("why does he leave?", "ask"),
        ("summarise chapter one", "ask"),
        ("explain the second paragraph", "ask"),
    ],
)
def test_on_a_page_without_a_selection(prompt, skill):
    assert intent(prompt, page=True, selection=False).skill == skill


@pytest.mark.parametrize(
    ("prompt", "skill"),
    [
        ("more suspense", "rewrite"),
        ("", "rewrite"),
        ("is this clear?", "ask"),
        ("give me three alternatives", "brainstorm"),
    ],
)
def test_on_a_selection(prompt, skill):
    assert intent(prompt, page=True, selection=True).skill == skill


@pytest.mark.parametrize("prompt", ["hello", "continue", "shorten this", "what do you think?"])
def test_without_a_page_there_is_only_talk(prompt):
    assert intent(prompt, page=False, selection=False).skill == "ask"


@pytest.mark.parametrize(
    "said", ["Thanks!", "Thank you, that is fine.", "Danke, das war's schon.", "Leave it alone, please."]
)
def test_who_asks_for_nothing_gets_nothing_written(said: str) -> None:
    assert intent(said, page=True, selection=False).skill == "ask"


def test_a_comment_is_asked_for_in_other_words_too() -> None:
    assert intent("Leave a comment where it drags.", page=True, selection=False).skill == "critique"
