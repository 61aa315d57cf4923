"""From one Markdown text with marks, which holds both what goes and what comes, to a page with open changes.

Two texts are written from the one line of characters: as it is with nothing taken, and with everything taken. Letters
that nobody touches are in both, in the same order; what stands between two such neighbours is the same, or it is a
change. So emphasis that begins inside an insertion and ends behind it comes out as Markdown that is right either way.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from studiolo.formats.drafts import Change, PageDraft, Remark, Said, cut
from studiolo.formats.marks import BLOCK, CODE, EMPH, END, SCENES, STRIKE, STRONG, TURNS, Events, is_mark

NEW_PAGE = "\f"
DELIMITERS = {STRONG: "**", STRIKE: "~~", EMPH: "*", CODE: "`"}
# What stands between two paragraphs: their line ends, and the second one's Markdown sign.
BETWEEN = re.compile(r"((?:[ \t>]*\n)+)((?:[ \t]|>|[-*+][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t])*)$")
SIGN = re.compile(r"(?:[ \t]|>|[-*+][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|\[\^[^\]\n]{1,20}\]:[ \t]*)*$")
LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\\]|\\.)+)\]\((?:[^()\s\\]|\\.|\([^()]*\))*(?: \"[^\"]*\")?\)")
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\|\n)+", re.MULTILINE)
HEAD_LINE = re.compile(r"\|(?:[ :-]+\|)+\s*$")
WIDE = re.compile(r"(?<=\|) {2,}| {2,}(?=\|)|(?<=[|:])(---)-+(?=[|:])")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
TAKEN_FOR_A_SIGN = re.compile(
    r"(\d{1,9})[.)](?=\s|$)|(?=[-+*](?:\s|$))|(?=#{1,6}(?:\s|$))|(?=>)|(?=~~~)|(?=\[\^[^\]]*\]:)"
)
SOON = 120.0  # seconds between taking a word out and writing another in its place


@dataclass(frozen=True, slots=True)
class Revision:
    """Whose tracked change something is, and since when."""

    author: str
    at: float | None
    number: int


@dataclass(frozen=True, slots=True)
class Event:
    """What a mark says: that a change's text begins, that a paragraph's end or a row is changed, or where a comment
    begins and ends."""

    kind: str
    comment: str = ""
    revision: Revision | None = None


@dataclass(slots=True)
class _Block:
    """A paragraph: where its text begins and ends, and how its end is changed. `page` names the page it begins."""

    start: int
    end: int = -1
    state: int = 0
    page: str = ""


class _Line:
    """The characters in order. `state`: 0 untouched, +n put in and -n taken out by revision n - 1."""

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.state: list[int] = []
        self.type: list[int] = []
        self.blocks: list[_Block] = []
        self.revisions: dict[int, Revision] = {}
        self.opened: dict[str, int] = {}
        self.closed: dict[str, int] = {}

    def add(self, character: str, state: int, type: int) -> None:
        self.characters.append(character)
        self.state.append(state)
        self.type.append(type)

    def signed(self, event: Event) -> int:
        assert event.revision is not None
        self.revisions[event.revision.number + 1] = event.revision
        number = event.revision.number + 1
        return number if event.kind.startswith("insert") else -number

    def set(self, start: int, end: int, state: int) -> None:
        for at in range(start, end):
            if self.state[at] == 0:
                self.state[at] = state


@dataclass(slots=True)
class Untangled:
    """A text with its changes and remarks; and the pages that it says it is made of, none if it does not."""

    whole: PageDraft
    pages: list[PageDraft]


def untangle(text: str, events: Events[Event], comments: Sequence[tuple[str, Sequence[Said], bool]] = ()) -> Untangled:
    """What a text with marks means. `comments`: id, what was said, whether it is settled."""
    line = _read(text, events)
    titles = _pages(line)
    _tidy(line)
    base, starts = _written(line, -1)
    new, places = _written(line, 1)
    pieces = list(_pieces(line, base, starts, new, places))
    reasons, remarks = _remarks(line, comments, starts, base, pieces)
    changes = tuple(
        Change(start, end, put, revision.author, revision.at, reason=reasons.get((first, last), ""))
        for start, end, put, revision, first, last in pieces
    )
    whole = PageDraft("", base, "prose", changes, tuple(remarks))
    cuts = [place for place, character in enumerate(base) if character == NEW_PAGE] if titles else []
    if not cuts or len(cuts) != len(titles):
        return Untangled(whole, [])
    ends = [*cuts[1:], len(base)]
    bounds = [(start + 1, end, title) for start, end, title in zip(cuts, ends, titles, strict=True)]
    if base[: cuts[0]].strip() or any(change.start < cuts[0] for change in changes):
        bounds.insert(0, (0, cuts[0], "Opening"))
    return Untangled(whole, cut(whole, bounds))


def _read(text: str, events: Events[Event]) -> _Line:
    line = _Line()
    state = turned = 0
    rows: list[tuple[int, int]] = []
    page = ""
    for character in text:
        if not is_mark(character):
            line.add(" " if character == NEW_PAGE else character, state, turned)
        elif character == BLOCK:
            line.blocks.append(_Block(len(line.characters), page=page))
            page = ""
        elif character == SCENES:
            for sign in "* * *":
                line.add(sign, 0, 0)
        elif character == END:
            state = 0
        elif turn := TURNS.get(character):
            turned = turned | turn if turn > 0 else turned & ~-turn
        elif event := events.meant(character):
            here = len(line.characters)
            if event.kind in ("insert", "delete"):
                state = line.signed(event)
            elif event.kind.endswith("paragraph"):
                if line.blocks:
                    line.blocks[-1].end, line.blocks[-1].state = here, line.signed(event)
            elif event.kind.endswith("row"):
                rows.append((line.signed(event), here))
            elif event.kind == "page":
                page = event.comment
            elif event.kind == "language":
                if line.characters[-2:] == ["`", "\n"]:
                    line.characters[-2] += event.comment
            else:
                (line.opened if event.kind == "open" else line.closed).setdefault(event.comment, here)
    _paragraph_ends(line)
    for state, at in rows:
        _row(line, at, state)
    for table in TABLE.finditer(_letters(line)):
        _table(line, table.start(), table.end())
    for link in LINK.finditer(_letters(line)):
        if len(states := set(line.state[link.start(1) : link.end(1)])) == 1:
            line.set(link.start(), link.end(), states.pop())
    return line


def _paragraph_ends(line: _Line) -> None:
    """Give what stands between paragraphs to the changes that it belongs to.

    A paragraph that comes or goes as a whole takes its own Markdown sign along, and the line ends behind it. An end
    that alone comes or goes parts or joins paragraphs: with it goes what stands before the next one's text.
    """
    before: _Block | None = None
    for block in line.blocks:
        sign = _sign_before(line, block.start)
        whole = _whole(line, block)
        if whole:
            line.set(sign, block.start, block.state)
        if before is not None and before.state:
            between = BETWEEN.match("".join(line.characters[before.end : block.start]))
            if between is None:
                _last_block(line, before)
            else:
                line.set(before.end, before.end + len(between.group(1)), before.state)
                begins = block.start < len(line.state) and line.state[block.start] == before.state
                if not whole and (begins or not _whole(line, before)):
                    line.set(before.end + len(between.group(1)), block.start, before.state)
        before = block
    if before is not None and before.state:
        _last_block(line, before)


def _whole(line: _Line, block: _Block) -> bool:
    """Whether a paragraph comes or goes with all of its text."""
    text = range(block.start, block.end)
    return bool(block.state) and len(text) > 0 and all(line.state[at] == block.state for at in text)


def _sign_before(line: _Line, start: int) -> int:
    """Where the Markdown sign at the head of a paragraph begins."""
    at = start
    while at and line.characters[at - 1] != "\n":
        at -= 1
    return at if SIGN.match("".join(line.characters[at:start])) else start


def _last_block(line: _Line, block: _Block) -> None:
    """Behind it stands no paragraph to go with: what stands before it goes along."""
    if not _whole(line, block):
        return
    at = end = _sign_before(line, block.start)
    while at and line.characters[at - 1] in "\n \t":
        at -= 1
    line.set(at, end, block.state)


def _pages(line: _Line) -> list[str]:
    """Mark where pages begin; the titles of those whose title is no text of theirs, whose heading is taken out, and ""
    for the others."""
    titles: list[str] = []
    for block in line.blocks:
        if not block.page:
            continue
        start = _sign_before(line, block.start)
        title = ""
        if block.page.endswith("_title"):
            end = block.start
            while end < len(line.characters) and line.characters[end] != "\n":
                end += 1
            title = "".join(line.characters[block.start : end])
            while end < len(line.characters) and line.characters[end] == "\n":
                end += 1
            for at in range(start, end):
                line.characters[at] = ""
            block.start = end
        if start < len(line.characters):
            line.characters[start] = NEW_PAGE + line.characters[start]
            titles.append(ESCAPED.sub(r"\1", title))
    return titles


def _row(line: _Line, at: int, state: int) -> None:
    """A row of a table that comes or goes is its whole line."""
    start = end = at
    while start and line.characters[start - 1] != "\n":
        start -= 1
    while end < len(line.characters) and line.characters[end] != "\n":
        end += 1
    if "|" in line.characters[start:end] and end < len(line.characters):
        line.set(start, end + 1, state)


def _table(line: _Line, start: int, end: int) -> None:
    """A table all of whose rows come or go takes along the line below its head, and the blank line behind it."""
    text = _letters(line)[start:end]
    at = start
    states: set[int] = set()
    for row in text.splitlines(keepends=True):
        if not HEAD_LINE.match(row):
            states |= set(line.state[at : at + len(row)])
        at += len(row)
    if len(states) == 1:
        more = end < len(line.characters) and line.characters[end] == "\n"
        line.set(start, end + more, states.pop())


def _letters(line: _Line) -> str:
    """The characters as a text in which each has its own place, whatever it has become."""
    return "".join(character[-1:] or "\0" for character in line.characters)


def _tidy(line: _Line) -> None:
    """Code is as it was written; a paragraph's first letters are letters; columns are as narrow as can be."""
    characters, type = line.characters, line.type
    for row in ROW.finditer(_letters(line)):
        # Its columns were made as wide as their texts with marks and with what goes.
        for wide in WIDE.finditer(row.group()):
            for at in range(wide.start() + len(wide.group(1) or " "), wide.end()):
                characters[row.start() + at] = ""
    for at in range(len(characters) - 1):
        here, after = characters[at], characters[at + 1]
        if here != "\\":
            continue
        if after == "\n":
            characters[at] = "  "
        elif type[at] & CODE and ESCAPED.match(here + after):
            characters[at] = ""
        elif after == "\\":
            characters[at], characters[at + 1] = "\\\\", ""  # one sign of two characters
    for start in [block.start for block in line.blocks]:
        at = start
        while at < len(characters) and characters[at] in " \t":  # what stands before a note's text, or indents a line
            characters[at] = ""
            at += 1
        start = at
        found = TAKEN_FOR_A_SIGN.match("".join(characters[start : start + 24]))
        if found and start < len(characters):
            at = start + len(found.group(1) or "")
            if "".join(characters[start : at + 1]) == found.group(0) or not found.group(1):
                characters[at] = "\\" + characters[at]


def _written(line: _Line, sign: int) -> tuple[str, dict[int, tuple[int, int]]]:
    """One of the two texts, and for each character of the line that is in it where it begins and ends there."""
    there = [at for at, state in enumerate(line.state) if state * sign >= 0]
    emphasis = _emphasised(line, there)
    until = _stretches(emphasis)
    parts: list[str] = []
    places: dict[int, tuple[int, int]] = {}
    length = 0
    stack: list[int] = []
    fence = "`"

    def put(text: str) -> None:
        nonlocal length
        parts.append(text)
        length += len(text)

    def delimiter(bit: int) -> str:
        return fence if bit == CODE else DELIMITERS[bit]

    for number, at in enumerate(there):
        wanted = emphasis[number]
        while any(not bit & wanted for bit in stack):
            put(delimiter(stack.pop()))
        missing = [bit for bit in DELIMITERS if bit & wanted and bit not in stack]
        for bit in sorted(missing, key=lambda bit: (bit == CODE, -until[bit][number])):
            if bit == CODE:
                inside = "".join(line.characters[place] for place in there[number : until[CODE][number]])
                fence = "``" if "`" in inside else "`"
            put(delimiter(bit))
            stack.append(bit)
        places[at] = (length, length + len(line.characters[at]))
        put(line.characters[at])
    while stack:
        put(delimiter(stack.pop()))
    return "".join(parts), places


def _emphasised(line: _Line, there: Sequence[int]) -> list[int]:
    """How each character of a text is emphasised. Blanks where emphasis begins and ends are not: Markdown cannot say
    it. That is found out for each of the two texts, for what goes and what comes makes other neighbours."""
    emphasis = [line.type[at] for at in there]
    for bit in DELIMITERS:
        for edge in (range(len(there)), range(len(there) - 1, -1, -1)):
            inside = False
            for number in edge:
                character = line.characters[there[number]]
                if emphasis[number] & bit and not inside and character.isspace():
                    emphasis[number] &= ~bit
                elif character:
                    inside = bool(emphasis[number] & bit)
    return emphasis


def _stretches(emphasis: Sequence[int]) -> dict[int, list[int]]:
    """For each kind of emphasis: how far it reaches from each character, as a place in the text."""
    until: dict[int, list[int]] = {}
    for bit in DELIMITERS:
        reach = [0] * len(emphasis)
        end = len(emphasis)
        for number in range(len(emphasis) - 1, -1, -1):
            if not emphasis[number] & bit:
                end = number
            reach[number] = end
        until[bit] = reach
    return until


Piece = tuple[int, int, str, Revision, int, int]


def _pieces(
    line: _Line, base: str, starts: dict[int, tuple[int, int]], new: str, ends: dict[int, tuple[int, int]]
) -> Iterator[Piece]:
    """Each change: where in the base text it is, what comes there, whose it is, and which characters it is made of."""
    untouched = [at for at, state in enumerate(line.state) if not state]
    revision: Revision | None = next(iter(line.revisions.values()), None)
    before = -1
    for at in [*untouched, len(line.state)]:
        first, last = before + 1, at
        left = starts[before][1] if before >= 0 else 0, ends[before][1] if before >= 0 else 0
        right = (starts[at][0], ends[at][0]) if at < len(line.state) else (len(base), len(new))
        before = at
        was, put = base[left[0] : right[0]], new[left[1] : right[1]]
        if was == put:
            continue
        runs = _runs(line, first, last)
        if runs:
            revision = runs[0][0]
        gone = "".join(line.characters[place] for place in range(first, last) if line.state[place] < 0)
        come = "".join(line.characters[place] for place in range(first, last) if line.state[place] > 0)
        if len(runs) > 1 and was == gone and put == come:
            place = left[0]
            for whose, start, end in runs:
                gone = "".join(line.characters[n] for n in range(start, end) if line.state[n] < 0)
                come = "".join(line.characters[n] for n in range(start, end) if line.state[n] > 0)
                if gone != come:
                    yield place, place + len(gone), come, whose, start, end
                place += len(gone)
        elif revision is not None:
            head, tail = _shared(was, put)
            yield (
                left[0] + head, right[0] - tail, put[head : len(put) - tail], revision, first, last,
            )  # fmt: skip


def _runs(line: _Line, first: int, last: int) -> list[tuple[Revision, int, int]]:
    """The changed characters from `first` to `last` as the changes that people made."""
    runs: list[tuple[Revision, int, int, int]] = []
    at = first
    for state, cells in groupby(line.state[first:last]):
        end = at + len(list(cells))
        revision = line.revisions[abs(state)]
        if runs and _one_change(runs[-1], revision, state):
            known, start, _, _ = runs[-1]
            runs[-1] = (known, start, end, state)
        else:
            runs.append((revision, at, end, state))
        at = end
    return [(revision, start, end) for revision, start, end, _ in runs]


def _one_change(run: tuple[Revision, int, int, int], revision: Revision, state: int) -> bool:
    known, before = run[0], run[3]
    if known.author != revision.author:
        return False
    if known.at == revision.at or known.at is None or revision.at is None:
        return True
    return before < 0 < state and abs(known.at - revision.at) <= SOON


def _shared(was: str, put: str) -> tuple[int, int]:
    """How many signs of emphasis two texts begin and end with alike."""
    head = 0
    while head < min(len(was), len(put)) and was[head] == put[head] and was[head] in "*~`":
        head += 1
    tail = 0
    while tail < min(len(was), len(put)) - head and was[-1 - tail] == put[-1 - tail] and was[-1 - tail] in "*~`":
        tail += 1
    return head, tail


def _remarks(
    line: _Line,
    comments: Sequence[tuple[str, Sequence[Said], bool]],
    starts: dict[int, tuple[int, int]],
    base: str,
    pieces: Sequence[Piece],
) -> tuple[dict[tuple[int, int], str], list[Remark]]:
    """The reasons of changes, and the threads. A comment by a change's author on just that change is its reason."""
    known = sorted(starts)
    whose = {(first, last): revision for _, _, _, revision, first, last in pieces}
    reasons: dict[tuple[int, int], str] = {}
    threads: dict[tuple[int, int], list[Remark]] = {}
    for id, said, resolved in comments:
        first = line.opened.get(id, line.closed.get(id))
        if first is None or not said:
            continue
        last = max(first, line.closed.get(id, first))
        revision = whose.get((first, last))
        if revision and len(said) == 1 and said[0].author == revision.author and (first, last) not in reasons:
            reasons[first, last] = said[0].text
            continue
        here, after = bisect_left(known, first), bisect_left(known, last)
        start = starts[known[here]][0] if here < len(known) else len(base)
        end = starts[known[after - 1]][1] if after else 0
        threads.setdefault((first, last), []).append(Remark(start, max(start, end), tuple(said), resolved))
    remarks = [remark for there in threads.values() for remark in _joined(there)]
    return reasons, sorted(remarks, key=lambda remark: (remark.start, remark.end))


def _joined(remarks: list[Remark]) -> list[Remark]:
    """Google Docs writes each answer as a comment of its own on the same words."""
    if len(remarks) < 2 or any(len(remark.said) > 1 for remark in remarks):
        return remarks
    said = sorted((remark.said[0] for remark in remarks), key=lambda one: one.at or 0.0)
    return [Remark(remarks[0].start, remarks[0].end, tuple(said), all(remark.resolved for remark in remarks))]
