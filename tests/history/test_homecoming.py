"""A branch and its parent both go on; what comes back loses nothing of either."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from studiolo.canvas import Participant
from studiolo.history import Histories
from studiolo.rooms import Room, Rooms
from studiolo.rooms.branching import branch
from studiolo.rooms.homecoming import bring_home
from studiolo.store import Store
from tests.canvas.conftest import ADA, BEN

# Characters that are words of their own: each is written once, so it can be told what became of it.
SIGNS = [chr(0x4E00 + n) if n % 4 else chr(0x20000 + n) for n in range(2_000)]
EDIT = st.tuples(st.sampled_from([ADA, BEN]), st.integers(0, 60), st.integers(0, 4), st.integers(0, 3), st.booleans())


async def known(id: str) -> Participant | None:
    return {"ada": ADA, "ben": BEN}.get(id)


async def write(room: Room, page: str, edits: list[Any], signs: Any) -> set[str]:
    """Type into a page; what was written and is still there."""
    wrote: set[str] = set()
    for by, at, length, count, line in edits:
        text = room.canvas.page_text(page)
        start = min(at, len(text))
        find = text[start : start + length]
        new = "".join(next(signs) for _ in range(count)) + ("\n" if line and count else "")
        if find == new:
            continue
        position = room.canvas.document.identity.position
        hunk = {
            "find": find,
            "replace": new,
            "start": position(page, start, 0 if find else -1),
            "end": position(page, start + len(find), -1),
        }
        await room.apply({"type": "edit", "page": page, "hunks": [hunk]}, by)
        wrote |= set(new) - {"\n"}
    return wrote & set(room.canvas.page_text(page))


async def accept_all(room: Room) -> None:
    for record in list(room.canvas.suggestions.values()):
        if any(hunk.status == "open" for hunk in record.hunks):
            await room.apply({"type": "accept", "suggestion": record.id}, ADA)


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # each takes a database to make
@given(st.lists(EDIT, max_size=5), st.lists(EDIT, max_size=5), st.lists(EDIT, max_size=3))
def test_nothing_that_either_side_wrote_is_lost(at_home: list[Any], away: list[Any], later: list[Any]) -> None:
    async def play() -> None:
        signs = iter(SIGNS)
        with tempfile.TemporaryDirectory() as folder:
            store = await Store.open(f"sqlite:///{Path(folder)}/studiolo.db")
            rooms, histories = Rooms(store), Histories(store)
            try:
                text = "\n".join("".join(next(signs) for _ in range(12)) for _ in range(3))
                parent = await rooms.create("Book", [{"title": "One", "text": text, "kind": "prose"}], ADA)
                page = parent.canvas.outline()[0]["id"]
                one = await branch(rooms, store, parent.id, "What if", ADA)
                assert one.canvas.page_text(page) == text
                assert one.canvas.authors(page) == parent.canvas.authors(page)
                home = await write(parent, page, at_home, signs)
                gone = await write(one, page, away, signs)

                before = parent.canvas.page_text(page)
                await bring_home(histories, parent, one.id, "What if", known, ADA)
                assert parent.canvas.page_text(page) == before
                told = await bring_home(histories, parent, one.id, "What if", known, ADA)
                assert told["suggestions"] == told["withdrawn"] == []

                gone = (gone | await write(one, page, later, signs)) & set(one.canvas.page_text(page))
                await bring_home(histories, parent, one.id, "What if", known, ADA)
                await accept_all(parent)
                now = parent.canvas.page_text(page)
                stale = "".join(
                    hunk.replace
                    for record in parent.canvas.suggestions.values()
                    for hunk in record.hunks
                    if hunk.status == "stale"
                )
                assert home <= set(now)
                assert gone <= set(now) | set(stale)
                assert len(set(now) - {"\n"}) == len(now) - now.count("\n")  # and nothing came twice
                if not at_home:
                    assert now == one.canvas.page_text(page)
                again = await bring_home(histories, parent, one.id, "What if", known, ADA)
                assert again["suggestions"] == []
            finally:
                histories.close()
                await rooms.close()
                await store.close()

    asyncio.run(play())
