"""The studio's tools on the world, as agents use them: which are set up here, opened once and closed with the studio.

Each is None when it is not set up. Nothing is started before it is used, and what each may be used for is decided
elsewhere, for every call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from studiolo.agents.toolbox.permits import PolicyFile

if TYPE_CHECKING:
    from studiolo.tools.attachments import Attachments
    from studiolo.tools.connectors import Connectors
    from studiolo.tools.documentation import Documentation
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
    docs: Documentation | None = None
    sandbox: Sandbox | None = None
    tables: Tables | None = None
    connectors: Connectors | None = None

    @classmethod
    def open(cls, home: Path, environ: Mapping[str, str], files: Attachments | None = None) -> Kit:
        """What is set up in a studio whose data is in `home`."""
        from studiolo.tools.connectors import Connectors
        from studiolo.tools.sandbox import Sandbox
        from studiolo.tools.tables import Tables

        sandbox = Sandbox(home / "cache" / "sandbox", home=home)
        return cls(
            policy=PolicyFile(home),
            files=files,
            sandbox=sandbox,
            tables=Tables(sandbox),
            connectors=Connectors(home, environ),
        )

    async def close(self) -> None:
        """Let go of everything that was opened."""
        if self.connectors is not None:
            await self.connectors.close()
        if self.sandbox is not None:
            await asyncio.to_thread(self.sandbox.close)
