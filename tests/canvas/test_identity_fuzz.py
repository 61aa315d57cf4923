"""`Identity` and the real Yjs agree about texts, authors and positions, whatever four peers do at once."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pycrdt import Doc, Map

from studiolo.canvas.identity import Identity, Run
from tests.interop.node import node_project

SEEDS = 240

pytestmark = pytest.mark.interop


@dataclass
class History:
    """What one seed led to, told by Yjs."""

    seed: int
    rich: bool
    gaps: list[dict[str, Any]]
    log: list[dict[str, Any]]
    snapshot: bytes
    merged: list[bytes]
    state: dict[int, int]
    pages: dict[str, dict[str, Any]]
    positions: list[dict[str, Any]]

    @property
    def updates(self) -> list[bytes]:
        return [bytes.fromhex(entry["update"]) for entry in self.log]


@pytest.fixture(scope="module")
def histories() -> list[History]:
    script = node_project() / "interop/identity/fuzz.mjs"
    done = subprocess.run(
        ["node", str(script), "0", str(SEEDS)], check=True, capture_output=True, text=True, timeout=300
    )
    made = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(made) == SEEDS
    return [
        History(
            **{
                **one,
                "snapshot": bytes.fromhex(one["snapshot"]),
                "merged": [bytes.fromhex(half) for half in one["merged"]],
                "state": {int(client): clock for client, clock in one["state"].items()},
            }
        )
        for one in made
    ]


def fed(updates: list[bytes]) -> Identity:
    identity = Identity()
    for update in updates:
        identity.apply(update)
    return identity


def authors(identity: Identity, page: str) -> list[list[int]]:
    """Runs as [client, clock, UTF-16 length], and a check that they cover the text in order."""
    text = identity.text(page)
    runs = identity.runs(page)
    assert [run.start for run in runs] == [sum(r.length for r in runs[:index]) for index in range(len(runs))]
    assert sum(run.length for run in runs) == identity.length(page) == len(text)
    return [[run.client, run.clock, units(text, run)] for run in runs]


def units(text: str, run: Run) -> int:
    return len(text[run.start : run.start + run.length].encode("utf-16-le")) // 2


def same_as_yjs(identity: Identity, history: History) -> None:
    assert set(identity.pages()) == set(history.pages)
    assert identity.state() == history.state
    for page, expected in history.pages.items():
        assert identity.text(page) == expected["text"]
        assert authors(identity, page) == expected["runs"]
    for entry in history.positions:
        found = identity.locate(entry["position"])
        assert found == (entry["found"] and tuple(entry["found"])), entry


def stripped(position: dict[str, Any]) -> dict[str, Any]:
    """Yjs names the type of a position even where its item says it all."""
    return {key: value for key, value in position.items() if key != "type" or "item" not in position}


def test_the_fuzz_does_what_it_is_for(histories: list[History]) -> None:
    joined = "".join(page["text"] for history in histories for page in history.pages.values())
    assert any(character > "\uffff" for character in joined)
    assert "\u200d" in joined
    assert any(len({run[0] for run in page["runs"]}) == 4 for h in histories for page in h.pages.values())
    found = [entry["found"] for history in histories for entry in history.positions]
    assert found.count(None) > 100 < len(found) - found.count(None)
    assert {entry["assoc"] for history in histories for entry in history.positions} == {0, -1}


def test_updates_in_order(histories: list[History]) -> None:
    for history in histories:
        identity = Identity()
        made = [entry for entry in history.positions if entry["after"] is not None]
        for number, update in enumerate(history.updates, start=1):
            identity.apply(update)
            for entry in made:
                if entry["after"] == number and not history.rich:
                    position = identity.position(entry["page"], entry["offset"], entry["assoc"])
                    assert position == stripped(entry["position"]), (history.seed, entry)
        same_as_yjs(identity, history)


def test_a_snapshot(histories: list[History]) -> None:
    for history in histories:
        same_as_yjs(fed([history.snapshot]), history)


def test_updates_in_any_order(histories: list[History]) -> None:
    for history in histories:
        shuffled = history.updates
        random.Random(history.seed).shuffle(shuffled)
        same_as_yjs(fed(shuffled), history)


def test_merged_updates_full_of_holes(histories: list[History]) -> None:
    for history in histories:
        same_as_yjs(fed(history.merged), history)


def test_a_snapshot_and_then_every_update_again(histories: list[History]) -> None:
    for history in histories[:40]:
        same_as_yjs(fed([history.snapshot, *history.updates, history.snapshot]), history)


def test_pycrdt_has_the_same_texts(histories: list[History]) -> None:
    for history in histories:
        if history.rich:
            continue  # str() of a pycrdt text leaves out what is embedded; a room lets none of it in
        for updates in (history.updates, [history.snapshot]):
            doc: Doc[Any] = Doc()
            pages = doc.get("pages", type=Map)
            for update in updates:
                doc.apply_update(update)
            assert {page: str(pages[page]["text"]) for page in history.pages} == {
                page: expected["text"] for page, expected in history.pages.items()
            }
            identity = fed([doc.get_update()])
            assert {page: identity.text(page) for page in history.pages} == {
                page: expected["text"] for page, expected in history.pages.items()
            }


def typed(history: History) -> Iterator[tuple[Identity, dict[str, Any], bytes]]:
    """Every update with what was known before it."""
    identity = Identity()
    for entry, update in zip(history.log, history.updates, strict=True):
        yield identity, entry, update
        identity.apply(update)


def test_inspect_tells_typing_from_everything_else(histories: list[History]) -> None:
    seen = dict.fromkeys(["typing", "other", "hidden"], 0)
    for history in histories:
        for identity, entry, update in typed(history):
            change = identity.inspect(update)
            assert not change.gap
            assert change.clients <= {entry["client"]}
            if entry["what"] == "typing":
                assert change.foreign is None, (history.seed, entry)
                assert change.pages <= {entry["page"]}
                seen["typing" if change.pages else "hidden"] += 1
            elif entry["what"] == "other":
                # what others have deleted already is no change, and neither is adding to it
                gone = not change.clients or change.pages == frozenset()
                assert change.foreign is not None or gone, (history.seed, entry)
                seen["other"] += change.foreign is not None
    assert min(seen.values()) > 100, seen


def test_what_is_known_is_empty(histories: list[History]) -> None:
    for history in histories[:60]:
        identity = fed(history.updates)
        for update in [*history.updates, history.snapshot, *history.merged]:
            change = identity.inspect(update)
            assert (change.empty, change.gap, change.foreign) == (True, False, None)
            assert (change.clients, change.pages) == (frozenset(), frozenset())


def test_a_gap_is_what_yjs_lets_wait(histories: list[History]) -> None:
    found: list[int | None] = []
    for history in histories[:120]:
        for lost in history.gaps:
            identity = Identity()
            first = None
            for number, update in enumerate(history.updates):
                if number in lost["dropped"]:
                    continue
                if identity.inspect(update).gap:
                    first = number
                    break
                identity.apply(update)
            assert first == lost["first"], (history.seed, lost)
            found.append(first)
    assert len(found) - found.count(None) > 200
