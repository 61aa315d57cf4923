"""The studio's personas: those that are shipped, and the files of a folder, looked at again when they change.

A file takes the place of the shipped one of the same id. One that cannot be read is a problem that people are told
of; what was read from it before goes on being used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

from studiolo.agents.persona import Limits, Persona
from studiolo.agents.persona_file import LARGEST, BadPersona, check_id, check_secrets, parse, slug, taken
from studiolo.canvas.errors import Conflict, Invalid, NotFound, Unavailable
from studiolo.canvas.participant import Role

FOLDER = "agents"
SHIPPED = Path(__file__).parent / "personas"
ORDER = (
    "co-author",
    "line-editor",
    "critic",
    "continuity-keeper",
    "brainstormer",
    "pair-programmer",
    "analyst",
    "researcher",
    "fact-checker",
)
LOOK_EVERY = 0.5  # seconds
MOST_FILES = 200
Origin = Literal["shipped", "changed", "own"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is not used as it is. `line` counts from 1; 0 where it is about the whole file."""

    agent: str
    file: str
    line: int
    message: str
    hint: str

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PersonaFile:
    """A persona's text. `etag` is of the text; `origin` says whose it is."""

    id: str
    text: str
    origin: Origin
    etag: str


Stamp = tuple[int, int, int]


@dataclass(slots=True)
class _Known:
    """What was last seen of a file of the folder."""

    stamp: Stamp
    text: str
    persona: Persona | None
    """The last one that was good."""
    problem: Problem | None


class Personas:
    """The agents of a studio. `home` is its data folder; without one there are only those that are shipped."""

    def __init__(self, home: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = home / FOLDER if home is not None else None
        self._clock = clock
        self._shipped_text = {path.stem: path.read_text("utf-8") for path in sorted(SHIPPED.glob("*.md"))}
        self._shipped = {id: parse(id, text) for id, text in self._shipped_text.items()}
        self._known: dict[str, _Known] = {}
        self._elsewhere: list[Problem] = []  # of files that are nobody's
        self._looked: float | None = None
        self._roles: Mapping[str, Role] = {}

    # -- who there is

    def list(self) -> list[Persona]:
        """Everybody who can be asked: the shipped ones in their order, then the studio's own by name."""
        self._look()
        everybody = dict(self._shipped)
        everybody |= {id: known.persona for id, known in self._known.items() if known.persona is not None}
        own = sorted((id for id in everybody if id not in ORDER), key=lambda id: everybody[id].participant.name.lower())
        return [self._with_role(everybody[id]) for id in (*ORDER, *own) if id in everybody]

    def get(self, id: str) -> Persona:
        """The agent with that id, with the role that it has in this studio. Raises `NotFound`."""
        self._look()
        known = self._known.get(id)
        found = (known.persona if known else None) or self._shipped.get(id)
        if found is None:
            raise NotFound(
                f"There is no agent “{id[:60]}”.", f"Ask one of: {', '.join(one.id for one in self.list())}."
            )
        return self._with_role(found)

    def __contains__(self, id: str) -> bool:
        self._look()
        known = self._known.get(id)
        return id in self._shipped or (known is not None and known.persona is not None)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with files of the folder."""
        self._look()
        return [*(known.problem for known in self._known.values() if known.problem), *self._elsewhere]

    def grant(self, roles: Mapping[str, Role]) -> None:
        """Say which roles the studio's owners have given to agents: a file alone makes nobody an editor."""
        self._roles = dict(roles)

    def _with_role(self, persona: Persona) -> Persona:
        agreed = persona.role == "editor" and self._roles.get(persona.id) in ("editor", "owner")
        return persona.granted("editor") if agreed else persona

    # -- their files

    def file(self, id: str) -> PersonaFile:
        """The text of a persona, also of one that cannot be used as it is. Raises `NotFound`."""
        self._look()
        known, shipped = self._known.get(id), self._shipped_text.get(id)
        if known is not None:
            return PersonaFile(id, known.text, "own" if shipped is None else "changed", etag(known.text))
        if shipped is None:
            raise NotFound(f"There is no agent “{id[:60]}”.", "Look at the list of agents.")
        return PersonaFile(id, shipped, "shipped", etag(shipped))

    def shipped(self, id: str) -> str | None:
        """The text that Studiolo ships under this id."""
        return self._shipped_text.get(id)

    @property
    def everyday(self) -> set[str]:
        """The tools that some shipped agent uses without asking: nobody need be asked to let another do so."""
        return set().union(*(taken(persona) for persona in self._shipped.values()))

    @property
    def usual(self) -> list[Limits]:
        """What shipped agents may use up: nobody need be asked to let another use as much."""
        return [persona.budget for persona in self._shipped.values()]

    def free_id(self, name: str) -> str:
        """An id for a new agent of that name."""
        self._look()
        made = slug(name)
        used = {*self._shipped, *self._known}
        others = (f"{made[:36].rstrip('-')}-{n}" for n in count(2))
        return next(id for id in chain((made,), others) if id not in used)

    def save(self, id: str, text: str, expected: str | None = None) -> Persona:
        """Write a persona's file. `expected`: the etag of the text that was changed, "" for one that must be new.

        Raises `Invalid` (`BadPersona` with its line), and `Conflict` when the file is another by now.
        """
        folder = self._need_folder()
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        persona = parse(id, text)
        check_secrets(text)
        self._look(at_once=True)
        self._unchanged(id, expected)
        if id not in self._known and len(self._known) >= MOST_FILES:
            raise Invalid(f"The studio has {MOST_FILES} agents of its own already.", "Delete one first.")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix=f".{id}.", suffix=".part", dir=folder)
            try:
                with os.fdopen(handle, "wb") as new:
                    new.write(text.encode())
                    new.flush()
                    os.fsync(new.fileno())
                Path(name).replace(folder / f"{id}.md")
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise Unavailable(
                f"The agent's file cannot be written: {error.strerror}.", f"Look at the folder {FOLDER} of the studio."
            ) from None
        self._look(at_once=True)
        return self._with_role(persona)

    def remove(self, id: str, expected: str | None = None) -> None:
        """Delete the studio's own file: its agent is gone, or is the shipped one again. Raises as `save` does."""
        folder = self._need_folder()
        self._look(at_once=True)
        if id not in self._known:
            if id in self._shipped:
                raise Conflict(
                    "This agent comes with Studiolo, and nobody has changed it.", "There is nothing to delete."
                )
            raise NotFound(f"There is no agent “{id[:60]}”.", "Look at the list of agents.")
        self._unchanged(id, expected)
        try:
            (folder / f"{id}.md").unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The agent's file cannot be deleted: {error.strerror}.", f"Look at the folder {FOLDER} of the studio."
            ) from None
        self._look(at_once=True)

    def _need_folder(self) -> Path:
        if self._folder is None:
            raise Unavailable("This studio has no folder for agents.", "Start it with a data folder.")
        return self._folder

    def _unchanged(self, id: str, expected: str | None) -> None:
        if expected is None:
            return
        try:
            now = self.file(id)
        except NotFound:
            if expected:
                raise Conflict("Somebody has deleted this agent.", "Save yours under a name of its own.") from None
            return
        if not expected:
            raise Conflict(f"There is an agent “{id}” already.", "Choose another id.", etag=now.etag)
        if now.etag != expected:
            raise Conflict(
                "Somebody else has changed this agent meanwhile.",
                "Look at both texts, then save yours over theirs or take theirs.",
                etag=now.etag,
                text=now.text,
            )

    # -- looking at the folder

    def _look(self, at_once: bool = False) -> None:
        now = self._clock()
        if self._folder is None or (not at_once and self._looked is not None and now - self._looked < LOOK_EVERY):
            return
        self._looked = now
        found, elsewhere = self._files(self._folder)
        for id in self._known.keys() - found.keys():
            del self._known[id]
        for id, (path, stamp) in found.items():
            before = self._known.get(id)
            if before is None or before.stamp != stamp:
                self._known[id] = self._read(id, path, stamp, before)
        for problem in elsewhere:
            if problem not in self._elsewhere:
                log.warning("%s: %s %s", problem.file, problem.message, problem.hint)
        self._elsewhere = elsewhere

    def _files(self, folder: Path) -> tuple[dict[str, tuple[Path, Stamp]], list[Problem]]:
        found: dict[str, tuple[Path, Stamp]] = {}
        problems: list[Problem] = []
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".md"))
        except FileNotFoundError:
            return {}, []
        except OSError as error:
            return dict(self._places()), [Problem("", FOLDER, 0, f"It cannot be read: {error.strerror}.", "")]
        for name in names:
            if name.startswith("."):
                continue
            path, id = folder / name, name.removesuffix(".md")
            try:
                check_id(id)
                about = path.stat()
                inside = path.resolve().is_relative_to(folder.resolve())
            except Invalid as error:
                problems.append(Problem("", name, 0, error.message, error.hint))
                continue
            except OSError:
                continue  # it went while we looked
            if not stat.S_ISREG(about.st_mode):
                problems.append(Problem("", name, 0, "It is not a file.", "Put a file in its place."))
            elif not inside:  # everybody who is signed in may read what an agent's file says
                problems.append(Problem("", name, 0, "It is a link that leads out of the folder.", "Copy it."))
            elif len(found) >= MOST_FILES:
                problems.append(Problem("", name, 0, f"There are more than {MOST_FILES} agents.", "Delete some."))
            else:
                found[id] = (path, (about.st_mtime_ns, about.st_size, about.st_ino))
        return found, problems

    def _places(self) -> dict[str, tuple[Path, Stamp]]:
        """The files as they were last seen."""
        folder = self._need_folder()
        return {id: (folder / f"{id}.md", known.stamp) for id, known in self._known.items()}

    def _read(self, id: str, path: Path, stamp: Stamp, before: _Known | None) -> _Known:
        text, problem, persona = "", None, None
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)
            text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
            data.decode("utf-8")
            check_secrets(text)
            persona = parse(id, text)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1  # pyright: ignore[reportPossiblyUnboundVariable]
            problem = Problem(id, path.name, line, "The file is not UTF-8 text.", "Save it as UTF-8.")
        except BadPersona as error:
            problem = Problem(id, path.name, error.line, error.message, error.hint)
        except OSError as error:
            problem = Problem(id, path.name, 0, f"It cannot be read: {error.strerror}.", "Check its permissions.")
        if problem is not None:
            log.warning("%s: %s %s", problem.file, problem.message, problem.hint)
            persona = before.persona if before else None
        return _Known(stamp, text, persona, problem)


def etag(text: str) -> str:
    """What a text is known by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
