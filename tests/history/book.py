"""A canvas with its log in memory: several people write in it, and an archive is fed with what they wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from pycrdt import Doc, Map, Text

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.history.archive import Archive, Piece
from studiolo.history.deeds import carry_out
from studiolo.history.plans import Passage, Plan, page_changes, taken_back, to_moment, undone
from studiolo.store import HistoryRow
from tests.canvas.conftest import ADA


class Book:
    """The canvas, the rows of its log, and its archive."""

    def __init__(self, *texts: str, seed: int = 7) -> None:
        self.now = 1_000.0
        self.rows: list[HistoryRow] = []
        self.owners: dict[int, str] = {}
        pages = [{"title": f"Page {number}", "text": text} for number, text in enumerate(texts, 1)]
        self.canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: self.now, random=Random(seed))
        self.pages: list[str] = [page["id"] for page in made.details["pages"]]
        self.page = self.pages[0] if self.pages else ""
        self.archive = Archive()
        self.log(made, ADA)
        self._typists: dict[str, Doc[Any]] = {}

    def log(self, outcome: Outcome | None, by: Participant) -> int:
        """Store what came of something; the number of its row."""
        if outcome is not None and (outcome.update or outcome.entry is not None):
            self.now += 1
            self.owners.update(outcome.claims)
            self.rows.append(HistoryRow(len(self.rows) + 1, self.now, by.id, outcome.update))
        return len(self.rows)

    def look(self) -> Archive:
        """The archive up to now."""
        self.archive.feed(self.rows[self.archive.seq :])
        return self.archive

    def act(self, by: Participant, **action: Any) -> int:
        return self.log(self.canvas.apply(action, by), by)

    def type(self, by: Participant, start: int, end: int, insert: str, page: str = "") -> int:
        """What a browser sends when somebody types: replace the code points from `start` to `end`."""
        doc = self._typists.get(by.id)
        if doc is None:
            doc = self._typists[by.id] = Doc(client_id=1_000 + len(self._typists))
        pages: Map[Any] = doc.get("pages", type=Map)
        doc.apply_update(self.canvas.document.update_since(doc.get_state()))
        text: Text = pages[page or self.page]["text"]
        before, known = doc.get_state(), str(text)
        low, high = len(known[:start].encode()), len(known[:end].encode())
        with doc.transaction():
            if high > low:
                del text[low:high]
            if insert:
                text.insert(low, insert)
        return self.log(self.canvas.receive(doc.get_update(before), by), by)

    def write(self, by: Participant, find: str, replace: str, page: str = "") -> int:
        """Type over a passage."""
        at = self.text(page).index(find)
        return self.type(by, at, at + len(find), replace, page)

    def text(self, page: str = "") -> str:
        return self.canvas.page_text(page or self.page)

    def whose(self, page: str = "") -> list[tuple[str, str]]:
        """The text with who wrote it, as the canvas tells."""
        text = self.text(page)
        return [
            (text[run["start"] : run["start"] + run["length"]], run["participant"])
            for run in self.canvas.authors(page or self.page)
        ]

    def owner(self, client: int) -> str:
        return self.owners.get(client, "")

    # -- turning back

    def do(self, by: Participant, type: str, *plans: Plan, pages: Mapping[str, Any] | None = None, **more: Any) -> int:
        return self.log(carry_out(self.canvas, {"type": type, **more}, plans, pages or {}, by), by)

    def restore(self, by: Participant, seq: int, passage: Passage | None = None, page: str = "") -> int:
        return self.do(by, "restore", to_moment(self.look(), page or self.page, seq, passage), to=seq)

    def restore_all(self, by: Participant, seq: int) -> int:
        archive = self.look()
        plans = [to_moment(archive, page, seq) for page in archive.outline(seq)]
        return self.do(by, "restore", *plans, pages=page_changes(archive, seq), to=seq)

    def undo(self, by: Participant, deed: int, page: str = "") -> int:
        return self.do(by, "undo_deed", undone(self.look(), page or self.page, deed), deed=deed)

    def take_back(self, by: Participant, whose: Participant, first: int, last: int, page: str = "") -> int:
        plan = taken_back(self.look(), page or self.page, *self.typed_by(whose, first, last))
        return self.do(by, "take_back", plan, participant=whose.id)

    def typed_by(
        self, whose: Participant, first: int, last: int
    ) -> tuple[Callable[[Piece], bool], Callable[[Piece], bool]]:
        def came(piece: Piece) -> bool:
            return first <= piece.born <= last and self.owner(piece.client) == whose.id

        def went(piece: Piece) -> bool:
            return first <= piece.died <= last and self.archive.author(piece.died) == whose.id

        return came, went
