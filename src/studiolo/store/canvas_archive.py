"""A whole canvas as one file: its log, its ledger, its versions and runs, and the names of its people.

`write_archive` makes a zip like a backup's (see `backup`): `tables/NAME.jsonl` holds the canvas's rows of a table, and
`studiolo.json` says what made it and the SHA-256 of every entry. `Archive.read` takes one for hostile: it is bounded,
every update is decoded, and the whole is replayed before any of it is kept. It comes from a stranger also when it is
one's own, so nobody in it is anybody here: people become `imported:NAME`, runs get new ids, and no policy is taken
along. The ledger's chain is followed under its old name, and begun anew under the new one.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, get_args

import sqlalchemy as sa

from studiolo import __version__
from studiolo.canvas import Canvas, Participant, StudioloError
from studiolo.canvas.actions import Position, check_length
from studiolo.canvas.anchors import Anchor
from studiolo.canvas.attaching import attached
from studiolo.canvas.authorship import FOREIGN
from studiolo.canvas.document import STUDIO, plain
from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.canvas.origins import Record
from studiolo.canvas.records import HunkRecord, HunkStatus, SuggestionStatus
from studiolo.store import tables
from studiolo.store.backup import AT_ONCE, _entry, _line
from studiolo.store.ledger import Chain
from studiolo.store.log import check_entry, insert_rows
from studiolo.store.records import LogRow
from studiolo.store.renaming import Renaming, foreign_names
from studiolo.store.store import Store

FORMAT = "studiolo canvas 1"
MANIFEST = "studiolo.json"
MOST_BYTES = 512 * 2**20  # unpacked
MOST_ROWS = 2_000_000  # of all tables
MOST_PARTS = 2_000_000  # of one update
MOST_FILES = 500  # that are attached
KEPT = (tables.updates, tables.client_owners, tables.ledger, tables.versions, tables.runs)
COLOR = re.compile(r"#[0-9a-fA-F]{3,8}")


async def write_archive(
    store: Store, canvas: str, pages: Sequence[tuple[str, bytes]], files: Sequence[tuple[str, bytes]] = ()
) -> bytes:
    """The canvas as it is now; `pages` are beside it for people to read, and `files` are those that were attached, by
    their names. Raises NotFound."""
    known = await store.canvas(canvas)
    out = io.BytesIO()
    entries: dict[str, str] = {}
    columns: dict[str, list[str]] = {}
    counted: dict[str, int] = {}
    people: set[str] = {known.created_by}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        async with store.one_moment() as connection:
            for table in KEPT:
                columns[table.name] = [column.name for column in table.columns]
                query = sa.select(table).where(table.c.canvas == canvas)
                order = [table.c.seq] if "seq" in table.c else list(table.primary_key.columns)
                with _entry(archive, f"tables/{table.name}.jsonl", entries) as lines:
                    counted[table.name] = 0
                    found = await connection.stream(
                        query.order_by(*order, *table.primary_key.columns), execution_options={"yield_per": AT_ONCE}
                    )
                    async for rows in found.partitions():
                        lines.write(b"".join(map(_line, rows)))
                        counted[table.name] += len(rows)
                        if "participant" in table.c:
                            people |= {row.participant for row in rows}
            named = await connection.execute(
                sa.select(tables.participants.c.id, tables.participants.c.name, tables.participants.c.kind)
            )
            told = {row.id: [row.name, row.kind] for row in named if row.id in people}
        for name, data in pages:
            with _entry(archive, f"pages/{name}", entries) as lines:
                lines.write(data)
        for number, (_, data) in enumerate(files):
            with _entry(archive, f"files/{number}", entries) as lines:
                lines.write(data)
        manifest = {
            "format": FORMAT,
            "version": __version__,
            "schema": tables.SCHEMA_VERSION,
            "canvas": canvas,
            "title": known.title,
            "created": known.created,
            "exported": datetime.now(UTC).isoformat(timespec="seconds"),
            "people": {id: told.get(id, ["", "person"]) for id in sorted(people)},
            "rows": counted,
            "columns": columns,
            "files": [name for name, _ in files],
            "sha256": entries,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Brought:
    """What of a canvas was brought here, and whether the ledger that came with it had been left as it was written."""

    id: str
    rows: int
    whole_ledger: bool


class Archive:
    """A canvas from elsewhere that was read through and replayed. Made by `Archive.read`."""

    def __init__(self, id: str, title: str) -> None:
        self.id = id
        self.title = title
        self.rows: list[LogRow] = []
        self.versions: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.files: list[tuple[str, bytes]] = []
        """What was attached: names and contents, which nobody has read yet."""
        self.whole_ledger = True
        self.head = ""
        """The last hash of the ledger as it came."""
        self.source = ""
        """What the canvas was called where it came from."""

    @classmethod
    def read(cls, name: str, data: bytes, id: str, now: float) -> Archive:
        """The canvas in the file, to be kept as `id`. Raises Invalid and TooLarge. It takes as long as opening it."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return cls._read(archive, id, now)
        except StudioloError:
            raise
        except Exception as error:  # a damaged or hostile file can make any of it stumble
            raise Invalid(
                f"{name} is no canvas of Studiolo, or it is damaged ({str(error)[:200] or type(error).__name__}).",
                "Export the canvas again, or import its pages alone.",
            ) from error

    @classmethod
    def _read(cls, archive: zipfile.ZipFile, id: str, now: float) -> Archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES or len(archive.infolist()) > 10_000:
            raise TooLarge(f"The canvas is larger than {MOST_BYTES // 2**20} MB.", "Export its pages alone.")
        manifest = json.loads(_bounded(archive, MANIFEST))
        if manifest["format"] != FORMAT:
            raise Invalid(
                f"A newer Studiolo ({str(manifest['version'])[:20]}) made this file.",
                "Install that one, or a later one.",
            )
        made = cls(id, " ".join(str(manifest["title"]).split())[:200] or "Untitled")
        made.source = str(manifest["canvas"])[:100]
        for number, called in enumerate(manifest.get("files", ())[:MOST_FILES]):
            made.files.append((str(called)[:200], _bounded(archive, f"files/{number}")))
        people = {str(one): str(told[0]) for one, told in manifest["people"].items()}
        known = foreign_names(people, FOREIGN)
        salt = hashlib.sha256(id.encode()).digest()

        def who(person: str) -> str:
            if person in ("", STUDIO):
                return person
            if person not in known:
                known.update(
                    foreign_names({person: person.removeprefix(FOREIGN) if person.startswith(FOREIGN) else ""}, FOREIGN)
                )
            return known[person]

        def run(one: str) -> str:
            return hashlib.sha256(salt + one.encode()).hexdigest()[:16] if one else ""

        renaming = Renaming(who, run)
        read: dict[str, list[dict[str, Any]]] = {}
        for table in KEPT:
            read[table.name] = _rows(archive, manifest, table, MOST_ROWS - sum(map(len, read.values())))
        made._take_log(read, renaming, who, now)
        made._replay(now)
        for row in read["versions"]:
            version = {"id": secrets.token_hex(8), "canvas": id, "seq": int(row["seq"]), "at": _moment(row["at"], now)}
            version |= {"name": str(row["name"])[:200], "participant": who(str(row["participant"]))}
            if 1 <= version["seq"] <= len(made.rows):
                made.versions.append(version)
        for row in read["runs"]:
            kept = renaming.plain(row["run"])
            if not isinstance(kept, dict):
                raise ValueError("a run is no object")
            state = str(row["state"])
            state = "stopped" if state in ("queued", "running") else state[:20]
            kept |= {"id": run(str(row["id"])), "canvas": id, "state": state}
            kept.pop("node", None)
            _check_run(kept)
            made.runs.append(
                {"id": kept["id"], "canvas": id, "state": state, "started": _moment(row["started"], now), "run": kept}
            )
        return made

    def _take_log(
        self, read: Mapping[str, list[dict[str, Any]]], renaming: Renaming, who: Callable[[str], str], now: float
    ) -> None:
        claims: dict[int, dict[int, str]] = {}
        for row in read["client_owners"]:
            client = int(row["client_id"])
            if not 0 <= client < 2**53:
                raise ValueError("a client id is out of range")
            claims.setdefault(max(1, int(row["seq"])), {})[client] = who(str(row["participant"]))
        if not read["updates"]:
            raise ValueError("its log is missing")
        entries = self._entries(read["ledger"], renaming)
        for number, row in enumerate(read["updates"], start=1):
            if row["seq"] != number:
                raise ValueError(f"row {number} of its log is missing")
            data = renaming.update(row["data"], MOST_PARTS) if row["data"] else b""
            person = who(str(row["participant"]))
            self.rows.append(
                LogRow(
                    self.id,
                    number,
                    _moment(row["at"], now),
                    person,
                    data,
                    claims.pop(number, {}),
                    entries.pop(number, None),
                )
            )
        if entries or any(seq > len(self.rows) for seq in claims):
            raise ValueError("its ledger goes beyond its log")

    def _entries(self, ledger: Sequence[Mapping[str, Any]], renaming: Renaming) -> dict[int, dict[str, Any]]:
        """The ledger's rows, renamed, once their chain was followed under the old names."""
        chain = Chain()
        entries: dict[int, dict[str, Any]] = {}
        for row in ledger:
            action, outcome = row["action"], row["outcome"]
            if not isinstance(action, dict) or not isinstance(outcome, dict):
                raise ValueError("a row of its ledger is no object")
            hash = chain.add(self.source, row["seq"], row["at"], row["participant"], action, outcome)
            self.whole_ledger &= hash == row["hash"]
            self.head = str(row["hash"])[:64]
            entries[int(row["seq"])] = {"action": renaming.plain(action), "outcome": renaming.plain(outcome)}
        return entries

    def _replay(self, now: float) -> None:
        """Bring the canvas to life once, and look at all that its records say of themselves."""
        owners = {client: person for row in self.rows for client, person in row.claims.items()}
        canvas = Canvas([row.data for row in self.rows if row.data], owners, clock=lambda: now, random=Random(0))
        for page in canvas.outline():
            check_length(len(canvas.page_text(page["id"])), f"The page “{str(page['title'])[:100]}”")
        _check(canvas.view())
        _check_unseen(canvas)

    async def bring(self, store: Store, by: Participant, now: float) -> Brought:
        """Keep the canvas, owned by `by`, all of it or nothing. The last row of its ledger says where it came from."""
        details = {"from": self.source, "head": self.head, "whole_ledger": self.whole_ledger, "rows": len(self.rows)}
        entry = {
            "action": {"type": "import", "canvas": self.source},
            "outcome": {"outcome": "imported", "id": None, **details},
        }
        rows = [*self.rows, LogRow(self.id, len(self.rows) + 1, now, by.id, b"", {}, entry)]
        for row in rows:
            check_entry(row)
        async with store.writing() as connection:
            await connection.execute(
                sa.insert(tables.canvases).values(
                    id=self.id,
                    title=self.title,
                    epoch=secrets.token_hex(8),
                    created_by=by.id,
                    created=now,
                    updated=now,
                    summary={},
                )
            )
            await connection.execute(
                sa.insert(tables.grants).values(participant=by.id, canvas=self.id, source="", role="owner")
            )
            await connection.run_sync(insert_rows, rows)
            if self.versions:
                await connection.execute(sa.insert(tables.versions), self.versions)
            if self.runs:
                await connection.execute(sa.insert(tables.runs), self.runs)
        store.told(rows)
        return Brought(self.id, len(rows), self.whole_ledger)


def _rows(archive: zipfile.ZipFile, manifest: Mapping[str, Any], table: sa.Table, most: int) -> list[dict[str, Any]]:
    """A table's rows, with the columns that are known here, and its hash as it was noted."""
    path = f"tables/{table.name}.jsonl"
    if path not in archive.namelist():
        return []
    data = _bounded(archive, path)
    if hashlib.sha256(data).hexdigest() != manifest["sha256"][path]:
        raise ValueError(f"{path} was changed")
    names = [str(name) for name in manifest["columns"][table.name]]
    rows: list[dict[str, Any]] = []
    for line in data.splitlines():
        values = json.loads(line)
        row: dict[str, Any] = dict.fromkeys(table.columns.keys(), "")
        row |= dict(zip(names, values, strict=True))
        for column in table.columns:
            if isinstance(column.type, sa.LargeBinary):
                row[column.name] = base64.b64decode(row[column.name], validate=True)
        rows.append(row)
        if len(rows) > most:
            raise TooLarge(f"The canvas has more than {MOST_ROWS:,} rows.", "Export its pages alone.")
    return rows


def _bounded(archive: zipfile.ZipFile, path: str) -> bytes:
    """An entry, never more of it than it said it is."""
    entry = archive.getinfo(path)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.file_size > MOST_BYTES:
        raise ValueError(f"{path} is packed in a way that is not read here")
    with archive.open(entry) as packed:
        return packed.read(entry.file_size + 1)


def _moment(at: Any, now: float) -> float:
    moment = float(at)
    if not math.isfinite(moment):
        raise ValueError("a moment is no number")
    return min(max(moment, 0.0), now)


def _check(view: Mapping[str, Any]) -> None:
    """Raise ValueError for a record that no studio would have written: a page shows them as they are."""
    for record in (*view["suggestions"], *view["threads"], *view["chat"]):
        _check_signed(record)
        for comment in record.get("comments", ()):
            _check_signed(comment)
        for hunk in record.get("hunks", ()):
            _check_texts(hunk, "quote", "before", "after", "replace", "status", "by_name")
            for person in (hunk.get("by", ""), hunk.get("amended_by", "")):
                _check_foreign(person)
        for evidence in json.loads(record.get("evidence") or "[]"):
            url = evidence.get("url", "")
            if url and not re.match(r"https?://\S+$", url):
                raise ValueError("a source is no address of a page")
    for page in view["pages"]:
        _check_texts(page, "id", "title", "kind", "text")
    json.dumps(view, allow_nan=False)


def _check_unseen(canvas: Canvas) -> None:
    """The same for what no view of the canvas holds: who really wrote what, and what may be accepted unasked. However
    an update says it, nobody there is anybody here, and nothing is allowed."""
    for kept in plain(canvas.document.origins).values():
        _, record = Record.read(kept)
        for person in (record.by, *(run.participant for run in record.runs)):
            _check_foreign(person)
    if plain(canvas.document.meta).get("policies", "[]") != "[]":
        raise ValueError("something would be accepted here unasked")
    for page in plain(canvas.document.pages).values():
        _check_texts(page, "branch")
    for file in attached(canvas):
        _check_texts(file, "id", "name", "type")
        if not all(isinstance(file[name], int | float) and math.isfinite(file[name]) for name in ("size", "at")):
            raise ValueError("a file has no size")
    for id, record in canvas.suggestions.items():
        if id != record.id or not record.hunks or record.status not in get_args(SuggestionStatus):
            raise ValueError("a suggestion is none")
        canvas.page(record.page)
        if not all(isinstance(kind, str) for kind in json.loads(record.kinds or "[]")):
            raise ValueError("a kind of change is none")
        for hunk in record.hunks:
            _check_hunk(hunk)
    for id, thread in canvas.threads.items():
        if id != thread.id:
            raise ValueError("a thread has another's name")
        canvas.page(thread.page)
        _check_place(thread.anchor)


def _check_hunk(hunk: HunkRecord) -> None:
    _check_texts(asdict(hunk), "decision", "amended_by_name", "policy", "audit", "joint", "undone", "applied")
    if hunk.status not in get_args(HunkStatus) or not isinstance(hunk.decided, int | float):
        raise ValueError("a change has no status")
    if hunk.proposed is not None and not isinstance(hunk.proposed, str):
        raise ValueError("what was proposed is no text")
    _check_place(hunk.anchor)
    for part in json.loads(hunk.applied or "[]"):
        for ids in (*part["del"], *([part["ins"]] if part["ins"] else [])):
            if len(ids) < 3 or not all(isinstance(number, int) and 0 <= number < 2**53 for number in ids):
                raise ValueError("what a change put in has no ids")


def _check_place(anchor: Anchor) -> None:
    for end in (anchor.start, anchor.end):
        Position.model_validate(end)


def _check_run(run: Mapping[str, Any]) -> None:
    """Raise ValueError, or KeyError, for a run that no studio would have kept."""
    by, place = run["by"], run.get("place", {})
    if not all(isinstance(one, dict) for one in (by, place, run["options"])):
        raise ValueError("something about a run is no object")
    _check_texts(run, "agent", "skill", "model", "prompt")
    _check_texts(by, "name")
    _check_foreign(by["id"])
    if not isinstance(run["agent"] + run["skill"] + run["prompt"] + (run.get("page") or ""), str):
        raise ValueError("a run says nothing of what was asked")
    for moment in (run["started"], run.get("finished") or 0.0):
        if not isinstance(moment, int | float) or not math.isfinite(moment):
            raise ValueError("a moment is no number")
    for end in ("start", "end") if place else ():
        Position.model_validate(place[end])


def _check_signed(record: Mapping[str, Any]) -> None:
    _check_texts(record, "id", "author", "name", "author_kind", "color", "status", "text", "reason", "about")
    if record.get("hands"):
        raise ValueError("somebody here would have a hand in it")
    if record.get("author_kind", "person") not in ("person", "agent"):
        raise ValueError("somebody is neither a person nor an agent")
    if not COLOR.fullmatch(record.get("color", "#000")):
        raise ValueError("a colour is none")
    if not isinstance(record.get("at"), int | float) or not math.isfinite(record["at"]):
        raise ValueError("a moment is no number")
    _check_foreign(record.get("author", ""))


def _check_foreign(person: Any) -> None:
    if not isinstance(person, str) or (person not in ("", STUDIO) and not person.startswith(FOREIGN)):
        raise ValueError("somebody would be somebody here")


def _check_texts(record: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(record.get(name, ""), str):
            raise ValueError(f"{name} is no text")
