"""Whose the words of a text are that was made from several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from studiolo.canvas.diff import text_edits

NOBODY = -1


@dataclass(frozen=True, slots=True)
class CreditedEdit:
    """Replace the code points from `start` to `end` by the words of several; each with the number of the proposal it
    comes from, or `NOBODY`."""

    start: int
    end: int
    words: list[tuple[str, int]]


def credited(was: str, now: str, proposals: Sequence[str]) -> list[CreditedEdit]:
    """The edits that turn `was` into `now`, what they insert credited to the first of the proposals, each of them
    another text for `was`, that puts the same words there."""
    owners = [NOBODY] * len(now)
    for number, proposal in enumerate(proposals):
        proposed = [False] * len(proposal)
        for start, end in _inserted(was, proposal):
            proposed[start:end] = [True] * (end - start)
        for there, here, length in _common(proposal, now):
            for step in range(length):
                if owners[here + step] == NOBODY and proposed[there + step]:
                    owners[here + step] = number
    edits: list[CreditedEdit] = []
    shift = 0
    for edit in text_edits(was, now):
        at = edit.start + shift
        words = [
            ("".join(char for char, _ in run), owner)
            for owner, run in groupby(
                zip(edit.insert, owners[at : at + len(edit.insert)], strict=True), key=lambda one: one[1]
            )
        ]
        edits.append(CreditedEdit(edit.start, edit.end, words))
        shift += len(edit.insert) - (edit.end - edit.start)
    return edits


def _inserted(was: str, now: str) -> Iterator[tuple[int, int]]:
    """Which stretches of `now` are not in `was`."""
    shift = 0
    for edit in text_edits(was, now):
        yield edit.start + shift, edit.start + shift + len(edit.insert)
        shift += len(edit.insert) - (edit.end - edit.start)


def _common(was: str, now: str) -> Iterator[tuple[int, int, int]]:
    """What two texts have in common: where in each, and how long."""
    here = there = 0
    for edit in text_edits(was, now):
        yield there, here, edit.start - there
        here += edit.start - there + len(edit.insert)
        there = edit.end
    yield there, here, len(was) - there
