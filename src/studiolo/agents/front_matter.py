"""Markdown with YAML in front of it: the form that people write agents and kinds of tasks in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from studiolo.canvas.errors import Invalid

Bad = Callable[[int, str, str], Invalid]
"""The error of a line, counted from 1: what is wrong there, and what to do about it."""


def parts(text: str, longest: int, bad: Bad) -> tuple[str, str, int]:
    """Front matter of at most `longest` characters, body, and the line where the body begins. Raises what `bad`
    makes."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        raise bad(1, "The file does not begin with ---.", "Begin with ---, then name: ..., then --- again.")
    for at in range(1, len(lines)):
        if lines[at].rstrip() == "---":
            front = "\n".join(lines[1:at])
            if len(front) > longest:
                raise bad(1, "The front matter is too long.", "Write the instructions below the second ---.")
            return front, "\n".join(lines[at + 1 :]), min(at + 2, len(lines))
    raise bad(len(lines), "The front matter does not end.", "Write --- on a line of its own behind it.")


def composed(front: str, bad: Bad) -> yaml.Node | None:
    """The YAML of front matter, unread, so that whoever reads it can tell the `line` of what is wrong; None where
    there is nothing. Raises what `bad` makes."""
    try:
        for event in yaml.parse(front, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise bad(line(event), "Anchors and aliases are not used here.", "Write the value out.")
        return yaml.compose(front, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or error.context or "it is not YAML").strip()
        hint = "Put a text that holds : or # or { or quotes in double quotes."
        raise bad(2 + (mark.line if mark else 0), f"This is not YAML: {what}.", hint) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise bad(2, "The front matter is not YAML.", "Write one field a line, such as name: Critic.") from None


def line(thing: Any) -> int:
    """The line of the file in which a node or event of its front matter begins."""
    return 2 + thing.start_mark.line
