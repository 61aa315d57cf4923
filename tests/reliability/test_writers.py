"""Many kinds of writers at once: Yjs and the studio count characters alike, and nobody replaces what others typed."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from studiolo.store import LogRow, Store
from tests.conftest import ServedStudio
from tests.interop.test_y_websocket import Peers, until
from tests.reliability.typist import check_all_is_there, converge, guests, served_texts, tokens
from tests.web.test_canvases import act
from tests.web.yclient import YClient

# Surrogate pairs, a family of five code points, a flag, Chinese, combining accents, right to left.
PIECES = ["a", "é", "🌊", "鯨", "👩‍👩‍👧", "🇫🇷", "e\u0301", "שלום", "\n", "𝒳"]


# 15. Positions in text that is not ASCII


@pytest.mark.interop
def test_positions_in_any_script_are_the_same_for_yjs_and_the_studio(studio: ServedStudio, peers: Peers) -> None:
    """Two Yjs clients type and delete anywhere, and an agent edits by quotation, all at once."""
    rng = Random(15)
    marks = [f"[{number}🌊]" for number in range(12)]
    made = studio.canvas("Ünd 鯨 👩‍👩‍👧 " + " 𝒳 ".join(marks))
    page = made["pages"][0]["id"]
    for name in ("a", "b"):
        peers.join(studio, name, made["id"])
    with studio.client() as owner:
        for step in range(120):
            text = "".join(rng.choices(PIECES, k=rng.randrange(3)))
            peers("strike", rng.choice("ab"), page=page, part=rng.random() * 0.9, text=text, gone=rng.randrange(2))
            if step % 10 == 9:
                mark = marks[step // 10]
                hunk = {"find": mark, "replace": f"<{step}鯨>"}
                answer = act(owner, made["id"], "edit", page=page, hunks=[hunk])
                assert answer.status_code == 200 or mark not in served_texts(studio, made["id"], [page])[page]
        last = served_texts(studio, made["id"], [page])
        until(lambda: peers("text", "a", page=page) == peers("text", "b", page=page))
        text = peers("text", "a", page=page)
        until(lambda: served_texts(studio, made["id"], [page])[page] == text)
    assert last and not peers("closes", "a") and not peers("closes", "b")
    peers.join(studio, "c", made["id"])
    assert peers("text", "c", page=page) == text and "\ufffd" not in text


@pytest.mark.interop
def test_half_a_character_is_refused_and_changes_nothing(studio: ServedStudio, peers: Peers) -> None:
    """Yjs lets a program cut a surrogate pair, and then two Yjs clients differ for ever; here it goes no further."""
    made = studio.canvas("a🌊b")
    page = made["pages"][0]["id"]
    peers.join(studio, "a", made["id"])
    peers.join(studio, "b", made["id"])
    peers("insert", "a", page=page, at=2, text="x")
    close = until(lambda: peers("closes", "a"))[0]
    assert close["code"] == 4403 and "character" in close["reason"]
    peers("insert", "b", page=page, at=3, text="y")
    until(lambda: served_texts(studio, made["id"], [page])[page] == "a🌊yb")
    assert peers("text", "b", page=page) == "a🌊yb"


# 16. Writers who do not type


class Counting(YClient):
    received = 0

    def _take(self, frame: bytes) -> None:
        self.received += len(frame)
        super()._take(frame)


async def test_a_page_that_is_replaced_whole_becomes_small_edits(studio: ServedStudio) -> None:
    """An agent that rewrites a page keeps what it did not change: its authors, and what others type into it."""
    text = " ".join(f"word{number}" for number in range(5_000))
    made = studio.canvas(text)
    page = made["pages"][0]["id"]
    token = studio.make_token("editor", made["id"], "Ada")
    async with Counting(studio.sync_url(made["id"], token, ack="1")) as ada:
        await ada.ready()
        whole = {"find": text, "replace": text.replace("word77 ", "WORD 77 ").replace(" word4900", "")}
        ada.insert(page, text.index("word2500"), "(meanwhile) ")
        await ada.until(lambda: ada.acked == 2)
        ada.received = 0
        with studio.client() as owner:
            answer = await asyncio.to_thread(act, owner, made["id"], "edit", page=page, hunks=[whole])
            if answer.status_code != 200:  # it quotes what is no longer there, so it is told to look again
                assert answer.status_code in (404, 409, 422) and answer.json()["error"]["hint"]
                assert served_texts(studio, made["id"], [page])[page] == ada.text(page)
                whole["find"] = ada.text(page)
                whole["replace"] = ada.text(page).replace("word77 ", "WORD 77 ").replace(" word4900", "")
                answer = await asyncio.to_thread(act, owner, made["id"], "edit", page=page, hunks=[whole])
                assert answer.status_code == 200, answer.text
        wanted = text.replace("word2500", "(meanwhile) word2500").replace("word77 ", "WORD 77 ")
        await ada.until(lambda: ada.text(page) == wanted.replace(" word4900", ""))
        assert ada.received < 2_000, "of a page of 40,000 characters"


async def test_agents_edit_while_people_type(studio: ServedStudio) -> None:
    rng = Random(16)
    marks = [f"mark {number}." for number in range(100, 130)]
    made = studio.canvas(" ".join(marks))
    pages = [page["id"] for page in made["pages"]]
    typists = await asyncio.to_thread(guests, studio, made["id"], 4)
    async with AsyncExitStack() as lines:
        for typist in typists:
            await lines.enter_async_context(typist)
        await converge(typists, pages)
        floods = [asyncio.create_task(typist.flood(pages, rng, window=5)) for typist in typists]

        def edit_all() -> None:
            with studio.client() as owner:
                for mark in marks:
                    hunk = {"find": mark, "replace": mark.upper()}
                    answer = act(owner, made["id"], "edit", page=pages[0], hunks=[hunk])
                    assert answer.status_code == 200, answer.text

        await asyncio.to_thread(edit_all)
        for flood in floods:
            flood.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
        texts = await converge(typists, pages)
    check_all_is_there(typists, tokens(texts.values()))
    assert " ".join(mark.upper() for mark in marks) in texts[pages[0]]
    assert await asyncio.to_thread(served_texts, studio, made["id"], pages) == texts


async def test_a_second_program_that_writes_to_the_same_log_is_noticed(studio: ServedStudio) -> None:
    """The room cannot store what does not follow: it is loaded anew, and both have their text in it."""
    made = studio.canvas("Once.")
    page = made["pages"][0]["id"]
    other = await Store.open(studio.home / "studiolo.db")

    async def append(text: str, client: int) -> None:
        loaded = await other.load(made["id"])
        doc: Doc[Any] = Doc(client_id=client)
        for update in [*([loaded.snapshot] if loaded.snapshot else []), *loaded.updates]:
            doc.apply_update(update)
        before = doc.get_state()
        body: Text = doc.get("pages", type=Map)[page]["text"]
        body.insert(0, text)
        row = LogRow(made["id"], loaded.seq + 1, time.time(), "other", doc.get_update(before), {client: "other"})
        await other.append([row])

    try:
        async with YClient(studio.sync_url(made["id"], ack="1")) as ada:
            await ada.ready()
            await append("(theirs) ", 901)
            ada.insert(page, 0, "(mine) ")
            assert (await ada.until_closed())[0] == 1013
        assert ada.acked == 1, "it was told that what could not be stored is stored"
        async with ada:
            await ada.until(lambda: ada.acked == 1 and "(theirs) " in ada.text(page))
            await append("(again) ", 902)
            with studio.client() as owner:
                said = await asyncio.to_thread(act, owner, made["id"], "say", text="hello")
                assert said.status_code in (409, 503), said.text
                again = await asyncio.to_thread(act, owner, made["id"], "say", text="hello")
                assert again.status_code == 200, again.text
                view = (await asyncio.to_thread(owner.get, f"/api/canvases/{made['id']}")).json()
    finally:
        await other.close()
    text = view["pages"][0]["text"]
    assert [text.count(part) for part in ("(theirs) ", "(mine) ", "(again) ", "Once.")] == [1, 1, 1, 1]
    assert len(view["chat"]) == 1
