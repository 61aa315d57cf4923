"""Studiolo: a canvas on which people and AI agents make things together.

The rooms, from the bottom up; imports point downwards only:

- `canvas`: the document, what can be done to it and by whom. No I/O, no clock, no network.
- `store`: what is kept. `people`: who is who, and what they may do.
- `rooms`: live canvases. `models`: language models.
- `agents`: the co-authors. `web` and `cli`: the ways in.
"""

__version__ = "0.1.0"
