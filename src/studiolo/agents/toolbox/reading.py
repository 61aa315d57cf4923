"""Reading the canvas: what there is, a page in parts, passages that have to do with something, what was said.

What the agent has read is noted in the run's `Given`, so that a person can see what an answer was based on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic_ai import ModelRetry

from studiolo.agents.toolbox.marks import data, unmarked
from studiolo.agents.toolbox.offers import Arguments, Context, Offer, short
from studiolo.agents.work import Work
from studiolo.canvas import Canvas
from studiolo.canvas.document import plain
from studiolo.canvas.errors import NotFound
from studiolo.canvas.quotes import Quote, resolve
from studiolo.canvas.records import SuggestionRecord

HEADINGS = 40  # of one page, in the outline
MOST_PAGES = 300  # in the outline
MOST_SUGGESTIONS = 40
MOST_MESSAGES = 100
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)


def room_of(work: Work) -> int:
    """How many characters one result may have: a fifth of what the model can hold, and never more than a chapter."""
    return max(2_000, min(24_000, int(work.voice.info.context * 3.2 / 5)))


# -- tools


async def outline(ctx: Context) -> str:
    """List the canvas: its pages with id, title, words and headings; open suggestions; who works where.

    Start here when you do not know the canvas. Use a page's id wherever a tool asks for `page`.
    """
    work = ctx.deps
    canvas = work.surface.canvas
    lines = [f"Canvas: {canvas.title or 'without a title'}"]
    pages = [page for page in canvas.outline() if not page["removed"]]
    room = room_of(work)
    for page in pages[:MOST_PAGES]:
        lines.append(f"- page {page['id']}: {page['title']} ({page['kind']}, {page['words']} words)")
        if page["kind"] in ("prose", "note"):
            titles = [found[1].strip() for found in _HEADING.finditer(canvas.page_text(page["id"]))][:HEADINGS]
            if titles and sum(map(len, lines)) < room:
                lines.append(f"  headings: {short('; '.join(titles), 600)}")
    if len(pages) > MOST_PAGES:
        lines.append(f"… and {len(pages) - MOST_PAGES} more pages: use search.")
    for claim in await work.turns.here(work.surface) if work.turns is not None else ():
        if claim.run != work.run and (span := claim.span(work.surface)) is not None:
            passage = short(canvas.page_text(claim.page)[span.start : span.end], 80)
            lines.append(f"{claim.name} is working on “{passage}” in page {claim.page}: leave that to them.")
    waiting = [record for record in canvas.register.waiting_anywhere() if record.status != "streaming"]
    if waiting:
        lines.append(f"{len(waiting)} suggestions wait for a decision; read_page with suggestions=true shows them.")
    work.given.add("outline", "\n".join(lines))
    return data("the canvas", "\n".join(lines)[: 2 * room])


async def read_page(
    ctx: Context,
    page: str,
    start_line: int = 1,
    end_line: int | None = None,
    around: str = "",
    suggestions: bool = False,
) -> str:
    """Read a page's text as it is now, in parts when it is long.

    Args:
        page: The page's id, from outline.
        start_line: The first line to read, counted from 1.
        end_line: The last line to read; without it, as much as fits.
        around: Instead of lines: words of the page, word for word, to read the text around.
        suggestions: Also list the suggestions that wait on this page, yours and others'.
    """
    work = ctx.deps
    canvas = work.surface.canvas
    about = known_page(canvas, page)
    page = about["id"]
    text = canvas.live_page(page)
    part, first, last, cut = _part(text, start_line, end_line, unmarked(around), room_of(work))
    lines = text.count("\n") + 1
    where = f"lines {first}–{last} of {lines}" if (first, last) != (1, lines) or cut else f"all {lines} lines"
    work.given.add("page", part, page=page, title=about["title"], start=max(0, text.find(part)))
    work.show("reading", page)
    found = [data(f"page “{about['title']}”", part or "(The page is empty.)", page=page, part=where)]
    if cut:
        found.append(f"Line {last} goes on: read on with around= and the last words above.")
    elif last < lines:
        found.append(f"Go on with start_line={last + 1}.")
    if suggestions:
        found.append(_suggestions(work, canvas, page))
    return "\n".join(found)


async def read_threads(ctx: Context, page: str | None = None, resolved: bool = False) -> str:
    """Read the comments in the margin: each thread with its id, the passage it is about, and what was said.

    Args:
        page: Only those on this page.
        resolved: Also those that are settled.
    """
    work = ctx.deps
    threads: list[dict[str, Any]] = [
        thread
        for thread in plain(work.surface.canvas.document.threads).values()
        if (page is None or thread.get("page") == page) and (resolved or thread["status"] == "open")
    ]
    if not threads:
        return "There are no comments."
    threads.sort(key=lambda thread: thread["at"])
    told: list[str] = []
    for thread in threads:
        said = "\n".join(f"{one['name']} ({one['author']}): {one['text']}" for one in thread["comments"])
        about = f"about suggestion {thread['about']}" if thread.get("about") else f"on “{short(thread['quote'], 300)}”"
        told.append(f"thread {thread['id']}, page {thread['page']}, {thread['status']}, {about}\n{said}")
    return data("comments", _newest(told, room_of(work)))


async def read_conversation(ctx: Context, last: int = 20) -> str:
    """Read the last messages of the conversation beside the pages.

    Args:
        last: How many messages, at most 100.
    """
    work = ctx.deps
    messages: list[dict[str, Any]] = plain(work.surface.canvas.document.chat)[-max(1, min(last, MOST_MESSAGES)) :]
    if not messages:
        return "Nothing has been said yet."
    told = [f"{message['name']} ({message['author']}): {message['text']}" for message in messages]
    return data("the conversation", _newest(told, room_of(work)))


# -- inside


def known_page(canvas: Canvas, id: str) -> dict[str, Any]:
    """A page's line of the outline. Raises `ModelRetry` with the ids that there are."""
    pages = [page for page in canvas.outline() if not page["removed"]]
    found = next((page for page in pages if page["id"] == id), None)
    if found is None:
        named = [page for page in pages if page["title"].casefold() == id.strip().casefold()]
        if len(named) == 1:
            return named[0]
        there = "\n".join(f"{page['id']}: {page['title']}" for page in pages[:60])
        raise ModelRetry(f"There is no page with the id {short(id, 40)!r}. These are there:\n{data('pages', there)}")
    return found


def title_of(work: Work, id: Any) -> str:
    """A page's title for a sentence; "a page" when there is none of that id."""
    try:
        return f"“{short(work.surface.canvas.page(str(id))['title'], 60)}”"
    except NotFound:
        return "a page"


def _part(text: str, start: int, end: int | None, around: str, room: int) -> tuple[str, int, int, bool]:
    """A part of a text: itself, its first and last line, and whether it ends inside a line."""
    if around.strip():
        span = resolve(text, Quote(around))
        low = max(0, span.start - room // 3)
        low = text.rfind("\n", 0, span.start) + 1 if "\n" not in text[low : span.start] else text.find("\n", low) + 1
        low = max(low, span.start - room // 3)
    else:
        lines = text.split("\n")
        if start > len(lines):
            raise ModelRetry(f"The page has {len(lines)} lines; start_line is {start}.")
        low = sum(len(line) + 1 for line in lines[: max(1, start) - 1])
    high = len(text)
    first = text.count("\n", 0, low) + 1
    if end is not None and not around:
        for _ in range(max(1, end - first + 1)):
            at = text.find("\n", low if high == len(text) else high + 1)
            high = at if at >= 0 else len(text)
            if at < 0:
                break
    cut = False
    if high - low > room:
        line_end = text.rfind("\n", low + 1, low + room)
        cut = line_end < 0
        high = low + room if cut else line_end
    return text[low:high], first, first + text.count("\n", low, high), cut


def _suggestions(work: Work, canvas: Canvas, page: str) -> str:
    waiting = [record for record in canvas.register.waiting(page) if record.status != "streaming"]
    if not waiting:
        return "No suggestions wait on this page."
    mine = work.persona.participant.id
    told = [_described(record, mine) for record in sorted(waiting, key=lambda record: record.at)]
    return data("suggestions that wait on this page", _newest(told[-MOST_SUGGESTIONS:], room_of(work)))


def _described(record: SuggestionRecord, mine: str) -> str:
    whose = "yours" if record.author == mine else f"by {record.name} ({record.author})"
    hunks = "\n".join(
        f"  {index}: {json.dumps(short(hunk.anchor.quote, 400), ensure_ascii=False)} -> "
        f"{json.dumps(short(hunk.replace, 400), ensure_ascii=False)} [{hunk.status}]"
        for index, hunk in enumerate(record.hunks)
    )
    return f"suggestion {record.id}, {whose}: {short(record.reason, 300)}\n{hunks}"


def _newest(told: Iterable[str], room: int) -> str:
    """As many of the last as fit, in their order, with a word about those left out."""
    kept: list[str] = []
    left = 0
    for one in reversed(list(told)):
        if (room := room - len(one)) < 0 and kept:
            left += 1
            continue
        kept.append(one)
    dropped = [f"({left} earlier ones are left out.)"] if left else []
    return "\n\n".join([*dropped, *reversed(kept)])


def _reads_page(work: Work, arguments: Arguments) -> str:
    where = title_of(work, arguments.get("page"))
    if quote := arguments.get("around"):
        return f"Reads {where} around “{short(quote, 60)}”"
    first = arguments.get("start_line") or 1
    return f"Reads {where}" + (f" from line {first}" if first != 1 else "")


READING = (
    Offer(
        "outline",
        outline,
        "canvas",
        lambda work, arguments: "Looks at what there is",
        f"Up to {MOST_PAGES} pages with {HEADINGS} headings each.",
        reads=True,
    ),
    Offer(
        "read_page",
        read_page,
        "canvas",
        _reads_page,
        "A part at a time, at most a fifth of what the model can hold and never more than 24,000 characters.",
        reads=True,
        page="page",
    ),
    Offer(
        "read_threads",
        read_threads,
        "canvas",
        lambda work, arguments: "Reads the comments",
        "The newest that fit.",
        reads=True,
        page="page",
    ),
    Offer(
        "read_conversation",
        read_conversation,
        "canvas",
        lambda work, arguments: "Reads the conversation",
        f"At most the last {MOST_MESSAGES} messages.",
        reads=True,
    ),
)
