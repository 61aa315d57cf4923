"""The second look at what a policy would accept: only by a model that can, and never more than a no."""

from __future__ import annotations

from random import Random
from typing import Any

from studiolo.agents.judging import Judge
from studiolo.canvas.errors import Unavailable
from studiolo.models import Model, ModelInfo

from .conftest import Scripted

PAIR = (("The dog slept.", "The hound slept."),)


class Shelf:
    """Models by name, the first of them the default."""

    def __init__(self, *models: Scripted) -> None:
        self.models = [model.get() for model in models]

    def get(self, name: str | None = None) -> Model:
        for model in self.models:
            if name in (None, model.info.name):
                return model
        raise Unavailable("There is no such model.")

    def list(self) -> list[ModelInfo]:
        return [model.info for model in self.models]


def verdict(same: bool) -> dict[str, Any]:
    return {"difference": "none" if same else "A cat is no dog.", "same": same}


async def test_it_says_what_the_model_says_and_shows_both_passages() -> None:
    for same in (True, False):
        model = Scripted([verdict(same)])
        assert await Judge(Shelf(model), Random(1))(PAIR) is same
        assert "The dog slept." in model.asked[0] and "The hound slept." in model.asked[0]


async def test_a_small_model_is_not_asked_and_an_able_one_beside_it_is() -> None:
    small = Scripted([verdict(True)], small=True, name="small")
    assert await Judge(Shelf(small), Random(1))(PAIR) is False
    able = Scripted([verdict(True)], name="able")
    assert await Judge(Shelf(small, able), Random(1))(PAIR) is True
    assert small.asked == [] and len(able.asked) == 1


async def test_nothing_is_not_the_same() -> None:
    assert await Judge(Shelf(Scripted([verdict(True)])), Random(1))(()) is False
