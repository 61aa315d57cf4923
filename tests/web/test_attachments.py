"""Files beside the pages over HTTP: brought, read, searched, quoted, downloaded and removed, by those who may."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx2
from pycrdt import Map

from tests.conftest import ServedStudio
from tests.web.test_canvases import act, error
from tests.web.yclient import YClient

STORY = """# The Lighthouse

## The keeper

The keeper counted the ships — eleven, that night.

## The storm

The lamp went out at four, and nobody has ever said why.
"""


def png(width: int = 3, height: int = 2, **said: str) -> bytes:
    """A picture, with what is said in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    texts = [chunk(b"tEXt", name.encode() + b"\0" + text.encode()) for name, text in said.items()]
    rows = b"".join(b"\0" + b"\x40\x80\xc0" * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), *texts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


def add(client: httpx2.Client, canvas: str, name: str, data: bytes, type: str = "") -> httpx2.Response:
    file = (name, data, type) if type else (name, data)
    return client.post(f"/api/canvases/{canvas}/attachments", files={"file": file})


def added(client: httpx2.Client, canvas: str, name: str, data: bytes) -> dict[str, Any]:
    answer = add(client, canvas, name, data)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_file_is_read_listed_found_downloaded_and_removed(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    at = f"/api/canvases/{canvas}/attachments"
    with studio.client() as owner:
        file = added(owner, canvas, "story.md", STORY.encode())
        assert (file["name"], file["type"], file["title"]) == ("story.md", "text/markdown", "The Lighthouse")
        assert [title for _, title, _ in file["outline"]] == ["The keeper", "The storm"]
        assert (file["words"], file["problems"]) == (30, [])
        (listed,) = owner.get(at).json()["attachments"]
        assert listed["id"] == file["id"] and "outline" not in listed
        assert owner.get(f"{at}/{file['id']}").json() == file
        sections = owner.get(f"{at}/{file['id']}/sections", params={"from": 0, "to": 1}).json()["sections"]
        assert [(one["n"], one["place"]) for one in sections] == [(0, "The keeper")]
        assert "eleven, that night" in sections[0]["text"]
        (hit, *_) = owner.get(f"{at}/search", params={"q": "When did the lamp go out?"}).json()["passages"]
        assert (hit["attachment"], hit["place"]) == (file["id"], "The storm")
        found = owner.get(f"{at}/{file['id']}/find", params={"quote": "counted the ships - eleven,  that night"}).json()
        assert (found["found"], found["exact"], found["section"]) == (True, False, 0)
        text = sections[0]["text"]
        assert text[found["start"] : found["end"]] == "counted the ships — eleven, that night"
        assert owner.get(f"{at}/{file['id']}/find", params={"quote": "twelve, that night"}).json() == {"found": False}
        download = owner.get(f"{at}/{file['id']}/data")
        assert download.content == STORY.encode()
        assert owner.get(f"/api/canvases/{canvas}").json()["attachments"] == [
            {
                "id": file["id"],
                "name": "story.md",
                "type": "text/markdown",
                "size": len(STORY.encode()),
                "at": file["at"],
            }
        ]
        assert owner.delete(f"{at}/{file['id']}").status_code == 204
        assert owner.get(at).json() == {"attachments": []}
        assert owner.get(f"/api/canvases/{canvas}").json()["attachments"] == []
        for gone in ("", "/sections", "/data"):
            assert owner.get(f"{at}/{file['id']}{gone}").status_code == 404
        assert added(owner, canvas, "again.md", STORY.encode())["id"] == file["id"], "put back, it is the same again"
        rows = owner.get(f"/api/canvases/{canvas}/ledger").json()["ledger"]
        assert [row["action"]["type"] for row in rows] == ["create", "attach", "detach", "attach"]


def test_the_same_file_is_kept_once(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        first = added(owner, canvas, "story.md", STORY.encode())
        again = add(owner, canvas, "copy of story.md", STORY.encode())
        assert again.status_code == 200 and again.json() == first
        assert len(owner.get(f"/api/canvases/{canvas}/attachments").json()["attachments"]) == 1


async def test_everybody_who_has_the_canvas_open_sees_files_come_and_go(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    async with YClient(studio.sync_url(canvas)) as client:
        files = client.doc.get("attachments", type=Map)
        with studio.client() as owner:
            file = await asyncio.to_thread(added, owner, canvas, "story.md", STORY.encode())
            await until(lambda: file["id"] in files)
            assert json.loads(files[file["id"]])["name"] == "story.md"
            await asyncio.to_thread(owner.delete, f"/api/canvases/{canvas}/attachments/{file['id']}")
            await until(lambda: file["id"] not in files)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_nobody_lists_a_file_by_typing(studio: ServedStudio) -> None:
    """The list is the studio's: an update that writes into it is refused like any that is no text of a page."""
    canvas = studio.canvas("One.")["id"]
    async with YClient(studio.sync_url(canvas)) as client:
        await client.synced.wait()
        client.doc.get("attachments", type=Map)["feedfeedfeedfeed"] = '{"name": "x", "type": "", "size": 1, "at": 1}'
        await until(lambda: client.closed is not None)
    with studio.client() as owner:
        assert owner.get(f"/api/canvases/{canvas}").json()["attachments"] == []


def test_each_role_may_do_what_it_says(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    at = f"/api/canvases/{canvas}/attachments"
    with studio.client() as owner, studio.client(studio.make_token("editor", canvas)) as editor:
        file = added(editor, canvas, "story.md", STORY.encode())
        for role in ("viewer", "commenter"):
            with studio.client(studio.make_token(role, canvas)) as one:
                error(add(one, canvas, "mine.md", b"# Mine\n"), 403, "forbidden")
                error(one.delete(f"{at}/{file['id']}"), 403, "forbidden")
                assert one.get(f"{at}/{file['id']}/data").content == STORY.encode()
        with studio.client(studio.make_token("editor", studio.canvas("Other.")["id"])) as stranger:
            for path in ("", f"/{file['id']}", f"/{file['id']}/data", f"/{file['id']}/sections", "/search?q=lamp"):
                error(stranger.get(at + path), 404, "not_found")
        other = studio.canvas("Two.")["id"]
        error(owner.get(f"/api/canvases/{other}/attachments/{file['id']}"), 404, "not_found")
        assert httpx2.get(f"{studio.url}{at}", trust_env=False).status_code == 401


def test_what_cannot_be_read_is_refused_and_nothing_is_kept(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        for name, data, message in (
            ("empty.txt", b"", "empty.txt is empty."),
            ("song.mp3", b"ID3\x04" + b"\0" * 100, "song.mp3 is sound or film"),
            ("thing.bin", bytes(range(256)) * 9, "thing.bin is no text"),
            ("broken.pdf", b"%PDF-1.7\nnothing", "broken.pdf is damaged"),
            ("broken.docx", b"PK\x03\x04 nothing", "broken.docx cannot be unpacked"),
        ):
            said = error(add(owner, canvas, name, data), 422, "invalid")
            assert said["message"].startswith(message), said
        body = owner.post(f"/api/canvases/{canvas}/attachments", data={"no": "file"}, files={})
        assert body.status_code == 422
        assert owner.get(f"/api/canvases/{canvas}/attachments").json() == {"attachments": []}


def test_a_file_that_is_too_large_is_refused(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        error(add(owner, canvas, "large.txt", b"word " * (11 * 2**20)), 413, "too_large")


def test_only_a_real_picture_is_shown_and_everything_else_is_a_download(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    page = b"<!doctype html><html><body><script>alert(1)</script><p>Hello there, reader.</p></body></html>"
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    with studio.client() as owner:
        for name, data, media in (
            ("a.png", png(), "image/png"),
            ("a.html", page, None),
            ("a.svg", drawing, None),
            ("page.png", page + b"\n", None),
        ):
            file = added(owner, canvas, name, data)
            at = f"/api/canvases/{canvas}/attachments/{file['id']}/data"
            for inline in (False, True):
                answer = owner.get(at, params={"inline": inline})
                shown = media is not None and inline
                assert answer.headers["content-type"] == (media if shown else "application/octet-stream")
                assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert "sandbox" in answer.headers["content-security-policy"]
                assert answer.content == data


def test_the_name_of_a_file_says_nothing_about_where_it_goes(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        file = added(owner, canvas, '../../etc/pass"wd;\r\nX: y.md', STORY.encode())
        assert "/" not in file["name"] and "\n" not in file["name"]
        answer = owner.get(f"/api/canvases/{canvas}/attachments/{file['id']}/data")
        assert "x" not in answer.headers and "\n" not in answer.headers["content-disposition"]


def test_a_quote_of_a_file_is_looked_up_and_not_believed(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        file = added(owner, canvas, "story.md", STORY.encode())
        quotes = [
            {"attachment": file["id"], "quote": "The keeper counted the ships", "found": False},
            {"attachment": file["id"], "quote": "The keeper counted the whales", "found": True, "place": "page 9"},
            {"attachment": "feedfeedfeedfeed", "quote": "The keeper counted the ships", "found": True},
            {"page": "none", "quote": "The keeper counted the ships", "found": True},
        ]
        assert act(owner, canvas, "say", text="Look.", quotes=quotes).status_code == 200
        (message,) = owner.get(f"/api/canvases/{canvas}").json()["chat"]
        said = json.loads(message["quotes"])
        assert [quote["found"] for quote in said] == [True, False, False, False]
        assert (said[0]["place"], said[0]["section"]) == ("The keeper", 0)
        assert said[1]["place"] == ""


def test_a_branch_has_its_parents_files_and_each_goes_its_own_way(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        gone = added(owner, canvas, "gone.md", b"# Gone\n\nIt was here.\n")
        before = owner.get(f"/api/canvases/{canvas}/ledger").json()["ledger"][-1]["seq"]
        file = added(owner, canvas, "story.md", STORY.encode())
        owner.delete(f"/api/canvases/{canvas}/attachments/{gone['id']}")
        made = owner.post(f"/api/canvases/{canvas}/branches", json={"name": "Another end"})
        assert made.status_code == 201, made.text
        branch = made.json()["id"]
        assert [one["id"] for one in owner.get(f"/api/canvases/{branch}").json()["attachments"]] == [file["id"]]
        owner.delete(f"/api/canvases/{canvas}/attachments/{file['id']}")
        at = f"/api/canvases/{branch}/attachments/{file['id']}"
        assert owner.get(f"{at}/data").content == STORY.encode()
        assert owner.get(f"{at}/find", params={"quote": "The lamp went out at four"}).json()["found"]
        old = owner.post(f"/api/canvases/{canvas}/branches", json={"name": "Then", "at": before})
        assert owner.get(f"/api/canvases/{old.json()['id']}").json()["attachments"] == [], "it is not kept any more"


def test_a_whole_canvas_takes_its_files_along(studio: ServedStudio) -> None:
    canvas = studio.canvas("One.")["id"]
    with studio.client() as owner:
        file = added(owner, canvas, "story.md", STORY.encode())
        picture = added(owner, canvas, "a.png", png())
        taken = owner.get(f"/api/canvases/{canvas}/export", params={"format": "studiolo"})
        made = owner.post("/api/canvases/import", files={"files": ("all.studiolo", taken.content)})
        assert made.status_code == 201, made.text
        again = made.json()["id"]
        listed = owner.get(f"/api/canvases/{again}").json()["attachments"]
        assert {one["id"] for one in listed} == {file["id"], picture["id"]}
        at = f"/api/canvases/{again}/attachments"
        assert owner.get(f"{at}/{file['id']}/data").content == STORY.encode()
        assert owner.get(f"{at}/{file['id']}").json()["outline"] == file["outline"]
        assert owner.get(f"{at}/{picture['id']}/data", params={"inline": True}).content == png()
