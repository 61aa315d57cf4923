"""Revise: a suggestion that still waits is worked over, and each comment on it is answered.

By its author, or by somebody whom its author lets have a hand in it. What comes of it is the same suggestion, amended:
nobody has to look for it anew, and who wrote which of its words stays known. A small model mends the sentences that
were measured to be weak, one by one, and leaves the others.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from studiolo.agents import checks, place
from studiolo.agents.observations import observe
from studiolo.agents.prose import estimate_tokens
from studiolo.agents.skills.critiquing import mended
from studiolo.agents.skills.reviewing import around, shown
from studiolo.agents.skills.rewriting import SmallRewriter, manner
from studiolo.agents.work import Work
from studiolo.canvas.deciding import finished
from studiolo.canvas.document import plain
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import SuggestionRecord


class Change(BaseModel):
    """One change of the suggestion as it is to be."""

    change: int = Field(description="Its number.")
    text: str = Field(description="The whole text that it is to put there, and nothing else.")


class Answer(BaseModel):
    """An answer to one comment."""

    thread: str = Field(description="The comment's id.")
    text: str = Field(description="What was done about it, or why nothing was, in one or two sentences.")


class Revision(BaseModel):
    """The suggestion worked over."""

    changes: list[Change] = Field(description="Those that are to read otherwise.")
    answers: list[Answer] = Field(description="One for each comment.")


async def perform(work: Work) -> None:
    """Work over the suggestion that was named, and answer what was said about it."""
    canvas = work.surface.canvas
    record = finished(canvas, work.ask.about)
    work.show("thinking", record.page)
    said = comments(work, record)
    work.given.add("suggestion", shown(record), page=record.page)
    made, answers = await (_small(work, record, said) if work.small else _large(work, record, said))
    changes = [{"hunk": index, "replace": text} for index, text in made.items() if text != record.hunks[index].replace]
    if changes:
        work.show("writing", record.page)
        await work.act({"type": "amend", "suggestion": record.id, "hunks": changes})
        work.result("suggestion", record.id)
    else:
        work.note("It left the text as it was.")
    for thread, text in answers.items():
        await work.act({"type": "reply", "thread": thread, "text": text})
        work.result("thread", thread)


def comments(work: Work, record: SuggestionRecord) -> dict[str, str]:
    """What is still said about a suggestion, by thread, except where the agent or its author had the last word."""
    threads = work.surface.canvas.threads
    open_threads = [thread.id for thread in threads.values() if thread.about == record.id and thread.status == "open"]
    found: dict[str, str] = {}
    for id in open_threads:
        lines: list[dict[str, Any]] = plain(work.surface.canvas.document.threads[id])["comments"]
        if lines[-1]["author"] not in (work.persona.id, record.author):
            found[id] = "\n".join(f"{line['name']}: {line['text']}" for line in lines)
    return found


async def _large(work: Work, record: SuggestionRecord, said: dict[str, str]) -> tuple[dict[int, str], dict[str, str]]:
    before, after = around(work, record)
    known = {index: hunk.replace for index, hunk in enumerate(record.hunks) if hunk.status in ("open", "stale")}
    focus = work.ask.prompt.strip() or ("Work in the comments." if said else "Make it better.")

    def wrong(value: Revision) -> str | None:
        bad: list[tuple[str, str]] = []
        for change in value.changes:
            if change.change not in known:
                bad.append(("known", f"There is no change {change.change}."))
            else:
                bad += checks.run(change.text, checks.always("")).failed
        missing = said.keys() - {answer.thread for answer in value.answers}
        bad += [("answered", f"The comment {thread} is not answered.") for thread in sorted(missing)]
        work.checked("revision", checks.Report(tuple(bad)))
        return " ".join(why for _, why in bad) or None

    own = record.author == work.persona.id
    proposal = "\n\n".join(f"[change {index}]\n{text}" for index, text in known.items())
    remarks = "\n\n".join(f"[comment {thread}]\n{text}" for thread, text in said.items())
    answer = await work.voice.typed(
        Revision,
        work.persona.character
        + ("\n\nYou work over a text that you proposed." if own else "\n\nYou work over a text that another proposed.")
        + " Change no more than what you are asked for and the comments call for: every word that you leave alone "
        "stays its author's. Follow a comment where it is right; where it is not, say why, and leave the text.",
        "\n\n".join(
            part
            for part in (
                f"What stands before it:\n<page>\n{before}\n</page>" if before.strip() else "",
                f"The proposed text:\n<page>\n{proposal}\n</page>",
                f"What stands after it:\n<page>\n{after}\n</page>" if after.strip() else "",
                f"Comments on it:\n<page>\n{remarks}\n</page>" if remarks else "",
                f"You are asked: {focus}",
            )
            if part
        ),
        max_tokens=estimate_tokens(proposal) * 3 + 200 * len(said) + 400,
        temperature=0.6,
        check=wrong,
    )
    made = {change.change: change.text for change in answer.changes if change.change in known}
    return made, {one.thread: one.text.strip() for one in answer.answers if one.thread in said and one.text.strip()}


async def _small(work: Work, record: SuggestionRecord, said: dict[str, str]) -> tuple[dict[int, str], dict[str, str]]:
    work.note("A small model cannot work in what somebody says: it mends sentences that were measured to be weak.")
    made: dict[int, str] = {}
    mends: list[tuple[str, str]] = []
    for index, hunk in enumerate(record.hunks):
        if hunk.status != "open" or not hunk.replace.strip():
            continue
        text = hunk.replace
        where = place.at(work.surface.canvas, record.page, Span(0, 0), chosen=True)
        rewriter = SmallRewriter(work, where, manner("shorten", "", "", ""))
        for seen in observe(text):
            new = await rewriter.sentence(seen.sentence, *mended(seen))
            if new and new != seen.sentence and text.count(seen.sentence) == 1:
                text = text.replace(seen.sentence, new)
                mends.append((seen.sentence, new))
        made[index] = text
    answers: dict[str, str] = {}
    for thread, about in said.items():
        done = next((new for old, new in mends if old in about), None)
        answers[thread] = f"It reads now: “{done}”" if done else "I found no better sentence and left it."
    return made, answers
