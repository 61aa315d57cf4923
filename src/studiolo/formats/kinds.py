"""What kind of page a file becomes, by its name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

PageKind = Literal["prose", "code", "note", "data"]

PROSE_SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".txt", ".text"})
DATA_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson"})
CODE_LANGUAGES = """
    py pyi js mjs cjs ts tsx jsx svelte vue html htm css scss sql sh bash zsh fish ps1 rs go c h cc cpp hpp cs java kt
    scala swift m rb php pl lua r jl hs ml ex exs erl clj lisp el zig nim dart toml yaml yml ini cfg xml tex bib rst
    make cmake dockerfile tf proto graphql
"""
CODE_SUFFIXES = frozenset(f".{name}" for name in CODE_LANGUAGES.split())
CODE_NAMES = frozenset({"makefile", "dockerfile", "justfile", "rakefile", "gemfile"})
TEXT_SUFFIXES = PROSE_SUFFIXES | DATA_SUFFIXES | CODE_SUFFIXES


def kind_of(name: str) -> PageKind:
    """The page kind for a file name: code and tables by their extension, everything else is prose."""
    path = PurePosixPath(name.replace("\\", "/"))
    suffix = path.suffix.lower()
    if suffix in CODE_SUFFIXES or path.name.lower() in CODE_NAMES:
        return "code"
    return "data" if suffix in DATA_SUFFIXES else "prose"


def is_text_name(name: str) -> bool:
    """Whether a folder import should read this file at all."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.suffix.lower() in TEXT_SUFFIXES or path.name.lower() in CODE_NAMES
