"""Whatever passes `inspect` as plain typing means the same to Identity, to pycrdt and to Yjs.

The updates are well formed but forged: they hang on anything, in any order, where no editor would put them. What
one of the three reads in another way than the others would part a browser from the server for ever.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from studiolo.canvas.identity import Identity
from studiolo.canvas.identity.decode import DELETED, GC
from tests.canvas.wire import Id, assert_sound, string, struct, typed, uint, update
from tests.interop.node import node_project

SEEDS = 1500
EDITORS = (7, 8)


def canvas() -> Doc[Any]:
    doc: Doc[Any] = Doc(client_id=5)
    pages = doc.get("pages", type=Map)
    pages["one"] = Map({"text": Text("Once 漢 upon 😀")})
    pages["two"] = Map({"text": Text("")})
    doc.get("chat", type=Array).append(Map({"text": Text("hello")}))
    return doc


class Forger:
    """Makes updates of structs with random places, by whoever's turn it is."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.clocks: dict[int, int] = dict.fromkeys(EDITORS, 0)

    def __call__(self, state: dict[int, int]) -> tuple[int, int, bytes]:
        """An update, by whom, and the next clock of that client after it."""
        rng = self._rng
        client = rng.choice(EDITORS)
        clock = self.clocks[client]
        known = {**state, client: clock + 4}
        structs: list[bytes] = []
        for _ in range(rng.randint(1, 3)):
            text, units = rng.choice([("a", 1), ("bc", 2), ("漢é", 2), ("x😀", 3)])
            kind, content, length = rng.choice(
                [(4, string(text), units)] * 4 + [(DELETED, uint(2), 2), (GC, uint(2), 2), (7, uint(1), 1)]
            )
            where = rng.choice([("origin",), ("right",), ("origin", "right"), ("origin", "right"), ("parent",)])
            place = {side: self._any_id(known, client, clock) for side in where}
            at = (place.get("origin"), place.get("right"), place.get("parent"))
            structs.append(b"\x00" + content if kind == GC else struct(kind, content, *at))
            clock += length
        deletes: list[tuple[int, int, int]] = []
        if rng.random() < 0.5:
            victim = rng.choice([client for client, end in state.items() if end])
            deletes = [(victim, rng.randrange(state[victim]), rng.randint(1, 3))]
        return client, clock, update((client, self.clocks[client], structs), deletes=deletes)

    def _any_id(self, known: dict[int, int], client: int, clock: int) -> Id:
        owner = self._rng.choice([one for one, end in known.items() if end and (one != client or clock)])
        return (owner, self._rng.randrange(clock if owner == client else known[owner]))


@pytest.mark.interop
def test_what_is_let_in_means_the_same_to_everybody() -> None:
    logs: list[list[str]] = []
    texts: list[dict[str, str]] = []
    let_in = refused = 0
    for seed in range(SEEDS):
        doc = canvas()
        pages = doc.get("pages", type=Map)
        identity = Identity()
        log = [doc.get_update()]
        identity.apply(log[0])
        forge = Forger(seed)
        for _ in range(8):
            client, clock, data = forge(identity.state())
            change = identity.inspect(data)
            if change.foreign or change.gap:
                refused += 1
                continue
            let_in += 1
            forge.clocks[client] = clock
            identity.apply(data)
            doc.apply_update(data)
            log.append(data)
            assert identity.state()[client] == clock
            assert {page: identity.text(page) for page in identity.pages()} == {
                page: str(pages[page]["text"]) for page in pages
            }, (seed, data.hex())
        assert_sound(identity)
        logs.append([data.hex() for data in log])
        texts.append({page: identity.text(page) for page in identity.pages()})
    assert min(let_in, refused) > SEEDS
    answer = subprocess.run(
        ["node", str(node_project() / "interop/identity/read.mjs")],
        input="".join(json.dumps(log) + "\n" for log in logs),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert [json.loads(line) for line in answer.stdout.splitlines()] == texts


def spot(identity: Identity, page: str, offset: int) -> Id:
    item: Any = identity.position(page, offset)["item"]
    return (item["client"], item["clock"])


GONE = (7, 0)
"""Somebody's typing whose place is gone."""

FORGED: dict[str, tuple[Callable[[Identity], list[bytes]], str]] = {
    "into a letter": (lambda identity: [typed("x", parent=spot(identity, "one", 2))], "what is not a shared type"),
    "into a letter of its own": (
        lambda identity: [typed("ab", origin=spot(identity, "one", 2)), typed("x", parent=(8, 0))],
        "what is not a shared type",
    ),
    "beside what is gone": (
        lambda identity: [typed("x", origin=GONE, right=spot(identity, "one", 2))],
        "not in the same place",
    ),
    "the wrong way round": (
        lambda identity: [typed("x", origin=spot(identity, "one", 5), right=spot(identity, "one", 1))],
        "right neighbour stands before",
    ),
    "the wrong way round, in two hands' words": (
        lambda identity: [typed("x", origin=(6, 0), right=spot(identity, "one", 1))],
        "right neighbour stands before",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_places_that_no_editor_names_are_refused(what: str) -> None:
    identity = Identity()
    identity.apply(canvas().get_update())
    identity.apply(update((7, 0, [b"\x00" + uint(1)]), (6, 0, [typed("!", origin=spot(identity, "one", 8))])))
    forge, says = FORGED[what]
    foreign = identity.inspect(update((8, 0, forge(identity)))).foreign
    assert foreign is not None and says in foreign
