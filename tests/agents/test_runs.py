"""Runs: queue, states, events, presence, and what is kept."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from studiolo.agents import Personas
from studiolo.agents.local import READER
from studiolo.canvas.errors import Invalid, NotFound, QuoteAmbiguous, QuoteNotFound, Unavailable
from studiolo.models import ModelFailed
from tests.agents.conftest import until

TEXT = "One day it rained. One day it snowed.\n"
NEXT = " Then the sun came out and the roofs began to drip."


class Kept:
    """A store of runs in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.states: list[str] = []
        self.broken = False

    async def save_run(self, run: dict[str, Any]) -> None:
        if self.broken:
            raise Unavailable("The disk is full.", "Make room.")
        self.rows[run["id"]] = run
        self.states.append(run["state"])

    async def get_run(self, id: str) -> dict[str, Any] | None:
        return self.rows.get(id)

    async def list_runs(self, canvas: str | None = None, states: Any = (), limit: int = 100) -> list[dict[str, Any]]:
        found = [row for row in self.rows.values() if not states or row["state"] in states]
        return [row for row in found if canvas in (None, row["canvas"])][:limit]


async def test_a_run_tells_its_whole_story_to_whoever_comes_late(stage, scripted):
    here = stage(TEXT, scripted([NEXT]))
    run = here.ask("continue")
    early = [event async for event in run.events()]
    late = [event async for event in run.events()]
    assert early == late
    kinds = [event["type"] for event in early]
    assert kinds[0] == "state" and early[0]["state"] == "queued"
    assert early[1]["state"] == "running" and kinds[-1] == "done"
    assert "".join(event["text"] for event in early if event["type"] == "delta") == NEXT
    assert early[-1]["run"]["state"] == "done" and early[-1]["run"]["results"] == run.results


async def test_a_run_says_what_the_model_was_given_and_used(stage, scripted):
    here = stage(TEXT, scripted([NEXT]))
    run = await here.done("continue")
    made = run.as_dict()
    kinds = {part["kind"] for part in made["given"]["parts"]}
    assert kinds == {"before", "outline"} and made["given"]["tokens"] > 0
    assert made["usage"]["requests"] == 1 and made["usage"]["output_tokens"] > 0
    assert made["by"] == {"id": "you", "name": "You", "kind": "person"} and made["finished"] >= made["started"]


async def test_a_run_is_kept_in_every_state(stage, scripted):
    kept = Kept()
    here = stage(TEXT, scripted([NEXT]), store=kept)
    run = await here.done("continue")
    assert kept.states == ["queued", "running", "done"] and kept.rows[run.id] == run.as_dict()
    assert await here.runs.find(run.id) == run.as_dict()
    assert [found["id"] for found in await here.runs.of_canvas(here.surface.id)] == [run.id]


async def test_a_full_disk_does_not_cost_the_result(stage, scripted):
    kept = Kept()
    kept.broken = True
    here = stage(TEXT, scripted([NEXT]), store=kept)
    run = await here.done("continue")
    assert run.state == "done" and here.suggestions[0]["status"] == "open"


async def test_runs_cut_off_by_a_restart_are_marked(stage, scripted):
    kept = Kept()
    here = stage(TEXT, scripted([NEXT]), store=kept)
    done = await here.done("continue")
    kept.rows["old"] = done.as_dict() | {"id": "old", "state": "running", "finished": None}
    assert await here.runs.recover() == 1
    found = await here.runs.find("old")
    assert found["state"] == "failed" and found["error"]["code"] == "restarted" and found["finished"]
    assert kept.rows[done.id]["state"] == "done"
    assert await here.runs.recover() == 0


async def test_the_agent_is_there_while_it_works_and_gone_afterwards(stage, scripted):
    shown: list[Any] = []
    here = stage(TEXT, scripted([NEXT]))
    here.surface.show = lambda by, state: shown.append((by.id, state))
    await here.done("continue")
    assert [state and state["status"] for _, state in shown] == [
        *("thinking", "thinking"),
        *("waiting", "thinking"),  # for its turn at that place
        *("writing", None),
    ]
    assert {by for by, _ in shown} == {"co-author"}
    writing = shown[-2][1]
    assert writing["page"] == here.surface.page
    identity = here.surface.canvas.document.identity
    assert identity.locate(writing["cursor"]["head"]) == (here.surface.page, len(TEXT) - 1)


async def test_two_runs_share_one_presence(stage, scripted):
    shown: list[Any] = []
    model = scripted([[" Slow,", " slow", " rain fell", " on all the roofs", " of the little town."]])
    model.pause = 0.02
    here = stage(TEXT, model)
    here.surface.show = lambda by, state: shown.append(state)
    first, second = here.ask("continue"), here.ask("continue", options={"words": 3})
    await first.wait()
    await second.wait()
    assert shown.count(None) == 1 and shown[-1] is None


async def test_only_so_many_run_at_once(stage, scripted):
    model = scripted([["never"]])
    model.pause = 30
    here = stage(TEXT, model)
    runs = [here.ask("continue") for _ in range(6)]
    await until(lambda: sum(run.state == "running" for run in runs) == 4)
    await asyncio.sleep(0.05)
    assert [run.state for run in runs].count("queued") == 2
    for run in runs:
        run.stop()
    for run in runs:
        await run.wait()
    assert {run.state for run in runs} == {"stopped"}
    model.pause, model.answers = 0.0, [NEXT]
    assert (await here.done("continue")).state == "done"


async def test_the_queue_has_an_end(stage, scripted):
    model = scripted([["never"]])
    model.pause = 30
    here = stage(TEXT, model)
    with pytest.raises(Unavailable, match="waiting"):
        for _ in range(40):
            here.ask("continue")
    await here.runs.close()


async def test_closing_stops_everything_and_takes_nothing_more(stage, scripted):
    model = scripted([["never"]])
    model.pause = 30
    here = stage(TEXT, model)
    run = here.ask("continue")
    await until(lambda: run.state == "running")
    await here.runs.close()
    assert run.state == "stopped"
    with pytest.raises(Unavailable):
        here.ask("continue")


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        ({"agent": "nobody"}, NotFound),
        ({"page": "nowhere"}, NotFound),
        ({"skill": "dance"}, Invalid),
        ({"quote": "It hailed."}, QuoteNotFound),
        ({"quote": "One day it"}, QuoteAmbiguous),
        ({"prompt": "x" * 9_000}, Invalid),
        ({"prompt": "", "page": None}, Invalid),
        ({"page": None, "quote": "One"}, Invalid),
    ],
)
async def test_what_cannot_be_asked_is_refused_at_once(stage, scripted, ask, error):
    here = stage(TEXT, scripted([NEXT]))
    with pytest.raises(error) as refused:
        here.ask(**({"prompt": "shorten"} | ask))
    assert refused.value.message and refused.value.hint


async def test_an_unknown_model_is_refused_at_once(stage, scripted):
    class Without(scripted):
        def get(self, name=None):
            raise ModelFailed("There is no model x.", "Choose another.", reason="unknown_model")

    with pytest.raises(ModelFailed):
        stage(TEXT, Without([])).ask("continue", model="x")


async def test_a_model_that_fails_leaves_its_sentence(stage, scripted):
    failed = ModelFailed("The key was refused.", "Check it.", reason="key")
    here = stage(TEXT, scripted([failed]))
    run = await here.done("continue")
    assert run.state == "failed" and run.error
    assert (run.error["message"], run.error["hint"], run.error["reason"]) == (
        "The key was refused.",
        "Check it.",
        "key",
    )
    assert [entry["status"] for entry in here.suggestions] == ["withdrawn"]


async def test_a_connection_lost_in_the_middle_keeps_what_was_written(stage, scripted):
    broken = [NEXT, ModelFailed("The connection was lost.", "Try again.", reason="unreachable")]
    here = stage(TEXT, scripted([broken]))
    run = await here.done("continue")
    assert run.state == "failed" and run.error and run.error["message"] == "The connection was lost."
    assert here.suggestions[0]["status"] == "open" and here.suggestions[0]["hunks"][0]["replace"] == NEXT


async def test_a_fault_of_ours_does_not_leak(stage, scripted):
    here = stage(TEXT, scripted([RuntimeError("secret path /etc/x")]))
    run = await here.done("continue")
    assert run.state == "failed" and run.error and run.error["code"] == "internal"
    assert "secret" not in str(run.as_dict())


async def test_an_agent_without_the_right_can_do_nothing(stage, scripted, tmp_path):
    here = stage(TEXT, scripted([NEXT]))
    here.runs.personas = Personas(tmp_path)
    here.runs.personas.save("co-author", "---\nname: Co-author\nrole: viewer\n---\nYou may only look.\n")
    run = await here.done("continue")
    assert run.state == "failed" and run.error and run.error["code"] == "forbidden"
    assert here.surface.text == TEXT and here.suggestions == []


async def test_a_room_that_dies_ends_the_run(stage, scripted):
    model = scripted([[" Rain", " fell", " on all the roofs of the town."]])
    model.pause = 0.05
    here = stage(TEXT, model)
    apply = here.surface.apply

    async def dying(action, by):
        if action["type"] != "suggest":
            raise Unavailable("This canvas is being reloaded.", "Try again.")
        return await apply(action, by)

    here.surface.apply = dying
    run = await here.done("continue")
    assert run.state == "failed" and run.error and run.error["code"] == "unavailable"


async def test_the_page_may_be_removed_meanwhile(stage, scripted):
    model = scripted([[" Rain", " fell on all the", " roofs of the town."]])
    model.pause = 0.05
    here = stage(TEXT, model)
    run = here.ask("continue")
    here.surface.canvas.apply({"type": "remove_page", "page": here.surface.page}, READER)
    await run.wait()
    assert run.ended and (run.state == "done" or run.error)


async def test_stopping_twice_or_after_the_end_is_harmless(stage, scripted):
    here = stage(TEXT, scripted([NEXT]))
    run = await here.done("continue")
    run.stop()
    run.stop()
    assert run.state == "done"


async def test_old_runs_are_forgotten_but_found_in_the_store(stage, scripted, monkeypatch):
    monkeypatch.setattr("studiolo.agents.runs.KEPT", 3)
    kept = Kept()
    here = stage(TEXT, scripted([NEXT]), store=kept)
    first = await here.done("continue")
    for _ in range(6):
        await here.done("continue")
    assert here.runs.get(first.id) is None
    assert (await here.runs.find(first.id))["state"] == "done"
    with pytest.raises(NotFound):
        await here.runs.find("never")


async def test_a_named_skill_takes_its_way_from_the_prompt(stage, scripted):
    here = stage(TEXT, scripted([{"text": "It rained. It snowed.", "reason": "Less."}]))
    run = await here.done("much shorter please", skill="rewrite")
    assert run.state == "done", run.error
    assert run.ask.options == {"how": "shorten"}


async def test_tokens_run_out(stage, scripted):
    sentences = " ".join(f"The old house number {n} upon the hill was really very dark that night." for n in range(30))
    model = scripted(["The old house upon the hill was dark."], small=True)
    here = stage(sentences, model, tokens=60)
    run = await here.done("shorten")
    assert run.ended and len(model.asked) < 12
    assert run.state == "done" and any("60 tokens" in note for note in run.notes)
    assert len(here.suggestions) == 1


async def test_on_an_empty_page_every_wish_is_to_write(stage, scripted):
    here = stage("", scripted(["The house had stood empty for nine years when the first light was seen in it."]))
    run = await here.done("make it a ghost story")
    assert (run.skill, run.state) == ("continue", "done")


async def test_a_run_that_is_stopped_before_it_begins_ends(stage, scripted):
    here = stage(TEXT, scripted([NEXT]))
    run = here.ask("continue")
    run.stop()
    assert [event async for event in run.events()][-1]["run"]["state"] == "stopped"
    assert here.suggestions == [] and (await here.done("continue")).state == "done"


async def test_what_was_asked_in_the_conversation_is_answered_there_when_it_fails(stage, scripted):
    here = stage(TEXT, scripted(["I'm sorry, but as an AI I cannot go on with this story for you."]))
    run = await here.done("continue", say=True)
    question, answer = here.view()["chat"]
    assert question["text"] == "continue" and (answer["author"], answer["status"]) == ("co-author", "failed")
    assert "did not manage a continuation" in answer["text"] and run.state == "failed"


async def test_a_caret_may_come_as_a_position_of_the_document(stage, scripted):
    here = stage("One day it rained. One day it snowed.", scripted(["On the next day the sun came out again."]))
    position = here.surface.canvas.document.identity.position(here.surface.page, 19, -1)
    run = await here.done("continue", start=position)
    assert run.state == "done", run.error
    assert here.accepted() == "One day it rained. On the next day the sun came out again. One day it snowed."


async def test_a_piece_that_is_refused_does_not_leave_the_suggestion_streaming(stage, scripted):
    model = scripted([[" Rain fell", " on all", " the roofs", " of the town."]])
    model.pause = 0.01
    here = stage(TEXT, model)
    apply, seen = here.surface.apply, []

    async def refusing(action, by):
        seen.append(action["type"])
        if seen.count("extend") == 2 and action["type"] == "extend":
            raise Invalid("That is too much.", "Stop.")
        return await apply(action, by)

    here.surface.apply = refusing
    run = await here.done("continue")
    assert run.state == "failed" and run.error and run.error["message"] == "That is too much."
    assert seen[-1] == "finish" and here.suggestions[0]["status"] == "open"


async def test_a_run_that_has_ended_lets_go_of_its_room(stage, scripted):
    here = stage(TEXT, scripted([NEXT]))
    run = await here.done("continue")
    await asyncio.sleep(0)
    canvas = here.surface.id
    surface, document = weakref.ref(here.surface), weakref.ref(here.surface.canvas)
    here.surface = None
    gc.collect()
    assert surface() is None and document() is None
    assert (await here.runs.find(run.id))["canvas"] == canvas
    assert [found["id"] for found in await here.runs.of_canvas(canvas)] == [run.id]
    assert (await run.wait()).state == "done"
