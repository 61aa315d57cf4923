"""Where what a task makes is put: a page of its own where whoever wants the task may add one, else a page that is
there, else the conversation. Its text comes as an agent's suggestion, and people decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studiolo.agents import place
from studiolo.agents.persona import Persona
from studiolo.tasks.job import Job

MOST_EVIDENCE = 20  # of one suggestion
MOST_SAID = 90_000  # characters of one message


async def new_page(
    job: Job, key: str, title: str, text: str = "", kind: str = "prose", after: str | None = None
) -> str | None:
    """Add a page in the name of whoever wants the task; None when they may not."""
    if not job.by.may("editor"):
        return None
    made: dict[str, Any] = {"type": "add_page", "title": title[:300], "text": text, "kind": kind}
    outcome = await job.act(key, made | ({"after": after} if after else {}), job.by)
    return outcome.id


async def suggest(
    job: Job,
    key: str,
    page: str,
    hunks: Sequence[Mapping[str, Any]],
    reason: str,
    by: Persona,
    evidence: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Suggest changes of a page; the suggestion's id."""
    action: dict[str, Any] = {
        "type": "suggest",
        "page": page,
        "hunks": [dict(hunk) for hunk in hunks],
        "reason": reason[:2_000],
        "skill": job.task.kind,
        "run": job.task.id,
        "model": job.model(by.id).name,
    }
    if evidence:
        action["evidence"] = [dict(one) for one in evidence[:MOST_EVIDENCE]]
    outcome = await job.act(key, action, by.participant)
    return outcome.id or ""


def at_end(job: Job, page: str, text: str) -> dict[str, Any]:
    """The change that puts a text at a page's end, with the line breaks that belong there."""
    now = job.surface.canvas.live_page(page)
    stripped = now.rstrip()
    breaks = "\n\n" if stripped else ""
    offset = len(stripped)
    tail = "" if now[offset:].strip("\n") == "" and now[offset:] else "\n"
    return {**place.insertion(job.surface.canvas, page, offset), "replace": breaks + text.strip("\n") + tail}


async def say(job: Job, key: str, text: str, by: Persona) -> str:
    """Say something in the conversation; the message's id."""
    said = (
        text if len(text) <= MOST_SAID else f"{text[:MOST_SAID].rstrip()}\n\n(The rest was left out: it is too long.)"
    )
    outcome = await job.act(key, {"type": "say", "text": said, "run": job.task.id}, by.participant)
    return outcome.id or ""


async def comment(job: Job, key: str, suggestion: str, text: str, by: Persona) -> None:
    """Say something about a suggestion, while nobody has decided it."""
    record = job.surface.canvas.suggestions.get(suggestion)
    if record is not None and record.undecided:
        action = {"type": "comment", "suggestion": suggestion, "text": text, "run": job.task.id}
        await job.act(key, action, by.participant)
