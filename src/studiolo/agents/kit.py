"""The studio's tools on the world, as agents use them: which are set up here, opened once and closed with the studio.

Each is None when it is not set up. Nothing is started before it is used, and what each may be used for is decided
elsewhere, for every call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studiolo.addresses import Network
from studiolo.agents.toolbox.permits import PolicyFile
from studiolo.canvas.errors import StudioloError

if TYPE_CHECKING:
    from studiolo.tools.attachments import Attachments
    from studiolo.tools.browsing import Browser
    from studiolo.tools.connectors import Connectors
    from studiolo.tools.documentation import Documentation
    from studiolo.tools.fetching import Fetcher
    from studiolo.tools.sandbox import Sandbox
    from studiolo.tools.searching import Search
    from studiolo.tools.tables import Tables
    from studiolo.tools.web_pages import WebReader


@dataclass(slots=True)
class Kit:
    """What there is to work with."""

    policy: PolicyFile = field(default_factory=lambda: PolicyFile(None))
    files: Attachments | None = None
    search: Search | None = None
    reader: WebReader | None = None
    browser: Browser | None = None
    docs: Documentation | None = None
    sandbox: Sandbox | None = None
    tables: Tables | None = None
    connectors: Connectors | None = None
    fetcher: Fetcher | None = None
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """Why a tool is not set up, by its name."""
    _ending: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @classmethod
    def open(
        cls,
        home: Path,
        environ: Mapping[str, str],
        files: Attachments | None = None,
        networks: Sequence[Network] = (),
    ) -> Kit:
        """What is set up in a studio whose data is in `home`. `networks` of its own may be read by agents, too."""
        from studiolo.tools.browsing import Browser
        from studiolo.tools.connectors import Connectors
        from studiolo.tools.documentation import Documentation
        from studiolo.tools.fetching import Fetcher
        from studiolo.tools.sandbox import Sandbox
        from studiolo.tools.searching import Search
        from studiolo.tools.tables import Tables
        from studiolo.tools.web_pages import WebReader

        policy = PolicyFile(home)
        problems: dict[str, str] = {}
        fetcher = Fetcher(networks, refuses=lambda host: policy.now.refuses(host), cache=home / "cache" / "pages")
        sandbox = Sandbox(home / "cache" / "sandbox", home=home)
        docs = search = None
        try:
            search = Search.from_environment(environ)
        except StudioloError as error:
            problems["web_search"] = f"{error.message} {error.hint}"
        try:
            docs = Documentation.of_studio(home)
        except StudioloError as error:
            problems["api_docs"] = f"{error.message} {error.hint}"
        return cls(
            policy=policy,
            files=files,
            search=search,
            reader=WebReader(fetcher),
            browser=Browser(networks, refuses=lambda host: policy.now.refuses(host), environ=environ),
            docs=docs,
            sandbox=sandbox,
            tables=Tables(sandbox),
            connectors=Connectors(home, environ),
            problems=problems,
            fetcher=fetcher,
        )

    def described(self) -> dict[str, Any]:
        """The tools as people may see them: `{tools: [{name, group, does, limits, role, policy}], missing: [{name,
        group, why}], programs: [{name, where, problem}], policy}`."""
        from studiolo.agents.toolbox import offered  # it knows the kit

        policy = self.policy.now
        told = [
            {
                "name": offer.name,
                "group": offer.group,
                "does": " ".join((offer.function.__doc__ or "").split("Args:")[0].split()),
                "limits": offer.limits,
                "role": offer.role,
                "policy": policy.level(offer),
            }
            for offer in offered(self)
        ]
        programs = self.connectors.list() if self.connectors is not None else []
        problem = self.connectors.problem if self.connectors is not None else ""
        return {
            "tools": told,
            "missing": [{"name": name, "group": group, "why": why} for name, group, why in self._missing()],
            "programs": [{"name": one.name, "where": one.where, "problem": one.problem} for one in programs],
            "policy": policy.as_dict() | ({"programs": problem} if problem else {}),
        }

    def _missing(self) -> Iterator[tuple[str, str, str]]:
        wanted: dict[str, tuple[object, str, str]] = {
            "web_search": (self.search, "web", "No search service is set up: docs/tools.md says how."),
            "read_url": (self.reader, "web", "Nothing reads web pages in this studio."),
            "browse": (self.browser, "web", "Nothing browses in this studio."),
            "api_docs": (self.docs, "docs", "No documentation is indexed in this studio."),
            "python": (self.sandbox, "sandbox", "There is no sandbox in this studio."),
            "query_table": (self.tables, "tables", "There is no sandbox in this studio."),
            "read_file": (self.files, "files", "There are no files beside the pages here."),
        }
        return (
            (name, group, self.problems.get(name, why)) for name, (tool, group, why) in wanted.items() if tool is None
        )

    def over(self, run: str) -> None:
        """A run has ended: its browser is closed, soon."""
        if self.browser is not None:
            task = asyncio.create_task(self.browser.end(run))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Let go of everything that was opened."""
        await asyncio.gather(*self._ending, return_exceptions=True)
        if self.browser is not None:
            await self.browser.close()
        if self.search is not None:
            await self.search.close()
        if self.fetcher is not None:
            await self.fetcher.close()
        if self.connectors is not None:
            await self.connectors.close()
        if self.docs is not None:
            await self.docs.close()
        if self.sandbox is not None:
            await asyncio.to_thread(self.sandbox.close)
