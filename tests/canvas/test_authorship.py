"""Who wrote what stays true whatever is done to the text.

In the first part every character is unique and known to a model with where it came from, so the runs that the canvas
tells must agree with it character by character.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pycrdt import Doc, Map, Text, UndoManager

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.authorship import FOREIGN, authorship, keep_origin, origin_of, restore_authors, shares
from studiolo.canvas.errors import Conflict, Decided, Forbidden, Invalid, Stale
from studiolo.canvas.identity.units import utf16_length
from studiolo.canvas.origins import Origin

from .conftest import ADA, BEN, CAL, MUSE, Make

Tag = tuple[str, str, str]
"""Participant, how, suggestion."""

# Astral characters and signs: one code point each, of two UTF-16 units or one.
ALPHABET = [chr(0x20000 + n) if n % 3 else chr(0x4E00 + n) for n in range(4_000)]


class Peer:
    """Somebody's editor: a document of their own with its undo, which others' changes reach late."""

    def __init__(self, participant: Participant, client: int, page: str, first: bytes) -> None:
        self.participant = participant
        self.doc: Doc[Any] = Doc(client_id=client)
        self.doc.apply_update(first)
        pages: Map[Any] = self.doc.get("pages", type=Map)
        self.text: Text = pages[page]["text"]
        self.undo = UndoManager(scopes=[self.text], capture_timeout_millis=0)
        self.undo.include_origin("me")
        self.inbox: list[bytes] = []

    def __str__(self) -> str:
        return str(self.text)

    def hear(self, most: int) -> None:
        for update in self.inbox[:most]:
            self.doc.apply_update(update)
        del self.inbox[:most]

    def change(self, *edits: tuple[int, int, str]) -> bytes:
        """Replace ranges of code points, from the last to the first; the update."""
        before = self.doc.get_state()
        with self.doc.transaction(origin="me"):
            for start, end, insert in edits:
                text = str(self.text)
                low, high = len(text[:start].encode()), len(text[:end].encode())
                if high > low:
                    del self.text[low:high]
                if insert:
                    self.text.insert(low, insert)
        return self.doc.get_update(before)

    def take_back(self) -> bytes:
        before = self.doc.get_state()
        self.undo.undo()
        return self.doc.get_update(before)


def tags_of(canvas: Canvas, page: str) -> list[Tag]:
    """Where each character of a page comes from; the runs must cover the text without a hole."""
    tags: list[Tag] = []
    for run in authorship(canvas, page):
        assert run.start == len(tags) and run.length > 0
        tags += [(run.origin.participant, run.origin.how, run.origin.suggestion)] * run.length
    assert len(tags) == len(canvas.page_text(page))
    return tags


def reloaded(canvas: Canvas, seed: int = 99) -> Canvas:
    """The canvas as another process loads it from what is stored."""
    owners = {client: canvas.owner_of(client) or "" for client in canvas.document.identity.state()}
    return Canvas([canvas.document.update_since()], owners, clock=canvas.clock, random=Random(seed))


def say_pasted(canvas: Canvas, page: str, start: int, end: int, by: Participant) -> Any:
    identity = canvas.document.identity
    low, high = identity.position(page, start, 0), identity.position(page, end, -1)
    return canvas.apply({"type": "pasted", "page": page, "start": low, "end": high}, by)


class Authors(RuleBasedStateMachine):
    """Three people type, cut, paste, undo and accept what an agent proposes; the canvas is put away and loaded again,
    and a second node follows it."""

    @initialize()
    def open(self) -> None:
        self.fresh = iter(ALPHABET)
        self.known: dict[str, Tag] = {}
        first = self.letters(40, ADA.id)
        ticks = count(1)
        pages = [{"title": "One", "text": first, "kind": "prose"}]
        self.canvas, made = Canvas.new("Book", pages, by=ADA, clock=lambda: float(next(ticks)), random=Random(5))
        self.page: str = made.details["pages"][0]["id"]
        self.other = reloaded(self.canvas, 6)
        self.clients = count(1000)
        self.people = [Participant(name, name.title(), "person", "#1878b4", "editor") for name in ("bea", "cid", "dot")]
        self.peers: list[Peer] = []
        self.sit_down()
        self.waiting: list[str] = []
        self.decisions: list[str] = []

    def sit_down(self) -> None:
        whole = self.canvas.document.update_since()
        self.peers = [Peer(one, next(self.clients), self.page, whole) for one in self.people]

    def letters(self, number: int, by: str, how: str = "typed", suggestion: str = "") -> str:
        new = "".join(next(self.fresh) for _ in range(number))
        self.known |= dict.fromkeys(new, (by, how, suggestion))
        return new

    def send(self, update: bytes, source: Peer) -> None:
        outcome = self.canvas.receive(update, source.participant)
        if outcome is not None:
            self.tell(outcome, source)

    def tell(self, outcome: Any, source: Peer | None = None) -> None:
        if outcome.update:
            self.other.follow(outcome.update, outcome.claims)
            for peer in self.peers:
                if peer is not source:
                    peer.inbox.append(outcome.update)

    def pasted(self, letters: str, peer: Peer) -> None:
        """Say of each stretch of these letters that stands in the page that it was put in."""
        text = self.canvas.page_text(self.page)
        here = sorted(text.index(letter) for letter in letters if letter in text)
        stretches: list[list[int]] = []
        for at in here:
            if stretches and stretches[-1][-1] == at - 1:
                stretches[-1].append(at)
            else:
                stretches.append([at])
        for stretch in stretches:
            self.tell(say_pasted(self.canvas, self.page, stretch[0], stretch[-1] + 1, peer.participant))

    who = st.integers(0, 2)
    spot = st.floats(0, 1)

    @rule(who=who, spot=spot, number=st.integers(1, 30))
    def types(self, who: int, spot: float, number: int) -> None:
        peer = self.peers[who]
        at = int(spot * len(str(peer)))
        self.send(peer.change((at, at, self.letters(number, peer.participant.id))), peer)

    @rule(who=who, spot=spot, number=st.integers(12, 30))
    def pastes_from_elsewhere(self, who: int, spot: float, number: int) -> None:
        peer = self.peers[who]
        at = int(spot * len(str(peer)))
        new = self.letters(number, peer.participant.id, "pasted")
        self.send(peer.change((at, at, new)), peer)
        self.pasted(new, peer)

    @rule(who=who, spot=spot, number=st.integers(1, 20))
    def deletes(self, who: int, spot: float, number: int) -> None:
        peer = self.peers[who]
        at = int(spot * len(str(peer)))
        self.send(peer.change((at, at + number, "")), peer)

    @rule(who=who, spot=spot, number=st.integers(12, 60), to=spot, dropped=st.booleans())
    def moves(self, who: int, spot: float, number: int, to: float, dropped: bool) -> None:
        peer = self.peers[who]
        peer.hear(1_000)  # what was cut by two at once was cut once
        at = int(spot * len(str(peer)))
        cut = str(peer)[at : at + number]
        if len(cut) < 12:
            return
        there = int(to * (len(str(peer)) - len(cut)))
        if dropped:  # by the mouse: it goes and comes in one change
            self.send(peer.change((at, at + number, ""), (there, there, cut)), peer)
        else:
            self.send(peer.change((at, at + number, "")), peer)
            self.send(peer.change((there, there, cut)), peer)
        self.pasted(cut, peer)

    @rule(who=who, spot=spot, number=st.integers(1, 40), others=st.integers(0, 20))
    def deletes_and_undoes(self, who: int, spot: float, number: int, others: int) -> None:
        peer, neighbour = self.peers[who], self.peers[(who + 1) % 3]
        peer.hear(1_000)
        at = int(spot * len(str(peer)))
        gone = str(peer)[at : at + number]
        self.send(peer.change((at, at + number, "")), peer)
        if others:
            where = min(at, len(str(neighbour)))
            self.send(neighbour.change((where, where, self.letters(others, neighbour.participant.id))), neighbour)
        if gone:
            self.send(peer.take_back(), peer)
            self.pasted(gone, peer)

    @rule(spot=spot, number=st.integers(0, 8), new=st.integers(1, 20))
    def the_agent_proposes(self, spot: float, number: int, new: int) -> None:
        text = self.canvas.page_text(self.page)
        at = int(spot * len(text))
        hunk = {"find": text[at : at + number], "before": text[max(0, at - 5) : at], "after": text[at + number :][:5]}
        proposed = self.letters(new, MUSE.id)
        made = self.canvas.apply({"type": "suggest", "page": self.page, "hunks": [hunk | {"replace": proposed}]}, MUSE)
        assert made.id
        self.known |= dict.fromkeys(proposed, (MUSE.id, "accepted", made.id))
        self.waiting.append(made.id)
        self.tell(made)

    @rule(who=who, which=st.integers(0, 20))
    def accepts(self, who: int, which: int) -> None:
        if not self.waiting:
            return
        suggestion = self.waiting.pop(which % len(self.waiting))
        try:
            action = {"type": "accept", "suggestion": suggestion}
            accepted = self.canvas.apply(action, self.peers[who].participant)
        except (Decided, Stale):
            return
        self.decisions.append(accepted.details["decision"])
        self.tell(accepted)

    @rule(who=who, which=st.integers(0, 20))
    def takes_back_what_was_accepted(self, who: int, which: int) -> None:
        if not self.decisions:
            return
        decision = self.decisions.pop(which % len(self.decisions))
        with suppress(Conflict):  # all of it is gone meanwhile
            self.tell(self.canvas.apply({"type": "undo", "decision": decision}, self.peers[who].participant))

    @rule(who=who, most=st.integers(1, 20))
    def hears(self, who: int, most: int) -> None:
        self.peers[who].hear(most)

    @rule()
    def is_loaded_again(self) -> None:
        # Never with the same chance again: ids would be given out twice.
        self.canvas, self.other = reloaded(self.canvas, next(self.clients)), reloaded(self.other, next(self.clients))
        self.sit_down()

    @rule()
    def the_other_node_goes_on(self) -> None:
        self.canvas, self.other = self.other, self.canvas

    @invariant()
    def everybody_is_known(self) -> None:
        if not hasattr(self, "canvas"):
            return
        text = self.canvas.page_text(self.page)
        assert tags_of(self.canvas, self.page) == [self.known[letter] for letter in text]
        assert authorship(self.other, self.page) == authorship(self.canvas, self.page)
        counted = shares(authorship(self.canvas, self.page))
        assert sum(share["characters"] for share in counted) == len(text)


Authors.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAuthors = Authors.TestCase


# -- one thing at a time

Pen = Callable[..., Any]


@pytest.fixture
def desk(make: Make) -> tuple[Canvas, str, Peer]:
    """A page of Ada's words and the agent's, and Ben at his editor."""
    canvas, page = make("The rain fell on Siena. Nobody came to the square.\n\nThe bells rang twice.\n")
    made = canvas.apply({"type": "suggest", "page": page, "hunks": [{"find": "Nobody", "replace": "Not a soul"}]}, MUSE)
    canvas.apply({"type": "accept", "suggestion": made.id}, ADA)
    return canvas, page, Peer(BEN, 77, page, canvas.document.update_since())


def by_word(canvas: Canvas, page: str) -> list[tuple[str, str, str]]:
    """The text in stretches of one author and one way of writing."""
    text = canvas.page_text(page)
    found: list[tuple[str, str, str]] = []
    for run in authorship(canvas, page):
        words, who, how = text[run.start : run.start + run.length], run.origin.participant, run.origin.how
        if found and found[-1][1:] == (who, how):
            words = found.pop()[0] + words
        found.append((words, who, how))
    return found


MIXED = "The rain fell on Siena. Not a soul came to the square.\n"


def test_a_mixed_paragraph_keeps_its_authors_when_it_is_cut_and_pasted(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    canvas.receive(ben.change((0, len(MIXED), "")), BEN)
    end = len(str(ben))
    canvas.receive(ben.change((end, end, MIXED)), BEN)
    assert by_word(canvas, page)[-1] == (MIXED, "ben", "typed")  # until his editor has said that he pasted it
    outcome = say_pasted(canvas, page, end, end + len(MIXED), BEN)
    assert outcome.details == {"moved": len(MIXED)} and outcome.entry is None
    after = by_word(canvas, page)
    assert after == [
        ("\nThe bells rang twice.\nThe rain fell on Siena. ", "ada", "typed"),
        ("Not a soul", "muse", "accepted"),
        (" came to the square.\n", "ada", "typed"),
    ]
    assert {run.origin.by for run in authorship(canvas, page) if run.origin.via == "moved"} == {"ben"}
    assert by_word(reloaded(canvas), page) == after


def test_part_of_what_was_cut_and_text_around_it(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    canvas.receive(ben.change((0, len(MIXED), "")), BEN)
    part = "Not a soul came to"
    new = f"An old newspaper said: {part}\n"
    canvas.receive(ben.change((0, 0, new)), BEN)
    at = len("An old newspaper said: ")
    say_pasted(canvas, page, at, at + len(part), BEN)
    assert [word for word in by_word(canvas, page) if word[1] == "muse"] == [("Not a soul", "muse", "accepted")]
    assert by_word(canvas, page)[0] == ("An old newspaper said: ", "ben", "typed")
    # The whole of what was cut, with more around it that comes from elsewhere.
    again = f"He read it to me: {MIXED}That was all there was in it."
    end = len(str(ben))
    canvas.receive(ben.change((end, end, again)), BEN)
    say_pasted(canvas, page, end, end + len(again), BEN)
    tail = by_word(canvas, page)[-5:]
    assert [(how, who) for _, who, how in tail] == [
        ("pasted", "ben"), ("typed", "ada"), ("accepted", "muse"), ("typed", "ada"), ("pasted", "ben"),
    ]  # fmt: skip


def test_what_is_copied_keeps_its_authors_on_another_page_too(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, _, _ = desk
    other = canvas.apply({"type": "add_page", "title": "Two", "text": "Notes\n"}, ADA).id
    assert other
    ben = Peer(BEN, 78, other, canvas.document.update_since())
    canvas.receive(ben.change((6, 6, MIXED)), BEN)
    assert say_pasted(canvas, other, 6, 6 + len(MIXED), BEN).details == {"copied": len(MIXED)}
    assert ("Not a soul", "muse", "accepted") in by_word(canvas, other)


def test_undo_gives_others_words_back_to_them_however_short(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    before = by_word(canvas, page)
    text = str(ben)
    at = text.index("Not a soul")
    for end in range(at + len("Not a soul"), at, -1):  # key by key, as with the backspace
        canvas.receive(ben.change((end - 1, end, "")), BEN)
    for _ in "Not a soul":
        canvas.receive(ben.take_back(), BEN)
    assert str(ben) == text == canvas.page_text(page)
    assert ("Not a soul", "ben", "typed") in by_word(canvas, page)
    assert say_pasted(canvas, page, at, at + len("Not a soul"), BEN).details == {"restored": len("Not a soul")}
    assert by_word(canvas, page) == before


def test_undo_of_ones_own_deletion_is_ones_own_also_after_a_restart(make: Make) -> None:
    canvas, page = make("")
    ben = Peer(BEN, 77, page, canvas.document.update_since())
    canvas.receive(ben.change((0, 0, "A sentence that Ben typed.")), BEN)
    canvas.receive(ben.change((2, 20, "")), BEN)
    canvas = reloaded(canvas)
    canvas.receive(ben.take_back(), BEN)
    assert say_pasted(canvas, page, 2, 20, BEN).update == b""
    assert by_word(canvas, page) == [("A sentence that Ben typed.", "ben", "typed")]


def test_nobody_can_give_their_words_to_others(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    forged = "Nobody ever came to Siena again."
    canvas.receive(ben.change((0, 0, forged)), BEN)
    assert say_pasted(canvas, page, 0, len(forged), BEN).details == {"pasted": len(forged)}
    assert by_word(canvas, page)[0] == (forged, "ben", "pasted")
    # Put exactly where Ada's words were deleted, as undo would put them, but other words.
    at = len(forged)
    gone = str(ben)[at : at + 24]
    canvas.receive(ben.change((at, at + 24, "")), BEN)
    update = ben.change((at, at, forged[: len(gone)]))
    canvas.receive(update, BEN)
    say_pasted(canvas, page, at, at + len(gone), BEN)
    assert {who for _, who, _ in by_word(canvas, page)[:1]} == {"ben"}
    assert canvas.page_text(page)[len(forged) * 2 - 8 :].startswith("Not a soul")


def test_only_of_ones_own_text_can_be_said_that_it_was_pasted(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    before = by_word(canvas, page)
    with pytest.raises(Forbidden):
        say_pasted(canvas, page, 0, 20, BEN)
    with pytest.raises(Forbidden):
        say_pasted(canvas, page, 0, 20, CAL)  # a commenter does not write
    other = canvas.apply({"type": "add_page", "title": "Two", "text": "Notes\n"}, ADA).id
    assert other
    with pytest.raises(Invalid):
        start = canvas.document.identity.position(other, 0, 0)
        canvas.apply({"type": "pasted", "page": page, "start": start, "end": start}, BEN)
    assert by_word(canvas, page) == before
    # Others typed into it before it was said: theirs stays theirs.
    canvas.receive(ben.change((0, 0, "From some old book. ")), BEN)
    dot = Participant("dot", "Dot", "person", "#123456", "editor")
    hers = Peer(dot, 79, page, canvas.document.update_since())
    canvas.receive(hers.change((5, 5, "this and ")), dot)
    say_pasted(canvas, page, 0, 29, BEN)
    assert by_word(canvas, page)[:3] == [
        ("From ", "ben", "pasted"),
        ("this and ", "dot", "typed"),
        ("some old book. ", "ben", "pasted"),
    ]
    again = canvas.document.origins.to_py()
    assert say_pasted(canvas, page, 0, 29, BEN).update == b""  # said twice is said once
    assert canvas.document.origins.to_py() == again


def test_what_a_decision_replaced_comes_back_as_its_authors_and_what_was_moved_stays_the_agents(
    desk: tuple[Canvas, str, Peer],
) -> None:
    canvas, page, ben = desk
    made = canvas.apply({"type": "suggest", "page": page, "hunks": [{"find": "rang twice", "replace": "fell"}]}, MUSE)
    accepted = canvas.apply({"type": "accept", "suggestion": made.id}, BEN)
    assert ("fell", "muse", "accepted") in by_word(canvas, page)
    canvas.apply({"type": "undo", "decision": accepted.details["decision"]}, ADA)
    assert by_word(canvas, page)[-1] == (" came to the square.\n\nThe bells rang twice.\n", "ada", "typed")
    assert by_word(reloaded(canvas), page) == by_word(canvas, page)
    restored = [run.origin for run in authorship(canvas, page) if run.origin.via == "restored"]
    assert restored and {(one.participant, one.by) for one in restored} == {("ada", "ada")}
    # And undo in an editor of a deletion of such words.
    ben = Peer(BEN, 78, page, canvas.document.update_since())
    before, at = by_word(canvas, page), canvas.page_text(page).index("rang twice")
    canvas.receive(ben.change((at, at + 10, "")), BEN)
    canvas.receive(ben.take_back(), BEN)
    say_pasted(canvas, page, at, at + 10, BEN)
    assert by_word(canvas, page) == before


def test_a_few_characters_are_typing(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    canvas.receive(ben.change((0, 0, "Ah, well ")), BEN)
    assert say_pasted(canvas, page, 0, 9, BEN).update == b""
    assert by_word(canvas, page)[0] == ("Ah, well ", "ben", "typed")
    # But a short word of somebody else's that was cut is known.
    at = str(ben).index("Not a soul")
    canvas.receive(ben.change((at, at + 10, "")), BEN)
    canvas.receive(ben.change((0, 0, "Not a soul")), BEN)
    assert say_pasted(canvas, page, 0, 10, BEN).details == {"moved": 10}
    assert by_word(canvas, page)[0] == ("Not a soul", "muse", "accepted")


def test_moved_text_can_be_moved_again_and_its_undo_undone(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    for where in (10, 0, 20):
        at = canvas.page_text(page).index(MIXED)
        canvas.receive(ben.change((at, at + len(MIXED), "")), BEN)
        canvas.receive(ben.change((where, where, MIXED)), BEN)
        say_pasted(canvas, page, where, where + len(MIXED), BEN)
        canvas = reloaded(canvas)
    assert ("Not a soul", "muse", "accepted") in by_word(canvas, page)
    at = canvas.page_text(page).index(MIXED)
    canvas.receive(ben.change((at, at + len(MIXED), "")), BEN)
    canvas.receive(ben.take_back(), BEN)
    assert say_pasted(canvas, page, at, at + len(MIXED), BEN).details == {"restored": len(MIXED)}
    assert ("Not a soul", "muse", "accepted") in by_word(canvas, page)


def test_a_long_paste_is_one_record_and_its_parts_are_known_when_they_move(make: Make) -> None:
    canvas, page = make("")
    ben = Peer(BEN, 77, page, canvas.document.update_since())
    book = "".join(f"Line {n} of a book that somebody pasted. " for n in range(30_000))
    assert len(book) > 1_000_000
    canvas.receive(ben.change((0, 0, book)), BEN)
    say_pasted(canvas, page, 0, len(book), BEN)
    assert len(canvas.origins.records) == 1
    assert by_word(canvas, page) == [(book, "ben", "pasted")]
    canvas.receive(ben.change((500_000, 600_000, "")), BEN)
    canvas.receive(ben.change((0, 0, book[500_000:600_000])), BEN)
    assert say_pasted(canvas, page, 0, 100_000, BEN).details == {"moved": 100_000}
    assert {(who, how) for _, who, how in by_word(canvas, page)} == {("ben", "pasted")}
    assert {run.origin.at for run in authorship(canvas, page) if run.origin.via == "pasted"} == {
        run.origin.more["at"] for run in authorship(canvas, page) if run.origin.via == "moved"
    }


def test_a_paste_of_one_known_passage_again_and_again_has_a_bound(make: Make) -> None:
    canvas, page = make("Twelve and more. The end.")
    ben = Peer(BEN, 77, page, canvas.document.update_since())
    canvas.receive(ben.change((0, 16, "")), BEN)
    often = "Twelve and more." * 20_000
    canvas.receive(ben.change((0, 0, often)), BEN)
    said = say_pasted(canvas, page, 0, len(often), BEN).details
    assert sum(said.values()) == len(often) and said["moved"] == 16 and said["pasted"] > said["copied"] > 0
    assert len(tags_of(canvas, page)) == len(often) + 9


def test_a_page_can_come_pasted_or_imported(make: Make) -> None:
    canvas, _ = make("")
    for origin in ("pasted", "imported"):
        added = canvas.apply({"type": "add_page", "title": origin, "text": "Some 🌧 text", "origin": origin}, BEN)
        assert added.id and by_word(canvas, added.id) == [("Some 🌧 text", "ben", origin)]
        assert by_word(reloaded(canvas), added.id) == [("Some 🌧 text", "ben", origin)]
    pages = [{"title": "One", "text": "From a file", "origin": "imported"}]
    fresh, made = Canvas.new("Book", pages, by=ADA, clock=lambda: 5.0, random=Random(1))
    assert by_word(fresh, made.details["pages"][0]["id"]) == [("From a file", "ada", "imported")]
    stored = Canvas([made.update], dict(made.claims), clock=lambda: 6.0, random=Random(2))
    assert by_word(stored, made.details["pages"][0]["id"]) == [("From a file", "ada", "imported")]


def test_a_file_can_tell_who_wrote_it_but_never_as_somebody_here(make: Make) -> None:
    text = "Ada wrote 🌧 this. A machine wrote that. And then?"
    canvas, page = make("")
    page = canvas.apply({"type": "add_page", "title": "In", "text": text, "origin": "imported"}, BEN).id or ""
    runs = [
        {"length": 17, "name": "ada", "kind": "person", "how": "typed"},
        {"length": 22, "name": "Muse", "kind": "agent", "how": "accepted", "suggestion": {"model": "m", "by": "Ada"}},
    ]
    assert restore_authors(canvas, page, runs, "ben")
    assert by_word(canvas, page) == [
        ("Ada wrote 🌧 this.", FOREIGN + "ada", "typed"),
        (" A machine wrote that.", FOREIGN + "Muse", "accepted"),
        (" And then?", "ben", "imported"),
    ]
    machine = authorship(reloaded(canvas), page)[1].origin
    assert (machine.name, machine.via, machine.by) == ("Muse", "imported", "ben")
    assert machine.more == {"kind": "agent", "suggestion": {"model": "m", "by": "Ada"}}
    # It survives a move here.
    ben = Peer(BEN, 77, page, canvas.document.update_since())
    canvas.receive(ben.change((0, len(text), "")), BEN)
    canvas.receive(ben.change((0, 0, text)), BEN)
    say_pasted(canvas, page, 0, len(text), BEN)
    assert [word[1] for word in by_word(canvas, page)] == [FOREIGN + "ada", FOREIGN + "Muse", "ben"]
    assert authorship(canvas, page)[1].origin.more == machine.more
    with pytest.raises(Invalid):
        restore_authors(canvas, page, [{"length": 1_000, "name": "x"}], "ben")


def test_shares_add_up(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    canvas.receive(ben.change((0, 0, "Something from a newspaper. ")), BEN)
    say_pasted(canvas, page, 0, 28, BEN)
    counted = shares(authorship(canvas, page))
    assert [(share["participant"], share["how"], share["characters"]) for share in counted] == [
        ("ada", "typed", 68), ("ben", "pasted", 28), ("muse", "accepted", 10),
    ]  # fmt: skip
    assert sum(share["percent"] for share in counted) == pytest.approx(100, abs=0.3)
    assert shares([]) == []


def test_records_are_whole_or_refused(desk: tuple[Canvas, str, Peer]) -> None:
    canvas, page, ben = desk
    canvas.receive(ben.change((0, 0, "🌧 over Siena: ")), BEN)
    piece = canvas.document.identity.pieces(page, 0, 15)[0]
    with pytest.raises(ValueError, match="14 units"):
        keep_origin(canvas, (77, 0, piece.units), "restored", "ben", [Origin(14, "ada")])
    with canvas.document.change():
        runs = [[3, "ada", "", "typed", ""], [piece.units - 3, "muse", "s1", "accepted"]]
        keep_origin(canvas, (77, 0, piece.units), "restored", "ben", runs, of=[(1, 2, piece.units)])
    told = origin_of(canvas, (77, 1, 5))
    assert [(one.units, one.participant, one.how, one.suggestion, one.via) for one in told] == [
        (2, "ada", "typed", "", "restored"), (3, "muse", "accepted", "s1", "restored"),
    ]  # fmt: skip
    kept = reloaded(canvas).origins.records
    assert kept == canvas.origins.records
    assert kept["77:0"].of == [(1, 2, utf16_length("🌧 over Siena: "))]


def test_what_hangs_on_moved_text_goes_with_it(make: Make) -> None:
    lines = "The cat sat.\nThe dog sat.\nThe cow sat.\nThe cat ran.\n"
    canvas, page = make(lines)
    made = canvas.apply({"type": "suggest", "page": page, "hunks": [{"find": "sat", "before": "dog "}]}, MUSE)
    replaced = {"find": "cow", "replace": "large brown cow"}
    taken = canvas.apply({"type": "suggest", "page": page, "hunks": [replaced]}, MUSE)
    decision = canvas.apply({"type": "accept", "suggestion": taken.id}, ADA).details["decision"]
    ben = Peer(BEN, 77, page, canvas.document.update_since())
    cut = "The dog sat.\nThe large brown cow sat.\n"
    canvas.receive(ben.change((13, 13 + len(cut), "")), BEN)
    canvas.settle()
    assert canvas.suggestions[made.id or ""].status == "stale"
    end = len(str(ben))
    canvas.receive(ben.change((end, end, cut)), BEN)
    canvas.settle()
    assert canvas.suggestions[made.id or ""].status == "stale"  # "sat" stands in two places there
    say_pasted(canvas, page, end, end + len(cut), BEN)
    assert canvas.suggestions[made.id or ""].status == "open"
    # Pasted once more it is a copy: what hangs on it stays with the first.
    canvas.receive(ben.change((0, 0, cut)), BEN)
    assert set(say_pasted(canvas, page, 0, len(cut), BEN).details) == {"copied"}
    canvas.apply({"type": "accept", "suggestion": made.id}, ADA)
    assert canvas.page_text(page) == f"{cut}The cat sat.\nThe cat ran.\nThe dog .\nThe large brown cow sat.\n"
    # And taking back what was accepted takes it out where it has gone to.
    canvas.apply({"type": "undo", "decision": decision}, ADA)
    assert canvas.page_text(page).endswith("The dog .\nThe cow sat.\n")
