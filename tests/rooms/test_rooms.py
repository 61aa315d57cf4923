"""Rooms over a real database: what people type reaches the disk, then everybody; and nothing where it must not."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from studiolo.canvas import Canvas, Participant
from studiolo.canvas.errors import NotFound, Unavailable
from studiolo.rooms import Room, Rooms, protocol
from studiolo.store import Answer, Store

from .client import Client, until

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben", "person", "#e40c48", "editor")
VAL = Participant("val", "Val", "person", "#a84884", "viewer")
MUSE = Participant("muse", "Muse", "agent", "#9048fc", "commenter")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "studiolo.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite+aiosqlite:///{path}", patience=0.3)
    yield store
    await store.close()


@pytest.fixture
async def rooms(store: Store) -> AsyncIterator[Rooms]:
    rooms = Rooms(store, linger=0.05)
    yield rooms
    await rooms.close()


async def opened(rooms: Rooms, text: str = "Once 🌊 upon a time.") -> tuple[Room, str]:
    room = await rooms.create("Book", [{"title": "One", "text": text, "kind": "prose"}], ADA)
    return room, room.canvas.outline()[0]["id"]


async def test_two_people_type_and_a_third_joins_later(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    await ada.type(page, 0, "Ada: ")
    await ben.type(page, 0, "Ben 👩‍👩‍👧: ")
    await until(lambda: ada.text(page) == ben.text(page) == room.canvas.page_text(page))
    assert "Ada: " in ada.text(page) and "Ben 👩‍👩‍👧: " in ada.text(page)
    val = await Client(room, VAL).start()
    assert val.text(page) == ada.text(page)
    assert val.asked == []  # a viewer has nothing to say


async def test_an_action_that_changes_nothing_is_answered(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    hunks = [{"find": "upon", "replace": "in"}]
    made = await room.apply({"type": "suggest", "page": page, "hunks": hunks}, MUSE)
    await until(lambda: not room.storing)
    draft = {"type": "amend", "suggestion": made.id, "hunks": [{"replace": "in"}], "draft": True}
    await room.apply(draft, MUSE)
    await until(lambda: not room.storing)
    async with asyncio.timeout(5):
        assert (await room.apply(draft, MUSE)).update == b""
        identity = room.canvas.document.identity
        ends = {"start": identity.position(page, 0), "end": identity.position(page, 4, -1)}
        assert (await room.apply({"type": "pasted", "page": page, **ends}, ADA)).update == b""


async def test_who_typed_what_is_known_after_a_restart(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms, "start")
    ben = await Client(room, BEN).start()
    await ben.type(page, 0, "Ben’s ")
    s = await room.apply({"type": "suggest", "page": page, "hunks": [{"find": "start", "replace": "beginning"}]}, MUSE)
    await room.apply({"type": "accept", "suggestion": s.id}, ADA)
    await rooms.close()
    again = await Rooms(store).get(room.id)
    text = again.canvas.page_text(page)
    runs = [(text[r["start"] :][: r["length"]], r["participant"]) for r in again.canvas.authors(page)]
    assert runs == [("Ben’s ", "ben"), ("beginning", "muse")]


async def test_nobody_sees_what_is_not_stored(rooms: Rooms, path: Path) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA, ack=True).start(), await Client(room, BEN).start()
    await until(lambda: ada.asked and ada.acked == 1)
    lock = sqlite3.connect(path)
    lock.execute("BEGIN IMMEDIATE")
    await ada.type(page, 0, "secret ")
    await asyncio.sleep(0.1)
    late = Client(room, VAL)
    await late.send(protocol.sync_step_1(late.doc.get_state()))
    await asyncio.sleep(0.05)
    assert ada.acked == 1 and "secret" not in ben.text(page) and not late.synced.is_set()
    lock.rollback()
    lock.close()
    await until(lambda: ada.acked == 2 and "secret" in ben.text(page) and late.synced.is_set())
    assert "secret" in late.text(page)


async def test_a_database_that_stays_locked_loses_nothing(rooms: Rooms, path: Path) -> None:
    room, page = await opened(rooms)
    ada = await Client(room, ADA, ack=True).start()
    lock = sqlite3.connect(path)
    lock.execute("BEGIN IMMEDIATE")
    await ada.type(page, 0, "kept at home ")
    with pytest.raises(Unavailable) as refused:
        await room.apply({"type": "say", "text": "hello"}, ADA)
    assert refused.value.hint
    await until(lambda: ada.closed)
    assert ada.closed and ada.closed[0] == 1013
    lock.rollback()
    lock.close()
    again = await rooms.get(room.id)
    assert again is not room and "kept" not in again.canvas.page_text(page)
    back = await Client(again, ADA, ack=True, doc=ada.doc).start()
    await until(lambda: "kept at home" in again.canvas.page_text(page) and back.acked == 1)
    assert again.canvas.page_text(page).count("kept at home") == 1


def forged(room: Room, client: int, change: Any) -> bytes:
    doc: Doc[Any] = Doc(client_id=client)
    doc.apply_update(room.canvas.document.update_since())
    before = doc.get_state()
    change(doc)
    return protocol.sync_update(doc.get_update(before))


def write_text(doc: Doc[Any]) -> None:
    pages: Map[Any] = doc.get("pages", type=Map)
    next(iter(pages.values()))["text"].insert(0, "forged ")


def write_suggestion(doc: Doc[Any]) -> None:
    doc.get("suggestions", type=Map)["fake"] = Map({"status": "accepted"})


def delete_page(doc: Doc[Any]) -> None:
    pages: Map[Any] = doc.get("pages", type=Map)
    del pages[next(iter(pages.keys()))]


def rename_page(doc: Doc[Any]) -> None:
    pages: Map[Any] = doc.get("pages", type=Map)
    next(iter(pages.values()))["title"] = "Mine"


def new_root(doc: Doc[Any]) -> None:
    doc.get("elsewhere", type=Text).insert(0, "hello")


def bold(doc: Doc[Any]) -> None:
    pages: Map[Any] = doc.get("pages", type=Map)
    next(iter(pages.values()))["text"].format(0, 4, {"bold": True})


@pytest.mark.parametrize("change", [write_suggestion, delete_page, rename_page, new_root, bold])
async def test_only_the_text_of_pages_can_be_typed_into(rooms: Rooms, change: Any) -> None:
    room, _ = await opened(rooms)
    before = room.canvas.view()
    ben, ada = await Client(room, BEN).start(), await Client(room, ADA).start()
    await ben.send(forged(room, 77, change))
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4403
    assert room.canvas.view() == before and ada.closed is None


async def test_a_viewer_cannot_write_by_any_message(rooms: Rooms) -> None:
    room, _ = await opened(rooms)
    before = room.canvas.view()
    for kind in (protocol.UPDATE, protocol.STEP_2):
        val = await Client(room, VAL).start()
        frame = forged(room, 78, write_text)
        await val.send(bytes((0, kind)) + frame[2:])
        await until(lambda val=val: val.closed)
        assert val.closed and val.closed[0] == 4403 and "viewer" in val.closed[1]
    assert room.canvas.view() == before


async def test_nobody_writes_with_the_client_id_of_somebody_else(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    await ada.type(page, 0, "mine ")
    await until(lambda: "mine" in ben.text(page))
    await ben.send(forged(room, ada.doc.client_id, write_text))
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4403 and "forged" not in room.canvas.page_text(page)


GARBAGE = [
    b"",
    b"\x00",
    b"\x00\x00",
    b"\x00\x00\x05\x01",
    b"\x00\x02\x03\xff\xff\xff",
    b"\x00\x07\x00",
    b"\x01\x05{}",
    b"\x01\x07\x01\x01\x01\x03abc",
    b"\x09",
    b"\xff" * 40,
    bytes(range(256)),
]


@pytest.mark.parametrize("frame", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_closes_its_sender_and_touches_nobody_else(rooms: Rooms, frame: bytes) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    await ben.send(frame)
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4400 and ben.closed[1]
    await ada.type(page, 0, "still here ")
    await until(lambda: "still here" in room.canvas.page_text(page))
    assert ada.closed is None


async def test_an_update_with_a_hole_before_it_is_asked_for_again(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ben = await Client(room, BEN).start()
    await until(lambda: ben.asked)
    ben.asked.clear()
    text: Text = ben.pages[page]["text"]
    text.insert(0, "lost on the way ")  # never sent
    await ben.type(page, 0, "arrives ")
    await until(lambda: ben.asked)
    await until(lambda: room.canvas.page_text(page).startswith("arrives lost on the way "))
    assert ben.closed is None


async def test_a_reader_that_stops_reading_is_sent_away_and_the_others_go_on(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    val = await Client(room, VAL).start()
    val.reading.clear()
    block = "x" * 352_000
    for _ in range(14):
        await ada.type(page, 0, block)
        await until(lambda: len(ben.text(page)) == len(ada.text(page)))
    await until(lambda: val.connection not in room.connections)
    await until(lambda: len(ben.text(page)) > 4_800_000)
    val.reading.set()
    await until(lambda: val.closed)
    assert val.closed and val.closed[0] == 1013 and ben.closed is None


async def test_people_see_who_is_here_under_their_true_names(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada = await Client(room, ADA).start()
    await ada.stand(1, 1, {"user": {"name": "The Queen", "role": "owner"}, "page": page})
    ben = await Client(room, BEN).start()
    await until(lambda: ben.present.get(1))
    assert ben.present[1] and ben.present[1]["user"] == ADA.as_dict() and ben.present[1]["page"] == page
    await ben.stand(2, 1, {"page": page})
    await ben.stand(1, 9, {"user": {}, "page": "elsewhere"})  # an echo, or an impostor
    await until(lambda: ada.present.get(2))
    assert 1 not in ada.present  # nobody is told where they are themselves
    room.show(MUSE, {"page": page, "status": "writing"})
    await until(lambda: any(state and state["user"]["id"] == "muse" for state in ben.present.values()))
    room.show(MUSE, None)
    await ada.leave()
    await until(lambda: ben.present[1] is None)
    await until(lambda: not any(s and s["user"]["id"] == "muse" for s in ben.present.values()))
    back = await Client(room, ADA).start()
    await back.stand(1, 1, {"page": page})
    await until(lambda: ben.present[1])


@pytest.mark.parametrize("state", ['{"x":"\\ud800"}', '{"x":NaN}', "[1]", '{"x":' * 2000 + "1" + "}" * 2000])
async def test_a_state_that_no_browser_could_read_reaches_no_browser(rooms: Rooms, state: str) -> None:
    room, page = await opened(rooms)
    ada, val = await Client(room, ADA).start(), await Client(room, VAL).start()
    body = bytes((1, 9, 1)) + varuint(len(state)) + state.encode()
    await val.send(bytes((1,)) + varuint(len(body)) + body)
    await until(lambda: val.closed)
    assert val.closed and val.closed[0] == 4400
    await room.apply({"type": "rename_page", "page": page, "title": "Two"}, BEN)
    await until(lambda: ada.pages[page]["title"] == "Two")


def varuint(number: int) -> bytes:
    return bytes((number & 127 | 128, number >> 7)) if number > 127 else bytes((number,))


async def test_nobody_types_under_the_id_of_somebody_who_is_here(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    await ada.stand(ada.doc.client_id, 1, {"page": page})
    await ben.send(forged(room, ada.doc.client_id, write_text))
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4403
    await ada.type(page, 0, "mine ")
    await until(lambda: room.canvas.page_text(page).startswith("mine "))


async def test_somebody_who_comes_back_is_seen_where_they_are_now(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ben, old = await Client(room, BEN).start(), await Client(room, ADA).start()
    await old.stand(1, 1, {"page": "there"})
    new = await Client(room, ADA).start()
    await new.stand(1, 5, {"page": page})
    await until(lambda: (ben.present.get(1) or {}).get("page") == page)
    await old.leave()
    await new.stand(1, 6, {"page": "elsewhere"})
    await until(lambda: (ben.present.get(1) or {}).get("page") == "elsewhere")


async def test_a_new_name_is_seen_at_once(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    await ada.stand(1, 1, {"page": page})
    await until(lambda: ben.present.get(1))
    rooms.rename(Participant(ADA.id, "Augusta", "person", "#606c00"))
    await until(lambda: (ben.present[1] or {})["user"]["name"] == "Augusta")
    assert (ben.present[1] or {})["user"]["role"] == "owner"


async def test_a_reader_who_asks_again_and_again_without_reading_is_sent_away(rooms: Rooms) -> None:
    room, _ = await opened(rooms, "x" * 1_000_000)
    val = await Client(room, VAL).start()
    val.reading.clear()
    for _ in range(10):
        await val.send(protocol.sync_step_1(b"\x00"))
    await until(lambda: val.connection not in room.connections)


async def test_what_is_acknowledged_is_stored_even_after_a_hole(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    ben = await Client(room, BEN, ack=True).start()
    await until(lambda: ben.acked == 1)
    text: Text = ben.pages[page]["text"]
    text.insert(0, "first ")  # this one is lost on the way
    await ben.type(page, 0, "second ")
    await until(lambda: room.canvas.page_text(page).startswith("second first "))
    await until(lambda: ben.acked == 3)  # the frame with the hole counts once the one that fills it is stored


async def test_a_room_that_was_put_away_takes_nothing_more(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    await until(lambda: rooms.live == 0)
    with pytest.raises(Unavailable):
        await room.apply({"type": "rename_page", "page": page, "title": "Late"}, ADA)
    again = await rooms.get(room.id)
    await again.apply({"type": "rename_page", "page": page, "title": "In time"}, ADA)


async def test_a_suggestion_streams_to_everybody(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ben = await Client(room, BEN).start()
    begin = {"type": "suggest", "page": page, "hunks": [{"find": "", "before": "a time."}], "streaming": True}
    id = str((await room.apply(begin, MUSE)).id)
    suggestions: Map[Any] = ben.doc.get("suggestions", type=Map)
    for word in (" There", " was", " 鯨."):
        await room.apply({"type": "extend", "suggestion": id, "text": word}, MUSE)
        seen = str(suggestions[id]["hunks"][0]["replace"])
        await until(lambda word=word: str(suggestions[id]["hunks"][0]["replace"]).endswith(word))
    await room.apply({"type": "finish", "suggestion": id}, MUSE)
    await room.apply({"type": "accept", "suggestion": id}, ADA)
    await until(lambda: ben.text(page) == "Once 🌊 upon a time. There was 鯨.")
    assert seen != ""


async def test_typing_over_a_suggestion_makes_it_stale_by_itself(rooms: Rooms) -> None:
    room, page = await opened(rooms, "grey whale")
    ben = await Client(room, BEN).start()
    suggestion = {"type": "suggest", "page": page, "hunks": [{"find": "grey whale", "replace": "white whale"}]}
    id = str((await room.apply(suggestion, MUSE)).id)
    await ben.type(page, 2, "XX")
    suggestions: Map[Any] = ben.doc.get("suggestions", type=Map)
    await until(lambda: suggestions[id]["status"] == "stale")


async def test_fifty_who_come_at_once_share_one_room(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    await rooms.close()
    others = Rooms(store)
    found = await asyncio.gather(*(others.get(room.id) for _ in range(50)))
    assert len({id(each) for each in found}) == 1
    clients = await asyncio.gather(*(Client(found[0], VAL).start() for _ in range(50)))
    assert all(client.text(page) == "Once 🌊 upon a time." for client in clients)
    with pytest.raises(NotFound):
        await others.get("nope")
    await others.close()


async def test_an_empty_room_is_let_go_and_comes_back_whole(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ben = await Client(room, BEN).start()
    await ben.type(page, 0, "Ben was here. ")
    await until(lambda: "Ben was here" in room.canvas.page_text(page))
    await asyncio.sleep(0.2)
    assert rooms.live == 1
    await ben.leave()
    await until(lambda: rooms.live == 0)
    again = await rooms.get(room.id)
    assert again is not room and again.canvas.view() == room.canvas.view()


async def test_a_snapshot_equals_the_replay_of_the_whole_log(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    rng = random.Random(11)
    people = [await Client(room, ADA).start(), await Client(room, BEN).start()]
    for _ in range(300):
        who = rng.choice(people)
        length = len(who.text(page))
        where = rng.randrange(length + 1)
        at, end = (len(who.text(page)[:n].encode()) for n in (where, min(length, where + rng.randrange(3))))
        await who.type(page, at, rng.choice(["a", "é", "🌊", "鯨 "]), end - at)
        if rng.random() < 0.1:
            await asyncio.sleep(0.01)
    await room.apply({"type": "say", "text": "done"}, ADA)
    await rooms.close()
    loaded = await store.load(room.id)
    assert loaded.snapshot is not None and loaded.updates == []
    log = [row.data async for row in store.history(room.id) if row.data]
    assert len(log) > 300

    def canvas(updates: list[bytes]) -> Canvas:
        return Canvas(updates, loaded.owners, clock=lambda: 0.0, random=random.Random(1))

    replayed, compacted = canvas(log), canvas([loaded.snapshot])
    assert replayed.view() == compacted.view() == room.canvas.view()
    assert replayed.authors(page) == compacted.authors(page)


async def test_deleting_a_canvas_sends_everybody_away(rooms: Rooms) -> None:
    room, _ = await opened(rooms)
    ben = await Client(room, BEN).start()
    await rooms.delete(room.id)
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4404
    with pytest.raises(NotFound):
        await room.apply({"type": "say", "text": "hello?"}, ADA)
    with pytest.raises(NotFound):
        await rooms.get(room.id)


async def test_whoever_loses_access_is_sent_away(rooms: Rooms) -> None:
    room, _ = await opened(rooms)
    ada, ben = await Client(room, ADA).start(), await Client(room, BEN).start()
    rooms.evict(BEN.id)
    await until(lambda: ben.closed)
    assert ben.closed and ben.closed[0] == 4401 and ada.closed is None


async def test_the_list_of_canvases_learns_what_changed(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    about = {"pages": 1, "words": 5, "open_suggestions": 0}
    assert (await store.canvas(room.id)).summary == {**about, "told": 1}
    await room.apply({"type": "suggest", "page": page, "hunks": [{"find": "Once", "replace": "Twice"}]}, MUSE)
    await room.apply({"type": "add_page", "title": "Two", "text": "two words"}, ADA)
    await room.apply({"type": "retitle", "title": "Novel"}, ADA)
    await rooms.close()
    record = await store.canvas(room.id)
    about = {"pages": 2, "words": 7, "open_suggestions": 1}
    assert record.title == "Novel" and record.summary == {**about, "told": 4}


async def test_the_answer_to_a_retry_is_stored_with_what_was_done(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    rename = {"type": "rename_page", "page": page, "title": "Two"}
    await room.apply(rename, ADA, lambda outcome: Answer("key-1", {"body": outcome.as_dict()}))
    kept = await store.recall("key-1", ADA.id, room.id)
    assert kept == {"body": {"outcome": "renamed", "id": page, "title": "Two"}}
    assert await store.recall("key-1", BEN.id, room.id) is None
