"""What an agent can do in steps: every tool, with its permission, its sentence for people and its limits.

`Toolbox` gives a loop the tools of one run. Tools on the canvas are the same typed actions as everyone's, by the agent
and with its role; tools on the world are those of `Kit` that are set up. Accepting, rejecting, undoing, merging,
policies and removing pages are not here, and nothing here can do them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic_ai import Tool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from studiolo.agents.toolbox.attached import attached, finding
from studiolo.agents.toolbox.browse import browsing
from studiolo.agents.toolbox.changing import CHANGING
from studiolo.agents.toolbox.computing import documentation, programs, tables
from studiolo.agents.toolbox.connected import Connected
from studiolo.agents.toolbox.guarded import Guarded, guarded
from studiolo.agents.toolbox.offers import Offer
from studiolo.agents.toolbox.reading import READING
from studiolo.agents.toolbox.talking import TALKING
from studiolo.agents.toolbox.web import reading_web, searching
from studiolo.agents.work import Work

if TYPE_CHECKING:
    from studiolo.agents.kit import Kit  # it holds the policy file, which is ours

FOR_SMALL = ("canvas", "person", "files")
CANVAS: tuple[Offer, ...] = (*READING, *CHANGING, *TALKING)


class Toolbox:
    """The tools of a studio. What a model is told of them is made once; whether it may use them, for every call."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def tools_for(self, work: Work) -> list[AbstractToolset[Work]]:
        """The tools of one part of a run."""
        kit = self._kit
        found: list[AbstractToolset[Work]] = [self._few if work.small else self._all]
        if kit.connectors is not None and kit.connectors.list() and not work.small:
            found.append(Connected(kit.connectors, kit.policy))
        return found

    @cached_property
    def _all(self) -> Guarded:
        return self._guarded(offered(self._kit))

    @cached_property
    def _few(self) -> Guarded:
        """For a small model, which chooses the worse the more there is to choose from."""
        return self._guarded([offer for offer in offered(self._kit) if offer.group in FOR_SMALL])

    def _guarded(self, offers: Sequence[Offer]) -> Guarded:
        tools = [Tool(offer.function, name=offer.name, takes_ctx=True, docstring_format="google") for offer in offers]
        return guarded(FunctionToolset(tools, id="studiolo"), offers, self._kit.policy)


def offered(kit: Kit) -> list[Offer]:
    """All tools of its own that this studio has, whoever may use them."""
    offers = [*CANVAS, *finding(kit.files)]
    if kit.files is not None:
        offers += attached(kit.files)
    if kit.search is not None:
        offers += searching(kit.search)
    if kit.reader is not None:
        offers += reading_web(kit.reader)
    if kit.browser is not None:
        offers += browsing(kit.browser, kit.files)
    if kit.docs is not None:
        offers += documentation(kit.docs)
    if kit.sandbox is not None:
        offers += programs(kit.sandbox, kit.files)
    if kit.tables is not None:
        offers += tables(kit.tables, kit.files)
    return offers
