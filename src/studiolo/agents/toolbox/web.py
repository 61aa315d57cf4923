"""The web: searching it, and reading one address at a time as clean text with its source.

What a call sends away is its address or its words, so that is what a person approves; what comes back is a stranger's
text. The addresses inside the network are refused where they are fetched, whoever approved what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic_ai import ModelRetry

from studiolo.agents.toolbox.guarded import Told
from studiolo.agents.toolbox.marks import data, plain
from studiolo.agents.toolbox.offers import Context, Leaving, Offer, host_of, short, to_address
from studiolo.agents.toolbox.reading import room_of
from studiolo.tools.web_pages import portion

if TYPE_CHECKING:
    from studiolo.tools.searching import Search
    from studiolo.tools.web_pages import WebReader

MOST_FOUND = 10
SNIPPET = 500  # characters

Url = Annotated[str, Field(min_length=1, max_length=2_000)]


def searching(search: Search) -> list[Offer]:
    """Searching the web."""

    async def web_search(
        ctx: Context, query: Annotated[str, Field(min_length=1, max_length=400)], limit: int = 6
    ) -> Told | str:
        """Search the web: titles, addresses and a few words of each page. Read a page with read_url before you rely on
        what it says, and cite it.

        Args:
            query: What to search for, in a few words. It is sent to a search service: never put words of the canvas
                into it that are not needed.
            limit: How many results, at most 10.
        """
        found = await search.search(query, max(1, min(limit, MOST_FOUND)))
        if not found:
            return "Nothing was found. Try other words."
        parts = [
            data(
                "web search", plain(f"{one.title}\n{one.snippet[:SNIPPET]}"), address=one.url, date=str(one.date or "")
            )
            for one in found
        ]
        return Told("\n".join(parts), f"{len(found)} pages: {', '.join(host_of(one.url) for one in found)}")

    return [
        Offer(
            "web_search",
            web_search,
            "web",
            lambda work, arguments: f"Searches the web for “{short(arguments.get('query', ''), 200)}”",
            f"At most {MOST_FOUND} results; the words go to the search service that the studio's owner has chosen.",
            will=lambda arguments: f"These words would be sent to {', '.join(search.hosts)}.",
            leaving=lambda arguments: Leaving(str(arguments.get("query") or "")),
        )
    ]


def reading_web(reader: WebReader) -> list[Offer]:
    """Reading an address."""

    async def read_url(ctx: Context, url: Url, part: int = 0, start: int = 0) -> Told:
        """Read a page, PDF or document on the web as clean text, a part at a time. Cite its address.

        Args:
            url: Its address, as you found it.
            part: Which part to begin at, counted from 0, when it is long.
            start: From which character of that part on.
        """
        work = ctx.deps
        fetched, reading = await reader.read(url)
        count = len(reading.sections)
        if not count:
            raise ModelRetry(f"There is no text at {short(fetched.url, 200)}. {' '.join(reading.problems[:2])}")
        if not 0 <= part < count:
            raise ModelRetry(f"It has {count} parts, counted from 0; there is none with the number {part}.")
        told = portion(reading, part, max(0, start), room_of(work))
        parts = [
            data(
                "web page",
                plain(work.given.add("web", section.text, title=fetched.url)),
                address=fetched.url,
                title=reading.title,
                place=section.place or section.title,
            )
            for section in told.sections
        ]
        if told.more is not None:
            parts.append(f"Go on with part={told.more[0]} and start={told.more[1]}; it has {count} parts.")
        if hidden := reading.about.get("hidden"):
            parts.append(f"({hidden} characters that the page hides from readers are left out.)")
        seen = f"{short(reading.title, 100)} ({fetched.url})"
        return Told("\n".join(parts), seen, {"url": fetched.url, "redirects": list(fetched.redirects)})

    return [
        Offer(
            "read_url",
            read_url,
            "web",
            lambda work, arguments: f"Reads {short(arguments.get('url', ''), 200)}",
            "Public addresses only, no passwords or cookies, one page at a time, 20 MB, as robots.txt allows.",
            will=lambda arguments: f"Studiolo would ask {host_of(str(arguments.get('url')))} for exactly this address.",
            leaving=to_address("url"),
        )
    ]
