"""The smallest readable change between two texts, by words.

A rewrite of a passage is never applied as a whole: what stayed the same keeps its authors, its anchors and other
people's carets, and a reader sees only what changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz.distance import Indel

from studiolo.canvas.identity import TextEdit

# One token is a word with its inner apostrophes, one CJK character, one run of blanks, one line break, or one other
# character together with the combining marks, joiners and selectors that belong to it.
_TOKENS = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+(?:['’][^\W_]+)*"
    r"|\n|[^\S\n]+"
    r"|(?:[^\w\s](?:[\u0300-\u036f\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[^\w\s])*)"
)
_WORD = re.compile(r"\w")
MERGE_WORDS = 2  # changes with at most so many unchanged words between them are read as one
CONTEXT = 48  # characters of context that a hunk carries on either side


@dataclass(frozen=True, slots=True)
class Hunk:
    """Replace one quoted passage by another text. An empty `find` inserts between `before` and `after`."""

    find: str
    replace: str
    before: str = ""
    after: str = ""


def tokens(text: str) -> list[str]:
    """`text` cut into words, blanks, line breaks and single signs; joining them gives the text back."""
    return _TOKENS.findall(text)


def text_edits(old: str, new: str) -> list[TextEdit]:
    """The smallest list of word-level edits (code-point offsets in `old`, ascending) that turns `old` into `new`."""
    if old == new:
        return []
    # What both ends share is not worth an alignment, and most rewrites share most.
    a, b = tokens(old), tokens(new)
    low = 0
    while low < min(len(a), len(b)) and a[low] == b[low]:
        low += 1
    high = 0
    while high < min(len(a), len(b)) - low and a[-1 - high] == b[-1 - high]:
        high += 1
    starts = [0]
    for token in a:
        starts.append(starts[-1] + len(token))
    middle_a, middle_b = a[low : len(a) - high], b[low : len(b) - high]
    edits: list[TextEdit] = []
    for op in Indel.opcodes(middle_a, middle_b):
        if op.tag == "equal":
            continue
        start, end = starts[low + op.src_start], starts[low + op.src_end]
        insert = "".join(middle_b[op.dest_start : op.dest_end])
        if edits and edits[-1].end == start:  # an insertion beside a replacement is one edit
            edits[-1] = TextEdit(edits[-1].start, end, edits[-1].insert + insert)
        else:
            edits.append(TextEdit(start, end, insert))
    return edits


def rewrite_hunks(old: str, new: str) -> list[Hunk]:
    """A rewrite of `old` as hunks a person can take one by one: word-level, near neighbours read as one."""
    merged: list[TextEdit] = []
    for edit in text_edits(old, new):
        if merged and _near(old[merged[-1].end : edit.start]):
            last = merged[-1]
            merged[-1] = TextEdit(last.start, edit.end, last.insert + old[last.end : edit.start] + edit.insert)
        else:
            merged.append(edit)
    return [
        Hunk(
            find=old[edit.start : edit.end],
            replace=edit.insert,
            before=old[max(0, edit.start - CONTEXT) : edit.start],
            after=old[edit.end : edit.end + CONTEXT],
        )
        for edit in merged
    ]


def _near(between: str) -> bool:
    return "\n" not in between and sum(1 for token in tokens(between) if _WORD.match(token)) <= MERGE_WORDS
