"""The other copies of the canvas: that of a node which only hears of what is stored, and that which the log gives.

All hold the same, in their documents and in what they keep in memory beside them. At times the other node takes over.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from studiolo.canvas import Canvas
from studiolo.rooms import Room
from studiolo.store import LedgerRow
from studiolo.store.ledger import verify
from studiolo.store.turn import rows_after

from .letters import Letters, check
from .mirrors import differences, mirror, written


class Copies:
    """A part of `World`."""

    letters: Letters
    other: Canvas
    heard: int
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _begin_copies(self) -> None:
        self.other = Canvas([], {}, clock=self._clock, random=Random(f"{self.plan.seed} other"))
        self.heard = 0

    def _follow(self) -> None:
        """The other node takes in what is stored."""
        for row in self.loop.do(rows_after(self.store, self.canvas, self.heard)):
            if row.data:
                self.other.follow(row.data, row.claims)
            self.heard = row.seq

    def do_follow(self) -> None:
        if not self.loop.held:
            self._follow()

    def do_swap(self) -> None:
        """What was asked of one node is from now on asked of the other."""
        room = None if self.loop.held else self.room()
        if room is None or self.deeds:
            return
        self.loop.call_soon(room.settle)
        self.loop.drain()
        if room.storing or room.failed or room.backlog:
            return
        self._follow()
        fresh = room.canvas.fresh
        room.canvas, self.other = self.other, room.canvas
        room.looking._canvas = room.canvas
        room.canvas.fresh |= fresh
        self.heard = room._seq
        self.seen["other node"] += 1

    def _check_copies(self, room: Room) -> None:
        """All copies are the same, and each holds in memory what its document says."""
        self._follow()
        loaded = self.loop.do(self.store.load(self.canvas))
        updates = [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]
        again = Canvas(updates, loaded.owners, clock=self.store.clock, random=Random(1))
        here = mirror(room.canvas)
        for name, copy in (("the other node", self.other), ("a copy from the log", again)):
            check(not (told := differences(here, mirror(copy))), "a copy holds something else", f"{name}: {told}")
        for canvas in (room.canvas, self.other):
            told = differences(written(canvas), {"suggestions": canvas.suggestions, "threads": canvas.threads})
            check(not told, "the memory is not what the document says", told)
        self._check_authors(room.canvas, here["authorship"])
        self._check_ledger(room.canvas)

    def _check_authors(self, canvas: Canvas, authorship: dict[str, Any]) -> None:
        """The runs add up, and each letter is whose it was when it was made, whatever happened to it since."""
        letters = self.letters
        odd = letters.renewed | letters.twice | letters.by_merging
        for page, runs in authorship.items():
            text = canvas.page_text(page)
            ends = [0, *(run.start + run.length for run in runs)]
            check([run.start for run in runs] == ends[:-1] and ends[-1] == len(text), "the runs do not add up", page)
            for run in runs:
                check(run.length, "an author has written nothing", str(run))
                for letter in text[run.start : run.start + run.length]:
                    whose = letters.whose.get(letter)
                    if whose is not None and Letters.is_letter(letter) and letter not in odd:
                        check(
                            run.origin.participant == whose,
                            "a letter has another author",
                            lambda: f"{letter!r} is {whose}'s: {run.origin}",  # noqa: B023
                        )

    def _check_ledger(self, canvas: Canvas) -> None:
        verdict = self.loop.do(verify(self.store, self.canvas))
        check(verdict.whole, "the ledger is not whole", lambda: str(verdict))
        rows: list[LedgerRow] = []
        while portion := self.loop.do(self.store.ledger(self.canvas, rows[-1].seq if rows else 0)):
            rows += portion
        told = Counter(row.outcome["decision"] for row in rows if row.outcome.get("decision"))
        told.update(row.outcome["withdrawal"] for row in rows if row.outcome.get("withdrawal"))
        twice = [decision for decision, times in told.items() if times > 1]
        check(not twice, "a decision is in the ledger twice", lambda: str(twice))
        lost = self.decisions.keys() - told.keys()
        check(not lost, "a decision is not in the ledger", lambda: str(lost))
        for record in canvas.suggestions.values():
            for hunk in record.hunks:
                unknown = {hunk.decision, *hunk.undone.split()} - {""} - told.keys()
                check(not unknown, "a decision is not in the ledger", lambda: f"{unknown} of {record.id}")  # noqa: B023
