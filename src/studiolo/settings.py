"""What the environment says about this studio: where its data is, where it listens, which model it prefers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studiolo.canvas.errors import Invalid


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one studio. Every value has a default that works on a laptop."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8787
    database_url: str = ""
    redis_url: str = ""
    model: str | None = None

    @property
    def database(self) -> str | Path:
        """The address of the database, or the file in the data folder when none is given."""
        return self.database_url or self.home / "studiolo.db"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read `STUDIOLO_HOME`, `_HOST`, `_PORT`, `_DATABASE_URL`, `_REDIS_URL` and `_MODEL`.

        Raises `Invalid` for a bad port.
        """
        env = os.environ if env is None else env
        home = Path(env["STUDIOLO_HOME"]).expanduser() if env.get("STUDIOLO_HOME") else user_data_folder(env)
        port = env.get("STUDIOLO_PORT") or "8787"
        if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
            raise Invalid(f"STUDIOLO_PORT is {port[:20]!r}.", "Set it to a number from 0 to 65535.")
        return cls(
            home=home.absolute(),
            host=env.get("STUDIOLO_HOST") or "127.0.0.1",
            port=int(port),
            database_url=env.get("STUDIOLO_DATABASE_URL") or "",
            redis_url=env.get("STUDIOLO_REDIS_URL") or "",
            model=env.get("STUDIOLO_MODEL") or None,
        )


def user_data_folder(env: Mapping[str, str]) -> Path:
    """The platform's folder for a user's application data (XDG on Linux, Library on macOS, AppData on Windows)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "studiolo"
    if sys.platform == "win32":
        return Path(env.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "studiolo"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "studiolo"
