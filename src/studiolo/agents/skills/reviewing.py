"""Review: comments on what a suggestion would put there, as threads about the suggestion.

A large model says what a reader would stumble over. A small one cannot judge prose: there the sentences are measured,
as in a critique of a page, and what was measured is said.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from studiolo.agents import checks, context
from studiolo.agents.observations import observe
from studiolo.agents.work import Work
from studiolo.canvas.deciding import finished
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import SuggestionRecord

USUAL = 3
MOST = 6


class Remark(BaseModel):
    """One comment on the proposed text."""

    quote: str = Field(description="The words that it is about, copied from the proposed text; empty: all of it.")
    comment: str = Field(description="What a reader would stumble over and why, in one to three sentences.")


class Remarks(BaseModel):
    """Comments on a proposal, the most important first; none when nothing is worth raising."""

    remarks: list[Remark]


async def perform(work: Work) -> None:
    """Comment on the suggestion that was named."""
    canvas = work.surface.canvas
    record = finished(canvas, work.ask.about)
    proposed = shown(record)
    work.show("thinking", record.page)
    count = work.option.get("count")
    wanted = max(1, min(count, MOST)) if isinstance(count, int) else USUAL
    if work.small:
        work.note("A small model cannot judge a text: what the comments say was measured.")
        said = [f"“{seen.sentence}” {seen.weakness.comment}" for seen in observe(proposed)[:wanted]]
    else:
        said = await _large(work, record, proposed, wanted)
    for text in said:
        thread = await work.act({"type": "comment", "suggestion": record.id, "text": text, "run": work.run})
        work.result("thread", thread)
    if not said:
        work.note("It found nothing to raise.")


def shown(record: SuggestionRecord) -> str:
    """What a suggestion would put there, each of its changes a paragraph."""
    return "\n\n".join(hunk.replace.strip() for hunk in record.hunks if hunk.status in ("open", "stale"))


def around(work: Work, record: SuggestionRecord) -> tuple[str, str]:
    """What stands in the page before and after a suggestion."""
    canvas, room = work.surface.canvas, work.voice.room
    text = canvas.page_text(record.page)
    spans = [span for hunk in record.hunks if (span := canvas.find(record.page, text, hunk.anchor)) is not None]
    span = Span(min(one.start for one in spans), max(one.end for one in spans)) if spans else Span(len(text), len(text))
    before, after = context.tail(text[: span.start], room // 6), context.head(text[span.end :], room // 10)
    work.given.add("before", before, page=record.page, start=span.start - len(before))
    work.given.add("after", after, page=record.page, start=span.end)
    return before, after


async def _large(work: Work, record: SuggestionRecord, proposed: str, wanted: int) -> list[str]:
    kept = context.head(proposed, work.voice.room // 2)
    work.given.add("suggestion", kept, page=record.page)
    before, after = around(work, record)
    focus = work.ask.prompt.strip() or "Comment on what matters most."

    def wrong(value: Remarks) -> str | None:
        bad = [
            failed
            for remark in value.remarks[:wanted]
            for failed in checks.run(remark.comment, [*checks.always(""), checks.not_echo(focus)]).failed
        ]
        bad += [
            ("in_text", f"“{remark.quote}” is not in the proposed text.")
            for remark in value.remarks[:wanted]
            if remark.quote.strip('“”" ') and remark.quote.strip('“”" ') not in proposed
        ]
        work.checked("comments", checks.Report(tuple(bad)))
        return " ".join(why for _, why in bad) or None

    answer = await work.voice.typed(
        Remarks,
        work.persona.character
        + "\n\nAnother writer proposes a text for the author's page. Comment on the proposal as a good editor would: "
        "what is unclear, slack, unearned, repeated, out of voice or against the page's facts; not taste, and not "
        "praise. You change nothing yourself: its author reads your comments and works it over.",
        "\n\n".join(
            part
            for part in (
                f"What stands before it:\n<page>\n{before}\n</page>" if before.strip() else "",
                f"The proposed text, by {record.name}:\n<page>\n{kept}\n</page>",
                f"What stands after it:\n<page>\n{after}\n</page>" if after.strip() else "",
                f"You are asked: {focus}",
                f"Give at most {wanted} comments, the most important first; fewer when fewer are worth it.",
            )
            if part
        ),
        max_tokens=220 * wanted + 300,
        check=wrong,
    )
    return [
        f"“{quote}” {remark.comment}" if (quote := remark.quote.strip('“”" ')) else remark.comment
        for remark in answer.remarks[:wanted]
    ]
