"""Two copies of one canvas that follow each other: whatever is done on one is the same on the other."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pycrdt import Doc, Map

from studiolo.canvas import Canvas, Outcome, Participant, anchors
from studiolo.canvas.authorship import authorship
from studiolo.canvas.canvas import Gap
from studiolo.canvas.errors import StudioloError
from studiolo.canvas.handlers import HANDLERS
from studiolo.canvas.identity import DecodeError
from studiolo.canvas.quotes import Span
from studiolo.canvas.taking import take

from .conftest import ADA, BEN, CAL, MUSE, Make

COPIES = 2
TEXT = "The rain fell on 🌧 Siena. The rain fell on Rome.\n\nNobody “came”. 你好\n"
WORDS = ("rain", "Siena", "fell", "🌧", "Rome", "came", "Nobody")


def mirrors(canvas: Canvas) -> dict[str, Any]:
    """What a canvas keeps in memory of its document."""
    return {
        "suggestions": dict(canvas.suggestions),
        "threads": canvas.threads,
        "messages": canvas.messages,
        "origins": canvas.origins.records,
        "waiting": {
            page["id"]: [record.id for record in canvas.register.waiting(page["id"])] for page in canvas.outline()
        },
        "decided": {decision: canvas.register.decided(decision) for decision in decisions(canvas)},
    }


def decisions(canvas: Canvas) -> set[str]:
    return {hunk.decision for record in canvas.suggestions.values() for hunk in record.hunks if hunk.decision}


def assert_same(one: Canvas, other: Canvas) -> None:
    assert one.view() == other.view()
    assert mirrors(one) == mirrors(other)
    assert one.document.identity.state() == other.document.identity.state()
    for page in one.document.identity.pages():
        assert authorship(one, page) == authorship(other, page)
        assert one.document.identity.runs(page) == other.document.identity.runs(page)
    assert_told_rightly(one)
    assert_told_rightly(other)


def assert_told_rightly(canvas: Canvas) -> None:
    """What is kept so that it need not be worked out again is what it would be."""
    fresh: Doc[Any] = Doc()
    fresh.apply_update(canvas.document.update_since())
    for page in canvas.view()["pages"]:
        assert page["words"] == len(page["text"].split())
        assert str(fresh.get("pages", type=Map)[page["id"]]["text"]) == page["text"]


def copy_of(canvas: Canvas, seed: int) -> Canvas:
    """The canvas as another process loads it from what is stored."""
    owners = {client: canvas.owner_of(client) or "" for client in canvas.document.identity.state()}
    return Canvas([canvas.document.update_since()], owners, clock=canvas.clock, random=Random(seed))


class Copies(RuleBasedStateMachine):
    """Everything that can be done to a canvas, on either of two copies; each outcome reaches the other late, in
    order, and when all have arrived the copies are the same in all that they say and keep."""

    @initialize()
    def open(self) -> None:
        ticks = count(1)
        pages = [{"title": "One", "text": TEXT, "kind": "prose"}, {"title": "Two", "text": "", "kind": "note"}]
        one, _ = Canvas.new("Book", pages, by=ADA, clock=lambda: float(next(ticks)), random=Random(3))
        self.copies = [one, copy_of(one, 4)]
        self.inboxes: list[list[Outcome]] = [[], []]
        self.fresh = count(1)
        self.clients = count(5_000)

    def say_to_the_other(self, at: int, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.update:
            self.inboxes[1 - at].append(outcome)

    def hear(self, at: int) -> None:
        """Everything that the other copy has done arrives here."""
        for outcome in self.inboxes[at]:
            self.copies[at].follow(outcome.update, outcome.claims)
        self.inboxes[at].clear()

    def act(self, at: int, by: Participant, type: str, **fields: Any) -> None:
        try:
            outcome = self.copies[at].apply({"type": type, **fields}, by)
        except StudioloError:
            return
        self.say_to_the_other(at, outcome)

    def one_of(self, ids: list[str], which: int) -> str:
        return ids[which % len(ids)] if ids else "none"

    copy = st.integers(0, COPIES - 1)
    which = st.integers(0, 50)
    word = st.sampled_from(WORDS)
    people = st.sampled_from([ADA, BEN, MUSE])

    def page(self, at: int, which: int) -> str:
        return self.one_of(sorted(self.copies[at].document.identity.pages()), which)

    @rule(at=copy)
    def exchange(self, at: int) -> None:
        self.hear(at)

    @rule(at=copy, which=which, where=st.floats(0, 1), gone=st.integers(0, 6), new=st.sampled_from(["", "a", "né 🙂"]))
    def type(self, at: int, which: int, where: float, gone: int, new: str) -> None:
        """Somebody opens the canvas here, with a client id of their own, and types."""
        canvas = self.copies[at]
        doc: Doc[Any] = Doc(client_id=next(self.clients))
        doc.apply_update(canvas.document.update_since())
        before = doc.get_state()
        page = self.page(at, which)
        text: Any = doc.get("pages", type=type_of(canvas.document.pages))[page]["text"]
        shown = str(text)
        start = round(where * len(shown))
        low, high = len(shown[:start].encode()), len(shown[: start + gone].encode())
        with doc.transaction():
            del text[low:high]
            text.insert(low, new)
        self.say_to_the_other(at, canvas.receive(doc.get_update(before), BEN))

    @rule(at=copy)
    def settle(self, at: int) -> None:
        self.say_to_the_other(at, self.copies[at].settle())

    @rule(at=copy, which=which, by=people, find=word, new=word)
    def edit(self, at: int, which: int, by: Participant, find: str, new: str) -> None:
        self.act(at, by, "edit", page=self.page(at, which), hunks=[{"find": find, "replace": new}])

    @rule(at=copy, which=which, by=people, find=word, new=word, streaming=st.booleans())
    def suggest(self, at: int, which: int, by: Participant, find: str, new: str, streaming: bool) -> None:
        hunk = {"find": find, "replace": "" if streaming else f"{new}{next(self.fresh)}"}
        self.act(at, by, "suggest", page=self.page(at, which), hunks=[hunk], streaming=streaming)

    @rule(at=copy, which=which, new=word)
    def extend(self, at: int, which: int, new: str) -> None:
        streaming = [id for id, record in self.copies[at].suggestions.items() if record.status == "streaming"]
        id = self.one_of(streaming, which)
        by = next((p for p in (ADA, BEN, MUSE) if streaming and self.copies[at].suggestions[id].author == p.id), MUSE)
        self.act(at, by, "extend", suggestion=id, text=new)
        if which % 3 == 0:
            self.act(at, by, "finish", suggestion=id)

    @rule(at=copy, which=which, by=people, type=st.sampled_from(["accept", "reject", "withdraw"]))
    def decide(self, at: int, which: int, by: Participant, type: str) -> None:
        open = [id for id, record in self.copies[at].suggestions.items() if record.undecided]
        self.act(at, by, type, suggestion=self.one_of(open, which))

    @rule(at=copy, which=which, by=people, type=st.sampled_from(["amend", "accept_all", "reject_all", "undo", "merge"]))
    def review(self, at: int, which: int, by: Participant, type: str) -> None:
        canvas = self.copies[at]
        fields: dict[str, Any] = {"page": self.page(at, which)}
        if type == "amend":
            open = [id for id, record in canvas.suggestions.items() if record.undecided]
            hunks = [{"replace": f"amended {next(self.fresh)}"}]
            fields = {"suggestion": self.one_of(open, which), "hunks": hunks, "draft": which % 2 == 0}
        elif type == "undo":
            fields = {"decision": self.one_of(sorted(decisions(canvas)), which)}
        elif type == "merge":
            groups = canvas.view()["groups"]
            takes = [{"suggestion": id, "hunk": index} for id, index in groups[which % len(groups)]] if groups else []
            fields = {"takes": takes, "replace": "merged" if which % 2 else None}
        self.act(at, by, type, **fields)

    @rule(at=copy, which=which, by=people, quote=word, fix=st.none() | word)
    def comment(self, at: int, which: int, by: Participant, quote: str, fix: str | None) -> None:
        self.act(at, by, "comment", page=self.page(at, which), quote=quote, text="Why?", replace=fix)

    @rule(at=copy, which=which, by=people, type=st.sampled_from(["reply", "resolve", "reopen"]))
    def answer(self, at: int, which: int, by: Participant, type: str) -> None:
        thread = self.one_of(list(self.copies[at].threads), which)
        if type == "reply":
            self.act(at, by, "reply", thread=thread, text="Because.")
        else:
            self.act(at, by, "resolve", thread=thread, reopen=type == "reopen")

    @rule(at=copy, which=which, streaming=st.booleans())
    def say(self, at: int, which: int, streaming: bool) -> None:
        ideas = [] if streaming else ["an idea", "another"]
        self.act(at, MUSE, "say", text=f"Word {next(self.fresh)}", streaming=streaming, ideas=ideas)

    @rule(at=copy, which=which, type=st.sampled_from(["say_more", "say_done", "pick"]))
    def go_on(self, at: int, which: int, type: str) -> None:
        message = self.one_of(list(self.copies[at].messages), which)
        if type == "pick":
            page = self.page(at, which)
            before = self.copies[at].page_text(page)[-12:]
            self.act(at, ADA, "pick", message=message, idea=0, page=page, before=before)
        else:
            self.act(at, MUSE, type, message=message, text="more")

    @rule(at=copy, which=which, type=st.sampled_from(["add", "rename", "move", "remove", "restore", "retitle"]))
    def arrange(self, at: int, which: int, type: str) -> None:
        page = self.page(at, which)
        if type == "add" and len(self.copies[at].document.pages) < 5:
            self.act(at, ADA, "add_page", title="New", text=TEXT, after=page)
        elif type == "rename":
            self.act(at, ADA, "rename_page", page=page, title=f"Title {which}")
        elif type == "move":
            self.act(at, ADA, "move_page", page=page, after=None)
        elif type == "remove":
            self.act(at, ADA, "remove_page", page=page)
        elif type == "restore":
            self.act(at, ADA, "restore_page", page=page)
        elif type == "retitle":
            self.act(at, ADA, "retitle", title=f"Canvas {which}")

    @invariant()
    def copies_that_have_heard_all_are_the_same(self) -> None:
        if hasattr(self, "copies") and not any(self.inboxes):
            assert_same(*self.copies)

    def teardown(self) -> None:
        if hasattr(self, "copies"):
            for at in range(COPIES):
                self.hear(at)
            assert_same(*self.copies)
            assert_same(self.copies[0], copy_of(self.copies[0], 9))


def type_of(shared: Any) -> Any:
    return type(shared)


Copies.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestCopies = Copies.TestCase


@pytest.fixture
def pair(make: Make) -> tuple[Canvas, Canvas, str]:
    canvas, page = make(TEXT)
    return canvas, copy_of(canvas, 11), page


def test_every_action_arrives(pair: tuple[Canvas, Canvas, str]) -> None:
    """One of each kind, done on the two copies in turn."""
    *copies, page = pair
    done: list[str] = []

    def do(by: Participant, type: str, **fields: Any) -> str:
        here, there = copies if len(done) % 2 else reversed(copies)
        outcome = here.apply({"type": type, **fields}, by)
        there.follow(outcome.update, outcome.claims)
        assert_same(here, there)
        done.append(type)
        return outcome.id or ""

    do(BEN, "edit", page=page, hunks=[{"find": "Siena", "replace": "Lucca"}])
    do(BEN, "edit", page=page, hunks=[{"find": "", "replace": "A long passage from elsewhere. ", "before": "\n\n"}])
    put = anchors.anchor(copies[0].document.identity, page, copies[0].page_text(page), Span(TEXT.find("Nobody"), 80))
    do(BEN, "pasted", page=page, start=put.start, end=put.end)
    taken = do(MUSE, "suggest", page=page, hunks=[{"find": "Rome", "replace": "Pisa"}])
    do(BEN, "accept", suggestion=taken)
    refused = do(MUSE, "suggest", page=page, hunks=[{"find": "came", "replace": "went"}])
    do(BEN, "reject", suggestion=refused)
    for type in ("accept_all", "reject_all"):
        proposed = do(MUSE, "suggest", page=page, hunks=[{"find": "came", "replace": f"came: {type}"}])
        do(MUSE, "amend", suggestion=proposed, hunks=[{"replace": f"came, so {type}"}])
        do(BEN, type, suggestions=[proposed])
    decision = copies[0].suggestions[proposed].hunks[0].decision
    do(BEN, "undo", decision=decision)
    other = do(CAL, "suggest", page=page, hunks=[{"find": "came", "replace": "went"}])
    do(BEN, "merge", takes=[{"suggestion": proposed}, {"suggestion": other}], replace="went away")
    streamed = do(MUSE, "suggest", page=page, hunks=[{"find": "Nobody", "replace": ""}], streaming=True)
    do(MUSE, "extend", suggestion=streamed, text="Every")
    do(MUSE, "extend", suggestion=streamed, text="body 🙂")
    do(MUSE, "finish", suggestion=streamed)
    do(MUSE, "withdraw", suggestion=streamed)
    thread = do(CAL, "comment", page=page, quote="Lucca", text="Why not Siena?", replace="Siena")
    do(BEN, "reply", thread=thread, text="It rained there.")
    do(CAL, "resolve", thread=thread)
    do(BEN, "resolve", thread=thread, reopen=True)
    message = do(MUSE, "say", text="I could", streaming=True)
    do(MUSE, "say_more", message=message, text=" go on")
    do(MUSE, "say_done", message=message, ideas=["with wind"], text="I can go on")
    do(ADA, "pick", message=message, idea=0, page=page, before="Nobody")
    added = do(BEN, "add_page", title="Two", text=TEXT)
    do(BEN, "rename_page", page=added, title="Second")
    do(BEN, "move_page", page=added, after=None)
    do(BEN, "remove_page", page=added)
    do(BEN, "restore_page", page=added)
    do(ADA, "retitle", title="The book")
    do(ADA, "listen", on=False)
    policy = do(ADA, "set_policy", kinds=["name"], risk="high", sample=1)
    allowed = do(MUSE, "suggest", page=page, hunks=[{"find": "Pisa", "replace": "Pistoia"}])
    record = copies[0].suggestions[allowed]
    by_policy = take(copies[0], [(record, 0)], ADA, policy=policy, audit={(allowed, 0)}).outcome()
    copies[1].follow(by_policy.update, copies[0].claimed(by_policy).claims)
    do(ADA, "audit", suggestion=allowed)
    do(ADA, "remove_policy", policy=policy)
    assert {model.model_fields["type"].default for model in HANDLERS} == set(done)


def test_an_edit_that_changes_nothing_still_settles(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, page = pair
    made = one.apply({"type": "suggest", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, MUSE)
    other.follow(made.update, made.claims)
    doc: Doc[Any] = Doc(client_id=77)
    doc.apply_update(one.document.update_since())
    before = doc.get_state()
    text: Any = doc.get("pages", type=type(one.document.pages))[page]["text"]
    at = len(TEXT[: TEXT.index("Siena")].encode())
    del text[at : at + 3]
    typed = one.receive(doc.get_update(before), BEN)
    assert typed
    nothing = one.apply({"type": "edit", "page": page, "hunks": [{"find": "Nobody", "replace": "Nobody"}]}, BEN)
    assert one.suggestions[made.id or ""].status == "stale"
    for outcome in (typed, nothing):
        other.follow(outcome.update, outcome.claims)
    assert_same(one, other)


def test_whoever_writes_first_is_known_though_something_settles_too(pair: tuple[Canvas, Canvas, str]) -> None:
    one, _, page = pair
    one.apply({"type": "suggest", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, MUSE)
    edited = one.apply({"type": "edit", "page": page, "hunks": [{"find": "Siena", "replace": "Pisa"}]}, BEN)
    assert list(edited.claims.values()) == ["ben"]


def test_a_followed_suggestion_can_be_decided_on(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, page = pair
    made = one.apply({"type": "suggest", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, MUSE)
    other.follow(made.update, made.claims)
    taken = other.apply({"type": "accept", "suggestion": made.id}, BEN)
    one.follow(taken.update, taken.claims)
    assert "Lucca" in one.page_text(page)
    assert one.suggestions[made.id or ""].status == "accepted"
    assert one.owner_of(one.document.identity.runs(page)[1].client) == "muse"
    assert_same(one, other)


def test_two_decisions_at_once_end_as_one(pair: tuple[Canvas, Canvas, str]) -> None:
    """Each copy believes its own decision until the other's arrives; then both hold the one that the document kept."""
    one, other, page = pair
    made = one.apply({"type": "suggest", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, MUSE)
    other.follow(made.update, made.claims)
    taken = one.apply({"type": "accept", "suggestion": made.id}, ADA)
    refused = other.apply({"type": "reject", "suggestion": made.id}, BEN)
    one.follow(refused.update, refused.claims)
    other.follow(taken.update, taken.claims)
    assert_same(one, other)


def test_messages_said_at_once_keep_their_places(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, _ = pair
    said = [one.apply({"type": "say", "text": f"one {n}", "streaming": True}, ADA) for n in range(3)]
    heard = [other.apply({"type": "say", "text": f"other {n}", "streaming": True}, CAL) for n in range(3)]
    for outcome in heard:
        one.follow(outcome.update, outcome.claims)
    for outcome in said:
        other.follow(outcome.update, outcome.claims)
    for outcome in said:
        one.apply({"type": "say_more", "message": outcome.id, "text": "!"}, ADA)
    assert [m["text"] for m in one.view()["chat"] if m["author"] == "ada"] == ["one 0!", "one 1!", "one 2!"]
    assert [m["id"] for m in one.view()["chat"]] == sorted(one.messages, key=lambda id: one.messages[id])
    assert one.messages == other.messages


def test_following_settles_nothing(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, page = pair
    made = one.apply({"type": "suggest", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, MUSE)
    other.follow(made.update, made.claims)
    edited = one.apply({"type": "edit", "page": page, "hunks": [{"find": "Siena", "replace": "Pisa"}]}, ADA)
    other.follow(edited.update, edited.claims)
    assert other.suggestions[made.id or ""].status == "stale"
    assert other.settle() is None


def test_what_came_twice_changes_nothing(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, page = pair
    said = one.apply({"type": "comment", "page": page, "quote": "Siena", "text": "Where?"}, CAL)
    other.follow(said.update, said.claims)
    other.follow(said.update, said.claims)
    assert_same(one, other)


def test_what_hangs_on_something_missing_is_refused_whole(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, page = pair
    first = one.apply({"type": "edit", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, ADA)
    second = one.apply({"type": "edit", "page": page, "hunks": [{"find": "Lucca", "replace": "Pisa"}]}, ADA)
    before = other.view()
    with pytest.raises(Gap):
        other.follow(second.update, second.claims)
    assert other.view() == before
    other.follow(first.update, first.claims)
    other.follow(second.update, second.claims)
    assert_same(one, other)


def test_a_claim_of_another_copy_holds_here(pair: tuple[Canvas, Canvas, str]) -> None:
    one, other, page = pair
    outcome = one.apply({"type": "edit", "page": page, "hunks": [{"find": "Siena", "replace": "Lucca"}]}, BEN)
    other.follow(outcome.update, outcome.claims)
    assert {other.owner_of(client) for client in outcome.claims} == {"ben"}
    said = other.apply({"type": "say", "text": "So be it."}, ADA)
    assert not set(outcome.claims) & set(said.claims)


def test_bytes_that_are_no_update(make: Make) -> None:
    canvas, _ = make(TEXT)
    with pytest.raises(DecodeError):
        canvas.follow(b"\x01", {})
