"""Who wrote this, over HTTP: what an agent wrote, somebody accepted and somebody else moved is told to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pycrdt import Assoc

from tests.conftest import ServedStudio, serve
from tests.models import fake_provider
from tests.models.fake_provider import FakeProvider
from tests.web.test_asking import ask, events_of
from tests.web.test_canvases import act, error, suggest
from tests.web.yclient import YClient

WRITTEN = "Then the lamp in the hall went out, and for a while nobody in the house dared to move."
OPENING = "It was a dark night. The wind was up."


@pytest.fixture(scope="module")
def asked_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio whose default model answers from a fake provider."""
    home: Path = tmp_path_factory.mktemp("asked")
    with FakeProvider() as provider:
        address = f"{provider.url}/v1"
        environ = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": address, "STUDIOLO_MODEL": "openai:fake-model"}
        served = serve(home, environ)
        yield served
        assert served.stop() == 0, served.log()


def get(client: httpx2.Client, made: dict[str, Any], rest: str, **params: Any) -> dict[str, Any]:
    page = made["pages"][0]["id"]
    answer = client.get(f"/api/canvases/{made['id']}/pages/{page}/{rest}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_of(client: httpx2.Client, made: dict[str, Any]) -> str:
    return client.get(f"/api/canvases/{made['id']}/pages/{made['pages'][0]['id']}/text").text


def names(told: dict[str, Any], text: str) -> list[tuple[str, str, str]]:
    """The runs as text, the author's name and how it came."""
    people = told["participants"]
    return [
        (text[run["start"] :][: run["length"]], people[run["participant"]]["name"], run["how"]) for run in told["runs"]
    ]


async def test_who_wrote_this_from_which_run_and_prompt_accepted_by_whom(
    asked_studio: ServedStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_provider, "WORDS", [f"{word} " for word in WRITTEN.split()])
    made = asked_studio.canvas(OPENING)
    page = made["pages"][0]["id"]
    editor = asked_studio.make_token("editor", made["id"], "Ben")
    viewer = asked_studio.make_token("viewer", made["id"], "Val")

    def by_the_agent() -> dict[str, Any]:
        """Have it written and accepted; the provenance of a word of it."""
        with asked_studio.client() as owner, asked_studio.client(editor) as ben, asked_studio.client(viewer) as val:
            run = ask(owner, made["id"], prompt="Let the light fail.", skill="continue", page=page).json()["run"]
            assert events_of(owner, run)[-1][2]["run"]["state"] == "done"
            suggestion = owner.get(f"/api/canvases/{made['id']}").json()["suggestions"][0]
            assert act(ben, made["id"], "accept", suggestion=suggestion["id"]).json()["outcome"] == "accepted"
            text = text_of(val, made)
            told = get(val, made, "provenance", at=text.index("lamp"))
            assert told["start"] == text.index("lamp") and told["length"] == 1
            (part,) = told["parts"]
            people = told["participants"]
            assert people[part["participant"]] | {"color": ""} == {
                "id": "co-author", "name": "Co-author", "kind": "agent", "color": "",
            }  # fmt: skip
            assert part["how"] == "accepted" and part["suggestion"]["id"] == suggestion["id"]
            assert part["suggestion"]["accepted"]["name"] == "Ben"
            assert people[part["suggestion"]["accepted"]["by"]]["name"] == "Ben"
            assert part["suggestion"]["model"] == part["run"]["model"] == "openai:fake-model"
            assert part["run"]["id"] == run and part["run"]["prompt"] == "Let the light fail."
            assert part["run"]["by"]["name"] == "Test owner"
            quoted = get(val, made, "provenance", quote="nobody in the house")
            assert [one["suggestion"]["id"] for one in quoted["parts"]] == [suggestion["id"]]
            return part

    part = await asyncio.to_thread(by_the_agent)

    # Ben cuts all of it and puts it on top, in his own editor.
    async with YClient(asked_studio.sync_url(made["id"], editor, ack="1")) as ben:
        await ben.ready()
        shared = ben.page(page)
        whole = ben.text(page)
        at = whole.index("Then the lamp")
        cut = whole[at:]
        del shared[at:]
        ben.insert(page, 0, cut)
        await ben.until(lambda: ben.acked >= 2)
        start = shared.sticky_index(0, Assoc.AFTER).to_json()
        end = shared.sticky_index(len(cut), Assoc.BEFORE).to_json()

        def tell() -> None:
            with asked_studio.client(editor) as client, asked_studio.client(viewer) as val:
                moved = act(client, made["id"], "pasted", page=page, start=start, end=end)
                assert moved.status_code == 200, moved.text
                assert moved.json()["moved"] == len(cut)
                told = get(val, made, "authors")
                assert [(name, how) for _, name, how in names(told, text_of(val, made))] == [
                    ("Co-author", "accepted"),
                    ("Test owner", "typed"),
                    ("Co-author", "accepted"),  # the blank before what was cut
                ]
                assert told["runs"][0]["via"] == "moved"
                (again,) = get(val, made, "provenance", at=5)["parts"]
                assert {**again, "start": 0, "text": "", "via": ""} == {
                    **part, "start": 0, "text": "", "via": "", "came": again["came"],
                }  # fmt: skip
                assert again["came"]["via"] == "moved"
                rows = client.get(f"/api/canvases/{made['id']}/ledger").json()["ledger"]
                assert "pasted" not in {row["action"]["type"] for row in rows}

        await asyncio.to_thread(tell)


async def test_what_was_typed_and_pasted_and_when(studio: ServedStudio) -> None:
    made = studio.canvas("It begins. ")
    page = made["pages"][0]["id"]
    editor = studio.make_token("editor", made["id"], "Ben")
    async with YClient(studio.sync_url(made["id"], editor, ack="1")) as ben:
        await ben.ready()
        for letter in "Ben typed this. ":
            ben.insert(page, len(ben.text(page).encode()), letter)
        at = len(ben.text(page))
        ben.insert(page, at, "And this came out of a newspaper 🗞.")
        await ben.until(lambda: ben.acked >= 17)
        # All that he wrote are ids in a row, in UTF-16 units: 16 of typing, then those of what he pasted.
        start = {"item": {"client": ben.doc.client_id, "clock": 16}, "assoc": 0}
        end = {"item": {"client": ben.doc.client_id, "clock": 16 + 35}, "assoc": -1}

    def look() -> None:
        with studio.client(editor) as client, studio.client() as owner:
            said = act(client, made["id"], "pasted", page=page, start=start, end=end)
            assert said.status_code == 200, said.text
            assert said.json()["pasted"] == 35
            text = text_of(owner, made)
            assert names(get(owner, made, "authors"), text) == [
                ("It begins. ", "Test owner", "typed"),
                ("Ben typed this. ", "Ben", "typed"),
                ("And this came out of a newspaper 🗞.", "Ben", "pasted"),
            ]
            told = get(owner, made, "provenance", at=0, to=len(text))
            assert [part["text"] for part in told["parts"]] == [
                "It begins. ", "Ben typed this. ", "And this came out of a newspaper 🗞.",
            ]  # fmt: skip
            assert all(part["at"] > 1_700_000_000 for part in told["parts"])
            shares = get(owner, made, "authors/shares")
            people = shares["participants"]
            assert [(people[one["participant"]]["name"], one["how"], one["characters"]) for one in shares["page"]] == [
                ("Ben", "pasted", 35), ("Ben", "typed", 16), ("Test owner", "typed", 11),
            ]  # fmt: skip
            assert sum(one["percent"] for one in shares["page"]) == pytest.approx(100, abs=0.3)
            assert shares["canvas"] == shares["page"]

    await asyncio.to_thread(look)


def test_shares_of_the_canvas_leave_out_removed_pages(studio: ServedStudio) -> None:
    made = studio.canvas("The first page.", "The second.", "The third.")
    with studio.client() as owner:
        act(owner, made["id"], "remove_page", page=made["pages"][2]["id"])
        suggestion = suggest(owner, made, "first", "only")
        act(owner, made["id"], "accept", suggestion=suggestion)
        shares = get(owner, made, "authors/shares")
        assert sum(one["characters"] for one in shares["page"]) == len("The only page.")
        assert sum(one["characters"] for one in shares["canvas"]) == len("The only page.The second.")


def test_what_cannot_be_told_is_refused_in_words(studio: ServedStudio) -> None:
    made = studio.canvas("A few words.")
    stranger = studio.make_token("viewer", studio.canvas("Another")["id"], "Stranger")
    page = made["pages"][0]["id"]
    at = f"/api/canvases/{made['id']}/pages/{page}/provenance"
    with studio.client() as owner, studio.client(stranger) as other:
        error(owner.get(at), 422, "invalid")
        error(owner.get(at, params={"at": 12}), 422, "invalid")
        error(owner.get(at, params={"at": 3, "to": 3}), 422, "invalid")
        error(owner.get(at, params={"quote": "no such words"}), 409, "quote_not_found")
        error(owner.get(at.replace(page, "nowhere"), params={"at": 0}), 404, "not_found")
        for rest in ("authors", "authors/shares", "provenance?at=0"):
            error(other.get(f"/api/canvases/{made['id']}/pages/{page}/{rest}"), 404, "not_found")


def test_nobody_can_say_that_others_words_were_pasted(studio: ServedStudio) -> None:
    made = studio.canvas("The owner wrote these words.")
    page = made["pages"][0]["id"]
    editor = studio.make_token("editor", made["id"], "Ben")
    with studio.client() as owner, studio.client(editor) as ben:
        other = studio.canvas("x")["pages"][0]["id"]
        place = {"type": {"client": 1, "clock": 1}, "assoc": 0}
        error(act(ben, made["id"], "pasted", page=page, start=place, end=place), 422, "invalid")
        error(act(ben, made["id"], "pasted", page=other, start=place, end=place), 404, "not_found")
        assert names(get(owner, made, "authors"), text_of(owner, made))[0][1:] == ("Test owner", "typed")
