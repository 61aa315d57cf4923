"""Changes of source code: whether one changes what the program does.

For Python that can be known: when the syntax tree is the same, only the way it is set has changed, or a comment. Other
languages are not parsed here, so whatever else changes in them is `code` of high risk.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings

from studiolo.canvas.kinds.verdict import Kinds

LONGEST_SOURCE = 40_000  # characters that are parsed, of both texts together: up to a tenth of a second
_SPEAKS_TO_TOOLS = re.compile(
    r"#!|\b(?:coding|noqa|type|pyright|mypy|pylint|pragma|fmt|isort|nosec|ruff|cython)\b\s*[:=]|# *(?:noqa|fmt|%%|///)"
    r"|doctest",
    re.I,
)
_WORDS = re.compile(r"\w+")
_DIGIT = re.compile(r"\d+")


def source_kinds(was: str, now: str, before: str, after: str, title: str) -> Kinds:
    """The kinds of a change of code. `before` and `after` are the rest of the page; `title` names its language."""
    if "#" not in before.rpartition("\n")[2] + was + now and _WORDS.findall(was) != _WORDS.findall(now):
        return Kinds.of("code", "high", "code changes")  # seen without reading all of it
    old, new = before + was + after, before + now + after
    if title.endswith((".py", ".pyi")) and len(old) + len(new) <= LONGEST_SOURCE:
        return _python(old, new)
    if was.split() == now.split():
        return Kinds.of("code", "medium", "only blanks change, in a language that is not read here")
    return Kinds.of("code", "high", "code changes")


def _python(old: str, new: str) -> Kinds:
    trees = _tree(old), _tree(new)
    if trees[0] is None or trees[1] is None:
        return Kinds.of("code", "high", "it cannot be read as Python")
    if trees[0] != trees[1]:
        return Kinds.of("code", "high", "the program changes")
    comments = _comments(old), _comments(new)
    if comments[0] == comments[1]:
        return Kinds.of("typography", "low", "the program stays the same")
    changed = set(comments[0]) ^ set(comments[1])
    if any(_SPEAKS_TO_TOOLS.search(comment) for comment in changed) or len(changed) != len(
        [comment for comment in changed if comments[0].count(comment) + comments[1].count(comment) == 1]
    ):
        return Kinds.of("code", "high", "a comment that tools read changes")
    if _DIGIT.findall(" ".join(comments[0])) != _DIGIT.findall(" ".join(comments[1])):
        return Kinds.of("number", "high", "a number in a comment changes")
    return Kinds.of("wording", "medium", "a comment changes, the program does not")


def _tree(source: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(source, type_comments=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _comments(source: str) -> list[str]:
    try:
        read = tokenize.generate_tokens(io.StringIO(source).readline)
        return [token.string for token in read if token.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return [source]
