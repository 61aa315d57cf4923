"""What an agent can do in steps: every tool, with its permission, its sentence for people and its limits.

`toolsets` gives a loop the tools of one run. Tools on the canvas are the same typed actions as everyone's, by the agent
and with its role; tools on the world are those of `Kit` that are set up. Accepting, rejecting, undoing, merging,
policies and removing pages are not here, and nothing here can do them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic_ai import Tool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from studiolo.agents.toolbox.changing import CHANGING
from studiolo.agents.toolbox.guarded import guarded
from studiolo.agents.toolbox.offers import Offer
from studiolo.agents.toolbox.reading import READING
from studiolo.agents.toolbox.talking import TALKING
from studiolo.agents.work import Work

if TYPE_CHECKING:
    from studiolo.agents.kit import Kit  # it holds the policy file, which is ours

TRIES = 6  # times that a tool may be called wrongly in a row

CANVAS: tuple[Offer, ...] = (*READING, *CHANGING, *TALKING)


def toolsets(work: Work, kit: Kit) -> list[AbstractToolset[Work]]:
    """The tools of one run."""
    offers = offered(kit)
    return [guarded(_functions(offers), offers, kit.policy)]


def offered(kit: Kit) -> list[Offer]:
    """All tools that this studio has, whoever may use them."""
    return [*CANVAS]


def _functions(offers: Sequence[Offer]) -> FunctionToolset[Work]:
    tools = [Tool(offer.function, name=offer.name, takes_ctx=True, docstring_format="google") for offer in offers]
    return FunctionToolset(tools, max_retries=TRIES, id="studiolo")
