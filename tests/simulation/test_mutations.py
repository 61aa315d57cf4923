"""The simulation can fail: studios with one thing wrong are found out, and the plan that shows it is short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pycrdt import Doc, Map, merge_updates

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.rooms import Connection, Room, protocol
from studiolo.rooms.presence import Presence
from studiolo.store import Loaded, Store

from .conftest import Run, failure_of, shortest
from .plan import Plan
from .test_simulation import found_by

Break = Callable[[pytest.MonkeyPatch], None]
broken: dict[str, tuple[Break, set[str], int]] = {}


def studio_that(what: str, kinds: set[str], steps: int) -> Callable[[Break], Break]:
    """How it is broken, as what the simulation must find it, and how many steps are enough to show it."""

    def keep(breaks: Break) -> Break:
        broken[what] = breaks, kinds, steps
        return breaks

    return keep


@studio_that(
    "acknowledges before it stores", {"what was acknowledged is lost", "a deletion that was acknowledged is lost"}, 8
)
def _early(patch: pytest.MonkeyPatch) -> None:
    def receive(self: Connection, frame: bytes) -> None:
        taken = self.taken
        take(self, frame)
        if self.taken > taken:
            self.push(protocol.ack(self.taken))

    take = Connection.receive
    patch.setattr(Connection, "receive", receive)


@studio_that("sends before it stores", {"somebody saw what was not stored"}, 8)
def _seen_early(patch: pytest.MonkeyPatch) -> None:
    def type(self: Room, connection: Connection, update: bytes, *args: Any, **options: Any) -> None:
        take(self, connection, update, *args, **options)
        for other in list(self.connections):
            if other.synced and other is not connection:
                other.push(protocol.sync_update(update))

    take = Room.type
    patch.setattr(Room, "type", type)


@studio_that(
    "loses the last row when it loads",
    {"the log says another text", "a copy holds something else", "a tab has another text", "what was typed is lost"},
    8,
)
def _forgets(patch: pytest.MonkeyPatch) -> None:
    async def load(self: Store, canvas: str) -> Loaded:
        loaded = await kept(self, canvas)
        return replace(loaded, updates=loaded.updates[:-1]) if len(loaded.updates) > 1 else loaded

    kept = Store.load
    patch.setattr(Store, "load", load)


@studio_that("writes the text anew when it loads", {"a letter is there twice"}, 8)
def _doubles(patch: pytest.MonkeyPatch) -> None:
    async def load(self: Store, canvas: str) -> Loaded:
        loaded = await kept(self, canvas)
        doc: Doc[Any] = Doc()
        pages: Map[Any] = doc.get("pages", type=Map)
        for update in [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]:
            doc.apply_update(update)
        before = doc.get_state()
        text = pages[next(iter(pages.keys()))]["text"]
        text.insert(0, str(text))
        return replace(loaded, updates=[*loaded.updates, doc.get_update(before)])

    kept = Store.load
    patch.setattr(Store, "load", load)


@studio_that("forgets to send one update in ten", {"a tab has another text", "what was typed is lost"}, 12)
def _drops(patch: pytest.MonkeyPatch) -> None:
    sent = 0

    def push(self: Connection, frame: bytes, *args: Any, **options: Any) -> None:
        nonlocal sent
        sent += frame[:2] == b"\x00\x02"
        if frame[:2] != b"\x00\x02" or sent % 10:
            send(self, frame, *args, **options)

    send = Connection.push
    patch.setattr(Connection, "push", push)


@studio_that(
    "lets a viewer type", {"somebody who may not write is not sent away", "a letter is there that must not be"}, 6
)
def _viewer(patch: pytest.MonkeyPatch) -> None:
    def receive(self: Canvas, update: bytes, by: Participant, *args: Any, **options: Any) -> Outcome | None:
        return take(self, update, replace(by, role="owner"), *args, **options)

    take = Canvas.receive
    patch.setattr(Canvas, "receive", receive)


@studio_that(
    "lets anybody write as anybody",
    {
        "somebody who may not write is not sent away",
        "a letter is there that must not be",
        "a letter has another author",
    },
    8,
)
def _forger(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Canvas, "owner_of", lambda self, client: None)
    patch.setattr(Presence, "speaker", lambda self, client: None)


@studio_that(
    "keeps those who have left", {"presence is not who is there", "the studio's presence is not who is there"}, 8
)
def _ghosts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Presence, "gone", lambda self, connection: None)


@studio_that("takes an accepted suggestion in twice", {"a letter is there twice"}, 8)
def _twice(patch: pytest.MonkeyPatch) -> None:
    def apply(self: Canvas, action: dict[str, Any], by: Participant) -> Outcome:
        outcome = take(self, action, by)
        if action["type"] == "accept":
            hunk = self.suggestions[action["suggestion"]].hunks[0]
            page = self.suggestions[action["suggestion"]].page
            if hunk.replace and (text := self.page_text(page)):
                hunks = [{"find": "", "before": text[-9:], "replace": hunk.replace}]
                more = take(self, {"type": "edit", "page": page, "hunks": hunks}, by)
                return replace(
                    outcome, update=merge_updates(outcome.update, more.update), claims={**outcome.claims, **more.claims}
                )
        return outcome

    take = Canvas.apply
    patch.setattr(Canvas, "apply", apply)


@pytest.mark.parametrize("what", broken)
def test_a_studio_is_found_out_that(run: Run, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    breaks, kinds, steps = broken[what]
    breaks(monkeypatch)
    plan, failure = found_by(run)
    assert failure.kind in kinds, failure
    short = shortest(run, plan, failure)
    assert len(short) <= steps, "\n".join(map(str, short.steps))
    again = failure_of(run, Plan(short.seed, short.steps))
    assert again is not None and again.kind == failure.kind
