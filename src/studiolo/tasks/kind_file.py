"""A kind of task as a file: Markdown, with its inputs and steps in front of it.

    ---
    name: Press review
    description: Looks each morning for what others write about us.
    title: "Press review: {about}"
    inputs:
      about: {label: About whom, kind: text}
      page: {label: Notes go to, kind: page, default: ""}
    agents: [researcher]
    steps:
      - {do: look, title: "Looks for {about}", query: "{about}"}
      - {id: tell, do: tell_new, title: Says what is new, agent: researcher, page: "{page}"}
    ---
    What this is for, in words for people.

    ## tell
    Say what is new in one sentence each.

What a step is given besides `id`, `do`, `title`, `when` and `each` is its way of working's own; the section with its
id has its instructions. Nothing in a file is run: it names ways of working that the program has, and what is not known
is refused with its line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any, cast

import yaml

from studiolo.agents import front_matter
from studiolo.canvas.errors import Invalid
from studiolo.tasks.kind import INPUT_KINDS, PLACE, Input, InputKind, Kind, Planned, condition

LARGEST = 64_000  # bytes of a file
LONGEST_FRONT = 16_000  # characters of front matter
MOST_INPUTS = 20
MOST_STEPS = 40
FIELDS = ("name", "description", "title", "inputs", "agents", "steps")
OF_INPUT = ("label", "kind", "default", "help", "choices")
OF_STEP = ("id", "do", "title", "when", "each")
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HEADING = re.compile(r"##[ \t]+(\S.*?)[ \t]*")


class BadKind(Invalid):
    """A kind's text cannot be used. `details["line"]` counts from 1."""

    code = "bad_kind"

    def __init__(self, line: int, message: str, hint: str) -> None:
        super().__init__(f"Line {line}: {message}", hint, line=line)
        self.line = line


def check_id(id: str) -> str:
    """The id, which is the file's name without `.md`. Raises `Invalid`."""
    if not _ID.fullmatch(id) or len(id) > 40:
        raise Invalid(
            f"{id[:60]!r} cannot be the id of a kind of task.",
            "Use small letters, digits and hyphens between them, such as press-review; at most 40.",
        )
    return id


def parse(id: str, text: str, ways: Collection[str], own: bool = False) -> Kind:
    """The kind that a file's text describes. `ways` are the ways of doing a step that there are.

    Raises `BadKind`, or `Invalid` for an id that is none.
    """
    check_id(id)
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise BadKind(1, f"The file is larger than {LARGEST // 1000} KB.", "Say it in less.")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    front, body, begins = front_matter.parts(text, LONGEST_FRONT, BadKind)
    fields = _fields(front)
    inputs = _inputs(fields.get("inputs"))
    names = {one.name for one in inputs}
    about, sections = _sections(body, begins)
    title = _text(fields.get("title"), "title")
    _check_places(title, names, _line(fields.get("title")))
    steps = _steps(fields.get("steps"), inputs, ways, sections)
    for name, (line, _) in sections.items():
        if name not in {step.id for step in steps}:
            raise BadKind(line, f"There is no step {name[:40]!r}.", f"The steps are {_listed(s.id for s in steps)}.")
    return Kind(
        id,
        _text(fields["name"], "name"),
        _text(fields.get("description"), "description"),
        inputs,
        _agents(fields.get("agents")),
        steps,
        title,
        about,
        own,
    )


def _listed(names: Any) -> str:
    return ", ".join(names)


def _line(node: yaml.Node | None) -> int:
    return front_matter.line(node) if node is not None else 2


def _fields(front: str) -> dict[str, yaml.Node]:
    node = front_matter.composed(front, BadKind)
    fields = _mapping(node, "The front matter", FIELDS) if node is not None else {}
    for needed in ("name", "steps"):
        if needed not in fields:
            raise BadKind(2, f"The kind has no {needed}.", f"Write {needed}: between the --- lines.")
    return fields


def _mapping(node: yaml.Node, what: str, known: Collection[str] = ()) -> dict[str, yaml.Node]:
    """The fields of a mapping; with `known` no others may be there."""
    if not isinstance(node, yaml.MappingNode):
        raise BadKind(_line(node), f"{what} must have fields.", "Write name: value.")
    found: dict[str, yaml.Node] = {}
    for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        name = key.value if isinstance(key, yaml.ScalarNode) else None
        if not isinstance(name, str) or not name:
            raise BadKind(_line(key), "A name is expected here.", "Write name: value.")
        if name in found:
            raise BadKind(_line(key), f"{name[:40]!r} is there twice.", "Leave one of the two.")
        if known and name not in known:
            raise BadKind(_line(key), f"{name[:40]!r} is not a field.", _meant(name, known))
        found[name] = value
    return found


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"{f'Did you mean {near[0]}? ' if near else ''}There are: {', '.join(sorted(known))}."


def _items(node: yaml.Node | None, what: str) -> list[yaml.Node]:
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise BadKind(_line(node), f"{what} must be a list.", f"Write {what}: [one, another].")
    return list(cast("list[yaml.Node]", node.value))


def _text(node: yaml.Node | None, what: str, most: int = 300) -> str:
    if node is None:
        return ""
    if not isinstance(node, yaml.ScalarNode):
        raise BadKind(_line(node), f"{what} must be one text.", f'Write {what}: "…".')
    said = " ".join(str(node.value).split())
    if len(said) > most:
        raise BadKind(_line(node), f"{what} is longer than {most} characters.", "Shorten it.")
    if not said and what in ("name", "label", "do"):
        raise BadKind(_line(node), f"{what} is empty.", f'Write {what}: "…".')
    return said


def _plain(node: yaml.Node) -> Any:
    """A value as it is written: true and false, whole numbers, texts, and lists and fields of them."""
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in cast("list[yaml.Node]", node.value)]
    if isinstance(node, yaml.MappingNode):
        return {name: _plain(value) for name, value in _mapping(node, "A value").items()}
    if not isinstance(node, yaml.ScalarNode):
        raise BadKind(_line(node), "A text, a number, yes or no is expected.", "Write it out.")
    said = str(node.value)
    if node.style is None and said in ("true", "false", "yes", "no"):
        return said in ("true", "yes")
    return int(said) if node.style is None and re.fullmatch(r"-?\d{1,9}", said) else said


def _inputs(node: yaml.Node | None) -> tuple[Input, ...]:
    found: list[Input] = []
    for name, fields in (_mapping(node, "inputs") if node is not None else {}).items():
        line = _line(fields)
        if not _NAME.fullmatch(name) or name == "each":
            raise BadKind(line, f"{name[:40]!r} cannot be an input's name.", "Use small letters and _.")
        given = _mapping(fields, name, OF_INPUT)
        kind = _text(given.get("kind"), "kind") or "text"
        if kind not in INPUT_KINDS:
            raise BadKind(_line(given["kind"]), f"{kind[:40]!r} is no kind of input.", _meant(kind, INPUT_KINDS))
        choices = tuple(_text(item, "choices") for item in _items(given.get("choices"), "choices"))
        if bool(choices) != (kind == "choice"):
            raise BadKind(line, f"{name} has no choices." if not choices else f"{name} is no choice.", "Use both.")
        default = _plain(given["default"]) if "default" in given else None
        if choices and default is not None and default not in choices:
            raise BadKind(_line(given["default"]), "The default is none of the choices.", f"Use {_listed(choices)}.")
        if kind == "toggle" and not isinstance(default, bool):
            raise BadKind(line, f"{name} must be on or off to begin with.", "Write default: true or default: false.")
        if kind == "number" and "default" in given and not isinstance(default, int):
            raise BadKind(_line(given["default"]), "The default must be a number.", "Write default: 5.")
        found.append(
            Input(
                name,
                _text(given.get("label"), "label") or name.replace("_", " ").capitalize(),
                cast(InputKind, kind),
                default,
                _text(given.get("help"), "help"),
                choices,
                required="default" not in given,
            )
        )
    if len(found) > MOST_INPUTS:
        raise BadKind(_line(node), f"{len(found)} inputs are too many; {MOST_INPUTS} are the most.", "Ask for less.")
    return tuple(found)


def _agents(node: yaml.Node | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(item, "agents") for item in _items(node, "agents")))


def _steps(
    node: yaml.Node | None, inputs: tuple[Input, ...], ways: Collection[str], sections: Mapping[str, tuple[int, str]]
) -> tuple[Planned, ...]:
    names = {one.name for one in inputs}
    found: list[Planned] = []
    for item in _items(node, "steps"):
        given = _mapping(item, "A step")
        line = _line(item)
        do = _text(given.get("do"), "do")
        if do not in ways:
            raise BadKind(_line(given.get("do", item)), f"There is no way to do {do[:40]!r}.", _meant(do, ways))
        id = _text(given.get("id"), "id") or do.replace("_", "-")
        if not _ID.fullmatch(id) or any(step.id == id for step in found):
            raise BadKind(line, f"{id[:40]!r} cannot be this step's id.", "Give each step a short id of its own.")
        when, each = _text(given.get("when"), "when"), _text(given.get("each"), "each")
        if when and condition(when) not in names:
            raise BadKind(_line(given["when"]), f"{when[:60]!r} is no condition.", "Write when: name, or not name.")
        if each and each not in {one.name for one in inputs if one.kind == "pages"}:
            raise BadKind(_line(given["each"]), f"{each[:40]!r} is no input of pages.", "Name one of kind pages.")
        known = names | ({"each"} if each else set())
        title = _text(given.get("title"), "title") or do.replace("_", " ").capitalize()
        _check_places(title, known, _line(given.get("title", item)))
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in OF_STEP:
                values[name] = _plain(value)
                _check_places(values[name], known, _line(value))
        if id in sections:
            at, instructions = sections[id]
            _check_places(instructions, known, at)
            values["instructions"] = instructions
        found.append(Planned(id, do, title, values, when, each))
    if not found or len(found) > MOST_STEPS:
        raise BadKind(_line(node), f"A kind has between 1 and {MOST_STEPS} steps.", "Write steps: and a list.")
    return tuple(found)


def _check_places(value: Any, names: Collection[str], line: int) -> None:
    for at, said in enumerate(str(value).split("\n")):
        for place in PLACE.finditer(said):
            if place[1] not in names:
                raise BadKind(line + at, f"There is no input {place[1]!r}.", _meant(place[1], names or ["(none)"]))


def _sections(body: str, begins: int) -> tuple[str, dict[str, tuple[int, str]]]:
    """What stands in front of the first heading, and the sections: the line of each text, and the text."""
    about: list[str] = []
    found: dict[str, tuple[int, list[str]]] = {}
    here = about
    for at, line in enumerate(body.split("\n"), start=begins):
        if heading := _HEADING.fullmatch(line):
            if heading[1] in found:
                raise BadKind(at, f"The section {heading[1][:40]!r} is there twice.", "Leave one of the two.")
            here = []
            found[heading[1]] = (at + 1, here)
        else:
            here.append(line)
    return "\n".join(about).strip(), {name: (at, "\n".join(text).strip()) for name, (at, text) in found.items()}
