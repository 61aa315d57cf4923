"""Putting marks into Markdown without changing what it means.

A mark may stand in a word or beside one, and not before a heading's hashes or between two asterisks. So each
paragraph that is changed is read three times: as it is, as it would be, and with marks. When the last does not hold
the first two, the change is written in larger pieces: by whole words, then as one passage for each suggestion, then
as whole paragraphs, one that goes and one that comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studiolo.formats import pandoc
from studiolo.formats.books import FENCE, dialect
from studiolo.formats.drafts import Change, PageDraft, Remark
from studiolo.formats.marks import END, Events, is_mark, unmarked
from studiolo.formats.weaving import Piece, apart, taken, trimmed_change, woven

# What stands at the head of a line and is no text: a mark before it would make text of it.
HEAD = re.compile(
    r"(?:[ \t]{0,3}>[ \t]?)*"
    r"(?:[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?)*"
    r"(?:#{1,6}[ \t]+|\|[ \t]*|\[\^[^\]\n]+\]:[ \t]*|[ \t]+)?"
)
NOTE = re.compile(r"(?m)^\[\^[^\]\n]+\]:[ \t]*")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a mark in a text that is to be written means."""

    what: str  # insert | delete | open | close
    change: Change | None = None
    remark: int = -1


def marked(pages: Sequence[PageDraft], events: Events[Mark]) -> list[str]:
    """The pages' texts with what would go and what would come in them, and marks around each. Remarks are numbered
    through all pages."""
    clean = [replace(page, text=unmarked(page.text), changes=tuple(_clean(page.changes))) for page in pages]
    texts: list[str] = []
    remarks = 0
    for page in _fitting(clean):
        texts.append(_with_marks(page, events, remarks) if page.changes or page.remarks else page.text)
        remarks += len(page.remarks)
    return texts


def _clean(changes: Sequence[Change]) -> Iterator[Change]:
    for change in apart(changes):
        yield replace(change, replace=unmarked(change.replace))


# -- which pieces a change is written in


def _fitting(pages: Sequence[PageDraft]) -> list[PageDraft]:
    """The pages with their changes in pieces, and their remarks on passages, that can be marked."""
    # In code every character is text.
    open_pages = {at: page for at, page in enumerate(pages) if page.kind not in ("code", "data")}
    chunks = [(at, chunk) for at, page in open_pages.items() for chunk in _chunks(page)]
    changes: dict[int, list[Change]] = {at: [] for at in open_pages}
    starts = {at: [remark.start for remark in page.remarks] for at, page in open_pages.items()}
    ends = {at: [remark.end for remark in page.remarks] for at, page in open_pages.items()}
    for join, about in WAYS:
        if not chunks:
            break
        tried = [(at, replace(one, page=join(one.page)).about(about)) for at, one in chunks]
        whole = _hold_both([one.page for _, one in tried])
        if join is _whole:  # whatever it looks like, nothing larger can be done
            whole = [True] * len(tried)
        for (at, one), holds in zip(tried, whole, strict=True):
            if not holds:
                continue
            changes[at] += _moved(one.page.changes, one.at)
            for number, remark in zip(one.remarks, one.page.remarks, strict=True):
                if one.at <= starts[at][number] <= one.at + len(one.page.text):
                    starts[at][number] = one.at + remark.start
                if one.at <= ends[at][number] <= one.at + len(one.page.text):
                    ends[at][number] = one.at + remark.end
        chunks = [one for one, holds in zip(chunks, whole, strict=True) if not holds]
    fitting = list(pages)
    for at, page in open_pages.items():
        remarks = tuple(
            replace(remark, start=start, end=max(start, end))
            for remark, start, end in zip(page.remarks, starts[at], ends[at], strict=True)
        )
        found = tuple(sorted(changes[at], key=lambda one: (one.start, one.end)))
        fitting[at] = replace(page, changes=found, remarks=remarks)
    return fitting


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A part of a page by itself: where it stands, and which of the page's remarks are in it."""

    at: int
    page: PageDraft
    remarks: tuple[int, ...]

    def about(self, widen: Callable[[str, int, int], tuple[int, int]]) -> _Chunk:
        """With remarks on other passages."""
        remarks: list[Remark] = []
        for remark in self.page.remarks:
            start, end = widen(self.page.text, remark.start, remark.end)
            remarks.append(replace(remark, start=start, end=end))
        return replace(self, page=replace(self.page, remarks=tuple(remarks)))


def _moved(changes: Sequence[Change], by: int) -> Iterator[Change]:
    for change in changes:
        yield replace(change, start=change.start + by, end=change.end + by)


def _chunks(page: PageDraft) -> list[_Chunk]:
    """The paragraphs that are changed or commented, each with its place; several that one change is about are one."""
    bounds = _paragraphs(page.text)
    spans = [(change.start, change.end) for change in page.changes]
    spans += [(place, place) for remark in page.remarks for place in (remark.start, remark.end)]
    touched: list[tuple[int, int]] = []
    number = 0
    for start, end in [*sorted(spans), (len(page.text) + 1, len(page.text) + 1)]:
        if start > len(page.text):
            break
        while number + 1 < len(bounds) - 1 and bounds[number + 1] <= start:
            number += 1
        low, last = bounds[number], number
        # What reaches into the blank lines behind a paragraph may join it with the next.
        while last + 1 < len(bounds) - 1 and end > len(page.text[: bounds[last + 1]].rstrip()):
            last += 1
        high = bounds[last + 1]
        if touched and low < touched[-1][1]:
            touched[-1] = (touched[-1][0], max(touched[-1][1], high))
        else:
            touched.append((low, high))
    chunks: list[_Chunk] = []
    changes = list(page.changes)
    at = 0
    for low, high in touched:
        mine: list[Change] = []
        while at < len(changes) and changes[at].start < high + (high == len(page.text)):
            mine.append(replace(changes[at], start=changes[at].start - low, end=changes[at].end - low))
            at += 1
        known = [number for number, one in enumerate(page.remarks) if one.start <= high and one.end >= low]
        remarks = tuple(
            replace(one, start=min(max(one.start - low, 0), high - low), end=max(min(one.end, high) - low, 0))
            for one in (page.remarks[number] for number in known)
        )
        chunks.append(_Chunk(low, PageDraft("", page.text[low:high], "prose", tuple(mine), remarks), tuple(known)))
    return chunks


def _paragraphs(text: str) -> list[int]:
    """Where the paragraphs begin, and the text's end. A fenced passage is one paragraph."""
    starts = [0]
    fence = ""
    blank = False
    at = 0
    for line in re.split(r"(?<=\n)", text):
        mark = FENCE.match(line)
        if blank and not fence and line.strip():
            starts.append(at)
        if mark and (not fence or (mark.group(1).startswith(fence) and not line.strip(" \t\n`~"))):
            fence = "" if fence else mark.group(1)
        blank = not line.strip()
        at += len(line)
    return [*starts, len(text)]


def _as_they_are(chunk: PageDraft) -> PageDraft:
    return chunk


def _trimmed_changes(chunk: PageDraft) -> PageDraft:
    """Without the words that a change begins and ends with on both sides."""
    lean = (trimmed_change(chunk.text, change) for change in chunk.changes)
    changes = (change for change in lean if change.start < change.end or change.replace)
    return replace(chunk, changes=tuple(changes))


def _by_words(chunk: PageDraft) -> PageDraft:
    """Changes that reach to blanks on both sides; those that then touch are one."""
    return replace(
        chunk, changes=tuple(_joined(chunk, [_words(chunk.text, one.start, one.end) for one in chunk.changes]))
    )


def _by_suggestions(chunk: PageDraft) -> PageDraft:
    """All hunks of a suggestion, or else of an author, as one passage from the first to the last."""
    reach: dict[str, tuple[int, int]] = {}
    words = _by_words(chunk).changes
    for change in words:
        key = change.group or change.author
        low, high = reach.get(key, (change.start, change.end))
        reach[key] = (min(low, change.start), max(high, change.end))
    return replace(chunk, changes=tuple(_joined(chunk, [reach[one.group or one.author] for one in words])))


def _whole(chunk: PageDraft) -> PageDraft:
    """The whole chunk as one change, marked as paragraphs."""
    if not chunk.changes:
        return chunk
    first = min(chunk.changes, key=lambda change: change.start)
    text = chunk.text.rstrip("\n")
    new = taken(replace(chunk, remarks=())).text.rstrip("\n")
    return replace(chunk, changes=(replace(first, start=0, end=len(text), replace=new, group=WHOLE),))


def _same(text: str, start: int, end: int) -> tuple[int, int]:
    return start, end


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """The passage with all of the words that it begins and ends in."""
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, end


def _lines(text: str, start: int, end: int) -> tuple[int, int]:
    """The paragraph that the passage is in."""
    return 0, max(0, len(text.rstrip("\n")))


# How changes are joined and remarks widened, the smallest first.
WAYS: tuple[tuple[Callable[[PageDraft], PageDraft], Callable[[str, int, int], tuple[int, int]]], ...] = (
    (_as_they_are, _same),
    (_as_they_are, _words),
    (_trimmed_changes, _words),
    (_by_words, _words),
    (_by_suggestions, _words),
    (_as_they_are, _lines),
    (_by_suggestions, _lines),
    (_whole, _lines),
)
WHOLE = "\0whole"


def _joined(chunk: PageDraft, spans: Sequence[tuple[int, int]]) -> list[Change]:
    """One change for each group of overlapping spans, whose text is what the chunk's changes within it make."""
    groups: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if groups and start <= groups[-1][1] and (start < groups[-1][1] or groups[-1][0] == start):
            groups[-1] = (groups[-1][0], max(end, groups[-1][1]))
        else:
            groups.append((start, end))
    made: list[Change] = []
    for start, end in groups:
        inside = [one for one in chunk.changes if start <= one.start and one.end <= end]
        if not inside:
            continue
        draft = PageDraft("", chunk.text[start:end], "prose", tuple(_moved(inside, -start)))
        reasons = "\n".join(dict.fromkeys(one.reason for one in inside if one.reason))
        made.append(replace(inside[0], start=start, end=end, replace=taken(draft).text, reason=reasons))
    return made


# -- the marks


def _with_marks(page: PageDraft, events: Events[Mark], first_remark: int) -> str:
    parts: list[str] = []
    marks: list[tuple[int, str]] = []  # where each stands in the parts joined
    length = 0
    for piece in woven(page):
        if piece.change is not None and piece.change.group == WHOLE:
            # Marks in paragraphs of their own: what is between them is whole paragraphs.
            text = f"\n\n{events.mark(Mark(piece.what, piece.change))}\n\n{piece.text}\n\n{END}\n\n"
            parts.append(text)
            length += len(text)
            continue
        for text, tracked in _without_notes(piece):
            if tracked and piece.change is not None:
                marks.append((length, events.mark(Mark(piece.what, piece.change))))
            elif piece.remark >= 0:
                marks.append((length, events.mark(Mark(piece.what, remark=first_remark + piece.remark))))
            parts.append(text)
            length += len(text)
            if tracked:
                marks.append((length, END))
    whole = "".join(parts)
    made: list[str] = []
    at = 0
    for place, mark in marks:
        place = max(at, _behind_head(whole, place))
        made += [whole[at:place], mark]
        at = place
    return "".join([*made, whole[at:]])


def _without_notes(piece: Piece) -> Iterator[tuple[str, bool]]:
    """A piece's text, cut at what defines a note: that is printed elsewhere, so a change cannot run into it."""
    if piece.what not in ("insert", "delete"):
        yield piece.text, False
        return
    at = 0
    for note in NOTE.finditer(piece.text):
        if note.start() > at:
            body = piece.text[at : note.start()].rstrip("\n")
            yield body, bool(body)
            yield piece.text[at + len(body) : note.start()], False
        end = piece.text.find("\n", note.end())
        end = len(piece.text) if end < 0 else end
        yield piece.text[note.start() : note.end()], False
        yield piece.text[note.end() : end], True
        at = end
    if at < len(piece.text):
        yield piece.text[at:], True


def _behind_head(text: str, place: int) -> int:
    """The place itself, or where the text of its line begins if it is before that."""
    start = text.rfind("\n", 0, place) + 1
    head = HEAD.match(text, start)
    return max(place, head.end()) if head else place


# -- whether what is marked holds both texts


def _hold_both(chunks: Sequence[PageDraft]) -> list[bool]:
    """For each chunk whether the text with marks, read, holds the text as it is and the text with all taken."""
    jobs: list[tuple[str, str]] = []
    known: list[Events[Mark]] = []
    for chunk in chunks:
        events: Events[Mark] = Events()
        text = _with_marks(chunk, events, 0)
        read = dialect(chunk.text)
        jobs += [(read, text), (read, chunk.text), (read, taken(replace(chunk, remarks=())).text)]
        known.append(events)
    documents = pandoc.documents(jobs)
    found: list[bool] = []
    for number, events in enumerate(known):
        mixed, base, new = documents[3 * number : 3 * number + 3]
        kept = _Reading(events, "insert").of(mixed), _Reading(events, "delete").of(mixed)
        found.append(kept == (_Reading(events, "").of(base), _Reading(events, "").of(new)))
    return found


Letter = tuple[str, tuple[str, ...]]


class _Reading:
    """A document as letters with what is around each, those of one kind of change and all marks left out. A paragraph
    whose end is of that kind is one with the next."""

    def __init__(self, events: Events[Mark], without: str) -> None:
        self._events = events
        self._without = without
        self._state = ""
        self._joins = False  # the paragraph before with what comes
        self._last = -1  # where that is among the blocks
        self._marks = self._letters = 0
        self._blocks: list[tuple[tuple[str, ...], list[Letter]]] = []

    def of(self, document: Any) -> list[tuple[tuple[str, ...], list[Letter]]]:
        self._walk(document["blocks"], ())
        return [(path, letters) for path, found in self._blocks if (letters := _trimmed(found))]

    def _walk(self, node: Any, path: tuple[str, ...]) -> None:
        if isinstance(node, list):
            for child in node:
                self._walk(child, path)
        elif isinstance(node, dict):
            kind = node.get("t", "")
            content = node.get("c")
            if kind in ("Para", "Plain", "Header", "CodeBlock", "RawBlock", "HorizontalRule"):
                self._leaf(kind, content, path)
            elif kind in ("BulletList", "OrderedList", "BlockQuote", "Div") or kind == "Table":
                self._walk(content, (*path, kind))
            elif content is not None and kind not in _ATTRIBUTES:
                self._walk(content, path)

    def _leaf(self, kind: str, content: Any, path: tuple[str, ...]) -> None:
        name = kind
        if kind == "Header":
            name, content = f"Header {content[0]}", content[2]
        block = ((*path, "Para" if kind == "Plain" else name), list[Letter]())
        joins, self._joins = self._joins, False
        place, marks, letters = len(self._blocks), self._marks, self._letters
        self._blocks.append(block)
        if kind in ("CodeBlock", "RawBlock"):
            shape = str(content[0])
            for character in content[1]:
                self._letter(character, (shape,), block[1], exact=kind == "RawBlock")
        elif kind == "HorizontalRule":
            self._letter("—", (), block[1])
        else:
            self._inlines(content, (), block[1])
        if self._marks > marks and self._letters == letters:  # there will be no such paragraph
            self._joins = joins
            return
        if joins:
            self._blocks[place] = (block[0], self._blocks[self._last][1] + block[1])
            self._blocks[self._last] = (block[0], [])
        self._last = place
        self._joins = bool(self._without) and self._state == self._without

    def _inlines(self, nodes: Any, path: tuple[str, ...], letters: list[Letter]) -> None:
        for node in nodes:
            kind, content = node["t"], node.get("c")
            if kind == "Str":
                for character in content:
                    self._letter(character, path, letters)
            elif kind in ("Space", "SoftBreak", "LineBreak"):
                self._letter("\n" if kind == "LineBreak" else " ", path, letters)
            elif kind in ("Code", "Math", "RawInline"):
                for character in content[1]:
                    self._letter(character, (*path, kind), letters, exact=kind != "Code")
            elif kind in ("Link", "Image"):
                inside = (*path, f"{kind} {content[2]}")
                if kind == "Image":
                    self._letter("▢", inside, letters)
                self._inlines(content[1], inside, letters)
            elif kind == "Note":
                self._letter("†", path, letters)
                self._walk(content, ("Note",))
            elif kind in ("Span", "Quoted", "Cite"):
                self._inlines(content[1], path, letters)
            else:
                self._inlines(content, (*path, kind), letters)

    def _letter(self, character: str, path: tuple[str, ...], letters: list[Letter], exact: bool = False) -> None:
        if is_mark(character):
            self._marks += 1
            if exact:  # in a formula or in HTML it would not be found again
                letters.append(("\0", path))
            event = self._events.meant(character)
            if character == END:
                self._state = ""
            elif event is not None and event.what in ("insert", "delete"):
                self._state = event.what
            return
        self._letters += 1
        if not self._without or self._state != self._without:
            letters.append((character, path))


_ATTRIBUTES = frozenset({"AlignDefault", "AlignLeft", "AlignRight", "AlignCenter", "ColWidthDefault", "ColWidth"})


def _trimmed(letters: list[Letter]) -> list[Letter]:
    """Without blanks at the ends, and with one for several: a blank's own emphasis is nobody's concern."""
    kept: list[Letter] = []
    for character, path in letters:
        if character == " ":
            if kept and kept[-1][0] not in " \n":
                kept.append((" ", ()))
        else:
            if character == "\n" and kept and kept[-1][0] == " ":
                kept.pop()
            kept.append((character, path))
    while kept and kept[-1][0] in " \n":
        kept.pop()
    return kept
