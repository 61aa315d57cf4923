"""What an answer rests on: passages of the pages and of the files beside them, and whether what it quotes is there.
What stands in neither may have been read on the web: then the answer leads there, and says that it was the agent who
read it.

A quote is looked for in the very text, of the pages here and of files where they are kept. What is found here is only
where to look: the studio looks again when the message is kept, and marks what is not there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from studiolo.agents import context
from studiolo.agents.context import Passage
from studiolo.agents.prose import words
from studiolo.agents.work import Work
from studiolo.canvas import Canvas
from studiolo.canvas.errors import Conflict, NotFound
from studiolo.canvas.quotes import Quote, resolve
from studiolo.tools.attachments import Attachment

QUOTED = re.compile(r"“([^”]{8,400})”|\"([^\"\n]{8,400})\"")
LEAST_QUOTE = 3  # words; shorter ones are terms and scare quotes
NEAR = 120  # characters after a quote in which its source is named


async def passages(work: Work, question: str, limit: int) -> list[Passage]:
    """The passages of the pages and of the files that have most to do with a question, by turns."""
    file = str(work.option.get("file") or "")
    pages = [] if file else context.pages_of(work.surface.canvas)
    found = await asyncio.to_thread(lambda: context.retrieve(context.passages(pages), question, limit))
    both = zip_longest(found, await from_files(work, question, limit))
    return [passage for passage in chain.from_iterable(both) if passage is not None][:limit]


async def from_files(work: Work, question: str, limit: int) -> list[Passage]:
    """The passages of the files alone: of all, or of the one that the question is about."""
    if work.files is None:
        return []
    try:
        hits = await work.files.search(work.surface.id, question, limit, str(work.option.get("file") or ""))
    except NotFound:
        return []
    return [Passage("", hit.name, hit.start, hit.text, hit.attachment, hit.place) for hit in hits]


async def cited(work: Work, answer: str, page: str | None) -> list[dict[str, Any]]:
    """The passages that an answer puts in quotation marks, and where each stands: in a page, in a file, at an address
    that the agent has read, or nowhere."""
    files = await work.files.list(work.surface.id) if work.files is not None else []
    found: list[dict[str, Any]] = []
    for quote, after in _quotes(answer):
        one = in_pages(work.surface.canvas, quote, page)
        named = [file for file in files if file.name in after]
        wanted = [*named, *(file for file in files if file not in named)] if named or not one["found"] else []
        if wanted and (id := await _in_files(work, quote, wanted)):
            one = {"attachment": id, "quote": quote, "found": True}
        elif not one["found"] and (url := _on_the_web(work.given.web, quote, after)):
            one = {"url": url, "quote": quote}
        found.append(one)
    return found


def quoted(canvas: Canvas, answer: str, page: str | None) -> list[dict[str, Any]]:
    """The same where there are no files."""
    return [in_pages(canvas, quote, page) for quote, _ in _quotes(answer)]


def in_pages(canvas: Canvas, quote: str, page: str | None) -> dict[str, Any]:
    """Where in the pages a quote stands; `page` is looked at first."""
    pages = context.pages_of(canvas)
    pages.sort(key=lambda entry: entry[0] != page)
    at = next((id for id, _, text in pages if _is_in(text, quote)), None)
    return {"page": at or page or "", "quote": quote, "found": at is not None}


def _quotes(answer: str) -> list[tuple[str, str]]:
    """Each quote once, with what follows it."""
    found: dict[str, str] = {}
    for match in QUOTED.finditer(answer):
        quote = (match.group(1) or match.group(2)).strip()
        if len(words(quote)) >= LEAST_QUOTE:
            found.setdefault(quote, answer[match.end() : match.end() + NEAR])
    return list(found.items())


async def _in_files(work: Work, quote: str, files: Sequence[Attachment]) -> str:
    assert work.files is not None
    for file in files:
        try:
            if await work.files.find(work.surface.id, file.id, quote):
                return file.id
        except NotFound:  # removed just now
            continue
    return ""


def _on_the_web(read: Mapping[str, str], quote: str, after: str) -> str:
    """The address at which the agent has read it, the one that it names before others."""
    return next((url for url in sorted(read, key=lambda url: url not in after) if _is_in(read[url], quote)), "")


def _is_in(text: str, quote: str) -> bool:
    if quote in text:
        return True
    try:
        resolve(text, Quote(quote.rstrip(".,;")))
    except Conflict as error:
        return error.code == "quote_ambiguous"
    return True
