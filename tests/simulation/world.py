"""The world of the simulation: a studio on a real database, people with tabs, and what must always hold.

Every letter that anybody types or proposes is another one, so a text tells what became of each of them. The world
keeps account of who typed, deleted and accepted what, of what was acknowledged, and compares.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from pycrdt import Doc, Map

from studiolo.canvas import Canvas, Outcome, Participant, StudioloError
from studiolo.canvas.participant import Role
from studiolo.rooms import FORBIDDEN, SIGNED_OUT, TRY_LATER, Room, Rooms, connection, protocol, room, rooms
from studiolo.store import Store

from .acting import Acting
from .copies import Copies
from .letters import Failure as Failure
from .letters import Letters, check
from .loop import SteppedLoop, sqlite_without_threads
from .plan import Plan
from .tab import Line, Person, Tab

EPOCH = 1_800_000_000.0
MOST_TABS = 9
NOT_STORED = "could not be stored"
ZWJ = "👩‍👩‍👧"
PEOPLE: list[tuple[str, str, Role]] = [
    ("ada", "person", "owner"),
    ("ben", "person", "editor"),
    ("cleo", "person", "editor"),
    ("dan", "person", "commenter"),
    ("val", "person", "viewer"),
    ("muse", "agent", "commenter"),
]
ROLES: list[Role | None] = [None, "viewer", "commenter", "editor", "editor"]


class World(Acting, Copies):
    def __init__(self, plan: Plan, folder: Path, template: Path) -> None:
        self.plan = plan
        self.path = folder / "studiolo.db"
        shutil.copy(template, self.path)
        self.now = 1_000.0
        self.letters = Letters()
        self.seen: Counter[str] = Counter()
        self.people = []
        for number, (id, kind, role) in enumerate(PEOPLE):
            who = Participant(id, id.title(), kind, "#1878b4", role)  # type: ignore[arg-type]
            self.people.append(Person(number, who, who))
        self.tabs: list[Tab] = []
        self.late: list[Line] = []
        self._begin_acting()
        self.orders: dict[str, str] = {}
        self.lives = 0
        self._clients = 100
        self._random = Random(plan.seed)
        self._errors: list[str] = []
        self._expected_failure = False

    # -- running

    def run(self) -> Counter[str]:
        """Do the whole plan and compare at the end; raises `Failure`."""
        with self._set():
            try:
                self.begin()
                for step in self.plan.steps:
                    getattr(self, "do_" + step[0])(*step[1:])
                    self._look(step[0])
                self.do_quiesce()
                self._look("quiesce")
            finally:
                self.end()
        return self.seen

    @contextmanager
    def _set(self) -> Iterator[None]:
        """Small bounds, so that a short plan meets them; the studio's clocks are the loop's."""
        consider = Canvas.consider
        clock = SimpleNamespace(monotonic=lambda: self.loop.time(), time=self._clock)
        small = [
            (connection, "LONGEST_QUEUE", 3_000), (connection, "ASK_AGAIN", 3), (room, "SNAPSHOT_EVERY", 12),
            (room, "MERGED_AT_ONCE", 4), (room, "BACKLOG", 2_000), (rooms, "time", clock),
            (Canvas, "consider", lambda canvas: self.consider(canvas, consider)),
        ]  # fmt: skip
        before = [(module, name, getattr(module, name)) for module, name, _ in small if hasattr(module, name)]
        log = logging.getLogger("studiolo")
        handler = _Listener(self._errors)
        log.addHandler(handler)
        propagate, log.propagate = log.propagate, False
        try:
            for module, name, value in small:
                if hasattr(module, name):
                    setattr(module, name, value)
            with sqlite_without_threads():
                yield
        finally:
            for module, name, value in before:
                setattr(module, name, value)
            log.removeHandler(handler)
            log.propagate = propagate
            asyncio.set_event_loop(None)

    def begin(self) -> None:
        self.start()
        self._begin_copies()
        owner = self.people[0].participant
        assert owner
        pages = [{"title": "One", "text": self.letters.new(20, owner.id), "kind": "prose"}]
        self.letters.sure |= set(pages[0]["text"])
        made = self.loop.do(self.rooms.create("Book", pages, owner))
        self.canvas = made.id
        for person in (0, 1, 2, 4):
            self.do_open(person)

    def start(self) -> None:
        self.lives += 1
        self.loop = SteppedLoop(self.now)
        asyncio.set_event_loop(self.loop)
        now = self._clock
        self.store = self.loop.do(Store.open(f"sqlite:///{self.path}", clock=now))
        self.rooms = Rooms(self.store, clock=now, random=Random(f"{self.plan.seed} {self.lives}"))

    def _clock(self) -> float:
        return EPOCH + self.loop.time()

    def end(self) -> None:
        if hasattr(self, "loop") and not self.loop.is_closed():
            self.kill()

    def kill(self) -> None:
        """The process is gone: nothing that it was at goes on."""
        for tab in self.tabs:
            if tab.line:
                tab.line.dead = True
        for line in self.late:
            line.dead = True
        self.loop.jobs.clear()
        if self._expected_failure:
            self._errors[:] = [error for error in self._errors if NOT_STORED not in error]
        self.loop.held = self._expected_failure = False
        self.loop.failing = 0
        before = len(self._errors)
        for _ in range(5):
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.drain()
        self.loop.jobs.clear()
        try:
            self.loop.do(self.store.close())
        finally:
            del self._errors[before:]
            self.late.clear()
            self.now = self.loop.now
            self.loop.close()

    def _look(self, after: str) -> None:
        """What must hold after every step."""
        self._reap()
        check(not self.loop.broken, "a task of the studio ended in an error", lambda: str(self.loop.broken))
        wrong = [e for e in self._errors if not (self._expected_failure and NOT_STORED in e)]
        check(not wrong, "the studio logged an error", lambda: f"{wrong} after {after}")

    def _doubles(self, text: str, where: str) -> None:
        letters = [letter for letter in self.letters.only(text) if letter not in self.letters.twice]
        if len(letters) != len(set(letters)):
            double = [letter for letter, count in Counter(letters).items() if count > 1]
            raise Failure("a letter is there twice", f"{double} {where}")
        wrong = self.letters.never & set(letters)
        check(not wrong, "a letter is there that must not be", lambda: f"{wrong} {where}")

    # -- finding one's way by the numbers of a step

    def tab(self, number: int, online: bool | None = None) -> Tab | None:
        tabs = [tab for tab in self.tabs if online is None or (tab.line is not None) == online]
        return tabs[number % len(tabs)] if tabs else None

    def person(self, number: int) -> Person:
        return self.people[number % len(self.people)]

    def room(self) -> Room | None:
        """The live room, if the disk answers."""
        getting = self.loop.create_task(self.rooms.get(self.canvas))
        self.loop.drain()
        if not getting.done():
            getting.cancel()
            self.loop.drain()
            return None
        try:
            return getting.result()
        except StudioloError as error:
            check(self._expected_failure or self.loop.failing, "the room cannot be had", repr(error))
            return None

    # -- steps: typing

    def do_type(self, number: int, where: float, gone: int, new: int, kind: int) -> None:
        tab = self.tab(number)
        if tab is None or not (tab.person.participant or tab.person.known).may("editor"):
            return
        if tab.excused or not (texts := tab.texts()):
            return
        pages = sorted(texts)
        page = pages[new % len(pages)]
        text = texts[page]
        start = round(where * len(text))
        end = min(len(text), start + (gone if kind != 1 else 0))
        by = tab.person.known.id
        insert = self.letters.new(new, by)
        if kind == 2 and insert:
            insert = insert[:1] + ZWJ + insert[1:] + "é\n"
        if kind == 3:
            insert = insert + self.letters.new(25, by)
        if end == start and not insert:
            return
        if kind == 1 and insert:  # key by key
            for at, letter in enumerate(insert):
                tab.edit(page, start + at, start + at, letter)
        else:
            tab.edit(page, start, end, insert)
        self.letters.sure |= set(self.letters.only(insert))
        self.letters.take_out(text[start:end])
        self.seen["typed offline" if tab.line is None else "typed"] += 1

    def do_again(self, number: int, which: int) -> None:
        """A tab sends again what it sent before."""
        tab = self.tab(number, online=True)
        if tab and tab.edits and not tab.excused and not tab.cheated:
            edit = tab.edits[which % len(tab.edits)]
            tab.send_update(edit.update, range(0))
            self.seen["sent again"] += 1

    def do_caret(self, number: int, where: float) -> None:
        if tab := self.tab(number, online=True):
            tab.stand(round(where * 100))

    # -- steps: the lines

    def do_carry(self, number: int, up: int, down: int) -> None:
        if tab := self.tab(number, online=True):
            self._carry(tab, up, down)

    def _carry(self, tab: Tab, up: int, down: int) -> None:
        line = tab.line
        if line is None:
            return
        self.loop.do(_call(line.arrive, up))
        heard = len(line.down)
        try:
            closed = tab.hear(down)
        except AssertionError as error:
            raise Failure("the acknowledgements do not count what was sent", str(error)) from error
        self.loop.drain()
        if heard and not tab.cheated:
            for page, text in tab.texts().items():
                self._doubles(text, f"in page {page} of tab {tab.number}")
        if closed:
            self._sent_away(tab, *closed)

    def _sent_away(self, tab: Tab, code: int, reason: str) -> None:
        self.seen[f"closed with {code}"] += 1
        line = tab.leave()
        if line:
            self._gone(line)
        if code >= 4000:
            innocent = not (tab.cheated or tab.excused)
            check(not innocent, "somebody honest was sent away", f"tab {tab.number} with {code} {reason}")
            self._reload(tab)
        else:
            check(code in (TRY_LATER, 1012), "a line was closed with an odd code", f"{code} {reason}")

    def _gone(self, line: Line) -> None:
        """The studio learns that a line is broken."""
        self.loop.do(_call(line.end))

    def _reload(self, tab: Tab) -> None:
        """A tab drops its copy, and with it what has not reached the studio."""
        for edit in tab.unsaved():
            self.letters.perhaps |= set(self.letters.only(edit.typed + edit.gone))
        if line := tab.leave():
            self._gone(line)
        self._clients += 1
        tab.take_copy(self._clients)
        tab.cheated = tab.excused = False

    def do_carry_all(self) -> None:
        for tab in list(self.tabs):
            self._carry(tab, 50, 50)

    def do_offline(self, number: int, up: int) -> None:
        """A line breaks; some of what was under way still arrives."""
        if tab := self.tab(number, online=True):
            self._carry(tab, up, 0)
            if line := tab.leave():
                self._gone(line)
                self.seen["offline"] += 1

    def do_silent(self, number: int) -> None:
        """A line breaks, and the studio does not notice yet; what is under way may come late."""
        if (tab := self.tab(number, online=True)) and not tab.cheated:
            line = tab.leave()
            assert line
            line.down.clear()
            self.late.append(line)
            self.seen["silent"] += 1

    def do_late(self, number: int, up: int) -> None:
        """Something of a broken line arrives after all, or the studio notices that it is broken."""
        if self.late:
            line = self.late[number % len(self.late)]
            if line.up and up:
                self.seen["late frames"] += 1
            self.loop.do(_call(line.arrive, up))
            if not up:
                self.late.remove(line)
                self._gone(line)

    def do_online(self, number: int) -> None:
        tab = self.tab(number, online=False)
        if tab and tab.person.participant and (room := self.room()):
            if tab.excused:
                self._reload(tab)
            self.loop.do(_call(tab.come, room, tab.person.participant))
            self.seen["online"] += 1

    def do_everybody(self) -> None:
        """All come back."""
        for _ in self.tabs:
            self.do_online(0)

    def do_open(self, number: int) -> None:
        person = self.people[number % (len(self.people) - 1)]  # an agent has no tab
        if len(self.tabs) < MOST_TABS and person.participant:
            tab = Tab(person, len(self.tabs))
            self._clients += 1
            tab.take_copy(self._clients)
            self.tabs.append(tab)
            self.do_online([t for t in self.tabs if t.line is None].index(tab))

    def do_shut(self, number: int) -> None:
        """Somebody closes a tab for good."""
        if len(self.tabs) > 3 and (tab := self.tab(number)):
            self._carry(tab, 50, 0)
            self._reload(tab)
            self.tabs.remove(tab)

    def do_stop_reading(self, number: int) -> None:
        if (tab := self.tab(number, online=True)) and tab.line:
            tab.line.reading = False

    def do_read(self, number: int) -> None:
        if (tab := self.tab(number, online=True)) and tab.line:
            self.loop.do(_call(tab.line.read))

    # -- steps: the studio

    def do_hold(self) -> None:
        self.loop.held = True

    def do_work(self, jobs: int) -> None:
        self.loop.work(jobs)
        self.loop.drain()

    def do_release(self) -> None:
        self.loop.release()
        self.loop.drain()
        self.loop.drain()

    def do_fail(self) -> None:
        """The disk refuses the next commit."""
        self.loop.failing = 1
        self._expected_failure = True
        self.seen["failing disk"] += 1

    def do_wait(self, tenths: int) -> None:
        self.loop.drain(tenths / 10)

    def do_crash(self, committed: int) -> None:
        """kill -9; what the disk was asked for may have been done, though nobody heard of it."""
        self.seen["crash"] += 1
        if self.loop.jobs:
            self.seen["crash in a commit"] += 1
        if committed:
            self.loop.work(len(self.loop.jobs), answer=False)
        self._reap()
        self.deeds.clear()  # what these did to their letters is not known
        self.alone.clear()
        for tab in self.tabs:
            if tab.line:
                tab.line.dead = True
        self.kill()
        for tab in self.tabs:
            tab.leave()
        self.do_look()
        self.start()

    def do_restart(self) -> None:
        """SIGTERM: everybody is told, everything is kept."""
        self.seen["restart"] += 1
        self._calm()
        self.loop.do(self.rooms.close())
        self._reap()
        for tab in self.tabs:
            self._carry(tab, 0, 1_000)
            if line := tab.leave():
                self._gone(line)
        self.kill()
        self.do_look()
        self.start()

    def do_unload(self) -> None:
        """Everybody leaves, and the room is let go."""
        self._calm()
        for tab in self.tabs:
            if line := tab.leave():
                self._gone(line)
        for line in self.late:
            self._gone(line)
        self.late.clear()
        self._reap()
        self.loop.drain(60)
        check(self.rooms.live == 0, "an empty room is not let go")
        self.seen["unload"] += 1

    # -- steps: who may what

    def do_role(self, number: int, which: int) -> None:
        """Somebody's role changes, or they lose their access."""
        person = self.people[1 + number % (len(self.people) - 1)]
        role = ROLES[which]
        if person.known.kind == "agent" or (person.participant and person.participant.role == role):
            return
        person.participant = replace(person.known, role=role) if role else None
        person.known = person.participant or person.known
        for tab in self.tabs:
            if tab.person is person:
                tab.excused = True
        self.loop.do(_call(self.rooms.evict, person.known.id))
        self.seen["role"] += 1

    def do_rename(self, number: int, which: int) -> None:
        person = self.people[number % (len(self.people) - 1)]
        if person.participant:
            person.known = person.participant = replace(person.participant, name=f"Name {which}")
            self.loop.do(_call(self.rooms.rename, person.participant))

    def do_cheat(self, number: int, where: float, how: int) -> None:
        """Somebody types who may not, by an update or by a step 2."""
        tabs = [t for t in self.tabs if t.line and t.person.participant and not t.person.participant.may("editor")]
        if not tabs:
            return
        tab = tabs[number % len(tabs)]
        if tab.cheated or tab.excused or not (texts := tab.texts()):
            return
        page, text = sorted(texts.items())[0]
        start = round(where * len(text))
        letters = self.letters.new(2)
        assert tab.line
        line, tab.line = tab.line, None
        state = tab.doc.get_state()
        tab.edit(page, start, start, letters)
        tab.edits.pop()
        tab.line = line
        update = tab.doc.get_update(state)
        line.up.append(protocol.sync_step_2(update) if how else protocol.sync_update(update))
        line.sent.append(range(0))
        tab.cheated = True
        self._forbid(letters, tab)

    def _forbid(self, letters: str, tab: Tab) -> None:
        """These must reach nobody. Their author has them, until it is sent away for them."""
        self.letters.never |= set(letters)
        self._carry(tab, 1_000, 0)
        line = tab.line
        self.do_release()
        for _ in range(20):
            if line is None or any(isinstance(frame, tuple) for frame in line.down):
                break
            self.loop.do(_call(line.read))
            self.loop.drain(0.1)
            while line.down and not isinstance(line.down[0], tuple):
                line.down.popleft()
        if line is not None:
            closes = [frame for frame in line.down if isinstance(frame, tuple)]
            check(closes, "somebody who may not write is not sent away", f"tab {tab.number}")
            codes = (FORBIDDEN, SIGNED_OUT, TRY_LATER)
            check(closes[0][0] in codes, "a line was closed with an odd code", str(closes[0]))
            self.seen["cheat closed"] += 1
            tab.cheated = True
            self._reload(tab)

    def do_forge(self, number: int, victim: int, how: int) -> None:
        """An editor types with the client id of somebody whose text the studio has."""
        editors = [t for t in self.tabs if t.line and t.person.participant and t.person.participant.may("editor")]
        others = [t for t in self.tabs if any(edit.typed for edit in t.saved())]
        if not editors or not others:
            return
        tab, other = editors[number % len(editors)], others[victim % len(others)]
        if tab.person is other.person or tab.cheated or tab.excused or not (texts := other.texts()):
            return
        copy = Tab(tab.person, -1)
        copy.take_copy(other.client)
        copy.doc.apply_update(other.doc.get_update())
        state = copy.doc.get_state()
        letters = self.letters.new(2)
        copy.edit(sorted(texts)[0], 0, 0, letters)
        update = copy.doc.get_update(state)
        assert tab.line
        if other.unsaved():
            return  # what is forged might have a hole before it, and then it is asked for again and again
        self._carry(tab, 1_000, 0)
        if tab.line is None:
            return
        tab.line.up.append(protocol.sync_step_2(update) if how else protocol.sync_update(update))
        tab.line.sent.append(range(0))
        self.seen["forged"] += 1
        tab.cheated = True
        self._forbid(letters, tab)

    # -- comparing

    def _calm(self) -> None:
        """The disk works again, and all that waits for it is done."""
        self.do_release()
        self.loop.drain(1.0)
        self.do_release()
        self.loop.failing = 0
        self._reap()

    def do_quiesce(self) -> None:
        """The network and the disk are well again for a while: in the end everybody has the same."""
        self._calm()
        for line in self.late:
            self._gone(line)
        self.late.clear()
        here = [tab for tab in self.tabs if tab.person.participant]
        for tab in self.tabs:
            if not tab.person.participant:
                self._reload(tab)
        for turn in range(40):
            for tab in here:
                if turn == 8 and tab.line:
                    tab.stand(tab.place)  # as y-protocols does every fifteen seconds
                if tab.line is None:
                    self.do_online([t for t in self.tabs if t.line is None].index(tab))
                if tab.line:
                    self.loop.do(_call(tab.line.read))
                self._carry(tab, 1_000, 1_000)
            self.loop.drain(0.5)
            if turn > 8 and not any(tab.line is None or tab.line.up or tab.line.down for tab in here):
                break
        else:
            lines = [(t.number, t.line and (len(t.line.up), len(t.line.down))) for t in here]
            raise Failure("the room does not come to rest", str(lines))
        self._expected_failure = False
        self._errors.clear()
        self._reap()
        check(not self.deeds, "an action is never answered", lambda: str(self.deeds))
        self._check_all(here)
        self.seen["quiesce"] += 1

    def _check_all(self, here: list[Tab]) -> None:
        room = self.room()
        assert room
        texts = {page["id"]: room.canvas.page_text(page["id"]) for page in room.canvas.outline()}
        for tab in here:
            check(tab.texts() == texts, "a tab has another text", lambda: self._differ(tab.texts(), texts))  # noqa: B023
            honest = not tab.person.participant or tab.person.participant.may("editor")
            check(
                not honest or not tab.unsaved(),
                "something is never acknowledged",
                lambda: f"tab {tab.number}: {len(tab.unsaved())} of {len(tab.edits)}",  # noqa: B023
            )
        shared = {page: str(room.canvas.document.pages[page]["text"]) for page in texts}
        check(shared == texts, "the document and the identity differ", lambda: self._differ(shared, texts))
        replayed = self._replayed()
        check(replayed == texts, "the log says another text", lambda: self._differ(replayed, texts))
        self._check_copies(room)
        self._check_letters(texts)
        self._check_presence(room, here)

    def _check_letters(self, texts: dict[str, str]) -> None:
        letters = self.letters
        joined = letters.only("".join(texts.values()))
        self._doubles(joined, "in the studio")
        there = set(joined)
        loose = letters.perhaps | letters.loose
        lost = letters.sure - letters.doomed - loose - there
        check(not lost, "what was typed is lost", lambda: f"{sorted(lost)} of {joined}")
        kept = (letters.doomed & there) - loose
        check(not kept, "what was deleted is back", lambda: f"{sorted(kept)}")
        unknown = there - letters.sure - loose
        check(not unknown, "nobody typed this", lambda: f"{sorted(unknown)}")
        for page, text in texts.items():
            now = letters.only(text)
            before = [letter for letter in self.orders.get(page, "") if letter in set(now) - letters.loose]
            after = [letter for letter in now if letter in set(before)]
            check(before == after, "the order has changed", lambda: f"{before} {after}")  # noqa: B023
            self.orders[page] = now
            place = {letter: at for at, letter in enumerate(now)}
            for tab in self.tabs:
                for edit in tab.edits:
                    places = [place[letter] for letter in edit.typed if letter in place and letter not in letters.loose]
                    check(places == sorted(places), "what was typed is out of order", edit.typed)
        # What nobody could know is known now.
        undecided = letters.perhaps - letters.loose
        letters.sure |= undecided & there
        letters.doomed -= undecided & there
        letters.doomed |= letters.sure & undecided - there
        letters.sure -= undecided - there
        letters.never |= undecided - there - letters.doomed
        letters.perhaps.clear()

    def _check_presence(self, room: Room, here: list[Tab]) -> None:
        for tab in here:
            expected = {other.client: other for other in here if other is not tab}
            seen = {client: state for client, state in tab.states.items() if client != tab.client}
            check(
                set(seen) == set(expected),
                "presence is not who is there",
                lambda: f"tab {tab.number} sees {sorted(seen)}, there are {sorted(expected)}",  # noqa: B023
            )
            for client, state in seen.items():
                who = expected[client].person.participant
                check(who and state["user"] == who.as_dict(), "presence has another name", lambda: f"{state} {who}")  # noqa: B023
                check(state["cursor"] == expected[client].place, "presence is old", lambda: str(state))  # noqa: B023
        check(room.presence.here() == {tab.client for tab in here}, "the studio's presence is not who is there")

    def do_look(self) -> None:
        """What its clients were told is in the file, whatever becomes of the process now."""
        texts = self._replayed()
        letters = self.letters
        joined = letters.only("".join(texts.values()))
        self._doubles(joined, "in the log")
        there = set(joined)
        loose = letters.perhaps | letters.loose | letters.doomed
        for tab in self.tabs:
            for edit in tab.saved():
                lost = set(letters.only(edit.typed)) - there - loose
                check(not lost, "what was acknowledged is lost", lambda: f"{lost} of tab {tab.number}")  # noqa: B023
                back = set(letters.only(edit.gone)) & there - letters.perhaps - letters.loose
                check(not back, "a deletion that was acknowledged is lost", lambda: f"{back}")  # noqa: B023
            own = set("".join(edit.typed for edit in tab.edits))
            early = set(letters.only("".join(tab.texts().values()))) - own - there - loose - letters.never
            check(not early, "somebody saw what was not stored", lambda: f"{early} in tab {tab.number}")  # noqa: B023

    def _replayed(self) -> dict[str, str]:
        """The texts as the log alone tells them, read past the store."""
        reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            query = "SELECT seq, data FROM updates WHERE canvas = ? ORDER BY seq"
            rows = reader.execute(query, (self.canvas,)).fetchall()
        finally:
            reader.close()
        check([seq for seq, _ in rows] == list(range(1, len(rows) + 1)), "the log has a hole")
        doc: Doc[Any] = Doc()
        for _, data in rows:
            if data:
                doc.apply_update(data)
        pages: Map[Any] = doc.get("pages", type=Map)
        return {page: str(pages[page]["text"]) for page in pages.keys()}  # noqa: SIM118

    def _differ(self, one: dict[str, str], other: dict[str, str]) -> str:
        told = []
        for page in sorted({*one, *other}):
            a, b = one.get(page, ""), other.get(page, "")
            if a != b:
                told.append(f"{page}: only here {sorted(set(a) - set(b))}, only there {sorted(set(b) - set(a))}")
        return "; ".join(told)


class _Listener(logging.Handler):
    """Keeps what the studio logs as an error."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            told += f" ({record.exc_info[1]!r})"
        self._kept.append(told)


async def _apply(rooms: Rooms, canvas: str, action: dict[str, Any], by: Participant) -> Outcome:
    room = await rooms.get(canvas)
    return await room.apply(action, by)


async def _call(function: Callable[..., Any], *args: Any) -> Any:
    result = function(*args)
    return await result if inspect.isawaitable(result) else result
