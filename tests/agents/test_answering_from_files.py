"""Questions about whole books beside the pages: the passage is found, and what is quoted of it is looked up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from studiolo.agents import Ask, Runs
from studiolo.agents.kit import Kit
from studiolo.canvas import Participant
from studiolo.canvas.attaching import attach
from studiolo.formats import export, read_files
from studiolo.rooms import Room, Rooms
from studiolo.store import Store
from studiolo.tools.attachments import Attachments
from tests.conftest import Clock
from tests.e2e import novel

ANN = Participant("ann", "Ann", role="owner")

# What is asked, and the beginning of the title of a chapter that says it.
QUESTIONS = [
    ("Why does Ishmael go to sea, instead of pistol and ball?", "CHAPTER 1."),
    ("What does Father Mapple preach about?", "CHAPTER 9."),
    ("Which chowder is eaten at the Try Pots?", "CHAPTER 15."),
    ("Who is Bulkington?", "CHAPTER 23."),
    ("What does Ahab nail to the mast for whoever raises the white whale?", "CHAPTER 36."),
    ("Why does whiteness appal more than redness?", "CHAPTER 42."),
    ("Who is Steelkilt of the Town-Ho?", "CHAPTER 54."),
    ("What does Fleece the cook preach to the sharks?", "CHAPTER 64."),
    ("What became of Pip when he jumped from the boat?", "CHAPTER 93."),
    ("Where was the doubloon minted?", "CHAPTER 99."),
    ("What did Queequeg have the carpenter make when he had a fever?", "CHAPTER 110."),
    ("What did Starbuck think of doing with the musket?", "CHAPTER 123."),
    ("Which captain of the Rachel looks for his son?", "CHAPTER 128."),
]


@dataclass
class Shelf:
    """A canvas with a book beside it."""

    room: Room
    files: Attachments
    store: Store

    async def put(self, name: str, data: bytes) -> str:
        file, _ = await self.files.add(self.room.id, data, name, ANN.id)
        listed = {"id": file.id, "name": file.name, "type": file.type, "size": file.size, "at": file.at}
        await self.room.perform(lambda: attach(self.room.canvas, listed, ANN), ANN)
        return file.id

    async def asked(self, model: Any, question: str, **options: Any) -> dict[str, Any]:
        """The message that answers, with its quotes read."""
        numbers = iter(range(100))
        runs = Runs(model, None, lambda: 1.0, lambda: f"run{next(numbers)}", kit=Kit(files=self.files))
        run = await runs.start(self.room, Ask(prompt=question, skill="ask", options=options), ANN).wait()
        assert run.state == "done", run.error
        message = self.room.canvas.view()["chat"][-1]
        return message | {"quotes": json.loads(message.get("quotes") or "[]")}


@pytest.fixture
async def shelf(tmp_path: Path, clock: Clock) -> AsyncIterator[Shelf]:
    store = await Store.open(tmp_path / "studiolo.db", clock=clock)
    files = Attachments(store)
    rooms = Rooms(store, clock=clock, linger=3600.0)  # the room is held while a book is read
    rooms.vouch = files.vouch
    room = await rooms.create("Notes", [{"title": "Notes", "text": "My notes say that whales are fish.\n"}], ANN)
    yield Shelf(room, files, store)
    await rooms.close()
    files.close()
    await store.close()


@pytest.fixture(scope="module")
def book() -> str:
    return novel.plain_text()


@pytest.fixture(scope="module", params=["txt", "pdf", "epub"])
def edition(request: pytest.FixtureRequest, book: str) -> tuple[str, bytes]:
    """The book as text, as PDF and as EPUB, both as the studio itself makes them."""
    if request.param == "txt":
        return "moby.txt", book.encode()
    pages = read_files([("moby-dick.txt", book.encode())]).pages
    return f"moby.{request.param}", export("Moby Dick", pages, request.param, "keep", "Herman Melville").data


async def test_the_passage_that_answers_is_among_the_first_five(shelf: Shelf, edition: tuple[str, bytes]) -> None:
    id = await shelf.put(*edition)
    (file,) = await shelf.files.list(shelf.room.id)
    assert file.about["words"] > 200_000 and len(file.about["outline"]) >= 130
    missed: list[str] = []
    for question, chapter in QUESTIONS:
        hits = await shelf.files.search(shelf.room.id, question, 5)
        assert hits and all(hit.attachment == id for hit in hits)
        if not any(hit.title.startswith(chapter) for hit in hits):
            missed.append(question)
    assert missed == []


async def test_what_a_book_says_is_found_with_its_place_and_what_it_does_not_say_is_not(
    shelf: Shelf, edition: tuple[str, bytes]
) -> None:
    id = await shelf.put(*edition)
    for quote in (
        "Call me Ishmael",
        "It is not down in any map; true places never are.",
        "“It is not down in any map; true places never are.”",
        "from hell's heart I stab at thee; for hate's sake I spit my last breath at thee",
        "now small fowls flew screaming over the yet yawning gulf; a sullen white surf beat against its steep sides",
    ):
        found = await shelf.files.find(shelf.room.id, id, quote)
        assert found is not None, quote
        assert found.place.startswith("page " if edition[0].endswith("pdf") else "CHAPTER ")
    for quote in ("Call me Ahab", "It is not down in any map; false places never are.", "my last breadth at thee"):
        assert await shelf.files.find(shelf.room.id, id, quote) is None, quote


async def test_an_answer_rests_on_the_book_and_its_quotes_are_looked_up(shelf: Shelf, scripted: Any, book: str) -> None:
    id = await shelf.put("moby.txt", book.encode())
    answer = (
        "He goes to sea instead of suicide: “This is my substitute for pistol and ball.” (moby.txt, CHAPTER 1. "
        "Loomings) Elsewhere he says that “whaling is better than dying by far” (moby.txt, CHAPTER 4)."
    )
    model = scripted([answer])
    message = await shelf.asked(model, "Why does Ishmael go to sea, instead of pistol and ball?")
    assert "[moby.txt, CHAPTER 1. Loomings]" in model.asked[0], "it has read the passage, and knows where it is from"
    assert message["text"] == answer
    assert message["quotes"] == [
        {
            "attachment": id,
            "quote": "This is my substitute for pistol and ball.",
            "found": True,
            "place": "CHAPTER 1. Loomings",
            "section": 1,
        },
        {"page": "", "quote": "whaling is better than dying by far", "found": False},
    ]


async def test_pages_and_files_are_read_together_and_one_file_alone_where_that_is_asked(
    shelf: Shelf, scripted: Any, book: str
) -> None:
    id = await shelf.put("moby.txt", book.encode())
    other = await shelf.put("fish.md", b"# Fish\n\nA whale is no fish, says the teacher.\n")
    model = scripted(["It is not settled."])
    await shelf.asked(model, "Is the whale a fish, as the teacher says?")
    assert "My notes say that whales are fish." in model.asked[0]
    assert "[fish.md, Fish]" in model.asked[0] and "[moby.txt, CHAPTER " in model.asked[0]
    await shelf.asked(model, "Is the whale a fish?", file=other)
    assert "[fish.md, Fish]" in model.asked[1] and "moby.txt" not in model.asked[1]
    assert id != other


async def test_a_small_model_rests_on_one_sentence_of_the_book(shelf: Shelf, scripted: Any, book: str) -> None:
    id = await shelf.put("moby.txt", book.encode())
    model = scripted(["A gold doubloon."], small=True)
    message = await shelf.asked(model, "What does Ahab nail to the mast?", file=id)
    (quote,) = message["quotes"]
    assert (quote["attachment"], quote["found"]) == (id, True)
    assert quote["place"].startswith("CHAPTER ") and "mast" in quote["quote"]
    assert quote["quote"] in book


async def test_a_file_that_is_gone_vouches_for_nothing(shelf: Shelf, scripted: Any) -> None:
    id = await shelf.put("fish.md", b"# Fish\n\nA whale is no fish, says the teacher.\n")
    cited = {"attachment": id, "quote": "A whale is no fish", "found": True}
    await shelf.room.apply({"type": "say", "text": "Look.", "quotes": [cited]}, ANN)
    await shelf.files.remove(shelf.room.id, id)
    await shelf.room.apply({"type": "say", "text": "Look.", "quotes": [cited]}, ANN)
    kept = [json.loads(message["quotes"])[0]["found"] for message in shelf.room.canvas.view()["chat"]]
    assert kept == [True, False]
