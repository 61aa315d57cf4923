"""A persona as a file: Markdown, with what the program needs to know in front of it.

    ---
    name: Line editor
    color: "#a84884"
    description: Makes sentences carry their weight, and leaves the voice alone.
    skills: [rewrite, critique]
    tools: {canvas: allow, web_search: ask}
    ---
    You are a line editor ...

A file may come from a stranger, so nothing in it is run, and what is not known is refused with its line. The text
before the first `## ` heading says who the agent is; what follows says how it works.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from studiolo.agents import front_matter
from studiolo.agents.intent import SKILLS, Skill
from studiolo.agents.persona import AUTONOMY, GROUND, POLICIES, TRIGGERS, Autonomy, Limits, Persona, Policy
from studiolo.canvas.errors import Invalid
from studiolo.canvas.participant import Participant, Role
from studiolo.people.names import MAX_NAME, PALETTE, clean_color, clean_name

LARGEST = 64_000  # bytes of a file
LONGEST_FRONT = 8_000  # characters of front matter
LONGEST_DESCRIPTION = 300
MOST_TOOLS = 100
MOST_WISHES = 10
ROLES: tuple[Role, ...] = ("viewer", "commenter", "editor")
FIELDS = ("name", "color", "description", "skills", "tools", "model", "autonomy", "triggers", "budget", "role")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PERSON = re.compile(r"[0-9a-f]{16}|studio")  # ids that people and the studio itself have
_TOOL = re.compile(r"[a-z][a-z0-9_]{0,59}|mcp(:[A-Za-z0-9_.-]{1,60}(/[A-Za-z0-9_.-]{1,100})?)?")
_SHAPING = "\u200c\u200d\u00ad"  # unseen too, but some scripts and emoji need them
_KEY = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{20,}|sk_live_\w{16,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|xox[abprs]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{30,}|eyJ[\w-]{20,}\.eyJ[\w-]{20,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_LINK = re.compile(r"https?://([\w.-]+)")
_WISH = re.compile(r"\S(.{0,198}\S)?")
_LIMITS: dict[str, tuple[type, float]] = {
    "steps": (int, 500),
    "tokens": (int, 10_000_000),
    "seconds": (float, 86_400),
    "money": (float, 10_000),
}


class BadPersona(Invalid):
    """A persona's text cannot be used. `details["line"]` counts from 1."""

    code = "bad_persona"

    def __init__(self, line: int, message: str, hint: str) -> None:
        super().__init__(f"Line {line}: {message}", hint, line=line)
        self.line = line


@dataclass(frozen=True, slots=True)
class _Value:
    """A value with its line."""

    value: Any  # str | list[_Value] | dict[str, _Value]
    line: int


def check_id(id: str) -> str:
    """The id, which is the file's name without `.md`. Raises `Invalid`."""
    if not _ID.fullmatch(id) or len(id) > 40 or _PERSON.fullmatch(id):
        raise Invalid(
            f"{id[:60]!r} cannot be an agent's id.",
            "Use small letters, digits and hyphens between them, such as fact-checker; at most 40.",
        )
    return id


def parse(id: str, text: str) -> Persona:
    """The persona that a file's text describes. Its role is a commenter's, or less if it asks for less.

    Raises `BadPersona`, or `Invalid` for an id that is none.
    """
    check_id(id)
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise BadPersona(1, f"The file is larger than {LARGEST // 1000} KB.", "An agent's instructions fit in less.")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _only_what_is_seen(text)
    front, body, body_line = front_matter.parts(text, LONGEST_FRONT, BadPersona)
    fields = _fields(front)
    read = _Reader(fields)
    name = read.one("name", _name) or ""
    wanted = cast(Role, read.one("role", _among(ROLES)) or "commenter")
    color = read.one("color", _color) or PALETTE[sum(id.encode()) % len(PALETTE)]
    if not body.strip():
        raise BadPersona(body_line, "There are no instructions.", "Write below the second --- what the agent does.")
    autonomy = cast(Autonomy, read.one("autonomy", _among(AUTONOMY)) or "suggest")
    return Persona(
        participant=Participant(id, name, "agent", color, "viewer" if wanted == "viewer" else "commenter"),
        manner=f"{body.strip()}\n\n{GROUND}",
        description=read.one("description", _description) or "",
        skills=_skills(read, fields.get("skills"), autonomy),
        tools=_tools(fields.get("tools")),
        model=read.several("model", _wish, MOST_WISHES) or (),
        autonomy=autonomy,
        triggers=_default(read.several("triggers", _among(TRIGGERS), len(TRIGGERS)), ("mention",)),
        budget=_budget(fields.get("budget")),
        role=wanted,
    )


def _skills(read: _Reader, found: _Value | None, autonomy: Autonomy) -> tuple[Skill, ...]:
    """What it does in one go. One that only answers writes nothing."""
    given = cast("tuple[Skill, ...]", read.several("skills", _among(SKILLS), len(SKILLS)) or tuple(SKILLS))
    writing: tuple[Skill, ...] = ("continue", "rewrite") if autonomy == "answer" else ()
    skills: tuple[Skill, ...] = tuple(skill for skill in given if skill not in writing)
    if not skills:
        raise BadPersona(
            found.line if found else 2,
            f"An agent that only answers does not {given[0]}.",
            "Add ask or critique to skills, or write autonomy: suggest.",
        )
    return skills


def _default(given: tuple[str, ...] | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return otherwise if given is None else given


def check_secrets(text: str) -> None:
    """Raises `BadPersona` for what looks like a key: a persona is read by many, by models and by whom it is sent to."""
    for number, line in enumerate(text.splitlines(), 1):
        if _KEY.search(line):
            raise BadPersona(
                number, "This looks like a key or a password.", "Leave it out: keys belong to the studio's environment."
            )


# fmt: off
HARMLESS = frozenset([
    "canvas", "person", "outline", "read_page", "search", "read_threads", "read_conversation", "suggest", "insert",
    "amend", "withdraw", "comment", "comment_on_suggestion", "reply", "resolve", "add_page", "ask_person",
])
# fmt: on
"""Tools that reach no further than the canvas, where whatever an agent does waits for people to decide."""


def taken(persona: Persona) -> set[str]:
    """The tools beyond the canvas that a persona's file lets it use without asking. One that names none has all."""
    if persona.tools is None:
        return {"docs", "files", "tables", "sandbox", "web", "mcp"}
    return {name for name, policy in persona.tools.items() if policy == "allow" and name not in HARMLESS}


def beyond(limits: Limits, *others: Limits) -> list[str]:
    """The limits that are higher than every one of the others has them."""
    given = {name: getattr(limits, name) for name in _LIMITS if getattr(limits, name) is not None}
    return [
        f"{name}: {value:g}"
        for name, value in given.items()
        if all(value > (getattr(other, name) or 0) for other in others)
    ]


def careful(id: str, text: str) -> str:
    """A stranger's persona in which every tool beyond the canvas asks first. Raises as `parse` does."""
    persona = parse(id, text)
    if persona.tools is None:
        tools: dict[str, Policy] = {"canvas": "allow", "person": "allow"}
        tools |= dict.fromkeys(("docs", "files", "tables", "sandbox", "web"), "ask")
    elif taken(persona):
        tools = {name: "ask" if name in taken(persona) else policy for name, policy in persona.tools.items()}
    else:
        return text
    return with_field(text, "tools", "".join(f"\n  {name}: {policy}" for name, policy in tools.items()))


def with_field(text: str, name: str, value: str) -> str:
    """The text with one field of its front matter written anew; the rest is left as it is."""
    lines = text.replace("\r\n", "\n").split("\n")
    end = next(at for at in range(1, len(lines)) if lines[at].rstrip() == "---")
    first = next((at for at in range(1, end) if re.match(rf"(['\"]?){name}\1\s*:", lines[at])), end)
    after = first + 1 if first < end else end
    while first < end and after < end and (not lines[after].strip() or lines[after][0] in " \t-]}"):
        after += 1
    separator = "" if value.startswith("\n") else " "
    return "\n".join([*lines[:first], f"{name}:{separator}{value}", *lines[after:]])


def what_to_look_at(persona: Persona) -> list[str]:
    """What somebody who takes up a stranger's persona should know of it, as sentences."""
    found: list[str] = []
    if persona.role == "editor":
        found.append("It asks to be an editor. It stays a commenter until an owner of the studio agrees.")
    if persona.autonomy == "act":
        found.append("It would change texts itself if it were an editor.")
    asking = [name for name, policy in (persona.tools or {}).items() if policy == "ask"]
    if asking:
        found.append(f"It may ask to use: {', '.join(asking)}.")
    if "suggestion" in persona.triggers:
        found.append("It begins by itself when somebody suggests a change.")
    if persona.model:
        found.append(f"It wishes for a model that may cost money: {', '.join(persona.model)}.")
    if limits := _limits(persona):
        found.append(f"It may use up, in one request: {limits}.")
    if hosts := sorted(set(_LINK.findall(persona.manner))):
        found.append(f"Its instructions name addresses on the web: {', '.join(hosts[:8])}.")
    return found


def _limits(persona: Persona) -> str:
    given = {name: getattr(persona.budget, name) for name in _LIMITS}
    return ", ".join(f"{value:,g} {name}" for name, value in given.items() if value is not None)


def slug(name: str) -> str:
    """An id made from a name: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = "-".join(re.findall(r"[a-z0-9]+", plain))[:40].strip("-")
    return made if made and not _PERSON.fullmatch(made) else "agent"


# -- the text


def _only_what_is_seen(text: str) -> None:
    """Refuse what a person who reads the file does not see, for the model would: tags, turned writing, controls."""
    for number, line in enumerate(text.split("\n"), 1):
        for char in line:
            kind = unicodedata.category(char)
            if (kind in ("Cc", "Cs", "Co") and char != "\t") or (kind == "Cf" and char not in _SHAPING):
                raise BadPersona(
                    number, f"It holds U+{ord(char):04X}, which nobody sees.", "Delete it, or type the line anew."
                )


def _fields(front: str) -> dict[str, _Value]:
    node = front_matter.composed(front, BadPersona)
    if node is None:
        raise BadPersona(2, "The agent has no name.", "Write name: and a name between the --- lines.")
    if not isinstance(node, yaml.MappingNode):
        raise BadPersona(2, "The front matter has no fields.", "Write one field a line, such as name: Critic.")
    fields = cast("dict[str, _Value]", _plain(node, 0).value)
    for name, value in fields.items():
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1, 0.6)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise BadPersona(
                value.line, f"{name[:40]!r} is not a field.", f"{meant}The fields are {', '.join(FIELDS)}."
            )
    if "name" not in fields:
        raise BadPersona(2, "The agent has no name.", "Write name: and a name between the --- lines.")
    return fields


def _plain(node: yaml.Node, depth: int) -> _Value:
    """Texts, lists and mappings as they are written: YAML's own ideas (off is false, 1:30 is ninety) do not count."""
    line = front_matter.line(node)
    if depth > 2:
        raise BadPersona(line, "This is nested too deeply.", "Fields hold a text, a list, or names with a value each.")
    if isinstance(node, yaml.ScalarNode):
        return _Value(str(node.value), line)
    if isinstance(node, yaml.SequenceNode):
        return _Value([_plain(item, depth + 1) for item in node.value], line)
    found: dict[str, _Value] = {}
    for key, value in cast(Any, node).value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadPersona(front_matter.line(key), "A name is expected here.", "Write name: value.")
        if key.value in found:
            raise BadPersona(front_matter.line(key), f"{key.value[:40]!r} is there twice.", "Leave one of the two.")
        found[str(key.value)] = _Value(_plain(value, depth + 1).value, front_matter.line(key))
    return _Value(found, line)


# -- the fields

_Check = Callable[[str, int], str]


class _Reader:
    """Takes fields of one or of several texts."""

    def __init__(self, fields: Mapping[str, _Value]) -> None:
        self._fields = fields

    def one(self, name: str, check: _Check) -> str | None:
        """The field's text as `check` gives it; None when the field is not there."""
        found = self._fields.get(name)
        if found is None:
            return None
        if not isinstance(found.value, str):
            raise BadPersona(found.line, f"{name} must be one text.", f"Write {name}: and a text behind it.")
        return check(found.value, found.line)

    def several(self, name: str, check: _Check, most: int) -> tuple[str, ...] | None:
        """The field's texts, each once; one that is no list is a list of one."""
        found = self._fields.get(name)
        if found is None:
            return None
        items = [found] if isinstance(found.value, str) else found.value
        if not isinstance(items, list) or not all(isinstance(item.value, str) for item in items):
            raise BadPersona(found.line, f"{name} must be a list.", f"Write {name}: [one, another].")
        if isinstance(found.value, str) and not found.value:
            items = []
        if len(items) > most:
            raise BadPersona(found.line, f"{name} has {len(items)} entries; {most} are the most.", "Leave some out.")
        return tuple(dict.fromkeys(check(item.value, item.line) for item in items))


def _among(known: Any) -> _Check:
    def check(value: str, line: int) -> str:
        if value not in known:
            near = difflib.get_close_matches(value, list(known), 1, 0.6)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise BadPersona(line, f"{value[:40]!r} is not known here.", f"{meant}Use {', '.join(known)}.")
        return value

    return check


def _name(value: str, line: int) -> str:
    try:
        name = clean_name(value)
    except Invalid:
        raise BadPersona(line, "The name is empty.", "Write the name that people will see.") from None
    if len(value.strip()) > MAX_NAME:
        raise BadPersona(line, f"The name is longer than {MAX_NAME} characters.", "Shorten it.")
    return name


def _color(value: str, line: int) -> str:
    if not value:
        raise BadPersona(line, "The colour is missing.", 'A colour needs quotes: color: "#9048fc".')
    try:
        return clean_color(value)
    except Invalid:
        raise BadPersona(line, f"{value[:20]!r} is no colour.", 'Write it as color: "#9048fc".') from None


def _description(value: str, line: int) -> str:
    said = " ".join(value.split())
    if len(said) > LONGEST_DESCRIPTION:
        raise BadPersona(line, f"The description is longer than {LONGEST_DESCRIPTION} characters.", "Shorten it.")
    return said


def _wish(value: str, line: int) -> str:
    if not _WISH.fullmatch(value):
        raise BadPersona(line, f"{value[:40]!r} is no name of a model.", "Write it as the list of models has it.")
    return value


def _tools(found: _Value | None) -> Mapping[str, Policy] | None:
    if found is None:
        return None
    given = found.value
    if isinstance(given, str) and not given:
        return {}
    if isinstance(given, list) and all(isinstance(item.value, str) for item in given):
        given = {item.value: _Value("allow", item.line) for item in given}
    if not isinstance(given, dict):
        raise BadPersona(found.line, "tools must name tools.", "Write tools: {canvas: allow, web_search: ask}.")
    if len(given) > MOST_TOOLS:
        raise BadPersona(found.line, f"tools has {len(given)} entries; {MOST_TOOLS} are the most.", "Name groups.")
    policies: dict[str, Policy] = {}
    for name, policy in given.items():
        if not _TOOL.fullmatch(name):
            raise BadPersona(policy.line, f"{name[:60]!r} is no name of a tool.", "Look at the list of tools.")
        if not isinstance(policy.value, str) or policy.value not in POLICIES:
            raise BadPersona(policy.line, f"{name} must be allow, ask or off.", f"Write {name}: ask.")
        policies[name] = cast(Policy, policy.value)
    return policies


def _budget(found: _Value | None) -> Limits:
    if found is None or found.value == "":
        return Limits()
    if not isinstance(found.value, dict):
        raise BadPersona(found.line, "budget must name limits.", "Write budget: {steps: 20, tokens: 60000}.")
    limits: dict[str, Any] = {}
    for name, given in found.value.items():
        if name not in _LIMITS:
            raise BadPersona(given.line, f"{name[:40]!r} is no limit.", f"The limits are {', '.join(_LIMITS)}.")
        kind, most = _LIMITS[name]
        written = given.value.replace("_", "") if isinstance(given.value, str) else ""
        pattern = r"\d{1,9}" if kind is int else r"\d{1,9}(\.\d{1,6})?"
        if not written.isascii() or not re.fullmatch(pattern, written) or not 0 < float(written) <= most:
            raise BadPersona(given.line, f"{name} must be a number up to {most:,.0f}.", f"Write {name}: 20.")
        limits[name] = kind(written)
    return Limits(**limits)
