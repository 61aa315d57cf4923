"""Files in and out over HTTP: every format, what is open in it, and a whole canvas with its history."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import httpx2
import pytest

from studiolo.formats import Change, PageDraft, Remark, Said
from studiolo.formats.docx_writing import write_docx
from tests.conftest import ServedStudio
from tests.web.test_canvases import act, error, suggest

TEXT = "# One\n\nAnna came home late. The house was dark, and nobody had lit the lamp.\n"


def word() -> bytes:
    """A Word file with a tracked change by Bo, and a comment by Eve that Bo answered."""
    start = TEXT.index("dark")
    changes = (Change(start, start + 4, "silent", "Bo", 1_700_000_000.0, reason="Darkness comes later"),)
    said = (Said("Eve", "Who is she?", 1_700_000_100.0), Said("Bo", "The sister.", 1_700_000_200.0))
    remarks = (Remark(TEXT.index("Anna"), TEXT.index("Anna") + 4, said),)
    return write_docx("A book", [PageDraft("One", TEXT, "prose", changes, remarks)])


def imported(client: httpx2.Client, name: str, data: bytes, **form: str) -> dict[str, Any]:
    answer = client.post("/api/canvases/import", files={"files": (name, data)}, data=form)
    assert answer.status_code == 201, answer.text
    return answer.json()


def exported(client: httpx2.Client, canvas: str, **query: str) -> httpx2.Response:
    answer = client.get(f"/api/canvases/{canvas}/export", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_word_file_comes_in_with_its_changes_and_goes_out_with_those_that_are_left(studio: ServedStudio) -> None:
    with studio.client() as owner:
        made = imported(owner, "whatever.bin", word())
        whole = owner.get(f"/api/canvases/{made['id']}").json()
        assert whole["title"] == "A book" and whole["pages"][0]["text"] == TEXT
        (suggestion,) = whole["suggestions"]
        assert (suggestion["name"], suggestion["author"], suggestion["at"]) == ("Bo", "imported:Bo", 1_700_000_000.0)
        assert suggestion["reason"] == "Darkness comes later" and suggestion["status"] == "open"
        (thread,) = whole["threads"]
        assert [(said["name"], said["text"], said["at"]) for said in thread["comments"]] == [
            ("Eve", "Who is she?", 1_700_000_100.0),
            ("Bo", "The sister.", 1_700_000_200.0),
        ]
        assert thread["quote"] == "Anna"
        rows = owner.get(f"/api/canvases/{made['id']}/ledger").json()["ledger"]
        assert len(rows) == 1, "one deed, one row"
        assert rows[0]["outcome"]["suggestions"] == 1 and rows[0]["outcome"]["threads"] == 1
        assert rows[0]["action"]["imported"]["files"][0]["name"] == "whatever.bin"

        again = imported(owner, "again.docx", exported(owner, made["id"], format="docx").content)
        back = owner.get(f"/api/canvases/{again['id']}").json()
        assert back["pages"][0]["text"] == TEXT
        assert [one["name"] for one in back["suggestions"]] == ["Bo"]
        assert [said["name"] for said in back["threads"][0]["comments"]] == ["Eve", "Bo"]

        assert act(owner, made["id"], "accept", suggestion=suggestion["id"]).status_code == 200
        after = imported(owner, "after.docx", exported(owner, made["id"], format="docx").content)
        whole = owner.get(f"/api/canvases/{after['id']}").json()
        assert "The house was silent" in whole["pages"][0]["text"] and whole["suggestions"] == []


def test_what_a_file_says_of_others_makes_nobody_here(studio: ServedStudio) -> None:
    """A file that names the owner as the author gives it no word in the owner's name."""
    with studio.client() as owner:
        me = owner.get("/api/me").json()
        name = (me.get("participant") or me)["name"]
        made = imported(owner, "a.md", f"Old.{{++New.++}}{{>>@{name}: mine<<}}\n".encode())
        (suggestion,) = owner.get(f"/api/canvases/{made['id']}").json()["suggestions"]
        assert suggestion["author"] == f"imported:{name}"
        refused = act(owner, made["id"], "withdraw", suggestion=suggestion["id"])
        error(refused, 403, "forbidden")


def test_files_are_added_to_a_canvas_with_what_is_open_in_them_as_one_row(studio: ServedStudio) -> None:
    canvas = studio.canvas("First.", title="Adding")
    before = 0
    with studio.client() as owner:
        before = len(owner.get(f"/api/canvases/{canvas['id']}/ledger").json()["ledger"])
        url = f"/api/canvases/{canvas['id']}/import"
        files = [("files", ("2.docx", word())), ("files", ("1.md", b"Old.{++ New.++}"))]
        first = owner.post(url, files=files, headers={"Idempotency-Key": "add"})
        assert first.status_code == 201, first.text
        assert owner.post(url, files=files, headers={"Idempotency-Key": "add"}).json() == first.json()
        whole = owner.get(f"/api/canvases/{canvas['id']}").json()
        assert [page["text"] for page in whole["pages"]] == ["First.", "Old.", TEXT]
        assert sorted(one["name"] for one in whole["suggestions"]) == ["Bo", "Somebody"]
        rows = owner.get(f"/api/canvases/{canvas['id']}/ledger").json()["ledger"]
        assert len(rows) == before + 1 and rows[-1]["action"]["type"] == "import"
        pages = {page["id"] for page in first.json()["pages"]}
        shares = owner.get(f"/api/canvases/{canvas['id']}/pages/{sorted(pages)[0]}/authors").json()
        assert "imported" in json.dumps(shares)
    with studio.client(studio.make_token("commenter", canvas["id"], "Carl")) as carl:
        error(carl.post(url, files=files), 403, "forbidden")


@pytest.mark.parametrize(
    ("format", "begins"),
    [
        ("markdown", b"# One"),
        ("critic", b"# One\n\n{==Anna==}{>>@Eve"),
        ("docx", b"PK"),
        ("odt", b"PK"),
        ("epub", b"PK"),
        ("pdf", b"%PDF-"),
        ("html", b"<!DOCTYPE html>"),
        ("fountain", b"# One"),
        ("fdx", b"<?xml"),
        ("zip", b"PK"),
        ("studiolo", b"PK"),
    ],
)
def test_every_format_is_given(studio: ServedStudio, format: str, begins: bytes) -> None:
    with studio.client() as owner:
        made = imported(owner, "book.docx", word())
        answer = exported(owner, made["id"], format=format)
        assert answer.content.startswith(begins), answer.content[:80]
        assert "attachment" in answer.headers["content-disposition"]
        if format in ("odt", "epub", "html", "docx", "critic"):
            again = imported(owner, "x", answer.content)
            assert "nobody had lit the lamp" in owner.get(f"/api/canvases/{again['id']}").text


def test_some_pages_with_their_suggestions_taken(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.", title="Cats")
    with studio.client() as owner:
        suggest(owner, made, "cat", "dog")
        other = act(owner, made["id"], "add_page", title="Two", text="Second.").json()["id"]
        page = made["pages"][0]["id"]
        assert exported(owner, made["id"], pages=page, suggestions="accept").content == b"The dog sat."
        assert exported(owner, made["id"], pages=page).content == b"The cat sat."
        assert exported(owner, made["id"], pages=other).content == b"Second."
        critic = exported(owner, made["id"], pages=page, format="critic").text
        assert critic.startswith("The {~~cat~>dog~~}{>>@")
        error(owner.get(f"/api/canvases/{made['id']}/export?pages=nope"), 404, "not_found")
        error(owner.get(f"/api/canvases/{made['id']}/export?format=wordstar"), 422, "invalid")


def test_authorship_survives_a_zip_even_when_a_file_in_it_was_edited(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat on the mat. It purred.", title="Authors")
    page = made["pages"][0]["id"]
    with studio.client(studio.make_token("editor", made["id"], "Bea")) as bea:
        act(bea, made["id"], "edit", page=page, hunks=[{"find": "It purred.", "replace": "It purred loudly at Bea."}])
    with studio.client() as owner:
        data = exported(owner, made["id"], format="zip").content
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        assert ".studiolo/authorship.json" in files
        name = next(name for name in files if name.endswith(".md"))
        for text in (files[name].decode(), files[name].decode().replace("The cat sat", "Yesterday the old cat sat")):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                for path, content in (files | {name: text.encode()}).items():
                    archive.writestr(path, content)
            back = imported(owner, "a.zip", buffer.getvalue())
            told = owner.get(f"/api/canvases/{back['id']}/pages/{back['pages'][0]['id']}/authors").json()
            place = text.index("loudly at Bea")
            run = next(run for run in told["runs"] if run["start"] <= place < run["start"] + run["length"])
            assert run["participant"] == "imported:Bea", told
            if "Yesterday" in text:
                first = next(run for run in told["runs"] if run["start"] == 0)
                assert not first["participant"].startswith("imported:"), "new words are the importer's"


def test_a_whole_canvas_moves_with_its_history_and_nobody_of_it_is_anybody_here(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.", title="Moving")
    page = made["pages"][0]["id"]
    with studio.client() as owner:
        suggestion = suggest(owner, made, "cat", "dog")
        open_one = suggest(owner, made, "sat", "stood")
        act(owner, made["id"], "comment", page=page, quote="The", text="Why?")
        act(owner, made["id"], "say", text="Hello.")
        with studio.client(studio.make_token("editor", made["id"], "Bea")) as bea:
            act(bea, made["id"], "edit", page=page, hunks=[{"find": "The ", "replace": "The old "}])
            assert act(bea, made["id"], "accept", suggestion=suggestion).status_code == 200
        before = owner.get(f"/api/canvases/{made['id']}").json()
        rows = owner.get(f"/api/canvases/{made['id']}/ledger").json()["ledger"]
        authors = owner.get(f"/api/canvases/{made['id']}/pages/{page}/authors").json()["runs"]
        data = exported(owner, made["id"], format="studiolo").content

        brought = imported(owner, "moving.studiolo", data)
        assert brought["id"] != made["id"] and brought["title"] == "Moving" and "notes" not in brought
        after = owner.get(f"/api/canvases/{brought['id']}").json()
        assert [one["text"] for one in after["pages"]] == [one["text"] for one in before["pages"]]
        for kind in ("suggestions", "threads", "chat"):
            assert [one["id"] for one in after[kind]] == [one["id"] for one in before[kind]]
            assert all(one["author"].startswith("imported:") for one in after[kind])
            assert [one["name"] for one in after[kind]] == [one["name"] for one in before[kind]]
        (decided,) = [one for one in after["suggestions"] if one["id"] == suggestion]
        assert decided["hunks"][0]["by"] == "imported:Bea" and decided["status"] == "accepted"
        runs = owner.get(f"/api/canvases/{brought['id']}/pages/{page}/authors").json()["runs"]
        assert [(run["start"], run["length"], run["how"]) for run in runs] == [
            (run["start"], run["length"], run["how"]) for run in authors
        ]
        assert all(run["participant"].startswith("imported:") for run in runs)
        there = owner.get(f"/api/canvases/{brought['id']}/ledger").json()["ledger"]
        assert [row["action"]["type"] for row in there[:-1]] == [row["action"]["type"] for row in rows]
        assert there[-1]["action"]["type"] == "import" and there[-1]["outcome"]["whole_ledger"] is True
        assert all(row["participant"].startswith("imported:") for row in there[:-1])
        assert studio.cli("ledger", "verify", brought["id"]).returncode == 0
        # It is alive: what was open can be decided.
        assert act(owner, brought["id"], "accept", suggestion=open_one).status_code == 200
    with studio.client(studio.make_token("commenter", made["id"], "Carl")) as carl:
        error(carl.get(f"/api/canvases/{made['id']}/export?format=studiolo"), 403, "forbidden")


def repacked(data: bytes, change: Any) -> bytes:
    """The archive with other contents, its hashes put right again."""
    import hashlib

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files = change(files)
    manifest = json.loads(files["studiolo.json"])
    for name in manifest["sha256"]:
        if name in files:
            manifest["sha256"][name] = hashlib.sha256(files[name]).hexdigest()
    files["studiolo.json"] = json.dumps(manifest).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_forged_canvas_is_refused_or_forges_nobody(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.", title="Forged")
    with studio.client() as owner:
        me = owner.get(f"/api/canvases/{made['id']}").json()["you"]["id"]
        suggest(owner, made, "cat", "dog")
        data = exported(owner, made["id"], format="studiolo").content
        count = len(owner.get("/api/canvases").json()["canvases"])

        def nameless(files: dict[str, bytes]) -> dict[str, bytes]:
            manifest = json.loads(files["studiolo.json"])
            manifest["people"] = {}
            return files | {"studiolo.json": json.dumps(manifest).encode()}

        # The people are not told of, so that their ids might be left as they are.
        brought = imported(owner, "x.studiolo", repacked(data, nameless))
        whole = owner.get(f"/api/canvases/{brought['id']}")
        others = json.dumps([whole.json()[kind] for kind in ("suggestions", "threads", "chat")])
        assert me not in others
        rows = owner.get(f"/api/canvases/{brought['id']}/ledger").json()["ledger"]
        assert [row["participant"] for row in rows].count(me) == 1, "only who imported it"

        def altered(files: dict[str, bytes]) -> dict[str, bytes]:
            return files | {"tables/ledger.jsonl": files["tables/ledger.jsonl"].replace(b"dog", b"fox")}

        brought = imported(owner, "x.studiolo", repacked(data, altered))
        assert "ledger" in brought["notes"][0]

        def cut(files: dict[str, bytes]) -> dict[str, bytes]:
            return files | {"tables/updates.jsonl": b"\n".join(files["tables/updates.jsonl"].splitlines()[1:])}

        def noise(files: dict[str, bytes]) -> dict[str, bytes]:
            lines = [json.loads(line) for line in files["tables/updates.jsonl"].splitlines()]
            lines[-1][-1] = "AAECAwQF"
            return files | {"tables/updates.jsonl": b"\n".join(json.dumps(line).encode() for line in lines)}

        for change in (
            cut,
            noise,
            lambda files: {"studiolo.json": files["studiolo.json"]},
            lambda f: {**f, "studiolo.json": b"{}"},
        ):
            refused = owner.post("/api/canvases/import", files={"files": ("x.studiolo", _loosely(data, change))})
            assert refused.status_code in (413, 422), refused.text
        for length in range(100, len(data), max(1, len(data) // 9)):
            refused = owner.post("/api/canvases/import", files={"files": ("x.studiolo", data[:length])})
            assert refused.status_code == 422, refused.text
        assert len(owner.get("/api/canvases").json()["canvases"]) == count + 2


def _loosely(data: bytes, change: Any) -> bytes:
    try:
        return repacked(data, change)
    except KeyError:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = change({name: archive.read(name) for name in archive.namelist()})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()


def test_what_cannot_be_read_is_refused_with_what_to_do(studio: ServedStudio) -> None:
    with studio.client() as owner:
        for name, data, hint in (
            ("a.pdf", b"%PDF-1.7\n", "import the file that it was made from"),
            ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".docx"),
        ):
            answer = owner.post("/api/canvases/import", files={"files": (name, data)})
            assert hint in error(answer, 422, "invalid")["hint"]
