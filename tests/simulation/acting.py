"""The steps that ask the studio for something: suggesting, deciding, taking back, pasting, pages, policies.

What an action does to the text is measured where it is done, letter by letter and by the letters' ids, and compared
with what it may do and must do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studiolo.canvas import Canvas, Outcome, StudioloError
from studiolo.canvas.errors import Unavailable
from studiolo.canvas.identity.units import utf16_length
from studiolo.canvas.records import SuggestionRecord
from studiolo.rooms import Room

from .letters import Failure, Letters, check
from .tab import Person

ACCEPTING = ("accept", "accept_all", "merge", "consider")
WRITING = (*ACCEPTING, "undo", "edit", "add_page")
KINDS = ["typography", "spelling", "wording", "structure", "number", "name", "dialogue", "insertion", "deletion"]

Standing = dict[str, tuple[str, int, int]]
"""Letter -> the page that it stands on, and its id."""


@dataclass(eq=False)
class Effect:
    """What a change did to the letters."""

    came: set[str] = field(default_factory=set[str])
    went: set[str] = field(default_factory=set[str])
    doubt: set[str] = field(default_factory=set[str])
    """Those of which nobody knows only because of it, until it is stored."""
    new: set[str] = field(default_factory=set[str])
    """Those that had never been there."""


@dataclass(eq=False)
class Deed:
    """An action under way."""

    action: dict[str, Any]
    by: Person
    kind: str
    before: set[str]
    """The decisions that had been taken back when it was asked for."""
    effect: Effect = field(default_factory=Effect)
    task: asyncio.Task[Outcome] = field(init=False)


class Acting:
    """A part of `World`."""

    letters: Letters
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _begin_acting(self) -> None:
        self.deeds: list[Deed] = []
        self.alone: list[tuple[Room, Effect]] = []
        """What policies did, until it is stored."""
        self.decisions: dict[str, int] = {}
        """Those that were answered, and how often."""
        self.taken_back: set[str] = set()

    # -- doing

    def _act(self, person: Person, action: dict[str, Any], kind: str = "") -> None:
        """Ask the studio for something."""
        if person.participant is None:
            return
        deed = Deed(action, person, kind or action["type"], set(self.taken_back))
        deed.task = self.loop.create_task(self._do(deed))
        self.deeds.append(deed)
        self.loop.drain()
        self._reap()

    async def _do(self, deed: Deed) -> Outcome:
        room = await self.rooms.get(self.canvas)
        by = deed.by.participant or deed.by.known

        def change() -> Outcome:
            outcome, effect = self._measure(
                room.canvas, deed.action["type"], deed.action, lambda: room.canvas.apply(deed.action, by)
            )
            deed.effect = effect
            assert outcome
            return outcome

        done = await room.perform(change, by)
        assert done
        return done

    def consider(self, canvas: Canvas, consider: Callable[[Canvas], Outcome | None]) -> Outcome | None:
        """In the place of `Canvas.consider`: what policies do is measured, too."""
        outcome, effect = self._measure(canvas, "consider", {}, lambda: consider(canvas))
        if outcome and outcome.update:
            room = next(room for room in self.rooms if room.canvas is canvas)
            self.alone.append((room, effect))
            self.seen[outcome.outcome + " by a policy"] += 1
        return outcome

    def _measure(
        self, canvas: Canvas, kind: str, action: dict[str, Any], change: Callable[[], Outcome | None]
    ) -> tuple[Outcome | None, Effect]:
        letters, before = self.letters, standing(canvas)
        try:
            outcome = change()
        except StudioloError:
            check(standing(canvas) == before, "what was refused has changed the text", str(action))
            raise
        after = standing(canvas)
        came, went = after.keys() - before.keys(), before.keys() - after.keys()
        renewed = {letter for letter in after.keys() & before.keys() if after[letter] != before[letter]}
        check(
            kind in WRITING or not (came or went or renewed),
            "an action has changed the text that may not",
            lambda: f"{action} {came} {went} {renewed}",
        )
        if outcome and kind in (*ACCEPTING, "undo"):
            self._check_effect(kind, action, outcome, before, after, came, went)
        letters.loose |= renewed | (came & letters.by_hand)
        letters.renewed |= renewed
        letters.reborn |= renewed | (came & (letters.doomed | letters.sure | letters.perhaps))
        if kind in ACCEPTING:  # what is taken a second time may find something typed in its place
            for page, order in self.orders.items():
                self.orders[page] = "".join(letter for letter in order if letter not in came)
        letters.never -= came
        effect = Effect(came, went, (came | went) - letters.perhaps, came - letters.sure)
        letters.sure |= came
        letters.perhaps |= came | went  # until it is known
        return outcome, effect

    def _check_effect(
        self,
        kind: str,
        action: dict[str, Any],
        outcome: Outcome,
        before: Standing,
        after: Standing,
        came: set[str],
        went: set[str],
    ) -> None:
        """That a decision does to the text what it says, and nothing else."""
        only = self.letters.only
        free = self.letters.by_merging
        was: set[str] = set()
        now: set[str] = set()
        for change in outcome.kept.get("changes", ()):
            old, new = set(only(change["was"])), set(only(change["now"]))
            was, now = was | old, now | new
            if kind == "undo":
                if change["status"] != "accepted":
                    continue
                left = ((new - old) & after.keys()) - self.letters.twice
                check(not left, "what was taken back still stands", lambda: f"{left} of {change} by {action}")  # noqa: B023
                stood = new - old <= before.keys() - self.letters.twice  # else somebody has changed it since
                lost = (old - new) - after.keys()
                single = "decision" in action
                check(
                    not (single and stood) or lost <= self.letters.renewed | self.letters.twice | free,
                    "what was taken back has not brought back what it replaced",
                    lambda: f"{lost} of {change} by {action}",  # noqa: B023
                )
            elif not action.get("replace"):
                lost = (new - old) - after.keys()
                check(not lost, "what was accepted is not there", lambda: f"{lost} of {change} by {action}")  # noqa: B023
                left = ((old - new) & after.keys()) - self.letters.twice
                check(not left, "what was replaced still stands", lambda: f"{left} of {change} by {action}")  # noqa: B023
        if kind == "undo":
            was, now = now, was
        odd = (came - now - free) | (went - was - free)
        check(not odd, "a decision has changed what it was not about", lambda: f"{odd} by {action}: {outcome}")

    def _reap(self) -> None:
        """See what came of the actions that have ended."""
        for deed in [deed for deed in self.deeds if deed.task.done()]:
            self.deeds.remove(deed)
            if deed.task.cancelled():
                continue
            error = deed.task.exception()
            if error is None:
                self._stored(deed.effect)
                self.seen[deed.kind] += 1
                self._note(deed, deed.task.result())
                continue
            if isinstance(error, Failure):
                raise error
            check(isinstance(error, StudioloError), "an action ended in an error that is none of ours", repr(error))
            self.letters.perhaps -= deed.effect.doubt
            self.letters.sure -= deed.effect.new
            if isinstance(error, Unavailable):
                check(self._expected_failure, "the studio is not available", repr(error))
        for room, effect in [one for one in self.alone if one[0].failed or not one[0].storing]:
            self.alone.remove((room, effect))
            if room.failed is None:  # else it may be stored, or not
                self._stored(effect)

    def _stored(self, effect: Effect) -> None:
        letters = self.letters
        letters.perhaps -= effect.doubt
        letters.sure |= effect.came
        letters.doomed -= effect.came
        letters.doomed |= effect.went

    def _note(self, deed: Deed, outcome: Outcome) -> None:
        """Keep account of the decisions."""
        if decision := outcome.details.get("decision"):
            self.decisions[decision] = self.decisions.get(decision, 0) + 1
        if deed.kind == "pasted":
            self.seen.update(f"pasted, and found {how}" for how in outcome.details)
        if deed.kind == "undo" and (decision := deed.action.get("decision")):
            check(decision not in deed.before, "a decision was taken back twice", decision)
            if not outcome.details["left"]:
                self.taken_back.add(decision)

    # -- finding what to do something about

    def _page(self, number: int) -> tuple[Room, str, str] | None:
        room = self.room()
        if room is None or self.loop.held:
            return None
        pages = [page["id"] for page in room.canvas.outline()]
        page = pages[number % len(pages)]
        return room, page, room.canvas.page_text(page)

    def _hunk(self, text: str, where: float, length: int, new: int, by: str) -> dict[str, str] | None:
        if round(where * 1_000) % 2:
            where = round(where * 5) / 5  # where others suggest something, too
        start = round(where * len(text))
        find = text[start : start + length]
        hunk = {"find": find, "before": text[:start][-9:], "after": text[start + len(find) :][:9]}
        replace = self.letters.new(new, by) + find[1:3]
        if not any(hunk.values()) or find == replace:
            return None
        return {**hunk, "replace": replace}

    def _records(self) -> list[SuggestionRecord]:
        found = self._page(0)
        return [record for record in _in_order(found[0].canvas) if record.undecided] if found else []

    # -- steps: suggesting

    def do_suggest(self, person: int, where: float, length: int, new: int) -> None:
        if found := self._page(new):
            by = self.person(person)
            if hunk := self._hunk(found[2], where, length, new, by.known.id):
                self._act(by, {"type": "suggest", "page": found[1], "hunks": [hunk], "run": f"run {new}"})

    def do_suggest_two(self, person: int, where: float, length: int, new: int, there: float) -> None:
        """A suggestion of two hunks."""
        if found := self._page(new):
            by = self.person(person)
            hunks = [self._hunk(found[2], at, length, new, by.known.id) for at in (where, there)]
            listed = [hunk for hunk in hunks if hunk]
            if listed:
                self._act(by, {"type": "suggest", "page": found[1], "hunks": listed, "run": f"run {new}"}, "suggest")

    def do_stream(self, person: int, where: float, what: int) -> None:
        found = self._page(what)
        if not found:
            return
        room, page, text = found
        writing = [record for record in _in_order(room.canvas) if record.status == "streaming"]
        if what and writing:
            record = writing[what % len(writing)]
            author = next(p for p in self.people if p.known.id == record.author)
            action = {"type": "finish" if what == 1 else "extend", "suggestion": record.id}
            more = {} if what == 1 else {"text": self.letters.new(2, record.author)}
            self._act(author, action | more, "stream")
        elif hunk := self._hunk(text, where, 3, 0, ""):
            hunks = [hunk | {"replace": ""}]
            self._act(self.person(person), {"type": "suggest", "page": page, "hunks": hunks, "streaming": True})

    def do_amend(self, person: int, which: int, new: int, how: int) -> None:
        """Somebody changes what is proposed, or types on at their own."""
        records = [record for record in self._records() if record.status != "streaming"]
        if not records:
            return
        record = records[which % len(records)]
        by = self.person(person)
        if how == 0:  # its author, as in suggesting mode
            by = next(one for one in self.people if one.known.id == record.author)
        index = new % len(record.hunks)
        keep, before = record.hunks[index].replace, record.hunks[index].amended_by
        for letter in keep if before and before != by.known.id else "":
            if self.letters.whose.get(letter) == before:
                del self.letters.whose[letter]  # whoever amends what another has amended takes it over
        amended: dict[str, Any] = {"hunk": index, "replace": keep[: max(0, len(keep) - how)]}
        amended["replace"] += self.letters.new(new, by.known.id)
        action = {"type": "amend", "suggestion": record.id, "hunks": [amended]}
        self._act(by, action | ({"draft": True} if how == 0 and new else {}))

    def do_redo(self, which: int, new: int) -> None:
        """Its author makes a suggestion anew."""
        found, records = self._page(0), [record for record in self._records() if record.status != "streaming"]
        if not found or not records:
            return
        record = records[which % len(records)]
        by = next(one for one in self.people if one.known.id == record.author)
        text = found[0].canvas.page_text(record.page)
        hunk = self._hunk(text, which / 20, 4, new, by.known.id)
        if hunk:
            self._act(by, {"type": "suggest", "page": record.page, "hunks": [hunk], "replaces": record.id}, "redo")

    # -- steps: deciding

    def _decide(self, person: int, which: int, verb: str) -> None:
        records = [record for record in self._records() if record.status != "streaming"]
        if records:
            record = records[which % len(records)]
            action: dict[str, Any] = {"type": verb, "suggestion": record.id}
            if which % 5 == 0 and len(record.hunks) > 1:
                action["hunks"] = [which % 2]
            self._act(self.person(person), action)

    def do_accept(self, person: int, which: int) -> None:
        self._decide(person, which, "accept")

    def do_reject(self, person: int, which: int) -> None:
        self._decide(person, which, "reject")

    def do_withdraw(self, person: int, which: int) -> None:
        self._decide(person, which, "withdraw")

    def do_decide_all(self, person: int, which: int, verb: int) -> None:
        """Many at once: some that are named, a page's, or those of a run."""
        records, found = self._records(), self._page(which)
        if not records or not found:
            return
        some = [record.id for number, record in enumerate(records) if which >> (number % 4) & 1]
        about = [{"suggestions": some or [records[0].id]}, {"page": found[1]}, {"run": f"run {which % 4}"}, {}]
        action = {"type": "accept_all" if verb else "reject_all", **about[which % 4]}
        self._act(self.person(person), action)

    def do_merge(self, person: int, which: int, new: int) -> None:
        """Suggestions that overlap are taken together, sometimes with words of the reader's own."""
        found = self._page(0)
        if not found:
            return
        groups = found[0].canvas.view()["groups"]
        if not groups:
            return
        group = groups[which % len(groups)]
        by = self.person(person)
        takes = [{"suggestion": id, "hunk": hunk} for id, hunk in group[: 2 + which % 3]]
        action: dict[str, Any] = {"type": "merge", "takes": takes}
        if new:
            hunks = [found[0].canvas.suggestions[one["suggestion"]].hunks[one["hunk"]] for one in takes]
            own = self.letters.new(new, by.known.id)
            self.letters.by_merging |= set(own)
            for hunk in hunks:
                self.letters.by_merging |= set(self.letters.only(hunk.replace + hunk.anchor.quote))
            said = "".join(dict.fromkeys(self.letters.only("".join(hunk.replace for hunk in hunks[:new]))))
            action["replace"] = said[: which + 1] + own
        self._act(by, action)

    def do_undo(self, person: int, which: int, how: int) -> None:
        """A decision is taken back, also one that was before; or all of a run, an author or a policy."""
        found = self._page(0)
        if not found:
            return
        canvas = found[0].canvas
        hunks = [hunk for record in _in_order(canvas) for hunk in record.hunks]
        if how < 6:
            known = [hunk.decision for hunk in hunks if hunk.decision]
            if how == 0:
                known = [decision for hunk in hunks for decision in hunk.undone.split()]
            about = {"decision": sorted(known)[-1 - which % len(known)]} if known else {}
        elif how == 6:
            about = {"run": f"run {which % 6}"}
        elif how == 7:
            about = {"author": self.person(which).known.id}
        else:
            about = {"policy": next((hunk.policy for hunk in hunks if hunk.policy), "")}
        if any(about.values()):
            self._act(self.person(person), {"type": "undo", **about})

    def do_policy(self, which: int, sample: int) -> None:
        """An owner lets policies accept, or ends one."""
        found = self._page(0)
        if not found:
            return
        known = [policy["id"] for policy in _listed(found[0].canvas) if not policy["removed"]]
        if known and which % 2:
            self._act(self.people[0], {"type": "remove_policy", "policy": known[0]}, "policy")
        else:
            action = {"type": "set_policy", "kinds": KINDS, "risk": "high", "agent": "muse", "sample": sample}
            self._act(self.people[0], action, "policy")

    def do_audit(self, which: int) -> None:
        if found := self._page(0):
            taken = [r.id for r in _in_order(found[0].canvas) if any(hunk.audit == "wanted" for hunk in r.hunks)]
            if taken:
                self._act(self.people[0], {"type": "audit", "suggestion": taken[which % len(taken)]})

    # -- steps: the text, and what is beside it

    def do_edit(self, person: int, where: float, length: int, new: int) -> None:
        if found := self._page(new):
            by = self.person(person)
            if by.participant is None or not by.participant.may("editor"):
                return
            if hunk := self._hunk(found[2], where, length, new, by.known.id):
                self._act(by, {"type": "edit", "page": found[1], "hunks": [hunk]})

    def do_move(self, number: int, where: float, length: int, there: float, how: int) -> None:
        """Somebody cuts a passage and pastes it elsewhere; mostly their editor tells the studio that it was pasted."""
        tab = self.tab(number, online=True)
        if tab is None or tab.excused or tab.cheated or not (tab.person.participant or tab.person.known).may("editor"):
            return
        texts, found = tab.texts(), self._page(0)
        if not texts or not found:
            return
        pages = sorted(texts)
        page, other = pages[how % len(pages)], pages[how // 2 % len(pages)]
        start = round(where * len(texts[page]))
        cut = texts[page][start : start + 2 + length]
        letters = self.letters.only(cut)
        if not letters or letters != cut:
            return
        self.letters.loose |= set(letters)
        self.letters.twice |= set(letters)
        tab.edit(page, start, start + len(cut), "")
        at = round(there * len(tab.texts()[other]))
        tab.edit(other, at, at, cut)
        self.letters.sure |= set(letters)
        self.seen["moved"] += 1
        self._carry(tab, 1_000, 0)
        text = found[0].canvas.page_text(other) if found[0].failed is None else ""
        low = text.find(cut)
        if how and low >= 0:
            identity = found[0].canvas.document.identity
            ends = {"start": identity.position(other, low), "end": identity.position(other, low + len(cut), -1)}
            self._act(tab.person, {"type": "pasted", "page": other, **ends})

    def do_comment(self, person: int, where: float, length: int) -> None:
        if found := self._page(0):
            _, page, text = found
            start = round(where * len(text))
            if quote := text[start : start + length + 1]:
                action = {"type": "comment", "page": page, "quote": quote, "text": "Hm.", "before": text[:start][-9:]}
                self._act(self.person(person), action)

    def do_say(self, person: int, kind: int) -> None:
        self._act(self.person(person), {"type": "say", "text": "hello", "streaming": kind == 0})

    def do_page(self, person: int, kind: int) -> None:
        found = self._page(kind)
        if not found:
            return
        by = self.person(person)
        if len(self.orders) < 3 and kind == 0:
            if by.participant and by.participant.may("editor"):
                letters = self.letters.new(5, by.known.id)
                self._act(by, {"type": "add_page", "title": "More", "text": letters})
        elif kind == 1 and found[0].canvas.outline()[-1]["removed"]:
            self._act(by, {"type": "restore_page", "page": found[0].canvas.outline()[-1]["id"]})
        elif kind == 2 and len(found[0].canvas.outline()) > 1:
            self._act(by, {"type": "remove_page", "page": found[0].canvas.outline()[-1]["id"]})
        else:
            self._act(by, {"type": "rename_page", "page": found[1], "title": f"Page {kind}"})


def standing(canvas: Canvas) -> Standing:
    """Which letters stand where."""
    found: Standing = {}
    for page in canvas.outline():
        identity, id = canvas.document.identity, page["id"]
        for piece in identity.pieces(id, 0, identity.length(id)):
            clock = piece.clock
            for letter in piece.text:
                if Letters.is_letter(letter):
                    found[letter] = (id, piece.client, clock)
                clock += utf16_length(letter)
    return found


def _in_order(canvas: Canvas) -> list[SuggestionRecord]:
    """The suggestions, in an order that does not hang on how the copy was made."""
    return sorted(canvas.suggestions.values(), key=lambda record: (record.at, record.id))


def _listed(canvas: Canvas) -> Iterable[dict[str, Any]]:
    from studiolo.canvas.policies import policies

    return [policy.as_dict() for policy in policies(canvas)]
