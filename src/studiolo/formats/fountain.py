"""Fountain, the plain text of screenplays (https://fountain.io/syntax), as elements and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "scene", "action", "character", "dialogue", "parenthetical", "transition", "lyric", "centered", "break",
    "section", "synopsis",
]  # fmt: skip
HEADING = re.compile(r"(?:INT|EXT|EST|INT\.?/EXT|EXT\.?/INT|I\.?/E)[. ]", re.IGNORECASE)
NUMBER = re.compile(r"\s*#([\w.\-)]{1,20})#\s*$")
TITLE_KEY = re.compile(r"([A-Za-z][A-Za-z ]{0,30}):[ \t]*(.*)$")
SPOKEN = ("character", "dialogue", "parenthetical", "lyric")


@dataclass(frozen=True, slots=True)
class Element:
    """One paragraph of a screenplay. `number` is a scene's, `level` a section's, `dual` a character's who speaks
    beside the one before."""

    kind: Kind
    text: str
    number: str = ""
    level: int = 0
    dual: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A title page, key by key, and what follows."""

    title: dict[str, str] = field(default_factory=dict)
    elements: tuple[Element, ...] = ()


def is_fountain(text: str) -> bool:
    """Whether a text without a name that says so is a screenplay: it has scenes and somebody speaks."""
    kinds = [element.kind for element in parse(text).elements]
    return kinds.count("scene") > 1 and "dialogue" in kinds


def parse(text: str) -> Script:
    """A screenplay's elements, in order. What is nothing else is action."""
    lines = text.replace("\t", "    ").split("\n")
    title, start = _title(lines)
    return Script(title, tuple(_elements(lines[start:])))


def write(script: Script) -> str:
    """The screenplay as Fountain. Where an element would be taken for another it is forced to be what it is."""
    parts: list[str] = []
    for key, value in script.title.items():
        lines = value.split("\n")
        parts.append(f"{key}: {lines[0]}" if len(lines) == 1 else "\n    ".join([f"{key}:", *lines]))
    head = "\n".join(parts) + "\n\n" if parts else ""
    body: list[str] = []
    before: Element | None = None
    for element in script.elements:
        joined = before is not None and before.kind in SPOKEN and element.kind in SPOKEN and element.kind != "character"
        body.append(("\n" if joined else "\n\n") if before is not None else "")
        body.append(_line(element, joined))
        before = element
    text = "".join(body)
    if not head and _title(text.split("\n"))[0]:
        text = "\n" + text  # a colon in the first line is no title page
    return head + text + ("\n" if text else "")


def _title(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    key = ""
    for number, line in enumerate(lines):
        if not line.strip():
            return (found, number + 1) if found else ({}, 0)
        named = TITLE_KEY.match(line) if not line.startswith(" ") else None
        if named:
            key = named.group(1)
            found[key] = named.group(2).strip()
        elif key and line.startswith(" "):
            found[key] = f"{found[key]}\n{line.strip()}".strip("\n")
        else:
            return {}, 0
    return found, len(lines)


def _elements(lines: Sequence[str]) -> Iterator[Element]:
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if not line:
            at += 1
            continue
        alone = at == 0 or not lines[at - 1].strip()
        ends = at + 1 >= len(lines) or not lines[at + 1].strip()
        single = _single(line, alone, ends)
        if single is not None:
            yield single
            at += 1
            continue
        if alone and not ends and (name := _character(line)):
            yield name
            at += 1
            spoken, at = _spoken(lines, at)
            yield from spoken
            continue
        block = [_bare(lines[at])]
        at += 1
        while at < len(lines) and lines[at].strip() and _single(lines[at].strip(), False, False) is None:
            block.append(_bare(lines[at]))
            at += 1
        yield Element("action", "\n".join(block))


def _bare(line: str) -> str:
    line = line.rstrip()
    return line[1:] if line.startswith("!") else line


def _single(line: str, alone: bool, ends: bool) -> Element | None:
    """An element that is one line by itself."""
    if re.fullmatch(r"={3,}", line):
        return Element("break", "")
    if line.startswith("#"):
        level = len(line) - len(line.lstrip("#"))
        return Element("section", line[level:].strip(), level=level)
    if line.startswith("=") and not line.startswith("=="):
        return Element("synopsis", line[1:].strip())
    if line.startswith(">"):
        if line.endswith("<") and len(line) > 1:
            return Element("centered", line[1:-1].strip())
        return Element("transition", line[1:].strip())
    if line.startswith("~"):
        return Element("lyric", line[1:].strip())
    if line.startswith(".") and len(line) > 1 and line[1] != ".":
        return _scene(line[1:])
    if not alone or line.startswith(("!", "@")):
        return None
    if HEADING.match(line):
        return _scene(line)
    if ends and line.endswith("TO:") and line == line.upper():
        return Element("transition", line)
    return None


def _scene(line: str) -> Element:
    number = NUMBER.search(line)
    text = line[: number.start()] if number else line
    return Element("scene", text.strip(), number.group(1) if number else "")


def _character(line: str) -> Element | None:
    forced = line.startswith("@")
    name = line[1:] if forced else line
    dual = name.endswith("^")
    name = name.rstrip("^").strip()
    bare = re.sub(r"\([^()]*\)", "", name)
    if not name or line.startswith("!"):
        return None
    if not forced and (bare != bare.upper() or not any(letter.isalpha() for letter in bare)):
        return None
    return Element("character", name, dual=dual)


def _spoken(lines: Sequence[str], at: int) -> tuple[list[Element], int]:
    """What a character says, up to a blank line; one of two blanks is a pause within it."""
    spoken: list[Element] = []
    said: list[str] = []

    def end() -> None:
        if said:
            spoken.append(Element("dialogue", "\n".join(said)))
            said.clear()

    while at < len(lines) and (lines[at].strip() or (lines[at].startswith("  ") and said)):
        line = lines[at].strip()
        at += 1
        if line.startswith("(") and line.endswith(")"):
            end()
            spoken.append(Element("parenthetical", line))
        elif line.startswith("~"):
            end()
            spoken.append(Element("lyric", line[1:].strip()))
        else:
            said.append(line)
    while said and not said[-1]:
        said.pop()
    end()
    return spoken, at


def _line(element: Element, joined: bool) -> str:
    text = element.text
    if element.kind == "scene":
        number = f" #{element.number}#" if element.number else ""
        return ("" if HEADING.match(text) else ".") + text + number
    if element.kind == "character":
        dual = " ^" if element.dual else ""
        plain = _character(text)
        forced = (
            plain is None or plain.text != text or _single(text, True, False) is not None or bool(HEADING.match(text))
        )
        return ("@" if forced else "") + text + dual
    if element.kind == "dialogue":
        return "\n".join(line or "  " for line in text.split("\n"))
    if element.kind == "parenthetical":
        return text if text.startswith("(") and text.endswith(")") else f"({text})"
    if element.kind == "transition":
        return text if _single(text, True, True) == element and not text.startswith(">") else f"> {text}"
    if element.kind == "action":
        lines = text.split("\n")
        return "\n".join(_action(line, number, lines) for number, line in enumerate(lines))
    return {
        "lyric": f"~{text}",
        "centered": f"> {text} <",
        "break": "===",
        "section": f"{'#' * max(1, element.level)} {text}",
        "synopsis": f"= {text}",
    }[element.kind]


def _action(line: str, number: int, lines: Sequence[str]) -> str:
    bare = line.strip()
    first = number == 0
    taken = _single(bare, first, len(lines) == 1) is not None or bare.startswith("!")
    taken = taken or (first and (bare.startswith("@") or (len(lines) > 1 and _character(bare) is not None)))
    return f"!{line}" if taken else line
