"""The studio's tools on the world, as agents use them: which are set up here, opened once and closed with the studio.

Each is None when it is not set up. What each may be used for is decided elsewhere, per call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studiolo.agents.toolbox.permits import PolicyFile


@dataclass(slots=True)
class Kit:
    """What there is to work with."""

    policy: PolicyFile = field(default_factory=lambda: PolicyFile(None))

    @classmethod
    async def open(cls, home: Path, environ: Mapping[str, str]) -> Kit:
        """Look for what is set up. Nothing is started before it is used."""
        return cls(policy=PolicyFile(home))

    async def close(self) -> None:
        """Let go of everything that was opened."""
