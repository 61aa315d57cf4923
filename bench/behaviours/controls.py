"""Models that are no models: one that does everything right, and three that are wrong in plain ways.

They speak through the same loop and the same tools as a real one. What a scorer is worth shows in how far apart it
sets them: `oracle` plays the example of each case, `silent` says nothing, `yes` claims to be done, and `vandal` writes
the page anew and comments on all of it, whatever is asked.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from bench.behaviours.case import Case
from studiolo.models import Model, ModelInfo

Call = tuple[str, dict[str, Any]]


def oracle(case: Case, page: str) -> tuple[list[Call], str]:
    """The example of the case."""
    right = case.right
    calls: list[Call] = []
    if right.changes:
        changes = [{"find": find, "replace": replace} for find, replace in right.changes]
        calls.append(("suggest", {"page": page, "changes": changes, "reason": "As you asked."}))
    if right.adds:
        calls.append(("insert", {"page": page, "text": right.adds, "reason": "As you asked."}))
    calls += [("comment", {"page": page, "quote": quote, "text": text}) for quote, text in right.comments]
    return calls, right.says


def silent(case: Case, page: str) -> tuple[list[Call], str]:
    """Nothing at all."""
    return [], ""


def yes(case: Case, page: str) -> tuple[list[Call], str]:
    """Words without deeds."""
    return [], "Done! I have made the changes that you asked for."


def vandal(case: Case, page: str) -> tuple[list[Call], str]:
    """The whole page in other words."""
    paragraphs = case.page.split("\n\n")
    changes = [{"find": one, "replace": " ".join(one.upper().split()[::-1])} for one in paragraphs]
    return [
        ("comment", {"page": page, "quote": case.page, "text": "All of this could be better."}),
        ("suggest", {"page": page, "changes": changes, "reason": "Much better."}),
    ], "Here is a better page."


CONTROLS: dict[str, Callable[[Case, str], tuple[list[Call], str]]] = {
    "oracle": oracle,
    "vandal": vandal,
    "yes": yes,
    "silent": silent,
}


class Control:
    """The catalogue of a case: the one model that plays a control there."""

    def __init__(self, name: str, case: Case, page: str) -> None:
        self._name = name
        self._calls, self._says = CONTROLS[name](case, page)

    def get(self, name: str | None = None) -> Model:
        info = ModelInfo(
            name=self._name,
            provider="control",
            label=f"the control “{self._name}”",
            context=32_000,
            small=False,
            tools=True,
            constrained=False,
            ready=True,
            note="",
        )
        return Model(info, FunctionModel(stream_function=self._streamed))

    async def _streamed(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        if self._calls and not any(isinstance(message, ModelResponse) for message in messages):
            for index, (name, arguments) in enumerate(self._calls):
                yield {index: DeltaToolCall(name, json.dumps(arguments), tool_call_id=f"call{index}")}
        else:
            yield self._says
