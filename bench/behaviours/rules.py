"""Which skill the rules choose for each request, where an agent has no tools: no model is asked."""

from __future__ import annotations

from collections.abc import Sequence

from bench.behaviours.case import Case
from studiolo.agents.intent import intent


def rules(cases: Sequence[Case]) -> str:
    """How often `agents/intent.py` chooses a fitting skill, and each request for which it does not."""
    chosen = [(case, intent(case.ask, page=True, selection=bool(case.select)).skill) for case in cases]
    text = ["# Which skill the rules of agents/intent.py choose", ""]
    for which, english in (("English", True), ("other languages", False)):
        of_it = [(case, skill) for case, skill in chosen if ("English" in case.about) == english]
        right = sum(skill in case.fitting for case, skill in of_it)
        text.append(f"- {which}: a fitting one for {right} of {len(of_it)} requests")
    text += ["", "The others:", ""]
    text += [
        f"- {case.behaviour}, “{case.ask}”: {skill}, not {' or '.join(case.fitting)}"
        for case, skill in chosen
        if skill not in case.fitting
    ]
    return "\n".join(text) + "\n"
