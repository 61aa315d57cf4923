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
NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no XML file may hold: with one of them a whole book could not be opened."""
TAGS = {
    **dict.fromkeys(("b", "strong"), "Strong"),
    **dict.fromkeys(("i", "em"), "Emph"),
    **dict.fromkeys(("s", "del"), "Strikeout"),
    "u": "Underline",
    "sup": "Superscript",
    "sub": "Subscript",
}
"""The HTML in a page that every format can have, as pandoc calls it."""


def book(
    title: str,
    pages: Sequence[PageDraft],
    texts: Sequence[str] | None = None,
    author: str = "",
    for_word: bool = False,
    pictures: bool = False,
) -> bytes:
    """One document of pandoc's, as JSON. `texts` stand in for the pages' own, with marks in them.

    What is HTML in a page is text of the document, but for simple type: a book that is opened runs nothing. `for_word`:
    code is named by its language. Without `pictures` there is a link in the place of each: nothing is fetched to be put
    into a file.
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
    meta = {name: {"t": "MetaInlines", "c": words(value)} for name, value in named.items() if words(value)}
    if not pictures:
        _without_pictures(blocks)
    blocks = _printable(blocks)
    _without_scripts(blocks, within=for_word)
    if for_word:
        _for_word(blocks, count(1))
    else:
        _without_html(blocks)
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


def _printable(node: Any) -> Any:
    """The same without characters that no XML may hold."""
    if isinstance(node, str):
        return NO_XML.sub("", node)
    if isinstance(node, list):
        return [_printable(child) for child in node]
    return {name: _printable(child) for name, child in node.items()} if isinstance(node, dict) else node


def _without_scripts(node: Any, within: bool) -> None:
    """Put the words alone in the place of each link that leads to no page, but would do something; and, but for
    `within`, of one that leads to a place in the book: no place has such a name, and Typst would set no book then."""
    if isinstance(node, list):
        for place, child in enumerate(node):
            _without_scripts(child, within)
            if isinstance(child, dict) and child.get("t") == "Link":
                address = re.sub(r"[\x00-\x20]", "", child["c"][2][0])  # as browsers read it
                scheme = re.match(r"[^/?#]*?:", address)
                nowhere = address.startswith("#") and not within
                if nowhere or (scheme and scheme[0].lower() not in ("http:", "https:", "mailto:")):
                    node[place] = {"t": "Span", "c": [["", [], []], child["c"][1]]}
    elif isinstance(node, dict):
        _without_scripts(node.get("c"), within)


def _without_html(node: Any) -> None:
    """Make simple type of the HTML that is that, and text of the rest; comments go."""
    if isinstance(node, list):
        for child in node:
            _without_html(child)
        if any(isinstance(child, dict) and child.get("t") in ("RawInline", "RawBlock") for child in node):
            node[:] = _typed(node)
    elif isinstance(node, dict):
        _without_html(node.get("c"))


def _typed(nodes: Sequence[Any]) -> list[Any]:
    made: list[Any] = []
    begun: list[tuple[str, int]] = []  # what is open: a name for pandoc, and where
    for child in nodes:
        if child.get("t") not in ("RawInline", "RawBlock"):
            made.append(child)
            continue
        raw = child["c"][1].strip()
        tag = re.fullmatch(r"<(/?)(\w+)\s*/?>", raw)
        name = TAGS.get(tag[2].lower(), "") if tag else ""
        if re.fullmatch(r"(?s)<!--.*-->", raw):
            continue
        if child["t"] == "RawBlock":
            made.append({"t": "Para", "c": words(raw)})
        elif tag and tag[2].lower() == "br":
            made.append({"t": "LineBreak"})
        elif tag and tag[1] and name in (one for one, _ in begun):
            while begun:
                one, at = begun.pop()
                if one == name:
                    made[at:] = [{"t": name, "c": made[at + 1 :]}]
                    break
        else:
            if name and tag and not tag[1]:
                begun.append((name, len(made)))
            made.append({"t": "Str", "c": raw})
    return made


def words(text: str) -> list[Any]:
    """Text as pandoc's inlines, nothing in it read as Markdown."""
    found: list[Any] = []
    for word in NO_XML.sub("", text).split():
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
