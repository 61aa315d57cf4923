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

from studiolo.agents.toolbox.attached import attached, finding
from studiolo.agents.toolbox.browse import browsing
from studiolo.agents.toolbox.changing import CHANGING
from studiolo.agents.toolbox.computing import documentation, programs, tables
from studiolo.agents.toolbox.connected import Connected
from studiolo.agents.toolbox.guarded import guarded
from studiolo.agents.toolbox.offers import Offer
from studiolo.agents.toolbox.reading import READING
from studiolo.agents.toolbox.talking import TALKING
from studiolo.agents.toolbox.web import reading_web, searching
from studiolo.agents.work import Work

if TYPE_CHECKING:
    from studiolo.agents.kit import Kit  # it holds the policy file, which is ours

FOR_SMALL = ("canvas", "person", "files")
CANVAS: tuple[Offer, ...] = (*READING, *CHANGING, *TALKING)


def toolsets(work: Work, kit: Kit) -> list[AbstractToolset[Work]]:
    """The tools of one part of a run. What programs write in the sandbox lasts as long."""
    offers = offered(kit)
    if work.small:  # which chooses the worse the more there is to choose from
        offers = [offer for offer in offers if offer.group in FOR_SMALL]
    found: list[AbstractToolset[Work]] = [guarded(_functions(offers), offers, kit.policy)]
    if kit.connectors is not None and kit.connectors.list() and not work.small:
        found.append(Connected(kit.connectors, kit.policy))
    return found


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


def _functions(offers: Sequence[Offer]) -> FunctionToolset[Work]:
    tools = [Tool(offer.function, name=offer.name, takes_ctx=True, docstring_format="google") for offer in offers]
    return FunctionToolset(tools, id="studiolo")
