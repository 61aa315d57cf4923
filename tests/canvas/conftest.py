"""A canvas without a server, and the people who work in it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from random import Random

import pytest

from studiolo.canvas import Canvas, Participant

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben", "person", "#e40c48", "editor")
CAL = Participant("cal", "Cal", "person", "#606c00", "commenter")
VAL = Participant("val", "Val", "person", "#a84884", "viewer")
MUSE = Participant("muse", "Muse", "agent", "#9048fc", "commenter")

Make = Callable[..., tuple[Canvas, str]]


@pytest.fixture
def make() -> Make:
    """`make(text)` gives a canvas with one page of that text, written by Ada, and the page's id."""

    def make(text: str) -> tuple[Canvas, str]:
        ticks = count(1)
        pages = [{"title": "One", "text": text, "kind": "prose"}]
        canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: float(next(ticks)), random=Random(7))
        return canvas, made.details["pages"][0]["id"]

    return make
