"""A review pass: an agent reads one page after the other, comments and suggests; then what is common is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from studiolo.agents.prose import paragraphs
from studiolo.agents.work import Ask
from studiolo.canvas.document import plain
from studiolo.canvas.errors import StudioloError
from studiolo.tasks.doing import placing, told
from studiolo.tasks.doing.quoting import harmless
from studiolo.tasks.job import Job, Result, doing

CRITIC = "critic"
GONE = "the page is not there any more"
MOST_COMMENTS = 10  # of one part of a page
MOST_LISTED = 200  # comments that a summary is made from


class Pattern(BaseModel):
    """Something that several comments say."""

    text: Annotated[str, Field(min_length=3, max_length=400)]
    comments: Annotated[list[int], Field(min_length=1, max_length=60, description="The numbers of those comments.")]


class Patterns(BaseModel):
    """What the comments have in common, the most important first; none when they have nothing in common."""

    patterns: Annotated[list[Pattern], Field(max_length=8)]


SUMMING = (
    "These are the numbered comments of a review, page by page. Say what several of them have in common, the most "
    "important first, one sentence each with the numbers of the comments. Say nothing that no comment says."
)


@doing("review_page", "agents")
async def review(job: Job) -> Result:
    """Let an agent read one page, in parts where it is long. Given: `page`, `agent`, `comments`."""
    page = told.text_given(job, "page")
    if not told.is_there(job, page):
        return {"results": [], "note": GONE}
    reviewer = told.agent(job, CRITIC)
    text = job.surface.canvas.page_text(page)
    if not text.strip():
        return {"results": [], "note": "the page is empty"}
    count = told.number_given(job, "comments", 4, MOST_COMMENTS)
    kind = next(one["kind"] for one in job.surface.canvas.outline() if one["id"] == page)
    parts = _parts(text, max(3_000, told.room(job, reviewer.id)), code=kind == "code")
    results: list[dict[str, str]] = []
    failed: list[str] = []
    for number, (start, end) in enumerate(parts, start=1):
        ask = Ask(
            agent=reviewer.id,
            prompt=told.instructions(job, "")[:7_000],
            skill="critique" if "critique" in reviewer.skills else None,
            page=page,
            options={"count": count},
        )
        if len(parts) > 1:
            canvas = job.surface.canvas
            ask.quote = text[start:end]
            ask.start = canvas.document.identity.position(page, start, 0) if canvas.page_text(page) == text else None
            ask.end = canvas.document.identity.position(page, end, -1) if ask.start else None
        try:
            run = await job.run(f"part {number}", ask)
        except StudioloError as error:
            failed.append(error.message)
        else:
            results += run.get("results", [])
        await job.progress(number, len(parts))
    if len(failed) == len(parts):
        return {"results": [], "problem": failed[0], "note": failed[0]}
    threads = [one["id"] for one in results if one["type"] == "thread"]
    made = [one for one in results if one["type"] == "suggestion"]
    note = (
        f"{told.many(len(threads), 'comment')}, {told.many(len(made), 'suggestion')}"
        if threads or made
        else "nothing to remark on"
    )
    return {"page": page, "agent": reviewer.id, "results": results, "note": note, "problem": "; ".join(failed[:2])}


def _parts(text: str, most: int, code: bool) -> list[tuple[int, int]]:
    """A page in parts that end where a paragraph does."""
    if len(text) <= most:
        return [(0, len(text))]
    ends = [at + 1 for at, char in enumerate(text) if char == "\n"] if code else _ends(text)
    parts: list[tuple[int, int]] = []
    begin = 0
    for end, after in zip(ends, [*ends[1:], len(text)], strict=True):
        if after - begin > most and end > begin:
            parts.append((begin, end))
            begin = end
    return [*parts, (begin, len(text))] if text[begin:].strip() else parts


def _ends(text: str) -> list[int]:
    return [piece.start + len(piece.text) for piece in paragraphs(text) if piece.prose]


@doing("review_summary", "talk")
async def summary(job: Job) -> Result:
    """Say at the end what was found, and what is common. Given: `agent`."""
    results: list[Result] = []
    problems: list[str] = []
    for step in job.task.plan:
        if step.do == "review_page" and step.state in ("done", "failed"):
            result = await job.result(step.id) or {}
            results.append(result)
            if result.get("problem") or step.state == "failed":
                about = told.title_of(job, told.text_given_of(step, "page"))
                problems.append(f"{about}: {result.get('problem') or 'it could not be read.'}")
    comments = _comments(job, results)
    suggested = sum(one["type"] == "suggestion" for result in results for one in result.get("results", []))
    pages = len({result.get("page") for result in results if result.get("page")})
    if not comments and not suggested and not problems:
        line = f"Nothing to remark on in {told.many(pages, 'page')}."
        return {"note": line, "outcome": line}
    counted = Counter(title for title, _ in comments)
    outcome = (
        f"{told.many(len(comments), 'comment')} and {told.many(suggested, 'suggestion')} in {told.many(pages, 'page')}."
    )
    lines = [outcome, "", *(f"- {title}: {many}" for title, many in counted.items())]
    reviewer = told.agent(job, CRITIC)
    for pattern in await _patterns(job, comments, reviewer.id):
        titles = list(dict.fromkeys(comments[at - 1][0] for at in pattern.comments if 1 <= at <= len(comments)))
        if titles:
            lines.append(f"\n**{harmless(pattern.text)}** ({', '.join(titles[:12])})")
    lines += [f"\nNot read: {one}" for one in problems]
    message = await placing.say(job, "summary", "\n".join(lines), reviewer)
    return {"message": message, "comments": len(comments), "note": outcome, "outcome": outcome}


def _comments(job: Job, results: Sequence[Result]) -> list[tuple[str, str]]:
    """The comments that were made, each with the title of its page."""
    found: list[tuple[str, str]] = []
    for result in results:
        for one in result.get("results", []):
            shared: Any = job.surface.canvas.document.threads.get(one["id"]) if one["type"] == "thread" else None
            if shared is not None:
                first = plain(shared)["comments"][0]["text"]
                found.append((told.title_of(job, str(result.get("page"))), str(first)))
    return found


async def _patterns(job: Job, comments: Sequence[tuple[str, str]], agent: str) -> list[Pattern]:
    if len(comments) < 3 or not told.able(job, agent):
        return []
    listed = [f"[{at}] {title}: {text}" for at, (title, text) in enumerate(comments[:MOST_LISTED], start=1)]
    material = "\n".join(listed)[: told.room(job, agent, 36_000)]
    asked = told.instructions(job, SUMMING)
    try:
        return (await job.answer("patterns", Patterns, asked, material, agent=agent, words=600)).patterns
    except StudioloError as error:  # the comments are there, which is what was asked for
        await job.note(f"Nobody could say what the comments have in common: {error.message}")
        return []
