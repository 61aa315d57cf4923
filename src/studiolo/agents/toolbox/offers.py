"""What a tool is to the studio: a function for the model, and what is decided and said about it.

A tool is written as an `async` function of the run's context and its arguments; its docstring is what the model reads.
`Offer` adds what the model has no say in: the group whose permission it takes, the role it needs, how it is told to a
person in a sentence, and whether a call of it leaves the machine, and to where.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import httpx2
from pydantic_ai import RunContext

from studiolo import addresses
from studiolo.agents.work import Work
from studiolo.canvas.participant import Role

Arguments: TypeAlias = Mapping[str, Any]
Context: TypeAlias = RunContext[Work]
Function: TypeAlias = Callable[..., Awaitable[Any]]
Group = Literal["canvas", "web", "docs", "sandbox", "tables", "files", "person", "mcp"]

SHORT = 80  # characters of an argument in a title


@dataclass(frozen=True, slots=True)
class Leaving:
    """What of a call leaves the machine: the address or words, and the host that gets them ("" where it is the
    studio's own choice, as with a search)."""

    text: str = ""
    host: str = ""
    address: bool = False


def stays(_arguments: Arguments) -> Leaving | None:
    """Nothing of it leaves the machine."""
    return None


def to_address(argument: str) -> Callable[[Arguments], Leaving | None]:
    """A call that fetches the address in one of its arguments."""

    def leaving(arguments: Arguments) -> Leaving | None:
        url = str(arguments.get(argument) or "")
        return Leaving(url, host_of(url), address=True)

    return leaving


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool. `title` says in a sentence what a call does; `will` what would happen, for whoever is to approve it;
    `limits` what it cannot do, in words."""

    name: str
    function: Function
    group: Group
    title: Callable[[Work, Arguments], str]
    limits: str
    role: Role = "viewer"
    will: Callable[[Arguments], str] | None = None
    leaving: Callable[[Arguments], Leaving | None] = stays
    reads: bool = False  # it reads the canvas and does nothing else
    page: str = ""  # the argument that names a page
    follows: bool = False  # it only goes on with what a call before it was allowed to begin
    permission: str = ""  # what it is called where tools are allowed, if not its name
    fingerprint: str = ""  # of what somebody else's server says that the tool is


def host_of(url: str) -> str:
    """The host that an address names, as it is looked up (`xn--...`) and compared; "" where it names none.

    Read as whatever goes there reads it: where two readers do not agree, a person allows one host and another is asked.
    """
    try:
        return addresses.host_of(httpx2.URL(url.strip())).rstrip(".")
    except (httpx2.InvalidURL, ValueError):
        return ""


def short(value: Any, most: int = SHORT) -> str:
    """One line of what may be long."""
    line = " ".join(str(value).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
