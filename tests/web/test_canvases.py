"""The HTTP contract of canvases: make, read, act, import, export."""

from __future__ import annotations

import concurrent.futures
import io
import threading
import zipfile
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio


def error(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The error of a refused request; it always has a message and a hint."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    body = response.json()["error"]
    assert body["code"] == code and body["message"] and body["hint"]
    return body


def act(client: httpx2.Client, canvas: str, kind: str, **action: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": action.pop("key")} if "key" in action else {}
    return client.post(f"/api/canvases/{canvas}/actions", json={"type": kind, **action}, headers=headers)


def suggest(client: httpx2.Client, made: dict[str, Any], find: str, replace: str) -> str:
    answer = act(client, made["id"], "suggest", page=made["pages"][0]["id"], hunks=[{"find": find, "replace": replace}])
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "suggested"
    return answer.json()["id"]


def test_a_canvas_is_made_read_listed_renamed_and_deleted(studio: ServedStudio) -> None:
    with studio.client() as owner:
        pages = [
            {"title": "One", "text": "Näive 🌍 text", "kind": "prose"},
            {"title": "main.py", "text": "print()", "kind": "code"},
        ]
        made = owner.post("/api/canvases", json={"title": "A book", "pages": pages})
        assert made.status_code == 201
        body = made.json()
        assert [page["title"] for page in body["pages"]] == ["One", "main.py"]
        assert made.headers["location"] == f"/api/canvases/{body['id']}"

        whole = owner.get(f"/api/canvases/{body['id']}").json()
        assert whole["id"] == body["id"] and whole["title"] == "A book" and whole["role"] == "owner"
        assert whole["you"]["role"] == "owner" and whole["you"]["id"] and whole["epoch"]
        assert [(page["title"], page["text"], page["kind"]) for page in whole["pages"]] == [
            ("One", "Näive 🌍 text", "prose"),
            ("main.py", "print()", "code"),
        ]
        assert whole["suggestions"] == [] and whole["threads"] == [] and whole["chat"] == []

        text = owner.get(f"/api/canvases/{body['id']}/pages/{body['pages'][0]['id']}/text")
        assert text.content == "Näive 🌍 text".encode()
        assert text.headers["content-type"] == "text/plain; charset=utf-8"

        assert owner.patch(f"/api/canvases/{body['id']}", json={"title": "Renamed"}).json()["title"] == "Renamed"
        assert owner.get(f"/api/canvases/{body['id']}").json()["title"] == "Renamed"
        listed = [canvas for canvas in owner.get("/api/canvases").json()["canvases"] if canvas["id"] == body["id"]]
        assert listed and listed[0]["role"] == "owner"

        assert owner.delete(f"/api/canvases/{body['id']}").status_code == 204
        error(owner.get(f"/api/canvases/{body['id']}"), 404, "not_found")
        error(owner.get(f"/api/canvases/{body['id']}/pages/x/text"), 404, "not_found")


def test_a_suggestion_is_made_accepted_and_shown_with_its_authors(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    agent = studio.make_token("commenter", made["id"], "Agent")
    page = made["pages"][0]["id"]
    with studio.client() as owner, studio.client(agent) as commenter:
        suggestion = suggest(commenter, made, "cat", "dog")
        listed = owner.get(f"/api/canvases/{made['id']}").json()["suggestions"]
        assert [(one["id"], one["status"], one["name"]) for one in listed] == [(suggestion, "open", "Agent")]
        assert act(owner, made["id"], "accept", suggestion=suggestion).json()["outcome"] == "accepted"
        assert owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == "The dog sat."
        error(act(owner, made["id"], "accept", suggestion=suggestion), 409, "decided")
        authors = owner.get(f"/api/canvases/{made['id']}/pages/{page}/authors").json()
        runs = authors["runs"]
        assert authors["participants"][runs[1]["participant"]]["name"] == "Agent"
        assert [(run["start"], run["length"]) for run in runs] == [(0, 4), (4, 3), (7, 5)]
        assert runs[0]["participant"] == runs[2]["participant"] != runs[1]["participant"]
        rows = owner.get(f"/api/canvases/{made['id']}/ledger").json()["ledger"]
        assert [row["action"]["type"] for row in rows] == ["create", "suggest", "accept"]
        later = owner.get(f"/api/canvases/{made['id']}/ledger", params={"after": rows[1]["seq"]}).json()["ledger"]
        assert later == rows[2:]


def test_two_accepts_at_once_change_the_text_once(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    with studio.client() as owner:
        for number in range(5):
            suggestion = suggest(owner, made, "sat.", "sat. More.")
            gate = threading.Barrier(2)

            def accept(id: str = suggestion, gate: threading.Barrier = gate) -> int:
                with studio.client() as client:
                    gate.wait()
                    return act(client, made["id"], "accept", suggestion=id).status_code

            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                statuses = sorted(future.result() for future in [pool.submit(accept), pool.submit(accept)])
            assert statuses == [200, 409]
            text = owner.get(f"/api/canvases/{made['id']}/pages/{made['pages'][0]['id']}/text").text
            assert text.count("More.") == number + 1


def test_a_quote_that_is_not_there_comes_back_with_what_is(studio: ServedStudio) -> None:
    made = studio.canvas("The quick brown fox jumps over the lazy dog.")
    with studio.client() as owner:
        answer = act(
            owner, made["id"], "edit", page=made["pages"][0]["id"], hunks=[{"find": "purple elephant", "replace": "x"}]
        )
        assert "candidates" in error(answer, 409, "quote_not_found")
        answer = act(owner, made["id"], "edit", page=made["pages"][0]["id"], hunks=[{"find": "the", "replace": "a"}])
        assert answer.status_code == 200, "exactly one lower-case 'the'"
        answer = act(owner, made["id"], "edit", page=made["pages"][0]["id"], hunks=[{"find": "o", "replace": "0"}])
        assert error(answer, 409, "quote_ambiguous")["candidates"]


def test_comments_replies_messages_and_pages(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    with studio.client() as owner:
        thread = act(owner, made["id"], "comment", page=page, quote="cat", text="Why a cat?").json()["id"]
        assert act(owner, made["id"], "reply", thread=thread, text="Because.").status_code == 200
        assert act(owner, made["id"], "resolve", thread=thread).status_code == 200
        assert act(owner, made["id"], "say", text="Hello all").status_code == 200
        added = act(owner, made["id"], "add_page", title="Two", text="Second").json()["id"]
        assert act(owner, made["id"], "rename_page", page=added, title="Deux").status_code == 200
        whole = owner.get(f"/api/canvases/{made['id']}").json()
        assert [comment["text"] for comment in whole["threads"][0]["comments"]] == ["Why a cat?", "Because."]
        assert whole["threads"][0]["status"] == "resolved"
        assert [message["text"] for message in whole["chat"]] == ["Hello all"]
        assert [(one["title"], one["text"]) for one in whole["pages"]] == [
            ("Page 1", "The cat sat."),
            ("Deux", "Second"),
        ]


def test_an_idempotency_key_makes_a_retry_harmless(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    with studio.client() as owner:
        hunks = [{"find": "", "after": "The cat", "replace": "So. "}]
        first = act(owner, made["id"], "edit", page=page, hunks=hunks, key="one")
        second = act(owner, made["id"], "edit", page=page, hunks=hunks, key="one")
        assert first.status_code == second.status_code == 200, first.text
        assert first.json() == second.json()
        assert owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == "So. The cat sat."

        refused = act(owner, made["id"], "edit", page=page, hunks=[{"find": "bird", "replace": ""}], key="two")
        assert act(owner, made["id"], "edit", page=page, hunks=[{"find": "cat", "replace": "bird"}]).status_code == 200
        again = act(owner, made["id"], "edit", page=page, hunks=[{"find": "bird", "replace": ""}], key="two")
        assert refused.status_code == again.status_code == 409 and refused.json() == again.json()

        other = act(owner, made["id"], "say", text="something else", key="one")
        assert "Idempotency-Key" in error(other, 422, "invalid")["message"]
    with studio.client(studio.make_token("editor", name="Somebody else")) as editor:
        mine = act(editor, made["id"], "edit", page=page, hunks=hunks, key="one")
        assert error(mine, 409, "quote_not_found"), "another participant's key is another key"


def test_the_same_key_ten_times_at_once_runs_once(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    with studio.client() as owner, concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: act(owner, made["id"], "say", text="once", key="k").json()["id"], range(10)))
        assert len(set(answers)) == 1
        assert len(owner.get(f"/api/canvases/{made['id']}").json()["chat"]) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{not json", "JSON"),
        (b"[1]", "object"),
        (b"[" * 100_000, "JSON"),
        (b'{"type": "explode"}', "type"),
        (b'{"type": "edit", "page": "x"}', "hunks"),
        (b'{"type": "say", "text": "x", "surprise": 1}', "surprise"),
        (b'{"type": "say", "text": "\\ud800"}', "surrogate"),
        (b'{"type": "add_page", "title": "x", "after": "\\uDC00"}', "surrogate"),
    ],
)
def test_a_malformed_action_is_refused_in_words(studio: ServedStudio, body: bytes, says: str) -> None:
    made = studio.canvas("x")
    with studio.client() as owner:
        answer = owner.post(
            f"/api/canvases/{made['id']}/actions", content=body, headers={"Content-Type": "application/json"}
        )
        assert says in error(answer, 422, "invalid")["message"]


def test_malformed_requests_and_unknown_addresses_keep_the_one_shape(studio: ServedStudio) -> None:
    with studio.client() as owner:
        body = error(owner.post("/api/canvases", json={"titel": "x"}), 422, "invalid")
        assert "titel" in body["message"] and body["problems"]
        for method in ("GET", "POST", "DELETE"):
            error(owner.request(method, "/api/nothing/here"), 404, "not_found")
        form = owner.post("/api/canvases", data={"title": "x"})
        assert "Content-Type" in error(form, 422, "invalid")["hint"]
        deep = owner.post("/api/canvases", content="[" * 200_000, headers={"Content-Type": "application/json"})
        assert deep.status_code in (400, 422) and deep.json()["error"]["hint"]
        half = b'{"title": "x", "pages": [{"title": "x", "text": "a \\ud800 b"}]}'
        refused = owner.post("/api/canvases", content=half, headers={"Content-Type": "application/json"})
        error(refused, 422, "invalid")
        error(owner.get("/api/canvases/nothing"), 404, "not_found")
        assert owner.put("/api/canvases").json()["error"]["code"] == "method_not_allowed"


def test_a_page_of_two_megabytes_is_taken_and_eight_is_too_much(studio: ServedStudio) -> None:
    line = "It was a dark and stormy night; the rain fell in torrents. "
    text = line * (2 * 2**20 // len(line))
    made = studio.canvas(text)
    page = made["pages"][0]["id"]
    with studio.client() as owner:
        assert owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == text
        hunks = [{"find": "", "before": "", "after": line[:40], "replace": "Start. "}]
        edited = act(owner, made["id"], "add_page", title="Another", text=text)
        assert edited.status_code == 200, hunks
        answer = owner.post("/api/canvases", json={"title": "x", "pages": [{"title": "x", "text": "x" * (9 * 2**20)}]})
        assert "8 MB" in error(answer, 413, "too_large")["message"]

        def chunks() -> Any:
            for _ in range(10):
                yield b"x" * 2**20

        streamed = owner.post("/api/canvases", content=chunks(), headers={"Content-Type": "application/json"})
        error(streamed, 413, "too_large")


def test_import_splits_a_book_and_export_gives_it_back(studio: ServedStudio) -> None:
    chapters = [f"# Chapter {number}\n\nÇa commence 🌍 {number}.\n\n" for number in range(1, 13)]
    book = "".join(chapters)
    with studio.client() as owner:
        made = owner.post("/api/canvases/import", files={"files": ("my-book.md", book.encode())})
        assert made.status_code == 201, made.text
        assert [page["title"] for page in made.json()["pages"]] == [f"Chapter {n}" for n in range(1, 13)]
        assert made.json()["title"] == "My book"
        export = owner.get(f"/api/canvases/{made.json()['id']}/export")
        assert export.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(export.content)) as archive:
            assert archive.namelist()[0] == "01-chapter-1.md" and archive.namelist()[-1] == "12-chapter-12.md"
            assert "".join(archive.read(name).decode() for name in archive.namelist()) == book
        again = owner.post(
            "/api/canvases/import", files={"files[]": ("x.zip", export.content)}, data={"title": "Again"}
        )
        assert again.json()["title"] == "Again"
        whole = owner.get(f"/api/canvases/{again.json()['id']}").json()
        assert [page["text"] for page in whole["pages"]] == chapters


def test_a_canvas_of_one_page_exports_as_one_file(studio: ServedStudio) -> None:
    made = studio.canvas("Just text.", title="Solo")
    with studio.client() as owner:
        export = owner.get(f"/api/canvases/{made['id']}/export")
        assert export.content == b"Just text."
        assert "page-1.md" in export.headers["content-disposition"]


def test_importing_what_is_not_utf8_names_the_file_and_the_byte(studio: ServedStudio) -> None:
    with studio.client() as owner:
        before = len(owner.get("/api/canvases").json()["canvases"])
        answer = owner.post("/api/canvases/import", files={"files": ("old.txt", b"caf\xe9")})
        body = error(answer, 422, "invalid")
        assert "old.txt" in body["message"] and body["offset"] == 3 and "UTF-8" in body["hint"]
        error(owner.post("/api/canvases/import", data={"title": "none"}), 422, "invalid")
        assert len(owner.get("/api/canvases").json()["canvases"]) == before


def test_a_seat_says_who_one_is_without_the_text(studio: ServedStudio) -> None:
    canvas = studio.canvas("A long text.", title="Seats")
    with studio.client(studio.make_token("commenter", canvas["id"], "Carl")) as carl:
        seat = carl.get(f"/api/canvases/{canvas['id']}/seat").json()
        whole = carl.get(f"/api/canvases/{canvas['id']}").json()
    assert seat == {name: whole[name] for name in ("id", "title", "epoch", "role", "you")}
    assert (seat["role"], seat["you"]["name"], seat["title"]) == ("commenter", "Carl", "Seats")


def test_an_invitation_shows_the_title_of_this_moment(studio: ServedStudio) -> None:
    canvas = studio.canvas("Text.", title="Draft")
    with studio.client() as owner, studio.client("") as guest:
        link = owner.post(f"/api/canvases/{canvas['id']}/shares", json={"role": "viewer"}).json()["url"]
        owner.patch(f"/api/canvases/{canvas['id']}", json={"title": "Novel"})
        assert guest.get(f"/api/join/{link.rsplit('/', 1)[1]}").json()["canvas"]["title"] == "Novel"
