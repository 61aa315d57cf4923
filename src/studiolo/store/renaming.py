"""Other names for people in stored updates.

A canvas that comes from another studio brings that studio's ids along: whose a suggestion is, who decided it, what
really is the text of an id. Here they are put in the place of others inside the updates, without changing anything
that the document's own ids depend on: every value stays one value, and no text of a page is touched.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from pycrdt import write_var_uint

from studiolo.canvas.identity import DecodeError, decode
from studiolo.canvas.identity.decode import Id, Struct

PEOPLE = frozenset({"author", "by", "amended_by", "participant", "made_by", "agent"})
RUN = "run"
ORIGIN = re.compile(r"\d{1,20}:\d{1,20}")
_ANY, _SKIPPED = 8, frozenset({0, 10})


class Renaming:
    """Renames people and runs in the updates of one canvas, which are given in order."""

    def __init__(self, who: Callable[[str], str], run: Callable[[str], str]) -> None:
        self._who = who
        self._run = run
        self._keys = _Keys()

    def update(self, data: bytes, most: int) -> bytes:
        """The update with other names. Raises `DecodeError` for bytes that are none."""
        self._keys.note(decode(data, most).structs)  # bounded and whole: below this is taken for granted
        return _Rewriting(data, self._keys, self._value).done()

    def plain(self, value: Any, key: str = "") -> Any:
        """JSON data, such as a row of the ledger, with other names."""
        if isinstance(value, dict):
            if key in PEOPLE and isinstance(value.get("id"), str):
                return {**value, "id": self._who(value["id"])}
            return {name: self.plain(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.plain(inner, key) for inner in value]
        return self._value(key, value) if isinstance(value, str) else value

    def _value(self, key: str, text: str) -> str:
        if key in PEOPLE:
            return self._who(text)
        if key == RUN:
            return self._run(text)
        if key == "hands":
            return ""  # nobody here has a hand in what was proposed elsewhere
        if key == "policies":
            return "[]"  # nothing is accepted here unasked until somebody here says so
        return self._origin(text) if ORIGIN.fullmatch(key) else text

    def _origin(self, text: str) -> str:
        """A record of what text really is; one that cannot be read says nothing."""
        try:
            record = json.loads(text)
            record["by"] = self._who(str(record["by"]))
            record["runs"] = [[run[0], self._who(str(run[1])), *run[2:]] for run in record["runs"]]
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            raise DecodeError("a record of where text came from cannot be read") from None
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


class _Keys:
    """Under which keys of maps the items of a document stand. One that takes the place of another does not say so: it
    hangs on that one, which may come after it in the same update, and several may be written as one."""

    def __init__(self) -> None:
        self._spans: defaultdict[int, list[tuple[int, int, str]]] = defaultdict(list)

    def note(self, structs: Sequence[Struct]) -> None:
        """Take in what an update adds."""
        here: defaultdict[int, list[Struct]] = defaultdict(list)
        for struct in structs:
            here[struct.client].append(struct)
        known: dict[Id, str] = {}
        for struct in structs:
            trail: list[Struct] = []
            beside: Id | None = None
            at: Struct | None = struct
            while at is not None and (at.client, at.clock) not in known:
                known[at.client, at.clock] = at.sub or ""  # so that what hangs on itself ends, too
                trail.append(at)
                beside = None if at.sub else at.origin or at.right
                at = _holding(here, beside) if beside else None
            if trail:
                last = at or trail[-1]
                key = known[last.client, last.clock] or (self.at(beside) if beside else "")
                known.update(((one.client, one.clock), key) for one in trail)
        for struct in structs:
            key = known[struct.client, struct.clock]
            if key and not self.at((struct.client, struct.clock)):
                insort(self._spans[struct.client], (struct.clock, struct.clock + struct.length, key))

    def at(self, id: Id) -> str:
        """The key of an item, "" when it has none or is not known."""
        spans = self._spans.get(id[0], ())
        at = bisect_right(spans, id[1], key=itemgetter(0)) - 1
        return spans[at][2] if at >= 0 and id[1] < spans[at][1] else ""


def _holding(here: Mapping[int, Sequence[Struct]], id: Id) -> Struct | None:
    """The struct of an update that an id is in."""
    structs = here.get(id[0], ())
    at = bisect_right(structs, id[1], key=lambda struct: struct.clock) - 1
    return structs[at] if at >= 0 and id[1] < structs[at].clock + structs[at].length else None


class _Rewriting:
    """One pass over an update that is known to be well formed."""

    def __init__(self, data: bytes, keys: _Keys, value: Callable[[str, str], str]) -> None:
        self._data = data
        self._at = 0
        self._copied = 0
        self._out: list[bytes] = []
        self._keys = keys
        self._value = value

    def done(self) -> bytes:
        for _ in range(self._uint()):
            count, client, clock = self._uint(), self._uint(), self._uint()
            for _ in range(count):
                clock += self._struct(client, clock)
        return b"".join([*self._out, self._data[self._copied :]])

    def _struct(self, client: int, clock: int) -> int:
        info = self._data[self._at]
        self._at += 1
        kind = info & 0x1F
        if kind in _SKIPPED:
            return self._uint()
        for _ in range(2 * (bool(info & 0x80) + bool(info & 0x40))):
            self._uint()
        if not info & 0xC0:
            if self._uint() == 1:
                self._text()
            else:
                self._uint()
                self._uint()
            if info & 0x20:
                self._text()
        key = self._keys.at((client, clock))
        length = 1
        if kind == 1:
            length = self._uint()
        elif kind == 2:
            length = self._uint()
            for _ in range(length):
                self._text()
        elif kind in (3, 5):
            self._text(plain=kind == 5)
        elif kind == 4:
            length = len(self._text().encode("utf-16-le")) // 2
        elif kind == 6:
            self._text()
            self._text()
        elif kind == 7:
            if self._uint() in (3, 5):
                self._text()
        elif kind == _ANY:
            length = self._uint()
            for _ in range(length):
                self._any(key)
        else:
            self._text()
            self._any("")
        return length

    def _any(self, key: str) -> None:
        tag = self._data[self._at]
        self._at += 1
        if tag == 119:
            start = self._at
            text = self._text()
            other = self._value(key, text)
            if other != text:
                encoded = other.encode()
                self._out += [self._data[self._copied : start], write_var_uint(len(encoded)), encoded]
                self._copied = self._at
        elif tag == 125:
            while self._data[self._at] & 0x80:
                self._at += 1
            self._at += 1
        elif tag == 118:
            for _ in range(self._uint()):
                self._any(self._text())
        elif tag == 117:
            for _ in range(self._uint()):
                self._any(key)
        elif tag == 116:
            self._text(plain=False)
        else:
            self._at += {124: 4, 123: 8, 122: 8}.get(tag, 0)

    def _uint(self) -> int:
        number = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def _text(self, plain: bool = True) -> str:
        length = self._uint()
        start = self._at
        self._at += length
        return self._data[start : self._at].decode() if plain else ""


def foreign_names(people: Mapping[str, str], prefix: str) -> dict[str, str]:
    """An id for each of another studio's people (id -> name) by which nobody can sign in: `prefix` and the name."""
    taken: dict[str, int] = {}
    named: dict[str, str] = {}
    for id, name in people.items():
        name = (
            " ".join((name or id.removeprefix(prefix) if id.startswith(prefix) else name).split())[:100] or "Somebody"
        )
        taken[name] = taken.get(name, 0) + 1
        named[id] = prefix + name + (f" ({taken[name]})" if taken[name] > 1 else "")
    return named
