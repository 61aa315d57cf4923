"""Proposing changes: suggestions by quotation, one's own amended and taken back, and pages where the role allows.

Nothing here changes a text. Each tool is an action of the agent, which the canvas allows or refuses; what is proposed
waits until somebody decides.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_ai import ModelRetry

from studiolo.agents.toolbox.marks import unmarked
from studiolo.agents.toolbox.offers import Arguments, Context, Offer, short
from studiolo.agents.toolbox.reading import known_page, title_of
from studiolo.agents.work import Work
from studiolo.canvas.errors import Forbidden
from studiolo.canvas.quotes import Quote, resolve

MOST_HUNKS = 50
LONGEST = 60_000  # characters of one replacement
NO_SUGGESTION = "There is no suggestion “{}”; read_page with suggestions=true lists them."

Piece = Annotated[str, Field(max_length=LONGEST)]


class Change(BaseModel):
    """Replace a passage."""

    model_config = ConfigDict(extra="forbid")
    find: Annotated[
        str, Field(min_length=1, max_length=LONGEST, description="The passage, word for word as it is in the page.")
    ]
    replace: Annotated[Piece, Field(description="What is to stand there instead; empty to delete.")]
    before: Annotated[str, Field(max_length=2_000, description="Words before it, where it occurs several times.")] = ""
    after: Annotated[str, Field(max_length=2_000, description="Words after it, where it occurs several times.")] = ""


class Source(BaseModel):
    """What a change rests on."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(max_length=2_000, description="What it shows.")] = ""
    page: Annotated[str | None, Field(description="The id of a page of this canvas that shows it.")] = None
    quote: Annotated[str, Field(max_length=4_000, description="The passage, word for word.")] = ""
    url: Annotated[str, Field(max_length=2_000, description="The address that it is from.")] = ""


Hunks = Annotated[list[Change], Field(min_length=1, max_length=MOST_HUNKS)]
Reason = Annotated[str, Field(max_length=2_000)]
Sources = Annotated[list[Source], Field(max_length=20)]


async def suggest(ctx: Context, page: str, changes: Hunks, reason: Reason, evidence: Sources = []) -> str:  # noqa: B006
    """Suggest changes to a page; people see them at once and decide. The page's text stays as it is until then.

    Change only what was asked. Quote the shortest passage that shows the change; for a new text use insert.

    Args:
        page: The page's id.
        changes: The changes, which must not overlap; together they are one suggestion, taken as a whole or one by one.
        reason: Why, in a sentence for whoever decides.
        evidence: What a claim of fact rests on.
    """
    work = ctx.deps
    page = known_page(work.surface.canvas, page)["id"]
    hunks = [_hunk(change) for change in changes]
    if same := [index for index, hunk in enumerate(hunks) if hunk["find"] == hunk["replace"]]:
        raise ModelRetry(f"Change {same[0]} changes nothing. Leave it out, or say what to put there.")
    return await _propose(work, page, hunks, reason, [source.model_dump(exclude_defaults=True) for source in evidence])


async def insert(ctx: Context, page: str, text: Piece, reason: Reason, after: str = "") -> str:
    """Suggest new text in a page: after a passage, or at the page's end.

    Args:
        page: The page's id.
        text: The text, with the blank lines that belong around it.
        reason: Why, in a sentence for whoever decides.
        after: The words, word for word, after which it is to stand; empty: at the end.
    """
    work = ctx.deps
    canvas = work.surface.canvas
    page = known_page(canvas, page)["id"]
    now = canvas.live_page(page)
    at = resolve(now, Quote(unmarked(after))).end if after.strip() else len(now)
    if not text.strip():
        raise ModelRetry("There is no text to insert.")
    wanted = _set_in(now, at, unmarked(text))
    hunk: dict[str, Any] = {"find": "", "replace": wanted, "before": now[max(0, at - 200) : at]}
    hunk |= {"after": now[at : at + 200], "start": canvas.document.identity.position(page, at, -1)}
    return await _propose(work, page, [hunk], reason, [])


async def amend(ctx: Context, suggestion: str, replace: Piece, change: int = 0) -> str:
    """Change what a suggestion of your own proposes, or one that you were given a hand in, while nobody has decided.

    Args:
        suggestion: Its id.
        replace: What is to stand in the place instead.
        change: Which of its changes, counted from 0.
    """
    work = ctx.deps
    _own(work, suggestion, "amend")
    await work.act(
        {"type": "amend", "suggestion": suggestion, "hunks": [{"hunk": change, "replace": unmarked(replace)}]}
    )
    work.result("suggestion", suggestion)
    return f"Suggestion {suggestion} is amended."


async def withdraw(ctx: Context, suggestion: str) -> str:
    """Take back a suggestion of your own that nobody has decided.

    Args:
        suggestion: Its id.
    """
    work = ctx.deps
    _own(work, suggestion, "withdraw")
    await work.act({"type": "withdraw", "suggestion": suggestion})
    return f"Suggestion {suggestion} is withdrawn."


async def add_page(
    ctx: Context,
    title: Annotated[str, Field(min_length=1, max_length=200)],
    text: Piece = "",
    kind: Literal["prose", "code", "note", "data"] = "note",
) -> str:
    """Add a page to the canvas, at its end. Nobody has to accept it: only do so when it was asked for.

    Args:
        title: Its title.
        text: Its text, as Markdown or source.
        kind: What it is.
    """
    work = ctx.deps
    pages = [page for page in work.surface.canvas.outline() if not page["removed"]]
    made = await work.act(
        {
            "type": "add_page",
            "title": title,
            "text": unmarked(text),
            "kind": kind,
            "after": pages[-1]["id"] if pages else None,
        }
    )
    work.result("page", made)
    return f"Page {made} is there."


# -- inside


async def _propose(
    work: Work, page: str, hunks: list[dict[str, Any]], reason: str, evidence: list[dict[str, Any]]
) -> str:
    work.show("writing", page)
    action: dict[str, Any] = {
        "type": "suggest",
        "page": page,
        "hunks": hunks,
        "reason": reason,
        "skill": work.skill,
        "run": work.run,
        "model": work.voice.info.name,
        **work.replacing(),
    }
    if evidence:
        action["evidence"] = evidence
    if hands := work.ask.options.get("hands"):
        action["hands"] = list(hands)
    id = await work.act(action)
    work.result("suggestion", id)
    return f"Suggestion {id} is made and waits for a decision."


def _hunk(change: Change) -> dict[str, Any]:
    return {name: unmarked(text) for name, text in change.model_dump().items()}


def _set_in(text: str, at: int, new: str) -> str:
    """A new text with the line breaks that its place needs."""
    before, after = text[:at], text[at:]
    lines = "\n" in new.strip() or not after.strip()
    if before and not before[-1].isspace() and not new[0].isspace():
        new = ("\n\n" if lines and (not after or after.startswith("\n")) else " ") + new
    if after and not after[0].isspace() and not new[-1].isspace():
        new += " "
    return new


def _own(work: Work, suggestion: str, what: str) -> None:
    record = work.surface.canvas.suggestions.get(suggestion)
    me = work.persona.participant.id
    if record is None:
        raise ModelRetry(NO_SUGGESTION.format(short(suggestion, 40)))
    if record.author != me and me not in record.hands.split():
        raise Forbidden(
            f"Suggestion {suggestion} is somebody else's: you may not {what} it.",
            "Say what you think of it with comment_on_suggestion.",
        )


def _suggests(work: Work, arguments: Arguments) -> str:
    count = len(arguments.get("changes") or ())
    what = "a change" if count == 1 else f"{count} changes"
    return f"Suggests {what} to {title_of(work, arguments.get('page'))}"


CHANGING = (
    Offer(
        "suggest",
        suggest,
        "canvas",
        _suggests,
        f"At most {MOST_HUNKS} changes at once, {LONGEST:,} characters each. People decide about each.",
        role="commenter",
        page="page",
    ),
    Offer(
        "insert",
        insert,
        "canvas",
        lambda work, arguments: f"Suggests new text in {title_of(work, arguments.get('page'))}",
        f"At most {LONGEST:,} characters at once. People decide about it.",
        role="commenter",
        page="page",
    ),
    Offer(
        "amend",
        amend,
        "canvas",
        lambda work, arguments: "Amends its suggestion",
        "Its own suggestions only, while they wait.",
        role="commenter",
    ),
    Offer(
        "withdraw",
        withdraw,
        "canvas",
        lambda work, arguments: "Takes back its suggestion",
        "Its own suggestions only, while they wait.",
        role="commenter",
    ),
    Offer(
        "add_page",
        add_page,
        "canvas",
        lambda work, arguments: f"Adds the page “{short(arguments.get('title', ''), 60)}”",
        "Only an agent that is an editor here.",
        role="editor",
    ),
)
