"""The plan of a run: a short list that the agent keeps, and that people watch."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pydantic_ai import RunContext
from pydantic_ai.toolsets import FunctionToolset

from studiolo.agents.work import Work

MOST = 12


class Item(BaseModel):
    """One thing to do."""

    text: Annotated[str, Field(max_length=200)]
    state: Literal["todo", "doing", "done", "dropped"] = "todo"


async def plan(ctx: RunContext[Work], items: Annotated[list[Item], Field(max_length=MOST)]) -> str:
    """Write down what you are going to do, or how far you have come. People watch this list.

    Use it when the work has several parts: once at the beginning, and again whenever a part is done. Give the whole
    list every time, each part in a few words.

    Args:
        items: The parts, in order, each with its state.
    """
    work = ctx.deps
    work.plan[:] = [item.model_dump() for item in items]
    done = sum(item.state == "done" for item in items)
    title = f"Its plan: {done} of {len(items)} done" if done else f"Makes a plan of {len(items)} parts"
    work.steps.once("tool", title, tool="plan", detail={"plan": [dict(item) for item in work.plan]})
    work.emit({"type": "plan", "plan": [dict(item) for item in work.plan]})
    return "The plan is noted."


@cache
def planning() -> FunctionToolset[Work]:
    """The tool that every loop has, whatever it may do else."""
    return FunctionToolset([plan], id="planning")


def as_text(items: list[dict[str, str]]) -> str:
    """The plan in lines."""
    marks = {"done": "[done]", "doing": "[doing]", "dropped": "[dropped]"}
    return "\n".join(f"- {marks.get(item['state'], '[to do]')} {item['text']}" for item in items)
