"""What a model is given to read, within what it can hold: the outline of the canvas, the text around the place, and
passages from anywhere in the canvas that have to do with what is asked.

Everything that is handed over is recorded in `Given`, so that a person can see what an answer was based on.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from studiolo.agents.checks import STOP
from studiolo.agents.prose import estimate_tokens, paragraphs, sentence_ends, words
from studiolo.canvas import Canvas

PASSAGE = 1_200  # characters; longer paragraphs are cut into passages at sentence ends
NEIGHBOURS = 0.3  # what a passage gets of what those beside it have to do with a question
TELLING = 600  # characters; a shorter passage counts for less
MOST_OF_A_SITE = 400_000  # characters of one web address that are held while a run works, to look quotes up in
LARGEST = 4_000_000  # characters of a canvas that are searched; more would hold up the request


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, or a part of a long one, with its place: in a page, or in a file of which `title` is the name."""

    page: str
    title: str
    start: int
    text: str
    attachment: str = ""
    place: str = ""

    @property
    def source(self) -> str:
        """What it is from, in words."""
        return f"{self.title}, {self.place}" if self.place else self.title


@dataclass(slots=True)
class Given:
    """The record of what a model was given."""

    context: int
    parts: list[dict[str, Any]] = field(default_factory=list)
    taste: str = ""  # "shown" or "withheld", where there were examples of what people decided before
    web: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """What was read on the web, by its address: to look quotes up in. It is not kept when a run rests."""

    def add(self, kind: str, text: str, *, page: str = "", title: str = "", start: int = 0, cut: int = 0) -> str:
        """Note a part and give its text back; `cut` is how many characters were left out of it."""
        if kind == "web":
            self.web[title] = f"{self.web.get(title, '')}\n{text}"[-MOST_OF_A_SITE:]
        if text.strip():
            part: dict[str, Any] = {
                "kind": kind,
                "page": page,
                "title": title,
                "start": start,
                "characters": len(text),
                "tokens": estimate_tokens(text),
                "cut": cut,
            }
            if kind == "passage":
                part["text"] = text if len(text) <= 160 else text[:157].rstrip() + "…"
            if part not in self.parts:
                self.parts.append(part)
        return text

    def as_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "context": self.context,
            "tokens": sum(part["tokens"] for part in self.parts),
            "parts": list(self.parts),
        }
        return made | ({"taste": self.taste} if self.taste else {})


def tail(text: str, tokens: int) -> str:
    """The end of a text within so many tokens, beginning at a paragraph, a sentence, or at least a word."""
    if estimate_tokens(text) <= tokens:
        return text
    kept = text[-max(0, int(tokens * 3.2)) :] if tokens > 0 else ""
    while kept and estimate_tokens(kept) > tokens:
        kept = kept[len(kept) // 8 + 1 :]
    paragraph = kept.find("\n\n")
    if 0 <= paragraph < len(kept) // 3:
        return kept[paragraph + 2 :]
    ends = [end for end in sentence_ends(kept) if end < len(kept) // 2]
    if ends:
        return kept[ends[0] :].lstrip()
    blank = re.search(r"\s+", kept)
    return kept[blank.end() :] if blank and blank.end() < len(kept) else kept


def head(text: str, tokens: int) -> str:
    """The beginning of a text within so many tokens, ending at a paragraph, a sentence, or at least a word."""
    if estimate_tokens(text) <= tokens:
        return text
    kept = text[: max(0, int(tokens * 3.2))] if tokens > 0 else ""
    while kept and estimate_tokens(kept) > tokens:
        kept = kept[: len(kept) - len(kept) // 8 - 1]
    paragraph = kept.rfind("\n\n")
    if paragraph > len(kept) * 2 // 3:
        return kept[:paragraph]
    ends = [end for end in sentence_ends(kept) if end > len(kept) // 2]
    if ends:
        return kept[: ends[-1]]
    blank = kept.rfind(" ")
    return kept[:blank] if blank > 0 else kept


def outline(canvas: Canvas, here: str | None, tokens: int) -> str:
    """The canvas's pages, one a line, with their headings for as long as there is room."""
    lines = [f"Canvas: {canvas.title}" if canvas.title else "Canvas without a title"]
    pages = [page for page in canvas.outline() if not page.get("removed")]
    for page in pages:
        mark = " (this page)" if page["id"] == here else ""
        lines.append(f"- {page['title']}, {page['kind']}, {page['words']} words{mark}")
    room = tokens - estimate_tokens("\n".join(lines))
    if room < 0:
        return head("\n".join(lines), tokens)
    for page in pages:
        if page["kind"] not in ("prose", "note"):
            continue
        titles = re.findall(r"^#{1,4} +(.+)$", canvas.page_text(page["id"])[:200_000], re.MULTILINE)[:12]
        line = f"  Headings of {page['title']}: " + "; ".join(titles)
        if titles and (room := room - estimate_tokens(line)) > 0:
            lines.append(line)
    return "\n".join(lines)


def passages(pages: Iterable[tuple[str, str, str]]) -> list[Passage]:
    """The passages of pages given as (id, title, text)."""
    found: list[Passage] = []
    left = LARGEST
    for page, title, text in pages:
        for piece in paragraphs(text[:left]):
            if not piece.prose:
                continue
            at = 0
            ends = [*sentence_ends(piece.text), len(piece.text)]
            for here, end in enumerate(ends):
                full = end == len(piece.text) or ends[here + 1] - at > PASSAGE
                if full and piece.text[at:end].strip():
                    found.append(Passage(page, title, piece.start + at, piece.text[at:end].strip()))
                    at = end
        left = max(0, left - len(text))
    return found


def retrieve(found: Sequence[Passage], query: str, limit: int = 8) -> list[Passage]:
    """The passages that have most to do with a query, best first: BM25 as SQLite's FTS5 computes it, over stems.

    A passage is also judged by its neighbours, and a short one, in which a single word weighs much, counts for less:
    chosen on half of the questions of bench/documentation.py, and better on the other half, too.
    """
    asked = [word for word in dict.fromkeys(word.lower() for word in words(query)) if word not in STOP][:40]
    if not asked or not found:
        return []
    with sqlite3.connect(":memory:") as database:
        database.execute("create virtual table passage using fts5(text, tokenize='porter unicode61')")
        database.executemany(
            "insert into passage(rowid, text) values (?, ?)",
            ((at, passage.text) for at, passage in enumerate(found)),
        )
        match = " OR ".join('"' + word.replace('"', "") + '"' for word in asked)
        rows = database.execute("select rowid, -bm25(passage) from passage where passage match ?", (match,)).fetchall()
    database.close()
    own: dict[int, float] = dict(rows)

    def worth(at: int) -> float:
        beside = sum(own.get(one, 0.0) for one in (at - 1, at + 1) if one in own and found[one].page == found[at].page)
        return (own[at] + NEIGHBOURS * beside) * math.sqrt(min(1.0, len(found[at].text) / TELLING))

    return [found[at] for at in sorted(own, key=lambda at: (-worth(at), at))[:limit]]


def pages_of(canvas: Canvas) -> list[tuple[str, str, str]]:
    """The pages that are not removed, as `passages` takes them."""
    return [
        (page["id"], page["title"], canvas.page_text(page["id"]))
        for page in canvas.outline()
        if not page.get("removed")
    ]
