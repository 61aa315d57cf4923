"""The smallest readable change between two texts, by words.

A rewrite of a passage is never applied as a whole: what stayed the same keeps its authors, its anchors and other
people's carets, and a reader sees only what changed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import Indel

from studiolo.canvas.identity import TextEdit

# Signs that belong to the character before them: accents, vowel signs of Indic scripts, joiners, variation selectors.
_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc", "Me"))
_BELONGS = _MARKS + "\u200d\U0001f3fb-\U0001f3ff"
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
# One token is one CJK character, a number, a word with its marks and inner apostrophes, a line break, a run of blanks,
# a flag, or one other sign with what belongs to it.
_TOKENS = re.compile(
    rf"[{_CJK}][{_BELONGS}]*"
    r"|\d+(?:[.,:]\d+)*"
    rf"|(?:(?![\d{_CJK}])\w)(?:(?![{_CJK}])[\w{_BELONGS}])*(?:['’](?:(?![{_CJK}])[^\W_])+)*"
    r"|\n|[^\S\n]+"
    r"|[\U0001f1e6-\U0001f1ff]{2}"
    rf"|[^\w\s](?:[{_BELONGS}]|(?<=\u200d)[^\w\s])*"
)
_WORD = re.compile(r"\w")
LARGEST_COMPARISON = 400_000_000  # token pairs: a paragraph of 10,000 words; for a moment an eighth of a byte for each
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
    edits = _aligned(tokens(old), tokens(new))
    if edits is not None:
        return edits
    # Too much has changed to compare it word by word: compare lines, then the words of the lines that differ.
    rough = _aligned(old.splitlines(keepends=True), new.splitlines(keepends=True))
    if rough is None:
        return [TextEdit(0, len(old), new)]
    fine: list[TextEdit] = []
    for block in rough:
        words = _aligned(tokens(old[block.start : block.end]), tokens(block.insert))
        fine += (
            [block]
            if words is None
            else [TextEdit(block.start + edit.start, block.start + edit.end, edit.insert) for edit in words]
        )
    return fine


def _aligned(a: list[str], b: list[str]) -> list[TextEdit] | None:
    """The edits that turn the parts `a` into `b`; None when there is too much to compare."""
    # What both ends share is not worth an alignment, and most rewrites share most.
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
    if len(middle_a) * len(middle_b) > LARGEST_COMPARISON:
        return None
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


def readable_edits(old: str, new: str) -> list[TextEdit]:
    """The edits that turn `old` into `new` as a person reads them: word-level, near neighbours as one."""
    merged: list[TextEdit] = []
    for edit in text_edits(old, new):
        if merged and _near(old[merged[-1].end : edit.start]):
            last = merged[-1]
            merged[-1] = TextEdit(last.start, edit.end, last.insert + old[last.end : edit.start] + edit.insert)
        else:
            merged.append(edit)
    return merged


def rewrite_hunks(old: str, new: str) -> list[Hunk]:
    """A rewrite of `old` as hunks a person can take one by one."""
    return [
        Hunk(
            find=old[edit.start : edit.end],
            replace=edit.insert,
            before=old[max(0, edit.start - CONTEXT) : edit.start],
            after=old[edit.end : edit.end + CONTEXT],
        )
        for edit in readable_edits(old, new)
    ]


def _near(between: str) -> bool:
    return "\n" not in between and sum(1 for token in tokens(between) if _WORD.match(token)) <= MERGE_WORDS
