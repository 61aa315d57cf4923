"""Which suggestions wait for a decision, and which hunks were decided together.

All of it is in the suggestions themselves; this is the index of them, in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from studiolo.canvas.records import SuggestionRecord

HunkId = tuple[str, int]
"""A suggestion and the number of one of its hunks."""


class Register:
    """Tell it of every record that is new or has changed."""

    def __init__(self, records: Iterable[SuggestionRecord]) -> None:
        self._waiting: defaultdict[str, dict[str, SuggestionRecord]] = defaultdict(dict)
        self._pages: dict[str, str] = {}
        self._decisions: defaultdict[str, set[HunkId]] = defaultdict(set)
        self._noted: dict[str, set[tuple[str, int]]] = {}
        self._undone: set[str] = set()
        for record in records:
            self.note(record)

    def note(self, record: SuggestionRecord) -> None:
        """Take in a suggestion as it is now."""
        page = self._pages.pop(record.id, None)
        if page is not None:
            del self._waiting[page][record.id]
        if record.undecided:
            self._pages[record.id] = record.page
            self._waiting[record.page][record.id] = record
        decided = {(hunk.decision, index) for index, hunk in enumerate(record.hunks) if hunk.decision}
        known = self._noted.get(record.id, set())
        for decision, index in known - decided:
            self._decisions[decision].discard((record.id, index))
        for decision, index in decided - known:
            self._decisions[decision].add((record.id, index))
        self._noted[record.id] = decided
        for hunk in record.hunks:
            if hunk.undone:
                self._undone.update(hunk.undone.split())

    def waiting(self, page: str) -> list[SuggestionRecord]:
        """The undecided suggestions of a page, also those that are still being written, the oldest first."""
        return sorted(self._waiting[page].values(), key=lambda record: (record.at, record.id))

    def waiting_anywhere(self) -> list[SuggestionRecord]:
        """The undecided suggestions of all pages, the oldest first."""
        every = [record for records in self._waiting.values() for record in records.values()]
        return sorted(every, key=lambda record: (record.at, record.id))

    def stale(self) -> list[SuggestionRecord]:
        """Those of all pages whose text is gone, in no particular order."""
        return [record for records in self._waiting.values() for record in records.values() if record.status == "stale"]

    def decided(self, decision: str) -> list[HunkId]:
        """The hunks that were decided with a decision, and still are as it left them."""
        return sorted(self._decisions.get(decision, ()))

    def undone(self, decision: str) -> bool:
        """Whether a decision, or some of it, was taken back."""
        return decision in self._undone
