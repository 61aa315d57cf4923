"""Talking: comments in the margin, answers in threads, and a question to a person that the run rests for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_ai import ModelRetry
from pydantic_ai.exceptions import CallDeferred

from studiolo.agents.toolbox.changing import NO_SUGGESTION
from studiolo.agents.toolbox.marks import unmarked
from studiolo.agents.toolbox.offers import Context, Offer, short
from studiolo.agents.toolbox.reading import known_page, title_of
from studiolo.agents.work import Work

LONGEST = 8_000  # characters of one comment
MOST_CHOICES = 6

Said = Annotated[str, Field(min_length=1, max_length=LONGEST)]


async def comment(
    ctx: Context,
    page: str,
    quote: Annotated[str, Field(min_length=1, max_length=8_000)],
    text: Said,
    replace: Annotated[str | None, Field(max_length=60_000)] = None,
    before: str = "",
    after: str = "",
) -> str:
    """Comment on a passage in the margin, where everybody sees it.

    Args:
        page: The page's id.
        quote: The passage, word for word; as short as shows what you mean.
        text: What you have to say about it.
        replace: What you would write there, offered with the comment as a suggestion.
        before: Words before the passage, where it occurs several times.
        after: Words after it, where it occurs several times.
    """
    work = ctx.deps
    page = known_page(work.surface.canvas, page)["id"]
    action = {"type": "comment", "page": page, "quote": unmarked(quote), "text": unmarked(text), **_signed(work)}
    action |= {name: unmarked(words) for name, words in (("before", before), ("after", after)) if words}
    if replace:  # small models fill in what they may leave out, and an empty text would delete the passage
        action["replace"] = unmarked(replace)
    thread = await work.act(action)
    work.result("thread", thread)
    return f"Thread {thread} is opened."


async def comment_on_suggestion(ctx: Context, suggestion: str, text: Said) -> str:
    """Say what you think of a suggestion, your own or somebody else's: an objection, a question, a better idea.

    Args:
        suggestion: Its id.
        text: What you have to say about it.
    """
    work = ctx.deps
    if suggestion not in work.surface.canvas.suggestions:
        raise ModelRetry(NO_SUGGESTION.format(short(suggestion, 40)))
    thread = await work.act({"type": "comment", "suggestion": suggestion, "text": unmarked(text), **_signed(work)})
    work.result("thread", thread)
    return f"Thread {thread} is opened."


async def reply(ctx: Context, thread: str, text: Said) -> str:
    """Answer in a thread of comments.

    Args:
        thread: Its id, from read_threads.
        text: Your answer.
    """
    work = ctx.deps
    _known_thread(work, thread)
    await work.act({"type": "reply", "thread": thread, "text": unmarked(text)})
    work.result("thread", thread)
    return "Your answer is in the thread."


async def resolve(ctx: Context, thread: str) -> str:
    """Close a thread of your own whose matter is settled.

    Args:
        thread: Its id.
    """
    work = ctx.deps
    _known_thread(work, thread)
    await work.act({"type": "resolve", "thread": thread})
    return "The thread is closed."


async def ask_person(
    ctx: Context,
    question: Annotated[str, Field(min_length=1, max_length=2_000)],
    choices: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MOST_CHOICES)] = [],  # noqa: B006
) -> str:
    """Ask a person something that only they can decide, and wait for the answer. It may take days: ask once, and only
    when you cannot go on well without it.

    Args:
        question: The question, with what they need to know to answer it.
        choices: Answers to choose from, if there are some; they may always write another.
    """
    raise CallDeferred({"question": question, "choices": choices}, kind="question")


def _signed(work: Work) -> dict[str, str]:
    return {"skill": work.skill, "run": work.run, "model": work.voice.info.name}


def _known_thread(work: Work, id: str) -> None:
    if id not in work.surface.canvas.threads:
        raise ModelRetry(f"There is no thread {short(id, 40)!r}; read_threads lists them.")


TALKING = (
    Offer(
        "comment",
        comment,
        "canvas",
        lambda work, arguments: f"Comments on {title_of(work, arguments.get('page'))}",
        f"At most {LONGEST:,} characters.",
        role="commenter",
        page="page",
    ),
    Offer(
        "comment_on_suggestion",
        comment_on_suggestion,
        "canvas",
        lambda work, arguments: "Comments on a suggestion",
        f"At most {LONGEST:,} characters.",
        role="commenter",
    ),
    Offer(
        "reply",
        reply,
        "canvas",
        lambda work, arguments: "Answers in a thread",
        f"At most {LONGEST:,} characters.",
        role="commenter",
    ),
    Offer(
        "resolve",
        resolve,
        "canvas",
        lambda work, arguments: "Closes a thread",
        "Its own threads only, unless it is an editor.",
        role="commenter",
    ),
    Offer(
        "ask_person",
        ask_person,
        "person",
        lambda work, arguments: f"Asks: {short(arguments.get('question', ''), 200)}",
        "The run rests until somebody answers, and holds nothing meanwhile.",
        role="commenter",
    ),
)
