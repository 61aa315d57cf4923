"""Continuing a story: two scenes at one place, held against what the pages say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from studiolo.canvas import Participant
from tests.models.fake_provider import FakeProvider, Turn
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import Desk
from tests.tasks.thinking import Answers, material, said

CANON = (
    "Ida Vossler is left-handed and forty-one years old. The ferry to Marrow stopped running in 1951. Bram Keller is "
    "dead."
)
FIRST = "Ida Vossler wrote the tides into the ledger. Ida Vossler put out the lamp."
LAST = "The letter lay on the sill. Ida Vossler did not open it before the wind had turned."
DRAFTS = (
    "Ida took the letter in her left hand and burned it over the stove.",
    "At the quay Ida Vosler waited for the ferry to Marrow, and boarded it at noon with Bram Keller.",
)
PAGES = [("Characters", CANON, "note"), ("Chapter 1", FIRST), ("Chapter 2", LAST)]


def knows(body: dict[str, Any]) -> dict[str, Any]:
    quotes = [one.strip() for one in re.findall(r"[^.\n\]]+\.", material(body))]
    facts = [{"fact": one, "quote": one} for one in quotes if len(one.split()) > 3]
    facts.append({"fact": "Ida has a brother.", "quote": "Her brother Jon had sailed long ago."})  # made up
    return {"facts": facts[:20], "stands": "Ida is alone with the letter.", "ways": ["She burns it.", "She leaves."]}


def breaks(body: dict[str, Any]) -> dict[str, Any]:
    """It finds a ferry that does not run, and quotes something that is not in the draft."""
    facts = {text: int(number) for number, text in re.findall(r"^\[(\d+)\] (.+?) \(“", material(body), re.MULTILINE)}
    ferry = next(number for text, number in facts.items() if "ferry" in text)
    draft = material(body).partition("The draft:")[2]
    found = [{"fact": ferry, "quote": "waited for the ferry to Marrow", "why": "No ferry runs any more"}]
    found.append({"fact": ferry, "quote": "She had never seen the sea before", "why": "Made up"})
    return {"breaks": found if "ferry" in draft else []}


def writes(drafts: tuple[str, ...]) -> Any:
    """An agent that inserts the next draft where it is told to, and then says so."""

    def turn(body: dict[str, Any]) -> Turn:
        if body["messages"][-1]["role"] == "tool":
            return Turn("It is there.")
        prompt = said(body)
        (page,) = re.findall(r"into page (\S+) with", prompt)
        text = drafts[1] if "Another draft waits" in prompt else drafts[0]
        return Turn(calls=[("insert", {"page": page, "text": text, "reason": "The next scene"})])

    return turn


async def test_two_different_scenes_wait_in_a_new_page_and_doubts_stand_beside_them(
    desk: OpenDesk, provider: FakeProvider
) -> None:
    here: Desk = await desk(PAGES)
    model = Answers({"facts": knows, "breaks": breaks})
    provider.thinks, provider.script = model, [writes(DRAFTS)]
    task = await here.do("continue-story", {"direction": "Something happens to the letter.", "words": 80})
    assert task.state == "done", task.problem
    page = here.pages["Chapter 3"]
    one, other = here.open_suggestions(page)
    assert [suggestion["hunks"][0]["replace"].strip() for suggestion in (one, other)] == list(DRAFTS)
    assert {one["author"], other["author"]} == {"co-author"}
    assert len(here.view["groups"]) == 1  # take the one, or the other
    assert here.view["pages"][-1]["text"] == ""
    read = here.results[task.id]["read"]
    assert read["canon"] == [here.pages["Characters"]] and read["page"] == here.pages["Chapter 2"]
    assert len(read["facts"]) >= 4 and not any("brother" in fact["quote"] for fact in read["facts"])
    comments = [(thread["about"], thread["comments"][0]["text"]) for thread in here.view["threads"]]
    assert [about for about, _ in comments] == [other["id"]] * 2
    assert "“waited for the ferry to Marrow”" in comments[0][1] and "stopped running in 1951" in comments[0][1]
    assert comments[1][1] == "“Vosler” is written “Vossler” elsewhere. Is it the same?"
    assert "sea" not in comments[0][1]
    assert task.outcome.startswith(
        "Two alternatives of the next scene wait for you in Chapter 3; 2 doubts about the canon noted"
    )
    asked = said(model.requests[0])
    assert CANON.split(".")[0] in material(model.requests[0]) and "Something happens" in asked
    assert "Something happens" not in material(model.requests[0])
    prompts = [said(body) for body in provider.chats if body.get("stream")]
    assert "She burns it." in prompts[0] and any("She leaves." in prompt for prompt in prompts)


async def test_a_second_draft_that_is_the_first_again_is_taken_back(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk(PAGES)
    provider.thinks = Answers({"facts": knows, "breaks": lambda body: {"breaks": []}})
    provider.script = [writes((DRAFTS[0], DRAFTS[0].replace("burned", "burnt")))]
    task = await here.do("continue-story", {"where": "end of the page"})
    (suggestion,) = here.open_suggestions()
    assert suggestion["page"] == here.pages["Chapter 2"] and "Chapter 3" not in here.pages
    assert any("nearly the first one again" in note for note in task.notes)
    assert task.outcome == "A draft of the next scene waits for you in Chapter 2."


async def test_a_commenter_gets_the_scene_at_the_end_of_the_page(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk(PAGES, by=Participant("cleo", "Cleo", "person", "#1878b4", "commenter"))
    provider.thinks = Answers({"facts": knows, "breaks": breaks})
    provider.script = [writes(DRAFTS)]
    task = await here.do("continue-story", {"alternatives": False})
    (suggestion,) = here.open_suggestions()
    assert suggestion["page"] == here.pages["Chapter 2"]
    assert task.notes == ["Only an editor may add pages: the scene stands at the end of the last one."]


async def test_an_agent_that_writes_nothing_is_no_success(desk: OpenDesk, provider: FakeProvider) -> None:
    here: Desk = await desk(PAGES)
    provider.thinks, provider.script = Answers({"facts": knows}), [Turn("I would rather not.")]
    task = await here.do("continue-story", {"alternatives": False})
    assert task.state == "done" and task.outcome == "No scene came of it."
    assert "I would rather not." in next(step.note for step in task.plan if step.id == "first")


async def test_a_small_model_writes_on_at_the_end_of_the_page_and_says_what_it_cannot(
    desk: OpenDesk, provider: FakeProvider, tmp_path: Path
) -> None:
    toml = tmp_path / "given.toml"
    toml.write_text(
        f'[[models]]\nname = "small"\nprovider = "openai-compatible"\nmodel = "small"\nbase_url = "{provider.url}/v1"\n'
        "small = true\ntools = false\n"
    )
    here: Desk = await desk(PAGES, tools=False, models=toml, model="small")
    other = " Down at the quay the men were already hauling in the ropes, and Ida Vosler counted them twice."
    provider.script = [Turn(" " + DRAFTS[0]), Turn(other)]
    task = await here.do("continue-story", {"words": 12})
    assert task.state == "done", task.problem
    assert "cannot read a canon" in task.notes[0] and not provider.typed
    suggestions = here.open_suggestions(here.pages["Chapter 2"])
    assert len(suggestions) == 2 and "Chapter 3" not in here.pages
    (thread,) = here.view["threads"]
    assert thread["comments"][0]["text"] == "“Vosler” is written “Vossler” elsewhere. Is it the same?"
    assert task.outcome.startswith("Two alternatives")
