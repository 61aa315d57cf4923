"""The index: one SQLite file with a full-text table. Sources are replaced whole, each in one transaction."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz, process

from studiolo.tools.documentation.entry import Entry, Item
from studiolo.tools.documentation.mentions import Mentioned, mentions
from studiolo.tools.documentation.words import names_in, split, terms

SCHEMA = 4
LARGEST = 1 << 30  # bytes of the file
FETCHED = 400  # that bm25 names, to be ranked again
MOST_NAMES = 400_000  # that are looked through for one that is nearly so
# Columns of the full-text table and what a word in them is worth.
WEIGHTS = {"last": 4.0, "path": 2.0, "summary": 4.0, "signature": 1.0, "body": 2.0, "said": 2.0}
_TABLES = """
create table about (key text primary key, value text not null) without rowid;
create table sources (
    id integer primary key, key text not null unique, package text not null, version text not null, kind text not null,
    stamp text not null, items integer not null, built real not null, problem text not null
);
create table entries (
    id integer primary key, source integer not null references sources(id) on delete cascade, name text not null,
    kind text not null, signature text not null, text text not null, place text not null, url text not null,
    also text not null, depth integer not null, mentions real not null, said text not null
);
create index entries_of_source on entries(source);
create table names (
    name text not null, last text not null, entry integer not null references entries(id) on delete cascade,
    first integer not null
);
create index names_by_name on names(name collate nocase);
create index names_by_last on names(last collate nocase);
create index names_by_entry on names(entry);
create virtual table words using fts5(
    last, path, summary, signature, body, said, content='', tokenize='porter unicode61'
);
"""


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that was read: a package, an inventory, a folder."""

    key: str
    package: str
    version: str
    kind: str
    stamp: str
    items: int
    built: float
    problem: str


class Index:
    """The file. Raises `sqlite3.DatabaseError` when it is damaged; then it is to be thrown away."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise FileNotFoundError(path)
        self.database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            self.database.execute("pragma foreign_keys = on")
            if write:
                self.database.execute("pragma journal_mode = wal")
                self.database.execute("pragma synchronous = normal")
                self._create()
            elif self._schema() != SCHEMA:
                raise sqlite3.DatabaseError("an index of another version")
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        self.database.close()

    def _schema(self) -> int:
        return int(self.database.execute("pragma user_version").fetchone()[0])

    def _create(self) -> None:
        if self._schema() == SCHEMA:
            return
        if self.database.execute("select count(*) from sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("an index of another version")
        self.database.executescript(f"begin;{_TABLES}pragma user_version = {SCHEMA};commit;")

    # --- writing

    def replace(self, key: str, package: str, version: str, kind: str, stamp: str, items: Iterable[Item]) -> int:
        """Put a source in the place of what was read of it before; returns how many entries it has."""
        count = 0
        with self._transaction():
            self._forget(key)
            source = self.database.execute(
                "insert into sources (key, package, version, kind, stamp, items, built, problem) "
                "values (?, ?, ?, ?, ?, 0, ?, '')",
                (key, package, version, kind, stamp, time.time()),
            ).lastrowid
            read = list(items)
            for item, mentioned in zip(read, mentions(read), strict=True):
                self._add(int(source or 0), item, mentioned)
                count += 1
            self.database.execute("update sources set items = ? where id = ?", (count, source))
        return count

    def _add(self, source: int, item: Item, mentioned: Mentioned) -> None:
        name = item.name[:500]
        entry = self.database.execute(
            "insert into entries (source, name, kind, signature, text, place, url, also, depth, mentions, said) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(source, name, item.kind, item.signature, item.text, item.source, item.url),
                *(json.dumps(item.also), name.count("."), mentioned.often, mentioned.said),
            ),
        ).lastrowid
        for number, one in enumerate((name, *item.also)):
            self.database.execute("insert into names values (?, ?, ?, ?)", (one, _last(one), entry, number == 0))
        self.database.execute(
            "insert into words (rowid, last, path, summary, signature, body, said) values (?, ?, ?, ?, ?, ?, ?)",
            (entry, *_texts(name, item.also, item.signature, item.text), mentioned.said),
        )

    def note(self, key: str, package: str, version: str, kind: str, stamp: str, problem: str) -> None:
        """A source that could not be read; it is tried again when it changes."""
        with self._transaction():
            self._forget(key)
            self.database.execute(
                "insert into sources (key, package, version, kind, stamp, items, built, problem) "
                "values (?, ?, ?, ?, ?, 0, ?, ?)",
                (key, package, version, kind, stamp, time.time(), problem[:300]),
            )

    def forget(self, key: str) -> None:
        """Take a source out."""
        with self._transaction():
            self._forget(key)

    def _forget(self, key: str) -> None:
        for (source,) in self.database.execute("select id from sources where key = ?", (key,)).fetchall():
            # The full-text table keeps no text, so what is taken out of it has to be said once more.
            rows = self.database.execute(
                "select id, name, also, signature, text, said from entries where source = ?", (source,)
            )
            for entry, name, also, signature, text, said in rows.fetchall():
                self.database.execute(
                    "insert into words (words, rowid, last, path, summary, signature, body, said) "
                    "values ('delete', ?, ?, ?, ?, ?, ?, ?)",
                    (entry, *_texts(name, json.loads(also), signature, text), said),
                )
            self.database.execute("delete from sources where id = ?", (source,))

    @contextlib.contextmanager
    def _transaction(self):
        self.database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.database.execute("rollback")
            raise
        self.database.execute("commit")

    # --- reading

    def sources(self) -> list[Source]:
        """What has been read, by name."""
        rows = self.database.execute(
            "select key, package, version, kind, stamp, items, built, problem from sources order by lower(package), key"
        ).fetchall()
        return [Source(*row) for row in rows]

    def search(self, question: str, limit: int, package: str | None = None) -> list[Entry]:
        """What has most to do with a question, best first: things that it names, then by the words of it."""
        found: list[int] = []
        asked = names_in(question)
        if len(question.split()) == 1 and question.strip() not in asked:
            asked.append(question.strip())
        for name in asked[:6]:
            found += self._named(name, package, exact_last=len(question.split()) > 1)
        found += self._by_words(terms(question), max(limit * 2, 20), package)
        return self._entries(list(dict.fromkeys(found))[:limit])

    def _by_words(self, asked: Sequence[str], limit: int, package: str | None) -> list[int]:
        if not asked:
            return []
        match = " OR ".join(f'"{word}"' for word in asked)
        weights = ", ".join(str(one) for one in WEIGHTS.values())
        rows = self.database.execute(
            f"select words.rowid, bm25(words, {weights}) as rank, e.name, e.kind, e.depth, e.mentions, e.text <> '' "  # noqa: S608
            "from words join entries e on e.id = words.rowid join sources s on s.id = e.source "
            "where words match ? and (? is null or s.package = ? collate nocase) order by rank limit ?",
            (match, package, package, FETCHED),
        ).fetchall()
        matched: Counter[int] = Counter()
        among = json.dumps([row[0] for row in rows])
        for word in asked:
            # One rare word says less than several that are not.
            matched.update(
                one[0]
                for one in self.database.execute(
                    "select rowid from words where words match ? and rowid in (select value from json_each(?))",
                    (f'"{word}"', among),
                )
            )
        troubles = not _TROUBLE.isdisjoint(asked)

        def worth(row: tuple[int, float, str, str, int, float, int]) -> float:
            covered = 0.5 + 0.5 * matched[row[0]] / len(asked)
            return -row[1] * covered * _prior(*row[2:], troubles=troubles)

        return [row[0] for row in sorted(rows, key=worth, reverse=True)[:limit]]

    def _named(self, name: str, package: str | None, *, exact_last: bool) -> list[int]:
        """Entries of this name: the whole name, then one that ends with it."""
        condition = "and (? is null or s.package = ? collate nocase)"
        base = "select n.entry from names n join entries e on e.id = n.entry join sources s on s.id = e.source where "
        order = " order by n.first desc, e.depth, length(e.text) desc limit 20"
        for clause, value in (("n.name = ? collate nocase ", name), ("n.last = ? collate nocase ", _last(name))):
            rows = self.database.execute(base + clause + condition + order, (value, package, package)).fetchall()
            ids = [row[0] for row in rows]
            if clause.startswith("n.last") and "." in name:
                ids = [one for one in ids if self._ends_with(one, name)]
            elif clause.startswith("n.last") and exact_last:
                ids = ids[:3]
            if ids:
                return ids
        return []

    def _ends_with(self, entry: int, name: str) -> bool:
        names = self.database.execute("select name from names where entry = ?", (entry,)).fetchall()
        wanted = "." + name.lower()
        return any(f".{one[0].lower()}".endswith(wanted) for one in names)

    def named(self, name: str, package: str | None = None) -> Entry | None:
        """The entry of this name, or of one that ends with it."""
        found = self._named(name.strip().removesuffix("()"), package, exact_last=False)
        return self._entries(found[:1])[0] if found else None

    def near(self, name: str, limit: int = 5) -> list[str]:
        """Names that are nearly this one."""
        last = _last(name).lower()
        rows = self.database.execute(
            "select distinct name from names where first and (last like ? or last like ?) limit ?",
            (f"{_like(last[:2])}%", f"%{_like(last[-4:])}%", MOST_NAMES),
        ).fetchall()
        names = [row[0] for row in rows]
        whole = "." in name
        keys = [one.lower() if whole else _last(one).lower() for one in names]
        found = process.extract(name.lower() if whole else last, keys, scorer=fuzz.ratio, limit=60, score_cutoff=60)
        ranked = sorted(found, key=lambda one: (-one[1], names[one[2]].count("."), len(names[one[2]])))
        return list(dict.fromkeys(names[number] for _, _, number in ranked))[:limit]

    def _entries(self, ids: Sequence[int]) -> list[Entry]:
        entries: list[Entry] = []
        for one in ids:
            row = self.database.execute(
                "select e.name, e.kind, e.signature, e.text, e.place, s.package, s.version, e.url, e.also "
                "from entries e join sources s on s.id = e.source where e.id = ?",
                (one,),
            ).fetchone()
            if row:
                entries.append(Entry(*row[:8], also=tuple(json.loads(row[8]))))
        return entries


_TROUBLE = frozenset(("error", "errors", "exception", "exceptions", "warning", "warnings", "raise", "raised", "raises"))
_INSIDE = re.compile(r"\.(core|internals?|compat|v1|deprecated)\.|deprecated")


def _prior(name: str, kind: str, depth: int, often: float, text: int, *, troubles: bool) -> float:
    """What is public near the top of a package, says something of itself and is spoken of by others is what people ask
    for. bench/documentation.py: chosen on half of its questions."""
    factor = 1.0 if kind in ("class", "function", "method", "section", "page") else 0.85
    factor *= 1.0 if text else 0.6
    factor *= 1.12 - 0.06 * min(depth, 5)
    factor *= 1 + 0.6 * math.log1p(often)
    if not troubles and name.endswith(("Error", "Warning", "Exception")):
        factor *= 0.6
    return factor * (0.5 if _INSIDE.search(name) else 1.0)


def _texts(name: str, also: Sequence[str], signature: str, text: str) -> tuple[str, str, str, str, str]:
    """An entry as the columns of the full-text table."""
    summary, _, body = text.strip().partition("\n\n")
    names = split(" ".join((name, *also)))
    return split(_last(name)), names, split_text(summary), split(signature), split_text(body)


def _last(name: str) -> str:
    return name.rpartition(".")[2] or name


def _like(text: str) -> str:
    return text.replace("%", "")


def split_text(text: str) -> str:
    """Prose for the index: as it is, and the names in it in parts."""
    extra = " ".join(split(one) for one in names_in(text)[:60])
    return f"{text} {extra}" if extra else text
