"""Browsing: opening a page, looking at it, clicking and typing, in a browser of the run's own.

A person lets a run go to a host; from then on it moves about there, and nothing that the pages want to load from other
hosts is loaded. What is typed is told apart from that, for it is what leaves. The run's profile is empty at the
beginning: it is nobody's session, and nothing can be bought with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic_ai import ModelRetry

from studiolo.agents.toolbox.guarded import Told
from studiolo.agents.toolbox.marks import data, plain
from studiolo.agents.toolbox.offers import Arguments, Context, Leaving, Offer, host_of, short, to_address
from studiolo.agents.toolbox.reading import room_of
from studiolo.agents.work import Work
from studiolo.canvas.errors import StudioloError

if TYPE_CHECKING:
    from studiolo.tools.attachments import Attachments
    from studiolo.tools.browsing import Browser, Seen, Session

VISITED = "browsing:"  # before the hosts in a run's grants that it was let to

Ref = Annotated[str, Field(max_length=40)]


def browsing(browser: Browser, files: Attachments | None) -> list[Offer]:
    """The tools of a browser."""

    async def here(work: Work) -> Session:
        if not visited(work):
            raise ModelRetry("No page is open. Open one with browse_open.")
        return await browser.session(work.run, visited(work))

    async def browse_open(ctx: Context, url: Annotated[str, Field(min_length=1, max_length=2_000)]) -> Told:
        """Open a page in a browser. Only for pages that need one: read_url is quicker and cleaner. The answer lists
        what is on the page, with a ref at whatever can be clicked or typed into.

        Args:
            url: Its address.
        """
        work = ctx.deps
        visit(work, host_of(url))
        return _told(work, await (await here(work)).open(url))

    async def browse_look(ctx: Context, start: int = 0) -> Told:
        """Look at the open page again, or further down a long one.

        Args:
            start: From which character on.
        """
        return _told(ctx.deps, await (await here(ctx.deps)).look(max(0, start)))

    async def browse_click(ctx: Context, ref: Ref = "", text: Annotated[str, Field(max_length=200)] = "") -> Told:
        """Click something on the open page.

        Args:
            ref: Its ref from the last look.
            text: Or what the link or button reads.
        """
        return _told(ctx.deps, await (await here(ctx.deps)).click(ref, text))

    async def browse_type(
        ctx: Context, ref: Ref, text: Annotated[str, Field(max_length=2_000)], enter: bool = False
    ) -> Told:
        """Type into a field of the open page, or choose from a list.

        Args:
            ref: The field's ref from the last look.
            text: What to type. The site gets it: no words of the canvas that are not needed.
            enter: Whether to send it off.
        """
        return _told(ctx.deps, await (await here(ctx.deps)).type(ref, text, enter))

    async def browse_back(ctx: Context) -> Told:
        """Go back to the page before."""
        return _told(ctx.deps, await (await here(ctx.deps)).back())

    async def browse_screenshot(ctx: Context, whole: bool = False) -> Told:
        """Keep a picture of the open page beside the pages, for people to see.

        Args:
            whole: All of the page, and not only what is on the screen.
        """
        work = ctx.deps
        session = await here(work)
        picture = await session.screenshot(whole)
        if files is None:
            return Told("There is nowhere to keep a picture.", failed=True)
        name = f"{short(host_of(session.url), 60) or 'page'}.png"
        try:
            one, _ = await files.add(work.surface.id, picture, name, work.persona.participant.id, "image/png")
        except StudioloError as error:
            raise ModelRetry(error.message) from None
        return Told(
            f"The picture {one.name} is kept beside the pages.", name, {"images": [{"id": one.id, "name": name}]}
        )

    def at(work: Work) -> str:
        return f" at {', '.join(visited(work))}" if visited(work) else ""

    def typing(work: Work, arguments: Arguments) -> str:
        return f"Types “{short(arguments.get('text', ''), 200)}”{at(work)}"

    limits = (
        "Only hosts that a person let this run go to; nothing is signed in, no files are given, dialogs are dismissed."
    )
    return [
        Offer(
            "browse_open",
            browse_open,
            "web",
            lambda work, arguments: f"Opens {short(arguments.get('url', ''), 200)} in a browser",
            limits,
            will=lambda arguments: (
                f"A browser of the studio's would open exactly this address, and the agent could then click and move "
                f"about at {host_of(str(arguments.get('url')))}."
            ),
            leaving=to_address("url"),
            permission="browse",
        ),
        Offer(
            "browse_type",
            browse_type,
            "web",
            typing,
            limits,
            will=lambda arguments: "The page that is open would get these words.",
            leaving=lambda arguments: Leaving(str(arguments.get("text") or "")),
            permission="browse",
        ),
        *(
            Offer(name, function, "web", title, limits, permission="browse", follows=True)
            for name, function, title in (
                ("browse_look", browse_look, lambda work, arguments: "Looks at the open page"),
                (
                    "browse_click",
                    browse_click,
                    lambda work, arguments: (
                        f"Clicks “{short(arguments.get('text') or arguments.get('ref') or '')}”{at(work)}"
                    ),
                ),
                ("browse_back", browse_back, lambda work, arguments: "Goes back"),
                ("browse_screenshot", browse_screenshot, lambda work, arguments: "Takes a picture of the page"),
            )
        ),
    ]


def visited(work: Work) -> list[str]:
    """The hosts that a person let this run go to with a browser."""
    return sorted(grant.removeprefix(VISITED) for grant in work.grants if grant.startswith(VISITED))


def visit(work: Work, host: str) -> None:
    """Let the run move about at a host. What it was allowed to type, it was allowed where it was by then."""
    if VISITED + host not in work.grants:
        work.grants.discard("browse_type")
    work.grants.add(VISITED + host)


def _told(work: Work, seen: Seen) -> Told:
    room = room_of(work)
    text = plain(seen.text)
    work.given.add("web", text[:room], title=seen.url)
    parts = [data("web page in the browser", text[:room], address=seen.url, title=seen.title)]
    if len(text) > room:
        parts.append(f"There is more: browse_look with start={room}.")
    elif seen.more is not None:
        parts.append(f"There is more: browse_look with start={seen.more}.")
    if seen.notes:
        parts.append(data("what happened besides", plain("\n".join(seen.notes))))
    return Told("\n".join(parts), f"{short(seen.title, 100)} ({short(seen.url, 200)})", {"url": seen.url})
