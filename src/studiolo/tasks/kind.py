"""Kinds of tasks: what is asked of whoever begins one, and the plan that comes of their answers."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from studiolo.canvas import Canvas
from studiolo.canvas.errors import Invalid
from studiolo.tasks.job import REACHES
from studiolo.tasks.task import MOST_STEPS, Step

InputKind = Literal["text", "number", "choice", "page", "pages", "agent", "source", "toggle"]
INPUT_KINDS: tuple[InputKind, ...] = get_args(InputKind)
LONGEST_TEXT = 4_000  # characters of a text that is filled in
LARGEST_NUMBER = 1_000_000
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""Where an input's value is put, in titles, values and instructions. `{each}` is the page that a step is about."""
_WHEN = re.compile(r"(?:(?P<no>not) )?(?P<name>[a-z][a-z0-9_]*)(?: = (?P<value>.+))?")


@dataclass(frozen=True, slots=True)
class Input:
    """Something that is asked of whoever begins a task. One without a default must be filled in."""

    name: str
    label: str
    kind: InputKind
    default: Any = None
    help: str = ""
    choices: tuple[str, ...] = ()
    required: bool = True

    def as_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.name, "label": self.label, "kind": self.kind, "help": self.help}
        told |= {"required": self.required, "default": self.default}
        return told | ({"choices": list(self.choices)} if self.choices else {})


@dataclass(frozen=True, slots=True)
class Planned:
    """One step of a kind. `each` names an input of pages: there is one step for each of them."""

    id: str
    do: str
    title: str
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    when: str = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What people can begin: inputs and steps. `about` is for people, who may copy the file and change it."""

    id: str
    name: str
    description: str
    inputs: tuple[Input, ...]
    agents: tuple[str, ...]
    steps: tuple[Planned, ...]
    title: str = ""
    about: str = ""
    own: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "about": self.about,
            "inputs": [one.as_dict() for one in self.inputs],
            "agents": list(self.agents),
            "reaches": ["canvas", *sorted({reach for step in self.steps for reach in REACHES.get(step.do, ())})],
            "steps": [{"id": step.id, "do": step.do, "title": step.title} for step in self.steps],
            "own": self.own,
        }

    def lay_out(
        self, given: Mapping[str, Any], canvas: Canvas | None = None, agents: Container[str] | None = None
    ) -> tuple[str, dict[str, Any], list[Step]]:
        """The task's title, its inputs in full, and its plan. What there is in the canvas, and which agents there are,
        is looked at where it is known. Raises `Invalid`, with the name of the `input` that is wrong."""
        known = {one.name for one in self.inputs}
        if unknown := [name for name in given if name not in known]:
            raise _wrong(unknown[0], f"“{self.name}” asks for nothing called {unknown[0]!r}.", "Leave it out.")
        inputs = {one.name: _value(one, given.get(one.name), canvas, agents) for one in self.inputs}
        if agents is not None and (missing := [one for one in self.agents if one not in agents]):
            raise Invalid(
                f"There is no agent “{missing[0]}”, which “{self.name}” needs.", "Add it, or change the kind."
            )
        plan: list[Step] = []
        for step in self.steps:
            if not met(step.when, inputs):
                continue
            pages: list[str] = inputs[step.each] if step.each else [""]
            for number, page in enumerate(pages, start=1):
                values = inputs | ({"each": page} if step.each else {})
                plan.append(
                    Step(
                        f"{step.id}-{number}" if step.each else step.id,
                        step.do,
                        _shown(step.title, values, canvas),
                        {name: filled(value, values) for name, value in step.given.items()}
                        | ({"page": page} if step.each else {}),
                    )
                )
        if not plan:
            raise Invalid("There is nothing to do.", "Choose at least one page.")
        if len(plan) > MOST_STEPS:
            raise Invalid(f"That would be {len(plan)} steps; {MOST_STEPS} are the most.", "Choose fewer pages.")
        empty = any(inputs.get(place[1]) in ("", [], None) for place in PLACE.finditer(self.title))
        return _shown(self.name if empty or not self.title else self.title, inputs, canvas)[:200], inputs, plan


def met(when: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a step's condition holds: `name`, `not name`, `name = value`, `not name = value`."""
    found = _WHEN.fullmatch(when)
    if found is None:
        return True
    value = inputs.get(found["name"])
    holds = str(value) == found["value"] if found["value"] is not None else bool(value)
    return holds != bool(found["no"])


def condition(when: str) -> str | None:
    """The name of the input that a condition is about; None where it is none."""
    found = _WHEN.fullmatch(when)
    return found["name"] if found else None


def filled(value: Any, inputs: Mapping[str, Any]) -> Any:
    """A value with what was filled in. One that is a single place takes the input's value as it is."""
    if isinstance(value, list):
        return [filled(one, inputs) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: filled(one, inputs) for name, one in cast("dict[str, Any]", value).items()}
    if not isinstance(value, str):
        return value
    if (whole := PLACE.fullmatch(value)) is not None:
        return inputs.get(whole[1])
    return PLACE.sub(lambda place: _said(inputs.get(place[1])), value)


def _shown(text: str, inputs: Mapping[str, Any], canvas: Canvas | None) -> str:
    """The same for people, who know pages by their titles; one line."""
    titles: dict[str, str] = {one["id"]: one["title"] for one in canvas.outline()} if canvas is not None else {}

    def said(place: re.Match[str]) -> str:
        value = inputs.get(place[1])
        if isinstance(value, list):
            pages: list[str] = value
            return titles.get(pages[0], pages[0]) if len(pages) == 1 else f"{len(pages)} pages"
        return titles.get(value, value) if isinstance(value, str) else _said(value)

    line = " ".join(PLACE.sub(said, text).split())
    return line if len(line) <= 160 else f"{line[:159]}…"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _wrong(name: str, message: str, hint: str) -> Invalid:
    return Invalid(message, hint, input=name)


def _value(one: Input, given: Any, canvas: Canvas | None, agents: Container[str] | None) -> Any:
    """What was filled in, as the kind of input that it is."""
    if given is None or given == "" or given == []:
        if one.required:
            raise _wrong(one.name, f"“{one.label}” is missing.", one.help or "Fill it in.")
        given = one.default
    match one.kind:
        case "toggle":
            if isinstance(given, bool):
                return given
            if str(given).lower() in ("yes", "true", "on", "1", "no", "false", "off", "0", "none", ""):
                return str(given).lower() in ("yes", "true", "on", "1")
            raise _wrong(one.name, f"“{one.label}” must be yes or no.", "Write true or false.")
        case "number":
            return _number(one, given)
        case "choice":
            if given not in one.choices:
                raise _wrong(
                    one.name, f"“{one.label}” cannot be {str(given)[:40]!r}.", f"Use {', '.join(one.choices)}."
                )
            return given
        case "pages":
            return _pages(one, given, canvas)
        case "page":
            page = _text(one, given)
            if page and canvas is not None and page not in _there(canvas):
                raise _wrong(one.name, f"“{one.label}”: this page is not in the canvas.", "Choose one of its pages.")
            return page
        case "agent":
            agent = _text(one, given)
            if agent and agents is not None and agent not in agents:
                raise _wrong(one.name, f"There is no agent “{agent[:60]}”.", "Choose one of the studio's agents.")
            return agent
        case _:
            return _text(one, given)


def _text(one: Input, given: Any) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        raise _wrong(one.name, f"“{one.label}” must be a text.", "Write it in words.")
    if len(given) > LONGEST_TEXT:
        raise _wrong(one.name, f"“{one.label}” is longer than {LONGEST_TEXT:,} characters.", "Put it on a page.")
    return given.strip()


def _number(one: Input, given: Any) -> int | float:
    if isinstance(given, str) and re.fullmatch(r"-?\d{1,7}(\.\d{1,6})?", given.strip()):
        given = float(given) if "." in given else int(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= LARGEST_NUMBER:
        raise _wrong(one.name, f"“{one.label}” must be a number.", "Write it in digits.")
    return given


def _there(canvas: Canvas) -> list[str]:
    return [page["id"] for page in canvas.outline() if not page["removed"]]


def _pages(one: Input, given: Any, canvas: Canvas | None) -> list[str]:
    """The pages that were chosen, in the order of the canvas; "all": all that are texts."""
    if given in (None, "all"):
        if canvas is None:
            return []
        return [page["id"] for page in canvas.outline() if not page["removed"] and page["kind"] in ("prose", "code")]
    chosen = [given] if isinstance(given, str) else given
    if not isinstance(chosen, list) or not all(isinstance(page, str) for page in chosen):
        raise _wrong(one.name, f"“{one.label}” must be a list of pages.", "Choose pages of the canvas.")
    if canvas is None:
        return list(dict.fromkeys(chosen))
    there = _there(canvas)
    if missing := [page for page in chosen if page not in there]:
        raise _wrong(one.name, f"“{one.label}”: a page is not in the canvas.", "Choose again.") from ValueError(missing)
    return [page for page in there if page in chosen]
