"""Critique: comments in the margin, each on a passage that is really there and with a fix that can be taken.

A large model chooses the passages and says what it thinks; its quotes are checked against the page, and it is told
which are not in it. A small model cannot judge prose, so there the program measures (`observations`), and the model
only proposes the better sentence, which must pass the checks of a rewrite.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from studiolo.agents import checks, context, place
from studiolo.agents.errors import failed_checks
from studiolo.agents.joint import unwrapped
from studiolo.agents.observations import Observation, observe
from studiolo.agents.place import Place
from studiolo.agents.skills.rewriting import SmallRewriter, manner
from studiolo.agents.work import Work
from studiolo.canvas.errors import Conflict, Invalid
from studiolo.canvas.quotes import Quote, Span, resolve

USUAL = 4
MOST = 12


class Note(BaseModel):
    """One comment on one passage."""

    quote: str = Field(
        description="The passage, copied word for word from the page: a sentence or a part of one, and unique."
    )
    comment: str = Field(description="What is weak here and why it matters to a reader, in one to three sentences.")
    fix: str | None = Field(
        default=None, description="What to put in the passage's place, or null when only the author can tell."
    )


class Notes(BaseModel):
    """Comments on a text, the most important first."""

    notes: list[Note]


async def perform(work: Work) -> None:
    """Comment on the selection, or on the page; or on what a suggestion would put there."""
    if work.ask.about:
        from studiolo.agents.skills import reviewing  # it uses the notes

        await reviewing.perform(work)
        return
    page = work.page()
    if not page.text.strip():
        raise Invalid("The page is empty.", "Write something, then ask for comments.")
    selected = page.chosen and page.span.start < page.span.end
    span = page.span if selected else Span(0, len(page.text))
    shown = page.text[span.start : span.end]
    work.show("thinking", page.page, place.cursor(work.surface.canvas, page.page, page.span))
    count = work.option.get("count")
    wanted = max(1, min(count, MOST)) if isinstance(count, int) else USUAL
    if work.small:
        await _small(work, page, span, shown, wanted)
    else:
        await _large(work, page, span, shown, wanted)


async def _comment(work: Work, page: Place, at: Span, comment: str, fix: str | None) -> None:
    """Put one comment in the margin, where the passage is now."""
    canvas = work.surface.canvas
    about = place.at(canvas, page.page, at, chosen=True) if canvas.page_text(page.page) == page.text else None
    where = (
        place.replacement(canvas, page.page, about.span)
        if about
        else {
            "find": page.text[at.start : at.end],
            "before": page.text[max(0, at.start - 48) : at.start],
            "after": page.text[at.end : at.end + 48],
        }
    )
    action = {
        "type": "comment",
        "page": page.page,
        "quote": where.pop("find"),
        "text": comment,
        "run": work.run,
        **where,
    }
    action |= {"skill": work.skill, "model": work.voice.info.name}
    if fix is not None and fix != action["quote"]:
        action["replace"] = fix
    if about:
        work.show("writing", page.page, place.cursor(canvas, page.page, about.span))
    outcome = await work.surface.apply(action, work.persona.participant)
    work.result("thread", outcome.id)
    if fix_id := outcome.details.get("suggestion"):
        work.result("suggestion", fix_id)


async def _small(work: Work, page: Place, span: Span, shown: str, wanted: int) -> None:
    work.given.add("selection", shown, page=page.page, title=page.title, start=span.start)
    work.note(
        "A small model cannot judge a text: what the comments say was measured, and only the fixes are the model's."
    )
    seen = observe(shown)
    if not seen:
        id = await work.act(
            {
                "type": "say",
                "text": "I measured the sentences and found nothing to remark on.",
                "run": work.run,
            }
        )
        work.result("message", id)
        return
    rewriter = SmallRewriter(work, page, manner("shorten", "", "", ""))
    chosen = sorted(seen[:wanted], key=lambda observation: observation.start)
    for done, observation in enumerate(chosen):
        rewriter.progress(done, len(chosen))
        fix = await _mend(rewriter, observation)
        start = span.start + observation.start
        try:
            await _comment(
                work, page, Span(start, start + len(observation.sentence)), observation.weakness.comment, fix
            )
        except Conflict:
            work.note("A sentence was changed while it was being commented on; its comment was dropped.")
    if not work.results:
        raise failed_checks("comments", [("in_page", "The text was changed meanwhile.")])


async def _mend(rewriter: SmallRewriter, observation: Observation) -> str | None:
    """A better sentence, when the model finds one that passes."""
    new = await rewriter.sentence(observation.sentence, *mended(observation))
    return new if new and new != observation.sentence else None


def mended(observation: Observation) -> list[tuple[str, checks.Check]]:
    """The fix must be without what was remarked on."""
    if observation.weakness.kind not in ("wordy", "hedge", "cliche"):
        return []
    said = [phrase.lower() for phrase in observation.weakness.phrases]
    return [
        (
            "mended",
            lambda text: "It kept what it was to mend." if any(phrase in text.lower() for phrase in said) else None,
        )
    ]


async def _large(work: Work, page: Place, span: Span, shown: str, wanted: int) -> None:
    room = work.voice.room
    canvas = work.surface.canvas
    kept = context.head(shown, room // 2)
    work.given.add("selection", kept, page=page.page, title=page.title, start=span.start, cut=len(shown) - len(kept))
    if len(kept) < len(shown):
        work.note(f"The text is long: the first {len(kept):,} of {len(shown):,} characters were read.")
    before = context.tail(page.text[: span.start], room // 8)
    work.given.add("before", before, page=page.page, title=page.title, start=span.start - len(before))
    plan = work.given.add("outline", context.outline(canvas, page.page, room // 10))
    focus = work.ask.prompt.strip() or "Comment on what matters most for this text."
    sure: dict[int, Span] = {}

    def wrong(value: Notes) -> str | None:
        sure.clear()
        problems: list[str] = []
        failed: list[tuple[str, str]] = []
        for at, note in enumerate(value.notes[:MOST]):
            quote = note.quote.strip().strip('“”"')
            try:
                found = resolve(kept, Quote(quote))
                sure[at] = Span(span.start + found.start, span.start + found.end)
            except Conflict as error:
                nearest = [candidate["text"] for candidate in error.details.get("candidates", [])][:2]
                problems.append(f"{error.message} {error.hint} Nearest: {nearest}")
                failed.append(("in_page", error.message))
            except Invalid:
                problems.append("A note has no quote.")
                failed.append(("in_page", "A comment had no quote."))
            bad = checks.run(note.comment, [*checks.always(""), checks.not_echo(focus)])
            if not bad.ok:
                sure.pop(at, None)
                failed += bad.failed
        work.checked("comments", checks.Report(tuple(failed)))
        if not value.notes:
            return None
        # With most of the notes in place the rest is not worth another round.
        return None if len(sure) * 2 > len(value.notes) else " ".join(problems) or "The comments are not usable."

    answer = await work.voice.typed(
        Notes,
        work.persona.character
        + "\n\nYou are the author's first reader. Comment on what a good editor would raise with the author in "
        "person: what is unclear, "
        "slack, unearned, repeated, out of voice or against the story's facts; not taste, and not praise. Each "
        "comment hangs on a quote "
        "copied exactly from the text. Give a fix in the author's voice where one can be given: it replaces the "
        "quote as it stands.",
        "\n\n".join(
            part
            for part in (
                plan,
                f"What comes before it:\n<page>\n{before}\n</page>" if before.strip() else "",
                f"The text to comment on:\n<page>\n{kept}\n</page>",
                f"The author asks: {focus}",
                f"Give at most {wanted} comments, the most important first; fewer when fewer are worth it.",
            )
            if part
        ),
        max_tokens=300 * wanted + 500,
        temperature=0.5,
        check=wrong,
    )
    for at, note in enumerate(answer.notes[:wanted]):
        if at not in sure:
            continue
        quote = page.text[sure[at].start : sure[at].end]
        fix = unwrapped(note.fix, quote) if note.fix is not None and note.fix.strip() else None
        await _comment(work, page, sure[at], " ".join(note.comment.split()), fix)
    dropped = min(len(answer.notes), wanted) - len([entry for entry in work.results if entry["type"] == "thread"])
    if dropped:
        work.note(f"{dropped} of its comments quoted text that is not in the page and were dropped.")
    if not answer.notes:
        id = await work.act({"type": "say", "text": "I have nothing to remark on here.", "run": work.run})
        work.result("message", id)
    elif not work.results:
        raise failed_checks(
            "comments on passages that are in the text", [("in_page", "What it quoted is not in the text.")]
        )
