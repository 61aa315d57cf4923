"""Agents: who can be asked, what they can do, and each thing they are asked.

An agent is a participant. It reads a canvas and acts on it through a `Surface`, so what it may do is decided where it
is decided for people: by its role. Everything a model writes is checked by code before it is shown as a result.
No HTTP, no storage of its own, and no second way to change a page may enter here.
"""

from studiolo.agents.intent import SKILLS
from studiolo.agents.persona import Persona
from studiolo.agents.persona_folder import Personas
from studiolo.agents.redoing import again, redo
from studiolo.agents.run import ENDED, Run
from studiolo.agents.runs import Runs
from studiolo.agents.surface import Surface
from studiolo.agents.voice import Budget
from studiolo.agents.work import Ask

__all__ = [
    "ENDED",
    "SKILLS",
    "Ask",
    "Budget",
    "Persona",
    "Personas",
    "Run",
    "Runs",
    "Surface",
    "again",
    "redo",
]
