"""What became of each change that was ever proposed in a canvas: read from the document as it is stored, and from the
log of what was typed and deleted since."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc, Map
from rapidfuzz.distance import Levenshtein

from studiolo.canvas.diff import tokens
from studiolo.history import Past
from studiolo.history.archive import Piece

A_DAY = 86_400.0  # seconds
LARGEST_COMPARISON = 400_000_000  # words of one text times words of the other


@dataclass(frozen=True, slots=True)
class Fact:
    """One hunk of one suggestion, and what became of it; none of its text. Times are epoch seconds.

    `status` is open, stale, accepted, rejected or withdrawn. `amended`: the share of its words that somebody else
    changed before it was taken, None when nobody did. Of `put_in` characters (UTF-16 code units) of its author's that
    accepting it wrote, `after_a_day` still stood a day later (None: a day has not passed), and `now` still stand.
    """

    suggestion: str
    hunk: int
    page: str
    author: str
    name: str
    kind: str
    color: str
    skill: str
    model: str
    at: float
    status: str
    decided: float
    by: str
    policy: str
    undone: bool
    amended: float | None
    put_in: int
    after_a_day: int | None
    now: int


def suggestions_in(updates: Sequence[bytes]) -> list[dict[str, Any]]:
    """The suggestions of a stored document, the oldest first, without making a live canvas of it."""
    document = Doc()
    kept = document.get("suggestions", type=Map)
    for update in updates:
        document.apply_update(update)
    found = json.loads(str(kept))
    return sorted(found.values(), key=lambda one: (one["at"], one["id"]))


def facts(suggestions: Sequence[Mapping[str, Any]], past: Past, now: float) -> list[Fact]:
    """What became of these suggestions by `now`."""
    return [
        _fact(suggestion, index, hunk, past, now)
        for suggestion in suggestions
        for index, hunk in enumerate(suggestion["hunks"])
    ]


def changed(proposed: str, taken: str) -> float:
    """How far a text is from what was proposed: the least number of words to put in, leave out or exchange, as a share
    of the words of the longer one. Of texts that are too long for that their order is not looked at."""
    before, after = _words(proposed), _words(taken)
    longest = max(len(before), len(after))
    if len(before) * len(after) > LARGEST_COMPARISON:
        gone, come = Counter(before) - Counter(after), Counter(after) - Counter(before)
        return max(gone.total(), come.total()) / longest
    return Levenshtein.distance(before, after) / longest if longest else float(proposed != taken)


def _words(text: str) -> list[str]:
    return [token for token in tokens(text) if not token.isspace()]


def _fact(suggestion: Mapping[str, Any], index: int, hunk: Mapping[str, Any], past: Past, now: float) -> Fact:
    accepted = hunk["status"] == "accepted"
    proposed = hunk.get("proposed")
    decided = float(hunk.get("decided") or 0.0)
    written = list(_written(hunk, past)) if accepted else []
    a_day_later = bisect_right(past.archive.times, decided + A_DAY)
    return Fact(
        suggestion=suggestion["id"],
        hunk=index,
        page=suggestion["page"],
        author=suggestion["author"],
        name=suggestion["name"],
        kind=suggestion["author_kind"],
        color=suggestion["color"],
        skill=suggestion.get("skill") or "",
        model=suggestion.get("model") or "",
        at=suggestion["at"],
        status=hunk["status"],
        decided=decided,
        by=hunk.get("by") or "",
        policy=hunk.get("policy") or "",
        undone=bool(hunk.get("undone")),
        amended=changed(proposed, hunk["replace"]) if accepted and proposed is not None else None,
        put_in=sum(piece.units for piece, copied in written if not copied),
        after_a_day=_standing(written, a_day_later) if accepted and now >= decided + A_DAY else None,
        now=_standing(written, past.archive.seq),
    )


def _written(hunk: Mapping[str, Any], past: Past) -> Iterator[tuple[Piece, bool]]:
    """The pieces that accepting a hunk wrote, and those under which what was deleted of them was brought back since."""
    for edit in json.loads(hunk.get("applied") or "[]"):
        if edit["ins"] and not edit.get("hand"):  # words of whoever amended it are not its author's
            written = tuple(edit["ins"])
            for piece in past.archive.pieces(*written):
                yield piece, False
            clock = written[1]
            for copy in past.archive.newest(*written):
                if copy[:2] != (written[0], clock):
                    for piece in past.archive.pieces(*copy):
                        yield piece, True
                clock += copy[2]


def _standing(written: list[tuple[Piece, bool]], seq: int) -> int:
    """How many characters of it could be read after row `seq`."""
    return sum(piece.units for piece, _ in written if piece.there(seq))
