"""Beginning other tasks."""

from __future__ import annotations

from typing import Any, cast

from studiolo.canvas.errors import Invalid
from studiolo.tasks.doing import told
from studiolo.tasks.job import Job, Result, doing


@doing("task", "tasks")
async def task(job: Job) -> Result:
    """Begin another task. Given: `kind`, `inputs`, `title`; `wait`: whether this one goes on only when that has ended
    (it does unless this is false); `of`: a step, and it is begun only when that one came to something new."""
    kind = told.text_given(job, "kind")
    inputs: Any = job.step.given.get("inputs", {})
    if not kind or not isinstance(inputs, dict):
        raise Invalid("There is no task to begin.", "Give the step a kind of task, and its inputs.")
    if of := told.text_given(job, "of"):
        found = await job.result(of) or {}
        if not found.get("new"):
            return {"note": "nothing is new, so nothing was begun"}
    child = await job.begin(
        "task",
        kind,
        cast("dict[str, Any]", inputs),
        title=told.text_given(job, "title"),
        wait=job.step.given.get("wait") is not False,
    )
    said = child.outcome or (child.problem or {}).get("message") or f"{child.title}: {child.state}"
    return {"task": child.id, "state": child.state, "outcome_of": child.outcome, "note": said}
