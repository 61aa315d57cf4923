"""Kinds of tasks as files: what is understood, what is refused with its line, and what is seen when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from studiolo.agents.persona_folder import Personas
from studiolo.canvas.errors import Invalid, NotFound
from studiolo.tasks.job import DOING
from studiolo.tasks.kind_file import BadKind, parse
from studiolo.tasks.kind_folder import ORDER, Kinds

GOOD = """---
name: Press review
description: Looks for what others write.
title: "Press about {about}"
inputs:
  about: {label: About whom, kind: text}
  many: {kind: number, default: 3}
  loud: {kind: toggle, default: false}
  pages: {kind: pages, default: all}
agents: [researcher]
steps:
  - {do: look, title: "Looks for {about}", query: "{about}", results: "{many}"}
  - {id: each-page, do: review_page, each: pages, title: "Reads {each}"}
  - {id: tell, do: tell_new, title: Tells, when: not loud}
---
For people.

## tell
One sentence each about {about}.
"""
WAYS = ("look", "tell_new", "review_page")


def bad(text: str) -> BadKind:
    with pytest.raises(BadKind) as caught:
        parse("mine", text, WAYS)
    return caught.value


def test_a_file_becomes_a_plan_with_what_was_filled_in() -> None:
    kind = parse("press", GOOD, WAYS)
    assert kind.about == "For people." and [one.required for one in kind.inputs] == [True, False, False, False]
    title, inputs, plan = kind.lay_out({"about": "the sea", "many": "5"})
    assert title == "Press about the sea" and inputs["many"] == 5 and inputs["loud"] is False
    assert [(step.id, step.title) for step in plan] == [("look", "Looks for the sea"), ("tell", "Tells")]
    assert plan[0].given == {"query": "the sea", "results": 5}
    assert plan[1].given["instructions"] == "One sentence each about the sea."
    assert [step.id for step in kind.lay_out({"about": "x", "loud": True})[2]] == ["look"]
    assert Kinds().lay_out("continue-story", {})[0] == "Continue a story"
    _, _, plan = kind.lay_out({"about": "x", "pages": ["p1", "p2"]})
    assert [(step.id, step.given.get("page")) for step in plan[1:3]] == [("each-page-1", "p1"), ("each-page-2", "p2")]


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({}, "missing"),
        ({"about": "x", "many": "few"}, "number"),
        ({"about": "x", "loud": "perhaps"}, "yes or no"),
        ({"about": "x", "more": 1}, "asks for nothing called"),
        ({"about": "x" * 5_000}, "longer"),
    ],
)
def test_what_is_filled_in_wrongly_is_named(given: dict[str, object], about: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse("press", GOOD, WAYS).lay_out(given)
    assert about in caught.value.message and caught.value.details["input"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("---\nname", "name", 1, "does not begin"),
        ("name: Press review\n", "", 2, "no name"),
        ("description:", "descripton:", 3, "Did you mean description"),
        ("kind: text", "kind: txt", 6, "no kind of input"),
        ("{kind: number, default: 3}", "{kind: number, default: few}", 7, "must be a number"),
        ("do: look", "do: lok", 12, "Did you mean look"),
        ('query: "{about}"', 'query: "{abuot}"', 12, "no input 'abuot'"),
        ("each: pages", "each: about", 13, "no input of pages"),
        ("id: tell", "id: look", 14, "short id of its own"),
        ("when: not loud", "when: not laud", 14, "no condition"),
        ("## tell", "## tall", 19, "no step 'tall'"),
        ("each about {about}.", "each.\nAnd {nothing}.", 20, "no input 'nothing'"),
        ("agents: [researcher]", "agents: researcher", 10, "must be a list"),
        ("steps:", "steps: [\n", 13, "not YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    error = bad(GOOD.replace(old, new, 1))
    assert says in f"{error.message} {error.hint}", error
    assert error.line == line, error


def test_the_shipped_kinds_can_be_begun_and_name_agents_that_there_are() -> None:
    personas = Personas()
    kinds = Kinds(None, personas)
    assert [kind.id for kind in kinds.list()] == list(ORDER)
    for kind in kinds.list():
        assert kind.description and kind.about and all(agent in personas for agent in kind.agents)
        shown = kind.as_dict()
        web = kind.id in ("deep-research", "watch")
        assert shown["reaches"][0] == "canvas" and ("web" in shown["reaches"]) == web
        assert shown["own"] is False and all(step["title"] for step in shown["steps"])
        given = {one.name: "something" for one in kind.inputs if one.required}
        title, _, plan = kinds.lay_out(kind.id, given)
        assert title and plan


def test_a_file_of_ones_own_takes_the_place_of_the_shipped_one_and_is_seen_when_it_changes(tmp_path: Path) -> None:
    now = 0.0
    kinds = Kinds(tmp_path, None, lambda: now)
    assert not kinds.get("watch").own
    folder = tmp_path / "tasks"
    folder.mkdir()
    text = (Path(parse.__code__.co_filename).parent / "kinds" / "watch.md").read_text()
    (folder / "watch.md").write_text(text.replace("name: Watch", "name: My watch"))
    (folder / "no good.md").write_text("x")
    now = 1.0
    assert kinds.get("watch").name == "My watch" and kinds.get("watch").own
    assert [problem.file for problem in kinds.problems] == ["no good.md"]

    (folder / "watch.md").write_text(text.replace("do: look", "do: lookk"))
    now = 2.0
    assert kinds.get("watch").name == "My watch"  # what was good before goes on
    (problem,) = [one for one in kinds.problems if one.kind == "watch"]
    assert problem.line == 12 and "lookk" in problem.message

    (folder / "watch.md").unlink()
    now = 3.0
    assert kinds.get("watch").name == "Watch"
    with pytest.raises(NotFound):
        kinds.get("nothing")


def test_the_documentation_names_every_way_of_doing_a_step_and_its_example_can_be_used() -> None:
    said = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
    missing = [name for name in DOING if f"`{name}`" not in said]
    assert not missing
    example = said.partition("```markdown\n")[2].partition("```")[0]
    kind = parse("press-review", example, DOING)
    title, _, plan = kind.lay_out({"about": "the sea"})
    assert title == "Press review: the sea" and [step.do for step in plan] == ["look", "tell_new"]
