"""What waits for people: each thing once, for those whom it concerns, what needs them most first, and still after a
restart without opening a canvas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.canvas import Participant
from studiolo.canvas.participant import Role
from studiolo.rooms import Inbox, Reader, Room, Rooms
from studiolo.rooms.catching_up import catch_up
from studiolo.rooms.urgency import concerns, urgency
from studiolo.rooms.waiting import LONGEST, waiting
from studiolo.store import Store, inbox, tasks
from studiolo.tasks.task import Task

from .client import Client, until

ADA = Participant("ada", "Ada", "person", "#1878b4", "owner")
BEN = Participant("ben", "Ben Nye", "person", "#e40c48", "commenter")
MUSE = Participant("muse", "Muse", "agent", "#9048fc", "commenter")

TEXT = "Mara came back in winter. The keeper had gone down to the sea. Nobody answered.\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "studiolo.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite+aiosqlite:///{path}")
    yield store
    await store.close()


@pytest.fixture
async def rooms(store: Store) -> AsyncIterator[Rooms]:
    rooms = Rooms(store, linger=0.05)
    yield rooms
    await rooms.close()


async def opened(rooms: Rooms, text: str = TEXT, title: str = "Book") -> tuple[Room, str]:
    room = await rooms.create(title, [{"title": "One", "text": text, "kind": "prose"}], ADA)
    return room, room.canvas.outline()[0]["id"]


async def suggest(room: Room, page: str, find: str, replace: str, by: Participant = MUSE, **more: Any) -> str:
    hunks = [{"find": find, "replace": replace}]
    return (await room.apply({"type": "suggest", "page": page, "hunks": hunks, **more}, by)).id or ""


def reader(who: Participant, role: Role | None = None) -> Reader:
    return Reader(who.id, who.name, role or who.role)


async def of(store: Store, rooms: Rooms, who: Participant, *canvases: str) -> list[dict[str, Any]]:
    there = Inbox(store, rooms)
    return await there.shown(await there.entries({canvas: reader(who) for canvas in canvases}))


# -- what an item says


async def test_a_suggestion_comes_with_its_change_in_context_its_reason_and_what_it_rests_on(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    evidence: list[dict[str, Any]] = [
        {"text": "She says so.", "page": page, "quote": "Nobody answered"},
        {"text": "And so does he.", "page": page, "quote": "Somebody answered"},
        {"text": "A source", "url": "https://example.org/keepers"},
    ]
    id = await suggest(
        room, page, "keeper", "keeper’s wife", reason="She lived there.", evidence=evidence, skill="rewrite", model="m"
    )
    (item,) = waiting(room.canvas)
    (option,) = item["options"]
    assert (item["id"], item["kind"], item["title"]) == (f"s:{id}", "suggestion", "One")
    assert option["author"] == {"id": "muse", "name": "Muse", "kind": "agent", "color": "#9048fc"}
    assert (option["reason"], option["skill"], option["model"]) == ("She lived there.", "rewrite", "m")
    (hunk,) = option["hunks"]
    assert (hunk["was"], hunk["now"]) == ("keeper", "keeper’s wife")
    assert hunk["before"] + hunk["was"] + hunk["after"] == TEXT
    assert [one.get("found") for one in option["evidence"]] == [True, False, None]


async def test_what_stands_around_a_question_begins_and_ends_with_whole_words(rooms: Rooms) -> None:
    words = " ".join(["lighthouse"] * 30)
    room, page = await opened(rooms, f"{words} the keeper {words}\n")
    await room.apply({"type": "comment", "page": page, "quote": "the keeper", "text": "Who is he?"}, BEN)
    (item,) = waiting(room.canvas)
    assert set(item["thread"]["before"].split()) == {"lighthouse"} == set(item["thread"]["after"].split())


async def test_what_is_decided_written_or_on_a_removed_page_does_not_wait(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    taken = await suggest(room, page, "winter", "spring")
    await room.apply({"type": "accept", "suggestion": taken}, ADA)
    growing = {"type": "suggest", "page": page, "hunks": [{"find": "sea", "replace": ""}], "streaming": True}
    await room.apply(growing, MUSE)
    assert waiting(room.canvas) == []
    await suggest(room, page, "Nobody", "No one")
    assert len(waiting(room.canvas)) == 1
    await room.apply({"type": "add_page", "title": "Two"}, ADA)
    await room.apply({"type": "remove_page", "page": page}, ADA)
    assert waiting(room.canvas) == []


async def test_suggestions_that_overlap_are_one_item_with_alternatives(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    first = await suggest(room, page, "The keeper had gone down to the sea.", "The keeper was gone.")
    second = await suggest(room, page, "down to the sea", "to the boats", by=BEN)
    other = await suggest(room, page, "winter", "spring")
    items = {item["id"]: item for item in waiting(room.canvas)}
    assert set(items) == {f"s:{first}", f"s:{other}"}
    group = items[f"s:{first}"]
    assert [option["suggestion"] for option in group["options"]] == [first, second]
    assert group["facts"]["options"] == 2


async def test_what_is_said_about_a_suggestion_waits_with_it(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    one = await suggest(room, page, "in winter", "in spring")
    other = await suggest(room, page, "in winter", "in autumn")
    said = {"type": "comment", "suggestion": other, "text": "Why not both?"}
    await room.apply(said, BEN)
    (item,) = waiting(room.canvas)
    assert [option["suggestion"] for option in item["options"]] == [one, other]
    assert item["thread"]["comments"][0]["text"] == "Why not both?" and item["facts"]["asks"]
    await room.apply({"type": "reject_all", "suggestions": [one, other]}, ADA)
    assert waiting(room.canvas) == []


async def test_a_stale_suggestion_shows_what_it_was_and_what_it_reads_today(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    await suggest(room, page, "The keeper had gone", "The keeper went")
    hunks = [{"find": "keeper", "replace": "keeper’s old dog"}]
    await room.apply({"type": "edit", "page": page, "hunks": hunks}, ADA)
    room.settle()
    (item,) = waiting(room.canvas)
    (hunk,) = item["options"][0]["hunks"]
    assert item["kind"] == "stale" and item["facts"]["stale"]
    assert (hunk["was"], hunk["today"]) == ("The keeper had gone", "The keeper’s old dog had gone")
    assert hunk["start"] and hunk["end"]


async def test_long_texts_are_cut_and_say_so(rooms: Rooms) -> None:
    long = "word " * 20_000
    room, page = await opened(rooms, long)
    await suggest(room, page, long, "short", reason="x" * 50_000)
    ((item),) = waiting(room.canvas)
    option = item["options"][0]
    assert len(option["hunks"][0]["was"]) == LONGEST and option["hunks"][0]["cut"] and len(option["reason"]) <= 2_000


async def test_questions_mentions_and_answers_wait_and_remarks_do_not(rooms: Rooms) -> None:
    room, page = await opened(rooms)

    async def comment(quote: str, text: str, by: Participant) -> str:
        return (await room.apply({"type": "comment", "page": page, "quote": quote, "text": text}, by)).id or ""

    await comment("winter", "A fine beginning.", MUSE)
    asked = await comment("keeper", "Who is he?", BEN)
    called = await comment("sea", "@Ben Nye, see to this.", ADA)
    mine = await comment("Nobody", "I am not sure of this.", BEN)
    assert {item["id"] for item in waiting(room.canvas)} == {f"t:{asked}", f"t:{called}"}
    await room.apply({"type": "reply", "thread": mine, "text": "Neither am I."}, ADA)
    items = {item["id"]: item["facts"] for item in waiting(room.canvas)}

    def concerned(who: Participant) -> set[str]:
        return {id for id, facts in items.items() if concerns("question", facts, reader(who))}

    assert concerned(ADA) == {f"t:{asked}"}
    assert concerned(BEN) == {f"t:{called}", f"t:{mine}"}
    assert urgency("question", items[f"t:{asked}"], 0, reader(ADA), 0) == (100, "Ben Nye waits for an answer")
    await room.apply({"type": "resolve", "thread": asked}, ADA)
    assert f"t:{asked}" not in {item["id"] for item in waiting(room.canvas)}


async def test_what_an_agent_asks_in_the_conversation_waits_for_whoever_set_it_to_work(rooms: Rooms) -> None:
    room, _ = await opened(rooms)
    await room.apply({"type": "say", "text": "Plan the next chapter.", "run": "run1"}, BEN)
    await room.apply({"type": "say", "text": "I can.\nShall she leave, or stay?", "run": "run1"}, MUSE)
    await room.apply({"type": "say", "text": "What a night? It was cold."}, MUSE)
    (item,) = waiting(room.canvas)
    assert item["message"]["text"].endswith("or stay?") and item["facts"]["for"] == ["ben"]
    assert concerns("question", item["facts"], reader(BEN)) and not concerns("question", item["facts"], reader(ADA))
    await room.apply({"type": "say", "text": "She stays."}, BEN)
    assert waiting(room.canvas) == []


async def test_what_a_policy_took_waits_to_be_looked_at(rooms: Rooms) -> None:
    room, page = await opened(rooms, '"Come in," she said.')
    policy = {"type": "set_policy", "kinds": ["typography"], "risk": "low", "then": "accept", "sample": 1}
    await room.apply(policy, ADA)
    id = await suggest(room, page, '"Come in,"', "“Come in,”")
    await until(lambda: room.canvas.page_text(page) == "“Come in,” she said.")
    (item,) = waiting(room.canvas)
    (hunk,) = item["options"][0]["hunks"]
    assert (item["id"], item["kind"]) == (f"a:{id}", "audit") and item["policy"]["name"]
    assert hunk["before"] + hunk["now"] + hunk["after"] == "“Come in,” she said."
    await room.apply({"type": "undo", "decision": item["decision"]}, ADA)
    assert [item["id"] for item in waiting(room.canvas)] == [f"s:{id}"]


# -- whom it concerns, and in which order


def facts(**more: Any) -> dict[str, Any]:
    return {"risk": "", "kinds": [], "stale": False, "options": 1, "by": ["muse"], **more}


def test_only_those_who_may_decide_are_asked_to_decide() -> None:
    assert concerns("suggestion", facts(), reader(ADA)) and concerns("suggestion", facts(), reader(BEN, "editor"))
    assert not concerns("suggestion", facts(by=["ben"]), reader(BEN))
    assert concerns("audit", facts(), reader(ADA)) and not concerns("audit", facts(), reader(BEN, "editor"))
    for kind in ("suggestion", "stale", "audit"):
        assert not concerns(kind, facts(by=["ben"]), reader(BEN, "viewer"))
    assert concerns("stale", facts(by=["ben"]), reader(BEN)) and not concerns("stale", facts(), reader(BEN))


def test_what_needs_a_person_most_comes_first() -> None:
    talk = {"last": "ben", "name": "Ben", "person": True, "asks": True, "mentions": [], "in": [], "opened": "ben"}
    told = [
        ("question", talk | {"for": []}),
        ("run", {}),
        ("question", talk | {"last": "muse", "person": False, "for": ["ada"]}),
        ("stale", facts(risk="high", stale=True)),
        ("suggestion", facts(risk="high")),
        ("question", talk | {"last": "muse", "person": False, "for": []}),
        ("stale", facts(risk="low", stale=True)),
        ("suggestion", facts(risk="low", options=3)),
        ("suggestion", facts(risk="medium")),
        ("audit", facts(risk="low")),
        ("suggestion", facts(risk="low", kinds=["wording"])),
        ("suggestion", facts(risk="low", kinds=["typography", "spelling"])),
    ]
    scores = [urgency(kind, about, 0.0, reader(ADA), 0.0)[0] for kind, about in told]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(scores)
    late = 40 * 86_400.0
    old, new = (urgency("suggestion", facts(risk="low"), at, reader(ADA), late)[0] for at in (0.0, late - 86_400))
    assert new < old < urgency("suggestion", facts(risk="medium"), late, reader(ADA), late)[0]


# -- kept, and told


async def test_the_inbox_is_known_after_a_restart_without_opening_a_canvas(rooms: Rooms, store: Store) -> None:
    made = [await opened(rooms, title=f"Book {number}") for number in range(3)]
    for room, page in made:
        await suggest(room, page, "winter", "spring")
    ids = [room.id for room, _ in made]
    seen = await of(store, rooms, ADA, *ids)
    assert len(seen) == 3
    await rooms.close()
    again = Rooms(store)
    assert await of(store, again, ADA, *ids) == seen and again.live == 0
    told, counted = Inbox(store, again), {"suggestion": 3}
    assert await told.counts({id: reader(ADA) for id in ids}) == counted
    assert await told.counts({id: reader(BEN) for id in ids}) == {}


async def test_an_open_canvas_answers_for_itself(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    id = await suggest(room, page, "winter", "spring")
    assert [item["options"][0]["suggestion"] for item in await of(store, rooms, ADA, room.id)] == [id]
    await room.apply({"type": "reject", "suggestion": id}, ADA)
    assert await of(store, rooms, ADA, room.id) == []
    assert await inbox.facts(store, [room.id]) == []


async def test_only_what_changed_is_written_again(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    first = await suggest(room, page, "winter", "spring")
    await room.describe()
    before = room.waiting()
    second = await suggest(room, page, "Nobody", "No one")
    news = inbox.News.between(before, room.waiting())
    assert ([item["id"] for item in news.items], news.gone) == ([f"s:{second}"], [f"s:{second}"])
    await room.apply({"type": "accept", "suggestion": first}, ADA)
    await room.describe()
    assert [row.id for row in await inbox.facts(store, [room.id])] == [f"s:{second}"]
    assert not inbox.News.between(room.waiting(), room.waiting())


async def test_what_an_older_studio_or_a_crash_left_untold_is_caught_up(rooms: Rooms, store: Store) -> None:
    told, page = await opened(rooms, title="Told")
    await suggest(told, page, "winter", "spring")
    untold, page = await opened(rooms, title="Untold")
    await suggest(untold, page, "winter", "summer")
    await rooms.close()
    record = await store.canvas(untold.id)
    everything = inbox.News([], None)
    await store.touch_canvas(untold.id, "Untold", record.updated, {"pages": 1}, everything)
    assert await inbox.facts(store, [untold.id]) == []
    again = Rooms(store)
    assert await catch_up(again, store, pause=0.0) == 1
    assert [row.kind for row in await inbox.facts(store, [untold.id])] == ["suggestion"]
    await again.close()
    assert await catch_up(again, store, pause=0.0) == 0


async def test_a_deleted_canvas_leaves_nothing(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    await suggest(room, page, "winter", "spring")
    await room.describe()
    await rooms.delete(room.id)
    assert await inbox.facts(store, [room.id]) == [] and await of(store, rooms, ADA, room.id) == []


async def test_the_bell_rings_for_decisions_and_not_for_every_key(rooms: Rooms) -> None:
    room, page = await opened(rooms)
    ada = await Client(room, ADA, ack=True).start()
    heard: list[str] = []
    room.ring = lambda: heard.append(room.id)
    for _ in range(5):
        await ada.type(page, 0, "x")
    await until(lambda: ada.acked == 6)
    assert "ring" not in room._timers and heard == []
    await suggest(room, page, "winter", "spring")
    await until(lambda: heard)
    assert heard == [room.id]


async def test_a_failed_run_waits_for_whoever_asked(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    now = store.clock()
    run: dict[str, Any] = {
        "id": "run1",
        "canvas": room.id,
        "agent": "muse",
        "skill": "rewrite",
        "model": "m",
        "prompt": "shorter",
        "page": page,
        "by": {"id": "ada", "name": "Ada"},
        "state": "failed",
        "started": now,
        "finished": now,
        "results": [],
        "error": {"code": "x", "message": "The model did not answer.", "hint": "Try again."},
    }
    await store.save_run(run)
    await store.save_run(run | {"id": "run2", "state": "done"})
    (item,) = await of(store, rooms, ADA, room.id)
    assert (item["id"], item["why"]) == ("r:run1", "What you asked for failed")
    assert item["run"]["error"]["message"] == "The model did not answer."
    assert await of(store, rooms, BEN, room.id) == []
    await store.save_run(run | {"dismissed": now})
    assert await of(store, rooms, ADA, room.id) == []


async def test_what_a_task_made_stands_together_where_the_first_of_it_would(rooms: Rooms, store: Store) -> None:
    room, page = await opened(rooms)
    other, their_page = await opened(rooms, title="Other")
    for run, parent in (("run-1", "task-1"), ("run-2", "")):
        kept = {"id": run, "canvas": room.id, "state": "done", "started": 1.0, "finished": 2.0}
        await store.save_run(kept | {"by": {"id": "ada"}, "agent": MUSE.id, "parent": parent})
    task = Task("task-1", room.id, "review-pass", "A review", {"id": "ben", "name": "Ben"}, {}, [], 1.0)
    await tasks.add(store, task.as_dict() | {"state": "running"})
    mine = await suggest(room, page, "in winter", "that winter", run="run-1")
    await suggest(other, their_page, "Nobody answered", "No answer")
    remark = {"type": "comment", "page": page, "text": "A long way."}
    said = (await room.apply(remark | {"quote": "down to the sea", "run": "run-1"}, MUSE)).id
    await room.apply(remark | {"quote": "Mara", "run": "run-2"}, MUSE)  # nobody's task: it asks nothing
    found = await of(store, rooms, ADA, room.id, other.id)
    assert [item["id"] for item in found][:3] == ["g:task-1", f"s:{mine}", f"t:{said}"]
    head = found[0]
    assert head["task"]["title"] == "A review"
    assert head["group"] == {
        "left": 2,
        "kinds": {"suggestion": 1, "question": 1},
    }
    assert [item.get("of") for item in found] == ["task-1", "task-1", "task-1", None]
    there = Inbox(store, rooms)
    counts = await there.counts({room.id: reader(ADA), other.id: reader(ADA)})
    assert counts == {"suggestion": 2, "question": 1}  # a line that only names what follows is nothing to be seen to
