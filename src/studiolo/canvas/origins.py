"""What is kept of where text came from, found by the ids of its characters.

Most text needs no record: whose client id it was typed with says who wrote it. Text that came in another way has one
in the root `origins` of the document, and text that came by accepting a suggestion is named in the suggestion. Here
both lie in memory, by client id and clock, so that one look tells what a character is; nothing here is touched while
somebody types.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from studiolo.canvas.identity.decode import Range
from studiolo.canvas.records import SuggestionRecord
from studiolo.canvas.returns import Returns

Via = Literal["", "moved", "copied", "pasted", "imported", "restored"]

_NOTHING: Mapping[str, Any] = {}
_V = TypeVar("_V")
_clock_of = itemgetter(0)


class Origin(NamedTuple):
    """Whose neighbouring characters are, and how they came to be.

    `how` is what they are: "typed" (also: written by an action), "accepted" with the `suggestion` they came from,
    "pasted" from elsewhere, "imported" with a file. `via` is how they came to stand where they stand, when that is
    something else ("moved" by cut and paste, "copied", "restored" by undo), with who did it (`by`) and when (`at`).
    `name` is that of a participant whom this studio does not know; `more` holds what a file told of them.
    """

    units: int
    participant: str
    suggestion: str = ""
    how: str = "typed"
    name: str = ""
    more: Mapping[str, Any] = _NOTHING
    via: str = ""
    by: str = ""
    at: float = 0.0

    def same(self, other: Origin) -> bool:
        """Whether the two differ in nothing but their lengths."""
        return self[1:] == other[1:]

    def kept(self) -> list[Any]:
        """As a record keeps it: what says nothing at the end is left out."""
        fields: list[Any] = [*self[:5], dict(self.more)]
        while len(fields) > 4 and not fields[-1]:
            fields.pop()
        return fields


class Record(NamedTuple):
    """One entry of the root `origins`: what really is the text of neighbouring ids, in order."""

    how: str
    by: str
    at: float
    runs: list[Origin]
    of: list[Range]
    """The ids that the text had before it came back, where it did."""

    @classmethod
    def read(cls, kept: str) -> tuple[int, Record]:
        """The record in its JSON text, and how many code units it is about."""
        fields: dict[str, Any] = json.loads(kept)
        how, by, at = fields["how"], fields["by"], float(fields["at"])
        runs = [Origin(*run)._replace(via=how, by=by, at=at) for run in fields["runs"]]
        return fields["units"], cls(how, by, at, runs, [(one[0], one[1], one[2]) for one in fields.get("of", ())])

    def written(self, units: int) -> str:
        """As JSON text: a CRDT map would make floats of whole numbers."""
        fields: dict[str, Any] = {"units": units, "how": self.how, "by": self.by, "at": self.at}
        fields["runs"] = [run.kept() for run in self.runs]
        if self.of:
            fields["of"] = self.of
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


class _Layer(Generic[_V]):
    """Stretches of ids that do not overlap, each with a value."""

    def __init__(self) -> None:
        self._spans: defaultdict[int, list[tuple[int, int, _V]]] = defaultdict(list)

    def __contains__(self, client: int) -> bool:
        return client in self._spans

    def put(self, range: Range, value: _V) -> None:
        client, clock, units = range
        spans = self._spans[client]
        if not spans or spans[-1][0] < clock:
            spans.append((clock, units, value))
            return
        at = bisect_left(spans, clock, key=_clock_of)
        if spans[at][0] == clock:
            spans[at] = (clock, units, value)
        else:
            spans.insert(at, (clock, units, value))

    def drop(self, client: int, clock: int) -> None:
        spans = self._spans.get(client, [])
        at = bisect_left(spans, clock, key=_clock_of)
        if at < len(spans) and spans[at][0] == clock:
            del spans[at]
        if not spans:
            self._spans.pop(client, None)

    def over(self, range: Range) -> Iterator[tuple[int, int, int, _V | None]]:
        """The range in parts, in order: clock, units, and the value there with how far into its stretch that is."""
        client, clock, units = range
        end = clock + units
        spans = self._spans.get(client)
        if spans:
            at = max(0, bisect_right(spans, clock, key=_clock_of) - 1)
            while at < len(spans) and spans[at][0] < end:
                start, length, value = spans[at]
                at += 1
                if start + length <= clock:
                    continue
                if start > clock:
                    yield clock, start - clock, 0, None
                    clock = start
                stop = min(end, start + length)
                yield clock, stop - clock, clock - start, value
                clock = stop
        if clock < end:
            yield clock, end - clock, 0, None


class Origins:
    """The records of a document, by the ids that they are about. Kept in step by the canvas."""

    def __init__(self, kept: Mapping[str, str], suggestions: Iterable[SuggestionRecord]) -> None:
        self.records: dict[str, Record] = {}
        """By key, "client:clock" of the first unit."""
        self.returns = Returns()
        self._said: _Layer[Record] = _Layer()
        self._accepted: _Layer[tuple[str, int]] = _Layer()
        self._applied: dict[str, list[tuple[int, int]]] = {}
        for key, record in kept.items():
            self.note(key, record)
        for record in suggestions:
            self.accepted(record)

    def note(self, key: str, kept: str) -> None:
        """Take in an entry of the root as it stands there."""
        client, clock = map(int, key.split(":"))
        units, record = Record.read(kept)
        self.records[key] = record
        self._said.put((client, clock, units), record)
        if record.of:
            self.returns.note((client, clock), record.of)

    def forget(self, key: str) -> None:
        """An entry of the root is gone."""
        if self.records.pop(key, None) is not None:
            client, clock = map(int, key.split(":"))
            self._said.drop(client, clock)

    def accepted(self, record: SuggestionRecord) -> None:
        """Take in what accepting a suggestion has inserted, as its hunks say now."""
        for client, clock in self._applied.pop(record.id, ()):
            self._accepted.drop(client, clock)
        spots: list[tuple[int, int]] = []
        for index, hunk in enumerate(record.hunks):
            if not hunk.applied:
                continue
            for part in json.loads(hunk.applied):
                if part["ins"]:
                    client, clock, units = part["ins"]
                    self._accepted.put((client, clock, units), (record.id, index))
                    spots.append((client, clock))
        if spots:
            self._applied[record.id] = spots

    def plain(self, client: int) -> bool:
        """Whether all that a client id wrote is simply its owner's typing."""
        return client not in self._said and client not in self._accepted

    def fresh(self, range: Range) -> list[Range]:
        """Those of the ids of which nothing is known but who typed them."""
        client = range[0]
        return [
            (client, there, length)
            for clock, units, _, record in self._said.over(range)
            if record is None
            for there, length, _, hunk in self._accepted.over((client, clock, units))
            if hunk is None
        ]

    def of(self, range: Range, owner: str) -> list[Origin]:
        """What the text of these ids is, in order; `owner` is whose their client id is."""
        client, _, units = range
        if self.plain(client):
            return [Origin(units, owner)]
        found: list[Origin] = []
        for clock, length, into, record in self._said.over(range):
            if record is not None:
                found += cut(record.runs, into, length)
                continue
            for _, part, _, hunk in self._accepted.over((client, clock, length)):
                if hunk is None:
                    found.append(Origin(part, owner))
                else:
                    more = {"hunk": hunk[1]} if hunk[1] else _NOTHING
                    found.append(Origin(part, owner, hunk[0], "accepted", "", more))
        return joined(found)


def cut(runs: Sequence[Origin], start: int, units: int) -> list[Origin]:
    """Those of the runs that are about `units` code units behind the first `start` ones."""
    found: list[Origin] = []
    for run in runs:
        if units <= 0:
            break
        taken = min(run.units - start, units)
        if taken > 0:
            found.append(run if taken == run.units else run._replace(units=taken))
            units -= taken
        start = max(0, start - run.units)
    return found


def joined(runs: Iterable[Origin]) -> list[Origin]:
    """The same runs, neighbours that say the same made one."""
    found: list[Origin] = []
    for run in runs:
        if found and found[-1].same(run):
            found[-1] = found[-1]._replace(units=found[-1].units + run.units)
        elif run.units:
            found.append(run)
    return found
