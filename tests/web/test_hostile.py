"""Requests made to do harm, or made by mistake: each is refused in words, and none is a fault of the server."""

from __future__ import annotations

import io
import sqlite3
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from studiolo.settings import Settings
from studiolo.web.answers import as_json
from studiolo.web.app import create_app
from tests.conftest import ServedStudio
from tests.web.test_canvases import act, error

JSON = {"Content-Type": "application/json"}


def test_a_guests_upload_is_refused_before_it_is_read(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    with studio.client(studio.make_token("editor", made["id"])) as guest:
        # A body that is no form at all: whoever reads it first would say so.
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        error(guest.post("/api/canvases/import", content=b"no form", headers=broken), 403, "forbidden")
        error(guest.post("/api/canvases/import", files={"files": ("a.md", b"x")}), 403, "forbidden")
        error(guest.post("/api/canvases", json={"title": "x"}), 403, "forbidden")


def test_zips_are_counted_together(studio: ServedStudio) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.md", b"x" * (40 * 2**20))
    uploads = [("files", (f"{number}.zip", buffer.getvalue())) for number in range(2)]
    with studio.client() as owner:
        error(owner.post("/api/canvases/import", files=uploads), 413, "too_large")


def test_a_form_in_an_odd_encoding_is_text_all_the_same(studio: ServedStudio) -> None:
    parts = b"\r\n".join(
        [
            b'--x\r\nContent-Disposition: form-data; name="title"',
            b"Content-Type: text/plain; charset=unicode_escape",
            b'\r\nhalf \\ud800\r\n--x\r\nContent-Disposition: form-data; name="files"; filename="a.md"',
            b"\r\ntext\r\n--x--\r\n",
        ]
    )
    with studio.client() as owner:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert owner.post("/api/canvases/import", content=parts, headers=headers).status_code in (201, 400, 422)
        assert owner.get("/api/canvases").status_code == 200


def test_exporting_a_page_of_odd_headings_is_quick(studio: ServedStudio) -> None:
    made = studio.canvas("# a" + " " * 25_000 + "x\n# b")
    with studio.client() as owner:
        began = time.monotonic()
        assert owner.get(f"/api/canvases/{made['id']}/export").status_code == 200
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 5000])
def test_a_number_that_json_does_not_have_is_refused(studio: ServedStudio, number: bytes) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"].encode()
    with studio.client() as owner:
        body = b'{"type": "comment", "page": "%b", "quote": "cat", "text": "x", "start": {"item": %b}}' % (page, number)
        path = f"/api/canvases/{made['id']}"
        error(owner.post(f"{path}/actions", content=body, headers=JSON), 422, "invalid")
        body = b'{"prompt": "x", "page": "%b", "start": {"item": %b}}' % (page, number)
        answer = owner.post(f"{path}/ask", content=body, headers=JSON)
        assert answer.status_code in (400, 422) and answer.json()["error"]["hint"]
        assert owner.get(f"{path}/ledger").status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0},
        {"count": 21},
        {"count": True},
        {"count": "5"},
        {"how": None},
        {"how": ["a"]},
        {"how": {"a": "b"}},
        {"how": "x" * 501},
        {"words": 1.5},
        {"words": 10**30},
        {"x" * 61: "y"},
        {str(number): "x" for number in range(21)},
    ],
)
def test_options_are_short_and_plain(studio: ServedStudio, options: dict[str, Any]) -> None:
    made = studio.canvas("text")
    with studio.client() as owner:
        asked = owner.post(f"/api/canvases/{made['id']}/ask", json={"prompt": "x", "options": options})
        assert "options" in error(asked, 422, "invalid")["message"]


def test_half_a_character_in_the_name_of_a_field_is_said_back_safely(studio: ServedStudio) -> None:
    with studio.client() as owner:
        error(owner.post("/api/canvases", content=b'{"\\ud800": 1}', headers=JSON), 422, "invalid")
        deep = b'{"prompt": "x", "start": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}"
        made = studio.canvas("x")
        answer = owner.post(f"/api/canvases/{made['id']}/ask", content=deep, headers=JSON)
        assert answer.status_code < 500, answer.text


def test_what_was_stored_before_can_always_be_shown(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    with studio.client() as owner:
        assert act(owner, made["id"], "say", text="hello").status_code == 200
        stored = '{"type": "say", "text": "half \\ud800", "start": NaN, "end": [Infinity]}'
        with sqlite3.connect(studio.home / "studiolo.db") as database:
            database.execute("UPDATE ledger SET action = ? WHERE canvas = ?", (stored, made["id"]))
        database.close()
        answer = owner.get(f"/api/canvases/{made['id']}/ledger")
        assert answer.status_code == 200, answer.text
        action = answer.json()["ledger"][0]["action"]
        assert action == {"type": "say", "text": "half \ufffd", "start": None, "end": [None]}


def test_json_keeps_what_it_can_say() -> None:
    assert as_json({"a": "ä 🌍", "b": [1, 1.5, None, True]}) == '{"a":"ä 🌍","b":[1,1.5,null,true]}'.encode()
    assert as_json({"\ud800": ("🌍\udc00", float("nan"))}) == '{"\ufffd":["🌍\ufffd",null]}'.encode()


@pytest.mark.parametrize("path", ["/%00", "/a%00b", "/assets/%00", "/" + "a" * 5_000, "/" + "a/" * 3_000, "/%ff%fe"])
def test_an_address_of_no_file_is_not_found(studio: ServedStudio, path: str) -> None:
    with studio.client("") as nobody:
        before = len(studio.log())
        answer = nobody.get(path)
        assert len(error(answer, 404, "not_found")["message"]) < 200
        assert len(studio.log()) - before < 500, "nothing long is logged"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(nobody.get("/api" + path).text) < 500


@pytest.mark.parametrize("after", ["-1", str(2**53 + 1), str(2**63), "9" * 400, "NaN", "1.5"])
def test_a_row_number_that_cannot_be_is_refused(studio: ServedStudio, after: str) -> None:
    made = studio.canvas("x")
    with studio.client() as owner:
        error(owner.get(f"/api/canvases/{made['id']}/ledger", params={"after": after}), 422, "invalid")
        assert owner.get(f"/api/canvases/{made['id']}/ledger", params={"after": 2**53}).json() == {"ledger": []}


def listed(client: httpx2.Client, title: str) -> int:
    return [one["title"] for one in client.get("/api/canvases").json()["canvases"]].count(title)


def test_a_canvas_is_made_once_for_each_key(studio: ServedStudio) -> None:
    with studio.client() as owner:
        headers = {"Idempotency-Key": "make-1"}
        body = {"title": "Made once", "pages": [{"title": "P", "text": "x"}]}
        answers = [owner.post("/api/canvases", json=body, headers=headers) for _ in range(3)]
        assert {one.status_code for one in answers} == {201} and len({one.text for one in answers}) == 1
        assert {one.headers["location"] for one in answers} == {f"/api/canvases/{answers[0].json()['id']}"}
        assert listed(owner, "Made once") == 1
        error(owner.post("/api/canvases", json={**body, "title": "Other"}, headers=headers), 422, "invalid")

        headers = {"Idempotency-Key": "import-1"}
        files = {"files": ("a.md", b"# Imported once\n\ntext")}
        answers = [owner.post("/api/canvases/import", files=files, headers=headers) for _ in range(3)]
        assert {one.status_code for one in answers} == {201} and len({one.text for one in answers}) == 1
        assert listed(owner, "Imported once") == 1
        other = {"files": ("a.md", b"# Another")}
        error(owner.post("/api/canvases/import", files=other, headers=headers), 422, "invalid")


def test_a_fault_carries_the_security_headers(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path))

    async def faulty() -> None:
        raise RuntimeError("a secret of ours")

    app.add_api_route("/api/faulty", faulty)
    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/api/faulty")
    assert answer.status_code == 500 and answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
