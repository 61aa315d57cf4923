"""What a request comes to: the loop, or the skill that was named or that the prompt asks for; and which model."""

from __future__ import annotations

import contextlib
from typing import Protocol, cast

from studiolo.agents import place as places
from studiolo.agents.intent import SKILLS, Intent, Skill, intent, rewriting
from studiolo.agents.persona import Persona
from studiolo.agents.work import Ask
from studiolo.canvas import StudioloError
from studiolo.canvas.errors import Invalid
from studiolo.models import Model, ModelInfo


class Catalogue(Protocol):
    """Where models come from."""

    def get(self, name: str | None = None) -> Model:
        """The model with that name, or the default one. Raises a `StudioloError` when it cannot be asked."""
        ...


def loops(ask: Ask, model: ModelInfo, equipped: bool) -> bool:
    """Whether the agent works in steps: there are tools, the model can call them, and no skill was named."""
    return equipped and model.tools and ask.skill in (None, "work") and bool(ask.prompt.strip())


def wished(agent: Persona, models: Catalogue) -> str | None:
    """The first of the models that an agent wishes for that can be used; None for the studio's default."""
    for name in agent.model:
        with contextlib.suppress(StudioloError):
            return models.get(name).info.name
    return None


def meant(ask: Ask, where: places.Place | None, agent: Persona) -> Intent:
    """The skill that was named, or the one that the prompt asks for, as far as the agent has it."""
    selection = where is not None and where.chosen and where.span.start < where.span.end
    if ask.skill is None:
        if not ask.prompt.strip() and where is None:
            raise Invalid("Nothing was asked.", "Write what the agent should do.")
        found = intent(ask.prompt, page=where is not None, selection=selection)
        if where is not None and not where.text.strip() and found.skill in ("rewrite", "critique"):
            found = Intent("continue")  # "make it a ghost story", on an empty page
        return found if found.skill in agent.skills else _own(agent, ask.prompt, where)
    if ask.skill not in SKILLS:
        raise Invalid(f"There is no skill “{ask.skill}”.", f"Use one of: {', '.join(SKILLS)}.")
    skill = cast(Skill, ask.skill)
    if skill not in agent.skills:
        can = ", ".join(SKILLS[one].lower() for one in agent.skills)
        raise Invalid(f"{agent.participant.name} does not do that.", f"It can: {can}. Or ask another agent.")
    return Intent(skill, rewriting(ask.prompt) if skill == "rewrite" and "how" not in ask.options else {})


def _own(agent: Persona, prompt: str, where: places.Place | None) -> Intent:
    """What an agent does with a request for something that it does not do: the first of its skills that fits."""
    fits: list[Skill] = [skill for skill in agent.skills if where is not None or skill in ("ask", "brainstorm")]
    skill: Skill = fits[0] if fits else agent.skills[0]
    return Intent(skill, rewriting(prompt) if skill == "rewrite" else {})
