"""What was changed in a text, and how much of it stands outside the passages that were to be changed.

Words, marks and line breaks are compared, so that a comma beside the passage counts as a change. Text that is put right
behind a passage belongs to it, unless it begins a paragraph of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

PIECE = re.compile(r"\n\s*|\w+|[^\w\s]")
WORD = re.compile(r"\w+(?:['’-]\w+)*")
END = re.compile(r"[.!?…]+[\"'”’»)]*(?=\s|$)")
ITEM = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+\S", re.MULTILINE)

Spans = Sequence[tuple[int, int]]


def words(text: str) -> int:
    return len(WORD.findall(text))


def sentences(text: str) -> int:
    """Ends of sentences, and what comes after the last one."""
    ends = [found.end() for found in END.finditer(text)]
    return len(ends) + bool(WORD.search(text[ends[-1] if ends else 0 :]))


def items(text: str) -> int:
    """The items of a list, whatever is said around it."""
    return len(ITEM.findall(text))


@dataclass(frozen=True, slots=True)
class Difference:
    """`outside` and `inside`: pieces taken out, put in or replaced, beside the passages and in them. `kept`: the share
    of the pieces beside them that still stand. `touched`: words anywhere, counted in the same way. `now`: what stands
    where the passages stood."""

    outside: int
    inside: int
    kept: float
    touched: int
    now: tuple[str, ...]


def difference(before: str, after: str, passages: Spans = ()) -> Difference:
    """Compare a page with itself later. `passages` are spans of `before`, in order and apart from each other."""
    before, after = before.rstrip(), after.rstrip()
    old, new = _pieces(before), _pieces(after)
    beside = [at for at, (start, end, _) in enumerate(old) if not _in(start, end, passages)]
    touched = _words_touched(before, after)
    if (now := _apart(before, after, passages)) is not None:
        outside = sum(_extra(before[start:end], text) for (start, end), text in zip(passages, now, strict=True))
        inside = sum(_moved(before[start:end], text) for (start, end), text in zip(passages, now, strict=True))
        return Difference(outside, max(0, inside - outside), 1.0, touched, now)
    matcher = SequenceMatcher(None, [piece[2] for piece in old], [piece[2] for piece in new], autojunk=False)
    outside = inside = 0
    gone: set[int] = set()
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            continue
        out = [at for at in range(i1, i2) if not _in(old[at][0], old[at][1], passages)]
        gone.update(out)
        own = i2 - i1 - len(out)
        if i1 == i2:
            put_in = j2 - j1 if _beside(old, i1, len(before), passages) else 0
            if "\n\n" in "".join(piece[2] for piece in new[j1:j2]):
                put_in = 0
        else:
            put_in = j2 - j1 if not out else min(j2 - j1, own)
        inside += max(own, put_in)
        outside += max(len(out), j2 - j1 - put_in)
    kept = 1 - len(gone) / len(beside) if beside else 1.0
    return Difference(outside, inside, kept, touched, _mapped(matcher, old, new, after, passages))


def _pieces(text: str) -> list[tuple[int, int, str]]:
    return [(found.start(), found.end(), found.group()) for found in PIECE.finditer(text)]


def _in(start: int, end: int, passages: Spans) -> bool:
    return any(first <= start and end <= last for first, last in passages)


def _beside(old: list[tuple[int, int, str]], at: int, end: int, passages: Spans) -> bool:
    """Whether what is put in before a piece is in a passage, or right before or behind one."""
    here = old[at][0] if at < len(old) else end
    behind = old[at - 1][1] if at else 0
    return any(first <= here <= last or first <= behind <= last for first, last in passages)


def _apart(before: str, after: str, passages: Spans) -> tuple[str, ...] | None:
    """What stands in the place of the passages, when all that was between them stands as it was."""
    if not passages:
        return None
    pattern, at = "", 0
    for start, end in passages:
        pattern += re.escape(before[at:start]) + "(.*?)"
        at = end
    found = re.fullmatch(pattern + re.escape(before[at:]), after, re.DOTALL)
    return found.groups() if found else None


def _extra(old: str, new: str) -> int:
    """Pieces of the paragraphs that were put behind a passage."""
    more = new.count("\n\n") - old.count("\n\n")
    if more <= 0 or old.count("\n\n") >= 2:  # a whole page may get more paragraphs
        return 0
    return sum(len(PIECE.findall(part)) + 1 for part in new.split("\n\n")[-more:])


def _moved(old: str, new: str) -> int:
    return _count([piece[2] for piece in _pieces(old)], [piece[2] for piece in _pieces(new)])


def _words_touched(old: str, new: str) -> int:
    return _count(WORD.findall(old), WORD.findall(new))


def _count(old: list[str], new: list[str]) -> int:
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in codes if kind != "equal")


def _mapped(
    matcher: SequenceMatcher[str],
    old: list[tuple[int, int, str]],
    new: list[tuple[int, int, str]],
    after: str,
    passages: Spans,
) -> tuple[str, ...]:
    """What stands where each passage stood, as near as the comparison can say."""
    codes = matcher.get_opcodes()

    def where(index: int, last: bool) -> int:
        for kind, i1, i2, j1, j2 in codes:
            if i1 <= index < i2:
                if kind == "equal":
                    return j1 + index - i1
                return j2 - 1 if last else j1
        return len(new) - 1

    made: list[str] = []
    for start, end in passages:
        inside = [at for at, (first, last, _) in enumerate(old) if start <= first and last <= end]
        if not inside or not new:
            made.append("")
            continue
        first, last = where(inside[0], False), where(inside[-1], True)
        made.append(after[new[first][0] : new[last][1]] if 0 <= first <= last < len(new) else "")
    return tuple(made)
