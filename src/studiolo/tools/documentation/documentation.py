"""Documentation that can be asked; the index is built beside it, when it is first asked or told to."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin

from studiolo.canvas.errors import Invalid, NotFound, StudioloError, Unavailable
from studiolo.tools.documentation.entry import Entry
from studiolo.tools.documentation.index import Index
from studiolo.tools.documentation.inventories import LARGEST as LARGEST_INVENTORY

LONGEST_QUESTION = 2_000
MOST = 50
T = TypeVar("T")
Fetch = Callable[[str], Awaitable[bytes]]
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Indexed:
    """One source in the index."""

    package: str
    version: str
    kind: str
    entries: int
    problem: str


@dataclass(frozen=True, slots=True)
class State:
    """What can be asked, and what is still being read."""

    building: bool
    reading: str
    number: int
    of: int
    sources: list[Indexed] = field(default_factory=list)


class Documentation:
    """Answers questions about APIs from an index at `path`.

    `environments` are virtual environments (the studio's own when None is given), `folders` local documentation,
    `inventories` files or addresses of Sphinx's `objects.inv`; `fetch` gets what lies at an address.
    """

    def __init__(
        self,
        path: Path,
        *,
        environments: Sequence[Path] | None = None,
        folders: Sequence[Path] = (),
        inventories: Sequence[str] = (),
        standard: bool = True,
        fetch: Fetch | None = None,
    ) -> None:
        self.path = path
        self._environments = [Path(sys.prefix)] if environments is None else list(environments)
        self._folders = list(folders)
        addresses = ("http://", "https://")
        self._inventories = [one if one.startswith(addresses) else str(Path(one).expanduser()) for one in inventories]
        self._standard = standard
        self._fetch = fetch
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._building: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._checked = False
        self.begin_by_itself = True
        """Whether the first question starts the reading of what is new."""
        self._state = State(False, "", 0, 0)
        self._told: list[Told] = []
        self._problems: list[str] = []

    @classmethod
    def of_studio(cls, home: Path, fetch: Fetch | None = None) -> Documentation:
        """The studio's, as `HOME/docs.toml` says: lists of `environments`, `folders`, `inventories`; all optional."""
        settings = home / "docs.toml"
        given: dict[str, Any] = {}
        if settings.exists():
            try:
                given = tomllib.loads(settings.read_text(encoding="utf-8"))
                lists = {name: given.get(name, []) for name in ("environments", "folders", "inventories")}
                if not all(isinstance(one, list) and all(isinstance(x, str) for x in one) for one in lists.values()):
                    raise ValueError("environments, folders and inventories are lists of texts")
            except (ValueError, OSError) as error:
                raise Invalid(f"{settings} cannot be read: {error}", "Correct it, or remove it.") from error
        environments = [Path(one).expanduser() for one in given["environments"]] if "environments" in given else None
        return cls(
            home / "cache" / "docs.db",
            environments=environments,
            folders=[Path(one).expanduser() for one in given.get("folders", [])],
            inventories=given.get("inventories", []),
            fetch=fetch,
        )

    async def search(self, query: str, limit: int = 8, package: str | None = None) -> list[Entry]:
        """What has most to do with a question or a name, best first.

        The first question starts the reading of what is installed, and is answered from what there is by then; raises
        `Unavailable` with how far it is when there is nothing yet.
        """
        query = query.strip()[:LONGEST_QUESTION]
        if not query:
            raise Invalid("There is no question.", "Ask in words, or give a name such as pandas.read_csv.")
        self._begin_once()
        found = await self._ask(lambda index: index.search(query, max(1, min(limit, MOST)), package))
        if found is None and not self.begin_by_itself:
            raise NotFound("No documentation has been read yet.", "Read it first: `studiolo docs index`.")
        if not found and self._state.building:
            raise self._not_yet()
        return found or []

    async def entry(self, name: str, package: str | None = None) -> Entry:
        """The entry of this name: the whole name, or one that ends with it. Raises `NotFound` with near ones."""
        self._begin_once()
        found = await self._ask(lambda index: index.named(name[:500], package))
        if found is not None:
            return found
        near = await self._ask(lambda index: index.near(name[:200])) or []
        if not near and self._state.building:
            raise self._not_yet()
        hint = f"Did you mean {', '.join(near)}?" if near else "Ask in words instead."
        raise NotFound(f"Nothing here is called {name[:200]}.", hint, candidates=near)

    def _not_yet(self) -> Unavailable:
        state = self._state
        return Unavailable(
            f"The documentation is being read: {state.number} of {state.of or '?'} packages so far.",
            "Ask again in a minute.",
        )

    async def state(self) -> State:
        """What can be asked now."""
        sources = await self._ask(lambda index: index.sources()) or []
        listed = [Indexed(one.package, one.version, one.kind, one.items, one.problem) for one in sources]
        return replace(self._state, sources=listed)

    async def index(self, only: Sequence[str] = (), *, again: bool = False, tell: Told | None = None) -> State:
        """Read what is new or has changed (`again`: everything), and wait for it."""
        if self._building is not None and not self._building.done():
            await asyncio.shield(self._building)
        self._checked = True
        if tell:
            self._told.append(tell)
        try:
            self._begin(only, again)
            assert self._building is not None
            await asyncio.shield(self._building)
        finally:
            if tell:
                self._told.remove(tell)
        return await self.state()

    async def close(self) -> None:
        """Stop reading, and let go of the file."""
        if self._process is not None:
            self._process.terminate()
        if self._building is not None:
            self._building.cancel()
            with contextlib.suppress(asyncio.CancelledError, StudioloError):
                await self._building
        with self._lock:
            self._let_go()

    # --- asking

    async def _ask(self, question: Callable[[Index], T]) -> T | None:
        return await asyncio.to_thread(self._asked, question)

    def _asked(self, question: Callable[[Index], T]) -> T | None:
        with self._lock:
            try:
                if self._index is None:
                    self._index = Index(self.path)
                return question(self._index)
            except FileNotFoundError:
                return None
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) and "unable to open" not in str(error):
                    self._damaged()
                return None
            except sqlite3.DatabaseError:
                self._damaged()
                return None

    def _damaged(self) -> None:
        """The reader of sources makes a new one; until then there is nothing."""
        self._let_go()
        self._checked = False

    def _let_go(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    # --- reading sources

    def _begin_once(self) -> None:
        if self.begin_by_itself and not self._checked:
            self._checked = True
            self._begin((), False)

    def _begin(self, only: Sequence[str], again: bool) -> None:
        if self._building is not None and not self._building.done():
            return
        self._state = State(True, "", 0, 0)
        self._building = asyncio.create_task(self._build(list(only), again))

    async def _build(self, only: list[str], again: bool) -> None:
        try:
            asked = {
                "environments": [str(one) for one in self._environments],
                "folders": [str(one) for one in self._folders],
                "inventories": await self._fetched(),
                "standard": self._standard,
                "only": only,
                "again": again,
            }
            await asyncio.to_thread(self._read, json.dumps(asked))
        finally:
            self._state = replace(self._state, building=False, reading="")
            with self._lock:
                self._let_go()  # the file may be another one now

    def _read(self, asked: str) -> None:
        command = [sys.executable, "-m", "studiolo.tools.documentation.building", str(self.path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            self._process = process
            try:
                assert process.stdin and process.stdout
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(asked)
                    process.stdin.close()
                for line in process.stdout:
                    with contextlib.suppress(ValueError):
                        self._heard(json.loads(line))
            finally:
                self._process = None

    def _heard(self, said: dict[str, Any]) -> None:
        if "reading" in said:
            self._state = State(True, said["reading"], said["number"], said["of"])
            self._tell(f"{said['number'] + 1} of {said['of']}: {said['reading']}")
        elif said.get("problem"):
            self._tell(f"{said['read']} was left out: {said['problem']}")
        elif said.get("busy"):
            self._tell("Another process is reading the documentation.")

    def _tell(self, sentence: str) -> None:
        for tell in self._told:
            tell(sentence)

    async def _fetched(self) -> list[dict[str, str]]:
        """Inventories as files; one that cannot be had is left out, the one that was had before is kept."""
        found: list[dict[str, str]] = []
        for one in self._inventories:
            if not one.startswith(("http://", "https://")):
                found.append({"path": one, "base": ""})
                continue
            address = one if one.endswith(".inv") else urljoin(one.rstrip("/") + "/", "objects.inv")
            kept = self.path.parent / "inventories" / hashlib.sha256(address.encode()).hexdigest()[:16]
            if self._fetch is not None:
                try:
                    data = await self._fetch(address)
                    if data.startswith(b"# Sphinx") and len(data) <= LARGEST_INVENTORY:
                        if not kept.exists() or kept.read_bytes() != data:
                            kept.parent.mkdir(parents=True, exist_ok=True)
                            kept.write_bytes(data)
                    else:
                        self._tell(f"{address} is no Sphinx inventory.")
                except StudioloError as error:
                    self._tell(f"{address} was left out: {error.message}")
            if kept.exists():
                found.append({"path": str(kept), "base": urljoin(address, ".")})
        return found
