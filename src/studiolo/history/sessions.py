"""Sessions: what happened between two pauses, which is how people remember their work."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from studiolo.canvas.diff import tokens
from studiolo.history.archive import NEVER, Archive
from studiolo.history.notes import DECIDED, DEEDS, Note

PAUSE: Final = 30 * 60.0  # seconds without any work end a session
BREAK: Final = 6.0  # seconds without any typing make a moment to stop at
LONGEST_BURST: Final = 200  # rows of typing without a moment
MOST_MOMENTS: Final = 1_500


@dataclass(slots=True)
class Tally:
    """Words that came and went."""

    added: int = 0
    removed: int = 0

    def as_dict(self) -> dict[str, int]:
        return {"added": self.added, "removed": self.removed}


@dataclass(slots=True)
class Session:
    """Rows `first` to `last` of the log. What it made is what stood at its end and not at its beginning."""

    first: int
    last: int
    began: float
    ended: float
    total: Tally = field(default_factory=Tally)
    people: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    pages: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    decisions: Counter[str] = field(default_factory=Counter)
    runs: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)

    def as_dict(self, at: Callable[[int], float]) -> dict[str, Any]:
        return {
            "from": self.first,
            "to": self.last,
            "began": self.began,
            "ended": self.ended,
            **self.total.as_dict(),
            "people": [{"participant": id, **tally.as_dict()} for id, tally in self.people.items()],
            "pages": [{"page": id, **tally.as_dict()} for id, tally in self.pages.items()],
            "decisions": dict(self.decisions),
            "runs": self.runs,
            "notes": [note.as_dict() for note in self.notes if note.told],
            "moments": [[seq, at(seq)] for seq in self.moments],
        }


def sessions(archive: Archive, notes: Sequence[Note], owner: Callable[[int], str]) -> list[Session]:
    """The sessions of a canvas, the first one first. `owner` says whose a client id is."""
    by_row = {note.seq: note for note in notes}
    found: list[Session] = []
    place = array("L", [0]) * (archive.seq + 1)  # row -> number of its session, from 1
    for seq in range(1, archive.seq + 1):
        at, note = archive.at(seq), by_row.get(seq)
        # Rows of the studio itself that change no text only follow what people did.
        if note is not None or archive.typed[seq - 1]:
            if not found or at - found[-1].ended > PAUSE:
                found.append(Session(seq, seq, at, at))
            session = found[-1]
            session.last, session.ended = seq, max(at, session.ended)
            if note is not None:
                _note(session, note)
            if archive.typed[seq - 1] or (note is not None and note.told):
                session.people[archive.author(seq)]
        elif found:
            found[-1].last = seq
        place[seq] = len(found)
    brought_back = {note.seq for note in notes if note.type in DEEDS}
    _count(archive, found, place, lambda client, row: archive.author(row) if row in brought_back else owner(client))
    _stop(archive, found, by_row)
    return found


def _note(session: Session, note: Note) -> None:
    session.notes.append(note)
    if kind := DECIDED.get(note.type):
        session.decisions[kind] += 1
    if note.run and note.run not in session.runs:
        session.runs.append(note.run)


def _count(archive: Archive, found: Sequence[Session], place: Sequence[int], hand: Callable[[int, int], str]) -> None:
    """Count words; `hand` says who brought in what a client id wrote with a row.

    What came and went within one session was never there, as far as its result is concerned.
    """
    for page in archive.outline(archive.seq):
        weave = archive.weave(page)
        came: list[str] = []
        went: list[str] = []
        came_with: tuple[int, str] | None = None
        went_with: tuple[int, str] | None = None
        for client, text, born, died in zip(weave.clients, weave.texts, weave.born, weave.died, strict=True):
            first, last = place[born], place[died] if died != NEVER else 0
            if first == last:
                continue
            key = (first, hand(client, born))
            if key != came_with:
                _add(found, page, came_with, came)
                came_with = key
            came.append(text)
            gone = (last, archive.author(died)) if last else None
            if gone != went_with:
                _remove(found, page, went_with, went)
                went_with = gone
            if gone:
                went.append(text)
        _add(found, page, came_with, came)
        _remove(found, page, went_with, went)


def _add(found: Sequence[Session], page: str, key: tuple[int, str] | None, texts: list[str]) -> None:
    if key and key[0]:
        session, count = found[key[0] - 1], words("".join(texts))
        for tally in (session.total, session.people[key[1]], session.pages[page]):
            tally.added += count
    texts.clear()


def _remove(found: Sequence[Session], page: str, key: tuple[int, str] | None, texts: list[str]) -> None:
    if key and key[0]:
        session, count = found[key[0] - 1], words("".join(texts))
        for tally in (session.total, session.people[key[1]], session.pages[page]):
            tally.removed += count
    texts.clear()


def words(text: str) -> int:
    """How many words a text has; a character counts as one where a script has no blanks."""
    return sum(1 for token in tokens(text) if token[0].isalnum())


def _stop(archive: Archive, found: Sequence[Session], by_row: Mapping[int, Note]) -> None:
    """Choose the moments at which a reader who goes through a session stops."""
    pause, burst = BREAK, LONGEST_BURST
    while True:
        for session in found:
            session.moments = _moments(archive, session, by_row, pause, burst)
        if sum(len(session.moments) for session in found) <= max(MOST_MOMENTS, 2 * len(found)):
            return
        pause, burst = 2 * pause, 2 * burst


def _moments(archive: Archive, session: Session, by_row: Mapping[int, Note], pause: float, burst: int) -> list[int]:
    moments: list[int] = []
    typed = 0
    at = None  # the last row that changed a text and is no moment yet
    for seq in range(session.first, session.last + 1):
        if not archive.typed[seq - 1]:
            continue
        if at is not None and (archive.at(seq) - archive.at(at) >= pause or typed >= burst or seq in by_row):
            moments.append(at)
            typed = 0
        at, typed = seq, typed + 1
    if not moments or at is not None:
        moments.append(session.last)
    return moments
