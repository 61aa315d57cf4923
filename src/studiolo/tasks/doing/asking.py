"""The plain ways: ask people, ask an agent, say something. Kinds of one's own are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from studiolo.agents.work import Ask
from studiolo.canvas.errors import Invalid
from studiolo.tasks.doing import placing, told
from studiolo.tasks.job import Job, Result, doing

CO_AUTHOR = "co-author"


@doing("ask_people")
async def ask_people(job: Job) -> Result:
    """Ask people something, and rest until somebody has answered. Given: `question`, `choices`."""
    question = told.text_given(job, "question") or told.instructions(job, "")
    if not question:
        raise Invalid("There is nothing to ask.", "Give the step a question.")
    choices = job.step.given.get("choices")
    reply = await job.question("question", question, [str(one) for one in choices] if isinstance(choices, list) else [])
    return {**reply, "note": f"{reply.get('by', {}).get('name', 'Somebody')}: {reply.get('answer', '')}"[:200]}


@doing("ask_agent", "agents")
async def ask_agent(job: Job) -> Result:
    """Let an agent do what the instructions say. Given: `agent`, `page`, `skill`."""
    prompt = told.instructions(job, "")
    if not prompt:
        raise Invalid("There is nothing for the agent to do.", "Write a section with the step's instructions.")
    page = told.text_given(job, "page")
    ask = Ask(
        agent=told.agent(job, CO_AUTHOR).id,
        prompt=prompt,
        skill=told.text_given(job, "skill") or None,
        page=told.there(job, page) if page else None,
    )
    run = await job.run("ask", ask)
    made = _suggestions(run.get("results", ()))
    said = str(run.get("answer") or "")
    note = told.many(len(made), "suggestion") if made else said[:160] or "it had nothing to suggest"
    outcome = note
    if earlier := _suggestions(job.task.results) - made:  # of other steps: the task's outcome tells of all
        whole = told.many(len(earlier | made), "suggestion")
        outcome = whole if made else f"{whole}. {note}"
    return {"run": run["id"], "answer": said, "results": run.get("results", []), "note": note, "outcome": outcome}


def _suggestions(results: Iterable[Mapping[str, Any]]) -> set[str]:
    return {one["id"] for one in results if one["type"] == "suggestion"}


@doing("say", "talk")
async def say(job: Job) -> Result:
    """Say something in the conversation. Given: `text`, `agent`."""
    text = told.text_given(job, "text") or told.instructions(job, "")
    if not text:
        raise Invalid("There is nothing to say.", "Give the step a text.")
    return {"message": await placing.say(job, "say", text, told.agent(job, CO_AUTHOR))}
