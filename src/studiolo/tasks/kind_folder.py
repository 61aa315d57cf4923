"""The kinds of tasks of a studio: those that are shipped, and the files of a folder, looked at again when they change.

A file takes the place of the shipped one of the same id. One that cannot be read is a problem that people are told of;
what was read from it before goes on being used.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from studiolo.canvas import Canvas
from studiolo.canvas.errors import Invalid, NotFound
from studiolo.tasks import doing as _ways  # it registers the ways of doing a step
from studiolo.tasks.job import DOING
from studiolo.tasks.kind import Kind
from studiolo.tasks.kind_file import LARGEST, BadKind, check_id, parse
from studiolo.tasks.task import Step

FOLDER = "tasks"
SHIPPED = Path(__file__).parent / "kinds"
ORDER = ("continue-story", "deep-research", "watch", "review-pass", "translate", "data-refresh")
LOOK_EVERY = 0.5  # seconds
MOST_FILES = 200
log = logging.getLogger(__name__)

assert _ways


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is not used as it is. `line` counts from 1; 0 where it is about the whole file."""

    kind: str
    file: str
    line: int
    message: str
    hint: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was last seen of a file of the folder: `kind` is the last one that was good."""

    stamp: Stamp
    kind: Kind | None
    problem: Problem | None


class Kinds:
    """The kinds of tasks that can be begun. `home` is the studio's data folder; `agents` has the ids of its agents."""

    def __init__(
        self,
        home: Path | None = None,
        agents: Container[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = home / FOLDER if home is not None else None
        self._agents = agents
        self._clock = clock
        self._shipped = {path.stem: parse(path.stem, path.read_text("utf-8"), DOING) for path in SHIPPED.glob("*.md")}
        self._known: dict[str, _Known] = {}
        self._elsewhere: list[Problem] = []  # of files that have no id
        self._looked: float | None = None

    def list(self) -> list[Kind]:
        """All of them: the shipped ones in their order, then the studio's own by name."""
        self._look()
        found = dict(self._shipped)
        found |= {id: known.kind for id, known in self._known.items() if known.kind is not None}
        order = {id: at for at, id in enumerate(ORDER)}
        return sorted(found.values(), key=lambda kind: (order.get(kind.id, len(ORDER)), kind.name.lower(), kind.id))

    def get(self, id: str) -> Kind:
        """The kind with that id. Raises `NotFound`."""
        self._look()
        known = self._known.get(id)
        kind = (known.kind if known is not None else None) or self._shipped.get(id)
        if kind is None:
            there = ", ".join(one.id for one in self.list())
            raise NotFound(f"There is no kind of task “{id[:60]}”.", f"There are: {there}.")
        return kind

    def lay_out(
        self, kind: str, given: dict[str, Any], canvas: Canvas | None = None
    ) -> tuple[str, dict[str, Any], list[Step]]:
        """What a task of a kind is called, its inputs in full, and its plan. Raises `NotFound` and `Invalid`."""
        return self.get(kind).lay_out(given, canvas, self._agents)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with files of the folder."""
        self._look()
        return [*(known.problem for known in self._known.values() if known.problem), *self._elsewhere]

    def _look(self) -> None:
        now = self._clock()
        if self._folder is None or (self._looked is not None and now - self._looked < LOOK_EVERY):
            return
        self._looked = now
        found: dict[str, _Known] = {}
        elsewhere: list[Problem] = []
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".md" and path.name[0] != ".")
        except FileNotFoundError:
            paths = []
        except OSError as error:
            elsewhere.append(Problem("", FOLDER, 0, f"It cannot be read: {error.strerror}.", "Check its permissions."))
            found, paths = dict(self._known), []
        for path in paths[:MOST_FILES]:
            try:
                check_id(path.stem)
                about = path.stat()
            except Invalid as error:
                elsewhere.append(Problem("", path.name, 0, error.message, error.hint))
                continue
            except OSError:
                continue  # it went while we looked
            stamp = (about.st_mtime_ns, about.st_size, about.st_ino)
            before = self._known.get(path.stem)
            found[path.stem] = before if before and before.stamp == stamp else _read(path, stamp, before)
        if len(paths) > MOST_FILES:
            elsewhere.append(Problem("", FOLDER, 0, f"There are more than {MOST_FILES} kinds.", "Delete some."))
        self._known, self._elsewhere = found, elsewhere


def _read(path: Path, stamp: Stamp, before: _Known | None) -> _Known:
    id = path.stem
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        return _Known(stamp, replace(parse(id, data.decode("utf-8-sig"), DOING), own=True), None)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1  # pyright: ignore[reportPossiblyUnboundVariable]
        problem = Problem(id, path.name, line, "The file is not UTF-8 text.", "Save it as UTF-8.")
    except BadKind as error:
        problem = Problem(id, path.name, error.line, error.message, error.hint)
    except OSError as error:
        problem = Problem(id, path.name, 0, f"It cannot be read: {error.strerror}.", "Put a file in its place.")
    log.warning("%s: %s %s", problem.file, problem.message, problem.hint)
    return _Known(stamp, before.kind if before else None, problem)
