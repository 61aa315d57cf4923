"""Taking proposed changes into the text: many hunks, of many suggestions, as one decision.

What accepting a hunk did is kept on it as `applied`, by the ids of the characters that went and came: from it comes
undo, and who wrote what.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pycrdt import merge_updates

from studiolo.canvas import actions, anchors
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.credit import NOBODY, credited
from studiolo.canvas.identity import Composer, Range
from studiolo.canvas.overlaps import overlapping
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import HunkRecord, HunkStatus, SuggestionRecord
from studiolo.canvas.register import HunkId
from studiolo.canvas.subjects import place_threads, settle_threads

Chosen = tuple[SuggestionRecord, int]
"""A suggestion and the number of one of its hunks."""


@dataclass(slots=True)
class Placed:
    """A hunk, and where in its page's present text it is."""

    record: SuggestionRecord
    index: int
    span: Span

    @property
    def hunk(self) -> HunkRecord:
        return self.record.hunks[self.index]

    @property
    def id(self) -> HunkId:
        return self.record.id, self.index

    @property
    def age(self) -> tuple[float, str, int]:
        """What was proposed first is less."""
        return self.record.at, self.record.id, self.index


@dataclass(slots=True)
class Part:
    """One edit of the text that accepting a hunk makes: offsets of the text before it, and how far into the hunk's
    quote it is. Of its words each is the hunk's author's, or somebody else's by whose `hand` they were changed."""

    placed: Placed
    start: int
    end: int
    words: list[tuple[str, str, bool]]  # text, participant, by another hand

    @property
    def at(self) -> int:
        return self.start - self.placed.span.start


@dataclass(slots=True)
class Taken:
    """What came of taking hunks: those that were taken, and those that were left and why."""

    decision: str
    hunks: list[HunkId] = field(default_factory=list[HunkId])
    stale: list[HunkId] = field(default_factory=list[HunkId])
    overlapping: list[HunkId] = field(default_factory=list[HunkId])
    changes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    update: bytes = b""

    def outcome(self, **details: Any) -> Outcome:
        """As an outcome that names the hunks one by one."""
        named = {"decision": self.decision, "hunks": self.hunks, "stale": self.stale, "overlapping": self.overlapping}
        return Outcome("accepted", self.decision, {**named, **details}, self.update, kept={"changes": self.changes})


def take(
    canvas: Canvas, chosen: Iterable[Chosen], by: Participant, policy: str = "", audit: Collection[HunkId] = ()
) -> Taken:
    """Accept undecided hunks of any suggestions as one decision by `by`, or by a `policy`, of which those in `audit`
    are to be looked at. Whether `by` may is not asked here.

    Left as they are: those whose text is not there any more, and those that overlap with one of another suggestion,
    unless both say the same. Nothing changes when none is left to take. Raises `TooLarge`.
    """
    taken = Taken(canvas.new_id())
    placed, same = _apart(place(canvas, chosen, taken), taken)
    if not placed:
        return taken
    parts = [part for one in placed for part in parts_of(one)]
    placed += [one for group in same for one in group[1:]]
    joint = {one.id: f"{taken.decision}:{number}" for number, group in enumerate(same) for one in group}
    put_in(canvas, taken, parts, placed, by, policy, audit, joint)
    return taken


def place(canvas: Canvas, chosen: Iterable[Chosen], taken: Taken) -> list[Placed]:
    """Where each hunk is now, page by page; those that are nowhere become `stale`."""
    placed: list[Placed] = []
    texts: dict[str, str] = {}
    for record, index in chosen:
        text = texts.get(record.page)
        if text is None:
            text = texts[record.page] = canvas.live_page(record.page)
        span = canvas.find(record.page, text, record.hunks[index].anchor)
        if span is None:
            taken.stale.append((record.id, index))
        else:
            placed.append(Placed(record, index, span))
    return placed


def parts_of(placed: Placed) -> list[Part]:
    """The edits that a hunk makes, touching only the words that differ."""
    hunk, start = placed.hunk, placed.span.start
    author = placed.record.author
    proposals = [hunk.replace if hunk.proposed is None else hunk.proposed]
    return [
        Part(
            placed,
            start + edit.start,
            start + edit.end,
            [(words, hunk.amended_by if owner == NOBODY else author, owner == NOBODY) for words, owner in edit.words],
        )
        for edit in credited(hunk.anchor.quote, hunk.replace, proposals)
    ]


def put_in(
    canvas: Canvas,
    taken: Taken,
    parts: Sequence[Part],
    placed: Sequence[Placed],
    by: Participant,
    policy: str = "",
    audit: Collection[HunkId] = (),
    joint: Mapping[HunkId, str] = MappingProxyType({}),
) -> None:
    """Make the edits of `parts`, which are of `placed` and apart from each other, and decide all of `placed`; those
    with the same `joint` as one."""
    ordered = sorted(parts, key=lambda part: (part.placed.record.page, part.start, part.end, part.placed.age))
    pages: defaultdict[str, int] = defaultdict(int)
    for part in ordered:
        pages[part.placed.record.page] += sum(len(words) for words, _, _ in part.words) - (part.end - part.start)
    for page, grown in pages.items():
        check_growth(canvas, page, grown)
    composer = canvas.document.identity.compose()
    applied: dict[HunkId, list[dict[str, Any]]] = {one.id: [] for one in placed}
    for part in ordered:
        applied[part.placed.id] += _write(canvas, composer, part)
    at = canvas.clock()
    with canvas.document.change() as written:
        canvas.document.write(composer)
        for one in placed:
            decide(canvas, one.record, one.index, "accepted", by, taken.decision, at)
            did = json.dumps(applied[one.id], separators=(",", ":"))
            wanted = "wanted" if one.id in audit else ""
            together = joint.get(one.id, "")
            canvas.set_hunk(one.record, one.index, applied=did, policy=policy, audit=wanted, joint=together)
        settle_up(canvas, {one.record.id: one.record for one in placed}.values(), taken.decision)
    taken.update = written()
    taken.hunks = sorted(one.id for one in placed)
    taken.changes = changes_of((one.record, one.index) for one in sorted(placed, key=lambda one: one.id))
    for page in pages:
        canvas.moved(page)
    if behind := _keep_places(canvas, placed, applied):
        taken.update = merge_updates(taken.update, behind)


def decide(
    canvas: Canvas, record: SuggestionRecord, index: int, status: HunkStatus, by: Participant, decision: str, at: float
) -> None:
    """Inside `change()`: decide one hunk."""
    canvas.set_hunk(record, index, status=status, by=by.id, by_name=by.name, decided=at, decision=decision)


def changes_of(chosen: Iterable[Chosen]) -> list[dict[str, Any]]:
    """What hunks would change or have changed, as the ledger keeps it, so that it can be read without the canvas."""
    changes: list[dict[str, Any]] = []
    for record, index in chosen:
        hunk = record.hunks[index]
        change = {"suggestion": record.id, "hunk": index, "was": hunk.anchor.quote, "now": hunk.replace}
        changes.append(change if hunk.proposed is None else {**change, "proposed": hunk.proposed})
    return changes


def settle_up(canvas: Canvas, records: Iterable[SuggestionRecord], decision: str) -> None:
    """Inside `change()`: bring suggestions' statuses in step with their hunks', and resolve the threads whose
    suggestion was accepted, and those about what is decided now."""
    accepted: set[str] = set()
    decided = list(records)
    for record in decided:
        canvas.set_status(record)
        if record.status == "accepted":
            accepted.add(record.id)
    for thread in canvas.threads.values():
        if thread.suggestion in accepted and thread.status == "open":
            shared = canvas.document.threads[thread.id]
            thread.status = shared["status"] = "resolved"
            thread.decision = shared["decision"] = decision
    settle_threads(canvas, decided, decision)


def check_growth(canvas: Canvas, page: str, grown: int) -> None:
    """Raise `TooLarge` when a page that grows by so many characters is too long then."""
    if grown > 0:
        length = canvas.document.identity.length(page) + grown
        actions.check_length(length, f"The page “{canvas.page(page)['title']}”")


def _apart(placed: Sequence[Placed], taken: Taken) -> tuple[list[Placed], list[list[Placed]]]:
    """Those that can be taken together, and the groups of those that say the same as one of them, which comes first.
    The others are named."""
    pages: defaultdict[str, list[tuple[Span, Placed]]] = defaultdict(list)
    for one in placed:
        pages[one.record.page].append((one.span, one))
    free: list[Placed] = []
    same: list[list[Placed]] = []
    for spans in pages.values():
        for group in overlapping(spans):
            members = sorted((one for _, one in group), key=lambda one: one.age)
            if len({one.record.id for one in members}) > 1:
                if len({(one.span, one.hunk.replace) for one in members}) == 1:
                    free.append(members[0])
                    same.append(members)
                else:
                    taken.overlapping += [one.id for one in members]
                continue
            floor = -1
            for one in sorted(members, key=lambda one: (one.span, one.index)):
                if one.span.start < floor:  # two of one suggestion that the text's changes have pushed into each other
                    taken.stale.append(one.id)
                else:
                    floor = one.span.end
                    free.append(one)
    return free, same


def _write(canvas: Canvas, composer: Composer, part: Part) -> list[dict[str, Any]]:
    """Compose one edit: what of it is kept as `applied`."""
    page, end = part.placed.record.page, part.end
    words = part.words or [("", part.placed.record.author, False)]
    kept: list[dict[str, Any]] = []
    for text, participant, hand in words:
        gone, come = composer.replace(page, part.start, end, text, canvas.writer(participant))
        kept.append({"at": part.at, "del": gone, "ins": come, **({"hand": True} if hand else {})})
        end = part.start  # what it replaces goes with its first words
    return kept


def _keep_places(canvas: Canvas, placed: Sequence[Placed], applied: Mapping[HunkId, list[dict[str, Any]]]) -> bytes:
    """Let insertions that wait at the edge of what was just taken keep their place: behind what was inserted at the
    same place, when they came later, so that two continuations read in the order in which they were made, whichever
    is taken first; and behind what now stands for the word that they hang on."""
    identity = canvas.document.identity
    behind: defaultdict[str, dict[str, list[tuple[tuple[float, str, int], Range]]]] = defaultdict(dict)
    instead: dict[tuple[int, int], Range | None] = {}
    for one in placed:
        come = [part["ins"] for part in applied[one.id] if part["ins"]]
        if not one.hunk.anchor.quote and come:
            spots = behind[one.record.page].setdefault(json.dumps(one.hunk.anchor.end), [])
            spots.append((one.age, come[-1]))
        for part in applied[one.id]:
            if part["del"]:
                client, clock, units, _ = part["del"][-1]
                later = [more["ins"] for more in applied[one.id] if more["at"] == part["at"] and more["ins"]]
                instead[client, clock + units - 1] = later[-1] if later else None
    moves: list[tuple[SuggestionRecord, int, anchors.Anchor]] = []
    for page in {one.record.page for one in placed}:
        text = canvas.page_text(page)
        for record in canvas.register.waiting(page):
            for index, hunk in enumerate(record.hunks):
                if hunk.status != "open" or hunk.anchor.quote:
                    continue
                end = hunk.anchor.end
                item = end.get("item")
                age = (record.at, record.id, index)
                known = [range for older, range in sorted(behind[page].get(json.dumps(end), [])) if older < age]
                if known:
                    range = known[-1]
                elif item is not None and (item["client"], item["clock"]) in instead:
                    range = instead[item["client"], item["clock"]]
                else:
                    continue
                if range is not None:
                    end = {"item": {"client": range[0], "clock": range[1] + range[2] - 1}, "assoc": -1}
                if (there := identity.locate(end)) is not None:
                    moves.append((record, index, anchors.anchor(identity, page, text, Span(there[1], there[1]))))
    if not moves:
        return b""
    with canvas.document.change() as written:
        for record, index, anchor in moves:
            canvas.set_anchor(record, index, anchor)
        place_threads(canvas, {record.id for record, _, _ in moves})
    return written()
