"""Three people type at random while suggestions are made, accepted and rejected: nothing typed is ever lost.

Every character that is typed or proposed is unique, so the text must hold exactly those that went in and were not
deleted by a person or taken out by an accepted hunk; and everybody must end up with the same text.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pycrdt import Doc, Map, Text

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.diff import text_edits
from studiolo.canvas.errors import Decided, Stale

from .conftest import ADA, MUSE

PEERS = 3
# Characters that are words of their own: astral ones (one code point, two UTF-16 units, four bytes) and signs.
ALPHABET = [chr(0x20000 + n) if n % 3 else chr(0x2190 + n // 3) for n in range(1_800)]


class Peer:
    """A Yjs client: its own document, what it has not sent yet and what has not reached it yet."""

    def __init__(self, number: int, page: str, first: bytes) -> None:
        self.participant = Participant(f"peer-{number}", f"Peer {number}", "person", "#1878b4", "editor")
        self.doc: Doc[Any] = Doc(client_id=1000 + number)
        pages: Map[Any] = self.doc.get("pages", type=Map)
        self.inbox: list[bytes] = [first]
        self.outbox: list[bytes] = []
        self.receive(1)
        self.text: Text = pages[page]["text"]

    def type(self, start: int, end: int, insert: str) -> None:
        before = self.doc.get_state()
        text = str(self.text)
        low, high = len(text[:start].encode()), len(text[:end].encode())
        with self.doc.transaction():
            if high > low:
                del self.text[low:high]
            if insert:
                self.text.insert(low, insert)
        self.outbox.append(self.doc.get_update(before))

    def receive(self, most: int) -> None:
        for update in self.inbox[:most]:
            self.doc.apply_update(update)
        del self.inbox[:most]


class Studio(RuleBasedStateMachine):
    """A canvas, three peers with lines that are slow but keep order, and an agent that proposes."""

    @initialize()
    def open(self) -> None:
        self.fresh = iter(ALPHABET)
        self.alive: set[str] = set()
        start = self.letters(30)
        ticks = count(1)
        pages = [{"title": "One", "text": start, "kind": "prose"}]
        self.canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: float(next(ticks)), random=Random(5))
        self.page: str = made.details["pages"][0]["id"]
        self.peers = [Peer(number, self.page, made.update) for number in range(PEERS)]
        self.open_suggestions: list[str] = []

    def letters(self, number: int) -> str:
        new = "".join(next(self.fresh) for _ in range(number))
        self.alive |= set(new)
        return new

    def tell(self, update: bytes) -> None:
        for peer in self.peers:
            if update:
                peer.inbox.append(update)

    @rule(who=st.integers(0, PEERS - 1), where=st.floats(0, 1), gone=st.integers(0, 4), new=st.integers(0, 5))
    def type(self, who: int, where: float, gone: int, new: int) -> None:
        peer = self.peers[who]
        text = str(peer.text)
        start = round(where * len(text))
        end = min(len(text), start + gone)
        self.alive -= set(text[start:end])
        peer.type(start, end, self.letters(new))

    @rule(who=st.integers(0, PEERS - 1), most=st.integers(1, 5))
    def send(self, who: int, most: int) -> None:
        peer = self.peers[who]
        for update in peer.outbox[:most]:
            outcome = self.canvas.receive(update, peer.participant)
            if outcome:
                self.tell(outcome.update)
        del peer.outbox[:most]

    @rule(who=st.integers(0, PEERS - 1), most=st.integers(1, 5))
    def hear(self, who: int, most: int) -> None:
        self.peers[who].receive(most)

    @rule(where=st.floats(0, 1), length=st.integers(0, 6), new=st.integers(0, 4))
    def suggest(self, where: float, length: int, new: int) -> None:
        text = self.canvas.page_text(self.page)
        start = round(where * len(text))
        find = text[start : start + length]
        proposed = "".join(next(self.fresh) for _ in range(new)) + find[1:3]
        if find == proposed or not (find or proposed):
            return
        hunk = {"find": find, "before": text[:start][-9:], "after": text[start + len(find) :][:9], "replace": proposed}
        if not (find or hunk["before"] or hunk["after"]):
            return
        outcome = self.canvas.apply({"type": "suggest", "page": self.page, "hunks": [hunk]}, MUSE)
        assert outcome.id
        self.open_suggestions.append(outcome.id)
        self.tell(outcome.update)

    @rule(which=st.integers(0, 30), accept=st.booleans())
    def decide(self, which: int, accept: bool) -> None:
        if not self.open_suggestions:
            return
        id = self.open_suggestions[which % len(self.open_suggestions)]
        hunk = self.canvas.suggestions[id].hunks[0]
        before = self.canvas.page_text(self.page)
        try:
            action = {"type": "accept" if accept else "reject", "suggestion": id}
            self.tell(self.canvas.apply(action, ADA).update)
        except (Decided, Stale):
            assert self.canvas.page_text(self.page) == before
            return
        if accept:
            for edit in text_edits(hunk.anchor.quote, hunk.replace):
                self.alive -= set(hunk.anchor.quote[edit.start : edit.end])
                self.alive |= set(edit.insert)

    @rule()
    def settle(self) -> None:
        if outcome := self.canvas.settle():
            self.tell(outcome.update)

    @invariant()
    def no_character_is_doubled(self) -> None:
        if hasattr(self, "canvas"):
            text = self.canvas.page_text(self.page)
            assert len(text) == len(set(text))

    def teardown(self) -> None:
        if not hasattr(self, "canvas"):
            return
        for who in range(PEERS):
            self.send(who, len(self.peers[who].outbox))
        for peer in self.peers:
            peer.receive(len(peer.inbox))
        text = self.canvas.page_text(self.page)
        assert [str(peer.text) for peer in self.peers] == [text] * PEERS
        assert set(text) == self.alive
        assert str(self.canvas.document.pages[self.page]["text"]) == text
        owners = {run["participant"] for run in self.canvas.authors(self.page)}
        assert owners <= {ADA.id, MUSE.id, *(peer.participant.id for peer in self.peers)}
        assert sum(run["length"] for run in self.canvas.authors(self.page)) == len(text)


Studio.TestCase.settings = settings(
    max_examples=120, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestStudio = Studio.TestCase
