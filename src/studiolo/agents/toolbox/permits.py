"""Whether a call may be made: what the persona may, less what the studio's owner does not let, and what a person says.

The owner's word is in `tools.toml` in the data folder, read anew when it changes:

    [tools]
    web_search = "allow"       # allow | ask | off; a tool, or a group of them: web, docs, sandbox, tables, files, mcp
    browse = "off"
    "mcp:notes" = "ask"

    [hosts]
    allow = ["docs.python.org", "*.wikipedia.org"]    # read without asking
    deny = ["*.example.net"]                          # never
    only = []                                         # when it names hosts: these and no others

A file that cannot be read lets nothing leave the machine. Whatever is allowed here, the canvas asks for the role again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from studiolo.agents.persona import Persona
from studiolo.agents.surface import Surface
from studiolo.agents.toolbox.carried import carried
from studiolo.agents.toolbox.offers import Arguments, Leaving, Offer, host_of, short
from studiolo.models.masking import masked

FILE_NAME = "tools.toml"
Level = Literal["off", "ask", "allow"]
LEVELS: tuple[Level, ...] = ("off", "ask", "allow")
DEFAULTS: Mapping[str, Level] = {
    "canvas": "allow",
    "person": "allow",
    "docs": "allow",
    "files": "allow",
    "sandbox": "allow",
    "tables": "allow",
    "web": "ask",
    "mcp": "ask",
}
OUTSIDE = ("web", "mcp")
LARGEST_FILE = 200_000  # bytes
_HOST = re.compile(r"[\w\-.:\[\]]+")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the studio's owner lets agents use. `problems` are sentences about what is wrong with the file."""

    tools: Mapping[str, Level] = field(default_factory=dict[str, Level])
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    closed: bool = False
    """Nothing may leave the machine: what the file says about that cannot be read."""

    def level(self, offer: Offer) -> Level:
        """What the owner lets be done with a tool."""
        if self.closed and offer.group in OUTSIDE:
            return "off"
        return named(self.tools, offer) or DEFAULTS[offer.group]

    def refuses(self, host: str) -> str:
        """Why a host may not be reached, or "" when the owner has nothing against it."""
        if _among(host, self.deny):
            return f"The studio's owner does not let agents reach {host}."
        if self.only and not _among(host, self.only):
            return f"The studio's owner lets agents reach certain hosts only, and {host} is none of them."
        return ""

    def trusts(self, host: str) -> bool:
        """Whether the owner has said that a host may be read without asking."""
        return bool(host) and (_among(host, self.allow) or _among(host, self.only))

    def as_dict(self) -> dict[str, Any]:
        """The policy as JSON, with the defaults filled in. There is nothing secret in it."""
        return {
            "tools": {**DEFAULTS, **self.tools},
            "hosts": {"allow": list(self.allow), "deny": list(self.deny), "only": list(self.only)},
            "closed": self.closed,
            "problems": list(self.problems),
        }


class PolicyFile:
    """`tools.toml`, read anew whenever it has changed."""

    def __init__(self, home: Path | None) -> None:
        self._path = home / FILE_NAME if home is not None else None
        self._seen: tuple[int, int, int] | None = None
        self._policy = Policy()

    @property
    def now(self) -> Policy:
        """What it says now."""
        if self._path is None:
            return self._policy
        try:
            about = self._path.stat()
        except FileNotFoundError:
            self._seen, self._policy = None, Policy()
            return self._policy
        except OSError as error:
            return Policy(problems=(f"{FILE_NAME} cannot be read ({error.strerror}).",), closed=True)
        seen = (about.st_mtime_ns, about.st_size, about.st_ino)
        if seen != self._seen:
            self._seen, self._policy = seen, _read(self._path)
        return self._policy


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may be made. `why` says why not; `warnings` what whoever is to approve it should know; `grant`
    what saying yes for the whole run gives, "" where it must be asked for each time."""

    level: Level
    why: str = ""
    warnings: tuple[str, ...] = ()
    grant: str = ""
    grant_words: str = ""


def permitted(offer: Offer, mine: Mapping[str, Level] | None, policy: Policy) -> Level:
    """The most that an agent may do with a tool: its persona's word, or the owner's, whichever is less."""
    return _least(_persona(offer, mine), policy.level(offer))


class Behind(Protocol):
    """Who stands behind a call: an agent at work, for somebody, in a canvas."""

    @property
    def persona(self) -> Persona: ...

    @property
    def grants(self) -> set[str]: ...

    @property
    def surface(self) -> Surface: ...

    @property
    def said_by_a_person(self) -> str: ...


def judge(work: Behind, offer: Offer, arguments: Arguments, policy: Policy) -> Verdict:
    """Whether this call may be made now, must be asked for, or may not be."""
    mine = _persona(offer, work.persona.permissions)
    level = _least(mine, policy.level(offer))
    if level == "off":
        return Verdict("off", f"{work.persona.participant.name} may not use {offer.name} in this studio.")
    leaving = offer.leaving(arguments)
    if leaving is None:
        if level == "allow" or offer.follows or offer.name in work.grants:
            return Verdict("allow")
        return Verdict("ask", grant=offer.name, grant_words=f"Using {offer.name} for the rest of this run")
    if leaving.address and not leaving.host:
        return Verdict("off", f"“{short(leaving.text)}” names no host.")
    if leaving.host and (why := policy.refuses(leaving.host)):
        return Verdict("off", why)
    if policy.trusts(leaving.host) and mine == "allow":
        return Verdict("allow")
    warnings = tuple(carried(leaving, work.surface.canvas, work.said_by_a_person, work.persona.id))
    if warnings:  # what carries words away is asked for each time, whatever was granted or allowed
        return Verdict("ask", warnings=warnings)
    grant, words = _grant(offer, leaving)
    if level == "allow" or grant in work.grants:
        return Verdict("allow")
    return Verdict("ask", grant=grant, grant_words=words)


def named(levels: Mapping[str, Level], offer: Offer) -> Level | None:
    """What a table of names and groups says about a tool: its own name first, then what it belongs to."""
    names = [offer.permission or offer.name]
    while (cut := names[-1].rfind("/" if "/" in names[-1] else ":")) > 0:  # mcp:server/tool, mcp:server, mcp
        names.append(names[-1][:cut])
    return next((levels[name] for name in (*names, offer.group) if name in levels), None)


def _persona(offer: Offer, mine: Mapping[str, Level] | None) -> Level:
    if mine is None:
        return "allow"
    return named(mine, offer) or ("allow" if offer.reads or offer.group == "person" else "off")


def _least(one: Level, other: Level) -> Level:
    return one if LEVELS.index(one) <= LEVELS.index(other) else other


def _grant(offer: Offer, leaving: Leaving) -> tuple[str, str]:
    if leaving.host:
        return f"{offer.name}@{leaving.host}", f"{offer.name} at {leaving.host} for the rest of this run"
    key = f"{offer.name}#{offer.fingerprint}" if offer.fingerprint else offer.name
    return key, f"Using {offer.name} for the rest of this run"


def _among(host: str, patterns: Iterable[str]) -> bool:
    return any(
        f".{host}".endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern for pattern in patterns
    )


def _as_looked_up(pattern: str) -> str:
    """A host of the file as hosts are compared, `*.` in front; "" where it is none."""
    below, name = ("*.", pattern[2:]) if pattern.startswith("*.") else ("", pattern)
    if not _HOST.fullmatch(name):
        return ""
    host = host_of(f"http://[{name.strip('[]')}]/" if name.count(":") > 1 else f"http://{name}/")
    return host and below + host


def _read(path: Path) -> Policy:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError("it is too large")
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        said = error.strerror if isinstance(error, OSError) else error
        why = masked(f"{FILE_NAME} cannot be used: {said}. Until it is corrected, nothing may leave the machine.")
        return Policy(problems=(why,), closed=True)
    problems: list[str] = []
    closed = False
    tools: dict[str, Level] = {}
    given = table.pop("tools", {})
    for name, level in given.items() if isinstance(given, dict) else ():
        if level in LEVELS:
            tools[name] = level
        else:
            tools[name] = "off"
            problems.append(f'{FILE_NAME}: {name} must be "allow", "ask" or "off"; it is off until then.')
    if not isinstance(given, dict):
        problems.append(f"{FILE_NAME}: [tools] must be a table. Until it is one, nothing may leave the machine.")
        closed = True
    hosts = table.pop("hosts", {})
    lists: dict[str, tuple[str, ...]] = {}
    for name in ("allow", "deny", "only"):
        said = hosts.pop(name, []) if isinstance(hosts, dict) else None
        named = [_as_looked_up(one) if isinstance(one, str) else "" for one in said] if isinstance(said, list) else [""]
        if not all(named):
            problems.append(
                f"{FILE_NAME}: hosts.{name} must be a list of hosts such as"
                f' ["docs.python.org", "*.wikipedia.org"]. Until it is corrected, nothing may leave the machine.'
            )
            closed = True
            named = []
        lists[name] = tuple(named)
    for unknown in (*table, *(f"hosts.{name}" for name in hosts if isinstance(hosts, dict))):
        problems.append(f"{FILE_NAME}: {unknown!r} is not known here. Known: [tools] and [hosts].")
    return Policy(tools, lists["allow"], lists["deny"], lists["only"], tuple(problems), closed)
