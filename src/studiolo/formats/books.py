"""Pages as one document for pandoc: chapters in order, each read by itself, so that notes keep to their page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from studiolo.formats import pandoc
from studiolo.formats.chapters import first_heading
from studiolo.formats.drafts import PageDraft
from studiolo.formats.marks import without

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
WRAPPED = range(45, 100)  # characters of the lines of a text that a program wrapped
PAGE_MARK = "studiolo_page_"
"""The name of the place where a page begins; one whose title is no text of the page ends in `_title`."""
CODE_MARK = "studiolo_code_"
"""The name of a piece of code: with a number and its language."""


def book(
    title: str,
    pages: Sequence[PageDraft],
    texts: Sequence[str] | None = None,
    author: str = "",
    for_word: bool = False,
    pictures: bool = False,
) -> bytes:
    """One document of pandoc's, as JSON. `texts` stand in for the pages' own, with marks in them.

    `for_word`: what is HTML in a page is text of the document, which would leave it out otherwise, and code is named by
    its language. Without `pictures` there is a link in the place of each: nothing is fetched to be put into a file.
    """
    texts = texts or [page.text for page in pages]
    read = pandoc.documents([(dialect(text), text) for text in map(_as_prose, pages, texts)])
    blocks: list[Any] = []
    for number, (page, text, document) in enumerate(zip(pages, texts, read, strict=True), start=1):
        own = document["blocks"]
        heading = first_heading(without(text)) if page.kind in ("prose", "note") else None
        if heading and own and own[0]["t"] == "Header":
            own[0]["c"][1][0] = f"{PAGE_MARK}{number}"
        elif len(pages) > 1 or page.kind in ("code", "data"):
            name = [f"{PAGE_MARK}{number}_title", [], []]
            own.insert(0, {"t": "Header", "c": [1, name, words(page.title or "Untitled")]})
        blocks += own
    named = {"title": title, "author": author}
    meta = {name: {"t": "MetaInlines", "c": words(value)} for name, value in named.items() if value.strip()}
    if not pictures:
        _without_pictures(blocks)
    if for_word:
        _for_word(blocks, count(1))
    version = read[0]["pandoc-api-version"] if read else [1, 23, 1]
    return json.dumps({"pandoc-api-version": version, "meta": meta, "blocks": blocks}).encode()


def _for_word(node: Any, numbers: Iterator[int]) -> None:
    """Make raw HTML plain text, but for line breaks, and give code the names that its language is in."""
    if isinstance(node, list):
        for place, child in enumerate(node):
            raw = isinstance(child, dict) and child.get("t") in ("RawInline", "RawBlock")
            if isinstance(child, dict) and child.get("t") == "CodeBlock":
                language = re.sub(r"[^A-Za-z0-9]", "", "".join(child["c"][0][1][:1]))[:12]
                child["c"][0][0] = f"{CODE_MARK}{next(numbers)}_{language}" if language else ""
            elif not raw:
                _for_word(child, numbers)
            elif re.fullmatch(r"(?i)<br\s*/?>", child["c"][1].strip()):
                node[place] = {"t": "LineBreak"}
            elif child["t"] == "RawInline":
                node[place] = {"t": "Str", "c": child["c"][1]}
            else:
                node[place] = {"t": "Para", "c": words(child["c"][1])}
    elif isinstance(node, dict):
        _for_word(node.get("c"), numbers)


def _without_pictures(node: Any) -> None:
    """Put a link, or where that leads nowhere the words that tell of it, in the place of each picture."""
    if isinstance(node, list):
        for place, child in enumerate(node):
            _without_pictures(child)
            if isinstance(child, dict) and child.get("t") == "Image":
                address = child["c"][2][0]
                told = child["c"][1] or [{"t": "Str", "c": address.rsplit("/", 1)[-1] or "picture"}]
                leads = re.match(r"https?://", address)
                node[place] = {
                    "t": "Link" if leads else "Span",
                    "c": [["", [], []], told, child["c"][2]][: 3 if leads else 2],
                }
    elif isinstance(node, dict):
        _without_pictures(node.get("c"))


def words(text: str) -> list[Any]:
    """Text as pandoc's inlines, nothing in it read as Markdown."""
    found: list[Any] = []
    for word in text.split():
        found += [{"t": "Str", "c": word}, {"t": "Space"}]
    return found[:-1]


def dialect(text: str) -> str:
    """How to read a page's Markdown: its line ends are its author's, unless a program wrapped its lines."""
    return pandoc.MARKDOWN + ("" if _wrapped(text) else "+hard_line_breaks")


def _as_prose(page: PageDraft, text: str) -> str:
    if page.kind not in ("code", "data"):
        return text
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{PurePosixPath(page.title).suffix.lstrip('.')}\n{text.rstrip(chr(10))}\n{fence}\n"


def _wrapped(text: str) -> bool:
    """Whether the lines within paragraphs are about as long as one another, and as lines on paper."""
    inner: list[int] = []
    for paragraph in re.split(r"\n[ \t]*\n", without(text)):
        lines = paragraph.split("\n")
        if len(lines) > 1 and not FENCE.match(lines[0]) and not lines[0].lstrip().startswith(("|", "-", "*", "+", ">")):
            inner += [len(line) for line in lines[:-1]]
    return len(inner) > 3 and sum(length in WRAPPED for length in inner) >= 0.8 * len(inner)
