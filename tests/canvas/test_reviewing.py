"""Two agents and three people work on one paragraph: they type, suggest, amend, accept, reject, merge and take back, in
any order, and a model knows every word's fate.

Each word is one character that occurs nowhere else. So no word may ever stand there twice; none may go but by a
deletion that a person asked for or accepted; and what was taken back must read as before. Beside the canvas a copy
follows it, as on another node, and now and then the canvas is loaded anew: all three are one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.errors import Conflict, Decided, NotFound, StudioloError
from studiolo.canvas.identity import Range
from studiolo.canvas.register import HunkId

from .conftest import ADA, MUSE
from .test_machine import ALPHABET, Peer

PEOPLE = 3
AGENTS = (MUSE, Participant("echo", "Echo", "agent", "#00857a", "commenter"))


@dataclass
class Fate:
    """What accepting a hunk did: edit by edit, the words that went and those that came."""

    edits: list[tuple[set[str], set[str]]] = field(default_factory=list[tuple[set[str], set[str]]])

    @property
    def come(self) -> set[str]:
        return {word for _, come in self.edits for word in come}

    @property
    def gone(self) -> set[str]:
        return {word for gone, _ in self.edits for word in gone}


class Review(RuleBasedStateMachine):
    where = st.floats(0, 1)
    which = st.integers(0, 60)
    person = st.integers(0, PEOPLE - 1)
    agent = st.sampled_from(AGENTS)

    @initialize()
    def open(self) -> None:
        self.fresh = iter(ALPHABET)
        self.seeds = count(100)
        self.ticks = count(1)
        start = self.words(20)
        pages = [{"title": "One", "text": start, "kind": "prose"}]
        self.canvas, made = Canvas.new("Book", pages, by=ADA, clock=self.clock, random=Random(5))
        self.page: str = made.details["pages"][0]["id"]
        self.copy = self.loaded()
        self.peers = [Peer(number, self.page, made.update) for number in range(PEOPLE)]
        self.intents: list[list[tuple[set[str], set[str]]]] = [[] for _ in range(PEOPLE)]
        self.stands = set(start)
        self.accepted: dict[HunkId, Fate] = {}
        self.taken_out: dict[str, HunkId | None] = {}  # by the acceptance of which hunk, or by somebody's hand
        self.decisions: list[str] = []
        self.texts: dict[str, tuple[str, str]] = {}  # before and after each decision

    def clock(self) -> float:
        return float(next(self.ticks))

    def words(self, number: int) -> str:
        return "".join(next(self.fresh) for _ in range(number))

    @property
    def text(self) -> str:
        return self.canvas.page_text(self.page)

    def loaded(self) -> Canvas:
        """The canvas as it is loaded from what is stored of it."""
        owners = {client: self.canvas.owner_of(client) or "" for client in self.canvas.document.identity.state()}
        updates = [self.canvas.document.update_since()]
        return Canvas(updates, owners, clock=self.clock, random=Random(next(self.seeds)))

    def tell(self, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.update:
            self.copy.follow(outcome.update, outcome.claims)
            for peer in self.peers:
                peer.inbox.append(outcome.update)

    def act(self, by: Participant, type: str, **fields: Any) -> Outcome:
        """Do an action; one that is refused must have changed nothing."""
        before = self.canvas.view()
        try:
            outcome = self.canvas.apply({"type": type, **fields}, by)
        except StudioloError:
            assert self.canvas.view() == before
            raise
        self.tell(outcome)
        return outcome

    def decided(self, before: str, outcome: Outcome) -> None:
        decision = outcome.details["decision"]
        self.decisions.append(decision)
        self.texts[decision] = (before, self.text)

    # -- people type

    @rule(who=person, where=where, gone=st.integers(0, 3), new=st.integers(0, 3))
    def types(self, who: int, where: float, gone: int, new: int) -> None:
        peer = self.peers[who]
        text = str(peer.text)
        start = round(where * len(text))
        words = self.words(new)
        self.intents[who].append((set(words), set(text[start : start + gone])))
        peer.type(start, min(len(text), start + gone), words)

    @rule(who=person)
    def sends(self, who: int) -> None:
        peer = self.peers[who]
        for update, (typed, deleted) in zip(peer.outbox, self.intents[who], strict=True):
            before = set(self.text)
            self.tell(self.canvas.receive(update, peer.participant))
            after = set(self.text)
            assert after - before == typed and before - after <= deleted
            self.stands |= typed
            self.stands -= before - after
            self.taken_out |= dict.fromkeys(before - after)
        peer.outbox.clear()
        self.intents[who].clear()
        self.tell(self.canvas.settle())

    @rule(who=person, most=st.integers(1, 8))
    def hears(self, who: int, most: int) -> None:
        self.peers[who].receive(most)

    # -- agents propose

    def proposal(self, where: float, length: int, kept: int, new: int) -> dict[str, str] | None:
        text = self.text
        start = round(where * len(text))
        find = text[start : start + length]
        words = self.words(new)
        replace = words[: new // 2] + find[kept : kept + 2] + words[new // 2 :]
        before, after = text[max(0, start - 4) : start], text[start + len(find) :][:4]
        if find == replace or not (find or before or after):
            return None
        return {"find": find, "before": before, "after": after, "replace": replace}

    @rule(by=agent, run=st.sampled_from(["r1", "r2"]), where=where, length=st.integers(0, 5),
          kept=st.integers(0, 4), new=st.integers(0, 4))  # fmt: skip
    def suggests(self, by: Participant, run: str, where: float, length: int, kept: int, new: int) -> None:
        if hunk := self.proposal(where, length, kept, new):
            self.act(by, "suggest", page=self.page, hunks=[hunk], run=run)

    @rule(by=agent, which=which, new=st.integers(1, 3))
    def does_anew(self, by: Participant, which: int, new: int) -> None:
        own = [record for record in self.canvas.register.waiting(self.page) if record.author == by.id]
        if own and (hunk := self.proposal(which / 60, 2, 1, new)):
            old = own[which % len(own)]
            said = {thread.id for thread in self.canvas.threads.values() if thread.about == old.id}
            said = {id for id in said if self.canvas.threads[id].status == "open"}
            made = self.act(by, "suggest", page=self.page, hunks=[hunk], replaces=old.id)
            assert {self.canvas.threads[id].about for id in said} <= {made.id}

    @rule(by=st.sampled_from([ADA, *AGENTS]), which=which)
    def talks_about_it(self, by: Participant, which: int) -> None:
        if id := self.waiting(which):
            thread = self.act(by, "comment", suggestion=id, text="Hm?").id
            self.act(by, "reply", thread=thread, text="Hm.")

    @rule(which=which, new=st.integers(1, 3), own=st.booleans(), draft=st.booleans(), who=person)
    def amends(self, which: int, new: int, own: bool, draft: bool, who: int) -> None:
        if not (id := self.waiting(which)):
            return
        record = self.canvas.suggestions[id]
        author = next(agent for agent in AGENTS if agent.id == record.author)
        replace = self.words(new) + record.hunks[0].anchor.quote[:1]
        by = author if own else self.peers[who].participant
        self.act(by, "amend", suggestion=id, hunks=[{"replace": replace}], draft=own and draft)

    def waiting(self, which: int) -> str | None:
        waiting = [record.id for record in self.canvas.register.waiting(self.page)]
        return waiting[which % len(waiting)] if waiting else None

    # -- people decide

    @rule(which=which, who=person)
    def accepts(self, which: int, who: int) -> None:
        if not (id := self.waiting(which)):
            return
        hunk, before = self.canvas.suggestions[id].hunks[0], self.text
        try:
            outcome = self.act(self.peers[who].participant, "accept", suggestion=id)
        except Conflict:
            return
        if hunk.anchor.quote:
            assert self.text == before.replace(hunk.anchor.quote, hunk.replace)
        self.took(before, outcome, [(id, 0)])

    @rule(who=person)
    def accepts_all(self, who: int) -> None:
        before = self.text
        try:
            outcome = self.act(self.peers[who].participant, "accept_all", page=self.page)
        except Conflict:
            return
        self.took(before, outcome, outcome.details["hunks"])

    @rule(which=which, who=person, anew=st.integers(0, 3))
    def merges(self, which: int, who: int, anew: int) -> None:
        groups = self.canvas.view()["groups"]
        if not groups:
            return
        group = groups[which % len(groups)]
        takes = [{"suggestion": id, "hunk": index} for id, index in group]
        before, by = self.text, self.peers[who].participant
        try:
            outcome = self.act(by, "merge", takes=takes)
        except Conflict as conflict:
            assert len(conflict.details["texts"]) == len(group)
            replace = self.words(anew) + conflict.details["texts"][0]["text"]
            outcome = self.act(by, "merge", takes=takes, replace=replace)
            assert self.text == before.replace(conflict.details["was"], replace)
        self.took(before, outcome, [(id, index) for id, index in group])

    @rule(which=which, who=person, every=st.booleans())
    def rejects(self, which: int, who: int, every: bool) -> None:
        if id := self.waiting(which):
            by, before = self.peers[who].participant, self.text
            outcome = self.act(by, "reject_all", page=self.page) if every else self.act(by, "reject", suggestion=id)
            self.decided(before, outcome)
            assert self.text == before

    def took(self, before: str, outcome: Outcome, hunks: list[HunkId]) -> None:
        """Note what went and came, as the hunks keep it; it must be all that happened to the text."""
        self.decided(before, outcome)
        gone: set[str] = set()
        come: set[str] = set()
        for id, index in hunks:
            hunk = self.canvas.suggestions[id].hunks[index]
            assert hunk.status == "accepted" and hunk.decision == outcome.details["decision"]
            fate = self.accepted[id, index] = Fate()
            edits: dict[int, tuple[set[str], set[str]]] = {}
            for part in json.loads(hunk.applied):
                went, came = edits.setdefault(part["at"], (set(), set()))
                points = sum(one[3] for one in part["del"])
                went |= set(hunk.anchor.quote[part["at"] : part["at"] + points])
                if part["ins"]:
                    came |= set(self.standing(tuple(part["ins"])))
            fate.edits = list(edits.values())
            assert not (fate.gone & gone) and not (fate.come & come)
            gone |= fate.gone
            come |= fate.come
            self.taken_out |= dict.fromkeys(fate.gone, (id, index))
        assert set(before) - set(self.text) == gone and set(self.text) - set(before) == come
        self.stands = (self.stands - gone) | come

    def standing(self, range: Range) -> str:
        return "".join(part.text for part in self.canvas.document.identity.living(range))

    # -- and take back

    @rule(which=which, who=person)
    def takes_back(self, which: int, who: int) -> None:
        if not self.decisions:
            return
        decision = self.decisions[-1 - which % len(self.decisions)]
        hunks = self.canvas.register.decided(decision)
        known = [id for id in hunks if id in self.accepted]
        self.undoes(who, known, {"decision": decision}, open=len(hunks) > len(known))

    @rule(who=person, of=st.sampled_from([("run", "r1"), ("run", "r2"), ("author", "muse"), ("author", "echo")]))
    def takes_back_a_set(self, who: int, of: tuple[str, str]) -> None:
        name, value = of
        hunks = [id for id in self.accepted if getattr(self.canvas.suggestions[id[0]], name) == value]
        self.undoes(who, hunks, {name: value}, open=False)

    def undoes(self, who: int, hunks: list[HunkId], which: dict[str, str], open: bool) -> None:
        """`open`: also hunks that were not accepted are taken back, which changes no text."""
        hunks = sorted({one for id in hunks for one in self.joint(id)})
        free = self.free(hunks)
        before = self.text
        try:
            outcome = self.act(self.peers[who].participant, "undo", **which)
        except (Decided, NotFound):
            assert not hunks and not open
            return
        except Conflict:
            assert hunks and not free and not open
            return
        assert {(one["suggestion"], one["hunk"]) for one in outcome.details["left"]} == set(hunks) - free
        come = {word for id in free for word in self.accepted[id].come}
        gone = {word for id in free for word in self.accepted[id].gone}
        expected = self.stands - come
        for id in free:
            for went, came in self.accepted[id].edits:
                if not came or came & (self.stands | gone):
                    expected |= went - come
        assert set(self.text) == expected, "what was taken back"
        if free and free == set(hunks) and which.get("decision") in self.texts:
            was, became = self.texts[which["decision"]]  # nothing has happened in between
            if before == became:
                assert self.text == was
        self.stands = expected
        for word in expected:
            self.taken_out.pop(word, None)
        for id in free:
            del self.accepted[id]
        self.decided(before, outcome)

    def free(self, hunks: list[HunkId]) -> set[HunkId]:
        """Those on which nothing was built that stays."""
        free = set(hunks)
        while True:
            bound = {
                id
                for id in free
                for word in self.accepted[id].come - self.stands
                if (other := self.taken_out.get(word)) is not None and other in self.accepted and other not in free
            }
            if not bound:
                return free
            free -= {one for id in bound for one in self.joint(id)}

    def joint(self, id: HunkId) -> set[HunkId]:
        """The hunks that were accepted as one with this one: they said the same, or were merged."""
        hunk = self.canvas.suggestions[id[0]].hunks[id[1]]
        others = {one for one in self.accepted if self.canvas.suggestions[one[0]].hunks[one[1]].joint == hunk.joint}
        return others if hunk.joint else {id}

    # -- always

    @rule()
    def is_loaded_anew(self) -> None:
        view = self.canvas.view()
        self.canvas = self.loaded()
        assert self.canvas.view() == view
        self.tell(self.canvas.settle())

    @invariant()
    def every_word_stands_once_where_the_model_says(self) -> None:
        if hasattr(self, "canvas"):
            assert len(self.text) == len(set(self.text))
            assert set(self.text) == self.stands

    @invariant()
    def the_copy_is_the_same(self) -> None:
        if hasattr(self, "canvas"):
            assert self.copy.view() == self.canvas.view()
            for decision in self.decisions:
                assert self.copy.register.decided(decision) == self.canvas.register.decided(decision)
                assert self.copy.register.undone(decision) == self.canvas.register.undone(decision)

    @invariant()
    def what_is_said_about_a_suggestion_waits_and_is_settled_with_it(self) -> None:
        if not hasattr(self, "canvas"):
            return
        for thread in self.canvas.threads.values():
            record = self.canvas.suggestions[thread.about]
            assert thread.status == ("open" if record.undecided else "resolved")
            if record.undecided:
                assert (thread.page, thread.anchor) == (record.page, record.hunks[0].anchor)

    def teardown(self) -> None:
        if not hasattr(self, "canvas"):
            return
        for who in range(PEOPLE):
            self.sends(who)
        for peer in self.peers:
            peer.receive(len(peer.inbox))
        assert [str(peer.text) for peer in self.peers] == [self.text] * PEOPLE
        assert str(self.canvas.document.pages[self.page]["text"]) == self.text
        for run in self.canvas.authors(self.page):
            assert run["participant"] in {ADA.id, *(a.id for a in AGENTS), *(p.participant.id for p in self.peers)}


Review.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestReview = Review.TestCase
