"""What the studio is: health, models, agents."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from studiolo import __version__
from studiolo.agents import PERSONAS, SKILLS
from studiolo.web.access import Caller, Here

router = APIRouter(prefix="/api", tags=["studio"])


@router.get("/health")
async def health(studio: Here) -> dict[str, Any]:
    """Whether the studio works, its version and the names of its models. Needs no token."""
    await studio.store.list_canvases([])  # raises when the database does not answer
    return {
        "status": "ok",
        "version": __version__,
        "models": [info.name for info in studio.models.list()],
    }


@router.get("/models")
async def models(studio: Here, _who: Caller) -> dict[str, Any]:
    """The language models that can be used here, which is the default, and what is wrong with their configuration."""
    listed = [info.as_dict() for info in studio.models.list()]
    return {"models": listed, "default": studio.models.default, "problems": studio.models.problems}


@router.get("/agents")
async def agents(_who: Caller) -> dict[str, Any]:
    """The agents that can be asked, with their skills."""
    skills = [{"name": name, "label": label} for name, label in SKILLS.items()]
    offered = [persona.participant for persona in PERSONAS.values()]
    return {
        "agents": [{"id": agent.id, "name": agent.name, "color": agent.color, "skills": skills} for agent in offered]
    }
