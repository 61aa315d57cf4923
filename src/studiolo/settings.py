"""What the environment says about this studio: where its data is, where it listens, which model it prefers."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from studiolo.canvas.errors import Invalid

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LONGEST_DRAIN = 300  # seconds
MOST_TASKS = 1_000


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one studio. Every value has a default that works on a laptop."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8787
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    model: str | None = None
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses and networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, with commas between."""
    webhook_networks: str = ""
    """Networks of the studio's own to which webhooks may be sent all the same, with commas between."""
    tool_networks: str = ""
    """Networks of the studio's own in which agents may read pages and browse all the same, with commas between."""
    drain_seconds: int = 0
    """How long a server that was told to stop says "not ready" before it closes anything."""
    metrics_token: str = field(default="", repr=False)
    """A bearer token that may read `/api/metrics` and nothing else."""
    tasks_per_person: int = 2
    """How many tasks of one person are carried out at the same time."""
    tasks_per_model: int = 4
    """How many tasks that named the same model are."""
    tasks_per_node: int = 8
    """How many tasks this node carries out at the same time."""
    url: str = ""
    """The address at which people reach the studio, for links in mails."""
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    """Who mails are from: an address, or a name and an address in pointed brackets."""
    log: Literal["text", "json"] = "text"
    log_level: str = "INFO"

    @property
    def address(self) -> str:
        """Where people reach the studio: as the operator says, or where it listens."""
        return self.url or f"http://{self.host}:{self.port}"

    @property
    def database(self) -> str | Path:
        """The address of the database, or the file in the data folder when none is given."""
        return self.database_url or self.home / "studiolo.db"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the variables `STUDIOLO_HOME`, `STUDIOLO_HOST` and so on, each named after a field here.

        Raises `Invalid` for a value that cannot be meant.
        """
        env = os.environ if env is None else env
        home = Path(env["STUDIOLO_HOME"]).expanduser() if env.get("STUDIOLO_HOME") else user_data_folder(env)
        log = env.get("STUDIOLO_LOG") or "text"
        if log not in ("text", "json"):
            raise Invalid(f"STUDIOLO_LOG is {log[:20]!r}.", "Set it to text or json.")
        level = (env.get("STUDIOLO_LOG_LEVEL") or "INFO").upper()
        if level not in LOG_LEVELS:
            raise Invalid(f"STUDIOLO_LOG_LEVEL is {level[:20]!r}.", f"Set it to one of {', '.join(LOG_LEVELS)}.")
        return cls(
            home=home.absolute(),
            host=env.get("STUDIOLO_HOST") or "127.0.0.1",
            port=_number(env, "STUDIOLO_PORT", 8787, 65535),
            database_url=env.get("STUDIOLO_DATABASE_URL") or "",
            redis_url=env.get("STUDIOLO_REDIS_URL") or "",
            model=env.get("STUDIOLO_MODEL") or None,
            trusted_proxies=_networks(env, "STUDIOLO_TRUSTED_PROXIES", "127.0.0.1,::1"),
            webhook_networks=_networks(env, "STUDIOLO_WEBHOOK_NETWORKS", ""),
            tool_networks=_networks(env, "STUDIOLO_TOOL_NETWORKS", ""),
            drain_seconds=_number(env, "STUDIOLO_DRAIN_SECONDS", 0, LONGEST_DRAIN),
            metrics_token=env.get("STUDIOLO_METRICS_TOKEN") or "",
            tasks_per_person=_number(env, "STUDIOLO_TASKS_PER_PERSON", 2, MOST_TASKS),
            tasks_per_model=_number(env, "STUDIOLO_TASKS_PER_MODEL", 4, MOST_TASKS),
            tasks_per_node=_number(env, "STUDIOLO_TASKS_PER_NODE", 8, MOST_TASKS),
            url=_url(env),
            smtp_url=env.get("STUDIOLO_SMTP_URL") or "",
            mail_from=_mail_from(env),
            log=cast(Literal["text", "json"], log),
            log_level=level,
        )


def _number(env: Mapping[str, str], name: str, default: int, most: int) -> int:
    given = env.get(name) or str(default)
    if not (given.isascii() and given.isdecimal() and len(given) <= 5 and int(given) <= most):
        raise Invalid(f"{name} is {given[:20]!r}.", f"Set it to a number from 0 to {most}.")
    return int(given)


def _url(env: Mapping[str, str]) -> str:
    given = (env.get("STUDIOLO_URL") or "").rstrip("/")
    if given and not re.fullmatch(r"https?://[^\s/?#@]+", given):
        raise Invalid(f"STUDIOLO_URL is {given[:60]!r}.", "Set it to an address such as https://studio.example.com.")
    return given


def _mail_from(env: Mapping[str, str]) -> str:
    given = (env.get("STUDIOLO_MAIL_FROM") or "").strip()
    if env.get("STUDIOLO_SMTP_URL") and not re.fullmatch(r"[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+", given):
        raise Invalid(
            "STUDIOLO_SMTP_URL is set, and STUDIOLO_MAIL_FROM is no mail address.",
            "Set it to studiolo@example.com or “Studiolo <studiolo@example.com>”.",
        )
    return given


def _networks(env: Mapping[str, str], name: str, default: str) -> str:
    """The addresses and networks, checked: one that is misspelt would mean nobody and say nothing."""
    networks = [one.strip() for one in (env.get(name) or default).split(",") if one.strip()]
    for one in networks:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise Invalid(
                f"{name} has {one[:50]!r}, which is no address and no network.",
                "Set it to addresses such as 10.0.0.5 or networks such as 10.0.0.0/24, with commas between.",
            ) from None
    return ",".join(networks)


def user_data_folder(env: Mapping[str, str]) -> Path:
    """The platform's folder for a user's application data (XDG on Linux, Library on macOS, AppData on Windows)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "studiolo"
    if sys.platform == "win32":
        return Path(env.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "studiolo"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "studiolo"
