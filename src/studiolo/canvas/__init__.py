"""The heart of Studiolo: one shared document and everything that can be done to it.

`Canvas` holds a Yjs-compatible document of pages, suggestions, threads and conversation. It is changed in two ways
only: by what a participant types (`Canvas.receive`) and by typed actions (`Canvas.apply`). This package does no I/O
and knows no clock, no network and no other part of the program.
"""

from studiolo.canvas.canvas import THE_STUDIO, Canvas, Gap, Outcome
from studiolo.canvas.errors import StudioloError
from studiolo.canvas.participant import Participant, Role, rank

__all__ = ["THE_STUDIO", "Canvas", "Gap", "Outcome", "Participant", "Role", "StudioloError", "rank"]
