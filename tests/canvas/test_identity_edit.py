"""Edits that `Identity` writes arrive in Yjs and in pycrdt as what they say, whatever happens meanwhile."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from studiolo.canvas.identity import Identity, Run, TextEdit
from tests.interop.node import node_project

AUTHOR = 77
WORDS = ["a", "the end. ", "漢字", "😀", "👩‍🚀😁", "🇫🇷", "e\u0301", "\n\n", "", "", "x"]

Ask = Callable[[dict[str, Any]], dict[str, Any]]


def canvas(text: str, client: int = 5) -> tuple[Doc[Any], Identity]:
    """A document with one page "p" that holds `text`, and its identity."""
    doc: Doc[Any] = Doc(client_id=client)
    doc.get("pages", type=Map)["p"] = Map({"title": "P", "text": Text(text)})
    identity = Identity()
    identity.apply(doc.get_update())
    return doc, identity


def shown(doc: Doc[Any], page: str = "p") -> str:
    return str(doc.get("pages", type=Map)[page]["text"])


def edited(text: str, edits: list[TextEdit]) -> str:
    """What `edits` make of `text`, by plain string work."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += [text[at : edit.start], edit.insert]
        at = edit.end
    return "".join([*parts, text[at:]])


def random_edits(rng: random.Random, length: int) -> list[TextEdit]:
    edits: list[TextEdit] = []
    at = 0
    while len(edits) < rng.choice([1, 1, 2, 4]):
        start = rng.randint(at, min(length, at + rng.choice([0, 3, 20])))
        end = rng.randint(start, min(length, start + rng.choice([0, 2, 9])))
        edits.append(TextEdit(start, end, rng.choice(WORDS)))
        at = end
    return edits


@pytest.fixture(scope="module")
def yjs() -> Iterator[Ask]:
    """Two Yjs peers in a node process; one line of JSON asks, one answers."""
    process = subprocess.Popen(
        ["node", str(node_project() / "interop/identity/answer.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(question: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    with process:
        yield ask
        assert process.stdin
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.interop
def test_yjs_pycrdt_and_identity_agree_while_all_edit(yjs: Ask) -> None:
    written = 0
    for seed in range(120):
        rng = random.Random(seed)
        identity = Identity()
        doc: Doc[Any] = Doc(client_id=AUTHOR)
        mine: list[str] = []

        def take(update: bytes, identity: Identity = identity, doc: Doc[Any] = doc) -> None:
            assert not identity.inspect(update).gap
            identity.apply(update)
            doc.apply_update(update)

        for update in yjs({"seed": seed})["ours"]:
            take(bytes.fromhex(update))
        for _ in range(12):
            theirs = yjs({"theirs": mine})["ours"]
            mine = []
            for _ in range(rng.randint(0, 3)):
                page = rng.choice(identity.pages())
                before = identity.text(page)
                edits = random_edits(rng, len(before))
                update = identity.edit(page, edits, AUTHOR)
                change = identity.inspect(update)
                assert (change.foreign, change.gap) == (None, False)
                assert change.pages == (frozenset() if change.empty else {page})
                take(update)
                assert identity.text(page) == edited(before, edits)
                assert shown(doc, page) == identity.text(page)
                mine.append(update.hex())
                written += not change.empty
            for update in theirs:
                take(bytes.fromhex(update))
        for update in yjs({"theirs": mine})["ours"]:
            take(bytes.fromhex(update))
        for page, expected in yjs({"end": True})["pages"].items():
            assert identity.text(page) == shown(doc, page) == expected["text"], seed
            assert [[run.client, run.clock] for run in identity.runs(page)] == [run[:2] for run in expected["runs"]], (
                seed
            )
    assert written > 500


text_and_edits = st.text(max_size=30).flatmap(
    lambda text: st.tuples(
        st.just(text),
        st.lists(st.tuples(st.integers(0, len(text)), st.text(max_size=4)), max_size=6).map(
            lambda spots: [
                TextEdit(a[0], b[0], a[1]) for a, b in zip(sorted(spots)[::2], sorted(spots)[1::2], strict=False)
            ]
        ),
    )
)


@given(text_and_edits)
def test_an_edit_does_what_it_says(case: tuple[str, list[TextEdit]]) -> None:
    text, edits = case
    doc, identity = canvas(text)
    before = identity.text("p")
    assert before == text
    update = identity.edit("p", edits, AUTHOR)
    assert identity.text("p") == before, "nothing is applied yet"
    identity.apply(update)
    doc.apply_update(update)
    assert identity.text("p") == shown(doc) == edited(text, edits)
    inserted = sum(len(edit.insert) for edit in edits)
    assert sum(run.length for run in identity.runs("p") if run.client == AUTHOR) == inserted


def test_insertions_at_one_offset_keep_their_order() -> None:
    doc, identity = canvas("ab")
    edits = [TextEdit(0, 1, "1"), TextEdit(1, 1, "2"), TextEdit(1, 1, "3"), TextEdit(2, 2, "4"), TextEdit(2, 2, "5")]
    update = identity.edit("p", edits, AUTHOR)
    identity.apply(update)
    doc.apply_update(update)
    assert identity.text("p") == shown(doc) == "123b45"


def test_typing_into_a_page_that_was_emptied() -> None:
    doc, identity = canvas("gone")
    for edits in ([TextEdit(0, 4, "")], [TextEdit(0, 0, "new")]):
        update = identity.edit("p", edits, AUTHOR)
        identity.apply(update)
        doc.apply_update(update)
    assert identity.text("p") == shown(doc) == "new"
    assert identity.runs("p") == [Run(0, 3, AUTHOR, 0)]


def test_one_hand_typing_stays_one_run() -> None:
    _, identity = canvas("")
    for offset, letter in enumerate("typing 😀 on"):
        identity.apply(identity.edit("p", [TextEdit(offset, offset, letter)], AUTHOR))
    assert identity.text("p") == "typing 😀 on"
    assert identity.runs("p") == [Run(0, 11, AUTHOR, 0)]


def test_no_edit_is_the_empty_update() -> None:
    _, identity = canvas("text")
    update = identity.edit("p", [TextEdit(2, 2, "")], AUTHOR)
    assert update == b"\0\0"
    assert identity.inspect(update).empty


def test_halves_of_characters_are_joined_or_replaced() -> None:
    doc, identity = canvas("")
    update = identity.edit("p", [TextEdit(0, 0, "\ud83d\ude00 and \ud83d alone")], AUTHOR)
    identity.apply(update)
    doc.apply_update(update)
    assert identity.text("p") == shown(doc) == "😀 and \ufffd alone"


@pytest.mark.parametrize(
    "edits",
    [
        [TextEdit(0, 5, "")],
        [TextEdit(-1, 0, "x")],
        [TextEdit(3, 2, "x")],
        [TextEdit(0, 3, "x"), TextEdit(2, 4, "y")],
        [TextEdit(3, 3, "x"), TextEdit(0, 1, "y")],
    ],
)
def test_edits_that_do_not_fit_are_refused(edits: list[TextEdit]) -> None:
    _, identity = canvas("text")
    with pytest.raises(ValueError, match="does not fit"):
        identity.edit("p", edits, AUTHOR)


def test_a_page_that_is_not_there() -> None:
    _, identity = canvas("text")
    for ask in (
        lambda: identity.text("q"),
        lambda: identity.length("q"),
        lambda: identity.runs("q"),
        lambda: identity.position("q", 0),
        lambda: identity.edit("q", [], AUTHOR),
    ):
        with pytest.raises(KeyError):
            ask()
