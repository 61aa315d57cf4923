"""Who can be asked: what a file of a persona says, how a folder of them lives, and what the shipped ones are worth."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import SystemPromptPart

from studiolo.agents import Ask, Personas, Runs
from studiolo.agents.local import READER, LocalSurface
from studiolo.agents.persona import GROUND, Limits
from studiolo.agents.persona_file import BadPersona, careful, parse, slug, what_to_look_at, with_field
from studiolo.agents.persona_folder import ORDER, SHIPPED
from studiolo.agents.toolbox import CANVAS
from studiolo.agents.toolbox.permits import DEFAULTS, Policy, permitted
from studiolo.canvas.errors import Conflict, Invalid, NotFound, StudioloError
from studiolo.canvas.participant import Participant
from studiolo.models import ModelFailed, Models
from tests.agents.conftest import Scripted, Stage

TEXT = """---
name: Poet
color: "#a84884"
description: Thinks in lines.
skills: [rewrite, brainstorm]
tools:
  canvas: allow
  web_search: ask
model: [openai:gpt-x, local]
autonomy: suggest
triggers: [mention, suggestion]
budget: {steps: 12, tokens: 9_000, seconds: 90, money: 0.25}
---
You are a poet.

## How you work

Slowly.
"""


def minimal(front: str = "", body: str = "You are.") -> str:
    return f"---\nname: Poet\n{front}\n---\n{body}\n" if front else f"---\nname: Poet\n---\n{body}\n"


# -- a file


def test_a_file_says_who_an_agent_is_and_how_it_works():
    poet = parse("poet", TEXT)
    assert poet.participant == Participant("poet", "Poet", "agent", "#a84884", "commenter")
    assert poet.skills == ("rewrite", "brainstorm") and poet.description == "Thinks in lines."
    assert poet.tools == {"canvas": "allow", "web_search": "ask"} and poet.model == ("openai:gpt-x", "local")
    assert poet.triggers == ("mention", "suggestion")
    assert poet.budget == Limits(steps=12, tokens=9_000, seconds=90.0, money=0.25)
    assert poet.manner.startswith("You are a poet.\n\n## How you work") and poet.manner.endswith(GROUND)
    assert poet.character == f"You are a poet.\n\n{GROUND}"


def test_a_name_and_instructions_are_enough():
    poet = parse("poet", minimal())
    assert len(poet.skills) == 5 and poet.tools is None and poet.model == () and poet.triggers == ("mention",)
    assert poet.budget == Limits() and poet.role == "commenter" and poet.participant.color.startswith("#")


def test_yaml_has_no_ideas_of_its_own():
    poet = parse("poet", minimal("tools: {web: off, mcp:notes/find: ask, canvas: allow}\ndescription: 1:30"))
    assert poet.tools == {"web": "off", "mcp:notes/find": "ask", "canvas": "allow"} and poet.description == "1:30"
    assert parse("poet", minimal("tools: [canvas, docs]")).tools == {"canvas": "allow", "docs": "allow"}
    assert parse("poet", minimal("tools: []")).tools == {} and parse("poet", minimal("triggers: []")).triggers == ()
    assert parse("poet", minimal("model: openai:x")).model == ("openai:x",)
    assert parse("poet", "\ufeff" + TEXT.replace("\n", "\r\n")) == parse("poet", TEXT)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("Hello", 1, "begin with ---"),
        ("---\nname: X\nHello", 3, "does not end"),
        ("---\n---\nHello", 2, "no name"),
        (minimal(body=" "), 4, "no instructions"),
        (minimal("colour: red"), 3, "Did you mean color?"),
        (minimal("color: #9048fc"), 3, "needs quotes"),
        (minimal("color: red"), 3, "no colour"),
        (minimal("skills: [critque]"), 3, "Did you mean critique?"),
        (minimal("skills: {a: b}"), 3, "must be a list"),
        (minimal("tools:\n  web: sometimes"), 4, "allow, ask or off"),
        (minimal("tools:\n  - ../../etc/passwd"), 4, "no name of a tool"),
        (minimal("budget: {steps: -1}"), 3, "a number up to"),
        (minimal("budget: {steps: many}"), 3, "a number up to"),
        (minimal("budget: {money: .inf}"), 3, "a number up to"),
        (minimal("budget: {time: 3}"), 3, "no limit"),
        (minimal("role: owner"), 3, "viewer, commenter, editor"),
        (minimal("autonomy: act\nautonomy: answer"), 4, "twice"),
        (minimal("autonomy: answer\nskills: [rewrite]"), 4, "only answers"),
        (minimal("description: one: two"), 3, "not YAML"),
        (minimal("description: &a x\nmodel: *a"), 4, "Anchors"),
        (minimal("description: !!python/object:os.system x\nname2: y"), 4, "not a field"),
        (minimal("tools: {a: {b: {c: d}}}"), 3, "nested too deeply"),
        (minimal("? [a]\n: b"), 3, "A name is expected"),
        (minimal(body="Fine\u202eprint."), 4, "U+202E"),
        (minimal(body="A\U000e0041B"), 4, "U+E0041"),
        (minimal("description: " + "x" * 400), 3, "longer than 300"),
        ("---\nname: " + "[" * 5_000 + "\n---\nHi", 2, "YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text: str, line: int, says: str):
    with pytest.raises(BadPersona) as refused:
        parse("poet", text)
    assert refused.value.line == line and says in f"{refused.value.message} {refused.value.hint}"


@given(st.text(max_size=300))
def test_no_text_makes_it_fall_over(text: str):
    for whole in (text, f"---\n{text}\n---\nHi", f"---\nname: X\n---\n{text}"):
        try:
            assert parse("poet", whole).participant.role in ("viewer", "commenter")
        except BadPersona as error:
            assert 1 <= error.line <= whole.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


@pytest.mark.parametrize(
    "front", ["name: Poet\nrole: viewer", 'name: Poet\n"role": editor\n# role: owner', "name: Poet"]
)
def test_one_field_is_written_anew_and_the_rest_stays(front: str):
    before = f"---\n{front}\n---\nBody: one\nrole: two\n"
    after = with_field(before, "role", "commenter")
    assert parse("poet", after).role == "commenter"
    assert after.endswith("---\nBody: one\nrole: two\n") and "name: Poet\n" in after


def test_a_strangers_tools_ask_first_and_its_wishes_are_said():
    text = minimal(
        "role: editor\ntriggers: [suggestion]\nbudget: {tokens: 900000}\n"
        "model: openai:big\ntools: [canvas, web, python]",
        "See https://x.example/y.",
    )
    made = parse("poet", careful("poet", text))
    assert made.tools == {"canvas": "allow", "web": "ask", "python": "ask"}
    said = " ".join(what_to_look_at(made))
    for what in ("editor", "web, python", "by itself", "openai:big", "900,000 tokens", "x.example"):
        assert what in said
    unsaid = parse("poet", careful("poet", minimal())).tools
    assert unsaid and unsaid["web"] == "ask" and unsaid["canvas"] == "allow" and "mcp" not in unsaid
    assert careful("poet", careful("poet", text)) == careful("poet", text)


def test_an_id_is_made_of_a_name():
    assert [slug(name) for name in ("Frau Doktor Strenge", "Émile Ünal!", "詩人", "studio")] == [
        "frau-doktor-strenge",
        "emile-unal",
        "agent",
        "agent",
    ]


# -- a folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    return tmp_path / "agents"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_changed_file_is_another_agent_within_a_moment(folder: Path):
    clock = Clock()
    personas = Personas(folder.parent, clock)
    assert [one.id for one in personas.list()] == list(ORDER)
    (folder / "poet.md").write_text(TEXT)
    assert "poet" not in personas, "it looks twice in a second, not at each request"
    clock.now += 1
    assert personas.get("poet").participant.name == "Poet" and personas.list()[-1].id == "poet"
    (folder / "poet.md").write_text(TEXT.replace("Poet", "Bard"))
    clock.now += 1
    assert personas.get("poet").participant.name == "Bard"
    (folder / "poet.md").unlink()
    clock.now += 1
    with pytest.raises(NotFound):
        personas.get("poet")


def test_a_broken_file_is_a_problem_and_the_last_good_one_stays(folder: Path, caplog: pytest.LogCaptureFixture):
    clock = Clock()
    personas = Personas(folder.parent, clock)
    personas.save("poet", TEXT)
    (folder / "poet.md").write_text(TEXT.replace("skills", "skils"))
    clock.now += 1
    assert personas.get("poet").participant.name == "Poet"
    [problem] = personas.problems
    assert (problem.agent, problem.file, problem.line) == ("poet", "poet.md", 5) and "skils" in personas.file(
        "poet"
    ).text
    assert "poet.md" in caplog.text and caplog.text.count("skils") == 1
    (folder / "poet.md").write_bytes(b"---\nname: \xff\n---\nHi")
    clock.now += 1
    assert "UTF-8" in personas.problems[0].message and personas.problems[0].line == 2
    # A shipped agent whose own file is broken from the beginning works as it was shipped.
    (folder / "critic.md").write_text("nothing")
    anew = Personas(folder.parent)
    assert anew.get("critic").participant.name == "Critic" and "poet" not in anew
    assert {one.agent for one in anew.problems} == {"critic", "poet"}


def test_what_is_no_agent_is_said_or_left_alone(folder: Path):
    (folder / "Some Notes.md").write_text("x")
    (folder / "README.txt").write_text("x")
    (folder / ".hidden.md").write_text("x")
    (folder / "dir.md").mkdir()
    personas = Personas(folder.parent)
    assert [one.id for one in personas.list()] == list(ORDER)
    assert [one.file for one in personas.problems] == ["Some Notes.md", "dir.md"]


def test_nobody_saves_over_what_they_have_not_seen(folder: Path):
    personas = Personas(folder.parent)
    personas.save("poet", TEXT, "")
    mine = personas.file("poet").etag
    (folder / "poet.md").write_text(TEXT + "Theirs.")
    with pytest.raises(Conflict) as late:
        personas.save("poet", TEXT + "Mine.", mine)
    assert late.value.details["text"].endswith("Theirs.")
    with pytest.raises(Conflict):
        personas.save("poet", TEXT, "")
    with pytest.raises(Conflict):
        personas.remove("poet", mine)
    personas.save("poet", TEXT + "Mine.", late.value.details["etag"])
    assert personas.file("poet").text.endswith("Mine.")
    personas.remove("poet")
    with pytest.raises(Conflict):
        personas.save("poet", TEXT, mine)
    assert list(folder.iterdir()) == []


def test_a_key_is_never_saved(folder: Path):
    with pytest.raises(BadPersona) as refused:
        Personas(folder.parent).save("poet", TEXT + "\nUse ghp_abcdefghijklmnopqrstuvwxyz0123456789.\n")
    assert "key" in refused.value.message and refused.value.line == TEXT.count("\n") + 2


def test_what_lies_elsewhere_or_looks_like_a_key_is_not_read_as_an_agent(folder: Path):
    """Everybody who is signed in may read what an agent's file says."""
    outside = folder.parent / "outside.md"
    outside.write_text(TEXT)
    (folder / "kept").write_text(TEXT)
    (folder / "poet.md").symlink_to(outside)
    (folder / "lyric.md").symlink_to(folder / "kept")
    (folder / "round.md").symlink_to(folder / "round.md")
    (folder / "keyed.md").write_text(TEXT + "\nUse ghp_abcdefghijklmnopqrstuvwxyz0123456789.\n")
    personas = Personas(folder.parent)
    assert [one.id for one in personas.list()] == [*ORDER, "lyric"]
    assert {(one.file, one.message.partition(":")[2] or one.message) for one in personas.problems} == {
        ("poet.md", "It is a link that leads out of the folder."),
        ("keyed.md", " This looks like a key or a password."),
    }
    with pytest.raises(NotFound):
        personas.file("poet")


def test_a_file_alone_makes_nobody_an_editor(folder: Path):
    personas = Personas(folder.parent)
    personas.save("poet", minimal("role: editor\nautonomy: act"))
    assert personas.get("poet").participant.role == "commenter"
    personas.grant({"poet": "editor", "critic": "editor"})
    assert personas.get("poet").participant.role == "editor"
    assert personas.get("critic").participant.role == "commenter", "it never asked for it"
    guest = Participant("g", "Guest", "person", role="commenter")
    assert personas.get("poet").acting_for(guest).participant.role == "commenter"
    assert personas.get("poet").acting_for(READER).participant.role == "editor"


# -- what a persona may do


def may(persona: Any, policy: Policy | None = None) -> set[str]:
    return {offer.name for offer in CANVAS if permitted(offer, persona.permissions, policy or Policy()) == "allow"}


def test_how_far_an_agent_goes_is_decided_whatever_its_file_names():
    writing = {"suggest", "insert", "amend", "withdraw"}
    for tools in ("tools: [canvas, suggest, add_page]", "tools: {canvas: allow}", "description: none"):
        answers, suggests, acts = (
            may(parse("poet", minimal(f"{tools}\nautonomy: {autonomy}"))) for autonomy in ("answer", "suggest", "act")
        )
        assert not answers & {*writing, "add_page"} and {"comment", "reply", "read_page"} <= answers
        assert writing <= suggests and "add_page" not in suggests and "add_page" in acts
    assert may(parse("poet", minimal("tools: []"))) <= {offer.name for offer in CANVAS if offer.reads} | {"ask_person"}


async def test_an_agent_does_what_it_can_and_says_what_it_cannot(stage, scripted, tmp_path: Path):
    here: Stage = stage("The rain fell on the roofs. It fell all night.", scripted(["You are right."]))
    here.runs.personas = Personas(tmp_path)
    page = here.surface.page
    with pytest.raises(Invalid) as refused:
        here.runs.start(here.surface, Ask(agent="critic", skill="rewrite", page=page), READER)
    assert "Critic does not do that" in refused.value.message and "comment" in refused.value.hint
    for agent, prompt, skill in (
        ("critic", "Make it shorter", "critique"),
        ("critic", "@critic, what do you think?", "critique"),
        ("line-editor", "Make it shorter", "rewrite"),
        ("brainstormer", "The storm breaks", "brainstorm"),
        ("fact-checker", "Check this page", "ask"),
    ):
        run = here.runs.start(here.surface, Ask(agent=agent, prompt=prompt, page=page), READER)
        assert run.skill in (skill, "work"), (agent, prompt)
        await here.runs.stop(run.id)


async def test_the_first_model_that_is_ready_is_used(stage, scripted, tmp_path: Path):
    here: Stage = stage("The rain fell on the roofs.", scripted(["Yes."]))
    models = here.runs._models
    asked: list[str | None] = []

    class Choosing:
        def get(self, name: str | None = None) -> Any:
            asked.append(name)
            if name == "openai:not-here":
                raise ModelFailed("No key.", "Set one.", reason="setup", model=name)
            return models.get(None)

        def list(self) -> list[Any]:
            return []

    here.runs._models = Choosing()  # type: ignore[assignment]
    here.runs.personas = Personas(tmp_path)
    here.runs.personas.save("poet", minimal("model: [openai:not-here, local]"))
    await here.runs.start(here.surface, Ask(agent="poet", prompt="Why?", skill="ask"), READER).wait()
    assert asked[:2] == ["openai:not-here", "local"]
    asked.clear()
    await here.runs.start(here.surface, Ask(agent="poet", prompt="Why?", skill="ask", model="mine"), READER).wait()
    assert asked == ["mine"], "what a person chose comes first"


# -- the shipped ones


@pytest.mark.parametrize("id", ORDER)
def test_a_shipped_agent_is_whole(id: str):
    persona = Personas().get(id)
    assert (SHIPPED / f"{id}.md").exists() and persona.description and persona.participant.role == "commenter"
    known = {*DEFAULTS, *(offer.name for offer in CANVAS)}
    assert persona.tools and set(persona.tools) <= known
    assert all(policy != "allow" or name not in ("web", "mcp") for name, policy in persona.tools.items())
    assert persona.budget.steps and persona.budget.tokens and persona.budget.seconds and persona.model == ()
    # Its method, and where it stops, are in the part that a loop reads; who it is is enough for a single call.
    for part in ("## How you work", "## What you do not do"):
        assert part in persona.manner and part not in persona.character
    assert 400 < len(persona.character) < 1_000 and len(persona.manner) < 4_000
    assert (
        "You are" in persona.character.splitlines()[0]
        or "You help" in persona.character.splitlines()[0]
        or "You keep" in persona.character.splitlines()[0]
    )


def test_shipped_agents_can_be_told_apart():
    everybody = Personas().list()
    assert len({one.participant.color for one in everybody}) == len(everybody) == 9
    for one in everybody:  # white letters on a colour, and the colour on both papers
        assert contrast(one.participant.color, "#ffffff") >= 4.5
        assert contrast(one.participant.color, "#16171a") >= 3


def contrast(one: str, other: str) -> float:
    def light(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_only_those_who_write_have_tools_to_write_with():
    assert "suggest" not in may(Personas().get("critic")) and "suggest" not in may(Personas().get("brainstormer"))
    for id in ("co-author", "line-editor", "continuity-keeper", "pair-programmer", "fact-checker"):
        assert "suggest" in may(Personas().get(id)) and "add_page" not in may(Personas().get(id))


class Told(Scripted):
    """A scripted model that keeps what it is told about who it is."""

    def _next(self, messages: Any, info: Any) -> Any:
        systems = [part.content for message in messages for part in message.parts if isinstance(part, SystemPromptPart)]
        systems += [message.instructions for message in messages if getattr(message, "instructions", None)]
        self.told = [*getattr(self, "told", []), "\n".join(systems)]
        return super()._next(messages, info)


@pytest.mark.parametrize("id", ORDER)
async def test_a_larger_model_is_told_who_it_is_in_each_skill(id: str, stage):
    model = Told(["Nobody slept. It fell all night."])
    here: Stage = stage("The rain fell on the roofs. It fell all night, and nobody slept.", model)
    persona = here.runs.personas.get(id)
    for skill in persona.skills:
        ask = Ask(agent=id, skill=skill, prompt="What of the rain?", page=here.surface.page)
        run = await here.runs.start(here.surface, ask, READER).wait()
        assert run.skill == skill
    told: list[str] = getattr(model, "told", [])
    first = persona.character.splitlines()[0]
    assert len(told) >= len(persona.skills) and all(first in one and GROUND in one for one in told)
    assert not any("## How you work" in one for one in told), "a single call is no method"


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[Models]:
    made = Models(tmp_path, {})
    yield made
    await made.close()


@pytest.mark.model
@pytest.mark.parametrize("id", ORDER)
async def test_with_the_embedded_model_each_does_something_honest(id: str, models: Models):
    """Each of its skills ends with something that passed its checks, or says that it could not."""
    counter = itertools.count(1)
    text = (
        "The keeper climbed the stairs slowly. Nobody had asked him to. The lamp had been dark for three nights, and "
        "the boats of the village stayed in the harbour. Martha brought bread on the second evening and said nothing."
    )
    surface = LocalSurface("Chapter 1", text, "prose", time.time, Random(5))
    runs = Runs(models, None, time.time, lambda: f"run{next(counter)}", Random(5))
    persona = runs.personas.get(id)
    prompts = {"ask": "Who brought bread?", "brainstorm": "Give me three titles.", "rewrite": "Shorten it."}
    for skill in persona.skills:
        ask = Ask(agent=id, skill=skill, prompt=prompts.get(skill, ""), page=surface.page)
        run = await runs.start(surface, ask, READER).wait()
        assert run.state == "done" or (run.error and run.error["message"] and run.error["code"] != "internal"), (
            run.error
        )
        assert any("small model" in note for note in run.notes)
    view = surface.canvas.view()
    authors = {one["author"] for one in (*view["suggestions"], *view["chat"])} - {READER.id}
    assert authors <= {id} and surface.text == text
    await runs.close()


def test_every_shipped_file_is_named_in_its_order():
    assert {path.stem for path in SHIPPED.glob("*.md")} == set(ORDER)


def test_what_is_asked_of_nobody_is_said():
    with pytest.raises(StudioloError) as refused:
        Personas().get("nobody")
    assert "co-author" in refused.value.hint
